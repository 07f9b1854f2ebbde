"""Dicts with more ways to select, and dicts whose keys are attributes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import jax

from .._errors import ParameterError


class DictManager(dict):
    """A dict from which parts are selected by what is held; to JAX a tree."""

    def __repr__(self) -> str:
        return f'DictManager({super().__repr__()})'

    def _part(self, wanted: Callable[[Any, Any], bool]) -> DictManager:
        return type(self)((key, x) for key, x in self.items() if wanted(key, x))

    def subset(self, var_type: Any) -> DictManager:
        """What has a type, or one of several, or what a function of it selects."""
        fits = _selector(var_type)
        return self._part(lambda _, x: fits(x))

    def not_subset(self, var_type: Any) -> DictManager:
        """What `subset` leaves out."""
        fits = _selector(var_type)
        return self._part(lambda _, x: not fits(x))

    def split(self, *types: Any) -> tuple[DictManager, ...]:
        """A dict for each type, as of `subset`, and one for the rest; the first that fits takes it."""
        fits = [_selector(t) for t in types]
        groups: list[DictManager] = [type(self)() for _ in (*types, None)]
        for key, x in self.items():
            groups[next((k for k, f in enumerate(fits) if f(x)), len(fits))][key] = x
        return tuple(groups)

    def filter_by_predicate(self, predicate: Callable[[Any, Any], bool]) -> DictManager:
        """What a function of key and value selects."""
        return self._part(predicate)

    def map_values(self, fn: Callable) -> DictManager:
        """A function of what is held, by key."""
        return type(self)((key, fn(x)) for key, x in self.items())

    def map_keys(self, fn: Callable) -> DictManager:
        """The same by other keys; a ValueError if two become one."""
        new = type(self)((fn(key), x) for key, x in self.items())
        if len(new) != len(self):
            raise ParameterError(f'{type(self).__name__}.map_keys gives duplicate keys: {[fn(key) for key in self]}')
        return new

    def add_unique_key(self, key: Any, val: Any) -> None:
        """Add a key; a ValueError if it holds something else."""
        if key in self and self[key] is not val:
            raise ParameterError(f'{type(self).__name__}: {key!r} already exists with a different value, {self[key]!r}.')
        self[key] = val

    def add_unique_value(self, key: Any, val: Any) -> bool:
        """Add a key, unless another holds the same object; tells whether it was added."""
        if any(x is val for x in self.values()):
            return False
        self.add_unique_key(key, val)
        return True

    def unique(self) -> DictManager:
        """Each object once, by its first key."""
        seen: set[int] = set()
        return type(self)((key, x) for key, x in self.items() if not (id(x) in seen or seen.add(id(x))))  # type: ignore[func-returns-value]

    def unique_(self) -> Self:
        """`unique`, of itself."""
        return self._keep(self.unique())

    def assign(self, *dicts: Mapping, **items: Any) -> None:
        """Take the items of dicts."""
        for given in dicts:
            if not isinstance(given, Mapping):
                raise TypeError(f'{type(self).__name__}.assign takes dicts, but was given {given!r}')
        for given in (*dicts, items):
            self.update(given)

    def pop_by_keys(self, keys: Iterable) -> None:
        """Drop keys, where they are there."""
        self._keep(self.difference_by_keys(keys))

    def pop_by_values(self, values: Iterable, by: str = 'id') -> None:
        """Drop values: the same objects, or with ``by='value'`` what is equal."""
        self._keep(self.difference_by_values(values, by))

    def difference_by_keys(self, keys: Iterable) -> DictManager:
        """Without some keys."""
        out = set(keys)
        return self._part(lambda key, _: key not in out)

    def intersection_by_keys(self, keys: Iterable) -> DictManager:
        """With some keys only."""
        kept = set(keys)
        return self._part(lambda key, _: key in kept)

    def difference_by_values(self, values: Iterable, by: str = 'id') -> DictManager:
        """Without some values; see `pop_by_values`."""
        among = _among(values, by)
        return self._part(lambda _, x: not among(x))

    def intersection_by_values(self, values: Iterable, by: str = 'id') -> DictManager:
        """With some values only; see `pop_by_values`."""
        among = _among(values, by)
        return self._part(lambda _, x: among(x))

    def to_dict(self) -> dict:
        """A plain dict."""
        return dict(self)

    def copy(self) -> DictManager:
        """Another one with the same items."""
        return type(self)(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict) -> DictManager:
        return type(self)((copy.deepcopy(key, memo), copy.deepcopy(x, memo)) for key, x in self.items())

    def __add__(self, other: Any) -> DictManager:
        return type(self)({**self, **other}) if isinstance(other, Mapping) else NotImplemented

    __or__ = __add__

    def _keep(self, items: dict) -> Self:
        kept = dict(items)
        self.clear()
        self.update(kept)
        return self

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Values and keys."""
        return tuple(self.values()), tuple(self)

    @classmethod
    def tree_unflatten(cls, keys: Any, values: Any) -> DictManager:
        """Of keys and values."""
        return cls(zip(keys, values, strict=True))


def _selector(wanted: Any) -> Callable[[Any], bool]:
    if isinstance(wanted, (type, tuple)):
        return lambda x: isinstance(x, wanted)
    if not callable(wanted):
        raise TypeError(f'DictManager: a type, a tuple of types or a function is expected, but {wanted!r} was given.')
    return wanted


def _among(values: Iterable, by: str) -> Callable[[Any], bool]:
    if by not in ('id', 'value'):
        raise ParameterError(f"DictManager: by is 'id' or 'value', but is {by!r}.")
    given = list(values)
    return lambda x: any(x is y if by == 'id' else x == y for y in given)


class DotDict(dict):
    """A dict whose keys are attributes, also to write; dicts in it, and in lists and tuples in it, are alike."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()
        for given in (*args, kwargs):
            is_pair = isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str)
            for key, x in dict((given,) if is_pair else given).items():
                self[key] = x

    def __repr__(self) -> str:
        return f'DotDict({super().__repr__()})'

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, _each(value, _dotted))

    def update(self, *args: Any, **kwargs: Any) -> None:
        """As of ``dict``; a dict under a key that holds one is merged into it."""
        for key, x in dict(*args, **kwargs).items():
            if isinstance(x, dict) and isinstance(self.get(key), DotDict):
                self[key].update(x)
            else:
                self[key] = x

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """As of ``dict``."""
        if key not in self:
            self[key] = default
        return self[key]

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(f'{type(self).__name__} has no attribute {name!r}, and no such key.')

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(type(self), name):
            raise AttributeError(f'{type(self).__name__}: {name!r} is a built-in method; write self[{name!r}] = ... instead.')
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self:
            raise AttributeError(f'{type(self).__name__} has no attribute {name!r}, and no such key.')
        del self[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(key for key in self if isinstance(key, str))})

    def __or__(self, other: Any) -> Any:
        return type(self)(self, dict(other)) if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return type(self)(dict(other), self) if isinstance(other, Mapping) else NotImplemented

    def __ior__(self, other: Any) -> Any:
        if not isinstance(other, Mapping):
            return NotImplemented
        self.update(other)
        return self

    def copy(self) -> DotDict:
        """Another one with the same items."""
        return type(self)(self)

    def deepcopy(self) -> DotDict:
        """Another one with copies of all that is held."""
        return copy.deepcopy(self)

    def to_dict(self) -> dict:
        """Plain dicts all the way down."""
        return {key: _each(x, lambda d: d.to_dict() if isinstance(d, DotDict) else d) for key, x in self.items()}

    @classmethod
    def from_dict(cls, d: Mapping) -> DotDict:
        """Of dicts."""
        return cls(d)

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Values and keys."""
        return tuple(self.values()), tuple(self)

    @classmethod
    def tree_unflatten(cls, keys: Any, values: Any) -> DotDict:
        """Of keys and values."""
        new = cls()
        for key, x in zip(keys, values, strict=True):
            dict.__setitem__(new, key, x)
        return new


def _dotted(d: dict) -> DotDict:
    return d if isinstance(d, DotDict) else DotDict(d)


def _each(x: Any, change: Callable) -> Any:
    """The same with all dicts in it, lists and tuples changed."""
    if isinstance(x, dict):
        return change(x)
    if type(x) is list:
        return [_each(part, change) for part in x]
    if isinstance(x, tuple):
        parts = [_each(part, change) for part in x]
        return type(x)(*parts) if hasattr(x, '_fields') else type(x)(parts)
    return x


def _register(cls: Any) -> None:
    jax.tree_util.register_pytree_with_keys(
        cls,
        lambda x: ([(jax.tree_util.DictKey(key), value) for key, value in x.items()], tuple(x)),
        cls.tree_unflatten,
        cls.tree_flatten,
    )


_register(DictManager)
_register(DotDict)
