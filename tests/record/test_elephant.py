"""Measures against figures that Elephant gave for the same spike trains; ``elephant_figures.py`` wrote them."""

import json
from pathlib import Path

import brainunit as u
import numpy as np
import pytest

from brainpy_state import record
from brainpy_state.record import Spikes

DATA = json.loads((Path(__file__).parent / 'elephant_figures.json').read_text())
FIGURES = DATA['figures']
DT = DATA['dt'] * u.ms
BIN, LAG, WINDOW, SIGMA, PIECE = (DATA[name] * u.ms for name in ('bin', 'lag', 'window', 'sigma', 'piece'))
STOP = round(DATA['t_stop'] / DATA['dt'])
EXACT = 1e-12  # both compute in double precision


def spikes_of(trains, **batch):
    step = np.concatenate([np.asarray(x, int) for x in trains])
    return Spikes(step, np.repeat(np.arange(len(trains)), [len(x) for x in trains]), len(trains), DT, 0, STOP, **batch)


ONE = spikes_of(DATA['steps'][0])
FIRING = ONE.of(0, 3)
_EACH = [spikes_of(trial) for trial in DATA['steps']]
BATCH = Spikes(
    *(np.concatenate([getattr(x, name) for x in _EACH]) for name in ('step', 'i')), 4, DT, 0, STOP,
    np.repeat(np.arange(len(_EACH)), [len(x) for x in _EACH]), len(_EACH),
)  # fmt: skip


@pytest.mark.parametrize('name', ['cv', 'cv2', 'lv'])
def test_variation_of_intervals(name):
    np.testing.assert_allclose(getattr(record, name)(ONE, 3), FIGURES[name], rtol=EXACT)


def test_rates_and_intervals():
    np.testing.assert_allclose(record.firing_rates(ONE).to_decimal(u.Hz), FIGURES['mean_firing_rate'], rtol=EXACT)
    neuron, interval = record.isi(ONE)
    for k, expected in enumerate(FIGURES['isi']):
        np.testing.assert_allclose(interval[neuron == k].to_decimal(u.ms), expected, rtol=1e-9)  # theirs are differences of times
    rate = record.population_rate(ONE, BIN)[1]
    np.testing.assert_allclose(rate.to_decimal(u.Hz) * 4 * DATA['bin'] / 1000, FIGURES['time_histogram'], rtol=EXACT)


def test_the_fano_factor_over_trials_and_by_window():
    np.testing.assert_allclose(record.fanofactor(BATCH), FIGURES['fanofactor over trials'], rtol=EXACT)
    np.testing.assert_allclose(record.fanofactor(FIRING, WINDOW), FIGURES['fanofactor by window'], rtol=EXACT)


def test_correlations():
    expected = np.array(FIGURES['correlation_coefficient'])
    np.testing.assert_allclose(record.correlation_coefficient(FIRING, BIN), expected, rtol=1e-9)
    assert record.mean_pairwise_correlation(ONE, BIN) == pytest.approx(expected[np.triu_indices(3, 1)].mean(), rel=1e-9)


def test_correlograms():
    lag, pairs = record.cross_correlation_histogram(ONE.of([0]), ONE.of([2]), BIN, LAG)
    assert pairs.tolist() == FIGURES['cross_correlation_histogram']
    np.testing.assert_allclose(lag.to_decimal(u.ms), np.array(FIGURES['lags']) * DATA['bin'])
    lag, pairs = record.autocorrelation_histogram(burst := ONE.of([2]), BIN, LAG)
    assert (pairs + np.where(lag.to_decimal(u.ms) == 0.0, len(burst), 0)).tolist() == FIGURES['autocorrelation_histogram']


def test_the_smoothed_rate_away_from_the_borders():
    _, rate = record.instantaneous_rate(ONE, SIGMA)
    rate, expected = rate.to_decimal(u.Hz)[::20], np.array(FIGURES['instantaneous_rate'])
    inner = slice(18, -18)  # more than 5 sigma
    # theirs is the density at the middle of a step, ours has the sum 1; the Gaussian ends at 5 sigma, beyond which there is 6e-7 of it
    np.testing.assert_allclose(rate[inner], expected[inner], rtol=2e-6, atol=1e-6)
    assert inner.stop + len(rate) - inner.start > 150
    # a border halves the Gaussian of theirs
    assert rate[0] == pytest.approx(2.0 * expected[0], rel=0.01)


def test_the_power_spectrum():
    frequency, power = record.power_spectrum(ONE, PIECE, BIN)
    np.testing.assert_allclose(frequency.to_decimal(u.Hz), FIGURES['frequency'], rtol=EXACT)
    np.testing.assert_allclose(power.to_decimal(u.Hz), FIGURES['welch_psd'], rtol=1e-9, atol=1e-12)
