"""Tiles of a matrix that stay in registers while rows of another are added to them."""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .numba_memory import ITEM_BYTES, VALUES

I32, I64 = ir.IntType(32), ir.IntType(64)
FEW, WIDE = 4, 2  # rows of a low tile of a product, and vectors of a wide one


@functools.cache
def lanes(dtype: str) -> int:
    """Numbers of a vector register."""
    found = llvm.get_host_cpu_features()
    size = 64 if found.get('avx512f') else 32 if found.get('avx') else 16
    return size // ITEM_BYTES[dtype]


@functools.cache
def tallest() -> tuple[int, int, int]:
    """Rows of a tile, vectors of a tile of one row, and columns of inner products, whose sums all stay in the processor's registers.

    There are 16 of them on x86 without AVX-512, and 32 elsewhere.
    """
    has_few = platform.machine().lower() in ('x86_64', 'amd64') and not llvm.get_host_cpu_features().get('avx512f')
    return (6, 12, 2) if has_few else (8, 16, 4)


class _Vectors:
    """Loads and stores of some vectors of a row, the last of which may have fewer numbers."""

    def __init__(self, b: ir.IRBuilder, dtype: str, count: int, tail: Any):
        self.b, self.size = b, lanes(dtype)
        self.item = ir.FloatType() if dtype == 'float32' else ir.DoubleType()
        self.kind = ir.VectorType(self.item, self.size)
        self.bytes, self.count = ITEM_BYTES[dtype], count
        self.mask: Any = None
        if tail is not None:
            numbers = ir.Constant(ir.VectorType(I64, self.size), [I64(k) for k in range(self.size)])
            self.mask = b.icmp_signed('<', numbers, self.splat(tail, I64))
            self.count += 1

    def splat(self, x: Any, item: Any = None) -> Any:
        kind = ir.VectorType(item or self.item, self.size)
        one = self.b.insert_element(ir.Constant(kind, ir.Undefined), x, I32(0))
        return self.b.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(I32, self.size), [I32(0)] * self.size))

    def _is_last(self, k: int) -> bool:
        return self.mask is not None and k == self.count - 1

    def _at(self, address: Any, k: int) -> Any:
        return self.b.inttoptr(self.b.add(address, I64(k * self.size * self.bytes)), self.kind.as_pointer())

    def load(self, address: Any, k: int) -> Any:
        place = self._at(address, k)
        if not self._is_last(k):
            return self.b.load(place, align=self.bytes)
        function = self._intrinsic('masked.load', '.p0', self.kind, [place.type, I32, self.mask.type, self.kind])
        return self.b.call(function, [place, I32(self.bytes), self.mask, ir.Constant(self.kind, None)])

    def store(self, value: Any, address: Any, k: int) -> None:
        place = self._at(address, k)
        if not self._is_last(k):
            self.b.store(value, place, align=self.bytes)
            return
        function = self._intrinsic('masked.store', '.p0', ir.VoidType(), [self.kind, place.type, I32, self.mask.type])
        self.b.call(function, [value, place, I32(self.bytes), self.mask])

    def number(self, address: Any) -> Any:
        return self.b.load(self.b.inttoptr(address, self.item.as_pointer()), align=self.bytes)

    def multiply_add(self, x: Any, y: Any, total: Any) -> Any:
        return self.b.call(self._intrinsic('fmuladd', '', self.kind, [self.kind] * 3), [x, y, total])

    def _intrinsic(self, name: str, ending: str, result: Any, operands: list[Any], item: str = '') -> Any:
        full = f'llvm.{name}.v{self.size}{item or f"f{8 * self.bytes}"}{ending}'
        return self.b.module.globals.get(full) or ir.Function(self.b.module, ir.FunctionType(result, operands), full)

    def sum(self, x: Any) -> Any:
        size = self.size
        while size > 1:
            size //= 2
            order = ir.Constant(ir.VectorType(I32, self.size), [I32((k + size) % self.size) for k in range(self.size)])
            x = self.b.fadd(x, self.b.shuffle_vector(x, x, order))
        return self.b.extract_element(x, I32(0))


def _counted(b: ir.IRBuilder, count: Any, values: list[Any], body: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """Values after so many steps of a body, of the number of the step and the values."""
    start, head, inside, after = b.block, *(b.append_basic_block() for _ in range(3))
    b.branch(head)
    b.position_at_end(head)
    p = b.phi(I64)
    p.add_incoming(I64(0), start)
    carried = [b.phi(value.type) for value in values]
    for phi, value in zip(carried, values, strict=True):
        phi.add_incoming(value, start)
    b.cbranch(b.icmp_signed('<', p, count), inside, after)
    b.position_at_end(inside)
    made = body(p, carried)
    p.add_incoming(b.add(p, I64(1), flags=('nuw', 'nsw')), b.block)
    for phi, value in zip(carried, made, strict=True):
        phi.add_incoming(value, b.block)
    b.branch(head)
    b.position_at_end(after)
    return carried


def tile(dtype: str, rows: int, vectors: int, has_tail: bool, listed: bool) -> Any:
    """Make ``tile(a, a_row, a_step, list, b, b_step, c, c_row, steps, tail, begins, factor)``.

    To ``rows`` rows of c, so many vectors and ``tail`` numbers wide, it adds rows of b, each times a number of a, and all times the
    factor; with ``begins``, what was in c before is forgotten. Steps are in bytes. With ``listed``, a list of int32 says which rows.
    """
    value = VALUES[dtype]

    @intrinsic
    def function(typing, a, a_row, a_step, order, rows_of_b, b_step, c, c_row, steps, tail, begins, factor):  # type: ignore
        def generate(context: Any, b: Any, signature: Any, given: Any) -> Any:
            a, a_row, a_step, order, rows_of_b, b_step, c, c_row, steps, tail, begins, factor = given
            v = _Vectors(b, dtype, vectors, tail if has_tail else None)
            zeros = [ir.Constant(v.kind, None)] * (rows * v.count)

            def body(p: Any, totals: list[Any]) -> list[Any]:
                if listed:
                    place = b.inttoptr(b.add(order, b.mul(p, I64(4))), I32.as_pointer())
                    p = b.sext(b.load(place), I64)
                source = b.add(rows_of_b, b.mul(p, b_step))
                loaded = [v.load(source, k) for k in range(v.count)]
                made = []
                for i in range(rows):
                    number = v.splat(v.number(b.add(b.add(a, b.mul(a_row, I64(i))), b.mul(p, a_step))))
                    made += [v.multiply_add(number, x, totals[i * v.count + k]) for k, x in enumerate(loaded)]
                return made

            totals = _counted(b, steps, zeros, body)
            scale = v.splat(factor)
            fresh, more, after = (b.append_basic_block() for _ in range(3))
            b.cbranch(b.icmp_signed('!=', begins, I64(0)), fresh, more)
            for block, adds in ((fresh, False), (more, True)):
                b.position_at_end(block)
                for i in range(rows):
                    target = b.add(c, b.mul(c_row, I64(i)))
                    for k in range(v.count):
                        total = totals[i * v.count + k]
                        v.store(v.multiply_add(total, scale, v.load(target, k)) if adds else b.fmul(total, scale), target, k)
                b.branch(after)
            b.position_at_end(after)
            return I64(0)

        return types.int64(*[types.int64] * 11, value), generate

    return function


def dots(dtype: str, rows: int, columns: int) -> Any:
    """Make ``dots(a, a_row, b, b_row, c, c_row, c_column, vectors, tail, begins, factor)``: inner products of rows of a and of b."""
    value = VALUES[dtype]

    @intrinsic
    def function(typing, a, a_row, rows_of_b, b_row, c, c_row, c_column, vectors, tail, begins, factor):  # type: ignore
        def generate(context: Any, b: Any, signature: Any, given: Any) -> Any:
            a, a_row, rows_of_b, b_row, c, c_row, c_column, vectors, tail, begins, factor = given
            v, last = _Vectors(b, dtype, 1, None), _Vectors(b, dtype, 0, tail)
            step = I64(v.size * v.bytes)

            def products(kind: _Vectors, offset: Any, totals: list[Any]) -> list[Any]:
                left = [kind.load(b.add(b.add(a, b.mul(a_row, I64(i))), offset), 0) for i in range(rows)]
                right = [kind.load(b.add(b.add(rows_of_b, b.mul(b_row, I64(j))), offset), 0) for j in range(columns)]
                return [kind.multiply_add(left[i], right[j], totals[i * columns + j]) for i in range(rows) for j in range(columns)]

            zeros = [ir.Constant(v.kind, None)] * (rows * columns)
            totals = _counted(b, vectors, zeros, lambda p, values: products(v, b.mul(p, step), values))
            totals = products(last, b.mul(vectors, step), totals)
            keeps = b.icmp_signed('==', begins, I64(0))
            for i in range(rows):
                for j in range(columns):
                    place = b.add(b.add(c, b.mul(c_row, I64(i))), b.mul(c_column, I64(j)))
                    place = b.inttoptr(place, v.item.as_pointer())
                    before = b.select(keeps, b.load(place, align=v.bytes), ir.Constant(v.item, 0.0))
                    b.store(b.fadd(before, b.fmul(v.sum(totals[i * columns + j]), factor)), place, align=v.bytes)
            return I64(0)

        return types.int64(*[types.int64] * 10, value), generate

    return function


def gathered_dot(dtype: str, weighted: bool) -> Any:
    """Make ``dot(weights, places, row, count)``: the sum of the items of a row at so many places, each times its weight.

    Items are loaded one by one, at places that are loaded in pairs: the instruction that loads many at once takes twice as long.
    """
    value, abreast = VALUES[dtype], 8
    item = ir.FloatType() if dtype == 'float32' else ir.DoubleType()
    kind = ir.VectorType(item, abreast)
    function_type = ir.FunctionType(kind, [kind] * 3)

    @intrinsic
    def function(typing, weights, places, row, count):  # type: ignore
        def generate(context: Any, b: Any, signature: Any, given: Any) -> Any:
            weights, places, row, count = given
            weights, row = (b.inttoptr(x, item.as_pointer()) for x in (weights, row))
            places, pairs = (b.inttoptr(places, x.as_pointer()) for x in (I32, I64))
            name = f'llvm.fmuladd.v{abreast}f{8 * ITEM_BYTES[dtype]}'
            multiply_add = b.module.globals.get(name) or ir.Function(b.module, function_type, name)

            def some(p: Any, totals: list[Any]) -> list[Any]:
                first, items = b.mul(p, I64(abreast)), []
                for k in range(0, abreast, 2):
                    pair = b.load(b.gep(pairs, [b.lshr(b.add(first, I64(k)), I64(1))]), align=4)
                    items += [b.load(b.gep(row, [x])) for x in (b.and_(pair, I64(0xFFFFFFFF)), b.lshr(pair, I64(32)))]
                if not weighted:
                    return [b.fadd(total, x) for total, x in zip(totals, items, strict=True)]
                several = ir.Constant(kind, ir.Undefined)
                for k, x in enumerate(items):
                    several = b.insert_element(several, x, I32(k))
                weight = b.load(b.bitcast(b.gep(weights, [first]), kind.as_pointer()), align=ITEM_BYTES[dtype])
                return [b.call(multiply_add, [weight, several, totals[0]])]

            def one(p: Any, totals: list[Any]) -> list[Any]:
                k = b.add(p, begun)
                x = b.load(b.gep(row, [b.sext(b.load(b.gep(places, [k])), I64)]))
                return [b.fadd(totals[0], b.fmul(b.load(b.gep(weights, [k])), x) if weighted else x)]

            groups = b.sdiv(count, I64(abreast))
            totals = _counted(b, groups, [ir.Constant(kind, None)] if weighted else [item(0.0)] * abreast, some)
            if weighted:
                totals = [b.extract_element(totals[0], I32(k)) for k in range(abreast)]
            while len(totals) > 1:
                totals = [b.fadd(x, y) for x, y in zip(totals[::2], totals[1::2], strict=True)]
            begun = b.mul(groups, I64(abreast))
            return _counted(b, b.sub(count, begun), totals, one)[0]

        return value(*[types.int64] * 4), generate

    return function
