"""Spikes as events: order, number, capacity, backends, transforms."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event import reference

pytestmark = pytest.mark.quick('numba|^$')


def empty(capacity, size=0, step=-1):
    """A recorder that was called last in the step before 0, of so many neurons."""
    return jnp.full((capacity, 3), -1, jnp.int32), jnp.int32(0), jnp.array([step, 0, size, 0], jnp.int32)


def value_of(rows):
    return np.asarray(rows[:, 2]).view(np.float32)


@pytest.mark.parametrize(('kind', 'size'), [*(('float32', n) for n in (0, 1, 63, 64, 300)), ('bool', 65), ('float64', 65)])
def test_record_equals_oracle(backend, size, kind):
    with jax.enable_x64(kind == 'float64'):
        rng = np.random.default_rng(size)
        found = empty(60, size)
        wanted = [np.asarray(x) for x in found]
        for step, grid in ((0, 0), (1, 0), (2, 1), (7, 1), (8, 1)):  # another grid at step 2, a jump after it
            spikes = ((rng.random(size) < 0.1) * rng.normal(size=size)).astype(kind)
            found = event.record(jnp.asarray(spikes), step, *found, grid)
            wanted = reference.record(spikes, step, *wanted, grid)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(a, b)
        assert [x.dtype for x in found] == [np.int32] * 3


def test_values_are_kept_as_they_are(backend):
    x = jnp.array([0.0, 1.0, 3.0, -1.0, 0.25, jnp.nan, jnp.inf])
    events, count, _ = event.record(x, 0, *empty(9, 7))
    assert int(count) == 6
    assert events[:6, 1].tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(value_of(events[:6]), x[1:])


def test_a_step_that_does_not_follow_is_marked_from_the_end_on(backend):
    recorder = empty(9, 2, step=4)
    for step in (5, 6, 9, 3):
        recorder = event.record(jnp.array([True, False]), step, *recorder)
    events, count, clock = recorder
    assert int(count) == 4
    assert clock.tolist() == [3, 0, 2, 4]
    assert events[-1:-5:-1].tolist() == [[9, 0, 6], [2, 0, 0], [3, 0, 9], [2, 0, 0]]
    assert events[:4, 0].tolist() == [5, 6, 9, 3]


def test_overflow_is_counted_and_writes_nothing_outside(backend):
    recorder = empty(3, 3)
    for step in range(3):
        recorder = event.record(jnp.array([True, False, True]), step, *recorder)
    assert recorder[0][:, :2].tolist() == [[0, 0], [0, 2], [1, 0]]
    assert int(recorder[1]) == 6


@pytest.mark.parametrize('capacity', [0, 1, 2, 3])
def test_marks_and_events_share_what_room_there_is(backend, capacity):
    events, count, clock = empty(capacity, 5)
    wanted = reference.record(np.ones(5, bool), 4, events, 0, clock.tolist())
    for a, b in zip(event.record(jnp.ones(5, bool), 4, events, count, clock), wanted, strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(wanted[1]) + wanted[2][3] == 7 > capacity


def test_count_stops_at_the_largest_integer(backend):
    events, count, _ = event.record(jnp.ones(5, bool), 0, empty(2)[0], jnp.int32(2**31 - 3), empty(2, 5)[2])
    assert int(count) == 2**31 - 1
    assert np.all(np.asarray(events) == -1)


def record_run(spikes, capacity):
    def body(i, carry):
        return event.record(spikes[i], i, *carry)

    return jax.lax.fori_loop(0, len(spikes), body, empty(capacity, spikes.shape[1]))


def test_compiled_loop_records_every_spike(backend):
    spikes = np.random.default_rng(0).random((50, 130)) < 0.05
    events, count, clock = jax.jit(record_run, static_argnums=1)(jnp.asarray(spikes), 1000)
    assert np.array_equal(events[: int(count), :2], np.argwhere(spikes))
    assert (value_of(events[: int(count)]) == 1).all()
    assert clock.tolist() == [49, 0, 130, 0]


@pytest.mark.slow
def test_lanes_with_buffers_of_their_own_fill_each_its_own(backend):
    spikes = jnp.asarray(np.random.default_rng(1).random((3, 20, 70)) < 0.1)
    found = jax.vmap(lambda s, *own: event.record(s[0], 0, *own))(spikes, *(jnp.stack([x] * 3) for x in empty(200, 70)))
    for lane in range(3):
        for a, b in zip(found, event.record(spikes[lane, 0], 0, *empty(200, 70)), strict=True):
            np.testing.assert_array_equal(a[lane], b)


def test_lanes_that_share_a_buffer_are_recorded_as_one_batch(backend):
    spikes = jnp.asarray(np.random.default_rng(1).random((20, 2, 3, 70)) < 0.1)

    def loop(step):
        return jax.lax.fori_loop(0, 20, lambda i, carry: step(spikes[i], i, *carry), empty(1000, -420))

    lanes = jax.vmap(jax.vmap(event.record, (0, None, None, None, None), None), (0, None, None, None, None), None)
    (events, count, clock), (batch, number, _) = loop(lanes), record_run(spikes.reshape(20, 420), 1000)
    np.testing.assert_array_equal(events, batch)
    assert int(count) == int(number) == spikes.sum()
    assert clock.tolist() == [19, 0, -420, 0]


def test_lanes_that_share_a_buffer_are_in_one_step():
    with pytest.raises(ValueError, match='lanes that share a buffer must be in the same step'):
        jax.vmap(lambda i: event.record(jnp.ones(3), i, *empty(9)))(jnp.arange(2))


def test_results_of_a_native_step_that_lanes_share_have_no_lane_axis():
    def step(x, *recorder):
        return [x * 2, *event.record(x > 0, 0, *recorder)]

    x, own = jnp.ones((3, 300)), empty(1000, -900)
    axes = [0, None, None, None]
    doubled, *found = jax.vmap(event.fuse(step, 0), axes, axes)(x, *own)
    for a, b in zip(found, jax.vmap(event.record, (0, None, None, None, None), None)(x > 0, 0, *own), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(doubled, 2 * x)


def test_gradient_passes_beside_the_record(backend):
    def loss(x):
        spikes = x * 2
        _, count, _ = event.record(spikes, 0, *empty(4, 3))
        return jnp.sum(spikes) + count

    assert jax.grad(loss)(jnp.ones(3)).tolist() == [2, 2, 2]
    primal, tangent = jax.jvp(loss, (jnp.ones(3),), (jnp.ones(3),))
    assert (float(primal), float(tangent)) == (9, 6)


def test_buffer_is_not_copied_in_a_loop():
    # A copy of 240 MB takes milliseconds, a record far less than one: the time of 2,000 steps tells them apart by a wide margin.
    spikes = jnp.zeros(100, bool).at[3].set(True)

    def run(*recorder):
        return jax.lax.fori_loop(0, 2000, lambda i, carry: event.record(spikes, i, *carry), recorder)

    with event.use_backend('numba'):
        compiled = jax.jit(run, donate_argnums=(0, 1, 2)).lower(*empty(20_000_000, 100)).compile()
        arguments = jax.block_until_ready(empty(20_000_000, 100))
        start = time.perf_counter()
        events, count, _ = jax.block_until_ready(compiled(*arguments))
    assert time.perf_counter() - start < 1.0
    assert int(count) == 2000
    assert events[1999, :2].tolist() == [1999, 3]


BUFFER, NONE, CLOCK = empty(4)
FAULTS = {
    'batch of spikes': ((jnp.ones((2, 3)), 0, BUFFER, NONE, CLOCK), ValueError, r'spikes have shape \(2, 3\), expected one axis'),
    'integer spikes': ((jnp.ones(3, int), 0, BUFFER, NONE, CLOCK), TypeError, 'spikes have dtype int32'),
    'float step': ((jnp.ones(3), 0.5, BUFFER, NONE, CLOCK), TypeError, 'step has dtype float32, expected an integer'),
    'vector step': ((jnp.ones(3), jnp.zeros(3, int), BUFFER, NONE, CLOCK), ValueError, r'step has shape \(3,\), expected a scalar'),
    'float events': ((jnp.ones(3), 0, jnp.zeros((4, 3)), 0, CLOCK), TypeError, 'events has dtype float32, expected int32'),
    'flat events': ((jnp.ones(3), 0, jnp.zeros(4, jnp.int32), 0, CLOCK), ValueError, r'events has shape \(4,\), expected \(capacity, 3\)'),
    'short clock': ((jnp.ones(3), 0, BUFFER, NONE, CLOCK[:3]), ValueError, r'clock has shape \(3,\), expected \(4,\)'),
    'float clock': ((jnp.ones(3), 0, BUFFER, NONE, CLOCK * 1.0), TypeError, 'clock has dtype float32, expected int32'),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_bad_input_is_named(fault):
    arguments, error, text = FAULTS[fault]
    with pytest.raises(error, match=text):
        event.record(*arguments)
