"""The step function with a surrogate gradient, and the reset that goes with it."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from ._integrate import with_unit

_SLOPE, _WIDTH = 0.3, 1.0

MOST_SPIKES = 1 << 16  # of one neuron in one step: a larger number is a quantity of another kind


def heaviside(x: Any) -> jax.Array:
    r"""1 where ``x >= 0``, else 0, in the type of ``x``.

    Its surrogate gradient is the triangle :math:`\max(0, 0.3\,(1 - |x|))` (Bellec et al. 2018,
    arXiv:1803.09574, section 2).

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.numerics.heaviside(jnp.array([-1., 0., 2.]))
    Array([0., 1., 1.], dtype=float32)
    """
    return _heaviside(x)  # a plain function can be pickled


@jax.custom_jvp
def _heaviside(x: jax.Array) -> jax.Array:
    return jnp.where(x >= 0, jnp.ones((), x.dtype), jnp.zeros((), x.dtype))


@_heaviside.defjvp
def _heaviside_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    return _heaviside(x), _SLOPE * jnp.maximum(0, _WIDTH - jnp.abs(x)) * dx


def reset_to(value: Any, spike: Any, old: Any) -> Any:
    """``value`` where ``spike`` is set, else ``old``, exactly, in the unit and type of ``old``.

    The derivative is that of ``old + spike * (value - old)``, whose own value would round.

    Examples
    --------
    >>> import brainunit as u
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.numerics.reset_to(0. * u.mV, jnp.array([1., 0.]), jnp.array([5., 6.]) * u.mV)
    Quantity([0. 6.], "mV")
    """
    unit, mantissa = u.get_unit(old), u.get_mantissa(old)
    value = value.to_decimal(unit) if isinstance(value, u.Quantity) else value
    return with_unit(_reset(jnp.asarray(value, jnp.result_type(mantissa)), spike, mantissa), unit)


@jax.custom_jvp
def _reset(value: jax.Array, spike: jax.Array, old: jax.Array) -> jax.Array:
    return jnp.where(spike > 0, value, old)


@_reset.defjvp
def _reset_jvp(primals: tuple, tangents: tuple) -> tuple:
    value, spike, old = primals
    d_value, d_spike, d_old = tangents
    return _reset(value, spike, old), jnp.where(spike > 0, d_value, d_old) + d_spike * (value - old)
