"""A step of a network whose populations are divided between devices: its equations, for the part that a device has.

A step is traced as that of the whole network. Of its values, those along neurons are divided; an equation that acts item by item then
needs its own part of each, and one that mixes neurons the whole, which devices gather. What is delivered along synapses is
`event._parts.in_parts`, whose synapses are divided from the start. So no equation is written for parts, and results are those of one device.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, jaxpr_as_fun

from ..event._equations import CALLS, ELEMENTWISE, HEAVISIDE, RENAMES
from ..event._fuse import alone, inlined
from ..event._parts import Axis, in_parts_p, of_part

_REDUCTIONS = {
    'reduce_sum', 'reduce_max', 'reduce_min', 'reduce_and', 'reduce_or', 'reduce_xor', 'reduce_prod', 'argmax', 'argmin',
}  # fmt: skip
_IDENTITIES = {'copy', 'copy_p', 'reshard', 'sharding_constraint', 'stop_gradient', 'optimization_barrier', 'device_put', 'same_on_all_lanes'}
_Mode = jax.lax.GatherScatterMode
_ALONG = {'cumsum', 'cumprod', 'cummax', 'cummin', 'cumlogsumexp'}


class Mesh:
    """The devices among which values are divided, as an equation of one of them sees it.

    Parameters
    ----------
    names : tuple of str
        Axes of the mesh.
    parts : int
        The number of devices.
    sizes : set of int
        Of populations: what is made with one of them as its last axis is divided.
    """

    def __init__(self, names: tuple[str, ...], parts: int, sizes: Collection[int] = ()):
        self.names, self.parts, self.sizes = names, parts, sizes
        self.asked: list[Value] = []

    def along(self, shape: Sequence[int]) -> Axis | None:
        """The axis of neurons of an array of this shape."""
        return Axis(len(shape) - 1, shape[-1]) if shape and shape[-1] in self.sizes else None

    def part(self, x: Any, axis: Axis) -> Any:
        """The own part of a whole array."""
        return of_part(x, axis, jax.lax.axis_index(self.names), self.parts)

    def inside(self) -> Mesh:
        """The same within a branch, from which nothing may be asked outside."""
        return Mesh(self.names, self.parts, self.sizes)

    def exchange(self) -> None:
        """Gather all values that were asked for, in one message."""
        asked, self.asked = self.asked, []
        message = [encoded(x.to_send, x.is_bit) for x in asked]
        found = jax.lax.all_gather(jnp.concatenate(message) if len(message) > 1 else message[0], self.names)
        ends = [0, *itertools.accumulate(words.size for words in message)]
        for value, (first, last) in zip(asked, itertools.pairwise(ends), strict=True):
            value.receive(decoded(found[:, first:last], value.to_send, value.is_bit))


class NotYet(Exception):  # noqa: N818  (a signal, not an error)
    """Raised where a whole is needed that devices have still to exchange."""


class Value:
    """A value of the whole network, known as a whole, or in parts, or both; made when it is asked for.

    Parameters
    ----------
    mesh : Mesh
    axis : Axis, optional
        Along which it is divided; None where each device has all of it.
    is_bit : bool
        Whether it is certain that all items are 0 or 1.
    part, whole : callable, optional
        How to make the own part along an axis; how to make the whole.
    follows : bool
        Whether each device can know the whole from bits that are exchanged, and from what it knows already.

    Attributes
    ----------
    is_known : bool
        Whether each device knows the whole, or can compute it at once.
    was_asked : bool
        Whether the whole was asked for.
    """

    def __init__(
        self,
        mesh: Mesh,
        axis: Axis | None = None,
        is_bit: bool = False,
        *,
        part: Callable | None = None,
        whole: Callable | None = None,
        follows: bool = False,
    ):
        self.mesh, self.axis, self.is_bit, self.follows = mesh, axis, is_bit, follows or is_bit
        self.is_known = False
        self._make_part, self._make_whole = part, whole
        self._parts: dict[Axis, Any] = {}
        self._whole: Any = None
        self.was_asked = False

    @classmethod
    def of_part(
        cls, mesh: Mesh, x: Any, axis: Axis, is_bit: bool = False, *, whole: Callable | None = None, follows: bool = False
    ) -> Value:
        """A value of which each device has its part."""
        value = cls(mesh, axis, is_bit, whole=whole, follows=follows)
        value._parts[axis] = x
        return value

    @classmethod
    def of_whole(cls, mesh: Mesh, x: Any, is_bit: bool = False) -> Value:
        """A value that all devices have."""
        value = cls(mesh, None, is_bit, follows=True)
        return value.also(x)

    def also(self, whole: Any) -> Value:
        """The same, of which the whole is known too."""
        self._whole, self.follows, self.is_known = whole, True, True
        return self

    def part(self, axis: Axis) -> Any:
        """The own part of it along an axis."""
        if axis not in self._parts:
            self._parts[axis] = self._make_part(axis) if self._make_part is not None else self.mesh.part(self.whole(), axis)
        return self._parts[axis]

    def whole(self) -> Any:
        """All of it."""
        self.was_asked = True
        if self._whole is None and self._make_whole is not None:
            self._whole = self._make_whole()
        if self._whole is None:
            if self not in self.mesh.asked:
                self.mesh.asked.append(self)
            raise NotYet
        return self._whole

    def like(self, axis: Axis | None) -> Any:
        """Divided along an axis, or as a whole."""
        return self.whole() if axis is None else self.part(axis)

    @property
    def to_send(self) -> Any:
        """What a device gives, so that all have the whole."""
        assert self.axis is not None
        return self.part(self.axis)

    def receive(self, parts: Any) -> None:
        """Take what all devices gave, stacked."""
        assert self.axis is not None
        k, size = self.axis
        found = jnp.moveaxis(parts, 0, k)
        self._whole = jax.lax.slice_in_dim(found.reshape(*found.shape[:k], -1, *found.shape[k + 2 :]), 0, size, axis=k)


class Picked(Value):
    """Items at known places of a divided value: each is sent by the device that has it."""

    def __init__(self, mesh: Mesh, own: Any, owners: Any, is_bit: bool):
        super().__init__(mesh, None, is_bit, follows=True)
        self._own, self._owners = own, owners

    @property
    def to_send(self) -> Any:
        return self._own

    def receive(self, parts: Any) -> None:
        self._whole = jnp.take_along_axis(parts, jnp.broadcast_to(self._owners, self._own.shape)[None], axis=0)[0]


def encoded(x: Any, is_bit: bool) -> Any:
    """The items of an array as words of 32 bits; of bits, 32 in a word."""
    x = x.reshape(-1)
    if is_bit or x.dtype == bool:
        bits = jnp.pad(x.astype(jnp.uint32), (0, -x.size % 32)).reshape(-1, 32)
        return (bits << jnp.arange(32, dtype=jnp.uint32)).sum(1, dtype=jnp.uint32)
    if x.dtype.itemsize < 4:
        return jax.lax.bitcast_convert_type(x, f'uint{8 * x.dtype.itemsize}').astype(jnp.uint32)
    return jax.lax.bitcast_convert_type(x, jnp.uint32).reshape(-1)


def decoded(words: Any, like: Any, is_bit: bool) -> Any:
    """The arrays, one for each row of words, each like the one that was encoded."""
    n, dtype = words.shape[0], like.dtype
    if is_bit or dtype == bool:
        bits = (words[..., None] >> jnp.arange(32, dtype=jnp.uint32)) & jnp.uint32(1)
        found = bits.reshape(n, -1)[:, : like.size].astype(dtype)
    elif dtype.itemsize < 4:
        found = jax.lax.bitcast_convert_type(words.astype(f'uint{8 * dtype.itemsize}'), dtype)
    else:
        found = jax.lax.bitcast_convert_type(words.reshape(n, -1, 2) if dtype.itemsize == 8 else words, dtype)
    return found.reshape(n, *like.shape)


def evaluate(closed: ClosedJaxpr, operands: Sequence[Value], mesh: Mesh, wholes: Collection[int] = ()) -> list[Value]:
    """The results of a jaxpr, of values that are divided or not.

    What devices exchange goes into as few messages as can be: equations that need no message come first. Results whose number is
    among ``wholes`` are asked for as wholes.
    """
    jaxpr = closed.jaxpr
    env: dict[Any, Value] = dict(zip(jaxpr.invars, operands, strict=True))
    env.update((v, Value.of_whole(mesh, x)) for v, x in zip(jaxpr.constvars, closed.consts, strict=True))

    def read(atom: Any) -> Value:
        return Value.of_whole(mesh, atom.val, bool(np.isin(atom.val, (0, 1)).all())) if isinstance(atom, Literal) else env[atom]

    waiting = needed(jaxpr)
    while waiting:
        later, missing = [], set()
        for eqn in waiting:
            if missing.isdisjoint(v for v in eqn.invars if not isinstance(v, Literal)):
                try:
                    env.update(zip(eqn.outvars, _equation(jaxpr, eqn, [read(v) for v in eqn.invars], mesh), strict=True))
                    continue
                except NotYet:
                    pass
            later.append(eqn)
            missing.update(eqn.outvars)
        waiting = later
        for k in wholes:
            if (v := jaxpr.outvars[k]) in env:
                with contextlib.suppress(NotYet):
                    env[v].whole()
        if waiting:
            mesh.exchange()
    return [read(v) for v in jaxpr.outvars]


def made(mesh: Mesh, values: Sequence[Value], axes: Sequence[Axis | None]) -> list[Any]:
    """Values, divided as is asked for or as wholes."""
    while True:
        found = []
        for value, axis in zip(values, axes, strict=True):
            with contextlib.suppress(NotYet):
                found.append(value.like(axis))
        if len(found) == len(values):
            return found
        mesh.exchange()


def without_calls(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same with the bodies of all calls in their place, also of those that have a derivative of their own."""
    return inlined(closed, (*CALLS, HEAVISIDE))


def needed(jaxpr: Jaxpr) -> list[JaxprEqn]:
    """The equations that results depend on, or that have an effect."""
    asked = {v for v in jaxpr.outvars if not isinstance(v, Literal)}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or not asked.isdisjoint(eqn.outvars):
            kept.append(eqn)
            asked.update(v for v in eqn.invars if not isinstance(v, Literal))
    return kept[::-1]


def _equation(jaxpr: Jaxpr, eqn: JaxprEqn, operands: list[Value], mesh: Mesh) -> list[Value]:
    name = eqn.primitive.name
    if eqn.primitive is in_parts_p:
        own = [x.like(axis) for x, axis in zip(operands, eqn.params['axes'], strict=True)]
        results = jaxpr_as_fun(eqn.params['step'])(*own)
        return [Value.of_part(mesh, x, axis) for x, axis in zip(results, eqn.params['made'], strict=True)]
    if name in _LAZY:
        return [_LAZY[name](eqn, operands, mesh)]
    if name == 'cond':
        return _cond(jaxpr, eqn, operands, mesh)
    if name in _IDENTITIES:
        return operands
    is_bit = _gives_bits(eqn, operands)
    found = _divided(eqn, operands) if any(x.axis is not None for x in operands) else None
    if found is None:
        if name == 'gather' and (picked := _picked(eqn, operands, mesh)) is not None:
            return [picked]
        results = jaxpr_as_fun(alone(jaxpr, eqn))(*_distinct(eqn, operands))
        return [Value.of_whole(mesh, x, is_bit) for x in results]
    axes, results_axes, params = found
    own = [x.like(axis) for x, axis in zip(operands, axes, strict=True)]
    results = eqn.primitive.bind(*own, **(eqn.params | params(own) if params else eqn.params))
    results = results if eqn.primitive.multiple_results else [results]
    return _results(jaxpr, eqn, operands, list(zip(results, results_axes, strict=True)), mesh, is_bit)


def _results(
    jaxpr: Jaxpr, eqn: JaxprEqn, operands: list[Value], parts: list[tuple[Any, Axis | None]], mesh: Mesh, is_bit: bool = False
) -> list[Value]:
    """The results of an equation, of which parts are made; as wholes they are made anew where all operands can be known as wholes."""
    is_known = all(x.is_known for x in operands)
    follows = is_known or (all(x.follows for x in operands) and not is_bit)
    wholes = functools.cache(lambda: jaxpr_as_fun(alone(jaxpr, eqn))(*_distinct(eqn, operands)))
    values = []
    for k, (x, axis) in enumerate(parts):
        whole = (lambda k=k: wholes()[k]) if follows else None
        known = Value.of_whole(mesh, x, is_bit) if axis is None else Value.of_part(mesh, x, axis, is_bit, follows=follows, whole=whole)
        known.is_known |= is_known
        values.append(known)
    return values


def _distinct(eqn: JaxprEqn, operands: list[Value]) -> list[Any]:
    """The operands of an equation that are no literals, each once, as wholes."""
    pairs = zip(eqn.invars, operands, strict=True)
    return [x.whole() for x in {v: x for v, x in pairs if not isinstance(v, Literal)}.values()]


_BITS_OF_BITS = {'mul', 'min', 'max', 'and', 'or', 'convert_element_type', 'copy', 'slice', 'dynamic_slice', 'gather', 'transpose', 'concatenate'}


def _gives_bits(eqn: JaxprEqn, operands: list[Value]) -> bool:
    """Whether it is certain that all items of the result are 0 or 1."""
    if eqn.outvars[0].aval.dtype == bool:
        return True
    name = eqn.primitive.name
    if name == 'select_n':
        operands = operands[1:]
    elif name in ('slice', 'dynamic_slice', 'gather'):
        operands = operands[:1]
    elif name not in _BITS_OF_BITS:
        return False
    return all(x.is_bit for x in operands)


Found = tuple[list[Axis | None], list[Axis], Callable | None] | None  # of operands, of results, and other parameters


def _divided(eqn: JaxprEqn, operands: list[Value]) -> Found:
    """How an equation is evaluated for parts; None where it needs wholes."""
    name = eqn.primitive.name
    if name in ELEMENTWISE or (name in RENAMES and name not in _MOVES):
        return _item_by_item(eqn, operands)
    rule = _MOVES.get(name)
    return None if rule is None else rule(eqn, operands)


def _item_by_item(eqn: JaxprEqn, operands: list[Value]) -> Found:
    shape = eqn.outvars[-1].aval.shape
    axis = next((x.axis for v, x in zip(eqn.invars, operands, strict=True) if x.axis is not None and v.aval.shape == shape), None)
    if axis is None:
        return None
    axes = [axis if v.aval.ndim == len(shape) and v.aval.shape[axis.number] == axis.size else None for v in eqn.invars]
    return axes, [axis] * len(eqn.outvars), None


def _reduction(eqn: JaxprEqn, operands: list[Value]) -> Found:
    axis = operands[0].axis
    if axis is None or axis.number in eqn.params['axes'] or len(operands) > 1:
        return None
    before = sum(k < axis.number for k in eqn.params['axes'])
    return [axis], [axis._replace(number=axis.number - before)], None


def _along(eqn: JaxprEqn, operands: list[Value]) -> Found:
    axis = operands[0].axis
    return None if axis is None or eqn.params['axis'] == axis.number else ([axis], [axis], None)


def _sort(eqn: JaxprEqn, operands: list[Value]) -> Found:
    axis = next(x.axis for x in operands if x.axis is not None)
    if eqn.params['dimension'] == axis.number:
        return None
    return [axis] * len(operands), [axis] * len(operands), None


def _concatenate(eqn: JaxprEqn, operands: list[Value]) -> Found:
    axis = next(x.axis for x in operands if x.axis is not None)
    if eqn.params['dimension'] == axis.number:
        return None
    return [axis] * len(operands), [axis], None


def _transpose(eqn: JaxprEqn, operands: list[Value]) -> Found:
    axis = operands[0].axis
    assert axis is not None
    return [axis], [axis._replace(number=eqn.params['permutation'].index(axis.number))], None


def _slice(eqn: JaxprEqn, operands: list[Value]) -> Found:
    axis = operands[0].axis
    assert axis is not None
    if eqn.outvars[0].aval.shape[axis.number] != axis.size:
        return None

    def params(own: list[Any]) -> dict[str, Any]:
        limits = list(eqn.params['limit_indices'])
        limits[axis.number] = own[0].shape[axis.number]
        return {'limit_indices': tuple(limits)}

    return [axis], [axis], params


def _dynamic_slice(eqn: JaxprEqn, operands: list[Value]) -> Found:
    axis = operands[0].axis
    if axis is None or eqn.params['slice_sizes'][axis.number] != axis.size:
        return None

    def params(own: list[Any]) -> dict[str, Any]:
        sizes = list(eqn.params['slice_sizes'])
        sizes[axis.number] = own[0].shape[axis.number]
        return {'slice_sizes': tuple(sizes)}

    return [axis, *[None] * (len(operands) - 1)], [axis], params


def _dynamic_update_slice(eqn: JaxprEqn, operands: list[Value]) -> Found:
    axis = operands[0].axis or operands[1].axis
    if axis is None or any(v.aval.shape[axis.number] != axis.size for v in eqn.invars[:2]):
        return None
    return [axis, axis, *[None] * (len(operands) - 2)], [axis], None


def _pad(eqn: JaxprEqn, operands: list[Value]) -> Found:
    axis = operands[0].axis
    if axis is None or eqn.params['padding_config'][axis.number] != (0, 0, 0):
        return None
    return [axis, None], [axis], None


def _split(eqn: JaxprEqn, operands: list[Value]) -> Found:
    axis = operands[0].axis
    if axis is None or eqn.params['axis'] == axis.number:
        return None
    return [axis], [axis] * len(eqn.outvars), None


def _dot(eqn: JaxprEqn, operands: list[Value]) -> Found:
    """A product with a matrix whose free axis is divided."""
    contracted, batch = eqn.params['dimension_numbers']
    if any(batch):
        return None
    left, right = (v.aval.ndim for v in eqn.invars)
    for k in (1, 0):
        axis = operands[k].axis
        if axis is None or axis.number in contracted[k]:
            continue
        before = sum(n < axis.number for n in contracted[k])
        number = axis.number - before + (left - len(contracted[0]) if k else 0)
        return [axis if n == k else None for n in (0, 1)], [axis._replace(number=number)], None
    return None


def _gather(eqn: JaxprEqn, operands: list[Value]) -> Found:
    """Items at places that are divided, of what each device has; or of what is divided in the same way."""
    numbers, (source, places) = eqn.params['dimension_numbers'], operands
    out = eqn.outvars[0].aval
    batch = [k for k in range(out.ndim) if k not in numbers.offset_dims]
    batching = getattr(numbers, 'operand_batching_dims', ())
    if source.axis is not None and source.axis.number in batching:
        number = numbers.start_indices_batching_dims[batching.index(source.axis.number)]
        axes: list[Axis | None] = [source.axis, source.axis._replace(number=number)]
    elif source.axis is None and places.axis is not None and places.axis.number < len(batch):
        if places.axis.number in getattr(numbers, 'start_indices_batching_dims', ()):
            number = batching[numbers.start_indices_batching_dims.index(places.axis.number)]
            axes = [places.axis._replace(number=number), places.axis]
        else:
            axes = [None, places.axis]
    else:
        return None
    place = axes[1]
    assert place is not None
    return axes, [place._replace(number=batch[place.number])], None


def _picked(eqn: JaxprEqn, operands: list[Value], mesh: Mesh) -> Value | None:
    """A few items at places that all devices know, of what is divided."""
    numbers, (source, places) = eqn.params['dimension_numbers'], operands
    axis, clips = source.axis, eqn.params['mode'] in (_Mode.CLIP, _Mode.PROMISE_IN_BOUNDS)
    if axis is None or places.axis is not None or tuple(numbers.start_index_map) != (axis.number,) or not clips:
        return None
    if axis.number not in numbers.collapsed_slice_dims or getattr(numbers, 'operand_batching_dims', ()):
        return None
    at = jnp.clip(places.whole(), 0, axis.size - 1)
    own, size = source.part(axis), axis.part(mesh.parts)
    first = (jax.lax.axis_index(mesh.names) * size).astype(at.dtype)
    params = eqn.params | {'mode': _Mode.CLIP}
    found = eqn.primitive.bind(own, jnp.clip(at - first, 0, size - 1), **params)
    owners = (at[..., 0] // size).astype(jnp.int32)
    shape = eqn.outvars[0].aval.shape
    batch = [k for k in range(len(shape)) if k not in numbers.offset_dims]
    return Picked(mesh, found, jax.lax.broadcast_in_dim(owners, shape, batch), source.is_bit)


def _due(eqn: JaxprEqn, operands: list[Value]) -> Found:
    axis = operands[1].axis
    if axis is None or axis.number == 0:
        return None
    return [None, axis], [axis, axis._replace(number=axis.number - 1)], lambda own: {'post': math.prod(own[1].shape[1:])}


_MOVES: dict[str, Callable[[JaxprEqn, list[Value]], Found]] = {
    **dict.fromkeys(_REDUCTIONS, _reduction), **dict.fromkeys(_ALONG, _along), 'sort': _sort, 'concatenate': _concatenate,
    'transpose': _transpose, 'slice': _slice, 'dynamic_slice': _dynamic_slice, 'dynamic_update_slice': _dynamic_update_slice, 'pad': _pad,
    'split': _split, 'dot_general': _dot, 'gather': _gather, 'event_due': _due,
}  # fmt: skip


def _broadcast(eqn: JaxprEqn, operands: list[Value], mesh: Mesh) -> Value:
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


def _iota(eqn: JaxprEqn, operands: list[Value], mesh: Mesh) -> Value:
    shape, dtype, dimension = (eqn.params[key] for key in ('shape', 'dtype', 'dimension'))

    def part(axis: Axis) -> Any:
        own = jax.lax.broadcasted_iota(dtype, axis.local(shape, mesh.parts), dimension)
        if axis.number != dimension:
            return own
        return own + (jax.lax.axis_index(mesh.names) * axis.part(mesh.parts)).astype(dtype)

    axis = mesh.along(shape) if dimension == len(shape) - 1 else None
    return Value(mesh, axis, part=part, whole=lambda: jax.lax.broadcasted_iota(dtype, shape, dimension), follows=True)


def _reshape(eqn: JaxprEqn, operands: list[Value], mesh: Mesh) -> Value:
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


_LAZY = {
    'broadcast_in_dim': _broadcast,
    'iota': _iota,
    'reshape': _reshape,
    'squeeze': _reshape,
    'expand_dims': _reshape,
}


def _cond(jaxpr: Jaxpr, eqn: JaxprEqn, operands: list[Value], mesh: Mesh) -> list[Value]:
    """A branch, whose results are divided where those of any branch are."""
    index, branches = operands[0].whole(), eqn.params['branches']
    given = operands[1:]
    axes = [x.axis for x in given]
    axes_made: list[Axis | None] = [None] * len(eqn.outvars)

    def of(branch: ClosedJaxpr, mesh: Mesh, leaves: Sequence[Any]) -> list[Value]:
        pairs = zip(leaves, given, strict=True)
        return evaluate(
            without_calls(branch),
            [Value.of_whole(mesh, x, of.is_bit) if of.axis is None else Value.of_part(mesh, x, of.axis, of.is_bit) for x, of in pairs],
            mesh,
        )

    own = [x.like(axis) for x, axis in zip(given, axes, strict=True)]
    for branch in branches:
        found: list[Any] = []
        jax.eval_shape(functools.partial(_noting, mesh.inside(), of, branch, found), own)
        axes_made = [a or b for a, b in zip(axes_made, found, strict=True)]

    def run(branch: ClosedJaxpr) -> Callable:
        return lambda *leaves: made(inner := mesh.inside(), of(branch, inner, leaves), axes_made)

    results = jax.lax.switch(index, [run(branch) for branch in branches], *own)
    return _results(jaxpr, eqn, operands, list(zip(results, axes_made, strict=True)), mesh)


def _noting(mesh: Mesh, of: Callable, branch: ClosedJaxpr, found: list[Any], leaves: Sequence[Any]) -> list[Any]:
    values = of(branch, mesh, leaves)
    found[:] = [x.axis for x in values]
    return made(mesh, values, found)


def populations(jaxpr: Jaxpr) -> tuple[set[int], dict[Any, Axis]]:
    """The sizes of populations, from what is delivered between them; and which values belong to synapses, and so are divided as these are."""
    sizes: set[int] = set()
    synapses: dict[Any, Axis] = {}
    for eqn in reversed(jaxpr.eqns):
        if eqn.primitive is in_parts_p:
            for v, axis in zip(eqn.invars, eqn.params['axes'], strict=True):
                if axis is None and v.aval.ndim:
                    sizes.add(v.aval.shape[-1])
                elif axis is not None and v.aval.ndim == 1 and not isinstance(v, Literal):
                    synapses.setdefault(v, axis)
            of_synapses = {axis.size for axis in eqn.params['axes'] if axis is not None and not axis.number}
            sizes.update(axis.size for axis in eqn.params['made'] if axis.size not in of_synapses)
        elif eqn.primitive.name in ELEMENTWISE:
            for v in eqn.invars:
                if eqn.outvars[0] in synapses and not isinstance(v, Literal) and v.aval.shape == eqn.outvars[0].aval.shape:
                    synapses.setdefault(v, synapses[eqn.outvars[0]])
    return sizes, synapses
