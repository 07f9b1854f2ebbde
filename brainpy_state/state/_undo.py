"""`Undo`: put states back to what they held."""

from __future__ import annotations

from typing import Any

from .._frames import Frame
from ._state import State


class Undo(Frame):
    """Remembers what every state held before its first write in a block. Otherwise it is as if it were not there.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> state = bst.State(1.)
    >>> with bst.state.Undo() as undo:
    ...     state.value = 2.
    >>> undo.restore()
    >>> state.value
    1.0
    """

    def __init__(self) -> None:
        self.before: dict[State, Any] = {}

    def adopt(self, state: State) -> None:
        state._home = self.parent
        if self.parent is not None:
            self.parent.adopt(state)

    def write(self, state: State, value: Any) -> None:
        # a trace keeps its values to itself and drops them when it fails, so the state's own is the one to keep
        self.before.setdefault(state, state._value)
        super().write(state, value)

    def restore(self) -> None:
        """Put every written state back; hooks are not told."""
        for state, value in self.before.items():
            state._value = value
