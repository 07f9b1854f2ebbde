"""A native function from a plan: LLVM code of a call-frame handler that runs its stages one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir

from .. import _ffi
from .._plan import Node, Number, Operand, Part, Plan, Stage
from . import llvm_math as lm

I1, I8, I32, I64 = (ir.IntType(n) for n in (1, 8, 32, 64))
Value = Any
Find = Callable[..., tuple[str, int]]
SYMBOL = 'brainpy_state_step'


def _type(dtype: np.dtype) -> Any:
    """The type of a value in a register."""
    return I1 if dtype == np.bool_ else {'f4': lm.F32, 'f8': lm.F64}.get(dtype.str[1:]) or ir.IntType(8 * dtype.itemsize)


def _memory_type(dtype: np.dtype) -> Any:
    return I8 if dtype == np.bool_ else _type(dtype)


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
            else:
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
        return ('result', value.results[0]), 0

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

    def _event_record(self, nodes: list[Node]) -> None:
        spikes, step, events, count = nodes[0].operands
        words = [self._address(spikes), self.b.sext(self._scalar(step), I64), self._address(events), self._address(count)]
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


def load(b: ir.IRBuilder, base: Value, dtype: np.dtype, i: Value | None = None) -> Value:
    """The i-th item from an address."""
    place = b.bitcast(base, _memory_type(dtype).as_pointer())
    value = b.load(place if i is None else b.gep(place, [i]))
    return b.icmp_unsigned('!=', value, I8(0)) if dtype == np.bool_ else value


def store(b: ir.IRBuilder, value: Value, base: Value, i: Value, dtype: np.dtype) -> None:
    if dtype == np.bool_:
        value = b.zext(value, I8)
    b.store(value, b.gep(b.bitcast(base, value.type.as_pointer()), [i]))


def constant(number: Number) -> Value:
    kind = _type(number.dtype)
    value = float(number.value) if number.dtype.kind == 'f' else int(number.value)
    return ir.Constant(kind, value)


# Operations: of a builder, the node and its operands.


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
        divisor = node.operands[1]
        inverse = 1 / divisor.value if isinstance(divisor, Number) and divisor.value else 0.0
        if inverse and math.isfinite(inverse) and abs(inverse) > np.finfo(divisor.dtype).tiny:
            return b.fmul(x, x.type(float(inverse)))
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
    kind = _type(new)
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
    kind, i = _type(node.dtype), operands[-1] if operands else I64(0)
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
    'bitcast_convert_type': lambda b, node, operands: b.bitcast(operands[0], _type(node.dtype)),
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
