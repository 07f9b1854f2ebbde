"""DVS128 Gesture: hand gestures before an event camera."""

from __future__ import annotations

import csv
import os
import struct
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import brainunit as u
import numpy as np

from .._errors import ParameterError
from ._events import EventData, in_unit

_PACKET = struct.Struct('<hhiiiiii')  # type, source, bytes of an event, place of its time, overflows, capacity, number, valid
_POLARITY = 1  # the type of packets with events of pixels
_COLUMNS = ['class', 'startTime_usec', 'endTime_usec']
_SOURCE = 'the data are at https://research.ibm.com/interactive/dvsgesture/'


class _Trial(NamedTuple):
    """One gesture: where it is, in microseconds."""

    path: Path
    start: int
    end: int


class _Packet(NamedTuple):
    """Events that follow each other in a file."""

    offset: int
    number: int
    turns: int
    first: int
    last: int


class DVSGesture(EventData):
    """Hand and arm gestures that an event camera has seen, of 29 people.

    Parameters
    ----------
    folder : path
        ``DvsGesture``, unpacked: files ``.aedat`` and, for each, ``<name>_labels.csv``.
    trials : path, optional
        A list of files of the folder, a name in each line, such as ``trials_to_train.txt`` of the folder; all files by default.

    Raises
    ------
    FileNotFoundError
        If the folder, the list, a file of the list, or its labels are not there.
    ParameterError
        If labels have another layout or are not from 1 to 11; when a sample is read, if a file is of another kind, is truncated, or has
        pixels that there are not.

    Notes
    -----
    A sample is one line of the labels: the events of a file from its start to its end, whose times begin at 0. Labels count from 0 here and
    from 1 in the files. Units are row, column and polarity of an array of shape (128, 128, 2). Files are in the format AEDAT 3.1.
    Source: Amir et al. 2017, *CVPR*, doi:10.1109/CVPR.2017.781.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> data = bst.datasets.DVSGesture('DvsGesture', 'DvsGesture/trials_to_train.txt')  # doctest: +SKIP
    """

    size: ClassVar[tuple[int, ...]] = (128, 128, 2)
    classes = (
        *('hand clapping', 'right hand wave', 'left hand wave', 'right arm clockwise', 'right arm counter clockwise'),
        *('left arm clockwise', 'left arm counter clockwise', 'arm roll', 'air drums', 'air guitar', 'other gestures'),
    )

    def __init__(self, folder: str | os.PathLike, trials: str | os.PathLike | None = None):
        root = Path(folder)
        if not root.is_dir():
            raise FileNotFoundError(f'DVSGesture: {root} is no folder; {_SOURCE}.')
        files = sorted(root.glob('*.aedat')) if trials is None else _listed(root, Path(trials))
        if not files:
            raise ParameterError(f'DVSGesture: {root if trials is None else trials} has no files .aedat; {_SOURCE}.')
        self.trials: list[_Trial] = []
        labels: list[int] = []
        for path in files:
            for label, start, end in _labels(path, len(self.classes)):
                self.trials.append(_Trial(path, start, end))
                labels.append(label - 1)
        self.labels = np.array(labels, np.int64)
        self._packets: dict[Path, list[_Packet]] = {}

    def read(self, i: int) -> tuple[Any, np.ndarray]:
        path, start, end = self.trials[i]
        content = np.memmap(path, np.uint8, 'r') if path.stat().st_size else np.zeros(0, np.uint8)
        if path not in self._packets:
            self._packets[path] = _packets(path, content)
        parts = [_events(content, packet) for packet in self._packets[path] if packet.last >= start and packet.first < end]
        data, times = (np.concatenate([part[k] for part in parts] or [np.zeros(0, np.int64)]) for k in (0, 1))
        within = (times >= start) & (times < end) & (data & 1 == 1)
        data, times = data[within], times[within]
        place = (data >> 2 & 0x7FFF, data >> 17 & 0x7FFF, data >> 1 & 1)
        for name, values, n in zip(('row', 'column'), place, self.size, strict=False):
            if values.size and values.max() >= n:
                raise ParameterError(f'DVSGesture: {path} has an event at {name} {values.max()}, but there are {n}.')
        return in_unit(times - start, u.us), np.ravel_multi_index(place, self.size)


def _listed(root: Path, trials: Path) -> list[Path]:
    path = trials if trials.is_file() else root / trials
    if not path.is_file():
        raise FileNotFoundError(f'DVSGesture: there is no list {trials}, neither as a file nor in {root}.')
    files = [root / line.strip() for line in path.read_text().splitlines() if line.strip()]
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f'DVSGesture: {path} names {file.name}, which is not in {root}.')
    return files


def _labels(path: Path, n_classes: int) -> list[tuple[int, int, int]]:
    """Class, start and end of each gesture of a file."""
    table = path.with_name(f'{path.stem}_labels.csv')
    if not table.is_file():
        raise FileNotFoundError(f'DVSGesture: {path} has no labels: there is no {table.name} beside it.')
    with open(table, newline='') as file:
        head, *rows = [row for row in csv.reader(file) if row] or [[]]
    try:
        found = [tuple(map(int, row)) for row in rows]
        if [x.strip() for x in head] != _COLUMNS or any(len(row) != 3 for row in found):
            raise ValueError
    except ValueError:
        raise ParameterError(f'DVSGesture: {table} must have the columns {",".join(_COLUMNS)} of integers.') from None
    for label, start, end in found:
        if not 1 <= label <= n_classes or not 0 <= start < end:
            raise ParameterError(
                f'DVSGesture: {table} has class {label} from {start} to {end}; classes are from 1 to {n_classes} and end after they start.'
            )
    return found  # type: ignore[return-value]  # three integers each


def _packets(path: Path, content: np.ndarray) -> list[_Packet]:
    """Where the events of a file are."""
    place = _end_of_header(path, content)
    found = []
    while place < content.size:
        begin = place + _PACKET.size
        if begin > content.size:
            raise ParameterError(f'DVSGesture: {path} is truncated at byte {content.size}, within the header of a packet.')
        kind, _, width, _, turns, _, number, _ = _PACKET.unpack(content[place:begin].tobytes())
        place = begin + width * number
        if width <= 0 or number < 0 or (kind == _POLARITY and width != 8):
            raise ParameterError(f'DVSGesture: {path} has no packet of AEDAT 3.1 at byte {begin - _PACKET.size}.')
        if place > content.size:
            raise ParameterError(f'DVSGesture: {path} is truncated: a packet ends at byte {place}, but the file at {content.size}.')
        if kind == _POLARITY and number:
            packet = _Packet(begin, number, turns, 0, 0)
            times = _events(content, packet)[1]
            found.append(packet._replace(first=int(times.min()), last=int(times.max())))
    return found


def _end_of_header(path: Path, content: np.ndarray) -> int:
    """Where the lines that begin with # end."""
    start = content[: 1 << 16].tobytes()
    if not start.startswith(b'#!AER-DAT3.1'):
        raise ParameterError(f'DVSGesture: {path} is no file of AEDAT 3.1, which begins with #!AER-DAT3.1: it begins with {start[:12]!r}.')
    mark = start.find(b'#!END-HEADER')
    end = start.find(b'\n', mark)
    if mark < 0 or end < 0:
        raise ParameterError(f'DVSGesture: {path} is truncated, or its header has no line #!END-HEADER.')
    return end + 1


def _events(content: np.ndarray, packet: _Packet) -> tuple[np.ndarray, np.ndarray]:
    """The data of the events of a packet, and their times in microseconds."""
    words = content[packet.offset : packet.offset + 8 * packet.number].view('<u4').reshape(-1, 2).astype(np.int64)
    return words[:, 0], words[:, 1] + (packet.turns << 31)
