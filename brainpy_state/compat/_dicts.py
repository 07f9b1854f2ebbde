"""Dicts by nested keys and by paths, under their older names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from .._errors import ParameterError
from ..state import filter as _filter
from ..state import to_flat, to_nest


class _Dict(dict):
    """A dict whose texts among the keys are attributes, too."""

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(f'{type(self).__name__} has no attribute and no key {name!r}.')

    def _pairs(self) -> dict[tuple[Any, ...], Any]:
        raise NotImplementedError

    def _again(self, pairs: dict[tuple[Any, ...], Any]) -> Any:
        raise NotImplementedError

    def split(self, first: Any, *others: Any) -> Any:
        """Sort what is held into a dict for each filter; the first one that fits takes it.

        Raises
        ------
        ValueError
            If none fits; a last filter ``...`` takes the rest.
        """
        groups, rest = self._sorted((first, *others))
        if rest:
            raise ParameterError(
                f'{type(self).__name__}.split: no filter fits {next(iter(rest))}; give `...` as the last one to take the rest.'
            )
        return groups[0] if not others else groups

    def filter(self, first: Any, *others: Any) -> Any:
        """As `split`; what fits no filter is left out."""
        groups, _ = self._sorted((first, *others))
        return groups[0] if not others else groups

    subset = filter

    def to_dict(self) -> dict[Any, Any]:
        """A plain dict of the same items."""
        return dict(self)

    def _sorted(self, filters: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[Any, Any]]:
        for k, f in enumerate(filters):
            if f in (..., True) and not all(g in (..., True) for g in filters[k:]):
                raise ParameterError(f'{type(self).__name__}: `...` or `True` takes all, so it can only be the last filter; got {filters}.')
        predicates = [_filter.to_predicate(f) for f in filters]
        groups: list[dict[Any, Any]] = [{} for _ in filters]
        rest: dict[Any, Any] = {}
        for path, x in self._pairs().items():
            fits = next((k for k, predicate in enumerate(predicates) if predicate(path, x)), None)
            (rest if fits is None else groups[fits])[path] = x
        return tuple(self._again(group) for group in groups), rest

    def __add__(self, other: Any) -> Any:
        return type(self).merge(self, other) if isinstance(other, Mapping) else NotImplemented

    __or__ = __add__

    def __sub__(self, other: Any) -> Any:
        """Without what stands at paths of another."""
        if not isinstance(other, Mapping):
            return NotImplemented
        out = type(self).merge(other)._pairs()
        return self._again({path: x for path, x in self._pairs().items() if path not in out})

    @classmethod
    def merge(cls, first: Mapping, *others: Mapping) -> Any:
        """One dict of several; what comes later holds."""
        new = cls()
        pairs: dict[Any, Any] = {}
        for given in (first, *others):
            pairs.update(given._pairs() if isinstance(given, _Dict) else cls(given)._pairs())
        return new._again(pairs)


class NestedDict(_Dict):
    """A dict of dicts, down to what is held; to JAX a tree."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__({key: NestedDict(x) if type(x) is dict else x for key, x in dict(*args, **kwargs).items()})

    def to_flat(self) -> FlattedDict:
        """By paths."""
        return FlattedDict(to_flat(self))

    @classmethod
    def from_flat(cls, flat: Mapping) -> NestedDict:
        """From a dict by paths."""
        return cls(to_nest(flat))

    def to_pure_dict(self) -> dict[Any, Any]:
        """Plain dicts all the way down."""
        return {key: x.to_pure_dict() if isinstance(x, NestedDict) else x for key, x in self.items()}

    def _pairs(self) -> dict[tuple[Any, ...], Any]:
        return to_flat(self)

    def _again(self, pairs: dict[tuple[Any, ...], Any]) -> NestedDict:
        return NestedDict.from_flat(pairs)


class FlattedDict(_Dict):
    """A dict whose keys are paths; to JAX a tree."""

    def to_nest(self) -> NestedDict:
        """Dicts of dicts."""
        return NestedDict.from_flat(self)

    @classmethod
    def from_nest(cls, nested: Mapping) -> FlattedDict:
        """From dicts of dicts."""
        return cls(to_flat(nested))

    def to_dict_values(self) -> dict[Any, Any]:
        """What states hold, by path."""
        return {path: x.value if hasattr(x, 'value') else x for path, x in self.items()}

    def assign_dict_values(self, data: Mapping) -> None:
        """Write values into the states of these paths."""
        for path, value in data.items():
            if path not in self:
                raise KeyError(f'FlattedDict has no {path!r}.')
            self[path].value = value

    def _pairs(self) -> dict[tuple[Any, ...], Any]:
        return dict(self)

    def _again(self, pairs: dict[tuple[Any, ...], Any]) -> FlattedDict:
        return FlattedDict(pairs)


def flat_mapping(nested: Mapping) -> FlattedDict:
    """A dict by paths."""
    return FlattedDict.from_nest(nested)


def nest_mapping(flat: Mapping) -> NestedDict:
    """Dicts of dicts, of a dict by paths."""
    return NestedDict.from_flat(flat)


def _register(cls: type) -> None:
    def with_keys(x: Any) -> Any:
        keys = tuple(sorted(x, key=repr))
        return [(jax.tree_util.DictKey(key), x[key]) for key in keys], keys

    def again(keys: Any, values: Any) -> Any:
        return cls(zip(keys, values, strict=True))

    jax.tree_util.register_pytree_with_keys(cls, with_keys, again)


_register(NestedDict)
_register(FlattedDict)
