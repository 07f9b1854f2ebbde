"""The names of ``brainstate.typing``, for annotations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import brainunit as u
import jax
import numpy as np

ArrayLike = jax.Array | np.ndarray | np.generic | bool | int | float | complex | u.Quantity
Array = jax.Array
Axes = int | Sequence[int]
DType = np.dtype
DTypeLike = Any
Filter = Any
FilterLiteral = Any
Initializer = Callable | ArrayLike
Key = Any
K = TypeVar('K', bound=Any)
Missing = type('Missing', (), {})
PathParts = tuple[Any, ...]
Predicate = Callable[[PathParts, Any], bool]
SeedOrKey = int | jax.Array | np.ndarray
Shape = Sequence[int]
Size = int | Sequence[int]


class PyTree:
    """Any tree; ``PyTree[T]`` says of what."""

    def __class_getitem__(cls, item: Any) -> Any:
        return Any


@runtime_checkable
class SupportsDType(Protocol):
    """Anything with a ``dtype``."""

    @property
    def dtype(self) -> Any:
        """The type of its elements."""
        ...
