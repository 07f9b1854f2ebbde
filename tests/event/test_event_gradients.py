"""Derivatives of the products: against the dense twin, against finite differences, twice."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from brainpy_state import event

pytestmark = pytest.mark.quick('numba-spikes|^numba|scalar-xla-weight-g|synapse-numba$')

# Losses of few terms of order one: rounding of either side stays within these.
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}


def losses(csr, target):
    """The same nonlinear loss on events and on the dense matrix."""

    def on_events(weight, spikes):
        return jnp.sum((jnp.sin(event.product(csr, weight, spikes)) - target) ** 2)

    def on_matrix(weight, spikes):
        return jnp.sum((jnp.sin(spikes @ csr.to_dense(weight)) - target) ** 2)

    return on_events, on_matrix


# The rule does not depend on the dtype, so the two precisions share the two kinds of weight.
CASES = {'scalar': np.float32, 'synapse': np.float64}


@pytest.fixture(params=CASES)
def problem(request, small):
    dtype = CASES[request.param]
    with jax.enable_x64(dtype is np.float64):
        yield make_problem(small, dtype, () if request.param == 'scalar' else small.nnz)


def make_problem(small, dtype, shape):
    rng = np.random.default_rng(0)
    weight = jnp.asarray(rng.normal(size=shape), dtype)
    # A silent source and a real-valued one: the gradient reaches sources that did not fire.
    spikes = jnp.asarray([[1.0, 0.0, 0.0, 0.5], [0.0, 1.0, 1.0, 0.0]], dtype)
    return (*losses(small, jnp.asarray(rng.normal(size=3), dtype)), weight, spikes, TOLERANCE[dtype])


@pytest.mark.parametrize('order', [jax.grad, jax.hessian], ids=['gradient', 'second_order'])
@pytest.mark.parametrize('argument', [0, 1], ids=['weight', 'spikes'])
def test_derivative_equals_that_of_the_dense_product(problem, backend, order, argument):
    on_events, on_matrix, weight, spikes, tolerance = problem
    found = jax.jit(order(on_events, argument))(weight, spikes)
    np.testing.assert_allclose(found, jax.jit(order(on_matrix, argument))(weight, spikes), rtol=tolerance, atol=tolerance)


@pytest.mark.slow
def test_mixed_second_derivative_equals_that_of_the_dense_product(problem, backend):
    on_events, on_matrix, weight, spikes, tolerance = problem
    found, wanted = (jax.jit(jax.jacrev(jax.jacfwd(f, 0), 1))(weight, spikes) for f in (on_events, on_matrix))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def test_directional_derivative_equals_that_of_the_dense_product(problem, backend):
    on_events, on_matrix, weight, spikes, tolerance = problem
    direction = (jnp.ones_like(weight), jnp.full_like(spikes, 0.3))
    found, wanted = (jax.jit(lambda f=f: jax.jvp(f, (weight, spikes), direction)[1])() for f in (on_events, on_matrix))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def test_gradients_equal_finite_differences(small, backend):
    with jax.enable_x64(True):  # finite differences need the digits
        weight, spikes = jnp.linspace(0.5, 1.5, small.nnz), jnp.array([1.0, 0.0, 0.2, -1.0])
        call = jax.jit(lambda w, s: jnp.sin(event.product(small, w, s)))
        check_grads(call, (weight, spikes), order=1, modes=('fwd', 'rev'))


def test_weight_gradient_is_taken_for_bool_spikes(small, backend):
    spikes = jnp.array([True, False, False, True])
    found = jax.grad(lambda w: jnp.sum(event.product(small, w, spikes) ** 2))(jnp.ones(small.nnz))
    assert np.array_equal(found, [2, 4, 0, 2, 4])


@pytest.mark.slow
def test_batch_gradient_is_the_sum_over_lanes(small, backend):
    spikes = jnp.array([[1.0, 0, 0, 1], [0, 1, 0, 1], [1, 1, 1, 1]])
    weight = jnp.linspace(1, 2, small.nnz)
    loss = lambda w, s: jnp.sum(event.product(small, w, s) ** 2)  # noqa: E731
    together = jax.grad(lambda w: jnp.sum(jax.vmap(loss, in_axes=(None, 0))(w, spikes)))(weight)
    lanes = jax.vmap(jax.grad(loss), in_axes=(None, 0))(weight, spikes)
    np.testing.assert_allclose(together, lanes.sum(0), rtol=1e-6)  # three terms of float32
    np.testing.assert_allclose(lanes[2], jax.grad(loss)(weight, spikes[2]), rtol=1e-6)


@pytest.mark.slow
def test_gradient_flows_through_a_scan(small, backend):
    def unrolled(product):
        def loss(weight):
            state = jnp.array([1.0, 0.0, 0.5, 0.0])
            for _ in range(3):
                state = jnp.pad(jnp.tanh(product(weight, state)), (0, 1))
            return jnp.sum(state)

        return loss

    def scanned(weight):
        body = lambda state, _: (jnp.pad(jnp.tanh(event.product(small, weight, state)), (0, 1)), None)  # noqa: E731
        return jnp.sum(jax.lax.scan(body, jnp.array([1.0, 0.0, 0.5, 0.0]), length=3)[0])

    weight = jnp.linspace(0.5, 1.5, small.nnz)
    wanted = jax.grad(unrolled(lambda w, s: s @ small.to_dense(w)))(weight)
    np.testing.assert_allclose(jax.jit(jax.grad(scanned))(weight), wanted, rtol=1e-5)  # float32, three steps


@pytest.mark.quick('no_synapses')
@pytest.mark.parametrize('name', ['no_synapses', 'no_sources', 'no_targets'])
def test_gradient_of_an_empty_network_is_zero(network, backend, name):
    csr = network(name)
    found = jax.grad(lambda w, s: jnp.sum(event.product(csr, w, s) ** 2), (0, 1))(jnp.ones(csr.nnz), jnp.ones(csr.shape[0]))
    assert [not np.any(g) for g in found] == [True, True]


@pytest.mark.slow
def test_weights_of_16_bits_have_gradients_of_16_bits(small, backend):
    rng = np.random.default_rng(0)
    weight, out = jnp.asarray(rng.normal(size=small.nnz), jnp.float16), jnp.asarray(rng.normal(size=small.shape[1]), jnp.float32)
    spikes = jnp.asarray(rng.normal(size=small.shape[0]), jnp.float32)
    of_weight, of_spikes = jax.jit(jax.grad(lambda w, s: event.product(small, w, s) @ out, (0, 1)))(weight, spikes)
    assert of_weight.dtype == jnp.float16
    rows = np.asarray(small.pre_ids())
    np.testing.assert_allclose(of_weight, np.asarray(spikes)[rows] * np.asarray(out)[np.asarray(small.indices)], rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(of_spikes, small.to_dense(weight.astype(jnp.float32)) @ out, rtol=1e-5)
