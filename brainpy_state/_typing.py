"""Types that signatures of this package use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import brainunit as u
import jax
import numpy as np

ArrayLike = jax.Array | np.ndarray | np.generic | float | int | u.Quantity
Size = int | Sequence[int]
Initializer = ArrayLike | Callable[[tuple[int, ...]], Any]
Path = tuple[str | int, ...]


def as_size(size: Size, owner: str) -> tuple[int, ...]:
    """A shape from an integer or a sequence of integers."""
    if isinstance(size, np.ndarray) and size.dtype.kind in 'iu' and size.ndim < 2:
        size = size.tolist()
    sizes = (size,) if isinstance(size, (int, np.integer)) else tuple(size) if isinstance(size, Sequence) else ()
    if not sizes or not all(isinstance(n, (int, np.integer)) and n >= 0 for n in sizes):
        raise ValueError(f'{owner}: a size is a non-negative integer or a tuple of them, but is {size!r}.')
    return tuple(int(n) for n in sizes)
