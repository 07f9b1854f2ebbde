"""Weights and delays that are drawn for each synapse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .numba_frame import inlined
from .numba_host import BINS, POINTER, first_places, fraction, standard_normal, word

_int32, _int64, _uint16, _uint64, _float64 = (POINTER[name] for name in ('int32', 'int64', 'uint16', 'uint64', 'float64'))
_NONE = 'none'


@inlined
def _value(key: int, number: int, law: Any) -> float:
    attempt = number
    while True:
        drawn = word(key, attempt)
        x = law[1] + law[2] * (standard_normal(drawn) if law[0] != 0.0 else fraction(drawn))
        if law[3] <= x and x <= law[4]:
            return x
        if law[5] == 0.0:
            return law[3] if x < law[3] else law[4]
        attempt += 1 << 32


def values(weight: str, step: str) -> Callable[..., int]:
    """Draw weights and delays of these types, or ``'none'``; with delays, each row is put in their order.

    Operands: keys of the rows for weights and for delays, uint64; the two laws, six float64 each; the rows; int64 ``starts`` of the
    rows in the whole; columns, weights, delays of the whole; memory of 8 * 256 bytes and 14 for each synapse of the longest row.
    """
    weights, steps = POINTER.get(weight, _int32), POINTER.get(step, _int32)

    def rows(
        weight_keys: int, delay_keys: int, weight_law: int, delay_law: int, first: int, last: int, starts: int,
        columns: int, weight_out: int, step_out: int, memory: int, longest: int,
    ) -> int:  # fmt: skip
        start = _int64(starts)
        bins, order = _int64(memory), memory + 8 * BINS
        other, kept, delay = order + 4 * longest, order + 8 * longest, order + 12 * longest
        for row in range(first, last):
            begin, size = start[row], start[row + 1] - start[row]
            if step != _NONE:
                drawn, old, target = _uint16(delay), _int32(kept), _int32(columns)
                given, result, shift, most = order, other, 0, 0
                for k in range(size):
                    whole = int(_value(_uint64(delay_keys)[row], k, _float64(delay_law)) + 0.5)
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
                for k in range(size):
                    number = k if step == _NONE else _int32(given)[k]
                    weights(weight_out)[begin + k] = _value(_uint64(weight_keys)[row], number, _float64(weight_law))
        return 0

    return rows
