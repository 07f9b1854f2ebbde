"""`Rows`: pairs listed row by row. They are counted first and then written in place, so there is never a second copy of them."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from . import _check, _compiled, _parallel, _sampling
from ._engine import engine
from ._sampling import Choices, Gaps


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
        return cls(_starts(counts), columns)

    @classmethod
    def empty(cls, rule: str, counts: np.ndarray) -> Rows:
        """With room for these numbers of pairs, if a connection can have as many."""
        total = int(counts.sum())
        _check.synapses(rule, total)
        return cls.of(counts, _parallel.empty(total, np.int32))


class Growing:
    """An array that grows at its end, where a large one is not copied."""

    def __init__(self, dtype: Any = np.int32) -> None:
        self._held, self._size = np.empty(1 << 10, dtype), 0

    def __len__(self) -> int:
        return self._size

    def append(self, piece: np.ndarray) -> None:
        start, self._size = self._size, self._size + piece.size
        if self._size > self._held.size:
            self._held.resize(self._size + self._size // 4, refcheck=False)
        self._held[start : self._size] = piece

    def whole(self, room: int | None = None) -> np.ndarray:
        """The array, or one with more room at its end; nothing can be appended after."""
        self._held.resize(self._size if room is None else room, refcheck=False)
        return self._held


class Listing(NamedTuple):
    """Pairs that a rule draws row by row, not drawn yet."""

    rule: str
    draw: Gaps | Choices

    def rows(self) -> Rows:
        """All of them."""
        return listed(self.rule, self.draw)

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.draw.keys)

    @property
    def total(self) -> int:
        """How many pairs there are."""
        return int(row_lengths(self.draw).sum())

    @property
    def starts(self) -> np.ndarray:
        """Where each row begins, and the last one ends."""
        return _starts(row_lengths(self.draw))

    def columns(self, starts: np.ndarray, first: int, last: int) -> np.ndarray:
        """Those of some rows."""
        found = np.empty(starts[last] - starts[first], np.int32)
        _tools(self.draw).fill(self.draw, starts, first, last, found)
        return found


def listed(rule: str, draw: Gaps | Choices) -> Rows:
    """The pairs as they are drawn, the columns of each row rising."""
    tools = _tools(draw)
    rows = Rows.empty(rule, row_lengths(draw))

    def fill(first: int, last: int) -> None:
        tools.fill(draw, rows.indptr, first, last, rows.columns[rows.indptr[first] : rows.indptr[last]])

    _parallel.each(fill, _parallel.spans(rows.indptr))
    return rows


def transposed(rule: str, draw: Gaps | Choices, both: bool = False) -> Rows:
    """The pairs listed by column, rising in each; with ``both``, each row then lists its own columns after those."""
    tools, starts = _tools(draw), _starts(row_lengths(draw))
    spans = _parallel.spans(starts)
    # Each thread has a run of rows, and for each column a place at which to go on.
    runs = [spans[k * len(spans) // n : (k + 1) * len(spans) // n] for n in [_parallel.threads()] for k in range(n)]
    places = np.zeros((len(runs), draw.n), np.int64)

    def visit(run: int, out: np.ndarray | None) -> None:
        for first, last in runs[run]:
            columns = np.empty(starts[last] - starts[first], np.int32)
            tools.fill(draw, starts, first, last, columns, ordered=both)
            row = np.repeat(np.arange(first, last, dtype=np.int32), np.diff(starts[first : last + 1]))
            tools.scatter(row, columns, places[run], out)
            if both and out is not None:
                tools.scatter(columns, row, own, out)

    _parallel.each(visit, [(run, None) for run in range(len(runs))])
    counts = places.sum(axis=0)
    rows = Rows.empty(rule, counts + np.diff(starts) if both else counts)
    own = rows.indptr[:-1] + counts
    places[:] = rows.indptr[:-1] + np.cumsum(places, axis=0) - places
    _parallel.each(visit, [(run, rows.columns) for run in range(len(runs))])
    return rows


def subset(rule: str, keys: np.ndarray, n: int, total: int, pairs: int, where: int) -> Rows:
    """Exactly ``total`` of the ``pairs`` that ``where`` admits, each such set with the same probability.

    Pairs are taken independently with a probability that gives some more, since given their number each set is as likely as any
    other; the surplus is then taken out at random. The last key is for that.
    """
    picker, keys = keys[-1:], keys[:-1]
    spread = 6 * np.sqrt(total * max(0, 1 - total / max(pairs, 1))) + 6
    draw = Gaps(keys, n, min(1.0, (total + spread) / max(pairs, 1)), where)
    counts = row_lengths(draw)
    while counts.sum() < total:  # once in 1e9 times
        draw = draw._replace(keys=_sampling.draws(draw.keys, np.array(0)))
        counts = row_lengths(draw)
    starts, tools = _starts(counts), _tools(draw)
    found = int(counts.sum())
    surplus = _sampling.choose(picker, found, found - total)[0]
    lost = np.bincount(np.searchsorted(starts, surplus, side='right') - 1, minlength=counts.size)
    rows = Rows.empty(rule, counts - lost)

    def fill(first: int, last: int) -> None:
        start, stop = starts[first], starts[last]
        columns = np.empty(stop - start, np.int32)
        tools.fill(draw, starts, first, last, columns)
        gone = surplus[slice(*np.searchsorted(surplus, (start, stop)))] - start
        rows.columns[rows.indptr[first] : rows.indptr[last]] = np.delete(columns, gone)

    _parallel.each(fill, _parallel.spans(starts))
    return rows


def shares(key: np.ndarray, n: int, total: int) -> np.ndarray:
    """How many of ``total`` independent uniform choices fall to each of ``n`` rows."""
    tools = engine(total, *_compiled.KERNELS)
    runs = _parallel.threads()
    counts = np.zeros((runs, n), np.int64)

    def add(run: int) -> None:
        for first, last in itertools.islice(_parallel.ranges(total, 1), run, None, runs):
            tools.share(key, first, last, counts[run])

    _parallel.each(add, [(run,) for run in range(runs)])
    return counts.sum(axis=0)


def order_by(numbers: np.ndarray, n: int) -> Rows:
    """The positions of each number below ``n``, in their order."""
    tools = engine(numbers.size, *_compiled.KERNELS)
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


def _starts(counts: np.ndarray) -> np.ndarray:
    starts = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def row_lengths(draw: Gaps | Choices) -> np.ndarray:
    """How many columns each row has."""
    counts, tools = np.empty(len(draw.keys), np.int64), _tools(draw)

    def put(first: int, last: int) -> None:
        counts[first:last] = tools.count(draw, first, last)

    _parallel.each(put, _parallel.ranges(len(draw.keys), draw.width))
    return counts


def _tools(draw: Gaps | Choices) -> ModuleType:
    return engine(len(draw.keys) * max(draw.width, 1), *_compiled.KERNELS)
