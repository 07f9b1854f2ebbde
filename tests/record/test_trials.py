"""Spikes of a batch: what is asked of all trials follows from what is asked of each."""

import brainunit as u
import numpy as np
import pytest

from brainpy_state import ParameterError
from brainpy_state.record import Spikes, correlation_coefficient, cv, firing_rates, isi, mean_firing_rate, population_rate

N_TRIALS, SIZE, STOP = 3, 5, 105
RASTER = np.random.default_rng(0).random((STOP, N_TRIALS, SIZE)) < np.array([0.02, 0.2, 0.4])[:, None]
RASTER[:, 1, 3] = False


def spikes_of(raster):
    step, *trial, i = np.nonzero(raster)
    batch = {'trial': trial[0], 'n_trials': raster.shape[1]} if trial else {}
    return Spikes(step, i, raster.shape[-1], 0.1 * u.ms, 0, len(raster), **batch)


BATCH = spikes_of(RASTER)
TRIALS = [spikes_of(RASTER[:, k]) for k in range(N_TRIALS)]


def equal(a, b):
    for name in ('step', 'i', 'trial', 'size', 'start', 'stop', 'n_trials'):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_a_trial_is_what_a_single_run_records():
    for k, trial in enumerate(TRIALS):
        equal(BATCH.of_trial(k), trial)


def test_count_is_for_each_neuron_in_each_trial():
    np.testing.assert_array_equal(BATCH.count, RASTER.sum(0))
    assert len(BATCH) == RASTER.sum()


def test_parts_of_a_batch_are_parts_of_its_trials():
    equal(BATCH.of(1, 4), spikes_of(RASTER[:, :, 1:4]))
    equal(BATCH.between(1.0 * u.ms, 4.0 * u.ms).of_trial(2), TRIALS[2].between(1.0 * u.ms, 4.0 * u.ms))
    assert BATCH.between(1.0 * u.ms, 4.0 * u.ms).duration.to_decimal(u.ms) == pytest.approx(3.0)


def test_spike_trains_are_a_list_for_each_trial():
    trains = BATCH.spike_trains()
    assert [len(each) for each in trains] == [SIZE] * N_TRIALS
    for found, trial in zip(trains, TRIALS, strict=True):
        for a, b in zip(found, trial.spike_trains(), strict=True):
            np.testing.assert_array_equal(a.to_decimal(u.ms), b.to_decimal(u.ms))


def test_rates_are_means_over_trials():
    mean = np.mean([mean_firing_rate(trial).to_decimal(u.Hz) for trial in TRIALS])
    np.testing.assert_allclose(mean_firing_rate(BATCH).to_decimal(u.Hz), mean, rtol=1e-6)
    rates = np.mean([firing_rates(trial).to_decimal(u.Hz) for trial in TRIALS], axis=0)
    np.testing.assert_allclose(firing_rates(BATCH).to_decimal(u.Hz), rates, rtol=1e-12)
    t, rate = population_rate(BATCH, 2.0 * u.ms)
    mean = np.mean([population_rate(trial, 2.0 * u.ms)[1].to_decimal(u.Hz) for trial in TRIALS], axis=0)
    np.testing.assert_allclose(rate.to_decimal(u.Hz), mean, rtol=1e-6)
    assert t.shape == (5,)


def test_intervals_and_their_variation_are_those_of_each_trial():
    neuron, interval = isi(BATCH)
    wanted = [isi(trial) for trial in TRIALS]
    np.testing.assert_array_equal(neuron, np.concatenate([each for each, _ in wanted]))
    np.testing.assert_array_equal(interval.to_decimal(u.ms), np.concatenate([each.to_decimal(u.ms) for _, each in wanted]))
    wanted = [cv(trial) for trial in TRIALS]
    assert len({len(each) for each in wanted}) == N_TRIALS  # some trains have too few spikes
    np.testing.assert_array_equal(cv(BATCH), np.concatenate(wanted))


def test_correlations_are_over_the_bins_of_all_trials():
    counts = RASTER[:100].reshape(5, 20, N_TRIALS, SIZE).sum(1)  # the last half bin of each trial is left out
    wanted = np.corrcoef(counts.transpose(2, 1, 0).reshape(SIZE, -1))
    np.testing.assert_allclose(correlation_coefficient(BATCH, 2.0 * u.ms), wanted, rtol=1e-12)


def test_a_batch_of_one_trial_keeps_its_axis():
    one = spikes_of(RASTER[:, 2:])
    assert one.count.shape == (1, SIZE)
    assert mean_firing_rate(one) == mean_firing_rate(TRIALS[2])
    np.testing.assert_array_equal(cv(one), cv(TRIALS[2]))


def test_a_silent_batch_is_no_special_case():
    silent = spikes_of(np.zeros((STOP, N_TRIALS, SIZE), bool))
    np.testing.assert_array_equal(silent.count, np.zeros((N_TRIALS, SIZE)))
    assert [len(train) for each in silent.spike_trains() for train in each] == [0] * N_TRIALS * SIZE
    assert cv(silent).size == isi(silent)[0].size == len(silent.of_trial(1)) == 0


@pytest.mark.parametrize('trial', [-1, N_TRIALS])
def test_a_trial_that_there_is_not_is_an_error(trial):
    with pytest.raises(ParameterError, match=f'trial is {trial}, but must be from 0 to 2'):
        BATCH.of_trial(trial)


def test_spikes_without_a_batch_have_no_trials():
    with pytest.raises(ParameterError, match='without a batch'):
        TRIALS[0].of_trial(0)
    with pytest.raises(ParameterError, match='trial is 1.0, but must be an integer'):
        BATCH.of_trial(1.0)
    with pytest.raises(ParameterError, match='both trial and n_trials'):
        Spikes(np.zeros(1, int), np.zeros(1, int), 3, 0.1 * u.ms, 0, 10, trial=np.zeros(1, int))
