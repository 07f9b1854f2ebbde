"""`Rows`: pairs listed row by row, worked on in blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .. import event

_BLOCK = 1 << 18  # pairs held at once in a larger type


class Rows(NamedTuple):
    """Pairs (row, column): those of row i are ``columns[indptr[i]:indptr[i + 1]]``."""

    indptr: np.ndarray  # int64, (rows + 1,)
    columns: np.ndarray  # int32, (pairs,)

    @classmethod
    def of(cls, counts: np.ndarray, columns: np.ndarray) -> Rows:
        """From the number of pairs of each row."""
        indptr = np.zeros(counts.size + 1, np.int64)
        np.cumsum(counts, out=indptr[1:])
        return cls(indptr, columns)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """The row of each pair from ``start`` to ``stop``."""
        first, last = np.searchsorted(self.indptr, start, side='right') - 1, np.searchsorted(self.indptr, stop)
        return np.repeat(np.arange(first, last), np.diff(np.clip(self.indptr[first : last + 1], start, stop)))

    def transposed(self, n: int) -> Rows:
        """The same pairs listed by column, of which there are ``n``, rising in each."""
        return by_number(self.columns, n, self.rows)

    def joined(self, after: Rows) -> Rows:
        """In each row, these pairs and then those of another list."""
        lengths = np.stack([np.diff(self.indptr), np.diff(after.indptr)], axis=1)
        both = Rows.of(lengths.sum(axis=1), np.empty(lengths.sum(), np.int32))
        own = np.repeat(np.tile([True, False], len(lengths)), lengths.ravel())
        both.columns[own], both.columns[~own] = self.columns, after.columns
        return both

    def without(self, numbers: np.ndarray) -> Rows:
        """All but the pairs with these rising numbers."""
        counts = np.diff(self.indptr) - np.bincount(np.searchsorted(self.indptr, numbers, side='right') - 1, minlength=self.indptr.size - 1)
        kept = np.ones(self.columns.size, bool)
        kept[numbers] = False
        return Rows.of(counts, self.columns[kept])


class Growing:
    """An int32 array that grows at its end, where a large one is not copied."""

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


def by_number(numbers: np.ndarray, n: int, label: Callable[[int, int], np.ndarray]) -> Rows:
    """List labels by these numbers, which are below ``n``.

    ``label(start, stop)`` gives those of a piece. Labels of the same number keep their order.
    """
    listed = Rows.of(count(numbers, n), np.empty(numbers.size, np.int32))
    free = listed.indptr[:-1].copy()
    for start in range(0, numbers.size, _BLOCK):
        stop = min(start + _BLOCK, numbers.size)
        order = event.CSR.row_order(numbers[start:stop])
        number, place = numbers[start:stop][order], np.arange(start, stop)
        run = np.flatnonzero(np.diff(number, prepend=-1))
        length = np.diff(run, append=number.size)
        listed.columns[np.repeat(free[number[run]] - run - start, length) + place] = label(start, stop)[order]
        free[number[run]] += length
    return listed


def count(numbers: np.ndarray, n: int) -> np.ndarray:
    """How often each number below ``n`` occurs."""
    counts = np.zeros(n, np.int64)
    for start in range(0, numbers.size, _BLOCK):
        counts += np.bincount(numbers[start : start + _BLOCK], minlength=n)
    return counts
