"""`Rows`: pairs listed row by row. They are counted first and then written in place, so there is never a second copy of them."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from . import _check, _compiled, _parallel
from ._engine import engine
from ._sampling import Choices, Gaps, Values

Law = tuple[np.ndarray, np.ndarray, Any]  # keys of rows, law and type of what is drawn for each pair


class Rows(NamedTuple):
    """Pairs (row, column): those of row i are ``columns[indptr[i]:indptr[i + 1]]``."""

    indptr: np.ndarray  # int64, (rows + 1,)
    columns: np.ndarray  # int32, (pairs,)

    @property
    def n(self) -> int:
        """How many rows there are."""
        return self.indptr.size - 1

    @property
    def total(self) -> int:
        """How many pairs there are."""
        return self.columns.size

    @classmethod
    def of(cls, counts: np.ndarray, columns: np.ndarray) -> Rows:
        """From the number of pairs of each row."""
        return cls(starts_of(counts), columns)

    @classmethod
    def empty(cls, rule: str, counts: np.ndarray) -> Rows:
        """With room for these numbers of pairs, if a connection can have as many."""
        total = int(counts.sum())
        _check.synapses(rule, total)
        return cls.of(counts, _parallel.empty(total, np.int32))


class Growing:
    """An array that grows at its end, where a large one is not copied."""

    def __init__(self) -> None:
        self._held, self._size = np.empty(1 << 10, np.int32), 0

    def append(self, piece: np.ndarray) -> None:
        start, self._size = self._size, self._size + piece.size
        if self._size > self._held.size:
            self._held.resize(self._size + self._size // 4, refcheck=False)
        self._held[start : self._size] = piece

    def whole(self) -> np.ndarray:
        """The array; nothing can be appended after."""
        self._held.resize(self._size, refcheck=False)
        return self._held


def shares(key: np.ndarray, n: int, total: int) -> np.ndarray:
    """How many of ``total`` independent uniform choices fall to each of ``n`` rows."""
    tools = tools_of(total)
    runs = _parallel.threads()
    counts = np.zeros((runs, n), np.int64)

    def add(run: int) -> None:
        for first, last in itertools.islice(_parallel.ranges(total, 1), run, None, runs):
            tools.share(key, first, last, counts[run])

    _parallel.each(add, [(run,) for run in range(runs)])
    return counts.sum(axis=0)


def order_by(numbers: np.ndarray, n: int) -> Rows:
    """The positions of each number below ``n``, in their order."""
    tools = tools_of(numbers.size)
    listed = Rows.of(count(numbers, n), np.empty(numbers.size, np.int32))
    places = listed.indptr[:-1].copy()
    for first, last in _parallel.ranges(numbers.size, 1):
        piece = np.ascontiguousarray(numbers[first:last], np.int32)
        tools.scatter(np.arange(first, last, dtype=np.int32), piece, places, listed.columns)
    return listed


def count(numbers: np.ndarray, n: int) -> np.ndarray:
    """How often each number below ``n`` occurs."""
    counts = np.zeros(n, np.int64)
    for first, last in _parallel.ranges(numbers.size, 1):
        counts += np.bincount(numbers[first:last], minlength=n)
    return counts


def starts_of(counts: np.ndarray) -> np.ndarray:
    """Where each row begins, and the last one ends."""
    starts = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def values_of(rows: Rows, weights: Law | None, delays: Law | None, before: np.ndarray | None = None) -> tuple[Any, Any]:
    """Weights and delays of the pairs of rows, or None; with delays, the columns of each row are put in their order.

    Of a row, as many pairs may stand elsewhere ``before`` these, which decides what is drawn. Columns may have more places than there
    are pairs.
    """
    starts, columns = rows
    drawn = [None if law is None else Values(law[0], law[1], _parallel.empty(columns.size, law[2])) for law in (weights, delays)]
    if any(drawn):
        put = engine(int(starts[-1]), _compiled.values_kernel(*drawn)).put_values
        _parallel.each(lambda first, last: put(*drawn, starts, first, last, columns, before), _parallel.spans(starts))
    found = [None if values is None else values.out for values in drawn]
    return found[0], found[1]


def in_slots(steps: np.ndarray, targets: np.ndarray, post: int, out: np.ndarray) -> np.ndarray:
    """``steps * post + target`` of each synapse, int32, which may take the place of the targets."""

    def fill(first: int, last: int) -> None:
        np.add(np.multiply(steps[first:last], np.int32(post), dtype=np.int32), targets[first:last], out=out[first:last])

    _parallel.each(fill, _parallel.ranges(targets.size, 1))
    return out


def row_lengths(draw: Gaps | Choices) -> np.ndarray:
    """How many columns each row has."""
    counts, tools = np.empty(len(draw.keys), np.int64), tools_of(draw)

    def put(first: int, last: int) -> None:
        counts[first:last] = tools.count(draw, first, last)

    _parallel.each(put, _parallel.ranges(len(draw.keys), draw.width))
    return counts


def tools_of(work: Gaps | Choices | int) -> ModuleType:
    """With what to draw these rows, or to move as many pairs."""
    return engine(work if isinstance(work, int) else len(work.keys) * max(work.width, 1), *_compiled.KERNELS)
