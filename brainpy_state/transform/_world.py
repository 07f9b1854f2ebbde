"""What Python holds around a traced function: globals, closures and attributes that a program depends on.

A program is made while Python runs the function once. What the function then finds under a global
name, in its closure or in an attribute of a model may be another object at the next call; the
program that was made before must not be used then.
"""

from __future__ import annotations

import dis
import functools
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import brainunit as u
import jax
import numpy as np

from .._frames import MISSING, attributes
from ..state import State

_FIXED = (types.ModuleType, type, types.BuiltinFunctionType)
_LIBRARIES = frozenset({'jax', 'numpy', 'brainunit', 'brainpy_state'})
_PLAIN = (int, float, complex, str, bytes, bool, type(None), tuple, np.generic, jax.tree_util.PyTreeDef)


class World:
    """What a function refers to by name, directly or through functions of the same module.

    Parameters
    ----------
    fn : callable
        The function.
    weak : bool
        Whether to keep the objects only weakly, so that this does not keep them alive.
    """

    def __init__(self, fn: Any, weak: bool):
        places = list(_references(fn))
        keep = _weakly if weak else _strongly
        self._values: list[Any] = [keep(_code(value)) for _, _, value in places]
        self._places = None if weak else places

    def settle(self, fn: Any) -> None:
        """Stop comparing what the function itself has changed in the meantime."""
        now = [value for _, _, value in _references(fn)]
        if len(now) != len(self._values):
            self._values, self._places = [], None
            return
        kept = [same(ref(), _code(value)) for ref, value in zip(self._values, now, strict=True)]
        self._values = [ref if keep else None for ref, keep in zip(self._values, kept, strict=True)]
        if self._places is not None:
            self._places = [place for place, keep in zip(self._places, kept, strict=True) if keep]

    def unchanged(self) -> bool:
        """Whether every name still stands for the same; for the same function object."""
        for holder, name, value in self._places or ():
            now = holder.get(name, MISSING) if name is not None else _content(holder)
            if now is not value and not same(now, value):
                return False
        return True

    def holds_for(self, fn: Any) -> bool:
        """Whether a function, perhaps another one made from the same code, refers to the same."""
        if not self._values:
            return True
        now = [value for _, _, value in _references(fn)]
        if len(now) != len(self._values):
            return False
        return all(ref is None or same(ref(), _code(value)) for ref, value in zip(self._values, now, strict=True))


class Attributes:
    """Attributes that were read while a function was traced, and what they held.

    Nothing is compared while no attribute of any model has been bound anew.
    """

    def __init__(self, read: dict[tuple[int, str], tuple[Any, Any]]):
        still = {key: (obj, value) for key, (obj, value) in read.items() if vars(obj).get(key[1], MISSING) is value}
        self._items = [(weakref.ref(obj), name, _weakly(value)) for (_, name), (obj, value) in still.items()]
        self._epoch = attributes.epoch

    def unchanged(self) -> bool:
        if self._epoch == attributes.epoch:
            return True
        epoch = attributes.epoch
        for obj, name, value in self:
            if not same(vars(obj).get(name, MISSING), value):
                return False
        self._epoch = epoch
        return True

    def __iter__(self) -> Iterator[tuple[Any, str, Any]]:
        for ref, name, value in self._items:
            obj = ref()
            if obj is not None:
                yield obj, name, value()


def same(a: Any, b: Any) -> bool:
    """The same object, or plain values that are equal; arrays are compared by identity."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, u.Quantity):
        return a.unit == b.unit and same(a.mantissa, b.mantissa)
    if isinstance(a, _PLAIN):
        return len(a) == len(b) and all(map(same, a, b)) if isinstance(a, tuple) else bool(a == b)
    return False


def anchor(fns: tuple[Callable, ...]) -> tuple[Any, Any]:
    """What the programs of functions live as long as, and a name for the functions there.

    A method's programs live with its object. Those of plain functions live with the first object
    that they refer to, so that functions written anew in each call find them again. A function that a
    transform has made says in its attribute ``stands_for`` from which function and by which options.
    """
    for fn in fns:
        if isinstance(fn, types.MethodType) and _is_owner(fn.__self__):
            return fn.__self__, tuple(map(_code, fns))
    for _, _, value in _references(fns):
        if _is_owner(value):
            return value, tuple(map(_code, fns))
    own, options = fns[0], []
    while hasattr(own, 'stands_for'):
        own, option = own.stands_for
        options.append(option)
    if isinstance(own, types.FunctionType) and own.__closure__ is None:  # what it refers to is global and lives on anyway
        return own.__code__, (*options, *map(_code, fns[1:]))
    return own, (*options, *map(_reference, fns[1:]))


def _is_owner(value: Any) -> bool:
    """Whether programs may live as long as this: an object of a user, known by its identity, that no program holds."""
    if isinstance(value, (types.FunctionType, types.MethodType, State, jax.Array)) or hasattr(value, '__wrapped__'):
        return False
    return type(value).__hash__ is object.__hash__ and hasattr(value, '__dict__')


def _references(fn: Any, seen: tuple[Any, ...] = ()) -> Iterator[tuple[Any, str | None, Any]]:
    """Places that the names of a function, or of several, stand for: (globals, name, value) or (cell, None, value)."""
    if isinstance(fn, tuple):
        for one in fn:
            yield from _references(one, seen)
    if hasattr(fn, 'stands_for'):
        fn = fn.stands_for[0]
    if isinstance(fn, types.MethodType):
        yield types.CellType(fn.__self__), None, fn.__self__
        fn = fn.__func__
    if isinstance(fn, functools.partial):
        yield from _places([(types.CellType(x), None, x) for x in (*fn.args, *fn.keywords.values())], seen)
        fn = fn.func
    if not isinstance(fn, types.FunctionType) or fn.__code__ in seen:
        return
    code, namespace = fn.__code__, fn.__globals__
    places: list[tuple[Any, str | None, Any]] = [(cell, None, _content(cell)) for cell in fn.__closure__ or ()]
    places += [(namespace, name, namespace.get(name, MISSING)) for name in _global_names(code)]
    places += [(types.CellType(x), None, x) for x in (*(fn.__defaults__ or ()), *(fn.__kwdefaults__ or {}).values())]
    yield from _places(places, (*seen, code))


def _places(places: list[tuple[Any, str | None, Any]], seen: tuple[Any, ...]) -> Iterator[tuple[Any, str | None, Any]]:
    for holder, name, value in places:
        if isinstance(value, _FIXED):
            continue
        yield holder, name, value
        if hasattr(value, 'stands_for') or (isinstance(value, types.FunctionType) and value.__module__.partition('.')[0] not in _LIBRARIES):
            yield from _references(value, seen)


def _code(value: Any) -> Any:
    """A plain function stands for its code, since what it refers to is compared besides; other callables for themselves."""
    if hasattr(value, 'stands_for'):
        fn, options = value.stands_for
        return options, _code(fn)
    if isinstance(value, types.FunctionType):
        return value.__code__
    if isinstance(value, types.MethodType):
        return _reference(value.__self__), value.__func__
    if isinstance(value, functools.partial):
        return 'partial', _code(value.func)
    return value


def _reference(value: Any) -> Any:
    try:
        return weakref.ref(value)
    except TypeError:
        return value


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


def _strongly(value: Any) -> Callable[[], Any]:
    return lambda: value


def _weakly(value: Any) -> Callable[[], Any]:
    ref = _reference(value)
    return ref if isinstance(ref, weakref.ref) else _strongly(value)
