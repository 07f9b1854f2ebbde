"""The names of ``brainstate.graph``; nested dicts have their older class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from ... import graph as _ours
from ...graph import *  # noqa: F403
from ...state import State
from ...state import filter as _filter
from .._dicts import FlattedDict as _FlattedDict
from .._dicts import NestedDict as _NestedDict
from .._missing import missing


def treefy_split(node: Any, *filters: Any) -> tuple[Any, ...]:  # type: ignore[no-redef]
    """See `brainpy_state.graph.treefy_split`; filters are asked about a `TreefyState` each."""
    graphdef, *trees = _ours.treefy_split(node, *map(_of_treefied, filters))
    return (graphdef, *map(_NestedDict, trees))


def treefy_states(node: Any, *filters: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.graph.treefy_states`; filters are asked about a `TreefyState` each."""
    found = _ours.treefy_states(node, *map(_of_treefied, filters))
    return tuple(map(_NestedDict, found)) if isinstance(found, tuple) else _NestedDict(found)


def _of_treefied(wanted: Any) -> Any:
    if wanted is ... or wanted is True:
        return wanted  # known to take the rest
    fits = _filter.to_predicate(wanted)
    return lambda path, x: fits(path, _ours.TreefyState.of(x) if isinstance(x, State) else x)


def nodes(node: Any, *filters: Any, allowed_hierarchy: tuple[int, int] = _ours.EVERY_LEVEL) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.graph.nodes`."""
    found = _ours.nodes(node, *filters, allowed_hierarchy=allowed_hierarchy)
    return tuple(map(_FlattedDict, found)) if isinstance(found, tuple) else _FlattedDict(found)


class RefMap(MutableMapping):
    """A dict whose keys are told apart by what they are, not by what they hold."""

    def __init__(self, items: Mapping | Iterable[tuple[Any, Any]] = ()):
        self._items: dict[int, tuple[Any, Any]] = {}
        self.update(items)

    def __getitem__(self, key: Any) -> Any:
        if id(key) not in self._items:
            raise KeyError(key)
        return self._items[id(key)][1]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._items[id(key)] = key, value

    def __delitem__(self, key: Any) -> None:
        if id(key) not in self._items:
            raise KeyError(key)
        del self._items[id(key)]

    def __contains__(self, key: Any) -> bool:
        return id(key) in self._items

    def __iter__(self) -> Iterator[Any]:
        return (key for key, _ in self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f'RefMap({", ".join(f"{key!r}: {x!r}" for key, x in self._items.values())})'


__getattr__ = missing(__name__, globals())
