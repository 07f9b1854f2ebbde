"""Delivery after the delay of each synapse, against a dense simulation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event

PRE, POST, STEPS = 90, 40, 5


def network(seed=0, synapses=700):
    rng = np.random.default_rng(seed)
    pre, post, delay = (rng.integers(0, n, synapses) for n in (PRE, POST, STEPS))
    weight = rng.standard_normal(synapses).astype(np.float32)
    slots = event.CSR.from_pairs(pre, delay * POST + post, (PRE, STEPS * POST))
    return slots, weight[event.CSR.row_order(pre)], (pre, post, delay, weight)


def arrivals(pairs, spikes):
    """What arrives in each step, (T, POST), from spikes (T, PRE)."""
    pre, post, delay, weight = pairs
    received = np.zeros((len(spikes) + STEPS, POST))
    for t, fired in enumerate(spikes):
        np.add.at(received, (t + delay, post), weight * fired[pre])
    return received[: len(spikes)]


def deliveries(slots, weight, spikes, native=True):
    """The same by the ring."""

    def step(row, ring, fired):
        ring, now = event.due(row, event.to_ring(slots, weight, fired, row, ring))
        return [jnp.where(row + 1 == STEPS, 0, row + 1), ring, now]

    def body(carry, fired):
        *carry, now = (event.fuse(step, 2) if native else step)(*carry, fired)
        return tuple(carry), now

    ring = jnp.zeros((STEPS, *spikes.shape[1:-1], POST))
    return jax.lax.scan(body, (jnp.int32(3), ring), spikes)[1]


@pytest.mark.quick('one-numba|float16-xla-bool')
@pytest.mark.parametrize('dtype', [bool, np.float32])
@pytest.mark.parametrize('backend', ['numba', 'xla'])
@pytest.mark.parametrize('kind', ['one', 'float32', 'float16'])
def test_spikes_arrive_after_their_delays(dtype, backend, kind):
    slots, weight, (pre, post, delay, each) = network()
    if kind == 'one':
        weight, each = 0.5, np.full_like(each, 0.5)
    else:
        weight, each = weight.astype(kind), each.astype(kind)
    spikes = np.random.default_rng(1).random((23, PRE)) < 0.2
    spikes[4] = True
    spikes[5] = False
    with event.use_backend(backend):
        got = jax.jit(lambda s: deliveries(slots, weight, s))(jnp.asarray(spikes.astype(dtype)))
    np.testing.assert_allclose(got, arrivals((pre, post, delay, each), spikes), atol=1e-5)


def test_a_batch_is_its_lanes():
    slots, weight, pairs = network()
    spikes = np.random.default_rng(1).random((9, 3, PRE)) < 0.2
    expected = np.stack([arrivals(pairs, spikes[:, lane]) for lane in range(3)], axis=1)
    np.testing.assert_allclose(jax.jit(lambda s: deliveries(slots, weight, s))(jnp.asarray(spikes)), expected, atol=1e-5)
    mapped = jax.jit(jax.vmap(lambda s: deliveries(slots, weight, s), 1, 1))(jnp.asarray(spikes))
    np.testing.assert_allclose(mapped, expected, atol=1e-5)


def test_a_ring_may_be_read_in_another_order_after_it_was_changed():
    def step(row, ring):
        ring, now = event.due(row, ring)
        return [now, jnp.take(ring, (jnp.arange(STEPS) - row) % STEPS, axis=0)]

    ring = jnp.asarray(np.random.default_rng(3).random((STEPS, POST), np.float32))
    now, turned = jax.jit(event.fuse(step, 0))(2, ring)
    np.testing.assert_array_equal(now, ring[2])
    np.testing.assert_array_equal(turned, jnp.roll(ring.at[2].set(0.0), 2, axis=0))


@pytest.mark.slow
def test_derivatives_are_those_of_the_dense_sum():
    slots, weight, (pre, post, delay, _) = network()
    spikes = jnp.asarray(np.random.default_rng(1).random((9, PRE)) < 0.2, jnp.float32)
    out = jnp.asarray(np.random.default_rng(2).standard_normal((9, POST)), jnp.float32)
    of_weight, of_spikes = jax.jit(jax.grad(lambda w, s: jnp.sum(deliveries(slots, w, s) * out), (0, 1)))(jnp.asarray(weight), spikes)
    padded = np.concatenate([out, np.zeros((STEPS, POST))])
    order = event.CSR.row_order(pre)
    pre, post, delay = (x[order] for x in (pre, post, delay))
    np.testing.assert_allclose(of_weight, sum(spikes[t][pre] * padded[t + delay, post] for t in range(9)), atol=1e-4)
    expected = np.stack([np.bincount(pre, weight * padded[t + delay, post], PRE) for t in range(9)])
    np.testing.assert_allclose(of_spikes, expected, atol=1e-4)


def test_a_ring_that_does_not_fit_is_an_error_that_names_shapes():
    slots, weight, _ = network()
    with pytest.raises(ValueError, match=r'a ring of shape \(4, 40\) does not fit 200 slots'):
        event.to_ring(slots, weight, jnp.zeros(PRE), 0, jnp.zeros((4, POST)))
    with pytest.raises(TypeError, match='weight has dtype int32, but the ring float32'):
        event.to_ring(slots, weight.astype(np.int32), jnp.zeros(PRE), 0, jnp.zeros((STEPS, POST)))
