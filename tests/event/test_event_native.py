"""The call frame's layout and the cache of compiled kernels."""

from __future__ import annotations

import os
import platform
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from brainpy_state.event import _code, _ffi, _native

HEADER = Path(jax.ffi.include_dir(), 'xla', 'ffi', 'api', 'c_api.h')
ROOT = Path(__file__).parents[2]


def test_layout_of_the_installed_jaxlib_is_the_expected_one():
    major, minor = _ffi.api_version()
    assert major == 0
    assert minor >= 0


# What another jaxlib might do, and how it is noticed.
CHANGES = {
    'another major version': (r'(XLA_FFI_API_MAJOR) 0', r'\1 1', r'FFI version 1\.\d+, the handlers are written for 0.x'),
    'a field before the data': (
        r'XLA_FFI_DataType dtype;\s+void\* data;\s+int64_t rank;',
        'XLA_FFI_DataType dtype; int64_t new; void* data; int64_t rank;',
        'XLA_FFI_Buffer.data at byte 32',
    ),
    'longer arguments': (r'void\*\* args; ', 'void** args; int64_t extra; ', r'XLA_FFI_CallFrame.rets.rets at byte 120, expected 112'),
    'another stage number': (r'(XLA_FFI_ExecutionStage_EXECUTE) = 3', r'\1 = 4', 'XLA_FFI_ExecutionStage_EXECUTE = 4, expected 3'),
    'no call frame': (r'struct XLA_FFI_CallFrame \{', 'struct Renamed {', 'no struct XLA_FFI_CallFrame'),
    'no version': (r'#define XLA_FFI_API_MINOR \d+', '', 'nothing like'),
    'unreadable': (r'int64_t rank;', 'int64_t rank[2];', 'cannot be read'),
}


@pytest.mark.parametrize('change', CHANGES)
def test_header_with_another_layout_is_refused(change):
    pattern, replacement, message = CHANGES[change]
    text, count = re.subn(pattern, replacement, HEADER.read_text())
    assert count
    with pytest.raises(_ffi.UnknownLayout, match=message):
        _ffi.check_header(text)


def test_field_added_at_the_end_is_accepted():
    text = HEADER.read_text().replace('int64_t* dims;', 'int64_t* dims; int64_t* strides;')
    assert _ffi.check_header(text) == _ffi.api_version()


def test_missing_header_is_a_reason_to_fall_back(monkeypatch, tmp_path):
    monkeypatch.setattr(jax.ffi, 'include_dir', lambda: str(tmp_path))
    _ffi.api_version.cache_clear()
    try:
        with pytest.raises(_ffi.UnknownLayout, match='ships no FFI header'):
            _ffi.api_version()
    finally:
        monkeypatch.undo()
        _ffi.api_version.cache_clear()


DELIVER = """
import sys, jax.numpy as jnp
from brainpy_state import event
csr = event.CSR.from_pairs([0, 2], [1, 0], (3, 2))
print(event.product(csr, 2., jnp.array([1., 0., 1.])).tolist(), 'numba' in sys.modules, 'llvmlite.binding' in sys.modules)
"""


def deliver_in_a_new_process(cache, **variables):
    done = subprocess.run(
        [sys.executable, '-W', 'error', '-c', DELIVER],
        cwd=ROOT,
        env=os.environ | {'BRAINPY_STATE_CACHE_DIR': str(cache)} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


needs_linker = pytest.mark.skipif(sys.platform != 'linux' or not shutil.which('ld'), reason='the system has no linker')


@pytest.mark.slow
@pytest.mark.parametrize('has_linker', [pytest.param(True, marks=needs_linker), False])
def test_second_process_loads_without_compilers_and_a_damaged_file_is_built_anew(tmp_path, has_linker):
    # without a linker, LLVM loads what it made
    options, pattern = ({}, '*.so') if has_linker else ({'PATH': str(tmp_path)}, '*.o')
    assert deliver_in_a_new_process(tmp_path, **options) == '[2.0, 2.0] True True'
    assert deliver_in_a_new_process(tmp_path, **options) == f'[2.0, 2.0] False {not has_linker}'
    kept = {path: path.read_bytes() for path in tmp_path.glob('*.*')}
    assert {path.match(pattern) for path in kept} == {True}
    assert len(kept) == 3  # what lists spikes, what delivers them, and the step that calls both
    for path, content in kept.items():
        path.write_bytes(content[:-7] + b'garbage')
    assert deliver_in_a_new_process(tmp_path, **options) == '[2.0, 2.0] True True'
    assert kept.keys() == set(tmp_path.glob('*.*'))
    assert all(_code._read(path) is not None for path in kept)


COPY = """
declare void @memcpy(i8*, i8*, i64)
define void @brainpy_state_copy(i8* %to, i8* %from, i64 %size) {
    call void @memcpy(i8* %to, i8* %from, i64 %size)
    ret void
}
"""


@needs_linker
@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='symbols have versions in glibc')
def test_library_gets_the_newest_functions_of_the_c_library():
    versions = set(re.findall(rb'GLIBC_[0-9.]+', _code._linked(_code.parsed(COPY))))
    assert len(versions) == 1
    if platform.machine() == 'x86_64':
        assert versions == {b'GLIBC_2.14'}  # the older one, of 2.2.5, does without the processor's long vectors


@needs_linker
@pytest.mark.slow
def test_library_that_cannot_be_loaded_is_loaded_by_llvm(tmp_path):
    # as from a folder whose files may not be run, or where one function was made without a linker
    assert deliver_in_a_new_process(tmp_path, PATH=str(tmp_path)) == '[2.0, 2.0] True True'
    one = next(iter(tmp_path.glob('*.o')))
    _code._write(one.with_suffix('.so'), b'no library')
    assert deliver_in_a_new_process(tmp_path) == '[2.0, 2.0] False True'


@pytest.mark.slow
def test_cache_that_cannot_be_written_costs_only_time(tmp_path):
    # A file where the folder should be stands for every way in which writing fails, also for the superuser.
    blocked = tmp_path / 'file'
    blocked.write_text('')
    assert deliver_in_a_new_process(blocked) == '[2.0, 2.0] True True'


def test_cache_is_private_to_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv('BRAINPY_STATE_CACHE_DIR', str(tmp_path / 'kernels'))
    path = _code.cache_dir() / 'key.o'
    assert _code._write(path, b'code')
    assert _code._read(path) == b'code'
    assert stat.S_IMODE((tmp_path / 'kernels').stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / 'kernels').iterdir()] == ['key.o']


def test_functions_with_other_options_are_kept_apart():
    functions = [_native.function('numba_deliver', 'deliver', 'float32', 'float32', weight) for weight in ('', 'float32', '')]
    assert functions[0] != functions[1]
    assert functions[0] == functions[2]


@pytest.mark.slow
def test_import_of_the_package_does_not_import_numba(python):
    assert python('-c', "import brainpy_state, sys; print('numba' in sys.modules, 'llvmlite' in sys.modules)").strip() == 'False False'


CALL = """
import sys, numpy as np
from brainpy_state.event import _native
counts = np.zeros(3, np.int64)
share = _native.function('numba_rows', 'share')
share(np.array([7], np.uint64).ctypes.data, 0, 100, 3, counts.ctypes.data)
print(counts.sum(), share.symbol.startswith('brainpy_state_share_'), share.address > 0, 'numba' in sys.modules)
"""


@pytest.mark.slow
def test_functions_are_kept_as_handlers_are(tmp_path, python):
    for compiled in (True, False):
        assert python('-c', CALL, BRAINPY_STATE_CACHE_DIR=str(tmp_path)).split() == ['100', 'True', 'True', str(compiled)]


def test_a_function_that_cannot_be_built_says_so_and_is_not_tried_again(monkeypatch):
    monkeypatch.setattr(_native, '_failures', {})
    with pytest.raises(_native.Unavailable, match='the native function nothing cannot be compiled'):
        _native.function('numba_rows', 'nothing')
    monkeypatch.setattr(_native, '_build', None)
    with pytest.raises(_native.Unavailable, match='the native function nothing cannot be compiled'):
        _native.function('numba_rows', 'nothing')
    assert _native.problem() is None
