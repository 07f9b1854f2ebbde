"""`Delay` against a plain list of past values."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, ShapeError, UnitError
from brainpy_state.nn import Delay, init_all_states
from brainpy_state.transform import for_loop, grad, jit

STEPS, N = 30, 4
VALUES = np.random.default_rng(0).normal(size=(STEPS, N)).astype(np.float32)


def shifted(values, steps, initial=0.0):
    """Each element of each step as it was ``steps`` before."""
    steps = np.broadcast_to(steps, values.shape[1:])
    k = np.arange(len(values)).reshape(-1, *[1] * steps.ndim) - steps
    return np.where(k < 0, initial, np.take_along_axis(values, np.maximum(k, 0), axis=0))


@pytest.mark.parametrize('steps', [0, 1, 3, 29, 40, [0, 1, 2, 5], [4, 4, 4, 4], [7, 0, 0, 7]], ids=str)
def test_it_gives_what_was_so_many_steps_ago(steps, dt):
    delay = init_all_states(Delay(N, np.asarray(steps) * 0.1 * u.ms))
    np.testing.assert_array_equal(for_loop(delay, jnp.asarray(VALUES)), shifted(VALUES, steps))


def test_before_the_first_step_it_was_the_initial_value(dt):
    delay = init_all_states(Delay(N, 0.5 * u.ms, initial=-65.0 * u.mV))
    found = for_loop(delay, jnp.asarray(VALUES) * u.mV)
    np.testing.assert_array_equal(found.to_decimal(u.mV), shifted(VALUES, 5, -65.0))


def test_values_come_in_any_unit(dt):
    delay = init_all_states(Delay(1, 0.1 * u.ms, initial=0.0 * u.mV))
    delay(jnp.ones(1) * u.volt)
    assert delay(jnp.zeros(1) * u.mV)[0] == 1000.0 * u.mV


@pytest.mark.parametrize('steps', [3, [1, 2, 0, 5]], ids=str)
def test_a_batch_equals_single_delays(steps, dt):
    values = np.random.default_rng(1).normal(size=(STEPS, 2, N)).astype(np.float32)
    delay = init_all_states(Delay(N, np.asarray(steps) * 0.1 * u.ms), batch_size=2)
    found = for_loop(delay, jnp.asarray(values))
    for b in range(2):
        np.testing.assert_array_equal(found[:, b], shifted(values[:, b], steps))


@pytest.mark.parametrize('time', [0.25, 0.04, [0.0, 0.1, 0.33, 0.5]], ids=str)
def test_between_two_steps_it_interpolates_on_request(time, x64):
    with bst.environ.context(dt=0.1 * u.ms):
        delay = init_all_states(Delay(N, np.asarray(time) * u.ms, interpolate=True))
        found = for_loop(delay, jnp.asarray(VALUES, float))
    exact = np.asarray(time) / 0.1
    low = np.floor(exact + 1e-9).astype(int)
    expected = shifted(VALUES.astype(float), low) * (1 - (exact - low)) + shifted(VALUES.astype(float), low + 1) * (exact - low)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_delay_between_two_steps_is_an_error_that_names_both(dt):
    with pytest.raises(ParameterError, match=r'Delay: delay = 0.25 ms must be a multiple of dt = 0.1 ms, zero or more; round it'):
        init_all_states(Delay(N, 0.25 * u.ms))
    with pytest.raises(ParameterError, match=r'delay = 0.15 ms must be a multiple'):
        init_all_states(Delay(2, np.array([0.1, 0.15]) * u.ms))


def test_multiples_of_dt_are_found_in_any_unit_and_despite_rounding():
    for time, step in ((1.5 * u.ms, 0.1 * u.ms), (1500.0 * u.us, 1e-4 * u.second), (0.3 * u.ms, 0.1 * u.ms), (1.0 * u.second, 0.1 * u.ms)):
        with bst.environ.context(dt=step):
            init_all_states(Delay(1, time))


def test_another_dt_than_the_states_were_made_for_is_an_error(dt):
    delay = init_all_states(Delay(1, 0.3 * u.ms))
    with bst.environ.context(dt=0.05 * u.ms):
        with pytest.raises(ParameterError, match=r'made for dt = 0.1 ms, but dt is 0.05 ms now; initialise the model again'):
            delay(jnp.zeros(1))
        init_all_states(delay)
        assert delay.history.value.shape == (6, 1)
        delay(jnp.zeros(1))
    with bst.environ.context(dt=5e-5 * u.second):  # the same, in another unit
        delay(jnp.zeros(1))


def test_without_dt_the_error_says_who_needs_it():
    with pytest.raises(KeyError, match="'dt' is not set .*Delay"):
        init_all_states(Delay(1, 0.3 * u.ms))


@pytest.mark.parametrize(
    ('make', 'error', 'message'),
    [
        (lambda: Delay(1, -0.1 * u.ms), ParameterError, 'delay = -0.1 ms must be finite, and zero or more'),
        (lambda: Delay(1, np.nan * u.ms), ParameterError, 'must be finite'),
        (lambda: Delay(1, 0.1), UnitError, 'delay = 0.1 has no unit'),
        (lambda: Delay(1, 0.1 * u.mV), UnitError, 'delay = 0.1 mV has the unit mV'),
        (lambda: Delay(3, np.ones(2) * u.ms), ShapeError, r'delay has shape \(2,\), which does not broadcast to the size \(3,\)'),
    ],
    ids=['negative', 'nan', 'no unit', 'voltage', 'shape'],
)
def test_bad_delays_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_bad_values_are_refused(dt):
    delay = init_all_states(Delay(3, 0.1 * u.ms, initial=0.0 * u.mV))
    with pytest.raises(ShapeError, match=r'the value has shape \(2,\), expected \(3,\)'):
        delay(jnp.zeros(2) * u.mV)
    with pytest.raises(UnitError, match='value'):
        delay(jnp.zeros(3) * u.mA)
    with pytest.raises(AttributeError, match='init_all_states'):
        Delay(3, 0.1 * u.ms)(jnp.zeros(3))


def test_the_second_step_does_not_trace_again(dt):
    delay, traces = init_all_states(Delay(N, 0.2 * u.ms)), []

    @jit
    def step(x):
        traces.append(None)
        return delay(x)

    for x in jnp.asarray(VALUES[:5]):
        step(x)
    assert len(traces) == 1


def test_initialising_again_forgets(dt):
    delay = init_all_states(Delay(N, 0.3 * u.ms))
    first = for_loop(delay, jnp.asarray(VALUES))
    init_all_states(delay)
    np.testing.assert_array_equal(for_loop(delay, jnp.asarray(VALUES)), first)


def test_gradients_pass_through(dt):
    delay = Delay(N, np.array([0.0, 0.1, 0.2, 0.5]) * u.ms)
    weight = np.random.default_rng(2).normal(size=(STEPS, N)).astype(np.float32)

    def loss(values):
        init_all_states(delay)
        return (for_loop(delay, values) * weight).sum()

    slope = grad(loss)(jnp.asarray(VALUES))
    expected = np.zeros_like(weight)
    for j, k in enumerate((0, 1, 2, 5)):
        expected[: STEPS - k, j] = weight[k:, j]
    np.testing.assert_allclose(slope, expected, rtol=1e-6)
