"""Spike recording as a native function."""

from __future__ import annotations

from collections.abc import Callable

from .numba_memory import ITEMS, POINTER, inlined

_int32, _float32 = POINTER['int32'], POINTER['float32']
INT32_MAX = 2**31 - 1


def record(spike: str) -> Callable:
    """Append the active neurons to events; events, count and clock are changed in place."""
    of_spike, is_bool = POINTER[spike], spike == 'bool'
    single = ITEMS['float32']

    @inlined
    def value(spikes: int, index: int) -> float:
        return single(1) if is_bool else single(of_spike(spikes)[index])

    def function(spikes: int, active: int, entries: int, step: int, grid: int, events: int, count: int, clock: int, capacity: int) -> int:
        rows, last, total = _int32(active), _int32(clock), _int32(count)
        words, bits = _int32(events), _float32(events)
        if last[0] + 1 != step or last[1] != grid or last[2] != entries:
            mark = 3 * (capacity - 1 - last[3])
            if mark >= 3:
                words[mark], words[mark + 1], words[mark + 2] = step, grid, last[0]
                words[mark - 3], words[mark - 2], words[mark - 1] = entries, 0, 0
            last[3] += 2
        written, number = total[0], rows[0]
        for n in range(max(0, min(number, capacity - last[3] - written))):
            index = rows[n + 1]
            words[3 * (written + n)] = step
            words[3 * (written + n) + 1] = index
            bits[3 * (written + n) + 2] = value(spikes, index)
        total[0] = min(written + number, INT32_MAX)
        last[0], last[1], last[2] = step, grid, entries
        return 0

    return function
