"""What layers share: first values of weights, and a check of the input's shape."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, random
from .._errors import ParameterError, ShapeError
from .._typing import Size, as_size
from ..modules import Module, broadcasts
from ..numerics import with_unit

WeightInit = Any  # number, quantity, array, or callable
he_normal = jax.nn.initializers.he_normal()
zeros = jax.nn.initializers.zeros
ones = jax.nn.initializers.ones


class Layer(Module):
    """Base of feedforward layers, which take any leading batch axes before the axes of ``in_size``.

    Parameters
    ----------
    in_size : int or tuple of int, optional
        The shape of the input without batch axes. Some layers work without knowing it.
    name : str, optional
        A label for messages.
    """

    def __init__(self, in_size: Size | None, name: str | None = None):
        super().__init__(name)
        if in_size is not None:
            self.in_size = as_size(in_size, self.label)

    def batch_of(self, x: Any) -> tuple[int, ...]:
        """The leading axes of an input.

        Raises
        ------
        ShapeError
            If the other axes are not those of ``in_size``.
        """
        shape, size = np.shape(u.get_mantissa(x)), self.in_size or ()
        batch = shape[: len(shape) - len(size)]
        if len(shape) < len(size) or shape[len(batch) :] != size:
            raise ShapeError(f'{self.label}: the input has shape {shape}, expected (..., {", ".join(map(str, size))}).')
        return batch


def first_value(init: WeightInit, shape: tuple[int, ...], owner: str, name: str) -> Any:
    """The first value of a weight, of the type of `environ`.

    Parameters
    ----------
    init : number, quantity, array or callable
        A callable takes the shape. One with a first parameter ``key`` is called like those of
        ``jax.nn.initializers``, one that takes ``rng`` like those of ``braintools.init``; both then
        draw from `random`.
    shape : tuple of int
        The shape of the weight.
    owner, name : str
        For messages.

    Raises
    ------
    ShapeError
        If the value does not broadcast to ``shape``.
    ParameterError
        If there is none.
    """
    value = _call(init, shape) if callable(init) and not isinstance(init, Module) else init
    unit, mantissa = u.get_unit(value), u.get_mantissa(value)
    if not isinstance(mantissa, (int, float, list, np.ndarray, np.generic, jax.Array)):
        raise ParameterError(f'{owner}: {name} is a number, an array or a callable of the shape, but {value!r} was given.')
    if not broadcasts(np.shape(mantissa), shape):
        raise ShapeError(f'{owner}: {name} gives shape {np.shape(mantissa)}, expected {shape}.')
    array = jnp.broadcast_to(jnp.asarray(mantissa, environ.dftype()), shape)
    return with_unit(array, unit)


def _call(init: Callable, shape: tuple[int, ...]) -> Any:
    try:
        parameters = list(inspect.signature(init).parameters.values())
    except ValueError:  # a builtin without a signature
        parameters = []
    if parameters and parameters[0].name == 'key':
        return init(jax.random.wrap_key_data(random.split_key()), shape, environ.dftype())
    if any(p.name == 'rng' or p.kind is p.VAR_KEYWORD for p in parameters):
        return init(shape, rng=random)
    return init(shape)
