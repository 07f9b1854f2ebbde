"""The stack of frames: who is told when a state or a setting is read or written.

A *frame* is opened while a function is traced (`transform.lift`) or watched (`StateTraceStack`).
Each thread has its own stack. With no frame open, states and settings are plain Python values and
nothing is paid here. A frame sees only what was created outside of it: what is created inside
is an ordinary local of the function being traced.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import jax.extend.core as jex_core


class _Stack(threading.local):
    top: Frame | None = None
    checks: frozenset[str] = frozenset()  # what is checked of every write, besides what always is


stack = _Stack()


def current_trace() -> Any:
    """The JAX trace in which operations of this thread are recorded right now."""
    with jex_core.take_current_trace() as trace:
        return trace


EAGER = current_trace()


class Frame:
    """One entry of the stack. By itself it passes reads and writes on, as if it were not there."""

    parent: Frame | None = None

    def __enter__(self) -> Self:
        self.parent = stack.top
        stack.top = self
        return self

    def __exit__(self, *exc_info: Any) -> None:
        if stack.top is not self:
            raise RuntimeError(f'{type(self).__name__} was left out of order: frames close in the reverse order of opening.')
        stack.top = self.parent

    def owns(self, home: Frame | None) -> bool:
        """Whether something created while ``home`` was on top was created inside this frame."""
        while home is not None:
            if home is self:
                return True
            home = home.parent
        return False

    def adopt(self, state: Any) -> None:
        """Take note of a state that was created inside this frame."""
        if self.parent is not None:
            self.parent.adopt(state)

    def read(self, state: Any) -> Any:
        """What a state holds, seen from inside this frame."""
        return state.local_value if self.parent is None else self.parent.read(state)

    def write(self, state: Any, value: Any) -> None:
        """Let a state hold a value, as far as this frame is concerned."""
        if self.parent is None:
            state.write_local(value)
        else:
            self.parent.write(state, value)

    def put_back(self, state: Any, value: Any) -> None:
        """Let a state hold a restored value; a write, unless a frame tells them apart and calls `pass_back`."""
        self.write(state, value)

    def pass_back(self, state: Any, value: Any) -> None:
        """Hand a restored value on to the parent."""
        if self.parent is None:
            state.write_local(value)
        else:
            self.parent.put_back(state, value)

    def read_setting(self, setting: Setting) -> Any:
        """The value of a setting, seen from inside this frame."""
        return setting.value if self.parent is None else self.parent.read_setting(setting)


class _Told(threading.local):
    tell: Callable[[Any, str, Any], None] | None = None


class _Attributes:
    """Tells who traces in this thread which attributes of models are read.

    ``epoch`` is another object whenever an attribute of some model has been bound to another object.
    """

    def __init__(self) -> None:
        self.epoch = object()
        self._classes: list[type] = []
        self._traces = 0
        self._lock = threading.Lock()
        self._local = _Told()

    def watch(self, cls: type) -> type:
        """Watch the instances of a class and of its subclasses; used as a decorator."""
        self._classes.append(cls)
        return cls

    def reports(self, cls: type) -> bool:
        """Whether instances of a class are watched."""
        return issubclass(cls, tuple(self._classes))

    def changed(self) -> None:
        """Take note that an attribute has been bound anew; a count would lose what two threads add at once."""
        self.epoch = object()

    def tell(self, obj: Any, name: str, value: Any) -> None:
        """Take note that an attribute was read; only while a function is traced."""
        if (tell := self._local.tell) is not None:
            tell(obj, name, value)

    @contextmanager
    def reported(self, tell: Callable[[Any, str, Any], None]) -> Iterator[None]:
        """Reads of this thread are told in this block, as ``tell(object, name, value)``. Outside they cost nothing."""
        with self._lock:
            self._traces += 1
            if self._traces == 1:
                for cls in self._classes:
                    cls.__getattribute__ = _report  # type: ignore[method-assign, assignment]
        outer, self._local.tell = self._local.tell, tell
        try:
            yield
        finally:
            self._local.tell = outer
            with self._lock:
                self._traces -= 1
                if self._traces == 0:
                    for cls in self._classes:
                        del cls.__getattribute__


def _report(obj: Any, name: str) -> Any:
    if name[:2] != '__' and (tell := attributes._local.tell) is not None:
        own = object.__getattribute__(obj, '__dict__')
        if name in own or hasattr(type(obj), name):  # else it is not there, as Python will say
            tell(obj, name, own.get(name, MISSING))
    return object.__getattribute__(obj, name)


attributes = _Attributes()


class Setting:
    """A value of `environ` under a key, and the frame in which it was set.

    ``static`` settings are part of a compiled function's cache key, the others are inputs of it.
    """

    __slots__ = ('home', 'key', 'static', 'value')

    def __init__(self, key: str, value: Any, static: bool):
        self.key = key
        self.value = value
        self.static = static
        self.home = None if value is MISSING else stack.top  # what is not set was not set by anyone


class _Missing:
    def __repr__(self) -> str:
        return 'MISSING'


MISSING = _Missing()


class Escaped:
    """What a state holds after the trace that created it has ended: nothing that can be used."""

    def __init__(self, where: str):
        self.where = where


@contextmanager
def suspended() -> Iterator[None]:
    """Run a block with no frame open, on concrete values."""
    top, stack.top = stack.top, None
    try:
        yield
    finally:
        stack.top = top
