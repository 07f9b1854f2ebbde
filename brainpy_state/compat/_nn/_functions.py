"""Activation functions that there are under older names only."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from ... import environ, nn, random
from ...numerics import with_unit

sparse_plus, sparse_sigmoid, logsumexp = jax.nn.sparse_plus, jax.nn.sparse_sigmoid, jax.nn.logsumexp
hard_swish = nn.hard_silu


def hard_shrink(x: Any, lambd: float = 0.5) -> Any:
    """x where it is further from 0 than ``lambd``, else 0; in the unit of x."""
    x = u.math.asarray(x)
    return u.math.where(u.math.abs(x) > _like(lambd, x), x, u.math.zeros_like(x))


def soft_shrink(x: Any, lambd: float = 0.5) -> Any:
    """x moved towards 0 by ``lambd``, and no further; in the unit of x."""
    x = u.math.asarray(x)
    return u.math.sign(x) * u.math.maximum(u.math.abs(x) - _like(lambd, x), u.math.zeros_like(x))


def _like(value: Any, x: Any) -> Any:
    """A bound, which without a unit is one in the unit of ``x``."""
    return value if isinstance(value, u.Quantity) else with_unit(jnp.asarray(value, u.get_mantissa(x).dtype), u.get_unit(x))


def tanh_shrink(x: Any) -> jax.Array:
    """x without its hyperbolic tangent."""
    return x - jnp.tanh(x)


def softmin(x: Any, axis: Any = -1) -> jax.Array:
    """Softmax of the negative."""
    return jax.nn.softmax(-jnp.asarray(x), axis=axis)


def prelu(x: Any, a: Any = 0.25) -> Any:
    """x, times ``a`` where it is negative."""
    x = u.math.asarray(x)
    return u.math.where(u.get_mantissa(x) >= 0, x, a * x)


def rrelu(x: Any, lower: float = 0.125, upper: float = 0.3333333333333333) -> Any:
    """x, where it is negative times a number that is drawn for each element between ``lower`` and ``upper``."""
    x = u.math.asarray(x)
    dtype = u.get_mantissa(x).dtype
    return prelu(
        x, random.uniform(lower, upper, u.get_mantissa(x).shape).astype(dtype if jnp.issubdtype(dtype, jnp.floating) else environ.dftype())
    )


def threshold(x: Any, threshold: Any, value: Any) -> Any:
    """x where it is above a threshold, else ``value``."""
    return u.math.where(x > threshold, x, u.math.asarray(value, dtype=u.get_mantissa(x).dtype))


def clipped(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """x, or the bound beyond which it lies."""
    return u.math.clip(x, min_val, max_val)
