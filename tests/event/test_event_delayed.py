"""Structures whose synapses have a delay each: one number says target and delay."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event import CSR, Delayed, DelayedParts, to_ring
from brainpy_state.event._delayed import UNUSED

INDPTR = jnp.array([0, 3, 3, 5], jnp.int32)
TARGETS, STEPS = np.array([2, 0, 1, 3, 3]), np.array([0, 1, 1, 0, 300])
POST = 4


def late():
    return Delayed(INDPTR, jnp.asarray(STEPS * POST + TARGETS, jnp.int32), (3, POST))


def test_it_has_targets_and_delays():
    found = late()
    np.testing.assert_array_equal(found.indices, TARGETS)
    np.testing.assert_array_equal(found.steps, STEPS)
    assert (found.steps.dtype, found.nnz, found.longest) == (np.uint16, 5, 300)
    assert found.row_lengths().tolist() == [3, 0, 2]
    assert repr(found) == 'Delayed(shape=(3, 4), nnz=(5,))'


def test_its_products_are_those_of_its_targets():
    plain, weight, spikes = CSR(INDPTR, jnp.asarray(TARGETS, jnp.int32), (3, POST)), jnp.arange(5.0), jnp.array([True, False, True])
    np.testing.assert_array_equal(late().to_dense(weight), plain.to_dense(weight))
    np.testing.assert_array_equal(late().to_post(weight, spikes, 'float32'), plain.to_post(weight, spikes, 'float32'))
    np.testing.assert_array_equal(jax.jit(lambda x: x.to_post(weight, spikes, 'float32'))(late()), plain.to_post(weight, spikes, 'float32'))


@pytest.mark.parametrize('backend', ['xla', 'numba'])
def test_in_a_ring_it_delivers_after_the_delays_from_the_same_memory(backend):
    found = late()
    ring = found.in_ring(301)
    assert ring.indices is found.slots and ring.ordered == found.rising
    with event.use_backend(backend):
        delivered = to_ring(ring, jnp.arange(1.0, 6.0), jnp.array([True, True, True]), 0, jnp.zeros((301, POST)))
    expected = np.zeros((301, POST))
    np.add.at(expected, (STEPS, TARGETS), np.arange(1.0, 6.0))
    np.testing.assert_array_equal(delivered, expected)


@pytest.mark.parametrize(
    ('slots', 'error', 'match'),
    [(np.array([1, -1, 0, 0, 0], np.int32), IndexError, '-1'), (np.zeros(5), TypeError, 'int32'), (np.zeros(4, np.int32), ValueError, '4')],
)
def test_wrong_slots_are_refused(slots, error, match):
    with pytest.raises(error, match=match):
        Delayed(INDPTR, jnp.asarray(slots) if slots.dtype == np.int32 else slots, (3, POST))


def test_of_no_synapses():
    none = Delayed(jnp.zeros(4, jnp.int32), jnp.zeros(0, jnp.int32), (3, POST))
    assert (none.longest, none.nnz, none.steps.dtype, none.in_ring(1).shape) == (0, 0, np.uint8, (3, 4))


def test_parts_have_unused_slots_outside_of_any_ring():
    starts = jnp.concatenate([jnp.array([0, 1, 1, 2]), jnp.array([0, 2, 2, 3])]).astype(jnp.int32)  # targets 0 and 1, and 2 and 3
    slots = jnp.array([1 * 2 + 0, 5 * 2 + 1, UNUSED, 0, 1 * 2 + 1, 3 * 2 + 1], jnp.int32)
    parts = DelayedParts(starts, slots, (3, POST), 2, 5, jnp.zeros(6, jnp.int32), 'uint8')
    assert parts.indices.tolist() == [0, 1, 2, 0, 1, 1]
    assert parts.targets().tolist() == [2, 0, 3, 3, 1]  # by source, delay and target
    assert (parts.longest, parts.nnz) == (5, 6)
    ring = parts.in_ring(6)
    assert (ring.least, ring.shape, ring.indices is slots) == (0, (3, 24), True)
    dense = ring.to_post(None, jnp.eye(3), 'float32')
    assert dense.sum() == 5
