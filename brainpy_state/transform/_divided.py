"""A step of a network whose populations are divided between devices: its equations, for the part that a device has.

A step is traced as that of the whole network. Of its values, those along neurons are divided; an equation that acts item by item then
needs its own part of each, and one that mixes neurons the whole, which devices gather. What is delivered along synapses is
`event._parts.in_parts`, whose synapses are divided from the start. So no equation is written for parts, and results are those of one device.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, jaxpr_as_fun

from ..event._equations import ELEMENTWISE, RENAMES, called
from ..event._fuse import alone, inlined
from ..event._parts import Axis, in_parts_p, of_part

_REDUCTIONS = {
    'reduce_sum', 'reduce_max', 'reduce_min', 'reduce_and', 'reduce_or', 'reduce_xor', 'reduce_prod', 'argmax', 'argmin',
}  # fmt: skip
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

    def along(self, shape: Sequence[int]) -> Axis | None:
        """The axis of neurons of an array of this shape."""
        return Axis(len(shape) - 1, shape[-1]) if shape and shape[-1] in self.sizes else None

    def part(self, x: Any, axis: Axis) -> Any:
        """The own part of a whole array."""
        return of_part(x, axis, jax.lax.axis_index(self.names), self.parts)

    def whole(self, x: Any, axis: Axis) -> Any:
        """A whole array, from the parts of all devices."""
        found = jax.lax.all_gather(x, self.names, axis=axis.number, tiled=True)
        return jax.lax.slice_in_dim(found, 0, axis.size, axis=axis.number)


class Value:
    """A value of the whole network, known as a whole, or in parts, or both; made when it is asked for.

    Parameters
    ----------
    mesh : Mesh
    axis : Axis, optional
        Along which it is divided; None where each device has all of it.
    part, whole : callable, optional
        How to make the own part along an axis; how to make the whole.
    """

    def __init__(self, mesh: Mesh, axis: Axis | None = None, *, part: Callable | None = None, whole: Callable | None = None):
        self.mesh, self.axis = mesh, axis
        self._make_part, self._make_whole = part, whole
        self._parts: dict[Axis, Any] = {}
        self._whole: Any = None

    @classmethod
    def of_part(cls, mesh: Mesh, x: Any, axis: Axis) -> Value:
        """A value of which each device has its part."""
        value = cls(mesh, axis)
        value._parts[axis] = x
        return value

    @classmethod
    def of_whole(cls, mesh: Mesh, x: Any) -> Value:
        """A value that all devices have."""
        value = cls(mesh)
        value._whole = x
        return value

    def part(self, axis: Axis) -> Any:
        """The own part of it along an axis."""
        if axis not in self._parts:
            self._parts[axis] = self._make_part(axis) if self._make_part is not None else self.mesh.part(self.whole(), axis)
        return self._parts[axis]

    def whole(self) -> Any:
        """All of it."""
        if self._whole is None:
            self._whole = self._make_whole() if self._make_whole is not None else self.mesh.whole(self._parts[self.axis], self.axis)
        return self._whole

    def like(self, axis: Axis | None) -> Any:
        """Divided along an axis, or as a whole."""
        return self.whole() if axis is None else self.part(axis)


def evaluate(closed: ClosedJaxpr, operands: Sequence[Value], mesh: Mesh) -> list[Value]:
    """The results of a jaxpr, of values that are divided or not."""
    jaxpr = closed.jaxpr
    env: dict[Any, Value] = dict(zip(jaxpr.invars, operands, strict=True))
    env.update((v, Value.of_whole(mesh, x)) for v, x in zip(jaxpr.constvars, closed.consts, strict=True))

    def read(atom: Any) -> Value:
        return Value.of_whole(mesh, atom.val) if isinstance(atom, Literal) else env[atom]

    for eqn in needed(jaxpr):
        env.update(zip(eqn.outvars, _equation(jaxpr, eqn, [read(v) for v in eqn.invars], mesh), strict=True))
    return [read(v) for v in jaxpr.outvars]


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
    if (inner := called(eqn)) is not None:
        return evaluate(inner, operands, mesh)
    if name == 'cond':
        return _cond(eqn, operands, mesh)
    if name == 'optimization_barrier':
        return operands
    found = _divided(eqn, operands) if any(x.axis is not None for x in operands) else None
    if found is None:
        results = jaxpr_as_fun(alone(jaxpr, eqn))(*_distinct(eqn, operands))
        return [Value.of_whole(mesh, x) for x in results]
    axes, made, params = found
    own = [x.like(axis) for x, axis in zip(operands, axes, strict=True)]
    results = eqn.primitive.bind(*own, **(eqn.params | params(own) if params else eqn.params))
    results = results if eqn.primitive.multiple_results else [results]
    return [Value.of_part(mesh, x, axis) for x, axis in zip(results, made, strict=True)]


def _distinct(eqn: JaxprEqn, operands: list[Value]) -> list[Any]:
    """The operands of an equation that are no literals, each once, as wholes."""
    pairs = zip(eqn.invars, operands, strict=True)
    return [x.whole() for x in {v: x for v, x in pairs if not isinstance(v, Literal)}.values()]


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
    return Value(mesh, axis, part=part, whole=whole)


def _iota(eqn: JaxprEqn, operands: list[Value], mesh: Mesh) -> Value:
    shape, dtype, dimension = (eqn.params[key] for key in ('shape', 'dtype', 'dimension'))

    def part(axis: Axis) -> Any:
        own = jax.lax.broadcasted_iota(dtype, axis.local(shape, mesh.parts), dimension)
        if axis.number != dimension:
            return own
        return own + (jax.lax.axis_index(mesh.names) * axis.part(mesh.parts)).astype(dtype)

    axis = mesh.along(shape) if dimension == len(shape) - 1 else None
    return Value(mesh, axis, part=part, whole=lambda: jax.lax.broadcasted_iota(dtype, shape, dimension))


def _reshape(eqn: JaxprEqn, operands: list[Value], mesh: Mesh) -> Value:
    """The same items in another shape, in which the divided axis is one still."""
    (x, *_), (source, *_), (made,) = operands, eqn.invars, eqn.outvars
    old, new = source.aval.shape, made.aval.shape

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

    return Value(mesh, x.axis and moved(x.axis, old, new), part=part, whole=whole)


_LAZY = {
    'broadcast_in_dim': _broadcast,
    'iota': _iota,
    'reshape': _reshape,
    'squeeze': _reshape,
    'expand_dims': _reshape,
}


def _cond(eqn: JaxprEqn, operands: list[Value], mesh: Mesh) -> list[Value]:
    """A branch, whose results are divided where those of any branch are."""
    index, branches = operands[0].whole(), eqn.params['branches']
    given = operands[1:]
    axes = [x.axis for x in given]
    made: list[Axis | None] = [None] * len(eqn.outvars)

    def of(branch: ClosedJaxpr, leaves: Sequence[Any]) -> list[Value]:
        values = [Value.of_whole(mesh, x) if axis is None else Value.of_part(mesh, x, axis) for x, axis in zip(leaves, axes, strict=True)]
        return evaluate(branch, values, mesh)

    own = [x.like(axis) for x, axis in zip(given, axes, strict=True)]
    for branch in branches:
        found: list[Any] = []
        jax.eval_shape(functools.partial(_noting, of, branch, found), own)
        made = [a or b for a, b in zip(made, found, strict=True)]

    def run(branch: ClosedJaxpr) -> Callable:
        return lambda *leaves: [x.like(axis) for x, axis in zip(of(branch, leaves), made, strict=True)]

    results = jax.lax.switch(index, [run(branch) for branch in branches], *own)
    return [Value.of_whole(mesh, x) if axis is None else Value.of_part(mesh, x, axis) for x, axis in zip(results, made, strict=True)]


def _noting(of: Callable, branch: ClosedJaxpr, found: list[Any], leaves: Sequence[Any]) -> list[Any]:
    values = of(branch, leaves)
    found[:] = [x.axis for x in values]
    return [x.like(x.axis) for x in values]


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
            sizes.update(axis.size for axis in eqn.params['made'] if axis.number)
        elif eqn.primitive.name in ELEMENTWISE:
            for v in eqn.invars:
                if eqn.outvars[0] in synapses and not isinstance(v, Literal) and v.aval.shape == eqn.outvars[0].aval.shape:
                    synapses.setdefault(v, synapses[eqn.outvars[0]])
    return sizes, synapses
