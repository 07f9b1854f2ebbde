"""A native function from a plan: LLVM code of a call-frame handler that runs its stages one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from .. import _ffi, _threads
from .._nodes import Node, Number, Operand, Part, longest_row
from .._plan import Plan, Stage
from .llvm_operations import I8, I64, OPERATIONS, Value, constant, load, store, type_of

I32 = ir.IntType(32)
Find = Callable[..., tuple[str, int]]
SYMBOL = 'brainpy_state_step'
SHARED = 1 << 17  # items of a loop from which on threads share it: before, what they take from each other's caches costs more
SHARED_SYNAPSES = 1 << 17
WORTH_SHARING = 1 << 13, 1 << 10  # synapses of active sources: with targets that one thread updates, or several, which hold them near
ALIGNED = 64  # items


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
        kinds = [a.type for a in pointers + arguments]
        function = ir.Function(self.b.module, ir.FunctionType(ir.VoidType(), [*kinds, I64, I64]), f'loop_{number}')
        function.linkage = 'internal'
        function.attributes.add('noinline')  # the compiler believes 'noalias' of arguments
        for argument in function.args[: len(pointers)]:
            argument.add_attribute('noalias')
        places = dict(zip(keys, function.args, strict=False))
        known = dict(zip(one, function.args[len(pointers) : -2], strict=True))
        b = ir.IRBuilder(function.append_basic_block())
        with counting(b, *function.args[-2:]) as i:
            for node in stage.nodes:
                read = [self._item(b, i, v, places, known) for v in node.operands]
                known[node] = OPERATIONS[node.name](b, node, [*read, i] if node.name == 'iota' else read)
            for node in stage.nodes:
                for result in node.results:
                    store(b, known[node], places['result', result], i, node.dtype)
        b.ret_void()
        if stage.size < SHARED or not _threads.ready():
            self.b.call(function, [*pointers, *arguments, I64(0), I64(stage.size)])
        else:
            self._give(_part_of(function, stage.size), pointers + arguments, I64(0))

    def _item(self, b: ir.IRBuilder, i: Value, value: Any, places: dict, known: dict) -> Value:
        if isinstance(value, Number):
            return constant(value)
        if value not in known:
            key, first = self._place(value)
            known[value] = load(b, places[key], value.dtype, b.add(i, I64(first)) if first else i)
        return known[value]

    # Event operations.

    def _function(self, operands: int, module: str, builder: str, *options: Any) -> Value:
        symbol, _ = self.find(module, builder, *options)
        return self.b.module.globals.get(symbol) or ir.Function(self.b.module, ir.FunctionType(I64, [I64] * operands), symbol)

    def _call(self, module: str, builder: str, options: tuple[Any, ...], *arguments: Value) -> Value:
        words = [self._as_word(argument) for argument in arguments]
        return self.b.call(self._function(len(words), module, builder, *options), words)

    def _as_word(self, value: Value) -> Value:
        return self.b.ptrtoint(value, I64) if isinstance(value.type, ir.PointerType) else value

    def _give(self, function: Value, values: list[Value], parts: Value | None) -> None:
        """Call a function of (context, part, parts), where the context holds values; on all threads if parts are given."""
        b, kind = self.b, ir.LiteralStructType([value.type for value in values])
        context = b.alloca(kind)
        for k, value in enumerate(values):
            b.store(value, b.gep(context, [I32(0), I32(k)]))
        if parts is None:
            b.call(function, [b.ptrtoint(context, I64), I64(0), I64(1)])
        else:
            self._call('numba_pool', 'share_out', (), function, context, parts)

    def _word(self, value: Any) -> Value:
        """A whole number as an argument of an event operation."""
        return self.b.sext(self._scalar(value), I64)

    def _further(self, value: Any, items: int) -> Value:
        """The address of an item."""
        return self.b.gep(self._address(value), [I64(items * value.dtype.itemsize)])

    def _collect(self, nodes: list[Node]) -> None:
        (node,), size = nodes, nodes[0].params['size']
        (spikes,) = node.operands
        for row in range(node.size // (size + 1)):
            places = self._further(spikes, row * size), self._further(node, row * (size + 1))
            self._call('numba_deliver', 'collect', (str(spikes.dtype),), *places, I64(size))

    def _event_to_post(self, nodes: list[Node]) -> None:
        (node,) = nodes
        *structure, spikes, active = _delivered(node)
        for row in range(node.size // max(1, node.params['shape'][1])):
            self._deliver(node, structure, spikes, active, row, node, I64(0), node.params['shape'][1])

    def _how(self, node: Node) -> tuple[Value, Value]:
        """Whether a delivery begins at zero, and by what it is multiplied, as words."""
        begins = not node.name.endswith('_to_ring') and node.into is None
        factor = self._scalar(node.operands[-2]) if node.into is not None else ir.Constant(type_of(node.dtype), 1.0)
        return I64(int(begins)), self.b.zext(self.b.bitcast(factor, ir.IntType(8 * node.dtype.itemsize)), I64)

    def _event_to_ring(self, nodes: list[Node]) -> None:
        (node,) = nodes
        *structure, spikes, step, ring, active = node.operands
        start = self.b.mul(self._word(step), I64(node.params['shape'][1]))
        self._deliver(node, structure, spikes, active, 0, ring, start, ring.size)

    def _deliver(
        self, node: Node, structure: list[Any], spikes: Any, active: Any, row: int, received: Any, start: Value, size: int
    ) -> None:
        pre = node.params['shape'][0]
        starts, slots, *weights = structure
        options = str(spikes.dtype), str(node.dtype), str(weights[0].dtype) if weights else ''
        function = self._function(3, 'numba_deliver', 'deliver', *options)
        fired = self._further(active, row * (pre + 1))
        words = [
            *map(self._address, (starts, slots)),
            self._address(weights[0]) if weights else I64(0),
            self._further(spikes, row * pre),
            fired,
            self._further(received, row * size),
            *(start, I64(size), *self._how(node)),
        ]
        self._share(function, words, fired, slots.size if node.params['ordered'] else 0, node.params['shape'])

    def _share(self, function: Value, words: list[Value], active: Value, synapses: int, shape: tuple[int, int]) -> None:
        """Call a function of words; on all threads where it delivers many synapses."""
        is_shared, worth = synapses >= SHARED_SYNAPSES and _threads.ready(), WORTH_SHARING[shape[1] >= SHARED]
        numbers = I64(synapses), I64(max(1, shape[0])), I64(worth)
        parts = self._call('numba_deliver', 'parts', (), active, *numbers) if is_shared else None
        self._give(function, [self._as_word(word) for word in words], parts)

    def _event_dense(self, nodes: list[Node]) -> None:
        (node,) = nodes
        weights, spikes, active = _delivered(node)
        pre, post = node.params['shape']
        function = self._function(3, 'numba_deliver', 'deliver_dense', str(spikes.dtype), str(node.dtype), str(weights.dtype))
        for row in range(node.size // max(1, post)):
            fired = self._further(active, row * (pre + 1))
            places = self._address(weights), self._further(spikes, row * pre), fired, self._further(node, row * post)
            self._share(function, [*places, I64(post), *self._how(node)], fired, pre * post, (pre, post))

    def _memory(self, nodes: list[Node]) -> None:
        pass  # what it holds is written by those who use it

    def _event_drawn_to_post(self, nodes: list[Node]) -> None:
        (node,) = nodes
        words, spikes, active, memory = _delivered(node)
        pre, slots = node.params['shape'][0], node.params['shape'][1] * max(1, node.params['steps'])
        for row in range(node.size // max(1, slots)):
            fired = self._further(spikes, row * pre), self._further(active, row * (pre + 1))
            sizes = 0, slots, *self._how(node)
            self._draw('deliver', node, (str(spikes.dtype),), words, *fired, self._further(node, row * slots), sizes, memory)

    def _event_drawn_to_ring(self, nodes: list[Node]) -> None:
        (node,) = nodes
        words, spikes, row, ring, active, memory = node.operands
        start = self.b.mul(self._word(row), I64(node.params['shape'][1]))
        places = map(self._address, (spikes, active, ring))
        self._draw('deliver', node, (str(spikes.dtype),), words, *places, (start, ring.size, *self._how(node)), memory)

    def _event_drawn_to_pre(self, nodes: list[Node]) -> None:
        (node,) = nodes
        words, values, memory = node.operands
        pre, slots = node.params['shape'][0], node.params['shape'][1] * max(1, node.params['steps'])
        sizes = node.size // max(1, pre), pre, slots
        self._draw('to_pre', node, (), words, self._address(values), self._address(node), sizes, memory)

    def _draw(self, builder: str, node: Node, types: tuple[str, ...], words: Any, *operands: Any) -> None:
        *places, numbers, memory = operands
        rule, longest = node.params['rule'], longest_row(node.params)
        delayed = node.params['steps'] > 0
        row, _ = self.find('numba_rows', rule.kind)
        value = ''
        if rule.weight or delayed:
            value, _ = self.find('numba_values', 'values', rule.weight or 'none', 'uint16' if delayed else 'none')
        options = row, value, rule.kind, rule.weight, delayed, *types, str(node.dtype)
        values = *numbers, node.params['shape'][1], rule.width, rule.where, longest
        words_of = [I64(x) if isinstance(x, int) else x for x in values]
        self._call('numba_procedural', builder, options, self._address(words), *places, *words_of, self._address(memory))

    def _event_to_pre(self, nodes: list[Node]) -> None:
        (node,) = nodes
        starts, targets, *weights, values = node.operands
        pre, post = node.params['shape']
        weight = self._address(weights[0]) if weights else I64(0)
        places = self._address(starts), self._address(targets), weight, self._address(values), self._address(node)
        options = str(values.dtype), str(weights[0].dtype) if weights else ''
        self._call('numba_products', 'to_pre', options, *places, I64(node.size // max(1, pre)), I64(pre), I64(post))

    def _event_to_weight(self, nodes: list[Node]) -> None:
        (node,) = nodes
        spikes, values = node.operands[2:]
        pre, post = node.params['shape']
        places = map(self._address, (*node.operands, node))
        sizes = I64(spikes.size // max(1, pre)), I64(pre), I64(post), I64(node.size)
        self._call('numba_products', 'to_weight', (str(spikes.dtype), str(values.dtype)), *places, *sizes)

    def _event_due(self, nodes: list[Node]) -> None:
        row, ring = nodes[0].operands
        due = next((self._address(node) for node in nodes if node.which == 1), I64(0))
        self._call('numba_ring', 'due', (str(ring.dtype),), self._word(row), self._address(ring), due, I64(nodes[0].params['post']))

    def _event_record(self, nodes: list[Node]) -> None:
        _, step, events, count, active = nodes[0].operands
        places = self._address(active), self._word(step), self._address(events), self._address(count)
        self._call('numba_record', 'record', (), *places, I64(events.size // 2))


def _delivered(node: Node) -> list[Any]:
    """The operands of a delivery, without what it is added to."""
    return node.operands if node.into is None else node.operands[:-2]


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


@contextmanager
def counting(b: ir.IRBuilder, first: Value, last: Value) -> Iterator[Value]:
    """The body of a loop from ``first`` to ``last`` (not included)."""
    start, body, after = b.block, b.append_basic_block(), b.append_basic_block()
    b.cbranch(b.icmp_signed('<', first, last), body, after)
    b.position_at_end(body)
    i = b.phi(I64)
    i.add_incoming(first, start)
    yield i
    following = b.add(i, I64(1), flags=('nuw', 'nsw'))
    i.add_incoming(following, b.block)
    b.cbranch(b.icmp_signed('<', following, last), body, after)
    b.position_at_end(after)
