"""Metrics, layers with options in their order, modes, and settings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state.compat import brainpy, brainstate

nn = brainstate.nn


def test_metrics_count_batch_by_batch():
    metrics = nn.MultiMetric(accuracy=nn.AccuracyMetric(), loss=nn.AverageMetric('loss'), spread=nn.WelfordMetric('loss'))
    rng = np.random.default_rng(0)
    logits, labels, losses = rng.normal(size=(3, 8, 4)), rng.integers(0, 4, (3, 8)), rng.normal(size=(3, 8))
    for each in zip(logits, labels, losses, strict=True):
        metrics.update(**dict(zip(('logits', 'labels', 'loss'), each, strict=True)))
    found = metrics.compute()
    assert found['accuracy'] == pytest.approx((logits.argmax(-1) == labels).mean())
    assert found['loss'] == pytest.approx(losses.mean(), rel=1e-5)
    assert found['spread'].mean == pytest.approx(losses.mean(), rel=1e-5)
    assert found['spread'].standard_deviation == pytest.approx(losses.std(), rel=1e-5)
    metrics.reset()
    metrics.update(logits=jnp.eye(2), labels=jnp.arange(2), loss=jnp.ones(3))
    assert metrics.compute()['accuracy'] == 1 and metrics.compute()['loss'] == 1
    with pytest.raises(TypeError, match='update needs labels='):
        nn.AccuracyMetric().update(logits=jnp.eye(2))


def test_measures_of_classes():
    predictions, labels = jnp.array([0, 1, 2, 1, 1]), jnp.array([0, 2, 2, 1, 1])
    hits, alarms, cases = np.array([1, 2, 1]), np.array([1, 3, 1]), np.array([1, 2, 2])
    expected = {
        nn.PrecisionMetric: hits / alarms, nn.RecallMetric: hits / cases, nn.F1ScoreMetric: 2 * hits / (alarms + cases),
    }  # fmt: skip
    for kind, of_each in expected.items():
        for average, value in (('macro', of_each.mean()), ('weighted', (of_each * cases).sum() / 5), ('micro', 4 / 5)):
            metric = kind(3, average)
            metric.update(predictions=predictions, labels=labels)
            assert metric.compute() == pytest.approx(value), (kind, average)
    matrix = nn.ConfusionMatrix(3)
    matrix.update(predictions=predictions, labels=labels)
    np.testing.assert_array_equal(matrix.compute(), [[1, 0, 0], [0, 2, 0], [0, 1, 1]])


X = jnp.linspace(-3.0, 3.0, 8).reshape(2, 4)
LAYERS = {
    'LeakyReLU': (nn.LeakyReLU(0.1), jax.nn.leaky_relu(X, 0.1)),
    'ELU': (nn.ELU(alpha=0.5), jax.nn.elu(X, 0.5)),
    'GELU': (nn.GELU(), jax.nn.gelu(X, approximate=False)),
    'Hardtanh': (nn.Hardtanh(-2, 1), jnp.clip(X, -2, 1)),
    'Softmax': (nn.Softmax(dim=0), jax.nn.softmax(X, axis=0)),
    'LogSoftmax': (nn.LogSoftmax(), jax.nn.log_softmax(X)),
    'Threshold': (nn.Threshold(0.1, 20.0), jnp.where(X > 0.1, X, 20.0)),
    'PReLU': (nn.PReLU(4, init=0.5), jnp.where(X < 0, 0.5 * X, X)),
    'Hardshrink': (nn.Hardshrink(1.0), jnp.where(abs(X) > 1, X, 0)),
}


@pytest.mark.parametrize('name', LAYERS)
def test_options_of_layers_stand_in_order(name):
    layer, expected = LAYERS[name]
    np.testing.assert_allclose(layer(X), expected, rtol=1e-6)


def test_an_unknown_option_is_an_error():
    with pytest.raises(TypeError, match="LeakyReLU has the options negative_slope, but got \\['slope'\\]"):
        nn.LeakyReLU(slope=0.1)


def test_gradients_of_a_norm():
    grads = {'a': jnp.full(4, 3.0), 'b': jnp.zeros(2)}
    clipped, norm = nn.clip_grad_norm(grads, 1.0, return_norm=True)
    assert norm == 6 and jnp.linalg.norm(clipped['a']) == pytest.approx(1, rel=1e-5)
    np.testing.assert_array_equal(nn.clip_grad_norm(grads, 10.0, 'inf')['a'], grads['a'])


def test_modes_together():
    mixin = brainstate.mixin
    both = mixin.JointMode(mixin.Training(), mixin.Batching(8))
    assert both.has(mixin.Training) and both.batch_size == 8 and both.is_a(mixin.JointTypes[mixin.Batching, mixin.Training])
    assert not both.is_a(mixin.Training) and mixin.Training().is_a(mixin.Training)
    assert isinstance(3, mixin.OneOfTypes[int, str]) and not isinstance(3.0, mixin.OneOfTypes[int, str])
    with pytest.raises(AttributeError, match="has 'size'"):
        both.size
    with pytest.raises(TypeError, match='joins modes'):
        mixin.JointMode(1)


def test_descriptions_of_classes_of_ones_own():
    class Plain(brainstate.mixin.ParamDesc):
        def __init__(self, a, b=2):
            self.a, self.b = a, b

    class Model(brainstate.mixin.ParamDesc, brainpy.state.Synapse):
        pass

    assert Plain.desc(1)(b=3).b == 3
    assert type(Model.desc(5)) is type(brainpy.state.Expon.desc(5))


def test_settings_by_functions():
    environ = brainstate.environ
    assert environ.tolerance() == np.float32(1e-5) and environ.get_host_device_count() >= 1
    environ.set_precision(64)
    try:
        assert environ.tolerance() == 1e-12
    finally:
        environ.set_precision(32)
