"""Programs: lifted functions, compiled."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any

import brainunit as u
import jax
import jax.extend.core as jex_core
import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._frames import EAGER, current_trace
from .._garbage import no_collection
from ..event._interrupts import listening
from ..random._claims import claim, release, split_off
from ..state import NO_HOOKS, State, any_hooks, fingerprint, write_back
from ._args import Static, signature
from ._error_if import Flag, raise_if_set
from ._lift import Lifted
from ._watch import current_watch
from ._world import World

_MOST_SIGNATURES = 32  # of one program


class OtherSignature(Exception):  # noqa: N818  (a signal, not an error)
    """Raised while JAX traces a program for arguments that it was not made for."""


class Program:
    """A pure function over states, with the states that it is about; compiled once for each signature.

    One that was made for other arguments, but touches the same states and captures the same arrays, can be taken in (`take_in`).
    JAX then tells the signatures of calls apart, as it does for `jax.jit`.

    Parameters
    ----------
    pure : callable
        ``pure(values, settings, captured, args) -> (out, new_values)``.
    lifted : Lifted, or several
        Where settings, captured arrays and constants come from.
    reads, writes : sequence of State
        Whose values go in and come out.
    args : pytree
        Arguments of the first call.
    donate : callable, optional
        ``donate(values, args)`` gives the same pair with True for each array whose memory may be reused.
    """

    world: World
    is_closed = False  # whether it cannot take in another
    listens = False  # whether an interrupt ends its loops

    def __init__(
        self,
        pure: Callable,
        lifted: Lifted | Sequence[Lifted],
        reads: Sequence[State],
        writes: Sequence[State],
        args: Any,
        *,
        donate: Callable[[Any, Any], Any] | None = None,
    ):
        parts = [lifted] if isinstance(lifted, Lifted) else list(lifted)
        self.reads, self.writes = tuple(reads), tuple(writes)
        self.random = tuple(s for s in self.reads if s.with_key is not None and s in self.writes)
        self.flags = [(k, state) for k, state in enumerate(self.writes) if isinstance(state, Flag)]
        self.settings = tuple(dict.fromkeys(key for part in parts for key in part.settings))
        self.static = tuple({key: value for part in parts for key, value in part.static.items()}.items())
        self.static_states = tuple({s: value for part in parts for s, value in part.static_states.items()}.items())
        self.captured: list[Any] = lifted.captured if isinstance(lifted, Lifted) else [part.captured for part in parts]
        self.statics = [x for x in jax.tree.leaves(args, is_leaf=lambda x: isinstance(x, Static)) if isinstance(x, Static)]
        self.hooks = fingerprint(self.writes)
        self.array = _array_type()
        self._pure = {self.signature(args): pure}
        checked = _checked(self._pure)
        self.jitted = jax.jit(checked) if donate is None else _Donating(checked, donate(self._values(), args))

    def signature(self, args: Any) -> Any:
        """What decides which code runs in a call with these arguments, as states and settings are now."""
        return _mode(), signature((self._values(), self._settings(), args))

    def take_in(self, other: Program) -> bool:
        """Take over what another program does for its signature, if it differs in nothing else."""
        if self.is_closed or len(self._pure) >= _MOST_SIGNATURES or not self._donates_like(other):
            return False
        if any(static.weak for static in (*self.statics, *other.statics)):  # each lives as long as its object
            return False
        facts = (self.reads, self.writes, self.settings, self.hooks)
        if facts != (other.reads, other.writes, other.settings, other.hooks) or not _all_equal(self.captured, other.captured):
            return False
        if not (_same_items(self.static, other.static) and _same_items(self.static_states, other.static_states)):
            return False
        self._pure.update(other._pure)
        self.statics = [*self.statics, *other.statics]
        self.world.join(other.world)
        return True

    def _donates_like(self, other: Program) -> bool:
        mine, others = self.jitted, other.jitted
        if isinstance(mine, _Donating) and isinstance(others, _Donating):
            return mine.pattern == others.pattern
        return not isinstance(mine, _Donating) and not isinstance(others, _Donating)

    @property
    def reusable(self) -> bool:
        """False when an array of an enclosing trace was captured, which ends with that trace."""
        return not any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(self.captured))

    @property
    def lost(self) -> bool:
        """Whether no call can fit any more, because something that it was made for has ceased to exist."""
        return self.world.lost or any(static.lost for static in self.statics)

    def _values(self, taken: Collection[State] = ()) -> list[Any]:
        return [split_off(s) if s in taken else s.peek() for s in self.reads]

    def _settings(self) -> list[Any]:
        return [environ.get(key) for key in self.settings]

    def same_statics(self) -> bool:
        """Whether what was taken as a constant has the same value still, and what was taken as an input is one still."""
        if (self.hooks is not NO_HOOKS or any_hooks()) and fingerprint(self.writes) != self.hooks:
            return False
        for key in self.settings:
            setting = environ.lookup(key)
            if setting is None or setting.static:  # no longer set, or to something that is no number
                return False
        for key, value in self.static:
            now = environ.peek(key)
            if now is not value and not _equal(now, value):
                return False
        return not self.static_states or all(_equal(s.peek(), value) for s, value in self.static_states)

    def is_current(self, fn: Any) -> bool:
        """Whether the world is as it was when this program was made, so that only the signature may be another."""
        return self.same_statics() and self.world.holds(fn)

    def fits(self, fn: Any, args: Any) -> bool:
        """Whether this program is the right one for the world as it is now."""
        return self.is_current(fn) and self.signature(args) in self._pure

    def __call__(self, args: Any) -> Any:
        if (watch := current_watch()) is not None and hasattr(self, 'world'):  # one that is used once has none
            self.world.tell(watch)
        eager = current_trace() is EAGER
        taken = claim(self.random) if eager else ()
        try:
            out, new = self._run(self._values(taken), self._settings(), self.captured, args)
            if self.flags and eager:
                raise_if_set([(new[k], flag) for k, flag in self.flags])
            write_back(*self._to_write(new, taken))
        finally:
            if eager:
                release(self.random, taken)
        return out

    def _run(self, *given: Any) -> Any:
        return listening(self.jitted, *given) if self.listens else self.jitted(*given)

    def trace(self, args: Any, placed: Callable[[Any], Any] = lambda tree: tree) -> jax.stages.Traced:
        """JAX's traced program for these arguments, or for states and arrays as they will be placed."""
        return self.jitted.trace(placed(self._values()), self._settings(), placed(self.captured), placed(args))

    def call_eagerly(self, args: Any, trace: Callable[[Program, Any, Any], None], fn: Any) -> Any:
        """The quick way for a call outside of every frame, of a program that is current; raises `OtherSignature` if it does not fit.

        For a signature that it does not know it calls ``trace(program, fn, args)``, which may let it take in another program.
        That types or the mode are others is left to JAX to find: its own cache misses then. That a raw JAX
        transform is under way shows in the results, which then are no arrays.
        """
        taken = claim(self.random) if self.random else ()
        asked = _asked
        asked.call = trace, self, fn, args
        try:
            values = self._values(taken) if taken else [s._value for s in self.reads]  # one that has escaped from a trace is a TypeError
            run = self._run if self.listens else self.jitted
            out, new = run(values, self._settings() if self.settings else [], self.captured, args)
            traced = new and type(new[0]) is not self.array and current_trace() is not EAGER
            if self.flags and not traced:
                raise_if_set([(new[k], flag) for k, flag in self.flags])
            writes, new = self._to_write(new, taken) if taken else (self.writes, new)
            if traced or any_hooks():
                write_back(writes, new)  # which refuses a write inside a raw JAX transform, or tells hooks
                return out
            for state, value in zip(writes, new, strict=True):
                state._value = value
            return out
        finally:
            asked.call = None
            if self.random:
                release(self.random, taken)

    def _to_write(self, new: list[Any], taken: Collection[State]) -> tuple[Sequence[State], list[Any]]:
        """States and their new values, without random states that another call has claimed."""
        kept = [(state, value) for state, value in zip(self.writes, new, strict=True) if state not in taken]
        return [state for state, _ in kept], [value for _, value in kept]


class _Donating:
    """A compiled function that uses the memory of some of its inputs again.

    Parameters
    ----------
    checked : callable
        Of ``(values, settings, captured, args)``.
    mask : pair
        Like ``(values, args)``, with True for each array to donate.
    """

    def __init__(self, checked: Callable, mask: Any):
        marks: list[bool]
        tree: Any
        marks, tree = jax.tree.flatten(mask)
        self._marks, self._tree = self.pattern = marks, tree

        def call(given: list[Any], kept: list[Any], settings: Any, captured: Any) -> Any:
            parts = iter(given), iter(kept)
            values, args = tree.unflatten([next(parts[0] if mark else parts[1]) for mark in marks])
            return checked(values, settings, captured, args)

        self._jitted = jax.jit(call, donate_argnums=0)

    def __call__(self, values: Any, settings: Any, captured: Any, args: Any) -> Any:
        return self._jitted(*self._sort(values, settings, captured, args), settings, captured)

    def trace(self, values: Any, settings: Any, captured: Any, args: Any) -> jax.stages.Traced:
        return self._jitted.trace(*self._sort(values, settings, captured, args), settings, captured)

    def _sort(self, values: Any, settings: Any, captured: Any, args: Any) -> tuple[list[Any], list[Any]]:
        leaves: list[Any]
        tree: Any
        leaves, tree = jax.tree.flatten((values, args))
        if tree != self._tree:
            raise OtherSignature
        given = [leaf for leaf, mark in zip(leaves, self._marks, strict=True) if mark]
        kept = [leaf for leaf, mark in zip(leaves, self._marks, strict=True) if not mark]
        used = set(map(id, jax.tree.leaves((kept, settings, captured))))
        for k, leaf in enumerate(given):
            if id(leaf) in used and isinstance(leaf, jax.Array):  # two states may hold one array, whose memory can be given only once
                given[k] = jnp.copy(leaf)
            used.add(id(leaf))
        return given, kept


class _Asked(threading.local):
    call: tuple[Callable, Program, Any, Any] | None = None  # what a program calls for a signature that it does not know, and with what


_asked = _Asked()


def _checked(pure: dict[Any, Callable]) -> Callable:
    """A function for JAX to compile, which does for each signature what was traced for it; it holds no program.

    A new signature is traced from within, since JAX calls a function slowly for ever whose first call of a signature has failed.
    """

    def checked(values: Any, settings: Any, captured: Any, args: Any) -> Any:
        key = _mode(), signature((values, settings, args))
        if key not in pure and _asked.call is not None:
            (trace, *arguments), _asked.call = _asked.call, None
            with jex_core.set_current_trace(EAGER):
                trace(*arguments)
        if key not in pure:
            raise OtherSignature
        with no_collection():
            return pure[key](values, settings, captured, args)

    return checked


@functools.cache
def _array_type() -> type:
    with jax.ensure_compile_time_eval():
        return type(jax.device_put(np.zeros(())))  # which compiles nothing


def _mode() -> tuple[bool, str]:
    """What decides a trace besides the settings of `environ`."""
    return jax.config.jax_enable_x64, event.preference()  # type: ignore[attr-defined]


def _equal(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, u.Quantity) and isinstance(b, u.Quantity):
        return a.unit == b.unit and bool(np.all(a.mantissa == b.mantissa))
    return type(a) is type(b) and bool(np.all(a == b))


def _same_items(a: tuple[tuple[Any, Any], ...], b: tuple[tuple[Any, Any], ...]) -> bool:
    return len(a) == len(b) and all(i is k and _equal(x, y) for (i, x), (k, y) in zip(a, b, strict=True))


def _all_equal(a: Any, b: Any) -> bool:
    """Whether two lists hold the same arrays, or equal ones."""
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(_all_equal, a, b))
    if a is b:
        return True
    if isinstance(a, jax.core.Tracer) or isinstance(b, jax.core.Tracer) or jax.typeof(a) != jax.typeof(b):
        return False
    return bool(np.array_equal(np.asarray(a), np.asarray(b)))


class union:  # noqa: N801
    """What several lifted functions touch, for a program in which each runs with the states of all.

    Parameters
    ----------
    parts : sequence of Lifted
        The functions.
    """

    def __init__(self, parts: Sequence[Lifted]):
        self.touched = tuple(dict.fromkeys(s for part in parts for s in part.touched))
        self.writes = tuple(dict.fromkeys(s for part in parts for s in part.writes))
        self._settings = list(dict.fromkeys(key for part in parts for key in part.settings))

    def run(self, part: Lifted, now: dict[State, Any], settings: Any, captured: Any, args: Any) -> tuple[Any, list[Any]]:
        """Run one of them; gives its result and the values of all written states after it."""
        own = [settings[self._settings.index(key)] for key in part.settings]
        out, new = part.pure([now[s] for s in part.reads], own, captured, args)
        after = now | dict(zip(part.writes, new, strict=True))
        return out, [after[s] for s in self.writes]
