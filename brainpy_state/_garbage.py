"""Python's collector of garbage, which rests while programs are made.

Tracing and compiling make hundreds of thousands of objects that stay, so the collector would look at everything that the process
holds, which with JAX imported takes longer than many a program takes to compile.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Pause:
    lock = threading.Lock()
    count = 0  # blocks that are under way, in all threads
    was_on = False


@contextmanager
def no_collection() -> Iterator[None]:
    """A block during which nothing is collected. A collector that is off when the first begins stays off."""
    with _Pause.lock:
        if _Pause.count == 0:
            _Pause.was_on = gc.isenabled()
            gc.disable()
        _Pause.count += 1
    try:
        yield
    finally:
        with _Pause.lock:
            _Pause.count -= 1
            if _Pause.count == 0 and _Pause.was_on:
                gc.enable()
