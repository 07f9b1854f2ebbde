"""Which contenders take part, and with which interpreter."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

from benchmarks._contender import OURS, Contender


class UsageError(ValueError):
    """A command line that cannot be carried out."""


def parse_interpreters(assignments: Iterable[str]) -> dict[str, str]:
    """Interpreter of each peer, from ``NAME=PATH`` and the variables ``BENCH_PYTHON_NAME``.

    The command line wins over the environment.
    """
    prefix = 'BENCH_PYTHON_'
    found = {name[len(prefix) :].lower(): path for name, path in os.environ.items() if name.startswith(prefix)}
    for assignment in assignments:
        name, equals, path = assignment.partition('=')
        if not (name and equals and path):
            raise UsageError(f'--peer-python {assignment!r}: expected NAME=PATH')
        found[name.lower()] = path
    return found


def select(contenders: Iterable[Contender], wanted: list[str] | None) -> list[Contender]:
    """Ours and the peers that ``wanted`` names, by simulator or by contender; None for all."""
    contenders = list(contenders)
    if wanted is None:
        return contenders
    known = {name for c in contenders if c.peer != OURS for name in (c.peer, c.name)}
    for name in wanted:
        if name not in known:
            raise UsageError(f'--peers: no peer {name!r}; known: {", ".join(sorted(known))}')
    return [c for c in contenders if c.peer == OURS or {c.peer, c.name} & set(wanted)]


def interpreter_for(contender: Contender, interpreters: dict[str, str]) -> str | None:
    """Python executable that has ``contender`` installed, or None where that, or a command that it needs, is missing."""
    if contender.command is not None and shutil.which(contender.command) is None:
        return None
    given = interpreters.get(contender.peer)
    if given is None and contender.own_environment:
        return None
    interpreter = given or sys.executable
    probe = f'import importlib.util as i, sys; sys.exit(i.find_spec({contender.module!r}) is None)'
    try:
        present = subprocess.run([interpreter, '-c', probe], capture_output=True).returncode == 0
    except OSError:
        return None
    return interpreter if present else None


def missing_message(contender: Contender) -> str:
    """One line that says what is missing and how to install it."""
    return f'{contender.peer} is not installed; to include it: {contender.install}'
