"""Native code as LLVM makes it: kept on disk and loaded.

Where the system has a linker, code is kept as a library that the system loads: a second process then loads nothing of LLVM, which alone
takes 100 MB and as many milliseconds. Elsewhere it is kept as an object file, which LLVM loads. The name of a file is a fingerprint of
everything that the code depends on, so nothing stale is ever loaded.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

_log = logging.getLogger('brainpy_state.event')
_untold: dict[str, int] = {}  # addresses of functions that others may call, of which LLVM does not know yet
_alive: list[Any] = []  # libraries, and the engines that hold what LLVM has loaded

# A kernel may call nothing but these: anything else would tie its code to a running interpreter.
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
    *('PyFrame_GetCode', 'Py_DecRef', 'PyObject_CallFunctionObjArgs'),  # which every Python has
)
_CHECKSUM_BYTES = 32
_OF_PROCESSOR = frozenset(('vendor_id', 'cpu family', 'model', 'model name', 'stepping', 'flags'))
_OF_PROCESSOR |= {'CPU implementer', 'CPU architecture', 'CPU variant', 'CPU part', 'CPU revision', 'Features'}


def address(key: str, symbol: str, make: Callable[[], Any], *, is_shared: bool = False) -> int:
    """The address of a function, whose code is made where it is not on disk.

    Parameters
    ----------
    key : str
        The fingerprint of the code.
    symbol : str
        The name of the function.
    make : callable
        Gives the code as LLVM has parsed it.
    is_shared : bool
        Whether other native code may call it by its name.
    """
    library, object_file = cache_dir() / f'{key}.so', cache_dir() / f'{key}.o'
    found = _opened(library, symbol, is_shared)
    if found is None and (code := _read(object_file)) is not None:
        found = _loaded_by_llvm(code, symbol)
    if found is None:
        module = _checked(make())
        if (linked := _linked(module)) is not None and _write(library, linked):
            found = _opened(library, symbol, is_shared)
        if found is None:
            code = machine().emit_object(module)
            _write(object_file, code)
            found = _loaded_by_llvm(code, symbol)
    if is_shared:
        _untold[symbol] = found
    return found


def fingerprint(*parts: str) -> str:
    """Of sources, the compiler and the processor."""
    return hashlib.sha256('\0'.join((*parts, _target())).encode()).hexdigest()


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


def parsed(text: str) -> Any:
    """LLVM's code, as LLVM holds it."""
    return _llvm().parse_assembly(text)


def optimised(text: str) -> Any:
    """The same after LLVM's passes."""
    llvm, found = _llvm(), parsed(text)
    found.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    target = machine()  # the pass builder does not keep it alive
    passes = llvm.create_pass_builder(target, options)
    passes.getModulePassManager().run(found, passes)
    return found


@functools.cache
def _target() -> str:
    """What code is written for. It must be known without LLVM where there is a linker."""
    libc = '-'.join(platform.libc_ver()) if sys.platform == 'linux' else ''
    return '\0'.join((version('llvmlite'), sys.platform, platform.machine(), libc, _processor()))


def _processor() -> str:
    try:
        with open('/proc/cpuinfo') as file:
            lines = file.read(1 << 14).partition('\n\n')[0].splitlines()  # of the first one
    except OSError:
        lines = []
    pairs = [(key.strip(), value) for key, _, value in (line.partition(':') for line in lines)]
    if known := [pair for pair in pairs if pair[0] in _OF_PROCESSOR]:
        return repr(known)
    llvm = _llvm()
    return repr((llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()))


def _read(path: Path) -> bytes | None:
    """The code in a file, if it is whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    code, checksum = content[:-_CHECKSUM_BYTES], content[-_CHECKSUM_BYTES:]  # behind it, where a loader of libraries does not look
    return code if hashlib.sha256(code).digest() == checksum else None


def _write(path: Path, code: bytes) -> bool:
    """Whether code could be written to a file; aside, and then renamed, so that a process beside this one never reads half of it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            part.write(code + hashlib.sha256(code).digest())
        os.replace(part.name, path)
    except OSError as error:
        _log.info('event kernels are compiled anew in each process: %s cannot be written (%s)', path.parent, error)
        return False
    return True


def _checked(module: Any) -> Any:
    """The same, if it calls nothing else than it may."""
    foreign = [f.name for f in module.functions if f.is_declaration and not f.name.startswith(_ALLOWED_SYMBOLS)]
    if foreign:
        raise RuntimeError(f'it calls {foreign[0]}')
    return module


def _linked(module: Any) -> bytes | None:
    """The code as a library, or None where the system has no linker."""
    linker, libc = shutil.which('ld') if sys.platform == 'linux' else None, _libc()
    if linker is None or libc is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, 'code.o'), Path(folder, 'code.so')
        source.write_bytes(machine(reloc='pic', codemodel='small', jit=False).emit_object(module))
        # What a library calls of its own is its own, whatever has the same name elsewhere, and its code is not changed when it is loaded.
        # Of functions of the C library it gets the newest: one that does not say which gets the oldest, and with it a slow `memcpy`.
        command = linker, '-shared', '-Bsymbolic', '-z', 'text', '-o', made, source, libc
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            _log.info('event kernels are loaded by LLVM, since %s cannot link them (%s)', linker, done.stderr.strip())
            return None
        return made.read_bytes()


@functools.cache
def _libc() -> str | None:
    """Where the C library of this process is."""
    with suppress(OSError), open('/proc/self/maps') as file:
        return next((found.group() for line in file if (found := re.search(r'/\S*/libc[.-][^/\s]*$', line))), None)
    return None


def _opened(path: Path, symbol: str, is_shared: bool) -> int | None:
    """The address of a function in a library, or None where there is none, or the system does not load it."""
    if _read(path) is None:
        return None
    try:
        library = ctypes.CDLL(str(path.resolve()), ctypes.RTLD_GLOBAL if is_shared else ctypes.RTLD_LOCAL)
        found = ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value
    except (OSError, AttributeError) as error:  # files of its folder may not be run, or what it calls was loaded by LLVM
        _log.info('event kernels are loaded by LLVM: %s', error)
        return None
    _alive.append(library)
    return found


def _loaded_by_llvm(code: bytes, symbol: str) -> int:
    llvm = _llvm()
    while _untold:
        llvm.add_symbol(*_untold.popitem())
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(''), machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _alive.append(engine)
    found: int = engine.get_function_address(symbol)
    if not found:
        raise RuntimeError(f'its object code has no {symbol}')
    return found


@functools.cache
def _llvm() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


def machine(**options: Any) -> Any:
    """What emits code for this processor, by default such as LLVM loads."""
    llvm = _llvm()
    found = llvm.get_host_cpu_features()
    # LLVM halves the vectors of Intel's processors because the first with long ones clocked down for them; those with this feature do not.
    features = found.flatten() + ',-prefer-256-bit' * bool(found.get('avx512fp16'))
    kind = llvm.Target.from_default_triple()
    return kind.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, **{'jit': True} | options)
