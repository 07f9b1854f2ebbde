"""What a user's Python does while functions are traced: which functions run, and which attributes of models they read.

A program is made while Python runs a function once. All that Python finds meanwhile in variables,
attributes and containers becomes part of the program, so it must be known what this was. A `Watch` is told of every Python function
that runs, by the interpreter itself, and keeps what its code mentions.
"""

from __future__ import annotations

import dis
import functools
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import jax

from .._frames import attributes
from ._look import Names, is_fixed, is_plain, keys_and_parts, look
from ._starts import listener, listening

_MOST_ITEMS = 1000  # of a container whose items are compared with those after the trace, one by one
_DEEPEST = 6
_TRACING = __package__
_IMPORT = dis.opmap['IMPORT_NAME']
_BY_NAME = frozenset({'getattr', 'vars', '__dict__', 'attrgetter', 'asdict', 'astuple', 'fields'})


class Watch:
    """What ran while something was traced, and what it found.

    Attributes
    ----------
    names : set of str
        What the code that ran mentions: variables, attributes, and strings that may be names of attributes.
    rooms : dict
        The global names of each module that this code mentions, by the id of the module's dictionary.
    objects : dict
        Weak references to what the functions that ran were called with or had in their closures.
    ran : set of code objects
        Of the functions of users that ran.
    imported : set of str
        Names that the modules may have which these functions import.
    read : dict
        Attributes of models that were read, as ``(model, name, value)``.
    """

    def __init__(self) -> None:
        self.seen: set[types.CodeType] = set()
        self.ran: set[types.CodeType] = set()
        self.imported: set[str] = set()
        self.names: set[str] = set()
        self.rooms: dict[int, tuple[dict[str, Any], set[str]]] = {}
        self.objects: dict[int, weakref.ref] = {}
        self.read: dict[tuple[int, str], tuple[Any, str, Any]] = {}
        self._before: dict[tuple[int, Any], tuple[Callable[[], Any], Any]] = {}

    @property
    def by_name(self) -> bool:
        """Whether attributes may have been read whose names no code mentions."""
        return not self.names.isdisjoint(_BY_NAME)

    def all_rooms(self) -> list[tuple[dict[str, Any], set[str]]]:
        """What ``rooms`` has, and the global names of modules that were imported."""
        rooms = dict(self.rooms)
        for name in self.imported & sys.modules.keys():
            if not is_fixed(name) and isinstance(module := sys.modules[name], types.ModuleType):
                rooms[id(vars(module))] = vars(module), self.names
        return list(rooms.values())

    def see(self, frame: types.FrameType) -> None:
        """Take note of a function that starts to run, unless it belongs to a library or runs to import one."""
        code, room = frame.f_code, frame.f_globals
        if is_fixed(room.get('__name__') or '') or code.co_name == '<module>':
            return
        if _is_importing(frame):
            self.seen.discard(code)  # it is told again when it runs for the function that is traced
            return
        self.ran.add(code)
        self.imported |= _imports(code, room.get('__package__') or '')
        names = _mentioned(code)
        self.names |= names
        self.rooms.setdefault(id(room), (room, set()))[1].update(code.co_names)
        for name in room.keys() & code.co_names:
            self.note(room, name, room[name], names)
        for name, value in frame.f_locals.items():
            self.meet(value)
            if name in code.co_freevars or not isinstance(value, (list, tuple, dict)):  # a container may be one of traced values
                self._go_into(value, names, 0)

    def meet(self, value: Any) -> None:
        """Take note of an object that a function was called with."""
        if is_plain(value) or isinstance(value, jax.core.Tracer) or not look(value, frozenset()).is_object:
            return
        with suppress(TypeError):  # of what cannot be found again without keeping it alive
            self.objects.setdefault(id(value), weakref.ref(value))

    def read_attribute(self, model: Any, name: str, value: Any) -> None:
        """Take note that an attribute of a model was read."""
        key = id(model), name
        if key not in self.read:
            self.read[key] = model, name, value
            self._go_into(value, frozenset(self.names), 1)

    def note(self, holder: Any, key: Any, value: Any, names: Names, depth: int = 0) -> None:
        """Remember what was at a place before the function that is traced may have changed it."""
        if (id(holder), key) not in self._before and not isinstance(value, jax.core.Tracer):
            self._before[id(holder), key] = _way_to(holder), value
            self._go_into(value, names, depth + 1)

    def _go_into(self, value: Any, names: Names, depth: int) -> None:
        if is_plain(value) or depth > _DEEPEST:
            return
        inside, parts = keys_and_parts(value, functools.partial(look, names=names))
        holder = inside.holder(value)
        if inside.size is not None and (id(holder), len) not in self._before:
            self._before[id(holder), len] = _way_to(holder), inside.size(value)
        if len(inside.keys) <= _MOST_ITEMS:
            for key, part in zip(inside.keys, parts, strict=True):
                self.note(holder, key, part, names, depth)

    def changed(self, holder: Any, key: Any, now: Any, grown: bool = False) -> bool:
        """Whether the function that was traced has changed what is at this place; of a holder that has grown, or added it."""
        found = self._before.get((id(holder), key))
        if found is None or found[0]() is not holder:
            return grown
        before = found[1]
        return before is not now and not (type(before) is type(now) and isinstance(now, (int, float, str, complex)) and before == now)

    def absorb(self, other: Watch) -> None:
        """Take over what another watch, of a part of this trace, was told."""
        self.names |= other.names
        self.ran |= other.ran
        self.imported |= other.imported
        for key, (room, names) in other.rooms.items():
            self.rooms.setdefault(key, (room, set()))[1].update(names)
        self.objects = other.objects | self.objects
        self.read = other.read | self.read
        self._before = other._before | self._before


def current_watch() -> Watch | None:
    """The innermost watch of this thread."""
    return listener()


@contextmanager
def watching() -> Iterator[Watch]:
    """A block whose functions are watched."""
    watch, outer = Watch(), listener()
    try:
        with attributes.reported(watch.read_attribute), listening(watch):
            yield watch
    finally:
        if outer is not None:
            outer.absorb(watch)


def _way_to(holder: Any) -> Callable[[], Any]:
    """A way to an object that does not keep it alive, where that is possible: else its id could become another's."""
    try:
        return weakref.ref(holder)
    except TypeError:
        return lambda: holder


def _is_importing(frame: types.FrameType | None) -> bool:
    """Whether a function runs for an ``import`` in what is traced: a module as it is made, or a hook, which knows all modules."""
    while frame is not None:
        name = frame.f_globals.get('__name__') or ''
        if name == 'importlib._bootstrap':
            return True
        if name.startswith(_TRACING):  # the import, if any, is around the trace
            return False
        frame = frame.f_back
    return False


@functools.lru_cache(maxsize=4096)
def _mentioned(code: types.CodeType) -> frozenset[str]:
    """Names in a code object: of variables, of attributes, its own, and strings that could be names."""
    strings = [x for x in code.co_consts if isinstance(x, str) and x.isidentifier()]
    return frozenset((*code.co_names, *strings, code.co_name))


@functools.lru_cache(maxsize=4096)
def _imports(code: types.CodeType, package: str) -> frozenset[str]:
    """Names of modules that a code object imports; of one that may be relative, both."""
    if _IMPORT not in code.co_code[::2]:
        return frozenset()
    found = [i.argval for i in dis.get_instructions(code) if i.opcode == _IMPORT]
    return frozenset((*found, *(f'{package}.{name}'.rstrip('.') for name in found if package)))
