"""`StateTraceStack`: watch which states a block of code touches."""

from __future__ import annotations

from typing import Any

from .._frames import Frame
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
