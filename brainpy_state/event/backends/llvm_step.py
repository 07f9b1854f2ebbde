"""A native function from a plan: LLVM code of a call-frame handler that runs its stages one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from .. import _interrupts, _threads
from .._nodes import Node, Number
from .._plan import Plan, Stage
from .llvm_events import SHARED, begin
from .llvm_frame import I32, LEDGER, CallFrame, Find, Place, answer_metadata, counting
from .llvm_operations import I64, OPERATIONS, Value, constant, load, place_at, reads_memory, store

SYMBOL = 'brainpy_state_step'
LARGE, PAGE, HUGEPAGE = 1 << 22, 1 << 12, 14  # bytes; the last is Linux's MADV_HUGEPAGE
ALIGNED = 64  # items
# Vectors of a loop that are computed side by side. A neuron's equations are one long chain, and a processor looks ahead by hardly more
# than a chain: side by side, one goes on while another waits. More than two pay where registers are not taken by addresses.
ABREAST, MOST_ABREAST, FEW_ARRAYS, LONG = 2, 4, 10, 1024
SHORT = 16  # items of a block, within which no place needs a division


def compile_plan(plan: Plan, version: tuple[int, int], find: Find) -> str:
    """The LLVM code of a handler.

    Parameters
    ----------
    plan : Plan
    version : (int, int)
        The FFI version that the handler answers.
    find : callable
        ``find(module, builder, *options)`` gives symbol and address of a compiled event operation.
    """
    module = ir.Module('step')
    handler = ir.Function(module, ir.FunctionType(I64, [I64.as_pointer()]), SYMBOL)
    b = ir.IRBuilder(handler.append_basic_block())
    answer_metadata(b, handler.args[0], version)
    if plan.loop is None:
        _stages(CallFrame(plan, b, handler.args[0], find))
    else:
        _steps(plan, b, handler.args[0], find)
    b.ret(I64(0))
    return str(module)


def _stages(frame: CallFrame) -> None:
    for number, stage in enumerate(frame.plan.stages):
        if stage.operation:
            stage.operation.write(frame, stage.nodes)
        elif stage.size == 1:
            _straight(frame, stage)
        elif stage.size:
            _loop(frame, number, stage)


def _steps(plan: Plan, b: ir.IRBuilder, pointer: Value, find: Find) -> None:
    """The stages once for each step, in each lane."""
    loop: Any = plan.loop
    frame = CallFrame(plan, b, pointer, find)
    steps = b.sext(load(b, frame.operands[len(plan.operands)], np.dtype(np.int32)), I64)
    lanes = loop.apart.lanes if loop.apart else 1
    if sys.platform == 'linux':
        for number in loop.writes:
            size, dtype = plan.results[number]
            _in_large_pages(b, frame.results[number], b.mul(steps, I64(lanes * size * dtype.itemsize)))
    lane = _lane(plan, b.module, pointer.type, find)
    if loop.apart is None:
        b.call(lane, [pointer, I64(0), steps])
    else:
        _share_lanes(frame, lane, pointer, steps, lanes)


def _lane(plan: Plan, module: ir.Module, pointer: Any, find: Find) -> Value:
    """A function of (frame, lane, steps) that does all steps of a lane."""
    loop: Any = plan.loop
    step = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, I64, I64, I64]), 'step')
    step.attributes.add('noinline')  # memory on its stack is given back after each step
    inside = ir.IRBuilder(step.append_basic_block())
    _stages(CallFrame(plan, inside, step.args[0], find, Place(*step.args[1:])))
    inside.ret_void()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, I64, I64]), 'lane')
    step.linkage = function.linkage = 'internal'
    frame, lane, steps = function.args
    b = ir.IRBuilder(function.append_basic_block())
    start, head, body, after = b.block, *(b.append_basic_block() for _ in range(3))
    results = CallFrame(plan, b, frame, find).results
    for node in plan.kept:
        begin(CallFrame(plan, b, frame, find, Place(I64(0), lane, steps)), node)
    interrupted = _interrupted(b) if loop.listens else None
    b.branch(head)
    b.position_at_end(head)
    done = b.phi(I64)
    done.add_incoming(I64(0), start)
    goes_on = b.icmp_signed('<', done, steps)
    if interrupted is not None:
        goes_on = b.and_(goes_on, b.icmp_signed('==', b.load_atomic(interrupted, 'monotonic', 8), I64(0)))
    if loop.flag is not None:
        goes_on = b.and_(goes_on, load(b, results[loop.flag], np.dtype(bool)))
    b.cbranch(goes_on, body, after)
    b.position_at_end(body)
    b.call(step, [frame, b.sub(b.sub(steps, I64(1)), done) if loop.reverse else done, lane, steps])
    done.add_incoming(b.add(done, I64(1)), body)
    b.branch(head)
    b.position_at_end(after)
    b.ret_void()
    return function


def _interrupted(b: ir.IRBuilder) -> Value:
    """Where a word stands that is not zero after an interrupt."""
    _interrupts.share_word()
    function = ir.Function(b.module, ir.FunctionType(I64, []), _interrupts.SYMBOL)
    return b.inttoptr(b.call(function, []), I64.as_pointer())


def _share_lanes(frame: CallFrame, lane: Value, pointer: Value, steps: Value, lanes: int) -> None:
    """All lanes: each thread takes the next that is left. Lanes fewer than threads are taken in turn, where threads can share a step."""
    outer = frame.b
    kind = ir.LiteralStructType([I64, pointer.type, I64])
    function = ir.Function(outer.module, ir.FunctionType(I64, [I64] * 3), 'lanes')
    function.linkage = 'internal'
    b = ir.IRBuilder(function.append_basic_block())
    context = b.inttoptr(function.args[0], kind.as_pointer())
    of_all, of_steps = (b.load(b.gep(context, [I32(0), I32(k)])) for k in (1, 2))
    head, body, after = (b.append_basic_block() for _ in range(3))
    b.branch(head)
    b.position_at_end(head)
    number = b.atomic_rmw('add', b.gep(context, [I32(0), I32(0)]), I64(1), 'monotonic')
    b.cbranch(b.icmp_signed('<', number, I64(lanes)), body, after)
    b.position_at_end(body)
    b.call(lane, [of_all, number, of_steps])
    b.branch(head)
    b.position_at_end(after)
    b.ret(I64(0))
    values = [I64(0), pointer, steps]
    if not _threads.ready():
        frame.give(function, values, None)
        return
    shares_steps = any(name.startswith(LEDGER) for name in outer.module.globals)
    frame.give_all(function, values, I64(lanes), I64(int(shares_steps)))


def _in_large_pages(b: ir.IRBuilder, pointer: Value, size: Value) -> None:
    """Ask for pages of megabytes, where memory is large and new: the first touch of one of 4 KiB can take two microseconds."""
    kind = ir.FunctionType(I32, [I64, I64, I32])
    function = b.module.globals.get('madvise') or ir.Function(b.module, kind, 'madvise')
    with b.if_then(b.icmp_signed('>=', size, I64(LARGE))):
        begin = b.ptrtoint(pointer, I64)
        first = b.and_(b.add(begin, I64(PAGE - 1)), I64(-PAGE))
        b.call(function, [first, b.sub(b.add(begin, size), first), I32(HUGEPAGE)])


def _straight(frame: CallFrame, stage: Stage) -> None:
    for node in stage.nodes:
        read = [frame.address(v) if reads_memory(node, v) else frame.scalar(v) for v in node.operands]
        frame.scalars[node] = OPERATIONS[node.name](frame.b, node, read)
    for node in stage.nodes:
        for number in node.results:
            store(frame.b, frame.scalars[node], frame.results[number], I64(0), node.dtype)


def _loop(frame: CallFrame, number: int, stage: Stage) -> None:
    uses = [v for node in stage.nodes for v in node.operands]
    inside = set(stage.nodes)
    one = [v for v in dict.fromkeys(uses) if not isinstance(v, Number) and v not in inside and v.size == 1]
    many = [v for v in dict.fromkeys(uses) if not isinstance(v, Number) and v not in inside and v.size > 1]
    keys = dict.fromkeys([frame.place(v)[0] for v in many] + [('result', r) for node in stage.nodes for r in node.results])
    pointers, arguments = [frame.pointer(key) for key in keys], [frame.scalar(v) for v in one]
    kinds = [a.type for a in pointers + arguments]
    function = ir.Function(frame.b.module, ir.FunctionType(ir.VoidType(), [*kinds, I64, I64]), f'loop_{number}')
    function.linkage = 'internal'
    function.attributes.add('noinline')  # the compiler believes 'noalias' of arguments
    for argument in function.args[: len(pointers)]:
        argument.add_attribute('noalias')
    places = dict(zip(keys, function.args, strict=False))
    known = dict(zip(one, function.args[len(pointers) : -2], strict=True))
    b = ir.IRBuilder(function.append_basic_block())
    abreast = MOST_ABREAST if len(keys) <= FEW_ARRAYS and stage.size >= LONG else ABREAST
    *_, first, last = function.args

    def item(i: Value, place: Callable[[Node], Value]) -> None:
        for node in stage.nodes:
            read = [_first(frame, b, v, places) if reads_memory(node, v) else _item(frame, b, i, v, places, known) for v in node.operands]
            more = [i] if node.name == 'iota' else [place(node)] if node.name == 'strided' else []
            known[node] = OPERATIONS[node.name](b, node, [*read, *more])
        for node in stage.nodes:
            for result in node.results:
                store(b, known[node], places['result', result], i, node.dtype)

    if not (inner := _inner(stage)):
        with counting(b, first, last, abreast) as i:
            item(i, lambda node: place_at(b, node, i))
    else:
        with counting(b, b.udiv(first, I64(inner)), b.udiv(b.add(last, I64(inner - 1)), I64(inner))) as block:
            begin = b.mul(block, I64(inner))
            begins = {node: place_at(b, node, begin) for node in stage.nodes if node.name == 'strided'}
            end = b.add(begin, I64(inner))
            begin_here = b.select(b.icmp_signed('>', first, begin), first, begin)
            end_here = b.select(b.icmp_signed('<', last, end), last, end)
            with counting(b, begin_here, end_here, abreast if inner >= LONG else 1) as i:
                item(i, lambda node: b.add(begins[node], b.mul(b.sub(i, begin), I64(node.params['axes'][-1][1]))))
    b.ret_void()
    if stage.size < SHARED or not _threads.ready():
        frame.b.call(function, [*pointers, *arguments, I64(0), I64(stage.size)])
    else:
        frame.give(_part_of(function, stage.size), pointers + arguments, I64(stage.size))


def _inner(stage: Stage) -> int:
    """How many items make a block in which each place follows from the one before by a step of its own; 0 where that would be few."""
    lengths = [node.params['axes'][-1][0] for node in stage.nodes if node.name == 'strided']
    inner = min(lengths, default=0)
    return inner if inner >= SHORT and not any(n % inner for n in lengths) else 0


def _item(frame: CallFrame, b: ir.IRBuilder, i: Value, value: Any, places: dict, known: dict) -> Value:
    if isinstance(value, Number):
        return constant(value)
    if value not in known:
        key, first = frame.place(value)
        known[value] = load(b, places[key], value.dtype, b.add(i, I64(first)) if first else i)
    return known[value]


def _first(frame: CallFrame, b: ir.IRBuilder, value: Any, places: dict) -> Value:
    """Where a value begins."""
    key, first = frame.place(value)
    return b.gep(places[key], [I64(first * value.dtype.itemsize)])


def _part_of(loop: Value, size: int) -> Value:
    """A function of (context, part, parts) that runs its part of a loop, with arguments from the context."""
    kinds = [argument.type for argument in loop.args[:-2]]
    function = ir.Function(loop.module, ir.FunctionType(I64, [I64] * 3), f'{loop.name}_part')
    context, part, parts = function.args
    b = ir.IRBuilder(function.append_basic_block())
    place = b.inttoptr(context, ir.LiteralStructType(kinds).as_pointer())
    arguments = [b.load(b.gep(place, [I32(0), I32(k)])) for k in range(len(kinds))]
    groups = -(-size // ALIGNED)

    def edge(number: Value) -> Value:
        item = b.mul(b.udiv(b.mul(number, I64(groups)), parts), I64(ALIGNED))
        return b.select(b.icmp_signed('<', item, I64(size)), item, I64(size))

    b.call(loop, [*arguments, edge(part), edge(b.add(part, I64(1)))])
    b.ret(I64(0))
    return function
