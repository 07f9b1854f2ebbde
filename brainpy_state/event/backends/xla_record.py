"""Spike recording in plain XLA."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

_INT32_MAX = 2**31 - 1


def record(spikes: Array, step: Array, events: Array, count: Array, clock: Array, *, grid: int, entries: int) -> tuple[Array, Array, Array]:
    """Append (step, index, value) of every nonzero spike; rows past the capacity are dropped, the count goes on."""
    capacity, size = events.shape[0], spikes.shape[0]
    now = jnp.stack([step, jnp.int32(grid), jnp.int32(entries)])
    marks = jnp.where((clock[:3] + np.array([1, 0, 0], np.int32) == now).all(), 0, 2)
    if capacity >= 2:
        first = capacity - 2 - clock[3]
        rows = jnp.stack([jnp.int32(entries), jnp.int32(0), jnp.int32(0), step, jnp.int32(grid), clock[0]]).reshape(2, 3)
        before = jax.lax.dynamic_slice_in_dim(events, first, 2)
        events = jax.lax.dynamic_update_slice_in_dim(events, jnp.where((marks > 0) & (first >= 0), rows, before), first, 0)
    fired = spikes != 0
    earlier = jnp.cumsum(fired, dtype=jnp.int32) - fired
    free = jnp.maximum(capacity - clock[3] - marks - count, 0)
    place = jnp.where(fired & (earlier < free), count + earlier, capacity)
    value = jax.lax.bitcast_convert_type(spikes.astype(jnp.float32), jnp.int32)
    rows = jnp.stack([jnp.broadcast_to(step, size), jnp.arange(size, dtype=jnp.int32), value], axis=1)
    number = jnp.sum(fired, dtype=jnp.int32)
    clock = jnp.concatenate([now, (clock[3] + marks)[None], clock[4:]])
    return events.at[place].set(rows, mode='drop'), count + jnp.minimum(number, _INT32_MAX - count), clock
