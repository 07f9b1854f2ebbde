"""To be told by the interpreter which Python functions start: by ``sys.monitoring``, or in Python 3.11 by ``sys.setprofile``."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ._look import is_fixed


class Listener(Protocol):
    """Who is told, once of each code object; what is in ``seen`` was told already."""

    seen: set[types.CodeType]

    def see(self, frame: types.FrameType) -> None:
        """Take note of a function that starts."""


class _Local(threading.local):
    top: Any = None


_local = _Local()


def listener() -> Any:
    """Who is told of the functions that start in this thread, if anybody is."""
    return _local.top


@contextmanager
def listening(new: Listener) -> Iterator[None]:
    """A block in which a listener is told of the functions that start in this thread. Outside of such blocks nothing is paid."""
    outer, _local.top = _local.top, new
    stop = _nothing if outer is not None else _monitor() if hasattr(sys, 'monitoring') else _profile()
    try:
        yield
    finally:
        _local.top = outer
        stop()


def _nothing() -> None:
    """There is nothing to stop."""


def _profile() -> Callable[[], None]:
    """Be told by a profile function. One of the user's is called, too, and goes on afterwards."""
    other: Any = sys.getprofile()

    def told(frame: types.FrameType, event: str, arg: Any) -> None:
        if event == 'call':
            top = _local.top
            if top is not None and frame.f_code not in top.seen:
                top.seen.add(frame.f_code)
                top.see(frame)
        if other is not None and callable(other):
            other(frame, event, arg)

    def stop() -> None:
        if hasattr(other, 'enable'):  # one of C, which starts itself
            sys.setprofile(None)
            other.enable()
        else:
            sys.setprofile(other)

    sys.setprofile(told)
    return stop


class _Monitoring:
    """How often events are asked for at this moment, by all threads, and under which number."""

    lock = threading.Lock()
    count = 0
    tool: int | None = None


def _monitor() -> Callable[[], None]:
    """Be told by events of the interpreter, which does not tell again of functions of libraries."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined]
    with _Monitoring.lock:
        if _Monitoring.tool is None:
            free = [k for k in (4, 3, 5, 1) if monitoring.get_tool(k) is None]
            if not free:  # all are taken by tools of the user
                return _profile()
            _Monitoring.tool = free[0]
            monitoring.use_tool_id(_Monitoring.tool, __name__)
            monitoring.register_callback(_Monitoring.tool, monitoring.events.PY_START, _started)
        _Monitoring.count += 1
        if _Monitoring.count == 1:
            monitoring.set_events(_Monitoring.tool, monitoring.events.PY_START)
    return _stop_monitoring


def _stop_monitoring() -> None:
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined]
    with _Monitoring.lock:
        _Monitoring.count -= 1
        if _Monitoring.count == 0:
            monitoring.set_events(_Monitoring.tool, 0)


def _started(code: types.CodeType, offset: int) -> Any:
    top = _local.top
    if top is None or code in top.seen:
        return None
    top.seen.add(code)
    frame = sys._getframe(1)
    top.see(frame)
    return sys.monitoring.DISABLE if is_fixed(frame.f_globals.get('__name__') or '') else None  # type: ignore[attr-defined]
