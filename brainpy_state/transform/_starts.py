"""To be told by the interpreter which Python functions start: by ``sys.monitoring``, or in Python 3.11 by a profile function.

While JAX traces, nearly all functions that start are of JAX. ``sys.monitoring`` need not tell of these again; a profile function is called
for each, and of C it takes a sixth of the time.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ..event import _code, _native
from ._look import is_fixed

_log = logging.getLogger('brainpy_state.transform')


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
    if other is None and (begin := _native_profile()) is not None:
        begin()
        return lambda: sys.setprofile(None)

    def told(frame: types.FrameType, event: str, arg: Any) -> None:
        if event == 'call':
            _tell(frame)
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


def _tell(frame: types.FrameType) -> None:
    top, code = _local.top, frame.f_code
    if top is not None and code not in top.seen:
        top.seen.add(code)
        top.see(frame)


_TOLD, _TABLE, _SLOTS = 'brainpy_state_told', 'brainpy_state_known', 1 << 14
# What `PyEval_SetProfile` calls: (listener, frame, event, argument), where event 0 is that a function starts. The table has the addresses
# of code objects that nobody needs to be told of, at a place that follows from the address.
_CODE = f"""
declare i8* @PyFrame_GetCode(i8*)
declare void @Py_DecRef(i8*)
declare i8* @PyObject_CallFunctionObjArgs(i8*, ...)
declare i64 @{_TABLE}()
define i32 @{_TOLD}(i8* %listener, i8* %frame, i32 %event, i8* %argument) {{
    %is_start = icmp eq i32 %event, 0
    br i1 %is_start, label %starts, label %done
starts:
    %code = call i8* @PyFrame_GetCode(i8* %frame)
    call void @Py_DecRef(i8* %code)
    %number = ptrtoint i8* %code to i64
    %part = lshr i64 %number, 4
    %slot = and i64 %part, {_SLOTS - 1}
    %table = call i64 @{_TABLE}()
    %slots = inttoptr i64 %table to i64*
    %place = getelementptr i64, i64* %slots, i64 %slot
    %known = load i64, i64* %place
    %is_known = icmp eq i64 %known, %number
    br i1 %is_known, label %done, label %tell
tell:
    %result = call i8* (i8*, ...) @PyObject_CallFunctionObjArgs(i8* %listener, i8* %frame, i8* null)
    %has_failed = icmp eq i8* %result, null
    br i1 %has_failed, label %failed, label %told
failed:
    ret i32 -1
told:
    call void @Py_DecRef(i8* %result)
    br label %done
done:
    ret i32 0
}}
"""


@functools.cache
def _native_profile() -> Callable[[], None] | None:
    """What begins to tell by a native profile function, or None where there is none."""
    try:
        slots = (ctypes.c_int64 * _SLOTS).from_address(_native.memory(_TABLE, ctypes.sizeof(ctypes.c_int64) * _SLOTS))
        function = _code.address(_code.fingerprint(_CODE), _TOLD, lambda: _code.parsed(_CODE))
        set_profile = ctypes.pythonapi.PyEval_SetProfile
    except Exception as error:  # no compiler: functions are told of all the same
        _log.info('tracing takes longer, as there is no native profile function (%s)', error)
        return None
    set_profile.argtypes, set_profile.restype = (ctypes.c_void_p, ctypes.py_object), None
    known = set()

    def told(frame: types.FrameType) -> None:
        _tell(frame)
        if is_fixed(frame.f_globals.get('__name__') or ''):
            known.add(frame.f_code)  # no other may come to its address
            slots[(id(frame.f_code) >> 4) % _SLOTS] = id(frame.f_code)

    return lambda: set_profile(function, told)


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
