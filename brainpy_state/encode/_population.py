"""A number into the activities of a population with receptive fields."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ParameterError, ShapeError, UnitError
from ..numerics import brief
from ._checks import numbers


def population(x: Any, n: int, *, low: Any, high: Any, width: float = 1.5) -> jax.Array:
    r"""How strongly each neuron of a population responds to a number: Gaussian receptive fields.

    .. math:: a_i = e^{-(x - c_i)^2 / 2 \sigma^2}, \qquad \sigma = \frac{c_2 - c_1}{w}

    with centres :math:`c_i` at equal distances from ``low`` to ``high``.

    Parameters
    ----------
    x : array or quantity, shape ``(..., d)``
        Numbers, each of which has a population of its own.
    n : int
        Neurons of a population, two or more.
    low, high : quantity or number
        The first and the last centre, in the unit of x.
    width : float, positive
        The larger, the narrower are the fields; the default is the published value.

    Returns
    -------
    array, shape ``(..., d * n)``
        Activities from 0 to 1, the n of the first number in front; differentiable. `rate` and `latency` make spikes of them:
        ``rate(population(x, 10, low=0., high=1.) * 100. * u.Hz, duration)``.

    Raises
    ------
    UnitError, TypeError, ShapeError
        If units, types or shapes do not fit.
    ParameterError
        If there are less than two neurons, ``high`` is not above ``low``, or ``width`` is not positive.

    Notes
    -----
    Source: Bohte, Kok & La Poutré 2002, doi:10.1016/S0925-2312(01)00658-0, with centres up to the ends of the range.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.encode.population(jnp.array([0., 1.]), 3, low=0., high=1.).round(2)
    Array([1.  , 0.32, 0.01, 0.01, 0.32, 1.  ], dtype=float32)
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 2:
        raise ParameterError(f'population: n = {n!r} must be an integer, two or more.')
    for name, end in (('low', low), ('high', high)):
        if u.get_dim(end) != u.get_dim(x):
            raise UnitError(f'population: {name} = {brief(end)} needs the unit of x, {u.get_unit(x)}.')
    if not isinstance(width, (int, float, np.number)) or not 0 < width < np.inf:
        raise ParameterError(f'population: width = {width!r} must be a positive number.')
    if not bool(high > low):
        raise ParameterError(f'population: high = {brief(high)} must be above low = {brief(low)}.')
    share = u.Quantity((numbers('population', 'x', x, low) - low) / (high - low)).to_decimal(u.UNITLESS)
    if share.ndim < 1:
        raise ShapeError('population: x has shape (), expected (..., d).')
    z = (share[..., None] * (n - 1) - jnp.arange(n)) * width
    return jnp.exp(-0.5 * z**2).reshape(*share.shape[:-1], -1)
