"""A network of projections against a dense simulation in plain NumPy."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import COBA, CUBA, AlignPostProj, DeltaProj, Expon, LIFRef, all_to_all, pairwise_bernoulli
from brainpy_state.transform import for_loop

N, N_EXC, STEPS, DT = 50, 40, 200, 0.1
TAU, R, V_TH, V_RESET, V_REST, TAU_REF = 20.0, 0.1, -50.0, -60.0, -60.0, 2.0  # ms, Gohm (nS * Gohm = 1), mV
TAU_E, TAU_I = 5.0, 10.0
I_EXT = 300.0  # pA
WEIGHT = {'coba': (1.5, 6.0), 'cuba': (25.0, -60.0)}  # nS or pA


class Network(bst.nn.Module):
    """Excitatory and inhibitory synapses, and jumps of V from neuron 0 to all."""

    def __init__(self, kind):
        super().__init__()
        unit = u.nS if kind == 'coba' else u.pA
        outs = [COBA.desc(E=0.0 * u.mV), COBA.desc(E=-80.0 * u.mV)] if kind == 'coba' else [CUBA.desc(scale=1.0)] * 2
        self.N = LIFRef(
            N, R=R * u.Gohm, tau=TAU * u.ms, V_th=V_TH * u.mV, V_reset=V_RESET * u.mV, V_rest=V_REST * u.mV, tau_ref=TAU_REF * u.ms,
            spk_reset='hard', V_initializer=np.linspace(V_RESET, V_TH - 0.5, N) * u.mV,
        )  # fmt: skip
        weights = [lambda shape, w=w: np.random.default_rng(1).uniform(0.5, 1.5, shape) * w * unit for w in WEIGHT[kind]]
        self.E, self.I = (
            AlignPostProj(
                comm=pairwise_bernoulli(n, N, 0.3, weight=weight, seed=(5, n)),
                syn=Expon.desc(N, tau=tau * u.ms, g_initializer=0.0 * unit),
                out=out,
                post=self.N,
            )
            for n, weight, tau, out in zip((N_EXC, N - N_EXC), weights, (TAU_E, TAU_I), outs, strict=True)
        )
        self.D = DeltaProj(comm=all_to_all(1, N, weight=0.7 * u.mV), post=self.N)

    def update(self, x):
        spikes = self.N.get_spike()
        self.E(spikes[..., :N_EXC])
        self.I(spikes[..., N_EXC:])
        self.D(spikes[..., :1])
        return self.N(x)


def dense(connection):
    matrix = np.zeros(connection.structure.shape)
    weight = np.broadcast_to(np.asarray(u.get_mantissa(connection.weight.value), float), connection.sources.shape)
    np.add.at(matrix, (connection.sources, connection.targets), weight)
    return matrix


def dense_simulation(net, kind, factor):
    """The same equations, one line each; V is integrated exactly over a step with constant conductances."""
    W_E, W_I, W_D = (dense(p.comm) for p in (net.E, net.I, net.D))
    V, spike = np.linspace(V_RESET, V_TH - 0.5, N), np.zeros(N)
    g_E, g_I, held = np.zeros(N), np.zeros(N), np.zeros(N, int)
    for k in range(STEPS):
        g_E = g_E * np.exp(-DT / TAU_E) + spike[:N_EXC] @ W_E
        g_I = g_I * np.exp(-DT / TAU_I) + spike[N_EXC:] @ W_I
        jump = spike[:1] @ W_D
        if kind == 'coba':
            total = 1 + R * (g_E + g_I)
            goal = (V_REST + R * (g_E * 0.0 + g_I * -80.0) + R * I_EXT * factor[k]) / total
        else:
            total = 1.0
            goal = V_REST + R * (g_E + g_I + I_EXT * factor[k])
        new = goal + (V - goal) * np.exp(-DT / TAU * total) + jump
        new = np.where(held > 0, V, new)
        spike = ((new >= V_TH) & (held == 0)).astype(float)
        held = np.where(spike > 0, round(TAU_REF / DT) - 1, np.maximum(held - 1, 0))
        V = np.where(spike > 0, V_RESET, new)
        yield spike, V, g_E * np.exp(-DT / TAU_E), g_I * np.exp(-DT / TAU_I)  # where V stands: at the end of the step


@pytest.mark.quick('float32')
@pytest.mark.parametrize('kind', ['coba', 'cuba'])
def test_a_network_equals_the_dense_simulation(kind, precision):
    net = bst.nn.init_all_states(Network(kind))
    factor = np.random.default_rng(9).uniform(0.5, 2.0, (STEPS, N)).astype(np.float32).astype(float)

    def step(x):
        spike = net(x)
        return spike, net.N.V.value.to_decimal(u.mV), net.E.receptor.syn.g.value.mantissa, net.I.receptor.syn.g.value.mantissa

    with bst.environ.context(dt=DT * u.ms):
        found = for_loop(step, jnp.asarray(factor) * I_EXT * u.pA)
    expected = [np.array(x) for x in zip(*dense_simulation(net, kind, factor), strict=True)]
    assert expected[0].sum() > 100
    assert expected[0][:, 0].sum() > 1
    assert expected[0][:, N_EXC:].sum() > 10
    np.testing.assert_array_equal(found[0], expected[0])
    # float32: V near 60 mV has steps of 4e-6, kept for some 200 steps of memory; float64: the same with 7e-15
    for ours, exact in zip(found[1:], expected[1:], strict=True):
        np.testing.assert_allclose(ours, exact, rtol=0, atol={32: 1e-3, 64: 1e-10}[precision])


@pytest.mark.slow
def test_a_batched_network_equals_single_ones(x64):
    net = Network('coba')
    factor = np.random.default_rng(9).uniform(0.5, 2.0, (60, 3, N))

    def run(inputs, batch=None):
        bst.nn.init_all_states(net, batch_size=batch)
        return for_loop(net, jnp.asarray(inputs) * I_EXT * u.pA)

    with bst.environ.context(dt=DT * u.ms):
        together = run(factor, 3)
        assert together.sum() > 20
        for k in range(3):
            np.testing.assert_array_equal(together[:, k], run(factor[:, k]))


def test_receptors_belong_to_the_tree_of_the_target():
    net = bst.nn.init_all_states(Network('coba'))
    paths = list(net.states())
    assert ('N', 'receptors', 0, 'syn', 'g') in paths
    assert ('E', 'comm', 'weight') in paths
    assert not any(path[:2] == ('E', 'post') or path[:2] == ('E', 'receptor') for path in paths)
    assert len(set(net.states().values())) == len(paths)
