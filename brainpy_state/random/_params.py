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
OR_ZERO: Rule = (ANY[0], 'a number, or None for 0')
POSITIVE: Rule = (lambda x: x > 0, 'positive')
NOT_NEGATIVE: Rule = (lambda x: x >= 0, '0 or positive')
COUNT: Rule = (lambda x: (x >= 0) & (x % 1 == 0), 'a whole number, 0 or positive')
PROBABILITY: Rule = (lambda p: (p >= 0) & (p <= 1), 'in [0, 1]')
PROBABILITY_NOT_0: Rule = (lambda p: (p > 0) & (p <= 1), 'in (0, 1]')
# single precision leaves 1e-7 for each term of a sum
DISTRIBUTION: Rule = (lambda p: (p >= 0).all(-1) & (abs(p.sum(-1) - 1) < 1e-4), 'probabilities, which sum to 1 along the last axis')

_LARGEST = np.iinfo(np.intp).max


def real(dtype: Any) -> Any:
    """The floating-point type of a draw."""
    return _type(environ.dftype() if dtype is None else dtype, jnp.floating, 'a floating-point type')


def integer(dtype: Any) -> Any:
    """The integer type of a draw."""
    return _type(environ.ditype() if dtype is None else dtype, jnp.integer, 'an integer type')


def _type(dtype: Any, kind: Any, wanted: str) -> Any:
    try:
        found = jnp.dtype(dtype)
    except Exception:  # NumPy raises errors, and warnings, of many classes
        found = None
    if found is None or not jnp.issubdtype(found, kind):
        raise TypeError(f'random: dtype must be {wanted}, but is {dtype!r}.')
    return found


def numbers(where: str, name: str, value: Any) -> Any:
    """A quantity or an array of real numbers; in NumPy if it was not in JAX, so that it stays concrete within a trace.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    given = value
    if not isinstance(value, (u.Quantity, jax.Array)):
        parts = jax.tree.leaves(value, is_leaf=lambda x: isinstance(x, u.Quantity)) if isinstance(value, (list, tuple)) else ()
        try:
            value = u.math.asarray(value) if any(isinstance(x, (u.Quantity, jax.Array)) for x in parts) else np.asarray(value)
        except (TypeError, ValueError):  # of lists of different lengths
            value = None
    dtype = getattr(value, 'dtype', None)
    if dtype is None or not any(jnp.issubdtype(dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool_)):
        raise TypeError(f'random.{where}: {name} must be a number or an array of numbers, but is {given!r}.')
    return value


def plain(where: str, dtype: Any, /, **params: tuple[Any, Rule]) -> list[Any]:
    """Parameters that have no unit, as arrays of a type (``None``: their own), each checked by its rule.

    Raises
    ------
    TypeError
        If one is no array of numbers.
    UnitError
        If one has a unit.
    ParameterError
        If one is concrete and outside of its range.
    """
    out = []
    for name, (value, rule) in params.items():
        value = numbers(where, name, value)
        if not u.get_dim(value).is_dimensionless:
            raise UnitError(f'random.{where}: {name} must have no unit, but is {value}.')
        out.append(_array(mantissa(value, u.UNITLESS), dtype))
        require(where, name, out[-1], rule)
    return out


def common(where: str, dtype: Any, /, **params: tuple[Any, Rule]) -> tuple[list[Any], u.Unit]:
    """Parameters that share a unit, as arrays in the unit of the first, and that unit.

    Raises
    ------
    TypeError
        If one is no array of numbers; by `OR_ZERO`, ``None`` stands for zero.
    UnitError
        If their units differ in dimension.
    ParameterError
        If one is concrete and outside of its range.
    """
    given = {name: numbers(where, name, value) for name, (value, rule) in params.items() if value is not None or rule is not OR_ZERO}
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
    for name, (_, rule) in params.items():
        out.append(_array(mantissa(given[name], unit) if name in given else 0.0, dtype))
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
    TypeError, ParameterError
        If the size is none.
    ShapeError
        If the parameters do not broadcast to it.
    """
    shapes = [np.shape(p) for p in params]
    asked = () if size is None else _size(where, size)
    try:
        together = np.broadcast_shapes(asked, *shapes)
    except ValueError:
        together = None
    if together is None or (size is not None and together != asked):
        parts, there = ' and '.join(map(str, shapes)), 'each other' if size is None else f'size {size}'
        raise ShapeError(f'random.{where}: parameters of shape {parts} do not broadcast to {there}.')
    return together


def _size(where: str, size: Any) -> tuple[int, ...]:
    try:
        asked = tuple(map(operator.index, size)) if isinstance(size, (tuple, list)) else (operator.index(size),)
    except TypeError:
        raise TypeError(f'random.{where}: size is an integer or a tuple of integers, but is {size!r}.') from None
    if any(not 0 <= n <= _LARGEST for n in asked):
        raise ParameterError(f'random.{where}: size consists of integers from 0 to {_LARGEST}, but is {size!r}.')
    return asked


def line(where: str, axis: Any, ndim: int) -> int:
    """An axis of an array.

    Raises
    ------
    ShapeError
        If there is none of that number.
    """
    try:
        number = operator.index(axis)
    except TypeError:
        raise TypeError(f'random.{where}: axis is an integer, but is {axis!r}.') from None
    if not -ndim <= number < ndim:
        raise ShapeError(f'random.{where}: axis is {axis}, but the array has {ndim} axes.')
    return number


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
