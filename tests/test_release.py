"""A model that is dropped takes its arrays and programs with it at once, before any search for garbage."""

import contextlib
import gc
import weakref

import brainunit as u
import jax
import jax.numpy as jnp
import pytest

import brainpy_state as bst
from brainpy_state.transform import checkpointed_for_loop, for_loop, grad, jit, scan, vmap

N = 20


class Net(bst.nn.Module):
    """Neurons with recurrent synapses."""

    def __init__(self):
        super().__init__()
        self.neurons = bst.LIF(N, V_th=-50.0 * u.mV, V_rest=-60.0 * u.mV, V_reset=-60.0 * u.mV)
        self.recurrent = bst.AlignPostProj(
            comm=bst.pairwise_bernoulli(N, N, 0.5, weight=0.1 * u.mA, seed=1),
            syn=bst.Expon.desc(N, g_initializer=0.0 * u.mA),
            out=bst.CUBA.desc(scale=1.0),
            post=self.neurons,
        )
        self.recorder = bst.record.SpikeRecorder(N, capacity=1000)

    def update(self, x):
        self.recurrent(self.neurons.get_spike())
        self.recorder(self.neurons(x * u.mA))
        return self.neurons.V.value / u.mV


class Slotted:
    """An object to which there are no weak references."""

    __slots__ = ('model',)

    def __init__(self, model):
        self.model = model

    def step(self, x):
        return self.model(x)


USES = {
    'eager': lambda net: net(1.0),
    'jit': lambda net: jit(net)(1.0),
    'jit of a lambda': lambda net: jit(lambda x: net(x))(1.0),
    'jit of two signatures': lambda net: [f(x) for f in [jit(lambda x: net(jnp.sum(x)))] for x in (1.0, jnp.ones(2))],
    'for_loop': lambda net: for_loop(net, jnp.ones(3)),
    'scan': lambda net: scan(lambda carry, x: (carry, net(x)), 0.0, jnp.ones(3)),
    'checkpointed_for_loop': lambda net: checkpointed_for_loop(net, jnp.ones(3)),
    'grad': lambda net: grad(lambda x: for_loop(net, x).sum(), argnums=0)(jnp.ones(3)),
    'vmap': lambda net: vmap(lambda x: x * net.neurons.V.value)(jnp.ones(3)),
    'run': lambda net: bst.run(lambda: net(1.0), 1.0 * u.ms),
    'a mistake': lambda net: jit(lambda x: net.neurons(x * u.mV))(1.0),
    'held by an object with slots': lambda net: jit(Slotted(net).step)(1.0),
    'copies': lambda net: bst.graph.clone(net)(1.0),
}


def weak_references(net):
    """To the modules of a network, and to its arrays."""
    structure = net.recurrent.comm.structure
    arrays = [leaf for state in net.states().values() for leaf in jax.tree.leaves(state.value)]
    return [weakref.ref(x) for x in (*net.nodes().values(), *arrays, structure.indices, structure.indptr)]


@pytest.mark.quick('jit|grad|run|slots')
@pytest.mark.parametrize('use', USES)
def test_a_dropped_model_releases_its_arrays_without_the_garbage_collector(use, dt):
    net = bst.nn.init_all_states(Net())
    before = weak_references(net)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(bst.UnitError), bst.environ.context(i=0):
            USES[use](net)
        references = before + weak_references(net)
        net = None
        assert [ref() for ref in references if ref() is not None] == []
    finally:
        gc.enable()
