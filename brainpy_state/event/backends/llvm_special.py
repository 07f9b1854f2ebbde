"""Further elementary functions as plain arithmetic: what `llvm_math` says holds here too.

Those of float32 are computed in float64, where this is the simpler way to all of their digits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from llvmlite import ir

from .. import _draws
from . import llvm_math as lm
from .llvm_math import F32, F64, Value, fma, unary, where

_TINY = {F32: 2.0**-126, F64: 2.0**-1022}
_ATAN_TERMS = 12
_ERF_TERMS = 15


def in_double(function: Callable[..., Value]) -> Callable[..., Value]:
    """The function, computed in float64 where numbers are float32."""

    @functools.wraps(function)
    def wide(b: ir.IRBuilder, *operands: Value) -> Value:
        if operands[0].type == F64:
            return function(b, *operands)
        return b.fptrunc(function(b, *[b.fpext(x, F64) for x in operands]), F32)

    return wide


def with_sign(b: ir.IRBuilder, x: Value, sign: Value) -> Value:
    """``|x|`` with the sign of another number."""
    return b.call(b.module.declare_intrinsic('llvm.copysign', [x.type], ir.FunctionType(x.type, [x.type] * 2)), [x, sign])


def magnitude(b: ir.IRBuilder, x: Value) -> Value:
    """``|x|``."""
    return unary(b, 'fabs', x)


def exp2(b: ir.IRBuilder, x: Value) -> Value:
    """``2 ** x``."""
    kind, limit = x.type, {F32: 151.0, F64: 1076.0}[x.type]
    x = lm.clamp(b, x, -limit, limit)
    n, whole = lm._nearest(b, x)
    return _scaled(b, lm.exp(b, b.fmul(b.fsub(x, n), kind(math.log(2)))), whole)


def _scaled(b: ir.IRBuilder, x: Value, whole: Value) -> Value:
    """``x * 2 ** whole``, in two steps that stay within range."""
    half = b.ashr(whole, whole.type(1))
    return b.fmul(b.fmul(x, lm._power_of_two(b, half)), lm._power_of_two(b, b.sub(whole, half)))


def _half_exp(b: ir.IRBuilder, x: Value) -> Value:
    """``e ** x / 2``, which overflows later, for a positive number."""
    whole, r = lm._reduced(b, lm.clamp(b, x, 0.0, lm._LARGEST[x.type] + 2))
    series = lm._series(b, r, [1 / math.factorial(k) for k in range(lm._EXP_TERMS[x.type])])
    return _scaled(b, series, b.sub(whole, whole.type(1)))


def cosh(b: ir.IRBuilder, x: Value) -> Value:
    """The hyperbolic cosine."""
    half = _half_exp(b, magnitude(b, x))
    return b.fadd(half, b.fdiv(x.type(0.25), half))


def sinh(b: ir.IRBuilder, x: Value) -> Value:
    """The hyperbolic sine."""
    a, kind = magnitude(b, x), x.type
    half, small = _half_exp(b, a), lm.expm1(b, lm.clamp(b, a, 0.0, 2.0))
    close = b.fmul(b.fadd(small, b.fdiv(small, b.fadd(small, kind(1.0)))), kind(0.5))
    return with_sign(b, where(b, '<', a, 1.0, close, b.fsub(half, b.fdiv(kind(0.25), half))), x)


@in_double
def tan(b: ir.IRBuilder, x: Value) -> Value:
    """The tangent."""
    return b.fdiv(lm.sin(b, x), lm.cos(b, x))


def _atan_of_ratio(b: ir.IRBuilder, y: Value, x: Value) -> Value:
    """The angle from 0 to a quarter turn of a point with finite coordinates that are not negative, and not both zero.

    The nearest of five directions is subtracted; a Taylor series gives what is left, at most a 32nd of a turn.
    """
    angle, along, across = F64(0.0), F64(1.0), F64(0.0)
    for k in range(1, 5):
        direction = math.pi / 8 * k
        c, s = (1.0, math.tan(direction)) if k < 3 else (math.tan(math.pi / 2 - direction), 1.0)
        limit = math.tan(direction - math.pi / 16)
        beyond = b.fcmp_ordered('>', y, b.fmul(x, F64(limit)))
        angle, along, across = (b.select(beyond, F64(new), old) for new, old in ((direction, angle), (c, along), (s, across)))
    t = b.fdiv(b.fsub(b.fmul(y, along), b.fmul(x, across)), b.fadd(b.fmul(x, along), b.fmul(y, across)))
    square = b.fmul(t, t)
    series = lm._series(b, square, [(-1.0) ** k / (2 * k + 1) for k in range(_ATAN_TERMS)])
    return b.fadd(angle, b.fmul(t, series))


@in_double
def atan2(b: ir.IRBuilder, y: Value, x: Value) -> Value:
    """The angle of the point (x, y)."""
    height, width = magnitude(b, y), magnitude(b, x)
    larger = b.select(b.fcmp_ordered('>', height, width), height, width)
    # far out and close by, both are scaled; at infinity and at zero, their ratio is one and zero
    scale = where(b, '>', larger, 2.0**500, F64(2.0**-500), where(b, '<', larger, 2.0**-500, F64(2.0**500), F64(1.0)))
    p, q = b.fmul(height, scale), b.fmul(width, scale)
    p, q = (
        where(b, '==', larger, math.inf, where(b, '==', side, math.inf, F64(1.0), F64(0.0)), part)
        for side, part in ((height, p), (width, q))
    )
    q = where(b, '==', larger, 0.0, F64(1.0), q)
    angle = _atan_of_ratio(b, p, q)
    bits = b.bitcast(x, lm.integer(F64))
    angle = b.select(b.icmp_signed('<', bits, bits.type(0)), b.fsub(F64(math.pi), angle), angle)
    return b.select(b.fcmp_unordered('uno', x, y), b.fadd(x, y), with_sign(b, angle, y))


@in_double
def atan(b: ir.IRBuilder, x: Value) -> Value:
    """The inverse of the tangent."""
    a = magnitude(b, x)
    far = b.fcmp_ordered('>', a, F64(2.0**60))
    angle = _atan_of_ratio(b, b.select(far, F64(1.0), a), b.select(far, F64(0.0), F64(1.0)))
    return with_sign(b, angle, x)


def _other_side(b: ir.IRBuilder, x: Value) -> Value:
    """The second side of a right triangle with the hypotenuse 1."""
    return unary(b, 'sqrt', b.fmul(b.fsub(F64(1.0), x), b.fadd(F64(1.0), x)))


@in_double
def asin(b: ir.IRBuilder, x: Value) -> Value:
    """The inverse of the sine."""
    return with_sign(b, _atan_of_ratio(b, magnitude(b, x), _other_side(b, x)), x)


@in_double
def acos(b: ir.IRBuilder, x: Value) -> Value:
    """The inverse of the cosine."""
    angle = _atan_of_ratio(b, _other_side(b, x), magnitude(b, x))
    return where(b, '<', x, 0.0, b.fsub(F64(math.pi), angle), angle)


@in_double
def asinh(b: ir.IRBuilder, x: Value) -> Value:
    """The inverse of the hyperbolic sine."""
    a, one = magnitude(b, x), F64(1.0)
    square = b.fmul(a, a)
    near = lm.log1p(b, b.fadd(a, b.fdiv(square, b.fadd(one, unary(b, 'sqrt', b.fadd(one, square))))))
    return with_sign(b, where(b, '>', a, 2.0**30, _log_of_twice(b, a), near), x)


@in_double
def acosh(b: ir.IRBuilder, x: Value) -> Value:
    """The inverse of the hyperbolic cosine."""
    t = b.fsub(x, F64(1.0))
    near = lm.log1p(b, b.fadd(t, unary(b, 'sqrt', b.fmul(t, b.fadd(t, F64(2.0))))))
    return where(b, '<', x, 1.0, F64(math.nan), where(b, '>', x, 2.0**30, _log_of_twice(b, x), near))


def _log_of_twice(b: ir.IRBuilder, x: Value) -> Value:
    return b.fadd(lm.log(b, x), F64(math.log(2)))


@in_double
def atanh(b: ir.IRBuilder, x: Value) -> Value:
    """The inverse of the hyperbolic tangent."""
    a = magnitude(b, x)
    ratio = b.fdiv(a, b.fsub(F64(1.0), a))
    return with_sign(b, b.fmul(F64(0.5), lm.log1p(b, b.fadd(ratio, ratio))), x)


@in_double
def cbrt(b: ir.IRBuilder, x: Value) -> Value:
    """The cube root: an estimate, and a step of Newton's method."""
    a = magnitude(b, x)
    root = lm.exp(b, b.fmul(lm.log(b, a), F64(1 / 3)))
    better = b.fsub(root, b.fmul(b.fsub(root, b.fdiv(a, b.fmul(root, root))), F64(1 / 3)))
    ordinary = b.and_(b.fcmp_ordered('>=', a, F64(_TINY[F64])), b.fcmp_ordered('<', a, F64(math.inf)))
    return b.select(ordinary, with_sign(b, better, x), x)


# x e^(x^2) erfc(x) for x from 0.5 to 28, as powers of (t - centre) / width with t = (x - 3) / (x + 3): the interpolation at
# 23 of Chebyshev's nodes, computed with 120 digits, whose relative error is below 3e-18.
_TAIL_CENTRE, _TAIL_WIDTH = 0.04608294930875576, 0.7603686635944701
_TAIL = (
    0.5410974243546136, 0.0628452998891382, -0.07424550271892708, 0.054177933963319824, -0.02849081840953293, 0.010807483569936252,
    -0.0026390959933627863, 0.00019641279308042737, 0.00011897830727826304, -3.766933573505117e-05, -3.1686789596864383e-06,
    3.472379061634208e-06, -1.1130015106878732e-08, -3.214127941436616e-07, 7.829396277449064e-09, 3.284341649729779e-08,
    2.1560132933942252e-10, -3.5784426761900833e-09, -2.8639255826492834e-10, 3.6444303252697503e-10, 6.41593733216051e-11,
    -2.4655593930736178e-11, -6.6273938364359936e-12,
)  # fmt: skip


def _tail(b: ir.IRBuilder, x: Value) -> Value:
    """``erfc(x)`` for x of at least 0.5."""
    x = lm.clamp(b, x, 0.5, 28.0)
    t = b.fdiv(b.fsub(x, F64(3.0)), b.fadd(x, F64(3.0)))
    series = lm._series(b, b.fmul(b.fsub(t, F64(_TAIL_CENTRE)), F64(1 / _TAIL_WIDTH)), _TAIL)
    bits = b.bitcast(x, lm.integer(F64))
    high = b.bitcast(b.and_(bits, bits.type(-(1 << 27))), F64)  # its square is exact
    rest = b.fmul(b.fsub(x, high), b.fadd(x, high))
    density = b.fmul(lm.exp(b, b.fneg(b.fmul(high, high))), lm.exp(b, b.fneg(rest)))
    return b.fdiv(b.fmul(density, series), x)


def _middle(b: ir.IRBuilder, x: Value) -> Value:
    """``erf(x)`` for ``|x|`` of at most 0.5."""
    factor = 2 / math.sqrt(math.pi)
    terms = [factor * (-1.0) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(_ERF_TERMS)]
    return b.fmul(x, lm._series(b, b.fmul(x, x), terms))


@in_double
def erf(b: ir.IRBuilder, x: Value) -> Value:
    """The error function."""
    a = magnitude(b, x)
    outer = with_sign(b, b.fsub(F64(1.0), _tail(b, a)), x)
    return where(b, '>', a, 0.5, outer, _middle(b, lm.clamp(b, x, -0.5, 0.5)))


@in_double
def erfc(b: ir.IRBuilder, x: Value) -> Value:
    """``1 - erf(x)``, precise where that is small."""
    tail = _tail(b, magnitude(b, x))
    outer = where(b, '<', x, 0.0, b.fsub(F64(2.0), tail), tail)
    return where(b, '>', magnitude(b, x), 0.5, outer, b.fsub(F64(1.0), _middle(b, lm.clamp(b, x, -0.5, 0.5))))


@in_double
def erf_inv(b: ir.IRBuilder, x: Value) -> Value:
    """The inverse of the error function: a quantile of the normal distribution."""

    def ratio(z: Value, coefficients: tuple[tuple[float, ...], ...]) -> Value:
        upper, lower = (lm._series(b, z, tuple(reversed(c))) for c in coefficients)
        return b.fdiv(upper, lower)

    a = magnitude(b, x)
    q = b.fmul(x, F64(0.5))
    half_slope = b.fmul(F64(0.5), ratio(b.fsub(F64(_draws.CENTRE**2), b.fmul(q, q)), _draws.OF_CENTRE))
    centre = b.fmul(x, half_slope)  # half of a smallest number would be taken as zero
    r = unary(b, 'sqrt', b.fneg(lm.log(b, b.fmul(F64(0.5), b.fsub(F64(1.0), a)))))
    near, far = ratio(b.fsub(r, F64(1.6)), _draws.OF_NEAR_TAIL), ratio(b.fsub(r, F64(5.0)), _draws.OF_FAR_TAIL)
    tail = with_sign(b, where(b, '>', r, _draws.NEAR_TAIL, far, near), x)
    tail = where(b, '==', a, 1.0, with_sign(b, F64(math.inf), x), tail)
    tail = where(b, '>', a, 1.0, F64(math.nan), tail)
    return b.fmul(where(b, '>', a, 2 * _draws.CENTRE, tail, centre), F64(math.sqrt(0.5)))


def nextafter(b: ir.IRBuilder, x: Value, y: Value) -> Value:
    """The number next to ``x`` on the way to ``y``."""
    kind = lm.integer(x.type)
    bits = b.bitcast(x, kind)
    away = b.icmp_signed('==', b.icmp_signed('<', bits, kind(0)), b.fcmp_ordered('<', y, x))
    moved = b.bitcast(b.add(bits, b.select(away, kind(1), kind(-1))), x.type)
    moved = b.select(b.icmp_signed('==', b.shl(bits, kind(1)), kind(0)), with_sign(b, b.bitcast(kind(1), x.type), y), moved)
    return b.select(b.fcmp_unordered('uno', x, y), b.fadd(x, y), b.select(b.fcmp_ordered('==', x, y), y, moved))


def remainder(b: ir.IRBuilder, x: Value, y: Value) -> Value:
    """What division to a whole number towards zero leaves, exactly: a function that subtracts the divisor times powers of two."""
    kind = x.type
    name = f'remainder_{kind}'
    function = b.module.globals.get(name)
    if function is None:
        function = ir.Function(b.module, ir.FunctionType(kind, [kind, kind]), name)
        function.linkage = 'internal'
        _subtract_powers(ir.IRBuilder(function.append_basic_block()), *function.args)
    ordinary = b.and_(b.fcmp_ordered('>=', magnitude(b, y), kind(_TINY[kind])), b.fcmp_ordered('<', magnitude(b, x), kind(math.inf)))
    left = b.call(function, [b.select(ordinary, magnitude(b, x), kind(0.0)), b.select(ordinary, magnitude(b, y), kind(1.0))])
    return b.select(ordinary, with_sign(b, left, x), kind(math.nan))


def _subtract_powers(b: ir.IRBuilder, x: Value, y: Value) -> None:
    kind, start = lm.integer(x.type), b.block
    head, body, after = (b.append_basic_block() for _ in range(3))
    b.branch(head)
    b.position_at_end(head)
    left = b.phi(x.type)
    left.add_incoming(x, start)
    b.cbranch(b.fcmp_ordered('>=', left, y), body, after)
    b.position_at_end(body)
    place = kind(lm._MANTISSA[x.type])
    bits, of_divisor = b.bitcast(left, kind), b.bitcast(y, kind)
    apart = b.sub(b.lshr(bits, place), b.lshr(of_divisor, place))
    scaled = b.add(of_divisor, b.shl(apart, place))
    scaled = b.select(b.icmp_signed('>', scaled, bits), b.sub(scaled, b.shl(kind(1), place)), scaled)
    left.add_incoming(b.fsub(left, b.bitcast(scaled, x.type)), b.block)
    b.branch(head)
    b.position_at_end(after)
    b.ret(left)


def _two_sum(b: ir.IRBuilder, x: Value, y: Value) -> tuple[Value, Value]:
    """A sum and what rounding took from it."""
    total = b.fadd(x, y)
    part = b.fsub(total, x)
    return total, b.fadd(b.fsub(x, b.fsub(total, part)), b.fsub(y, part))


def _halves(b: ir.IRBuilder, x: Value) -> tuple[Value, Value]:
    """A number as the sum of two with half of the digits each."""
    scaled = b.fmul(x, F64(2.0**27 + 1))
    high = b.fsub(scaled, b.fsub(scaled, x))
    return high, b.fsub(x, high)


def _two_product(b: ir.IRBuilder, x: Value, y: Value) -> tuple[Value, Value]:
    """A product and what rounding took from it."""
    product, (xh, xl), (yh, yl) = b.fmul(x, y), _halves(b, x), _halves(b, y)
    rest = b.fsub(b.fmul(xh, yh), product)
    for p, q in ((xh, yl), (xl, yh), (xl, yl)):
        rest = b.fadd(rest, b.fmul(p, q))
    return product, rest


def _long_log(b: ir.IRBuilder, x: Value) -> tuple[Value, Value]:
    """The logarithm of a positive normal number as a sum, to some 65 binary places: with m = x / 2^e and s = (m - 1) / (m + 1),
    e ln 2 + 2 s + 2 s^3 / 3 + ….
    """
    e, f = lm.parts(b, x)
    divisor, lost = _two_sum(b, F64(2.0), f)
    s = b.fdiv(f, divisor)
    product, rest = _two_product(b, s, divisor)
    low = b.fdiv(b.fsub(b.fsub(b.fsub(f, product), rest), b.fmul(s, lost)), divisor)
    square, square_low = _two_product(b, s, s)
    square_low = fma(b, b.fmul(s, low), F64(2.0), square_low)
    series = lm._series(b, square, [2 / (2 * k + 5) for k in range(lm._LOG_TERMS[F64] - 1)])
    factor, factor_low = _two_sum(b, F64(2 / 3), b.fmul(square, series))
    factor_low = b.fadd(factor_low, F64(2.0**-54 * 2 / 3))  # what the double next to 2/3 lacks
    cube, cube_low = _two_product(b, s, square)
    cube_low = b.fadd(cube_low, fma(b, s, square_low, b.fmul(low, square)))
    term, term_low = _two_product(b, cube, factor)
    term_low = b.fadd(term_low, fma(b, cube, factor_low, b.fmul(cube_low, factor)))
    total, rest = _two_sum(b, b.fadd(s, s), term)
    rest = b.fadd(rest, fma(b, low, F64(2.0), term_low))
    high, ln2_low = lm._LN2[F64]
    total, more = _two_sum(b, b.fmul(e, F64(high)), total)
    rest = b.fadd(b.fadd(rest, more), b.fmul(e, F64(ln2_low)))
    return _two_sum(b, total, rest)


def power(b: ir.IRBuilder, x: Value, y: Value) -> Value:
    """``x ** y``."""
    if x.type == F32:
        return b.fptrunc(_power(b, b.fpext(x, F64), b.fpext(y, F64), exact=False), F32)
    return _power(b, x, y, exact=True)


def _power(b: ir.IRBuilder, x: Value, y: Value, exact: bool) -> Value:
    a = magnitude(b, x)
    times = lm.clamp(b, y, -1e20, 1e20)  # more makes 0, 1 or infinity of any number as well
    if exact:
        log, rest = _long_log(b, a)
        exponent, lost = _two_product(b, times, log)
        whole, r = lm._reduced(b, lm.clamp(b, exponent, -760.0, 760.0))
        r = b.fadd(r, fma(b, times, rest, lost))
        r = lm.clamp(b, r, -1.0, 1.0)
        series = lm._series(b, r, [1 / math.factorial(k) for k in range(lm._EXP_TERMS[F64])])
        result = _scaled(b, series, whole)
    else:
        result = lm.exp(b, b.fmul(times, lm.log(b, a)))
    is_zero, is_infinite = b.fcmp_ordered('<', a, F64(_TINY[F64])), b.fcmp_ordered('==', a, F64(math.inf))
    grows = b.icmp_unsigned('==', b.fcmp_ordered('>', y, F64(0.0)), is_infinite)
    result = b.select(b.or_(is_zero, is_infinite), b.select(grows, F64(math.inf), F64(0.0)), result)
    half = b.fmul(y, F64(0.5))
    is_whole, is_even = (b.fcmp_ordered('==', unary(b, 'rint', v), v) for v in (y, half))
    bits = b.bitcast(x, lm.integer(F64))
    negative = b.icmp_signed('<', bits, bits.type(0))
    result = b.select(b.and_(negative, b.and_(is_whole, b.not_(is_even))), b.fneg(result), result)
    nowhere = b.and_(b.and_(negative, b.not_(is_whole)), b.not_(b.or_(is_zero, is_infinite)))
    result = b.select(b.or_(nowhere, b.fcmp_unordered('uno', x, y)), F64(math.nan), result)
    return b.select(b.or_(b.fcmp_ordered('==', y, F64(0.0)), b.fcmp_ordered('==', x, F64(1.0))), F64(1.0), result)
