"""A loop whose derivative is computed in blocks: that of the plain loop, by native steps and by others, keeping little."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event

N, BATCH = 40, 2
CSR = event.CSR.from_pairs(*np.random.default_rng(0).integers(0, N, (2, 300)), (N, N))


@jax.custom_jvp
def spike(x):
    return (x > 0).astype(x.dtype)


spike.defjvp(lambda primals, tangents: (spike(*primals), tangents[0] * jnp.maximum(0.0, 1 - jnp.abs(primals[0]))))

DELIVER = {
    'a matrix': lambda w, s: s @ w.reshape(N, N),
    'synapses': lambda w, s: event.product(CSR, w[: CSR.nnz], s),
    'not native': lambda w, s: jnp.sort(s @ w.reshape(N, N), axis=-1),
}


def loss(deliver, steps, base, w, decay, xs):
    def step(carry, x):
        v, s, count = carry
        h = decay * v + x + deliver(w, s)
        s = spike(h - 1)
        return (h * (1 - s), s, count + 1), (s, count)

    zeros = jnp.zeros((BATCH, N), w.dtype)
    first = zeros.at[:, ::3].set(1.0)
    (v, _, count), (spikes, counts) = event.scan(step, (zeros, first, 0), xs, steps, base=base)
    return jnp.sum(spikes * jnp.cos(jnp.arange(N))) + jnp.mean(v**2), (count, counts)


def arguments(steps):
    rng = np.random.default_rng(1)
    return jnp.asarray(rng.normal(size=N * N) * 0.2), jnp.float32(0.9), jnp.asarray(rng.random((steps, BATCH, N)))


@pytest.mark.quick('matrix-13-3')
@pytest.mark.parametrize(('steps', 'base'), [(13, 3), (9, 3), (5, 8), (8, 2), (1, 2)])
@pytest.mark.parametrize('deliver', DELIVER.values(), ids=DELIVER)
def test_the_gradient_is_that_of_the_plain_loop(deliver, steps, base):
    args = arguments(steps)
    plain, blocked = (
        jax.jit(jax.value_and_grad(functools.partial(loss, deliver, steps, b), (0, 1, 2), has_aux=True))(*args) for b in (None, base)
    )
    assert int(plain[0][1][0]) == steps
    for one, other in zip(jax.tree.leaves(blocked), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6 * np.abs(other).max())


@pytest.mark.slow
@pytest.mark.parametrize('deliver', DELIVER.values(), ids=DELIVER)
def test_forward_mode_second_derivatives_and_lanes_are_those_of_the_plain_loop(deliver):
    args = arguments(7)
    for make in (
        lambda f: lambda w, d, xs: jax.jvp(lambda d: f(w, d, xs), (d,), (jnp.ones_like(d),))[1],
        lambda f: jax.grad(lambda w, d, xs: jnp.sum(jax.grad(f)(w, d, xs) ** 2)),
        lambda f: lambda w, d, xs: jax.vmap(jax.grad(f), (None, None, 0))(w, d, jnp.stack([xs, 0.5 * xs])),
    ):
        plain, blocked = (jax.jit(make(lambda *a, b=b: loss(deliver, 7, b, *a)[0]))(*args) for b in (None, 3))
        np.testing.assert_allclose(blocked, plain, rtol=2e-5, atol=2e-5 * np.abs(plain).max())


@pytest.mark.slow
def test_a_block_is_kept_and_not_the_loop():
    steps = 400
    w, _, xs = arguments(steps)

    def kept(base):
        def of_last(w):
            def step(carry, x):
                return jnp.tanh(carry @ w.reshape(N, N) + x), ()

            return event.scan(step, jnp.zeros((BATCH, N)), xs, steps, base=base)[0].sum()

        return jax.jit(jax.grad(of_last)).lower(w).compile().memory_analysis().temp_size_in_bytes

    assert kept(20) < kept(None) / 4


def test_results_of_megabytes_are_written_as_small_ones_are():
    steps = 1200  # times 4 KiB: such results ask for large pages
    last, found = jax.jit(lambda: event.scan(lambda c, x: (c + 1.0, c * 2.0 + x), jnp.zeros(1024), jnp.arange(float(steps)), steps))()
    np.testing.assert_array_equal(last, np.full(1024, steps))
    np.testing.assert_array_equal(found, np.broadcast_to(3.0 * np.arange(steps)[:, None], (steps, 1024)))


@pytest.mark.parametrize('dtype', [bool, np.float32])
@pytest.mark.parametrize('size', [1, 63, 64, 65, 127, 200, 700])
def test_every_source_that_fires_is_found_at_any_size_and_rate(dtype, size):
    rng = np.random.default_rng(size)
    spikes = np.stack([rng.random(size) < rate for rate in (0.0, 0.01, 0.1, 0.5, 1.0)])
    chain = event.CSR.from_pairs(np.arange(size), np.arange(size), (size, size))
    weights = jnp.asarray(rng.normal(size=size), jnp.float32)
    found = event.product(chain, weights, jnp.asarray(spikes.astype(dtype)))
    np.testing.assert_array_equal(found, np.where(spikes, weights, 0.0))
