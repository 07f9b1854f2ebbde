"""Equations that move items or sum them up: items are read from memory at a computed place, copied in one piece, or reduced.

A place is a sum of coordinates of the result times strides, and of what is computed: where a slice begins, or what an index says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from . import _matrix
from ._nodes import Nodes, Number, Part, Value, size_of
from ._operation import Operation

_INT64 = np.dtype(np.int64)
_PUT = Operation('put', native='llvm_moves.put', in_place={0: 0})
_JOIN = Operation('join', native='llvm_moves.join')
_REDUCE = Operation('reduce', native='llvm_moves.reduce')
_Mode = jax.lax.GatherScatterMode


def read(flat: Nodes, source: Value, shape: Sequence[int], strides: Sequence[int], first: int = 0, further: Sequence[Value] = ()) -> Value:
    """Items of a value in memory: item ``first + coordinates * strides + further`` for each place in a shape."""
    if size_of(source) == 1:
        return source  # a value of one item stands for any number
    known = [place for place in further if isinstance(place, Number)]
    first += sum(int(place.value) for place in known)
    computed = [place for place in further if not isinstance(place, Number)]
    size, axes = math.prod(shape), _axes(shape, strides)
    if not size:
        return _part(source, 0, 0)
    if not computed and (not axes or axes == [(size, 1)]):
        return _part(source, first, size if axes else 1)
    if not computed:
        return flat.strided(_part(source, 0, size_of(source), whole=True), axes, first, size)
    place = _sum(flat, [*_steps(flat, axes, size), *computed, *([Number(np.int64(first), _INT64)] if first else [])])
    return flat.compute('take', source.dtype, _part(source, 0, size_of(source), whole=True), place, size=size_of(place))


def _part(source: Value, first: int, size: int, whole: bool = False) -> Value:
    if isinstance(source, Part):
        return Part(source.source, source.first + first, size)
    return Part(source, first, size) if whole or size != size_of(source) else source


def _axes(shape: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """Sizes and strides of as few axes as have the same places; none for one place."""
    axes: list[tuple[int, int]] = []
    for n, stride in zip(shape, strides, strict=True):
        if axes and axes[-1][1] == stride * n:
            axes[-1] = axes[-1][0] * n, stride
        elif n != 1:
            axes.append((n, stride))
    return axes if any(stride for _, stride in axes) else []


def _steps(flat: Nodes, axes: list[tuple[int, int]], size: int) -> list[Value]:
    """The coordinates of each place times their strides."""
    counts = _INT64 if len(axes) == 1 or size >= 2**32 else np.dtype(np.uint32)  # where the compiler divides faster
    inner, steps = size, []
    for n, stride in axes:
        inner //= n
        if stride:
            at = flat.compute('iota', counts, size=size)
            at = at if inner == 1 else flat.compute('div', counts, at, Number(counts.type(inner), counts))
            at = at if n * inner == size else flat.compute('rem', counts, at, Number(counts.type(n), counts))
            steps.append(_times(flat, _long(flat, at), stride))
    return steps


def _long(flat: Nodes, value: Value) -> Value:
    if isinstance(value, Number):
        return Number(np.int64(value.value), _INT64)
    return value if value.dtype == _INT64 else flat.compute('convert_element_type', _INT64, value)


def _times(flat: Nodes, value: Value, stride: int) -> Value:
    return value if stride == 1 else flat.compute('mul', _INT64, value, Number(np.int64(stride), _INT64))


def _sum(flat: Nodes, values: list[Value]) -> Value:
    total, *others = values
    for value in others:
        total = flat.compute('add', _INT64, total, value)
    return total


def _within(flat: Nodes, value: Value, last: int) -> Value:
    """A place of at least 0 and at most the last."""
    value = _long(flat, value)
    if isinstance(value, Number):
        return Number(np.int64(min(max(value.value, 0), last)), _INT64)
    return flat.compute('clamp', _INT64, Number(np.int64(0), _INT64), value, Number(np.int64(last), _INT64))


def strides_of(shape: Sequence[int]) -> list[int]:
    """How far items are apart along each axis, in row-major order."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _shape(eqn: Any, k: int = 0) -> tuple[int, ...]:
    return eqn.invars[k].aval.shape


def _slice(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    steps, starts = eqn.params['strides'] or [1] * len(_shape(eqn)), eqn.params['start_indices']
    strides = strides_of(_shape(eqn))
    first = sum(start * stride for start, stride in zip(starts, strides, strict=True))
    return [read(flat, operands[0], eqn.outvars[0].aval.shape, [a * b for a, b in zip(steps, strides, strict=True)], first)]


def _split(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    strides, axis, made, first = strides_of(_shape(eqn)), eqn.params['axis'], [], 0
    for out, size in zip(eqn.outvars, eqn.params['sizes'], strict=True):
        made.append(read(flat, operands[0], out.aval.shape, strides, first * strides[axis]))
        first += int(size)
    return made


def _unstack(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    strides, axis = strides_of(_shape(eqn)), eqn.params['axis']
    others = strides[:axis] + strides[axis + 1 :]
    return [read(flat, operands[0], out.aval.shape, others, k * strides[axis]) for k, out in enumerate(eqn.outvars)]


def _broadcast(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    shape, axes = eqn.outvars[0].aval.shape, eqn.params['broadcast_dimensions']
    strides = [0] * len(shape)
    for axis, n, stride in zip(axes, _shape(eqn), strides_of(_shape(eqn)), strict=True):
        strides[axis] = stride if n == shape[axis] else 0
    return [read(flat, operands[0], shape, strides)]


def _tile(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    shape, strides = [], []
    for n, times, stride in zip(_shape(eqn), eqn.params['reps'], strides_of(_shape(eqn)), strict=True):
        shape += [times, n]
        strides += [0, stride]
    return [read(flat, operands[0], shape, strides)]


def _transpose(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    turned = _matrix.turned(flat, operands[0], eqn.params['permutation'])
    return [turned or _permuted(flat, operands[0], _shape(eqn), eqn.params['permutation'])]


def _permuted(flat: Nodes, source: Value, shape: Sequence[int], order: Sequence[int]) -> Value:
    strides = strides_of(shape)
    return read(flat, source, [shape[axis] for axis in order], [strides[axis] for axis in order])


def _reverse(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    shape, strides, first = _shape(eqn), strides_of(_shape(eqn)), 0
    for axis in eqn.params['dimensions']:
        first += max(shape[axis] - 1, 0) * strides[axis]
        strides[axis] *= -1
    return [read(flat, operands[0], shape, strides, first)]


def _iota(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    out = eqn.outvars[0].aval
    strides = [int(axis == eqn.params['dimension']) for axis in range(out.ndim)]
    axes = _axes(out.shape, strides)
    if len(axes) == 1 or not out.size:
        return [flat.compute('iota', out.dtype, size=out.size)]
    place = _sum(flat, _steps(flat, axes, out.size) or [Number(np.int64(0), _INT64)])
    return [flat.compute('convert_element_type', out.dtype, place)]


def _dynamic_slice(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    source, *starts = operands
    shape, sizes, strides = _shape(eqn), eqn.params['slice_sizes'], strides_of(_shape(eqn))
    further = [
        _times(flat, _within(flat, start, n - size), stride)
        for start, n, size, stride in zip(starts, shape, sizes, strides, strict=True)
        if n != size
    ]
    return [read(flat, source, sizes, strides, further=further)]


def _dynamic_update_slice(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    source, update, *starts = operands
    whole, part = eqn.invars[0].aval, eqn.invars[1].aval
    if part.shape == whole.shape:
        return [update]
    places = [_within(flat, start, n - size) for start, n, size in zip(starts, whole.shape, part.shape, strict=True)]
    return [_put(flat, source, whole, update, part, places)]


def _put(flat: Nodes, source: Value, whole: Any, update: Value, part: Any, places: list[Value]) -> Value:
    """A value with a part of it replaced."""
    if not part.size:
        return source
    params = {'shape': whole.shape, 'part': part.shape}
    (node,) = flat.operate(_PUT, params, [flat.stored(source, whole), flat.stored(update, part), *places], whole)
    return node


def _pad(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    out, (source, filling) = eqn.outvars[0].aval, operands
    places: list[Value] = [Number(np.int64(low), _INT64) for low, _, _ in eqn.params['padding_config']]
    return [_put(flat, flat.compute('copy', out.dtype, filling, size=out.size), out, source, eqn.invars[0].aval, places)]


def _join(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    out = eqn.outvars[0].aval
    axis = eqn.params['dimension' if eqn.primitive.name == 'concatenate' else 'axis']
    stored = [flat.stored(x, v.aval) for x, v in zip(operands, eqn.invars, strict=True)]
    if len(stored) == 1 or not out.size:
        return stored[:1]
    times = math.prod(out.shape[:axis])
    return [*flat.operate(_JOIN, {'times': times}, stored, out)]


def _reduce(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    (source,), given, axes = operands, eqn.invars[0].aval, eqn.params['axes']
    if not axes:
        return [source]
    order = [axis for axis in range(given.ndim) if axis not in axes] + list(axes)
    source = flat.stored(_permuted(flat, source, given.shape, order), given)
    params = {'how': eqn.primitive.name.partition('_')[2], 'items': math.prod(given.shape[axis] for axis in axes)}
    return [*flat.operate(_REDUCE, params, [source], eqn.outvars[0].aval)]


def _gather(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    source, indices = operands
    out, shape, places = eqn.outvars[0].aval, _shape(eqn), _shape(eqn, 1)
    numbers, sizes = eqn.params['dimension_numbers'], eqn.params['slice_sizes']
    source_strides, index_strides = strides_of(shape), strides_of(places)
    removed = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    kept = iter([axis for axis in range(len(shape)) if axis not in removed])
    batch = iter(range(len(places) - 1))
    strides, of_index = [0] * out.ndim, [0] * out.ndim
    beside = dict(zip(numbers.start_indices_batching_dims, numbers.operand_batching_dims, strict=True))
    for axis in range(out.ndim):
        if axis in numbers.offset_dims:
            strides[axis] = source_strides[next(kept)]
        else:
            own = next(batch)
            of_index[axis] = index_strides[own]
            strides[axis] = source_strides[beside[own]] if own in beside else 0
    further, fits = [], []
    for k, axis in enumerate(numbers.start_index_map):
        index = _long(flat, read(flat, indices, out.shape, of_index, k))
        last = shape[axis] - sizes[axis]
        further.append(_times(flat, _within(flat, index, last), source_strides[axis]))
        for name, limit in (('ge', 0), ('le', last)):
            fits.append(flat.compute(name, bool, index, Number(np.int64(limit), _INT64)))
    taken = read(flat, source, out.shape, strides, further=further)
    if eqn.params['mode'] != _Mode.FILL_OR_DROP or not fits:
        return [taken]
    inside, *others = fits
    for condition in others:
        inside = flat.compute('and', bool, inside, condition)
    return [flat.compute('select_n', out.dtype, inside, _filling(eqn), taken)]


def _filling(eqn: Any) -> Number:
    """What stands where an index lies outside."""
    value, dtype = eqn.params['fill_value'], eqn.outvars[0].aval.dtype
    if value is None:
        least = {'f': np.nan, 'b': True, 'i': None, 'u': None}[dtype.kind]
        info = np.iinfo(dtype) if least is None else None
        value = least if info is None else info.max if dtype.kind == 'u' else info.min
    return Number(dtype.type(value), dtype)


MOVES: dict[str, Callable[[Nodes, Any, list[Value]], list[Value]]] = {
    'slice': _slice,
    'split': _split,
    'unstack': _unstack,
    'broadcast_in_dim': _broadcast,
    'tile': _tile,
    'transpose': _transpose,
    'rev': _reverse,
    'iota': _iota,
    'dynamic_slice': _dynamic_slice,
    'dynamic_update_slice': _dynamic_update_slice,
    'pad': _pad,
    'concatenate': _join,
    'stack': _join,
    'gather': _gather,
    'dot_general': _matrix.product,
    **dict.fromkeys([f'reduce_{how}' for how in ('and', 'or', 'xor', 'sum', 'prod', 'max', 'min')], _reduce),
}


def _refused_pad(eqn: Any) -> str:
    return '' if all(low >= 0 and high >= 0 and not inner for low, high, inner in eqn.params['padding_config']) else 'it cuts or stretches'


def _refused_gather(eqn: Any) -> str:
    if eqn.params['mode'] not in (_Mode.FILL_OR_DROP, _Mode.CLIP, _Mode.PROMISE_IN_BOUNDS):
        return f'its mode is {eqn.params["mode"]}'
    if not eqn.invars[0].aval.size and eqn.outvars[0].aval.size:
        return 'it reads from an empty array'
    return 'its indices are uint64' if eqn.invars[1].aval.dtype == np.uint64 else ''


def _static_shape(eqn: Any) -> str:
    return '' if len(eqn.invars) == 1 else 'a shape that is not static'


# Why some of them cannot be native; '' for those that can.
REFUSED_MOVES: dict[str, Callable[[Any], str]] = {
    'pad': _refused_pad,
    'gather': _refused_gather,
    'dot_general': _matrix.refused,
    'broadcast_in_dim': _static_shape,
    'iota': lambda eqn: '' if not eqn.invars else 'a shape that is not static',
}
