"""Plastic networks in lanes of sweeps and maps: each lane is a simulation by itself, to the last bit."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.plasticity import PairSTDP

DURATION = 10.0 * u.ms
LIMITS, RATES, SEEDS = [0.5, 1.0], [0.01, 0.1], [1, 7]
COMPARED = (0.5, 0.01, 1), (0.5, 0.01, 7), (1.0, 0.1, 1)


class Net(bst.nn.Module):
    """Poisson sources onto neurons, with a noisy current and plastic synapses; only the current's stream has a name."""

    def __init__(self, w_max=1.0 * u.mV, rate=0.01):
        super().__init__()
        self.source = bst.PoissonSpike(20, 200.0 * u.Hz)
        self.noise = bst.PoissonSpike(5, 100.0 * u.Hz, seed=3)
        self.cells = bst.LIFRef(5, tau=10.0 * u.ms, tau_ref=1.0 * u.ms, V_th=1.0 * u.mV)
        comm = bst.fixed_indegree(20, 5, 8, weight=lambda shape: np.linspace(0.1, 0.5, *shape) * u.mV, seed=2)
        rule = PairSTDP.desc(w_max=w_max, learning_rate=rate, delay_is='dendritic')
        self.proj = bst.DeltaProj(comm=comm, post=self.cells, plasticity=rule, delay=np.arange(40) % 4 * 0.1 * u.ms)

    def update(self):
        spikes = self.source()
        self.proj(spikes)
        self.cells(self.noise() * 10.0 * u.mA)
        return spikes.sum()


def inside(w_max, rate, seed):
    net = Net(w_max, rate)
    bst.random.seed(seed)
    bst.nn.init_all_states(net)
    return bst.run(net, DURATION), net.cells.V.value, net.proj.comm.weight.value


@pytest.fixture(scope='module')
def singles():
    """What simulations give."""
    found = {}
    for w_max, rate, seed in COMPARED:
        found[w_max, rate, seed] = Net(w_max * u.mV, jnp.float32(rate))
        bst.Simulation(found[w_max, rate, seed], dt=0.1 * u.ms, seed=seed).run(DURATION)
    return found


def check(V, w, one):
    np.testing.assert_array_equal(V.mantissa, one.cells.V.value.mantissa)
    np.testing.assert_array_equal(w.mantissa, one.proj.comm.weight.value.mantissa)


@pytest.mark.slow
def test_lanes_of_limits_learning_rates_and_seeds_are_simulations(singles, dt):
    sent, V, w = bst.sweep(inside, {'w_max': LIMITS * u.mV, 'rate': RATES, 'seed': SEEDS})
    assert (sent.sum(-1) > 20).all()
    for (w_max, rate, seed), one in singles.items():
        k = LIMITS.index(w_max), RATES.index(rate), SEEDS.index(seed)
        check(V[k], w[k], one)
    assert len(np.unique(w.mantissa.sum(-1))) == 8


@pytest.mark.slow
def test_a_network_from_outside_has_the_same_streams_in_all_lanes(singles, dt):
    net = bst.nn.init_all_states(Net(0.5 * u.mV))

    def f(first, seed):
        bst.random.seed(seed)
        bst.nn.init_all_states(net)
        net.proj.comm.weight.value = net.proj.comm.weight.value * first
        return bst.run(net, DURATION), net.cells.V.value, net.proj.comm.weight.value

    sent, V, w = bst.sweep(f, {'first': [1.0, 0.5], 'seed': SEEDS})
    for k, seed in enumerate(SEEDS):
        check(V[0, k], w[0, k], singles[0.5, 0.01, seed])
        np.testing.assert_array_equal(sent[1, k], sent[0, k])
    assert (w[1] != w[0]).any()


def test_streams_hold_their_place_after_a_sweep(dt):
    source = bst.nn.init_all_states(bst.PoissonSpike(20, 500.0 * u.Hz))

    def f(x):
        return bst.run(source, 2.0 * u.ms) * x

    first, again = (bst.sweep(f, {'x': [1.0, 1.0, 2.0]}) for _ in range(2))
    alone = f(1.0)
    assert alone.sum() > 5
    for found in (first[0], first[1], first[2] / 2, again[0]):
        np.testing.assert_array_equal(found, alone)


@pytest.mark.slow
def test_lanes_of_a_map_build_plastic_networks(singles, dt):
    V, w = bst.transform.vmap(lambda seed: inside(0.5 * u.mV, 0.01, seed)[1:])(jnp.array(SEEDS))
    for k, seed in enumerate(SEEDS):
        check(V[k], w[k], singles[0.5, 0.01, seed])


def test_weights_out_of_range_in_a_lane_are_an_error_that_names_it(dt):
    told = r'weights go from 0\.1 mV to 0\.5 mV, but PairSTDP .*keeps them from 0\.0* mV to 0\.4\d* mV; .*\(with w_max = 0\.4 mV\)'
    with pytest.raises(bst.ParameterError, match=told):
        bst.sweep(lambda w_max: inside(w_max, 0.01, 1)[1], {'w_max': [1.0, 0.4] * u.mV})
