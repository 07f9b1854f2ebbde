"""What Python holds around a traced function: globals, closures and attributes that a program depends on.

A program is made while Python runs the function once. What the function then finds under a global
name, in its closure or in an attribute of a model may be another object at the next call; the
program that was made before must not be used then. Nothing here keeps an object of a user alive.
"""

from __future__ import annotations

import dis
import functools
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import brainunit as u
import jax
import numpy as np

from .._frames import MISSING, attributes
from ..state import State
from ._args import Static

_FIXED = (types.ModuleType, type, types.BuiltinFunctionType)
_FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)
_LIBRARIES = frozenset({'jax', 'numpy', 'brainunit', 'brainpy_state'})
_COLLECTIONS = (tuple, list, dict, set, frozenset)
_PLAIN = (int, float, complex, str, bytes, type(None), np.generic, u.Unit, jax.tree_util.PyTreeDef, types.CodeType, Static)

Place = tuple[Any, str | None, Any]  # (globals, name, value) or (cell, None, value)


class Memory(NamedTuple):
    """What was found at a place: whether the same is there now, and what must live for that."""

    holds: Callable[[Any], bool]
    needs: list[weakref.ref]


def remember(value: Any) -> Memory:
    """How to know a value again.

    Numbers, strings and quantities are known by value, other things by identity; a tuple is known by its items,
    and so is any collection of objects, since it cannot be kept without keeping them alive.
    """
    kind = type(value)
    if isinstance(value, _PLAIN):
        return Memory(lambda now: now is value or (type(now) is kind and bool(now == value)), [])
    if isinstance(value, (u.Quantity, tuple)) or _holds_objects(value):
        parts = [remember(item) for item in _items(value)]

        def holds(now: Any) -> bool:
            if type(now) is not kind:
                return False
            items = _items(now)
            return len(items) == len(parts) and all(part.holds(item) for part, item in zip(parts, items, strict=True))

        return Memory(holds, [ref for part in parts for ref in part.needs])
    try:
        ref = weakref.ref(value)
    except TypeError:
        return Memory(lambda now: now is value, [])
    return Memory(lambda now: now is ref(), [ref])


def _items(value: Any) -> list[Any]:
    if isinstance(value, u.Quantity):
        return [value.mantissa, value.unit]
    return [*value, *value.values()] if isinstance(value, dict) else list(value)


def _holds_objects(value: Any) -> bool:
    """Whether it is a collection of something else than numbers, arrays and strings."""
    return isinstance(value, _COLLECTIONS) and any(
        _holds_objects(x) if isinstance(x, _COLLECTIONS) else not isinstance(x, (*_PLAIN, jax.Array, np.ndarray, u.Quantity))
        for x in _items(value)
    )


class World:
    """What a function refers to by name, directly or through the functions that it refers to.

    Parameters
    ----------
    fn : callable
        The function.
    owned : bool
        Whether who keeps this also keeps the function, so that its names can be looked up again without it.
    """

    def __init__(self, fn: Any, owned: bool):
        self._owned = owned
        self._look(fn)

    def _look(self, fn: Any) -> None:
        places = list(_references(fn))
        self._memories: list[Memory | None] = [remember(_code(value)) for _, _, value in places]
        self._places = [(holder, name, remember(value).holds) for holder, name, value in places] if self._owned else []

    def settle(self, fn: Any) -> None:
        """Stop comparing what the function itself has changed in the meantime."""
        now = [value for _, _, value in _references(fn)]
        if len(now) != len(self._memories):  # it made functions, which are there from now on
            self._look(fn)
            return
        kept = [memory is not None and memory.holds(_code(value)) for memory, value in zip(self._memories, now, strict=True)]
        self._memories = [memory if keep else None for memory, keep in zip(self._memories, kept, strict=True)]
        self._places = [place for place, keep in zip(self._places, kept, strict=False) if keep]

    def unchanged(self) -> bool:
        """Whether every name still stands for the same; for the function itself, which is owned."""
        for holder, name, holds in self._places:
            now = holder.get(name, MISSING) if name is not None else _content(holder)
            if not holds(now):
                return False
        return True

    def holds_for(self, fn: Any) -> bool:
        """Whether a function, perhaps another one made from the same code, refers to the same."""
        if not self._memories:
            return True
        now = [value for _, _, value in _references(fn)]
        if len(now) != len(self._memories):
            return False
        return all(memory is None or memory.holds(_code(value)) for memory, value in zip(self._memories, now, strict=True))

    @property
    def lost(self) -> bool:
        """Whether something has ceased to exist that the function referred to, so that no function will refer to it again."""
        return any(ref() is None for memory in self._memories if memory is not None for ref in memory.needs)


class Attributes:
    """Attributes that were read while a function was traced, and what they held.

    Nothing is compared while no attribute of any model has been bound anew.
    """

    def __init__(self, read: dict[tuple[int, str], tuple[Any, Any]]):
        still = {key: (obj, value) for key, (obj, value) in read.items() if vars(obj).get(key[1], MISSING) is value}
        self._items = [(weakref.ref(obj), name, remember(value).holds) for (_, name), (obj, value) in still.items()]
        self._epoch = attributes.epoch

    def unchanged(self) -> bool:
        epoch = attributes.epoch
        if self._epoch is epoch:
            return True
        for ref, name, holds in self._items:
            obj = ref()
            if obj is not None and not holds(vars(obj).get(name, MISSING)):
                return False
        self._epoch = epoch
        return True

    def __iter__(self) -> Iterator[tuple[Any, str, Any]]:
        for ref, name, _ in self._items:
            obj = ref()
            if obj is not None:
                yield obj, name, vars(obj).get(name, MISSING)


def anchor(fns: tuple[Callable, ...]) -> tuple[Any, Any]:
    """What the programs of functions live as long as, and a name for the functions there.

    A method's programs live with its object. Those of plain functions live with the first object
    that they refer to, so that functions written anew in each call find them again. A function that a
    transform has made says in its attribute ``stands_for`` from which function and by which options.
    """
    kinds = tuple(map(_kind, fns))
    for fn in fns:
        if isinstance(fn, types.MethodType) and _is_owner(fn.__self__):
            return fn.__self__, kinds
    for _, _, value in _references(fns):
        for owner in _owners(value):
            return owner, kinds
    own: Any = fns[0]
    while _is_made(own):
        own = own.stands_for[0]
    if isinstance(own, types.FunctionType) and own.__closure__ is None:  # what it refers to is global and lives on anyway
        return own.__code__, kinds
    return own, kinds


def _owners(value: Any) -> Iterator[Any]:
    if isinstance(value, _COLLECTIONS):
        for item in _items(value):
            yield from _owners(item)
    elif _is_owner(value):
        yield value


def _is_owner(value: Any) -> bool:
    """Whether programs may live as long as this: an object of a user, known by its identity, that no program holds."""
    if isinstance(value, (*_FIXED, *_FUNCTIONS, State, jax.Array, u.Quantity)):
        return False
    return type(value).__hash__ in (object.__hash__, None) and hasattr(value, '__dict__') and not hasattr(value, '__wrapped__')


def _is_made(value: Any) -> bool:
    """Whether a transform has made this function from another."""
    return callable(value) and hasattr(value, 'stands_for')


def _references(fn: Any, seen: set[Callable] | None = None) -> Iterator[Place]:
    """Places that the names of a function, or of several, stand for; ``seen`` are functions whose names are known."""
    seen = set() if seen is None else seen
    if isinstance(fn, tuple):
        for one in fn:
            yield from _references(one, seen)
    elif _is_made(fn):
        yield from _references(fn.stands_for[0], seen)
    elif isinstance(fn, types.MethodType):
        yield from _follow([_box(fn.__self__)], seen)
        yield from _references(fn.__func__, seen)
    elif isinstance(fn, functools.partial):
        yield from _follow([_box(x) for x in (*fn.args, *fn.keywords.values())], seen)
        yield from _references(fn.func, seen)
    elif not isinstance(fn, types.FunctionType):
        yield _box(fn)
    elif fn not in seen:
        seen.add(fn)
        yield from _follow(_names(fn), seen)


def _follow(places: list[Place], seen: set[Callable]) -> Iterator[Place]:
    for place in places:
        yield place
        if isinstance(place[2], _FUNCTIONS) or _is_made(place[2]):
            yield from _references(place[2], seen)


def _names(fn: types.FunctionType) -> list[Place]:
    places: list[Place] = [(cell, None, _content(cell)) for cell in fn.__closure__ or ()]
    if (fn.__module__ or '').partition('.')[0] not in _LIBRARIES:  # whose globals stay what they are
        places += [(fn.__globals__, name, fn.__globals__.get(name, MISSING)) for name in _global_names(fn.__code__)]
    return places + [_box(x) for x in (*(fn.__defaults__ or ()), *(fn.__kwdefaults__ or {}).values())]


def _box(value: Any) -> Place:
    return types.CellType(value), None, value


def _code(value: Any) -> Any:
    """A function stands for its code, since what it refers to is compared besides; other values for themselves."""
    return _kind(value) if isinstance(value, _FUNCTIONS) or _is_made(value) else value


def _kind(fn: Any) -> Any:
    """What is the same for functions made anew by the same code."""
    if _is_made(fn):
        return Static(fn.stands_for[1]), _kind(fn.stands_for[0])
    if isinstance(fn, types.MethodType):
        return 'method', _kind(fn.__func__)
    if isinstance(fn, functools.partial):
        return 'partial', len(fn.args), tuple(fn.keywords), _kind(fn.func)
    return fn.__code__ if isinstance(fn, types.FunctionType) else type(fn)


@functools.lru_cache(maxsize=1024)
def _global_names(code: types.CodeType) -> tuple[str, ...]:
    names = {i.argval for i in dis.get_instructions(code) if i.opname in ('LOAD_GLOBAL', 'LOAD_NAME')}
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            names.update(_global_names(const))
    return tuple(sorted(names))


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return MISSING
