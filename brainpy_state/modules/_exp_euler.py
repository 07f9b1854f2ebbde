"""`exp_euler_step`: a step of a differential equation, for an ``update`` of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .. import environ, random
from .._tracebacks import entry
from ..numerics import exp_euler
from ._declare import check_unit


@entry
def exp_euler_step(drift: Callable, *args: Any, **kwargs: Any) -> Any:
    r"""A step of exponential Euler, of the clock's ``dt``: ``exp_euler_step(drift, x, *args)``, or with noise
    ``exp_euler_step(drift, diffusion, x, *args)``.

    .. math:: dx = f(x)\,dt + g(x)\,dW: \quad
              x' = x + \Delta t\,\varphi(\Delta t\,J)\,f(x) + g(x)\sqrt{\Delta t}\,\xi, \quad \xi \sim N(0, 1)

    Parameters
    ----------
    drift : callable
        ``drift(x, *args, **kwargs)``, elementwise in ``x``: its derivative in time.
    diffusion : callable, optional
        Of the same arguments; in the unit of ``x`` per square root of time. Noise is independent for each element and step.
    x : array or quantity
        The value at the start of the step.
    *args, **kwargs
        What else ``drift`` and ``diffusion`` take.

    Returns
    -------
    array or quantity
        The value at the end of the step.

    Raises
    ------
    UnitError
        If drift or diffusion have another unit.
    TypeError
        If there is no ``x``.

    Notes
    -----
    Source: see `numerics.exp_euler`; Maruyama 1955 for the noise, doi:10.1007/BF02846028.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     bst.nn.exp_euler_step(lambda x, tau: -x / tau, 1. * u.mV, 10. * u.ms)
    Quantity(0.9048374, "mV")
    """
    diffusion, args = (args[0], args[1:]) if args and callable(args[0]) else (None, args)
    if not args:
        raise TypeError('exp_euler_step: there is no value to step from; call exp_euler_step(drift, x, *args).')
    x, *others = args
    dt = environ.get('dt', desc='exp_euler_step needs the time step of the simulation')

    def rate(y: Any) -> Any:  # runs once, as a drift may take inputs that count once
        found = drift(y, *others, **kwargs)
        check_unit(found * dt, x, 'exp_euler_step', 'drift times dt')
        return found

    moved = exp_euler(rate, u.math.asarray(x, dtype=_floating(x)), dt)
    if diffusion is None:
        return moved
    noise = diffusion(x, *others, **kwargs) * u.math.sqrt(dt)
    check_unit(noise, x, 'exp_euler_step', 'diffusion times the square root of dt')
    shape = np.broadcast_shapes(np.shape(u.get_mantissa(moved)), np.shape(u.get_mantissa(noise)))
    return moved + noise * random.normal(size=shape, dtype=_floating(x))


def _floating(x: Any) -> Any:
    dtype = getattr(u.get_mantissa(x), 'dtype', None)
    return dtype if dtype is not None and jnp.issubdtype(dtype, jnp.floating) else environ.dftype()
