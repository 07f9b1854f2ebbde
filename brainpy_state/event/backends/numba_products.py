"""The products that collect along stored synapses, as native functions that threads can share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .numba_memory import ITEM_BYTES, POINTER, VALUES, inlined, reader
from .numba_tiles import gathered_dot

_int32, _int64 = POINTER['int32'], POINTER['int64']


def to_pre(dtype: str, weight: str, listed: bool) -> Callable:
    """From (batch, post) values to what (batch, pre) would collect: a dot product for each row, or for each that is listed.

    From an address of: starts, targets, weights, values, collected, batch, pre, post, lists. Rows that are not listed get zero. Parts
    share the rows.
    """
    value_bytes, value, typed = ITEM_BYTES[dtype], VALUES[dtype], POINTER[dtype]
    weighted, weight_of = weight != '', reader(weight or dtype)

    is_plain = weight in ('', dtype)
    quick: Any
    quick, weight_bytes = gathered_dot(dtype, weighted) if is_plain else None, value_bytes if weighted else 0

    @inlined
    def term(indices: Any, weights: int, target: Any, k: int) -> Any:
        if weighted:
            return weight_of(weights, k) * target[indices[k]]
        return target[indices[k]]

    @inlined
    def of_row(starts: int, targets: int, weights: int, values: int, row: int) -> Any:
        first = _int32(starts)[row]
        return quick(weights + first * weight_bytes, targets + 4 * first, values, _int32(starts)[row + 1] - first)

    @inlined
    def of_stored(starts: int, targets: int, weights: int, values: int, row: int) -> Any:
        indptr, indices, target = _int32(starts), _int32(targets), typed(values)
        even, odd, k, end = value(0), value(0), indptr[row], indptr[row + 1]
        while k + 1 < end:  # two sums, since each waits for its last addition
            even += term(indices, weights, target, k)
            odd += term(indices, weights, target, k + 1)
            k += 2
        if k < end:
            even += term(indices, weights, target, k)
        return even + odd

    dot = of_row if is_plain else of_stored

    def function(context: int, part: int, parts: int) -> int:
        words = _int64(context)
        weights, values, collected = words[2], words[3], words[4]
        batch, pre, post = words[5], words[6], words[7]
        first, last = pre * part // parts, pre * (part + 1) // parts
        for b in range(batch):
            out = typed(collected + b * pre * value_bytes)
            target = values + b * post * value_bytes
            if listed:
                rows = _int32(words[8] + 4 * b * (pre + 1))
                for row in range(first, last):
                    out[row] = 0
                for n in range(1, rows[0] + 1):
                    if first <= rows[n] < last:
                        out[rows[n]] = dot(words[0], words[1], weights, target, rows[n])
            else:
                for row in range(first, last):
                    out[row] = dot(words[0], words[1], weights, target, row)
        return 0

    return function


def to_weight(spike: str, dtype: str) -> Callable:
    """From (batch, pre) spikes and (batch, post) values to (nnz,), summed over the batch. Rows without a spike are skipped.

    From an address of: starts, targets, spikes, values, lists, seen, batch, pre, post, nnz, clear, factor. Parts share the sources.
    """
    spike_bytes, value_bytes = ITEM_BYTES[spike], ITEM_BYTES[dtype]
    value, typed, of_spike = VALUES[dtype], POINTER[dtype], POINTER[spike]

    def function(context: int, part: int, parts: int) -> int:
        words = _int64(context)
        indptr, indices, out = _int32(words[0]), _int32(words[1]), typed(words[5])
        batch, pre, post, factor = words[6], words[7], words[8], typed(context + 88)[0]
        first, last = pre * part // parts, pre * (part + 1) // parts
        if words[10]:
            for k in range(indptr[first], indptr[last]):
                out[k] = 0
        for b in range(batch):
            base, rows = of_spike(words[2] + b * pre * spike_bytes), _int32(words[4] + 4 * b * (pre + 1))
            target = typed(words[3] + b * post * value_bytes)
            for n in range(1, rows[0] + 1):
                row = rows[n]
                if first <= row < last:
                    amplitude = value(base[row]) * factor
                    for k in range(indptr[row], indptr[row + 1]):
                        out[k] += amplitude * target[indices[k]]
        return 0

    return function
