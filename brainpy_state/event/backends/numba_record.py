"""Spike recording as a native function."""

from __future__ import annotations

from collections.abc import Callable

from .numba_memory import POINTER

_int32 = POINTER['int32']
INT32_MAX = 2**31 - 1


def record() -> Callable:
    """Append the active neurons to events; events and count are changed in place."""

    def function(active: int, step: int, events: int, count: int, capacity: int) -> int:
        rows, pairs, total = _int32(active), _int32(events), _int32(count)
        written, number = total[0], rows[0]
        for n in range(max(0, min(number, capacity - written))):
            pairs[2 * (written + n)] = step
            pairs[2 * (written + n) + 1] = rows[n + 1]
        total[0] = min(written + number, INT32_MAX)
        return 0

    return function
