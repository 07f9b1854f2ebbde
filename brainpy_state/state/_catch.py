"""`catch_new_states`: collect the states that a block of code makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._frames import Frame
from ._filter import Filter, to_predicate
from ._state import State


class NewStates(Frame):
    """The states made inside a block of code, in the order of making; see `catch_new_states`.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> with bst.catch_new_states() as made:
    ...     neuron = bst.nn.init_all_states(bst.LIF(1))
    >>> type(made).__name__, len(made) > 0
    ('NewStates', True)
    """

    def __init__(self, state_tag: str | None, state_to_exclude: Filter):
        self.state_tag = state_tag
        self._excluded = to_predicate(state_to_exclude)
        self._states: list[State] = []

    def adopt(self, state: State) -> None:
        if not self._excluded((), state):
            if self.state_tag is not None:
                state.add_tag(self.state_tag)
            self._states.append(state)
        super().adopt(state)

    def put_back(self, state: State, value: Any) -> None:
        self.pass_back(state, value)

    def get_states(self) -> tuple[State, ...]:
        """All of them."""
        return tuple(self._states)

    def get_by_tag(self, tag: str) -> tuple[State, ...]:
        """Those that carry a tag."""
        return tuple(s for s in self._states if tag in s.tag)

    def values(self) -> tuple[Any, ...]:
        """What they hold now."""
        return tuple(s.value for s in self._states)

    get_state_values = values

    def __getitem__(self, place: int) -> State:
        return self._states[place]

    def __iter__(self) -> Iterator[State]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def __bool__(self) -> bool:
        return True  # an open frame, also before it has caught anything


@contextmanager
def catch_new_states(state_tag: str | None = None, state_to_exclude: Filter = None) -> Iterator[NewStates]:
    """Collect the states that are made inside a block of code, and tag them.

    The states are what they would be without the block. Inside a transform they are locals of the function
    that is traced; what a compiled function makes for itself within the block is local to that
    function and not reported.

    Parameters
    ----------
    state_tag : str, optional
        A tag that each of them gets.
    state_to_exclude : filter, optional
        Which states to leave alone; see `filter.to_predicate`. A state has no path here, ``()``.

    Yields
    ------
    NewStates
        To be iterated over, during the block and after it; with ``get_states()``, ``get_by_tag(tag)`` and ``values()``.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> with bst.catch_new_states('new', state_to_exclude=bst.ParamState) as new:
    ...     w, v = bst.ParamState(1.), bst.State(2.)
    >>> new.values(), v.tag
    ((2.0,), {'new'})
    """
    with NewStates(state_tag, state_to_exclude) as caught:
        yield caught
