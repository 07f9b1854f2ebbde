"""What layers share: sizes that are told for each axis, weights in a state of a given class, and masks of weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ..._errors import ParameterError, ShapeError
from ...modules import Module
from ...state import ParamState, State


def per_axis(owner: str, name: str, value: Any, ndim: int) -> tuple[int, ...]:
    """One integer for each of so many axes.

    Raises
    ------
    TypeError, ValueError
        If something else, or another number of them is given.
    """
    values = (value,) * ndim if isinstance(value, int) else value
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(x, int) for x in values):
        raise TypeError(f'{owner}: {name} is an integer or {ndim} of them, but is {value!r}.')
    if len(values) != ndim:
        raise ShapeError(f'{owner}: {name} has {len(values)} integers, expected {ndim}.')
    return tuple(values)


def paddings(owner: str, value: Any, ndim: int) -> Any:
    """``'SAME'``, ``'VALID'``, or a pair for each axis.

    Raises
    ------
    ValueError
        If something else is given.
    """
    if isinstance(value, str) and value in ('SAME', 'VALID'):
        return value
    given: Any = (value,) * ndim if isinstance(value, int) else value
    if isinstance(given, (tuple, list)) and len(given) == 1:
        given = tuple(given) * ndim
    pairs = tuple((p, p) if isinstance(p, int) else p for p in given) if isinstance(given, (tuple, list)) else ()
    if len(pairs) != ndim or not all(isinstance(p, (tuple, list)) and len(p) == 2 and all(isinstance(x, int) for x in p) for p in pairs):
        raise ParameterError(
            f"{owner}: padding is 'SAME', 'VALID', an int, or an int or Tuple[int, int] for each of {ndim} axes, "
            f'but is {value!r} ({type(value[0] if isinstance(value, (tuple, list)) and value else value).__name__}).'
        )
    return tuple((p[0], p[1]) for p in pairs)


class Typed(Module):
    """Adds ``param_type``, the class of the state of the weights, to a layer."""

    weight: Any

    def retype(self, param_type: type[State]) -> None:
        """Keep the weights in a state of a class."""
        if not (isinstance(param_type, type) and issubclass(param_type, State)):
            raise TypeError(f'{self.label}: param_type is a class of states, but is {param_type!r}.')
        if param_type is not ParamState and self.weight is not None:
            self.weight = param_type(self.weight.value)


def mask_of(owner: str, mask: Any, shape: tuple[int, ...]) -> Any:
    """A mask of weights as an array that broadcasts to their shape, or None.

    Raises
    ------
    ShapeError
        If it does not.
    """
    if mask is None:
        return None
    array = mask(shape) if callable(mask) else mask
    try:
        np.broadcast_shapes(np.shape(u.get_mantissa(array)), shape)
    except ValueError:
        raise ShapeError(f'{owner}: w_mask has shape {np.shape(array)}, but weights have {shape}.') from None
    return array


def standardized(w: Any, eps: float = 1e-4, gain: Any = None, out_axis: int = -1) -> Any:
    r"""Weights of each output with mean 0 and, times the number of inputs, variance 1.

    .. math:: \hat w = \mathrm{gain}\,\frac{w - \mathrm{mean}(w)}{\sqrt{\max(N\,\mathrm{var}(w), \epsilon)}}

    Parameters
    ----------
    w : array or quantity
        Weights; their scale drops out, and a unit with it.
    eps : number or quantity
        The least variance, in the squared unit of the weights.
    gain : array, optional
        A factor for each output.
    out_axis : int
        The axis of outputs.

    Notes
    -----
    Source: Brock, De & Smith 2021, equation 3, arXiv:2101.08692.
    """
    unit, w = u.get_unit(w), u.get_mantissa(w)
    axes = tuple(k for k in range(w.ndim) if k != out_axis % w.ndim)
    n = np.prod([w.shape[k] for k in axes])
    least = eps.to_decimal(unit**2) if isinstance(eps, u.Quantity) else eps
    y = (w - w.mean(axes, keepdims=True)) * jax.lax.rsqrt(jnp.maximum(n * w.var(axes, keepdims=True), least))
    return y if gain is None else y * gain
