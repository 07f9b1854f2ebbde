"""`grad`: derivatives with respect to states and arguments."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BrainStateError, ParamState, State
from brainpy_state.transform import for_loop, grad, jit


@pytest.fixture
def w():
    return ParamState(jnp.array([1.0, 2.0]))


@pytest.fixture
def b():
    return ParamState(jnp.array(3.0))


def loss_of(w, b):
    return lambda x: jnp.sum(w.value**2) * x + b.value * x**2


def test_one_state_gives_one_array(w, b):
    np.testing.assert_allclose(grad(loss_of(w, b), w)(2.0), [4.0, 8.0])


CONTAINERS = [
    ('list', lambda w, b: [w, b], lambda gw, gb: [gw, gb]),
    ('tuple', lambda w, b: (b, w), lambda gw, gb: (gb, gw)),
    ('dict', lambda w, b: {'w': w, 'b': b}, lambda gw, gb: {'w': gw, 'b': gb}),
    ('nested', lambda w, b: {'layer': [w], 'out': {'b': b}}, lambda gw, gb: {'layer': [gw], 'out': {'b': gb}}),
    ('paths', lambda w, b: {('layers', 0, 'w'): w, ('b',): b}, lambda gw, gb: {('layers', 0, 'w'): gw, ('b',): gb}),
]


@pytest.mark.parametrize(('pack', 'expect'), [c[1:] for c in CONTAINERS], ids=[c[0] for c in CONTAINERS])
def test_gradients_mirror_the_container_of_the_states(w, b, pack, expect):
    grads = grad(loss_of(w, b), pack(w, b))(2.0)
    expected = expect(np.array([4.0, 8.0]), np.array(4.0))
    assert jax.tree.structure(grads) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_allclose, grads, expected)


def test_gradient_of_a_state_has_the_tree_of_its_value():
    layer = ParamState({'weight': jnp.ones((2, 3)), 'bias': jnp.zeros(3)})
    grads = grad(lambda x: jnp.sum(x @ layer.value['weight'] + layer.value['bias']), layer)(jnp.ones(2))
    new = jax.tree.map(lambda p, g: p - 0.1 * g, layer.value, grads)
    np.testing.assert_allclose(new['weight'], np.full((2, 3), 0.9), rtol=1e-6)
    np.testing.assert_allclose(new['bias'], np.full(3, -0.1), rtol=1e-6)


def test_an_empty_container_gives_an_empty_container(w):
    assert grad(lambda x: x, {})(1.0) == {}


@pytest.mark.parametrize(
    ('options', 'kinds'),
    [
        ({}, 'g'),
        ({'return_value': True}, 'gl'),
        ({'has_aux': True}, 'ga'),
        ({'return_value': True, 'has_aux': True}, 'gla'),
    ],
)
def test_order_of_returns(w, b, options, kinds):
    loss = loss_of(w, b)
    result = grad((lambda x: (loss(x), {'seen': x})) if 'a' in kinds else loss, w, **options)(2.0)
    parts = dict(zip(kinds, result if len(kinds) > 1 else (result,), strict=True))
    np.testing.assert_allclose(parts['g'], [4.0, 8.0])
    if 'l' in kinds:
        assert float(parts['l']) == 22.0
    if 'a' in kinds:
        assert float(parts['a']['seen']) == 2.0


def test_by_the_first_argument_when_nothing_else_is_asked_for():
    assert float(grad(lambda x, y: x**2 * y)(3.0, 2.0)) == 12.0


@pytest.mark.parametrize(('argnums', 'expected'), [(0, 12.0), (1, 9.0), ((1, 0), (9.0, 12.0)), ([0], (12.0,))])
def test_by_arguments(argnums, expected):
    grads = grad(lambda x, y: x**2 * y, argnums=argnums)(3.0, 2.0)
    assert jax.tree.map(float, grads) == expected


def test_by_states_and_arguments_gives_states_first(w):
    by_state, by_argument = grad(lambda x: jnp.sum(w.value) * x**2, w, argnums=0)(2.0)
    np.testing.assert_allclose(by_state, [4.0, 4.0])
    assert float(by_argument) == 12.0


def test_keyword_arguments_are_passed_on(w):
    np.testing.assert_allclose(grad(lambda x, scale: jnp.sum(w.value) * x * scale, w)(2.0, scale=3.0), [6.0, 6.0])


def test_states_that_the_loss_writes_keep_their_new_values(w):
    calls = State(jnp.zeros(()))

    def loss(x):
        calls.value = calls.value + 1.0
        return jnp.sum(w.value * x)

    gradient = grad(loss, w)
    gradient(2.0), gradient(2.0)
    assert float(calls.value) == 2.0
    np.testing.assert_array_equal(w.value, [1.0, 2.0])


def test_a_parameter_that_the_loss_changes_is_differentiated_at_its_first_value(w):
    def loss():
        before = jnp.sum(w.value**2)
        w.value = w.value * 10.0
        return before + jnp.sum(w.value)

    np.testing.assert_allclose(grad(loss, w)(), [12.0, 14.0])
    np.testing.assert_allclose(w.value, [10.0, 20.0])


def test_a_state_that_the_loss_never_reads_is_an_error_that_says_which(w):
    unused = ParamState(jnp.ones(2), name='bias')
    with pytest.raises(BrainStateError, match=r"never reads ParamState 'bias' \(state 1 of grad_states\)"):
        grad(lambda: jnp.sum(w.value), [w, unused])()


@pytest.mark.parametrize('loss', [lambda: jnp.ones(3), lambda: (jnp.ones(()), jnp.ones(())), lambda: None], ids=['vector', 'pair', 'None'])
def test_a_loss_that_is_no_scalar_is_an_error(loss, w):
    with pytest.raises(TypeError, match='must return one scalar loss'):
        grad(lambda x: jax.tree.map(lambda y: y + 0 * x, loss()))(1.0)


def test_a_loss_of_shape_one_counts_as_a_scalar(w):
    np.testing.assert_allclose(grad(lambda: jnp.sum(w.value).reshape(1), w)(), [1.0, 1.0])


def test_has_aux_needs_a_pair(w):
    with pytest.raises(TypeError, match=r'must return \(loss, aux\)'):
        grad(lambda: jnp.sum(w.value), w, has_aux=True)()


@pytest.mark.parametrize('bad', [jnp.ones(2), 'w', [1.0], {'w': 2.0}])
def test_something_else_than_states_is_an_error(bad):
    with pytest.raises(TypeError, match='grad_states holds states'):
        grad(lambda: 1.0, bad)


def test_the_same_state_twice_is_an_error(w):
    with pytest.raises(TypeError, match='twice'):
        grad(lambda: jnp.sum(w.value), [w, {'again': w}])


def test_gradients_are_of_the_plain_numbers_by_default():
    tau = ParamState(jnp.array([2.0, 3.0]) * u.ms)
    grads = grad(lambda: u.math.sum(tau.value**2).to_decimal(u.ms**2), tau)()
    assert jax.tree.structure(grads) == jax.tree.structure(tau.value)
    np.testing.assert_allclose(u.get_mantissa(grads), [4.0, 6.0])


@pytest.mark.parametrize(
    ('loss', 'unit'),
    [
        (lambda x: u.math.sum(x**2), u.ms),
        (lambda x: u.math.sum(x), u.UNITLESS),
        (lambda x: u.math.sum(x).to_decimal(u.ms), 1 / u.ms),
    ],
    ids=['squared', 'linear', 'number'],
)
def test_unit_aware_gradients_have_the_unit_of_loss_over_state(loss, unit):
    tau = ParamState(jnp.array([2.0, 3.0]) * u.ms)
    grads = grad(lambda: loss(tau.value), tau, unit_aware=True)()
    assert u.get_dim(grads) == u.get_dim(1.0 * unit)


def test_a_loss_with_a_unit_keeps_it_in_the_returned_value(w):
    _, loss = grad(lambda: jnp.sum(w.value) * u.mV, w, return_value=True)()
    assert loss == 3.0 * u.mV


def test_through_a_loop_it_equals_the_pure_jax_twin(w):
    h = State(jnp.zeros(2))
    xs = jnp.linspace(0.1, 1.0, 10)

    def step(x):
        h.value = jnp.tanh(w.value * h.value + x)

    def loss():
        h.value = jnp.zeros(2)
        for_loop(step, xs)
        return jnp.sum(h.value**2)

    def twin(weight):
        last, _ = jax.lax.scan(lambda h, x: (jnp.tanh(weight * h + x), None), jnp.zeros(2), xs)
        return jnp.sum(last**2)

    # the same operations in float32, in another order of fusing
    np.testing.assert_allclose(grad(loss, w)(), jax.grad(twin)(w.value), rtol=3e-5)


def test_of_a_compiled_function_and_compiled_grad_agree(w, b):
    loss = loss_of(w, b)
    plain = grad(loss, [w, b])(2.0)
    for variant in (jit(grad(loss, [w, b])), grad(jit(loss), [w, b]), jit(grad(jit(loss), [w, b]))):
        jax.tree.map(np.testing.assert_allclose, variant(2.0), plain)


def test_of_grad_is_the_second_derivative():
    assert float(grad(grad(lambda x: x**3))(2.0)) == 12.0


def test_new_values_of_states_are_seen(w):
    gradient = grad(lambda: jnp.sum(w.value**3), w)
    np.testing.assert_allclose(gradient(), [3.0, 12.0])
    w.value = jnp.array([0.0, 1.0])
    np.testing.assert_allclose(gradient(), [0.0, 3.0])


@pytest.mark.slow
def test_a_training_loop_inside_jit_lowers_the_loss():
    class Model(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = ParamState(bst.random.randn(3, 1) * 0.1)
            self.b = ParamState(jnp.zeros(1))

        def update(self, x):
            return x @ self.w.value + self.b.value

    model = Model()
    x = bst.random.randn(64, 3)
    y = x @ jnp.array([[1.0], [-2.0], [0.5]]) + 0.3
    params = model.states(ParamState)

    def loss():
        return jnp.mean((model(x) - y) ** 2)

    @jit
    def train():
        grads, value = grad(loss, params, return_value=True)()
        for key in params:
            params[key].value -= 0.1 * grads[key]
        return value

    losses = [float(train()) for _ in range(100)]
    assert list(params) == [('b',), ('w',)]
    assert losses[-1] < 1e-3 * losses[0]
    np.testing.assert_allclose(model.w.value, [[1.0], [-2.0], [0.5]], atol=0.02)
    assert f'{losses[0]:.4f}'
