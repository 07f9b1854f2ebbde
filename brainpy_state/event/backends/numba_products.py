"""The three products as native handlers. Each builder returns a function of a call-frame address that returns 0 (no error)."""

from __future__ import annotations

from collections.abc import Callable

from .numba_frame import (
    BLOCK,
    ITEM_BYTES,
    VALUES,
    argument,
    data,
    is_execution,
    lowest,
    pointer,
    result,
    row_count,
    row_size,
    spike_scanner,
)


def to_post(version: tuple[int, int], spike: str, dtype: str, weighted: bool) -> Callable[[int], int]:
    """Operands indptr, indices, [weight,] spikes; result (..., post). Rows without a spike are skipped."""
    major, minor = version
    last = 3 if weighted else 2
    spike_bytes, value_bytes = ITEM_BYTES[spike], ITEM_BYTES[dtype]
    value = VALUES[dtype]
    scan = spike_scanner(spike)

    def handler(frame: int) -> int:
        if not is_execution(frame, major, minor):
            return 0
        indptr = pointer(data(argument(frame, 0)), 'int32')
        indices = pointer(data(argument(frame, 1)), 'int32')
        weight = pointer(data(argument(frame, 2)), dtype)
        spikes, received = argument(frame, last), result(frame, 0)
        pre, post = row_size(spikes), row_size(received)
        for b in range(row_count(spikes)):
            out = pointer(data(received) + b * post * value_bytes, dtype)
            for j in range(post):
                out[j] = 0
            base = data(spikes) + b * pre * spike_bytes
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

    return handler


def to_pre(version: tuple[int, int], dtype: str, weighted: bool) -> Callable[[int], int]:
    """Operands indptr, indices, [weight,] cotangent; result (..., pre). Every row is a dot product."""
    major, minor = version
    last = 3 if weighted else 2
    value_bytes, value = ITEM_BYTES[dtype], VALUES[dtype]

    def handler(frame: int) -> int:
        if not is_execution(frame, major, minor):
            return 0
        indptr = pointer(data(argument(frame, 0)), 'int32')
        indices = pointer(data(argument(frame, 1)), 'int32')
        weight = pointer(data(argument(frame, 2)), dtype)
        cotangent, returned = argument(frame, last), result(frame, 0)
        pre, post = row_size(returned), row_size(cotangent)
        for b in range(row_count(cotangent)):
            out = pointer(data(returned) + b * pre * value_bytes, dtype)
            target = pointer(data(cotangent) + b * post * value_bytes, dtype)
            for row in range(pre):
                total = value(0)
                for k in range(indptr[row], indptr[row + 1]):
                    if weighted:
                        total += weight[k] * target[indices[k]]
                    else:
                        total += target[indices[k]]
                out[row] = total
        return 0

    return handler


def to_weight(version: tuple[int, int], spike: str, dtype: str) -> Callable[[int], int]:
    """Operands indptr, indices, spikes, cotangent; result (nnz,), summed over the batch. Rows without a spike are skipped."""
    major, minor = version
    spike_bytes, value_bytes = ITEM_BYTES[spike], ITEM_BYTES[dtype]
    value = VALUES[dtype]
    scan = spike_scanner(spike)

    def handler(frame: int) -> int:
        if not is_execution(frame, major, minor):
            return 0
        indptr = pointer(data(argument(frame, 0)), 'int32')
        indices = pointer(data(argument(frame, 1)), 'int32')
        spikes, cotangent = argument(frame, 2), argument(frame, 3)
        out = pointer(data(result(frame, 0)), dtype)
        pre, post = row_size(spikes), row_size(cotangent)
        for k in range(row_size(result(frame, 0))):
            out[k] = 0
        for b in range(row_count(spikes)):
            base = data(spikes) + b * pre * spike_bytes
            target = pointer(data(cotangent) + b * post * value_bytes, dtype)
            for first in range(0, pre, BLOCK):
                fired = scan(base, first, pre)
                while fired != 0:
                    row = first + lowest(fired)
                    fired &= fired - 1
                    amplitude = value(pointer(base, spike)[row])
                    for k in range(indptr[row], indptr[row + 1]):
                        out[k] += amplitude * target[indices[k]]
        return 0

    return handler
