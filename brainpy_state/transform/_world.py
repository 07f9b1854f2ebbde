"""What Python holds around a traced function, so far as a program depends on it: remembered, and compared at each call.

Nothing here keeps an object of a user alive.
"""

from __future__ import annotations

import sys
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from .._frames import MISSING, attributes
from ._known import Memory, Room, write_of
from ._quick import MOST, Writer
from ._watch import Watch


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
        self._memory = memory = Memory(watch)
        self._names, self._ran = memory.names, frozenset(watch.ran)
        self._fns = [memory.remember(f, changeable=True) for f in (fn if isinstance(fn, tuple) else (fn,))]
        self._rooms = []
        for room, names in watch.all_rooms():
            self._rooms.append((_room_again(room), Room(room, names, memory)))
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
        self._quick: Callable[[Any], bool] | None = None
        self._written = 0
        memory.settle()

    def holds(self, fn: Any) -> bool:
        """Whether everything is as it was, and ``fn`` refers to the same as the function that was traced."""
        quick = self._quick
        if quick is not None and self._epoch is attributes.epoch and not self._memory.died and quick(fn):
            return True
        if not self._holds(fn):
            return False
        if self._written < MOST and not self._joined:
            self._written += 1
            self._quick = self._write(fn)
        return True

    def _write(self, fn: Any) -> Callable[[Any], bool]:
        """A function that compares identities with those of now."""
        writer = Writer()
        if self._constant is not None and self._constant == id(fn):
            writer.require(f'id(fn) == {self._constant}')
        else:
            names = [writer.variable(f'fn[{k}]') for k in range(len(fn))] if isinstance(fn, tuple) else ['fn']
            for name, thing in zip(names, self._fns, strict=True):
                write_of(thing, writer, name)
        for way, room in self._rooms:
            room.write(writer, writer.variable(f'{writer.constant(way)}()'))
        for ref, name, thing in self._changing:
            model = writer.variable(f'{writer.constant(ref)}()')
            write_of(thing, writer, writer.variable(f'{model}.__dict__.get({name!r}, {writer.constant(MISSING)})'))
        for ref, thing in self._objects:
            write_of(thing, writer, writer.variable(f'{writer.constant(ref)}()'))
        return writer.function()

    def _holds(self, fn: Any) -> bool:
        self._memory.round += 1
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
        self._memory.round += 1
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
            self._quick = None

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
        watch.ran |= self._ran.union(*(other._ran for other in self._joined))
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


def _room_again(room: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """How to find a module's dictionary again: by the module, where it is one."""
    module = sys.modules.get(room.get('__name__', ''))
    if not isinstance(module, types.ModuleType) or vars(module) is not room:
        return lambda: room
    ref = weakref.ref(module)
    return lambda: {} if (alive := ref()) is None else vars(alive)
