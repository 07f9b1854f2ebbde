"""What holds while the states of a tree are initialised: they keep their identity, and a failure is undone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._frames import MISSING, Frame, attributes
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

    def write(self, state: State, value: Any) -> None:
        # a trace keeps its values to itself and drops them when it fails, so the state's own is the one to keep
        self.values.setdefault(state, state._value)
        super().write(state, value)

    def note(self, own: dict, name: str) -> None:
        """Remember an attribute, of an object with the attributes ``own``, that is about to be assigned."""
        self.attributes.append((own, name, own.get(name, MISSING)))

    def settle(self) -> None:
        """Keep the old list or dict where the new one holds the same, since compiled functions compare the objects."""
        for own, name, old in reversed(self.attributes):
            if _alike(old, own.get(name)):
                own[name] = old

    def restore(self) -> None:
        """Put everything back."""
        attributes.epoch += bool(self.attributes)
        for own, name, value in reversed(self.attributes):
            if value is MISSING:
                own.pop(name, None)
            else:
                own[name] = value
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
                undo.settle()
                if outer is not None:
                    outer.attributes += undo.attributes
            finally:
                self.undo = outer


lifecycle = _Lifecycle()


def renew(old: Any, new: Any) -> Any:
    """``new``, where states that ``old`` has in the same places stay and take the new values; lists and dicts change in place."""
    if type(new) is not type(old) or new is old:
        return new
    if isinstance(new, State):
        old.value = new.value
        return old
    if type(new) is tuple:
        return (*map(renew, old, new), *new[len(old) :])
    if type(new) is list:
        new[: len(old)] = map(renew, old, new)
    elif type(new) is dict:
        new.update({k: renew(old[k], v) for k, v in new.items() if k in old})
    return new


def _alike(a: Any, b: Any) -> bool:
    """Whether two lists or dicts, or such within such, hold the same objects."""
    if a is b or type(a) is not type(b) or type(a) not in (list, dict, tuple):
        return a is b
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(_alike, a.values(), b.values()))
    return len(a) == len(b) and all(map(_alike, a, b))
