"""Changes of a signal into spikes."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ParameterError, ShapeError, UnitError
from ..numerics import brief
from ._checks import between, numbers


def delta(x: Any, threshold: Any) -> jax.Array:
    r"""Spikes where a signal has risen or fallen by a threshold since the last one ("send on delta").

    .. math:: k_n = \operatorname{trunc} \frac{x_n - r_{n-1}}{\theta}, \qquad r_n = r_{n-1} + k_n \theta, \qquad r_0 = x_0

    Parameters
    ----------
    x : array or quantity, shape ``(T, ..., n)``
        A signal, time first.
    threshold : quantity or number, positive
        The change that makes a spike, in the unit of x.

    Returns
    -------
    array, shape ``(T, ..., 2 n)``
        Numbers of spikes in each step, of n neurons that tell of rises and n that tell of falls. Their derivative by x is zero.
        The sum of rises less falls, times the threshold, follows the signal to less than a threshold.

    Raises
    ------
    UnitError, TypeError, ShapeError
        If units, types or shapes do not fit.
    ParameterError
        If ``threshold`` is not positive; if x is not finite, in compiled code when the call ends.

    Notes
    -----
    A change counts as a whole threshold from a thousandth below it on, so that rounding does not delay spikes. Source: Miskowicz 2006,
    doi:10.3390/s6010049.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.encode.delta(jnp.array([[0.], [0.6], [1.2], [-1.]]), 1.)
    Array([[0., 0.],
           [0., 0.],
           [1., 0.],
           [0., 2.]], dtype=float32)
    """
    x = numbers('delta', 'x', x, x)
    if u.get_dim(x) != u.get_dim(threshold):
        raise UnitError(f'delta: threshold = {brief(threshold)} needs the unit of x, {u.get_unit(x)}.')
    theta = u.get_mantissa(threshold)
    if np.ndim(theta) or (not isinstance(theta, jax.core.Tracer) and not 0 < theta < np.inf):
        raise ParameterError(f'delta: threshold = {brief(threshold)} must be one positive number.')
    if np.ndim(u.get_mantissa(x)) < 2 or not len(u.get_mantissa(x)):
        raise ShapeError(f'delta: x has shape {np.shape(u.get_mantissa(x))}, expected (T, ..., n): time first, neurons last.')
    between('delta', 'x', x, None, None)
    in_thresholds = u.Quantity(x / threshold).to_decimal(u.UNITLESS)

    def follow(reference: jax.Array, now: jax.Array) -> tuple[jax.Array, jax.Array]:
        change = now - reference
        k = jnp.trunc(change + 1e-3 * jnp.sign(change))
        return reference + k, k

    _, k = jax.lax.scan(follow, in_thresholds[0], in_thresholds)
    return jnp.concatenate([jnp.maximum(k, 0.0), jnp.maximum(-k, 0.0)], axis=-1)
