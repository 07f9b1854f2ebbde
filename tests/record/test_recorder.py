"""`SpikeRecorder`: spikes as events, inside compiled code."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.record import SpikeRecorder
from brainpy_state.transform import for_loop, jit

RASTER = np.random.default_rng(0).random((30, 5)) < 0.2


def record(recorder, raster, first=0):
    def step(i, spikes):
        with bst.environ.context(i=i):
            recorder(spikes)

    for_loop(step, jnp.arange(first, first + len(raster)), jnp.asarray(raster, jnp.float32))


def test_events_are_those_of_the_raster_in_the_order_of_time(dt):
    recorder = SpikeRecorder(5)
    record(recorder, RASTER)
    spikes = recorder.spikes(0, 30)
    step, neuron = np.nonzero(RASTER)
    np.testing.assert_array_equal(spikes.step, step)
    np.testing.assert_array_equal(spikes.i, neuron)
    assert (spikes.size, spikes.dt, spikes.start, spikes.stop) == (5, dt, 0, 30)


def test_emptying_it_between_loops_changes_nothing(dt):
    whole, parts = SpikeRecorder(5), SpikeRecorder(5)
    record(whole, RASTER)
    whole.drain()
    for first in range(0, 30, 10):
        record(parts, RASTER[first : first + 10], first)
        parts.drain()
    a, b = whole.spikes(0, 30), parts.spikes(0, 30)
    np.testing.assert_array_equal(a.step, b.step)
    np.testing.assert_array_equal(a.i, b.i)


def test_what_was_not_emptied_is_not_lost(dt):
    recorder = SpikeRecorder(5)
    record(recorder, RASTER[:10])
    record(recorder, RASTER[10:], 10)
    recorder.drain()
    assert len(recorder.spikes(0, 30)) == RASTER.sum()


def test_more_spikes_than_it_holds_are_counted(dt):
    recorder = SpikeRecorder(5, capacity=4)
    record(recorder, RASTER)
    assert int(recorder.count.value) == RASTER.sum() > 4
    with pytest.raises(
        bst.BrainStateError, match=rf'SpikeRecorder: {RASTER.sum()} events were recorded, but it holds 2, the others are lost'
    ):
        recorder.drain()


@pytest.mark.parametrize(('before', 'after'), [(4, 14), (13, 14), (14, 14), (100, 100)])
def test_reserve_makes_room_for_two_steps_and_never_shrinks(before, after):
    recorder = SpikeRecorder(5, capacity=before)  # a step may need 5 rows and 2 marks
    recorder.reserve()
    assert recorder.capacity == after


def test_reserve_loses_nothing(dt):
    recorder = SpikeRecorder(5, capacity=13)
    record(recorder, RASTER[:2])
    recorder.reserve()
    record(recorder, RASTER[2:4], 2)
    assert len(recorder.spikes(0, 4)) == RASTER[:4].sum()


def test_it_is_full_when_all_neurons_of_all_trials_might_not_fit(dt):
    recorder = bst.nn.init_all_states(SpikeRecorder(5, capacity=35), batch_size=4)
    full = []
    for i in range(4):
        with bst.environ.context(i=i):
            recorder(jnp.eye(4, 5))
        full.append(bool(recorder.full.value))
    # 4, 8 and then 12 events are held, and 2 rows since the first step follows none; a step may need 20 and 2
    assert full == [False, False, True, True]


def test_only_the_steps_asked_for_are_given(dt):
    recorder = SpikeRecorder(5)
    record(recorder, RASTER)
    recorder.drain()
    part = recorder.spikes(10, 20)
    np.testing.assert_array_equal(part.step, 10 + np.nonzero(RASTER[10:20])[0])
    np.testing.assert_array_equal(part.count, RASTER[10:20].sum(0))


SHAPES = {
    'no batch, but one expected': ((5,), 4, r'\(5,\), expected \(4, 5\), for 5 neurons and batch_size=4; .*init_all_states\(recorder\)'),
    'another batch': ((3, 5), 4, r'\(3, 5\), expected \(4, 5\), .*init_all_states\(recorder, batch_size=3\)'),
    'a batch, but none expected': ((4, 5), None, r'\(4, 5\), expected \(5,\), for 5 neurons without a batch; .*batch_size=4\)'),
    'batch last': ((5, 4), 4, r'\(5, 4\), expected \(4, 5\), for 5 neurons and batch_size=4\.(\n|$)'),
    'other neurons': ((6,), None, r'\(6,\), expected \(5,\), for 5 neurons without a batch\.(\n|$)'),
    'flat batch': ((20,), 4, r'\(20,\), expected \(4, 5\), for 5 neurons and batch_size=4\.(\n|$)'),
    'a number': ((), None, r'\(\), expected \(5,\)'),
}


@pytest.mark.parametrize('shape', SHAPES)
def test_another_shape_is_an_error_that_says_how_to_initialise(shape, dt):
    given, batch_size, text = SHAPES[shape]
    recorder = bst.nn.init_all_states(SpikeRecorder(5), batch_size=batch_size)
    with bst.environ.context(i=0), pytest.raises(bst.ShapeError, match=r'SpikeRecorder: spikes have shape ' + text):
        jit(recorder)(jnp.zeros(given))


def test_more_neurons_than_can_be_numbered_are_an_error():
    recorder = SpikeRecorder(1 << 20)
    with pytest.raises(bst.ParameterError, match='batch_size = 2048 trials of 1048576 neurons are more than'):
        bst.nn.init_all_states(recorder, batch_size=2048)
    assert recorder.batch_size is None


def test_an_initialisation_that_fails_forgets_nothing(dt):
    recorder = SpikeRecorder(5)
    record(recorder, RASTER)
    recorder.drain()

    class Fails(bst.nn.Module):
        recorder: SpikeRecorder

        def init_state(self, **kwargs):
            raise KeyError('on purpose')

    model = Fails()
    model.recorder = recorder
    with pytest.raises(KeyError, match='on purpose'):
        bst.nn.init_all_states(model, batch_size=2)
    assert recorder.batch_size is None
    assert len(recorder.spikes(0, 30)) == RASTER.sum()


def test_initialising_forgets_everything(dt):
    recorder = SpikeRecorder(5)
    record(recorder, RASTER)
    recorder.drain()
    record(recorder, RASTER)
    bst.nn.init_all_states(recorder)
    with pytest.raises(bst.BrainStateError, match='SpikeRecorder: it has recorded no step; call it in each step'):
        recorder.spikes()
    record(recorder, RASTER[:10])
    assert len(recorder.spikes()) == RASTER[:10].sum()


def test_the_number_of_the_step_is_needed():
    with pytest.raises(KeyError, match="'i' is not set"):
        SpikeRecorder(2)(jnp.zeros(2))


def test_it_records_in_a_compiled_step_without_tracing_again(dt):
    recorder, traces = SpikeRecorder(3), []

    @jit
    def step(spikes):
        traces.append(spikes)
        recorder(spikes)

    for i in (3, 7):
        with bst.environ.context(i=i):
            step(jnp.array([0.0, 1.0, 0.0]))
    for i in (3, 7):  # what is between them was not recorded
        np.testing.assert_array_equal(recorder.spikes(i, i + 1).i, [1])
    assert len(traces) == 1


@pytest.mark.slow
def test_recording_does_not_disturb_gradients(dt):
    recorder, neuron = SpikeRecorder(2), bst.LIF(2)

    def loss(scale, watched):
        bst.nn.init_all_states(neuron)

        def step(i):
            spikes = neuron(scale * 3.0 * u.mA)
            if watched:
                with bst.environ.context(i=i):
                    recorder(spikes)
            return spikes

        return jnp.sum(for_loop(step, jnp.arange(40)))

    plain, watched = (bst.transform.grad(lambda s, w=w: loss(s, w))(1.0) for w in (False, True))
    assert float(plain) == float(watched) != 0.0
