"""The step function with a surrogate gradient, and the reset that goes with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from ._integrate import with_unit

_SLOPE, _WIDTH = 0.3, 1.0


def heaviside(x: Any) -> jax.Array:
    r"""1 where ``x >= 0``, else 0, in the type of ``x``.

    Its surrogate gradient is the triangle :math:`\max(0, 0.3\,(1 - |x|))` (Bellec et al. 2018,
    arXiv:1803.09574, section 2).
    """
    return _heaviside(x)  # a plain function can be pickled


@jax.custom_jvp
def _heaviside(x: jax.Array) -> jax.Array:
    return jnp.where(x >= 0, jnp.ones((), x.dtype), jnp.zeros((), x.dtype))


@_heaviside.defjvp
def _heaviside_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x,), (dx,) = primals, tangents
    return _heaviside(x), _SLOPE * jnp.maximum(0, _WIDTH - jnp.abs(x)) * dx


def reset_to(value: Any, spike: Any, V: Any) -> Any:
    """``value`` where ``spike`` is set, else ``V``, exactly.

    The gradient is that of ``V + spike * (value - V)`` with the factor ``V`` held fixed, so it
    passes through the spike.
    """
    return _numbers(_reset, value, spike, V)


def jump_to(value: Any, spike: Any, old: Any) -> Any:
    """``value`` where ``spike`` is set, else ``old``, exactly; the gradient passes through all three."""
    return _numbers(_jump, value, spike, old)


def _numbers(f: Callable[[Any, Any, Any], jax.Array], value: Any, spike: Any, old: Any) -> Any:
    unit, mantissa = u.get_unit(old), u.get_mantissa(old)
    value = value.to_decimal(unit) if isinstance(value, u.Quantity) else value
    return with_unit(f(jnp.asarray(value, jnp.result_type(mantissa)), spike, mantissa), unit)


@jax.custom_jvp
def _reset(value: jax.Array, spike: jax.Array, V: jax.Array) -> jax.Array:
    return jnp.where(spike > 0, value, V)


@_reset.defjvp
def _reset_jvp(primals: tuple, tangents: tuple) -> tuple:
    value, spike, V = primals
    d_value, d_spike, d_V = tangents
    return _reset(value, spike, V), d_V + d_spike * (value - V) + spike * d_value


@jax.custom_jvp
def _jump(value: jax.Array, spike: jax.Array, old: jax.Array) -> jax.Array:
    return jnp.where(spike > 0, value, old)


@_jump.defjvp
def _jump_jvp(primals: tuple, tangents: tuple) -> tuple:
    value, spike, old = primals
    d_value, d_spike, d_old = tangents
    return _jump(value, spike, old), jnp.where(spike > 0, d_value, d_old) + d_spike * (value - old)
