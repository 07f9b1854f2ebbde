"""Native kernels: compiled by Numba when first needed, kept on disk as object code, loaded by LLVM alone afterwards.

A second process therefore neither compiles nor imports Numba. The name of a cached file and of the registered custom call is a
fingerprint of everything that the code depends on, so nothing stale is ever loaded. XLA calls handlers by their `target`, and Python
or other generated code calls a `function`.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib
import importlib.util
import logging
import os
import sys
import tempfile
import threading
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from . import _ffi

Option = str | bool

_log = logging.getLogger('brainpy_state.event')
_lock = threading.Lock()
_targets: dict[tuple[Option, ...], str] = {}  # XLA accepts a name only once
_functions: dict[tuple[Option, ...], Function] = {}
_failures: list[str] = []  # kernels that could not be built: none is tried again
_engines: list[Any] = []  # the loaded code lives as long as its engine

# A kernel may call nothing but these: anything else would tie the object code to a running interpreter.
_ALLOWED_SYMBOLS = ('llvm.', 'memset', 'memcpy', 'memmove')
_CHECKSUM_BYTES = 32
# What kernels are made of besides the file of their builder.
_SHARED = ('_ffi.py', '_draws.py', 'backends/numba_frame.py', 'backends/numba_host.py')
_PLAIN = ctypes.CFUNCTYPE(ctypes.c_int64)


class Unavailable(RuntimeError):  # noqa: N818 -- a reason to fall back, not a fault
    """Native kernels cannot be had here; the message says why and what helps."""


def problem() -> str | None:
    """Why native kernels cannot be used in this process, or None."""
    return _failures[0] if _failures else _missing()


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


def target(module: str, builder: str, *options: Option) -> str:
    """Register a kernel and return the name of its custom call.

    Parameters
    ----------
    module : str -- file in `backends` that holds the builder
    builder : str -- function there that makes the handler
    options : what the builder specialises on, after the FFI version

    Raises
    ------
    Unavailable
        The kernel cannot be compiled or loaded.
    """
    wanted = (module, builder, *options)
    with _lock:
        if wanted not in _targets:
            symbol, address = _built(module, builder, options, is_handler=True)
            _ffi.register(symbol, address)
            _targets[wanted] = symbol
        return _targets[wanted]


def function(module: str, builder: str, *options: Option) -> Function:
    """A native function to be called from Python, or by its address from other native code.

    Parameters
    ----------
    module, builder, options
        As for `target`; the builder is given the options alone, and what it makes takes integers and returns one.

    Raises
    ------
    Unavailable
        The function cannot be compiled or loaded.
    """
    wanted = (module, builder, *options)
    with _lock:
        if wanted not in _functions:
            _functions[wanted] = _built(module, builder, options, is_handler=False)
        return _functions[wanted]


def _built(module: str, builder: str, options: tuple[Option, ...], is_handler: bool) -> Function:
    try:
        key = _fingerprint(module, builder, options)
        symbol = f'brainpy_state_{builder}_{key[:16]}'
        code = _read(key)
        if code is None:
            code = _compile(symbol, module, builder, options, is_handler)
            _write(key, code)
        return Function(symbol, _load(code, symbol))
    except Exception as error:
        # Whatever a compiler of another version trips over, XLA and NumPy still work, and the caller logs the reason.
        reason = str(error).strip().partition('\n')[0]
        _failures.append(f'the native kernel {builder} cannot be built ({reason})')
        raise Unavailable(_failures[-1]) from error


def cache_dir() -> Path:
    """Where compiled kernels are kept: $BRAINPY_STATE_CACHE_DIR, else the user's cache folder."""
    if chosen := os.environ.get('BRAINPY_STATE_CACHE_DIR'):
        return Path(chosen)
    if sys.platform == 'win32':
        base = os.environ.get('LOCALAPPDATA') or Path.home() / 'AppData' / 'Local'
    elif sys.platform == 'darwin':
        base = Path.home() / 'Library' / 'Caches'
    else:
        base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'brainpy_state'


def _fingerprint(module: str, builder: str, options: tuple[Option, ...]) -> str:
    llvm = _llvm()
    parts = [
        *[files(__package__).joinpath(path).read_bytes() for path in (*_SHARED, f'backends/{module}.py')],
        repr((builder, options, _ffi.api_version())).encode(),
        repr((version('numba'), version('llvmlite'), llvm.get_process_triple())).encode(),
        repr((llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())).encode(),
    ]
    return hashlib.sha256(b'\0'.join(parts)).hexdigest()


def _read(key: str) -> bytes | None:
    try:
        content = cache_dir().joinpath(f'{key}.o').read_bytes()
    except OSError:
        return None
    checksum, code = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    return code if hashlib.sha256(code).digest() == checksum else None


def _write(key: str, code: bytes) -> None:
    # Written aside and renamed, so that a process beside this one never reads half a file.
    try:
        cache_dir().mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=cache_dir(), delete=False) as part:
            part.write(hashlib.sha256(code).digest() + code)
        os.replace(part.name, cache_dir() / f'{key}.o')
    except OSError as error:
        _log.info('event kernels are compiled anew in each process: %s cannot be written (%s)', cache_dir(), error)


def _compile(symbol: str, module: str, builder: str, options: tuple[Option, ...], is_handler: bool) -> bytes:
    backends = f'{__package__}.backends'
    build = getattr(importlib.import_module(f'{backends}.{module}'), builder)
    if is_handler:
        text, name = importlib.import_module(f'{backends}.numba_frame').compile_handler(build(_ffi.api_version(), *options))
    else:
        text, name = importlib.import_module(f'{backends}.numba_host').compile_function(build(*options))
    parsed = _llvm().parse_assembly(text)
    foreign = [f.name for f in parsed.functions if f.is_declaration and not f.name.startswith(_ALLOWED_SYMBOLS)]
    if foreign:
        raise RuntimeError(f'it calls {foreign[0]}')
    parsed.get_function(name).name = symbol
    return _machine().emit_object(parsed)


def _load(code: bytes, symbol: str) -> int:
    llvm = _llvm()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(''), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    address = engine.get_function_address(symbol)
    if not address:
        raise RuntimeError(f'its object code has no {symbol}')
    return address


@functools.cache
def _llvm() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


def _machine() -> Any:
    llvm = _llvm()
    features = llvm.get_host_cpu_features().flatten()
    return llvm.Target.from_default_triple().create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True)
