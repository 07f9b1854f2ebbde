"""Spike recording as a native handler."""

from __future__ import annotations

from collections.abc import Callable

from .numba_frame import BLOCK, argument, data, is_execution, lowest, pointer, result, row_count, row_size, spike_scanner

INT32_MAX = 2**31 - 1


def record(version: tuple[int, int], spike: str) -> Callable[[int], int]:
    """Operands spikes, step, events, count; results events, count, in the place of the operands."""
    major, minor = version
    scan = spike_scanner(spike)

    def handler(frame: int) -> int:
        if not is_execution(frame, major, minor):
            return 0
        spikes = data(argument(frame, 0))
        step = pointer(data(argument(frame, 1)), 'int32')[0]
        events = pointer(data(result(frame, 0)), 'int32')
        count = pointer(data(result(frame, 1)), 'int32')
        size, capacity = row_size(argument(frame, 0)), row_count(argument(frame, 2))
        written = count[0]
        for first in range(0, size, BLOCK):
            fired = scan(spikes, first, size)
            while fired != 0:
                if written < capacity:
                    events[2 * written] = step
                    events[2 * written + 1] = first + lowest(fired)
                if written < INT32_MAX:
                    written += 1
                fired &= fired - 1
        count[0] = written
        return 0

    return handler
