"""The Heidelberg data sets of spoken words."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import brainunit as u
import numpy as np

from .._errors import ParameterError
from .._optional import needed
from ._events import EventData, check_events, in_unit

_LAYOUT = 'spikes/times, spikes/units and labels'


class SHD(EventData):
    """Spiking Heidelberg Digits: spoken digits in English and German as spikes of 700 channels of a model of the ear.

    Parameters
    ----------
    path : path
        ``shd_train.h5`` or ``shd_test.h5``, unpacked, from https://zenkelab.org/datasets/. The file stays open until `close`, or the end
        of a ``with`` block.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    ParameterError
        If it is no HDF5 file, is truncated, or lacks a part; for labels that there are not; when a sample is read, for channels out of
        range, and for times that are negative or not as many as channels.
    ImportError
        If the package ``h5py`` is not installed.

    Notes
    -----
    Times are in seconds. ``speakers`` has the speaker of each sample, or is None where the file does not tell.
    Source: Cramer, Stradmann, Schemmel & Zenke 2020, doi:10.1109/TNNLS.2020.3044364.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> data = bst.datasets.SHD('shd_train.h5')  # doctest: +SKIP
    """

    size: ClassVar[tuple[int, ...]] = (700,)
    n_classes: ClassVar[int] = 20

    def __init__(self, path: str | os.PathLike):
        h5py = needed('h5py', 'data', type(self).__name__)
        self.path = os.fspath(path)
        self._where = f'{type(self).__name__}: {self.path}'
        if not os.path.isfile(self.path):
            raise FileNotFoundError(f'{self._where} is no file; files are at https://zenkelab.org/datasets/, packed by gzip.')
        try:
            self._file = h5py.File(self.path, 'r')
        except OSError as error:
            packed = ' It is packed: unpack it with gzip.' if _is_packed(self.path) else ''
            raise ParameterError(f'{self._where} is no HDF5 file, or truncated ({error}).{packed}') from None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        try:
            self._times, self._units = self._file['spikes/times'], self._file['spikes/units']
            labels, extra = np.asarray(self._file['labels']), self._file.get('extra', {})
        except (KeyError, OSError) as error:
            raise ParameterError(f'{self._where} must have {_LAYOUT}, but has {_listed(self._file)} ({error}).') from None
        counts = [len(self._times), len(self._units), len(labels)]
        if len(set(counts)) != 1:
            raise ParameterError(f'{self._where} has {counts[0]} samples of times, {counts[1]} of units and {counts[2]} labels.')
        wrong = np.flatnonzero((labels < 0) | (labels >= self.n_classes))
        if wrong.size:
            raise ParameterError(
                f'{self._where}: the label of sample {wrong[0]} is {labels[wrong[0]]}, but must be from 0 to {self.n_classes - 1}.'
            )
        self.labels = labels.astype(np.int64)
        self.speakers = np.asarray(extra['speaker']) if 'speaker' in extra else None
        keys = [x.decode() if isinstance(x, bytes) else str(x) for x in extra['keys']] if 'keys' in extra else []
        self.classes = tuple(keys) if len(keys) == self.n_classes else tuple(map(str, range(self.n_classes)))

    def read(self, i: int) -> tuple[Any, np.ndarray]:
        try:
            times, units = np.asarray(self._times[i], float), np.asarray(self._units[i], np.int64)
        except (OSError, ValueError, TypeError) as error:
            raise ParameterError(f'{self._where}: sample {i} cannot be read; the file is closed or truncated ({error}).') from None
        check_events(f'{self._where}: sample {i}', times, units, self.size[0])
        return in_unit(times, u.second), units

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> SHD:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class SSC(SHD):
    """Spiking Speech Commands: 35 spoken words as spikes of 700 channels of a model of the ear; see `SHD`.

    Parameters
    ----------
    path : path
        ``ssc_train.h5``, ``ssc_valid.h5`` or ``ssc_test.h5``, unpacked, from https://zenkelab.org/datasets/.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> data = bst.datasets.SSC('ssc_train.h5')  # doctest: +SKIP
    """

    n_classes = 35


def _listed(group: Any) -> str:
    names: list[str] = []
    group.visit(names.append)
    return ', '.join(names[:10]) or 'nothing'


def _is_packed(path: str) -> bool:
    with open(path, 'rb') as file:
        return file.read(2) == b'\x1f\x8b'
