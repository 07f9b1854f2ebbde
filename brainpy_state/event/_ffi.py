"""The bridge to XLA's call frame: where a native handler finds its buffers, and proof that they are still there.

XLA calls a handler with one pointer to a C struct, `XLA_FFI_CallFrame`. Our handlers read it at the byte offsets below. jaxlib
ships the C header of the structs it was built with, so the offsets are computed from that header once per process and compared:
a jaxlib that moved a field is refused, and the caller falls back to XLA. No other file knows the layout.
"""

from __future__ import annotations

import ctypes
import functools
import re
import struct
from pathlib import Path

import jax

# Byte offsets that the handlers are compiled with, as (struct, field).
FRAME_EXTENSION, FRAME_STAGE, FRAME_ARGUMENTS, FRAME_RESULTS = 8, 32, 72, 112
BUFFER_DATA, BUFFER_RANK, BUFFER_EXTENTS = 24, 32, 40
EXTENSION_TYPE, EXTENSION_NEXT, EXTENSION_METADATA = 8, 16, 24
METADATA_MAJOR, METADATA_MINOR, METADATA_TRAITS = 24, 28, 32
STAGE_EXECUTE, EXTENSION_IS_METADATA = 3, 1

# The struct that the frame's extension_start points to; its name differs between versions.
_EXTENSION = 'extension'

_EXPECTED_OFFSETS = {
    ('XLA_FFI_CallFrame', 'extension_start'): FRAME_EXTENSION,
    ('XLA_FFI_CallFrame', 'stage'): FRAME_STAGE,
    ('XLA_FFI_CallFrame', 'args.args'): FRAME_ARGUMENTS,
    ('XLA_FFI_CallFrame', 'rets.rets'): FRAME_RESULTS,
    ('XLA_FFI_Buffer', 'data'): BUFFER_DATA,
    ('XLA_FFI_Buffer', 'rank'): BUFFER_RANK,
    ('XLA_FFI_Buffer', 'dims'): BUFFER_EXTENTS,
    (_EXTENSION, 'type'): EXTENSION_TYPE,
    (_EXTENSION, 'next'): EXTENSION_NEXT,
    ('XLA_FFI_Metadata_Extension', 'metadata'): EXTENSION_METADATA,
    ('XLA_FFI_Metadata', 'api_version.major_version'): METADATA_MAJOR,
    ('XLA_FFI_Metadata', 'api_version.minor_version'): METADATA_MINOR,
    ('XLA_FFI_Metadata', 'traits'): METADATA_TRAITS,
}
_EXPECTED_VALUES = {'XLA_FFI_ExecutionStage_EXECUTE': STAGE_EXECUTE, 'XLA_FFI_Extension_Metadata': EXTENSION_IS_METADATA}
_MAJOR = 0

_SIZES = {'size_t': 8, 'int64_t': 8, 'int': 4, 'int32_t': 4, 'uint32_t': 4}
_COMMENT = re.compile(r'//[^\n]*')
_TYPEDEF = re.compile(r'typedef\s+(\w+)\s+(\w+)\s*;')
_ENUM = re.compile(r'typedef\s+enum\s*\{[^}]*\}\s*(\w+)\s*;')
_STRUCT = re.compile(r'struct\s+(\w+)\s*\{([^{}]*)\}')
_FIELD = re.compile(r'(?:const\s+)?(?:struct\s+)?(\w+)\s*(\**)\s*(\w+)$')


class UnknownLayout(RuntimeError):  # noqa: N818 -- a reason to fall back, not a fault
    """The installed jaxlib does not vouch for the call frame that the handlers were written for."""


@functools.cache
def api_version() -> tuple[int, int]:
    """The FFI version (major, minor) of the installed jaxlib, whose layout has been checked.

    Raises
    ------
    UnknownLayout
        The header is missing, has another major version, or declares a field elsewhere.
    """
    if struct.calcsize('P') != 8:
        raise UnknownLayout('needs a 64-bit Python')
    try:
        text = Path(jax.ffi.include_dir(), 'xla', 'ffi', 'api', 'c_api.h').read_text()
    except OSError as error:
        raise UnknownLayout(f'jaxlib ships no FFI header ({error})') from None
    return check_header(text)


def check_header(text: str) -> tuple[int, int]:
    """Compare a header with the layout above and return its version.

    Parameters
    ----------
    text : str
        Content of `xla/ffi/api/c_api.h`.

    Raises
    ------
    UnknownLayout
        As for `api_version`; the message names the field, its offset and the expected one.
    """
    major, minor = (_constant(text, rf'#define\s+XLA_FFI_API_{part}\s+(\d+)') for part in ('MAJOR', 'MINOR'))
    if major != _MAJOR:
        raise UnknownLayout(f'jaxlib has FFI version {major}.{minor}, the handlers are written for {_MAJOR}.x')
    text = _COMMENT.sub('', text)
    for name, value in _EXPECTED_VALUES.items():
        if (found := _constant(text, rf'{name}\s*=\s*(\d+)')) != value:
            raise UnknownLayout(f'jaxlib has {name} = {found}, expected {value}')
    structs = dict(_STRUCT.findall(text))
    extension = next((kind for kind, _, field in _fields('XLA_FFI_CallFrame', structs) if field == 'extension_start'), '')
    structs[_EXTENSION] = structs.get(extension, '')
    sizes = dict(_SIZES) | {name: 4 for name in _ENUM.findall(text)}
    sizes |= {alias: sizes[name] for name, alias in _TYPEDEF.findall(text) if name in sizes}
    for (name, field), expected in _EXPECTED_OFFSETS.items():
        place = _offsets(name, structs, sizes).get(field)
        if place != expected:
            raise UnknownLayout(f'jaxlib has {name}.{field} at byte {place}, expected {expected}')
    return major, minor


def register(target: str, address: int) -> None:
    """Register the native function at an address as the CPU handler of a custom call.

    Parameters
    ----------
    target : str
        Name of the custom call; it must change whenever the code at the address does.
    address : int
        Of a function `XLA_FFI_Error* handler(XLA_FFI_CallFrame*)`.
    """
    handler = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(address)
    jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(handler), platform='cpu')


def _constant(text: str, pattern: str) -> int:
    found = re.search(pattern, text)
    if found is None:
        raise UnknownLayout(f"jaxlib's FFI header has nothing like {pattern}")
    return int(found.group(1))


def _offsets(name: str, structs: dict[str, str], sizes: dict[str, int]) -> dict[str, int]:
    # Fields of structs held by value appear as 'outer.inner'. C aligns each field to its largest scalar; all of ours are 4 or 8.
    offsets, position = {}, 0
    for kind, stars, field in _fields(name, structs):
        if stars or kind in sizes:
            size = 8 if stars else sizes[kind]
            position = -(-position // size) * size
            offsets[field] = position
            position += size
        else:
            position = -(-position // 8) * 8
            inner = _offsets(kind, structs, sizes)
            offsets |= {f'{field}.{key}': position + offset for key, offset in inner.items() if key}
            position += inner['']
    # The entry without a name is the size of the whole.
    offsets[''] = -(-position // 8) * 8
    return offsets


def _fields(name: str, structs: dict[str, str]) -> list[tuple[str, str, str]]:
    if name not in structs:
        raise UnknownLayout(f"jaxlib's FFI header declares no struct {name}")
    fields = []
    for line in filter(str.strip, structs[name].split(';')):
        field = _FIELD.match(' '.join(line.split()))
        if field is None:
            raise UnknownLayout(f"jaxlib's FFI header declares {name} in a way that cannot be read")
        fields.append((field[1], field[2], field[3]))
    return fields
