"""Operations on single items as LLVM code: of a builder, the node and the values of its operands."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from .._nodes import Node, Number
from . import llvm_math as lm

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
    return b.sdiv(x, y) if _is_signed(node) else b.udiv(x, y)


def _compare(sign: str) -> Callable:
    def emit(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
        if _is_float(node):
            return (b.fcmp_unordered if sign == '!=' else b.fcmp_ordered)(sign, *operands)
        return (b.icmp_signed if _is_signed(node) else b.icmp_unsigned)(sign, *operands)

    return emit


def _extreme(sign: str) -> Callable:
    def emit(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
        return _choose(b, sign, node.operands[0].dtype, *operands)

    return emit


def _choose(b: ir.IRBuilder, sign: str, dtype: np.dtype, x: Value, y: Value) -> Value:
    """The greater or lesser of two, NaN if one of them is."""
    if dtype.kind == 'f':
        return b.select(b.or_(b.fcmp_ordered(sign, x, y), b.fcmp_unordered('uno', x, x)), x, y)
    return b.select((b.icmp_signed if dtype.kind == 'i' else b.icmp_unsigned)(sign, x, y), x, y)


def _clamp(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    low, x, high = operands
    return _choose(b, '<', node.dtype, _choose(b, '>', node.dtype, x, low), high)


def _select(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    which, otherwise, then = operands
    return b.select(which, then, otherwise)


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
    if _is_float(node):
        return lm.power(b, operands[0], node.params['y'])
    result = operands[0].type(1)
    for _ in range(node.params['y']):
        result = b.mul(result, operands[0])
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


def _remainder(b: ir.IRBuilder, node: Node, operands: list[Value]) -> Value:
    return (b.srem if _is_signed(node) else b.urem)(*operands)


OPERATIONS: dict[str, Callable[[ir.IRBuilder, Node, list[Value]], Value]] = {
    'add': _binary('fadd', 'add'),
    'sub': _binary('fsub', 'sub'),
    'mul': _binary('fmul', 'mul'),
    'div': _divide,
    'rem': _remainder,
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
    'exp': _function(lm.exp),
    'expm1': _function(lm.expm1),
    'log': _function(lm.log),
    'log1p': _function(lm.log1p),
    'logistic': _function(lm.logistic),
    'tanh': _function(lm.tanh),
    'sin': _function(lm.sin),
    'cos': _function(lm.cos),
}
