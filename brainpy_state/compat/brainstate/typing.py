"""The names of ``brainstate.typing``, for annotations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import brainunit as u
import jax
import numpy as np

ArrayLike = jax.Array | np.ndarray | np.generic | bool | int | float | complex | u.Quantity
Array = jax.Array
DTypeLike = Any
Filter = Any
Initializer = Callable | ArrayLike
Key = Any
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
