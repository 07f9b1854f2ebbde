"""Rates and intervals against values worked out by hand."""

import time

import brainunit as u
import numpy as np
import pytest

from brainpy_state import ParameterError
from brainpy_state.record import Spikes, correlation_coefficient, cv, firing_rates, isi, mean_firing_rate, population_rate


def spikes_of(*trains, stop=100, start=0, dt=0.1 * u.ms):
    """Spikes from the steps at which each neuron fires."""
    step = np.concatenate([np.asarray(t, int) for t in trains])
    i = np.repeat(np.arange(len(trains)), [len(t) for t in trains])
    order = np.argsort(step, kind='stable')
    return Spikes(step[order], i[order], len(trains), dt, start, stop)


def test_mean_firing_rate_counts_silent_neurons():
    # 3 spikes of 2 neurons in 10 ms
    rate = mean_firing_rate(spikes_of([10, 20, 30], []))
    assert u.get_unit(rate) == u.Hz
    assert float(rate.to_decimal(u.Hz)) == pytest.approx(150.0)


def test_mean_firing_rate_of_a_window_uses_its_duration():
    spikes = spikes_of([10, 20, 30], [15])
    # steps 15 to 35: 3 spikes of 2 neurons in 2 ms
    assert float(mean_firing_rate(spikes.between(1.5 * u.ms, 3.5 * u.ms)).to_decimal(u.Hz)) == pytest.approx(750.0)


def test_population_rate_counts_in_bins():
    t, rate = population_rate(spikes_of([0, 1, 10], [19, 20], stop=35), 1.0 * u.ms)
    np.testing.assert_allclose(t.to_decimal(u.ms), [0.0, 1.0, 2.0])  # the last half bin is left out
    # 2, 2 and 1 spikes of 2 neurons in 1 ms
    np.testing.assert_allclose(rate.to_decimal(u.Hz), [1000.0, 1000.0, 500.0])


def test_population_rate_starts_with_the_recording():
    t, rate = population_rate(spikes_of([20, 25, 39], start=20, stop=40), 1.0 * u.ms)
    np.testing.assert_allclose(t.to_decimal(u.ms), [2.0, 3.0])
    np.testing.assert_allclose(rate.to_decimal(u.Hz), [2000.0, 1000.0])


def test_population_rate_takes_a_bin_in_another_unit():
    spikes = spikes_of([0, 1, 10], [19, 20], stop=40)
    for a, b in zip(population_rate(spikes, 1.0 * u.ms), population_rate(spikes, 1000.0 * u.us), strict=True):
        np.testing.assert_allclose(a.to_decimal(u.get_unit(b)), b.mantissa)


@pytest.mark.parametrize('bin_size', [0.01, 0.25, 0.0])
def test_a_bin_that_is_no_multiple_of_dt_is_an_error_that_names_both(bin_size):
    with pytest.raises(ParameterError, match=rf'bin_size = {bin_size or "0."} ms must be a multiple of dt = 0\.1 ms'):
        population_rate(spikes_of([1]), bin_size * u.ms)


def test_mean_of_the_population_rate_is_the_mean_rate():
    spikes = spikes_of([3, 40, 77], [12], [], stop=100)
    _, rate = population_rate(spikes, 2.0 * u.ms)
    assert rate.to_decimal(u.Hz).mean() == pytest.approx(float(mean_firing_rate(spikes).to_decimal(u.Hz)))


def test_intervals_are_within_neurons():
    neuron, interval = isi(spikes_of([1, 4, 9], [2], [0, 50]))
    assert neuron.tolist() == [0, 0, 2]
    np.testing.assert_allclose(interval.to_decimal(u.ms) * 10, [3, 5, 50], rtol=1e-12)


def test_cv_of_a_regular_train_is_zero():
    np.testing.assert_allclose(cv(spikes_of(range(0, 100, 7))), [0.0], atol=1e-12)


def test_cv_is_standard_deviation_over_mean_of_each_neuron():
    a, b = [0, 10, 30, 60], [5, 6, 8, 12, 20]
    expected = [np.std(np.diff(train)) / np.mean(np.diff(train)) for train in (a, b)]
    np.testing.assert_allclose(cv(spikes_of(a, [1, 2], b)), expected)


@pytest.mark.parametrize(('least', 'kept'), [(3, 3), (4, 2), (5, 1)])
def test_cv_leaves_out_neurons_with_few_spikes(least, kept):
    assert cv(spikes_of([0, 1, 3], [0, 1, 3, 6], [0, 1, 3, 6, 10], [0, 5]), min_spikes=least).size == kept


def test_cv_of_a_poisson_train_is_about_one():
    steps = np.cumsum(np.random.default_rng(0).geometric(0.01, 5000))
    value = cv(spikes_of(steps, stop=int(steps[-1]) + 1))
    # standard error of the CV of 5,000 exponential intervals is about 1 / sqrt(5000)
    assert float(value[0]) == pytest.approx(1.0, abs=4 / np.sqrt(5000))


def test_nothing_recorded_gives_no_intervals():
    silent = spikes_of([], [])
    assert isi(silent)[1].size == 0
    assert cv(silent).size == 0
    assert float(mean_firing_rate(silent).to_decimal(u.Hz)) == 0.0
    assert population_rate(silent, 1.0 * u.ms)[1].to_decimal(u.Hz).sum() == 0.0


def test_correlations_are_those_of_the_spike_counts():
    # counts in bins of 2 ms: 1 0 2 0 1, 1 0 1 0 0, silent, 1 1 1 1 1; the spike at step 103 is in no complete bin
    spikes = spikes_of([3, 41, 59, 99, 103], [19, 40], [], [0, 20, 40, 60, 80], stop=105)
    found = correlation_coefficient(spikes, 2.0 * u.ms)
    expected = np.corrcoef([1, 0, 2, 0, 1], [1, 0, 1, 0, 0])
    np.testing.assert_allclose(found[:2, :2], expected, rtol=1e-12)
    assert np.isnan(found[2:]).all() and np.isnan(found[:, 2:]).all()


def test_correlations_name_a_bin_that_does_not_fit():
    with pytest.raises(ParameterError, match='correlation_coefficient: bin_size'):
        correlation_coefficient(spikes_of([1]), 0.25 * u.ms)


def test_rates_are_for_each_neuron():
    rates = firing_rates(spikes_of([10, 20, 30], [], [5]))
    assert u.get_unit(rates) == u.Hz
    np.testing.assert_allclose(rates.to_decimal(u.Hz), [300.0, 0.0, 100.0])


def test_several_spikes_in_a_step_count_each_and_have_intervals_of_nothing():
    spikes = spikes_of([10, 10, 10, 20], [5, 5, 5, 5])
    assert float(mean_firing_rate(spikes).to_decimal(u.Hz)) == pytest.approx(400.0)
    np.testing.assert_allclose(isi(spikes)[1].to_decimal(u.ms) * 10, [0, 0, 10, 0, 0, 0], rtol=1e-12)
    found = cv(spikes)
    assert found[0] == pytest.approx(np.sqrt(2.0))  # of 0, 0 and 10
    assert np.isnan(found[1])


EMPTY = {
    'no neurons': lambda: spikes_of([1], [2, 3, 5, 8]).of(2, 2),
    'no duration': lambda: spikes_of([1], [2, 3, 5, 8]).between(2.0 * u.ms, 2.0 * u.ms),
    'no spikes': lambda: spikes_of([], []),
    'one spike': lambda: spikes_of([1], []),
    'no trials': lambda: Spikes([], [], 2, 0.1 * u.ms, 0, 100, [], 0),
}


@pytest.mark.parametrize('name', EMPTY)
def test_what_is_not_defined_is_nan_and_what_is_has_its_value(name):
    spikes = EMPTY[name]()
    defined = name in ('no spikes', 'one spike')
    rate = 50.0 * len(spikes)  # of two neurons in 10 ms
    np.testing.assert_allclose(float(mean_firing_rate(spikes).to_decimal(u.Hz)), rate if defined else np.nan)
    rates = firing_rates(spikes).to_decimal(u.Hz)
    np.testing.assert_allclose(rates, [100.0 * n for n in spikes.count] if defined else np.full(spikes.size, np.nan))
    assert isi(spikes)[0].size == isi(spikes)[1].size == cv(spikes).size == 0
    trains = spikes.spike_trains()
    assert len(trains) == (0 if name == 'no trials' else spikes.size)
    if name == 'no duration':
        for measure in (population_rate, correlation_coefficient):
            with pytest.raises(ParameterError, match=rf'{measure.__name__}: bin_size = 1\. ms is longer than the record, 0\. ms'):
                measure(spikes, 1.0 * u.ms)
    else:
        t, rate = population_rate(spikes, 1.0 * u.ms)
        assert t.shape == rate.shape == (10,)
        assert np.isnan(rate.to_decimal(u.Hz)).all() == (not defined)
        assert correlation_coefficient(spikes, 1.0 * u.ms).shape == (spikes.size, spikes.size)


def test_a_bin_as_long_as_the_record_is_one_bin_and_correlates_nothing():
    spikes = spikes_of([3, 9], [4])
    assert population_rate(spikes, 10.0 * u.ms)[1].to_decimal(u.Hz).tolist() == pytest.approx([150.0])
    assert np.isnan(correlation_coefficient(spikes, 10.0 * u.ms)).all()
    with pytest.raises(ParameterError, match=r'bin_size = 10\.1 ms is longer than the record, 10\. ms'):
        population_rate(spikes, 10.1 * u.ms)


def test_the_cv_needs_two_intervals():
    with pytest.raises(ParameterError, match='cv: min_spikes is 2, but must be 3 or more'):
        cv(spikes_of([1, 2, 3]), min_spikes=2)


def test_the_cv_of_long_intervals_loses_no_digits():
    steps = np.cumsum([10**8 + 1, 10**8 - 1, 10**8 + 1, 10**8 - 1])
    assert cv(spikes_of(steps, stop=int(steps[-1]) + 1), 3)[0] == pytest.approx(np.std(np.diff(steps)) / np.mean(np.diff(steps)), rel=1e-12)


def test_millions_of_spikes_are_measured_without_a_loop_over_neurons():
    rng = np.random.default_rng(0)
    step = np.sort(rng.integers(0, 10**6, 10**6, dtype=np.int32))
    spikes = Spikes(step, rng.integers(0, 10**5, 10**6, dtype=np.int32), 10**5, 0.1 * u.ms, 0, 10**6)
    start = time.process_time()
    assert isi(spikes)[0].size + np.count_nonzero(spikes.count) == 10**6
    assert cv(spikes).mean() == pytest.approx(0.8, abs=0.1)  # biased low: some ten spikes a neuron
    assert firing_rates(spikes).shape == (10**5,)
    assert population_rate(spikes, 5.0 * u.ms)[0].shape == (20_000,)
    assert time.process_time() - start < 3.0  # a loop over neurons that did anything would take longer
