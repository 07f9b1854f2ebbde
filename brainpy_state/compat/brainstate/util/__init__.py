"""Some names of ``brainstate.util``: filters, and dicts by nested keys, paths and attributes."""

from __future__ import annotations

import gc
import reprlib
import threading
import typing
from collections.abc import Callable, Mapping

import jax

from ..._dicts import FlattedDict as FlattedDict
from ..._dicts import NestedDict as NestedDict
from ..._dicts import flat_mapping as flat_mapping
from ..._dicts import nest_mapping as nest_mapping
from ..._managers import DictManager as DictManager
from ..._managers import DotDict as DotDict
from ..._missing import missing
from . import filter as filter
from . import struct as struct
from .struct import FrozenDict as FrozenDict
from .struct import PyTreeNode as PyTreeNode
from .struct import copy as copy
from .struct import dataclass as dataclass
from .struct import field as field
from .struct import freeze as freeze
from .struct import is_dataclass as is_dataclass
from .struct import pop as pop
from .struct import pretty_repr as pretty_repr
from .struct import unfreeze as unfreeze

All, Any, Everything, Not, Nothing = filter.All, filter.Any, filter.Everything, filter.Not, filter.Nothing
OfType, PathContains, WithTag, to_predicate = filter.OfType, filter.PathContains, filter.WithTag, filter.to_predicate


@jax.tree_util.register_pytree_node_class
class PrettyList(list):
    """A list with a line for each item; to JAX a tree."""

    def __repr__(self) -> str:
        lines = [line for x in self for line in f'{pretty_repr(x)},'.splitlines()]
        return '[\n' + ''.join(f'  {line}\n' for line in lines) + ']'

    def tree_flatten(self) -> tuple[tuple, None]:
        """Its items."""
        return tuple(self), None

    @classmethod
    def tree_unflatten(cls, _: None, items: typing.Any) -> PrettyList:
        """Of its items."""
        return cls(items)


class PrettyObject:
    """Base of objects that show their attributes."""

    def __pretty_repr_item__(self, k: typing.Any, v: typing.Any) -> tuple[typing.Any, typing.Any] | None:
        """What to show of an attribute: its name and value, others, or None for nothing; for subclasses."""
        return k, v

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        shown = [item for key, x in vars(self).items() if (item := self.__pretty_repr_item__(key, x)) is not None]
        lines = (line for key, x in shown for line in f'{key}={x!r},'.splitlines())
        return f'{type(self).__name__}(\n' + ''.join(f'  {line}\n' for line in lines) + ')' if shown else f'{type(self).__name__}()'


class NameContext(threading.local):
    """How many names of each kind a thread has been given."""

    def __init__(self) -> None:
        self.typed_names: dict[str, int] = {}

    def reset(self, type_: str | None = None) -> None:
        """Count from 0 again, for a kind or for all."""
        if type_ is None:
            self.typed_names.clear()
        else:
            self.typed_names[type_] = 0


NAME = NameContext()


def get_unique_name(type_: str, prefix: str = '') -> str:
    """The next name of a kind, such as ``layer0``, with a prefix; each thread counts by itself."""
    number = NAME.typed_names.get(type_, 0)
    NAME.typed_names[type_] = number + 1
    return f'{prefix}{type_}{number}'


def clear_name_cache() -> None:
    """Count names from 0 again."""
    NAME.reset()


def clear_buffer_memory(platform: str | None = None, array: bool = True, compilation: bool = False) -> None:
    """Free memory of a platform: with ``array``, all arrays are deleted; with ``compilation``, compiled programs are forgotten."""
    if array:
        for x in jax.live_arrays(platform):
            x.delete()
    if compilation:
        jax.clear_caches()
    gc.collect()


def not_instance_eval(*cls: type) -> Callable[[typing.Any], bool]:
    """A function that tells whether something has none of some types."""
    return lambda x: not isinstance(x, cls)


def is_instance_eval(*cls: type) -> Callable[[typing.Any], bool]:
    """A function that tells whether something has one of some types."""
    return lambda x: isinstance(x, cls)


def _require_number(name: str, x: typing.Any, kinds: typing.Any, text: str) -> None:
    if isinstance(x, bool) or not isinstance(x, kinds):
        raise TypeError(f'split_total: {name} must be {text}, but is {x!r}.')


def split_total(total: int, fraction: int | float) -> int:
    """A part of a whole number: a share of it from 0 to 1, or a number up to it.

    Raises
    ------
    TypeError
        If one is no number.
    ValueError
        If the part is none.
    """
    _require_number('total', total, int, 'an integer')
    _require_number('fraction', fraction, (int, float), 'an integer or float')
    if total <= 0:
        raise ValueError(f'split_total: total must be a positive integer, but is {total!r}.')
    if fraction < 0:
        raise ValueError(f'split_total: fraction cannot be negative, but is {fraction}.')
    if isinstance(fraction, float):
        if fraction > 1:
            raise ValueError(f'split_total: a share cannot be greater than 1, but is {fraction}.')
        return int(total * fraction)
    if fraction > total:
        raise ValueError(f'split_total: a number cannot be greater than total, {total}, but is {fraction}.')
    return fraction


def _require_dict(name: str, x: typing.Any) -> None:
    if not isinstance(x, Mapping):
        raise TypeError(f'{name}: a dict is expected, but {x!r} was given.')


def merge_dicts(*dicts: Mapping, recursive: bool = True) -> dict:
    """One dict of several, of which later ones hold; with ``recursive``, dicts in them are merged likewise."""
    merged: dict[typing.Any, typing.Any] = {}
    for given in dicts:
        _require_dict('merge_dicts', given)
        for key, x in given.items():
            both = recursive and isinstance(x, dict) and isinstance(merged.get(key), dict)
            merged[key] = merge_dicts(merged[key], x) if both else x
    return merged


def flatten_dict(d: Mapping, parent_key: str = '', sep: str = '.') -> dict[str, typing.Any]:
    """A dict by joined keys, of dicts of dicts; a ValueError if two items would have one key."""
    _require_dict('flatten_dict', d)
    flat: dict[str, typing.Any] = {}
    for key, x in d.items():
        if not isinstance(key, str):
            raise TypeError(f'flatten_dict: keys are texts, but one is {key!r}.')
        name = f'{parent_key}{sep}{key}' if parent_key else key
        for path, value in (flatten_dict(x, name, sep) if isinstance(x, dict) and x else {name: x}).items():
            if path in flat:
                raise ValueError(f'flatten_dict: two items would have the key {path!r}; give another sep.')
            flat[path] = value
    return flat


def unflatten_dict(d: Mapping, sep: str = '.') -> dict[str, typing.Any]:
    """Dicts of dicts, of a dict by joined keys; a ValueError if a key holds a value and others."""
    _require_dict('unflatten_dict', d)
    nested: dict[str, typing.Any] = {}
    for key, x in d.items():
        *path, last = key.split(sep)
        place = nested
        for part in path:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise ValueError(f'unflatten_dict: {part!r} of {key!r} holds a value already.')
        if last in place:
            raise ValueError(f'unflatten_dict: {key!r} holds others already.')
        place[last] = dict(x) if isinstance(x, dict) else x
    return nested


__getattr__ = missing(__name__, globals())
