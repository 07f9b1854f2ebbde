"""`Compared`: what a graph keeps as it is, comparable whatever it holds."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

_HASHED = (int, float, complex, str, bytes, type, type(None))


class Compared:
    """Any object, compared by value and type, so that a tuple of them is a key.

    Arrays are equal if shape, type and every element are; pytrees, such as quantities, leaf by leaf.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.state.Compared(np.arange(3)) == bst.state.Compared(np.arange(3))
    True
    """

    __slots__ = ('value',)

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compared) and _same(self.value, other.value)

    def __hash__(self) -> int:
        # by type only where equality goes beyond that of Python
        value = self.value
        return hash(value) if isinstance(value, _HASHED) else hash(type(value))

    def __repr__(self) -> str:
        return repr(self.value)


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if type(a) is not type(b) or isinstance(a, jax.core.Tracer):
        return False
    if isinstance(a, (jax.Array, np.ndarray, np.generic)):
        return a.shape == b.shape and a.dtype == b.dtype and bool((a == b).all())
    leaves, others = jax.tree.leaves(a), jax.tree.leaves(b)
    if len(leaves) == 1 and leaves[0] is a:
        try:
            return bool(a == b)
        except Exception:  # an object that cannot say whether it is equal
            return False
    same_tree: Any = jax.tree.structure(a) == jax.tree.structure(b)  # type: ignore[operator]
    return same_tree and all(map(_same, leaves, others))
