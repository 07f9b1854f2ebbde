"""What plots of connections and of populations in space show."""

import brainunit as u
import numpy as np
import pytest
from matplotlib.figure import Figure

import brainpy_state as bst
from brainpy_state import ParameterError, ShapeError, plots
from brainpy_state.record import Trace

SPARSE = bst.pairwise_bernoulli(30, 40, 0.2, weight=lambda shape: np.random.default_rng(0).normal(1.0, 0.3, shape) * u.nS, seed=1)
SIGNED = np.array([[0.5, -2.0, 0.0], [1.0, 0.0, -1.0]]) * u.nS


@pytest.fixture
def ax():
    figure = Figure(layout='constrained')
    yield figure.subplots()
    figure.canvas.draw()


def bar_of(ax):
    """The bar of colours beside axes."""
    (bar,) = ax.child_axes
    return bar


def test_a_histogram_counts_each_weight_once(ax):
    assert plots.weights(SPARSE, ax=ax) is ax
    assert sum(bar.get_height() for bar in ax.patches) == len(SPARSE)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ('weight (nS)', 'synapses')


def test_weights_of_both_signs_part_at_zero(ax):
    plots.weights(SIGNED.reshape(-1), ax=ax)
    edges = {(round(bar.get_x(), 9), bar.get_facecolor()) for bar in ax.patches if bar.get_height()}
    assert {colour for x, colour in edges if x < 0}.isdisjoint({colour for x, colour in edges if x >= 0})
    shared = plots.weights(bst.all_to_all(3, 4, weight=2 * u.nS), ax=Figure().subplots())
    assert [bar.get_height() for bar in shared.patches] == [0, 12, 0]


def test_a_matrix_is_a_picture_that_is_white_at_zero(ax):
    plots.weights(SIGNED, ax=ax)
    (picture,) = ax.images
    np.testing.assert_array_equal(picture.get_array(), SIGNED.mantissa)
    assert picture.get_clim() == (-2.0, 2.0)
    assert bar_of(ax).get_ylabel() == 'weight (nS)'
    assert (ax.get_ylabel(), ax.get_xlabel()) == ('source', 'target')
    limits = [plots.weights(x, ax=Figure().subplots()).images[0].get_clim() for x in (abs(SIGNED), -abs(SIGNED))]
    assert limits == [(0.0, 2.0), (-2.0, 0.0)]


def test_connectivity_shows_each_synapse(ax):
    plots.connectivity(SPARSE, ax=ax)
    np.testing.assert_array_equal(ax.images[0].get_array(), SPARSE.toarray().mantissa != 0)
    np.testing.assert_array_equal(plots.connectivity(SIGNED, ax=Figure().subplots()).images[0].get_array(), SIGNED.mantissa != 0)


def test_a_large_matrix_is_shown_by_the_number_of_synapses_per_pair(ax):
    large = bst.fixed_outdegree(1003, 517, 20, weight=1 * u.nS, seed=1, procedural=True)
    plots.connectivity(large, ax=ax)
    density = ax.images[0].get_array()
    assert density.shape == (100, 100)
    pairs = np.outer(*(np.bincount(np.arange(n) * 100 // n) for n in (1003, 517)))
    assert (density * pairs).sum() == pytest.approx(20 * 1003)
    assert bar_of(ax).get_ylabel() == 'synapses per pair'
    assert ax.get_xlim() == (-0.5, 516.5)


def test_degrees_are_those_of_the_connection(ax):
    plots.degrees(SPARSE, ax=ax)
    for patch, degree in zip(ax.patches[::2], (SPARSE.indegree, SPARSE.outdegree), strict=True):
        values, edges, _ = patch.get_data()
        np.testing.assert_array_equal(values, np.histogram(degree, edges)[0])
        assert values.sum() == degree.size
        np.testing.assert_array_equal(np.diff(edges), 1.0)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        f'{name}degree, {x.mean():.3g} on average' for name, x in (('in', SPARSE.indegree), ('out', SPARSE.outdegree))
    ]


def test_a_snapshot_has_a_place_for_each_neuron(ax):
    V = np.arange(12.0) * u.mV
    plots.snapshot(V, shape=(3, 4), name='V', ax=ax)
    np.testing.assert_array_equal(ax.images[0].get_array(), np.arange(12.0).reshape(3, 4))
    assert bar_of(ax).get_ylabel() == 'V (mV)'
    same = plots.snapshot(V.reshape((3, 4)), limits=(-0.01 * u.volt, 20 * u.mV), ax=Figure().subplots())
    assert same.images[0].get_clim() == (-10.0, 20.0)
    places = np.random.default_rng(0).random((12, 2)) * u.um
    (dots,) = plots.snapshot(V, positions=places, ax=(other := Figure().subplots())).collections
    np.testing.assert_allclose(dots.get_offsets(), places.mantissa)
    np.testing.assert_array_equal(dots.get_array(), np.arange(12.0))
    assert other.get_xlabel() == 'x (µm)'


def test_a_film_shows_what_was_recorded_at_its_times(tmp_path):
    values = np.random.default_rng(0).random((30, 12)) * u.mV
    figure = Figure()
    film = plots.animate(
        Trace(np.arange(0, 3000, 100), values, 0.1 * u.ms, None, 'V'), shape=(3, 4), frames=4, ax=(ax := figure.subplots())
    )
    film.save(tmp_path / 'film.gif', writer='pillow', dpi=20)
    np.testing.assert_array_equal(ax.images[0].get_array(), values.mantissa[29].reshape(3, 4))
    assert ax.get_title() == 't = 290 ms'
    assert (tmp_path / 'film.gif').stat().st_size > 0


@pytest.mark.parametrize(
    ('plot', 'error', 'message'),
    [
        (lambda ax: plots.weights(np.zeros((2, 2, 2)), ax=ax), ShapeError, r'weights: they have shape \(2, 2, 2\)'),
        (lambda ax: plots.connectivity(np.zeros(3), ax=ax), ShapeError, r'connectivity: give a Connection, or a matrix'),
        (lambda ax: plots.degrees(np.zeros(3), ax=ax), ShapeError, r'degrees: give a Connection, or a matrix'),
        (lambda ax: plots.snapshot(np.zeros(12), ax=ax), ShapeError, r'snapshot: values have shape \(12,\), expected \(rows, columns\)'),
        (lambda ax: plots.snapshot(np.zeros(12), shape=(3, 5), ax=ax), ShapeError, r'shape = \(3, 5\) must be of a grid'),
        (lambda ax: plots.snapshot(np.zeros(12), positions=np.zeros((3, 2)), ax=ax), ShapeError, r'positions have shape \(3, 2\)'),
        (lambda ax: plots.snapshot(np.zeros(4), shape=(2, 2), positions=np.zeros((4, 2)), ax=ax), ParameterError, 'not both'),
        (lambda ax: plots.animate(np.zeros((0, 2, 2)), ax=ax), ShapeError, 'with one picture at least'),
        (lambda ax: plots.animate(np.zeros((3, 2, 2)), np.arange(2) * u.ms, ax=ax), ShapeError, r'there are times of shape \(2,\)'),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_an_error_that_says_what_can(plot, error, message):
    with pytest.raises(error, match=message):
        plot(Figure().subplots())
