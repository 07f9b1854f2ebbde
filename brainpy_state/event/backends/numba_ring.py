"""Delivery into a ring of coming steps, as native functions."""

from __future__ import annotations

from collections.abc import Callable

from .numba_memory import BLOCK, ITEM_BYTES, POINTER, VALUES, lowest, spike_scanner

_int32 = POINTER['int32']


def to_ring(spike: str, dtype: str, weighted: bool) -> Callable:
    """Add what spikes deliver to the ring, whose step that is due stands at ``row``. A slot is delay * post + target."""
    value, typed, of_spike = VALUES[dtype], POINTER[dtype], POINTER[spike]
    scan = spike_scanner(spike)

    def function(starts: int, slots: int, weights: int, spikes: int, row: int, ring: int, pre: int, post: int, size: int) -> int:
        indptr, indices, weight = _int32(starts), _int32(slots), typed(weights)
        out = typed(ring)
        start = row * post
        for first in range(0, pre, BLOCK):
            fired = scan(spikes, first, pre)
            while fired != 0:
                source = first + lowest(fired)
                fired &= fired - 1
                amplitude = value(of_spike(spikes)[source])
                for k in range(indptr[source], indptr[source + 1]):
                    place = indices[k] + start
                    if place >= size:
                        place -= size
                    if weighted:
                        out[place] += weight[k] * amplitude
                    else:
                        out[place] += amplitude
        return 0

    return function


def due(dtype: str) -> Callable:
    """Copy a row of the ring to ``taken``, if that is an address, and clear it."""
    item, zero, typed = ITEM_BYTES[dtype], VALUES[dtype](0), POINTER[dtype]

    def function(row: int, ring: int, taken: int, post: int) -> int:
        source, target = typed(ring + row * post * item), typed(taken)
        if taken != 0:
            for j in range(post):
                target[j] = source[j]
        for j in range(post):
            source[j] = zero
        return 0

    return function
