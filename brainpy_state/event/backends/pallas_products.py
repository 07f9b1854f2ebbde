"""The event operations for NVIDIA GPUs: Pallas kernels, compiled by Triton. Interpreted, they run on a CPU as well: slowly, for tests.

The synapses of the sources that fire are cut into pieces of one block or less, which a first kernel lists. A second one shares the
pieces among its programs: work follows spikes, and a long row occupies many programs. The order of a target's sum is that in which
programs happen to come, so the last digits of a result may differ from run to run.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

_BLOCKS = (32, 512)  # fewest and most synapses in a piece
_PROGRAMS = 4096  # as many as a large GPU holds, or some more
_WARP = 32  # threads. A synapse has a thread of its own: one atomic operation of a thread waits for the one before.
_LISTED = 1024  # rows that one program looks at
_MOST_ITEMS = 1 << 26  # of a batch that is worked off at once: the list of pieces has so many entries at most


def to_post(indptr: Array, indices: Array, *operands: Array, shape: tuple[int, int], dtype: str, interpret: bool = False) -> Array:
    """Operands [weight,] spikes (..., pre); result (..., post)."""
    *weight, spikes = operands
    lead, (pre, post) = spikes.shape[:-1], shape
    if indices.size == 0 or spikes.size == 0:
        return jnp.zeros((*lead, post), dtype)
    rows = spikes.reshape(-1, pre)
    if _too_many(rows.shape[0], indices, shape):
        one = functools.partial(to_post, indptr, indices, *weight, shape=shape, dtype=dtype, interpret=interpret)
        return jax.lax.map(one, rows).reshape(*lead, post)
    out = jnp.zeros(rows.shape[0] * post, dtype)
    return _add(indptr, indices, weight, rows, jnp.int32(0), out, post, interpret).reshape(*lead, post)


def to_ring(*operands: Array, shape: tuple[int, int], interpret: bool = False) -> Array:
    """Operands indptr, slots, [weight,] spikes (pre,), row (), ring (steps, post); result: the ring, in its memory."""
    indptr, slots, *weight, spikes, row, ring = operands
    if slots.size == 0 or ring.size == 0:
        return ring
    steps, post = ring.shape
    start = jnp.remainder(row, steps) * post
    return _add(indptr, slots, weight, spikes[None], start, ring.reshape(-1), ring.size, interpret).reshape(ring.shape)


def to_weight(
    indptr: Array, indices: Array, spikes: Array, values: Array, *, shape: tuple[int, int], dtype: str, interpret: bool = False
) -> Array:
    """Operands (..., pre) and (..., post); result (nnz,), summed over the batch."""
    pre, post = shape
    out = jnp.zeros(indices.shape, dtype)
    if indices.size == 0 or spikes.size == 0:
        return out
    rows, columns = spikes.reshape(-1, pre), values.reshape(-1, post)
    if _too_many(rows.shape[0], indices, shape):
        one = functools.partial(to_weight, indptr, indices, shape=shape, dtype=dtype, interpret=interpret)
        return jax.lax.scan(lambda total, pair: (total + one(*pair), None), out, (rows, columns))[0]
    block = _block(indices, pre)
    pieces = _list_pieces((rows != 0).any(0), indptr, indices, block, interpret)
    operands = (*pieces, indptr, indices, rows.reshape(-1).astype(dtype), columns.reshape(-1), out)
    body = functools.partial(_weight_kernel, pre=pre, post=post, block=block)
    return _run(body, operands, {len(operands) - 1: 0}, [out], _programs(pieces[1].size), block, interpret)[0]


def to_pre(indptr: Array, indices: Array, *operands: Array, shape: tuple[int, int], dtype: str, interpret: bool = False) -> Array:
    """Operands [weight,] values (..., post); result (..., pre). The work follows the number of synapses."""
    *weight, values = operands
    lead, (pre, post) = values.shape[:-1], shape
    if indices.size == 0 or values.size == 0 or pre == 0:
        return jnp.zeros((*lead, pre), dtype)
    columns = values.reshape(-1, post)
    if _too_many(columns.shape[0], indices, shape):
        one = functools.partial(to_pre, indptr, indices, *weight, shape=shape, dtype=dtype, interpret=interpret)
        return jax.lax.map(one, columns).reshape(*lead, pre)
    block, out = _block(indices, pre), jax.ShapeDtypeStruct((columns.shape[0] * pre,), dtype)
    body = functools.partial(_source_kernel, pre=pre, post=post, block=block)
    operands = (indptr, indices, *weight, columns.reshape(-1))
    return _run(body, operands, {}, [out], _programs(out.size), block, interpret)[0].reshape(*lead, pre)


def _too_many(batch: int, indices: Array, shape: tuple[int, int]) -> bool:
    return batch > 1 and batch * (max(shape) + _most_pieces(indices, shape[0], _block(indices, shape[0]))) >= _MOST_ITEMS


def _block(indices: Array, pre: int) -> int:
    """Synapses in a piece: a row of mean length is one piece, if it is not long."""
    return min(max(pl.next_power_of_2(pl.cdiv(indices.size, pre)), _BLOCKS[0]), _BLOCKS[1])


def _most_pieces(indices: Array, rows: int, block: int) -> int:
    return min(indices.size, indices.size // block + rows)


def _programs(items: int) -> int:
    return min(items, _PROGRAMS)


def _add(indptr: Array, indices: Array, weight: list[Array], rows: Array, start: Array, out: Array, post: int, interpret: bool) -> Array:
    """Add what rows of spikes deliver to a flat array, in its memory."""
    amplitudes, pre = rows.reshape(-1).astype(out.dtype), rows.shape[1]
    block = _block(indices, pre)
    pieces = _list_pieces(amplitudes, indptr, indices, block, interpret)
    operands = (*pieces, indptr, indices, *weight, amplitudes, start[None], out)
    body = functools.partial(_target_kernel, pre=pre, post=post, block=block, interpret=interpret)
    return _run(body, operands, {len(operands) - 1: 0}, [out], _programs(pieces[1].size), block, interpret)[0]


def _list_pieces(fired: Array, indptr: Array, indices: Array, block: int, interpret: bool) -> tuple[Array, ...]:
    """Their number (1,); of each the item of `fired` and the first synapse."""
    pre = indptr.shape[0] - 1
    size = fired.size // pre * _most_pieces(indices, pre, block)
    several = jax.ShapeDtypeStruct((size,), jnp.int32)
    body = functools.partial(_list_kernel, pre=pre, block=block)
    number = fired if fired.dtype != bool else fired.astype(jnp.int32)
    operands, count = (number, indptr, jnp.zeros(1, jnp.int32)), jax.ShapeDtypeStruct((1,), jnp.int32)
    return tuple(_run(body, operands, {2: 0}, [count, several, several], pl.cdiv(fired.size, _LISTED), _LISTED // 4, interpret))


def _run(
    kernel: Callable, operands: Any, aliases: dict[int, int], results: list[Any], programs: int, threads: int, interpret: bool
) -> list[Array]:
    call = pl.pallas_call(
        kernel,
        out_shape=[jax.ShapeDtypeStruct(x.shape, x.dtype) for x in results],
        grid=(programs,),
        input_output_aliases=aliases,
        interpret=interpret,
        compiler_params=triton.CompilerParams(num_warps=threads // _WARP, num_stages=1),
        name=f'event{kernel.func.__name__}',  # type: ignore[attr-defined]
    )
    return call(*operands)


def _list_kernel(fired: Any, indptr: Any, _: Any, count: Any, items: Any, firsts: Any, *, pre: int, block: int) -> None:
    begin = pl.program_id(0) * _LISTED
    lane = jax.lax.iota(jnp.int32, _LISTED)
    valid = lane < fired.shape[0] - begin
    item = begin + lane
    active = valid & (triton.load(fired.at[item], mask=valid, other=0) != 0)
    source = jax.lax.rem(item, jnp.int32(pre))
    first = triton.load(indptr.at[source], mask=active, other=0)
    stop = triton.load(indptr.at[source + 1], mask=active, other=0)
    pieces = (stop - first + (block - 1)) // block
    stops = jax.lax.cumsum(pieces)
    total = jnp.max(stops)

    @pl.when(total > 0)
    def _store() -> None:
        # Of scalars: Pallas adds arrays of integers as if they were floats. The index is 0, computed: one known before is not interpreted.
        place = triton.atomic_add(count, jnp.minimum(begin, 0), total) + stops - pieces

        @pl.loop(0, jnp.max(pieces))
        def _store_one_of_each(k: Array) -> None:
            mine = k < pieces
            here = jnp.where(mine, place + k, items.shape[0])
            triton.store(items.at[here], item, mask=mine)
            triton.store(firsts.at[here], first + k * block, mask=mine)


def _each_piece(count: Any, items: Any, firsts: Any, indptr: Any, pre: int, block: int, body: Callable) -> None:
    """Call `body(item, k, valid)` for the pieces of this program: its synapses k, where valid."""
    lane = jax.lax.iota(jnp.int32, block)

    @pl.loop(pl.program_id(0), count[0], step=pl.num_programs(0))
    def _one(n: Array) -> None:
        item, first = items[n], firsts[n]
        stop = indptr[jax.lax.rem(item, jnp.int32(pre)) + 1]
        body(item, first + lane, lane < stop - first)


def _target_kernel(count: Any, items: Any, firsts: Any, indptr: Any, indices: Any, *rest: Any, interpret: bool, **sizes: int) -> None:
    *weight, amplitudes, start, _, out = rest
    pre, post, block = sizes['pre'], sizes['post'], sizes['block']
    rotation = start[0]

    def body(item: Array, k: Array, valid: Array) -> None:
        slot = triton.load(indices.at[k], mask=valid, other=0) - (post - rotation)
        place = jax.lax.div(item, jnp.int32(pre)) * post + jnp.where(slot < 0, slot + post, slot)
        value = jnp.broadcast_to(amplitudes[item], (block,))
        if weight:
            value *= triton.load(weight[0].at[k], mask=valid, other=0).astype(out.dtype)
        if interpret:  # the interpreter knows no masks here, and adds once where an index occurs twice
            jax.ref.addupdate(out, place, jnp.where(valid, value, 0))
        else:
            triton.atomic_add(out, place, value, mask=valid)

    _each_piece(count, items, firsts, indptr, pre, block, body)


def _weight_kernel(
    count: Any, items: Any, firsts: Any, indptr: Any, indices: Any, spikes: Any, values: Any, _: Any, out: Any, **sizes: int
) -> None:
    pre, post, block = sizes['pre'], sizes['post'], sizes['block']

    def body(source: Array, k: Array, valid: Array) -> None:
        target = triton.load(indices.at[k], mask=valid, other=0)

        def add(lane: Array, total: Array) -> Array:
            amplitude = spikes[lane * pre + source]
            seen = triton.load(values.at[lane * post + target], mask=valid & (amplitude != 0), other=0)
            return total + amplitude * seen

        total = jax.lax.fori_loop(0, spikes.shape[0] // pre, add, jnp.zeros(block, out.dtype))
        triton.store(out.at[k], total, mask=valid)

    _each_piece(count, items, firsts, indptr, pre, block, body)


def _source_kernel(indptr: Any, indices: Any, *rest: Any, pre: int, post: int, block: int) -> None:
    *weight, values, out = rest
    lane = jax.lax.iota(jnp.int32, block)

    @pl.loop(pl.program_id(0), out.shape[0], step=pl.num_programs(0))
    def _one(item: Array) -> None:
        source = jax.lax.rem(item, jnp.int32(pre))
        offset = jax.lax.div(item, jnp.int32(pre)) * post
        first, stop = indptr[source], indptr[source + 1]

        def add(n: Array, total: Array) -> Array:
            k = first + n * block + lane
            valid = lane < stop - first - n * block
            target = triton.load(indices.at[k], mask=valid, other=0)
            seen = triton.load(values.at[offset + target], mask=valid, other=0)
            if weight:
                seen *= triton.load(weight[0].at[k], mask=valid, other=0).astype(out.dtype)
            return total + seen

        turns = (stop - first + (block - 1)) // block
        out[item] = jnp.sum(jax.lax.fori_loop(0, turns, add, jnp.zeros(block, out.dtype)))
