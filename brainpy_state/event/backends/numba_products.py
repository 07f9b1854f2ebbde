"""The products that collect, as native functions of addresses and sizes."""

from __future__ import annotations

from collections.abc import Callable

from .numba_memory import BLOCK, ITEM_BYTES, POINTER, VALUES, lowest, reader, spike_scanner

_int32 = POINTER['int32']


def to_pre(dtype: str, weight: str) -> Callable:
    """From (batch, post) values to what (batch, pre) would collect. Every row is a dot product."""
    value_bytes, value, typed = ITEM_BYTES[dtype], VALUES[dtype], POINTER[dtype]
    weighted, weight_of = weight != '', reader(weight or dtype)

    def function(starts: int, targets: int, weights: int, values: int, collected: int, batch: int, pre: int, post: int) -> int:
        indptr, indices = _int32(starts), _int32(targets)
        for b in range(batch):
            out = typed(collected + b * pre * value_bytes)
            target = typed(values + b * post * value_bytes)
            for row in range(pre):
                total = value(0)
                for k in range(indptr[row], indptr[row + 1]):
                    if weighted:
                        total += weight_of(weights, k) * target[indices[k]]
                    else:
                        total += target[indices[k]]
                out[row] = total
        return 0

    return function


def to_weight(spike: str, dtype: str) -> Callable:
    """From (batch, pre) spikes and (batch, post) values to (nnz,), summed over the batch. Rows without a spike are skipped."""
    spike_bytes, value_bytes = ITEM_BYTES[spike], ITEM_BYTES[dtype]
    value, typed, of_spike = VALUES[dtype], POINTER[dtype], POINTER[spike]
    scan = spike_scanner(spike)

    def function(starts: int, targets: int, spikes: int, values: int, seen: int, batch: int, pre: int, post: int, nnz: int) -> int:
        indptr, indices, out = _int32(starts), _int32(targets), typed(seen)
        for k in range(nnz):
            out[k] = 0
        for b in range(batch):
            base = spikes + b * pre * spike_bytes
            target = typed(values + b * post * value_bytes)
            for first in range(0, pre, BLOCK):
                fired = scan(base, first, pre)
                while fired != 0:
                    row = first + lowest(fired)
                    fired &= fired - 1
                    amplitude = value(of_spike(base)[row])
                    for k in range(indptr[row], indptr[row + 1]):
                        out[k] += amplitude * target[indices[k]]
        return 0

    return function
