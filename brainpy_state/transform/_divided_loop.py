"""A loop of a network that is divided between the devices of a mesh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from jax.sharding import Mesh as DeviceMesh
from jax.sharding import PartitionSpec

from .. import event
from ..event._parts import Axis, beyond_the_end
from ..event._rewrite import hoisted
from ._divided import closed_over, made, populations, values_of, without_calls
from ._divided_blocks import Blocks, plan
from ._divided_values import Mesh, Value


@dataclass(frozen=True)
class DividedLoop:
    """As `event.scan` of a step that is traced as that of the whole network, each device doing its part.

    Parameters
    ----------
    mesh : jax.sharding.Mesh
        All its axes divide together.
    """

    mesh: DeviceMesh

    def __call__(self, step: Callable, same: Any, carry: Any, length: int, goes_on: Callable | None = None) -> tuple[Any, Any]:
        """The last carry and the results of steps ``step(same, carry) -> (carry, y)``."""
        fixed, tree_of_fixed = jax.tree.flatten(same)
        first, tree = jax.tree.flatten(carry)
        structures: list[Any] = []

        def flat(*leaves: Any) -> list[Any]:
            n = len(fixed)
            results = step(jax.tree.unflatten(tree_of_fixed, leaves[:n]), jax.tree.unflatten(tree, leaves[n:]))
            out, structure = jax.tree.flatten(results)
            structures.append(structure)
            return out

        jaxpr, constants = closed_over(without_calls(jax.make_jaxpr(flat)(*map(_plain, (*fixed, *first)))))
        fixed = [*constants, *fixed]
        shared = [v for v, out in zip(jaxpr.invars[len(fixed) :], jaxpr.outvars, strict=False) if v is out]
        before, step_of_all = hoisted(ClosedJaxpr(jaxpr, ()), [*jaxpr.invars[: len(fixed)], *shared])
        values = dict(zip(jaxpr.invars, [*fixed, *first], strict=True))
        fixed = [*jaxpr_as_fun(before)(*(values[v] for v in before.jaxpr.invars)), *fixed]
        divided = _Step(step_of_all.jaxpr, len(first), self.mesh)
        n, planned = len(first), None if goes_on is None else plan(divided)
        twins = divided.twins if planned is None else planned.twins

        def one_device(fixed: list[Any], carry: list[Any]) -> tuple[list[Any], list[Any]]:
            divided.index = jax.lax.axis_index(self.mesh.axis_names)

            def goes(leaves: Any) -> Any:
                return goes_on(jax.tree.unflatten(tree, leaves[:n]))  # type: ignore[misc]

            if planned is not None:
                return [*Blocks(divided, planned).run(fixed, carry[:n], carry[n:], goes), *carry[n:]], []

            def advance(carry: Any, _: Any) -> tuple[Any, Any]:
                results = divided(fixed, carry)
                return results[: len(carry)], results[len(carry) :]

            return event.scan(advance, carry, None, length, goes_on=goes_on and goes, short=True)

        stacked = [axis and axis._replace(number=axis.number + 1) for axis in divided.made]
        carried = [*divided.carried, *[None] * len(twins)]
        run = jax.shard_map(
            one_device,
            mesh=self.mesh,
            in_specs=(list(map(divided.spec, divided.fixed)), list(map(divided.spec, carried))),
            out_specs=(list(map(divided.spec, carried)), list(map(divided.spec, stacked))),
            check_vma=False,
        )
        fixed = [*fixed, *(fixed[k] for k in divided.known)]
        ready = [divided.padded(x, axis) for x, axis in zip(fixed, divided.fixed, strict=True)]
        start = [divided.padded(x, axis) for x, axis in zip([*first, *(first[k] for k in twins)], carried, strict=True)]
        last, ys = run(ready, start)
        found = [divided.cut(x, axis) for x, axis in zip([*last[:n], *ys], [*divided.carried, *stacked], strict=True)]
        return jax.tree.unflatten(structures[-1], found)


class _Step:
    """A step for one device.

    Attributes
    ----------
    fixed, carried : list of Axis or None
        How operands are divided that stay the same, and those that are carried.
    known, twins : list of int
        Of which operands of either kind that are divided the whole is needed too: it is a further operand.
    made : list of Axis or None
        How further results are divided.
    """

    def __init__(self, jaxpr: Any, carried: int, mesh: DeviceMesh):
        sizes, synapses = populations(jaxpr)
        self.jaxpr, self.mesh, self.sizes = jaxpr, mesh, sizes
        self.index: Any = None  # of the device, once it is one
        axes = [synapses.get(v) or self.devices().along(v.aval.shape) for v in jaxpr.invars]
        n = len(axes) - carried
        self.fixed, self.carried = axes[:n], axes[n:]
        self.known: list[int] = []
        self.twins: list[int] = []
        self._whole: set[int] = set()
        self.follow = [axis is not None for axis in self.carried]  # whether all devices could compute the whole
        while True:
            operands, results = self._trace()
            carry = [old or (None if k in self._whole else x.axis) for k, (old, x) in enumerate(zip(self.carried, results, strict=False))]
            follow = [a and x.follows for a, x in zip(self.follow, results, strict=False)]
            asked = [k for k, x in enumerate(operands) if x.axis is not None and x.was_asked]
            settled = carry == self.carried and follow == self.follow
            same = [k - n for k in asked if k >= n and follow[k - n] and not results[k - n].is_bit]
            if settled and not same:
                break
            self.carried, self.follow = carry, follow
            if settled:  # it costs less to compute these on all devices than to exchange them
                self._whole |= set(same)
                for k in same:
                    self.carried[k] = None
        self.made: list[Axis | None] = [x.axis for x in results[carried:]]
        self.known, self.twins = [k for k in asked if k < n], [k - n for k in asked if k >= n]
        self.fixed = [*self.fixed, *[None] * len(self.known)]

    def devices(self) -> Mesh:
        return Mesh(self.mesh.axis_names, self.mesh.size, self.sizes, self.index)

    def _trace(self) -> tuple[list[Value], list[Value]]:
        """The operands of the step, which know whether they were asked for as wholes, and its results."""
        axes = [*self.fixed, *self.carried]
        shapes = [v.aval.shape if axis is None else axis.local(v.aval.shape, self.mesh.size) for v, axis in self._pairs(axes)]
        avals = [jax.ShapeDtypeStruct(shape, v.aval.dtype) for shape, v in zip(shapes, self.jaxpr.invars, strict=True)]
        noted: list[Any] = []

        def noting(*leaves: Any) -> list[Any]:
            mesh = self.devices()
            operands = [_value(mesh, x, axis) for x, axis in zip(leaves, axes, strict=True)]
            for x, follows in zip(operands[len(self.fixed) :], self.follow, strict=True):
                x.follows |= follows
            values = values_of(self.jaxpr, operands, mesh)
            noted[:] = operands, values
            return made(mesh, values, [*self.carried, *(x.axis for x in values[len(self.carried) :])])

        jax.make_jaxpr(noting, axis_env=list(self.mesh.shape.items()))(*avals)
        return noted[0], noted[1]

    def _pairs(self, axes: Sequence[Axis | None]) -> list[tuple[Any, Axis | None]]:
        return list(zip(self.jaxpr.invars, axes, strict=True))

    def __call__(self, fixed: Sequence[Any], carry: Sequence[Any]) -> list[Any]:
        """The next carry and the results of the step, of the own parts."""
        mesh = self.devices()
        constants = self.constants(fixed, mesh)
        states = [_value(mesh, x, axis) for x, axis in zip(carry, self.carried, strict=False)]
        for x, follows in zip(states, self.follow, strict=True):
            x.follows |= follows
        for k, whole in zip(self.twins, carry[len(states) :], strict=True):
            states[k].also(whole)
        values = values_of(self.jaxpr, [*constants, *states], mesh, [self.jaxpr.outvars[k] for k in self.twins])
        n = len(states)
        wanted = [*values[:n], *(values[k] for k in self.twins), *values[n:]]
        return made(mesh, wanted, [*self.carried, *[None] * len(self.twins), *self.made])

    def constants(self, fixed: Sequence[Any], mesh: Mesh) -> list[Value]:
        """What stays the same, as values."""
        n = len(self.fixed) - len(self.known)
        found = [_value(mesh, x, axis) for x, axis in zip(fixed[:n], self.fixed, strict=False)]
        for k, whole in zip(self.known, fixed[n:], strict=True):
            found[k].also(whole)
        return found

    def spec(self, axis: Axis | None) -> PartitionSpec:
        """How JAX is told that an array is divided."""
        return PartitionSpec() if axis is None else PartitionSpec(*[None] * axis.number, self.mesh.axis_names)

    def padded(self, x: Any, axis: Axis | None) -> Any:
        """An array with room for parts of equal size."""
        if axis is None or not (beyond := axis.part(self.mesh.size) * self.mesh.size - axis.size):
            return x
        return beyond_the_end(x, axis, beyond)

    def cut(self, x: Any, axis: Axis | None) -> Any:
        """Without what is beyond the end; the same on all devices, but for what belongs to synapses."""
        if axis is not None:
            x = jax.lax.slice_in_dim(x, 0, axis.size, axis=axis.number)
            if axis.number == 0 and x.ndim == 1 and axis.size not in self.sizes:
                return x
        return jax.lax.with_sharding_constraint(x, jax.sharding.NamedSharding(self.mesh, PartitionSpec()))


def _plain(x: Any) -> Any:
    """The type of an array, wherever it is."""
    aval: Any = jax.typeof(x)
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)


def _value(mesh: Mesh, x: Any, axis: Axis | None) -> Value:
    return Value.of_whole(mesh, x) if axis is None else Value.of_part(mesh, x, axis)
