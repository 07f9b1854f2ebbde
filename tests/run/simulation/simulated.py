"""A simulation with all kinds of records, and when two of it are the same."""

import brainunit as u
import jax
import numpy as np

import brainpy_state as bst
from brainpy_state import Simulation
from brainpy_state.record import RateMonitor, SpikeMonitor, SpikeRecorder, StateMonitor

DT = 0.1 * u.ms


class Net(bst.nn.Module):
    """Neurons driven by noise, a delayed projection among them, and a recorder that the model calls."""

    def __init__(self, n=20):
        super().__init__()
        self.N = bst.LIFRef(n, tau=10.0 * u.ms, tau_ref=0.3 * u.ms)
        self.noise = bst.PoissonSpike(n, 400.0 * u.Hz, seed=4)
        comm = bst.fixed_indegree(n, n, 5, weight=2.0 * u.mA, seed=5)
        syn, out = bst.Expon.desc(tau=5.0 * u.ms, g_initializer=0.0 * u.mA), bst.CUBA.desc(scale=1)
        self.proj = bst.AlignPostProj(comm=comm, syn=syn, out=out, post=self.N, delay=1.0 * u.ms)
        self.driven = SpikeRecorder(n)

    def update(self):
        self.proj(self.N.get_spike())
        x = self.noise()
        self.driven(x)
        return self.N(x * 40.0 * u.mA + bst.random.normal(0.5, 1.0, (20,)) * u.mA)


def simulation(net=None, **options):
    net = net or Net()
    record = {
        'spikes': SpikeMonitor(net.N),
        'some': SpikeMonitor(net.N, of=[3, 5]),
        'V': StateMonitor(net.N, 'V', of=[0, 7], every=0.5 * u.ms),
        'all': StateMonitor(net.N, 'V'),
        'mean': StateMonitor(lambda: net.N.V.value.mean(), every=1.0 * u.ms),
        'rate': RateMonitor(net.N, bin=2.0 * u.ms),
        'driven': net.driven,
    }
    return Simulation(net, dt=DT, record=record, seed=3, **options)


def same(a, b):
    """Whether two simulations have the same records and states, bit for bit."""
    assert a.i == b.i
    for name in a.recorders:
        x, y = a[name], b[name]
        np.testing.assert_array_equal(x.step, y.step)
        if hasattr(x, 'values'):
            np.testing.assert_array_equal(u.get_mantissa(x.values), u.get_mantissa(y.values))
        else:
            np.testing.assert_array_equal(x.i, y.i)
            assert (x.start, x.stop) == (y.start, y.stop)
    for path in a.models[0].states():
        if path[0] == 'driven':  # a buffer, in which old events stand
            continue
        leaves = [jax.tree.leaves(s.models[0].states()[path].value) for s in (a, b)]
        for x, y in zip(*leaves, strict=True):
            np.testing.assert_array_equal(x, y, str(path))
