"""How equations are evaluated for parts of their operands; whatever has no rule here needs wholes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ..event._equations import ELEMENTWISE, RENAMES
from ..event._parts import Axis
from ._divided_values import Mesh, Picked, Value

_REDUCTIONS = {
    'reduce_sum', 'reduce_max', 'reduce_min', 'reduce_and', 'reduce_or', 'reduce_xor', 'reduce_prod', 'argmax', 'argmin',
}  # fmt: skip
_Mode = jax.lax.GatherScatterMode
_ALONG = {'cumsum', 'cumprod', 'cummax', 'cummin', 'cumlogsumexp'}

Found = tuple[list[Axis | None], list[Axis], Callable | None] | None  # of operands, of results, and other parameters


def rule_for(eqn: Any, operands: list[Value]) -> Found:
    """How an equation is evaluated for parts; None where it needs wholes."""
    name = eqn.primitive.name
    if name in ELEMENTWISE or (name in RENAMES and name not in _MOVES):
        return _item_by_item(eqn, operands)
    rule = _MOVES.get(name)
    return None if rule is None else rule(eqn, operands)


def _item_by_item(eqn: Any, operands: list[Value]) -> Found:
    shape = eqn.outvars[-1].aval.shape
    axis = next((x.axis for v, x in zip(eqn.invars, operands, strict=True) if x.axis is not None and v.aval.shape == shape), None)
    if axis is None:
        return None
    axes = [axis if v.aval.ndim == len(shape) and v.aval.shape[axis.number] == axis.size else None for v in eqn.invars]
    return axes, [axis] * len(eqn.outvars), None


def _reduction(eqn: Any, operands: list[Value]) -> Found:
    axis = operands[0].axis
    if axis is None or axis.number in eqn.params['axes'] or len(operands) > 1:
        return None
    before = sum(k < axis.number for k in eqn.params['axes'])
    return [axis], [axis._replace(number=axis.number - before)], None


def _along(eqn: Any, operands: list[Value]) -> Found:
    axis = operands[0].axis
    return None if axis is None or eqn.params['axis'] == axis.number else ([axis], [axis], None)


def _sort(eqn: Any, operands: list[Value]) -> Found:
    axis = next(x.axis for x in operands if x.axis is not None)
    if eqn.params['dimension'] == axis.number:
        return None
    return [axis] * len(operands), [axis] * len(operands), None


def _concatenate(eqn: Any, operands: list[Value]) -> Found:
    axis = next(x.axis for x in operands if x.axis is not None)
    if eqn.params['dimension'] == axis.number:
        return None
    return [axis] * len(operands), [axis], None


def _transpose(eqn: Any, operands: list[Value]) -> Found:
    axis: Any = operands[0].axis
    return [axis], [axis._replace(number=eqn.params['permutation'].index(axis.number))], None


def _slice(eqn: Any, operands: list[Value]) -> Found:
    axis: Any = operands[0].axis
    if eqn.outvars[0].aval.shape[axis.number] != axis.size:
        return None

    def params(own: list[Any]) -> dict[str, Any]:
        limits = list(eqn.params['limit_indices'])
        limits[axis.number] = own[0].shape[axis.number]
        return {'limit_indices': tuple(limits)}

    return [axis], [axis], params


def _dynamic_slice(eqn: Any, operands: list[Value]) -> Found:
    axis = operands[0].axis
    if axis is None or eqn.params['slice_sizes'][axis.number] != axis.size:
        return None

    def params(own: list[Any]) -> dict[str, Any]:
        sizes = list(eqn.params['slice_sizes'])
        sizes[axis.number] = own[0].shape[axis.number]
        return {'slice_sizes': tuple(sizes)}

    return [axis, *[None] * (len(operands) - 1)], [axis], params


def _dynamic_update_slice(eqn: Any, operands: list[Value]) -> Found:
    axis = operands[0].axis or operands[1].axis
    if axis is None or any(v.aval.shape[axis.number] != axis.size for v in eqn.invars[:2]):
        return None
    return [axis, axis, *[None] * (len(operands) - 2)], [axis], None


def _pad(eqn: Any, operands: list[Value]) -> Found:
    axis = operands[0].axis
    if axis is None or eqn.params['padding_config'][axis.number] != (0, 0, 0):
        return None
    return [axis, None], [axis], None


def _split(eqn: Any, operands: list[Value]) -> Found:
    axis = operands[0].axis
    if axis is None or eqn.params['axis'] == axis.number:
        return None
    return [axis], [axis] * len(eqn.outvars), None


def _dot(eqn: Any, operands: list[Value]) -> Found:
    """A product with a matrix whose free axis is divided."""
    contracted, batch = eqn.params['dimension_numbers']
    if any(batch):
        return None
    left = eqn.invars[0].aval.ndim
    for k in (1, 0):
        axis = operands[k].axis
        if axis is None or axis.number in contracted[k]:
            continue
        before = sum(n < axis.number for n in contracted[k])
        number = axis.number - before + (left - len(contracted[0]) if k else 0)
        return [axis if n == k else None for n in (0, 1)], [axis._replace(number=number)], None
    return None


def _gather(eqn: Any, operands: list[Value]) -> Found:
    """Items at places that are divided, of what each device has; or of what is divided in the same way."""
    numbers, (source, places) = eqn.params['dimension_numbers'], operands
    out = eqn.outvars[0].aval
    batch = [k for k in range(out.ndim) if k not in numbers.offset_dims]
    batching = numbers.operand_batching_dims
    if source.axis is not None and source.axis.number in batching:
        number = numbers.start_indices_batching_dims[batching.index(source.axis.number)]
        axes: list[Axis | None] = [source.axis, source.axis._replace(number=number)]
    elif source.axis is None and places.axis is not None and places.axis.number < len(batch):
        if places.axis.number in numbers.start_indices_batching_dims:
            number = batching[numbers.start_indices_batching_dims.index(places.axis.number)]
            axes = [places.axis._replace(number=number), places.axis]
        else:
            axes = [None, places.axis]
    else:
        return None
    place: Any = axes[1]
    return axes, [place._replace(number=batch[place.number])], None


def picked(eqn: Any, operands: list[Value], mesh: Mesh) -> Value | None:
    """A few items at places that all devices know, of what is divided."""
    numbers, (source, places) = eqn.params['dimension_numbers'], operands
    axis, clips = source.axis, eqn.params['mode'] in (_Mode.CLIP, _Mode.PROMISE_IN_BOUNDS)
    if axis is None or places.axis is not None or tuple(numbers.start_index_map) != (axis.number,) or not clips:
        return None
    if axis.number not in numbers.collapsed_slice_dims or numbers.operand_batching_dims:
        return None
    at = jnp.clip(places.whole(), 0, axis.size - 1)
    own, size = source.part(axis), axis.part(mesh.parts)
    first = (mesh.index * size).astype(at.dtype)
    params = eqn.params | {'mode': _Mode.CLIP}
    found = eqn.primitive.bind(own, jnp.clip(at - first, 0, size - 1), **params)
    is_mine = (at[..., 0] >= first) & (at[..., 0] < first + size)
    shape = eqn.outvars[0].aval.shape
    batch = [k for k in range(len(shape)) if k not in numbers.offset_dims]
    return Picked(mesh, found, jax.lax.broadcast_in_dim(is_mine, shape, batch), source.is_bit)


def _due(eqn: Any, operands: list[Value]) -> Found:
    axis = operands[1].axis
    if axis is None or axis.number == 0:
        return None
    return [None, axis], [axis, axis._replace(number=axis.number - 1)], lambda own: {'post': math.prod(own[1].shape[1:])}


_MOVES: dict[str, Callable[[Any, list[Value]], Found]] = {
    **dict.fromkeys(_REDUCTIONS, _reduction), **dict.fromkeys(_ALONG, _along), 'sort': _sort, 'concatenate': _concatenate,
    'transpose': _transpose, 'slice': _slice, 'dynamic_slice': _dynamic_slice, 'dynamic_update_slice': _dynamic_update_slice, 'pad': _pad,
    'split': _split, 'dot_general': _dot, 'gather': _gather, 'event_due': _due,
}  # fmt: skip


def _broadcast(eqn: Any, operands: list[Value], mesh: Mesh) -> Value:
    """Made along an axis from what has no such axis, or from a part of what has it."""
    (x, *_), (source,) = operands, eqn.invars
    shape, places = eqn.params['shape'], eqn.params['broadcast_dimensions']

    def part(axis: Axis) -> Any:
        own = x.whole()
        if axis.number in places and source.aval.shape[places.index(axis.number)] == axis.size != 1:
            own = x.part(axis._replace(number=places.index(axis.number)))
        return jax.lax.broadcast_in_dim(own, axis.local(shape, mesh.parts), places)

    def whole() -> Any:
        return jax.lax.broadcast_in_dim(x.whole(), shape, places)

    axis = x.axis and x.axis._replace(number=places[x.axis.number])
    if axis is None and len(shape) - 1 not in places:
        axis = mesh.along(shape)
    return Value(mesh, axis, x.is_bit, part=part, whole=whole, follows=x.follows)


def _iota(eqn: Any, operands: list[Value], mesh: Mesh) -> Value:
    shape, dtype, dimension = (eqn.params[key] for key in ('shape', 'dtype', 'dimension'))

    def part(axis: Axis) -> Any:
        own = jax.lax.broadcasted_iota(dtype, axis.local(shape, mesh.parts), dimension)
        if axis.number != dimension:
            return own
        return own + (mesh.index * axis.part(mesh.parts)).astype(dtype)

    axis = mesh.along(shape) if dimension == len(shape) - 1 else None
    return Value(mesh, axis, part=part, whole=lambda: jax.lax.broadcasted_iota(dtype, shape, dimension), follows=True)


def _reshape(eqn: Any, operands: list[Value], mesh: Mesh) -> Value:
    """The same items in another shape, in which the divided axis is one still."""
    (x, *_), (source, *_), (result,) = operands, eqn.invars, eqn.outvars
    old, new = source.aval.shape, result.aval.shape

    def moved(axis: Axis, given: Sequence[int], wanted: Sequence[int]) -> Axis | None:
        """The axis of one shape in another."""
        before = math.prod(given[: axis.number])
        for k, size in enumerate(wanted):
            if size == axis.size and math.prod(wanted[:k]) == before:
                return axis._replace(number=k)
        return None

    def part(axis: Axis) -> Any:
        there = moved(axis, new, old)
        if there is None:
            return mesh.part(whole(), axis)
        return jnp.reshape(x.part(there), axis.local(new, mesh.parts))

    def whole() -> Any:
        return jnp.reshape(x.whole(), new)

    return Value(mesh, x.axis and moved(x.axis, old, new), x.is_bit, part=part, whole=whole, follows=x.follows)


LAZY = {
    'broadcast_in_dim': _broadcast,
    'iota': _iota,
    'reshape': _reshape,
    'squeeze': _reshape,
    'expand_dims': _reshape,
}
