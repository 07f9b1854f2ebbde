"""Connections given pair by pair, or as a matrix."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from brainpy_state import ParameterError, ShapeError, explicit_edges, fixed_total_number, from_matrix

SOURCES, TARGETS = np.array([4, 0, 2, 4, 2, 0, 2]), np.array([1, 2, 0, 1, 2, 0, 1])
WEIGHTS = np.arange(1.0, 8.0)


def expected():
    matrix = np.zeros((5, 3))
    for source, target, weight in zip(SOURCES, TARGETS, WEIGHTS, strict=True):
        matrix[source, target] += weight
    return matrix


@pytest.mark.parametrize('form', [np.asarray, jnp.asarray, list, lambda x: lambda shape: x], ids=['NumPy', 'JAX', 'list', 'callable'])
def test_weights_stay_with_the_synapses_they_were_given_for(form):
    connection = explicit_edges(5, 3, SOURCES, TARGETS, weight=form(WEIGHTS))
    np.testing.assert_array_equal(connection.toarray(), expected())
    np.testing.assert_array_equal(connection(jnp.eye(5)), expected())


def test_they_are_sorted_and_repeated_pairs_keep_their_order():
    connection = explicit_edges(5, 3, SOURCES, TARGETS, weight=WEIGHTS * u.nS)
    np.testing.assert_array_equal(connection.sources, [0, 0, 2, 2, 2, 4, 4])
    np.testing.assert_array_equal(connection.targets, [0, 2, 0, 1, 2, 1, 1])
    np.testing.assert_array_equal(connection.weights.to_decimal(u.nS), [6, 2, 3, 7, 5, 1, 4])


def test_one_weight_for_all():
    assert explicit_edges(5, 3, SOURCES, TARGETS, weight=2.0 * u.nS).weight.value == 2.0 * u.nS


def test_large_numbers_are_sorted_alike():
    rng = np.random.default_rng(0)  # more neurons than 16 bits can number
    sources, targets = rng.integers(0, 200_000, 5000), rng.integers(0, 100_000, 5000)
    connection = explicit_edges(200_000, 100_000, sources, targets, weight=np.arange(5000.0))
    order = np.lexsort((targets, sources))
    np.testing.assert_array_equal(connection.sources, sources[order])
    np.testing.assert_array_equal(connection.targets, targets[order])
    np.testing.assert_array_equal(connection.weights, order)


def test_no_synapses():
    assert len(explicit_edges(3, 2, [], [], weight=1.0)) == 0
    assert len(explicit_edges(0, 0, [], [], weight=[])) == 0


@pytest.mark.parametrize('form', [np.asarray, jnp.asarray, scipy.sparse.csr_array, scipy.sparse.coo_array, scipy.sparse.csc_matrix])
def test_a_matrix_gives_its_entries(form):
    connection = from_matrix(form(expected()))
    np.testing.assert_array_equal(connection.toarray(), expected())
    assert len(connection) == np.count_nonzero(expected())


def test_a_matrix_of_quantities():
    connection = from_matrix(expected() * u.nS)
    np.testing.assert_array_equal(connection.toarray().to_decimal(u.nS), expected())


def test_a_connection_comes_back_from_its_matrix():
    connection = fixed_total_number(20, 30, 100, weight=lambda shape: np.arange(1.0, 101.0), allow_multapses=False, seed=1)
    again = from_matrix(connection.toarray())
    np.testing.assert_array_equal(again.targets, connection.targets)
    np.testing.assert_array_equal(again.weights, connection.weights)


BAD = {
    'sources': (
        lambda: explicit_edges(3, 2, [0, 3], [0, 1], weight=1.0),
        ParameterError,
        'explicit_edges: sources contains 3, but neurons are numbered from 0 to 2',
    ),
    'targets': (
        lambda: explicit_edges(3, 2, [0, 1], [0, -1], weight=1.0),
        ParameterError,
        'targets contains -1, but neurons are numbered from 0 to 1',
    ),
    'none': (lambda: explicit_edges(0, 2, [0], [0], weight=1.0), ParameterError, 'sources contains 0, but there are no neurons'),
    'type': (
        lambda: explicit_edges(3, 2, [0.0], [0], weight=1.0),
        ParameterError,
        'sources has the type float64, but neurons are counted by integers',
    ),
    'number': (lambda: explicit_edges(3, 2, [0, 1], [0], weight=1.0), ShapeError, '2 sources for 1 targets'),
    'axes': (lambda: explicit_edges(3, 2, [[0]], [0], weight=1.0), ShapeError, r'sources has shape \(1, 1\), expected one dimension'),
    'weight': (
        lambda: explicit_edges(3, 2, [0, 1], [0, 1], weight=[1.0]),
        ShapeError,
        r'weight has shape \(1,\), expected one number or one for each of the 2 synapses',
    ),
    'matrix': (lambda: from_matrix(np.ones(3)), ShapeError, r'from_matrix: the matrix has shape \(3,\)'),
}


@pytest.mark.parametrize('case', BAD)
def test_what_is_no_connection_is_one_clear_line(case):
    make, error, message = BAD[case]
    with pytest.raises(error, match=message) as raised:
        make()
    assert '\n' not in str(raised.value)
