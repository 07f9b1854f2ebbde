"""The distance of spike trains."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from .._errors import ShapeError
from ._checks import quantity, step, trace


def van_rossum(spikes: Any, target: Any, *, tau: Any) -> jax.Array:
    r"""Van Rossum's distance of spike trains, squared: that of the trains filtered by an exponential.

    .. math:: D^2 = \frac 1 \tau \int_0^\infty (f - g)^2 dt, \qquad f(t) = \sum_{t_i \le t} e^{-(t - t_i) / \tau}

    One spike too many costs 1/2. Two spikes at a distance much shorter than ``tau`` are nearly the same, and at one much longer
    cost 1, as two of which each is too many.

    Parameters
    ----------
    spikes, target : array, shape ``(T, ..., n)``
        Numbers of spikes in each step of ``dt``; spikes are at its start.
    tau : time, positive
        Time constant of the filter.

    Returns
    -------
    array, shape ``()``
        The mean of the squared distances over samples and neurons.

    Raises
    ------
    ShapeError, UnitError, TypeError
        If shapes, types or units do not fit.
    ParameterError
        If ``tau`` is not positive.

    Notes
    -----
    Exact for spikes at the starts of steps, also for what follows the last step. The derivative is that of the formula by each
    spike, and goes on through the surrogate. Source: van Rossum 2001, doi:10.1162/089976601300014321.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     float(bst.losses.van_rossum(jnp.array([[0.], [1.]]), jnp.zeros((2, 1)), tau=10. * u.ms))
    0.5
    """
    z, wanted = trace('van_rossum', 'spikes', spikes), trace('van_rossum', 'target', target)
    if z.shape != wanted.shape:
        raise ShapeError(f'van_rossum: spikes have shape {z.shape} and target {wanted.shape}, but must be of one shape.')
    decay = jnp.exp(-u.Quantity(step('van_rossum') / quantity('van_rossum', 'tau', tau, 1.0 * u.ms, positive=True)).to_decimal(u.UNITLESS))

    def filtered(f: jax.Array, change: jax.Array) -> tuple[jax.Array, jax.Array]:
        f = decay * f + change
        return f, f**2

    change = z - wanted
    decay = decay.astype(change.dtype)
    last, squares = jax.lax.scan(filtered, jnp.zeros_like(change[0]), change)
    of_steps = 0.5 * (1 - decay**2) * squares[:-1].sum(0)  # f^2 decays within a step; after the last one it does so for ever
    return jnp.mean(of_steps + 0.5 * last**2)
