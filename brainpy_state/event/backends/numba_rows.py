"""Random rows of connections. Each builder returns a function of addresses and numbers that returns 0.

``keys`` are uint64, one for each row; ``starts`` are int64, where each row begins among the columns of the whole; ``out`` is where
the first column of row ``first`` stands. Columns are int32. A row's columns follow from its key alone.
"""

from __future__ import annotations

from collections.abc import Callable

from .numba_host import AHEAD, BINS, below, fraction, log, sort, word
from .numba_memory import POINTER

_int32, _int64, _uint64, _float64 = (POINTER[name] for name in ('int32', 'int64', 'uint64', 'float64'))


def gaps() -> Callable[..., int]:
    """Each column below ``n`` with one probability, by gaps of geometric length.

    ``log_q`` is the address of the logarithm of the opposite probability, or 0 for all columns; ``where`` is 0 for all columns, 1 for
    those of another number than the row, 2 for those of a larger one. Writes how many there are at ``counts`` (of row ``first``),
    and which, unless ``out`` is 0. ``memory`` has room for `AHEAD` float64 numbers.
    """

    def rows(keys: int, first: int, last: int, n: int, log_q: int, where: int, counts: int, out: int, memory: int) -> int:
        key, count, columns, written = _uint64(keys), _int64(counts), _int32(out), 0
        drawn = _float64(memory)
        for k in range(AHEAD):
            drawn[k] = 0.0
        for row in range(first, last):
            column, number, found = -1, 0, 0
            while True:
                ahead = number & (AHEAD - 1)
                if log_q != 0 and ahead == 0:
                    for k in range(AHEAD):  # in a loop of its own, which the compiler turns into vector code
                        drawn[k] = log(fraction(word(key[row], number + k))) / _float64(log_q)[0]
                gap = drawn[ahead]
                column, number = column + (int(gap) if gap < n else n) + 1, number + 1
                if column >= n:
                    break
                if where == 0 or (where == 1 and column != row) or (where == 2 and column > row):
                    if out != 0:
                        columns[written] = column
                        written += 1
                    found += 1
            count[row - first] = found
        return 0

    return rows


def choices() -> Callable[..., int]:
    """For each row its number of independent choices among ``n`` columns, all but its own where ``skip`` is 1.

    Sorted unless ``memory``, for a sort of the longest row, is 0.
    """

    def rows(keys: int, first: int, last: int, starts: int, n: int, skip: int, out: int, memory: int) -> int:
        key, start, columns = _uint64(keys), _int64(starts), _int32(out)
        for row in range(first, last):
            at, size = start[row] - start[first], start[row + 1] - start[row]
            for k in range(size):
                column = below(word(key[row], k), n - skip)
                columns[at + k] = column + 1 if skip != 0 and column >= row else column
            if memory != 0:
                sort(out + 4 * at, size, n, memory)
        return 0

    return rows


def distinct() -> Callable[..., int]:
    """As `choices`, the first different ones; of most columns, the ones left out. Always sorted.

    ``table`` has room for ``places`` int32 numbers, a power of two that is twice the most that a row looks for.
    """

    def rows(
        keys: int, first: int, last: int, starts: int, n: int, skip: int, out: int, memory: int, table: int, places: int
    ) -> int:  # fmt: skip
        key, start, seen, m = _uint64(keys), _int64(starts), _int32(table), n - skip
        for row in range(first, last):
            at, size = start[row] - start[first], start[row + 1] - start[row]
            inverse = size > m // 2
            wanted = m - size if inverse else size
            target = memory + 8 * BINS + 4 * wanted if inverse else out + 4 * at
            chosen, columns = _int32(target), _int32(out + 4 * at)
            for k in range(places):
                seen[k] = -1
            found, number = 0, 0
            while found < wanted:
                column = below(word(key[row], number), m)
                number += 1
                place = column & (places - 1)
                while seen[place] != -1 and seen[place] != column:
                    place = (place + 1) & (places - 1)
                if seen[place] == -1:
                    seen[place] = column
                    chosen[found] = column
                    found += 1
            sort(target, wanted, n, memory)
            if inverse:
                passed, written = 0, 0
                for column in range(m):
                    if passed < wanted and chosen[passed] == column:
                        passed += 1
                    else:
                        columns[written] = column
                        written += 1
            if skip != 0:
                for k in range(size):
                    columns[k] += 1 if columns[k] >= row else 0
        return 0

    return rows


def share() -> Callable[..., int]:
    """Add to ``counts``, int64, how often draws ``first`` to ``last`` of the key at an address choose each of ``n``."""

    def add(key: int, first: int, last: int, n: int, counts: int) -> int:
        count = _int64(counts)
        for number in range(first, last):
            count[below(word(_uint64(key)[0], number), n)] += 1
        return 0

    return add


def scatter() -> Callable[..., int]:
    """Move the place, int64, of each number by one for each time that it occurs, and write its label there unless ``out`` is 0."""

    def move(labels: int, numbers: int, size: int, places: int, out: int) -> int:
        label, number, place, listed = _int32(labels), _int32(numbers), _int64(places), _int32(out)
        for k in range(size):
            at = place[number[k]]
            place[number[k]] = at + 1
            if out != 0:
                listed[at] = label[k]
        return 0

    return move
