"""Turns of the contenders: a discarded round, then rounds in which everyone runs once."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks._contender import OURS, Case, Contender
from benchmarks._peers import UsageError, interpreter_for, missing_message, select
from benchmarks._process import ContenderError, run_contender


@dataclass(frozen=True)
class Plan:
    """How often to measure, and whom."""

    rounds: int
    inner: int
    seed: int
    timeout_s: float
    peers: list[str] | None
    with_ours: bool
    interpreters: dict[str, str]


@dataclass
class Measured:
    """A contender's reports: ``alone`` from processes that run once, ``repeated`` from the others."""

    contender: Contender
    first_wall_s: float
    alone: list[dict] = field(default_factory=list)
    repeated: list[dict] = field(default_factory=list)


def measure(case: Case, variant: str, plan: Plan) -> list[Measured]:
    """Measure all contenders of one variant.

    Each round starts, for every contender in turn, one process that runs the model once, and, where
    the contender can repeat in-process, one that runs it ``plan.inner`` times after a warm-up.

    Raises
    ------
    UsageError
        If a peer asked for by name is missing.
    ContenderError
        If a contender fails; a peer not asked for by name is left out instead, with a line.
    """
    present = _present(case.contenders(variant, plan.seed), plan)
    if not present:
        raise UsageError('no contender left to measure')
    measured = []
    for contender, interpreter in present:
        first = _warm_up(contender, interpreter, plan)
        if first is not None:
            measured.append((Measured(contender, first['wall_s']), interpreter))
    for number in range(1, plan.rounds + 1):
        for entry, interpreter in measured:
            contender = entry.contender
            report = run_contender(contender, interpreter, 1, plan.timeout_s)
            entry.alone.append(report)
            if contender.repeats_in_process and plan.inner > 1:
                repeated = run_contender(contender, interpreter, plan.inner, plan.timeout_s)
                entry.repeated.append(repeated)
            say(f'{variant}: round {number}/{plan.rounds}: {contender.name} {report["wall_s"]:.2f} s')
    return [entry for entry, _ in measured]


def say(line: str) -> None:
    """Progress, kept apart from the table on standard output."""
    print(line, file=sys.stderr, flush=True)


def _present(contenders: Iterable[Contender], plan: Plan) -> list[tuple[Contender, str]]:
    found, told = [], set()
    for contender in select(contenders, plan.peers):
        if contender.peer == OURS and not plan.with_ours:
            continue
        interpreter = interpreter_for(contender, plan.interpreters)
        if interpreter is not None:
            found.append((contender, interpreter))
        elif plan.peers is not None or contender.peer == OURS:
            raise UsageError(missing_message(contender))
        elif contender.peer not in told:
            told.add(contender.peer)
            say(missing_message(contender))
    return found


def _warm_up(contender: Contender, interpreter: str, plan: Plan) -> dict | None:
    try:
        return run_contender(contender, interpreter, 1, plan.timeout_s)
    except ContenderError as error:
        if plan.peers is not None or contender.peer == OURS:
            raise
        say(f'left out: {error}')
        return None
