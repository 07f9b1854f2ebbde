"""What holds while the states of a tree are initialised: they keep their identity, and a failure is undone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

from .._frames import EAGER, MISSING, Frame, current_trace
from ..state import State


class Undo(Frame):
    """Remembers what states and attributes held before their first write. Otherwise it is as if it were not there."""

    def __init__(self) -> None:
        self.values: dict[State, Any] = {}
        self.attributes: list[tuple[dict, str, Any]] = []

    def adopt(self, state: State) -> None:
        state._home = self.parent
        if self.parent is not None:
            self.parent.adopt(state)
        elif (trace := current_trace()) is not EAGER:
            state._birth_trace = trace

    def write(self, state: State, value: Any) -> None:
        # a trace keeps its values to itself and drops them when it fails, so the state's own is the one to keep
        self.values.setdefault(state, state._value)
        super().write(state, value)

    def note(self, attributes: dict, name: str) -> None:
        """Remember an attribute that is about to be assigned."""
        self.attributes.append((attributes, name, attributes.get(name, MISSING)))

    def restore(self) -> None:
        """Put everything back."""
        for attributes, name, value in reversed(self.attributes):
            if value is MISSING:
                attributes.pop(name, None)
            else:
                attributes[name] = value
        for state, value in self.values.items():
            state._value = value


class _Lifecycle(threading.local):
    undo: Undo | None = None  # while the states of a tree are initialised or reset

    @contextmanager
    def open(self) -> Iterator[None]:
        outer = self.undo
        with Undo() as undo:
            self.undo = undo
            try:
                yield
            except BaseException:
                undo.restore()
                raise
            else:
                if outer is not None:
                    outer.attributes += undo.attributes
            finally:
                self.undo = outer


lifecycle = _Lifecycle()


def renew(old: Any, new: Any) -> Any:
    """``new``, where states that ``old`` has in the same places stay and take the new values."""
    if isinstance(new, State):
        if type(old) is not type(new) or old is new:
            return new
        old.value = new.value
        return old
    if type(new) is not type(old) or type(new) not in (list, tuple, dict):
        return new
    if isinstance(new, dict):
        return {k: renew(old.get(k), v) for k, v in new.items()}
    return type(new)(renew(o, n) for o, n in list(zip_longest(old, new))[: len(new)])
