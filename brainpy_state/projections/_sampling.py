"""Random connectivity that is a function of (seed, neuron), whatever else the network contains.

The n-th draw of a neuron is a hash of the seed, the neuron and n, so rows can be sampled in any
order and in blocks of any size. The hash is SplitMix64 (Steele, Lea & Flood 2014,
doi:10.1145/2660193.2660195) read at a counter. Every function works on blocks, so that little more
memory is needed than for the result, and lists the columns of a row in rising order.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import random
from ._rows import Growing, Rows

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_BLOCK = 1 << 18  # draws held at once

Seed = int | str | tuple | None
Where = Callable[[np.ndarray, np.ndarray], np.ndarray]  # from rows and columns to those that may be connected


def is_seed(seed: Any) -> bool:
    """Whether a value can name a projection's randomness."""
    return seed is None or isinstance(seed, (int, str, np.integer)) or (isinstance(seed, tuple) and all(map(is_seed, seed)))


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint64(30))) * _M1
    x = (x ^ (x >> np.uint64(27))) * _M2
    return x ^ (x >> np.uint64(31))


def keys(seed: Seed, n: int) -> np.ndarray:
    """One 64-bit key for each of ``n`` neurons.

    ``seed`` may be anything that names the projection, such as ``(1, 'E to I')``; ``None`` draws
    one from the global generator of `random`.
    """
    if seed is None:
        seed = tuple(np.asarray(random.split_key()).tolist())
    digest = hashlib.blake2b(repr(seed).encode(), digest_size=8).digest()
    root = np.uint64(int.from_bytes(digest, 'little'))
    with np.errstate(over='ignore'):
        return _mix(root + _GOLDEN * np.arange(1, n + 1, dtype=np.uint64))


def draws(rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The draws of these numbers for rows with these keys, uniform 64-bit integers."""
    with np.errstate(over='ignore'):
        return _mix(rows + _GOLDEN * (numbers.astype(np.uint64) + np.uint64(1)))


def as_fraction(drawn: np.ndarray) -> np.ndarray:
    """Draws as numbers between 0 and 1, both excluded."""
    return ((drawn >> np.uint64(11)) + 0.5) * 2.0**-53


def _below(drawn: np.ndarray, m: int) -> np.ndarray:
    """Draws as integers below ``m``: the upper half of the 128-bit product, so that none is likelier by more than m / 2**64."""
    factor = np.uint64(m)
    return (((drawn >> _HALF) * factor + ((drawn & _LOW) * factor >> _HALF)) >> _HALF).astype(np.int32)


def _row_draws(rows: np.ndarray, start: int, number: int) -> np.ndarray:
    return draws(rows[:, None], np.arange(start, start + number))


def blocks(n: int, width: int) -> Iterator[np.ndarray]:
    """The numbers below ``n``, as many at a time as rows of this width fit a block."""
    size = max(1, _BLOCK // max(width, 1))
    for first in range(0, n, size):
        yield np.arange(first, min(first + size, n))


def bernoulli(rows: np.ndarray, n: int, p: float, where: Where | None = None) -> Rows:
    """Each pair (row, column) that ``where`` admits with probability ``p``, by geometric gaps along the row."""
    if p <= 0 or n == 0:
        return Rows.of(np.zeros(rows.size, np.int64), np.zeros(0, np.int32))
    every = int(n * p + 6 * np.sqrt(n * p * (1 - p)) + 6) if p < 1 else n
    width = max(1, min(every, _BLOCK))
    counts, found = np.zeros(rows.size, np.int64), Growing()
    for block in blocks(rows.size, width):
        row, column = _gaps(rows[block], n, p, width) if p < 1 else _grid(block.size, n)
        if where is not None:
            admitted = where(row + block[0], column)
            row, column = row[admitted], column[admitted]
        counts[block] = np.bincount(row, minlength=block.size)
        found.append(column)
    return Rows.of(counts, found.whole())


def _grid(rows: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(np.arange(rows, dtype=np.int32), n), np.tile(np.arange(n, dtype=np.int32), rows)


def _gaps(rows: np.ndarray, n: int, p: float, width: int) -> tuple[np.ndarray, np.ndarray]:
    left, reached, start = np.arange(rows.size), np.full(rows.size, -1, np.int64), 0
    parts = []
    while left.size:
        uniform = as_fraction(_row_draws(rows[left], start, width))
        with np.errstate(over='ignore'):  # for the smallest p, a gap may be infinite
            gaps = np.minimum(np.log(uniform) / np.log1p(-p), n).astype(np.int64) + 1
        columns = reached[:, None] + np.cumsum(gaps, axis=1)
        row, draw = np.nonzero(columns < n)
        parts.append((left[row], columns[row, draw].astype(np.int32)))
        more = columns[:, -1] < n
        left, reached, start = left[more], columns[more, -1], start + width
    row, column = (np.concatenate(part) for part in zip(*parts, strict=True))
    if len(parts) > 1:
        order = np.argsort(row, kind='stable')
        row, column = row[order], column[order]
    return row, column


def subset(rows: np.ndarray, n: int, total: int, pairs: int, where: Where | None = None) -> Rows:
    """Exactly ``total`` of the ``pairs`` that ``where`` admits, each such set with the same probability.

    Pairs are taken independently with a probability that gives some more, since given their number each
    set is as likely as any other; the surplus is then taken out at random. The last key is for that.
    """
    picker, rows = rows[-1:], rows[:-1]
    spread = 6 * np.sqrt(total * max(0, 1 - total / max(pairs, 1))) + 6
    found = bernoulli(rows, n, min(1.0, (total + spread) / max(pairs, 1)), where)
    while found.columns.size < total:  # once in 1e9 times
        rows = draws(rows, np.array(0))
        found = bernoulli(rows, n, min(1.0, (total + spread) / pairs), where)
    surplus = found.columns.size - total
    return found.without(choices(picker, found.columns.size, surplus, distinct=True)[0])


def shares(key: np.ndarray, n: int, total: int) -> np.ndarray:
    """How many of ``total`` independent uniform choices fall to each of ``n`` rows."""
    counts = np.zeros(n, np.int64)
    for block in blocks(total, 1):
        counts += np.bincount(_below(draws(key, block), n), minlength=n)
    return counts


def repeated_choices(rows: np.ndarray, n: int, counts: np.ndarray, skip_own: bool) -> Rows:
    """For each row its own number of independent uniform choices among ``n`` columns."""
    chosen = Rows.of(counts, np.empty(counts.sum(), np.int32))
    total = chosen.columns.size
    edges = chosen.indptr[np.searchsorted(chosen.indptr, [*range(0, total, _BLOCK), total])]
    for start, stop in itertools.pairwise(edges):
        row = chosen.rows(start, stop)
        column = _below(draws(rows[row], np.arange(start, stop) - chosen.indptr[row]), n - skip_own)
        pairs = row << 32 | (column + (column >= row) if skip_own else column)
        pairs.sort()
        chosen.columns[start:stop] = pairs & 0xFFFFFFFF
    return chosen


def choices(rows: np.ndarray, n: int, k: int, distinct: bool, skip_own: bool = False) -> np.ndarray:
    """``k`` of ``n`` columns for each row, with repetition unless ``distinct``.

    ``skip_own`` leaves out the column with the row's own number.

    Returns
    -------
    int32 array of shape (rows, k), rising in each row
    """
    chosen = np.empty((rows.size, k), np.int32)
    m = n - skip_own
    if k == 0:
        return chosen
    if distinct and k > m // 2:
        for block in blocks(rows.size, m):
            kept = np.ones((block.size, m), bool)
            np.put_along_axis(kept, _distinct(rows[block], m, m - k), False, axis=1)
            chosen[block] = np.nonzero(kept)[1].reshape(-1, k)
    else:
        for block in blocks(rows.size, 2 * k):
            chosen[block] = _distinct(rows[block], m, k) if distinct else np.sort(_below(_row_draws(rows[block], 0, k), m), axis=1)
    if skip_own:
        for block in blocks(rows.size, k):
            chosen[block] += chosen[block] >= block[:, None]
    return chosen


def _distinct(rows: np.ndarray, m: int, k: int) -> np.ndarray:
    """The first ``k`` different values below ``m`` in each row's sequence of draws, sorted."""
    chosen = np.empty((rows.size, k), np.int32)
    if k == 0:
        return chosen
    needed = -m * np.log1p(-k / (m + 1))
    left, width = np.arange(rows.size), int(needed + 4 * np.sqrt(needed - k + 1) + 4)
    while left.size:
        drawn = _below(_row_draws(rows[left], 0, width), m).astype(np.int64) << 32 | np.arange(width)
        drawn.sort(axis=1)  # by value, then by number of the draw
        values, numbers = drawn >> 32, drawn & 0xFFFFFFFF
        first = np.ones(values.shape, bool)
        first[:, 1:] = values[:, 1:] != values[:, :-1]
        by_number = np.empty(values.shape, bool)
        np.put_along_axis(by_number, numbers, first, axis=1)
        rank = np.cumsum(by_number, axis=1)
        last = np.argmax(rank >= k, axis=1)[:, None]
        enough = rank[:, -1] >= k
        chosen[left[enough]] = values[enough][(first & (numbers <= last))[enough]].reshape(-1, k)
        left, width = left[~enough], 2 * width
    return chosen
