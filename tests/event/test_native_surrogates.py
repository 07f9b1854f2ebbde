"""Surrogates of braintools are as native as our own."""

import braintools
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event

N, STEPS = 40, 15
RNG = np.random.default_rng(0)
CSR = event.CSR.from_pairs(RNG.integers(0, N, 300), RNG.integers(0, N, 300), (N, N))
SURROGATES = braintools.surrogate.ReluGrad(alpha=0.3, width=0.5), braintools.surrogate.InvSquareGrad(alpha=25.0)


@pytest.mark.parametrize('spike', SURROGATES, ids=lambda x: type(x).__name__)
def test_a_loop_and_its_gradient_are_native_and_those_of_jax(spike):
    def loss(scan, weight, drive):
        def step(carry, x):
            v, s = carry
            v = 0.9 * v * (1 - s) + x + event.product(CSR, weight, s)
            s = spike(v - 1)
            return (v, s), s

        return jnp.sum(jnp.sin(scan(step, (jnp.zeros(N),) * 2, drive, STEPS)[1].sum(0)))

    weight, drive = jnp.float32(0.2), jnp.asarray(RNG.random((STEPS, N), np.float32))
    gradient = jax.jit(jax.value_and_grad(lambda *args: loss(event.scan, *args), (0, 1)))
    assert 'while' not in gradient.lower(weight, drive).as_text()
    found, expected = gradient(weight, drive), jax.value_and_grad(lambda *args: loss(jax.lax.scan, *args), (0, 1))(weight, drive)
    assert float(jnp.abs(expected[1][0])) > 0
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), found, expected)
