"""Noise whose statistics are declared, whatever dt is and in whatever unit it is written."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import OUProcessInput, WienerProcessInput

pytestmark = pytest.mark.slow

DTS = {'0.1 ms': 0.1 * u.ms, '0.0001 s': 1e-4 * u.second, '1 ms': 1.0 * u.ms}
every_dt = pytest.mark.parametrize('dt', DTS.values(), ids=DTS)
MEAN, SIGMA, TAU = 0.2, 0.05, 5.0  # nA, nA, ms


def ou(n, start=None, **kwargs):
    noise = OUProcessInput(n, MEAN * u.nA, SIGMA * u.nA, TAU * u.ms, x_initializer=start, **kwargs)
    return bst.nn.init_all_states(noise)


def steady(shape):
    return bst.random.normal(MEAN * u.nA, SIGMA * u.nA, shape)


@every_dt
def test_an_ou_process_has_its_mean_deviation_and_correlation(dt):
    n, duration = 500, 200.0
    with bst.environ.context(dt=dt):
        x = bst.run(ou(n, steady), duration * u.ms).to_decimal(u.nA).astype(float)
    independent = n * duration / (2 * TAU)  # as many values count as independent: 10,000
    np.testing.assert_allclose(x.mean(), MEAN, atol=4 * SIGMA * np.sqrt(1 / independent))
    np.testing.assert_allclose(x.std(), SIGMA, rtol=4 * np.sqrt(1 / independent))
    y = (x - MEAN) / SIGMA
    for lag in (1.0, 5.0, 10.0):
        k = round(lag / dt.to_decimal(u.ms))
        np.testing.assert_allclose(np.mean(y[k:] * y[:-k]), np.exp(-lag / TAU), atol=4 * np.sqrt(2 / independent))
    # rows of one time are independent: their mean has variance 1 / n
    np.testing.assert_allclose(np.var(y.mean(axis=1)) * n, 1, rtol=4 * np.sqrt(2 / (duration / (2 * TAU))))


@pytest.mark.parametrize('dt', [0.5, 5.0, 50.0])
def test_one_step_of_an_ou_process_is_exact(dt):
    n, start = 100_000, 0.9
    noise = ou(n, start * u.nA)
    with bst.environ.context(dt=dt * u.ms, i=0):
        np.testing.assert_array_equal(noise().to_decimal(u.nA), np.float32(start))
    x = noise.x.value.to_decimal(u.nA).astype(float)
    sd = SIGMA * np.sqrt(1 - np.exp(-2 * dt / TAU))
    np.testing.assert_allclose(x.mean(), MEAN + (start - MEAN) * np.exp(-dt / TAU), atol=4 * sd / np.sqrt(n))
    np.testing.assert_allclose(x.std(), sd, rtol=4 / np.sqrt(2 * n))


def test_an_ou_process_without_noise_decays_to_its_mean(dt):
    noise = bst.nn.init_all_states(OUProcessInput(1, 1.0, 0.0, 2.0 * u.ms, 0.5 * u.ms, x_initializer=3.0))
    expected = np.where(np.arange(8) < 5, 1 + 2 * np.exp(-0.05 * np.arange(8)), 0)
    np.testing.assert_allclose(bst.run(noise, 0.8 * u.ms)[:, 0], expected, rtol=1e-6)


def test_an_ou_process_begins_at_its_mean(dt):
    np.testing.assert_array_equal(ou(3).x.value.to_decimal(u.nA), np.float32(MEAN))


def test_parameters_of_an_ou_process_may_differ_between_neurons(dt):
    noise = OUProcessInput(2, [0.0, 5.0] * u.nA, [0.0, 2000.0] * u.pA, [1.0, 2.0] * u.ms)
    bst.nn.init_all_states(noise, batch_size=20_000)
    with bst.environ.context(i=0):
        noise()
        x = noise().to_decimal(u.nA)
    assert not x[:, 0].any()
    np.testing.assert_allclose(x[:, 1].std(), 2 * np.sqrt(1 - np.exp(-0.1)), rtol=4 / np.sqrt(2 * 20_000))


@every_dt
def test_the_integral_of_white_noise_has_the_variance_of_a_wiener_process(dt):
    n, T, sigma = 4000, 10.0, 3.0
    with bst.environ.context(dt=dt):
        I = bst.run(WienerProcessInput(n, sigma * u.nA * u.ms**0.5), T * u.ms).to_decimal(u.nA)  # noqa: E741
    W = I.sum(axis=0) * dt.to_decimal(u.ms)
    np.testing.assert_allclose(W.std(), sigma * np.sqrt(T), rtol=4 / np.sqrt(2 * n))
    np.testing.assert_allclose(W.mean(), 0, atol=4 * sigma * np.sqrt(T / n))


@every_dt
def test_white_noise_gives_a_membrane_a_deviation_that_does_not_depend_on_dt(dt):
    n, sigma, tau, R = 1000, 2.0, 10.0, 3.0
    noise = WienerProcessInput(n, sigma * u.mA * u.ms**0.5)
    neuron = bst.nn.init_all_states(bst.LIF(n, tau=tau * u.ms, R=R * u.ohm, V_th=1e3 * u.mV))

    def step():
        neuron(noise())
        return neuron.V.value.to_decimal(u.mV)

    with bst.environ.context(dt=dt):
        V = bst.run(step, 150.0 * u.ms)[round(50 / dt.to_decimal(u.ms)) :]  # after five time constants
    # a run of 100 ms has 5 independent values for each neuron; held input makes it smaller by (dt / tau)**2 / 24
    np.testing.assert_allclose(V.std(), R * sigma / np.sqrt(2 * tau), rtol=4 / np.sqrt(2 * 5 * n))


def test_a_seed_gives_the_same_noise_in_whatever_unit_dt_is_written():
    runs = []
    for dt in (0.1 * u.ms, 1e-4 * u.second):
        noise, white = ou(4, seed=3), WienerProcessInput(4, 1.0 * u.nA * u.second**0.5, seed=3)
        with bst.environ.context(dt=dt):
            runs.append([x.to_decimal(u.nA) for x in bst.run(lambda a=noise, b=white: (a(), b()), 5.0 * u.ms)])
    for a, b in zip(*runs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_noise_ends_with_its_duration(dt):
    short, white = ou(2, duration=0.5 * u.ms), WienerProcessInput(2, 1.0 * u.nA * u.ms**0.5, 0.5 * u.ms)
    for current in bst.run(lambda: (short(), white()), 1.0 * u.ms):
        assert current[:5].to_decimal(u.nA).all()
        assert not current[5:].to_decimal(u.nA).any()


def test_noise_has_the_unit_and_the_type_of_the_precision(dt, precision):
    with bst.environ.context(i=0):
        for noise in (ou(2), WienerProcessInput(2, 1.0 * u.nA * u.ms**0.5)):
            assert noise().unit == u.nA
            assert noise().dtype == f'float{precision}'


def test_parameters_of_noise_can_be_trained(dt):
    tau = bst.ParamState(jnp.array(2.0) * u.ms)
    noise = OUProcessInput(3, 0.0, 1.0, tau, x_initializer=1.0, seed=1)

    def loss():
        bst.nn.init_all_states(noise)
        with bst.environ.context(i=0):
            noise()
            return jnp.sum(noise())

    gradient = bst.transform.grad(loss, tau)()
    assert np.isfinite(u.get_mantissa(gradient))
    assert u.get_mantissa(gradient) != 0
