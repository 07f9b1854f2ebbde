"""A function that is swept on one device and on several."""

import brainunit as u
import jax.numpy as jnp
import numpy as np

import brainpy_state as bst

SIZE = 40
OVER = {'drive': np.linspace(4.0, 8.0, 3) * u.mA, 'seed': [1, 2]}


class Net(bst.nn.Module):
    """Neurons that excite each other after a delay, with short-term plasticity and noise."""

    def __init__(self):
        super().__init__()
        self.cells = bst.LIFRef(SIZE, tau=5.0 * u.ms, tau_ref=1.0 * u.ms, V_initializer=bst.random.uniform(0.0, 1.0, SIZE) * u.mV)
        self.proj = bst.DeltaProj(
            comm=bst.fixed_indegree(SIZE, SIZE, 5, weight=0.5 * u.mV, seed=1), post=self.cells, delay=0.5 * u.ms, stp=bst.STP.desc()
        )
        self.noise = bst.PoissonInput(self.cells, num_input=100, freq=20.0 * u.Hz, weight=0.1 * u.mV)
        self.recorder = bst.record.SpikeRecorder(SIZE, 1 << 12)

    def update(self, drive):
        self.proj(self.cells.get_spike())
        self.noise()
        self.recorder(self.cells(drive))


def simulate(drive, seed):
    bst.transform.jit_error_if(seed < 0, 'seed of {}', seed)
    net = Net()
    with bst.environ.context(dt=0.1 * u.ms):
        bst.nn.init_all_states(net)
        bst.run(lambda: net.update(drive), 10.0 * u.ms)
    return {'spikes': net.recorder, 'V': net.cells.V.value, 'seed': 2 * seed, 'fixed': jnp.arange(3)}


def summary(found):
    """What a sweep has found, as lists; numbers of V in full."""
    V = np.asarray(u.get_mantissa(found['V']))
    spikes = [[x.i.tolist(), x.step.tolist()] for x in found['spikes'].ravel()]
    return [[x.hex() for x in V.ravel().tolist()], spikes, found['seed'].tolist(), found['fixed'].tolist()]
