from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event


def test_pairs_become_rows_in_the_given_order():
    csr = event.CSR.from_pairs([2, 0, 2, 0], [5, 4, 1, 0], (3, 6))
    assert csr.indptr.tolist() == [0, 2, 2, 4]
    assert csr.indices.tolist() == [4, 0, 5, 1]
    assert csr.pre_ids().tolist() == [0, 0, 2, 2]
    assert (csr.nnz, csr.shape) == (4, (3, 6))


@pytest.mark.slow
@pytest.mark.parametrize('pre', [10, 100_000], ids=['one_digit', 'two_digits'])
def test_row_order_brings_values_of_pairs_along(pre):
    rng = np.random.default_rng(0)
    sources, targets = rng.integers(pre, size=500), rng.integers(7, size=500)
    csr = event.CSR.from_pairs(sources, targets, (pre, 7))
    order = event.CSR.row_order(sources)
    assert np.array_equal(order, np.argsort(sources, kind='stable'))
    assert np.array_equal(csr.indices, targets[order])
    assert np.array_equal(csr.pre_ids(), sources[order])


def test_dense_sums_duplicate_pairs():
    csr = event.CSR.from_pairs([0, 0, 1], [1, 1, 0], (2, 2))
    assert csr.to_dense().tolist() == [[0, 2], [1, 0]]
    assert csr.to_dense(jnp.array([1.0, 2.0, 4.0])).tolist() == [[0, 3], [4, 0]]


def test_structure_is_a_pytree_of_two_arrays():
    csr = event.CSR.from_pairs([0], [1], (2, 2))
    leaves, tree = jax.tree.flatten(csr)
    assert [leaf.dtype for leaf in leaves] == [np.int32, np.int32]
    assert jax.tree.unflatten(tree, leaves).shape == (2, 2)
    assert jax.jit(lambda c: c)(csr).indices.tolist() == [1]


def test_structure_is_frozen():
    csr = event.CSR.from_pairs([0], [1], (2, 2))
    with pytest.raises(AttributeError, match="CSR is frozen: cannot set 'shape'"):
        csr.shape = (3, 3)


def test_structure_can_be_made_under_jit():
    made = jax.jit(lambda i, j: event.CSR(i, j, (2, 3)))(jnp.array([0, 1, 1], jnp.int32), jnp.array([2], jnp.int32))
    assert made.to_dense().tolist() == [[0, 0, 1], [0, 0, 0]]


PAIR_FAULTS = {
    'target too large': (([0], [3]), IndexError, r'post index 3 is outside \[0, 3\)'),
    'target negative': (([0], [-1]), IndexError, r'post index -1 is outside \[0, 3\)'),
    'source too large': (([2], [0]), IndexError, r'pre index 2 is outside \[0, 2\)'),
    'floats': (([0.0], [1.0]), TypeError, 'pre has dtype float64, expected integers'),
    'lengths differ': (([0, 1], [1]), ValueError, 'pre has 2 entries but post has 1'),
    'two axes': (([[0]], [[1]]), ValueError, r'pre has shape \(1, 1\), expected one dimension'),
}


@pytest.mark.parametrize('fault', PAIR_FAULTS)
def test_bad_pairs_are_named(fault):
    pairs, error, text = PAIR_FAULTS[fault]
    with pytest.raises(error, match=text):
        event.CSR.from_pairs(*pairs, (2, 3))


ARRAY_FAULTS = {
    'int64 pointers': ((np.array([0, 1, 1]), np.array([0], np.int32)), TypeError, 'indptr has dtype int64, expected int32'),
    'too few rows': ((np.array([0, 1], np.int32), np.array([0], np.int32)), ValueError, r'expected pre \+ 1 = 3'),
    'falling': ((np.array([0, 2, 1], np.int32), np.array([0], np.int32)), ValueError, 'rise from 0 to nnz = 1'),
    'wrong end': ((np.array([0, 1, 2], np.int32), np.array([0], np.int32)), ValueError, 'rise from 0 to nnz = 1'),
    'target outside': ((np.array([0, 1, 1], np.int32), np.array([9], np.int32)), IndexError, r'post index 9 is outside \[0, 3\)'),
}


@pytest.mark.parametrize('fault', ARRAY_FAULTS)
def test_bad_arrays_are_named(fault):
    arrays, error, text = ARRAY_FAULTS[fault]
    with pytest.raises(error, match=text):
        event.CSR(*arrays, (2, 3))


@pytest.mark.parametrize('shape', [(2,), (-1, 2), (2, 2**31)])
def test_impossible_shapes_are_refused(shape):
    with pytest.raises(ValueError, match='shape must be'):
        event.CSR.from_pairs([], [], shape)


def test_too_many_synapses_are_refused():
    # A view of one entry stands for 2**31 pairs without their memory.
    pairs = np.broadcast_to(np.int8(0), 2**31)
    with pytest.raises(ValueError, match='2147483648 synapses do not fit'):
        event.CSR.from_pairs(pairs, pairs, (1, 1))


@pytest.mark.slow
@pytest.mark.parametrize('backend', ['numba', 'xla'])
def test_a_row_delivers_what_its_source_does(backend):
    csr = event.CSR.from_pairs([0, 0, 2, 2, 2], [1, 3, 0, 3, 3], (4, 4))
    weight = jnp.arange(1.0, 6.0)
    expected = np.pad(csr.to_dense(weight), ((1, 2), (0, 0)))  # none outside of the structure
    with event.use_backend(backend):
        one = jax.jit(lambda i: event.product(csr.row(i), weight, jnp.ones(1)))
        np.testing.assert_array_equal([one(i) for i in range(-1, 6)], expected)
        np.testing.assert_array_equal(event.product(csr.row(2), weight, jnp.ones(1)), expected[3])
    assert csr.row(2).shape == (1, 4)
    assert csr.row(2).indices is csr.indices
