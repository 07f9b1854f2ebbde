"""What native functions share: reading memory at an address and finding the next spike.

Addresses are int64 throughout: Numba would turn a mixture of signed and unsigned integers into floats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import cfunc, njit, types
from numba.extending import intrinsic

# Without Python errors in the way the compiler can drop every reference to the interpreter.
OPTIONS: dict[str, Any] = {'nopython': True, 'boundscheck': False, 'error_model': 'numpy', 'forceinline': True}
VALUES = {'float32': types.float32, 'float64': types.float64}
ITEM_BYTES = {'bool': 1, 'int32': 4, 'float32': 4, 'float64': 8}

# So many items are tested for spikes at once: their answers fit one 64-bit word.
BLOCK = 64
_LANES, _COMPRESS = 16, 'llvm.x86.avx512.mask.compress.v16i32'

inlined = njit(inline='always')


def compile_function(function: Callable[..., int]) -> tuple[str, str]:
    """Compile a function of integers; return its LLVM code and its symbol."""
    signature = types.int64(*[types.int64] * function.__code__.co_argcount)
    compiled = cfunc(signature, **OPTIONS)(function)
    return compiled.inspect_llvm(), compiled.native_name


def _pointer(item: Any) -> Any:
    @intrinsic
    def pointer(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(item)(types.int64), generate

    return pointer


# `POINTER[dtype](address)`: the address as a typed pointer, indexed without bounds or sign checks.
_NAMES = ('uint8', 'uint16', 'int32', 'int64', 'uint64', 'float32', 'float64')
ITEMS = {name: getattr(types, name) for name in _NAMES} | {'bool': types.uint8}
POINTER = {name: _pointer(item) for name, item in ITEMS.items()}


@intrinsic
def _half(typing: Any, address: Any) -> Any:
    """The float16 number at an address, as float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = builder.load(builder.inttoptr(arguments[0], ir.HalfType().as_pointer()))
        return builder.fpext(number, ir.FloatType())

    return types.float32(types.int64), generate


@intrinsic
def put_half(typing: Any, address: Any, value: Any) -> Any:
    """Write a float32 number as float16."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = builder.fptrunc(arguments[1], ir.HalfType())
        builder.store(number, builder.inttoptr(arguments[0], ir.HalfType().as_pointer()))
        return ir.IntType(64)(0)

    return types.int64(types.int64, types.float32), generate


def reader(dtype: str) -> Callable[[int, int], float]:
    """Make `item(address, k)`: the k-th number of a vector, float32 where it is float16."""
    typed: Any = POINTER.get(dtype)

    @inlined
    def of_type(address: int, k: int) -> float:
        return typed(address)[k]

    @inlined
    def of_half(address: int, k: int) -> float:
        return _half(address + 2 * k)

    return of_half if dtype == 'float16' else of_type


def adder(dtype: str, weight: str) -> Callable:
    """Make `add(out, place, size, weights, k, amplitude)`: deliver to a place, counted round in as many; '' is no weights."""
    weighted, weight_of = weight != '', reader(weight or dtype)

    @inlined
    def add(out: Any, place: int, size: int, weights: int, k: int, amplitude: float) -> None:
        if place >= size:
            place -= size
        if weighted:
            out[place] += weight_of(weights, k) * amplitude
        else:
            out[place] += amplitude

    return add


def _compared(dtype: str) -> Any:
    # One comparison of vectors, since the compiler does not vectorise a loop that searches.
    item = ITEMS[dtype]
    is_float = isinstance(item, types.Float)

    @intrinsic
    def whole_block(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vector = ir.VectorType(context.get_value_type(item), BLOCK)
            items = builder.load(builder.inttoptr(arguments[0], vector.as_pointer()), align=1)
            compare = builder.fcmp_unordered if is_float else builder.icmp_unsigned
            return builder.bitcast(compare('!=', items, ir.Constant(vector, None)), ir.IntType(BLOCK))

        return types.int64(types.int64), generate

    return whole_block


@intrinsic
def lowest(typing: Any, word: Any) -> Any:
    """Number of the lowest bit that is set; the word is not zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@intrinsic
def _after(typing: Any, word: Any, number: Any) -> Any:
    """A word without so many of its lowest bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.lshr(*arguments)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def put_numbers(typing: Any, word: Any, first: Any, place: Any) -> Any:
    """Write the numbers of the bits of a 64-bit word that are set, counted from ``first``, as int32 to an address; return how many.

    Only with AVX-512. What lies behind them may be overwritten, up to the place of number ``first + 64`` in a list of all.
    """

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        word, first, place = arguments
        i16, i32, i64 = (ir.IntType(n) for n in (16, 32, 64))
        numbers, flags = ir.VectorType(i32, _LANES), ir.VectorType(ir.IntType(1), _LANES)
        compress = b.module.globals.get(_COMPRESS) or ir.Function(b.module, ir.FunctionType(numbers, [numbers, numbers, flags]), _COMPRESS)
        zeros = ir.Constant(ir.VectorType(i32, _LANES), [i32(0)] * _LANES)
        one = b.insert_element(ir.Constant(numbers, ir.Undefined), b.trunc(first, i32), i32(0))
        base = b.shuffle_vector(one, ir.Constant(numbers, ir.Undefined), zeros)
        total = i64(0)
        for k in range(0, BLOCK, _LANES):
            bits = b.trunc(b.lshr(word, i64(k)), i16)
            own = b.add(base, ir.Constant(numbers, [i32(k + j) for j in range(_LANES)]))
            packed = b.call(compress, [own, zeros, b.bitcast(bits, flags)])
            at = b.inttoptr(b.add(place, b.mul(total, i64(4))), numbers.as_pointer())
            b.store(packed, at, align=4)
            total = b.add(total, b.zext(b.ctpop(bits), i64))
        return total

    return types.int64(types.int64, types.int64, types.int64), generate


def spike_scanner(dtype: str) -> Callable[[int, int, int], int]:
    """Make `scan(address, first, size)`: a word whose bit k tells whether item `first + k` of a vector is nonzero, k < `BLOCK`."""
    item, typed = ITEM_BYTES[dtype], POINTER[dtype]
    whole_block = _compared(dtype)

    @inlined
    def scan(address: int, first: int, size: int) -> int:
        if first + BLOCK <= size:
            return whole_block(address + first * item)
        if size >= BLOCK:
            last = size - BLOCK
            return _after(whole_block(address + last * item), first - last)
        items = typed(address)
        fired = 0
        for k in range(size - first):
            if items[first + k] != 0:
                fired |= 1 << k
        return fired

    return scan
