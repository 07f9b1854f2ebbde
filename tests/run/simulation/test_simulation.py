"""`Simulation`: a model that runs on from where it stopped, with what it recorded."""

import functools
import os
import signal
import subprocess
import sys
import threading
import time

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, Simulation
from brainpy_state.record import RateMonitor, SpikeMonitor, SpikeRecorder, StateMonitor

from .simulated import DT, Net, same, simulation


@pytest.fixture(scope='module')
def whole():
    sim = simulation()
    sim.run(40.0 * u.ms)
    return sim


@pytest.mark.quick('parts2')
@pytest.mark.parametrize('parts', [(400,), (1, 2, 397), (105, 195, 100)])
def test_a_run_goes_on_where_the_last_has_stopped(parts, whole):
    sim = simulation()
    for part in parts:
        sim.run(part * DT)
    same(sim, whole)
    assert float(sim.t.to_decimal(u.ms)) == pytest.approx(40.0)


def test_records_are_what_they_say(whole):
    every = whole['all']
    np.testing.assert_array_equal(every.step, np.arange(400))
    assert float(u.get_mantissa(every.values)[0].max()) == 0.0  # the model as it is before the first step
    V = whole['V']
    np.testing.assert_array_equal(V.step, np.arange(0, 400, 5))
    np.testing.assert_array_equal(V.values.mantissa, every.values.mantissa[::5][:, [0, 7]])
    np.testing.assert_array_equal(V.of, [0, 7])
    np.testing.assert_allclose(V.t.to_decimal(u.ms), 0.5 * np.arange(80))
    np.testing.assert_allclose(whole['mean'].values.mantissa, every.values.mantissa[::10].mean(1), rtol=1e-5, atol=1e-7)
    spikes = whole['spikes']
    assert len(spikes) > 50
    some = spikes.of([3, 5])
    np.testing.assert_array_equal(whole['some'].step, some.step)
    np.testing.assert_array_equal(whole['some'].i, some.i)
    counts = np.bincount(spikes.step // 20, minlength=20)
    np.testing.assert_allclose(whole['rate'].values.to_decimal(u.Hz), counts / (20 * 2e-3))
    np.testing.assert_array_equal(whole['rate'].step, np.arange(0, 400, 20))
    assert len(whole['driven']) > 100


def test_an_input_is_recorded_as_it_is_called_at_its_time():
    current = bst.StepInput(1, [1.0, 2.0] * u.nA, [0.2, 0.4] * u.ms)
    sim = Simulation(lambda: None, dt=DT, record={'I': StateMonitor(lambda: current(), name='I')})
    sim.run(0.5 * u.ms)
    assert sim['I'].values.to_decimal(u.nA)[:, 0].tolist() == [0.0, 0.0, 1.0, 1.0, 2.0]


def test_a_record_that_would_change_the_model_is_an_error():
    cells, noise = bst.LIF(3), bst.OUProcessInput(3, 0.0 * u.mA, 1.0 * u.mA, 5.0 * u.ms, seed=1)
    match = r'StateMonitor: the function changes the states .*call the model in the step, and record its state'
    with pytest.raises(ParameterError, match=match):
        Simulation(lambda: cells(noise()), dt=DT, record={'I': StateMonitor(lambda: noise())})
    kept = Simulation(lambda: cells(noise()), dt=DT, record={'I': StateMonitor(noise, 'x')})
    kept.run(1.0 * u.ms)
    alone = bst.nn.init_all_states(bst.OUProcessInput(3, 0.0 * u.mA, 1.0 * u.mA, 5.0 * u.ms, seed=1))
    with bst.environ.context(dt=DT):
        np.testing.assert_array_equal(kept['I'].values.mantissa, bst.run(alone, 1.0 * u.ms).mantissa)


def test_a_reset_begins_again(whole):
    sim = simulation()
    sim.run(7.3 * u.ms)
    sim.reset()
    assert sim.i == 0 and len(sim['V']) == 0
    sim.run(40.0 * u.ms)
    same(sim, whole)


@pytest.mark.parametrize('to', [None, 'run.zarr'])
@pytest.mark.parametrize('batch_size', [None, 2])
def test_records_before_the_first_step_are_empty(batch_size, to, tmp_path):
    N = bst.LIF(3)
    record = {'spikes': SpikeMonitor(N), 'V': StateMonitor(N, 'V'), 'rate': RateMonitor(N, bin=1.0 * u.ms)}
    sim = Simulation(lambda: N(), dt=DT, record=record, batch_size=batch_size, start=2.0 * u.ms, to=to and tmp_path / to)
    assert [len(sim[name]) for name in record] == [0, 0, 0]
    spikes = sim['spikes']
    assert (spikes.size, spikes.n_trials, spikes.start, spikes.stop) == (3, batch_size, 20, 20)
    assert spikes.count.sum() == 0
    sim.run(1.0 * u.ms)
    sim.reset()
    assert [len(sim[name]) for name in record] == [0, 0, 0]


@pytest.mark.slow
def test_small_buffers_lose_nothing(whole, monkeypatch):
    monkeypatch.setattr('brainpy_state.record._monitors._BUFFER', 1)
    net = Net()
    net.driven = SpikeRecorder(20, capacity=45)
    sim = simulation(net)
    sim.run(40.0 * u.ms)
    same(sim, whole)


@pytest.mark.slow
def test_samples_between_calls_are_those_of_the_loop(whole, monkeypatch):
    monkeypatch.setattr('brainpy_state.record._monitors._WORTH', 1)
    sim = simulation()
    for part in (3, 7, 190, 200):
        sim.run(part * DT)
    assert len(sim._between) == 3
    for name in ('V', 'all'):
        np.testing.assert_array_equal(sim[name].step, whole[name].step)
        np.testing.assert_array_equal(sim[name].values.mantissa, whole[name].values.mantissa)


def test_a_second_run_compiles_nothing(compilations):
    sim = simulation()
    sim.run(1.0 * u.ms)
    sim.run(1.0 * u.ms)
    with compilations() as found:
        sim.run(3.0 * u.ms)
    assert found == []


def test_states_that_are_there_are_kept():
    cells = bst.nn.init_all_states(bst.LIF(2))
    cells.V.value = jnp.array([0.25, 0.5]) * u.mV
    sim = Simulation(lambda: cells(0.0 * u.mA), dt=DT, record={'V': StateMonitor(cells, 'V')})
    sim.run(0.1 * u.ms)
    assert sim['V'].values.mantissa.tolist() == [[0.25, 0.5]]


class Walk(bst.nn.Module):
    """A module of one's own, whose states are not declared."""

    def init_state(self, batch_size=None):
        self.x = bst.HiddenState(jnp.zeros(2 if batch_size is None else (batch_size, 2)))

    def update(self):
        self.x.value += 1


@pytest.mark.parametrize(('batch_size', 'shape'), [(None, (2,)), (3, (3, 2))])
def test_a_module_that_makes_its_states_by_itself_is_initialised(batch_size, shape):
    walk = Walk()
    sim = Simulation(lambda: walk(), dt=DT, batch_size=batch_size)
    sim.run(0.2 * u.ms)
    np.testing.assert_array_equal(walk.x.value, np.full(shape, 2.0))
    Simulation(lambda: walk(), dt=DT).run(0.1 * u.ms)  # goes on with what is there
    np.testing.assert_array_equal(walk.x.value, np.full(shape, 3.0))


def test_sources_of_a_function_have_the_batch_and_the_seed():
    def simulate():
        cells, source = bst.LIF(20), bst.PoissonSpike(20, 500.0 * u.Hz)
        sim = Simulation(lambda: cells(source() * 3.0 * u.mA), dt=DT, batch_size=2, seed=3, record={'V': StateMonitor(cells, 'V')})
        sim.run(5.0 * u.ms)
        return sim, np.asarray(sim['V'].values.mantissa)

    (sim, first), (_, second) = simulate(), simulate()
    assert (first[-1, 0] != first[-1, 1]).any()  # trials have noise of their own
    np.testing.assert_array_equal(first, second)
    sim.reset()
    sim.run(5.0 * u.ms)
    np.testing.assert_array_equal(np.asarray(sim['V'].values.mantissa), first)


@pytest.mark.parametrize(('had', 'text'), [(None, 'for no batch'), (4, 'for a batch of 4')])
@pytest.mark.parametrize('model', [lambda: bst.LIF(2), lambda: bst.PoissonSpike(2, 1.0 * u.Hz)], ids=['neurons', 'source'])
def test_a_batch_of_another_size_than_that_of_states_which_are_there_is_an_error(model, had, text):
    model = bst.nn.init_all_states(model(), batch_size=had)
    Simulation(lambda: model(), dt=DT, batch_size=had)
    with pytest.raises(bst.ParameterError, match=f'batch_size = 3, but .* has states already, {text}'):
        Simulation(lambda: model(), dt=DT, batch_size=3)


def test_a_batch_is_recorded(whole):
    cells = bst.LIF((2, 3), tau=10.0 * u.ms)
    record = {'V': StateMonitor(cells, 'V', of=4), 'spikes': SpikeMonitor(cells), 'rate': RateMonitor(cells, bin=1.0 * u.ms, of=[0, 1])}
    current = jnp.array([0.0, 30.0])[:, None, None] * u.mA
    sim = Simulation(lambda: cells(current), dt=DT, record=record, batch_size=2)
    sim.run(10.0 * u.ms)
    assert sim['V'].values.shape == (100, 2, 1)
    assert sim['spikes'].n_trials == 2
    counts = sim['spikes'].count
    assert counts[0].max() == 0 < counts[1].min()
    np.testing.assert_allclose(sim['rate'].values.to_decimal(u.Hz).mean(0), [0.0, counts[1, 0] / 10e-3], rtol=1e-6)


def test_inputs_of_a_function_have_trials_of_their_own():
    cells, noise = bst.LIF(3), bst.WienerProcessInput(3, 1.0 * u.mA * u.ms**0.5, seed=1)
    sim = Simulation(lambda: cells(noise()), dt=DT, record={'V': StateMonitor(cells, 'V')}, batch_size=2)
    sim.run(0.2 * u.ms)
    first, second = np.asarray(sim['V'].values.mantissa[-1])
    assert (first != second).all()
    noise.stream.restart()
    before = np.asarray(noise.stream.value.step)
    Simulation(lambda: cells(noise()), dt=DT).run(0.3 * u.ms)  # what was initialised goes on
    assert noise.lead == (2,) and noise.stream.value.step == before + 3


@pytest.mark.parametrize('kind', ['current', 'delta', 'gap'])
def test_projections_of_a_function_are_ready_whatever_it_names_first(kind):
    class Sum(bst.nn.Dynamics):
        V = bst.nn.Variable(0.0 * u.mV)

        def update(self):
            self.V.value = self.sum_delta_inputs(self.V.value)

    cells, comm = (Sum if kind == 'delta' else bst.LIF)(1), bst.all_to_all(1, 1, weight=1.0 * (u.mS if kind == 'gap' else u.mV))
    if kind == 'gap':
        other = bst.LIF(1, V_initializer=0.5 * u.mV)
        proj = bst.GapJunction(other, cells, comm, symmetric=False)
        delivers = (proj, other)
    elif kind == 'delta':
        proj = bst.DeltaProj(comm=comm, post=cells)
        delivers = (functools.partial(proj, jnp.ones(1)),)
    else:
        proj = bst.CurrentProj(comm=bst.all_to_all(1, 1, weight=1.0 * u.mA), post=cells)
        delivers = (functools.partial(proj, jnp.ones(1)),)

    def step():
        for each in delivers:
            each()
        cells()

    sim = Simulation(step, dt=DT)
    sim.run(0.2 * u.ms)
    assert float(cells.V.value.mantissa[0]) > 0.0
    sim.reset()
    assert float(cells.V.value.mantissa[0]) == 0.0


def test_the_clock_can_start_elsewhere_and_a_bin_that_was_not_seen_whole_is_left_out():
    cells = bst.LIF(2)
    sim = Simulation(lambda: cells(0.0 * u.mA), dt=DT, record={'rate': RateMonitor(cells, bin=1.0 * u.ms)}, start=-0.5 * u.ms)
    sim.run(2.7 * u.ms)
    assert sim['rate'].step.tolist() == [0, 10]
    sim.reset()
    assert sim.i == -5


class TestErrors:
    def test_a_state_that_there_is_not(self):
        cells = bst.LIF(2)
        with pytest.raises(ParameterError, match="StateMonitor: LIF has no state 'W'; it has V.*lambda"):
            Simulation(lambda: cells(), dt=DT, record={'W': StateMonitor(cells, 'W')})

    def test_neurons_that_there_are_not(self):
        cells = bst.LIF(2)
        for make in (
            lambda: StateMonitor(cells, 'V', of=[2]),
            lambda: SpikeMonitor(cells, of=[2]),
            lambda: RateMonitor(cells, bin=DT, of=2),
        ):
            with pytest.raises(ParameterError, match=r'of=.*2.*neurons from 2 to 2 are asked for, but there are 2'):
                Simulation(lambda: cells(), dt=DT, record={'V': make()})

    @pytest.mark.parametrize('every', [0.25 * u.ms, 0.0 * u.ms])
    def test_an_interval_that_is_no_multiple(self, every):
        cells = bst.LIF(2)
        with pytest.raises(ParameterError, match='StateMonitor: every = .* must be a multiple of dt'):
            Simulation(lambda: cells(), dt=DT, record={'V': StateMonitor(cells, 'V', every=every)})

    def test_targets_that_are_none(self):
        cells = bst.LIF(2)
        for target, variable in ((cells, None), (lambda: 1, 'V')):
            with pytest.raises(ParameterError, match='StateMonitor: what to record is a module with the name of a state'):
                StateMonitor(target, variable)
        with pytest.raises(TypeError, match='but was given as 3'):
            StateMonitor(3)
        for make in (SpikeMonitor, lambda x: RateMonitor(x, bin=DT)):
            with pytest.raises(TypeError, match='the target must be a population of neurons'):
                make(bst.PoissonSpike(2, 1.0 * u.Hz))

    def test_a_model_that_needs_arguments(self):
        class Driven(bst.nn.Module):
            def update(self, current):
                return current

        with pytest.raises(TypeError, match=r"missing a required argument: 'current'. Give a function:\n    Simulation\(lambda: model"):
            Simulation(Driven(), dt=DT)
        with pytest.raises(TypeError, match='the model must be a module or a function'):
            Simulation(3, dt=DT)
        with pytest.raises(TypeError, match=r"record\['V'\] must be a monitor"):
            Simulation(lambda: None, dt=DT, record={'V': 3})
        with pytest.raises(TypeError, match='record must be a dictionary, as in .* but is a list'):
            Simulation(lambda: None, dt=DT, record=[SpikeMonitor(bst.LIF(3))])

    def test_a_name_that_there_is_not(self, whole):
        with pytest.raises(KeyError, match="no record 'W'; records are 'spikes', 'some', 'V'"):
            whole['W']

    def test_no_dt(self):
        with pytest.raises(KeyError, match="'dt' is not set"):
            Simulation(lambda: None)

    def test_more_than_memory(self):
        big = bst.State(jnp.zeros(1000))
        sim = Simulation(lambda: None, dt=DT, record={'big': StateMonitor(big, name='big')})
        with pytest.raises(
            ParameterError, match=r"monitors will record 745 GiB, .* of it StateMonitor 'big', but .* are free; record fewer"
        ):
            sim.run(2e7 * u.ms)
        assert sim.i == 0

    def test_a_failing_step_leaves_the_clock(self):
        cells = bst.LIF(2)
        fails = bst.State(jnp.array(False))

        def step():
            cells(1.0 * u.mA)
            bst.transform.jit_error_if(fails.value & (bst.environ.get('i') >= 5), 'no more')

        sim = Simulation(step, dt=DT, record={'V': StateMonitor(cells, 'V')})
        sim.run(1.0 * u.ms)
        fails.value = jnp.array(True)
        V = cells.V.value
        with pytest.raises(Exception, match='no more'):
            sim.run(1.0 * u.ms)
        assert sim.i == 10
        np.testing.assert_array_equal(cells.V.value.mantissa, V.mantissa)
        fails.value = jnp.array(False)
        sim.run(1.0 * u.ms)
        assert sim['V'].step.tolist() == list(range(20))


@pytest.mark.quick('parts1')
@pytest.mark.parametrize('parts', [(400,), (105, 195, 100)])
def test_records_on_disk_are_those_in_memory(parts, whole, tmp_path):
    sim = simulation(to=tmp_path / 'run.zarr')
    for part in parts:
        sim.run(part * DT)
    for name in sim.recorders:
        assert len(sim.recorders[name].take()['step']) == 0  # nothing stays in memory
        stored, kept = sim[name], whole[name]
        if hasattr(kept, 'values'):
            found = stored.trace()
            np.testing.assert_array_equal(u.get_mantissa(found.values), u.get_mantissa(kept.values))
            assert u.get_unit(found.values) == u.get_unit(kept.values)
        else:
            found = stored.spikes()
            np.testing.assert_array_equal(found.i, kept.i)
        np.testing.assert_array_equal(found.step, kept.step)
    sim.reset()
    sim.run(1.0 * u.ms)
    assert len(sim['all']) == 10
    with pytest.raises(bst.BrainStateError, match='run.zarr'):
        simulation(to=tmp_path / 'run.zarr').run(1.0 * u.ms)


def test_an_interrupt_keeps_what_is_done_and_the_run_can_go_on():
    sim, handler = simulation(), signal.getsignal(signal.SIGINT)
    sim.run(1.0 * u.ms)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        sim.run(1000.0 * u.second)
    assert time.perf_counter() - began < 1.5
    assert signal.getsignal(signal.SIGINT) is handler
    done = sim.i
    assert done > 1000
    assert sim['all'].step.tolist() == list(range(done))
    sim.run(5.0 * u.ms)
    assert sim.i == done + 50


PROGRESS = """
import brainunit as u, brainpy_state as bst, jax.numpy as jnp
x = bst.State(jnp.zeros(100_000))
def step(): x.value = jnp.sin(x.value + 1)
sim = bst.Simulation(step, dt=1. * u.ms)
sim.run(1. * u.ms)
sim.run({duration}. * u.second, progress={progress})
"""


@pytest.mark.slow
@pytest.mark.parametrize(('progress', 'duration', 'shown'), [(True, 8, True), (None, 8, False), (False, 8, False), (True, 0, False)])
def test_progress_is_shown_where_somebody_looks(progress, duration, shown):
    code = PROGRESS.format(progress=progress, duration=duration)
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert ('x real time' in out.stderr) == shown
    if shown:
        assert '100%' in out.stderr and f'{duration}/{duration} s' in out.stderr


def test_a_plastic_network_and_its_recorders_are_built_without_compiling(compilations):
    bst.random.seed(1)
    with compilations() as found, bst.environ.context(dt=0.1 * u.ms):
        pre, post = bst.PoissonSpike(1013, 20.0 * u.Hz, seed=1), bst.LIF(1, V_initializer=-1.0 * u.mV)
        proj = bst.AlignPostProj(
            comm=bst.all_to_all(1013, 1, weight=lambda shape: np.full(shape, 0.3) * u.nS),
            syn=bst.Expon.desc(g_initializer=0.0 * u.nS),
            out=bst.COBA.desc(E=0.0 * u.mV),
            post=post,
            plasticity=bst.plasticity.PairSTDP.desc(w_max=1.0 * u.nS),
        )
        record = {'spikes': bst.record.SpikeMonitor(post), 'w': bst.record.StateMonitor(proj.comm.weight, every=10.0 * u.ms)}
        bst.Simulation(lambda: (proj(pre()), post())[1], record=record)
    assert not found
