"""Bits as native functions: what is not zero as bits, items of bits, and lists of those that are set."""

from __future__ import annotations

from collections.abc import Callable

from .numba_memory import BLOCK, ITEM_BYTES, ITEMS, POINTER, inlined, lowest, put_numbers, spike_scanner
from .numba_tiles import lanes

_int32, _int64 = POINTER['int32'], POINTER['int64']


def pack(dtype: str) -> Callable:
    """Write a bit for each item, in words of 64."""
    scan = spike_scanner(dtype)

    def function(items: int, words: int, size: int) -> int:
        bits = _int64(words)
        for first in range(0, size, BLOCK):
            bits[first // BLOCK] = scan(items, first, size)
        return 0

    return function


def unpack(dtype: str) -> Callable:
    """Write the items of rows of words of 32 bits."""
    item, width, typed = ITEMS[dtype], ITEM_BYTES[dtype], POINTER[dtype]

    @inlined
    def write(word: int, place: int, number: int) -> None:
        items = typed(place)
        for k in range(number):
            items[k] = item((word >> k) & 1)

    def function(words: int, items: int, rows: int, length: int, size: int) -> int:
        for row in range(rows):
            bits, place = _int64(words + 4 * row * length), items + row * size * width
            whole = size // BLOCK
            for k in range(whole):
                write(bits[k], place + k * BLOCK * width, BLOCK)
            if size > whole * BLOCK:
                write(bits[whole], place + whole * BLOCK * width, size - whole * BLOCK)
        return 0

    return function


def collect() -> Callable:
    """List the items that are set of ``size`` from number ``first`` on, in order: their number, and after it their indices.

    Of ``row`` items in each row, and ``length`` words of 32 bits in all.
    """
    has_vectors = lanes('float32') == 16  # AVX-512

    def function(words: int, active: int, first: int, size: int, row: int, length: int) -> int:
        listed, count, bits, blocks = _int32(active), 0, _int64(words), (row + BLOCK - 1) // BLOCK
        for k in range(length // 2):
            start = k // blocks * row + k % blocks * BLOCK - first
            fired = bits[k]
            if fired == 0 or start <= -BLOCK or start >= size:
                continue
            if has_vectors and start >= 0 and start + BLOCK <= size:
                count += put_numbers(fired, start, active + 4 * (count + 1))
                continue
            while fired != 0:
                index = start + lowest(fired)
                fired &= fired - 1
                if 0 <= index < size:
                    count += 1
                    listed[count] = index
        listed[0] = count
        return 0

    return function
