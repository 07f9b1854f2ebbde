"""Rules of synapses in a native step: of each neuron that fires, its synapses are visited and changed in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from .. import _threads
from .._flat import Flat
from .._nodes import Node, Number, Operand
from .llvm_events import SHARED, SHARED_SYNAPSES, WORTH_SHARING
from .llvm_frame import I32, CallFrame, counting
from .llvm_operations import I8, I64, OPERATIONS, Value, constant, load, store, type_of

INT32 = np.dtype(np.int32)


def revise(frame: CallFrame, nodes: list[Node]) -> None:
    """Change the values of the synapses of neurons that fire."""
    node = nodes[0]
    rule, placed = node.params['rule'], node.params['placed']
    *operands, active = node.operands
    starts, others, *rest = operands
    places = [rest.pop(0)] if placed else []
    spikes, *rest = rest
    a, b, c = rule.values, rule.values + rule.own, rule.values + rule.own + rule.far
    values, own, far, shared = rest[:a], rest[a:b], rest[b:c], rest[c:]
    pointers = [frame.address(x) for x in (starts, active, spikes, *own, others, *places, *far, *values)]
    scalars = [frame.scalar(x) for x in shared]
    function = _all_rows(frame, node, rule, len(places), spikes.dtype, values[0].dtype, [x.dtype for x in shared])
    synapses, n = others.size, starts.size - 1
    units = None
    if synapses >= SHARED_SYNAPSES and _threads.ready():
        numbers = I64(synapses), I64(max(1, n)), I64(WORTH_SHARING[values[0].size >= SHARED])
        units = frame.call('numba_deliver', 'worth', (), frame.address(active), *numbers)
    frame.give(function, pointers + scalars, units)


def _all_rows(
    frame: CallFrame, node: Node, rule: Any, places: int, spike: np.dtype, dtype: np.dtype, shared: list[np.dtype]
) -> ir.Function:
    """A function of (context, part, parts) for a part of the neurons that fire."""
    module, pointer = frame.b.module, I8.as_pointer()
    row = _one_row(frame, node, rule, places, dtype, shared)
    kinds = [pointer] * (4 + places + rule.own + rule.far + rule.values) + [type_of(x) for x in shared]
    function = ir.Function(module, ir.FunctionType(I64, [I64] * 3), f'revise_{node.stage}')
    context, part, parts = function.args
    b = ir.IRBuilder(function.append_basic_block())
    place = b.inttoptr(context, ir.LiteralStructType(kinds).as_pointer())
    given = [b.load(b.gep(place, [I32(0), I32(k)])) for k in range(len(kinds))]
    starts, active, spikes, *rest = given
    own, rest = rest[: rule.own], rest[rule.own :]
    count = b.sext(load(b, active, INT32), I64)
    first, last = (b.udiv(b.mul(count, x), parts) for x in (part, b.add(part, I64(1))))
    with counting(b, first, last) as n:
        neuron = b.sext(load(b, active, INT32, b.add(n, I64(1))), I64)
        begin, end = (b.sext(load(b, starts, INT32, x), I64) for x in (neuron, b.add(neuron, I64(1))))
        share = type_of(dtype)(1.0) if spike == np.bool_ else load(b, spikes, spike, neuron)
        b.call(row, [*rest, *(load(b, x, dtype, neuron) for x in own), share, begin, end])
    b.ret(I64(0))
    return function


def _one_row(frame: CallFrame, node: Node, rule: Any, places: int, dtype: np.dtype, shared: list[np.dtype]) -> ir.Function:
    """A function for the synapses ``begin`` to ``end`` of one neuron."""
    module, pointer, kind = frame.b.module, I8.as_pointer(), type_of(dtype)
    arrays = 1 + places + rule.far + rule.values
    kinds = [pointer] * arrays + [type_of(x) for x in shared] + [kind] * (rule.own + 1) + [I64, I64]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), f'revise_row_{node.stage}')
    function.linkage = 'internal'
    function.attributes.add('noinline')  # the compiler believes 'noalias' of arguments
    for argument in function.args[:arrays]:
        argument.add_attribute('noalias')
    others, *rest = function.args
    where, rest = rest[:places], rest[places:]
    far, values = rest[: rule.far], rest[rule.far : rule.far + rule.values]
    numbers = rest[rule.far + rule.values :]
    common, own, (share, begin, end) = numbers[: len(shared)], numbers[len(shared) : -3], numbers[-3:]
    b = ir.IRBuilder(function.append_basic_block())
    for is_whole in (True, False):  # almost every spike is the number 1
        compare, sign = (b.fcmp_ordered, '==') if is_whole else (b.fcmp_unordered, '!=')
        with b.if_then(compare(sign, share, kind(1.0))), counting(b, begin, end) as p:
            k = b.sext(load(b, where[0], INT32, p), I64) if where else p
            other = b.sext(load(b, others, INT32, p), I64) if far else I64(0)
            before = [load(b, x, dtype, k) for x in values]
            after = _evaluated(b, rule, [*before, *own, *(load(b, x, dtype, other) for x in far), *common])
            for x, old, new in zip(values, before, after, strict=True):
                if new is not old:
                    store(b, new if is_whole else b.fadd(old, b.fmul(share, b.fsub(new, old))), x, k, dtype)
    b.ret_void()
    return function


def _evaluated(b: ir.IRBuilder, rule: Any, given: list[Value]) -> list[Value]:
    """The results of the rule's equations."""
    flat = Flat()
    operands: list[Any] = [Operand(k, 1, v.aval.dtype) for k, v in enumerate(rule.closed.jaxpr.invars)]
    results = flat.evaluate(rule.closed, operands)
    known: dict[Any, Value] = dict(zip(operands, given, strict=True))

    def value_of(x: Any) -> Value:
        return constant(x) if isinstance(x, Number) else known[x]

    for node in flat.nodes:
        known[node] = OPERATIONS[node.name](b, node, [value_of(x) for x in node.operands])
    return [value_of(x) for x in results]
