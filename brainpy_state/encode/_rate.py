"""Rates into random spikes."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from .. import random
from ..random import RandomState
from ._checks import between, events, numbers, steps


def rate(freqs: Any, duration: Any, *, counts: bool = False, seed: Any = None) -> jax.Array:
    r"""Spikes of Poisson processes.

    A neuron spikes in a step with the probability :math:`p = 1 - e^{-f \Delta t}`, that of one event or more; or, with ``counts``, as
    often as the process has events.

    Parameters
    ----------
    freqs : frequency, shape ``(..., n)``
        Rates, zero or positive; such as ``x * 100. * u.Hz`` for x from 0 to 1.
    duration : time
        A multiple of ``dt``.
    counts : bool
        Numbers of events, of the mean :math:`f \Delta t`, instead of 0 and 1.
    seed : int or key, optional
        The same seed gives the same spikes. By default the generator of `random` draws.

    Returns
    -------
    array, shape ``(T, ..., n)``
        Spikes as floating-point numbers. Their derivative by the rates is that of their mean, :math:`\partial p / \partial f` (a
        straight-through estimate).

    Raises
    ------
    UnitError, TypeError
        If units or types do not fit.
    ParameterError
        For rates below 0 or NaN, in compiled code when the call ends; for a duration that is no multiple of ``dt``.

    Notes
    -----
    Source of the derivative: Bengio, Léonard & Courville 2013, arXiv:1308.3432.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     spikes = bst.encode.rate(jnp.array([0., 50., 1e6]) * u.Hz, 2000. * u.ms, seed=0)
    >>> spikes.shape, [round(float(x), 1) for x in spikes.mean(0)]
    ((2000, 3), [0.0, 0.1, 1.0])
    """
    freqs = numbers('rate', 'freqs', freqs, 1.0 * u.Hz)
    between('rate', 'freqs', freqs, 0, None)
    number = steps('rate', duration)
    mean = events(freqs)
    generator = random.DEFAULT if seed is None else RandomState(seed)
    expected = mean if counts else -jnp.expm1(-mean)
    size = (number, *mean.shape)
    drawn = generator.poisson(mean, size) if counts else generator.bernoulli(expected, size)
    return jax.lax.stop_gradient(drawn.astype(expected.dtype)) + (expected - jax.lax.stop_gradient(expected))
