"""One contender, one fresh process, one report."""

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks._contender import OURS, ROOT, Contender

LAST_LINES = 5


class ContenderError(RuntimeError):
    """A contender that did not deliver a report."""


def run_contender(contender: Contender, interpreter: str, repeats: int, timeout_s: float = 600.0) -> dict:
    """Run ``contender`` and return its report, with ``wall_s`` of the whole process added.

    Parameters
    ----------
    contender : Contender
        What to run.
    interpreter : str
        Python executable of the environment where it is installed.
    repeats : int
        Runs of the model inside the process; 1 is the program as a user starts it.
    timeout_s : float
        The process is ended after this many seconds.

    Raises
    ------
    ContenderError
        If the process fails, takes too long, or reports no JSON object.
    """
    with tempfile.TemporaryDirectory() as folder:
        json_file = Path(folder) / 'report.json'
        arguments = [a.replace('{json}', str(json_file)) for a in contender.arguments]
        command = [interpreter, *arguments, '--repeats', str(repeats)]
        start = time.perf_counter()
        status, printed, complaints = _run_to_end(command, ROOT if contender.peer == OURS else folder, timeout_s)
        wall_s = time.perf_counter() - start
        if status is None:
            raise ContenderError(f'{contender.name}: no report in {timeout_s:g} s')
        if status != 0:
            said = ' | '.join(complaints.strip().splitlines()[-LAST_LINES:])
            raise ContenderError(f'{contender.name}: exit status {status}: {said}')
        from_file = '{json}' in contender.arguments
        report = _read_report(contender, json_file if from_file else printed)
    return {**report, 'wall_s': wall_s}


def _run_to_end(command: list[str], folder: Path | str, timeout_s: float) -> tuple[int | None, str, str]:
    """Exit status (None when time ran out), standard output and standard error.

    The process leads a session of its own, so that whatever it started ends with it.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        printed, complaints = process.communicate(timeout=timeout_s)
        return process.returncode, printed, complaints
    except subprocess.TimeoutExpired:
        return None, '', ''
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _environment() -> dict[str, str]:
    """Ours without ``PYTHONPATH``, which would put our packages before a peer's own."""
    return {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}


def _read_report(contender: Contender, source: Path | str) -> dict:
    try:
        text = source.read_text() if isinstance(source, Path) else source.strip().splitlines()[-1]
        report = json.loads(text)
    except (OSError, IndexError, ValueError) as error:
        raise ContenderError(f'{contender.name}: no JSON report ({error})') from error
    if not isinstance(report, dict) or 'run_s' not in report:
        raise ContenderError(f"{contender.name}: its report has no 'run_s'")
    return report
