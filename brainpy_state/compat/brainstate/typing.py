"""The names of ``brainstate.typing``, for annotations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Annotated, Any, Protocol, TypeVar, runtime_checkable

import brainunit as u
import jax
import numpy as np

from ..._errors import ParameterError

ArrayLike = jax.Array | np.ndarray | np.generic | bool | int | float | complex | u.Quantity
Axes = int | Sequence[int]
DType = np.dtype
DTypeLike = Any
Filter = Any
FilterLiteral = Any
Initializer = Callable | ArrayLike
Missing = type('Missing', (), {})
PathParts = tuple[Any, ...]  # of keys
Predicate = Callable[[PathParts, Any], bool]
SeedOrKey = int | jax.Array | np.ndarray
Shape = Sequence[int]
Size = int | Sequence[int]


class _Arrays(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, jax.Array)

    def __getitem__(cls, item: Any) -> Any:
        return Annotated[jax.Array, item]


class Array(metaclass=_Arrays):
    """An array of JAX; ``Array['batch, n']`` says of which shape, for people to read."""


class _Trees(type):
    leaftype: Any = Any
    structure: str | None = None

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError('PyTree is for annotations; there are no objects of it.')

    def __instancecheck__(cls, x: Any) -> bool:
        return cls.leaftype is Any or all(isinstance(leaf, cls.leaftype) for leaf in jax.tree.leaves(x))

    def __getitem__(cls, item: Any) -> Any:
        leaftype, structure = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
        if isinstance(item, tuple) and len(item) != 2:
            raise ParameterError(f'PyTree: a type, or a type and the name of a structure, must be given, but {item!r} was.')
        if not isinstance(leaftype, Hashable):
            raise TypeError(f'PyTree: the type of leaves must be hashable, but is {leaftype!r}.')
        return _tree_of(leaftype, None if structure is None and not isinstance(item, tuple) else _names(structure))


class PyTree(metaclass=_Trees):
    """Any tree; ``PyTree[T]`` says of what, ``PyTree[T, 'S']`` also of which structure, for people to read."""


@functools.cache
def _tree_of(leaftype: Any, structure: str | None) -> Any:
    text = getattr(leaftype, '__name__', repr(leaftype))
    tree = _Trees(f'PyTree[{text}]' if structure is None else f'PyTree[{text}, {structure!r}]', (PyTree,), {})
    tree.leaftype, tree.structure = leaftype, structure
    return tree


def _names(structure: Any) -> str:
    """Names of structures with one space between them; three dots may stand for the outer or the inner ones."""
    words = structure.split() if isinstance(structure, str) else []
    inner = words[1:] if words[:1] == ['...'] else words[:-1] if words[-1:] == ['...'] else words
    if not inner or not all(word.isidentifier() for word in inner):
        raise ParameterError(f"PyTree: a structure must be names, with ... at one end at most, such as 'T' or '... T', not {structure!r}.")
    return ' '.join(words)


@runtime_checkable
class Key(Hashable, Protocol):
    """What a path is made of: it can be hashed and ordered."""

    def __lt__(self, other: Any) -> bool:
        """Which comes first."""
        ...


K = TypeVar('K', bound=Key)


@runtime_checkable
class SupportsDType(Protocol):
    """Anything with a ``dtype``."""

    @property
    def dtype(self) -> Any:
        """The type of its elements."""
        ...
