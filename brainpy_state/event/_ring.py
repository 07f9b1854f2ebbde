"""Delays of single synapses: what spikes deliver goes into a ring of the coming steps."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import ShapedArray
from jax.extend.core import Primitive

from . import _backend, _lowering
from ._csr import CSR
from ._procedural import Procedural, drawn_to_post_p, parameters
from ._products import product
from ._trilinear import to_post_p

to_ring_p = Primitive('event_to_ring')
drawn_to_ring_p = Primitive('event_drawn_to_ring')
due_p = Primitive('event_due')
due_p.multiple_results = True


def to_ring(slots: CSR | Procedural, weight: Array | float, spikes: Array, row: Array | int, ring: Array) -> Array:
    """Deliver spikes, each after the delay of its synapse.

    Parameters
    ----------
    slots : CSR or Procedural
        From ``pre`` sources to ``steps * post`` slots: ``delay * post + target`` for a delay in steps; or a structure that draws delays.
    weight : float, () or (nnz,)
        One for all synapses, or one for each; in the dtype of the ring, or float16, which counts as the same.
    spikes : bool or float, (..., pre)
        Nonzero where the source fired.
    row : int32, ()
        Which step of the ring is due next.
    ring : float, (steps, ..., post)
        What arrives in the coming steps.

    Returns
    -------
    Array, (steps, ..., post)
        The ring with what these spikes deliver; in its memory inside a compiled loop.

    Raises
    ------
    TypeError, ValueError
        A dtype or shape does not fit; the message names the argument.

    Notes
    -----
    Differentiable in weight, float spikes and ring.

    Examples
    --------
    >>> slots = CSR.from_pairs([0, 0], [1, 2 * 3 + 0], (1, 3 * 3))  # to neuron 1 at once, to neuron 0 after two steps
    >>> to_ring(slots, 0.5, jnp.array([True]), 2, jnp.zeros((3, 3))).tolist()
    [[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.5, 0.0]]
    """
    spikes, ring, row = jnp.asarray(spikes), jnp.asarray(ring), jnp.asarray(row, jnp.int32)
    post, is_drawn = ring.shape[-1], isinstance(slots, Procedural)
    places = slots.shape[1] * (ring.shape[0] if is_drawn else 1)
    if places != ring.shape[0] * post or ring.shape[1:-1] != spikes.shape[:-1]:
        raise ValueError(
            f'event.to_ring: a ring of shape {ring.shape} does not fit {places} slots and spikes of shape {spikes.shape};'
            ' it has shape (steps, ..., post) with steps * post slots.'
        )
    each = jnp.asarray(weight, None if hasattr(weight, 'dtype') else ring.dtype)
    if each.dtype not in (ring.dtype, np.float16):
        raise TypeError(f'event.to_ring: weight has dtype {each.dtype}, but the ring {ring.dtype}.')
    if isinstance(slots, Procedural):
        if each.ndim:
            raise ValueError(f'event.to_ring: weight has shape {each.shape}, but a procedural structure keeps none; give one number.')
        sent = each.astype(ring.dtype) * spikes.astype(ring.dtype)
        if ring.ndim > 2:
            return _add(slots.to_post(None, sent, ring.dtype, ring.shape[0]), row, ring)
        return drawn_to_ring_p.bind(slots.words, sent, row, ring, **parameters(slots, ring.dtype, ring.shape[0]))
    if ring.ndim > 2 or spikes.shape != slots.shape[:1] or each.shape not in ((), (slots.nnz,)):
        return _add(product(slots, each, spikes), row, ring)
    factors = (each, spikes) if each.ndim else (each.astype(ring.dtype) * spikes.astype(ring.dtype),)
    operands = (slots.indptr, slots.indices, *factors, row, ring)
    return to_ring_p.bind(*operands, shape=(slots.shape[0], post), ordered=slots.ordered, backend=_backend.preference())


def due(row: Array | int, ring: Array) -> tuple[Array, Array]:
    """Take what is due out of a ring.

    Parameters
    ----------
    row : int32, ()
    ring : float, (steps, ..., post)

    Returns
    -------
    ring : (steps, ..., post)
        With zeros in that row; in the same memory inside a compiled loop.
    due : (..., post)
    """
    ring, row = jnp.asarray(ring), jnp.asarray(row, jnp.int32)
    ring, taken = due_p.bind(row, ring, post=ring[0].size, backend=_backend.preference())
    return ring, taken


def _add(sent: Array, row: Array, ring: Array) -> Array:
    """A ring (steps, ..., post) with what is sent to each slot, (..., steps * post)."""
    sent = jnp.moveaxis(sent.reshape(*sent.shape[:-1], ring.shape[0], ring.shape[-1]), -2, 0)
    return ring + jnp.roll(sent, row, axis=0)


def _portable_to_ring(*operands: Array, shape: tuple[int, int]) -> Array:
    indptr, indices, *weight, spikes, row, ring = operands
    parameters = {'shape': (shape[0], ring.size), 'ordered': False, 'dtype': str(ring.dtype), 'backend': 'auto'}
    if spikes.dtype != ring.dtype and spikes.dtype != bool:
        spikes = spikes.astype(ring.dtype)
    return _add(to_post_p.bind(indptr, indices, *weight, spikes, **parameters), row, ring)


def _portable_drawn_to_ring(words: Array, spikes: Array, row: Array, ring: Array, **parameters: Any) -> Array:
    return _add(drawn_to_post_p.bind(words, spikes, backend='auto', **parameters), row, ring)


def _ring_of(*operands: Any, **_: Any) -> ShapedArray:
    return ShapedArray(operands[-1].shape, operands[-1].dtype)


def _portable_due(row: Array, ring: Array, *, post: int) -> tuple[Array, Array]:
    taken = jax.lax.dynamic_index_in_dim(ring, row, 0, keepdims=False)
    return jax.lax.dynamic_update_index_in_dim(ring, jnp.zeros_like(taken), row, 0), taken


_lowering.define_as(to_ring_p, _portable_to_ring, _ring_of, pallas='to_ring')
_lowering.define_as(drawn_to_ring_p, _portable_drawn_to_ring, _ring_of)
_lowering.define_as(due_p, _portable_due, lambda row, ring, **_: [ShapedArray(s, ring.dtype) for s in (ring.shape, ring.shape[1:])])
