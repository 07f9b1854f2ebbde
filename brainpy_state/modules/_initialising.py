"""What holds while the states of a tree are initialised: they keep their identity, and a failure is undone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._frames import MISSING, attributes
from ..state import State, Undo


class UndoAll(Undo):
    """Remembers what attributes of modules held besides states."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[tuple[dict, str, Any]] = []

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
        for own, name, value in reversed(self.attributes):
            if value is MISSING:
                own.pop(name, None)
            else:
                own[name] = value
        if self.attributes:
            attributes.changed()
        super().restore()


class _Lifecycle(threading.local):
    undo: UndoAll | None = None  # while the states of a tree are initialised or reset

    @contextmanager
    def open(self) -> Iterator[UndoAll]:
        outer = self.undo
        with UndoAll() as undo:
            self.undo = undo
            try:
                yield undo
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
        old.begin_with(new.value)
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
