"""Normalisation."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BatchState, ParameterError, ParamState, ShapeError, UnitError, environ, nn
from brainpy_state.transform import grad, jit

pytestmark = pytest.mark.slow


def random_input(*shape):
    return 3.0 + 2.0 * np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize('axes', [-1, (0, 1), (1,), (-2, -1)])
def test_layer_norm_is_that_of_each_sample(axes, x64):
    x = random_input(5, 4, 3)
    layer = nn.LayerNorm((4, 3), axes, scale_init=2.0, bias_init=-1.0)
    taken = tuple(np.atleast_1d(axes) % 2)
    expected = []
    for row in x:
        centred = row - row.mean(axis=taken, keepdims=True)
        expected.append(2.0 * centred / np.sqrt((centred**2).mean(axis=taken, keepdims=True) + 1e-6) - 1.0)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-10)
    np.testing.assert_allclose(layer(x[0]), expected[0], rtol=1e-10)
    sizes = [n if k in taken else 1 for k, n in enumerate((4, 3))]
    assert {k: list(v.shape) for k, v in layer.weight.value.items()} == {'scale': sizes, 'bias': sizes}


BATCH_NORMS = [(nn.BatchNorm0d, (3,)), (nn.BatchNorm1d, (4, 3)), (nn.BatchNorm2d, (2, 4, 3)), (nn.BatchNorm3d, (2, 2, 3, 3))]
each_norm = pytest.mark.parametrize(('kind', 'size'), BATCH_NORMS, ids=[k.__name__ for k, _ in BATCH_NORMS])


@each_norm
@pytest.mark.parametrize('batch', [(5,), (5, 2)])
def test_batch_norm_is_that_of_each_channel(kind, size, batch, x64):
    layer = kind(size, momentum=0.75, scale_init=2.0, bias_init=-1.0)
    x = random_input(*batch, *size)
    flat = x.reshape(-1, 3)
    mean = flat.sum(axis=0) / len(flat)
    var = ((flat - mean) ** 2).sum(axis=0) / len(flat)
    with environ.context(fit=True):
        np.testing.assert_allclose(layer(x), 2.0 * (x - mean) / np.sqrt(var + 1e-5) - 1.0, rtol=1e-10)
    np.testing.assert_allclose(layer.running_mean.value, 0.25 * mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.value, 0.75 + 0.25 * var, rtol=1e-12)
    with environ.context(fit=False):
        expected = 2.0 * (x - 0.25 * mean) / np.sqrt(0.75 + 0.25 * var + 1e-5) - 1.0
        np.testing.assert_allclose(layer(x), expected, rtol=1e-10)
    np.testing.assert_allclose(layer.running_mean.value, 0.25 * mean, rtol=1e-12)


@each_norm
def test_running_statistics_are_neither_trained_nor_reset(kind, size):
    layer = kind(size)
    assert list(layer.states(BatchState)) == [('running_mean',), ('running_var',)]
    assert list(layer.states(ParamState)) == [('weight',)]
    with environ.context(fit=True):
        layer(random_input(5, *size))
    before = layer.running_mean.value
    nn.init_all_states(layer)
    nn.reset_all_states(layer)
    assert layer.running_mean.value is before


@pytest.mark.parametrize(
    'make', [lambda: nn.LayerNorm(3, scale_init=None, bias_init=None), lambda: nn.BatchNorm0d(3, scale_init=None, bias_init=None)]
)
def test_without_scale_and_bias_there_is_no_parameter(make):
    layer = make()
    assert layer.states(ParamState) == {}
    with environ.context(fit=True):
        np.testing.assert_allclose(np.asarray(layer(random_input(50, 3))).std(), 1.0, rtol=0.1)


def test_a_compiled_step_sees_fit_and_updates_the_statistics():
    layer, x = nn.BatchNorm0d(2, momentum=0.5), jnp.array([[1.0, 5.0], [3.0, 9.0]])
    step = jit(layer)
    with environ.context(fit=True):
        np.testing.assert_allclose(step(x)[:, 0], [-1.0, 1.0], rtol=1e-4)
        for _ in range(50):
            step(x)
    with environ.context(fit=False):
        np.testing.assert_allclose(step(x)[:, 1], [-1.0, 1.0], rtol=1e-3)  # the running statistics have forgotten their start


def test_gradients_go_through_the_batch_statistics():
    layer, x = nn.BatchNorm0d(1), jnp.array([[1.0], [2.0], [4.0]])
    with environ.context(fit=True):
        by_input = grad(lambda x: jnp.sum(layer(x) ** 2 * jnp.arange(3.0)[:, None]))(x)
        by_scale = grad(lambda: jnp.sum(layer(x) * jnp.arange(3.0)[:, None]), layer.weight)()
    np.testing.assert_allclose(jnp.sum(by_input), 0.0, atol=1e-5)  # a shift of the batch changes nothing
    assert float(jnp.abs(by_input).max()) > 0.1
    np.testing.assert_allclose(by_scale['bias'], [3.0])


def test_without_fit_the_error_names_the_layer():
    with pytest.raises(KeyError, match=r"'fit' is not set \(BatchNorm0d 'bn' needs to know whether the model is trained\)"):
        nn.BatchNorm0d(2, name='bn')(jnp.ones((3, 2)))


@pytest.mark.parametrize(
    ('make', 'kind', 'message'),
    [
        (lambda: nn.LayerNorm(3)(jnp.ones(4)), ShapeError, r'the input has shape \(4,\), expected \(\.\.\., 3\)'),
        (lambda: nn.LayerNorm(3)(jnp.ones(3) * u.mV), UnitError, 'the input has the unit mV, but must be a plain number'),
        (lambda: nn.LayerNorm(3, 1), ParameterError, r'reduction_axes are axes of in_size \(3,\), but 1 were given'),
        (lambda: nn.BatchNorm1d(3), ShapeError, r'in_size has 1 axes and one of channels, but is \(3,\)'),
        (lambda: nn.BatchNorm0d(3, momentum=1.0), ParameterError, 'momentum = 1.0 must be'),
        (lambda: nn.BatchNorm0d(3)(jnp.ones(3)), ShapeError, 'the input has at least one batch axis'),
    ],
)
def test_what_does_not_fit_is_one_clear_line(make, kind, message):
    with environ.context(fit=True), pytest.raises(kind, match=message):
        make()


def test_statistics_have_the_type_of_the_precision(precision):
    layer = nn.BatchNorm0d(2)
    with bst.environ.context(fit=True):
        layer(jnp.ones((3, 2)))
    assert layer.running_var.value.dtype == f'float{precision}'
