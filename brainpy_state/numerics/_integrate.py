"""One-step integrators."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

_SERIES_BELOW = 1e-2


@jax.custom_jvp
def exprel(z: Any) -> jax.Array:
    """``(exp(z) - 1) / z``, which is 1 at 0, elementwise."""
    # a sum instead of a select on 0: it changes no other value, and XLA's code for CPUs is twice as quick
    z = jnp.asarray(z)
    z = z + jnp.finfo(z.dtype).tiny
    return jnp.expm1(z) / z


@exprel.defjvp
def _exprel_jvp(primals: tuple, tangents: tuple) -> tuple:
    (z,), (dz,) = primals, tangents
    value = exprel(z)
    near = jnp.abs(z) < _SERIES_BELOW
    away = jnp.where(near, 1.0, z)
    series = 1 / 2 + z / 3 + z**2 / 8 + z**3 / 30
    return value, jnp.where(near, series, (jnp.exp(z) - value) / away) * dz


def plain(x: Any) -> Any:
    """The number behind a dimensionless quantity; anything else stays as it is."""
    return x.to_decimal() if isinstance(x, u.Quantity) else x


def decay(dt: Any, tau: Any) -> Any:
    """``exp(-dt / tau)``: what is left of an exponential after one step.

    Plain numbers are taken in double precision whatever the type of the states.
    """
    ratio = plain(dt / tau)
    return math.exp(-ratio) if isinstance(ratio, (int, float)) else jnp.exp(-ratio)


def exp_euler(drift: Callable[[Any], Any], x: Any, dt: Any) -> Any:
    r"""One step of exponential Euler for :math:`\dot x = f(x)`, elementwise.

    .. math:: x' = x + \Delta t\,\varphi(\Delta t\,J)\,f(x), \quad \varphi(z) = \frac{e^z - 1}{z}, \quad J = \frac{\partial f}{\partial x}

    Exact when :math:`f` is affine in :math:`x`; otherwise of second order (Rosenbrock-Euler).

    Parameters
    ----------
    drift : callable
        Elementwise :math:`f`; it returns a quantity of the unit of ``x`` per time.
    x : array or quantity
        The value at the start of the step.
    dt : quantity
        The time step.

    Returns
    -------
    array or quantity
        The value at the end of the step, in the unit and type of ``x``.

    Notes
    -----
    Source: Hochbruck & Ostermann 2010, section 2.4, doi:10.1017/S0962492910000048.
    """
    unit, mantissa = u.get_unit(x), u.get_mantissa(x)

    def increment(m: Any) -> jax.Array:
        change = plain(drift(m if unit.is_unitless else u.Quantity(m, unit=unit)) * dt / unit)
        return jnp.broadcast_to(change, jnp.shape(m)).astype(jnp.result_type(m))

    change, slope = jax.jvp(increment, (mantissa,), (jnp.ones_like(mantissa),))
    new = mantissa + change * exprel(slope)
    return new if unit.is_unitless else u.Quantity(new, unit=unit)
