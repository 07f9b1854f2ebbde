"""What a figure of a network shows."""

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np
import pytest

import brainpy_state as bst
from models import report

DT, STEPS = 0.1 * u.ms, 10_000


@pytest.fixture
def draw(monkeypatch, tmp_path):
    """The axes of a figure of 1 s in which each of 800 E and 200 I neurons spikes every 10 ms."""
    figures, close = [], plt.close

    def run(**options):
        monkeypatch.setattr(plt, 'close', figures.append)
        populations = {}
        for name, size in (('E', 800), ('I', 200)):
            step = np.repeat(np.arange(50, STEPS, 100), size)
            populations[name] = bst.record.Spikes(step, np.tile(np.arange(size), step.size // size), size, DT, 0, STEPS)
        V = np.linspace(-70.0, -50.0, STEPS) * u.mV
        report.plot_activity(tmp_path / 'figure.png', populations, V, 'title', **options)
        return figures[-1].axes

    yield run
    for figure in figures:
        close(figure)


def test_the_raster_has_some_neurons_in_their_true_proportion(draw):
    raster, *_ = draw()
    seen = [np.unique(line.get_ydata()).size for line in raster.lines if line.get_marker() != 'None']
    assert seen == [200, 50]


def test_it_shows_the_end_of_the_run(draw):
    axes = draw(shown=200.0 * u.ms)
    assert all(axis.get_xlim() == (800.0, 1000.0) for axis in axes)
    x = axes[0].lines[0].get_xdata()
    assert 800.0 <= x.min() < x.max() < 1000.0


def test_a_run_that_is_shorter_is_shown_whole(draw):
    assert draw(shown=5.0 * u.second)[0].get_xlim() == (0.0, 1000.0)


def test_rates_are_those_of_whole_populations(draw):
    _, rates, _ = draw(shown=200.0 * u.ms)
    values, edges, _ = rates.patches[0].get_data()
    np.testing.assert_allclose(np.diff(edges), 1.0)
    assert values.mean() == pytest.approx(100.0)


def test_spikes_are_drawn_onto_a_potential_only_where_it_has_none(draw):
    assert not draw()[2].collections
    *_, trace = draw(V_th=-50.0 * u.mV)
    assert len(trace.collections[0].get_segments()) == 50


def test_the_table_says_which_published_numbers_were_not_compared_with_the_source():
    published = {'a': report.Published('8 Hz', 'figure 1', 7.0, 9.0, 'Hz'), 'b': report.Published('1', 'abstract', 0.5, 1.5, checked=True)}
    (_, a), (_, b) = report.comparison(published, {'a': 8.2, 'b': 2.0})
    assert a == '8.2 Hz          published: 8 Hz (figure 1, not checked)'
    assert b == '2               published: 1 (abstract)  DIFFERS: expected 0.5 to 1.5'
