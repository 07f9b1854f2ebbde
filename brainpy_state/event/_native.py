"""Native kernels: functions of addresses, compiled by Numba when first needed, and handlers of XLA's calls, compiled by LLVM.

A second process finds both on disk (`_code`), and neither compiles nor imports Numba.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.util
import threading
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from typing import Any, NamedTuple

from . import _code, _ffi

Option = str | bool

lock = threading.RLock()
_functions: dict[tuple[Option, ...], Function] = {}
_registered: set[str] = set()  # XLA accepts a name only once
_failures: dict[tuple[Option, ...], str] = {}  # functions that could not be built: none is tried again

# What functions are made of besides the file of their builder.
_SHARED = ('_draws.py', '_threads.py', '_within.py', 'backends/numba_memory.py', 'backends/numba_tiles.py', 'backends/numba_host.py')
_PLAIN = ctypes.CFUNCTYPE(ctypes.c_int64)


class Unavailable(RuntimeError):  # noqa: N818 -- a reason to fall back, not a fault
    """Native kernels cannot be had here; the message says why and what helps."""


def problem() -> str | None:
    """Why native kernels cannot be used in this process, or None. That one of them cannot be compiled concerns it alone."""
    return _missing()


@functools.cache
def _missing() -> str | None:
    if importlib.util.find_spec('numba') is None:
        return 'Numba is not installed: pip install numba'
    try:
        _ffi.api_version()
    except _ffi.UnknownLayout as error:
        return str(error)
    return None


class Function(NamedTuple):
    """Native code that takes and returns 64-bit integers, such as addresses. Calling it lets other Python threads run."""

    symbol: str
    address: int

    def __call__(self, *numbers: int) -> int:
        return _PLAIN(self.address)(*map(ctypes.c_int64, numbers))


def handler(write: Callable[[tuple[int, int], Callable[..., tuple[str, int]]], str], symbol: str) -> str:
    """Compile and register a native function of XLA's call frame and return the name of its custom call.

    Parameters
    ----------
    write : callable
        ``write(version, find)`` gives its LLVM code, where ``find(module, builder, *options)`` gives symbol and address of a function.
    symbol : str
        What the function is called in the code.

    Raises
    ------
    Unavailable
        It cannot be compiled or loaded.
    """
    with lock:
        try:
            text = write(_ffi.api_version(), _function)
            key = _code.fingerprint(text)
            name = f'brainpy_state_{key[:24]}'
            if name not in _registered:
                _ffi.register(name, _code.address(key, symbol, lambda: _code.optimised(text)))
                _registered.add(name)
            return name
        except Unavailable:
            raise
        except Exception as error:
            raise Unavailable(f'a native step cannot be compiled ({_first_line(error)})') from error


def function(module: str, builder: str, *options: Option) -> Function:
    """A native function to be called from Python, or from other native code by its symbol.

    Parameters
    ----------
    module : str
        File in `backends` that holds the builder.
    builder : str
        Function there that makes a function of integers that returns one.
    options : what the builder specialises on

    Raises
    ------
    Unavailable
        It cannot be compiled or loaded.
    """
    with lock:
        return _function(module, builder, *options)


def _function(module: str, builder: str, *options: Option) -> Function:
    wanted = (module, builder, *options)
    if wanted in _failures:
        raise Unavailable(_failures[wanted])
    if wanted not in _functions:
        try:
            _functions[wanted] = _build(module, builder, options)
        except Exception as error:
            # Whatever a compiler of another version trips over, XLA and NumPy still work, and the caller logs the reason.
            _failures[wanted] = f'the native function {builder} cannot be compiled ({_first_line(error)})'
            raise Unavailable(_failures[wanted]) from error
    return _functions[wanted]


def _build(module: str, builder: str, options: tuple[Option, ...]) -> Function:
    sources = [files(__package__).joinpath(path).read_text() for path in (*_SHARED, f'backends/{module}.py')]
    key = _code.fingerprint(*sources, repr((builder, options, version('numba'))))
    symbol = f'brainpy_state_{builder}_{key[:24]}'

    def compiled() -> Any:
        backends = f'{__package__}.backends'
        memory = importlib.import_module(f'{backends}.numba_memory')
        build = getattr(importlib.import_module(f'{backends}.{module}'), builder)
        text, name = memory.compile_function(build(*options))
        parsed = _code.parsed(text)
        parsed.get_function(name).name = symbol
        return parsed

    return Function(symbol, _code.address(key, symbol, compiled, is_shared=True))


def memory(symbol: str, size: int) -> int:
    """The address of so many bytes, zero at first, which native functions find by calling a function of this name."""
    text = f"""
@memory = internal global [{size} x i8] zeroinitializer, align 64
define i64 @{symbol}() {{
    ret i64 ptrtoint ([{size} x i8]* @memory to i64)
}}
"""
    with lock:
        return Function(symbol, _code.address(_code.fingerprint(text), symbol, lambda: _code.parsed(text), is_shared=True))()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition('\n')[0]
