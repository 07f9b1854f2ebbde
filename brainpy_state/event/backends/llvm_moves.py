"""Operations on whole pieces of memory in a native step: replacing a part, joining arrays, and reductions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir

from .._moves import strides_of
from .._nodes import Node, Number
from .llvm_frame import CallFrame, counting
from .llvm_operations import I1, I8, I64, Value, chosen, load, store, type_of


def put(frame: CallFrame, nodes: list[Node]) -> None:
    """Copy an array into a part of another, in pieces as long as both have them in one."""
    (node,) = nodes
    whole, update, *places = node.operands
    b, shape, part = frame.b, node.params['shape'], node.params['part']
    strides = strides_of(shape)
    start = I64(0)
    for place, stride in zip(places, strides, strict=True):
        start = b.add(start, b.mul(frame.scalar(place) if not isinstance(place, Number) else I64(int(place.value)), I64(stride)))
    item = node.dtype.itemsize
    target = b.gep(frame.address(whole), [b.mul(start, I64(item))])
    axes = next((axis for axis in reversed(range(len(shape))) if part[axis] != shape[axis]), 0)  # these come before a piece
    length = math.prod(part[axes:]) * item
    with counting(b, I64(0), I64(math.prod(part[:axes]))) as k:
        offset, inner = I64(0), math.prod(part[:axes])
        for axis in range(axes):
            inner //= part[axis]
            at = b.urem(b.udiv(k, I64(inner)), I64(part[axis]))
            offset = b.add(offset, b.mul(at, I64(strides[axis] * item)))
        _copy(b, b.gep(target, [offset]), b.gep(frame.address(update), [b.mul(k, I64(length))]), length)


def join(frame: CallFrame, nodes: list[Node]) -> None:
    """Copy arrays beside each other, some items of each in turn."""
    (node,) = nodes
    b, times, item = frame.b, node.params['times'], node.dtype.itemsize
    lengths = [value.size // times * item for value in node.operands]
    target = frame.address(node)
    with counting(b, I64(0), I64(times)) as k:
        first = b.mul(k, I64(sum(lengths)))
        for value, length in zip(node.operands, lengths, strict=True):
            _copy(b, b.gep(target, [first]), b.gep(frame.address(value), [b.mul(k, I64(length))]), length)
            first = b.add(first, I64(length))


def _copy(b: ir.IRBuilder, target: Value, source: Value, size: int) -> None:
    pointer = I8.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, I64, I1])
    b.call(b.module.declare_intrinsic('llvm.memcpy', [pointer, pointer, I64], kind), [target, source, I64(size), I1(0)])


def reduce(frame: CallFrame, nodes: list[Node]) -> None:
    """Sum up, or the like, so many consecutive items for each result."""
    (node,) = nodes
    (given,), items, pointer = node.operands, node.params['items'], I8.as_pointer()
    function = ir.Function(frame.b.module, ir.FunctionType(ir.VoidType(), [pointer, pointer]), f'reduce_{node.stage}')
    function.linkage = 'internal'
    function.attributes.add('noinline')  # the compiler believes 'noalias' of arguments
    source, target = function.args
    for argument in function.args:
        argument.add_attribute('noalias')
    b = ir.IRBuilder(function.append_basic_block())
    with counting(b, I64(0), I64(node.size)) as k:
        first, start, value = b.mul(k, I64(items)), b.block, _neutral(node)
        if items:
            entered, combined, left = _last_of_floats(node) or (_as_it_is, _COMBINED[node.params['how']], _as_it_is)
            neutral = entered(b, node, value)
            body, after = b.append_basic_block(), b.append_basic_block()
            b.branch(body)
            b.position_at_end(body)
            i, total = b.phi(I64), b.phi(neutral.type)
            value = combined(b, node, total, entered(b, node, load(b, source, given.dtype, b.add(first, i))))
            following = b.add(i, I64(1))
            for phi, before, later in ((i, I64(0), following), (total, neutral, value)):
                phi.add_incoming(before, start)
                phi.add_incoming(later, b.block)
            b.cbranch(b.icmp_unsigned('<', following, I64(items)), body, after)
            b.position_at_end(after)
            value = left(b, node, value)
        store(b, value, target, k, node.dtype)
    b.ret_void()
    frame.b.call(function, [frame.address(given), frame.address(node)])


def _as_it_is(b: ir.IRBuilder, node: Node, x: Value) -> Value:
    return x


def _last_of_floats(node: Node) -> Any:
    """How the greatest or least of floats is found as one of integers, which any vector unit does; None for other reductions."""
    return (_ordered, _further, _number) if node.params['how'] in ('max', 'min') and node.dtype.kind == 'f' else None


def _ordered(b: ir.IRBuilder, node: Node, x: Value) -> Value:
    """An integer in the place of a float, in the same order; of NaN the one that no other passes."""
    bits = 8 * node.dtype.itemsize
    kind = ir.IntType(bits)
    last = (1 << (bits - 1)) - 1 if node.params['how'] == 'max' else -(1 << (bits - 1))
    return b.select(b.fcmp_unordered('uno', x, x), kind(last), _folded(b, b.bitcast(x, kind)))


def _number(b: ir.IRBuilder, node: Node, word: Value) -> Value:
    """The float in whose place an integer stands."""
    return b.bitcast(_folded(b, word), type_of(node.dtype))


def _folded(b: ir.IRBuilder, word: Value) -> Value:
    """All bits but the sign turned where that is set; done twice, it changes nothing."""
    kind, bits = word.type, word.type.width
    return b.xor(word, b.and_(b.ashr(word, kind(bits - 1)), kind((1 << (bits - 1)) - 1)))


def _further(b: ir.IRBuilder, node: Node, total: Value, x: Value) -> Value:
    return b.select(b.icmp_signed('>' if node.params['how'] == 'max' else '<', total, x), total, x)


def _sum(b: ir.IRBuilder, node: Node, total: Value, x: Value) -> Value:
    return b.fadd(total, x, flags=('reassoc',)) if node.dtype.kind == 'f' else b.add(total, x)


def _product(b: ir.IRBuilder, node: Node, total: Value, x: Value) -> Value:
    return b.fmul(total, x, flags=('reassoc',)) if node.dtype.kind == 'f' else b.mul(total, x)


_COMBINED: dict[str, Any] = {
    'sum': _sum,
    'prod': _product,
    'max': lambda b, node, total, x: chosen(b, '>', node.dtype, total, x),
    'min': lambda b, node, total, x: chosen(b, '<', node.dtype, total, x),
    'and': lambda b, node, total, x: b.and_(total, x),
    'or': lambda b, node, total, x: b.or_(total, x),
    'xor': lambda b, node, total, x: b.xor(total, x),
}


def _neutral(node: Node) -> Value:
    """What changes nothing."""
    how, kind, dtype = node.params['how'], type_of(node.dtype), node.dtype
    if how in ('sum', 'or', 'xor', 'prod'):
        return ir.Constant(kind, int(how == 'prod'))
    if how == 'and' or dtype == np.bool_:
        return ir.Constant(kind, -1 if how in ('and', 'min') else 0) if dtype != np.bool_ else I1(int(how in ('and', 'min')))
    if dtype.kind == 'f':
        return kind(-math.inf if how == 'max' else math.inf)
    info = np.iinfo(dtype)
    return kind(int(info.min if how == 'max' else info.max))
