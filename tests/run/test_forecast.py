"""`forecast`: the memory that a call needs is known before the call."""

from pathlib import Path

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state._errors import StateNotInitializedError
from brainpy_state.record import SpikeRecorder, StateMonitor

pytestmark = pytest.mark.slow

N, SYNAPSES, STEPS = 300, 3000, 50


class Net(bst.nn.Module):
    """A population with recurrent synapses that have weights and perhaps delays of their own."""

    def __init__(self, each=False):
        super().__init__()
        self.cells = bst.LIFRef(N)
        weight, delay = bst.drawn.normal(0.1 * u.mS, 0.01 * u.mS), bst.drawn.uniform(1.0 * u.ms, 2.0 * u.ms)
        comm = bst.fixed_outdegree(N, N, SYNAPSES // N, weight=weight, delay=delay if each else None, seed=1)
        self.proj = bst.AlignPostProj(
            comm=comm, syn=bst.Expon.desc(), out=bst.CUBA.desc(), post=self.cells, delay=None if each else 1.0 * u.ms
        )
        self.recorder = SpikeRecorder(N, capacity=1 << 10)

    def step(self):
        self.proj(self.cells.get_spike())
        self.recorder(self.cells(20.0 * u.mA))
        return {'V': self.cells.V.value}


@pytest.fixture
def net(dt):
    return bst.nn.init_all_states(Net())


class Trained(bst.nn.Module):
    """A recurrent layer for a gradient by its weights."""

    def __init__(self):
        super().__init__()
        self.weights = bst.nn.Linear(8, 8)
        self.cells = bst.LIF(8, V_th=1.0 * u.mV, V_rest=0.0 * u.mV, V_reset=0.0 * u.mV)

    def update(self, x):
        return self.cells(self.weights(x + self.cells.get_spike()) * u.mA)


def gradient(loop):
    layer = bst.nn.init_all_states(Trained(), batch_size=4)
    return bst.transform.grad(lambda x: jnp.sum(loop(lambda x: jnp.sum(layer(x)), x)), layer.states(bst.ParamState))


def forecast_of_gradient(loop, steps):
    return bst.forecast(gradient(loop), jax.ShapeDtypeStruct((steps, 4, 8), np.float32))


def bytes_at(found, path):
    return {item.path: item.bytes for item in found.items}[path]


def test_every_array_of_a_network_is_counted_once_as_what_it_is(net):
    found = bst.forecast(bst.run, net.step, 5.0 * u.ms)
    g, refractory = 4 * N, 4 * N
    assert found.states == 2 * 4 * N + g + refractory  # V and spike besides
    assert found.delays == 10 * 4 * N + 4
    assert found.connectivity == 4 * (N + 1) + SYNAPSES * (4 + 4)
    assert found.recorders == 3 * 4 * (1 << 10) + 4 + 5 * 4 + 1
    assert found.inputs == found.residuals == 0
    assert bytes_at(found, "Connection 'proj.comm'.weight") == 4 * SYNAPSES


def test_a_simulation_is_forecast_with_its_monitors(net, dt):
    record = {'V': StateMonitor(net.cells, 'V', every=1.0 * u.ms, name='V')}
    simulation = bst.Simulation(net.step, record=record)
    found = bst.forecast(simulation.run, 1.0 * u.second)
    assert found.outputs == bytes_at(found, "StateMonitor 'V'") == 1000 * 4 * N
    assert found.recorders > 3 * 4 * (1 << 10) + 4 * N * 3000
    assert simulation.i == 0
    assert bst.forecast(simulation.run, 2.0 * u.second).peak == found.peak + 1000 * 4 * N


def test_drawn_delays_take_no_memory_but_their_ring(dt):
    net = bst.nn.init_all_states(Net(each=True))
    found = bst.forecast(bst.run, net.step, 5.0 * u.ms)
    assert found.connectivity == 4 * (N + 1) + SYNAPSES * (4 + 4)  # a weight, and target and delay in one number
    assert found.delays == (int(net.proj.comm.delay_steps.max()) + 1) * 4 * N + 4


def test_results_of_a_run_are_counted_whole_and_for_one_chunk(net):
    whole = bst.forecast(bst.run, net.step, 5.0 * u.ms)
    parts = bst.forecast(bst.run, net.step, 5.0 * u.ms, chunk=1.0 * u.ms)
    assert bytes_at(whole, "result['V']") == bytes_at(parts, "result['V']") == STEPS * 4 * N
    assert whole.outputs == 2 * STEPS * 4 * N
    assert parts.outputs == (STEPS + 10) * 4 * N
    assert whole.peak == whole.held + whole.outputs  # when results are put into their place, after the program
    assert parts.peak == parts.held + STEPS * 4 * N + parts.working  # in the last chunk, before they are


def test_what_is_held_is_what_the_modules_hold_and_the_peak_comes_on_top(net):
    found = bst.forecast(bst.run, net.step, 5.0 * u.ms)
    assert found.held == found.states + found.delays + found.connectivity + found.recorders + found.parameters
    assert found.held + found.outputs <= found.peak <= found.held + found.outputs + found.working


def test_residuals_are_kept_for_each_step_and_checkpoints_save_them(dt):
    plain, saved = (forecast_of_gradient(loop, 400) for loop in (bst.transform.for_loop, bst.transform.checkpointed_for_loop))
    assert 2 * 400 * 4 * 8 * 4 <= plain.residuals < 4 * 400 * 4 * 8 * 4  # two or three arrays of each step
    assert saved.residuals < plain.residuals / 4
    assert saved.peak < plain.peak - plain.residuals / 2


def test_states_that_give_their_memory_to_the_program_have_no_next_values():
    total = bst.State(jnp.zeros(1000))

    def add(x):
        total.value = total.value + x

    kept, given = (bst.forecast(bst.transform.jit(add, donate_states=donate), 1.0) for donate in (False, True))
    assert kept.working - given.working == 4000
    assert kept.peak == given.peak + 4000


def test_arguments_may_be_abstract_and_then_are_still_to_come():
    def double(x):
        return 2.0 * x

    given, abstract, from_numpy = (
        bst.forecast(double, x) for x in (jnp.zeros(1000), jax.ShapeDtypeStruct((1000,), np.float32), np.zeros(1000, np.float32))
    )
    assert (given.inputs, given.outputs, given.held, given.peak) == (4000, 4000, 4000, 8000)
    assert (abstract.held, abstract.peak) == (0, 8000)
    assert (from_numpy.held, from_numpy.peak) == (4000, 12000)  # JAX copies it


def test_arguments_that_are_no_arrays_are_passed_on_as_they_are():
    found = bst.forecast(bst.transform.for_loop, lambda: jnp.zeros(1000), length=20, unroll=1)
    assert found.outputs == 20 * 4000


def test_arrays_from_outside_of_modules_are_inputs():
    table = jnp.arange(1000.0)
    found = bst.forecast(lambda k: table[k], jnp.int32(3))
    assert bytes_at(found, 'float32[1000] from outside') == 4000
    assert found.inputs == 4004


def test_a_forecast_changes_nothing(dt):
    net = bst.nn.init_all_states(Net())
    net.recorder = small = SpikeRecorder(N, capacity=1)
    states = net.states()
    before = {path: state.value for path, state in states.items()}
    bst.forecast(bst.run, net.step, 5.0 * u.ms)
    assert all(state.value is before[path] for path, state in states.items())
    assert small.capacity == 1
    assert small.kept.events == ()


def test_states_may_be_created_in_what_is_forecast_and_are_gone_after(dt):
    cells = bst.LIF(10)

    def simulate(current):
        bst.nn.init_all_states(cells, batch_size=100)
        return bst.transform.for_loop(cells, current)

    found = bst.forecast(simulate, current=jnp.zeros(20) * u.mA)
    assert found.outputs == 20 * 100 * 10 * 4
    assert bytes_at(found, "argument 'current'") == 20 * 4
    with pytest.raises(StateNotInitializedError):
        cells.V


def test_a_run_compiles_nothing_after_its_forecast(net, compilations):
    arguments = net.step, 5.0 * u.ms
    bst.forecast(bst.run, *arguments)
    with compilations() as found:
        bst.run(*arguments)
    assert found == []


def test_a_compiled_function_is_not_compiled_again_after_its_forecast(compilations):
    total = bst.State(jnp.zeros(3))

    @bst.transform.jit
    def add(x):
        total.value += x

    x = jnp.ones(3)
    bst.forecast(add, x)
    with compilations() as found:
        add(x)
    assert found == []


def test_the_table_has_a_row_for_each_kind_with_its_largest_items(net):
    rows = str(bst.forecast(bst.run, net.step, 5.0 * u.ms)).splitlines()
    assert [row.split()[0] for row in rows] == [
        'states', 'delays', 'connectivity', 'parameters', 'recorders', 'outputs', 'working', 'peak',
    ]  # fmt: skip
    assert (
        rows[2]
        .split(maxsplit=1)[1]
        .startswith("24.6 KiB   Connection 'proj.comm'.structure 12.9 KiB, Connection 'proj.comm'.weight 11.7 KiB")
    )
    assert 'allocated already' in rows[-1]


def test_a_duration_that_is_no_multiple_of_dt_is_the_error_of_run(net):
    with pytest.raises(bst.ParameterError, match=r'run: duration = 0\.25 ms must be a multiple of dt = 0\.1 ms'):
        bst.forecast(bst.run, net.step, 0.25 * u.ms)


def test_states_that_are_missing_are_an_error_that_says_how_to_make_them(dt):
    with pytest.raises(StateNotInitializedError, match='init_all_states'):
        bst.forecast(bst.run, Net().step, 5.0 * u.ms)


@pytest.mark.parametrize('wrong', [lambda net: (net.step, 5.0 * u.ms), lambda net: (bst.run, net.step), lambda net: (5.0 * u.ms,)])
def test_a_call_that_cannot_be_made_is_an_error_that_shows_one_that_can(wrong, net):
    with pytest.raises(TypeError, match=r'^forecast: .*for a run: forecast\(run, step, duration\)\.$'):
        bst.forecast(*wrong(net))


def test_an_unknown_kind_of_memory_is_an_error_that_lists_the_known():
    with pytest.raises(AttributeError, match=r"Forecast has no 'spikes'; kinds of memory are states, delays"):
        bst.forecast(lambda: jnp.zeros(3)).spikes


@pytest.mark.slow
@pytest.mark.skipif(not Path('/proc/self/clear_refs').exists(), reason='the peak of a process can be read on Linux only')
@pytest.mark.parametrize('kind', ['simulation', 'gradient'])
def test_the_peak_is_within_a_fifth_of_what_a_process_needs(kind, python):
    cases = [line.split(': ') for line in python('-m', 'tests.run.measured_peak', kind).splitlines()]
    assert len(cases) == 2
    for case, numbers in cases:
        forecast, measured = map(int, numbers.split())
        assert 0.8 < forecast / measured < 1.2, case
        assert forecast > 100e6, case  # what the allocator keeps of small arrays does not count
