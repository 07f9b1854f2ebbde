"""Options of `grad`, and its errors."""

from typing import NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import BrainStateError, ParamState, State, nn
from brainpy_state.transform import for_loop, fwd_grad, grad, hessian, jacfwd, jacrev, jit, vector_grad


@pytest.fixture
def w():
    return ParamState(jnp.array([1.0, 2.0]), name='w')


def test_an_unused_state_has_a_gradient_of_zeros_if_asked_for(w):
    unused = ParamState({'a': jnp.ones(3), 'b': jnp.ones(()) * u.mV})
    grads = grad(lambda: jnp.sum(w.value**2), [w, unused], check_states=False)()
    np.testing.assert_array_equal(grads[0], [2.0, 4.0])
    np.testing.assert_array_equal(grads[1]['a'], np.zeros(3))
    assert grads[1]['b'] == 0.0 * u.mV


def test_an_unused_state_is_a_value_error_too(w):
    with pytest.raises(ValueError, match="never reads ParamState 'w'.*check_states=False"):
        grad(lambda: 1.0, w)()


@pytest.mark.parametrize('argnums', [-1, (0, -1), 0.5, 'x', True, (0, 0), [None]], ids=str)
def test_argnums_that_are_no_positions_are_a_value_error(argnums):
    with pytest.raises(ValueError, match='argnums is one or more different positions'):
        grad(lambda x: x, argnums=argnums)


def test_argnums_beyond_the_arguments_are_a_value_error():
    with pytest.raises(ValueError, match='argnums=2, but the call has 1 positional arguments'):
        grad(lambda x: x, argnums=(0, 2))(1.0)


def test_an_integer_state_is_an_error_that_names_it(w):
    count = State(jnp.array([1, 2]), name='count')
    with pytest.raises(TypeError, match="grad: State 'count' holds int32, which has no derivative"):
        grad(lambda: jnp.sum(w.value * count.value), [w, count])()


def test_an_integer_argument_is_an_error_that_names_it():
    with pytest.raises(TypeError, match='grad: argument 1 holds int32'):
        grad(lambda x, n: x * n, argnums=(0, 1))(1.0, 3)


def test_allow_int_gives_float0_where_jax_does(w):
    mixed = ParamState({'weight': jnp.ones(2), 'count': jnp.array([1, 2])})
    grads = grad(lambda: jnp.sum(mixed.value['weight'] * mixed.value['count']), mixed, allow_int=True)()
    np.testing.assert_array_equal(grads['weight'], [1.0, 2.0])
    assert (grads['count'].dtype, grads['count'].shape) == (jax.dtypes.float0, (2,))


def test_an_integer_loss_is_an_error():
    with pytest.raises(TypeError, match='returns int32, which has no derivative'):
        grad(lambda x: jnp.round(x).astype(int))(1.0)


def test_holomorphic_functions_of_complex_states():
    z = ParamState(jnp.asarray(1.0 + 2.0j))
    np.testing.assert_allclose(grad(lambda: z.value**3, z, holomorphic=True)(), 3 * (1 + 2j) ** 2, rtol=1e-6)


def test_states_instead_of_a_function_are_an_error_that_says_what_to_do(w):
    with pytest.raises(TypeError, match='first argument is the function, but is a dict; states go to grad_states='):
        grad({'w': w})


def test_a_plain_decorator_differentiates_by_the_first_argument():
    @grad
    def square(x):
        return x**2

    assert float(square(3.0)) == 6.0
    assert square.__name__ == 'grad(test_a_plain_decorator_differentiates_by_the_first_argument.<locals>.square)'


def test_a_named_tuple_of_states_gives_a_named_tuple(w):
    class Params(NamedTuple):
        a: State
        b: State

    b = ParamState(jnp.asarray(3.0))
    grads = grad(lambda: jnp.sum(w.value) * b.value, Params(w, b))()
    assert isinstance(grads, Params)
    assert float(grads.b) == 3.0


@pytest.mark.parametrize('outer', [lambda f: f, jit, lambda f: lambda: for_loop(f, length=1)], ids=['eager', 'jit', 'for_loop'])
def test_different_containers_of_the_same_states_are_told_apart(w, outer):
    def loss():
        return jnp.sum(w.value**2)

    for container, of in (([w], lambda g: g[0]), ({'w': w}, lambda g: g['w']), (w, lambda g: g), ((w,), lambda g: g[0])):
        grads = outer(grad(loss, container))()
        assert isinstance(grads, jax.Array if container is w else type(container))
        np.testing.assert_array_equal(np.ravel(of(grads)), [2.0, 4.0])


def test_a_loop_over_a_gradient_made_anew_compiles_once(w, compilations):
    def loss(x):
        return jnp.sum(w.value**2) * x

    xs = jnp.arange(3.0)
    jax.block_until_ready(for_loop(grad(loss, w), xs))
    with compilations() as found:
        jax.block_until_ready(for_loop(grad(loss, w), xs))
        assert found == []
        _, value = for_loop(grad(loss, w, return_value=True), xs)
    np.testing.assert_array_equal(value, 5.0 * xs)


def test_gradient_of_a_gradient_with_respect_to_states(w):
    inner = grad(lambda x: jnp.sum(w.value**3) * x, w)
    outer = grad(lambda x: jnp.sum(inner(x)), w)
    np.testing.assert_allclose(outer(2.0), 12.0 * np.array([1.0, 2.0]), rtol=1e-6)


def test_the_gradient_of_a_gradient_is_the_row_sum_of_the_hessian(w):
    def loss():
        return jnp.prod(w.value) ** 2

    by_hand = grad(lambda: jnp.sum(grad(loss, w)()), w)()
    np.testing.assert_allclose(by_hand, jnp.sum(hessian(loss, w)(), axis=0), rtol=1e-6)


def test_debug_nan_names_operation_and_line_and_puts_states_back(w):
    calls = State(jnp.zeros(()), name='calls')

    def loss(x):
        calls.value = calls.value + 1.0
        root = jnp.sqrt(w.value - x)
        return jnp.sum(root)

    gradient = grad(loss, w, debug_nan=True)
    np.testing.assert_allclose(gradient(-1.0), 0.5 / np.sqrt([2.0, 3.0]), rtol=1e-6)
    with pytest.raises(BrainStateError) as raised:
        gradient(1.5)
    message = str(raised.value)
    assert '`sqrt` gave a NaN' in message
    assert 'test_grad_options.py' in message
    assert 'root = jnp.sqrt(w.value - x)' in message
    assert 'NaN is in the result.gradient, the result.value' in message
    assert float(calls.value) == 1.0


def test_debug_nan_lets_a_masked_nan_pass(w):
    def loss(x):
        return jnp.sum(jnp.where(x > 0, jax.lax.stop_gradient(jnp.log(x)), w.value))

    np.testing.assert_array_equal(grad(loss, w, debug_nan=True)(-1.0), [1.0, 1.0])


def test_debug_nan_finds_a_nan_that_only_the_backward_pass_makes(w):
    def loss():
        return jnp.sum(jnp.sqrt(jnp.abs(w.value - 1.0)) * 0.0)

    assert np.isnan(grad(loss, w)()[0])
    with pytest.raises(FloatingPointError, match='gave a NaN at .*test_grad_options.py'):
        grad(loss, w, debug_nan=True)()


def test_debug_nan_inside_jit_raises_when_the_call_ends(w):
    def step(x):
        w.value = w.value - grad(lambda: jnp.sum(jnp.sqrt(w.value - x)), w, debug_nan=True)()

    jit(step)(0.0)
    before = w.value
    with pytest.raises(BrainStateError, match='NaN is in the result. Call it outside of transforms'):
        jit(step)(5.0)
    np.testing.assert_array_equal(w.value, before)


def test_every_derivative_looks_for_nan(w):
    for derivative in (vector_grad, jacrev, jacfwd, hessian, fwd_grad):
        with pytest.raises(FloatingPointError, match='gave a NaN'):
            derivative(lambda: jnp.sum(jnp.sqrt(w.value - 1.5)), w, debug_nan=True)()


def test_its_python_arguments_may_be_quantities():
    slope = grad(lambda x, y: (x * y).to_decimal(u.mV), unit_aware=True)(2.0, 3.0 * u.mV)
    assert float(slope) == 3.0


def test_switches_and_strings_are_static(w):
    traces = []

    def loss(x, kind, training=False):
        traces.append((kind, training))
        return jnp.sum(w.value) * x ** (2 if kind == 'square' else 1) if training else x

    gradient = grad(loss, argnums=0)
    assert float(gradient(2.0, 'square', training=True)) == 12.0
    assert float(gradient(2.0, 'line', training=True)) == 3.0
    assert float(gradient(3.0, 'square', training=True)) == 18.0
    assert traces == [('square', True), ('line', True)]


@pytest.mark.parametrize(('x', 'kind'), [(True, 'bool'), ('a', 'str')])
def test_a_static_argument_has_no_gradient(x, kind):
    with pytest.raises(TypeError, match=f'argument 0 holds {kind}, which has no derivative'):
        grad(lambda x: 1.0)(x)


def test_an_attribute_that_is_set_anew_is_noticed_through_jit(w):
    class Model(nn.Module):
        scale = None

        def __init__(self):
            super().__init__()
            self.scale = 2.0

    model = Model()
    gradient = grad(lambda: model.scale * jnp.sum(w.value), w)
    compiled = jit(gradient)
    for scale in (2.0, 5.0):
        model.scale = scale
        np.testing.assert_array_equal(gradient(), [scale, scale])
        np.testing.assert_array_equal(compiled(), [scale, scale])
