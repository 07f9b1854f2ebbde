"""Ctrl-C in a native loop, which Python cannot hear before the loop has ended: another thread hears it, and has the loop end.

Python's handler of the signal writes to a socket. A thread waits there, and sets a word in memory at which loops that listen look before
each step. What they give then is thrown away. One call at a time listens, in the main thread, and waits for its results.
"""

from __future__ import annotations

import ctypes
import functools
import os
import select
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import jax

from .._frames import EAGER, current_trace
from . import _native

LONG = 10_000  # steps of a loop that is worth it
SYMBOL = 'brainpy_state_stop'  # a function of native code that gives the address of the word

_word = ctypes.c_int64(0)  # where native code finds it, once that is there
_lock = threading.Lock()


def may_listen(steps: int) -> bool:
    """Whether a loop of so many steps that is called now can be ended by Ctrl-C, where that raises `KeyboardInterrupt`."""
    return (
        steps >= LONG
        and current_trace() is EAGER
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


@functools.cache
def share_word() -> None:
    """Let native code find the word."""
    global _word
    _word = ctypes.c_int64.from_address(_native.memory(SYMBOL, ctypes.sizeof(ctypes.c_int64)))


def listening(call: Callable[..., Any], *args: Any) -> Any:
    """What a compiled function gives, which may have loops that listen, when it is there.

    Raises
    ------
    KeyboardInterrupt
        If it was interrupted. What it had computed is lost.
    """
    ear = _ear(os.getpid())
    other = signal.set_wakeup_fd(ear.writes.fileno(), warn_on_full_buffer=False)
    try:
        if other != -1:  # whoever waits for signals there must get them
            signal.set_wakeup_fd(other)
        ear.is_open = other == -1
        results = jax.block_until_ready(call(*args))
    finally:
        signal.set_wakeup_fd(other)
        was_interrupted = ear.close()
    if was_interrupted:
        raise KeyboardInterrupt
    return results


@functools.cache
def _ear(process: int) -> _Ear:
    return _Ear()


class _Ear:
    """A thread that waits for signals at the end of a socket."""

    def __init__(self) -> None:
        self.is_open = False
        self._reads, self.writes = socket.socketpair()
        self._reads.setblocking(False)
        self.writes.setblocking(False)
        threading.Thread(target=self._hear, name='brainpy_state interrupts', daemon=True).start()

    def _hear(self) -> None:
        while True:
            select.select([self._reads], [], [])
            with _lock:
                if self.is_open and signal.SIGINT in self._signals():
                    _word.value = 1

    def _signals(self) -> bytes:
        try:
            return self._reads.recv(4096)
        except BlockingIOError:
            return b''

    def close(self) -> bool:
        """Hear nothing more; whether there was an interrupt."""
        with _lock:
            was_interrupted = signal.SIGINT in self._signals() or bool(_word.value)
            self.is_open, _word.value = False, 0
        return was_interrupted
