"""Products with matrices whose work follows what is not zero, as native functions that threads can share.

Where much is not zero, the same products are made for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._within import PANEL
from .numba_memory import ITEM_BYTES, POINTER, VALUES, inlined
from .numba_tiles import FEW, WIDE, dots, lanes, tallest, tile

_int32, _int64 = POINTER['int32'], POINTER['int64']
MANY = 4  # of so many items one is not zero: from there on all are treated alike


def _strip(dtype: str, rows: int) -> Callable:
    """Make a tile of so many rows of a product, wide or narrow."""
    wide, last = tile(dtype, rows, WIDE, False, False), tile(dtype, rows, 0, True, False)

    @inlined
    def strip(
        is_wide: bool, a: int, a_row: int, a_step: int, b: int, b_step: int, c: int, c_row: int, steps: int, width: int, begins: int,
        factor: Any,
    ) -> None:  # fmt: skip
        if is_wide:
            wide(a, a_row, a_step, 0, b, b_step, c, c_row, steps, 0, begins, factor)
        else:
            last(a, a_row, a_step, 0, b, b_step, c, c_row, steps, width, begins, factor)

    return strip


def _product(dtype: str) -> Callable:
    """Make ``product(a, a_row, a_step, b, b_step, c, c_row, m, n, steps, begins, factor)``: c (m, n) of all rows of b."""
    size, item, rows = lanes(dtype), ITEM_BYTES[dtype], tallest()[0]
    evenly = 0 if rows == 2 * FEW else 2 * FEW  # as many rows are two low tiles, rather than a tall one and single rows
    tall, low, one = (_strip(dtype, number) for number in (rows, FEW, 1))

    @inlined
    def product(
        a: int, a_row: int, a_step: int, b: int, b_step: int, c: int, c_row: int, m: int, n: int, steps: int, begins: int, factor: Any
    ) -> None:  # fmt: skip
        j = 0
        while j < n:
            is_wide = j + WIDE * size <= n
            width = WIDE * size if is_wide else min(size, n - j)
            source, target = b + j * item, c + j * item
            i = 0
            while i < m:
                place, into = a + i * a_row, target + i * c_row
                if i + rows <= m and m - i != evenly:
                    tall(is_wide, place, a_row, a_step, source, b_step, into, c_row, steps, width, begins, factor)
                    i += rows
                elif i + FEW <= m:
                    low(is_wide, place, a_row, a_step, source, b_step, into, c_row, steps, width, begins, factor)
                    i += FEW
                else:
                    one(is_wide, place, a_row, a_step, source, b_step, into, c_row, steps, width, begins, factor)
                    i += 1
            j += width

    return product


def _sum_of_rows(dtype: str) -> Callable:
    """Make ``rows(a, a_step, order, count, b, b_step, c, n, begins, factor)``: c (n,) of the rows of b that are listed."""
    size, item, most = lanes(dtype), ITEM_BYTES[dtype], tallest()[1]
    widest, wide, last = tile(dtype, 1, most, False, True), tile(dtype, 1, WIDE, False, True), tile(dtype, 1, 0, True, True)

    @inlined
    def rows(a: int, a_step: int, order: int, count: int, b: int, b_step: int, c: int, n: int, begins: int, factor: Any) -> None:
        j = 0
        while j < n:
            source, target = b + j * item, c + j * item
            if j + most * size <= n:
                widest(a, 0, a_step, order, source, b_step, target, 0, count, 0, begins, factor)
                j += most * size
            elif j + WIDE * size <= n:
                wide(a, 0, a_step, order, source, b_step, target, 0, count, 0, begins, factor)
                j += WIDE * size
            else:
                last(a, 0, a_step, order, source, b_step, target, 0, count, min(size, n - j), begins, factor)
                j += size

    return rows


@inlined
def _active(lists: int, batch: int, size: int) -> int:
    """How many items of all rows are listed."""
    rows, total = _int32(lists), 0
    for b in range(batch):
        total += rows[b * (size + 1)]
    return total


def worth() -> Callable:
    """How many multiplications there are; 0 if they are no more than ``least``."""

    def function(lists: int, batch: int, pre: int, post: int, least: int) -> int:
        number = _active(lists, batch, pre) * post
        return number if number > least else 0

    return function


def to_post(dtype: str) -> Callable:
    """What targets receive: from an address of: weights, spikes, lists, received, batch, pre, post, clear, factor."""
    item, typed = ITEM_BYTES[dtype], POINTER[dtype]
    product, rows = _product(dtype), _sum_of_rows(dtype)

    def function(context: int, part: int, parts: int) -> int:
        words = _int64(context)
        weights, spikes, lists, out, batch, pre, post, clear = (
            words[0],
            words[1],
            words[2],
            words[3],
            words[4],
            words[5],
            words[6],
            words[7],
        )
        factor, first, last = typed(context + 64)[0], batch * part // parts, batch * (part + 1) // parts
        if _active(lists, batch, pre) * MANY > batch * pre:
            a, c = spikes + first * pre * item, out + first * post * item
            product(a, pre * item, item, weights, post * item, c, post * item, last - first, post, pre, clear, factor)
            return 0
        for b in range(first, last):
            order = lists + 4 * b * (pre + 1)
            rows(
                spikes + b * pre * item, item, order + 4, _int32(order)[0], weights, post * item, out + b * post * item, post, clear, factor
            )
        return 0

    return function


def product_of_all(dtype: str) -> Callable:
    """The product of a matrix (m, steps) and one in panels, of n columns in all: from an address of: a, b, c, m, steps, n."""
    item, product, value = ITEM_BYTES[dtype], _product(dtype), VALUES[dtype]

    def function(context: int, part: int, parts: int) -> int:
        words = _int64(context)
        a, b, c, m, steps, n = words[0], words[1], words[2], words[3], words[4], words[5]
        first, last = m * part // parts, m * (part + 1) // parts
        a, c, row = a + first * steps * item, c + first * n * item, PANEL * item
        for k in range(0, n, PANEL):
            width, place = min(PANEL, n - k), b + k * steps * item
            product(a, steps * item, item, place, row, c + k * item, n * item, last - first, width, steps, 1, value(1))
        return 0

    return function


def to_weight(dtype: str) -> Callable:
    """What synapses see: from an address of: spikes, values, lists, seen, batch, pre, post, clear, factor, memory.

    The memory has room for a number for each source and one more, and one for each spike; it is filled by `by_source`.
    """
    item, typed = ITEM_BYTES[dtype], POINTER[dtype]
    product, rows = _product(dtype), _sum_of_rows(dtype)

    def function(context: int, part: int, parts: int) -> int:
        words = _int64(context)
        spikes, values, out, batch, pre, post, clear = words[0], words[1], words[3], words[4], words[5], words[6], words[7]
        factor, starts, first, last = typed(context + 64)[0], _int32(words[9]), pre * part // parts, pre * (part + 1) // parts
        if starts[pre] * MANY > batch * pre:
            a, c = spikes + first * item, out + first * post * item
            product(a, item, pre * item, values, post * item, c, post * item, last - first, post, batch, clear, factor)
            return 0
        orders = words[9] + 4 * (pre + 1)
        for k in range(first, last):
            count = starts[k + 1] - starts[k]
            if count > 0 or clear != 0:
                order = orders + 4 * starts[k]
                rows(spikes + k * item, pre * item, order, count, values, post * item, out + k * post * item, post, clear, factor)
        return 0

    return function


def by_source() -> Callable:
    """From lists of active sources of each row of a batch to one of rows for each source: where each begins, and the rows."""

    def function(lists: int, memory: int, batch: int, pre: int) -> int:
        starts, orders = _int32(memory), _int32(memory + 4 * (pre + 1))
        for k in range(pre + 1):
            starts[k] = 0
        for b in range(batch):
            rows = _int32(lists + 4 * b * (pre + 1))
            for n in range(1, rows[0] + 1):
                starts[rows[n] + 1] += 1
        for k in range(pre):
            starts[k + 1] += starts[k]
        for b in range(batch):
            rows = _int32(lists + 4 * b * (pre + 1))
            for n in range(1, rows[0] + 1):
                orders[starts[rows[n]]] = b
                starts[rows[n]] += 1
        for k in range(pre, 0, -1):
            starts[k] = starts[k - 1]
        starts[0] = 0
        return 0

    return function


def to_pre(dtype: str, listed: bool) -> Callable:
    """What sources collect: from an address of: weights, values, collected, batch, pre, post, lists or 0; those not listed get zero."""
    size, item, typed, value = lanes(dtype), ITEM_BYTES[dtype], POINTER[dtype], VALUES[dtype]
    across = tallest()[2]
    square, row, one = dots(dtype, FEW, across), dots(dtype, FEW, 1), dots(dtype, 1, 1)

    def function(context: int, part: int, parts: int) -> int:
        words = _int64(context)
        weights, values, out, batch, pre, post, lists = words[0], words[1], words[2], words[3], words[4], words[5], words[6]
        first, last, vectors, unit = batch * part // parts, batch * (part + 1) // parts, post // size, value(1)
        tail, step = post - vectors * size, post * item
        if listed and _active(lists, batch, pre) * MANY <= batch * pre:
            for b in range(first, last):
                rows, collected = _int32(lists + 4 * b * (pre + 1)), typed(out + b * pre * item)
                for k in range(pre):
                    collected[k] = 0
                for n in range(1, rows[0] + 1):
                    into = out + (b * pre + rows[n]) * item
                    one(values + b * step, 0, weights + rows[n] * step, 0, into, 0, 0, vectors, tail, 1, unit)
            return 0
        for k in range(0, pre, across):
            source, b = weights + k * step, first
            while b < last:
                place, into = values + b * step, out + (b * pre + k) * item
                if k + across <= pre and b + FEW <= last:
                    square(place, step, source, step, into, pre * item, item, vectors, tail, 1, unit)
                    b += FEW
                elif b + FEW <= last:
                    for j in range(min(across, pre - k)):
                        row(place, step, source + j * step, step, into + j * item, pre * item, item, vectors, tail, 1, unit)
                    b += FEW
                else:
                    for j in range(min(across, pre - k)):
                        one(place, step, source + j * step, step, into + j * item, pre * item, item, vectors, tail, 1, unit)
                    b += 1
        return 0

    return function
