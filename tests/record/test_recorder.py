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
    recorder.drain()
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


@pytest.mark.parametrize(('wanted', 'capacity'), [(3, 4), (4, 4), (5, 8), (1000, 1024)])
def test_reserve_makes_room_and_never_shrinks(wanted, capacity):
    recorder = SpikeRecorder(5, capacity=4)
    recorder.reserve(wanted)
    assert recorder.capacity == capacity


def test_initialising_forgets_everything(dt):
    recorder = SpikeRecorder(5)
    record(recorder, RASTER)
    recorder.drain()
    record(recorder, RASTER)
    bst.nn.init_all_states(recorder)
    recorder.drain()
    assert len(recorder.spikes(0, 30)) == 0


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
    recorder.drain()
    spikes = recorder.spikes(0, 10)
    np.testing.assert_array_equal(spikes.step, [3, 7])
    np.testing.assert_array_equal(spikes.i, [1, 1])
    assert len(traces) == 1


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
