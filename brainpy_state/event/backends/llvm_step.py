"""A native function from a plan: LLVM code of a call-frame handler that runs its stages one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from .. import _ffi
from .._nodes import Node, Number, Operand, Part
from .._plan import Plan, Stage
from .llvm_operations import I8, I64, OPERATIONS, Value, constant, load, store

I32 = ir.IntType(32)
Find = Callable[..., tuple[str, int]]
SYMBOL = 'brainpy_state_step'


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
    _answer_metadata(b, handler.args[0], version)
    _Emitter(plan, b, find).run(handler.args[0])
    b.ret(I64(0))
    return str(module)


def _word(b: ir.IRBuilder, base: Value, offset: int, type_: Any = I64) -> Value:
    """What stands at a byte offset from a pointer."""
    place = b.gep(b.bitcast(base, I8.as_pointer()), [I64(offset)])
    return b.load(b.bitcast(place, type_.as_pointer()))


def _answer_metadata(b: ir.IRBuilder, frame: Value, version: tuple[int, int]) -> None:
    """Leave at once where XLA asks for the version instead of asking to run."""
    pointer = I64.as_pointer()
    extension = _word(b, frame, _ffi.FRAME_EXTENSION, pointer)
    null = ir.Constant(pointer, None)
    head, check, answer, following, run = (b.append_basic_block() for _ in range(5))
    start = b.block
    b.branch(head)
    b.position_at_end(head)
    current = b.phi(pointer)
    current.add_incoming(extension, start)
    b.cbranch(b.icmp_unsigned('==', current, null), run, check)
    b.position_at_end(check)
    is_metadata = b.icmp_signed('==', _word(b, current, _ffi.EXTENSION_TYPE, I32), I32(_ffi.EXTENSION_IS_METADATA))
    b.cbranch(is_metadata, answer, following)
    b.position_at_end(following)
    current.add_incoming(_word(b, current, _ffi.EXTENSION_NEXT, pointer), following)
    b.branch(head)
    b.position_at_end(answer)
    metadata = _word(b, current, _ffi.EXTENSION_METADATA, pointer)
    for offset, value in ((_ffi.METADATA_MAJOR, version[0]), (_ffi.METADATA_MINOR, version[1]), (_ffi.METADATA_TRAITS, 0)):
        place = b.gep(b.bitcast(metadata, I8.as_pointer()), [I64(offset)])
        b.store(I32(value), b.bitcast(place, I32.as_pointer()))
    b.ret(I64(0))
    b.position_at_end(run)
    executes = b.icmp_signed('==', _word(b, frame, _ffi.FRAME_STAGE, I32), I32(_ffi.STAGE_EXECUTE))
    with b.if_then(b.not_(executes), likely=False):
        b.ret(I64(0))


class _Emitter:
    """Emits the stages of a plan into a handler."""

    def __init__(self, plan: Plan, b: ir.IRBuilder, find: Find):
        self.plan, self.b, self.find = plan, b, find
        self.scalars: dict[Any, Value] = {}  # values of one item, by what they are
        self.operands: list[Value] = []
        self.results: list[Value] = []

    def run(self, frame: Value) -> None:
        b, pointer = self.b, I64.as_pointer()
        sides = ((self.operands, _ffi.FRAME_ARGUMENTS, self.plan.operands), (self.results, _ffi.FRAME_RESULTS, self.plan.results))
        for pointers, offset, buffers in sides:
            table = _word(b, frame, offset, pointer)
            pointers.extend(_word(b, _word(b, table, 8 * k, pointer), _ffi.BUFFER_DATA, I8.as_pointer()) for k in range(len(buffers)))
        for number, stage in enumerate(self.plan.stages):
            if stage.event:
                getattr(self, f'_{stage.event}')(stage.nodes)
            elif stage.size == 1:
                self._straight(stage)
            elif stage.size:
                self._loop(number, stage)

    # Memory.

    def _place(self, value: Any) -> tuple[Any, int]:
        """Where a value stands: what identifies its memory, and the first item."""
        if isinstance(value, Part):
            key, first = self._place(value.source)
            return key, first + value.first
        if isinstance(value, Operand):
            alias = self.plan.aliases.get(value.number)
            return (('operand', value.number) if alias is None else ('result', alias)), 0
        return self._place(value.changes) if value.changes else (('result', value.results[0]), 0)

    def _pointer(self, key: tuple[str, int]) -> Value:
        return (self.operands if key[0] == 'operand' else self.results)[key[1]]

    def _address(self, value: Any) -> Value:
        key, first = self._place(value)
        return self.b.gep(self._pointer(key), [I64(first * value.dtype.itemsize)])

    # Straight code.

    def _straight(self, stage: Stage) -> None:
        for node in stage.nodes:
            self.scalars[node] = OPERATIONS[node.name](self.b, node, [self._scalar(v) for v in node.operands])
        for node in stage.nodes:
            for number in node.results:
                store(self.b, self.scalars[node], self.results[number], I64(0), node.dtype)

    def _scalar(self, value: Any) -> Value:
        """A value of one item; those in memory are read where they are first needed, since what takes their place is written later."""
        if isinstance(value, Number):
            return constant(value)
        if isinstance(value, Node) and value in self.scalars:
            return self.scalars[value]
        return load(self.b, self._address(value), value.dtype)

    # Loops.

    def _loop(self, number: int, stage: Stage) -> None:
        uses = [v for node in stage.nodes for v in node.operands]
        inside = set(stage.nodes)
        one = [v for v in dict.fromkeys(uses) if not isinstance(v, Number) and v not in inside and v.size == 1]
        many = [v for v in dict.fromkeys(uses) if not isinstance(v, Number) and v not in inside and v.size > 1]
        keys = dict.fromkeys([self._place(v)[0] for v in many] + [('result', r) for node in stage.nodes for r in node.results])
        pointers, arguments = [self._pointer(key) for key in keys], [self._scalar(v) for v in one]
        kinds = [p.type for p in pointers] + [a.type for a in arguments]
        function = ir.Function(self.b.module, ir.FunctionType(ir.VoidType(), kinds), f'loop_{number}')
        function.linkage = 'internal'
        function.attributes.add('noinline')  # the compiler believes 'noalias' of arguments
        for argument in function.args[: len(pointers)]:
            argument.add_attribute('noalias')
        places = dict(zip(keys, function.args, strict=False))
        known = dict(zip(one, function.args[len(pointers) :], strict=True))
        b = ir.IRBuilder(function.append_basic_block())
        with counting(b, stage.size) as i:
            for node in stage.nodes:
                read = [self._item(b, i, v, places, known) for v in node.operands]
                known[node] = OPERATIONS[node.name](b, node, [*read, i] if node.name == 'iota' else read)
            for node in stage.nodes:
                for result in node.results:
                    store(b, known[node], places['result', result], i, node.dtype)
        b.ret_void()
        self.b.call(function, pointers + arguments)

    def _item(self, b: ir.IRBuilder, i: Value, value: Any, places: dict, known: dict) -> Value:
        if isinstance(value, Number):
            return constant(value)
        if value not in known:
            key, first = self._place(value)
            known[value] = load(b, places[key], value.dtype, b.add(i, I64(first)) if first else i)
        return known[value]

    # Event operations.

    def _call(self, module: str, builder: str, options: tuple[Any, ...], *arguments: Value) -> None:
        b = self.b
        symbol, _ = self.find(module, builder, *options)
        words = [b.ptrtoint(a, I64) if isinstance(a.type, ir.PointerType) else a for a in arguments]
        function = b.module.globals.get(symbol) or ir.Function(b.module, ir.FunctionType(I64, [I64] * len(words)), symbol)
        b.call(function, words)

    def _event_to_post(self, nodes: list[Node]) -> None:
        self._product(nodes[0], 'to_post')

    def _event_to_pre(self, nodes: list[Node]) -> None:
        self._product(nodes[0], 'to_pre')

    def _product(self, node: Node, name: str) -> None:
        *structure, vector = node.operands
        weights = structure[2:]
        (pre, post) = node.params['shape']
        options = str(vector.dtype), node.params['dtype'], bool(weights)
        places = [*map(self._address, structure), *([] if weights else [I64(0)]), self._address(vector), self._address(node)]
        batch = node.size // max(1, post if name == 'to_post' else pre)
        self._call('numba_products', name, options, *places, I64(batch), I64(pre), I64(post))

    def _event_to_weight(self, nodes: list[Node]) -> None:
        (node,) = nodes
        spikes, values = node.operands[2:]
        pre, post = node.params['shape']
        places = map(self._address, (*node.operands, node))
        sizes = I64(spikes.size // max(1, pre)), I64(pre), I64(post), I64(node.size)
        self._call('numba_products', 'to_weight', (str(spikes.dtype), str(values.dtype)), *places, *sizes)

    def _event_to_ring(self, nodes: list[Node]) -> None:
        (node,) = nodes
        *structure, spikes, row, ring = node.operands
        weights = structure[2:]
        pre, post = node.params['shape']
        places = [
            *map(self._address, structure),
            *([] if weights else [I64(0)]),
            self._address(spikes),
            self._word(row),
            self._address(ring),
        ]
        options = str(spikes.dtype), str(ring.dtype), bool(weights)
        self._call('numba_ring', 'to_ring', options, *places, I64(pre), I64(post), I64(ring.size))

    def _event_due(self, nodes: list[Node]) -> None:
        row, ring = nodes[0].operands
        due = next((self._address(node) for node in nodes if node.which == 1), None)
        size = I64(nodes[0].params['post'])
        self._call('numba_ring', 'due', (str(ring.dtype),), self._word(row), self._address(ring), I64(0) if due is None else due, size)

    def _word(self, value: Any) -> Value:
        """A whole number as an argument of an event operation."""
        return self.b.sext(self._scalar(value), I64)

    def _event_record(self, nodes: list[Node]) -> None:
        spikes, step, events, count = nodes[0].operands
        words = [self._address(spikes), self._word(step), self._address(events), self._address(count)]
        self._call('numba_record', 'record', (str(spikes.dtype),), *words, I64(spikes.size), I64(events.size // 2))


@contextmanager
def counting(b: ir.IRBuilder, size: int) -> Iterator[Value]:
    """The body of a loop over ``size`` items, of which there is at least one."""
    start, body, after = b.block, b.append_basic_block(), b.append_basic_block()
    b.branch(body)
    b.position_at_end(body)
    i = b.phi(I64)
    i.add_incoming(I64(0), start)
    yield i
    following = b.add(i, I64(1), flags=('nuw', 'nsw'))
    i.add_incoming(following, b.block)
    b.cbranch(b.icmp_unsigned('<', following, I64(size)), body, after)
    b.position_at_end(after)
