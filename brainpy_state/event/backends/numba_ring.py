"""A ring of what arrives in coming steps."""

from __future__ import annotations

from collections.abc import Callable

from .numba_memory import ITEM_BYTES, POINTER, VALUES


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
