"""What holds for every derivative, by a table of all of them."""

import gc
import weakref

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import ParamState, RandomState, State
from brainpy_state.transform import (
    GradientTransform,
    for_loop,
    fwd_grad,
    grad,
    hessian,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    jvp,
    vector_grad,
    vjp,
    vmap,
)

pytestmark = pytest.mark.quick('^(grad|hessian)$')

W = jnp.array([0.5, -2.0])


def pulled(fun, w):
    return lambda *args: vjp(fun, *args, grad_states=w, argnums=None)[1](1.0)


def pushed(fun, w):
    return lambda x: jvp(fun, (x,), (jnp.ones_like(x),), grad_states=w, state_tangents=jnp.ones(2))[1]


FAMILY = {
    'grad': (grad, jax.grad),
    'vector_grad': (vector_grad, jax.grad),
    'jacrev': (jacrev, jax.jacrev),
    'jacfwd': (jacfwd, jax.jacfwd),
    'hessian': (hessian, jax.hessian),
    'fwd_grad': (
        lambda fun, w: fwd_grad(fun, w, key=jax.random.key(0)),
        lambda fun: lambda w: along(fun, w, jax.random.normal(jax.random.split(jax.random.key(0), 1)[0], (2,))),
    ),
    'GradientTransform': (lambda fun, w: GradientTransform(fun, jax.grad, w), jax.grad),
    'vjp': (pulled, jax.grad),
    'jvp': (pushed, lambda fun: lambda w, x: jax.jvp(fun, (w, x), (jnp.ones(2), jnp.ones(())))[1]),
}


def along(fun, w, v):
    return jax.jvp(fun, (w,), (v,))[1] * v


class Counting:
    """A loss of a state and an argument, which counts its calls in a state and its traces in Python."""

    def __init__(self):
        self.w = ParamState(W, name='w')
        self.calls = State(jnp.zeros((), int))
        self.traces = 0

    def loss(self, x):
        self.traces += 1
        self.calls.value = self.calls.value + 1
        return twin(self.w.value, x)


def twin(w, x):
    return jnp.sum(jnp.sin(w * x)) * w[0]


@pytest.fixture
def counting():
    return Counting()


family = pytest.mark.parametrize('name', FAMILY)


@pytest.mark.quick('^grad$')
@family
def test_it_equals_jax_on_the_pure_twin(counting, name):
    mine, jaxs = FAMILY[name]
    x = jnp.asarray(0.7)
    expected = jaxs(twin)(W, x) if name == 'jvp' else jaxs(lambda w: twin(w, x))(W)
    # the same operations, fused by XLA in one program instead of run one by one: some roundings of float32
    np.testing.assert_allclose(mine(counting.loss, counting.w)(x), expected, rtol=3e-6)


@family
def test_writes_are_stored_once_a_call_and_the_variables_stay(counting, name):
    derivative = FAMILY[name][0](counting.loss, counting.w)
    for calls in (1, 2, 3):
        derivative(jnp.asarray(0.7))
        assert int(counting.calls.value) == calls
    np.testing.assert_array_equal(counting.w.value, W)


@family
def test_a_second_call_traces_and_compiles_nothing(counting, name, compilations):
    derivative = FAMILY[name][0](counting.loss, counting.w)
    xs = [jnp.asarray(x) for x in (0.5, 0.6, 0.7)]
    jax.block_until_ready(derivative(xs[0]))
    with compilations() as found:
        for x in xs[1:]:
            jax.block_until_ready(derivative(x))
    assert counting.traces == 1
    assert found == []


@pytest.mark.parametrize('name', ['grad', 'vector_grad', 'jacrev', 'jacfwd', 'hessian', 'vjp', 'jvp'])
def test_made_anew_for_each_call_it_traces_and_compiles_once(counting, name, compilations):
    make = FAMILY[name][0]
    xs = [jnp.asarray(x) for x in (0.5, 0.6, 0.7)]
    jax.block_until_ready(make(counting.loss, counting.w)(xs[0]))
    with compilations() as found:
        for x in xs[1:]:
            jax.block_until_ready(make(counting.loss, counting.w)(x))
    assert counting.traces == 1
    assert found == []


@family
def test_inside_jit_loops_and_lanes_it_is_the_same(counting, name):
    derivative = FAMILY[name][0](counting.loss, counting.w)
    xs = jnp.array([0.3, 0.7])
    plain = [np.asarray(derivative(x)) for x in xs]
    np.testing.assert_allclose(jit(derivative)(xs[0]), plain[0], rtol=3e-6)
    np.testing.assert_allclose(for_loop(derivative, xs), plain, rtol=3e-6)
    np.testing.assert_allclose(jit(lambda xs: for_loop(derivative, xs))(xs), plain, rtol=3e-6)
    np.testing.assert_allclose(vmap(derivative)(xs), plain, rtol=3e-6)
    assert int(counting.calls.value) == 2 + 1 + 2 + 2 + 1  # all lanes write the same, once


@family
def test_a_failing_function_leaves_every_state_as_it_was(counting, name):
    before = counting.calls.value

    def fails(x):
        counting.calls.value = counting.calls.value + 1
        counting.w.value = counting.w.value * x
        raise RuntimeError('on purpose')

    with pytest.raises(RuntimeError, match='on purpose'):
        FAMILY[name][0](fails, counting.w)(jnp.asarray(0.7))
    assert counting.calls.value is before
    assert counting.w.value is W


@family
def test_the_value_of_the_state_is_seen_anew_at_each_call(counting, name):
    derivative = FAMILY[name][0](counting.loss, counting.w)
    x = jnp.asarray(0.7)
    first = np.asarray(derivative(x))
    counting.w.value = 2 * W
    second = np.asarray(derivative(x))
    counting.w.value = W
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(derivative(x), first)


@pytest.mark.parametrize('derivative', [grad, vector_grad, jacrev, jacfwd, hessian])
def test_without_a_function_it_is_a_decorator(counting, derivative):
    w = counting.w

    @derivative(grad_states=w, return_value=True)
    def decorated(x):
        return twin(w.value, x)

    slope, value = decorated(0.7)
    np.testing.assert_array_equal(slope, derivative(counting.loss, w)(0.7))
    np.testing.assert_allclose(value, twin(W, 0.7), rtol=1e-6)  # fused differently


@pytest.mark.parametrize('derivative', [grad, vector_grad, jacrev, jacfwd, hessian])
def test_order_of_returns_is_derivative_value_aux(counting, derivative):
    def loss(x):
        return counting.loss(x), {'seen': x}

    slope, value, aux = derivative(loss, counting.w, has_aux=True, return_value=True)(0.7)
    np.testing.assert_array_equal(slope, derivative(counting.loss, counting.w)(0.7))
    np.testing.assert_allclose(value, twin(W, 0.7), rtol=1e-6)
    assert float(aux['seen']) == np.float32(0.7)


@pytest.mark.parametrize('derivative', [grad, vector_grad, jacrev, jacfwd])
def test_float64_gradients_equal_finite_differences(derivative, x64, counting):
    counting.w.value = jnp.asarray(W, jnp.float64)
    h = 1e-6
    differences = [(twin(W + h * e, 0.7) - twin(W - h * e, 0.7)) / (2 * h) for e in np.eye(2)]
    # central differences: their own error is of order h**2 plus roundings of 1e-16 / h
    np.testing.assert_allclose(derivative(counting.loss, counting.w)(0.7), differences, rtol=1e-8)


UNITS = {
    'grad': (grad, u.mV / u.ms),
    'vector_grad': (vector_grad, u.mV / u.ms),
    'jacrev': (jacrev, u.mV / u.ms),
    'jacfwd': (jacfwd, u.mV / u.ms),
    'hessian': (hessian, u.mV / u.ms**2),
    'fwd_grad': (lambda *args, **options: fwd_grad(*args, key=RandomState(0), **options), u.mV / u.ms),
}


@pytest.mark.parametrize('name', UNITS)
def test_unit_aware_derivatives_are_in_output_over_input(name):
    derivative, unit = UNITS[name]
    tau = ParamState(jnp.asarray(2.0) * u.ms)
    slope = derivative(lambda: tau.value**2 * (3.0 * u.mV / u.ms**2), tau, unit_aware=True)()
    assert u.get_dim(slope) == u.get_dim(1.0 * unit)
    if name != 'fwd_grad':
        assert float(slope.to_decimal(unit)) == (6.0 if name == 'hessian' else 12.0)


def test_unit_aware_derivatives_are_plain_where_units_cancel():
    x = ParamState(jnp.asarray(2.0) * u.mV)
    for derivative in (grad, vector_grad, jacrev, jacfwd):
        slope = derivative(lambda: 3.0 * x.value, x, unit_aware=True)()
        assert not isinstance(slope, u.Quantity)
        assert float(slope) == 3.0


def test_jacobian_is_jacrev():
    assert jacobian is jacrev


@family
def test_programs_die_with_the_function(name):
    counting = Counting()
    FAMILY[name][0](counting.loss, counting.w)(jnp.asarray(0.7))
    gone = weakref.ref(counting)
    del counting
    gc.collect()
    assert gone() is None
