"""The call frame of a native step: where values are, as XLA passes them, and how other functions are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

from llvmlite import ir

from .. import _ffi, _threads
from .._nodes import Node, Number, Operand, Part
from .._plan import Plan
from .llvm_operations import I8, I64, Value, constant, load

I32 = ir.IntType(32)
LEDGER = 'ledger'  # how names of ledgers begin
Find = Callable[..., tuple[str, int]]


def _word(b: ir.IRBuilder, base: Value, offset: int, type_: Any = I64) -> Value:
    """What stands at a byte offset from a pointer."""
    place = b.gep(b.bitcast(base, I8.as_pointer()), [I64(offset)])
    return b.load(b.bitcast(place, type_.as_pointer()))


def answer_metadata(b: ir.IRBuilder, frame: Value, version: tuple[int, int]) -> None:
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


def _buffer(b: ir.IRBuilder, frame: Value, offset: int, k: int) -> Value:
    """Where operand or result k begins."""
    pointer = I64.as_pointer()
    return _word(b, _word(b, _word(b, frame, offset, pointer), 8 * k, pointer), _ffi.BUFFER_DATA, I8.as_pointer())


class Place(NamedTuple):
    """Where a loop is: the step, the lane, and how many steps there are."""

    step: Value
    lane: Value
    steps: Value


class CallFrame:
    """The values of a plan in a handler that is being written.

    Parameters
    ----------
    plan : Plan
    b : ir.IRBuilder
        At the place where the handler goes on.
    frame : ir.Value
        Pointer to the call frame.
    find : callable
        See `compile_plan`.
    at : Place, optional
        The step whose rows are read and written.
    """

    def __init__(self, plan: Plan, b: ir.IRBuilder, frame: Value, find: Find, at: Place | None = None):
        self.plan, self.b, self.find, self.at = plan, b, find, at
        self.scalars: dict[Any, Value] = {}  # values of one item, by what they are
        self.operands: list[Value] = []
        self.results: list[Value] = []
        self.operands.extend(_buffer(b, frame, _ffi.FRAME_ARGUMENTS, k) for k in range(len(plan.operands) + (plan.loop is not None)))
        self.results.extend(_buffer(b, frame, _ffi.FRAME_RESULTS, k) for k in range(len(plan.results)))
        if plan.loop and at is not None:
            apart, operands = plan.loop.apart, [(x.size, x.dtype) for x in plan.operands]
            for places, kinds, rows, shared in (
                (self.operands, operands, plan.loop.reads, apart.operands if apart else range(len(operands))),
                (self.results, plan.results, plan.loop.writes, apart.results if apart else range(len(plan.results))),
            ):
                for k, (size, dtype) in enumerate(kinds):
                    places[k] = self._here(places[k], I64(size * dtype.itemsize), k in rows, k not in shared)

    def _here(self, first: Value, size: Value, is_row: bool, is_own: bool) -> Value:
        """What stands at a place of its own in each step, or in each lane, given where the first of them begins."""
        b, (step, lane, steps) = self.b, cast('Place', self.at)
        if is_own:
            first = b.gep(first, [b.mul(lane, b.mul(steps, size) if is_row else size)])
        return b.gep(first, [b.mul(step, size)]) if is_row else first

    def place(self, value: Any) -> tuple[Any, int]:
        """Where a value stands: what identifies its memory, and the first item."""
        if isinstance(value, Part):
            key, first = self.place(value.source)
            return key, first + value.first
        if isinstance(value, Operand):
            alias = self.plan.aliases.get(value.number)
            return (('operand', value.number) if alias is None else ('result', alias)), 0
        return self.place(value.changes) if value.changes else (('result', value.results[0]), 0)

    def pointer(self, key: tuple[str, int]) -> Value:
        """The start of a memory."""
        return (self.operands if key[0] == 'operand' else self.results)[key[1]]

    def address(self, value: Any) -> Value:
        """Where a value begins."""
        key, first = self.place(value)
        return self.b.gep(self.pointer(key), [I64(first * value.dtype.itemsize)])

    def sharing(self, value: Any) -> tuple[int, Value] | None:
        """How many lanes write to a memory, and which of them this is; None where each has its own."""
        (kind, number), _ = self.place(value)
        if self.at is None or not self.plan.loop or not (apart := self.plan.loop.apart):
            return None
        return (apart.lanes, self.at.lane) if number in (apart.results if kind == 'result' else apart.operands) else None

    def scalar(self, value: Any) -> Value:
        """A value of one item; those in memory are read where they are first needed, since what takes their place is written later."""
        if isinstance(value, Number):
            return constant(value)
        if isinstance(value, Node) and value in self.scalars:
            return self.scalars[value]
        return load(self.b, self.address(value), value.dtype)

    def function(self, operands: int, module: str, builder: str, *options: Any) -> Value:
        """A compiled function of so many words."""
        symbol, _ = self.find(module, builder, *options)
        return self.b.module.globals.get(symbol) or ir.Function(self.b.module, ir.FunctionType(I64, [I64] * operands), symbol)

    def call(self, module: str, builder: str, options: tuple[Any, ...], *arguments: Value) -> Value:
        """Call a compiled function with words and pointers."""
        words = [self.as_word(argument) for argument in arguments]
        return self.b.call(self.function(len(words), module, builder, *options), words)

    def as_word(self, value: Value) -> Value:
        """A word, also of a pointer."""
        return self.b.ptrtoint(value, I64) if isinstance(value.type, ir.PointerType) else value

    def give(self, function: Value, values: list[Value], units: Value | None) -> None:
        """Call a function of (context, part, parts), where the context holds values; threads may share so many units of work."""
        context = self._context(values)
        if units is None:
            self.b.call(function, [self.b.ptrtoint(context, I64), I64(0), I64(1)])
            return
        kind = ir.ArrayType(I64, _threads.LEDGER)
        ledger = ir.GlobalVariable(self.b.module, kind, self.b.module.get_unique_name(LEDGER))
        ledger.linkage, ledger.initializer = 'internal', ir.Constant(kind, None)
        self.call('numba_pool', 'share_out', (), function, context, units, ledger)

    def give_all(self, function: Value, values: list[Value], pieces: Value, shares_pieces: Value) -> None:
        """The same for a function whose parts take long, and take pieces; threads that are more than these can share a piece, or cannot."""
        self.call('numba_pool', 'share_pieces', (), function, self._context(values), pieces, shares_pieces)

    def _context(self, values: list[Value]) -> Value:
        context = self.b.alloca(ir.LiteralStructType([value.type for value in values]))
        for k, value in enumerate(values):
            self.b.store(value, self.b.gep(context, [I32(0), I32(k)]))
        return context

    def word(self, value: Any) -> Value:
        """A whole number as an argument of an event operation."""
        return self.b.sext(self.scalar(value), I64)

    def further(self, value: Any, items: int) -> Value:
        """The address of an item."""
        return self.b.gep(self.address(value), [I64(items * value.dtype.itemsize)])


@contextmanager
def counting(b: ir.IRBuilder, first: Value, last: Value, abreast: int = 0) -> Iterator[Value]:
    """The body of a loop from ``first`` to ``last`` (not included); so many vectors are computed side by side, by default as LLVM likes."""
    start, body, after = b.block, b.append_basic_block(), b.append_basic_block()
    b.cbranch(b.icmp_signed('<', first, last), body, after)
    b.position_at_end(body)
    i = b.phi(I64)
    i.add_incoming(first, start)
    yield i
    following = b.add(i, I64(1), flags=('nuw', 'nsw'))
    i.add_incoming(following, b.block)
    back = b.cbranch(b.icmp_signed('<', following, last), body, after)
    if abreast:
        count = b.module.add_metadata([ir.MetaDataString(b.module, 'llvm.loop.interleave.count'), I32(abreast)])
        name = b.module.add_metadata([ir.MetaDataString(b.module, b.function.name), count])
        name.operands = (name, count)  # LLVM names a loop by a node that begins with itself
        back.set_metadata('llvm.loop', name)
    b.position_at_end(after)
