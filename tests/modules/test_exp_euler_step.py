"""`exp_euler_step`, for models with an ``update`` of their own."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import UnitError
from brainpy_state.nn import exp_euler_step


def test_an_affine_equation_is_solved_exactly():
    x = jnp.array([1.0, -2.0]) * u.mV
    with bst.environ.context(dt=0.5 * u.ms):
        moved = exp_euler_step(lambda x, tau, to: (to - x) / tau, x, 3.0 * u.ms, to=4.0 * u.mV)
    np.testing.assert_allclose(moved / u.mV, 4 + (np.array([1.0, -2.0]) - 4) * np.exp(-0.5 / 3), rtol=1e-6)


def test_numbers_without_a_unit_need_a_step_without_one():
    with bst.environ.context(dt=0.1):
        np.testing.assert_allclose(exp_euler_step(lambda x: -x, 1), np.exp(-0.1), rtol=1e-6)


def test_a_drift_runs_once():
    ran = []
    with bst.environ.context(dt=0.1 * u.ms):
        exp_euler_step(lambda x: ran.append(x) or -x / u.ms, 1.0 * u.mV)
    assert len(ran) == 1  # or an input that counts once would be gone before it counts


@pytest.mark.slow
def test_noise_has_the_variance_of_the_equation():
    bst.random.seed(0)
    x, tau, sigma = jnp.zeros(20_000) * u.mV, 5.0 * u.ms, 2.0 * u.mV
    with bst.environ.context(dt=0.5 * u.ms):
        step = lambda: exp_euler_step(lambda x: -x / tau, lambda x: sigma * u.math.sqrt(2 / tau), state.value)  # noqa: E731
        state = bst.State(x)
        assert not np.array_equal(step() / u.mV, step() / u.mV)
        bst.transform.for_loop(lambda: setattr(state, 'value', step()), length=100)
    left = np.exp(-0.1)
    exact = 4 * 2 / 5 * 0.5 / (1 - left**2)  # of the recursion, in mV^2
    np.testing.assert_allclose(np.var(state.value / u.mV), exact, rtol=0.04)
    np.testing.assert_allclose(np.mean(state.value / u.mV), 0, atol=0.06)


@pytest.mark.parametrize(
    ('call', 'error', 'message'),
    [
        (lambda: exp_euler_step(lambda x: x, 1.0 * u.mV), UnitError, 'drift times dt'),
        (lambda: exp_euler_step(lambda x: -x / u.ms, lambda x: 1.0 * u.mV, 1.0 * u.mV), UnitError, 'diffusion times the square root of dt'),
        (lambda: exp_euler_step(lambda x: x), TypeError, r'call exp_euler_step\(drift, x, \*args\)'),
    ],
)
def test_mistakes_are_named(call, error, message):
    with bst.environ.context(dt=0.5 * u.ms), pytest.raises(error, match=message):
        call()
    with pytest.raises(KeyError, match='exp_euler_step needs the time step'):
        exp_euler_step(lambda x: -x, 1.0)


def test_every_type_of_floats_is_kept():
    with bst.environ.context(dt=0.1 * u.ms):
        for dtype in (jnp.float16, jnp.bfloat16, jnp.float32):
            stepped = bst.nn.exp_euler_step(lambda x: -x / (10.0 * u.ms), jnp.ones(2, dtype))
            assert stepped.dtype == dtype
