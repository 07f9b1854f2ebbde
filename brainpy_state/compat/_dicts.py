"""Dicts by nested keys and by paths, under their older names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax

from .._errors import ParameterError
from ..state import State, to_flat, to_nest
from ..state import filter as _filter


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
        return type(self).merge(self, other) if isinstance(other, type(self)) else NotImplemented

    def __or__(self, other: Any) -> Any:
        return self + other

    def __sub__(self, other: Any) -> Any:
        """Without what stands at paths of another."""
        if not isinstance(other, type(self)):
            return NotImplemented
        out = type(self).merge(other)._pairs()
        return self._again({path: x for path, x in self._pairs().items() if path not in out})

    @classmethod
    def merge(cls, first: Mapping, *others: Mapping) -> Any:
        """One dict of several; what comes later holds."""
        new = cls()
        pairs: dict[Any, Any] = {}
        for given in (first, *others):
            if not isinstance(given, Mapping):
                raise TypeError(f'{cls.__name__}.merge takes dicts, but one is a {type(given).__name__}.')
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

    def replace_by_pure_dict(self, pure_dict: Mapping, replace_fn: Callable[[Any, Any], Any] | None = None) -> None:
        """Put what a plain nested dict holds in the place of what is here.

        Parameters
        ----------
        pure_dict : mapping
            New values, for all or some paths.
        replace_fn : callable, optional
            ``f(old, new)`` gives what stands there then; by default, a state with the new value in the place of a state.

        Raises
        ------
        ValueError
            If there is nothing at a path; then nothing is changed.
        """
        new, here = to_flat(pure_dict), to_flat(self)
        if missing := [path for path in new if path not in here]:
            raise ParameterError(f'NestedDict.replace_by_pure_dict: there is nothing at {missing[0]}.')
        replace = _replaced if replace_fn is None else replace_fn
        for path, value in new.items():
            place: Any = self
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = replace(here[path], value)

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
        """From dicts of dicts, or pairs of a key and what it stands for."""
        return cls(to_flat(dict(nested)))

    def to_dict_values(self) -> dict[Any, Any]:
        """What states hold, by path."""
        return {path: x.value if hasattr(x, 'value') else x for path, x in self.items()}

    def assign_dict_values(self, data: Mapping) -> None:
        """Write values into the states of these paths, and put them in the place of what is no state."""
        for path in data:
            if path not in self:
                raise KeyError(f'FlattedDict has no {path!r}.')
        for path, value in data.items():
            if isinstance(self[path], State):
                self[path].value = value
            else:
                self[path] = value

    def _pairs(self) -> dict[tuple[Any, ...], Any]:
        return dict(self)

    def _again(self, pairs: dict[tuple[Any, ...], Any]) -> FlattedDict:
        return FlattedDict(pairs)


def _replaced(old: Any, new: Any) -> Any:
    return old.replace(new) if hasattr(old, 'replace') and hasattr(old, 'value') else new


class EmptyNode:
    """Stands for an empty dict in `flat_mapping`."""

    def __repr__(self) -> str:
        return 'EmptyNode'


def flat_mapping(
    nested: Mapping, keep_empty_nodes: bool = False, is_leaf: Callable[[tuple, Any], bool] | None = None, sep: str | None = None
) -> FlattedDict:
    """A dict by paths.

    Parameters
    ----------
    nested : mapping
        Dicts of dicts.
    keep_empty_nodes : bool
        Whether an `EmptyNode` stands for each empty dict within.
    is_leaf : callable, optional
        ``is_leaf(path, value)`` tells which dicts are kept as they are.
    sep : str, optional
        Joins each path to a text.

    Raises
    ------
    TypeError
        If it is no mapping.
    """
    _need_mapping('flat_mapping', nested)
    found: dict[Any, Any] = {}

    def walk(path: tuple, x: Any) -> None:
        if not isinstance(x, Mapping) or (path and is_leaf is not None and is_leaf(path, x)):
            found[path if sep is None else sep.join(path)] = x
        elif not x and path and keep_empty_nodes:
            found[path if sep is None else sep.join(path)] = EmptyNode()
        else:
            for key, part in x.items():
                walk((*path, key), part)

    walk((), nested)
    return FlattedDict(found)


def nest_mapping(flat: Mapping, sep: str | None = None) -> NestedDict:
    """Dicts of dicts, of a dict by paths.

    Parameters
    ----------
    flat : mapping
        Its keys are paths, or texts that ``sep`` cuts into paths.
    sep : str, optional

    Raises
    ------
    TypeError
        If it is no mapping.
    ValueError
        If a path is empty, or leads through another one.
    """
    _need_mapping('nest_mapping', flat)
    paths = {(path if sep is None else tuple(path.split(sep))): {} if isinstance(x, EmptyNode) else x for path, x in flat.items()}
    for path in paths:
        if not path:
            raise ParameterError('nest_mapping: a path is empty; it has one key or more.')
        if through := [path[:k] for k in range(1, len(path)) if path[:k] in paths]:
            raise ParameterError(f'nest_mapping: {path} leads through {through[0]}, where there is a value.')
    return NestedDict.from_flat(paths)


def _need_mapping(where: str, x: Any) -> None:
    if not isinstance(x, Mapping):
        raise TypeError(f'{where} takes a dict, but a {type(x).__name__} was given.')


def _register(cls: type) -> None:
    def with_keys(x: Any) -> Any:
        keys = tuple(sorted(x, key=repr))
        return [(jax.tree_util.DictKey(key), x[key]) for key in keys], keys

    def again(keys: Any, values: Any) -> Any:
        return cls(zip(keys, values, strict=True))

    jax.tree_util.register_pytree_with_keys(cls, with_keys, again)


_register(NestedDict)
_register(FlattedDict)
