"""Cells, outputs and chains of synapses that scripts write by hand."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state
from brainpy_state.compat import brainpy, brainstate


@pytest.fixture(autouse=True)
def clock():
    with brainstate.environ.context(dt=0.2 * u.ms):
        brainstate.random.seed(5)
        yield


class Cell(brainpy.state.Neuron):
    def init_state(self, *args, **kwargs):
        self.V = brainstate.HiddenState(jnp.full(self.varshape, -62.0) * u.mV)

    def update(self, x=0.0 * u.uA):
        def dV(V):
            return (0.2 * u.mS * (-62.0 * u.mV - V) + self.sum_current_inputs(x, V)) / (1.0 * u.uF)

        V = brainstate.nn.exp_euler_step(dV, self.V.value)
        spike = V >= -52.0 * u.mV
        self.V.value = u.math.where(spike, -62.0 * u.mV, V)
        return spike.astype(float)


class Halved(brainpy.state.SynOut):
    def __init__(self, E=0.0 * u.mV):
        super().__init__()
        self.E = E

    def update(self, conductance, potential):
        return 0.5 * conductance * (self.E - potential)


class Chain(brainstate.nn.DynamicsGroup):
    def __init__(self, weight):
        super().__init__()
        self.pre, self.post = Cell(12), Cell(6)
        depressed = self.pre.align_pre(brainpy.state.STD.desc(tau=300.0 * u.ms, U=0.1))
        opened = depressed.align_pre(brainpy.state.AMPA(12, alpha=0.9 / (u.ms * u.mM), beta=0.2 / u.ms))
        self.proj = brainpy.state.CurrentProj(
            opened.prefetch_delay('g', 2.0 * u.ms), comm=brainstate.nn.FixedNumConn(12, 6, 3, weight, seed=1), out=Halved(), post=self.post
        )
        self.junctions = brainpy.state.SymmetryGapJunction(
            self.pre, 'V', conn=lambda pre, post: (np.array([0, 1]), np.array([1, 2])), weight=0.05 * u.mS
        )

    def update(self, i, drive):
        with brainstate.environ.context(i=i, t=i * brainstate.environ.get_dt()):
            self.proj()
            self.junctions()
            return self.pre(drive), self.post()


@pytest.mark.slow
def test_a_chain_of_synapses_behind_a_cell_of_ones_own():
    counts = []
    for weight in (0.0, 1.5):
        net = brainstate.nn.init_all_states(Chain(weight))
        pre, post = brainstate.transform.for_loop(lambda i, net=net: net.update(i, 4.0 * u.uA), np.arange(400))
        counts.append((int(pre.sum()), int(post.sum())))
        first = [int(np.argmax(np.asarray(spikes).any(axis=1))) for spikes in (pre, post)]
    assert counts[0][0] == counts[1][0] > 12 and counts[0][1] == 0 < counts[1][1]
    assert first[1] >= first[0] + 10  # the delay


def test_outputs_are_called_with_a_conductance():
    g, V = 2.0 * u.mS, -40.0 * u.mV
    assert brainpy.state.COBA(E=0.0 * u.mV).update(g, V) == 80.0 * u.uA and Halved().update(g, V) == 40.0 * u.uA
    out = Halved()
    with pytest.raises(ValueError, match='give it by bind_cond'):
        out(V)
    out.bind_cond(g)
    assert out(V) == 40.0 * u.uA


@pytest.mark.parametrize('seed', [None, 3])
def test_a_part_of_the_sources_has_targets(seed):
    conn = brainstate.nn.FixedNumConn(2000, 50, 4, 0.5 * u.nS, afferent_ratio=0.2, seed=seed)
    outdegree = np.bincount(np.asarray(conn.sources), minlength=2000)
    assert set(outdegree) == {0, 4}
    assert abs((outdegree > 0).mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / 2000)
    with pytest.raises(ValueError, match='a fraction, from 0 to 1'):
        brainstate.nn.FixedNumConn(4, 4, 2, 0.5, afferent_ratio=1.5)


@pytest.mark.parametrize('kind', [brainpy.state.LIF, brainpy.state.LIFRef])
def test_a_ready_cell_takes_what_is_given_by_hand(kind):
    cell = kind(1, R=2.0 * u.ohm, tau=8.0 * u.ms, V_rest=0.0 * u.mV, V_th=50.0 * u.mV, V_reset=0.0 * u.mV)
    leak, out = 0.25 / u.ohm, brainpy.state.COBA(E=20.0 * u.mV)
    cell.add_current_input('leak', lambda V: -leak * V)
    cell.add_current_input('synapse', out)
    cell.add_delta_input('jumps', lambda: 0.5 * u.mV)
    brainstate.nn.init_all_states(cell)
    V, at = 0.0, np.exp(-0.2 / (8.0 / 2.0))  # half of the leak is the cell's own, and a quarter each of both inputs
    for once in (True, False):
        if once:
            cell.add_current_input('once', 3.0 * u.mA)
            cell.add_delta_input('kick', 4.0 * u.mV)
        out.bind_cond(0.25 / u.ohm)
        cell(1.0 * u.mA)
        rest = 2.0 * (1.0 + 3.0 * once + 0.25 * 20.0) / 2.0
        V = rest + (V - rest) * at + 0.5 + 4.0 * once
        np.testing.assert_allclose(cell.V.value.to_decimal(u.mV), V, rtol=1e-5)
    cell.add_current_input('wrong', lambda V: V)
    with pytest.raises(brainpy_state.UnitError, match="the input 'wrong' gives the unit mV"):
        cell()
