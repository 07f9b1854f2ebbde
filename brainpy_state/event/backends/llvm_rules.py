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
AHEAD = 128  # synapses from which memory is fetched before it is needed, where they are scattered over more than a cache holds
SCATTERED = 1 << 18  # synapses from which on this is so


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
    fetched = others.size if placed and others.size >= SCATTERED else 0
    function = _all_rows(frame, node, rule, len(places), fetched, spikes.dtype, values[0].dtype, [x.dtype for x in shared])
    synapses, n = others.size, starts.size - 1
    units = None
    if synapses >= SHARED_SYNAPSES and _threads.ready():
        numbers = I64(synapses), I64(max(1, n)), I64(WORTH_SHARING[values[0].size >= SHARED])
        units = frame.call('numba_deliver', 'worth', (), frame.address(active), *numbers)
    frame.give(function, pointers + scalars, units)


def _all_rows(
    frame: CallFrame, node: Node, rule: Any, places: int, fetched: int, spike: np.dtype, dtype: np.dtype, shared: list[np.dtype]
) -> ir.Function:
    """A function of (context, part, parts) for a part of the neurons that fire."""
    module, pointer = frame.b.module, I8.as_pointer()
    row = _one_row(frame, node, rule, places, fetched, dtype, shared)
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
        following = b.add(n, b.zext(b.icmp_signed('<', b.add(n, I64(1)), last), I64))  # the next neuron, or the last again
        then = b.sext(load(b, starts, INT32, b.sext(load(b, active, INT32, b.add(following, I64(1))), I64)), I64)
        b.call(row, [*rest, *(load(b, x, dtype, neuron) for x in own), share, begin, end, then])
    b.ret(I64(0))
    return function


def _one_row(frame: CallFrame, node: Node, rule: Any, places: int, fetched: int, dtype: np.dtype, shared: list[np.dtype]) -> ir.Function:
    """A function for the synapses ``begin`` to ``end`` of one neuron; those of the next one begin at ``then``.

    Of ``fetched`` synapses that are scattered, memory of those that are next in turn is fetched, beyond the end of a list too.
    """
    module, pointer, kind = frame.b.module, I8.as_pointer(), type_of(dtype)
    arrays = 1 + places + rule.far + rule.values
    kinds = [pointer] * arrays + [type_of(x) for x in shared] + [kind] * (rule.own + 1) + [I64] * 3
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), f'revise_row_{node.stage}')
    function.linkage = 'internal'
    function.attributes.add('noinline')  # the compiler believes 'noalias' of arguments
    for argument in function.args[:arrays]:
        argument.add_attribute('noalias')
    others, *rest = function.args
    where, rest = rest[:places], rest[places:]
    far, values = rest[: rule.far], rest[rule.far : rule.far + rule.values]
    numbers = rest[rule.far + rule.values :]
    common, own, (share, begin, end, then) = numbers[: len(shared)], numbers[len(shared) : -4], numbers[-4:]
    b = ir.IRBuilder(function.append_basic_block())
    for is_whole in (True, False):  # almost every spike is the number 1
        compare, sign = (b.fcmp_ordered, '==') if is_whole else (b.fcmp_unordered, '!=')
        with b.if_then(compare(sign, share, kind(1.0))), counting(b, begin, end) as p:
            k = b.sext(load(b, where[0], INT32, p), I64) if where else p
            if fetched:
                coming = b.sext(load(b, where[0], INT32, _ahead(b, p, end, then, I64(fetched - 1))), I64)
                for x in values:
                    _fetch(b, x, b.mul(coming, I64(dtype.itemsize)))
            other = b.sext(load(b, others, INT32, p), I64) if far else I64(0)
            before = [load(b, x, dtype, k) for x in values]
            after = _evaluated(b, rule, [*before, *own, *(load(b, x, dtype, other) for x in far), *common])
            for x, old, new in zip(values, before, after, strict=True):
                if new is not old:
                    store(b, new if is_whole else b.fadd(old, b.fmul(share, b.fsub(new, old))), x, k, dtype)
    b.ret_void()
    return function


def _ahead(b: ir.IRBuilder, p: Value, end: Value, then: Value, last: Value) -> Value:
    """The place in the lists some turns after ``p``; there is no harm in a wrong one, if it exists."""
    q = b.add(p, I64(AHEAD))
    beyond = b.add(b.sub(q, end), then)
    beyond = b.select(b.icmp_signed('<', beyond, last), beyond, last)
    return b.select(b.icmp_signed('<', q, end), q, beyond)


def _fetch(b: ir.IRBuilder, pointer: Value, offset: Value) -> None:
    """Have memory brought near that is written soon."""
    number = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
    function = b.module.declare_intrinsic('llvm.prefetch', [pointer.type], kind)
    b.call(function, [b.gep(pointer, [offset]), number(1), number(3), number(1)])


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
