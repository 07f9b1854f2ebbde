"""The three products as native functions of addresses and sizes. Each builder returns a function that returns 0."""

from __future__ import annotations

from collections.abc import Callable

from .numba_memory import BLOCK, ITEM_BYTES, VALUES, lowest, pointer, spike_scanner


def to_post(spike: str, dtype: str, weighted: bool) -> Callable:
    """From (batch, pre) spikes to what (batch, post) receive. Rows without a spike are skipped."""
    spike_bytes, value_bytes = ITEM_BYTES[spike], ITEM_BYTES[dtype]
    value = VALUES[dtype]
    scan = spike_scanner(spike)

    def function(starts: int, targets: int, weights: int, spikes: int, received: int, batch: int, pre: int, post: int) -> int:
        indptr, indices, weight = pointer(starts, 'int32'), pointer(targets, 'int32'), pointer(weights, dtype)
        for b in range(batch):
            out = pointer(received + b * post * value_bytes, dtype)
            for j in range(post):
                out[j] = 0
            base = spikes + b * pre * spike_bytes
            for first in range(0, pre, BLOCK):
                fired = scan(base, first, pre)
                while fired != 0:
                    row = first + lowest(fired)
                    fired &= fired - 1
                    amplitude = value(pointer(base, spike)[row])
                    for k in range(indptr[row], indptr[row + 1]):
                        if weighted:
                            out[indices[k]] += weight[k] * amplitude
                        else:
                            out[indices[k]] += amplitude
        return 0

    return function


def to_pre(dtype: str, result: str, weighted: bool) -> Callable:
    """From (batch, post) values to what (batch, pre) would collect. Every row is a dot product."""
    value_bytes, value = ITEM_BYTES[dtype], VALUES[dtype]

    def function(starts: int, targets: int, weights: int, values: int, collected: int, batch: int, pre: int, post: int) -> int:
        indptr, indices, weight = pointer(starts, 'int32'), pointer(targets, 'int32'), pointer(weights, dtype)
        for b in range(batch):
            out = pointer(collected + b * pre * value_bytes, dtype)
            target = pointer(values + b * post * value_bytes, dtype)
            for row in range(pre):
                total = value(0)
                for k in range(indptr[row], indptr[row + 1]):
                    if weighted:
                        total += weight[k] * target[indices[k]]
                    else:
                        total += target[indices[k]]
                out[row] = total
        return 0

    return function


def to_weight(spike: str, dtype: str) -> Callable:
    """From (batch, pre) spikes and (batch, post) values to (nnz,), summed over the batch. Rows without a spike are skipped."""
    spike_bytes, value_bytes = ITEM_BYTES[spike], ITEM_BYTES[dtype]
    value = VALUES[dtype]
    scan = spike_scanner(spike)

    def function(starts: int, targets: int, spikes: int, values: int, seen: int, batch: int, pre: int, post: int, nnz: int) -> int:
        indptr, indices, out = pointer(starts, 'int32'), pointer(targets, 'int32'), pointer(seen, dtype)
        for k in range(nnz):
            out[k] = 0
        for b in range(batch):
            base = spikes + b * pre * spike_bytes
            target = pointer(values + b * post * value_bytes, dtype)
            for first in range(0, pre, BLOCK):
                fired = scan(base, first, pre)
                while fired != 0:
                    row = first + lowest(fired)
                    fired &= fired - 1
                    amplitude = value(pointer(base, spike)[row])
                    for k in range(indptr[row], indptr[row + 1]):
                        out[k] += amplitude * target[indices[k]]
        return 0

    return function
