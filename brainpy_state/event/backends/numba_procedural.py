"""Delivery along synapses that are drawn again for each source that fires.

``words`` are the numbers of a procedural structure, 64 bits each. ``memory`` has the size that `_draws.row_memory` gives: after a head
(three keys, the number of synapses, where the row begins and ends) the targets, weights and delays of a row, then room for drawing them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from .. import _draws
from .numba_host import word
from .numba_memory import ITEM_BYTES, POINTER, VALUES, adder, inlined, reader

_int32, _int64, _uint16, _uint64 = (POINTER[name] for name in ('int32', 'int64', 'uint16', 'uint64'))
_LOG_Q, _WEIGHT_LAW, _DELAY_LAW = (8 * place for place in (_draws.LOG_Q, _draws.WEIGHT_LAW, _draws.DELAY_LAW))


def _drawn_row(row_symbol: str, value_symbol: str, kind: str, weight: str, delayed: bool) -> Callable:
    """A function that draws the synapses of a row into memory and returns their number, by the compiled functions of these names."""
    by_gaps, with_values = kind == 'gaps', value_symbol != ''
    find = _external(row_symbol, 9 if by_gaps else 8)
    put = _external(value_symbol, 13)

    @inlined
    def draw(words: int, row: int, post: int, width: int, where: int, longest: int, memory: int) -> int:
        keys, span, targets = _uint64(memory), _int64(memory + 32), memory + _draws.HEAD
        for k in range(3):
            keys[k] = word(_uint64(words)[k], row)
        weights, steps, work = targets + 4 * longest, targets + 12 * longest, targets + 14 * longest
        # Rows are addressed as if they stood in a whole.
        key, starts = memory - 8 * row, memory + 32 - 8 * row
        span[0], span[1] = 0, width
        if by_gaps:
            find(key, row, row + 1, post, words + _LOG_Q, where, memory + 24, targets, work)
            span[1] = _int64(memory)[3]
        else:
            find(key, row, row + 1, starts, post, where, targets, work if with_values else 0)
        if with_values:
            put(
                key + 8, key + 16, words + _WEIGHT_LAW, words + _DELAY_LAW, row, row + 1, starts, 0,
                targets, weights, steps, work, longest,
            )  # fmt: skip
        return span[1]

    return draw


def _external(symbol: str, operands: int) -> Any:
    """A function of integers that is linked by its name."""
    return types.ExternalFunction(symbol, types.int64(*[types.int64] * operands))


def deliver(row_symbol: str, value_symbol: str, kind: str, weight: str, delayed: bool, spike: str, dtype: str) -> Callable:
    """Add what active sources send to slots, as `numba_deliver.deliver` does with stored synapses."""
    value, typed, of_spike, add = VALUES[dtype], POINTER[dtype], POINTER[spike], adder(dtype, weight)
    draw = _drawn_row(row_symbol, value_symbol, kind, weight, delayed)

    def function(
        words: int, spikes: int, active: int, received: int, start: int, size: int, clear: int, factor: int,
        post: int, width: int, where: int, longest: int, memory: int,
    ) -> int:  # fmt: skip
        rows, out, targets = _int32(active), typed(received), _int32(memory + _draws.HEAD)
        weights, steps = memory + _draws.HEAD + 4 * longest, _uint16(memory + _draws.HEAD + 12 * longest)
        _int64(memory)[6] = factor
        if clear:
            for j in range(size):
                out[j] = 0
        for n in range(1, rows[0] + 1):
            count = draw(words, rows[n], post, width, where, longest, memory)
            amplitude = value(of_spike(spikes)[rows[n]]) * typed(memory + 48)[0]
            for k in range(count):
                slot = targets[k] + steps[k] * post if delayed else targets[k]
                add(out, slot + start, size, weights, k, amplitude)
        return 0

    return function


def to_pre(row_symbol: str, value_symbol: str, kind: str, weight: str, delayed: bool, dtype: str) -> Callable:
    """From (batch, slots) values to what (batch, pre) would collect."""
    item, value, typed = ITEM_BYTES[dtype], VALUES[dtype], POINTER[dtype]
    weighted, weight_of = weight != '', reader(weight or dtype)
    draw = _drawn_row(row_symbol, value_symbol, kind, weight, delayed)

    def function(
        words: int, values: int, collected: int, batch: int, pre: int, slots: int,
        post: int, width: int, where: int, longest: int, memory: int,
    ) -> int:  # fmt: skip
        targets, out = _int32(memory + _draws.HEAD), typed(collected)
        weights, steps = memory + _draws.HEAD + 4 * longest, _uint16(memory + _draws.HEAD + 12 * longest)
        for row in range(pre):
            count = draw(words, row, post, width, where, longest, memory)
            for b in range(batch):
                target, total = typed(values + b * slots * item), value(0)
                for k in range(count):
                    slot = targets[k]
                    if delayed:
                        slot += steps[k] * post
                    if weighted:
                        total += weight_of(weights, k) * target[slot]
                    else:
                        total += target[slot]
                out[b * pre + row] = total
        return 0

    return function
