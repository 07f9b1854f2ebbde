"""Measures of activity against values worked out by hand and against plain twins."""

import brainunit as u
import numpy as np
import pytest

from brainpy_state import ParameterError, ShapeError, UnitError
from brainpy_state.record import (
    Spikes,
    Trace,
    autocorrelation_histogram,
    correlation_coefficient,
    cross_correlation_histogram,
    cv2,
    fanofactor,
    firing_rates,
    instantaneous_rate,
    lv,
    mean_pairwise_correlation,
    population_rate,
    power_spectrum,
    psth,
)

MS, STOP = u.ms, 205
RASTER = np.random.default_rng(1).random((STOP, 3, 4)) < np.array([0.05, 0.2, 0.4])[:, None]
RASTER[:, :, 3] = False


def spikes_of(raster, start=0):
    step, *trial, i = np.nonzero(raster)
    batch = {'trial': trial[0], 'n_trials': raster.shape[1]} if trial else {}
    return Spikes(step + start, i, raster.shape[-1], 0.1 * MS, start, start + len(raster), **batch)


BATCH, TRIALS = spikes_of(RASTER), [spikes_of(RASTER[:, k]) for k in range(3)]


def counts(raster, width):
    n = len(raster) // width
    return raster[: n * width].reshape(n, width, *raster.shape[1:]).sum(1)


@pytest.mark.parametrize(('measure', 'power', 'factor'), [(cv2, 1, 2.0), (lv, 2, 3.0)])
def test_local_variation_is_of_adjacent_intervals_of_each_train(measure, power, factor):
    expected = []
    for trial in range(3):
        for k in range(4):
            intervals = np.diff(np.flatnonzero(RASTER[:, trial, k])).astype(float)
            if intervals.size >= 3:
                change = np.abs(np.diff(intervals)) / (intervals[1:] + intervals[:-1])
                expected.append(factor * np.mean(change**power))
    np.testing.assert_allclose(measure(BATCH), expected, rtol=1e-12)
    assert measure(spikes_of(np.arange(100)[:, None] % 7 == 0)) == pytest.approx([0.0])
    steps = np.cumsum(np.random.default_rng(0).geometric(0.002, 5000))
    poisson = Spikes(steps, np.zeros(5000, int), 1, 0.1 * MS, 0, int(steps[-1]) + 1)
    assert measure(poisson)[0] == pytest.approx(1.0, abs=4 / np.sqrt(5000))
    assert np.isnan(measure(Spikes([3, 3, 3, 5], [0] * 4, 1, 0.1 * MS, 0, 10)))  # intervals 0, 0 and 2
    with pytest.raises(ParameterError, match=f'{measure.__name__}: min_spikes is 2, but must be 3 or more'):
        measure(poisson, 2)


def test_the_fano_factor_is_over_the_windows_of_all_trials():
    by_window = counts(RASTER, 20).reshape(-1, 4)[:, :3]
    np.testing.assert_allclose(fanofactor(BATCH, 2.0 * MS)[:3], by_window.var(0) / by_window.mean(0))
    whole = RASTER.sum(0)[:, :3]
    np.testing.assert_allclose(fanofactor(BATCH)[:3], whole.var(0) / whole.mean(0))
    assert np.isnan(fanofactor(BATCH)[3]) and np.isnan(fanofactor(BATCH, 2.0 * MS)[3])
    assert np.isnan(fanofactor(TRIALS[0])).all()  # one count does not vary
    with pytest.raises(ParameterError, match=r'fanofactor: window = 21\. ms is longer than the record'):
        fanofactor(BATCH, 21.0 * MS)


def test_the_mean_correlation_is_that_of_defined_pairs():
    for spikes in (BATCH, TRIALS[1]):
        matrix = correlation_coefficient(spikes, 1.0 * MS)
        assert mean_pairwise_correlation(spikes, 1.0 * MS) == pytest.approx(np.nanmean(matrix[np.triu_indices(4, 1)]), rel=1e-9)
    assert np.isnan(mean_pairwise_correlation(BATCH.of([2, 3]), 1.0 * MS))


def test_a_cross_correlogram_counts_pairs_of_two_populations_in_each_trial():
    a, b = (counts(RASTER[:, :, part], 10).sum(-1) for part in (slice(0, 1), slice(1, 3)))
    lag, pairs = cross_correlation_histogram(BATCH.of(0, 1), BATCH.of(1, 3), 1.0 * MS, 4.0 * MS)
    expected = [sum(a[t] @ b[t + k] for t in range(20) if 0 <= t + k < 20) for k in range(-4, 5)]
    assert pairs.tolist() == expected
    np.testing.assert_allclose(lag.to_decimal(MS), np.arange(-4.0, 5.0))
    back = cross_correlation_histogram(BATCH.of(1, 3), BATCH.of(0, 1), 1.0 * MS, 4.0 * MS)[1]
    assert back.tolist() == expected[::-1]


@pytest.mark.parametrize('width', [1, 10])
def test_an_autocorrelogram_has_no_spike_with_itself_and_no_pair_of_two_trains(width):
    x = counts(RASTER, width).reshape(STOP // width, -1)
    _, pairs = autocorrelation_histogram(BATCH, width * 0.1 * MS, 6 * width * 0.1 * MS)
    expected = [(x[: len(x) - k] * x[k:]).sum() for k in range(7)]
    expected[0] -= x.sum()
    assert pairs.tolist() == expected[:0:-1] + expected


def test_correlograms_refuse_what_does_not_fit():
    with pytest.raises(ParameterError, match=r'max_lag = 1\.5 ms must be a multiple of dt = 1\. ms'):
        autocorrelation_histogram(BATCH, 1.0 * MS, 1.5 * MS)
    with pytest.raises(ParameterError, match=r'max_lag = 20\. ms must be shorter than the record, 20\.5 ms'):
        autocorrelation_histogram(BATCH, 1.0 * MS, 20.0 * MS)
    with pytest.raises(ParameterError, match='of the same steps and trials, but stop is 205 and 100'):
        cross_correlation_histogram(TRIALS[0], TRIALS[0].between(0 * MS, 10.0 * MS), 1.0 * MS, 4.0 * MS)
    with pytest.raises(ParameterError, match=r'dt is 0\.1 ms of reference and 0\.2 ms of target'):
        cross_correlation_histogram(TRIALS[0], Spikes([], [], 1, 0.2 * MS, 0, STOP), 1.0 * MS, 4.0 * MS)


def test_the_histogram_around_events_is_the_mean_over_them():
    raster, spikes = RASTER[:, 1], spikes_of(RASTER[:, 1], start=1000)
    at = [30, 77, 150]
    t, rate = psth(spikes, np.array([103.0, 107.7, 115.0]) * MS, 0.5 * MS, 2.0 * MS, 4.0 * MS)
    expected = np.mean([counts(raster[k - 20 : k + 40], 5).mean(-1) for k in at], axis=0) / 0.5e-3
    np.testing.assert_allclose(t.to_decimal(MS), np.arange(-2.0, 4.0, 0.5), atol=1e-12)
    np.testing.assert_allclose(rate.to_decimal(u.Hz), expected, rtol=1e-12)
    one, all_ = ([psth(x, 5.0 * MS, 0.5 * MS, 2.0 * MS, 4.0 * MS)[1].to_decimal(u.Hz) for x in y] for y in (TRIALS, [BATCH]))
    np.testing.assert_allclose(all_[0], np.mean(one, axis=0), rtol=1e-12)
    assert np.isnan(psth(BATCH, [], 0.5 * MS, 2.0 * MS, 4.0 * MS)[1].to_decimal(u.Hz)).all()


def test_a_histogram_of_what_was_not_recorded_is_an_error_that_names_the_event():
    with pytest.raises(ParameterError, match=r'2\. ms before the event at 1\.9 ms .* within what was recorded, from 0\. ms to 20\.5 ms'):
        psth(BATCH, np.array([5.0, 1.9]) * MS, 0.5 * MS, 2.0 * MS, 4.0 * MS)
    with pytest.raises(ParameterError, match='leave no time'):
        psth(BATCH, 5.0 * MS, 0.5 * MS, 0.0 * MS, 0.0 * MS)
    with pytest.raises(UnitError, match='psth: events = 5. mV must be a time'):
        psth(BATCH, 5.0 * u.mV, 0.5 * MS, 2.0 * MS, 4.0 * MS)


@pytest.mark.parametrize('sigma', [0.03, 1.0, 30.0])
def test_the_smoothed_rate_is_normalised_within_the_record(sigma):
    t, rate = instantaneous_rate(TRIALS[2], sigma * MS)
    x = np.arange(STOP) * 0.1
    kernel = np.exp(-0.5 * ((x[:, None] - x) / sigma) ** 2) * (np.abs(x[:, None] - x) <= 5.0 * sigma + 0.1)
    expected = kernel @ RASTER[:, 2].mean(-1) / kernel.sum(1) / 0.1e-3
    np.testing.assert_allclose(t.to_decimal(MS), x, atol=1e-12)
    np.testing.assert_allclose(rate.to_decimal(u.Hz), expected, rtol=2e-5, atol=1e-6)
    mean = np.mean([instantaneous_rate(x, sigma * MS)[1].to_decimal(u.Hz) for x in TRIALS], axis=0)
    np.testing.assert_allclose(instantaneous_rate(BATCH, sigma * MS)[1].to_decimal(u.Hz), mean, rtol=1e-9, atol=1e-6)


def test_a_constant_rate_stays_constant_when_smoothed():
    rate = instantaneous_rate(spikes_of(np.ones((50, 2), bool)), 2.0 * MS)[1]
    np.testing.assert_allclose(rate.to_decimal(u.Hz), np.full(50, 1e4), rtol=1e-9)
    for sigma, error in ((0.0 * MS, ParameterError), (1.0 * u.mV, UnitError)):
        with pytest.raises(error, match='instantaneous_rate: sigma'):
            instantaneous_rate(BATCH, sigma)


def test_the_integral_of_a_spectrum_is_the_variance_and_a_sine_stands_at_its_frequency():
    t = np.arange(4000) * 1e-3
    x = (3.0 + 2.0 * np.sin(2 * np.pi * 40.0 * t)[:, None] * [1.0, 0.5]) * u.mV
    frequency, power = power_spectrum(x, 500.0 * MS, 1.0 * MS)
    assert u.get_dim(power) == u.get_dim(u.mV**2 * u.second)
    density = power.to_decimal(u.mV**2 / u.Hz)
    np.testing.assert_allclose(density.sum(0) * 2.0, [2.0, 0.5], rtol=1e-9)
    assert frequency[np.argmax(density[:, 0])].to_decimal(u.Hz) == pytest.approx(40.0)
    trace = Trace(np.arange(0, 40_000, 10), x, 0.1 * MS)
    np.testing.assert_array_equal(power_spectrum(trace, 500.0 * MS)[1].to_decimal(u.mV**2 / u.Hz), density)


def test_the_spectrum_of_independent_poisson_processes_is_flat_at_twice_their_rate_over_their_number():
    spikes = spikes_of(np.random.default_rng(0).random((40_000, 5)) < 0.002)
    _, power = power_spectrum(spikes, 50.0 * MS)
    expected = 2.0 * firing_rates(spikes).to_decimal(u.Hz).mean() / 5
    found = power.to_decimal(u.Hz)[1:-1]
    # 159 windows vary as 150 that do not overlap; of the frequencies, every other is independent: Hann's taper joins neighbours
    assert found.mean() == pytest.approx(expected, rel=4 / np.sqrt(150 * 125))
    assert found.std() == pytest.approx(expected / np.sqrt(150), rel=4 / np.sqrt(2 * 125))


def test_the_spectrum_of_a_batch_is_the_mean_of_those_of_its_trials():
    found = power_spectrum(BATCH, 10.0 * MS, 0.5 * MS)[1].to_decimal(u.Hz)
    np.testing.assert_allclose(found, np.mean([power_spectrum(x, 10.0 * MS, 0.5 * MS)[1].to_decimal(u.Hz) for x in TRIALS], axis=0))
    rate = population_rate(TRIALS[0], 0.5 * MS)[1]
    plain = power_spectrum(rate, 10.0 * MS, 0.5 * MS)[1]
    np.testing.assert_allclose(power_spectrum(TRIALS[0], 10.0 * MS, 0.5 * MS)[1].to_decimal(u.Hz), plain.to_decimal(u.Hz), atol=1e-9)


def test_a_spectrum_says_what_it_lacks():
    with pytest.raises(ParameterError, match='dt is needed for an array'):
        power_spectrum(np.zeros(100) * u.mV, 10.0 * MS)
    with pytest.raises(ParameterError, match='a Trace has its own times'):
        power_spectrum(Trace(np.arange(5), np.zeros(5), MS), 2.0 * MS, MS)
    with pytest.raises(ParameterError, match='this one has intervals of 1 to 2 steps'):
        power_spectrum(Trace(np.array([0, 1, 3]), np.zeros(3), MS), 2.0 * MS)
    with pytest.raises(ParameterError, match=r'window = 200\. ms is 200 values long, but must be from 2 to the 100'):
        power_spectrum(np.zeros(100), 200.0 * MS, MS)
    with pytest.raises(ShapeError, match='expected'):
        power_spectrum(np.float64(1.0), 2.0 * MS, MS)


EMPTY = {
    'no neurons': BATCH.of(1, 1),
    'no trials': Spikes([], [], 2, 0.1 * MS, 0, STOP, [], 0),
    'no spikes': spikes_of(np.zeros((STOP, 2), bool)),
}


@pytest.mark.parametrize('name', EMPTY)
def test_what_is_not_defined_is_nan(name):
    spikes, rate = EMPTY[name], 0.0 if name == 'no spikes' else np.nan
    assert cv2(spikes).size == lv(spikes).size == 0
    np.testing.assert_array_equal(fanofactor(spikes, 1.0 * MS), np.full(spikes.size, np.nan))
    np.testing.assert_array_equal(fanofactor(spikes), np.full(spikes.size, np.nan))
    assert np.isnan(mean_pairwise_correlation(spikes, 1.0 * MS)) and np.isnan(correlation_coefficient(spikes, 1.0 * MS)).all()
    assert not autocorrelation_histogram(spikes, 1.0 * MS, 3.0 * MS)[1].any()
    assert not cross_correlation_histogram(spikes, spikes, 1.0 * MS, 3.0 * MS)[1].any()
    for _, values in (
        instantaneous_rate(spikes, 1.0 * MS),
        psth(spikes, 5.0 * MS, 1.0 * MS, 2.0 * MS, 2.0 * MS),
        power_spectrum(spikes, 10.0 * MS),
    ):
        np.testing.assert_array_equal(values.to_decimal(u.Hz), np.full(values.shape, rate))
