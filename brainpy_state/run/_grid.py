"""The values of a sweep: all combinations of them, or one after the other, and how they are called in messages."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ParameterError, ShapeError
from ..numerics import brief

_NO_ARRAY = """\
sweep: the values of {name!r} are {values}, but only numbers and quantities can be computed together. Loop over it in Python:
    {{x: sweep(lambda ...: f(..., {name}=x), over=...) for x in ...}}"""


class Grid:
    """Which value each parameter has in each lane.

    Parameters
    ----------
    over : mapping
        Values of each parameter, along the first axis.
    zipped : bool
        Whether the first values belong together, and the second, and so on; else all combinations are made.
    """

    def __init__(self, over: Mapping[str, Any], zipped: bool):
        if not isinstance(over, Mapping) or not over:
            raise ParameterError(
                f"sweep: over= must say which values which parameter has, such as {{'g': [1., 2.]}}, but is {brief(over)}."
            )
        self.zipped = zipped
        self.values = {name: _values(name, given) for name, given in over.items()}
        sizes = {name: len(x) for name, x in self.values.items()}
        if zipped and len(set(sizes.values())) > 1:
            told = ', '.join(f'{name} has {n}' for name, n in sizes.items())
            raise ShapeError(f'sweep: zipped parameters need equally many values, but {told}; zipped=False takes all combinations.')
        self.shape = (next(iter(sizes.values())),) if zipped else tuple(sizes.values())
        self.size = int(np.prod(self.shape))

    def places(self, lanes: np.ndarray) -> dict[str, np.ndarray]:
        """The numbers of the values that lanes have."""
        places = np.unravel_index(lanes, self.shape)
        return {name: places[0 if self.zipped else k] for k, name in enumerate(self.values)}

    def of(self, lanes: np.ndarray) -> dict[str, Any]:
        """The values that lanes have, along a first axis."""
        return {name: jax.tree.map(lambda x, at=at: jnp.asarray(x[at]), self.values[name]) for name, at in self.places(lanes).items()}

    def first(self) -> dict[str, Any]:
        """The values of the first lane."""
        return {name: jax.tree.map(lambda x: jnp.asarray(x[0]), x) for name, x in self.values.items()}

    def told(self, lane: int) -> str:
        """The values of a lane in words."""
        return ', '.join(f'{name} = {brief(self.values[name][int(at)])}' for name, at in self.places(np.array(lane)).items())


def _values(name: str, given: Any) -> Any:
    """Values of a parameter, as an array of NumPy in the precision of JAX, or a quantity of one."""
    try:
        given = list(given) if isinstance(given, (range, list, tuple)) else given
        found = u.math.asarray(given) if isinstance(given, list) else given
        unit, numbers = u.get_unit(found), np.asarray(u.get_mantissa(found))
    except (TypeError, ValueError):
        numbers = np.array(None)
    if numbers.dtype.kind not in 'biufc':
        raise ParameterError(_NO_ARRAY.format(name=name, values=reprlib.repr(given)))
    if numbers.ndim == 0 or not len(numbers):
        raise ShapeError(f'sweep: {name!r} needs one value or more along a first axis, but has shape {numbers.shape}.')
    numbers = numbers.astype(jax.dtypes.canonicalize_dtype(numbers.dtype))
    return numbers if unit.is_unitless and not isinstance(found, u.Quantity) else u.Quantity(numbers, unit=unit)
