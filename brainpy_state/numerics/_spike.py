"""The step function with a surrogate gradient, and the reset that goes with it."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

_SLOPE, _WIDTH = 0.3, 1.0


@jax.custom_jvp
def heaviside(x: Any) -> jax.Array:
    r"""1 where ``x >= 0``, else 0, in the type of ``x``.

    Its surrogate gradient is the triangle :math:`\max(0, 0.3\,(1 - |x|))` (Bellec et al. 2018,
    arXiv:1803.09574, section 2).
    """
    return jnp.where(x >= 0, jnp.ones((), x.dtype), jnp.zeros((), x.dtype))


@heaviside.defjvp
def _heaviside_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    return heaviside(x), _SLOPE * jnp.maximum(0, _WIDTH - jnp.abs(x)) * dx


def reset_to(value: Any, spike: Any, V: Any) -> Any:
    """``value`` where ``spike`` is set, else ``V``, exactly.

    The gradient is that of ``V + spike * (value - V)`` with the factor ``V`` held fixed, so it
    passes through the spike.
    """
    unit = u.get_unit(V)
    value = value.to_decimal(unit) if isinstance(value, u.Quantity) else value
    new = _reset(jnp.asarray(value, jnp.result_type(u.get_mantissa(V))), spike, u.get_mantissa(V))
    return new if unit.is_unitless else u.Quantity(new, unit=unit)


@jax.custom_jvp
def _reset(value: jax.Array, spike: jax.Array, V: jax.Array) -> jax.Array:
    return jnp.where(spike > 0, value, V)


@_reset.defjvp
def _reset_jvp(primals: tuple, tangents: tuple) -> tuple:
    value, spike, V = primals
    d_value, d_spike, d_V = tangents
    return _reset(value, spike, V), d_V + d_spike * (value - V) + spike * d_value
