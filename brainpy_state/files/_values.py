"""The leaves of a state's value, by their places in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import brainunit as u
import jax
from jax.tree_util import DictKey, GetAttrKey, SequenceKey

from ._leaf import Leaf

KEPT = object()


def leaves_of(value: Any, where: str) -> list[Leaf]:
    """What a value consists of: numbers, quantities, texts, and what holds nothing.

    Parameters
    ----------
    value : pytree
        Of a state.
    where : str
        Whose it is, for messages.

    Raises
    ------
    TypeError
        If files cannot hold a part of it.
    TraceContextError
        If a part of it is traced.
    """
    found, _ = jax.tree_util.tree_flatten_with_path(value, is_leaf=_is_leaf)
    return [Leaf.of(where, _place(path), x) for path, x in found]


def with_leaves(value: Any, leaves: Iterable[Any]) -> Any:
    """The containers of a value around other leaves, of which `KEPT` stands for the present one."""
    present, tree = jax.tree.flatten(value, is_leaf=_is_leaf)
    return jax.tree.unflatten(tree, [x if new is KEPT else new for x, new in zip(present, leaves, strict=True)])


def _is_leaf(x: Any) -> bool:
    return isinstance(x, u.Quantity) or not jax.tree.leaves(x)


def _place(path: Iterable[Any]) -> str:
    return ''.join(map(_step, path))


def _step(key: Any) -> str:
    if isinstance(key, GetAttrKey):
        return f'.{key.name}'
    return f'[{key.key!r}]' if isinstance(key, DictKey) else f'[{key.idx}]' if isinstance(key, SequenceKey) else f'<{key.key}>'
