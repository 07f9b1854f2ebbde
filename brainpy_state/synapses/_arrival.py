"""The check of what arrives at a synapse."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ShapeError
from ..modules import Dynamics, broadcasts, check_unit
from ..numerics import plain


def check_arrival(synapse: Dynamics, x: Any, like: Any, name: str) -> None:
    """Raise unless ``x`` has the unit of a state's value and broadcasts to its shape."""
    check_unit(x, like, synapse.label, name)
    given, expected = np.shape(u.get_mantissa(x)), np.shape(u.get_mantissa(like))
    if not broadcasts(given, expected):
        raise ShapeError(f'{synapse.label}: {name} has shape {given}, which does not broadcast to {expected}.')


def spike_numbers(synapse: Dynamics, spikes: Any, like: jax.Array) -> jax.Array:
    """Spikes, checked, as numbers of the shape and type of a state's value."""
    check_arrival(synapse, spikes, like, 'spikes')
    return jnp.broadcast_to(jnp.asarray(plain(spikes), like.dtype), like.shape)
