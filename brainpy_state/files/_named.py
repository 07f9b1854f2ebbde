"""States by the paths under which files have them."""

from __future__ import annotations

from typing import Any

from .. import graph
from .._errors import ParameterError
from .._typing import Path
from ..state import State
from ..state._filter import to_predicate

_NONE = """\
{who}: there are no states to take{selected}. States of neurons and synapses exist after `brainpy_state.nn.init_all_states(model)`."""
_TWICE = '{who}: two states have the path {name}; rename one of the keys.'


def named(model: Any, *filters: Any, who: str) -> dict[str, State]:
    """The states of a model by their paths as text, such as ``'net.layers.0.weight'``; a shared one once.

    Parameters
    ----------
    model : Module, State, or list, tuple or dict of them
        Also what `Module.states` gives: its paths are those in the module.
    *filters : filter
        Which states; see `filter.to_predicate`. All by default; what any of several filters selects.
    who : str
        The caller, for messages.

    Raises
    ------
    ParameterError
        If there are none, or two of the same path.
    TypeError
        If ``model`` has no states, or a filter is none.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> list(bst.files.named(bst.nn.Linear(3, 4), who='here'))
    ['weight']
    """
    found = [((), model)] if isinstance(model, State) else [(_spliced(path), state) for path, state in graph.iter_leaf(model)]
    predicates = [to_predicate(f) for f in filters or (...,)]
    names: dict[str, State] = {}
    for path, state in found:
        if any(predicate(path, state) for predicate in predicates):
            name = '.'.join(map(_text, path))
            if name in names:
                raise ParameterError(_TWICE.format(who=who, name=name))
            names[name] = state
    if not names:
        raise ParameterError(_NONE.format(who=who, selected=' that the filters select' if found else ''))
    return names


def _spliced(path: Path) -> Path:
    """A path in which keys that are paths stand part by part."""
    return tuple(part for key in path for part in (key if isinstance(key, tuple) else (key,)))


def _text(part: Any) -> str:
    """A part of a path, in quotes if it could be taken for something else."""
    if isinstance(part, str):
        plain = part.isprintable() and not set(part) & set('.[]<>\'"') and part and not part.lstrip('-').isdigit()
        return part if plain else repr(part)
    return repr(part)
