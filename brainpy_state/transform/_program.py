"""Programs: lifted functions, compiled, and found again by the signature of the call."""

from __future__ import annotations

import functools
import itertools
import threading
import weakref
from collections.abc import Callable, Collection, Sequence
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._frames import EAGER, current_trace, stack
from ..random._claims import claim, release, split_off
from ..state import NO_HOOKS, State, any_hooks, fingerprint, write_back
from ._args import Static, check_args, hide_statics, name_of, signature
from ._error_if import Flag, raise_if_set
from ._lift import Lifted
from ._world import World, anchor

_MOST_PROGRAMS = 128


class OtherSignature(Exception):  # noqa: N818  (a signal, not an error)
    """Raised while JAX traces a program for arguments that it was not made for."""


class Program:
    """A pure function over states, with the states that it is about; compiled once.

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
        self.attributes = [part.attributes for part in parts]
        self.captured: list[Any] = lifted.captured if isinstance(lifted, Lifted) else [part.captured for part in parts]
        self.signature = made_for = signature((self._values(), self._settings(), args))
        self.statics = [x for x in jax.tree.leaves(args, is_leaf=lambda x: isinstance(x, Static)) if isinstance(x, Static)]
        self.mode = mode = _mode()
        self.hooks = fingerprint(self.writes)
        self.array = _array_type()

        def checked(values: Any, settings: Any, captured: Any, args: Any) -> Any:  # without `self`, which would be a cycle
            if mode != _mode() or signature((values, settings, args)) != made_for:
                raise OtherSignature
            return pure(values, settings, captured, args)

        self.jitted = jax.jit(checked) if donate is None else _Donating(checked, donate(self._values(), args))

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
        for read in self.attributes:
            if not read.unchanged():
                return False
        return not self.static_states or all(_equal(s.peek(), value) for s, value in self.static_states)

    def fits(self, fn: Any, args: Any) -> bool:
        """Whether this program is the right one for the world as it is now."""
        if self.mode != _mode() or not self.same_statics() or not self.world.holds_for(fn):
            return False
        return signature((self._values(), self._settings(), args)) == self.signature

    def __call__(self, args: Any) -> Any:
        if stack.top is not None:
            for obj, name, value in itertools.chain(*self.attributes):
                stack.top.read_attribute(obj, name, value)
        eager = current_trace() is EAGER
        taken = claim(self.random) if eager else ()
        try:
            out, new = self.jitted(self._values(taken), self._settings(), self.captured, args)
            if self.flags and eager:
                raise_if_set([(new[k], flag) for k, flag in self.flags])
            write_back(*self._to_write(new, taken))
        finally:
            if eager:
                release(self.random, taken)
        return out

    def trace(self, args: Any) -> jax.stages.Traced:
        """JAX's traced program for these arguments."""
        return self.jitted.trace(self._values(), self._settings(), self.captured, args)

    def call_eagerly(self, args: Any) -> Any:
        """The quick way for a call outside of every frame; raises `OtherSignature` if it does not fit.

        That types or the mode are others is left to JAX to find: its own cache misses then. That a raw JAX
        transform is under way shows in the results, which then are no arrays.
        """
        if not self.same_statics():
            raise OtherSignature
        taken = claim(self.random) if self.random else ()
        try:
            values = self._values(taken) if taken else [s.local_value for s in self.reads]
            out, new = self.jitted(values, self._settings(), self.captured, args)
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
        self._marks, self._tree = marks, tree

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


@functools.cache
def _array_type() -> type:
    with jax.ensure_compile_time_eval():
        return type(jnp.zeros(()))


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
        ``build(fn, args)`` traces and returns a `Program`.
    owned : bool
        Whether the function is kept alive anyway by who keeps this.
    """

    def __init__(self, build: Callable[[Any, Any], Program], *, owned: bool):
        self._build = build
        self._owned = owned
        self._table: dict[Any, list[Program]] = {}
        self._only: Program | None = None
        self._lock = threading.RLock()  # threads may add programs at once

    def __call__(self, fn: Any, args: Any) -> Any:
        only = self._only
        if only is not None and stack.top is None and self._same_world(only, fn):
            try:
                return only.call_eagerly(args)
            except (OtherSignature, TypeError):  # a TypeError of an argument that is no array gets a better text below
                pass
        return self.find(fn, args)(args)

    def _same_world(self, program: Program, fn: Any) -> bool:
        return program.world.unchanged() if self._owned else program.world.holds_for(fn)

    def find(self, fn: Any, args: Any) -> Program:
        """The program for a call: one that was made before, or a new one."""
        try:
            key = signature(args)
        except TypeError:
            check_args(name_of(fn), args)
            raise
        for program in self._table.get(key, ()):
            if program.fits(fn, args):
                return program
        world = World(fn, self._owned)
        program = self._build(fn, args)
        world.settle(fn)
        program.world = world
        if program.reusable:
            with self._lock:
                self._forget()
                self._only = program if not self._table else None
                self._table.setdefault(key, []).append(program)
        return program

    def _forget(self) -> None:
        """Drop programs that can fit no call any more, and the oldest where there are too many."""
        for key, programs in list(self._table.items()):
            self._table[key] = [program for program in programs if not program.lost]
        if sum(map(len, self._table.values())) >= _MOST_PROGRAMS:
            next(programs for programs in self._table.values() if programs).pop(0)
        self._table = {key: programs for key, programs in self._table.items() if programs}

    def clear(self) -> None:
        """Forget every program."""
        with self._lock:
            self._table = {}
            self._only = None


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


class _Tables:
    """A table for each object, which is known by its identity and not kept alive."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[weakref.ref, dict[Any, Programs]]] = {}

    def of(self, owner: Any) -> dict[Any, Programs]:
        key = id(owner)
        ref, table = self._found.get(key, (None, {}))
        if ref is None or ref() is not owner:
            try:
                ref, table = weakref.ref(owner, lambda _: self._found.pop(key, None)), {}
            except TypeError:  # not weakly referable: nothing to hang the programs on
                return {}
            self._found[key] = ref, table
        return table


_shared = _Tables()


def shared_programs(fns: Callable | tuple[Callable, ...], key: Any, build: Callable[[Any, Any], Program]) -> Programs:
    """The programs of a function, or functions, that are kept with what it refers to; see `programs_of`."""
    owner, part = anchor(fns if isinstance(fns, tuple) else (fns,))
    table = _shared.of(owner)
    programs = table.get((key, part))
    if programs is None:
        programs = table[key, part] = Programs(build, owned=False)
    return programs


def programs_of(
    fns: Callable | tuple[Callable, ...], key: Any, build: Callable[[Any, Any], Program], *, arrays: bool = False
) -> Callable[[Any], Any]:
    """The programs of a transform that is called anew each time, as a function of the arguments.

    Parameters
    ----------
    fns : callable or tuple of callable
        The user's function, or functions.
    key : hashable
        The transform and its options.
    build : callable
        ``build(fns, args)`` returns a `Program`; it must not hold ``fns``.
    arrays : bool
        Whether every argument is an array. Else booleans, strings and objects are static.
    """
    programs = shared_programs(fns, key, build)
    return lambda args: programs(fns, args if arrays else hide_statics(args))
