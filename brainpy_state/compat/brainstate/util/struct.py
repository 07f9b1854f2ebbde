"""The names of ``brainstate.util.struct``: frozen dataclasses and dicts that are trees to JAX."""

from __future__ import annotations

import dataclasses
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, dataclass_transform

import jax

_MARK = '_brainstate_dataclass'


def field(pytree_node: bool = True, **options: Any) -> Any:
    """A field of a `dataclass`.

    Parameters
    ----------
    pytree_node : bool
        Whether JAX sees what it holds; otherwise it is compared, as a part of the structure.
    **options
        As of ``dataclasses.field``.

    Raises
    ------
    ValueError
        If ``metadata`` says otherwise.
    """
    metadata = dict(options.pop('metadata', None) or {})
    if metadata.get('pytree_node', pytree_node) != pytree_node:
        raise ValueError(f'field: pytree_node is {pytree_node}, but metadata says {metadata["pytree_node"]}; give it once.')
    return dataclasses.field(metadata={**metadata, 'pytree_node': pytree_node}, **options)


@dataclass_transform(field_specifiers=(field,))
def dataclass(cls: type | None = None, **options: Any) -> Any:
    """A frozen dataclass that is a tree to JAX, with ``replace(**changes)``; without a class, a decorator.

    Parameters
    ----------
    cls : type, optional
    **options
        As of ``dataclasses.dataclass``; ``frozen`` is true unless given.
    """
    if cls is None:
        return lambda cls: dataclass(cls, **options)
    if _MARK in vars(cls):
        return cls
    made: Any = dataclasses.dataclass(**{'frozen': True, **options})(cls)
    seen = [f.name for f in dataclasses.fields(made) if f.metadata.get('pytree_node', True)]
    compared = [f.name for f in dataclasses.fields(made) if f.name not in seen]

    def with_keys(x: Any) -> Any:
        return [(jax.tree_util.GetAttrKey(name), getattr(x, name)) for name in seen], tuple(getattr(x, name) for name in compared)

    def again(static: Any, leaves: Any) -> Any:
        x = object.__new__(made)
        for name, value in zip((*seen, *compared), (*leaves, *static), strict=True):
            object.__setattr__(x, name, value)
        return x

    jax.tree_util.register_pytree_with_keys(made, with_keys, again)
    made.replace = _replace
    setattr(made, _MARK, True)
    return made


def _replace(self: Any, **changes: Any) -> Any:
    """Another one with other values in some fields."""
    return dataclasses.replace(self, **changes)


def is_dataclass(cls: Any) -> bool:
    """Whether a class, or that of an object, was made by `dataclass`."""
    kind = cls if isinstance(cls, type) else type(cls)
    return dataclasses.is_dataclass(kind) and bool(vars(kind).get(_MARK))


@dataclass_transform(field_specifiers=(field,))
class PyTreeNode:
    """A base whose subclasses are made by `dataclass`; options stand in the class statement."""

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__()
        dataclass(cls, **options)


@jax.tree_util.register_pytree_with_keys_class
class FrozenDict(Mapping):
    """A dict that does not change, nor do dicts in it; to JAX a tree."""

    def __init__(self, *args: Any, **kwargs: Any):
        self._items = {key: freeze(x) if isinstance(x, Mapping) else x for key, x in dict(*args, **kwargs).items()}

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError('FrozenDict does not change; use copy({key: value}) for another one.')

    def __delitem__(self, key: Any) -> None:
        raise TypeError('FrozenDict does not change; use pop(key) for another one.')

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Mapping) and self.unfreeze() == unfreeze(other)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __reduce__(self) -> Any:
        return FrozenDict, (self.unfreeze(),)

    def __repr__(self) -> str:
        return self.pretty_repr()

    def keys(self) -> Any:
        """The keys."""
        return _shown(KeysView, 'keys')(self)

    def values(self) -> Any:
        """What is held."""
        return _shown(ValuesView, 'values')(self)

    def items(self) -> Any:
        """Pairs of both."""
        return _shown(ItemsView, 'items')(self)

    def copy(self, add_or_replace: Mapping = {}) -> FrozenDict:
        """Another one, with some more or other items."""
        return FrozenDict({**self._items, **unfreeze(add_or_replace)})

    def pop(self, key: Any) -> tuple[FrozenDict, Any]:
        """Another one without a key, and what it held; a KeyError if there is none."""
        left = dict(self._items)
        value = left.pop(key)
        return FrozenDict(left), value

    def unfreeze(self) -> dict:
        """Plain dicts all the way down."""
        return {key: unfreeze(x) for key, x in self._items.items()}

    def pretty_repr(self, indent: int = 2) -> str:
        """A text with a line for each item."""
        return f'FrozenDict({_lines(self._items, indent)})'

    def tree_flatten_with_keys(self) -> Any:
        """Items by sorted keys."""
        keys = tuple(sorted(self._items, key=repr))
        return [(jax.tree_util.DictKey(key), self._items[key]) for key in keys], keys

    @classmethod
    def tree_unflatten(cls, keys: Any, values: Any) -> FrozenDict:
        """Of keys and values."""
        x = object.__new__(cls)
        x._items = dict(zip(keys, values, strict=True))
        return x


def _shown(view: type, name: str) -> type:
    return type(name, (view,), {'__repr__': lambda self: f'FrozenDict.{name}({list(self)})'})


def _lines(items: Mapping, indent: int) -> str:
    text = ''
    for key, x in items.items():
        shown = _lines(x, indent) if isinstance(x, Mapping) else repr(x)
        text += f'{key!r}: {shown},\n'
    pad = ' ' * indent
    return '{\n' + ''.join(f'{pad}{line}\n' for line in text.splitlines()) + '}' if text else '{}'


def freeze(x: Mapping) -> FrozenDict:
    """A `FrozenDict` of a dict; one that is frozen is given back."""
    return x if isinstance(x, FrozenDict) else FrozenDict(x)


def unfreeze(x: Any) -> Any:
    """A dict of a frozen one, plain all the way down; of a dict, a copy; all else is given back."""
    if isinstance(x, FrozenDict):
        return x.unfreeze()
    return {key: unfreeze(value) for key, value in x.items()} if isinstance(x, dict) else x


def copy(x: Any, add_or_replace: Mapping | None = None) -> Any:
    """Another dict of the same kind, with some more or other items."""
    if isinstance(x, FrozenDict):
        return x.copy(add_or_replace or {})
    _require_dict(x, 'copy')
    return {**unfreeze(x), **(add_or_replace or {})}


def pop(x: Any, key: Any) -> tuple[Any, Any]:
    """Another dict of the same kind without a key, and what it held."""
    if isinstance(x, FrozenDict):
        return x.pop(key)
    _require_dict(x, 'pop')
    left = dict(x)
    value = left.pop(key)
    return left, value


def _require_dict(x: Any, name: str) -> None:
    if not isinstance(x, dict):
        raise TypeError(f'{name}: a dict or a FrozenDict is expected, but a {type(x).__name__} was given: {x!r}')


def pretty_repr(x: Any, indent: int = 2) -> str:
    """The text of a dict with a line for each item; of all else, its own."""
    if isinstance(x, FrozenDict):
        return x.pretty_repr(indent)
    return _lines(x, indent) if isinstance(x, dict) else repr(x)
