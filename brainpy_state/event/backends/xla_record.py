"""Spike recording in plain XLA."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

_INT32_MAX = 2**31 - 1


def record(spikes: Array, step: Array, events: Array, count: Array) -> tuple[Array, Array]:
    """Append (step, index) of every nonzero spike; rows past the capacity are dropped, the count goes on."""
    fired = spikes != 0
    earlier = jnp.cumsum(fired, dtype=jnp.int32) - fired
    capacity, size = events.shape[0], spikes.shape[0]
    free = jnp.maximum(capacity - count, 0)
    place = jnp.where(fired & (earlier < free), count + earlier, capacity)
    rows = jnp.stack([jnp.broadcast_to(step, size), jnp.arange(size, dtype=jnp.int32)], axis=1)
    number = jnp.sum(fired, dtype=jnp.int32)
    return events.at[place].set(rows, mode='drop'), count + jnp.minimum(number, _INT32_MAX - count)
