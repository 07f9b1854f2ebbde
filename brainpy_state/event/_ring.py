"""Delays of single synapses: what spikes deliver goes into a ring of the coming steps."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import ShapedArray

from .._tracebacks import entry
from . import _backend, _lowering
from ._operation import Operation
from ._structure import Structure, added_to_ring
from ._trilinear import to_post_p


@entry
def to_ring(slots: Structure, weight: Array | float, spikes: Array, row: Array | int, ring: Array) -> Array:
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
    >>> from brainpy_state.event import CSR
    >>> slots = CSR.from_pairs([0, 0], [1, 2 * 3 + 0], (1, 3 * 3))  # to neuron 1 at once, to neuron 0 after two steps
    >>> to_ring(slots, 0.5, jnp.array([True]), 2, jnp.zeros((3, 3))).tolist()
    [[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.5, 0.0]]
    """
    spikes, ring, row = jnp.asarray(spikes), jnp.asarray(ring), jnp.asarray(row, jnp.int32)
    places = slots.places(ring.shape[0])
    if places != ring.shape[0] * ring.shape[-1] or ring.shape[1:-1] != spikes.shape[:-1]:
        raise ValueError(
            f'event.to_ring: a ring of shape {ring.shape} does not fit {places} slots and spikes of shape {spikes.shape};'
            ' it has shape (steps, ..., post) with steps * post slots.'
        )
    each = jnp.asarray(weight, None if hasattr(weight, 'dtype') else ring.dtype)
    if each.dtype not in (ring.dtype, np.float16):
        raise TypeError(f'event.to_ring: weight has dtype {each.dtype}, but the ring {ring.dtype}.')
    return slots.to_ring(each, spikes, row, ring)


@entry
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

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> row, ring = bst.event.due(0, jnp.array([[1., 2.], [0., 0.]]))
    >>> row
    Array([[0., 0.],
           [0., 0.]], dtype=float32)
    """
    ring, row = jnp.asarray(ring), jnp.asarray(row, jnp.int32)
    ring, taken = due_p.bind(row, ring, post=ring[0].size, backend=_backend.preference())
    return ring, taken


def _portable_to_ring(*operands: Array, shape: tuple[int, int]) -> Array:
    indptr, indices, *weight, spikes, row, ring = operands
    parameters = {'shape': (shape[0], ring.size), 'ordered': False, 'dtype': str(ring.dtype), 'backend': 'auto'}
    if spikes.dtype != ring.dtype and spikes.dtype != bool:
        spikes = spikes.astype(ring.dtype)
    return added_to_ring(to_post_p.bind(indptr, indices, *weight, spikes, **parameters), row, ring)


def _portable_due(row: Array, ring: Array, *, post: int) -> tuple[Array, Array]:
    taken = jax.lax.dynamic_index_in_dim(ring, row, 0, keepdims=False)
    return jax.lax.dynamic_update_index_in_dim(ring, jnp.zeros_like(taken), row, 0), taken


# Operands: indptr, indices, weights or none, spikes, row, ring.
to_ring_p = _lowering.define(
    Operation(
        'event_to_ring',
        native='llvm_events.to_ring',
        spikes=-3,
        in_place={0: -1},
        aval=lambda *operands, **_: ShapedArray(operands[-1].shape, operands[-1].dtype),
        portable=_portable_to_ring,
        pallas='to_ring',
    )
)
due_p = _lowering.define(
    Operation(
        'event_due',
        native='llvm_events.due',
        in_place={0: -1},
        aval=lambda row, ring, **_: [ShapedArray(shape, ring.dtype) for shape in (ring.shape, ring.shape[1:])],
        portable=_portable_due,
        multiple_results=True,
    )
)
