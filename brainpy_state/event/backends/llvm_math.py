"""Elementary functions as plain arithmetic, so that the compiler turns a loop that calls them into vector code.

Each takes a builder and a float value (float32 or float64). Arguments are reduced to a small interval, where a Taylor series is
summed until its next term is below the resolution of the type. Errors are a few units in the last place, and infinities, zeros and
NaN come out as IEEE 754 wants. XLA takes numbers below the normal ones as zero, and so do these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from .llvm_angles import nearby

Value = Any

F32, F64 = ir.FloatType(), ir.DoubleType()
_BITS = {F32: 32, F64: 64}
_MANTISSA = {F32: 23, F64: 52}
_EXP_TERMS = {F32: 8, F64: 14}
_LOG_TERMS = {F32: 5, F64: 11}
_SIN_TERMS = 10
# ln 2 and pi / 2 in parts, the first of few enough digits for its products with small integers to be exact.
_LN2 = {F32: (0.693359375, -2.12194440e-4), F64: (0.693147180369123816490, 1.90821492927058770002e-10)}
_HALF_PI = (1.57079632673412561417, 6.07710050630396597660e-11, 2.02226624879595063154e-21)


def integer(type_: Any) -> Any:
    """The integer type as wide as a float type."""
    return ir.IntType(_BITS[type_])


def fma(b: ir.IRBuilder, x: Value, y: Value, z: Value) -> Value:
    """``x * y + z``, in one instruction where the processor has it."""
    function = b.module.declare_intrinsic('llvm.fmuladd', [x.type], ir.FunctionType(x.type, [x.type] * 3))
    return b.call(function, [x, y, z])


def unary(b: ir.IRBuilder, name: str, x: Value) -> Value:
    """An operation that LLVM has an instruction for: ``fabs``, ``floor``, ``ceil``, ``rint``, ``sqrt``, …."""
    return b.call(b.module.declare_intrinsic(f'llvm.{name}', [x.type], ir.FunctionType(x.type, [x.type])), [x])


def where(b: ir.IRBuilder, condition: str, x: Value, limit: float, then: Value, otherwise: Value) -> Value:
    """``then`` where ``x condition limit``; false for NaN, except for ``!=``."""
    compare = b.fcmp_unordered if condition == '!=' else b.fcmp_ordered
    return b.select(compare(condition, x, x.type(limit)), then, otherwise)


def clamp(b: ir.IRBuilder, x: Value, low: float, high: float) -> Value:
    """``x`` within limits; NaN stays."""
    x = where(b, '<', x, low, x.type(low), x)
    return where(b, '>', x, high, x.type(high), x)


def exp(b: ir.IRBuilder, x: Value) -> Value:
    """``e ** x``."""
    whole, r = _reduced(b, clamp(b, x, _SMALLEST[x.type], _LARGEST[x.type]))
    half = b.ashr(whole, whole.type(1))
    scaled = b.fmul(_series(b, r, [1 / math.factorial(k) for k in range(_EXP_TERMS[x.type])]), _power_of_two(b, half))
    return b.fmul(scaled, _power_of_two(b, b.sub(whole, half)))


def expm1(b: ir.IRBuilder, x: Value) -> Value:
    """``e ** x - 1``, precise near 0."""
    whole, r = _reduced(b, clamp(b, x, -40.0 if x.type == F64 else -20.0, _LARGEST[x.type]))
    q = b.fmul(r, _series(b, r, [1 / math.factorial(k + 1) for k in range(_EXP_TERMS[x.type])]))
    # with half of the power, so that the largest results do not overflow on the way
    power = _power_of_two(b, b.sub(whole, whole.type(1)))
    result = fma(b, power, q, b.fsub(power, x.type(0.5)))
    return where(b, '<', unary(b, 'fabs', x), 1e-30, x, b.fadd(result, result))  # half of a smallest number would be taken as zero


def exprel(b: ir.IRBuilder, x: Value) -> Value:
    """``(e ** x - 1) / x``, which is 1 at 0."""
    result = where(b, '<', unary(b, 'fabs', x), 1e-30, x.type(1.0), b.fdiv(expm1(b, x), x))
    return where(b, '==', x, math.inf, x, result)


def log(b: ir.IRBuilder, x: Value) -> Value:
    """The natural logarithm."""
    kind = x.type
    e, f = parts(b, x)
    s = b.fdiv(f, b.fadd(f, kind(2.0)))
    square = b.fmul(s, s)
    # log(m) = 2 artanh(s) = f - s f + 2 s^3 / 3 + …: the first term is exact
    tail = _series(b, square, [2 / (2 * k + 3) for k in range(_LOG_TERMS[kind])])
    low = fma(b, b.fmul(s, square), tail, b.fneg(b.fmul(s, f)))
    high, rest = _LN2[kind]
    result = fma(b, e, kind(high), b.fadd(f, fma(b, e, kind(rest), low)))
    result = where(b, '<', x, 0.0, kind(math.nan), result)
    result = where(b, '==', x, 0.0, kind(-math.inf), result)
    return b.select(b.fcmp_unordered('==', x, kind(math.inf)), x, result)


def parts(b: ir.IRBuilder, x: Value) -> tuple[Value, Value]:
    """The numbers e and f, a whole number and one from sqrt(1/2) - 1 to sqrt(2) - 1, with ``x = 2 ** e * (1 + f)``."""
    kind = x.type
    bits = b.bitcast(x, integer(kind))
    root, one = (_bits_of(kind, v) for v in (math.sqrt(0.5), 1.0))
    shifted = b.add(bits, bits.type(one - root))
    exponent = b.sub(b.lshr(shifted, bits.type(_MANTISSA[kind])), bits.type(one >> _MANTISSA[kind]))
    mantissa = b.bitcast(b.add(b.and_(shifted, bits.type((1 << _MANTISSA[kind]) - 1)), bits.type(root)), kind)
    return b.sitofp(exponent, kind), b.fsub(mantissa, kind(1.0))


def log1p(b: ir.IRBuilder, x: Value) -> Value:
    """The logarithm of ``1 + x``, precise near 0."""
    total = b.fadd(x, x.type(1.0))
    # what rounding took from 1 + x is put back in proportion
    result = b.fdiv(b.fmul(log(b, total), x), b.fsub(total, x.type(1.0)))
    result = where(b, '==', total, 1.0, x, result)
    return b.select(b.fcmp_unordered('==', x, x.type(math.inf)), x, result)


def tanh(b: ir.IRBuilder, x: Value) -> Value:
    """The hyperbolic tangent."""
    y = expm1(b, b.fmul(clamp(b, x, -20.0, 20.0), x.type(2.0)))
    return where(b, '==', x, 0.0, x, b.fdiv(y, b.fadd(y, x.type(2.0))))


def logistic(b: ir.IRBuilder, x: Value) -> Value:
    """``1 / (1 + e ** -x)``."""
    one = x.type(1.0)
    return b.fdiv(one, b.fadd(one, exp(b, b.fneg(x))))


def sin(b: ir.IRBuilder, x: Value) -> Value:
    """The sine."""
    return _quarter_turns(b, x, 0)


def cos(b: ir.IRBuilder, x: Value) -> Value:
    """The cosine."""
    return _quarter_turns(b, x, 1)


def power(b: ir.IRBuilder, x: Value, n: int) -> Value:
    """``x ** n`` by repeated squaring."""
    result, square, left = None, x, abs(n)
    while left:
        if left & 1:
            result = square if result is None else b.fmul(result, square)
        left >>= 1
        square = b.fmul(square, square) if left else square
    result = x.type(1.0) if result is None else result
    return b.fdiv(x.type(1.0), result) if n < 0 else result


_LARGEST = {F32: 89.0, F64: 710.0}
_SMALLEST = {F32: -104.0, F64: -746.0}


def _series(b: ir.IRBuilder, x: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial with these coefficients, by Horner's rule."""
    *rest, result = [x.type(c) for c in coefficients]
    for coefficient in reversed(rest):
        result = fma(b, result, x, coefficient)
    return result


def _nearest(b: ir.IRBuilder, x: Value) -> tuple[Value, Value]:
    """The nearest whole number, as a float and as an integer; ``|x|`` is below a quarter of the mantissa's range.

    Adding 1.5 * 2^mantissa leaves no binary places, and the sum's lowest bits are the integer. Unlike a conversion,
    that is defined for NaN.
    """
    kind = x.type
    magic = kind(1.5 * 2.0 ** _MANTISSA[kind])
    moved = b.fadd(x, magic)
    return b.fsub(moved, magic), b.sub(b.bitcast(moved, integer(kind)), b.bitcast(magic, integer(kind)))


def _reduced(b: ir.IRBuilder, x: Value) -> tuple[Value, Value]:
    """The integer n and r with ``x = n ln 2 + r`` and ``|r| <= ln 2 / 2``."""
    kind = x.type
    n, whole = _nearest(b, b.fmul(x, kind(1 / math.log(2))))
    high, low = _LN2[kind]
    r = fma(b, n, kind(-low), fma(b, n, kind(-high), x))
    return whole, r


def _power_of_two(b: ir.IRBuilder, n: Value) -> Value:
    """``2 ** n`` for an integer within the range of normal numbers."""
    kind = F32 if n.type.width == 32 else F64
    one = _bits_of(kind, 1.0)
    return b.bitcast(b.add(b.shl(n, n.type(_MANTISSA[kind])), n.type(one)), kind)


def _quarter_turns(b: ir.IRBuilder, x: Value, ahead: int, short: bool = False) -> Value:
    """The sine of ``x`` plus some quarters of a turn."""
    if x.type == F32:
        return b.fptrunc(_quarter_turns(b, b.fpext(x, F64), ahead, short=True), F32)
    x = nearby(b, x, short)
    n, whole = _nearest(b, b.fmul(x, F64(2 / math.pi)))
    r = x
    for part in _HALF_PI:
        r = fma(b, n, F64(-part), r)
    square = b.fmul(r, r)
    signs = [(-1.0) ** k for k in range(_SIN_TERMS)]
    sine = b.fmul(r, _series(b, square, [s / math.factorial(2 * k + 1) for k, s in enumerate(signs)]))
    cosine = _series(b, square, [s / math.factorial(2 * k) for k, s in enumerate(signs)])
    quarter = b.add(whole, whole.type(ahead))

    def bit(k: int) -> Value:
        return b.icmp_signed('!=', b.and_(quarter, whole.type(1 << k)), whole.type(0))

    value = b.select(bit(0), cosine, sine)
    return b.select(bit(1), b.fneg(value), value)


def _bits_of(kind: Any, value: float) -> int:
    return int(np.float32(value).view(np.int32) if kind == F32 else np.float64(value).view(np.int64))
