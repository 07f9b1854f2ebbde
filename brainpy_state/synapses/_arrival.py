"""The check of what arrives at a synapse."""

from __future__ import annotations

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
    """How many spikes each source has in the step, checked, as numbers of the shape and type of a state's value; and whether any has
    several."""
    n = _arrived(synapse, spikes, like)
    if _is_bool(spikes):
        return n, False
    x = jax.lax.stop_gradient(n)
    _refuse(synapse, x, ~((x >= 0) & (x <= MOST_SPIKES) & (x == jnp.round(x))), f'numbers of spikes: 0, 1, 2 and so on, to {MOST_SPIKES}')
    return n, jnp.any(x > 1)


def amounts(synapse: Dynamics, spikes: Any, like: jax.Array) -> jax.Array:
    """What is released at each source, checked, in the shape and type of a state's value."""
    x = _arrived(synapse, spikes, like)
    if not _is_bool(spikes):
        given = jax.lax.stop_gradient(x)
        _refuse(synapse, given, ~((given >= 0) & (given < np.inf)), 'amounts that are released: 0 or more')
    return x


def _arrived(synapse: Dynamics, spikes: Any, like: jax.Array) -> jax.Array:
    check_arrival(synapse, spikes, like, 'spikes')
    return jnp.broadcast_to(jnp.asarray(plain(spikes), like.dtype), like.shape)


def _is_bool(spikes: Any) -> bool:
    return jnp.asarray(plain(spikes)).dtype == np.bool_


def _refuse(synapse: Dynamics, x: jax.Array, wrong: jax.Array, allowed: str) -> None:
    """Raise for wrong numbers, naming the one whose bits are highest: NaN before what is below zero, and that before the rest.

    No right number's bits count, and 0 is right, so the highest bits tell also whether there is a wrong one: one sum over all, no branch.
    """
    bits = np.dtype(f'uint{8 * x.dtype.itemsize}')
    highest = jnp.max(jnp.where(wrong, jax.lax.bitcast_convert_type(x, bits), bits.type(0)), initial=bits.type(0))
    label = synapse.label.replace('{', '{{').replace('}', '}}')
    found = jax.lax.bitcast_convert_type(highest, x.dtype)
    jit_error_if(highest != 0, f'{label}: spikes have the value {{:g}}, but must be {allowed}.', found)
