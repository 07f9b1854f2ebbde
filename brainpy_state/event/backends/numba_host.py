"""What native functions of addresses share: typed pointers, counter-based draws, and a sort."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from .. import _draws
from .numba_memory import POINTER, inlined

_int32, _int64, _float64 = (POINTER[name] for name in ('int32', 'int64', 'float64'))


def _bits(given: Any, wanted: Any) -> Any:
    @intrinsic
    def cast(typing: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], context.get_value_type(wanted))

        return wanted(given), generate

    return cast


_bits_of, _float_of = _bits(types.float64, types.int64), _bits(types.int64, types.float64)


@intrinsic
def _sqrt(typing: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.call(builder.module.declare_intrinsic('llvm.sqrt', [arguments[0].type]), arguments)

    return types.float64(types.float64), generate


_GOLDEN, _MIX_1, _MIX_2 = np.uint64(_draws.GOLDEN), np.uint64(_draws.MIX_1), np.uint64(_draws.MIX_2)
_S11, _S12, _S27, _S30, _S31, _S32 = (np.uint64(s) for s in (11, 12, 27, 30, 31, 32))
_LOW = np.uint64(0xFFFFFFFF)
_SQRT_HALF, _CENTRE, _NEAR_TAIL = _draws.SQRT_HALF, _draws.CENTRE, _draws.NEAR_TAIL
BINS, AHEAD = _draws.BINS, _draws.AHEAD
_MANTISSA, _HALF_BITS = (1 << 52) - 1, 1022 << 52
_formulas = _draws.formulas(inlined)
_log_of, _centre, _near_tail, _far_tail = _formulas


@inlined
def word(key: int, number: int) -> int:
    """The draw of this number for a key, both uint64 in the result's type."""
    x = key + _GOLDEN * types.uint64(number + 1)
    x = (x ^ (x >> _S30)) * _MIX_1
    x = (x ^ (x >> _S27)) * _MIX_2
    return x ^ (x >> _S31)


@inlined
def below(drawn: int, m: int) -> int:
    """A draw as an int64 below ``m``."""
    factor = types.uint64(m)
    return types.int64(((drawn >> _S32) * factor + ((drawn & _LOW) * factor >> _S32)) >> _S32)


@inlined
def fraction(drawn: int) -> float:
    """A draw as a number between 0 and 1."""
    return (types.float64(drawn >> _S11) + 0.5) * 2.0**-53


@inlined
def log(x: float) -> float:
    """Logarithm of a normal positive number."""
    bits = _bits_of(x)
    exponent, mantissa = (bits >> 52) - 1022, _float_of((bits & _MANTISSA) | _HALF_BITS)
    if mantissa < _SQRT_HALF:
        mantissa, exponent = mantissa * 2.0, exponent - 1
    return _log_of(mantissa, types.float64(exponent))


@inlined
def _quantile(drawn: int) -> tuple[bool, float]:
    """Whether a draw is in the lower half of a distribution, and its probability counted from the nearer end."""
    number = types.int64(drawn >> _S12)
    lower = number < 1 << 51
    return lower, (types.float64(number if lower else (1 << 52) - 1 - number) + 0.5) * 2.0**-52


@inlined
def _normal_tail(drawn: int) -> float:
    lower, tail = _quantile(drawn)
    r = _sqrt(-log(tail))
    z = _near_tail(r) if r <= _NEAR_TAIL else _far_tail(r)
    return -z if lower else z


@inlined
def normals(key: int, first: int, size: int, out: int) -> None:
    """Write draws from number ``first`` on as numbers from the normal distribution, by their quantiles, float64."""
    z = _float64(out)
    for k in range(size):  # the middle first, in a loop that the compiler turns into vector code
        lower, tail = _quantile(word(key, first + k))
        q = 0.5 - tail
        middle = _centre(-q if lower else q)
        z[k] = middle if q <= _CENTRE else math.nan
    for k in range(size):
        if z[k] != z[k]:
            z[k] = _normal_tail(word(key, first + k))


@inlined
def first_places(bins: int, size: int) -> None:
    """Replace counts at an address by their running sum, each without its own."""
    counts, total = _int64(bins), 0
    for k in range(size):
        counts[k], total = total, total + counts[k]


@inlined
def sort(values: int, size: int, limit: int, memory: int) -> None:
    """Sort int32 numbers below ``limit`` at an address, byte by byte."""
    if size < 48:
        small = _int32(values)
        for i in range(1, size):
            x, k = small[i], i
            while k > 0 and small[k - 1] > x:
                small[k] = small[k - 1]
                k -= 1
            small[k] = x
        return
    bins, source, result, shift = _int64(memory), values, memory + 8 * BINS, 0
    while (limit - 1) >> shift != 0:
        given, sorted_ = _int32(source), _int32(result)
        for k in range(BINS):
            bins[k] = 0
        for k in range(size):
            bins[(given[k] >> shift) & (BINS - 1)] += 1
        first_places(memory, BINS)
        for k in range(size):
            digit = (given[k] >> shift) & (BINS - 1)
            sorted_[bins[digit]] = given[k]
            bins[digit] += 1
        source, result, shift = result, source, shift + 8
    if source != values:
        given, sorted_ = _int32(source), _int32(values)
        for k in range(size):
            sorted_[k] = given[k]
