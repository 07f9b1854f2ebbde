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
from ..event._parts import Axis
from ..event._rewrite import hoisted
from ..event._scan import aval_of
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

        jaxpr, constants = closed_over(without_calls(jax.make_jaxpr(flat)(*map(aval_of, (*fixed, *first)))))
        fixed = [*constants, *fixed]
        shared = [v for v, out in zip(jaxpr.invars[len(fixed) :], jaxpr.outvars, strict=False) if v is out]
        before, step_of_all = hoisted(ClosedJaxpr(jaxpr, ()), [*jaxpr.invars[: len(fixed)], *shared])
        values = dict(zip(jaxpr.invars, [*fixed, *first], strict=True))
        fixed = [*jaxpr_as_fun(before)(*(values[v] for v in before.jaxpr.invars)), *fixed]
        divided = _Step(step_of_all.jaxpr, len(first), self.mesh)
        n, planned = len(first), None if goes_on is None else plan(divided)
        twins = divided.twins if planned is None else planned.twins

        carried = [*divided.carried, *[None] * len(twins)]
        stacked = [axis and axis._replace(number=axis.number + 1) for axis in divided.made]

        def one_device(fixed: list[Any], carry: list[Any]) -> list[Any]:
            divided.index = jax.lax.axis_index(self.mesh.axis_names)
            fixed, carry = divided.entered(fixed, divided.fixed), divided.entered(carry, carried)

            def goes(leaves: Any) -> Any:
                return goes_on(jax.tree.unflatten(tree, leaves[:n]))  # type: ignore[misc]

            if planned is not None:
                return divided.left(Blocks(divided, planned).run(fixed, carry[:n], carry[n:], goes), divided.carried)

            def advance(carry: Any, _: Any) -> tuple[Any, Any]:
                results = divided(fixed, carry)
                return results[: len(carry)], results[len(carry) :]

            last, ys = event.scan(advance, carry, None, length, goes_on=goes_on and goes, short=True)
            return divided.left([*last[:n], *ys], [*divided.carried, *stacked])

        run = jax.shard_map(
            one_device,
            mesh=self.mesh,
            in_specs=(list(map(divided.spec, divided.fixed)), list(map(divided.spec, carried))),
            out_specs=list(map(divided.spec, [*divided.carried, *stacked])),
            check_vma=False,
        )
        found = run([*fixed, *(fixed[k] for k in divided.known)], [*first, *(first[k] for k in twins)])
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

    def devices(self, index: Any = None) -> Mesh:
        """The devices as one of them sees them, whose number may be given."""
        return Mesh(self.mesh.axis_names, self.mesh.size, self.sizes, self.index if index is None else index)

    def _trace(self) -> tuple[list[Value], list[Value]]:
        """The operands of the step, which know whether they were asked for as wholes, and its results."""
        axes = [*self.fixed, *self.carried]
        shapes = [v.aval.shape if axis is None else axis.local(v.aval.shape, self.mesh.size) for v, axis in self._pairs(axes)]
        avals = [jax.ShapeDtypeStruct(shape, v.aval.dtype) for shape, v in zip(shapes, self.jaxpr.invars, strict=True)]
        noted: list[Any] = []

        def noting(*leaves: Any) -> list[Any]:
            mesh = self.devices()
            operands = [Value.of(mesh, x, axis) for x, axis in zip(leaves, axes, strict=True)]
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
        states = [Value.of(mesh, x, axis) for x, axis in zip(carry, self.carried, strict=False)]
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
        found = [Value.of(mesh, x, axis) for x, axis in zip(fixed[:n], self.fixed, strict=False)]
        for k, whole in zip(self.known, fixed[n:], strict=True):
            found[k].also(whole)
        return found

    def spec(self, axis: Axis | None) -> PartitionSpec:
        """How JAX is told that an array is divided: outside of the loop, what belongs to synapses."""
        return PartitionSpec(self.mesh.axis_names) if self._of_synapses(axis) else PartitionSpec()

    def entered(self, xs: Sequence[Any], axes: Sequence[Axis | None]) -> list[Any]:
        """The own parts of what all devices have outside of the loop."""

        def parts(index: Any, *xs: Any) -> list[Any]:
            mesh = self.devices(index)
            return [x if axis is None or self._of_synapses(axis) else mesh.part(x, axis) for x, axis in zip(xs, axes, strict=True)]

        return list(event.fuse(parts, 0)(self.index, *xs))

    def left(self, xs: Sequence[Any], axes: Sequence[Axis | None]) -> list[Any]:
        """What all devices have after the loop, told in one message."""

        def wholes(*xs: Any) -> list[Any]:
            mesh = self.devices()
            values = [Value.of(mesh, x, axis) for x, axis in zip(xs, axes, strict=True)]
            return made(mesh, values, [axis if self._of_synapses(axis) else None for axis in axes])

        return list(event.fuse(wholes, 0)(*xs))

    def _of_synapses(self, axis: Axis | None) -> bool:
        return axis is not None and axis.number == 0 and axis.size not in self.sizes
