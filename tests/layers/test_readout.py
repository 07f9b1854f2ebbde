"""From spikes to graded outputs."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, ParamState, ShapeError, UnitError, nn
from brainpy_state.transform import for_loop, grad

pytestmark = pytest.mark.slow

W = np.array([[1.0, 0.0], [0.5, -1.0], [0.0, 2.0]])


def spikes(*batch, steps=20):
    return np.random.default_rng(1).random((steps, *batch, 3)) < 0.3


@pytest.mark.parametrize('batch', [None, 2])
def test_output_is_the_exponentially_weighted_sum_of_spikes(x64, dt, batch):
    readout = nn.init_all_states(nn.LeakyRateReadout(3, 2, tau=3.0 * u.ms, w_init=W), batch_size=batch)
    x = spikes(*(() if batch is None else (batch,))).astype(float)
    found = for_loop(readout, x)
    times = 0.1 * np.arange(len(x))
    expected = [sum(np.exp(-(times[n] - times[k]) / 3.0) * (x[k] @ W) for k in range(n + 1)) for n in range(len(x))]
    np.testing.assert_allclose(found, expected, rtol=1e-12)  # rounding of 20 steps in double precision


def test_output_has_the_unit_of_the_weights(dt):
    readout = nn.init_all_states(nn.LeakyRateReadout(3, 2, w_init=W * u.mV))
    assert u.get_unit(readout.r.value) == u.mV
    assert u.math.allclose(readout(jnp.ones(3)), np.array([1.5, 1.0]) * u.mV)
    with pytest.raises(UnitError, match='LeakyRateReadout: weighted input = .* has the unit'):
        readout(jnp.ones(3) * u.mS)


def test_a_first_value_can_be_given(dt):
    readout = nn.init_all_states(nn.LeakyRateReadout(3, 2, w_init=W, tau=1.0 * u.ms, r_initializer=2.0))
    np.testing.assert_allclose(readout(jnp.zeros(3)), [2 * np.exp(-0.1)] * 2, rtol=1e-6)


def test_gradient_by_weights_reaches_through_time(dt):
    readout = nn.init_all_states(nn.LeakyRateReadout(3, 2, w_init=W, tau=1.0 * u.ms))
    x = spikes(steps=5).astype(np.float32)
    found = grad(lambda: jnp.sum(for_loop(readout, x)[-1]), readout.weight)()
    traces = sum(np.exp(-0.1 * (4 - k)) * x[k] for k in range(5))
    np.testing.assert_allclose(found, np.stack([traces, traces], -1), rtol=1e-5)


def test_the_time_constant_can_be_trained(dt):
    readout = nn.init_all_states(nn.LeakyRateReadout(3, 2, w_init=W, tau=nn.Param(2.0 * u.ms, t=nn.PositiveT())))
    assert list(readout.states(ParamState)) == [('tau', 'val'), ('weight',)]
    readout(jnp.ones(3))
    assert float(grad(lambda: readout(jnp.zeros(3))[0], readout.states(ParamState))()['tau', 'val'].mantissa) > 0.0


def test_a_bad_use_is_one_clear_line(dt):
    readout = nn.init_all_states(nn.LeakyRateReadout(3, 2, name='out'), batch_size=4)
    with pytest.raises(ShapeError, match=r"^LeakyRateReadout 'out': the input has shape \(3,\), expected \(4, 3\)\.$"):
        readout(jnp.ones(3))
    with pytest.raises(ParameterError, match='tau = .* must be positive'):
        nn.LeakyRateReadout(3, 2, tau=-1.0 * u.ms)
    with pytest.raises(ShapeError, match='may differ in the last axis only'):
        nn.LeakyRateReadout((2, 3), 2)
    with pytest.raises(AttributeError, match='r is not allocated yet'):
        nn.LeakyRateReadout(3, 2)(jnp.ones(3))


def test_without_a_time_step_the_error_names_the_readout():
    with pytest.raises(KeyError, match="LeakyRateReadout 'out' needs the time step"):
        nn.init_all_states(nn.LeakyRateReadout(3, 2, name='out'))(jnp.ones(3))


def test_a_network_of_neurons_and_readout_is_trained(dt):
    bst.random.seed(0)
    net = nn.Sequential(nn.Linear(4, 10, w_init=5.0 * u.mA), bst.LIF.desc(tau=5.0 * u.ms), nn.LeakyRateReadout.desc(2))
    nn.init_all_states(net, batch_size=3)
    weights = net[2].weight

    def loss():
        nn.init_all_states(net, batch_size=3)
        return jnp.mean((for_loop(net, jnp.ones((30, 3, 4)))[-1] - 1.0) ** 2)

    losses = []
    for _ in range(5):
        step, value = grad(loss, weights, return_value=True)()
        weights.value = weights.value - 0.001 * step
        losses.append(float(value))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]
