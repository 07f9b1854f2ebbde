"""Losses against the same formulas in NumPy, their derivatives against differences, and what they refuse."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import losses

T, BATCH, N, DT = 12, 3, 4, 0.5  # steps, samples, neurons, ms
RNG = np.random.default_rng(0)
SPIKES = (RNG.random((T, BATCH, N)) < 0.2).astype(float)
SPIKES[:, 0, 0] = 0.0  # one that is silent
OTHER = (RNG.random((T, BATCH, N)) < 0.2).astype(float)
TRACE = RNG.normal(size=(T, BATCH, N))
LABELS = np.array([2, 0, 3])


@pytest.fixture(autouse=True)
def clock():
    with bst.environ.context(dt=DT * u.ms):
        yield


def cross_entropy(logits):
    logits = logits - logits.max(-1, keepdims=True)
    chosen = logits[np.arange(BATCH), LABELS]
    return np.mean(np.log(np.exp(logits).sum(-1)) - chosen)


def first_times(spikes):
    return np.where(spikes.any(0), spikes.argmax(0), T) * DT


def distance(one, other, tau):
    """Van Rossum's distance by pairs of spikes."""

    def product(a, b):
        return sum(np.exp(-abs(s - t) * DT / tau) for s in np.flatnonzero(a) for t in np.flatnonzero(b))

    return 0.5 * product(one, one) + 0.5 * product(other, other) - product(one, other)


def mean_distance(one, other, tau):
    pairs = zip(one.reshape(T, -1).T, other.reshape(T, -1).T, strict=True)
    return np.mean([distance(a, b, tau) for a, b in pairs])


RATES = SPIKES.mean(0) * 1000 / DT  # Hz
BY_NEURON = RATES.mean(0)
CASES = {
    'rate': (lambda x: losses.rate(x, 20.0 * u.Hz), SPIKES, np.mean((RATES - 20.0) ** 2)),
    'rate of each': (
        lambda x: losses.rate(x, jnp.arange(4.0) * 0.1 * u.kHz),
        SPIKES,
        np.mean((RATES - [0, 100, 200, 300]) ** 2),
    ),
    'spike_count': (lambda x: losses.spike_count(x, LABELS), SPIKES, cross_entropy(SPIKES.sum(0))),
    'silence': (lambda x: losses.silence(x, 500.0 * u.Hz), SPIKES, np.mean(np.maximum(0, 1 - BY_NEURON / 500) ** 2)),
    'overactivity': (lambda x: losses.overactivity(x, 300.0 * u.Hz), SPIKES, np.mean(np.maximum(0, BY_NEURON / 300 - 1) ** 2)),
    'first_spike': (lambda x: losses.first_spike(x, LABELS, tau=2.0 * u.ms), SPIKES, cross_entropy(-first_times(SPIKES) / 2.0)),
    'first_spike_times': (lambda x: losses.first_spike_times(x).to_decimal(u.ms).sum(), SPIKES, first_times(SPIKES).sum()),
    'max_membrane': (lambda x: losses.max_membrane(x, LABELS), TRACE, cross_entropy(TRACE.max(0))),
    'mean_membrane': (lambda x: losses.mean_membrane(x, LABELS), TRACE, cross_entropy(TRACE.mean(0))),
    'max_membrane with a unit': (
        lambda x: losses.max_membrane(x * u.mV, LABELS, scale=2.0 * u.mV),
        TRACE,
        cross_entropy(TRACE.max(0) / 2),
    ),
    'mean_membrane in volts': (
        lambda x: losses.mean_membrane(x * u.volt, LABELS, scale=500.0 * u.mV),
        TRACE,
        cross_entropy(TRACE.mean(0) * 2),
    ),
    'van_rossum': (lambda x: losses.van_rossum(x, OTHER, tau=3.0 * u.ms), SPIKES, mean_distance(SPIKES, OTHER, 3.0)),
}
every = pytest.mark.parametrize(('loss', 'x', 'expected'), CASES.values(), ids=CASES)


@pytest.mark.quick('32-')
@every
def test_a_loss_is_that_of_numpy(loss, x, expected, precision):
    tolerance = {32: 1e-5, 64: 1e-12}[precision]  # sums of 144 numbers; rates are squared
    value = loss(jnp.asarray(x))
    assert value.shape == ()
    np.testing.assert_allclose(value, expected, rtol=tolerance)


@pytest.mark.quick('^(rate|van_rossum)$')
@every
def test_its_derivative_is_that_of_differences(loss, x, expected, x64):
    # away from 0 and 1, where the first spike is a product of many factors; the formulas are smooth there
    x = jnp.asarray(0.1 + 0.7 * x if set(np.unique(x)) <= {0.0, 1.0} else x)
    slope = jax.grad(loss)(x)
    assert slope.shape == x.shape
    direction = jnp.asarray(np.random.default_rng(1).normal(size=x.shape))
    eps = 1e-5
    difference = (loss(x + eps * direction) - loss(x - eps * direction)) / (2 * eps)
    np.testing.assert_allclose(jnp.sum(slope * direction), difference, rtol=1e-6)


def test_the_derivative_of_the_first_spike_tells_how_much_earlier_a_spike_would_be(x64):
    with bst.environ.context(dt=1.0 * u.ms):
        z = jnp.array([0.0, 0.0, 1.0, 0.0, 1.0, 0.0])[:, None]
        slope = jax.grad(lambda z: losses.first_spike_times(z).to_decimal(u.ms).sum())(z)
    # a spike at 0 or 1 would be first by 2 or 1 steps; without that at 2, the first were at 4; later ones do not matter
    np.testing.assert_allclose(slope[:, 0], [-2.0, -1.0, -2.0, 0.0, 0.0, 0.0])


def test_several_spikes_in_a_step_are_one_for_the_first_spike():
    z = jnp.array([0.0, 3.0, 1.0])[:, None]
    np.testing.assert_allclose(losses.first_spike_times(z).to_decimal(u.ms), [DT])


def test_van_rossum_costs_half_a_spike_and_one_for_two_far_apart():
    none, one = np.zeros((T, 1)), np.eye(T)[:, 3:4]
    far = np.eye(T)[:, 11:12]
    assert losses.van_rossum(one, none, tau=3.0 * u.ms) == pytest.approx(0.5, rel=1e-6)
    assert losses.van_rossum(one, far, tau=0.05 * u.ms) == pytest.approx(1.0, rel=1e-6)
    assert losses.van_rossum(one, one, tau=3.0 * u.ms) == 0.0
    assert losses.van_rossum(far, none, tau=3.0 * u.ms) == pytest.approx(0.5, rel=1e-6)  # what follows the last step counts


@pytest.mark.slow
def test_a_single_train_needs_no_batch():
    assert losses.spike_count(SPIKES[:, 0], np.array(2)) == pytest.approx(float(losses.spike_count(SPIKES[:, :1], np.array([2]))))


def test_spikes_may_be_booleans_or_integers():
    for kind in (bool, int):
        np.testing.assert_allclose(losses.rate(SPIKES.astype(kind), 20.0 * u.Hz), CASES['rate'][2], rtol=1e-5)


@pytest.mark.slow
def test_gradients_go_through_a_network_by_the_surrogate():
    neurons = bst.LIF(N, tau=5.0 * u.ms)
    gain = bst.ParamState(jnp.full(N, 0.9) * u.mA)

    def loss():
        bst.nn.init_all_states(neurons, batch_size=BATCH)
        spikes = bst.transform.for_loop(lambda: neurons(gain.value * jnp.ones((BATCH, N))), length=T)
        return losses.first_spike(spikes, LABELS, tau=1.0 * u.ms) + losses.silence(spikes, 50.0 * u.Hz)

    slope = bst.transform.grad(loss, gain)().to_decimal(u.mA)
    assert np.isfinite(slope).all()
    assert (slope < 0).any()  # no neuron fires, and more current would help


def compiled(loss):
    return lambda: bst.transform.jit(lambda labels: loss(labels))(jnp.array([0, 1, 4]))


BAD = {
    'a label too large': (lambda: losses.max_membrane(TRACE, np.array([0, 1, 4])), ValueError, 'between 0 and 3, .* from 0 to 4'),
    'a negative label': (lambda: losses.mean_membrane(TRACE, jnp.array([0, -1, 3])), ValueError, 'between 0 and 3, .* from -1 to 3'),
    'labels in compiled code': (compiled(lambda y: losses.spike_count(SPIKES, y)), ValueError, 'spike_count: .* from 0 to 4'),
    'labels for another batch': (lambda: losses.max_membrane(TRACE, np.array([0, 1])), ValueError, r'shape \(2,\), expected \(3,\)'),
    'one-hot labels': (lambda: losses.max_membrane(TRACE, np.eye(4, dtype=int)[:3]), ValueError, r'shape \(3, 4\), expected \(3,\)'),
    'labels of floats': (lambda: losses.spike_count(SPIKES, np.zeros(3)), TypeError, 'integers from 0 to 3, but are float64'),
    'a voltage without a scale': (lambda: losses.max_membrane(TRACE * u.mV, LABELS), TypeError, 'V has the unit mV; say what counts as 1'),
    'a scale without a unit': (lambda: losses.max_membrane(TRACE * u.mV, LABELS, scale=1.0), TypeError, 'V has the unit mV'),
    'a scale for plain numbers': (lambda: losses.mean_membrane(TRACE, LABELS, scale=u.mV), TypeError, 'V has no unit'),
    'spikes with a unit': (lambda: losses.spike_count(SPIKES * u.mV, LABELS), TypeError, 'spikes has the unit mV'),
    'no axis of time': (lambda: losses.rate(SPIKES[0, 0], 1.0 * u.Hz), ValueError, r'shape \(4,\), expected \(T, ..., n\)'),
    'no steps': (lambda: losses.rate(SPIKES[:0], 1.0 * u.Hz), ValueError, r'shape \(0, 3, 4\)'),
    'no array': (lambda: losses.rate('spikes', 1.0 * u.Hz), TypeError, 'spikes must be an array'),
    'a rate without a unit': (lambda: losses.rate(SPIKES, 20.0), TypeError, 'target = 20.0 needs a unit like Hz'),
    'a rate below zero': (lambda: losses.rate(SPIKES, -1.0 * u.Hz), ValueError, 'zero or positive'),
    'rates of another shape': (lambda: losses.rate(SPIKES, np.ones(5) * u.Hz), ValueError, r'target has shape \(5,\)'),
    'rates of a larger shape': (lambda: losses.rate(SPIKES, np.ones((2, 1, 1)) * u.Hz), ValueError, r'target has shape \(2, 1, 1\)'),
    'a bound of zero': (lambda: losses.silence(SPIKES, 0.0 * u.Hz), ValueError, 'least = 0. Hz must be positive'),
    'a bound of each': (lambda: losses.overactivity(SPIKES, np.ones(4) * u.Hz), ValueError, 'must be one frequency'),
    'a time constant without a unit': (lambda: losses.van_rossum(SPIKES, OTHER, tau=1.0), TypeError, 'tau = 1.0 needs a unit like ms'),
    'a time constant of zero': (lambda: losses.first_spike(SPIKES, LABELS, tau=0.0 * u.ms), ValueError, 'tau = 0. ms must be positive'),
    'trains of another shape': (lambda: losses.van_rossum(SPIKES, OTHER[:5], tau=u.ms), ValueError, r'\(12, 3, 4\) and target \(5, 3, 4\)'),
}


@pytest.mark.parametrize(('call', 'error', 'text'), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_one_clear_error(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call()
    assert isinstance(caught.value, (bst.BrainStateError, TypeError))
