"""Work in blocks, on all processors that this process may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..event._threads import processors

threads = processors  # how many threads work
BLOCK = 1 << 18  # draws or synapses held at once in a larger type
_ALIGNMENT = 64  # bytes, with which JAX takes an array's memory as it is


def each(task: Callable[..., Any], jobs: Sequence[tuple]) -> None:
    """Call ``task`` with the arguments of each job; tasks must let other threads run, and write to different memory."""
    workers = min(threads(), len(jobs))
    if workers < 2:
        for job in jobs:
            task(*job)
        return
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(task, *job) for job in jobs]:
            done.result()


def ranges(n: int, width: int) -> list[tuple[int, int]]:
    """The numbers below ``n`` in ranges, as many at a time as rows of this width fit a block."""
    size = max(1, BLOCK // max(width, 1))
    return [(first, min(first + size, n)) for first in range(0, n, size)]


def spans(starts: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of rows of about a block each, where each row begins at its entry of ``starts`` and the last entry is the end."""
    edges = np.unique([0, *np.searchsorted(starts, np.arange(BLOCK, starts[-1], BLOCK)), starts.size - 1])
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def empty(size: int, dtype: Any) -> np.ndarray:
    """Memory for as many values that JAX can take without a copy."""
    held = np.empty(size * np.dtype(dtype).itemsize + _ALIGNMENT, np.uint8)
    start = -held.ctypes.data % _ALIGNMENT
    return held[start : held.size - _ALIGNMENT + start].view(dtype)
