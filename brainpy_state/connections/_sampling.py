"""Random connectivity that is a function of (seed, neuron), whatever else the network contains.

The n-th draw of a neuron is a hash of the seed, the neuron and n, so rows can be sampled in any order, in blocks of any size and on
any number of threads. The hash is SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195) read at a counter.

`Gaps` and `Choices` say how rows are drawn. The functions here draw blocks of them with NumPy; those of `_compiled` have the same
names, operands and results.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from .. import event, random
from ..event import _draws
from ..random._keys import Seed, named_key
from . import _parallel

_GOLDEN, _M1, _M2 = np.uint64(_draws.GOLDEN), np.uint64(_draws.MIX_1), np.uint64(_draws.MIX_2)
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_FORMULAS = _draws.formulas()

ALL, OTHERS, LATER = range(3)  # the columns that may be connected: all, those of another number than the row, of a larger one
_ADMITS: tuple[Callable | None, ...] = (None, operator.ne, operator.lt)


class Gaps(NamedTuple):
    """Each column with the same probability, by geometric gaps along the row."""

    keys: np.ndarray  # uint64, (rows,)
    n: int  # columns
    p: float
    where: int = ALL

    @property
    def width(self) -> int:
        """Draws that nearly every row does with."""
        return int(self.n * self.p + 6 * np.sqrt(self.n * self.p * (1 - self.p)) + 6) if self.p < 1 else self.n


class Choices(NamedTuple):
    """For each row a number of uniform choices among the columns."""

    keys: np.ndarray  # uint64, (rows,)
    n: int  # columns
    counts: np.ndarray  # int64, (rows,)
    distinct: bool = False
    skip_own: bool = False  # whether to leave out the column of the row's own number

    @property
    def width(self) -> int:
        """Draws of the longest row, about."""
        return int(self.counts.max(initial=0))


class Values(NamedTuple):
    """Numbers drawn for each synapse: their law and where they go."""

    keys: np.ndarray  # uint64, (rows,)
    law: np.ndarray  # float64: whether normal (or uniform), location, scale, lowest, highest, whether to draw again (or clip)
    out: np.ndarray  # (synapses,)


def concrete(seed: Seed) -> Seed:
    """A seed; where it is ``None``, one drawn from the global generator of `random`."""
    return tuple(np.asarray(random.split_key()).tolist()) if seed is None else seed


def keys(seed: Seed, n: int) -> np.ndarray:
    """One 64-bit key for each of ``n`` neurons; ``seed`` may be anything that names the projection, such as ``(1, 'E to I')``."""
    return keys_of(root(seed), n)


def root(seed: Seed) -> np.uint64:
    """What the keys of all neurons follow from."""
    low, high = named_key(seed).astype(np.uint64)
    return low | high << _HALF


def keys_of(root: np.uint64, n: int) -> np.ndarray:
    """One key for each of ``n`` neurons."""
    with np.errstate(over='ignore'):
        return _mix(root + _GOLDEN * np.arange(1, n + 1, dtype=np.uint64))


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint64(30))) * _M1
    x = (x ^ (x >> np.uint64(27))) * _M2
    return x ^ (x >> np.uint64(31))


def draws(rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The draws of these numbers for rows with these keys, uniform 64-bit integers."""
    with np.errstate(over='ignore'):
        return _mix(rows + _GOLDEN * (numbers.astype(np.uint64) + np.uint64(1)))


def as_fraction(drawn: np.ndarray) -> np.ndarray:
    """Draws as numbers between 0 and 1."""
    return ((drawn >> np.uint64(11)) + 0.5) * 2.0**-53


def blocks(n: int, width: int) -> Iterator[np.ndarray]:
    """The numbers below ``n``, as many at a time as rows of this width fit a block."""
    return (np.arange(first, last) for first, last in _parallel.ranges(n, width))


def _below(drawn: np.ndarray, m: int) -> np.ndarray:
    """Draws as integers below ``m``: the upper half of the 128-bit product, so that none is likelier by more than m / 2**64."""
    factor = np.uint64(m)
    return (((drawn >> _HALF) * factor + ((drawn & _LOW) * factor >> _HALF)) >> _HALF).astype(np.int32)


def _row_draws(rows: np.ndarray, start: int, number: int) -> np.ndarray:
    return draws(rows[:, None], np.arange(start, start + number))


def _log(x: np.ndarray) -> np.ndarray:
    mantissa, exponent = np.frexp(x)
    low = mantissa < _draws.SQRT_HALF
    return _FORMULAS.log(np.where(low, 2.0 * mantissa, mantissa), exponent - low.astype(float))


def count(draw: Gaps | Choices, first: int, last: int) -> np.ndarray:
    """The number of columns of each row, int64."""
    if isinstance(draw, Choices):
        return draw.counts[first:last]
    return np.bincount(_gaps(draw, first, last)[0], minlength=last - first)


def fill(draw: Gaps | Choices, starts: np.ndarray, first: int, last: int, out: np.ndarray, ordered: bool = True) -> None:
    """Write the columns of rows ``first`` to ``last``, which begin at ``starts`` in the whole, rising in each row if ``ordered``."""
    if isinstance(draw, Gaps):
        out[:] = _gaps(draw, first, last)[1]
        return
    counts, rows, m = draw.counts[first:last], draw.keys[first:last], draw.n - draw.skip_own
    row = np.repeat(np.arange(first, last), counts)
    if draw.distinct:
        for k in np.unique(counts):
            out[np.repeat(counts == k, counts)] = choose(rows[counts == k], m, k).ravel()
    else:
        out[:] = _below(draws(draw.keys[row], np.arange(starts[first], starts[last]) - starts[row]), m)
    if draw.skip_own:
        out += out >= row
    if ordered and not draw.distinct:
        pairs = row << 32 | out
        pairs.sort()
        out[:] = pairs & 0xFFFFFFFF


def _gaps(draw: Gaps, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows, counted from ``first``, and columns."""
    n, p, rows = draw.n, draw.p, draw.keys[first:last]
    width = max(1, min(draw.width, _parallel.BLOCK))
    if p == 1:
        row, column = np.repeat(np.arange(rows.size), n), np.tile(np.arange(n, dtype=np.int32), rows.size)
    elif p == 0 or n == 0:
        row, column = np.zeros(0, np.int64), np.zeros(0, np.int32)
    else:
        row, column = _by_gaps(rows, n, np.log1p(-p), width)
    admits = _ADMITS[draw.where]
    if admits is not None:
        admitted = admits(row + first, column)
        row, column = row[admitted], column[admitted]
    return row, column


def _by_gaps(rows: np.ndarray, n: int, log_q: float, width: int) -> tuple[np.ndarray, np.ndarray]:
    left, reached, start = np.arange(rows.size), np.full(rows.size, -1, np.int64), 0
    parts = []
    while left.size:
        uniform = as_fraction(_row_draws(rows[left], start, width))
        with np.errstate(over='ignore'):  # for the smallest p, a gap may be infinite
            gaps = np.minimum(_log(uniform) / log_q, n).astype(np.int64) + 1
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


def choose(rows: np.ndarray, m: int, k: int) -> np.ndarray:
    """``k`` different of ``m`` columns for each row: the first ones drawn, or of most, the ones left out; int32, (rows, k), rising."""
    if k <= m // 2:
        return _first_distinct(rows, m, k)
    kept = np.ones((rows.size, m), bool)
    np.put_along_axis(kept, _first_distinct(rows, m, m - k), False, axis=1)
    return np.nonzero(kept)[1].reshape(-1, k)


def _first_distinct(rows: np.ndarray, m: int, k: int) -> np.ndarray:
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


def share(key: np.ndarray, first: int, last: int, counts: np.ndarray) -> None:
    """Add to ``counts``, int64, how often draws ``first`` to ``last`` of a key choose each of them."""
    counts += np.bincount(_below(draws(key, np.arange(first, last)), counts.size), minlength=counts.size)


def scatter(labels: np.ndarray, numbers: np.ndarray, places: np.ndarray, out: np.ndarray | None = None) -> None:
    """Move the place of each number by one for each time that it occurs, and write its label there, if told where."""
    if out is None:
        places += np.bincount(numbers, minlength=places.size)
        return
    order = event.CSR.row_order(numbers)
    number = numbers[order]
    run = np.flatnonzero(np.diff(number, prepend=-1))
    length, number = np.diff(run, append=number.size), number[run]
    out[np.repeat(places[number] - run, length) + np.arange(numbers.size)] = labels[order]
    places[number] += length  # touches no other place: they may belong to another thread


def put_values(
    weights: Values | None, delays: Values | None, starts: np.ndarray, first: int, last: int, columns: np.ndarray, before: np.ndarray | None
) -> None:
    """Draw for each synapse of these rows, of which there are more ``before`` these; with delays, put each row in their order."""
    here = slice(starts[first], starts[last])
    row = np.repeat(np.arange(first, last), np.diff(starts[first : last + 1]))
    number = np.arange(here.start, here.stop) - (starts[row] if before is None else starts[row] - before[row])
    if delays is not None:
        steps = (_values(delays, row, number) + 0.5).astype(np.int64)
        order = np.lexsort((steps, row))
        number, columns[here], delays.out[here] = number[order], columns[here][order], steps[order]
    if weights is not None:
        values = _values(weights, row, number)
        weights.out[here] = values.astype(np.float32) if weights.out.dtype == np.float16 else values


def _values(values: Values, row: np.ndarray, number: np.ndarray) -> np.ndarray:
    normal, location, scale, low, high, again = values.law
    x, outside, keys = np.empty(row.size), np.arange(row.size), values.keys[row]
    while outside.size:
        drawn = draws(keys[outside], number[outside])
        found = location + scale * (standard_normal(drawn) if normal else as_fraction(drawn))
        x[outside] = found
        outside = outside[(found < low) | (found > high)] if again else outside[:0]
        number = number + (1 << 32)
    return np.clip(x, low, high)


def standard_normal(drawn: np.ndarray) -> np.ndarray:
    """Draws as numbers from the normal distribution, by its quantile."""
    number = (drawn >> np.uint64(12)).astype(np.int64)
    lower = number < 1 << 51
    tail = (np.where(lower, number, (1 << 52) - 1 - number) + 0.5) * 2.0**-52
    q = 0.5 - tail
    z = _FORMULAS.centre(q)
    outer = q > _draws.CENTRE
    r = np.sqrt(-_log(tail[outer]))
    z[outer] = np.where(r <= _draws.NEAR_TAIL, _FORMULAS.near_tail(r), _FORMULAS.far_tail(r))
    return np.where(lower, -z, z)
