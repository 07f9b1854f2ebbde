"""Looking into a value of a user: the parts that it consists of, as far as a program may depend on them."""

from __future__ import annotations

import dataclasses
import enum
import functools
import sys
import types
from collections import deque
from collections.abc import Callable, Mapping, Set
from typing import Any, NamedTuple

import brainunit as u
import jax
import numpy as np

from .._frames import MISSING, attributes
from ..state import State
from ._args import Static

Names = frozenset[str] | set[str]
_LARGE, _ROW = 1 << 20, 1 << 13  # bytes

_FIXED = frozenset({'jax', 'jaxlib', 'numpy', 'brainunit', 'saiunit', 'builtins'}) | (sys.stdlib_module_names - {'__main__'})
_OUR_ROOM = __name__.partition('.')[0]
_OUR_MODELS = tuple(f'{_OUR_ROOM}.{room}.' for room in ('modules', 'layers', 'connections', 'neurons', 'synapses', 'inputs', 'record'))
_PLAIN = (
    *(int, float, complex, str, bytes, range, slice, type(None), type(...), type(NotImplemented), type(MISSING)),
    *(np.generic, np.dtype, u.Unit, enum.Enum, jax.tree_util.PyTreeDef, types.CodeType, Static),
)
_SEQUENCES = (list, tuple, deque)
_CLOSED = (jax.Array, jax.core.Tracer, State, types.BuiltinFunctionType)  # told otherwise, or never another inside
_FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)


class Inside(NamedTuple):
    """How to look into a value.

    Attributes
    ----------
    kind : hashable
        What another value must be, too, to be able to equal this one.
    keys : list
        A key for each part, by which the part is called in messages and found again.
    read : callable
        Gives the parts of a value of this kind, as they are then.
    is_object : bool
        Whether the value is known by its identity, and not by its parts alone.
    holder : callable
        Gives the object that holds the parts of a value.
    size : callable, optional
        Gives a number that changes when parts are added.
    is_constant : bool
        Whether no part can differ while it is the same object.
    text : str
        What ``read`` does, as an expression of ``{0}``; '' where ``read`` is called.
    """

    kind: Any
    keys: list[Any]
    read: Callable[[Any], list[Any]]
    is_object: bool = False
    holder: Callable[[Any], Any] = lambda value: value
    size: Callable[[Any], int] | None = None
    is_constant: bool = False
    text: str = ''


def is_plain(value: Any) -> bool:
    """Whether a value never changes and is compared as a whole."""
    return isinstance(value, _PLAIN) or (isinstance(value, (tuple, frozenset)) and all(map(is_plain, value)))


def is_made(value: Any) -> bool:
    """Whether a transform has made this function from another."""
    return callable(value) and not isinstance(value, type) and type(own_attributes(value).get('stands_for')) is tuple


def own_attributes(value: Any) -> dict[str, Any]:
    """The attributes of an object itself; runs no code of its class."""
    try:
        return object.__getattribute__(value, '__dict__')
    except AttributeError:
        return {}


def look(value: Any, names: Names, everything: bool = False) -> Inside:
    """Look into a value that is not plain.

    Parameters
    ----------
    value
        Anything.
    names : set of str
        The attributes of objects, classes and modules that matter.
    everything : bool
        Whether all attributes of objects matter.
    """
    if isinstance(value, u.Quantity):
        return Inside('quantity', ['mantissa', 'unit'], lambda q: [q.mantissa, q.unit])
    if isinstance(value, (*_SEQUENCES, Set)):
        return Inside(type(value), list(range(len(value))), list, size=len, text='' if isinstance(value, Set) else '{0}')
    if isinstance(value, Mapping):
        keys = [*(('key', key) for key in value), *value]
        return Inside(type(value), keys, lambda d: [*d, *d.values()], size=len, text='[*{0}, *{0}.values()]')
    if isinstance(value, _FUNCTIONS) or is_made(value):
        return _look_into_function(value, names)
    if isinstance(value, _CLOSED) or (isinstance(value, types.ModuleType) and is_fixed(value.__name__)):
        return Inside('object', [], _nothing, is_object=True, is_constant=True)
    if isinstance(value, types.ModuleType):
        return look_into_names(vars(value), names)._replace(
            is_object=True, holder=vars, read=_through_vars(vars(value), names), size=lambda module: len(vars(module)), text=''
        )
    if isinstance(value, type):
        return _look_into_class(value, names)
    return _look_into_object(value, names, everything)


def keys_and_parts(value: Any, see: Callable[[Any], Inside]) -> tuple[Inside, list[Any]]:
    """Look into a value and read its parts; again where another thread has added or removed some in between."""
    while True:
        inside = see(value)
        parts = inside.read(value)
        if len(parts) == len(inside.keys):
            return inside, parts


def look_into_names(room: dict[str, Any], names: Names) -> Inside:
    """Look at global names of a module, given as its dictionary."""
    keys = [name for name in names if name in room]
    text = f'[{", ".join(f"{{0}}.get({key!r})" for key in keys)}]'
    return Inside('room', keys, lambda room: list(map(room.get, keys)), size=len, text=text)


def _through_vars(room: dict[str, Any], names: Names) -> Callable[[Any], list[Any]]:
    read = look_into_names(room, names).read
    return lambda module: read(vars(module))


def contents(x: np.ndarray) -> Any:
    """What tells two arrays apart: type, shape, and a hash of the memory; of a large one, of the sums of rows and columns of it."""
    if x.dtype.hasobject:
        return x.shape, tuple(map(id, x.flat))
    if x.nbytes < _LARGE or not x.flags.c_contiguous:
        return x.dtype.str, x.shape, hash(x.tobytes())
    memory = x.reshape(-1).view(np.uint8)
    whole = x.nbytes // _ROW * _ROW
    words = memory[:whole].view(np.uint64).reshape(-1, _ROW // 8)
    return x.dtype.str, x.shape, hash((words.sum(0).tobytes(), words.sum(1).tobytes(), memory[whole:].tobytes()))


def code_of(fn: Any) -> Any:
    """What is the same for functions made anew by the same code."""
    if is_made(fn):
        return Static(fn.stands_for[1]), code_of(fn.stands_for[0])
    if isinstance(fn, types.MethodType):
        return 'method', code_of(fn.__func__)
    if isinstance(fn, functools.partial):
        return 'partial', len(fn.args), tuple(fn.keywords), code_of(fn.func)
    return fn.__code__ if isinstance(fn, types.FunctionType) else type(fn)


def global_names(fn: types.FunctionType) -> frozenset[str]:
    """Names in a function's code and in that of functions written inside: of variables and of attributes."""
    return _code_names(fn.__code__)


@functools.lru_cache(maxsize=4096)
def _code_names(code: types.CodeType) -> frozenset[str]:
    inner = (const for const in code.co_consts if isinstance(const, types.CodeType))
    return frozenset(code.co_names).union(*map(_code_names, inner))


def _read_partial(f: functools.partial) -> list[Any]:
    return [f.func, *f.args, *f.keywords, *f.keywords.values()]


def _nothing(value: Any) -> list[Any]:
    return []


def _look_into_function(value: Any, names: Names) -> Inside:
    """A function is known by its code and all that it was made with."""
    if is_made(value):
        return Inside('made', ['function', 'options'], lambda f: list(f.stands_for))
    if isinstance(value, types.MethodType):
        return Inside('method', ['__self__', '__func__'], lambda f: [f.__self__, f.__func__], text='[{0}.__self__, {0}.__func__]')
    if isinstance(value, functools.partial):
        count, given = len(value.args), tuple(value.keywords)
        return Inside(('partial', count, given), ['func', *range(count), *(('key', key) for key in given), *given], _read_partial)
    own = [name for name in vars(value) if name in names or name == '__wrapped__']
    named = tuple(value.__kwdefaults__ or ())
    count = len(value.__defaults__ or ())

    def read(f: Any) -> list[Any]:
        try:
            found = [f.__code__, *[cell.cell_contents for cell in f.__closure__ or ()]]
        except ValueError:  # a variable is not assigned yet
            found = [f.__code__, *map(cell_content, f.__closure__)]
        if count:
            found += f.__defaults__ or ()
        if named:
            found += (f.__kwdefaults__ or {}).values()
        if own:
            found += [vars(f).get(name, MISSING) for name in own]
        return found

    keys = ['__code__', *value.__code__.co_freevars, *(f'default {k}' for k in range(count)), *named, *own]
    cells = [f'{{0}}.__closure__[{k}].cell_contents' for k in range(len(value.__code__.co_freevars))]
    text = '' if named or own else f'[{", ".join(["{0}.__code__", *cells])}, *({{0}}.__defaults__ or ())]'
    return Inside(('function', count, named), keys, read, is_constant=not value.__closure__ and not own, text=text)


def cell_content(cell: types.CellType) -> Any:
    """What a variable of a closure stands for."""
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return MISSING


def _look_into_class(value: type, names: Names) -> Inside:
    """A class holds attributes of its own and those of the classes that it inherits from, as far as users wrote them."""
    places = [(k, name) for k, cls in enumerate(value.__mro__) if not is_fixed(cls.__module__) for name in names if name in vars(cls)]
    keys = [f'{value.__mro__[k].__name__}.{name}' for k, name in places]

    def read(cls: type) -> list[Any]:
        order = cls.__mro__
        return [_function_of(vars(order[k]).get(name, MISSING)) for k, name in places]

    users = [k for k, cls in enumerate(value.__mro__) if not is_fixed(cls.__module__)]
    size = (lambda cls: len(cls.__dict__)) if users == [0] else lambda cls: sum([len(cls.__mro__[k].__dict__) for k in users])
    return Inside('object', keys, read, is_object=True, size=size, text='' if keys else '[]')


def _function_of(value: Any) -> Any:
    """The function in a descriptor of Python's, which is what users write."""
    if isinstance(value, (staticmethod, classmethod)):
        return value.__func__
    return value.fget if isinstance(value, property) else value


def _look_into_object(value: Any, names: Names, everything: bool) -> Inside:
    """An object is known by its identity, and holds attributes: its own and those of its class.

    A model reports which of its own attributes are read, so that these are not looked for here. A dataclass is known by its parts.
    """
    cls = type(value)
    is_users, by_parts = not is_fixed(cls.__module__), dataclasses.is_dataclass(value)
    slots = [name for base in cls.__mro__ for name in _slots(base)]
    own = {} if attributes.reports(cls) else own_attributes(value)
    everything = everything or cls.__module__.startswith(_OUR_MODELS) or not jax.tree_util.all_leaves([value])
    keys = [name for name in (*own, *slots) if everything or name in names]

    def read(x: Any) -> list[Any]:
        own = own_attributes(x)
        found = [own[name] if name in own else _slot(x, name) if slots else MISSING for name in keys]
        return [*found, type(x)] if is_users else found

    size = (lambda x: len(own_attributes(x))) if cls.__dictoffset__ and not attributes.reports(cls) else None
    text = '' if keys else '[type({0})]' if is_users else '[]'
    return Inside(cls if by_parts else 'object', [*keys, 'class'] if is_users else keys, read, not by_parts, size=size, text=text)


def _slot(x: Any, name: str) -> Any:
    try:
        return object.__getattribute__(x, name)
    except AttributeError:
        return MISSING


def _slots(cls: type) -> list[str]:
    slots = vars(cls).get('__slots__', ())
    return [name for name in ((slots,) if isinstance(slots, str) else slots) if not name.startswith('__')]


@functools.lru_cache(maxsize=4096)
def is_fixed(module: str) -> bool:
    """Whether a module belongs to a library, whose functions and classes stay what they are."""
    return root_of(module) in _FIXED or root_of(module) == _OUR_ROOM or module.startswith('namedtuple_')


def root_of(name: str | None) -> str:
    """The package of a module, by its name."""
    return (name or '').partition('.')[0]
