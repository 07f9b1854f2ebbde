"""Ctrl-C between two calls of a compiled loop, when all states are what they should be."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self


class Interrupted:
    """True after an interrupt; within the block, nothing else happens at one. After it, `KeyboardInterrupt` is raised.

    Only Python's main thread is told of interrupts; elsewhere this does nothing.
    """

    def __init__(self) -> None:
        self._is = False
        self._before: Any = None

    def __bool__(self) -> bool:
        return self._is

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._is = True

    def agree(self, least: Callable[[int], int]) -> bool:
        """True after an interrupt of any of the processes, of which ``least`` gives the smallest number."""
        self._is = not least(not self._is)
        return self._is

    def __exit__(self, kind: Any, *_: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        if self._is and kind is None:
            raise KeyboardInterrupt
