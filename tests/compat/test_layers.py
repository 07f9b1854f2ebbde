"""Layers under their older names and signatures."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.compat import brainstate
from brainpy_state.compat.brainstate import nn

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def seeded():
    with brainstate.random.seed_context(0):
        yield


def signal(*shape):
    return jnp.asarray(np.random.default_rng(1).normal(size=shape), jnp.float32)


CONVOLUTIONS = {1: (nn.Conv1d, nn.ConvTranspose1d), 2: (nn.Conv2d, nn.ConvTranspose2d), 3: (nn.Conv3d, nn.ConvTranspose3d)}


@pytest.mark.parametrize('ndim', CONVOLUTIONS)
@pytest.mark.parametrize('place', [0, 1], ids=['plain', 'transposed'])
def test_channels_first_give_the_same_as_channels_last(ndim, place):
    kind, size = CONVOLUTIONS[ndim][place], (5, 4, 3)[:ndim]
    last, first = kind((*size, 2), 6, 3, 2, b_init=0.5), kind((2, *size), 6, 3, 2, b_init=0.5, channel_first=True)
    first.weight.value = last.weight.value
    x = signal(4, *size, 2)
    np.testing.assert_allclose(jnp.moveaxis(last(x), -1, 1), first(jnp.moveaxis(x, -1, 1)), rtol=1e-5, atol=1e-6)
    assert (last.out_size[-1], *last.out_size[:-1]) == first.out_size


@pytest.mark.parametrize('padding', ['SAME', 'VALID'])
@pytest.mark.parametrize(('size', 'stride'), [(2, 3), (3, 2), (4, 1)])
def test_a_transposed_convolution_is_that_of_jax(size, stride, padding):
    layer, x = nn.ConvTranspose1d((7, 2), 3, size, stride, padding), signal(1, 7, 2)
    expected = jax.lax.conv_transpose(
        x, layer.weight.value['weight'], (stride,), padding, dimension_numbers=('NWC', 'WIO', 'NWC'), transpose_kernel=True
    )
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_masks_dilated_inputs_and_standardised_weights():
    masked = nn.Conv1d((8, 2), 3, 3, w_mask=np.zeros((3, 2, 3)), b_init=1.0)
    assert (masked(signal(8, 2)) == 1).all()
    spread = nn.Conv1d((4, 1), 1, 1, lhs_dilation=2, w_init=1.0)
    assert spread(jnp.ones((4, 1)))[:, 0].tolist() == [1, 0, 1, 0, 1, 0, 1]
    w = nn.weight_standardization(signal(5, 3))
    np.testing.assert_allclose([w.mean(0), w.var(0) * 5], [[0] * 3, [1] * 3], atol=1e-5)
    assert 'gain' in nn.ScaledWSLinear(3, 2).weight.value
    assert (nn.SignedWLinear(3, 2, w_init=-1.0, w_sign=-np.ones((3, 2)))(jnp.ones(3)) == -3).all()
    assert nn.Linear(3, 2, w_mask=np.zeros((3, 2)))(jnp.ones(3)).tolist() == [0, 0]
    with pytest.raises(ValueError, match=r'w_mask has shape \(2, 2\), but weights have \(3, 2\)'):
        nn.Linear(3, 2, w_mask=np.zeros((2, 2)))


def test_sparse_and_low_rank_weights():
    dense = signal(4, 3) * (signal(4, 3) > 0)
    for kind in (u.sparse.CSR, u.sparse.CSC, u.sparse.COO):
        np.testing.assert_allclose(
            nn.SparseLinear(kind.fromdense(dense), b_init=1.0)(jnp.ones((2, 4))), dense.sum(0)[None].repeat(2, 0) + 1, rtol=1e-5
        )
    base = nn.Linear(4, 3, 1.0, None)
    assert nn.LoRA(4, 2, 3, base_module=base, kernel_init=1.0)(jnp.ones(4)).tolist() == [12.0] * 3
    assert type(nn.Linear(2, 2, param_type=bst.LongTermState).weight) is bst.LongTermState


@pytest.mark.parametrize(('kind', 'core'), [(nn.MaxPool2d, bst.nn.MaxPool2d), (nn.AvgPool2d, bst.nn.AvgPool2d)])
@pytest.mark.parametrize('axis', [-1, 0, 1, None])
def test_pooling_with_channels_anywhere(kind, core, axis):
    x = signal(2, 6, 4, 3)  # batch, height, width, channels
    expected = core(2)(x)
    if axis is None:
        np.testing.assert_allclose(kind(2, 2, channel_axis=None)(x[..., 0]), expected[..., 0], rtol=1e-6)
        return
    places = {-1: (3, 3), 0: (3, 0), 1: (3, 1)}[axis]
    found = kind(2, 2, channel_axis=axis)(jnp.moveaxis(x, *places))
    np.testing.assert_allclose(jnp.moveaxis(found, places[1], places[0]), expected, rtol=1e-6)


def test_pooling_and_back():
    x = signal(2, 4, 4, 3)
    pooled, places = nn.MaxPool2d(2, return_indices=True)(x)
    np.testing.assert_array_equal(pooled, x.reshape(-1)[places])
    back = nn.MaxUnpool2d(2)(pooled, places)
    np.testing.assert_array_equal(back, jnp.where(back != 0, x, 0))
    assert (nn.MaxPool2d(2)(back) >= jnp.minimum(pooled, 0)).all() and back.shape == x.shape
    assert nn.MaxUnpool2d(2)(pooled, places, output_size=(6, 6)).shape == (2, 6, 6, 3)
    np.testing.assert_allclose(nn.LPPool1d(2, 2)(jnp.array([[3.0], [4.0]])), [[np.sqrt(12.5)]], rtol=1e-6)
    assert nn.AdaptiveMaxPool1d(2)(jnp.arange(5.0)[:, None])[:, 0].tolist() == [2, 4]
    assert nn.Unflatten(1, (2, 3))(jnp.ones((4, 6))).shape == (4, 2, 3)
    with pytest.raises(ValueError, match='channel_axis = 7, but the input has 3 axes'):
        nn.MaxPool1d(2, channel_axis=7)(jnp.ones((2, 4, 3)))


@pytest.mark.parametrize('name', ['Circular', 'Constant', 'Reflection', 'Replication', 'Zero'])
@pytest.mark.parametrize('ndim', [1, 2, 3])
def test_padding(name, ndim):
    layer = getattr(nn, f'{name}Pad{ndim}d')((1, 2) * ndim)
    x = signal(2, *(4,) * ndim, 3)
    mode = {'Circular': 'wrap', 'Constant': 'constant', 'Reflection': 'reflect', 'Replication': 'edge', 'Zero': 'constant'}[name]
    np.testing.assert_array_equal(layer(x), jnp.pad(x, [(0, 0), *[(1, 2)] * ndim, (0, 0)], mode=mode))


def test_dropout_of_channels_holds_along_a_sample():
    x = jnp.ones((50, 4, 4, 6))
    with brainstate.environ.context(fit=True):
        out = np.asarray(nn.Dropout2d(0.5)(x))
        assert set(np.unique(out)) == {0, 2} and (out == out[:, :1, :1]).all() and out[:, 0, 0].std(0).min() > 0
        wide = nn.AlphaDropout(0.8)(signal(20_000))
        assert abs(wide.mean()) < 0.03 and abs(wide.std() - 1) < 0.03  # 4 standard errors
        held = nn.DropoutFixed(10, 0.5)
        held.init_state(3)
        np.testing.assert_array_equal(held(jnp.ones((3, 10))), held(jnp.ones((3, 10))))
        with pytest.raises(ValueError, match=r'the states were initialised for \(3, 10\)'):
            held(jnp.ones((2, 10)))
        assert (nn.Dropout(0.5, broadcast_dims=(0,))(x) == nn.Dropout(0.5, broadcast_dims=(0,))(x)).shape == x.shape


def test_norms():
    x = signal(8, 5, 4) * 3 + 1
    with brainstate.environ.context(fit=True):
        last, first = nn.BatchNorm1d((5, 4)), nn.BatchNorm1d((4, 5), feature_axis=0)
        np.testing.assert_allclose(jnp.moveaxis(last(x), -1, 1), first(jnp.moveaxis(x, -1, 1)), atol=1e-5)
        np.testing.assert_allclose(last.running_mean.value, first.running_mean.value, rtol=1e-5)
    unkept = nn.BatchNorm1d((5, 4), track_running_stats=False, affine=False)
    assert unkept.weight is None and abs(unkept(x).mean()) < 1e-5
    groups = nn.GroupNorm((4,), num_groups=2)(x)
    np.testing.assert_allclose(groups.reshape(8, 5, 2, 2).mean((1, 3)), np.zeros((8, 2)), atol=1e-5)
    np.testing.assert_allclose((nn.RMSNorm(4)(x) ** 2).mean(-1), np.ones((8, 5)), rtol=1e-4)
    np.testing.assert_allclose(nn.LayerNorm((5, 4), (-2, -1))(x).var((1, 2)), np.ones(8), rtol=1e-4)
    with pytest.raises(ValueError, match='give num_groups or group_size'):
        nn.GroupNorm(4, num_groups=2, group_size=2)
    with pytest.raises(ValueError, match='affine=True needs track_running_stats=True'):
        nn.BatchNorm0d(4, track_running_stats=False)


def test_an_embedding_trains_what_it_should():
    table = nn.Embedding(4, 2, padding_idx=0, scale_grad_by_freq=True)
    grads = brainstate.transform.grad(lambda: table(jnp.array([0, 1, 1, 3])).sum(), table.weight)()
    assert grads[:, 0].tolist() == [0, 1, 0, 1] and (table.weight.value[0] == 0).all()
    short = nn.Embedding.from_pretrained(jnp.array([[3.0, 4.0], [6.0, 8.0]]), max_norm=1.0)
    np.testing.assert_allclose(short(jnp.array([0])), [[0.6, 0.8]], rtol=1e-6)
    np.testing.assert_allclose(short.weight.value, [[0.6, 0.8], [6.0, 8.0]], rtol=1e-6)


@pytest.mark.parametrize('kind', [nn.ValinaRNNCell, nn.GRUCell, nn.MGUCell, nn.LSTMCell, nn.URLSTMCell])
def test_cells_start_again(kind):
    cell = kind(3, 4, activation='gelu')
    cell.init_state(2)
    first = cell(jnp.ones((2, 3)))
    assert first.shape == (2, 4) and not np.allclose(cell(jnp.ones((2, 3))), first)
    cell.reset_state()
    np.testing.assert_allclose(cell(jnp.ones((2, 3))), first, rtol=1e-5)
    assert isinstance(cell, nn.RNNCell)


def test_activations_with_options():
    x = jnp.array([-2.0, -0.5, 0.5, 2.0])
    assert nn.LeakyReLU(0.1)(x).tolist() == pytest.approx([-0.2, -0.05, 0.5, 2])
    assert nn.Hardtanh(-1.0, 1.0)(x).tolist() == [-1, -0.5, 0.5, 1] and nn.Threshold(0.0, 9.0)(x).tolist() == [9, 9, 0.5, 2]
    assert nn.PReLU(4, 0.5)(x).tolist() == [-1, -0.25, 0.5, 2]
    slopes = nn.RReLU(0.1, 0.3)(x)[:2] / x[:2]
    assert (slopes >= 0.1).all() and (slopes <= 0.3).all()
    assert nn.SpikeBitwise('iand')(jnp.array([0.0, 1.0]), jnp.ones(2)).tolist() == [1, 0]
    assert nn.soft_shrink(jnp.array([2.0]) * u.mV, 0.5).tolist() == [1.5 * u.mV]
    with pytest.raises(ValueError, match=r'min_val = 2\.0 must lie below'):
        nn.Hardtanh(2.0, 1.0)
