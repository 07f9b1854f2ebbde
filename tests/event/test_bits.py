"""Bits of what fires: there and back, on all backends, and lists that are read from them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event import CSR, reference

pytestmark = pytest.mark.quick('numba|70|^$')


@pytest.mark.parametrize(('kind', 'size'), [*(('float32', n) for n in (0, 1, 63, 64, 300)), ('bool', 65), ('float64', 65)])
def test_bits_are_those_of_numpy_and_give_the_items_back(backend, size, kind):
    with jax.enable_x64(kind == 'float64'):
        rows = np.random.default_rng(size).random((3, size)) < 0.3
        words = jnp.stack([event.pack(jnp.asarray(row.astype(kind))) for row in rows])
        padded = np.pad(rows, ((0, 0), (0, 32 * words.shape[1] - size)))
        np.testing.assert_array_equal(words, np.packbits(padded, axis=1, bitorder='little').view(np.uint32))
        items = event.unpack(words, size, kind)
        assert items.dtype == kind
        np.testing.assert_array_equal(items, rows.reshape(-1))


def test_what_is_not_zero_is_a_set_bit(backend):
    x = jnp.array([0.0, -0.0, 1e-30, -2.0, jnp.nan, jnp.inf])
    assert event.pack(x).tolist() == [0b111100, 0]


@pytest.mark.parametrize(('first', 'size'), [(0, 300), (70, 160), (199, 101), (37, 5)])
def test_lists_that_are_read_from_bits_are_those_of_the_items(first, size):
    """In a native loop nobody looks through the items: rows of 100 stand in 4 words each, with a gap after them."""
    rng = np.random.default_rng([first, size])
    fired = rng.random((6, 3, 100)) < np.array([0.02, 0.5])[np.arange(6) % 2, None, None]
    words = jnp.stack([jnp.stack([event.pack(jnp.asarray(row)) for row in rows]) for rows in fired])
    slots = CSR.from_pairs(rng.integers(size, size=900), rng.integers(80, size=900), (size, 80))
    weight = jnp.asarray(rng.normal(size=900), jnp.float32)

    def step(carry, x):
        k, *record = carry
        spikes = event.unpack(x, 100, jnp.float32)[first : first + size]
        return (k + 1, *event.record(spikes, k, *record)), event.product(slots, weight, spikes)

    start = jnp.int32(0), jnp.zeros((4000, 3), jnp.int32), jnp.int32(0), jnp.array([-1, 0, size, 0], jnp.int32)
    (_, events, count, _), received = jax.jit(lambda: event.scan(step, start, words, 6))()
    wanted = fired.reshape(6, 300)[:, first : first + size]
    np.testing.assert_array_equal(np.asarray(events[:count, :2]), np.argwhere(wanted))
    expected = reference.to_post(slots.indptr, slots.indices, weight, wanted, slots.shape)
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ('call', 'told'),
    [
        (lambda: event.pack(jnp.arange(3)), 'event.pack: the dtype is int32'),
        (lambda: event.unpack(jnp.zeros((2, 2), jnp.uint32), 65, bool), r'expected uint32\[m, 4\] for vectors of 65'),
        (lambda: event.unpack(jnp.zeros((2, 2), jnp.int32), 64, bool), r'words are int32\[2, 2\]'),
        (lambda: event.unpack(jnp.zeros((2, 2), jnp.uint32), 64, jnp.int32), 'event.unpack: the dtype is int32'),
    ],
)
def test_what_does_not_fit_is_told(call, told):
    with pytest.raises((TypeError, ValueError), match=told):
        call()
