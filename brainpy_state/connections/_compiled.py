"""What `_sampling` does with NumPy, by native kernels that give the same bits."""

from __future__ import annotations

import numpy as np

from ..event import _draws, _native
from ._sampling import Choices, Gaps, Values

_BINS = 8 * _draws.BINS  # bytes


KERNELS = tuple(('numba_rows', name) for name in ('gaps', 'choices', 'distinct', 'share', 'scatter'))


def values_kernel(weights: Values | None, delays: Values | None) -> tuple[str, ...]:
    """The kernel of `put_values` for these."""
    return 'numba_values', 'values', *('none' if x is None else str(x.out.dtype) for x in (weights, delays))


def count(draw: Gaps | Choices, first: int, last: int) -> np.ndarray:
    if isinstance(draw, Choices):
        return draw.counts[first:last]
    counts = np.zeros(last - first, np.int64)
    _gaps(draw, first, last, counts, None)
    return counts


def fill(draw: Gaps | Choices, starts: np.ndarray, first: int, last: int, out: np.ndarray, ordered: bool = True) -> None:
    if isinstance(draw, Gaps):
        _gaps(draw, first, last, np.empty(last - first, np.int64), out)
        return
    longest = int(draw.counts[first:last].max(initial=0))
    memory = np.empty(_BINS + 4 * longest, np.uint8) if ordered or draw.distinct else None
    operands = _at(draw.keys), first, last, _at(starts), draw.n, draw.skip_own, _at(out), _at(memory)
    if draw.distinct:
        table = np.empty(2 << longest.bit_length(), np.int32)
        _native.function('numba_rows', 'distinct')(*operands, _at(table), table.size)
    else:
        _native.function('numba_rows', 'choices')(*operands)


def _gaps(draw: Gaps, first: int, last: int, counts: np.ndarray, out: np.ndarray | None) -> None:
    if draw.p == 0:
        return
    log_q, memory = None if draw.p == 1 else np.array([np.log1p(-draw.p)]), np.empty(_draws.AHEAD)
    operands = _at(draw.keys), first, last, draw.n, _at(log_q), draw.where, _at(counts), _at(out), _at(memory)
    _native.function('numba_rows', 'gaps')(*operands)


def share(key: np.ndarray, first: int, last: int, counts: np.ndarray) -> None:
    _native.function('numba_rows', 'share')(_at(key), first, last, counts.size, _at(counts))


def scatter(labels: np.ndarray, numbers: np.ndarray, places: np.ndarray, out: np.ndarray | None = None) -> None:
    _native.function('numba_rows', 'scatter')(_at(labels), _at(numbers), numbers.size, _at(places), _at(out))


def put_values(
    weights: Values | None, delays: Values | None, starts: np.ndarray, first: int, last: int, columns: np.ndarray, before: np.ndarray | None
) -> None:
    longest = int(np.diff(starts[first : last + 1]).max(initial=0))
    memory = np.empty(_BINS + 22 * longest, np.uint8)
    keys, laws, outs = ([_at(None if x is None else x[k]) for x in (weights, delays)] for k in range(3))
    kernel = _native.function(*values_kernel(weights, delays))
    kernel(*keys, *laws, first, last, _at(starts), _at(before), _at(columns), *outs, _at(memory), longest)


def _at(array: np.ndarray | None) -> int:
    return 0 if array is None else array.ctypes.data
