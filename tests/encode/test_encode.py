"""Encoders: times, statistics and reconstruction, derivatives, seeds, and what they refuse."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import encode

DT = 0.5


@pytest.fixture(autouse=True)
def clock():
    with bst.environ.context(dt=DT * u.ms):
        yield


def within(mean, p, n, variance=None):
    """Whether a mean of n draws is that expected, to five standard deviations."""
    return abs(mean - p) < 5 * np.sqrt((p * (1 - p) if variance is None else variance) / n) + 1e-12


@pytest.mark.parametrize('counts', [False, True], ids=['spikes', 'counts'])
def test_rates_are_those_of_poisson_processes(counts):
    freqs, steps = np.array([0.0, 40.0, 800.0]) * u.Hz, 20_000
    spikes = np.asarray(encode.rate(freqs, steps * DT * u.ms, counts=counts, seed=3))
    mean = freqs.to_decimal(u.Hz) * DT / 1000
    assert spikes.shape == (steps, 3)
    assert (spikes == np.round(spikes)).all()
    assert (spikes.max() > 1) == counts
    for k in range(3):
        p = mean[k] if counts else 1 - np.exp(-mean[k])
        assert within(spikes[:, k].mean(), p, steps, mean[k] if counts else None)


@pytest.mark.parametrize('counts', [False, True], ids=['spikes', 'counts'])
def test_the_derivative_by_a_rate_is_that_of_the_mean(counts, x64):
    x = jnp.array([0.1, 0.9])
    slope = bst.transform.grad(lambda x: encode.rate(x * 1000.0 * u.Hz, 5.0 * u.ms, counts=counts, seed=0).sum())(x)
    mean = x * DT  # of events in a step
    np.testing.assert_allclose(slope, 10 * DT * (1.0 if counts else np.exp(-mean)), rtol=1e-12)


def test_the_same_seed_gives_the_same_spikes_and_the_generator_others():
    def draw(**seed):
        return np.asarray(encode.rate(np.full((2, 3), 500.0) * u.Hz, 20.0 * u.ms, **seed))

    assert (draw(seed=1) == draw(seed=1)).all()
    assert (draw(seed=1) != draw(seed=2)).any()
    with bst.random.seed_context(5):
        one, other = draw(), draw()
    with bst.random.seed_context(5):
        assert (draw() == one).all()
    assert (one != other).any()
    assert (one[:, 0] != one[:, 1]).any()
    several = bst.transform.for_loop(lambda: encode.rate(np.full(3, 500.0) * u.Hz, 20.0 * u.ms), length=2)
    assert (several[0] != several[1]).any()


def test_times_are_rounded_down_to_steps():
    times = np.array([[0.0, 0.49, 0.5], [1.1, np.inf, 2.0]]) * u.ms
    spikes = np.asarray(encode.spikes_at(times, 2.0 * u.ms))
    assert spikes.shape == (4, 2, 3)
    np.testing.assert_array_equal(spikes.argmax(0), [[0, 0, 1], [2, 0, 0]])
    np.testing.assert_array_equal(spikes.sum(0), [[1, 1, 1], [1, 0, 0]])


def test_multiples_of_dt_are_in_their_step_in_spite_of_rounding():
    with bst.environ.context(dt=0.1 * u.ms):
        steps = np.arange(1000)
        times = jnp.asarray(steps, jnp.float32) * jnp.float32(0.1) * u.ms
        np.testing.assert_array_equal(encode.spikes_at(times, 100.0 * u.ms).argmax(0), steps)
        np.testing.assert_array_equal(encode.spikes_at(times.in_unit(u.second), 100.0 * u.ms).argmax(0), steps)


def test_linear_latencies_use_all_steps_and_what_is_dark_is_silent():
    x = np.array([1.0, 0.75, 0.5, 0.25, 1e-6, 0.0])
    spikes = np.asarray(encode.latency(x, 2.5 * u.ms))
    assert spikes.shape == (5, 6)
    np.testing.assert_array_equal(spikes.argmax(0)[:5], [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(spikes.sum(0), [1, 1, 1, 1, 1, 0])
    np.testing.assert_array_equal(encode.latency(x, 2.5 * u.ms, threshold=0.25).sum(0), [1, 1, 1, 0, 0, 0])


def test_latencies_of_an_integrator_are_those_of_a_neuron_under_constant_current():
    x, tau = np.array([1.1, 1.5, 2.0, 5.0]), 10.0 * u.ms
    with bst.environ.context(dt=0.1 * u.ms):
        spikes = encode.latency(x, 50.0 * u.ms, tau=tau, threshold=1.0)
        neurons = bst.nn.init_all_states(bst.LIF(4, tau=tau, V_th=1.0 * u.mV, V_rest=0.0 * u.mV, R=1.0 * u.ohm))
        fired = bst.transform.for_loop(lambda: neurons(x * u.mA), length=500)
    np.testing.assert_array_equal(spikes.argmax(0), np.asarray(fired).argmax(0))  # a neuron fires at the end of its step
    assert not encode.latency(np.array([0.9, 1.0]), 50.0 * u.ms, tau=tau, threshold=1.0).any()


@pytest.mark.parametrize('unit', [1.0, u.mV], ids=['numbers', 'mV'])
def test_changes_follow_the_signal_to_less_than_a_threshold(unit):
    t = np.linspace(0, 6, 400)
    signal = np.stack([np.sin(t), 3 * np.cos(2 * t)], axis=-1)
    spikes = np.asarray(encode.delta(signal * unit, 0.1 * unit))
    assert spikes.shape == (400, 4)
    assert (spikes >= 0).all()
    followed = signal[0] + 0.1 * np.cumsum(spikes[:, :2] - spikes[:, 2:], axis=0)
    assert np.abs(followed - signal).max() < 0.1 + 1e-4
    assert not ((spikes[:, :2] > 0) & (spikes[:, 2:] > 0)).any()


def test_a_ramp_of_whole_thresholds_spikes_in_each_step():
    ramp = np.arange(50)[:, None] * np.float32(0.1)
    np.testing.assert_array_equal(encode.delta(ramp, 0.1)[:, 0], np.r_[0, np.ones(49)])


def test_populations_are_gaussian_fields_with_a_derivative(x64):
    x, centres = np.array([[-61.0, -55.0]]), np.linspace(-70.0, -50.0, 5)
    sigma = 5.0 / 1.5
    expected = np.exp(-((x[..., None] - centres) ** 2) / (2 * sigma**2)).reshape(1, 10)
    options = {'low': -70.0 * u.mV, 'high': -0.05 * u.volt}
    np.testing.assert_allclose(encode.population(x * u.mV, 5, **options), expected, rtol=1e-9)
    slope = jax.grad(lambda x: encode.population(x * u.mV, 5, **options).sum())(jnp.asarray(x))
    by_hand = (expected.reshape(1, 2, 5) * (centres - x[..., None]) / sigma**2).sum(-1)
    np.testing.assert_allclose(slope, by_hand, rtol=1e-9)


def compiled(encoder, x):
    return lambda: bst.transform.jit(encoder)(jnp.asarray(x))


MS = u.ms
BAD = {
    'a rate without a unit': (lambda: encode.rate(np.ones(3), 1.0 * MS), TypeError, 'freqs = .* must be in a unit like Hz'),
    'a rate below zero': (lambda: encode.rate(-np.ones(3) * u.Hz, 1.0 * MS), ValueError, 'freqs must be zero or positive, .* -1'),
    'a rate below zero in compiled code': (compiled(lambda x: encode.rate(x * u.Hz, 1.0 * MS), [-1.0]), ValueError, 'freqs must be zero'),
    'a rate of NaN': (lambda: encode.rate(np.array([np.nan]) * u.Hz, 1.0 * MS), ValueError, 'freqs must be zero or positive'),
    'a duration without a unit': (lambda: encode.rate(np.ones(3) * u.Hz, 10), TypeError, 'rate: duration = 10 must be a time'),
    'a duration of half a step': (lambda: encode.rate(np.ones(3) * u.Hz, 0.25 * MS), ValueError, 'rate: duration'),
    'a duration of zero': (lambda: encode.latency(np.ones(3), 0.0 * MS), ValueError, 'latency: duration'),
    'complex numbers': (lambda: encode.latency(np.ones(3) * 1j, 1.0 * MS), TypeError, 'x must be real'),
    'a text': (lambda: encode.latency('a', 1.0 * MS), TypeError, 'x must be numbers, but is a str'),
    'times without a unit': (lambda: encode.spikes_at(np.ones(3), 1.0 * MS), TypeError, 'times = .* in a unit like ms'),
    'times below zero': (lambda: encode.spikes_at(-np.ones(3) * MS, 1.0 * MS), ValueError, 'times must be zero or positive'),
    'numbers above one': (lambda: encode.latency(np.array([2.0]), 1.0 * MS), ValueError, 'x must be from 0 to 1, .* 2.0'),
    'numbers with a unit': (lambda: encode.latency(np.ones(3) * u.mV, 1.0 * MS), TypeError, 'x = .* must be plain numbers'),
    'tau without a threshold': (lambda: encode.latency(np.ones(3), 1.0 * MS, tau=1.0 * MS), ValueError, 'threshold = 0.0 .* positive'),
    'tau of zero': (lambda: encode.latency(np.ones(3), 1.0 * MS, tau=0.0 * MS, threshold=0.5), ValueError, 'tau = 0. ms must be positive'),
    'tau without a unit': (lambda: encode.latency(np.ones(3), 1.0 * MS, tau=1.0, threshold=0.5), TypeError, 'tau = .* like ms'),
    'a threshold of zero': (lambda: encode.delta(np.ones((3, 1)), 0.0), ValueError, 'one positive number'),
    'a threshold of another unit': (lambda: encode.delta(np.ones((3, 1)) * u.mV, 1.0 * u.mA), TypeError, 'needs the unit of x, mV'),
    'a signal without neurons': (lambda: encode.delta(np.ones(3), 1.0), ValueError, r'x has shape \(3,\), expected \(T, ..., n\)'),
    'a signal of NaN': (lambda: encode.delta(np.full((3, 1), np.nan), 1.0), ValueError, 'x must be finite'),
    'a population of one': (lambda: encode.population(np.ones(2), 1, low=0.0, high=1.0), ValueError, 'two or more'),
    'a range upside down': (lambda: encode.population(np.ones(2), 3, low=1.0, high=0.0), ValueError, 'must be above low'),
    'a range of another unit': (lambda: encode.population(np.ones(2), 3, low=0.0 * u.mV, high=1.0), TypeError, 'low = .* unit of x'),
    'no width': (lambda: encode.population(np.ones(2), 3, low=0.0, high=1.0, width=0), ValueError, 'width = 0 must be'),
}


@pytest.mark.parametrize(('call', 'error', 'text'), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_one_clear_error(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call()
    assert isinstance(caught.value, (bst.BrainStateError, TypeError))
