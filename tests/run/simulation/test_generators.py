"""Each simulation has a default generator of its own: what else draws, in turns or in between, changes nothing."""

import threading

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.record import SpikeMonitor, StateMonitor

DT = 0.1 * u.ms


class Net(bst.nn.Module):
    """First values, a stream without a seed, and numbers in each step, all from the default generator."""

    def __init__(self):
        super().__init__()
        self.N = bst.LIFRef(20, tau=10.0 * u.ms, V_initializer=lambda shape: bst.random.uniform(0.0 * u.mV, 1.0 * u.mV, shape))
        self.noise = bst.PoissonSpike(20, 400.0 * u.Hz)

    def update(self):
        self.N(self.noise() * 20.0 * u.mA + bst.random.normal(0.5, 1.0, (20,)) * u.mA)


def build(seed=None, net=None):
    net = net or Net()
    return bst.Simulation(net, dt=DT, seed=seed, record={'V': StateMonitor(net.N, 'V'), 'spikes': SpikeMonitor(net.N)})


def V(sim):
    return sim['V'].values.to_decimal(u.mV)


@pytest.fixture(scope='module')
def alone():
    """What simulations of two seeds record when nothing is in between."""
    found = {}
    for seed in (1, 2):
        sim = build(seed)
        sim.run(6.0 * u.ms)
        found[seed] = V(sim)
    assert (found[1] != found[2]).any()
    return found


def test_interleaved_runs_are_those_of_each_alone(alone):
    sims = {seed: build(seed) for seed in (1, 2)}
    for steps in (1, 19, 40):
        for sim in sims.values():
            sim.run(steps * DT)
            bst.random.normal(size=3)
    for seed, sim in sims.items():
        np.testing.assert_array_equal(V(sim), alone[seed])


def test_the_default_generator_goes_on_as_if_there_were_no_simulation():
    bst.random.seed(5)
    wanted, of_numpy = bst.random.normal(size=4), np.random.rand(3)  # noqa: NPY002
    net = Net()  # which draws
    bst.random.seed(5)
    sim = build(1, net)
    sim.run(1.0 * u.ms)
    sim.reset()
    np.testing.assert_array_equal(bst.random.normal(size=4), wanted)
    np.testing.assert_array_equal(np.random.rand(3), of_numpy)  # noqa: NPY002


def test_without_a_seed_one_is_drawn(alone):
    def run(parts=1):
        bst.random.seed(9)
        sims = build(), build()
        for _ in range(parts):
            for sim in sims:
                sim.run(4.0 / parts * u.ms)
        return [V(sim) for sim in sims], sims

    (first, second), sims = run()
    assert (first != second).any()
    (again, _), _ = run(4)
    np.testing.assert_array_equal(again, first)
    sims[0].reset()  # trials differ
    sims[0].run(4.0 * u.ms)
    assert (V(sims[0]) != first).any()


def test_a_reset_begins_from_the_seed_again(alone):
    sim = build(1)
    sim.run(2.0 * u.ms)
    sim.reset()
    sim.run(6.0 * u.ms)
    np.testing.assert_array_equal(V(sim), alone[1])


def test_a_file_has_the_generator(alone, tmp_path):
    sim, other = build(1), build(7)
    key = np.asarray(bst.random.get_key())
    sim.run(2.0 * u.ms)
    sim.save(tmp_path / 'state.npz')
    sim.run(1.0 * u.ms)
    for later in (sim, other):  # the same, and another that began elsewhere
        later.load(tmp_path / 'state.npz')
        later.run(4.0 * u.ms)
        np.testing.assert_array_equal(V(later), alone[1])
    np.testing.assert_array_equal(bst.random.get_key(), key)


def test_a_run_that_fails_gives_the_default_generator_back():
    cells, fails = bst.LIF(2), bst.State(jnp.array(False))

    def step():
        cells(bst.random.normal(0.0, 1.0, (2,)) * u.mA)
        bst.transform.jit_error_if(fails.value, 'no more')

    sim = bst.Simulation(step, dt=DT, seed=1)
    sim.run(1.0 * u.ms)
    fails.value = jnp.array(True)
    key = np.asarray(bst.random.get_key())
    with pytest.raises(ValueError, match='no more'):
        sim.run(1.0 * u.ms)
    np.testing.assert_array_equal(bst.random.get_key(), key)


def test_host_numbers_of_a_first_trace_follow_from_the_seed():
    def traced(seed):
        cells = bst.LIF(3)
        sim = bst.Simulation(lambda: cells(np.random.rand(3) * u.mA), dt=DT, seed=seed, record={'V': StateMonitor(cells, 'V')})  # noqa: NPY002
        sim.run(1.0 * u.ms)
        return V(sim)

    np.testing.assert_array_equal(traced(4), traced(4))
    assert (traced(4) != traced(5)).any()


def test_simulations_in_threads_have_their_own_numbers(alone):
    sims = {seed: build(seed) for seed in (1, 2)}
    threads = [threading.Thread(target=lambda sim=sim: [sim.run(1.0 * u.ms) for _ in range(6)]) for sim in sims.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, sim in sims.items():
        np.testing.assert_array_equal(V(sim), alone[seed])
