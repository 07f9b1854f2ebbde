"""What all draws do with their parameters: units, ranges, shapes."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._errors import ParameterError, ShapeError, UnitError

Rule = tuple[Callable[[Any], Any], str]

ANY: Rule = (lambda x: x == x, 'a number')  # false for NaN only
POSITIVE: Rule = (lambda x: x > 0, 'positive')
NOT_NEGATIVE: Rule = (lambda x: x >= 0, '0 or positive')
PROBABILITY: Rule = (lambda p: (p >= 0) & (p <= 1), 'in [0, 1]')
PROBABILITY_NOT_0: Rule = (lambda p: (p > 0) & (p <= 1), 'in (0, 1]')
# single precision leaves 1e-7 for each term of a sum
DISTRIBUTION: Rule = (lambda p: (p >= 0).all(-1) & (abs(p.sum(-1) - 1) < 1e-4), 'probabilities, which sum to 1 along the last axis')


def real(dtype: Any) -> Any:
    """The floating-point type of a draw."""
    return jnp.dtype(environ.dftype() if dtype is None else dtype)


def integer(dtype: Any) -> Any:
    """The integer type of a draw."""
    return jnp.dtype(environ.ditype() if dtype is None else dtype)


def plain(where: str, dtype: Any, /, **params: tuple[Any, Rule]) -> list[Any]:
    """Parameters that have no unit, as arrays of a type (``None``: their own), each checked by its rule.

    Raises
    ------
    UnitError
        If one has a unit.
    ParameterError
        If one is concrete and outside of its range.
    """
    out = []
    for name, (value, rule) in params.items():
        if not u.get_dim(value).is_dimensionless:
            raise UnitError(f'random.{where}: {name} must have no unit, but is {value}.')
        out.append(_array(mantissa(value, u.UNITLESS), dtype))
        require(where, name, out[-1], rule)
    return out


def common(where: str, dtype: Any, /, **params: tuple[Any, Rule]) -> tuple[list[Any], u.Unit]:
    """Parameters that share a unit, as arrays in the unit of the first, and that unit; ``None`` stands for zero.

    Raises
    ------
    UnitError
        If their units differ in dimension.
    ParameterError
        If one is concrete and outside of its range.
    """
    given = {name: value for name, (value, _) in params.items() if value is not None}
    first = next(iter(given))
    dim = u.get_dim(given[first])
    unit = u.UNITLESS if dim.is_dimensionless else u.get_unit(given[first])
    for name, value in given.items():
        if u.get_dim(value) != dim:
            raise UnitError(
                f'random.{where}: {name} has {_called(value)}, but {first} has {_called(given[first])}; '
                f'give {" and ".join(given)} in one unit.'
            )
    out = []
    for name, (value, rule) in params.items():
        out.append(_array(0.0 if value is None else mantissa(value, unit), dtype))
        require(where, name, out[-1], rule)
    return out, unit


def require(where: str, name: str, value: Any, rule: Rule) -> None:
    """Raise `ParameterError` if a concrete value breaks a rule."""
    if isinstance(value, jax.core.Tracer):
        return
    is_allowed, allowed = rule
    value = np.asarray(value, float)
    if not np.all(is_allowed(value)):
        raise ParameterError(f'random.{where}: {name} must be {allowed}, but is {np.array2string(value, threshold=6)}.')


def ordered(where: str, /, *, strictly: bool = False, **params: Any) -> None:
    """Raise `ParameterError` if concrete values do not rise from each to the next."""
    for (name, value), (next_name, next_value) in itertools.pairwise(params.items()):
        if isinstance(value, jax.core.Tracer) or isinstance(next_value, jax.core.Tracer):
            continue
        value, next_value = np.asarray(value), np.asarray(next_value)
        if not np.all(value < next_value if strictly else value <= next_value):
            must = 'must be below' if strictly else 'must not be above'
            raise ParameterError(f'random.{where}: {name} {must} {next_name}, but they are {value} and {next_value}.')


def shape(where: str, size: Any, *params: Any) -> tuple[int, ...]:
    """The shape of a draw: that of the parameters together, unless given.

    Raises
    ------
    ShapeError
        If the parameters do not broadcast to it.
    """
    shapes = [np.shape(p) for p in params]
    try:
        if size is None:
            return np.broadcast_shapes(*shapes)
        asked = tuple(map(operator.index, size)) if isinstance(size, (tuple, list)) else (operator.index(size),)
        if np.broadcast_shapes(asked, *shapes) == asked:
            return asked
    except TypeError:
        raise TypeError(f'random.{where}: size is an integer or a tuple of integers, but is {size!r}.') from None
    except ValueError:
        pass
    parts = ' and '.join(map(str, shapes))
    raise ShapeError(f'random.{where}: parameters of shape {parts} do not broadcast to {"each other" if size is None else f"size {size}"}.')


def with_unit(x: Any, unit: u.Unit) -> Any:
    """A quantity, or the number itself where there is no unit."""
    return x if unit == u.UNITLESS else u.Quantity(x, unit=unit)


def split_unit(x: Any) -> tuple[Any, u.Unit]:
    """The array and the unit of anything that can be drawn from or reordered."""
    return (x.mantissa, x.unit) if isinstance(x, u.Quantity) else (x, u.UNITLESS)


def mantissa(value: Any, unit: u.Unit) -> Any:
    """The numbers of a value in a unit of the same dimension."""
    return value.to_decimal(unit) if isinstance(value, u.Quantity) else value


def _array(value: Any, dtype: Any) -> Any:
    """An array; in NumPy if it was not in JAX, so that it stays concrete within a trace."""
    if isinstance(value, jax.Array):
        return value if dtype is None else value.astype(dtype)
    return np.asarray(value, dtype)


def _called(value: Any) -> str:
    unit = u.get_unit(value)
    return 'no unit' if unit == u.UNITLESS else f'unit {unit}'
