"""Trainable parameters with ranges."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, ParamState, ShapeError, UnitError, nn
from brainpy_state.transform import grad, jit


def neuron(**options):
    return nn.init_all_states(bst.LIF(3, tau=nn.Param(10.0 * u.ms, t=nn.SoftplusT(1.0 * u.ms)), **options))


def test_value_and_unconstrained_state():
    p = nn.Param(2.0, t=nn.ExpT())
    assert type(p.val) is ParamState
    np.testing.assert_allclose(p.val.value, np.log(2.0), rtol=1e-6)
    np.testing.assert_allclose(p.value(), 2.0, rtol=1e-6)
    assert list(p.states()) == [('val',)]
    p.set_value(3.0)
    np.testing.assert_allclose(p.val.value, np.log(3.0), rtol=1e-6)


def test_a_parameter_that_is_not_trained_has_no_state():
    p = nn.Param(2.0, t=nn.ExpT(), reg=nn.L1Reg(), fit=False)
    np.testing.assert_allclose(p.val, np.log(2.0), rtol=1e-6)
    np.testing.assert_allclose(p.value(), 2.0, rtol=1e-6)
    assert p.states() == {}
    assert p.reg_loss() == 0.0
    with pytest.raises(ParameterError, match='Param is constant'):
        p.set_value(3.0)
    c = nn.Const(np.array([1, 2]) * u.mS)
    assert c.states() == {}
    np.testing.assert_array_equal(c.value().to_decimal(u.mS), [1.0, 2.0])


@pytest.mark.parametrize('value', [2, 2.0, np.float64(2.0), np.array(2), jnp.array(2)])
def test_values_are_floating_point_numbers(value, precision):
    assert nn.Param(value).value().dtype == f'float{precision}'


@pytest.mark.parametrize(
    ('value', 'kind', 'message'),
    [
        (-1.0 * u.ms, ParameterError, 'lies outside of PositiveT'),
        (1.0, UnitError, 'the value 1.0 has another unit than before, ms'),
        (np.ones(2) * u.ms, ShapeError, r'the value has shape \(2,\), but had \(\)'),
    ],
)
def test_setting_a_value_that_does_not_fit_changes_nothing(value, kind, message):
    p = nn.Param(2.0 * u.ms, t=nn.PositiveT(), name='tau')
    before = p.val.value
    with pytest.raises(kind, match=f"^Param 'tau'.*{message}"):
        p.set_value(value)
    assert p.val.value is before


def test_setting_a_value_in_another_unit_keeps_the_unit():
    p = nn.Param(2.0 * u.ms, t=nn.PositiveT())
    p.set_value(0.003 * u.second)
    assert u.get_unit(p.val.value) == u.ms
    np.testing.assert_allclose(p.value().to_decimal(u.ms), 3.0, rtol=1e-6)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'value': 'a'}, "the value must be a number, a quantity or an array, but is 'a'"),
        ({'value': 1.0, 't': jnp.exp}, 't is a Transform'),
        ({'value': 1.0, 'reg': 0.1}, 'reg is a Regularizer'),
        ({'value': 1.0 * u.ms, 'reg': nn.L2Reg(0.1)}, 'the weight must have the unit'),
    ],
)
def test_what_is_no_parameter_is_one_clear_line(options, message):
    with pytest.raises(TypeError, match=message):
        nn.Param(**options)


def test_regularisation_is_summed_over_the_tree_and_shared_parameters_count_once():
    a = nn.Param(jnp.array([1.0, -2.0]), reg=nn.L1Reg(0.5))
    b = nn.Param(3.0, t=nn.ExpT(), reg=nn.L2Reg(2.0))  # of the value, not of its logarithm
    net = nn.Module()
    net.layers, net.again, net.plain = [a, b], a, nn.Param(7.0)
    np.testing.assert_allclose(net.reg_loss(), 1.5 + 18.0, rtol=1e-6)
    assert nn.Module().reg_loss() == 0.0
    np.testing.assert_allclose(grad(lambda: net.reg_loss(), a.val)(), [0.5, -0.5])


def test_a_neuron_takes_a_parameter():
    n = neuron()
    assert u.math.allclose(n.tau, 10.0 * u.ms)
    assert list(n.states(ParamState)) == [('tau', 'val')]
    n.states(ParamState)['tau', 'val'].value = -5.0 * u.ms
    np.testing.assert_allclose(n.tau.to_decimal(u.ms), 1.0 + np.log1p(np.exp(-5.0)), rtol=1e-6)


@pytest.mark.parametrize(
    ('param', 'kind', 'message'),
    [
        (nn.Param(10.0 * u.mV), UnitError, 'tau = .* has the unit mV'),
        (nn.Param(-10.0 * u.ms), ParameterError, 'tau = .* must be positive'),
        (nn.Param(np.ones(2) * u.ms), ShapeError, r'tau has shape \(2,\), which does not broadcast to the size \(3,\)'),
    ],
)
def test_unit_range_and_shape_are_checked_of_the_value(param, kind, message):
    with pytest.raises(kind, match=f"^LIF 'E': {message}"):
        bst.LIF(3, tau=param, name='E')


@pytest.mark.slow
def test_gradient_by_a_parameter_is_that_by_the_value_times_the_slope(x64, dt):
    n = neuron()
    x = n.states(ParamState)['tau', 'val'].value.mantissa

    def V(tau):
        return jnp.sum(n.V_rest.mantissa + 20.0 * (1 - jnp.exp(-0.1 / tau)))

    def loss():
        nn.init_all_states(n)
        n(20.0 * u.mA)
        return jnp.sum(n.V.value.to_decimal(u.mV) + n.spike.value)

    found = grad(loss, n.states(ParamState))()['tau', 'val']
    expected = 3 * jax.grad(V)(10.0) * jax.nn.sigmoid(x)
    np.testing.assert_allclose(found.mantissa, expected, rtol=1e-9)


def test_training_moves_a_parameter_but_never_beyond_its_bound(dt):
    n = neuron(V_th=100.0 * u.mV)
    params = n.states(ParamState)

    @jit
    def train():
        def loss():  # V after a step grows without end as tau falls
            nn.init_all_states(n)
            n(20.0 * u.mA)
            return -u.math.sum(n.V.value).to_decimal(u.mV)

        grads = grad(loss, params)()
        for key in params:
            params[key].value = jax.tree.map(lambda p, g: p - 300.0 * g, params[key].value, grads[key])
        return n.tau.to_decimal(u.ms)

    taus = [float(train()) for _ in range(20)]
    assert taus == sorted(taus, reverse=True)
    assert taus[0] < 10.0
    assert 1.0 <= taus[-1] < 1.1


def test_a_parameter_knows_the_limits_of_its_range():
    low, high = bst.nn.Param([3.0, 4.0] * u.ms, t=bst.nn.SigmoidT(1.0 * u.ms, 20.0 * u.ms)).limits()
    assert u.math.allclose(low, 1.0 * u.ms)
    assert u.math.allclose(high, 20.0 * u.ms)
    assert [float(x) for x in bst.nn.Param(2.0, t=bst.nn.NegSoftplusT(5.0)).limits()] == [-np.inf, 5.0]
    assert [float(x) for x in bst.nn.Const(2.0).limits()] == [-np.inf, np.inf]
