"""Spikes as events: order, capacity, backends, transforms."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event import reference


def empty(capacity):
    return jnp.full((capacity, 2), -1, jnp.int32), jnp.int32(0)


@pytest.mark.parametrize('size', [0, 1, 63, 64, 65, 300])
@pytest.mark.parametrize('kind', ['bool', 'float32', 'float64'])
def test_record_equals_oracle(backend, size, kind):
    with jax.enable_x64(kind == 'float64'):
        rng = np.random.default_rng(size)
        events, count = empty(40)
        wanted, wanted_count = np.asarray(events), 0
        for step in range(4):
            spikes = ((rng.random(size) < 0.1) * rng.normal(size=size)).astype(kind)
            events, count = event.record(jnp.asarray(spikes), step, events, count)
            wanted, wanted_count = reference.record(spikes, step, wanted, wanted_count)
        assert np.array_equal(events, wanted)
        assert int(count) == wanted_count
        assert (events.dtype, count.dtype) == (np.int32, np.int32)


def test_overflow_is_counted_and_writes_nothing_outside(backend):
    events, count = empty(3)
    for step in range(3):
        events, count = event.record(jnp.array([True, False, True]), step, events, count)
    assert events.tolist() == [[0, 0], [0, 2], [1, 0]]
    assert int(count) == 6


def test_count_stops_at_the_largest_integer(backend):
    events, count = event.record(jnp.ones(5, bool), 0, empty(2)[0], jnp.int32(2**31 - 3))
    assert int(count) == 2**31 - 1
    assert np.all(np.asarray(events) == -1)


def test_zero_capacity_only_counts(backend):
    events, count = event.record(jnp.ones(5, bool), 0, *empty(0))
    assert events.shape == (0, 2)
    assert int(count) == 5


def record_run(spikes, capacity):
    def body(i, carry):
        return event.record(spikes[i], i, *carry)

    return jax.lax.fori_loop(0, len(spikes), body, empty(capacity))


def test_compiled_loop_records_every_spike(backend):
    spikes = np.random.default_rng(0).random((50, 130)) < 0.05
    events, count = jax.jit(record_run, static_argnums=1)(jnp.asarray(spikes), 1000)
    assert np.array_equal(events[: int(count)], np.argwhere(spikes))


def test_lanes_of_a_vmap_fill_buffers_of_their_own(backend):
    spikes = jnp.asarray(np.random.default_rng(1).random((3, 20, 70)) < 0.1)
    events, count = jax.vmap(lambda s: record_run(s, 200))(spikes)
    for lane in range(3):
        wanted = record_run(spikes[lane], 200)
        assert np.array_equal(events[lane], wanted[0])
        assert int(count[lane]) == int(wanted[1])


def test_gradient_passes_beside_the_record(backend):
    def loss(x):
        spikes = x * 2
        _, count = event.record(spikes, 0, *empty(4))
        return jnp.sum(spikes) + count

    assert jax.grad(loss)(jnp.ones(3)).tolist() == [2, 2, 2]
    primal, tangent = jax.jvp(loss, (jnp.ones(3),), (jnp.ones(3),))
    assert (float(primal), float(tangent)) == (9, 6)


def test_buffer_is_not_copied_in_a_loop():
    # A copy of 160 MB takes milliseconds, a record far less than one: the time of 2,000 steps tells them apart by a wide margin.
    spikes = jnp.zeros(100, bool).at[3].set(True)

    def run(events, count):
        return jax.lax.fori_loop(0, 2000, lambda i, carry: event.record(spikes, i, *carry), (events, count))

    with event.use_backend('numba'):
        compiled = jax.jit(run, donate_argnums=(0, 1)).lower(*empty(20_000_000)).compile()
        arguments = jax.block_until_ready(empty(20_000_000))
        start = time.perf_counter()
        events, count = jax.block_until_ready(compiled(*arguments))
    assert time.perf_counter() - start < 1.0
    assert int(count) == 2000
    assert events[1999].tolist() == [1999, 3]


FAULTS = {
    'batch of spikes': ((jnp.ones((2, 3)), 0, *empty(4)), ValueError, r'spikes have shape \(2, 3\), expected one axis'),
    'integer spikes': ((jnp.ones(3, int), 0, *empty(4)), TypeError, 'spikes have dtype int32'),
    'float step': ((jnp.ones(3), 0.5, *empty(4)), TypeError, 'step has dtype float32, expected an integer'),
    'vector step': ((jnp.ones(3), jnp.zeros(3, int), *empty(4)), ValueError, r'step has shape \(3,\), expected a scalar'),
    'float events': ((jnp.ones(3), 0, jnp.zeros((4, 2)), 0), TypeError, 'events have dtype float32, expected int32'),
    'flat events': ((jnp.ones(3), 0, jnp.zeros(4, jnp.int32), 0), ValueError, r'events have shape \(4,\), expected \(capacity, 2\)'),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_bad_input_is_named(fault):
    arguments, error, text = FAULTS[fault]
    with pytest.raises(error, match=text):
        event.record(*arguments)
