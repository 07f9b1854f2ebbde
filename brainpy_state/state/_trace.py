"""`StateTraceStack`: watch which states a block of code touches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from .._frames import Frame
from ._filter import Filter, to_predicate
from ._fire import assign
from ._state import State


class StateTraceStack(Frame):
    """Record every state that is read or written inside a ``with`` block, in the order of first touch.

    States created inside the block are not reported. Blocks nest; each thread has its own.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> a, b = bst.State(1.), bst.State(2.)
    >>> with bst.StateTraceStack() as stack:
    ...     b.value = a.value
    >>> len(stack.get_read_states()), len(stack.get_write_states())
    (1, 1)
    """

    def __init__(self) -> None:
        self._touched: dict[State, bool] = {}

    def read(self, state: State) -> Any:
        if not self.owns(state._home):
            self._touched.setdefault(state, False)
        return super().read(state)

    def write(self, state: State, value: Any) -> None:
        super().write(state, value)
        if not self.owns(state._home):
            self._touched[state] = True

    def put_back(self, state: State, value: Any) -> None:
        self.pass_back(state, value)  # restoring has read the state before, and counts as that

    @property
    def states(self) -> tuple[State, ...]:
        """States that were read or written."""
        return tuple(self._touched)

    def state_subset(self, kind: Filter) -> tuple[State, ...]:
        """States of a class that were touched, or of another filter; see `filter.to_predicate`."""
        selected = to_predicate(kind)
        return tuple(s for s in self._touched if selected((), s))

    def get_read_states(self) -> tuple[State, ...]:
        """States that were read and never written."""
        return tuple(s for s, written in self._touched.items() if not written)

    def get_write_states(self) -> tuple[State, ...]:
        """States that were written, read or not."""
        return tuple(s for s, written in self._touched.items() if written)

    def get_read_state_values(self) -> tuple[Any, ...]:
        """What the states that were only read hold now."""
        return tuple(s.value for s in self.get_read_states())

    def get_write_state_values(self) -> tuple[Any, ...]:
        """What the states that were written hold now."""
        return tuple(s.value for s in self.get_write_states())

    def assign_state_vals(self, state_vals: Sequence[Any]) -> None:
        """Write values into ``states``, in this order.

        Raises
        ------
        ValueError
            If there are fewer or more values than states; then no state is changed.
        """
        if len(state_vals) != len(self._touched):
            raise ValueError(f'assign_state_vals: {len(self._touched)} states were touched, but {len(state_vals)} values were given.')
        assign(self.states, state_vals)

    def merge(self, *others: StateTraceStack) -> Self:
        """Add what other blocks have recorded to this one, and return it."""
        for other in others:
            for state, written in other._touched.items():
                self._touched[state] = self._touched.get(state, False) or written
        return self

    def __add__(self, other: Any) -> StateTraceStack:
        if not isinstance(other, StateTraceStack):
            return NotImplemented
        return StateTraceStack().merge(self, other)
