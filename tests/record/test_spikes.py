"""`Spikes`: events and what can be asked of them, on an example small enough to read."""

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
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


def test_between_in_another_unit_and_of_nothing(spikes):
    np.testing.assert_array_equal(spikes.between(1000.0 * u.us, 4000.0 * u.us).step, [10, 10, 25])
    nothing = spikes.between(1.0 * u.ms, 1.0 * u.ms)
    assert (nothing.start, nothing.stop, len(nothing)) == (10, 10, 0)


PICKS = {
    'slice': (slice(1, 4), [1, 2, 3]),
    'open slice': (slice(-2, None), [2, 3]),
    'every second': (slice(None, None, 2), [0, 2]),
    'one number': (1, [1]),
    'one negative numpy number': (np.int64(-1), [3]),
    'list': ([3, 0], [3, 0]),
    'negative': ([-1], [3]),
    'mask': (np.array([True, False, False, True]), [0, 3]),
    'none': ([], []),
    'tuple of numpy numbers': (np.int8([2, 1]), [2, 1]),
}


@pytest.mark.parametrize('pick', PICKS)
def test_of_takes_what_indexes_an_array(spikes, pick):
    which, neurons = PICKS[pick]
    part = spikes.of(which)
    assert part.size == len(neurons)
    np.testing.assert_array_equal(part.count, spikes.count[neurons])
    keep = np.isin(spikes.i, neurons)
    np.testing.assert_array_equal(part.step, spikes.step[keep])
    np.testing.assert_array_equal(np.array(neurons, int)[part.i], spikes.i[keep])


BAD = {
    'absent neurons': (lambda s: s.of(2, 8), r'Spikes\.of: neurons 2 to 8 are asked for, but there are neurons 0 to 4'),
    'reversed neurons': (lambda s: s.of(3, 2), 'neurons 3 to 2 are asked for'),
    'negative neurons': (lambda s: s.of(-2, 2), 'neurons -2 to 2 are asked for'),
    'half a neuron': (lambda s: s.of(0, 1.5), r'last is 1\.5, but must be an integer'),
    'absent in a list': (lambda s: s.of([0, 4]), 'neurons from 0 to 4 are asked for, but there are 4'),
    'absent in a slice': (lambda s: s.of(slice(2, 8)), r'slice\(2, 8, None\) is asked for, but there are 4 neurons'),
    'absent number': (lambda s: s.of(4), 'neurons from 4 to 4 are asked for, but there are 4'),
    'a float': (lambda s: s.of(1.0), 'give the number of a neuron, the first and the last'),
    'a truth value': (lambda s: s.of(True), 'the mask has shape'),
    'floats': (lambda s: s.of([0.0, 1.0]), 'a list of integers or a mask'),
    'twice': (lambda s: s.of([1, -3]), 'a neuron is named twice'),
    'short mask': (lambda s: s.of([True, False]), r'the mask has shape \(2,\), expected \(4,\)'),
    'late window': (
        lambda s: s.between(20 * u.ms, 30 * u.ms),
        r'between: start = 20 ms is outside of what was recorded, from 0\.? ms to 10\.? ms',
    ),
    'long window': (lambda s: s.between(5 * u.ms, 30 * u.ms), 'between: stop = 30 ms is outside'),
    'reversed window': (lambda s: s.between(5 * u.ms, 3 * u.ms), 'between: start = 5 ms is after stop = 3 ms'),
    'half a step': (lambda s: s.between(0.05 * u.ms, 3 * u.ms), r'between: start = 0\.05 ms must be a multiple of dt'),
    'no time': (lambda s: s.between(0, 3 * u.ms), 'between: start = 0 must be a time'),
    'negative time': (lambda s: s.between(-1 * u.ms, 3 * u.ms), r'between: start = -1 ms must be a multiple of dt = 0\.1 ms, zero or more'),
}


@pytest.mark.parametrize('bad', BAD)
def test_parts_that_there_are_not_are_errors_that_name_the_argument(spikes, bad):
    call, text = BAD[bad]
    with pytest.raises(bst.BrainStateError, match=text):
        call(spikes)


def made(**changes):
    given = {'step': [1, 2], 'i': [0, 1], 'size': 2, 'dt': 0.1 * u.ms, 'start': 0, 'stop': 10}
    return Spikes(**(given | changes))


MADE = {
    'absent neuron': ({'i': [0, 2]}, 'i has numbers from 0 to 2, but must stay between 0 and 1'),
    'step outside': ({'step': [1, 10]}, 'step has numbers from 1 to 10, but must stay between 0 and 9'),
    'lengths': ({'i': [0]}, r'i has shape \(1,\), but step \(2,\)'),
    'float steps': ({'step': [1.0, 2.0]}, 'step has the type float64'),
    'reversed': ({'start': 11}, 'start = 11 is after stop = 10'),
    'half a neuron': ({'size': 2.5}, r'size is 2\.5, but must be an integer'),
    'absent trial': ({'trial': [0, 3], 'n_trials': 2}, 'trial has numbers from 0 to 3'),
}


@pytest.mark.parametrize('bad', MADE)
def test_spikes_that_contradict_themselves_are_an_error(bad):
    changes, text = MADE[bad]
    with pytest.raises(bst.BrainStateError, match=text):
        made(**changes)


def test_spikes_in_another_order_are_sorted():
    spikes = made(step=[5, 1, 5, 3], i=[0, 1, 1, 0], trial=[0, 1, 1, 0], n_trials=2)
    np.testing.assert_array_equal(np.stack([spikes.step, spikes.i, spikes.trial]), [[1, 3, 5, 5], [1, 0, 0, 1], [1, 0, 0, 1]])


def test_times_are_exact_after_a_long_time():
    late = made(step=[10**8, 10**8 + 1], start=10**8, stop=10**8 + 10)
    np.testing.assert_allclose(late.t.to_decimal(u.ms), [1e7, 1e7 + 0.1], rtol=1e-15)
    assert [float(x.to_decimal(u.ms)) for x in (late.t_start, late.t_stop, late.duration)] == pytest.approx(
        [1e7, 1e7 + 1.0, 1.0], rel=1e-12
    )


def test_spikes_are_immutable(spikes):
    with pytest.raises(AttributeError):
        spikes.size = 5


def test_nothing_recorded_is_no_special_case():
    silent = Spikes(np.zeros(0, int), np.zeros(0, int), 3, 0.1 * u.ms, 0, 10)
    assert len(silent) == 0
    np.testing.assert_array_equal(silent.count, [0, 0, 0])
    assert [len(train) for train in silent.spike_trains()] == [0, 0, 0]
    assert len(silent.of(0, 2).between(0.0 * u.ms, 1.0 * u.ms)) == 0
