"""Operations on single items as LLVM code: of a builder, the node and the values of its operands."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from .._nodes import Node, Number
from . import llvm_math as lm
from . import llvm_special as ls

I1, I8, I64 = (ir.IntType(n) for n in (1, 8, 64))
Value = Any


def type_of(dtype: np.dtype) -> Any:
    """The type of a value in a register."""
    return I1 if dtype == np.bool_ else {'f4': lm.F32, 'f8': lm.F64}.get(dtype.str[1:]) or ir.IntType(8 * dtype.itemsize)


def _memory_type(dtype: np.dtype) -> Any:
    return I8 if dtype == np.bool_ else type_of(dtype)


def load(b: ir.IRBuilder, base: Value, dtype: np.dtype, i: Value | None = None) -> Value:
    """The i-th item from an address."""
    place = b.bitcast(base, _memory_type(dtype).as_pointer())
    value = b.load(place if i is None else b.gep(place, [i]))
    return b.icmp_unsigned('!=', value, I8(0)) if dtype == np.bool_ else value


def store(b: ir.IRBuilder, value: Value, base: Value, i: Value, dtype: np.dtype) -> None:
    """Write the i-th item from an address."""
    if dtype == np.bool_:
        value = b.zext(value, I8)
    b.store(value, b.gep(b.bitcast(base, value.type.as_pointer()), [i]))


def constant(number: Number) -> Value:
    """A known number."""
    kind = type_of(number.dtype)
    value = float(number.value) if number.dtype.kind == 'f' else int(number.value)
    return ir.Constant(kind, value)


def _is_float(node: Node) -> bool:
    return node.operands[0].dtype.kind == 'f'


def _is_signed(node: Node) -> bool:
    return node.operands[0].dtype.kind == 'i'


def _binary(on_floats: str, on_integers: str) -> Callable:
    def emit(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
        return getattr(b, on_floats if _is_float(node) else on_integers)(*operands)

    return emit


def _divide(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    x, y = operands
    if _is_float(node):
        return b.fdiv(x, y)
    safe, is_zero, overflows = _divisor(b, node, x, y)
    if not _is_signed(node):
        return b.select(is_zero, y.type(-1), b.udiv(x, safe))
    return b.select(is_zero, y.type(-1), b.select(overflows, x, b.sdiv(x, safe)))


def _remainder(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    x, y = operands
    if _is_float(node):
        return ls.remainder(b, x, y)
    safe, is_zero, overflows = _divisor(b, node, x, y)
    if not _is_signed(node):
        return b.select(is_zero, x, b.urem(x, safe))
    return b.select(is_zero, x, b.select(overflows, x.type(0), b.srem(x, safe)))


def _divisor(b: ir.IRBuilder, node: Node, x: Value, y: Value) -> tuple[Value, Value, Value]:
    """A divisor that does not stop the process, and whether it stands for 0, or for -1 where the quotient is too large."""
    is_zero = b.icmp_unsigned('==', y, y.type(0))
    overflows = I1(0)
    if _is_signed(node):
        least = x.type(-(1 << (x.type.width - 1)))
        overflows = b.and_(b.icmp_signed('==', x, least), b.icmp_signed('==', y, y.type(-1)))
    return b.select(b.or_(is_zero, overflows), y.type(1), y), is_zero, overflows


def _compare(sign: str) -> Callable:
    def emit(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
        if _is_float(node):
            return (b.fcmp_unordered if sign == '!=' else b.fcmp_ordered)(sign, *operands)
        return (b.icmp_signed if _is_signed(node) else b.icmp_unsigned)(sign, *operands)

    return emit


def _extreme(sign: str) -> Callable:
    def emit(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
        return chosen(b, sign, node.operands[0].dtype, *operands)

    return emit


def chosen(b: ir.IRBuilder, sign: str, dtype: np.dtype, x: Value, y: Value) -> Value:
    """The greater or lesser of two, NaN if one of them is."""
    if dtype.kind == 'f':
        return b.select(b.or_(b.fcmp_ordered(sign, x, y), b.fcmp_unordered('uno', x, x)), x, y)
    return b.select((b.icmp_signed if dtype.kind == 'i' else b.icmp_unsigned)(sign, x, y), x, y)


def _clamp(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    low, x, high = operands
    return chosen(b, '<', node.dtype, chosen(b, '>', node.dtype, x, low), high)


def _select(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    which, result, *others = operands
    for number, case in enumerate(others, 1):
        chosen_case = which if which.type == I1 else b.icmp_signed('>=', which, which.type(number))
        result = b.select(chosen_case, case, result)
    return result


def _convert(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    (x,), old, new = operands, node.operands[0].dtype, node.dtype
    kind = type_of(new)
    if old == new:
        return x
    if new == np.bool_:
        return b.fcmp_unordered('!=', x, x.type(0.0)) if old.kind == 'f' else b.icmp_unsigned('!=', x, x.type(0))
    if old.kind == 'f' and new.kind == 'f':
        return b.fpext(x, kind) if new.itemsize > old.itemsize else b.fptrunc(x, kind)
    if old.kind == 'f':
        signed = 's' if new.kind == 'i' else 'u'
        name = f'llvm.fpto{signed}i.sat.i{kind.width}.f{8 * old.itemsize}'
        function = b.module.globals.get(name) or ir.Function(b.module, ir.FunctionType(kind, [x.type]), name)
        return b.call(function, [x])
    if new.kind == 'f':
        return b.sitofp(x, kind) if old.kind == 'i' else b.uitofp(x, kind)
    if x.type.width == kind.width:
        return x
    if x.type.width > kind.width:
        return b.trunc(x, kind)
    return b.sext(x, kind) if old.kind == 'i' else b.zext(x, kind)


def _shift(method: str) -> Callable:
    def emit(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
        x, n = operands
        shifted, width = getattr(b, method)(x, n), x.type.width
        amount = node.operands[1]
        if isinstance(amount, Number):
            if 0 <= int(amount.value) < width:
                return shifted
            return x.type(0) if method != 'ashr' else b.ashr(x, x.type(width - 1))
        beyond = x.type(0) if method != 'ashr' else b.ashr(x, x.type(width - 1))
        return b.select(b.icmp_unsigned('<', n, x.type(width)), shifted, beyond)

    return emit


def _sign(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    (x,), kind = operands, operands[0].type
    if not _is_float(node):
        positive = b.select(b.icmp_unsigned('!=', x, kind(0)), kind(1), kind(0))
        return b.select(b.icmp_signed('<', x, kind(0)), kind(-1), positive) if _is_signed(node) else positive
    return lm.where(b, '>', x, 0.0, kind(1.0), lm.where(b, '<', x, 0.0, kind(-1.0), x))


def _absolute(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    (x,) = operands
    if _is_float(node):
        return lm.unary(b, 'fabs', x)
    return b.select(b.icmp_signed('<', x, x.type(0)), b.neg(x), x) if _is_signed(node) else x


def _function(emit: Callable) -> Callable:
    return lambda b, node, operands: emit(b, operands[0])


def _instruction(name: str) -> Callable:
    return lambda b, node, operands: lm.unary(b, name, operands[0])


def _finite(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    return b.fcmp_ordered('<', lm.unary(b, 'fabs', operands[0]), operands[0].type(math.inf))


def _integer_power(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    (x,), left = operands, node.params['y']
    if _is_float(node):
        return lm.power(b, x, left)
    result = x.type(1)
    while left:
        result, x, left = (b.mul(result, x) if left & 1 else result), b.mul(x, x), left >> 1
    return result


def _square(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    return (b.fmul if _is_float(node) else b.mul)(operands[0], operands[0])


def _numbered(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    kind, i = type_of(node.dtype), operands[-1] if operands else I64(0)
    if node.dtype.kind == 'f':
        return b.sitofp(i, kind)
    return i if kind.width == 64 else b.trunc(i, kind)


def _negative(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    return b.fneg(operands[0]) if _is_float(node) else b.neg(operands[0])


def _counted(name: str) -> Callable:
    """An instruction that counts bits; the second of its operands tells that any number is allowed."""

    def emit(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
        (x,), further = operands, [I1(0)] if name == 'ctlz' else []
        kind = ir.FunctionType(x.type, [x.type, *(v.type for v in further)])
        return b.call(b.module.declare_intrinsic(f'llvm.{name}', [x.type], kind), [x, *further])

    return emit


def _high_product(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    kind = operands[0].type
    wide = ir.IntType(2 * kind.width)
    x, y = (b.sext(v, wide) if _is_signed(node) else b.zext(v, wide) for v in operands)
    return b.trunc(b.lshr(b.mul(x, y), wide(kind.width)), kind)


def _to_the_power(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    x, y = operands
    exponent = node.operands[1].dtype
    if exponent.kind != 'f':
        y = (b.sitofp if exponent.kind == 'i' else b.uitofp)(y, lm.F64)
        return b.fptrunc(ls.power(b, b.fpext(x, lm.F64), y), lm.F32) if x.type == lm.F32 else ls.power(b, x, y)
    return ls.power(b, x, y)


def _take(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    first, place = operands
    return load(b, first, node.dtype, place)


def reads_memory(node: Node, value: Any) -> bool:
    """Whether an operand of an operation is memory, of which it reads an item, and not a number."""
    return node.name in ('take', 'strided') and value is node.operands[0]


def place_at(b: ir.IRBuilder, node: Node, i: Value) -> Value:
    """The place of item i of a node that reads from memory by axes."""
    inner, place = node.size, I64(node.params['first'])
    counts = ir.IntType(32) if node.size < 1 << 31 else I64  # the compiler divides these faster
    for n, stride in node.params['axes']:
        inner //= n
        if stride:
            at = i if counts is I64 else b.trunc(i, counts)
            at = b.udiv(at, counts(inner)) if inner > 1 else at
            at = b.urem(at, counts(n)) if n * inner < node.size else at
            place = b.add(place, b.mul(at if counts is I64 else b.zext(at, I64), I64(stride)))
    return place


OPERATIONS: dict[str, Callable[[ir.IRBuilder, Node, list[Value]], Value]] = {
    'add': _binary('fadd', 'add'),
    'add_any': _binary('fadd', 'add'),
    'sub': _binary('fsub', 'sub'),
    'mul': _binary('fmul', 'mul'),
    'div': _divide,
    'rem': _remainder,
    'mulhi': _high_product,
    'neg': _negative,
    'abs': _absolute,
    'sign': _sign,
    'max': _extreme('>'),
    'min': _extreme('<'),
    'clamp': _clamp,
    'select_n': _select,
    'convert_element_type': _convert,
    'bitcast_convert_type': lambda b, node, operands: b.bitcast(operands[0], type_of(node.dtype)),
    'copy': lambda b, node, operands: operands[0],
    'copy_p': lambda b, node, operands: operands[0],
    'iota': _numbered,
    'take': _take,
    'strided': _take,
    'and': lambda b, node, operands: b.and_(*operands),
    'or': lambda b, node, operands: b.or_(*operands),
    'xor': lambda b, node, operands: b.xor(*operands),
    'not': lambda b, node, operands: b.not_(operands[0]),
    'shift_left': _shift('shl'),
    'shift_right_logical': _shift('lshr'),
    'shift_right_arithmetic': _shift('ashr'),
    'eq': _compare('=='),
    'ne': _compare('!='),
    'lt': _compare('<'),
    'le': _compare('<='),
    'gt': _compare('>'),
    'ge': _compare('>='),
    'is_finite': _finite,
    'floor': _instruction('floor'),
    'ceil': _instruction('ceil'),
    'sqrt': _instruction('sqrt'),
    'rsqrt': lambda b, node, operands: b.fdiv(operands[0].type(1.0), lm.unary(b, 'sqrt', operands[0])),
    'square': _square,
    'integer_pow': _integer_power,
    'round': lambda b, node, operands: lm.unary(b, 'rint' if int(node.params['rounding_method']) == 1 else 'round', operands[0]),
    'pow': _to_the_power,
    'nextafter': lambda b, node, operands: ls.nextafter(b, *operands),
    'atan2': lambda b, node, operands: ls.atan2(b, *operands),
    'population_count': _counted('ctpop'),
    'clz': _counted('ctlz'),
    'exp': _function(lm.exp),
    'expm1': _function(lm.expm1),
    'exprel': _function(lm.exprel),  # of brainunit
    'log': _function(lm.log),
    'log1p': _function(lm.log1p),
    'logistic': _function(lm.logistic),
    'tanh': _function(lm.tanh),
    'sin': _function(lm.sin),
    'cos': _function(lm.cos),
    'exp2': _function(ls.exp2),
    'sinh': _function(ls.sinh),
    'cosh': _function(ls.cosh),
    'tan': _function(ls.tan),
    'asin': _function(ls.asin),
    'acos': _function(ls.acos),
    'atan': _function(ls.atan),
    'asinh': _function(ls.asinh),
    'acosh': _function(ls.acosh),
    'atanh': _function(ls.atanh),
    'cbrt': _function(ls.cbrt),
    'erf': _function(ls.erf),
    'erfc': _function(ls.erfc),
    'erf_inv': _function(ls.erf_inv),
}
