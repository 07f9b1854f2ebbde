"""Training as users of ``brainstate`` and ``brainpy.state`` write it: nothing but the import is changed."""

import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import pytest

from brainpy_state.compat import brainpy, brainstate

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def seeded():
    brainstate.random.seed(0)


def test_training_by_braintools():
    class SNN(brainstate.nn.Module):
        def __init__(self):
            super(SNN, self).__init__()  # noqa: UP008
            self.i2r = brainstate.nn.Sequential(
                brainstate.nn.Linear(
                    10, 8, w_init=braintools.init.KaimingNormal(scale=2.0, unit=u.mA), b_init=braintools.init.ZeroInit(unit=u.mA)
                ),
                brainpy.state.Expon(8, tau=5.0 * u.ms, g_initializer=braintools.init.Constant(0.0 * u.mA)),
            )
            self.r = brainpy.state.LIF(
                8, tau=20 * u.ms, V_reset=0 * u.mV, V_rest=0 * u.mV, V_th=1.0 * u.mV, spk_fun=braintools.surrogate.ReluGrad()
            )
            self.r2o = brainstate.nn.Linear(8, 2, w_init=braintools.init.KaimingNormal())
            self.o = brainpy.state.Expon(2, tau=10.0 * u.ms, g_initializer=braintools.init.Constant(0.0))

        def update(self, spike):
            return self.o(self.r2o(self.r(self.i2r(spike))))

    with brainstate.environ.context(dt=1.0 * u.ms):
        net = SNN()
        x = brainstate.random.rand(30, 16, 10) < 0.2
        y = u.math.asarray(brainstate.random.rand(16) < 0.5, dtype=int)
        optimizer = braintools.optim.Adam(lr=braintools.optim.StepLR(3e-2, step_size=10, gamma=0.9))
        optimizer.register_trainable_weights(net.states(brainstate.ParamState))

        def loss_fn():
            out = u.math.mean(brainstate.transform.for_loop(net.update, x), axis=0)
            return braintools.metric.softmax_cross_entropy_with_integer_labels(out, y).mean()

        @brainstate.transform.jit
        def train():
            brainstate.nn.init_all_states(net, batch_size=16)
            grads, loss = brainstate.transform.grad(loss_fn, net.states(brainstate.ParamState), return_value=True)()
            optimizer.update(grads)
            return loss

        losses = [float(train()) for _ in range(60)]
        optimizer.lr.step_epoch()
    assert losses[-1] < 0.7 * losses[0]


def test_a_recurrent_cell_of_ones_own():
    class Cell(brainstate.nn.Module):
        def __init__(self, num_in, num_out, activation=brainstate.nn.relu):
            super().__init__()
            self.num_out, self.activation = num_out, activation
            self.W = brainstate.ParamState(braintools.init.param(braintools.init.XavierNormal(), (num_in + num_out, num_out)))

        def init_state(self, batch_size=None, **kwargs):
            self.state = brainstate.HiddenState(braintools.init.param(braintools.init.ZeroInit(), (self.num_out,), batch_size))

        def update(self, x):
            self.state.value = self.activation(jnp.concatenate([x, self.state.value], axis=-1) @ self.W.value)
            return self.state.value

    class RNN(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = Cell(1, 5), brainstate.nn.Linear(5, 1)

        def update(self, x):
            return x >> self.rnn >> self.out

    model = RNN()
    weights = model.states(brainstate.ParamState)
    optimizer = braintools.optim.SGD(lr=1e-2)
    optimizer.register_trainable_weights(weights)

    @brainstate.transform.jit
    def predict(inputs):
        brainstate.nn.init_all_states(model, batch_size=inputs.shape[1])
        return brainstate.transform.for_loop(model.update, inputs)

    def loss(inputs):
        l2 = sum(jnp.sum(leaf**2) for weight in weights.values() for leaf in jax.tree.leaves(weight.value))
        return ((predict(inputs) - jnp.cumsum(inputs, 0)) ** 2).mean() + 1e-4 * l2

    @brainstate.compile.jit
    def train(inputs):
        grads, value = brainstate.augment.grad(loss, weights, return_value=True)(inputs)
        optimizer.update(grads)
        return value

    inputs = brainstate.random.normal(size=(20, 4, 1)) * 0.1
    losses = [float(train(inputs)) for _ in range(30)]
    assert losses[-1] < losses[0]
