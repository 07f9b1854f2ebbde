"""What must not change a bit of plastic weights: threads, chunks, checkpoints, and going on from a file in a new object."""

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import event
from brainpy_state.plasticity import CalciumPlasticity, DopamineSTDP, PairSTDP, PreCentredSTDP, SynapticScaling, TripletSTDP
from brainpy_state.record import SpikeMonitor, StateMonitor

N, MOST, DT, DURATION = 400, 330, 0.5 * u.ms, 60.0 * u.ms
EACH = np.random.default_rng(3).integers(0, 8, N) * DT


class Both(PairSTDP, SynapticScaling):
    """Pairs of spikes, and a rate that is kept."""

    interval = bst.nn.Parameter(2.0 * u.ms)
    beta = bst.nn.Parameter(0.5)


class Net(bst.nn.Module):
    """Sources onto neurons, which are connected among each other, by projections of all kinds with rules of all kinds.

    Parameters
    ----------
    n, most : int
        How many neurons there are, and synapses onto each; threads share 2^17 synapses.
    """

    def __init__(self, n=N, most=MOST):
        super().__init__()
        self.source = bst.PoissonSpike(n, 60.0 * u.Hz, seed=1)
        self.cells = bst.LIFRef(
            n, R=0.1 * u.Gohm, tau=20.0 * u.ms, V_th=-50.0 * u.mV, V_reset=-60.0 * u.mV, V_rest=-60.0 * u.mV, tau_ref=2.0 * u.ms,
            V_initializer=np.linspace(-60.0, -50.5, n) * u.mV,
        )  # fmt: skip

        g, J, V = 20.0 / most * u.nS, 200.0 / most * u.pA, 15.0 / most * u.mV  # the greatest weights

        def csr(most_weight, seed):
            weight = lambda shape: np.random.default_rng(seed).uniform(0.2, 1.0, shape) * most_weight  # noqa: E731
            return bst.fixed_indegree(n, n, most, weight=weight, seed=seed)

        dense = bst.all_to_all(n, n, weight=lambda shape: np.full(shape, 0.5) * V)
        self.projs = [
            bst.AlignPostProj(
                comm=csr(g, 1), post=self.cells, delay=EACH[:n], syn=bst.Expon.desc(tau=5.0 * u.ms, g_initializer=0.0 * u.nS),
                out=bst.COBA.desc(E=0.0 * u.mV), plasticity=Both.desc(w_max=g, learning_rate=0.05, equal_times='pre_first'),
            ),
            bst.DeltaProj(
                comm=dense, post=self.cells, delay=1.5 * u.ms, stp=bst.STP.desc(),
                plasticity=PreCentredSTDP.desc(w_max=V, mu_plus=0.5, delay_is='dendritic'),
            ),
            bst.DeltaProj(
                comm=csr(V, 2), post=self.cells, plasticity=CalciumPlasticity.desc(w_max=V, tau=5.0 * u.second, D=3.5 * u.ms, seed=5),
            ),
            bst.CurrentProj(
                comm=csr(J, 3), post=self.cells, plasticity=TripletSTDP.desc(w_0=J, w_max=1.2 * J, equal_times='post_first'),
            ),
            bst.AlignPreProj(
                comm=csr(g, 4), post=self.cells, syn=bst.Expon.desc(tau=5.0 * u.ms, g_initializer=0.0), out=bst.COBA.desc(E=0.0 * u.mV),
                plasticity=DopamineSTDP.desc(w_0=g, w_max=1.2 * g),
            ),
        ]  # fmt: skip

    def update(self):
        sent, fired = self.source(), self.cells.get_spike()
        for k, proj in enumerate(self.projs):
            proj(fired if k % 2 else sent)
        self.projs[-1].plasticity.release(0.01 * fired.sum())
        return self.cells(100.0 * u.pA)


def simulation(n=N, most=MOST, **options):
    net = Net(n, most)
    record = {'w': StateMonitor(net.projs[0].comm.weight, of=[0, 5, 7], every=1.0 * u.ms), 'spikes': SpikeMonitor(net.cells)}
    return bst.Simulation(net, dt=DT, record=record, seed=2, **options)


def outcome(sim):
    """Weights, traces of synapses, spikes and records."""
    projs = sim.step.projs
    found = {f'w{k}': u.get_mantissa(proj.comm.weight.value) for k, proj in enumerate(projs)}
    found |= {'met': projs[1].plasticity.x_met.value, 'c': projs[4].plasticity.c.value}
    found |= {'step': sim['spikes'].step, 'i': sim['spikes'].i, 'seen': u.get_mantissa(sim['w'].values)}
    return {key: np.array(x) for key, x in found.items()}


def same(a, b):
    for key, x in a.items():
        np.testing.assert_array_equal(x, b[key], key)


@pytest.fixture(scope='module')
def whole():
    """One run by one thread."""
    before = event.threads()
    event.set_threads(1)
    try:
        sim = simulation()
        first = [proj.comm.weight.value for proj in sim.step.projs]
        sim.run(DURATION)
    finally:
        event.set_threads(before)
    found = outcome(sim)
    assert len(found['i']) > 2 * N
    assert all((found[f'w{k}'] != u.get_mantissa(w)).mean() > 0.3 for k, w in enumerate(first))
    return found


@pytest.mark.slow
@pytest.mark.parametrize('threads', [2, 3])
def test_threads_and_chunks_do_not_change_a_bit(threads, whole):
    before = event.threads()
    event.set_threads(threads)
    try:
        sim = simulation()
        for part in (0.5, 17.0, 42.5) if threads == 2 else (60.0,):
            sim.run(part * u.ms)
    finally:
        event.set_threads(before)
    same(outcome(sim), whole)


@pytest.mark.slow
def test_going_on_from_a_file_does_not_change_a_bit(whole, tmp_path):
    """A run that writes checkpoints as often as it can; another object goes on from one that was written in between."""
    sim = simulation()
    sim.run(23.5 * u.ms, checkpoint=tmp_path / 'state.npz', checkpoint_seconds=0.0)
    other = simulation()
    other.run(5.0 * u.ms)
    other.load(tmp_path / 'state.npz')
    other.run(DURATION - 23.5 * u.ms)
    same(outcome(other), whole)
    sim.run(DURATION - 23.5 * u.ms, checkpoint=tmp_path / 'state.npz', checkpoint_seconds=0.0)
    same(outcome(sim), whole)


@pytest.mark.slow
def test_native_and_portable_steps_agree_to_rounding(x64):
    found = {}
    for name in ('numba', 'xla'):
        with event.use_backend(name):
            sim = simulation(20, 8)
            sim.run(DURATION)
            found[name] = outcome(sim)
    assert len(found['numba']['i']) > 40
    for key, x in found['numba'].items():
        if key in ('step', 'i'):
            np.testing.assert_array_equal(x, found['xla'][key], key)
        else:
            np.testing.assert_allclose(x, found['xla'][key], rtol=1e-10, atol=1e-13, err_msg=key)
