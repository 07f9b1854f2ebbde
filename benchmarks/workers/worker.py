"""What all workers share: options, timing, and the one line of JSON at the end."""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib import metadata

EXCITATORY_FRACTION = 0.8
Option = tuple[str, dict]


def parse_options(neurons: int, *extra: Option) -> argparse.Namespace:
    """Options of every network: its size (``neurons`` by default), the run, the seed, and how often to run it.

    ``extra`` holds (flag, keywords of ``add_argument``) of a network's or a worker's own options.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument('--neurons', type=int, default=neurons)
    parser.add_argument('--duration', type=float, default=1000.0, help='ms')
    parser.add_argument('--dt', type=float, default=0.1, help='ms')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=1)
    for flag, keywords in extra:
        parser.add_argument(flag, **keywords)
    return parser.parse_args()


def population_sizes(neurons: int) -> tuple[int, int]:
    """Excitatory and inhibitory neurons out of ``neurons``, the same share in all networks here."""
    n_e = round(EXCITATORY_FRACTION * neurons)
    return n_e, neurons - n_e


def time_call(call: Callable[[], object]) -> float:
    """Seconds of wall clock that ``call()`` takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def time_runs(run: Callable[[], float], repeats: int) -> dict:
    """Times of the run phase; ``run()`` returns the seconds of one.

    One repeat is timed as it comes; with more, the first of ``repeats + 1`` runs is a warm-up.
    """
    first = run()
    later = [run() for _ in range(repeats)] if repeats > 1 else []
    return {'run_s': statistics.median(later or [first]), 'runs_s': later, 'first_run_s': first}


def peak_rss_mb(pid: int | str = 'self') -> float | None:
    """Peak resident memory of a process in MiB, since its last ``exec``; None once it is gone.

    ``ru_maxrss`` would not do: a child inherits its parent's peak there.
    """
    try:
        with open(f'/proc/{pid}/status') as status:
            for line in status:
                if line.startswith('VmHWM:'):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


def versions_of(*distributions: str) -> dict[str, str]:
    """Installed versions of ``distributions``, and Python's."""
    found = {name: metadata.version(name) for name in distributions}
    return {'python': platform.python_version(), **found}


def emit(report: dict) -> None:
    """Print ``report`` as the last line, where the runner looks for it."""
    print(json.dumps(report), flush=True)
