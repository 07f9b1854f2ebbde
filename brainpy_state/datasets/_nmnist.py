"""N-MNIST: handwritten digits before an event camera."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import brainunit as u
import numpy as np

from .._errors import ParameterError
from ._events import EventData, check_events, in_unit

_EVENT = 5  # bytes
_OVERFLOW, _TURN = 240, 2**13  # a row that is no pixel, and the microseconds that such an event stands for


class NMNIST(EventData):
    """Handwritten digits that an event camera has seen while it moved.

    Parameters
    ----------
    folder : path
        ``Train`` or ``Test`` of https://www.garrickorchard.com/datasets/n-mnist, unpacked: a folder for each digit with files ``.bin``.

    Raises
    ------
    FileNotFoundError
        If there is no folder.
    ParameterError
        If it has no folder of a digit, or a file lies outside of one, so its label is not known; when a sample is read, if a
        file is truncated or has pixels that there are not.

    Notes
    -----
    An event has five bytes: column, row, and 24 bits, of which the first is the polarity and the others are microseconds. Units are
    row, column and polarity of an array of shape (34, 34, 2). Samples are ordered by digit and name.
    Source: Orchard, Jayawant, Cohen & Thakor 2015, doi:10.3389/fnins.2015.00437.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> data = bst.datasets.NMNIST('Train')  # doctest: +SKIP
    """

    size: ClassVar[tuple[int, ...]] = (34, 34, 2)
    classes = tuple('0123456789')

    def __init__(self, folder: str | os.PathLike):
        root = Path(folder)
        if not root.is_dir():
            raise FileNotFoundError(f'NMNIST: {root} is no folder; the data are at https://www.garrickorchard.com/datasets/n-mnist.')
        files = sorted(root.rglob('*.bin'), key=lambda path: path.relative_to(root).parts)
        if not files:
            raise ParameterError(f'NMNIST: {root} has no files .bin in folders 0 to 9; give the folder Train or Test.')
        for path in files:
            if path.parent.parent != root or path.parent.name not in self.classes:
                raise ParameterError(f'NMNIST: {path} has no label: it must lie in one of the folders 0 to 9 of {root}.')
        self.files = files
        self.labels = np.array([int(path.parent.name) for path in files])

    def read(self, i: int) -> tuple[Any, np.ndarray]:
        path = self.files[i]
        raw = np.fromfile(path, np.uint8)
        if raw.size % _EVENT:
            raise ParameterError(f'NMNIST: {path} has {raw.size} bytes, but events have {_EVENT}: it is truncated, or of another kind.')
        x, y, high, middle, low = raw.reshape(-1, _EVENT).T.astype(np.int64)
        times = ((high & 0x7F) << 16) + (middle << 8) + low + _TURN * np.cumsum(y == _OVERFLOW)
        x, y, polarity, times = (values[y != _OVERFLOW] for values in (x, y, high >> 7, times))
        rows, columns, _ = self.size
        for name, values, n in (('column', x, columns), ('row', y, rows)):
            if values.size and values.max() >= n:
                raise ParameterError(f'NMNIST: {path} has an event at {name} {values.max()}, but there are {n}.')
        units = np.ravel_multi_index((y, x, polarity), self.size)
        check_events(f'NMNIST: {path}', times, units, int(np.prod(self.size)))
        return in_unit(times, u.us), units
