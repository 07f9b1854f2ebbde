"""Integration steps and spike functions against exact solutions."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.numerics import bernoulli, decay, exp_euler, exprel, heaviside, plain, reset_to, whole_steps

EPS = {32: 2.0**-23, 64: 2.0**-52}


def test_exprel_equals_the_exact_quotient(precision):
    z = np.array([-80.0, -3.0, -1e-3, -1e-8, 0.0, 1e-8, 1e-3, 3.0, 30.0])
    exact = np.where(z == 0, 1.0, np.expm1(z) / np.where(z == 0, 1.0, z))
    # expm1 is good to a few units in the last place, and so is the division
    np.testing.assert_allclose(exprel(jnp.asarray(z)), exact, rtol=8 * EPS[precision])


@pytest.mark.slow
def test_derivative_of_one_over_exprel_is_right_near_zero_and_finite_where_the_exponential_is_not(x64):
    slope = jax.vmap(jax.grad(bernoulli))
    near = np.array([-9e-3, -1e-9, 0.0, 1e-9, 9e-3, 1.1e-2])
    np.testing.assert_allclose(slope(jnp.asarray(near)), -1 / 2 + near / 6 - near**3 / 180, rtol=1e-11)
    far = np.array([-30.0, -0.5, 2.0, 300.0])
    np.testing.assert_allclose(slope(jnp.asarray(far)), (np.expm1(far) - far * np.exp(far)) / np.expm1(far) ** 2, rtol=1e-12)
    np.testing.assert_array_equal(slope(jnp.array([-1e4, 1e4])), [-1.0, 0.0])


@pytest.mark.quick('32')
def test_derivative_of_exprel_is_right_near_zero_and_far_from_it(precision):
    z = np.array([-5.0, -0.5, -0.02, -0.009, -1e-4, 0.0, 1e-4, 0.009, 0.02, 0.5, 5.0])
    with np.errstate(all='ignore'):
        away = (np.exp(z) * (z - 1) + 1) / z**2
    series = sum(z**k / ((k + 2) * float(np.prod(np.arange(1, k + 1)))) for k in range(12))
    exact = np.where(np.abs(z) < 0.5, series, away)
    # the series ends at z**3 / 30: 0.01**4 / 144 is left out; in float32 (exp(z) - value) / z cancels, worst at 0.02
    tolerance = 2e-5 if precision == 32 else 2e-10
    np.testing.assert_allclose(jax.vmap(jax.grad(exprel))(jnp.asarray(z)), exact, rtol=tolerance)


@pytest.mark.parametrize('dt', [0.01, 0.1, 1.0, 10.0])
def test_exp_euler_is_exact_for_an_affine_equation_whatever_the_step(dt, x64):
    tau, goal, start = 7.0, 3.0, -65.0
    new = exp_euler(lambda x: (goal - x) / (tau * u.ms), jnp.array(start), dt * u.ms)
    assert float(new) == pytest.approx(goal + (start - goal) * np.exp(-dt / tau), rel=1e-14)


def test_exp_euler_is_of_second_order_for_a_nonlinear_equation(x64):
    def error(steps):
        x = jnp.array(0.1)
        dt = 2.0 / steps * u.ms
        for _ in range(steps):
            x = exp_euler(lambda x: x * (1 - x) / u.ms, x, dt)
        exact = 1 / (1 + 9 * np.exp(-2.0))
        return abs(float(x) - exact)

    steps = np.array([8, 16, 32, 64])
    order = -np.polyfit(np.log(steps), np.log([error(n) for n in steps]), 1)[0]
    assert order == pytest.approx(2.0, abs=0.15)


def test_exp_euler_keeps_unit_and_type(precision):
    V = jnp.full(3, -65.0) * u.mV
    new = exp_euler(lambda V: (-70.0 * u.mV - V) / (10.0 * u.ms), V, 100.0 * u.us)
    assert u.get_unit(new) == u.mV
    assert new.dtype == f'float{precision}'
    np.testing.assert_allclose(new.mantissa, -70.0 + 5.0 * np.exp(-0.01), rtol=4 * EPS[precision])


def test_exp_euler_of_a_constant_drift_is_a_straight_line():
    assert float(exp_euler(lambda x: 0 * x / u.ms + 3.0 / u.ms, jnp.array(1.0), 0.5 * u.ms)) == 2.5


def test_exp_euler_rejects_a_drift_of_the_wrong_unit():
    with pytest.raises(u.UnitMismatchError):
        exp_euler(lambda V: V, jnp.ones(1) * u.mV, 0.1 * u.ms)


@pytest.mark.parametrize(
    ('dt', 'tau', 'expected'),
    [(0.1 * u.ms, 8.0 * u.ms, np.exp(-0.1 / 8)), (100.0 * u.us, 8.0 * u.ms, np.exp(-0.1 / 8)), (0.1, 8.0, np.exp(-0.1 / 8))],
    ids=['ms', 'us', 'plain'],
)
def test_decay_of_plain_numbers_is_a_double_precision_number(dt, tau, expected):
    factor = decay(dt, tau)
    assert isinstance(factor, float)
    assert factor == pytest.approx(expected, rel=1e-15)


def test_decay_of_arrays_is_elementwise():
    np.testing.assert_allclose(decay(1.0 * u.ms, np.array([1.0, 2.0]) * u.ms), np.exp([-1.0, -0.5]), rtol=1e-6)


def test_plain_strips_only_dimensionless_quantities():
    assert plain(3.0 * u.ms / (1.0 * u.second)) == pytest.approx(3e-3)
    assert plain(2.0) == 2.0
    with pytest.raises((TypeError, ValueError, u.UnitMismatchError)):
        plain(2.0 * u.mV)


def test_heaviside_is_one_from_zero_on_in_the_type_of_its_argument(precision):
    x = jnp.array([-1.0, -1e-30, 0.0, 1e-30, 2.0])
    y = heaviside(x)
    np.testing.assert_array_equal(y, [0, 0, 1, 1, 1])
    assert y.dtype == x.dtype


def test_surrogate_gradient_is_a_triangle():
    x = jnp.array([-2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 3.0])
    slopes = jax.vmap(jax.grad(heaviside))(x)
    np.testing.assert_allclose(slopes, 0.3 * np.maximum(0, 1 - np.abs(x)), rtol=1e-6)


def test_reset_sets_the_value_exactly_where_a_neuron_spiked():
    V = jnp.array([1.3, 0.7]) * u.mV
    new = reset_to(-0.1 * u.mV, jnp.array([1.0, 0.0]), V)
    np.testing.assert_array_equal(new.mantissa, np.array([-0.1, 0.7], np.float32))


def test_reset_converts_the_unit_of_its_value():
    new = reset_to(-0.065 * u.volt, jnp.ones(1), jnp.zeros(1) * u.mV)
    np.testing.assert_allclose(new.to_decimal(u.mV), [-65.0], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize('detached', [False, True])
@pytest.mark.parametrize('V', [1.2, 1.0, 0.9])  # above, at and below the threshold
def test_the_derivative_of_a_reset_is_that_of_its_formula(V, detached, x64):
    def after(V, V_reset, reset):
        spike = heaviside(V - 1.0)
        return reset(V_reset, jax.lax.stop_gradient(spike) if detached else spike, V)

    def formula(V_reset, spike, V):
        return V + spike * (V_reset - V)

    for transform in (jax.grad, jax.jacfwd):
        ours, plain = (transform(after, (0, 1))(V, -0.5, reset) for reset in (reset_to, formula))
        np.testing.assert_allclose(ours, plain, rtol=1e-14)
    if detached:
        np.testing.assert_array_equal(ours, [0.0, 1.0] if V >= 1 else [1.0, 0.0])


def test_numerics_know_nothing_of_states_and_settings():
    with bst.StateTraceStack() as stack:
        exp_euler(lambda x: -x / u.ms, jnp.ones(1), 0.1 * u.ms)
    assert stack.get_read_states() + stack.get_write_states() == ()


@pytest.mark.parametrize(
    ('time', 'steps'),
    [
        (0.3 * u.ms, 3),  # 0.3 / 0.1 is below 3
        (0.0 * u.ms, 0),
        (1.0 * u.second, 10_000),
        (np.float32(0.7) * u.ms, 7),
        (np.array([[0.1], [250.0]]) * u.us * 1e3, [[1], [2500]]),
    ],
)
def test_times_are_counted_in_steps(time, steps):
    found = whole_steps(time, 0.1 * u.ms, 'test: time')
    np.testing.assert_array_equal(found, steps)
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    ('time', 'options', 'kind', 'message'),
    [
        (0.25 * u.ms, {}, bst.ParameterError, r'0\.25 ms must be a multiple of dt = 0\.1 ms, zero or more\.$'),
        (-0.1 * u.ms, {}, bst.ParameterError, r'-0\.1 ms must be .*, zero or more\.$'),
        (0.0 * u.ms, {'positive': True}, bst.ParameterError, r'0\. ms must be .*, more than zero\.$'),
        (np.inf * u.ms, {}, bst.ParameterError, 'inf ms must be'),
        (np.nan * u.ms, {}, bst.ParameterError, 'nan ms must be'),
        (np.array([0.1, 0.15, 0.25]) * u.ms, {'hint': '; round it'}, bst.ParameterError, r'0\.15 ms must be .*; round it\.$'),
        (3.0, {}, bst.UnitError, r'3\.0 must be a time, as dt = 0\.1 ms is\.$'),
        (3.0 * u.mV, {}, bst.UnitError, r'3\. mV must be a time'),
    ],
)
def test_a_time_between_steps_is_one_clear_line(time, options, kind, message):
    with pytest.raises(kind, match='^test: time = ' + message):
        whole_steps(time, 0.1 * u.ms, 'test: time', **options)
