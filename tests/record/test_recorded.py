"""What a recorder refuses, and what it knows of its steps: spikes are never lost, counted twice or made of other signals."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BrainStateError, ParameterError, event
from brainpy_state.record import SpikeRecorder
from brainpy_state.transform import for_loop, jit, vmap

NUMBERS = np.random.default_rng(0).poisson(0.3, (12, 4, 6))  # spikes of four trials of six neurons


def expected(numbers):
    """Step, trial and neuron of each spike."""
    where = np.nonzero(numbers)
    return np.repeat(np.stack(where), numbers[where], axis=1)


def feed(call, numbers, first=0):
    def step(i, x):
        with bst.environ.context(i=i):
            call(x)

    for_loop(step, jnp.arange(first, first + len(numbers)), jnp.asarray(numbers))


def batch(numbers):
    recorder = bst.nn.init_all_states(SpikeRecorder(6), batch_size=4)
    feed(recorder, numbers)
    return recorder


def lanes(numbers):
    recorder = bst.nn.vmap_init_all_states(SpikeRecorder(6), axis_size=4)
    feed(vmap(recorder), numbers)
    return recorder


def lanes_around_the_loop(numbers):
    recorder = SpikeRecorder(6)
    vmap(lambda x: feed(recorder, x), in_axes=1)(jnp.asarray(numbers))
    return recorder


def lanes_of_lanes(numbers):
    recorder = SpikeRecorder(6)
    feed(vmap(vmap(recorder)), numbers.reshape(-1, 2, 2, 6))
    return recorder


def batches_in_lanes(numbers):
    recorder = SpikeRecorder(6)
    bst.nn.vmap_init_all_states(recorder, axis_size=2, batch_size=2)
    feed(vmap(recorder, in_states=recorder.states()), numbers.reshape(-1, 2, 2, 6))
    return recorder


@pytest.mark.quick('^(batch|lanes)-numba')
@pytest.mark.parametrize('backend', ['numba', 'xla'])
@pytest.mark.parametrize('record', [batch, lanes, lanes_around_the_loop, lanes_of_lanes, batches_in_lanes])
def test_n_spikes_in_a_step_are_n_events_in_any_kind_of_batch(record, backend, dt):
    with event.use_backend(backend):
        recorder = record(NUMBERS.astype('float32'))
        spikes = recorder.spikes()
    assert recorder.events.value.shape == (recorder.capacity, 3)  # lanes share it, which is what makes them cheap
    assert (spikes.size, spikes.n_trials, spikes.start, spikes.stop) == (6, 4, 0, 12)
    np.testing.assert_array_equal(np.stack([spikes.step, spikes.trial, spikes.i]), expected(NUMBERS))
    np.testing.assert_array_equal(spikes.count, NUMBERS.sum(0))


@pytest.mark.quick('bool|int8|float16')
@pytest.mark.parametrize('dtype', ['bool', 'int8', 'int32', 'uint16', 'float16', 'float64'])
def test_numbers_of_spikes_have_any_type(dtype, x64, dt):
    numbers = NUMBERS[:, 0].astype(dtype)
    recorder = SpikeRecorder(6)
    feed(recorder, numbers)
    np.testing.assert_array_equal(recorder.spikes().count, numbers.astype(int).sum(0))


def test_lanes_that_fire_alike_are_trials_of_their_own(dt):
    recorder = SpikeRecorder(3)
    bst.run(vmap(lambda: recorder(jnp.ones(3)), axis_size=5), 1.0 * u.ms)
    np.testing.assert_array_equal(recorder.spikes().count, np.full((5, 3), 10))


def test_one_lane_is_a_batch_of_one(dt):
    recorder = SpikeRecorder(3)
    feed(vmap(recorder), np.ones((2, 1, 3), 'float32'))
    assert recorder.spikes().count.tolist() == [[2, 2, 2]]


@pytest.mark.quick('numba')
@pytest.mark.parametrize('backend', ['numba', 'xla'])
@pytest.mark.parametrize(('value', 'text'), [(-1.0, '-1'), (0.3, '0.3'), (np.nan, 'nan'), (np.inf, 'inf'), (1e6, '1e[+]06'), (1.5, '1.5')])
def test_what_is_no_number_of_spikes_is_an_error_that_names_it(value, text, backend, dt):
    recorder = SpikeRecorder(6, name='E')
    numbers = np.array(NUMBERS[:, 0], 'float32')
    numbers[7, 4] = value
    with event.use_backend(backend):
        feed(recorder, numbers)
    for _ in range(2):  # asking again does not make them spikes
        with pytest.raises(
            BrainStateError, match=rf"SpikeRecorder 'E': neuron 4 gave the value {text} in step 7, which is no number of spikes"
        ):
            recorder.spikes()


def test_a_graded_signal_ends_a_run_with_an_error_that_names_the_trial(dt):
    recorder = bst.nn.init_all_states(SpikeRecorder(2), batch_size=3)
    with pytest.raises(BrainStateError, match='neuron 1 of trial 2 gave the value 0.5 in step 0'):
        bst.run(lambda: recorder(jnp.array([[0, 0], [1, 0], [0, 0.5]])), 1.0 * u.ms)


@pytest.mark.parametrize('spikes', [1.0 * u.mV, jnp.array([1.0 + 0j])])
def test_what_has_a_unit_or_is_complex_is_no_spike(spikes, dt):
    with bst.environ.context(i=0), pytest.raises(TypeError, match='SpikeRecorder: spikes ha(s|ve) '):
        SpikeRecorder(1)(spikes * jnp.ones(1))


def test_runs_that_follow_each_other_are_one_record(dt):
    recorder = SpikeRecorder(2)
    bst.run(lambda: recorder(jnp.ones(2)), 1.0 * u.ms)
    assert len(recorder.spikes(0, 10)) == len(recorder.spikes(0, 10)) == 20
    bst.run(lambda: recorder(jnp.ones(2)), 1.0 * u.ms, start=1.0 * u.ms)
    assert len(recorder.spikes()) == 40


@pytest.mark.parametrize('spikes', [0.0, 1.0])
def test_a_second_run_from_the_start_is_refused(spikes, dt):
    recorder = SpikeRecorder(2, name='E')

    def run(**options):
        bst.run(lambda: recorder(jnp.full(2, spikes)), 1.0 * u.ms, **options)

    run()
    for start in (None, 0.5 * u.ms):
        with pytest.raises(ParameterError, match=r"run: start = .* ms is not after what SpikeRecorder 'E' has .* go on with start=1\.? ms"):
            run(start=start)
    assert len(recorder.spikes(0, 10)) == 20 * spikes
    for clear in (bst.nn.init_all_states, bst.nn.reset_all_states):
        clear(recorder)
        run()
        assert len(recorder.spikes(0, 10)) == 20 * spikes


def test_a_loop_that_begins_again_is_refused_when_spikes_are_asked_for(dt):
    recorder = SpikeRecorder(2, name='E')

    def step(i):
        with bst.environ.context(i=i):
            recorder(jnp.ones(2))

    bst.transform.for_loop(step, jnp.arange(10))
    bst.transform.for_loop(step, jnp.arange(5, 15))
    with pytest.raises(BrainStateError, match=r'step 5 came after step 9; give `run` the `start='):
        recorder.spikes()


def test_a_reset_keeps_trials_and_lanes(dt):
    for recorder, call in ((b := batch(NUMBERS), b), (v := lanes(NUMBERS), vmap(v))):
        bst.nn.reset_all_states(recorder)
        feed(call, NUMBERS)
        np.testing.assert_array_equal(recorder.spikes().count, NUMBERS.sum(0))


@pytest.mark.parametrize('emptied', [True, False])
def test_runs_that_go_on_join_and_gaps_are_known(emptied, dt):
    recorder = SpikeRecorder(2)
    for first in (0, 10, 30):
        feed(recorder, np.ones((10, 2), 'float32'), first)
        if emptied:
            recorder.drain()
    joined = recorder.spikes(0, 20)
    assert (joined.start, joined.stop, len(joined)) == (0, 20, 40)
    assert len(recorder.spikes(30, 40)) == 20
    for window in ((0, 40), (15, 35), (20, 30), (None, None), (5, 41)):
        with pytest.raises(ParameterError, match='are asked for, but recorded are steps 0 to 20, 30 to 40'):
            recorder.spikes(*window)


@pytest.mark.parametrize(
    ('window', 'text'),
    [((0, 13), 'start = 0 to stop = 13'), ((-1, 5), 'start = -1'), ((5, 3), 'start = 5 to stop = 3'), ((0.5, 3), 'start is 0.5')],
)
def test_steps_that_were_not_recorded_cannot_be_asked_for(window, text, dt):
    with pytest.raises(ParameterError, match=text):
        batch(NUMBERS).spikes(*window)


def test_two_calls_in_one_step_are_an_error(dt):
    recorder = SpikeRecorder(2)
    for _ in range(2):
        with bst.environ.context(i=3):
            recorder(jnp.zeros(2))
    with pytest.raises(BrainStateError, match='step 3 came after step 3'):
        recorder.spikes()


def test_it_knows_its_time_step_and_refuses_another():
    recorder = SpikeRecorder(2)
    step = jit(lambda: recorder(jnp.ones(2)))
    with bst.environ.context(dt=0.1 * u.ms, i=0):
        step()
    assert recorder.spikes().dt == 0.1 * u.ms  # also where none is set
    with bst.environ.context(dt=100.0 * u.us):
        assert len(recorder.spikes(0, 1)) == 2
    with bst.environ.context(dt=0.2 * u.ms):
        with pytest.raises(ParameterError, match=r'SpikeRecorder: dt is 0\.2 ms, but SpikeRecorder has recorded with dt = 0\.1 ms'):
            recorder.spikes()
        with pytest.raises(ParameterError, match=r'run: dt is 0\.2 ms, but SpikeRecorder has recorded with dt = 0\.1 ms'):
            bst.run(lambda: recorder(jnp.ones(2)), 1.0 * u.ms, start=1.0 * u.ms)
        with bst.environ.context(i=1):
            step()
    with pytest.raises(BrainStateError, match=r'dt was 0\.1 ms and then 0\.2 ms'):
        recorder.spikes()
    for dt in (0.2 * u.ms, 0.1 * u.ms):  # programs that were compiled for each are used again
        bst.nn.init_all_states(recorder)
        with bst.environ.context(dt=dt, i=0):
            step()
        assert recorder.spikes().dt == dt


def test_a_change_of_lanes_is_an_error(dt):
    recorder = SpikeRecorder(6)
    feed(vmap(recorder), NUMBERS)
    feed(vmap(recorder), NUMBERS[:, :2], first=12)
    with pytest.raises(BrainStateError, match='it had spikes of 24 neurons in all trials, and then of 12'):
        recorder.spikes()


def test_spikes_cannot_be_asked_for_while_a_step_is_traced(dt):
    recorder = batch(NUMBERS)
    with pytest.raises(bst.TraceContextError, match='only, not while it is traced'):
        jit(lambda: len(recorder.spikes()))()


@pytest.mark.parametrize(('size', 'capacity'), [(0, 5), (2, 0), (1.5, 5), (2, -1)])
def test_sizes_are_numbers_of_one_or_more(size, capacity):
    with pytest.raises(ParameterError, match='SpikeRecorder: (size|capacity) is '):
        SpikeRecorder(size, capacity)


def test_devices_do_not_share_a_recorder(dt):
    recorder, spec = SpikeRecorder(2), jax.sharding.PartitionSpec('i')
    mesh = jax.make_mesh((1,), ('i',))
    with bst.environ.context(i=0), pytest.raises(bst.BatchAxisError, match='gathers what lanes write to it, which devices cannot do'):
        bst.transform.shard_map(lambda x: (recorder(x[0]), x)[1], mesh=mesh, in_specs=spec, out_specs=spec)(jnp.ones((1, 2)))
