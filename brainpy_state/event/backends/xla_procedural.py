"""Synapses that are drawn again, in plain XLA. Words of 64 bits are used whatever the precision that is set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .. import _draws

_CHUNK = 1 << 16  # synapses that are drawn together
_FORMULAS = _draws.formulas()
_TARGETS, _WEIGHTS, _DELAYS, _LOG_Q = 0, 1, 2, _draws.LOG_Q
_WEIGHT_LAW, _DELAY_LAW = slice(_draws.WEIGHT_LAW, _draws.DELAY_LAW), slice(_draws.DELAY_LAW, _draws.P)


def to_post(words: Array, spikes: Array, *, shape: tuple[int, int], rule: Any, steps: int, dtype: str) -> Array:
    """From spikes (..., pre) to (..., slots). The work follows the number of spikes."""
    (pre, post), lead = shape, spikes.shape[:-1]
    slots = post * max(1, steps)
    if spikes.size == 0 or slots == 0:
        return jnp.zeros((*lead, slots), dtype)
    with jax.enable_x64(True):
        amplitudes = spikes.reshape(-1).astype(dtype)
        out = jnp.zeros(amplitudes.size // pre * slots, dtype)
        count, many = jnp.sum(amplitudes != 0), _rows_at_once(rule, 1)
        active = jnp.nonzero(amplitudes, size=amplitudes.size, fill_value=0)[0]

        def turn(carry: tuple[Array, Array]) -> tuple[Array, Array]:
            first, out = carry
            number = first + jnp.arange(many)
            source = active[jnp.minimum(number, amplitudes.size - 1)]

            def add(out: Array, slot: Array, weight: Array, there: Array) -> Array:
                place = (source // pre * slots)[:, None] + slot
                return out.at[jnp.where(there, place, out.size)].add(amplitudes[source][:, None] * weight, mode='drop')

            return first + many, _over_synapses(add, out, words, source % pre, number < count, post, rule, steps, dtype)

        return jax.lax.while_loop(lambda carry: carry[0] < count, turn, (jnp.int64(0), out))[1].reshape(*lead, slots)


def to_pre(words: Array, values: Array, *, shape: tuple[int, int], rule: Any, steps: int, dtype: str) -> Array:
    """From values (..., slots) to (..., pre). The work follows the number of synapses."""
    (pre, post), lead = shape, values.shape[:-1]
    if values.size == 0 or pre == 0:
        return jnp.zeros((*lead, pre), dtype)
    with jax.enable_x64(True):
        targets = values.reshape(-1, values.shape[-1])
        many = min(pre, _rows_at_once(rule, targets.shape[0]))

        def turn(first: Array) -> Array:
            row = first + jnp.arange(many)

            def add(out: Array, slot: Array, weight: Array, there: Array) -> Array:
                read = targets[:, jnp.where(there, slot, 0)] * weight
                return out + jnp.sum(jnp.where(there, read, 0), axis=2, dtype=dtype)

            zero = jnp.zeros((targets.shape[0], many), dtype)
            return _over_synapses(add, zero, words, row, row < pre, post, rule, steps, dtype)

        collected = jax.lax.map(turn, jnp.arange(0, pre, many))
        return jnp.moveaxis(collected, 0, 1).reshape(targets.shape[0], -1)[:, :pre].reshape(*lead, pre)


def _rows_at_once(rule: Any, batch: int) -> int:
    return max(1, _CHUNK // (max(1, rule.width) * batch))


def _over_synapses(
    body: Callable, out: Array, words: Array, row: Array, valid: Array, post: int, rule: Any, steps: int, dtype: str
) -> Array:  # fmt: skip
    """Fold `body(out, slot, weight, there)`, each (rows, some), over the synapses of rows."""
    bits = jax.lax.bitcast_convert_type(words, jnp.uint64)
    numbers = jax.lax.bitcast_convert_type(words, jnp.float64)

    def sent(out: Array, column: Array, number: Array, there: Array) -> Array:
        weight, slot = jnp.ones((), dtype), column
        if rule.weight:
            drawn = _values(_word(bits[_WEIGHTS], row)[:, None], numbers[_WEIGHT_LAW], number, there)
            stored = drawn.astype('float32').astype('float16') if rule.weight == 'float16' else drawn.astype(rule.weight)
            weight = stored.astype(dtype)
        if steps:
            drawn = _values(_word(bits[_DELAYS], row)[:, None], numbers[_DELAY_LAW], number, there)
            slot = (drawn + 0.5).astype(jnp.int64) * post + column
        return body(out, slot, weight, there)

    key = _word(bits[_TARGETS], row)[:, None]
    draw = jnp.arange(max(1, rule.width))
    if rule.kind == 'choices':
        column = _below(_word(key, draw), post - rule.where)
        column = column + (column >= row[:, None]) if rule.where else column
        column = jnp.sort(column, axis=1) if rule.weight or steps else column
        there = jnp.broadcast_to(valid[:, None] & (draw < rule.width), column.shape)
        return sent(out, column, draw, there)

    def more(carry: Any) -> Any:
        out, start, reached, found = carry
        gap = jnp.minimum(_log(_fraction(_word(key, start + draw))) / numbers[_LOG_Q], post).astype(jnp.int64) + 1
        column = reached[:, None] + jnp.cumsum(gap, axis=1)
        there = (column < post) & ((column != row[:, None]) if rule.where else True)
        number = found[:, None] + jnp.cumsum(there, axis=1) - 1
        return sent(out, column, number, there), start + draw.size, column[:, -1], number[:, -1] + 1

    start = jnp.where(valid, jnp.int64(-1), post)
    carry = out, jnp.int64(0), start, jnp.zeros_like(start)
    return jax.lax.while_loop(lambda carry: jnp.any(carry[2] < post), more, carry)[0]


def _word(key: Array, number: Array) -> Array:
    x = key + np.uint64(_draws.GOLDEN) * (number.astype(jnp.uint64) + np.uint64(1))
    x = (x ^ (x >> np.uint64(30))) * np.uint64(_draws.MIX_1)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(_draws.MIX_2)
    return x ^ (x >> np.uint64(31))


def _below(word: Array, m: int) -> Array:
    factor, half, low = np.uint64(m), np.uint64(32), np.uint64(0xFFFFFFFF)
    return (((word >> half) * factor + ((word & low) * factor >> half)) >> half).astype(jnp.int64)


def _fraction(word: Array) -> Array:
    return ((word >> np.uint64(11)).astype(jnp.float64) + 0.5) * 2.0**-53


def _log(x: Array) -> Array:
    bits = jax.lax.bitcast_convert_type(x, jnp.int64)
    exponent = (bits >> 52) - 1022
    mantissa = jax.lax.bitcast_convert_type(bits & ((1 << 52) - 1) | (1022 << 52), jnp.float64)
    low = mantissa < _draws.SQRT_HALF
    return _FORMULAS.log(jnp.where(low, 2.0 * mantissa, mantissa), (exponent - low).astype(jnp.float64))


def _normal(word: Array) -> Array:
    number = (word >> np.uint64(12)).astype(jnp.int64)
    lower = number < 1 << 51
    tail = (jnp.where(lower, number, (1 << 52) - 1 - number).astype(jnp.float64) + 0.5) * 2.0**-52
    q = 0.5 - tail
    r = jnp.sqrt(-_log(tail))
    outer = jnp.where(r <= _draws.NEAR_TAIL, _FORMULAS.near_tail(r), _FORMULAS.far_tail(r))
    z = jnp.where(q <= _draws.CENTRE, _FORMULAS.centre(q), outer)
    return jnp.where(lower, -z, z)


def _values(key: Array, law: Array, number: Array, there: Array) -> Array:
    normal, location, scale, low, high, again = law

    def drawn(number: Array) -> Array:
        word = _word(key, number)
        return location + scale * jnp.where(normal != 0, _normal(word), _fraction(word))

    def outside(x: Array) -> Array:
        return (again != 0) & there & ((x < low) | (x > high))

    def redraw(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        x, number = carry
        return jnp.where(outside(x), drawn(number + (1 << 32)), x), number + (1 << 32)

    first = drawn(number)
    x, _ = jax.lax.while_loop(lambda carry: jnp.any(outside(carry[0])), redraw, (first, jnp.broadcast_to(number, first.shape)))
    return jnp.clip(x, low, high)
