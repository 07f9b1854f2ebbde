"""Spike recording as a native function."""

from __future__ import annotations

from collections.abc import Callable

from .numba_memory import BLOCK, POINTER, lowest, spike_scanner

_int32 = POINTER['int32']
INT32_MAX = 2**31 - 1


def record(spike: str) -> Callable:
    """Addresses of spikes, events and count; the last two are changed in place."""
    scan = spike_scanner(spike)

    def function(spikes: int, step: int, events: int, count: int, size: int, capacity: int) -> int:
        rows, total = _int32(events), _int32(count)
        written = total[0]
        for first in range(0, size, BLOCK):
            fired = scan(spikes, first, size)
            while fired != 0:
                if written < capacity:
                    rows[2 * written] = step
                    rows[2 * written + 1] = first + lowest(fired)
                if written < INT32_MAX:
                    written += 1
                fired &= fired - 1
        total[0] = written
        return 0

    return function
