"""`Spikes`: events and what can be asked of them, on an example small enough to read."""

import brainunit as u
import numpy as np
import pytest

from brainpy_state.record import Spikes


@pytest.fixture
def spikes():
    """Four neurons over 100 steps of 0.1 ms; neuron 2 is silent."""
    step = np.array([0, 10, 10, 25, 40, 55, 99])
    i = np.array([1, 0, 3, 1, 0, 0, 3])
    return Spikes(step, i, 4, 0.1 * u.ms, 0, 100)


def test_length_is_the_number_of_spikes(spikes):
    assert len(spikes) == 7


def test_time_of_a_spike_is_the_start_of_its_step(spikes):
    np.testing.assert_allclose(spikes.t.to_decimal(u.ms), [0.0, 1.0, 1.0, 2.5, 4.0, 5.5, 9.9])


def test_count_is_for_each_neuron(spikes):
    np.testing.assert_array_equal(spikes.count, [3, 2, 0, 2])


def test_duration_is_that_of_the_recording(spikes):
    assert spikes.duration.to_decimal(u.ms) == pytest.approx(10.0)


def test_spike_trains_are_the_times_of_each_neuron(spikes):
    trains = [train.to_decimal(u.ms) for train in spikes.spike_trains()]
    assert len(trains) == 4
    for train, expected in zip(trains, [[1.0, 4.0, 5.5], [0.0, 2.5], [], [1.0, 9.9]], strict=True):
        np.testing.assert_allclose(train, expected)


def test_of_takes_some_neurons_and_numbers_them_from_zero(spikes):
    part = spikes.of(1, 4)
    assert part.size == 3
    np.testing.assert_array_equal(part.i, [0, 2, 0, 2])
    np.testing.assert_array_equal(part.step, [0, 10, 25, 99])
    assert (part.start, part.stop) == (0, 100)
    assert len(spikes.of(2, 3)) == 0


def test_parts_add_up_to_the_whole(spikes):
    assert len(spikes.of(0, 2)) + len(spikes.of(2, 4)) == len(spikes)
    assert len(spikes.between(0 * u.ms, 4 * u.ms)) + len(spikes.between(4 * u.ms, 10 * u.ms)) == len(spikes)


def test_between_takes_the_first_time_and_leaves_the_last(spikes):
    part = spikes.between(1.0 * u.ms, 4.0 * u.ms)
    np.testing.assert_array_equal(part.step, [10, 10, 25])
    assert (part.start, part.stop) == (10, 40)
    assert part.duration.to_decimal(u.ms) == pytest.approx(3.0)


def test_between_in_another_unit_and_beyond_the_recording(spikes):
    np.testing.assert_array_equal(spikes.between(1000.0 * u.us, 4000.0 * u.us).step, [10, 10, 25])
    everything = spikes.between(0.0 * u.ms, 1.0 * u.second)
    assert (everything.start, everything.stop, len(everything)) == (0, 100, 7)


def test_spikes_are_immutable(spikes):
    with pytest.raises(AttributeError):
        spikes.size = 5


def test_nothing_recorded_is_no_special_case():
    silent = Spikes(np.zeros(0, int), np.zeros(0, int), 3, 0.1 * u.ms, 0, 10)
    assert len(silent) == 0
    np.testing.assert_array_equal(silent.count, [0, 0, 0])
    assert [len(train) for train in silent.spike_trains()] == [0, 0, 0]
    assert len(silent.of(0, 2).between(0.0 * u.ms, 1.0 * u.ms)) == 0
