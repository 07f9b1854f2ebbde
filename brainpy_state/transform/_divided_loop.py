"""A loop of a network that is divided between the devices of a mesh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr
from jax.sharding import Mesh as DeviceMesh
from jax.sharding import PartitionSpec

from .. import event
from ..event._fuse import inlined
from ..event._parts import Axis, beyond_the_end
from ._divided import Mesh, Value, evaluate, populations


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
        made: list[Any] = []

        def flat(*leaves: Any) -> list[Any]:
            n = len(fixed)
            results = step(jax.tree.unflatten(tree_of_fixed, leaves[:n]), jax.tree.unflatten(tree, leaves[n:]))
            out, structure = jax.tree.flatten(results)
            made.append(structure)
            return out

        operands = [*fixed, *first]
        closed = inlined(jax.make_jaxpr(flat)(*operands))
        divided = _Step(closed, len(first), self.mesh)

        def one_device(fixed: list[Any], carry: list[Any]) -> tuple[list[Any], list[Any]]:
            def advance(carry: Any, _: Any) -> tuple[Any, Any]:
                results = divided(fixed, carry)
                return results[: len(carry)], results[len(carry) :]

            return event.scan(advance, carry, None, length, goes_on=goes_on and (lambda leaves: goes_on(jax.tree.unflatten(tree, leaves))))

        specs, results = list(map(divided.spec, divided.axes)), divided.results
        stacked = [axis and axis._replace(number=axis.number + 1) for axis in results]
        n = len(fixed)
        run = jax.shard_map(
            one_device,
            mesh=self.mesh,
            in_specs=(specs[:n], specs[n:]),
            out_specs=(specs[n:], list(map(divided.spec, stacked))),
            check_vma=False,
        )
        ready = [divided.padded(x, axis) for x, axis in zip(operands, divided.axes, strict=True)]
        last, ys = run(ready[:n], ready[n:])
        found = [divided.cut(x, axis) for x, axis in zip([*last, *ys], [*divided.axes[n:], *stacked], strict=True)]
        return jax.tree.unflatten(made[-1], found)


class _Step:
    """A step for one device: which of its operands and results are divided, and the step itself, of their parts."""

    def __init__(self, closed: ClosedJaxpr, carried: int, mesh: DeviceMesh):
        sizes, synapses = populations(closed.jaxpr)
        self.closed, self.carried, self.mesh = closed, carried, mesh
        self.devices = Mesh(mesh.axis_names, mesh.size, sizes)
        self.axes = [synapses.get(v) or self.devices.along(v.aval.shape) for v in closed.jaxpr.invars]
        self.results: list[Axis | None] = []
        self._trace()
        while not self._settled():
            self._trace()

    def _trace(self) -> None:
        """Find how results are divided."""
        shapes = [v.aval.shape if axis is None else axis.local(v.aval.shape, self.mesh.size) for v, axis in self._operands()]
        avals = [jax.ShapeDtypeStruct(shape, v.aval.dtype) for shape, (v, _) in zip(shapes, self._operands(), strict=True)]

        def noting(*leaves: Any) -> list[Any]:
            values = self._values(leaves)
            self._found = [x.axis for x in values]
            return [x.like(x.axis) for x in values]

        jax.make_jaxpr(noting, axis_env=list(self.mesh.shape.items()))(*avals)
        self.results = self._found[self.carried :]

    def _settled(self) -> bool:
        """Whether what is carried stays divided as it is; what becomes divided is from now on."""
        carry = self.axes[-self.carried :] if self.carried else []
        new = [old or found for old, found in zip(carry, self._found, strict=False)]
        self.axes[len(self.axes) - self.carried :] = new
        return new == carry

    def _operands(self) -> list[tuple[Any, Axis | None]]:
        return list(zip(self.closed.jaxpr.invars, self.axes, strict=True))

    def _values(self, leaves: Sequence[Any]) -> list[Value]:
        given = zip(leaves, self.axes, strict=True)
        return evaluate(
            self.closed,
            [Value.of_whole(self.devices, x) if axis is None else Value.of_part(self.devices, x, axis) for x, axis in given],
            self.devices,
        )

    def __call__(self, fixed: Sequence[Any], carry: Sequence[Any]) -> list[Any]:
        """The next carry and the results of the step, of the own parts."""
        axes = [*self.axes[len(fixed) :], *self.results]
        return [x.like(axis) for x, axis in zip(self._values([*fixed, *carry]), axes, strict=True)]

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
        if axis is None:
            return x
        x = jax.lax.slice_in_dim(x, 0, axis.size, axis=axis.number)
        if axis.number == 0 and x.ndim == 1 and axis.size not in self.devices.sizes:
            return x
        return jax.lax.with_sharding_constraint(x, jax.sharding.NamedSharding(self.mesh, PartitionSpec()))
