"""What losses ask of their inputs."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._errors import ParameterError, ShapeError, UnitError
from .._typing import ArrayLike
from ..numerics import brief
from ..transform._error_if import error_if


def trace(where: str, name: str, x: Any, scale: Any = None) -> jax.Array:
    """A trace as floating-point numbers, shape ``(T, ..., n)``.

    Parameters
    ----------
    where, name : str
        Whose argument it is, for messages.
    x : array or quantity
    scale : quantity, optional
        What counts as 1; needed for a trace with a unit.

    Raises
    ------
    UnitError
        If units do not fit, or there is one without a ``scale``.
    ShapeError
        If it has no axis of time, or none of neurons, or no step.
    TypeError
        If it is no array of numbers.
    """
    unit = u.get_unit(x)
    if not isinstance(u.get_mantissa(x), (jax.Array, np.ndarray, list, tuple)):
        raise TypeError(f'{where}: {name} must be an array of shape (T, ..., n), but {x!r} was given.')
    if scale is None and u.get_dim(x) != u.DIMENSIONLESS:
        raise UnitError(f'{where}: {name} has the unit {unit}; say what counts as 1, such as scale=1. * u.{unit}.')
    if scale is not None and u.get_dim(scale) != u.get_dim(x):
        raise UnitError(f'{where}: scale = {brief(scale)}, but {name} has {"no unit" if unit.is_unitless else f"the unit {unit}"}.')
    plain = jnp.asarray(u.get_mantissa(u.Quantity(x).to_decimal(u.UNITLESS) if scale is None else (x / scale)))
    if plain.ndim < 2 or 0 in plain.shape:
        raise ShapeError(f'{where}: {name} has shape {plain.shape}, expected (T, ..., n): time first, neurons last, none of them empty.')
    return plain if jnp.issubdtype(plain.dtype, jnp.floating) else plain.astype(float)


def labels(where: str, given: Any, like: jax.Array) -> jax.Array:
    """Labels of the classes that stand on the last axis of a trace, shape ``like.shape[1:-1]``.

    Raises
    ------
    ShapeError, TypeError
        If there is not one integer for each sample.
    ParameterError
        If a label is no class; in compiled code when the call ends.
    """
    n = like.shape[-1]
    if not hasattr(given, 'dtype'):
        given = np.asarray(given)
    if not jnp.issubdtype(given.dtype, jnp.integer):
        raise TypeError(f'{where}: labels must be integers from 0 to {n - 1}, but are {given.dtype}.')
    if given.shape != like.shape[1:-1]:
        raise ShapeError(f'{where}: labels have shape {given.shape}, expected {like.shape[1:-1]}, one for each sample of {like.shape}.')
    if not given.size:
        raise ShapeError(f'{where}: there are no labels.')
    known = not isinstance(given, jax.core.Tracer)
    given = np.asarray(given) if known else given
    low, high = given.min(), given.max()
    text = f'{where}: labels must lie between 0 and {n - 1}, the last class, but reach from {{}} to {{}}.'
    if not known:
        error_if((low < 0) | (high >= n), ParameterError, text, low, high)
    elif low < 0 or high >= n:
        raise ParameterError(text.format(low, high))
    return jnp.asarray(given)


def cross_entropy(logits: jax.Array, given: jax.Array) -> jax.Array:
    """Mean cross-entropy of samples, logits of shape ``(..., n)``."""
    from optax import softmax_cross_entropy_with_integer_labels

    return softmax_cross_entropy_with_integer_labels(logits, given).mean()


def step(where: str) -> Any:
    """The time step, a time."""
    return quantity(where, 'dt', environ.get_dt(), 1.0 * u.ms)


def quantity(where: str, name: str, value: ArrayLike, like: Any, *, positive: bool = False) -> Any:
    """A quantity of the dimension of another, zero or positive.

    Raises
    ------
    UnitError
        If it has another unit, or none.
    ParameterError
        If it is negative, no number, or zero where it must be ``positive``.
    """
    if u.get_dim(value) != u.get_dim(like):
        raise UnitError(f'{where}: {name} = {brief(value)} needs a unit like {u.get_unit(like)}.')
    number = u.get_mantissa(value)
    if not isinstance(number, jax.core.Tracer) and not np.all(np.asarray(number) > 0 if positive else np.asarray(number) >= 0):
        raise ParameterError(f'{where}: {name} = {brief(value)} must be {"positive" if positive else "zero or positive"}.')
    return value
