"""Arrays that grow along their first axis, as files of a Zarr store.

Of Zarr (version 3 of the format) this writes what such an array needs: its chunks are stored as plain numbers, one file each, whose size is
that of a whole chunk from the first row on. So rows are added in place, behind those that are there: however small they are, nothing is
written twice, and what was written before is never touched.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._errors import ParameterError, StoreError

CHUNK = 1 << 22  # bytes of a chunk, at most; a row that has more is divided
_DTYPES = (
    *(f'{kind}{bits}' for kind in ('int', 'uint') for bits in (8, 16, 32, 64)),
    *('bool', 'float16', 'float32', 'float64', 'complex64', 'complex128'),
)


class Span(NamedTuple):
    """Rows that stand together in one file.

    Attributes
    ----------
    file : str
        The name of the file.
    at : int
        Where in the file they begin, in bytes.
    first, n : int
        Where they begin among the bytes of all rows that are asked for, and how many bytes they are.
    """

    file: str
    at: int
    first: int
    n: int


class Rows:
    """The rows of an array on disk, of any number.

    Parameters
    ----------
    folder : Path
        Where its files are.
    shape : tuple of int
        The shape of a row.
    dtype : dtype
        Bool, integer, float or complex.
    chunk : tuple of int, optional
        The shape of a chunk, its rows first; chosen if not given.

    Raises
    ------
    ParameterError
        If Zarr has no such type.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...], dtype: Any, chunk: tuple[int, ...] | None = None):
        self.folder, self.shape = folder, tuple(shape)
        if np.dtype(dtype).name not in _DTYPES:
            raise ParameterError(f'{folder.name}: the type {np.dtype(dtype)} cannot be stored; store one of {", ".join(_DTYPES)}.')
        self.dtype = np.dtype(dtype).newbyteorder('<')
        self.row_bytes = math.prod(shape) * self.dtype.itemsize
        self.chunk = _chunk(self.shape, self.dtype.itemsize) if chunk is None else tuple(chunk)
        self.file_bytes = math.prod(self.chunk) * self.dtype.itemsize
        self.pieces = self._pieces()

    @classmethod
    def of(cls, folder: Path, metadata: Mapping[str, Any]) -> Rows:
        """Those that the metadata of an array tell of."""
        chunk = metadata['chunk_grid']['configuration']['chunk_shape']
        return cls(folder, tuple(metadata['shape'][1:]), metadata['data_type'], tuple(chunk))

    def metadata(self, length: int, dims: tuple[str, ...], attributes: Mapping[str, Any]) -> dict[str, Any]:
        """What Zarr must know of the array while it has so many rows."""
        zero: Any = False if self.dtype.kind == 'b' else 0.0 if self.dtype.kind == 'f' else 0
        endian = {'configuration': {'endian': 'little'}} if self.dtype.itemsize > 1 else {}
        return {
            'zarr_format': 3,
            'node_type': 'array',
            'shape': [length, *self.shape],
            'data_type': self.dtype.name,
            'chunk_grid': {'name': 'regular', 'configuration': {'chunk_shape': list(self.chunk)}},
            'chunk_key_encoding': {'name': 'default', 'configuration': {'separator': '.'}},
            'fill_value': [0.0, 0.0] if self.dtype.kind == 'c' else zero,
            'codecs': [{'name': 'bytes', **endian}],
            'attributes': dict(attributes),
            'dimension_names': list(dims),
        }

    def _pieces(self) -> list[tuple[str, int, int]]:
        """The chunks that a row is divided into: the end of each one's name, its first byte and its number of bytes."""
        if 0 in self.shape:
            return []
        found = []
        for index in np.ndindex(*(-(-n // c) for n, c in zip(self.shape, self.chunk[1:], strict=True))):
            first = [i * c for i, c in zip(index, self.chunk[1:], strict=True)]
            items = math.prod(min(c, n - at) for n, c, at in zip(self.shape, self.chunk[1:], first, strict=True))
            at = int(np.ravel_multi_index(first, self.shape)) if self.shape else 0
            name = ''.join(f'.{i}' for i in index)
            found.append((name, at * self.dtype.itemsize, items * self.dtype.itemsize))
        return found

    def spans(self, first: int, stop: int) -> Iterator[Span]:
        """Where the rows from one number to another (not included) are."""
        n = self.chunk[0]
        for k in range(first // n, -(-stop // n)):
            low, high = max(first, k * n), min(stop, (k + 1) * n)
            for name, at, size in self.pieces:
                size = size if len(self.pieces) > 1 else (high - low) * self.row_bytes
                yield Span(f'c.{k}{name}', (low - k * n) * self.row_bytes, (low - first) * self.row_bytes + at, size)

    def write(self, span: Span, data: memoryview) -> None:
        """Write rows to their file, so that they are on the disk."""
        file = os.open(self.folder / span.file, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            if os.fstat(file).st_size != self.file_bytes:
                os.ftruncate(file, self.file_bytes)
            at, left = span.at, data[span.first : span.first + span.n]
            while left:
                done = os.pwrite(file, left, at)
                at, left = at + done, left[done:]
            os.fsync(file)
        finally:
            os.close(file)

    def read(self, first: int, stop: int) -> np.ndarray:
        """The rows from one number to another (not included).

        Raises
        ------
        StoreError
            If a file is missing or short.
        """
        rows = np.empty((max(stop - first, 0), *self.shape), self.dtype)
        data = as_bytes(rows)
        for span in self.spans(first, stop):
            name = self.folder / span.file
            try:
                with open(name, 'rb', buffering=0) as file:
                    file.seek(span.at)
                    got, part = 0, data[span.first : span.first + span.n]
                    while got < span.n and (more := file.readinto(part[got:])):
                        got += more
            except FileNotFoundError:
                raise StoreError(f"{name} is missing, so rows {first} to {stop} of '{self.folder.name}' cannot be read. {_LOST}") from None
            if got < span.n:
                raise StoreError(f"{name} is too short, so rows {first} to {stop} of '{self.folder.name}' cannot be read. {_LOST}")
        return rows

    def damage(self, length: int) -> list[str]:
        """The files of so many rows that are missing or do not have their size."""
        found = {file.name: file.stat().st_size for file in os.scandir(self.folder)} if self.folder.is_dir() else {}
        return [str(self.folder / span.file) for span in self.spans(0, length) if found.get(span.file) != self.file_bytes]

    def cut(self, length: int) -> None:
        """Remove the files that hold later rows only."""
        first = -(-length // self.chunk[0])
        for file in list(os.scandir(self.folder)):
            if file.name.startswith('c.') and int(file.name.split('.')[1]) >= first:
                os.unlink(file.path)


_LOST = 'Either part of the store was lost, or a writer has cut it since it was opened: then open it again.'


def _chunk(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The shape of a chunk: several rows, or a contiguous part of one."""
    part = [max(n, 1) for n in shape]
    for axis, n in enumerate(part):
        rest = math.prod(part[axis + 1 :]) * itemsize
        if n * rest <= CHUNK:
            break
        pieces = -(-n // max(CHUNK // rest, 1))
        part[axis] = -(-n // pieces)
    whole = part == [max(n, 1) for n in shape]
    return (max(1, CHUNK // (math.prod(part) * itemsize)) if whole else 1, *part)


def as_bytes(x: np.ndarray) -> memoryview:
    """The memory of a contiguous array."""
    return x.reshape(-1).view(np.uint8).data


def group(attributes: Mapping[str, Any], members: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The metadata of a group; with those of its members in one file, all of them change at once."""
    inside = {'kind': 'inline', 'must_understand': False, 'metadata': dict(members or {})}
    return {'zarr_format': 3, 'node_type': 'group', 'attributes': dict(attributes), 'consolidated_metadata': inside}


def put(folder: Path, metadata: Mapping[str, Any], durable: bool = True) -> None:
    """Put metadata in the place of those of a folder: a reader finds either, and never a part.

    With ``durable`` they are on the disk afterwards; without, after a power failure they may be lost.
    """
    new, data = folder / NEW, json.dumps(metadata).encode()
    try:
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
            if durable:
                os.fsync(file)
        finally:
            os.close(file)
        os.replace(new, folder / METADATA)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def sync(folder: Path) -> None:
    """Have the names of a folder's files on the disk."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


METADATA, NEW = 'zarr.json', '.zarr.json.new'
