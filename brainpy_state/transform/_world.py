"""What Python holds around a traced function, so far as a program depends on it: remembered, and compared at each call.

Nothing here keeps an object of a user alive.
"""

from __future__ import annotations

import functools
import sys
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from .._frames import MISSING, attributes
from ._look import Inside, Names, code_of, contents, is_plain, look, look_into_names
from ._watch import Watch

_MOST_PARTS = 10_000  # of a container that is compared item by item

Look = Callable[[Any], Inside]


class _Plain:
    """A value that never changes: known by type and value."""

    def __init__(self, value: Any):
        self._value = value

    def differs(self, now: Any, where: str) -> str | None:
        value = self._value
        if now is value or (type(now) is type(value) and bool(now == value or (now != now and value != value))):
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


class _Parts:
    """A value that is known by its parts, or an object known by its identity that holds parts.

    Parameters
    ----------
    value
        What is remembered.
    see : callable
        How to look into it.
    memory : _Memory
        What is common to all that is remembered for a program.
    """

    def __init__(self, value: Any, see: Look, memory: _Memory):
        inside = see(value)
        self._names = memory.names
        self._see, self._kind, self._keys, self._read, self._size = see, inside.kind, inside.keys, inside.read, inside.size
        self._ref = memory.hold(value) if inside.is_object else None
        watch, holder = memory.watch, inside.holder(value)
        self._open = inside.size is not None and watch.changed(holder, len, inside.size(value))  # grows while it is traced
        self._fickle = self._open and isinstance(value, (list, deque, set))  # whose items then are not compared
        if self._fickle:
            self._things: list[Any] = [None] * len(self._keys)
        else:
            parts = zip(self._keys, inside.read(value), strict=True)
            self._things = [None if watch.changed(holder, key, part, self._open) else memory.remember(part) for key, part in parts]
        self._is_constant = inside.is_constant or (inside.is_object and not self._things and inside.size is None)
        self._fixed = [k for k, thing in enumerate(self._things) if thing is not None]
        self._inner = [(k, thing) for k, thing in enumerate(self._things) if hasattr(thing, 'same')]
        self._adopt(value)
        self.same = self._quickly()

    @property
    def is_constant(self) -> bool:
        """Whether nothing can differ while it is the same object."""
        return not self._inner and self._is_constant

    def _adopt(self, value: Any) -> None:
        """Take a value that was found to be equal as the one to be recognised quickly."""
        parts = self._read(value)
        self._type = type(value)
        self._count = self._size(value) if self._size is not None else 0
        self._take(parts, list(map(id, parts)) if len(self._fixed) == len(parts) else None)

    def _take(self, parts: list[Any], ids: list[int] | None) -> None:
        self._ids, self._kept = ids, [part for part in parts if is_plain(part)]  # so that no other object gets their ids

    def _quickly(self) -> Callable[[Any], bool]:
        """A function that says whether a value is the same, decided by identities where that is possible."""
        read, size, ref, inner = self._read, self._size, self._ref, [(k, thing.same) for k, thing in self._inner]

        def same(now: Any) -> bool:
            if type(now) is not self._type or (ref is not None and ref() is not now) or (size is not None and size(now) != self._count):
                return self.differs(now, '') is None
            parts = read(now)
            if list(map(id, parts)) != self._ids:
                return self._same_parts(now, parts)
            for k, is_same in inner:  # noqa: SIM110  (a generator would cost as much as all the rest)
                if not is_same(parts[k]):
                    return False
            return True

        return same

    def _below(self, where: str, key: Any) -> str:
        """A name for a part, for messages."""
        if isinstance(key, tuple):
            return f'the keys of {where}'
        if not where:
            return str(key)
        return f'{where}[{key!r}]' if issubclass(self._type, (list, tuple, Mapping)) else f'{where}.{key}'

    def _same_parts(self, now: Any, parts: Any) -> bool:
        if self._ids is None or len(parts) != len(self._ids):
            return self.differs(now, '') is None
        for k, (thing, known) in enumerate(zip(self._things, self._ids, strict=True)):
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
        inside = self._see(now)
        if inside.kind != self._kind:
            return where
        parts = dict(zip(inside.keys, inside.read(now), strict=True))
        if not self._open and not parts.keys() >= set(self._keys):
            return where
        new = parts.keys() - set(self._keys)
        if new and not self._fickle and (self._ref is None or not self._names.isdisjoint(new)):
            return where
        for k in self._fixed:
            if (place := self._things[k].differs(parts.get(self._keys[k], MISSING), self._below(where, self._keys[k]))) is not None:
                return place
        if inside.keys == self._keys:
            self._adopt(now)
        return None


class _Room(_Parts):
    """Global names of a module, given as its dictionary."""

    def __init__(self, room: dict[str, Any], names: set[str], memory: _Memory):
        self.names = names
        super().__init__(room, functools.partial(look_into_names, names=frozenset(names)), memory)

    def _quickly(self) -> Callable[[Any], bool]:
        keys, inner = self._keys, [(key, thing.same) for key, thing in zip(self._keys, self._things, strict=True) if hasattr(thing, 'same')]

        def same(room: dict[str, Any]) -> bool:
            if len(room) != self._count:
                return self.differs(room, '') is None
            if keys:
                parts = list(map(room.get, keys))
                if list(map(id, parts)) != self._ids:
                    return self._same_parts(room, parts)
                for key, is_same in inner:
                    if not is_same(room[key]):
                        return False
            return True

        return same


class _Memory:
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
        is_object = self.see(value).is_object
        self._met[id(value)] = value, _Identity(self.hold(value)) if is_object else _Kind(value)  # for what refers to itself
        thing: Any = _Parts(value, self.see, self)
        if not changeable and thing.is_constant:
            if not is_object:
                self.hold(value)
            thing = _Constant(thing)
        if not is_object:
            self._met[id(value)] = value, thing
        return thing

    def settle(self) -> None:
        """Let go of values, which must not be kept alive."""
        self.watch, self._met = Watch(), {}


class _Constant:
    """What cannot differ while it is the same object."""

    def __init__(self, parts: _Parts):
        self.differs = parts.differs


class _Kind:
    """What refers to itself: known within itself by its type, or its code."""

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


class World:
    """All that a program depends on and that is no input of it.

    Parameters
    ----------
    fn : callable, or tuple of callable
        The function that was traced. A later one, made by the same code, is compared with it.
    watch : Watch
        What happened while it was traced.
    """

    def __init__(self, fn: Any, watch: Watch):
        self._memory = memory = _Memory(watch)
        self._names = memory.names
        self._fns = [memory.remember(f, changeable=True) for f in (fn if isinstance(fn, tuple) else (fn,))]
        self._rooms = []
        for room, names in watch.rooms.values():
            self._rooms.append((_way_to(room), _Room(room, names, memory)))
        self._quick_rooms = [(way, room.same) for way, room in self._rooms]
        self._constant = id(fn) if isinstance(fn, types.FunctionType) and self._fns[0].is_constant else None
        if self._constant is not None:
            memory.hold(fn)
        self._needs = list(memory.refs)  # without these no call can fit again
        read = [(model, name, value) for model, name, value in watch.read.values() if vars(model).get(name, MISSING) is value]
        self._read = [(weakref.ref(model), name, memory.remember(value)) for model, name, value in read]
        self._changing = [(ref, name, thing) for ref, name, thing in self._read if hasattr(thing, 'same')]
        self._epoch = attributes.epoch
        objects = [(ref, memory.remember(x)) for ref in watch.objects.values() if (x := ref()) is not None]
        self._objects = [(ref, thing) for ref, thing in objects if hasattr(thing, 'same')]
        self._joined: list[World] = []
        memory.settle()

    def holds(self, fn: Any) -> bool:
        """Whether everything is as it was, and ``fn`` refers to the same as the function that was traced."""
        if self._memory.died:  # identities may be of other objects now
            if self.difference(fn) is not None:
                return False
            self._memory.died = False
            return True
        if self._epoch is not attributes.epoch:
            epoch = attributes.epoch
            if any(_differs(*place) for place in self._read):
                return False
            self._epoch = epoch
        elif self._changing and not all(_is_same(*place) for place in self._changing):
            return False
        if self._constant is None or self._constant != id(fn):
            for f, thing in zip(fn if isinstance(fn, tuple) else (fn,), self._fns, strict=True):
                if not (thing.same(f) if hasattr(thing, 'same') else thing is None or thing.differs(f, '') is None):
                    return False
        for way, same in self._quick_rooms:
            if not same(way()):
                return False
        if self._objects and any((x := ref()) is not None and not thing.same(x) for ref, thing in self._objects):
            return False
        return not self._joined or all(other.holds(fn) for other in self._joined)

    def difference(self, fn: Any) -> str | None:
        """The place of the first difference, by the names that lead to it."""
        for f, thing in zip(fn if isinstance(fn, tuple) else (fn,), self._fns, strict=True):
            if thing is not None and (place := thing.differs(f, '')) is not None:
                return place
        for way, thing in self._rooms:
            if (place := thing.differs(way(), '')) is not None:
                return place
        for ref, name, thing in self._read:
            if (place := _differs(ref, name, thing)) is not None:
                return place
        for ref, thing in self._objects:
            if (x := ref()) is not None and (place := thing.differs(x, type(x).__name__)) is not None:
                return place
        return next((place for other in self._joined if (place := other.difference(fn)) is not None), None)

    def join(self, other: World) -> None:
        """Depend on what another world depends on, too."""
        if not (other._names <= self._names and other._places() <= self._places()):
            self._joined.append(other)

    def _places(self) -> set[Any]:
        """Where something is compared, for worlds that hold at the same time."""
        rooms = ((id(way()), name) for way, room in self._rooms for name in room.names)
        return {*rooms, *((id(ref()), name) for ref, name, _ in self._read), *(id(ref()) for ref, _ in self._objects)}

    @property
    def lost(self) -> bool:
        """Whether something has ceased to exist that the function referred to, so that no function will refer to it again."""
        return self._memory.died and any(ref() is None for ref in self._needs)

    def models(self) -> Iterator[Any]:
        """The models of which attributes were read, each once."""
        found = {id(model): model for ref, _, _ in self._read if (model := ref()) is not None}
        yield from found.values()

    def tell(self, watch: Watch) -> None:
        """Tell the watch of an enclosing trace what its program depends on, too, when this one is used there."""
        watch.names |= self._names
        for way, thing in self._rooms:
            room = way()
            watch.rooms.setdefault(id(room), (room, set()))[1].update(thing.names)
        for ref, _ in self._objects:
            if (x := ref()) is not None:
                watch.meet(x)
        for ref, name, _ in self._read:
            if (model := ref()) is not None:
                watch.read_attribute(model, name, vars(model).get(name, MISSING))


def _is_same(ref: weakref.ref, name: str, thing: Any) -> bool:
    model = ref()
    return model is None or thing.same(vars(model).get(name, MISSING))


def _differs(ref: weakref.ref, name: str, thing: Any) -> str | None:
    """Where an attribute of a model differs, if it does."""
    model = ref()
    return None if model is None or thing is None else thing.differs(vars(model).get(name, MISSING), f'{model.label}.{name}')


def _way_to(room: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """How to find a module's dictionary again: by the module, where it is one."""
    module = sys.modules.get(room.get('__name__', ''))
    if not isinstance(module, types.ModuleType) or vars(module) is not room:
        return lambda: room
    ref = weakref.ref(module)
    return lambda: {} if (alive := ref()) is None else vars(alive)
