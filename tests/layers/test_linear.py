"""Dense layers, and where weights come from."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, ParamState, ShapeError, UnitError, nn
from brainpy_state.transform import grad, jit


def test_linear_multiplies_and_adds():
    layer = nn.Linear(3, 2, w_init=np.arange(6.0).reshape(3, 2), b_init=np.array([10.0, 20.0]))
    x = np.array([1.0, 2.0, 3.0])
    expected = [sum(x[i] * (2 * i + j) for i in range(3)) + 10.0 * (j + 1) for j in range(2)]
    np.testing.assert_allclose(layer(x), expected)


@pytest.mark.parametrize('batch', [(), (4,), (4, 1, 5)])
def test_leading_axes_are_batch_axes(batch):
    layer = nn.Linear(3, 2)
    x = np.random.default_rng(0).normal(size=(*batch, 3)).astype(np.float32)
    out = layer(x)
    assert out.shape == (*batch, 2)
    flat = [layer(row) for row in x.reshape(-1, 3)]
    np.testing.assert_allclose(np.asarray(out).reshape(-1, 2), flat, rtol=1e-5, atol=1e-6)  # another order of sums


def test_a_size_of_several_axes_is_mapped_along_the_last():
    layer = nn.Linear((4, 3), 2)
    assert (layer.in_size, layer.out_size) == ((4, 3), (4, 2))
    assert layer.weight.value['weight'].shape == (3, 2)
    with pytest.raises(ShapeError, match=r'in_size \(4, 3\) and out_size \(5, 2\) may differ in the last axis only'):
        nn.Linear((4, 3), (5, 2))


def test_weight_and_bias_are_one_parameter():
    layer = nn.Linear(3, 2)
    assert list(layer.states()) == [('weight',)]
    assert type(layer.weight) is ParamState
    assert {k: v.shape for k, v in layer.weight.value.items()} == {'weight': (3, 2), 'bias': (2,)}
    np.testing.assert_array_equal(layer.weight.value['bias'], [0.0, 0.0])
    assert set(nn.Linear(3, 2, b_init=None).weight.value) == {'weight'}


def test_quantities_go_through():
    layer = nn.Linear(2, 1, w_init=0.5 * u.mS)
    assert u.get_unit(layer.weight.value['bias']) == u.mS
    assert u.math.allclose(layer(jnp.ones(2)), 1.0 * u.mS)
    current = nn.Linear(2, 1, w_init=0.5 * u.mS, b_init=1.0 * u.uA)
    assert u.math.allclose(current(jnp.ones(2) * u.mV), 2.0 * u.uA)
    with pytest.raises(UnitError, match='Linear: bias = .* has the unit uA'):
        current(jnp.ones(2))


def test_weights_have_the_type_of_the_precision(precision):
    assert nn.Linear(2, 1).weight.value['weight'].dtype == f'float{precision}'


def test_a_seed_decides_the_weights():
    def draw(seed):
        bst.random.seed(seed)
        return np.asarray(nn.Linear(5, 4).weight.value['weight']), np.asarray(nn.Linear(5, 4).weight.value['weight'])

    a, b = draw(1)
    np.testing.assert_array_equal(draw(1)[0], a)
    assert not np.array_equal(a, b)
    assert not np.array_equal(a, draw(2)[0])


def test_default_weights_have_the_variance_of_he():
    w = np.asarray(nn.Linear(200, 300).weight.value['weight'])
    assert abs(w.mean()) < 4 * np.sqrt(2 / 200 / w.size)
    np.testing.assert_allclose(w.var(), 2 / 200, rtol=0.03)  # about 5 standard errors of 60,000 draws


INITS = [
    ('jax', jax.nn.initializers.normal(0.1)),
    ('shape', lambda shape: bst.random.normal(0.0, 0.1, shape)),
    ('rng', lambda shape, rng=None: rng.normal(0.0, 0.1, shape)),
    ('kwargs', lambda shape, **kwargs: kwargs['rng'].normal(0.0, 0.1, shape)),
]


@pytest.mark.parametrize('init', [c[1] for c in INITS], ids=[c[0] for c in INITS])
def test_initialisers_draw_from_the_package(init):
    def draw():
        bst.random.seed(3)
        return np.asarray(nn.Linear(20, 30, w_init=init).weight.value['weight'])

    assert 0.08 < draw().std() < 0.12
    np.testing.assert_array_equal(draw(), draw())


def test_an_initialiser_of_braintools_draws_from_the_package():
    init = pytest.importorskip('braintools.init').XavierUniform(unit=u.mS)

    def draw():
        bst.random.seed(3)
        return np.asarray(nn.Linear(20, 30, w_init=init).weight.value['weight'].to_decimal(u.mS))

    np.testing.assert_array_equal(draw(), draw())
    assert 0.2 < draw().max() <= np.sqrt(6 / 50)


def test_a_builtin_that_has_no_signature_is_called_with_the_shape():
    np.testing.assert_array_equal(nn.Linear(1, 2, w_init=np.zeros).weight.value['weight'], [[0.0, 0.0]])


@pytest.mark.parametrize(
    ('init', 'kind', 'message'),
    [
        (np.ones((2, 3)), ShapeError, r'w_init gives shape \(2, 3\), expected \(3, 2\)'),
        (lambda shape: np.ones(5), ShapeError, r'w_init gives shape \(5,\), expected \(3, 2\)'),
        (nn.Param(1.0), ParameterError, 'w_init is a number, an array or a callable of the shape, but Param'),
        ('zeros', ParameterError, "w_init is a number, an array or a callable of the shape, but 'zeros' was given"),
    ],
)
def test_a_bad_initialiser_is_one_clear_line(init, kind, message):
    with pytest.raises(kind, match=f"^Linear 'out': {message}"):
        nn.Linear(3, 2, w_init=init, name='out')


@pytest.mark.parametrize('shape', [(4,), (), (3, 1)])
def test_an_input_of_another_shape_is_one_clear_line(shape):
    with pytest.raises(ShapeError, match=r"^Linear 'out': the input has shape .*, expected \(\.\.\., 3\)\.$"):
        nn.Linear(3, 2, name='out')(jnp.ones(shape))


def test_a_training_step_lowers_the_loss():
    net = nn.Sequential(nn.Linear(2, 8), jax.nn.tanh, nn.Linear.desc(1))
    params = net.states(ParamState)
    x, y = jnp.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), jnp.array([[1.0], [1.0], [0.0]])

    @jit
    def train():
        grads, loss = grad(lambda: jnp.mean((net(x) - y) ** 2), params, return_value=True)()
        for key in params:
            params[key].value = jax.tree.map(lambda p, g: p - 0.1 * g, params[key].value, grads[key])
        return loss

    losses = [float(train()) for _ in range(100)]
    assert losses[-1] < 0.05 * losses[0]


def test_gradients_are_those_of_the_formula():
    layer, x = nn.Linear(3, 2), jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    grads = grad(lambda: jnp.sum(layer(x)), layer.weight)()
    np.testing.assert_allclose(grads['weight'], [[5.0, 5.0], [7.0, 7.0], [9.0, 9.0]])
    np.testing.assert_allclose(grads['bias'], [2.0, 2.0])


@pytest.mark.parametrize(
    ('options', 'shape', 'expected'),
    [
        ({}, (2, 3, 4), (24,)),
        ({'start_axis': 1}, (2, 3, 4), (2, 12)),
        ({'end_axis': -2}, (2, 3, 4), (6, 4)),
        ({'in_size': (3, 4)}, (2, 3, 4), (2, 12)),
        ({'in_size': (2, 3, 4), 'start_axis': 1}, (5, 6, 2, 3, 4), (5, 6, 2, 12)),
    ],
)
def test_flatten_keeps_the_order_of_elements(options, shape, expected):
    x = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(nn.Flatten(**options)(x), x.reshape(expected))


def test_flatten_names_axes_that_do_not_exist():
    with pytest.raises(ShapeError, match=r'there are no axes from 2 to -1 in shape \(3, 4\)'):
        nn.Flatten(2, in_size=(3, 4))
    with pytest.raises(ShapeError, match=r'there are no axes from 1 to 0 in shape \(3, 4\)'):
        nn.Flatten(1, 0, in_size=(3, 4))
    with pytest.raises(ShapeError, match=r'the input has shape \(4, 3\), expected \(\.\.\., 3, 4\)'):
        nn.Flatten(in_size=(3, 4))(jnp.ones((4, 3)))
