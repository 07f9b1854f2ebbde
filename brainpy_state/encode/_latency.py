"""Numbers, or times, into the time of one spike."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._errors import ParameterError
from ..numerics import brief
from ._checks import between, in_steps, numbers, steps


def spikes_at(times: Any, duration: Any) -> jax.Array:
    """One spike for each time, in the step in which the time lies.

    Parameters
    ----------
    times : time, shape ``(..., n)``
        Zero or positive; those from ``duration`` on, such as infinity, give no spike.
    duration : time
        A multiple of ``dt``.

    Returns
    -------
    array, shape ``(T, ..., n)``
        Spikes as floating-point numbers; their derivative by the times is zero.

    Raises
    ------
    UnitError, TypeError
        If units or types do not fit.
    ParameterError
        For times below 0 or NaN, in compiled code when the call ends; for a duration that is no multiple of ``dt``.

    Notes
    -----
    Times are rounded down to steps; one that is but for rounding a multiple of ``dt`` (to a thousandth of a step) belongs to its step.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     bst.encode.spikes_at(jnp.array([0., 1.5, jnp.inf]) * u.ms, 3. * u.ms)
    Array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 0.]], dtype=float32)
    """
    t = in_steps(numbers('spikes_at', 'times', times, 1.0 * u.ms))
    between('spikes_at', 'times', jnp.where(t == jnp.inf, 0.0, t), 0, None)
    return _one_spike(jnp.floor(t + 1e-3), steps('spikes_at', duration))


def latency(x: Any, duration: Any, *, tau: Any = None, threshold: float = 0.0) -> jax.Array:
    r"""Numbers into the time of one spike: the larger, the earlier.

    Without ``tau`` the time falls linearly, from the last step to the first; with it, it is when a leaky integrator of that time constant,
    driven by x, reaches the threshold :math:`\theta`:

    .. math:: t = (1 - x)\,(T - 1)\,\Delta t \qquad \text{or} \qquad t = \tau \log \frac{x}{x - \theta}

    Parameters
    ----------
    x : array, shape ``(..., n)``
        Numbers from 0 to 1; with ``tau`` any that are zero or positive.
    duration : time
        A multiple of ``dt``.
    tau : time, optional
        Time constant.
    threshold : float
        Numbers up to it are silent; 0 by default, so that 0 is. Positive with ``tau``.

    Returns
    -------
    array, shape ``(T, ..., n)``
        Spikes as floating-point numbers, none for those that would be late; their derivative by x is zero.

    Raises
    ------
    UnitError, TypeError
        If units or types do not fit.
    ParameterError
        For x outside of its range, in compiled code when the call ends; if ``threshold`` or ``tau`` are not allowed; for a duration that is
        no multiple of ``dt``.

    Notes
    -----
    Linear times are rounded to the nearest step, others down. The second formula is the first spike of a leaky integrate-and-fire neuron
    from rest under a constant current.

    Source: Thorpe, Delorme & Van Rullen 2001, doi:10.1016/S0893-6080(01)00083-1: the stronger an input, the earlier its spike.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     bst.encode.latency(jnp.array([1., 0.5, 0.]), 3. * u.ms)
    Array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 0.]], dtype=float32)
    """
    x, number = numbers('latency', 'x', x), steps('latency', duration)
    if not isinstance(threshold, (int, float, np.number)) or not 0 <= threshold < np.inf or (tau is not None and threshold == 0):
        wanted = 'positive' if tau is not None else 'zero or positive'
        raise ParameterError(f'latency: threshold = {threshold!r} must be a number, {wanted}.')
    between('latency', 'x', x, 0, 1 if tau is None else None)
    if tau is None:
        return _one_spike(jnp.where(x > threshold, jnp.round((1.0 - x) * (number - 1)), jnp.inf), number)
    in_dt = in_steps(numbers('latency', 'tau', tau, 1.0 * u.ms))
    if not isinstance(in_dt, jax.core.Tracer) and not np.all(np.asarray(in_dt) > 0):
        raise ParameterError(f'latency: tau = {brief(tau)} must be positive.')
    above = jnp.where(x > threshold, x, 2.0 * threshold)
    t = jnp.where(x > threshold, -in_dt * jnp.log1p(-threshold / above), jnp.inf)
    return _one_spike(jnp.floor(t + 1e-3), number)


def _one_spike(step: jax.Array, number: int) -> jax.Array:
    """Spikes in steps that are whole numbers, shape ``(T, ...)``."""
    every = jnp.arange(number, dtype=step.dtype).reshape(-1, *[1] * step.ndim)
    return (every == step).astype(environ.dftype())
