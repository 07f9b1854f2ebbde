"""Angles of very many turns, brought to the same direction within one, as Payne & Hanek do: 1983, doi:10.1145/1057600.1057602.

Binary digits of 1 / (2 pi) that stand for whole turns are left out; the next ones give the rest, in products that are exact.
"""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir

Value = Any
_F64, _I32, _I64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)
_MANY = 20  # binary digits of an angle above which it is not subtracted in multiples of pi as a few numbers
_LEADING = 64  # zeros before the digits of 1 / (2 pi)
_DIGITS, _WORDS = 26, 46  # of a word, so that products with half of a number are exact; and how many words there are
_HALF = 27  # digits of the lower half of a number
_TURN = 6.283185307179586


def nearby(b: ir.IRBuilder, x: Value, short: bool) -> Value:
    """The angle itself, or beyond 2^20 one of at most half a turn with the same direction, within 1e-15; float64.

    A number that was float32 is said to be short: of the digits it needs few words, and these can be chosen without a table in memory.
    """
    bits = b.bitcast(x, _I64)
    exponent = b.trunc(b.and_(b.lshr(bits, _I64(52)), _I64(0x7FF)), _I32)
    least = _I32(1023 + _MANY)
    exponent = b.select(b.icmp_signed('<', exponent, least), least, exponent)
    # x is a whole number, below in halves, times a power of two
    mantissa, unit = b.and_(bits, _I64((1 << 52) - 1)), _I64(1075 << 52)
    whole, high = (b.bitcast(b.or_(part, unit), _F64) for part in (mantissa, b.and_(mantissa, _I64(-(1 << _HALF)))))
    halves = high, b.fsub(whole, high)
    place = b.add(exponent, _I32(_LEADING - 1075))
    first = b.udiv(place, _I32(_DIGITS))
    shift = b.sub(place, b.mul(first, _I32(_DIGITS)))
    scale = b.bitcast(b.shl(b.zext(b.add(shift, _I32(1023)), _I64), _I64(52)), _F64)
    words = _chosen(b, first) if short else _looked_up(b, first)
    words = [b.fmul(b.fmul(word, scale), _F64(2.0 ** (-_DIGITS * (k + 1)))) for k, word in enumerate(words)]
    turns = _F64(0.0)
    for k in range(len(words) - 1):  # the high half times the first word is a number of whole turns
        for half, word in ((halves[0], words[k + 1]),) if short else ((halves[1], words[k]), (halves[0], words[k + 1])):
            turns = _fraction(b, b.fadd(turns, _fraction(b, b.fmul(half, word))))
    angle = b.fadd(b.fmul(turns, _F64(_TURN)), b.fsub(x, x))  # NaN at infinity
    angle = b.select(b.icmp_signed('<', bits, _I64(0)), b.fneg(angle), angle)
    far = b.fcmp_ordered('>', b.call(b.module.declare_intrinsic('llvm.fabs', [_F64]), [x]), _F64(2.0**_MANY))
    return b.select(far, angle, x)


def _fraction(b: ir.IRBuilder, x: Value) -> Value:
    """A number without the nearest whole one."""
    return b.fsub(x, b.call(b.module.declare_intrinsic('llvm.rint', [_F64]), [x]))


def _chosen(b: ir.IRBuilder, first: Value) -> list[Value]:
    """Five words from the first or a later one of those that float32 numbers need."""
    digits, smallest = _inverse_of_turn(), (1023 + _MANY - 1075 + _LEADING) // _DIGITS
    largest = (1023 + 127 - 1075 + _LEADING) // _DIGITS
    words: list[Value] = [_F64(float(digits[smallest + k])) for k in range(5)]
    for place in range(smallest + 1, largest + 1):
        is_later = b.icmp_signed('>=', first, _I32(place))
        words = [b.select(is_later, _F64(float(digits[place + k])), word) for k, word in enumerate(words)]
    return words


def _looked_up(b: ir.IRBuilder, first: Value) -> list[Value]:
    """Six words from the first."""
    name = 'inverse_of_turn'
    table = b.module.globals.get(name)
    if table is None:
        table = ir.GlobalVariable(b.module, ir.ArrayType(_F64, _WORDS), name)
        table.linkage, table.global_constant = 'internal', True
        table.initializer = ir.Constant(table.type.pointee, [_F64(float(word)) for word in _inverse_of_turn()])
    return [b.load(b.gep(table, [_I32(0), b.add(first, _I32(k))])) for k in range(6)]


@functools.cache
def _inverse_of_turn() -> list[int]:
    """The binary digits of 1 / (2 pi), after some zeros, in words."""
    bits = _DIGITS * _WORDS - _LEADING
    one = 1 << (bits + 64)

    def inverse_tangent(n: int) -> int:  # of 1 / n
        total, term, k, sign = 0, one // n, 1, 1
        while term:
            total, term, k, sign = total + sign * (term // k), term // (n * n), k + 2, -sign
        return total

    pi = 4 * (4 * inverse_tangent(5) - inverse_tangent(239))  # Machin's formula
    digits = (one << bits) // (2 * pi)
    return [digits >> (_DIGITS * k) & (1 << _DIGITS) - 1 for k in reversed(range(_WORDS))]
