"""Spike recording as a native function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .numba_memory import ITEMS, POINTER, inlined

_int32, _float32 = POINTER['int32'], POINTER['float32']
INT32_MAX = 2**31 - 1


@intrinsic
def _add(typing: Any, address: Any, number: Any) -> Any:
    """Add to a number of 32 bits that other threads may add to; returns what it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(32)
        place = builder.inttoptr(arguments[0], word.as_pointer())
        before = builder.atomic_rmw('add', place, builder.trunc(arguments[1], word), 'monotonic')
        return builder.sext(before, ir.IntType(64))

    return types.int64(types.int64, types.int64), generate


def record(spike: str, is_shared: bool) -> Callable:
    """Append the active neurons to events; events, count and clock are changed in place.

    Other threads may append to the same events, each neurons of its own, from number ``first`` on; then rows stand in any order.
    """
    of_spike, is_bool = POINTER[spike], spike == 'bool'
    single = ITEMS['float32']

    @inlined
    def value(spikes: int, index: int) -> float:
        return single(1) if is_bool else single(of_spike(spikes)[index])

    @inlined
    def counted(count: int, number: int) -> int:
        """The count before so many are added."""
        total = _int32(count)
        if is_shared:
            return _add(count, number if total[0] <= INT32_MAX // 2 else 0)
        before = total[0]
        total[0] = min(before + number, INT32_MAX)
        return before

    def function(
        spikes: int, active: int, first: int, entries: int, step: int, grid: int, events: int, count: int, clock: int, capacity: int
    ) -> int:
        rows, last = _int32(active), _int32(clock)
        words, bits = _int32(events), _float32(events)
        if last[0] + 1 != step or last[1] != grid or last[2] != entries:
            mark = 3 * (capacity - 1 - last[3])
            if mark >= 3:
                words[mark], words[mark + 1], words[mark + 2] = step, grid, last[0]
                words[mark - 3], words[mark - 2], words[mark - 1] = entries, 0, 0
            last[3] += 2
        number = rows[0]
        written = counted(count, number) if number > 0 else 0
        for n in range(max(0, min(number, capacity - last[3] - written))):
            index = rows[n + 1]
            words[3 * (written + n)] = step
            words[3 * (written + n) + 1] = first + index
            bits[3 * (written + n) + 2] = value(spikes, index)
        last[0], last[1], last[2] = step, grid, entries
        return 0

    return function
