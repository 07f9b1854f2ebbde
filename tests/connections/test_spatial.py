"""Connections that depend on distance."""

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, ShapeError, UnitError, distance_dependent, spatial
from brainpy_state.connections import _parallel

N = 200


def points(d, seed, low=0.0, high=1.0, n=N):
    return np.random.default_rng(seed).uniform(low, high, (n, d))


def naive_distances(pre, post, period=None):
    """All pairs; in periodic space to the nearest of the copies of each target along each axis."""
    squared = np.zeros((len(pre), len(post)))
    for axis in range(pre.shape[1]):
        copies = [0.0] if period is None or np.isinf(period[axis]) else [k * period[axis] for k in range(-4, 5)]
        squared += np.min([(post[:, axis] + shift - pre[:, axis, None]) ** 2 for shift in copies], axis=0)
    return np.sqrt(squared)


def as_set(connection):
    return set(zip(connection.sources.tolist(), connection.targets.tolist(), strict=True))


SPACES = {
    'open': (None, 1.0),
    'periodic': (1.0, 1.0),
    'periodic, of other lengths': ((1.0, 0.6, 0.8), 1.0),
    'periodic along one axis': ((np.inf, 0.7, np.inf), 1.0),
    'periodic, positions outside': (0.5, 1.5),
}


@pytest.mark.quick('0.15|0.03-open')
@pytest.mark.parametrize('d', [1, 2, 3])
@pytest.mark.parametrize('space', SPACES)
@pytest.mark.parametrize('reach', [0.0, 0.03, 0.15, 0.33, 0.5, 2.0])
def test_pairs_within_reach_are_those_of_all_pairs(d, space, reach):
    period, high = SPACES[space]
    period = period if period is None else np.broadcast_to(period, (3,))[:d]
    pre, post = points(d, 1, -0.3, high), points(d, 2, 0.0, high, N - 20)
    pre[:10] = post[:10]  # at distance zero
    expected = naive_distances(pre, post, period)
    connection = distance_dependent(pre, post, lambda x: 1.0, weight=1.0, max_distance=reach, periodic=period)
    assert as_set(connection) == set(zip(*np.nonzero(expected <= reach), strict=True))
    np.testing.assert_allclose(connection.distances, expected[connection.sources, connection.targets], atol=1e-12)


@pytest.mark.parametrize('periodic', [None, 1.0])
def test_a_limit_takes_the_longer_synapses_away_and_leaves_the_others(periodic):
    pre, post = points(2, 1), points(2, 2)
    given = dict(p=spatial.gaussian(0.3, p=0.7), weight=1.0, periodic=periodic, seed=3)
    every, limited = (distance_dependent(pre, post, **given, max_distance=x) for x in (None, 0.25))
    assert 500 < len(limited) < len(every)
    assert as_set(limited) == {pair for pair, x in zip(sorted(as_set(every)), every.distances, strict=True) if x <= 0.25}


@pytest.mark.parametrize('periodic', [None, 1.0])
@pytest.mark.parametrize(
    'kernel', [spatial.gaussian(0.2, 0.8), spatial.exponential(0.2), spatial.linear(0.5, 0.9), spatial.box(0.3, 0.4)], ids=lambda k: k.shape
)
def test_synapses_are_as_many_as_the_kernel_says_at_each_distance(kernel, periodic):
    pre, post = points(2, 1, n=600), points(2, 2, n=500)
    distance = naive_distances(pre, post, None if periodic is None else (1.0, 1.0))
    connection = distance_dependent(pre, post, kernel, weight=1.0, periodic=periodic, seed=1)
    formula = {
        'gaussian': 0.8 * np.exp(-(distance**2) / (2 * 0.2**2)),
        'exponential': np.exp(-distance / 0.2),
        'linear': np.where(distance < 0.5, 0.9 * (1 - distance / 0.5), 0.0),
        'box': np.where(distance <= 0.3, 0.4, 0.0),
    }
    p = formula[kernel.shape]
    edges = np.linspace(0, 0.5, 11)
    found = np.histogram(connection.distances, edges)[0]
    mean, variance = (np.histogram(distance, edges, weights=x)[0] for x in (p, p * (1 - p)))
    assert (abs(found - mean) <= 4 * np.sqrt(variance)).all()  # four standard deviations for each of ten bins
    assert len(connection) == pytest.approx(p.sum(), abs=4 * np.sqrt((p * (1 - p)).sum()))


@pytest.mark.parametrize('reach', [None, 0.4])
def test_the_block_size_does_not_matter(reach, monkeypatch):
    pre, post = points(2, 1), points(2, 2)

    def made():
        return as_set(distance_dependent(pre, post, spatial.exponential(0.1), weight=1.0, max_distance=reach, seed=1))

    whole = made()
    for block in (1, 37, 5000):
        monkeypatch.setattr(_parallel, 'BLOCK', block)
        assert made() == whole


def test_the_seed_decides_and_other_neurons_do_not_matter():
    pre, post = points(2, 1), points(2, 2)
    make = lambda pre, post, seed=1: as_set(distance_dependent(pre, post, spatial.gaussian(0.2), weight=1.0, seed=seed))  # noqa: E731
    assert make(pre, post) == make(pre, post) != make(pre, post, 2)
    few = make(pre[:50], post[:70])
    assert few == {(i, j) for i, j in make(pre, post) if i < 50 and j < 70}


def test_synapses_are_listed_by_source_and_then_by_target():
    pre, post = points(2, 1), points(2, 2)
    connection = distance_dependent(pre, post, spatial.linear(0.4), weight=1.0, seed=1)
    both = list(zip(connection.sources.tolist(), connection.targets.tolist(), strict=True))
    assert both == sorted(set(both))


def test_without_autapses_only_those_are_missing():
    x = points(2, 1)
    make = lambda autapses: as_set(distance_dependent(x, x, spatial.box(0.2, 0.5), weight=1.0, seed=1, allow_autapses=autapses))  # noqa: E731
    assert make(False) == {(i, j) for i, j in make(True) if i != j} != make(True)


def test_units_may_differ_as_long_as_they_are_lengths():
    pre, post = points(2, 1), points(2, 2)
    plain = distance_dependent(pre, post, spatial.gaussian(0.1), weight=1.0, max_distance=0.3, periodic=1.0, seed=1)
    with_units = distance_dependent(
        pre * u.mm,
        1000.0 * post * u.um,
        spatial.gaussian(100.0 * u.um),
        weight=1.0,
        max_distance=300.0 * u.um,
        periodic=0.1 * u.cmeter,
        seed=1,
    )
    assert as_set(plain) == as_set(with_units)
    assert u.get_unit(with_units.distances) == u.mm
    np.testing.assert_allclose(with_units.distances.to_decimal(u.mm), plain.distances, atol=1e-12)


@pytest.mark.parametrize('reach', [None, 0.3])
def test_any_function_of_distance_is_a_kernel(reach):
    x = points(2, 1) * u.mm
    limit = None if reach is None else reach * u.mm
    ours, theirs = (
        distance_dependent(x, x, p, weight=1.0, max_distance=limit, seed=1)
        for p in (spatial.exponential(100.0 * u.um, 0.5), lambda d: 0.5 * u.math.exp(-d / (100.0 * u.um)))
    )
    assert as_set(ours) == as_set(theirs)


def test_weights_as_a_function_of_distance():
    x = points(2, 1) * u.mm
    connection = distance_dependent(x, x, spatial.box(0.2 * u.mm), weight_of_distance=lambda d: d / (1.0 * u.mm) * 2.0 * u.nS, seed=1)
    np.testing.assert_allclose(connection.weights.to_decimal(u.nS), 2 * connection.distances.to_decimal(u.mm), rtol=1e-6)


@pytest.mark.parametrize('reach', [None, 0.1])
@pytest.mark.parametrize(('pre', 'post'), [(0, 0), (0, 5), (5, 0)])
def test_empty_populations_make_no_synapses(pre, post, reach):
    connection = distance_dependent(np.zeros((pre, 2)), np.zeros((post, 2)), spatial.gaussian(1.0), weight=1.0, max_distance=reach, seed=1)
    assert len(connection) == 0
    assert connection.distances.shape == (0,)


def test_neurons_in_one_place():
    x = np.ones((5, 2))
    assert len(distance_dependent(x, x, spatial.box(0.1), weight=1.0, seed=1)) == 25
    assert len(distance_dependent(x, x, spatial.gaussian(1.0), weight=1.0, max_distance=0.0, seed=1)) == 25


def test_a_grid_has_its_neurons_in_the_middle_of_equal_cells():
    np.testing.assert_array_equal(spatial.grid((2, 4), (1.0, 2.0)), [(i, j) for i in (0.25, 0.75) for j in (0.25, 0.75, 1.25, 1.75)])
    assert spatial.grid((3, 4, 5)).shape == (60, 3)
    assert u.get_unit(spatial.grid((3,), 1.0 * u.mm)) == u.mm
    assert spatial.grid((0, 3)).shape == (0, 2)


def test_on_a_periodic_grid_all_neurons_have_as_many_neighbours():
    x = spatial.grid((12, 10), (1.2, 1.0) * u.mm)
    connection = distance_dependent(x, x, spatial.box(0.15 * u.mm), weight=1.0, periodic=(1.2, 1.0) * u.mm, allow_autapses=False)
    np.testing.assert_array_equal(connection.outdegree, np.full(120, 8))
    np.testing.assert_array_equal(connection.indegree, np.full(120, 8))


def test_uniform_positions_fill_their_box_and_depend_on_seed_and_number():
    x = spatial.uniform(4000, (1.0, 3.0) * u.mm, seed=1)
    numbers = x.to_decimal(u.mm)
    assert numbers.shape == (4000, 2)
    for axis, length in enumerate((1.0, 3.0)):
        assert 0 < numbers[:, axis].min() < numbers[:, axis].max() < length
        # the mean of n uniform numbers has the standard deviation length / sqrt(12 n)
        assert abs(numbers[:, axis].mean() - length / 2) < 4 * length / np.sqrt(12 * 4000)
    assert abs(np.corrcoef(numbers.T)[0, 1]) < 4 / np.sqrt(4000)
    np.testing.assert_array_equal(spatial.uniform(10, (1.0, 3.0), seed=1), numbers[:10])
    assert (spatial.uniform(10, (1.0, 3.0), seed=2) != numbers[:10]).all()


def test_a_network_with_positions_has_a_structure_to_compare():
    make = lambda periodic: bst.graph.graphdef(distance_dependent(X, X, spatial.box(0.2), weight=1.0, periodic=periodic, seed=1))  # noqa: E731
    assert make(5.0) == make(5.0)
    assert hash(make(5.0)) == hash(make(5.0))
    assert make(5.0) != make(6.0)


X = points(2, 1, n=5)
G = spatial.gaussian(1.0)
BAD = {
    'shape': (
        lambda: distance_dependent(X[:, 0], X, G, weight=1.0),
        ShapeError,
        r'distance_dependent: pre_pos has shape \(5,\), expected \(n, d\)',
    ),
    'dimensions': (lambda: distance_dependent(X, X[:, :1], G, weight=1.0), ShapeError, 'pre_pos has 2 dimensions, but post_pos has 1'),
    'NaN': (lambda: distance_dependent(X, X * np.nan, G, weight=1.0), ParameterError, 'post_pos contains a value that is not finite'),
    'unit': (lambda: distance_dependent(X * u.mm, X, G, weight=1.0), UnitError, 'post_pos has no unit, but pre_pos has the unit mm'),
    'limit': (
        lambda: distance_dependent(X, X, G, weight=1.0, max_distance=1 * u.mm),
        UnitError,
        'max_distance has the unit mm, but pre_pos has no unit',
    ),
    'negative limit': (
        lambda: distance_dependent(X, X, G, weight=1.0, max_distance=-1.0),
        ParameterError,
        'max_distance = -1.0 must be one length',
    ),
    'kernel': (
        lambda: distance_dependent(X, X, 0.5, weight=1.0),
        ParameterError,
        r'p must be a function of distance, such as spatial.gaussian\(...\), but is 0.5',
    ),
    'kernel with other unit': (
        lambda: distance_dependent(X * u.mm, X * u.mm, G, weight=1.0),
        UnitError,
        'gaussian: its length has no unit, but the distances have the unit mm',
    ),
    'box with other unit': (
        lambda: distance_dependent(X * u.mm, X * u.mm, spatial.box(1.0), weight=1.0),
        UnitError,
        'the length of p has no unit, but pre_pos has the unit mm',
    ),
    'probability': (
        lambda: distance_dependent(X, X, lambda d: 1.5 + d, weight=1.0),
        ParameterError,
        'p gives 1.5 at distance 0.0, but a probability is from 0 to 1',
    ),
    'probability NaN': (lambda: distance_dependent(X, X, lambda d: np.nan, weight=1.0), ParameterError, 'p gives nan at distance'),
    'probability shape': (
        lambda: distance_dependent(X, X, lambda d: np.ones(3), weight=1.0),
        ShapeError,
        r'p gives the shape \(3,\) for distances of shape',
    ),
    'probability unit': (
        lambda: distance_dependent(X * u.mm, X * u.mm, lambda d: d, weight=1.0),
        UnitError,
        'p gives a value with the unit mm, but a probability has none',
    ),
    'period': (
        lambda: distance_dependent(X, X, G, weight=1.0, periodic=0.0),
        ParameterError,
        'periodic = 0.0 must be the extent of the space',
    ),
    'period shape': (lambda: distance_dependent(X, X, G, weight=1.0, periodic=np.ones(3)), ShapeError, r'periodic has shape \(3,\)'),
    'no weight': (lambda: distance_dependent(X, X, G), ParameterError, 'give either weight or weight_of_distance'),
    'two weights': (
        lambda: distance_dependent(X, X, G, weight=1.0, weight_of_distance=G),
        ParameterError,
        'give either weight or weight_of_distance',
    ),
    'seed': (
        lambda: distance_dependent(X, X, G, weight=1.0, seed=1.5),
        ParameterError,
        'distance_dependent: seed is 1.5, but must be an integer',
    ),
    'scale': (lambda: spatial.gaussian(-1.0), ParameterError, 'gaussian: -1.0 must be one length, more than zero'),
    'p': (lambda: spatial.box(1.0 * u.mm, p=2.0), ParameterError, r'box: p = 2.0 must be a probability'),
    'grid axes': (lambda: spatial.grid((1, 1, 1, 1)), ShapeError, 'grid: .* must have one to three axes'),
    'grid number': (lambda: spatial.grid((2.5, 1)), ParameterError, 'grid: shape = 2.5 must be a whole number'),
    'grid extent': (lambda: spatial.grid((2, 2), (1.0, 0.0)), ParameterError, 'grid: extent = .* must be more than zero and finite'),
    'grid extent shape': (lambda: spatial.grid((2, 2), (1.0, 1.0, 1.0)), ShapeError, r'grid: extent has shape \(3,\)'),
    'delays of no time': (
        lambda: spatial.delays(1.0, 2.0 * u.mm / u.ms),
        UnitError,
        'spatial.delays: a distance with no unit and a speed with the unit mm / ms give no time',
    ),
    'no speed': (lambda: spatial.delays(1.0 * u.mm, 0.0 * u.mm / u.ms), ParameterError, 'speed finite and more than zero'),
    'negative distance': (lambda: spatial.delays(-1.0 * u.mm, 1.0 * u.mm / u.ms), ParameterError, 'distances must be finite and zero or'),
    'uniform extent': (
        lambda: spatial.uniform(3, 1.0),
        ShapeError,
        'uniform: extent = 1.0 must have one length for each of one to three axes',
    ),
}


def test_delays_follow_from_distances_rounded_to_whole_steps(dt):
    places = spatial.uniform(40, (1.0, 1.0) * u.mm, seed=1)
    connection = distance_dependent(places, places, spatial.box(0.5 * u.mm), weight=1.0 * u.mV, seed=2)
    time = spatial.delays(connection.distances, 0.3 * u.meter / u.second)
    exact = connection.distances.to_decimal(u.mm) / 0.3
    steps = time.to_decimal(u.ms) / 0.1
    np.testing.assert_allclose(steps, np.rint(steps), rtol=1e-12)
    assert np.abs(time.to_decimal(u.ms) - exact).max() <= 0.05 + 1e-12  # half a step
    post = bst.LIF(40)
    projection = bst.DeltaProj(comm=connection, post=post, delay=time)
    bst.nn.init_all_states([projection, post])  # which refuses what is no multiple of dt
    np.testing.assert_array_equal(projection.delays.to_decimal(u.ms), time.to_decimal(u.ms))


@pytest.mark.parametrize('case', BAD)
def test_what_cannot_be_met_is_one_clear_line(case, dt):
    make, error, message = BAD[case]
    with pytest.raises(error, match=message) as raised:
        make()
    assert '\n' not in str(raised.value)
