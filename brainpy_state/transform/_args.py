"""What a traced function is called with: arrays, static values, and what is refused."""

from __future__ import annotations

import weakref
from typing import Any

import jax
import numpy as np

from ..state import State

_STATE_GIVEN = """\
{where}: {argument} is a state ({state}); a compiled function takes arrays, numbers and quantities.
Read the state inside the function, which finds it by itself, or pass its value:
    wrong:  f(state)
    right:  f(state.value)"""

_OBJECT_GIVEN = """\
{where}: {argument} is a {kind}, but a compiled function takes arrays, numbers and quantities.
Use the object inside the function without passing it; states of it are found by themselves.
`jit` also takes it as a static argument (`static_argnums`, `static_argnames`)."""

ARRAYS = (jax.Array, np.ndarray, np.generic, bool, int, float, complex)


@jax.tree_util.register_static
class Static:
    """An argument that is part of a program's signature, not an input of it.

    It must be hashable. An object that is known by its identity is not kept alive.
    """

    __slots__ = ('_get', '_hash', 'weak')

    def __init__(self, value: Any):
        self._hash = hash(value)
        self.weak = type(value).__hash__ is object.__hash__ and hasattr(value, '__weakref__')
        self._get = weakref.ref(value) if self.weak else lambda: value

    @property
    def value(self) -> Any:
        return self._get()

    @property
    def lost(self) -> bool:
        """Whether the object has ceased to exist."""
        return self.weak and self._get() is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Static):
            return False
        a, b = self.value, other.value
        return a is b and not self.lost if self.weak else type(a) is type(b) and bool(a == b)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return repr(self.value)


def hide_statics(args: Any) -> Any:
    """Mark what is no array (a string, a switch, a function, an object) as static; the rest is left for `lift` to take or refuse."""
    leaves, tree = jax.tree.flatten(args)
    if not any(_is_static(leaf) for leaf in leaves):
        return args
    return jax.tree.unflatten(tree, [Static(leaf) if _is_static(leaf) else leaf for leaf in leaves])


def _is_static(leaf: Any) -> bool:
    return isinstance(leaf, bool) or (not isinstance(leaf, (*ARRAYS, State)) and not hasattr(leaf, 'dtype') and is_hashable(leaf))


def static(where: str, place: int | str, value: Any) -> Static:
    """Mark an argument as static because the user asked for it."""
    if isinstance(value, (jax.Array, jax.core.Tracer)) or not is_hashable(value):
        raise TypeError(f'{where}: argument {place!r} is static, so it must be a hashable value, but is a {type(value).__name__}: {value}.')
    return Static(value)


def is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def reveal_statics(args: Any) -> Any:
    return jax.tree.map(lambda x: x.value if isinstance(x, Static) else x, args, is_leaf=lambda x: isinstance(x, Static))


def check_args(where: str, args: Any) -> None:
    """Refuse arguments that no program can take, saying which and what to do instead."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(args):
        if isinstance(leaf, ARRAYS) or hasattr(leaf, 'dtype'):
            continue
        argument = f'argument {describe_place(args, path)}'
        if isinstance(leaf, State):
            raise TypeError(_STATE_GIVEN.format(where=where, argument=argument, state=leaf.label))
        raise TypeError(_OBJECT_GIVEN.format(where=where, argument=argument, kind=type(leaf).__name__))


def describe_place(args: Any, path: Any) -> str:
    """A place in the arguments of a call, given as ``(positional, named)`` or as any other pytree."""
    if isinstance(args, tuple) and len(args) == 2 and isinstance(args[0], tuple) and isinstance(args[1], dict):
        first = path[1].idx if path[0].idx == 0 else path[1].key
        return f'{first!r}' + (f' at {jax.tree_util.keystr(path[2:])}' if path[2:] else '')
    return jax.tree_util.keystr(path)


def abstract(x: Any) -> tuple:
    """What compiling depends on of an array: shape, type and whether the type is weak."""
    aval = x if hasattr(x, 'weak_type') else jax.typeof(x)
    return aval.shape, aval.dtype, aval.weak_type


def signature(tree: Any) -> tuple:
    """What compiling depends on of a pytree of arrays."""
    leaves, treedef = jax.tree.flatten(tree)
    return treedef, tuple(map(abstract, leaves))


def name_of(fn: Any) -> str:
    """What to call a function, or the first of several, in messages."""
    if isinstance(fn, tuple):
        fn = fn[0]
    return f'`{getattr(fn, "__qualname__", None) or type(fn).__name__}`'


def same_type(a: Any, b: Any) -> bool:
    """Whether two pytrees have one structure, with arrays of the same shapes and types."""
    return _types(a) == _types(b)


def _types(tree: Any) -> Any:
    leaves, structure = jax.tree.flatten(tree)
    return structure, [abstract(x)[:2] for x in leaves]


def show_types(tree: Any) -> str:
    """A pytree by the shapes and types of its arrays, for messages."""
    shown = jax.tree.map(lambda x: str(x if hasattr(x, 'weak_type') and not isinstance(x, jax.Array) else jax.typeof(x)), tree)
    return str(shown).replace("'", '')
