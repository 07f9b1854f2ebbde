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
    """``(exp(z) - 1) / z``, which is 1 at 0, elementwise.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.numerics.exprel(jnp.array([0., 1.]))
    Array([1.       , 1.7182...], dtype=float32)
    """
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


@jax.custom_jvp
def bernoulli(z: Any) -> jax.Array:
    """``z / (exp(z) - 1)``, elementwise: ``1 / exprel(z)``, whose derivative is finite also where the exponential is not.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.numerics.bernoulli(jnp.array([0., 1.]))
    Array([1.       , 0.5819...], dtype=float32)
    """
    return 1.0 / exprel(z)


@bernoulli.defjvp
def _bernoulli_jvp(primals: tuple, tangents: tuple) -> tuple:
    (z,), (dz,) = primals, tangents
    value = bernoulli(z)
    near = jnp.abs(z) < _SERIES_BELOW
    series = -1 / 2 + z / 6 - z**3 / 180
    return value, jnp.where(near, series, value * (1.0 - z - value) / jnp.where(near, 1.0, z)) * dz


def plain(x: Any) -> Any:
    """The number behind a dimensionless quantity; anything else stays as it is.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.numerics.plain(1. * u.mV / u.volt)
    0.001
    """
    return x.to_decimal() if isinstance(x, u.Quantity) else x


def decay(dt: Any, tau: Any) -> Any:
    """``exp(-dt / tau)``: what is left of an exponential after one step.

    Plain numbers are taken in double precision whatever the type of the states.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> float(bst.numerics.decay(1. * u.ms, 10. * u.ms))
    0.9048...
    """
    ratio = plain(dt / tau)
    return math.exp(-ratio) if isinstance(ratio, (int, float)) else jnp.exp(-ratio)


def relaxed(x: Any, dt: Any, tau: Any, to: Any = None, drive: Any = None) -> Any:
    r"""A step of :math:`\tau\,\dot x = x_\infty - x`, exactly.

    Parameters
    ----------
    x : array or quantity
    dt, tau : time
    to : array or quantity, optional
        :math:`x_\infty`, 0 by default.
    drive : array or quantity, optional
        What is added besides.

    Returns
    -------
    array or quantity
        The value at the end of the step, in the unit of ``x``.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.numerics.relaxed(1. * u.mV, 10. * u.ms, 10. * u.ms, to=0. * u.mV)
    Quantity(0.3678..., "mV")
    """
    number, to, drive = _numbers(x, to, drive)
    left = decay(dt, tau)
    moved = number * left if to is None else to + (number - to) * left
    return with_unit(moved if drive is None else moved + drive, u.get_unit(x))


def relaxation(x: Any, dt: Any, tau: Any, to: Any = None, drive: Any = None) -> Any:
    """By how much `relaxed` changes ``x``, with all digits however small that is.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.numerics.relaxation(1. * u.mV, 10. * u.ms, 10. * u.ms, to=0. * u.mV)
    Quantity(-0.6321..., "mV")
    """
    number, to, drive = _numbers(x, to, drive)
    ratio = plain(dt / tau)
    lost = math.expm1(-ratio) if isinstance(ratio, (int, float)) else jnp.expm1(-ratio)
    change = (number if to is None else number - to) * lost
    return with_unit(change if drive is None else change + drive, u.get_unit(x))


def _numbers(x: Any, *others: Any) -> list[Any]:
    unit = u.get_unit(x)
    return [u.get_mantissa(x), *(other.to_decimal(unit) if isinstance(other, u.Quantity) else other for other in others)]


def exp_euler(drift: Callable[[Any], Any], x: Any, dt: Any, *, steepest: float | None = None) -> Any:
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
    steepest : float, optional
        A bound on :math:`\Delta t\,J`, for equations whose solutions run away within a step.

    Returns
    -------
    array or quantity
        The value at the end of the step, in the unit and type of ``x``.

    Notes
    -----
    Source: Hochbruck & Ostermann 2010, section 2.4, doi:10.1017/S0962492910000048.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.numerics.exp_euler(lambda V: -V / (10. * u.ms), 1. * u.mV, 10. * u.ms)
    Quantity(0.3678..., "mV")
    """
    return x + exp_euler_change(drift, x, dt, steepest=steepest)


def exp_euler_change(drift: Callable[[Any], Any], x: Any, dt: Any, *, steepest: float | None = None) -> Any:
    """By how much `exp_euler` changes ``x``.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.numerics.exp_euler_change(lambda V: -V / (10. * u.ms), 1. * u.mV, 10. * u.ms)
    Quantity(-0.6321..., "mV")
    """
    unit, mantissa = u.get_unit(x), u.get_mantissa(x)

    def change_of(m: Any) -> jax.Array:
        return _number(drift(with_unit(m, unit)) * dt, x)

    change, slope = jax.jvp(change_of, (mantissa,), (jnp.ones_like(mantissa),))
    if steepest is not None:
        slope = jnp.minimum(slope, steepest)
    return with_unit(change * exprel(slope), unit)


def runge_kutta(drift: Callable[[dict[str, Any]], dict[str, Any]], x: dict[str, Any], dt: Any, order: int) -> dict[str, Any]:
    """What one step of an explicit Runge-Kutta method adds to several coupled variables.

    Parameters
    ----------
    drift : callable
        From the values of all variables to their derivatives in time.
    x : dict of array or quantity
        The values at the start of the step.
    dt : quantity
        The time step.
    order : {2, 4}
        The midpoint method, or the classic method of order 4.

    Returns
    -------
    dict of array or quantity
        By how much the values change, in the units and types of ``x``.

    Notes
    -----
    Source: Hairer, Norsett & Wanner 1993, *Solving Ordinary Differential Equations I*, section II.1, doi:10.1007/978-3-540-78862-1.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.numerics.runge_kutta(lambda x: {'V': -x['V'] / (10. * u.ms)}, {'V': 1. * u.mV}, 10. * u.ms, 4)
    {'V': Quantity(-0.625, "mV")}
    """

    def changes(y: dict[str, Any]) -> dict[str, Any]:
        return {name: _number(f * dt, x[name]) for name, f in drift(y).items()}

    def moved(k: dict[str, Any], factor: float) -> dict[str, Any]:
        return {name: with_unit(u.get_mantissa(value) + factor * k[name], u.get_unit(value)) for name, value in x.items()}

    def with_units(k: dict[str, Any]) -> dict[str, Any]:
        return {name: with_unit(k[name], u.get_unit(value)) for name, value in x.items()}

    k = changes(x)
    if order == 2:
        return with_units(changes(moved(k, 0.5)))
    k2 = changes(moved(k, 0.5))
    k3 = changes(moved(k2, 0.5))
    k4 = changes(moved(k3, 1.0))
    return with_units({name: (k[name] + 2 * k2[name] + 2 * k3[name] + k4[name]) / 6 for name in x})


def _number(change: Any, of: Any) -> jax.Array:
    """A change as the number that is added to the mantissa of a value, in its shape and type."""
    unit, mantissa = u.get_unit(of), u.get_mantissa(of)
    return jnp.broadcast_to(plain(change / unit), jnp.shape(mantissa)).astype(jnp.result_type(mantissa))


def with_unit(mantissa: Any, unit: Any) -> Any:
    """A quantity, or the plain number where the unit is none.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.numerics.with_unit(2., u.mV)
    Quantity(2., "mV")
    """
    return mantissa if unit.is_unitless else u.Quantity(mantissa, unit=unit)
