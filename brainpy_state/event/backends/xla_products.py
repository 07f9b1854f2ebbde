"""The three products in plain XLA, for every platform. Bounded memory, whatever the number of synapses and the batch."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

# Synapses handled in one turn of the loop. On CPU a turn is cheap and its padding is not (1024 was the fastest of 256 to 4096 for 1 to
# 10 % of 4,000 neurons); on a GPU a turn costs a round trip to the host, which a large one makes rare.
CPU_CHUNK, GPU_CHUNK = 1024, 65536
_COUNT_LIMIT = 2**31


def to_post(indptr: Array, indices: Array, *operands: Array, shape: tuple[int, int], dtype: str, chunk: int = GPU_CHUNK) -> Array:
    """Operands [weight,] spikes (..., pre); result (..., post). The work follows the number of spikes."""
    *weight, spikes = operands
    lead, (pre, post) = spikes.shape[:-1], shape
    if indices.size == 0 or spikes.size == 0:
        return jnp.zeros((*lead, post), dtype)
    rows = spikes.reshape(-1, pre)
    if _too_many(rows.shape[0], indices):
        one = functools.partial(to_post, indptr, indices, *weight, shape=shape, dtype=dtype, chunk=chunk)
        return jax.lax.map(one, rows).reshape(*lead, post)
    amplitudes = rows.reshape(-1).astype(dtype)

    def add(out: Array, row: Array, k: Array, valid: Array) -> Array:
        value = amplitudes[row] * weight[0][k] if weight else amplitudes[row]
        place = row // pre * post + indices[k]
        return out.at[jnp.where(valid, place, out.size)].add(value, mode='drop')

    out = jnp.zeros(rows.shape[0] * post, dtype)
    return _over_events(add, out, amplitudes != 0, indptr, indices, chunk).reshape(*lead, post)


def to_weight(
    indptr: Array, indices: Array, spikes: Array, cotangent: Array, *, shape: tuple[int, int], dtype: str, chunk: int = GPU_CHUNK
) -> Array:
    """Operands (..., pre) and (..., post); result (nnz,), summed over the batch. The work follows the number of spikes."""
    pre, post = shape
    if indices.size == 0 or spikes.size == 0:
        return jnp.zeros(indices.shape, dtype)
    rows, targets = spikes.reshape(-1, pre), cotangent.reshape(-1, post)
    out = jnp.zeros(indices.shape, dtype)
    if _too_many(rows.shape[0], indices):
        one = functools.partial(to_weight, indptr, indices, shape=shape, dtype=dtype, chunk=chunk)
        return jax.lax.scan(lambda total, pair: (total + one(*pair), None), out, (rows, targets))[0]
    amplitudes, targets = rows.reshape(-1).astype(dtype), targets.reshape(-1)

    def add(out: Array, row: Array, k: Array, valid: Array) -> Array:
        value = amplitudes[row] * targets[row // pre * post + indices[k]]
        return out.at[jnp.where(valid, k, out.size)].add(value, mode='drop')

    return _over_events(add, out, amplitudes != 0, indptr, indices, chunk)


def to_pre(indptr: Array, indices: Array, *operands: Array, shape: tuple[int, int], dtype: str) -> Array:
    """Operands [weight,] cotangent (..., post); result (..., pre). The work follows the number of synapses."""
    *weight, cotangent = operands
    lead, (pre, post) = cotangent.shape[:-1], shape
    if indices.size == 0 or cotangent.size == 0:
        return jnp.zeros((*lead, pre), dtype)
    starts = jnp.zeros(indices.shape, jnp.int32).at[indptr[1:-1]].add(1, mode='drop')
    sources = jnp.cumsum(starts, dtype=jnp.int32)

    def single(target: Array) -> Array:
        value = target[indices] * weight[0] if weight else target[indices]
        return jnp.zeros(pre, dtype).at[sources].add(value, indices_are_sorted=True, mode='promise_in_bounds')

    if not lead:
        return single(cotangent)
    return jax.lax.map(single, cotangent.reshape(-1, post)).reshape(*lead, pre)


def _too_many(batch: int, indices: Array) -> bool:
    # Events are counted in 32 bits.
    return batch > 1 and batch * indices.shape[0] >= _COUNT_LIMIT


def _over_events(add: Callable, out: Array, active: Array, indptr: Array, indices: Array, chunk: int) -> Array:
    # Numbers all synapses of active rows from 0 to `total` and hands them out a chunk at a time: a loop of as many turns as needed,
    # so that neither a fixed buffer of spikes can overflow nor silent rows cost anything.
    batch = active.shape[0] // (indptr.shape[0] - 1)
    degree = jnp.where(active, jnp.tile(jnp.diff(indptr), batch), 0)
    stops = jnp.cumsum(degree, dtype=jnp.int32)
    # Position of a synapse in `indices`, less its number.
    shift = jnp.tile(indptr[:-1], batch) - (stops - degree)
    total = stops[-1]
    chunk = min(chunk, indices.shape[0] * batch)

    def turn(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        start, out = carry
        # Counted from the start of the chunk: no overflow at 2**31.
        offset = jnp.arange(chunk, dtype=jnp.int32)
        valid = offset < total - start
        number = start + jnp.where(valid, offset, 0)
        row = jnp.searchsorted(stops, number, side='right').astype(jnp.int32)
        return start + jnp.minimum(chunk, total - start), add(out, row, number + shift[row], valid)

    return jax.lax.while_loop(lambda carry: carry[0] < total, turn, (jnp.int32(0), out))[1]
