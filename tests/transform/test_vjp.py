"""`vjp` and `jvp`."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import ParamState, State, UnitError
from brainpy_state.transform import for_loop, grad, jit, jvp, vjp

W = jnp.array([1.0, -2.0])
X = jnp.array([0.5, 3.0])
CT = jnp.array([1.0, 10.0])


@pytest.fixture
def w():
    return ParamState(W, name='w')


def twin(w, x):
    return jnp.sin(w) * x**2


def test_pull_gives_states_and_arguments(w):
    out, pull = vjp(lambda x: twin(w.value, x), X, grad_states=w)
    expected_out, expected_pull = jax.vjp(twin, W, X)
    np.testing.assert_allclose(out, expected_out, rtol=1e-6)  # fused in one program, so rounded differently
    for found, expected in zip(pull(CT), expected_pull(CT), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ('options', 'form'),
    [
        ({}, lambda s, a: a),
        ({'argnums': (0,)}, lambda s, a: (a,)),
        ({'grad_states': 'w', 'argnums': None}, lambda s, a: s),
        ({'grad_states': 'w'}, lambda s, a: (s, a)),
        ({'grad_states': ['w'], 'argnums': [0]}, lambda s, a: ([s], (a,))),
    ],
    ids=['default', 'tuple', 'states', 'both', 'containers'],
)
def test_the_form_of_what_pull_returns(w, options, form):
    options = jax.tree.map(lambda x: w if x == 'w' else x, options, is_leaf=lambda x: x is None)
    _, pull = vjp(lambda x: twin(w.value, x), X, **options)
    expected = form(*jax.vjp(twin, W, X)[1](CT))
    assert jax.tree.structure(pull(CT)) == jax.tree.structure(expected)
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=1e-6), pull(CT), expected)


def test_other_containers_of_the_same_states_keep_their_form(w):
    def fun(x):
        return twin(w.value, x)

    for container, of in (([w], lambda g: g[0]), ({'w': w}, lambda g: g['w']), (w, lambda g: g)):
        _, pull = vjp(fun, X, grad_states=container, argnums=None)
        np.testing.assert_allclose(of(pull(CT)), jax.vjp(twin, W, X)[1](CT)[0], rtol=1e-6)


def test_without_arguments_it_is_by_states_alone(w):
    _, pull = vjp(lambda: w.value**2, grad_states={'w': w})
    np.testing.assert_allclose(pull(CT)['w'], 2 * W * CT)


def test_aux_comes_third_and_writes_are_stored_by_the_forward_pass_only(w):
    calls = State(0)

    def fun(x):
        calls.value = calls.value + 1
        return {'y': w.value * x}, 'n' and calls.value

    out, pull, aux = vjp(fun, X, grad_states=w, has_aux=True)
    np.testing.assert_allclose(out['y'], W * X)
    assert int(aux) == 1
    for _ in range(3):
        pull({'y': CT})
    assert int(calls.value) == 1


def test_pulling_twice_compiles_once(w, compilations):
    def fun(x):
        return twin(w.value, x)

    cotangents = [CT, 2 * CT, 3 * CT]
    xs = [X, 2 * X]
    jax.block_until_ready(vjp(fun, X)[1](CT))
    with compilations() as found:
        for x in xs:
            _, pull = vjp(fun, x)
            for ct in cotangents:
                jax.block_until_ready(pull(ct))
    assert found == []


def test_pull_is_a_pytree_that_jit_returns_and_a_loop_uses(w):
    _out, pull = jit(lambda x: vjp(lambda x: twin(w.value, x), x))(X)
    expected = jax.vjp(lambda x: twin(W, x), X)[1]
    np.testing.assert_allclose(pull(CT), expected(CT)[0], rtol=1e-6)
    rows = for_loop(pull, jnp.eye(2))
    np.testing.assert_allclose(rows, jax.jacrev(lambda x: twin(W, x))(X), rtol=1e-6)


def test_the_gradient_of_a_pull_is_a_second_derivative():
    slope = grad(lambda x: vjp(lambda x: x**3, x)[1](1.0))
    np.testing.assert_allclose(slope(2.0), 12.0)


def test_cotangents_are_numbers_or_in_the_unit_of_the_output():
    V, g = ParamState(jnp.asarray(2.0) * u.mV), ParamState(jnp.asarray(3.0) * u.nS)
    out, pull = vjp(lambda: V.value * g.value, grad_states={'V': V, 'g': g})
    assert out == 6.0 * u.pA
    for one in (1.0, 1.0 * u.pA, 0.001 * u.nA):
        by = pull(one)
        assert by['V'].unit == u.mV
        np.testing.assert_allclose([by['V'].mantissa, by['g'].mantissa], [3.0, 2.0], rtol=1e-6)
    with pytest.raises(UnitError, match='has the unit mV, where'):
        pull(1.0 * u.mV)


def test_unit_aware_cotangents_multiply_the_derivative():
    V = ParamState(jnp.asarray(2.0) * u.mV)
    _, pull = vjp(lambda: V.value**2, grad_states=V, unit_aware=True)
    np.testing.assert_allclose(pull(1.0).to_decimal(u.mV), 4.0)
    np.testing.assert_allclose(pull(1.0 / u.mV), 4.0)
    _two, by_two = vjp(lambda: (V.value, V.value**2), grad_states=V, unit_aware=True)
    np.testing.assert_allclose(by_two((1.0 / u.mV, 1.0 / u.mV**2)).to_decimal(u.mV**-1), 5.0)
    with pytest.raises(UnitError, match='cotangent times output .* has the units'):
        by_two((1.0, 1.0))


@pytest.mark.parametrize(
    ('call', 'error', 'message'),
    [
        (lambda w: vjp(lambda: w.value), ValueError, 'nothing to differentiate by'),
        (lambda w: vjp(lambda x: x, X, argnums=None), ValueError, 'nothing to differentiate by'),
        (lambda w: vjp(lambda x: x, X, grad_states=w), ValueError, "never reads ParamState 'w'"),
        (lambda w: vjp(lambda x: x * 1.0, jnp.array([1, 2])), TypeError, 'argument 0 holds int32'),
        (lambda w: vjp(lambda x: x > 0, X), TypeError, 'returns bool'),
        (lambda w: vjp(lambda x: x, X)[1](jnp.ones(3)), ValueError, r'shape \(3,\), where \(2,\) is expected'),
        (lambda w: vjp(lambda x: (x, x), X)[1](CT), ValueError, 'the cotangent of .* must have the structure'),
        (lambda w: jvp(lambda x: x, (X,), ()), ValueError, '1 primals, 0 tangents'),
        (lambda w: jvp(lambda: w.value, (), (), grad_states=w), ValueError, 'every container of states needs a tangent'),
        (lambda w: jvp(lambda: w.value, (), (), grad_states=[w], state_tangents={'w': X}), ValueError, 'in the same container'),
        (lambda w: jvp(lambda x: x, (X,), (1.0,)), ValueError, r'shape \(\), where \(2,\)'),
        (lambda w: jvp(lambda x: x * 1.0, (1,), (1,)), TypeError, 'jvp: argument 0 holds int32'),
    ],
)
def test_errors(w, call, error, message):
    with pytest.raises(error, match=message):
        call(w)


def test_jvp_takes_states_as_constants(w):
    out, change = jvp(lambda x: twin(w.value, x), (X,), (CT,))
    expected = jax.jvp(lambda x: twin(W, x), (X,), (CT,))
    np.testing.assert_allclose(out, expected[0], rtol=1e-6)
    np.testing.assert_allclose(change, expected[1], rtol=1e-6)


def test_jvp_along_states(w):
    _, change = jvp(lambda x: twin(w.value, x), (X,), (CT,), grad_states={'w': w}, state_tangents={'w': X})
    np.testing.assert_allclose(change, jax.jvp(twin, (W, X), (X, CT))[1], rtol=1e-6)


def test_jvp_and_vjp_are_transposes(w):
    fun = jit(lambda x: jnp.cumsum(twin(w.value, x)))
    change = jvp(fun, (X,), (CT,), grad_states=w, state_tangents=X)[1]
    by_state, by_argument = vjp(fun, X, grad_states=w)[1](W)
    np.testing.assert_allclose(W @ change, by_state @ X + by_argument @ CT, rtol=1e-5)  # sums in another order


def test_hessian_vector_product_is_jvp_of_grad(w):
    product = jvp(grad(lambda: jnp.sum(w.value**3), w), (), (), grad_states=w, state_tangents=CT)[1]
    np.testing.assert_allclose(product, 6 * W * CT, rtol=1e-6)


def test_jvp_converts_tangents_and_returns_the_unit_of_the_output(w):
    calls = State(0)

    def current(V):
        calls.value = calls.value + 1
        return (2.0 * u.nS) * V, calls.value

    out, change, aux = jvp(current, (3.0 * u.mV,), (0.001 * u.volt,), has_aux=True)
    np.testing.assert_allclose(out.to_decimal(u.pA), 6.0, rtol=1e-6)
    np.testing.assert_allclose(change.to_decimal(u.pA), 2.0, rtol=1e-6)
    assert int(aux) == int(calls.value) == 1
    with pytest.raises(UnitError, match='tangent has the unit ms, where mV is expected'):
        jvp(current, (3.0 * u.mV,), (1.0 * u.ms,), has_aux=True)
