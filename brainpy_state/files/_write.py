"""Writing a file: arrays go from where they are straight into it."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from .._version import __version__
from ..state import State
from ._atomic import whole_file
from ._format import ABOUT, FORMAT, VERSION
from ._leaf import Leaf
from ._values import leaves_of

_BLOCK = 2**26  # bytes that are copied at a time


def write(
    path: str | os.PathLike,
    kind: str,
    states: Mapping[str, State],
    about: Mapping[str, Any] | None = None,
    extra: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write what states hold into a file, which is there as a whole or not at all.

    Parameters
    ----------
    path : path
        Of the file; one that is there is replaced when the new one is complete.
    kind : str
        What the file is, such as ``'a simulation'``: a phrase for messages. `read` asks for the same.
    states : mapping
        States by their paths, see `named`. Arrays are written one after the other, without a copy in memory.
    about : mapping, optional
        What else there is to say, as JSON. Floats come back exactly.
    extra : mapping, optional
        Arrays that belong to no state, of a type that NumPy knows.

    Raises
    ------
    TypeError
        If a state holds what files cannot hold, or ``about`` is no JSON; then nothing is written.
    TraceContextError
        If a state is traced.
    FileError
        An OSError, if the file cannot be written. What had its name before is as it was.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> states = {'x': bst.State(np.arange(3.))}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bst.files.write(folder + '/states.npz', 'states', states)
    ...     list(bst.files.read(folder + '/states.npz', 'states').entries)
    ['x']
    """
    arrays = _Arrays()
    listed = [_listed(name, state, arrays) for name, state in states.items()]
    besides = {name: arrays.add(f'extra/{name}', Leaf.of(f'extra[{name!r}]', '', np.asarray(x))) for name, x in (extra or {}).items()}
    head = {'format': FORMAT, 'version': VERSION, 'package': __version__, 'kind': kind, 'date': _now(), 'about': dict(about or {})}
    text = json.dumps({**head, 'states': listed, 'extra': besides}, indent=1)
    with whole_file(path) as file, zipfile.ZipFile(file, 'w') as members:
        members.writestr(ABOUT, text)
        for name, leaf in arrays.of.items():
            with members.open(f'{name}.npy', 'w', force_zip64=True) as member:
                for block in _blocks(leaf.stored):
                    member.write(block)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')


def _listed(name: str, state: State, arrays: _Arrays) -> dict[str, Any]:
    """What the JSON says of a state."""
    leaves = leaves_of(state.peek(), state.label)
    made = [leaf.as_json(arrays.add(name + leaf.place, leaf) if leaf.is_array else None) for leaf in leaves]
    return {'path': name, 'class': type(state).__name__, 'leaves': made}


class _Arrays:
    """Arrays of a file by their names: readable ones, none twice."""

    def __init__(self) -> None:
        self.of: dict[str, Leaf] = {}
        self._taken = {ABOUT.lower()}

    def add(self, name: str, leaf: Leaf) -> str:
        name, number = name or 'value', len(self._taken)
        while not name.isprintable() or len(name) > 200 or name.lower() in self._taken:
            name, number = f'array {number}', number + 1
        self._taken.add(name.lower())
        self.of[name] = leaf
        return name


def _blocks(x: Any) -> Iterator[Any]:
    """An array as a ``.npy`` file, a part at a time."""
    head = _Memory()
    dtype = _known(x.dtype)
    np.lib.format.write_array_header_1_0(head, {'descr': np.lib.format.dtype_to_descr(dtype), 'fortran_order': False, 'shape': x.shape})
    yield head.written
    for part in _parts(x, dtype.itemsize):
        yield np.ascontiguousarray(part).reshape(-1).view(np.uint8).data if part.size and dtype.itemsize else b''


class _Memory:
    written = b''

    def write(self, data: bytes) -> None:
        self.written += data


def _known(dtype: np.dtype) -> np.dtype:
    """The type, or integers of the same size in the place of one that NumPy's files do not know, such as bfloat16."""
    with contextlib.suppress(TypeError, ValueError):
        if np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(dtype)) == dtype:
            return dtype
    return np.dtype(f'u{dtype.itemsize}')


def _parts(x: Any, itemsize: int) -> Iterator[np.ndarray]:
    """Parts of an array in host memory; one on other devices is fetched part by part, since JAX keeps what it has fetched."""
    far = isinstance(x, jax.Array) and (len(x.devices()) > 1 or next(iter(x.devices())).platform != 'cpu')
    x = x if far else np.asarray(x)
    rows = max(1, _BLOCK * len(x) // max(1, x.size * itemsize)) if x.ndim and x.size else 1
    if not x.ndim or len(x) <= rows:
        yield np.asarray(x)
        return
    for first in range(0, len(x), rows):
        many = min(rows, len(x) - first)
        yield np.asarray(jax.lax.dynamic_slice_in_dim(x, first, many)) if far else x[first : first + many]
