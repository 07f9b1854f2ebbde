"""`StateDictManager`: states by key, such as by their path in a tree of modules."""

from __future__ import annotations

import difflib
import weakref
from collections.abc import Mapping
from typing import Any, Self

import jax

from .._errors import UnknownStateError
from ._filter import Filter, to_predicate
from ._fire import assign
from ._state import State
from ._treefy import to_nest


class StateDictManager(dict):
    """A dict of states, by path or by any other key; to JAX a tree whose leaves are the states.

    Parameters
    ----------
    *args, **kwargs
        As of ``dict``; every value is a `State`.

    Raises
    ------
    TypeError
        If a value is not a state, also of later assignments.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> states = bst.StateDictManager(w=bst.ParamState(1.), V=bst.HiddenState(bst.random.rand(2)))
    >>> states.assign_values({'w': 2.})
    >>> states.filter(bst.ParamState).to_dict_values()
    {'w': 2.0}
    """

    source: weakref.ref | None = None  # the node whose states these are, or a part of them; copies and pickles do not know it

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()
        self.update(*args, **kwargs)

    def __setitem__(self, key: Any, state: State) -> None:
        self.update({key: state})

    def update(self, *args: Any, **kwargs: Any) -> None:
        """As of ``dict``; nothing changes if one value is not a state."""
        new = dict(*args, **kwargs)
        for key, state in new.items():
            if not isinstance(state, State):
                raise TypeError(f'{type(self).__name__}[{key!r}] must be a State, but a {type(state).__name__} was given: {state!r}')
        super().update(new)

    def setdefault(self, key: Any, default: Any = None) -> State:
        """As of ``dict``."""
        if key not in self:
            self[key] = default
        return self[key]

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self

    def __or__(self, other: Any) -> Self:
        return type(self)({**self, **other})

    def copy(self) -> Self:
        """A dict of its own with the same states."""
        return self._part(self)

    def _part(self, states: Any = ()) -> Self:
        """Another dict with some of the states."""
        part = type(self)(states)
        if self.source is not None:
            part.source = self.source
        return part

    def __getstate__(self) -> None:
        return None

    def assign_values(self, *values: Mapping[Any, Any]) -> None:
        """Write values into the states with the same keys; states without a value keep theirs.

        Raises
        ------
        UnknownStateError
            A KeyError, if there is no state of a key; then no state is changed.
        TypeError
            If what is given is no dict.
        """
        new: dict[Any, Any] = {}
        for part in values:
            if not isinstance(part, Mapping):
                raise TypeError(f'{type(self).__name__}.assign_values takes dicts of values by key, but was given {part!r}')
            new.update(part)
        for key in new:
            if key not in self:
                raise UnknownStateError(self._unknown(key))
        for key, value in new.items():
            self[key].refuse(value)
        assign([self[key] for key in new], list(new.values()))

    def _unknown(self, key: Any) -> str:
        names = {str(k): k for k in self}
        near = [repr(names[name]) for name in difflib.get_close_matches(str(key), names, n=3)]
        advice = f'did you mean {" or ".join(near)}?' if near else f'there are {len(self)} other keys, none like it.'
        return f'{type(self).__name__} has no state {key!r}; {advice}'

    def to_dict_values(self) -> dict[Any, Any]:
        """What the states hold, by key, in a plain dict."""
        return {key: state.value for key, state in self.items()}

    collect_values = to_dict_values

    def filter(self, *filters: Filter) -> Any:
        """The states that a filter selects.

        Parameters
        ----------
        *filters : filter
            See `filter.to_predicate`; none or one, or several.

        Returns
        -------
        StateDictManager or tuple of StateDictManager
            With several filters one for each, where a state goes to the first filter that selects it.
        """
        if not filters:
            return self.copy()
        groups, _ = self._sort(filters)
        return groups[0] if len(filters) == 1 else groups

    def split(self, *filters: Filter) -> tuple[Self, ...]:
        """Sort all states into groups, one for each filter, and one for the rest.

        A state goes to the first filter that selects it. A last filter ``...`` takes the rest, so no other group follows.
        """
        groups, rest = self._sort(filters)
        return groups if filters and filters[-1] in (..., True) else (*groups, self._part({key: self[key] for key in rest}))

    def split_values(self, *filters: Filter) -> tuple[dict[Any, Any], ...]:
        """What the states of each group of `split` hold, in plain dicts."""
        return tuple(group.to_dict_values() for group in self.split(*filters))

    def to_nest(self) -> dict[Any, Any]:
        """The states in nested dicts, by the parts of their paths; see `graph.to_nest`."""
        return to_nest(self)

    def to_flat(self) -> Self:
        """A dict of its own with the same states, whose keys are paths already."""
        return self.copy()

    def _sort(self, filters: tuple[Filter, ...]) -> tuple[tuple[Self, ...], list[Any]]:
        predicates = [to_predicate(f) for f in filters]
        groups, rest = tuple(self._part() for _ in filters), []
        for key, state in self.items():
            path = key if isinstance(key, tuple) else (key,)
            fit = next((n for n, predicate in enumerate(predicates) if predicate(path, state)), None)
            if fit is None:
                rest.append(key)
            else:
                groups[fit][key] = state
        return groups, rest


def _with_keys(states: StateDictManager) -> tuple[list[tuple[Any, State]], tuple[Any, ...]]:
    return [(jax.tree_util.DictKey(key), state) for key, state in states.items()], tuple(states)


def _again(keys: tuple[Any, ...], values: Any) -> Any:
    """The dict of other states, or a plain one of what was made of each."""
    made = dict(zip(keys, values, strict=True))
    return StateDictManager(made) if all(isinstance(x, State) for x in made.values()) else made


jax.tree_util.register_pytree_with_keys(StateDictManager, _with_keys, _again)
