"""The threads that share the work of native steps in large networks."""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
import platform
import sys
import threading

from .._tracebacks import entry
from . import _native

# Byte offsets in the pool that threads and native steps share, on cache lines of their own where threads write.
TICKET, DONE, BUSY, SLEEPING, FUNCTION, CONTEXT, PARTS, MODE, THREADS, SEMAPHORE, CLOCK = 0, 64, 128, 192, 256, 264, 272, 280, 288, 320, 352
_SIZE = 384
MOST = 40  # threads
LEDGER = 7  # words of what `share_out` keeps for a place in a program

_running: list[threading.Thread] | None = None  # none before they are first needed
_wanted: int | None = None


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def threads() -> int:
    """How many threads work on a large network; by default as many as there are processors for this process, up to 40.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.event.threads() >= 1
    True
    """
    if not _possible():
        return 1
    if _wanted is not None:
        return _wanted
    return min(processors(), MOST)


@entry
def set_threads(number: int) -> None:
    """Choose how many threads work on large networks. Results do not depend on it.

    Parameters
    ----------
    number : int
        From 1 to 40.

    Raises
    ------
    ValueError
        If it is another number, or above 1 where threads are not supported (they are on Linux).

    Examples
    --------
    >>> import brainpy_state as bst
    >>> before = bst.event.threads()
    >>> bst.event.set_threads(1)
    >>> bst.event.threads()
    1
    >>> bst.event.set_threads(before)
    """
    global _wanted
    if number != int(number) or not 1 <= number <= MOST:
        raise ValueError(f'event.set_threads: the number of threads must be an integer from 1 to {MOST}, not {number!r}.')
    if number > 1 and not _possible():
        raise ValueError(f'event.set_threads: native steps run on one thread on {sys.platform} {platform.machine()}.')
    with _native.lock:
        _wanted = int(number)
        if _running is not None:
            _stop()
            _start()


def ready() -> bool:
    """Have the threads run; False where there can be none."""
    if not _possible():
        return False
    with _native.lock:
        if _running is None:
            _start()
    return True


@functools.cache
def _possible() -> bool:
    return sys.platform == 'linux' and platform.machine() in ('x86_64', 'aarch64')


@functools.cache
def _pool() -> int:
    """The address of the pool that threads and native steps share."""
    address = _native.memory('brainpy_state_pool', _SIZE)
    ctypes.CDLL(None).sem_init(ctypes.c_void_p(address + SEMAPHORE), 0, 0)
    return address


def _start() -> None:
    global _running
    pool = _pool()
    work = _native.function('numba_pool', 'work')
    number = threads() - 1
    ctypes.c_int64.from_address(pool + THREADS).value = number
    _running = []
    for own in range(1, number + 1):
        thread = threading.Thread(target=work.__call__, args=(pool, own), name='brainpy_state', daemon=True)
        thread.start()
        _running.append(thread)
    atexit.register(_stop)  # their code goes when the interpreter does


def _stop() -> None:
    atexit.unregister(_stop)
    pool = _pool()
    ctypes.c_int64.from_address(pool + THREADS).value = 0
    for _ in _running or ():
        ctypes.CDLL(None).sem_post(ctypes.c_void_p(pool + SEMAPHORE))
    for thread in _running or ():
        thread.join()
