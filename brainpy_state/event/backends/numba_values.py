"""Weights and delays that are drawn for each synapse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import float32

from .numba_host import BINS, first_places, fraction, normals, word
from .numba_memory import POINTER, inlined, put_half

_int32, _int64, _uint16, _uint64, _float64 = (POINTER[name] for name in ('int32', 'int64', 'uint16', 'uint64', 'float64'))
_NONE = 'none'


@inlined
def _draw(key: int, law: Any, start: int, size: int, out: int) -> None:
    """Write values of a row from number ``start`` on, float64."""
    x = _float64(out)
    _attempt(key, law, start, size, out)
    for k in range(size):
        attempt = start + k
        while law[5] != 0.0 and not (law[3] <= x[k] and x[k] <= law[4]):
            attempt += 1 << 32
            _attempt(key, law, attempt, 1, out + 8 * k)
        x[k] = law[3] if x[k] < law[3] else law[4] if x[k] > law[4] else x[k]


@inlined
def _attempt(key: int, law: Any, first: int, size: int, out: int) -> None:
    x = _float64(out)
    if law[0] != 0.0:
        normals(key, first, size, out)
    else:
        for k in range(size):
            x[k] = fraction(word(key, first + k))
    for k in range(size):
        x[k] = law[1] + law[2] * x[k]


def values(weight: str, step: str) -> Callable[..., int]:
    """Draw weights and delays of these types, or ``'none'``; with delays, each row is put in their order.

    Operands: keys of the rows for weights and for delays, uint64; the two laws, six float64 each; the rows; int64 ``starts`` of the
    rows in the whole, and ``before``, how many of each row stand elsewhere before these, or nothing; columns, weights, delays of the
    whole; memory of 8 * 256 bytes and 22 for each synapse of the longest row.
    """
    weights, steps, is_half = POINTER.get(weight, _int32), POINTER.get(step, _int32), weight == 'float16'

    def rows(
        weight_keys: int, delay_keys: int, weight_law: int, delay_law: int, first: int, last: int, starts: int, before: int,
        columns: int, weight_out: int, step_out: int, memory: int, longest: int,
    ) -> int:  # fmt: skip
        start, x = _int64(starts), memory + 8 * BINS
        bins, order = _int64(memory), x + 8 * longest
        other, kept, delay = order + 4 * longest, order + 8 * longest, order + 12 * longest
        for row in range(first, last):
            begin, size, skipped = start[row], start[row + 1] - start[row], 0
            if before != 0:
                skipped = _int64(before)[row]
            if step != _NONE:
                drawn, old, target = _uint16(delay), _int32(kept), _int32(columns)
                given, result, shift, most = order, other, 0, 0
                _draw(_uint64(delay_keys)[row], _float64(delay_law), skipped, size, x)
                for k in range(size):
                    whole = int(_float64(x)[k] + 0.5)
                    drawn[k] = whole
                    most = max(most, whole)
                    old[k] = target[begin + k]
                    _int32(given)[k] = k
                while most >> shift != 0:
                    for k in range(BINS):
                        bins[k] = 0
                    for k in range(size):
                        bins[(drawn[k] >> shift) & (BINS - 1)] += 1
                    first_places(memory, BINS)
                    for k in range(size):
                        number = _int32(given)[k]
                        digit = (drawn[number] >> shift) & (BINS - 1)
                        _int32(result)[bins[digit]] = number
                        bins[digit] += 1
                    given, result, shift = result, given, shift + 8
                for k in range(size):
                    number = _int32(given)[k]
                    target[begin + k] = old[number]
                    steps(step_out)[begin + k] = drawn[number]
            if weight != _NONE:
                _draw(_uint64(weight_keys)[row], _float64(weight_law), skipped, size, x)
                for k in range(size):
                    drawn_weight = _float64(x)[k if step == _NONE else _int32(given)[k]]
                    if is_half:
                        put_half(weight_out + 2 * (begin + k), float32(drawn_weight))
                    else:
                        weights(weight_out)[begin + k] = drawn_weight
        return 0

    return rows
