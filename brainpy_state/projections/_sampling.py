"""Random connectivity that is a function of (seed, neuron), whatever else the network contains.

The n-th draw of a neuron is a hash of the seed, the neuron and n, so rows can be sampled in any
order and in blocks of any size. The hash is SplitMix64 (Steele, Lea & Flood 2014,
doi:10.1145/2660193.2660195) read at a counter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import random

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BLOCK = 1 << 22  # draws held at once

Seed = int | str | tuple | None


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


def _draws(rows: np.ndarray, start: int, count: int) -> np.ndarray:
    """Draws ``start`` to ``start + count`` of each row, uniform 64-bit integers."""
    with np.errstate(over='ignore'):
        return _mix(rows[:, None] + _GOLDEN * np.arange(start + 1, start + count + 1, dtype=np.uint64))


def _blocks(n: int, width: int) -> Iterator[np.ndarray]:
    size = max(1, _BLOCK // max(width, 1))
    for first in range(0, n, size):
        yield np.arange(first, min(first + size, n))


def bernoulli(rows: np.ndarray, n: int, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Each pair (row, column) with probability ``p``, by geometric gaps along the row.

    Returns
    -------
    rows, columns : int32 arrays of equal length
    """
    if p <= 0 or n == 0 or rows.size == 0:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    if p >= 1:
        return np.repeat(np.arange(rows.size, dtype=np.int32), n), np.tile(np.arange(n, dtype=np.int32), rows.size)
    width = int(n * p + 6 * np.sqrt(n * p * (1 - p)) + 6)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for block in _blocks(rows.size, width):
        reached = np.full(block.size, -1, np.int64)
        start = 0
        while block.size:
            uniform = ((_draws(rows[block], start, width) >> np.uint64(11)) + 0.5) * 2.0**-53
            with np.errstate(over='ignore'):  # for the smallest p, a gap may be infinite
                gaps = np.minimum(np.log(uniform) / np.log1p(-p), n).astype(np.int64) + 1
            columns = reached[:, None] + np.cumsum(gaps, axis=1)
            row, draw = np.nonzero(columns < n)
            found.append((block[row].astype(np.int32), columns[row, draw].astype(np.int32)))
            reached, more = columns[:, -1], columns[:, -1] < n
            block, reached, start = block[more], reached[more], start + width
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))  # type: ignore[return-value]


def choices(rows: np.ndarray, n: int, k: int, distinct: bool, skip_own: bool) -> np.ndarray:
    """``k`` of ``n`` columns for each row, with repetition unless ``distinct``.

    ``skip_own`` leaves out the column with the row's own number.

    Returns
    -------
    int32 array of shape (rows, k)
    """
    chosen = np.empty((rows.size, k), np.int32)
    if k == 0:
        return chosen
    m = n - skip_own
    for block in _blocks(rows.size, 2 * k):
        if distinct:
            _fill_distinct(chosen, rows, block, m, k)
        else:
            chosen[block] = _below(_draws(rows[block], 0, k), m)
    if skip_own:
        chosen += chosen >= np.arange(rows.size, dtype=np.int32)[:, None]
    return chosen


def _below(draws: np.ndarray, m: int) -> np.ndarray:
    return ((draws >> np.uint64(32)) * np.uint64(m) >> np.uint64(32)).astype(np.int32)


def _fill_distinct(chosen: np.ndarray, rows: np.ndarray, block: np.ndarray, m: int, k: int) -> None:
    """The first ``k`` different values in each row's sequence of draws."""
    width = 2 * k
    while block.size:
        values = _below(_draws(rows[block], 0, width), m)
        order = np.argsort(values, axis=1, kind='stable')
        ranked = np.take_along_axis(values, order, axis=1)
        first = np.ones(values.shape, bool)
        np.put_along_axis(first, order[:, 1:], ranked[:, 1:] != ranked[:, :-1], axis=1)
        rank = np.cumsum(first, axis=1)
        enough = rank[:, -1] >= k
        keep = (first & (rank <= k))[enough]
        chosen[block[enough]] = values[enough][keep].reshape(-1, k)
        block, width = block[~enough], 2 * width


def is_seed(seed: Any) -> bool:
    """Whether a value can name a projection's randomness."""
    return seed is None or isinstance(seed, (int, str, np.integer)) or (isinstance(seed, tuple) and all(map(is_seed, seed)))
