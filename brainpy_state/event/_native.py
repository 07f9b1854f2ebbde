"""Native kernels: compiled by Numba when first needed, kept on disk as object code, loaded by LLVM alone afterwards.

A second process therefore neither compiles nor imports Numba. The name of a cached file and of the registered custom call is a
fingerprint of everything that the code depends on, so nothing stale is ever loaded.
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
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from . import _ffi

Option = str | bool

_log = logging.getLogger('brainpy_state.event')
lock = threading.RLock()
_functions: dict[tuple[Option, ...], Function] = {}
_registered: set[str] = set()  # XLA accepts a name only once
_failures: dict[tuple[Option, ...], str] = {}  # functions that could not be built: none is tried again
_engines: list[Any] = []  # the loaded code lives as long as its engine

# What functions are made of besides the file of their builder.
_SHARED = ('_draws.py', '_threads.py', '_within.py', 'backends/numba_memory.py', 'backends/numba_tiles.py', 'backends/numba_host.py')
_PLAIN = ctypes.CFUNCTYPE(ctypes.c_int64)
# A kernel may call nothing but these: anything else would tie the object code to a running interpreter.
_ALLOWED_SYMBOLS = (
    'llvm.',
    'memset',
    'memcpy',
    'memmove',
    'sem_wait',
    'sem_post',
    'sched_yield',
    'clock_gettime',
    'madvise',
    'brainpy_state_',
)
_CHECKSUM_BYTES = 32


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
            key = _fingerprint(text)
            name = f'brainpy_state_{key[:24]}'
            if name not in _registered:
                _ffi.register(name, _load(_read(key) or _optimise(key, text), symbol))
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
    key = _fingerprint(*sources, repr((builder, options, version('numba'))))
    symbol = f'brainpy_state_{builder}_{key[:24]}'
    address = _load(_read(key) or _compile(key, symbol, module, builder, options), symbol)
    _llvm().add_symbol(symbol, address)
    return Function(symbol, address)


def name_address(symbol: str, address: int) -> None:
    """Let native functions find an address: by calling a function of this name."""
    llvm = _llvm()
    parsed = llvm.parse_assembly(f'define i64 @{symbol}() {{ ret i64 {address} }}')
    llvm.add_symbol(symbol, _load(_machine().emit_object(parsed), symbol))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition('\n')[0]


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


def _fingerprint(*parts: str) -> str:
    """Of sources, the compiler and the processor."""
    llvm = _llvm()
    target = version('llvmlite'), llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return hashlib.sha256('\0'.join((*parts, repr(target))).encode()).hexdigest()


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


def _compile(key: str, symbol: str, module: str, builder: str, options: tuple[Option, ...]) -> bytes:
    backends = f'{__package__}.backends'
    memory = importlib.import_module(f'{backends}.numba_memory')
    build = getattr(importlib.import_module(f'{backends}.{module}'), builder)
    text, name = memory.compile_function(build(*options))
    parsed = _llvm().parse_assembly(text)
    parsed.get_function(name).name = symbol
    return _emit(key, parsed)


def _optimise(key: str, text: str) -> bytes:
    llvm = _llvm()
    parsed = llvm.parse_assembly(text)
    parsed.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    machine = _machine()  # the pass builder does not keep it alive
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(parsed, passes)
    return _emit(key, parsed)


def _emit(key: str, parsed: Any) -> bytes:
    foreign = [f.name for f in parsed.functions if f.is_declaration and not f.name.startswith(_ALLOWED_SYMBOLS)]
    if foreign:
        raise RuntimeError(f'it calls {foreign[0]}')
    code = _machine().emit_object(parsed)
    _write(key, code)
    return code


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
    found = llvm.get_host_cpu_features()
    # LLVM halves the vectors of Intel's processors because the first with long ones clocked down for them; those with this feature do not.
    features = found.flatten() + ',-prefer-256-bit' * bool(found.get('avx512fp16'))
    return llvm.Target.from_default_triple().create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True)
