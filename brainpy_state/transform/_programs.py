"""Programs found again: by what a function refers to, and by the signature of the call."""

from __future__ import annotations

import functools
import logging
import threading
import types
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import brainunit as u
import jax
import numpy as np

from .._frames import stack
from .._garbage import no_collection
from ..state import State
from ._args import check_args, hide_statics, name_of, signature
from ._look import cell_content, code_of, global_names, is_fixed, is_made, is_plain
from ._program import OtherSignature, Program
from ._watch import watching
from ._world import World

_MOST_PROGRAMS = 128
_MOST_TRIED = 8  # programs that a call tries before it computes its signature
_OFTEN = 16  # times that a value made a function compile again, after which it is told

_NO_OWNERS = (
    *(types.ModuleType, type, types.BuiltinFunctionType, types.FunctionType, types.MethodType, functools.partial),
    *(State, jax.Array, u.Quantity, np.ndarray, list, tuple, dict, set, frozenset),
)
_log = logging.getLogger(__name__)

_CHANGES_OFTEN = """\
%s has been compiled %d times, because %s keeps changing: Python values are part of what is compiled. Hold it in a State, or pass it as an \
argument; then it is an input of one program."""


class Programs:
    """The programs made from one function, found again by the signature of the call.

    Parameters
    ----------
    build : callable
        ``build(fn, args)`` traces and returns a `Program`.
    """

    def __init__(self, build: Callable[[Any, Any], Program]):
        self._build = build
        self._table: dict[Any, list[Program]] = {}
        self._recent: tuple[Program, ...] = ()  # each once, the one used last in front
        self._alike = False  # whether several differ in the signature alone, so that trying them would compile in vain
        self._changes = 0
        self._lock = threading.RLock()  # threads may add programs at once

    def __call__(self, fn: Any, args: Any) -> Any:
        tried = None
        if stack.top is None:
            for program in self._likely(args):
                if program.is_current(fn):
                    try:
                        return program.call_eagerly(args, self._extend, fn)
                    except (OtherSignature, TypeError):  # a TypeError of an argument that is no array gets a better text below
                        tried = program
                        break
        program = self.find(fn, args)
        self._alike |= tried is not None and program is not tried
        return program(args)

    def _likely(self, args: Any) -> Sequence[Program]:
        """Programs to try, those used last in front."""
        if not self._alike:
            return self._recent
        try:
            return self._table.get(signature(args), ())
        except TypeError:
            return ()

    def find(self, fn: Any, args: Any) -> Program:
        """The program for a call: one that was made before, or a new one."""
        key = self._key(fn, args)
        for program in self._table.get(key, ()):
            if program.fits(fn, args):
                self._use(program)
                return program
        self._tell(key, fn)
        return self._make(key, fn, args, self._recent)

    def _extend(self, program: Program, fn: Any, args: Any) -> None:
        """Trace for a signature that a program does not know, and let it take that in if it can."""
        try:
            self._make(self._key(fn, args), fn, args, (program,))
        except BaseException:
            program.is_closed = self._alike = True  # JAX will not call it quickly for this signature again
            raise

    def _key(self, fn: Any, args: Any) -> Any:
        try:
            return signature(args)
        except TypeError:
            check_args(name_of(fn), args)
            raise

    def _make(self, key: Any, fn: Any, args: Any, others: Sequence[Program]) -> Program:
        """Trace, and give the new program, or the other one that has taken it in."""
        with no_collection(), watching() as watch:
            program = self._build(fn, args)
        program.world = World(fn, watch)
        if not program.reusable:
            return program
        with self._lock:
            self._forget()
            for other in others:
                if other.is_current(fn) and other.take_in(program):
                    program = other
                    break
            self._table.setdefault(key, []).insert(0, program)
            self._use(program)
        return program

    def _use(self, program: Program) -> None:
        """Try this program first from now on."""
        if not (self._recent and self._recent[0] is program):
            with self._lock:
                self._recent = (program, *(other for other in self._recent if other is not program))[:_MOST_TRIED]

    def _tell(self, key: Any, fn: Any) -> None:
        """Say once which value makes a function compile again and again."""
        known = self._table.get(key)
        if not known or stack.top is not None or self._changes > _OFTEN:
            return
        place = known[0].world.difference(fn)
        self._changes += place is not None
        if self._changes == _OFTEN:
            _log.warning(_CHANGES_OFTEN, name_of(fn), _OFTEN, place)
            self._changes += 1

    def _forget(self) -> None:
        """Drop programs that can fit no call any more, and the oldest where there are too many."""
        for key, programs in list(self._table.items()):
            self._table[key] = [program for program in programs if not program.lost]
        if sum(map(len, self._table.values())) >= _MOST_PROGRAMS:
            next(programs for programs in self._table.values() if programs).pop()
        self._table = {key: programs for key, programs in self._table.items() if programs}
        kept = {id(program) for programs in self._table.values() for program in programs}
        self._recent = tuple(program for program in self._recent if id(program) in kept)

    def clear(self) -> None:
        """Forget every program."""
        with self._lock:
            self._table, self._recent = {}, ()


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
        programs = table[key, part] = Programs(build)
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


def anchor(fns: tuple[Callable, ...]) -> tuple[Any, Any]:
    """What the programs of functions live as long as, and a name for the functions there.

    A method's programs live with its object. Those of plain functions live with the first object
    that they refer to, so that functions written anew in each call find them again. A function that a
    transform has made says in its attribute ``stands_for`` from which function and by which options.
    """
    kinds = tuple(map(code_of, fns))
    for fn in fns:
        if isinstance(fn, types.MethodType) and _is_owner(fn.__self__):
            return fn.__self__, kinds
    for owner in owners(fns):
        return owner, kinds
    own: Any = fns[0]
    while is_made(own):
        own = own.stands_for[0]
    if isinstance(own, types.FunctionType) and own.__closure__ is None:  # what it refers to is global and lives on anyway
        return own.__code__, kinds
    return own, kinds


def owners(value: Any) -> Iterator[Any]:
    """Objects of users that a value is, holds or refers to, each once."""
    return _owners(value, set())


def _owners(value: Any, seen: set[int]) -> Iterator[Any]:
    if is_plain(value) or id(value) in seen:
        return
    seen.add(id(value))
    for part in _referred(value):
        yield from _owners(part, seen)
    if _is_owner(value):
        yield value


def _referred(value: Any) -> list[Any]:
    if is_made(value):
        return [value.stands_for[0]]
    if isinstance(value, types.MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, functools.partial):
        return [*value.args, *value.keywords.values(), value.func]
    if isinstance(value, types.FunctionType):
        room = value.__globals__
        held = [*map(cell_content, value.__closure__ or ()), *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        return held if is_fixed(value.__module__ or '') else [*held, *(room[name] for name in sorted(global_names(value)) if name in room)]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    return [*value, *value.values()] if isinstance(value, dict) else []


def _is_owner(value: Any) -> bool:
    """Whether programs may live as long as this: an object of a user, known by its identity, that no program holds."""
    if isinstance(value, _NO_OWNERS):
        return False
    return type(value).__hash__ in (object.__hash__, None) and hasattr(value, '__dict__') and not hasattr(value, '__wrapped__')
