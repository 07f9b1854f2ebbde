"""`jacrev`, `jacfwd` and `hessian`."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import ParamState, State
from brainpy_state.transform import for_loop, grad, hessian, jacfwd, jacrev, jit

pytestmark = pytest.mark.slow

A = jnp.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
B = jnp.array([0.5, -1.0, 2.0])
X = jnp.array([0.3, -0.7])

both = pytest.mark.parametrize('jacobian', [jacrev, jacfwd])


@pytest.fixture
def layer():
    return {'A': ParamState(A, name='A'), 'B': ParamState(B, name='B')}


def response(A, B, x):
    return jnp.tanh(A @ x + B)


def function_of(layer):
    return lambda x: response(layer['A'].value, layer['B'].value, x)


def close(actual, expected):
    """Equal but for roundings of float32: the same operations in one program, or one by one."""
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-6), actual, expected)


@both
def test_blocks_have_the_shape_of_output_and_input(layer, jacobian):
    blocks = jacobian(function_of(layer), layer)(X)
    by_A, by_B = jax.jacrev(response, argnums=(0, 1))(A, B, X)
    assert by_A.shape == (3, 3, 2)
    close(blocks, {'A': by_A, 'B': by_B})


@both
def test_one_state_gives_one_block_and_a_list_a_list(layer, jacobian):
    f = function_of(layer)
    close(jacobian(f, layer['B'])(X), jax.jacrev(response, argnums=1)(A, B, X))
    close(jacobian(f, [layer['B']])(X), [jax.jacrev(response, argnums=1)(A, B, X)])


@both
def test_states_and_arguments_give_states_first(layer, jacobian):
    by_state, by_argument = jacobian(function_of(layer), layer['B'], 0)(X)
    close((by_state, by_argument), jax.jacrev(response, argnums=(1, 2))(A, B, X))


@both
def test_a_tree_of_outputs_holds_blocks_in_each_place(layer, jacobian):
    f = function_of(layer)
    blocks = jacobian(lambda x: {'y': f(x), 'n': [jnp.sum(layer['B'].value) * x]}, {('B',): layer['B']})(X)
    close(blocks['y'][('B',)], jax.jacrev(response, argnums=1)(A, B, X))
    close(blocks['n'][0][('B',)], jnp.tile(X[:, None], (1, 3)))


@both
def test_a_state_that_holds_a_tree(jacobian):
    p = ParamState({'a': jnp.array([1.0, 2.0]), 'b': jnp.asarray(3.0)})
    blocks = jacobian(lambda: p.value['a'] ** 2 * p.value['b'], p)()
    close(blocks, {'a': jnp.diag(jnp.array([6.0, 12.0])), 'b': jnp.array([1.0, 4.0])})


@both
def test_keys_of_a_mapping_need_no_order(jacobian):
    a, b = ParamState(jnp.asarray(1.0)), ParamState(jnp.asarray(2.0))
    blocks = jacobian(lambda: a.value * b.value, {('layers', 0): a, ('layers', 'b'): b})()
    assert {k: float(v) for k, v in blocks.items()} == {('layers', 0): 2.0, ('layers', 'b'): 1.0}


@both
def test_blocks_are_plain_arrays_or_carry_output_over_input(jacobian):
    V = ParamState(jnp.array([1.0, 2.0]) * u.mV)
    g = ParamState(jnp.asarray(3.0) * u.nS)

    def f():
        return {'I': g.value * V.value, 'V': V.value}

    plain = jacobian(f, {'V': V, 'g': g})()
    close(plain['I'], {'V': 3.0 * jnp.eye(2), 'g': jnp.array([1.0, 2.0])})
    aware = jacobian(f, {'V': V, 'g': g}, unit_aware=True)()
    np.testing.assert_allclose(aware['I']['V'].to_decimal(u.nS), 3.0 * np.eye(2))
    np.testing.assert_allclose(aware['I']['g'].to_decimal(u.mV), [1.0, 2.0])
    np.testing.assert_array_equal(aware['V']['V'], np.eye(2))
    np.testing.assert_allclose(aware['V']['g'].to_decimal(u.mV / u.nS), [0.0, 0.0])


@both
def test_holomorphic_functions(jacobian):
    z = ParamState(jnp.array([1.0 + 1.0j, 2.0j]))
    close(jacobian(lambda: z.value**2, z, holomorphic=True)(), jnp.diag(2 * z.value))


@both
def test_through_a_loop_it_equals_the_twin(layer, jacobian):
    h = State(jnp.zeros(3))
    xs = jnp.linspace(-1.0, 1.0, 6)

    def step(x):
        h.value = jnp.tanh(0.5 * h.value + layer['B'].value * x)

    def rollout():
        h.value = jnp.zeros(3)
        for_loop(step, xs)
        return h.value

    def twin(B):
        return jax.lax.scan(lambda h, x: (jnp.tanh(0.5 * h + B * x), None), jnp.zeros(3), xs)[0]

    close(jacobian(rollout, layer['B'])(), jax.jacrev(twin)(B))


def test_hessian_by_a_mapping_is_rows_of_columns(layer):
    def loss(A, B):
        return jnp.sum(response(A, B, X) ** 2)

    blocks = hessian(lambda: loss(layer['A'].value, layer['B'].value), layer)()
    rows = jax.hessian(loss, argnums=(0, 1))(A, B)
    expected = {r: {c: rows[i][j] for j, c in enumerate('AB')} for i, r in enumerate('AB')}
    assert blocks['A']['B'].shape == (3, 2, 3)
    close(blocks, expected)


def test_hessian_by_one_state_or_argument_is_one_block(layer):
    def cube(x):
        return jnp.sum(x**3)

    close(hessian(lambda: cube(layer['B'].value), layer['B'])(), jnp.diag(6 * B))
    close(hessian(cube)(B), jnp.diag(6 * B))


def test_hessian_by_states_and_arguments_is_a_pair_of_pairs(layer):
    def f(B, x):
        return jnp.sum(B**2) * jnp.sum(x**3)

    found = hessian(lambda x: f(layer['B'].value, x), layer['B'], 0)(X)
    close(found, jax.hessian(f, argnums=(0, 1))(B, X))


def test_hessian_of_a_vector_has_its_shape_in_front():
    close(hessian(lambda x: x**3)(X), jax.hessian(lambda x: x**3)(X))


def test_hessian_returns_value_and_aux(layer):
    blocks, value, aux = hessian(lambda: (jnp.sum(layer['B'].value ** 2), {'n': 3}), layer['B'], return_value=True, has_aux=True)()
    close(blocks, 2.0 * jnp.eye(3))
    assert float(value) == 5.25
    assert int(aux['n']) == 3


def test_hessian_has_the_unit_of_output_over_row_and_column():
    V, g = ParamState(jnp.asarray(2.0) * u.mV), ParamState(jnp.asarray(3.0) * u.nS)
    blocks = hessian(lambda: g.value * V.value**2, {'V': V, 'g': g}, unit_aware=True)()
    assert float(blocks['V']['V'].to_decimal(u.nS)) == 6.0
    assert float(blocks['V']['g'].to_decimal(u.mV)) == 4.0
    assert float(blocks['g']['g'].to_decimal(u.mV**2 / u.nS)) == 0.0


def test_forward_over_reverse_by_hand_is_the_hessian(layer):
    def loss():
        return jnp.sum(jnp.sin(layer['B'].value)) * layer['B'].value[0]

    by_hand = jacfwd(grad(loss, layer['B']), layer['B'])()
    close(by_hand, hessian(loss, layer['B'])())
    close(jit(jacrev(grad(loss, layer['B']), layer['B']))(), by_hand)


def test_float64_hessian_equals_finite_differences_of_the_gradient(x64):
    w = ParamState(jnp.array([0.3, -1.2], jnp.float64))

    def loss():
        return jnp.exp(w.value[0]) * jnp.sin(w.value[1])

    slope, start, h = grad(loss, w), w.value, 1e-6
    rows = []
    for e in np.eye(2):
        w.value = start + h * e
        up = slope()
        w.value = start - h * e
        rows.append((up - slope()) / (2 * h))
    w.value = start
    # central differences: an error of h**2 and roundings of 1e-16 / h
    np.testing.assert_allclose(hessian(loss, w)(), rows, rtol=1e-8, atol=1e-9)


@both
def test_an_integer_output_is_an_error(jacobian):
    with pytest.raises(TypeError, match='jac.* returns int32, which has no derivative'):
        jacobian(lambda x: jnp.round(x).astype(int))(1.0)
