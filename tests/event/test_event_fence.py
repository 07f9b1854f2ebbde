from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event


@pytest.mark.parametrize('shape', [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize('kind', ['bool', 'int32', 'float32'])
def test_fence_is_the_identity(backend, shape, kind):
    x = jnp.ones(shape, kind)
    for found in (event.fence(x), jax.jit(event.fence)(x)):
        assert found.dtype == x.dtype
        assert np.array_equal(found, x)


def test_fence_passes_derivatives_and_batches(backend):
    x = jnp.arange(3.0)
    assert jax.grad(lambda x: jnp.sum(event.fence(x) ** 2))(x).tolist() == [0, 2, 4]
    assert jax.hessian(lambda x: jnp.sum(event.fence(x) ** 3))(x).tolist() == jnp.diag(6 * x).tolist()
    assert jax.vmap(event.fence, in_axes=1, out_axes=1)(jnp.ones((2, 3))).shape == (2, 3)


def test_fence_leaves_its_operand_alone(backend):
    x = jnp.arange(3.0)
    y = jax.jit(lambda x: event.fence(x) + x)(x)
    assert x.tolist() == [0, 1, 2]
    assert y.tolist() == [0, 2, 4]


def test_value_behind_a_fence_is_computed_once():
    def step(x):
        v = event.fence(jnp.exp(x))
        return v > 2, v * 2, v + 1

    with event.use_backend('numba'):
        text = jax.jit(step).lower(jnp.ones(100)).compile().as_text()
    assert text.count(' exponential(') == 1
