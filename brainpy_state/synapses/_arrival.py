"""The check of what arrives at a synapse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ShapeError
from ..modules import Dynamics, broadcasts, check_unit
from ..numerics import MOST_SPIKES, plain
from ..transform import jit_error_if


def check_arrival(synapse: Dynamics, x: Any, like: Any, name: str) -> None:
    """Raise unless ``x`` has the unit of a state's value and broadcasts to its shape."""
    check_unit(x, like, synapse.label, name)
    given, expected = np.shape(u.get_mantissa(x)), np.shape(u.get_mantissa(like))
    if not broadcasts(given, expected):
        raise ShapeError(f'{synapse.label}: {name} has shape {given}, which does not broadcast to {expected}.')


def spike_numbers(synapse: Dynamics, spikes: Any, like: jax.Array) -> tuple[jax.Array, Any]:
    """How many spikes each source has in the step, checked, as numbers of the shape and type of a state's value; and whether there are
    other numbers than 0 and 1 among them."""
    n = _arrived(synapse, spikes, like)
    if _is_bool(spikes):
        return n, False
    unusual = jnp.any((n != 0) & (n != 1))

    def check(n: jax.Array) -> tuple[jax.Array, jax.Array]:
        return _first(n, ~((n >= 0) & (n <= MOST_SPIKES) & (n == jnp.round(n))))

    failed, first = when(unusual, check, lambda n: _nothing(n), jax.lax.stop_gradient(n))
    _refuse(synapse, failed, first, f'numbers of spikes: 0, 1, 2 and so on, to {MOST_SPIKES}')
    return n, unusual


def amounts(synapse: Dynamics, spikes: Any, like: jax.Array) -> jax.Array:
    """What is released at each source, checked, in the shape and type of a state's value."""
    x = _arrived(synapse, spikes, like)
    if not _is_bool(spikes):
        wrong = ~((x >= 0) & (x < np.inf))
        failed, first = when(jnp.any(wrong), _first, lambda x, _: _nothing(x), jax.lax.stop_gradient(x), wrong)
        _refuse(synapse, failed, first, 'amounts that are released: 0 or more')
    return x


def when(condition: Any, then: Callable[..., Any], otherwise: Callable[..., Any], *args: Any) -> Any:
    """One of two functions of arrays; where the condition is known, without a branch."""
    if isinstance(condition, jax.core.Tracer):
        return jax.lax.cond(condition, then, otherwise, *args)
    return (then if condition else otherwise)(*args)


def _arrived(synapse: Dynamics, spikes: Any, like: jax.Array) -> jax.Array:
    check_arrival(synapse, spikes, like, 'spikes')
    return jnp.broadcast_to(jnp.asarray(plain(spikes), like.dtype), like.shape)


def _is_bool(spikes: Any) -> bool:
    return jnp.asarray(plain(spikes)).dtype == np.bool_


def _first(x: jax.Array, wrong: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Whether any number is wrong, and the first that is."""
    return jnp.any(wrong), x.reshape(-1)[jnp.argmax(wrong)]


def _nothing(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jnp.array(False), jnp.zeros((), x.dtype)


def _refuse(synapse: Dynamics, failed: Any, first: Any, allowed: str) -> None:
    label = synapse.label.replace('{', '{{').replace('}', '}}')
    jit_error_if(failed, f'{label}: spikes have the value {{:g}}, but must be {allowed}.', first)
