"""Threads share the work on large networks and change nothing."""

from __future__ import annotations

import ctypes
import os
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event import _native, _threads

N, STEPS = 140_000, 4  # loops are shared from 2^17 neurons on


@pytest.fixture
def restored():
    before = event.threads()
    yield
    event.set_threads(before)


@pytest.fixture(scope='module')
def simulate():
    """A large network with and without delays of its synapses."""
    rng = np.random.default_rng(0)
    pre, post, delay = (rng.integers(0, n, 1_000_000) for n in (N, N, STEPS))
    order = np.lexsort((delay * N + post, pre))
    slots = event.CSR.from_pairs(pre[order], (delay * N + post)[order], (N, STEPS * N))
    targets = event.CSR.from_pairs(*np.stack([pre, post])[:, np.lexsort((post, pre))], (N, N))
    assert slots.ordered and targets.ordered
    weight = jnp.asarray(rng.standard_normal(1_000_000), jnp.float32)

    def step(V, g, ring, row):
        spikes = (V > 1.0).astype(jnp.float32)
        ring, due = event.due(row, event.to_ring(slots, weight, spikes, row, ring))
        g = 0.9 * g + event.product(targets, weight, spikes) + due
        V = jnp.where(spikes > 0, 0.0, V + 0.1 * jnp.exp(-V) + jnp.tanh(0.1 * g))
        return [V, g, ring, (row + 1) % STEPS]

    start = jnp.asarray(rng.random(N), jnp.float32), jnp.zeros(N), jnp.zeros((STEPS, N)), jnp.int32(0)
    run = jax.jit(lambda carry: jax.lax.fori_loop(0, 25, lambda _, c: tuple(event.fuse(step, 4)(*c)), carry))
    assert 'brainpy_state_' in run.lower(start).as_text()  # it is native
    return lambda: jax.device_get(run(start))


def same(a, b):
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.slow
def test_results_are_the_same_bit_for_bit_on_any_number_of_threads(simulate, restored):
    results = []
    for number in (1, 2, 3):
        event.set_threads(number)
        assert event.threads() == number
        results.append(simulate())
    assert np.count_nonzero(results[0][1]) > N / 2
    same(results[0], results[1])
    same(results[0], results[2])


@pytest.mark.slow
def test_simulations_at_the_same_time_do_not_disturb_each_other(simulate, restored):
    event.set_threads(2)
    alone, found = simulate(), []
    workers = [threading.Thread(target=lambda: found.append(simulate())) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for result in found:
        same(result, alone)
    assert len(found) == 3


def test_one_thread_remains_after_others_were_stopped(simulate, restored):
    event.set_threads(3)
    simulate()
    event.set_threads(1)
    assert not [t for t in threading.enumerate() if t.name == 'brainpy_state']
    event.set_threads(2)
    assert len([t for t in threading.enumerate() if t.name == 'brainpy_state']) == 1


@pytest.mark.parametrize('cheaper', ['alone', 'shared'])
def test_work_is_shared_where_that_is_cheaper(cheaper, restored):
    event.set_threads(2)
    assert _threads.ready() == (event.threads() == 2)
    done = []

    @ctypes.CFUNCTYPE(*[ctypes.c_int64] * 4)
    def task(context, part, parts):
        if part == 0:
            done.append('shared' if parts == 2 else 'alone')
            time.sleep(0.0 if done[-1] == cheaper else 0.01)
        return 0

    share_out, ledger = _native.function('numba_pool', 'share_out'), (ctypes.c_int64 * _threads.LEDGER)()
    for _ in range(264):
        share_out(ctypes.cast(task, ctypes.c_void_p).value, 0, 1000, ctypes.addressof(ledger))
    other = 'shared' if cheaper == 'alone' else 'alone'
    assert done[:8] == ['alone'] * 4 + ['shared'] * 4  # tries both, then keeps to one
    assert done[8:] == [cheaper] * 256
    del done[:]
    for _ in range(8):
        share_out(ctypes.cast(task, ctypes.c_void_p).value, 0, 1000, ctypes.addressof(ledger))
    assert done == [other] * 4 + [cheaper] * 4  # and tries again
    share_out(ctypes.cast(task, ctypes.c_void_p).value, 0, 0, ctypes.addressof(ledger))
    assert done[-1] == 'alone'  # too small


@pytest.mark.skipif(not hasattr(os, 'sched_setaffinity'), reason='processes are not pinned here')
def test_a_process_on_one_processor_has_one_thread(monkeypatch):
    monkeypatch.setattr(_threads, '_wanted', None)  # nobody has asked for a number
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert event.threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize('number', [0, -1, 1.5, 41])
def test_a_wrong_number_of_threads_is_an_error(number):
    with pytest.raises(ValueError, match='must be an integer from 1 to 40'):
        event.set_threads(number)


def test_rows_whose_targets_fall_are_not_shared():
    assert not event.CSR.from_pairs([0, 0, 1], [2, 1, 0], (2, 3)).ordered
    assert event.CSR.from_pairs([0, 0, 1, 1], [1, 2, 0, 0], (3, 3)).ordered
    assert event.CSR.from_pairs([], [], (3, 3)).ordered
