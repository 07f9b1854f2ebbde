"""Values of composed models by name."""

from __future__ import annotations

import textwrap
from collections.abc import ItemsView, KeysView, ValuesView
from typing import Any

import brainunit as u
import jax

from .._errors import ParameterError


@jax.tree_util.register_pytree_node_class
class HiData:
    """Values by name, which may be `HiData` themselves; ``data.x`` and ``data['x']`` are the same. A pytree.

    Parameters
    ----------
    children : dict, optional
        The values.
    name : str, optional
        A label.
    **kwargs
        More values.
    """

    def __init__(self, children: dict[str, Any] | None = None, name: str | None = None, **kwargs: Any):
        self.children, self.name = {**(children or {}), **kwargs}, name

    def __getattr__(self, key: str) -> Any:
        children = vars(self).get('children', {})
        if key in children:
            return children[key]
        raise AttributeError(f'HiData has no {key!r}; it has {", ".join(children)}.')

    def __getitem__(self, key: str) -> Any:
        return self.children[key]

    def __contains__(self, key: str) -> bool:
        return key in self.children

    def __len__(self) -> int:
        return len(self.children)

    def __repr__(self) -> str:
        if not self.children:
            return f'HiData(name={self.name!r})'
        lines = [f'name={self.name!r}', *(f'{key}={_short(x)}' for key, x in self.children.items())]
        return 'HiData(\n' + textwrap.indent(',\n'.join(lines), '  ') + '\n)'

    def keys(self) -> KeysView[str]:
        """Names."""
        return self.children.keys()

    def values(self) -> ValuesView[Any]:
        """Values."""
        return self.children.values()

    def items(self) -> ItemsView[str, Any]:
        """Names and values."""
        return self.children.items()

    def clone(self) -> HiData:
        """The same values in other containers."""
        return HiData({key: x.clone() if isinstance(x, HiData) else x for key, x in self.children.items()}, self.name)

    def replace(self, **updates: Any) -> HiData:
        """Another one, in which some values differ."""
        return HiData({**self.children, **updates}, self.name)

    def add(self, *args: Any, **updates: Any) -> HiData:
        """Another one with more values, given by name or as pairs in a dict."""
        more = {key: x for given in args for key, x in dict(given).items()}
        return self.replace(**more, **updates)

    def pop(self, *names: str) -> HiData:
        """Another one without some names; a KeyError for one that is not there."""
        children = dict(self.children)
        for name in names:
            del children[name]
        return HiData(children, self.name)

    @property
    def state_size(self) -> int:
        """How many values there are, without those that are None."""
        return sum(x.state_size if isinstance(x, HiData) else x is not None for x in self.children.values())

    @property
    def dtype(self) -> Any:
        """The type of the first array; a ValueError if there is none."""
        for x in jax.tree.leaves(self.children, is_leaf=_is_quantity):
            if hasattr(x, 'dtype'):
                return x.dtype
        raise ParameterError('HiData.dtype: there is no array.')

    def to_dict(self) -> dict[str, Any]:
        """The values, in dicts."""
        return {key: x.to_dict() if isinstance(x, HiData) else x for key, x in self.children.items()}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> HiData:
        """Of dicts."""
        return cls({key: cls.from_dict(x) if isinstance(x, dict) else x for key, x in d.items()})

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """For JAX."""
        names = tuple(self.children)
        return tuple(self.children[key] for key in names), (names, self.name)

    @classmethod
    def tree_unflatten(cls, kept: tuple[Any, ...], values: Any) -> HiData:
        """For JAX."""
        names, name = kept
        return cls(dict(zip(names, values, strict=True)), name)


def _is_quantity(x: Any) -> bool:
    return isinstance(x, u.Quantity)


def _short(x: Any) -> str:
    if hasattr(x, 'shape') and hasattr(x, 'dtype'):
        return f'Array(shape={x.shape}, dtype={x.dtype})'
    text = repr(x)
    return text if len(text) <= 60 or isinstance(x, HiData) else f'{text[:57]}...'
