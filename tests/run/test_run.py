"""`run`: compiled chunks that add up to the whole, with nothing lost."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, State, UnitError, run
from brainpy_state.record import SpikeRecorder


class Cells(bst.nn.Module):
    """Noisy neurons, so that a step that is done again wrongly would show."""

    def __init__(self, capacity=1 << 12, size=20):
        super().__init__()
        self.neurons = bst.LIFRef(size, tau_ref=0.3 * u.ms)
        self.recorder = SpikeRecorder(size, capacity)

    def step(self):
        x = bst.random.uniform(0.0 * u.mA, 30.0 * u.mA, self.neurons.varshape)
        spikes = self.neurons(x)
        self.recorder(spikes)
        return {'V': self.neurons.V.value, 'i': bst.environ.get('i'), 't': bst.environ.get('t'), 'n': jnp.sum(spikes)}


def simulate(duration=20.0 * u.ms, capacity=1 << 12, **options):
    bst.random.seed(3)
    cells = bst.nn.init_all_states(Cells(capacity))
    out = run(cells.step, duration, **options)
    return cells, out, cells.recorder.spikes()


def same(a, b):
    """Whether outputs, events and states of two simulations agree bit for bit."""
    (cells_a, out_a, spikes_a), (cells_b, out_b, spikes_b) = a, b
    for key in out_a:
        np.testing.assert_array_equal(u.get_mantissa(out_a[key]), u.get_mantissa(out_b[key]))
    np.testing.assert_array_equal(spikes_a.step, spikes_b.step)
    np.testing.assert_array_equal(spikes_a.i, spikes_b.i)
    np.testing.assert_array_equal(cells_a.neurons.V.value.mantissa, cells_b.neurons.V.value.mantissa)


def test_results_are_stacked_in_host_memory_with_their_units(dt):
    _, out, spikes = simulate()
    assert out['V'].shape == (200, 20)
    assert u.get_unit(out['V']) == u.mV
    assert isinstance(out['V'].mantissa, np.ndarray)
    assert len(spikes) == out['n'].sum() > 200


def test_i_counts_the_steps_and_t_is_the_start_of_the_step(dt):
    _, out, _ = simulate()
    np.testing.assert_array_equal(out['i'], np.arange(200))
    np.testing.assert_allclose(out['t'].to_decimal(u.ms), 0.1 * np.arange(200), rtol=1e-6)


@pytest.fixture(scope='module')
def whole():
    """A simulation in one chunk with room for all spikes."""
    with bst.environ.context(dt=0.1 * u.ms):
        return simulate()


@pytest.mark.quick('0.7')
@pytest.mark.parametrize('chunk', [0.1, 0.7, 5.0, 1000.0])
def test_chunks_add_up_to_the_whole_bit_for_bit(chunk, dt, whole):
    same(simulate(chunk=chunk * u.ms), whole)


@pytest.mark.quick('16-')
@pytest.mark.parametrize(('capacity', 'chunk'), [(1, None), (100, None), (1, 3.0 * u.ms), (16, 20.0 * u.ms)])
def test_a_recorder_that_fills_up_loses_nothing(capacity, chunk, dt, whole):
    filled = simulate(capacity=capacity, chunk=chunk)
    same(filled, whole)


@pytest.mark.slow
def test_several_recorders_fill_up_together(dt):
    bst.random.seed(3)
    cells, small = bst.nn.init_all_states(Cells()), SpikeRecorder(20, capacity=2)

    def step():
        out = cells.step()
        small(cells.neurons.get_spike())
        return out

    run(step, 20.0 * u.ms, chunk=5.0 * u.ms)
    a, b = cells.recorder.spikes(0, 200), small.spikes(0, 200)
    np.testing.assert_array_equal(a.step, b.step)
    np.testing.assert_array_equal(a.i, b.i)


def test_two_runs_with_start_equal_one(dt, whole):
    bst.random.seed(3)
    cells = bst.nn.init_all_states(Cells())
    parts = [run(cells.step, 10.0 * u.ms, start=start * u.ms) for start in (0.0, 10.0)]
    out = {key: np.concatenate([u.get_mantissa(p[key]) for p in parts]) for key in parts[0]}
    same((cells, out, cells.recorder.spikes(0, 200)), whole)


@pytest.mark.slow
def test_a_run_from_reset_states_repeats_the_first(dt):
    cells = Cells()
    results = []
    for _ in range(2):
        bst.random.seed(3)
        bst.nn.init_all_states(cells)
        out = run(cells.step, 20.0 * u.ms, chunk=5.0 * u.ms)
        results.append((cells, out, cells.recorder.spikes(0, 200)))
    same(*results)


def test_a_second_run_compiles_nothing(dt, compilations):
    cells = bst.nn.init_all_states(Cells())
    for start in (0.0, 20.0):  # the first also fixes the types of the states
        run(cells.step, 20.0 * u.ms, chunk=10.0 * u.ms, start=start * u.ms)
    with compilations() as found:
        run(cells.step, 20.0 * u.ms, chunk=10.0 * u.ms, start=40.0 * u.ms)
    assert found == []


def test_the_body_is_traced_once_for_all_chunks(dt):
    traces, total = [], State(jnp.zeros(()))

    def step():
        traces.append(None)
        total.value = total.value + 1.0

    assert run(step, 20.0 * u.ms, chunk=2.0 * u.ms) is None
    assert float(total.value) == 200.0
    assert len(traces) == 1
    run(step, 21.0 * u.ms, chunk=2.0 * u.ms)
    assert float(total.value) == 410.0
    assert len(traces) == 1  # also for the rest of one millisecond


def test_a_run_of_no_duration_changes_nothing(dt):
    total = State(jnp.zeros(()))

    def step():
        total.value = total.value + 1.0
        return total.value

    assert run(step, 0.0 * u.ms).shape == (0,)
    assert float(total.value) == 0.0


@pytest.mark.parametrize(('name', 'value'), [('duration', 0.25), ('duration', -1.0), ('chunk', 0.25), ('chunk', -1.0), ('start', -0.25)])
def test_times_that_are_no_multiple_of_dt_are_an_error_that_names_them(name, value, dt):
    times = {'duration': 10.0 * u.ms} | {name: value * u.ms}
    with pytest.raises(ParameterError, match=rf'run: {name} = {value:g}\.? ms must be a multiple of dt = 0\.1 ms'):
        run(lambda: None, times.pop('duration'), **times)


def test_multiples_of_dt_may_be_inexact_in_floating_point():
    with bst.environ.context(dt=0.1 * u.ms):
        assert run(lambda: bst.environ.get('i'), 0.3 * u.ms).shape == (3,)
        assert run(lambda: bst.environ.get('i'), 1e-3 * u.second).shape == (10,)


def test_a_duration_that_is_no_time_is_an_error(dt):
    with pytest.raises(UnitError, match=r'run: duration = 10\.0 must be a time, as dt = 0\.1 ms is'):
        run(lambda: None, 10.0)


@pytest.mark.parametrize('recorded', [False, True])
def test_it_returns_when_the_simulation_has_ended(recorded, dt):
    x, recorder = State(jnp.eye(200)), SpikeRecorder(1)

    def step():
        x.value = x.value @ x.value
        if recorded:
            recorder(jnp.zeros(1))

    run(step, 20.0 * u.ms * recorded)
    assert x.value.is_ready()


def test_dt_is_needed():
    with pytest.raises(KeyError, match="'dt' is not set"):
        run(lambda: None, 10.0 * u.ms)


def test_a_step_that_fails_leaves_the_states_of_the_last_chunk(dt):
    cells = bst.nn.init_all_states(Cells())
    run(cells.step, 5.0 * u.ms)
    V = np.asarray(cells.neurons.V.value.mantissa)

    def step():
        cells.step()
        raise KeyError('on purpose')

    with pytest.raises(KeyError, match='on purpose'):
        run(step, 5.0 * u.ms, start=5.0 * u.ms)
    np.testing.assert_array_equal(cells.neurons.V.value.mantissa, V)


@pytest.mark.quick('32')
def test_it_runs_in_both_precisions(precision, dt):
    _, out, _ = simulate(duration=2.0 * u.ms)
    assert out['V'].dtype == f'float{precision}'
    assert out['i'].dtype == np.int32
