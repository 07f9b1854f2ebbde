"""Delivery of spikes along rows of synapses, as native functions that threads can share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .numba_memory import BLOCK, ITEM_BYTES, POINTER, VALUES, adder, inlined, lowest, put_numbers, reader, spike_scanner
from .numba_tiles import lanes

_int32, _int64 = POINTER['int32'], POINTER['int64']
_LINE = 64  # bytes of a cache line
_LINES = 6  # of a row that are fetched ahead; the processor guesses the rest
_SAMPLES = 8  # rows from which the shares of threads are estimated


@intrinsic
def _fetch(typing: Any, address: Any) -> Any:
    """Have memory brought near that is read soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = builder.module.declare_intrinsic('llvm.prefetch', [byte], kind)
        builder.call(function, [builder.inttoptr(arguments[0], byte), number(0), number(3), number(1)])
        return ir.IntType(64)(0)

    return types.int64(types.int64), generate


@inlined
def _first_from(indices: Any, left: int, right: int, slot: int) -> int:
    """Number of the first synapse of a row with this slot or a later one, by halving."""
    while left < right:
        middle = (left + right) // 2
        if indices[middle] < slot:
            left = middle + 1
        else:
            right = middle
    return left


def collect(spike: str) -> Callable:
    """List the sources that fire, in order: their number at ``active``, and after it their indices."""
    scan, has_vectors = spike_scanner(spike), lanes('float32') == 16  # AVX-512

    def function(spikes: int, active: int, size: int) -> int:
        rows, count = _int32(active), 0
        for first in range(0, size, BLOCK):
            fired = scan(spikes, first, size)
            if has_vectors and fired != 0 and first + BLOCK <= size:
                count += put_numbers(fired, first, active + 4 * (count + 1))
                continue
            while fired != 0:
                count += 1
                rows[count] = first + lowest(fired)
                fired &= fired - 1
        rows[0] = count
        return 0

    return function


def collect_rows(spike: str) -> Callable:
    """The same for each row of a batch: from an address of: spikes, lists, batch, size."""
    item, collect_one = ITEM_BYTES[spike], inlined(collect(spike))

    def function(context: int, part: int, parts: int) -> int:
        words = _int64(context)
        batch, size = words[2], words[3]
        for b in range(batch * part // parts, batch * (part + 1) // parts):
            collect_one(words[0] + b * size * item, words[1] + 4 * b * (size + 1), size)
        return 0

    return function


def portion() -> Callable:
    """Of a list of sources, those from ``first`` on, ``size`` at most, counted from there."""

    def function(active: int, portion: int, first: int, size: int) -> int:
        rows, chosen, count = _int32(active), _int32(portion), 0
        for n in range(1, rows[0] + 1):
            row = rows[n] - first
            if 0 <= row < size:
                count += 1
                chosen[count] = row
        chosen[0] = count
        return 0

    return function


def worth() -> Callable:
    """Along how many synapses active sources deliver, on average; 0 if they are no more than ``least``."""

    def function(active: int, synapses: int, pre: int, least: int) -> int:
        number = _int32(active)[0] * (synapses // pre)
        return number if number > least else 0

    return function


def deliver(spike: str, dtype: str, weight: str) -> Callable:
    """Add what active sources send to slots.

    From an address of: starts, slots, weights, spikes, active, received, start, size, clear, factor. A slot is a target, or
    delay * post + target in a ring whose due step begins at ``start``. With ``clear``, what was received before is forgotten; the factor
    multiplies all. ``weight`` is the type of weights, '' where there are none. A part has its own range of slots, so rows are
    sorted by slot if there is more than one.
    """
    value, typed, of_spike, add = VALUES[dtype], POINTER[dtype], POINTER[spike], adder(dtype, weight)

    def function(context: int, part: int, parts: int) -> int:
        words = _int64(context)
        indptr, indices, weights = _int32(words[0]), _int32(words[1]), words[2]
        spikes, rows, out = of_spike(words[3]), _int32(words[4]), typed(words[5])
        start, size, clear, factor = words[6], words[7], words[8], typed(context + 72)[0]
        count, first, last = rows[0], 0, size
        if parts > 1:
            # The synapses of some active rows say where parts of equal work begin. All threads find the same.
            lower, upper, samples = 0, 0, min(count, _SAMPLES)
            for n in range(1, samples + 1):
                begin, length = indptr[rows[n]], indptr[rows[n] + 1] - indptr[rows[n]]
                if length > 0:
                    lower += indices[begin + length * part // parts]
                    upper += indices[begin + min(length * (part + 1) // parts, length - 1)]
            if part > 0:
                first = lower // samples
            if part + 1 < parts:
                last = upper // samples
        if clear:
            for j in range(first, last):
                out[j] = 0
        for n in range(1, count + 1):
            if n < count:
                following = indptr[rows[n + 1]] * 4
                for line in range(_LINES):
                    _fetch(words[1] + following + line * _LINE)
                if n + 1 < count:
                    _fetch(words[0] + 4 * rows[n + 2])
            row = rows[n]
            amplitude = value(spikes[row]) * factor
            k, end = indptr[row], indptr[row + 1]
            if first > 0:
                k = _first_from(indices, k, end, first)
            if last < size:
                end = _first_from(indices, k, end, last)
            while k < end:
                add(out, indices[k] + start, size, weights, k, amplitude)
                k += 1
        return 0

    return function


def deliver_dense(spike: str, dtype: str, weight: str) -> Callable:
    """As `deliver`, with a synapse for each pair: from an address of: weights, spikes, active, received, post, clear, factor."""
    value, typed, of_spike, weight_of = VALUES[dtype], POINTER[dtype], POINTER[spike], reader(weight)

    def function(context: int, part: int, parts: int) -> int:
        words = _int64(context)
        weights, spikes, rows, out, post = words[0], of_spike(words[1]), _int32(words[2]), typed(words[3]), words[4]
        first, last, factor = post * part // parts, post * (part + 1) // parts, typed(context + 48)[0]
        if words[5]:
            for j in range(first, last):
                out[j] = 0
        for n in range(1, rows[0] + 1):
            amplitude, begin = value(spikes[rows[n]]) * factor, rows[n] * post
            for j in range(first, last):
                out[j] += weight_of(weights, begin + j) * amplitude
        return 0

    return function
