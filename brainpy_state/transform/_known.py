"""How to know values again: by value, by their parts, or by identity. Nothing here keeps an object of a user alive."""

from __future__ import annotations

import functools
import types
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .._frames import MISSING
from ._look import Inside, Names, code_of, contents, is_fixed, is_made, is_plain, keys_and_parts, look, look_into_names
from ._quick import Writer
from ._watch import Watch

_MOST_PARTS = 10_000  # of a container that is compared item by item

Look = Callable[[Any], Inside]


class _Plain:
    """A value that never changes: known by type and value."""

    def __init__(self, value: Any):
        self._value = value

    def differs(self, now: Any, where: str) -> str | None:
        value = self._value
        if now is value or (type(now) is type(value) and is_plain(now) and bool(now == value or (now != now and value != value))):
            return None
        return where


class _Contents:
    """An array of NumPy: known by what it holds."""

    def __init__(self, value: np.ndarray):
        self._contents = contents(value)

    def same(self, now: Any) -> bool:
        return isinstance(now, np.ndarray) and contents(now) == self._contents

    def differs(self, now: Any, where: str) -> str | None:
        return None if self.same(now) else where


class _Large:
    """A container of more items than are compared: known by its identity and length."""

    def __init__(self, value: Any):
        self._key = id(value), len(value)

    def same(self, now: Any) -> bool:
        return hasattr(now, '__len__') and (id(now), len(now)) == self._key

    def differs(self, now: Any, where: str) -> str | None:
        return None if self.same(now) else where


class Known:
    """A value that is known by its parts, or an object known by its identity that holds parts.

    Parameters
    ----------
    value
        What is remembered.
    see : callable
        How to look into it.
    memory : Memory
        What is common to all that is remembered for a program.
    """

    def __init__(self, value: Any, see: Look, memory: Memory):
        inside, parts = keys_and_parts(value, see)
        self._names = memory.names
        self._see, self._kind, self._keys, self._read, self._size = see, inside.kind, inside.keys, inside.read, inside.size
        self._text = inside.text
        self._ref = memory.hold(value) if inside.is_object else None
        watch, holder = memory.watch, inside.holder(value)
        self._open = inside.size is not None and watch.changed(holder, len, inside.size(value))  # grows while it is traced
        self._fickle = self._open and isinstance(value, (list, deque, set))  # whose items then are not compared
        if self._fickle:
            self._things: list[Any] = [None] * len(self._keys)
        else:
            places = zip(self._keys, parts, strict=True)
            self._things = [None if watch.changed(holder, key, part, self._open) else memory.remember(part) for key, part in places]
        self._is_constant = inside.is_constant or (inside.is_object and not self._things and inside.size is None)
        self._fixed = [k for k, thing in enumerate(self._things) if thing is not None]
        self._inner = [(k, thing.same) for k, thing in enumerate(self._things) if hasattr(thing, 'same')]
        self._adopt(value, parts)

    @property
    def is_constant(self) -> bool:
        """Whether nothing can differ while it is the same object."""
        return not self._inner and self._is_constant

    def _adopt(self, value: Any, parts: list[Any]) -> None:
        """Take a value that was found to be equal, and the parts that it had, as the one to be recognised quickly."""
        self._type = type(value)
        self._count = self._size(value) if self._size is not None else 0
        self._take(parts, list(map(id, parts)) if len(self._fixed) == len(parts) else None)

    def _take(self, parts: list[Any], ids: list[int] | None) -> None:
        self._ids = ids
        self._seen = ids, [part for part in parts if is_plain(part)]  # kept so that no other object gets their ids

    def same(self, now: Any) -> bool:
        """Whether a value is the same, decided by identities where that is possible."""
        ref, size = self._ref, self._size
        if type(now) is not self._type or (ref is not None and ref() is not now) or (size is not None and size(now) != self._count):
            return self.differs(now, '') is None
        parts = self._read(now)
        if list(map(id, parts)) != self._ids:
            return self._same_parts(now, parts)
        for k, is_same in self._inner:  # noqa: SIM110  (a generator would cost as much as all the rest)
            if not is_same(parts[k]):
                return False
        return True

    def write(self, writer: Writer, now: str, is_held: bool = False) -> None:
        """Write what compares the identities of a value, of which ``now`` is the name, with those that it has at this time.

        With ``is_held``, its own has been compared.
        """
        writer.written[self] = now
        if self._ref is None:
            writer.require(f'type({now}) is {writer.constant(self._type)}')
        elif not is_held:
            writer.require(f'{writer.constant(self._ref)}() is {now}')
        if self._size is not None:
            size = f'len({now})' if self._size is len else f'{writer.constant(self._size)}({now})'
            writer.require(f'{size} == {self._count}')
        if self._text == '[]':
            return
        parts = writer.variable(self._text.format(now) if self._text else f'{writer.constant(self._read)}({now})')
        ids, kept = self._seen
        writer.constant(kept)
        writer.require('False' if ids is None else f'[*map(id, {parts})] == {writer.constant(ids)}')
        for k, thing in enumerate(self._things):
            if hasattr(thing, 'same'):
                write_of(thing, writer, writer.variable(f'{parts}[{k}]'), True)

    def _below(self, where: str, key: Any) -> str:
        """A name for a part, for messages."""
        if isinstance(key, tuple):
            return f'the keys of {where}'
        if not where:
            return str(key)
        return f'{where}[{key!r}]' if issubclass(self._type, (list, tuple, Mapping)) else f'{where}.{key}'

    def _same_parts(self, now: Any, parts: Any) -> bool:
        ids = self._ids
        if ids is None or len(parts) != len(ids):
            return self.differs(now, '') is None
        for k, (thing, known) in enumerate(zip(self._things, ids, strict=True)):
            part = parts[k]
            if not (thing.same(part) if hasattr(thing, 'same') else id(part) == known or thing.differs(part, '') is None):
                return False
        self._take(parts, list(map(id, parts)))
        return True

    def differs(self, now: Any, where: str) -> str | None:
        """The place of the first difference, compared by value."""
        if self._ref is not None:
            held = self._ref()
            if held is None or held is not now:
                return where
        if is_plain(now) or isinstance(now, np.ndarray):
            return where
        inside, found = keys_and_parts(now, self._see)
        if inside.kind != self._kind:
            return where
        parts = dict(zip(inside.keys, found, strict=True))
        if not self._open and not parts.keys() >= set(self._keys):
            return where
        new = parts.keys() - set(self._keys)
        if new and not self._fickle and (self._ref is None or not self._names.isdisjoint(new)):
            return where
        for k in self._fixed:
            if (place := self._things[k].differs(parts.get(self._keys[k], MISSING), self._below(where, self._keys[k]))) is not None:
                return place
        if inside.keys == self._keys:
            self._adopt(now, found)
        return None


def write_of(thing: Any, writer: Writer, now: str, is_held: bool = False) -> None:
    """Write what compares a value with one that can differ while it is the same object."""
    if isinstance(thing, _Again):
        if thing.known in writer.written:
            writer.require(f'{now} is {writer.written[thing.known]}')
        else:
            thing.known.write(writer, now, is_held)
    elif isinstance(thing, Known):
        thing.write(writer, now, is_held)
    elif hasattr(thing, 'same'):
        writer.require(f'{writer.constant(thing.same)}({now})')
    elif thing is not None:
        writer.require(f'{writer.constant(thing.differs)}({now}, "") is None')


class Room(Known):
    """Global names of a module, given as its dictionary."""

    def __init__(self, room: dict[str, Any], names: set[str], memory: Memory):
        self.names = names
        super().__init__(room, functools.partial(look_into_names, names=frozenset(names)), memory)


class Memory:
    """What is common to all that is remembered for a program.

    Parameters
    ----------
    watch : Watch
        What happened while it was traced.
    """

    def __init__(self, watch: Watch):
        self.watch = watch
        self.names: Names = frozenset(watch.names)
        self.see: Look = functools.partial(look, names=self.names, everything=watch.by_name)
        self.refs: list[weakref.ref] = []
        self.died = False  # an object has ceased to exist, whose id another one may have got
        self.round = 0  # of comparing, to compare once what stands at several places
        self._met: dict[int, tuple[Any, Any]] = {}

    def hold(self, value: Any) -> Callable[[], Any]:
        """A way to an object that does not keep it alive, where that is possible."""
        memory = weakref.ref(self)

        def end(_: Any) -> None:
            if (mine := memory()) is not None:
                mine.died = True

        try:
            ref = weakref.ref(value, end)
        except TypeError:
            return lambda: value
        self.refs.append(ref)
        return ref

    def remember(self, value: Any, changeable: bool = False) -> Any:
        """How to know a value again; None for one that need not be compared.

        What can differ while it is the same object has a method ``same``; so has everything where ``changeable`` asks for it.
        """
        if is_plain(value):
            return _Plain(value)
        if isinstance(value, np.ndarray):
            return _Contents(value)
        if isinstance(value, (list, tuple, dict, set, frozenset)) and len(value) > _MOST_PARTS:
            return _Large(value)
        if id(value) in self._met:
            return self._met[id(value)][1]
        if isinstance(value, types.FunctionType) and not changeable and self._did_not_run(value):
            self.hold(value)
            return _Kind(value)
        is_object = self.see(value).is_object
        self._met[id(value)] = value, _Identity(self.hold(value)) if is_object else _Kind(value)  # for what refers to itself
        thing: Any = Known(value, self.see, self)
        if not changeable and thing.is_constant:
            if not is_object:
                self.hold(value)
            thing = _Constant(thing)
        if not is_object:
            self._met[id(value)] = value, _Again(thing, self) if isinstance(thing, Known) else thing
        return thing

    def _did_not_run(self, function: types.FunctionType) -> bool:
        """Whether a function of a user was found but not called, so that only its code could matter."""
        is_users = not is_fixed(function.__globals__.get('__name__') or '') and not is_made(function)
        return is_users and function.__code__ not in self.watch.ran

    def settle(self) -> None:
        """Let go of values, which must not be kept alive."""
        self.watch, self._met = Watch(), {}


class _Again:
    """A container at another place than where it was met first: compared at one of these only in a round."""

    def __init__(self, known: Known, memory: Memory):
        self.known, self._memory = known, memory
        self._found = -1, 0  # the round, and the id of what was the same

    def same(self, now: Any) -> bool:
        return self._is_found(now) or self._find(now, self.known.same(now))

    def differs(self, now: Any, where: str) -> str | None:
        if self._is_found(now):
            return None
        place = self.known.differs(now, where)
        self._find(now, place is None)
        return place

    def _is_found(self, now: Any) -> bool:
        return self._found == (self._memory.round, id(now))

    def _find(self, now: Any, is_same: bool) -> bool:
        if is_same:
            self._found = self._memory.round, id(now)
        return is_same


class _Constant:
    """What cannot differ while it is the same object."""

    def __init__(self, parts: Known):
        self.differs = parts.differs


class _Kind:
    """Known by its type, or its code: what refers to itself, within itself; and a function that did not run."""

    def __init__(self, value: Any):
        self._code = code_of(value)

    def differs(self, now: Any, where: str) -> str | None:
        return None if code_of(now) == self._code else where


class _Identity:
    """An object that is known by its identity alone."""

    def __init__(self, ref: Callable[[], Any]):
        self._ref = ref

    def differs(self, now: Any, where: str) -> str | None:
        held = self._ref()
        return where if held is None or held is not now else None
