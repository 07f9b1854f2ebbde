"""Some names of ``brainstate.util``: filters, and dicts by nested keys, paths and attributes."""

from __future__ import annotations

import typing

from ...state import filter as filter
from .._dicts import FlattedDict as FlattedDict
from .._dicts import NestedDict as NestedDict
from .._dicts import flat_mapping as flat_mapping
from .._dicts import nest_mapping as nest_mapping
from .._missing import missing

All, Any, Everything, Not, Nothing = filter.All, filter.Any, filter.Everything, filter.Not, filter.Nothing
OfType, PathContains, WithTag, to_predicate = filter.OfType, filter.PathContains, filter.WithTag, filter.to_predicate


class DotDict(dict):
    """A dict whose keys are attributes, also to write."""

    def __getattr__(self, name: str) -> typing.Any:
        if name in self:
            return self[name]
        raise AttributeError(f'DotDict has no key {name!r}.')

    def __setattr__(self, name: str, value: typing.Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self:
            raise AttributeError(f'DotDict has no key {name!r}.')
        del self[name]


def split_total(total: int, fraction: int | float) -> int:
    """A part of a whole number: a share of it from 0 to 1, or a number up to it.

    Raises
    ------
    ValueError
        If the part is none.
    """
    if not isinstance(total, int) or total <= 0:
        raise ValueError(f'split_total: total is a positive integer, but is {total!r}.')
    if isinstance(fraction, float):
        if not 0 <= fraction <= 1:
            raise ValueError(f'split_total: a share lies between 0 and 1, but is {fraction}.')
        return int(total * fraction)
    if not 0 <= fraction <= total:
        raise ValueError(f'split_total: a number lies between 0 and {total}, but is {fraction}.')
    return fraction


def merge_dicts(*dicts: dict, recursive: bool = True) -> dict:
    """One dict of several, of which later ones hold; with ``recursive``, dicts in them are merged likewise."""
    merged: dict[typing.Any, typing.Any] = {}
    for given in dicts:
        for key, x in given.items():
            both = recursive and isinstance(x, dict) and isinstance(merged.get(key), dict)
            merged[key] = merge_dicts(merged[key], x) if both else x
    return merged


def flatten_dict(d: dict, parent_key: str = '', sep: str = '.') -> dict[str, typing.Any]:
    """A dict by joined keys, of dicts of dicts."""
    flat: dict[str, typing.Any] = {}
    for key, x in d.items():
        name = f'{parent_key}{sep}{key}' if parent_key else str(key)
        flat.update(flatten_dict(x, name, sep) if isinstance(x, dict) and x else {name: x})
    return flat


def unflatten_dict(d: dict[str, typing.Any], sep: str = '.') -> dict[str, typing.Any]:
    """Dicts of dicts, of a dict by joined keys."""
    nested: dict[str, typing.Any] = {}
    for key, x in d.items():
        *path, last = key.split(sep)
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[last] = x
    return nested


__getattr__ = missing(__name__, globals())
