"""The names of ``brainstate.graph``."""

from __future__ import annotations

from typing import Any

from ... import graph as _ours
from ...graph import *  # noqa: F403
from ...state import State
from ...state import filter as _filter
from .._missing import missing


def treefy_split(node: Any, *filters: Any) -> tuple:  # type: ignore[no-redef]
    """See `brainpy_state.graph.treefy_split`; a function among the filters is asked about `TreefyState` s."""
    return _ours.treefy_split(node, *map(_of_treefied, filters))


def treefy_states(node: Any, *filters: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.graph.treefy_states`; a function among the filters is asked about `TreefyState` s."""
    return _ours.treefy_states(node, *map(_of_treefied, filters))


def _of_treefied(wanted: Any) -> Any:
    if not callable(wanted) or isinstance(wanted, type) or type(wanted).__module__ == _filter.__name__:
        return wanted
    return lambda path, x: wanted(path, _ours.TreefyState.of(x) if isinstance(x, State) else x)


__getattr__ = missing(__name__, globals())
