"""A training on several devices, with weights of a SEED; run by `test_fit_devices.py`."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import optax

import brainpy_state as bst
from tests.connected import mesh_and_arguments, tell

mesh, (seed,) = mesh_and_arguments()
bst.environ.set(dt=1.0 * u.ms)
bst.random.seed(int(seed))


class Net(bst.nn.Module):
    """Spikes through a layer of neurons and a readout."""

    def __init__(self):
        super().__init__()
        self.into = bst.nn.Linear(12, 10, w_init=bst.random.normal(0.0, 1.0, (12, 10)), b_init=None)
        self.cells = bst.LIF(10, tau=10.0 * u.ms, R=1.0 * u.ohm, V_th=1.0 * u.mV)
        self.out = bst.nn.LeakyRateReadout(10, 3, tau=10.0 * u.ms)

    def update(self, x):
        return self.out(self.cells(self.into(x) * u.mA))


net = Net()


def loss(x, y):
    bst.nn.init_all_states(net, batch_size=x.shape[0])
    out = bst.transform.for_loop(net, jnp.swapaxes(x, 0, 1)).mean(0)
    return optax.softmax_cross_entropy_with_integer_labels(out, y).mean(), {'accuracy': (out.argmax(1) == y).mean()}


rng = np.random.default_rng(0)
x, y = (rng.random((24, 20, 12)) < 0.2).astype('float32'), rng.integers(0, 3, 24)
trainer = bst.optim.Optimizer(optax.adam(1e-2), net.states(bst.ParamState))
try:
    history = bst.fit(loss, trainer, (x, y), epochs=3, batch_size=8, mesh=mesh, validation=(x, y))
    told = {name: history[name].tolist() for name in ('loss', 'accuracy', 'validation loss')}
    told['weights'] = np.asarray(net.into.weight.value['weight']).ravel().tolist()
except bst.ParameterError as error:
    told = {'error': str(error)}
tell(told)
