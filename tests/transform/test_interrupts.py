"""Ctrl-C in one long native loop: it ends soon, and has left no trace."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.event import _interrupts
from brainpy_state.transform import for_loop, grad, jit, scan

pytestmark = pytest.mark.skipif(bst.event.backend() != 'numba', reason='loops of XLA do not listen')
N, LENGTH = 3000, 3_000_000  # many seconds


@pytest.fixture
def x():
    return bst.State(jnp.zeros(N))


def stepping(x):
    def step():
        x.value = jnp.sin(x.value + jnp.float32(0.25))
        return x.value[0]

    return step


def interrupted(call, after=0.4):
    """How long a call goes on after an interrupt that it raises."""
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    began = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            call()
    finally:
        timer.cancel()  # where the call has failed, pytest shall tell
    return time.perf_counter() - began - after


LOOPS = {
    'for_loop': lambda step: for_loop(step, length=LENGTH),
    'for_loop over numbers': lambda step: for_loop(lambda _: step(), jnp.zeros(LENGTH)),
    'scan': lambda step: scan(lambda c, _: (c + 1, step()), 0, None, LENGTH),
}


@pytest.mark.quick('^scan$')
@pytest.mark.parametrize('loop', LOOPS.values(), ids=LOOPS)
def test_a_loop_ends_soon_and_states_are_what_they_were(loop, x):
    step = stepping(x)
    for_loop(step, length=20_000)
    before, wakes = np.asarray(x.value), signal.set_wakeup_fd(-1)
    for _ in range(3):
        assert interrupted(lambda: loop(step)) < 1.0
        np.testing.assert_array_equal(x.value, before)
    assert signal.set_wakeup_fd(-1) == wakes == -1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_after_an_interrupt_loops_give_what_they_give(x):
    step = stepping(x)
    wanted = for_loop(step, length=20_000)
    end, x.value = x.value, jnp.zeros(N)
    interrupted(lambda: for_loop(step, length=LENGTH))
    found = for_loop(step, length=20_000)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(x.value, end)


def test_a_loop_that_listens_is_that_loop(x, monkeypatch):
    found = []
    for least in (_interrupts.LONG, 10**9):
        monkeypatch.setattr(_interrupts, 'LONG', least)
        x.value = jnp.zeros(N)
        found.append((for_loop(stepping(x), length=12_345), x.value))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_run_is_as_it_was_after_its_last_chunk(dt):
    cells = bst.nn.init_all_states(bst.LIFRef(N, tau=10.0 * u.ms))
    recorder = bst.nn.init_all_states(bst.record.SpikeRecorder(N))

    def step():
        recorder(cells(jnp.linspace(0.0, 9.0, N) * u.mA))
        return cells.V.value[0]

    bst.run(step, 2000.0 * u.ms)
    recorded = recorder.spikes()
    assert interrupted(lambda: bst.run(step, 1e6 * u.ms, start=2000.0 * u.ms, chunk=1e6 * u.ms)) < 1.0
    done = recorder.spikes().stop  # where the recorder was emptied last
    assert done >= 20_000 and recorder.spikes(0, 20_000).i.tolist() == recorded.i.tolist()
    again = bst.nn.init_all_states(bst.LIFRef(N, tau=10.0 * u.ms))
    bst.run(lambda: again(jnp.linspace(0.0, 9.0, N) * u.mA), done * dt)
    np.testing.assert_array_equal(cells.V.value.mantissa, again.V.value.mantissa)
    bst.run(step, 1.0 * u.ms, start=done * dt)
    assert recorder.spikes().stop == done + 10


def test_what_does_not_listen(x, monkeypatch):
    """Loops within other transforms, of another thread, and where somebody else hears the signal: none is ended by it."""
    calls = []
    monkeypatch.setattr(bst.transform._program, 'listening', lambda call, *args: calls.append(call) or call(*args))
    step = stepping(x)
    for_loop(step, length=20_000)
    assert len(calls) == 1
    jit(lambda: for_loop(step, length=20_000))()
    grad(lambda: for_loop(step, length=20_000).sum(), x)()
    for_loop(step, length=9_999)
    thread = threading.Thread(target=lambda: for_loop(step, length=20_000))
    thread.start()
    thread.join()
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        for_loop(step, length=20_000)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(calls) == 1


@pytest.mark.slow
def test_who_waits_for_signals_already_gets_them(x):
    step = stepping(x)
    for_loop(step, length=100_000)
    reads, writes = socket.socketpair()
    writes.setblocking(False)
    signal.set_wakeup_fd(writes.fileno())
    try:
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            for_loop(step, length=100_000)
        assert reads.recv(10) == bytes([signal.SIGINT])
    finally:
        assert signal.set_wakeup_fd(-1) == writes.fileno()
        reads.close()
        writes.close()


def test_loops_of_other_threads_go_on(x):
    y, found = bst.State(jnp.zeros(N)), []
    step, other = stepping(x), stepping(y)
    expected = for_loop(other, length=40_000)
    y.value = jnp.zeros(N)
    thread = threading.Thread(target=lambda: found.append(for_loop(other, length=40_000)))
    thread.start()
    interrupted(lambda: for_loop(step, length=LENGTH), after=0.1)
    thread.join()
    np.testing.assert_array_equal(found[0], expected)


@pytest.mark.slow
def test_a_script_ends_by_it():
    code = """
import jax.numpy as jnp, brainpy_state as bst
x = bst.State(jnp.zeros(3000))
def step(): x.value = jnp.sin(x.value + jnp.float32(0.25))
bst.transform.for_loop(step, length=20_000)
print('ready', flush=True)
bst.transform.for_loop(step, length=30_000_000)
"""
    with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        time.sleep(1.0)
        began = time.perf_counter()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert time.perf_counter() - began < 5.0
    assert errors.rstrip().endswith('KeyboardInterrupt') and 'line 7' in errors
