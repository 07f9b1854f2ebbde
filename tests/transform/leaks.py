"""No value of a trace outlives it: JAX's leak checker finds nothing, and a failed trace leaves nothing behind.

Run in a process of its own, because the checker searches all objects that there are.
"""

import gc
import weakref

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.transform import (
    bounded_while_loop,
    checkpoint,
    checkpointed_for_loop,
    cond,
    for_loop,
    grad,
    jacfwd,
    jit,
    jit_error_if,
    jvp,
    scan,
    vjp,
    vmap,
    while_loop,
)

N, LANES = 3, 2
X, XS = jnp.asarray(20.0), jnp.array([20.0, 0.0])


class Network(bst.nn.Module):
    """Neurons that excite each other, with noise, a setting, a check, and a state that is made anew in each step and kept."""

    graph_invisible_attrs = ('kept', 'touched')

    def __init__(self):
        super().__init__()
        self.neurons = bst.LIF(N, V_rest=-60.0 * u.mV, V_reset=-60.0 * u.mV, V_th=-50.0 * u.mV, tau=1.0 * u.ms)
        self.recurrent = bst.AlignPostProj(
            comm=bst.all_to_all(N, N, weight=0.5 * u.mA),
            syn=bst.Expon.desc(N, g_initializer=0.0 * u.mA),
            out=bst.CUBA.desc(scale=1.0),
            post=self.neurons,
        )
        self.rng = bst.RandomState(1)
        self.fails = False
        self.touched = []

    def update(self, x):
        self.recurrent(self.neurons.get_spike())
        self.kept = bst.State(self.rng.normal(0.0, 0.1, size=N))
        self.kept.value = self.kept.value + x * bst.environ.get('gain')
        self.neurons(self.kept.value * u.mA)
        V = self.neurons.V.value.to_decimal(u.mV)
        jit_error_if(V > 1e6, 'V is {}', V)
        self.touched += [weakref.ref(v) for v in (x, V, self.kept.value) if isinstance(v, jax.core.Tracer)]
        if self.fails:
            raise RuntimeError('on purpose')
        return V.sum()

    def params(self):
        return self.states(bst.ParamState)

    def own_of_each_lane(self):
        return [s for s in self.states().values() if not isinstance(s, (bst.ParamState, bst.RandomState))]


def make():
    return bst.nn.init_all_states(Network(), LANES)


@pytest.fixture(autouse=True)
def clock(dt):
    with bst.environ.context(gain=jnp.asarray(1.5)):
        yield


def still(x):
    return 0.0 * x


def steps(loop, **options):
    return lambda net: loop(lambda i: i < 3, lambda i: i + jnp.isfinite(net(X)), 0, **options)


def lanes_of_loops(net):
    return vmap(lambda x: for_loop(lambda k: cond(k < 1, net, still, x + k), XS), in_states=net.own_of_each_lane())(XS)


def training(net):
    params = net.params()

    @jit
    def step(shift):
        def loss():
            return checkpointed_for_loop(lambda x: cond(x > 0, net, still, x), XS + shift).sum()

        grads = grad(loss, params)()
        for key, g in grads.items():
            params[key].value = jax.tree.map(lambda w, g: w - 1e-3 * g, params[key].value, g)

    return step(X)


ALONE = {
    'jit': lambda net: jit(net)(X),
    'for_loop': lambda net: for_loop(net, XS),
    'scan': lambda net: scan(lambda c, x: (c + net(x), c), 0.0, XS),
    'checkpointed_for_loop': lambda net: checkpointed_for_loop(net, XS),
    'while_loop': steps(while_loop),
    'bounded_while_loop': steps(bounded_while_loop, max_steps=2, base=2),
    'cond': lambda net: cond(X > 0, net, still, X),
    'checkpoint': lambda net: checkpoint(net)(X),
    'vmap': lambda net: vmap(net, in_states=net.own_of_each_lane())(XS),
    'grad': lambda net: grad(net, net.params())(X),
    'jacfwd': lambda net: jacfwd(net, net.params())(X),
    'vjp': lambda net: vjp(net, X, grad_states=net.params())[1](1.0),
    'jvp': lambda net: jvp(net, (X,), (X,)),
}
NESTED = {
    'grad of for_loop': lambda net: grad(lambda: for_loop(net, XS).sum(), net.params())(),
    'jit of lanes of loops of choices': lambda net: jit(lambda: lanes_of_loops(net))(),
    'step of training': training,
}


@pytest.mark.parametrize(
    'use', [*ALONE.values(), *(pytest.param(use, marks=pytest.mark.slow) for use in NESTED.values())], ids=ALONE | NESTED
)
def test_no_traced_value_is_leaked(use):
    net = make()
    with jax.checking_leaks():
        use(net)
    assert net.touched, 'nothing was traced'
    gc.collect()
    assert not any(ref() is not None for ref in net.touched)


@pytest.mark.parametrize('use', [jit, grad, lambda f: lambda x: for_loop(f, x[None])], ids=['jit', 'grad', 'for_loop'])
def test_a_value_that_the_function_itself_keeps_is_found(use):
    kept = []

    def f(x):
        kept.append(2 * x)
        return x

    with jax.checking_leaks(), pytest.raises(Exception, match='Leaked'):
        use(f)(X)


@pytest.mark.parametrize('use', NESTED.values(), ids=NESTED)
def test_a_failed_trace_leaves_the_world_as_it_was(use):
    net, twin = make(), make()
    held, settings = {path: s.value for path, s in net.states().items()}, bst.environ.all()
    net.fails = True
    with pytest.raises(RuntimeError, match='on purpose'):
        use(net)

    assert net.touched, 'nothing was traced'
    for path, state in net.states().items():
        assert state.value is held[path], path
    assert bst.environ.all() == settings
    assert '__getattribute__' not in vars(bst.nn.Module)  # attributes are reported to nobody any more

    net.fails = False
    jax.tree.map(np.testing.assert_array_equal, use(net), use(twin))
    for path, state in net.states().items():
        jax.tree.map(np.testing.assert_array_equal, state.value, twin.states()[path].value)
