"""Programs: lifted functions, compiled, and found again by the signature of the call."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import brainunit as u
import jax
import numpy as np

from .. import environ, event
from .._frames import EAGER, current_trace, stack
from ..state import State
from ._lift import Lifted, signature


class OtherSignature(Exception):  # noqa: N818  (a signal, not an error)
    """Raised while JAX traces a program for arguments that it was not made for."""


class Program:
    """A pure function over states, with the states that it is about; compiled once.

    Parameters
    ----------
    pure : callable
        ``pure(values, settings, captured, args) -> (out, new_values)``.
    lifted : Lifted
        Where settings and captured arrays come from.
    reads, writes : sequence of State
        Whose values go in and come out.
    args : pytree
        Arguments of the first call.
    """

    def __init__(self, pure: Callable, lifted: Lifted, reads: Sequence[State], writes: Sequence[State], args: Any):
        self.reads, self.writes = tuple(reads), tuple(writes)
        self.settings = lifted.settings
        self.static = tuple(lifted.static.items())
        self.static_states = tuple(lifted.static_states.items())
        self.captured = lifted.captured
        self.signature = signature((self._values(), self._settings(), args))
        self.mode = _mode()

        def checked(values: Any, settings: Any, captured: Any, args: Any) -> Any:
            if self.mode != _mode() or signature((values, settings, args)) != self.signature:
                raise OtherSignature
            return pure(values, settings, captured, args)

        self.jitted = jax.jit(checked)

    @property
    def reusable(self) -> bool:
        """False when an array of an enclosing trace was captured, which ends with that trace."""
        return not any(isinstance(x, jax.core.Tracer) for x in self.captured)

    def _values(self) -> list[Any]:
        return [s.value for s in self.reads]

    def _settings(self) -> list[Any]:
        return [environ.get(key) for key in self.settings]

    def same_statics(self) -> bool:
        """Whether what was taken as a constant has the same value still, and what was taken as an input is one still."""
        inputs = map(environ.lookup, self.settings)
        if any(setting is None or setting.static for setting in inputs):  # no longer set, or to something that is no number
            return False
        for key, value in self.static:
            now = environ.peek(key)
            if now is not value and not _equal(now, value):
                return False
        return all(_equal(s.value, value) for s, value in self.static_states)

    def fits(self, args: Any) -> bool:
        """Whether this program is the right one for the world as it is now."""
        if self.mode != _mode() or not self.same_statics():
            return False
        return signature((self._values(), self._settings(), args)) == self.signature

    def __call__(self, args: Any) -> Any:
        out, new = self.jitted(self._values(), self._settings(), self.captured, args)
        for state, value in zip(self.writes, new, strict=True):
            state.value = value
        return out

    def call_eagerly(self, args: Any) -> Any:
        """The quick way for a call outside of every trace; raises `OtherSignature` if it does not fit.

        That types or the mode are others is left to JAX to find: its own cache misses then.
        """
        if not self.same_statics():
            raise OtherSignature
        out, new = self.jitted([s.local_value for s in self.reads], self._settings(), self.captured, args)
        for state, value in zip(self.writes, new, strict=True):
            state._value = value
        return out


def _mode() -> tuple[bool, str]:
    """What decides a trace besides the settings of `environ`."""
    return jax.config.jax_enable_x64, event.preference()  # type: ignore[attr-defined]


def _equal(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, u.Quantity) and isinstance(b, u.Quantity):
        return a.unit == b.unit and bool(np.all(a.mantissa == b.mantissa))
    return type(a) is type(b) and bool(np.all(a == b))


class Programs:
    """The programs made from one function, found again by the signature of the call.

    Parameters
    ----------
    build : callable
        ``build(args)`` traces and returns a `Program`.
    """

    def __init__(self, build: Callable[[Any], Program]):
        self._build = build
        self._table: dict[Any, list[Program]] = {}
        self._only: Program | None = None

    def __call__(self, args: Any) -> Any:
        if self._only is not None and stack.top is None and current_trace() is EAGER:
            try:
                return self._only.call_eagerly(args)
            except OtherSignature:
                pass
        return self._find(args)(args)

    def _find(self, args: Any) -> Program:
        key = signature(args)
        for program in self._table.get(key, ()):
            if program.fits(args):
                return program
        program = self._build(args)
        if program.reusable:
            self._only = program if not self._table else None
            self._table.setdefault(key, []).append(program)
        return program

    def clear(self) -> None:
        """Forget every program."""
        self._table.clear()
        self._only = None


_shared: weakref.WeakKeyDictionary[Any, dict[Any, Programs]] = weakref.WeakKeyDictionary()


def programs_of(fn: Any, key: Any, build: Callable[[Callable, Any], Program]) -> Programs:
    """The programs of a transform that is called anew each time, kept as long as ``fn`` lives.

    Parameters
    ----------
    fn : callable
        The user's function; a bound method counts as its object's.
    key : hashable
        The transform and its options.
    build : callable
        ``build(fn, args)`` returns a `Program`; it must not hold ``fn``.
    """
    function = getattr(fn, '__func__', None)  # a built-in function has `__self__`, its module, but is no method
    owner = fn if function is None else fn.__self__
    key = (key, function)
    try:
        table = _shared.setdefault(owner, {})
    except TypeError:  # not weakly referable: nothing to hang the programs on
        table = {}
    if key not in table:
        ref: Any = _reference(fn) if function is None else weakref.WeakMethod(fn)
        table[key] = Programs(lambda args: build(ref(), args))
    return table[key]


def _reference(fn: Callable) -> Any:
    try:
        return weakref.ref(fn)
    except TypeError:
        return lambda: fn
