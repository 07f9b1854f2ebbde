"""Convolutions and pooling, against loops over windows."""

import itertools

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, ParamState, ShapeError, UnitError, nn
from brainpy_state.transform import grad

pytestmark = pytest.mark.slow


def pads(size, kernel, stride, dilation, padding):
    """Padding of an axis, as TensorFlow defines 'SAME'."""
    reach = (kernel - 1) * dilation + 1
    if padding == 'VALID':
        return 0, 0
    if padding == 'SAME':
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        return total // 2, total - total // 2
    return (padding, padding) if isinstance(padding, int) else padding


def windows(x, kernel, stride, dilation, padding):
    """``{output index: window}`` of an array ``(*axes, channels)``, padded with nan."""
    n = len(kernel)
    padding = padding if isinstance(padding, tuple) else (padding,) * n
    around = [pads(*args) for args in zip(x.shape, kernel, stride, dilation, padding, strict=False)]
    x = np.pad(x, [*around, (0, 0)], constant_values=np.nan)
    counts = [(x.shape[a] - (kernel[a] - 1) * dilation[a] - 1) // stride[a] + 1 for a in range(n)]
    for index in itertools.product(*map(range, counts)):
        taken = [index[a] * stride[a] + dilation[a] * np.arange(kernel[a]) for a in range(n)]
        yield index, x[np.ix_(*taken)]


def naive(x, f, kernel, stride, dilation, padding):
    found = {index: f(window) for index, window in windows(x, kernel, stride, dilation, padding)}
    shape = tuple(k + 1 for k in max(found))
    return np.array([found[i] for i in itertools.product(*map(range, shape))]).reshape(*shape, -1)


def naive_conv(x, w, groups, **window):
    n_in, n_out = w.shape[-2], w.shape[-1] // groups

    def f(window):
        window = np.nan_to_num(window)
        return [
            np.sum(window[..., o // n_out * n_in : (o // n_out + 1) * n_in] * w[..., o]) for o in range(w.shape[-1])
        ]  # fmt: skip

    return naive(x, f, w.shape[:-2], **window)


def random_input(*shape):
    return np.random.default_rng(0).normal(size=shape)


CONVS = [
    (nn.Conv1d, (7, 2), {'kernel_size': 3}),
    (nn.Conv1d, (7, 2), {'kernel_size': 4, 'stride': 2}),
    (nn.Conv1d, (7, 2), {'kernel_size': 3, 'padding': 'VALID', 'rhs_dilation': 2}),
    (nn.Conv1d, (7, 4), {'kernel_size': 3, 'padding': 1, 'groups': 2}),
    (nn.Conv1d, (7, 2), {'kernel_size': 3, 'padding': ((2, 0),)}),
    (nn.Conv2d, (5, 6, 2), {'kernel_size': 3}),
    (nn.Conv2d, (5, 6, 2), {'kernel_size': (2, 3), 'stride': (1, 2)}),
    (nn.Conv2d, (5, 6, 4), {'kernel_size': 2, 'padding': 'VALID', 'groups': 4, 'rhs_dilation': (2, 1)}),
    (nn.Conv2d, (5, 6, 2), {'kernel_size': 3, 'stride': 2, 'padding': (1, 0)}),
    (nn.Conv2d, (5, 6, 2), {'kernel_size': 3, 'padding': ((0, 1), (2, 2))}),
    (nn.Conv3d, (3, 4, 3, 2), {'kernel_size': 2, 'stride': (1, 2, 1)}),
]


@pytest.mark.parametrize(('kind', 'size', 'options'), CONVS, ids=[f'{k.__name__}-{o}' for k, _, o in CONVS])
def test_convolutions_are_sums_over_windows(kind, size, options, x64):
    layer = kind(size, 8, b_init=np.arange(8.0), **options)
    x = random_input(3, *size)
    n = len(size) - 1
    window = {k: np.broadcast_to(options.get(k2, 1), n) for k, k2 in (('stride', 'stride'), ('dilation', 'rhs_dilation'))}
    w = np.asarray(layer.weight.value['weight'])
    expected = [naive_conv(row, w, layer.groups, padding=options.get('padding', 'SAME'), **window) + np.arange(8.0) for row in x]
    assert layer.out_size == expected[0].shape
    np.testing.assert_allclose(layer(x), expected, rtol=1e-10, atol=1e-12)


POOLS = [
    {'kernel_size': 2},
    {'kernel_size': 3, 'stride': 1},
    {'kernel_size': 3, 'stride': 2, 'padding': 'SAME'},
    {'kernel_size': 3, 'padding': 1},
]


@pytest.mark.parametrize('options', POOLS, ids=str)
@pytest.mark.parametrize(('kind', 'f'), [
    (nn.MaxPool1d, np.nanmax), (nn.AvgPool1d, np.nanmean), (nn.MaxPool2d, np.nanmax), (nn.AvgPool2d, np.nanmean)
], ids=lambda k: k.__name__)  # fmt: skip
def test_pooling_is_max_or_mean_of_windows(kind, f, options, x64):
    size = (7, 3) if kind.ndim == 1 else (7, 6, 3)
    n = kind.ndim
    layer = kind(in_size=size, **options)
    x = random_input(2, *size)
    kernel = (options['kernel_size'],) * n
    window = {'kernel': kernel, 'stride': np.broadcast_to(options.get('stride', kernel), n), 'dilation': (1,) * n}
    expected = [naive(row, lambda w: f(w, axis=tuple(range(n))), padding=options.get('padding', 'VALID'), **window) for row in x]
    assert layer.out_size == expected[0].shape
    np.testing.assert_allclose(layer(x), expected, rtol=1e-12)
    np.testing.assert_allclose(kind(**options)(x), expected, rtol=1e-12)


@pytest.mark.parametrize('padding', ['SAME', 'VALID'])
@pytest.mark.parametrize(('ndim', 'size', 'stride'), [(1, 2, 3), (2, 3, 2), (3, 2, 2)])
def test_a_transposed_convolution_has_the_gradient_of_a_convolution(ndim, size, stride, padding, x64):
    kind, plain = ((nn.ConvTranspose1d, nn.Conv1d), (nn.ConvTranspose2d, nn.Conv2d), (nn.ConvTranspose3d, nn.Conv3d))[ndim - 1]
    layer = kind((*(4,) * ndim, 2), 3, size, stride, padding)
    forth = plain(layer.out_size, 2, size, stride, padding, w_init=layer.weight.value['weight'])
    x = random_input(*layer.in_size)
    back = jax.vjp(forth, jnp.zeros(layer.out_size))[1](jnp.asarray(x))[0]
    np.testing.assert_allclose(layer(x), back, rtol=1e-10, atol=1e-12)


def test_pooling_along_three_axes_is_that_along_two_and_one(x64):
    x = random_input(2, 4, 4, 4, 3)
    for three, two, one in ((nn.MaxPool3d, nn.MaxPool2d, nn.MaxPool1d), (nn.AvgPool3d, nn.AvgPool2d, nn.AvgPool1d)):
        flat = np.asarray(two(2)(x))  # over the last two of the three
        expected = np.moveaxis(one(2)(np.moveaxis(flat, 1, -2)), -2, 1)
        np.testing.assert_allclose(three(2)(x), expected, rtol=1e-12)
    np.testing.assert_allclose(nn.AdaptiveAvgPool3d(1)(x)[:, 0, 0, 0], x.mean((1, 2, 3)), rtol=1e-12)


@pytest.mark.parametrize(('size', 'target'), [((6, 2), 3), ((7, 2), 3), ((3, 2), 3), ((2, 2), 5)])
def test_adaptive_pooling_takes_means_of_parts(size, target, x64):
    x = random_input(4, *size)
    layer = nn.AdaptiveAvgPool1d(target, in_size=size)
    parts = [(int(np.floor(k * size[0] / target)), int(np.ceil((k + 1) * size[0] / target))) for k in range(target)]
    expected = np.stack([x[:, a:b].mean(axis=1) for a, b in parts], axis=1)
    assert layer.out_size == (target, 2)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-12)
    both = nn.AdaptiveAvgPool2d((target, 1))(x[:, :, None, :])
    np.testing.assert_allclose(both[:, :, 0], expected, rtol=1e-12)


@pytest.mark.parametrize('make', [
    lambda: nn.Conv2d((4, 4, 2), 3, 3), lambda: nn.MaxPool2d(2, in_size=(4, 4, 2)), lambda: nn.AvgPool2d(2), lambda: nn.AdaptiveAvgPool2d(2)
], ids=['conv', 'max', 'avg', 'adaptive'])  # fmt: skip
def test_any_leading_axes_are_batch_axes(make):
    layer, x = make(), random_input(2, 3, 4, 4, 2).astype(np.float32)
    out = np.asarray(layer(x))
    assert out.shape[:2] == (2, 3)
    np.testing.assert_allclose(out[1, 2], layer(x[1, 2]), rtol=1e-5, atol=1e-6)


def test_quantities_go_through():
    x = jnp.ones((4, 1)) * u.mV
    assert u.math.allclose(nn.MaxPool1d(2)(x), jnp.ones((2, 1)) * u.mV)
    conv = nn.Conv1d((4, 1), 1, 1, w_init=2.0 * u.mS)
    assert u.math.allclose(conv(x), 2.0 * jnp.ones((4, 1)) * u.mS * u.mV)
    with pytest.raises(UnitError, match='Conv1d: bias = .* has no unit'):
        nn.Conv1d((4, 1), 1, 1, w_init=2.0 * u.mS, b_init=1.0)(x)


def test_spikes_of_any_type_go_through():
    x = np.array([[1], [0], [0], [0]])
    for spikes in (x, x.astype(bool), x.astype(np.float32)):
        np.testing.assert_array_equal(nn.MaxPool1d(2)(jnp.asarray(spikes)), [[1], [0]])
        np.testing.assert_array_equal(nn.AvgPool1d(2)(jnp.asarray(spikes)), [[0.5], [0.0]])
        np.testing.assert_array_equal(nn.AdaptiveAvgPool1d(2)(jnp.asarray(spikes)), [[0.5], [0.0]])
        np.testing.assert_array_equal(nn.Conv1d((4, 1), 1, 1, w_init=3.0)(jnp.asarray(spikes))[:, 0], [3.0, 0.0, 0.0, 0.0])


def test_gradients_reach_the_first_layer():
    net = nn.Sequential(
        nn.Conv2d((6, 6, 1), 2, 3, b_init=0.0), nn.MaxPool2d.desc(2), nn.Conv2d.desc(3, 2), nn.AvgPool2d.desc(3), nn.Flatten.desc(), nn.Linear.desc(1)
    )  # fmt: skip
    grads = grad(lambda: jnp.sum(net(jnp.asarray(random_input(2, 6, 6, 1)))), net.states(ParamState))()
    assert all(float(jnp.abs(g).max()) > 0.0 for value in grads.values() for g in value.values())
    assert list(grads) == [('layers', k, 'weight') for k in (0, 2, 5)]


def test_a_seed_decides_the_kernel():
    def draw():
        bst.random.seed(5)
        return np.asarray(nn.Conv1d((4, 50), 60, 3).weight.value['weight'])

    np.testing.assert_array_equal(draw(), draw())
    np.testing.assert_allclose(draw().var(), 2 / 150, rtol=0.1)  # He: two over what each output sums; 9,000 draws


@pytest.mark.parametrize(
    ('make', 'kind', 'message'),
    [
        (lambda: nn.Conv2d((4, 4), 2, 3), ShapeError, r'Conv2d: in_size has 2 axes and one of channels, but is \(4, 4\)'),
        (lambda: nn.Conv1d((4, 3), 2, 3, groups=2), ParameterError, 'groups = 2 must divide the 3 channels in and the 2 out'),
        (
            lambda: nn.Conv2d((4, 4, 1), 2, (3, 3, 3)),
            ParameterError,
            r'kernel_size is a positive integer, or 2 of them, but is \(3, 3, 3\)',
        ),
        (lambda: nn.Conv2d((4, 4, 1), 2, 3, stride=0), ParameterError, 'stride is a positive integer'),
        (lambda: nn.Conv1d((4, 1), 2, 3, padding='same'), ParameterError, "padding is 'SAME', 'VALID', an integer, .* but is 'same'"),
        (lambda: nn.Conv1d((4, 1), 2, 3, padding=-1), ParameterError, 'padding is'),
        (lambda: nn.Conv1d((4, 1), 2, 5, padding='VALID'), ShapeError, r'the window does not fit into an input of size \(4, 1\)'),
        (lambda: nn.MaxPool1d(5, in_size=(4, 1)), ShapeError, r'the window does not fit into an input of size \(4, 1\)'),
        (lambda: nn.Conv1d(None, 2, 3), ValueError, 'Conv1d: a size is'),
        (lambda: nn.Conv1d((4, 1), 2, 3)(jnp.ones((4, 2))), ShapeError, r'the input has shape \(4, 2\), expected \(\.\.\., 4, 1\)'),
        (lambda: nn.MaxPool2d(2)(jnp.ones((4, 4))), ShapeError, r'the input has shape \(4, 4\), expected at least 3 axes'),
    ],
)
def test_what_does_not_fit_is_one_clear_line(make, kind, message):
    with pytest.raises(kind, match=message) as error:
        make()
    assert '\n' not in str(error.value)


def test_a_mean_over_the_padding_alone_is_zero():
    pooled = bst.nn.AvgPool1d(3, stride=3, padding=3)(jnp.ones((1, 9, 2)))
    np.testing.assert_array_equal(pooled[0, :, 0], [0, 1, 1, 1, 0])
