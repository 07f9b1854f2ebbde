"""Synapses that are divided by their targets: each device of a mesh has those of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.experimental import multihost_utils
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

from ._csr import CSR as _CSR
from ._csr import _restored
from ._structure import Structure


class Axis(NamedTuple):
    """The axis along which an array is divided, into parts of equal size; the last ones may reach beyond its end.

    Attributes
    ----------
    number : int
        Counted from the front.
    size : int
        Of all parts together, without what lies beyond.
    """

    number: int
    size: int

    def part(self, parts: int) -> int:
        """The size of a part."""
        return -(-self.size // parts)

    def local(self, shape: Sequence[int], parts: int) -> tuple[int, ...]:
        """The shape of a part of an array of this shape."""
        return (*shape[: self.number], self.part(parts), *shape[self.number + 1 :])


class Parts(Structure):
    """Connectivity of `pre` sources and `post` targets as one `CSR` for each device, of the synapses onto its targets.

    Arrays have the parts one after the other, all of the same length; what is left of a part is unused.

    Parameters
    ----------
    indptr : int32, (parts * (pre + 1),)
    indices : int32, (parts * room,)
        Targets, counted from the first of the part; unused ones lie outside of it.
    shape : (pre, post)
    parts : int
        On how many devices.
    ordered : bool
        Whether the targets of each source rise.
    total : int
        Number of synapses, without unused places.
    firsts : int32, (parts * pre,)
        The number, among those of all parts, of the first synapse of each source in a part.
    least : int
        Of places in a ring: the shortest delay.

    Examples
    --------
    >>> import jax
    >>> import brainpy_state as bst
    >>> with bst.environ.context(mesh=jax.make_mesh((1,), ('parts',))):
    ...     comm = bst.fixed_indegree(10, 6, 2, weight=1., seed=1)
    >>> comm.structure
    Parts(shape=(10, 6), 12 synapses in 1 parts)
    """

    __slots__ = ('__weakref__', 'firsts', 'indices', 'indptr', 'least', 'ordered', 'parts', 'shape', 'total')

    def __init__(
        self, indptr: Any, indices: Any, shape: tuple[int, int], parts: int, ordered: bool, total: int, firsts: Any, least: int = 0
    ):
        self.indptr, self.indices, self.shape, self.parts, self.ordered, self.total = indptr, indices, shape, parts, ordered, total
        self.firsts, self.least = firsts, least

    def __repr__(self) -> str:
        return f'{type(self).__name__}(shape={self.shape}, {self.total} synapses in {self.parts} parts)'

    @property
    def nnz(self) -> int:
        """Number of places for synapses."""
        return self.indices.shape[0]

    def row_lengths(self) -> np.ndarray:
        """Number of synapses of each source in all parts, (pre,), on the host."""
        return np.diff(on_host(self.indptr).reshape(self.parts, -1), axis=1).sum(0)

    @property
    def steps(self) -> Any:
        """The delay of each synapse in steps; None unless they have delays."""
        return None

    def targets(self) -> np.ndarray:
        """The target of each synapse, int32, (total,), in the order of `order`; on the host."""
        room = self.nnz // self.parts
        firsts = np.repeat(np.arange(self.parts, dtype=np.int32) * np.int32(self._targets), room)
        return (on_host(self.indices) + firsts)[self.order()]

    def later(self, steps: Any, length: int) -> Parts:
        """The same synapses, each leading to the place ``steps * targets of a part + target`` of a ring of so many steps.

        Parameters
        ----------
        steps : int, (parts * room,) or ()
        length : int
        """
        least = [length]

        def of_part(_: np.ndarray, targets: np.ndarray, n: int, *delays: np.ndarray) -> list[np.ndarray]:
            each = np.asarray(delays[0][: targets.size] if delays else steps, np.int32)
            least.append(int(each.min(initial=length)))
            return [each * np.int32(n) + targets]

        places = self.mapped(of_part, *([steps] if np.ndim(steps) else []), beyond=length * self._targets)[0]
        shape = self.shape[0], length * self.shape[1]
        return Parts(self.indptr, places, shape, self.parts, True, self.total, self.firsts, smallest(min(least), self.indices))

    def numbers(self) -> jax.Array:
        """The number of each synapse among those of all parts, uint32, (parts * room,), as they are listed on one device."""

        def of_part(lengths: np.ndarray, targets: np.ndarray, _: int, firsts: np.ndarray) -> list[np.ndarray]:
            starts = np.cumsum(lengths) - lengths
            return [(np.repeat(firsts - starts, lengths) + np.arange(targets.size)).astype(np.uint32)]

        return self.mapped(of_part, self.firsts)[0]

    def order(self) -> np.ndarray:
        """Where the synapses stand, in the order that they have on one device: by source, delay and target; on the host."""
        delays, room, found = self.steps, self.nnz // self.parts, []
        for k, starts in enumerate(on_host(self.indptr).reshape(self.parts, -1)):
            sources = np.repeat(np.arange(self.shape[0], dtype=np.int32), np.diff(starts))
            found.append((sources, k * room + np.arange(sources.size)))
        sources, places = map(np.concatenate, zip(*found, strict=True))
        if delays is not None:
            by_delay = np.argsort(on_host(delays)[places], kind='stable')
            sources, places = sources[by_delay], places[by_delay]
        return places[_CSR.row_order(sources)]

    def mapped(self, f: Callable[..., Sequence[np.ndarray]], *arrays: jax.Array, beyond: int = 0) -> list[jax.Array]:
        """Arrays made on the host of the synapses of each part that this process has.

        Parameters
        ----------
        f : callable
            Of the number of synapses of each source, of their targets, of the number of targets, and of the part of further arrays;
            arrays of synapses get as many unused places as the part has, with the number ``beyond`` in them.
        """
        found: list[list[jax.Array]] = []
        room = self.nnz // self.parts
        for starts, indices, *others in zip(*map(_own, (self.indptr, self.indices, *arrays)), strict=True):
            lengths, held = np.diff(np.asarray(starts.data)), np.asarray(indices.data)
            used = int(lengths.sum())
            results = [
                np.pad(x, (0, room - used), constant_values=beyond) if x.shape == (used,) else x
                for x in f(lengths, held[:used], self._targets, *(np.asarray(x.data) for x in others))
            ]
            found.append([jax.device_put(x, indices.device) for x in results])
        joined = zip(*found, strict=True)
        where = self.indices.sharding
        return [jax.make_array_from_single_device_arrays((x[0].shape[0] * self.parts,), where, list(x)) for x in joined]

    def to_post(self, weight: Any, spikes: Any, dtype: Any) -> Any:
        """What each target receives, (..., post)."""
        _, post = self.shape
        own = spikes.ndim - 1

        def product(indptr: Any, indices: Any, spikes: Any, *weight: Any) -> list[Any]:
            return [self._local(indptr, indices).to_post(*(weight or (None,)), spikes, dtype)]

        weights, axes = ((), ()) if weight is None else ((weight,), (self.synapses,))
        operands = (self.indptr, self.indices, spikes, *weights)
        return in_parts(product, operands, (*self._axes, None, *axes), [Axis(own, post)], self.parts)[0]

    def to_pre(self, weight: Any, values: Any, dtype: Any) -> Any:
        """Refused: derivatives are for networks on one device."""
        raise NotImplementedError(_NO_DERIVATIVE)

    to_weight = to_pre  # type: ignore[assignment]

    def to_ring(self, weight: Any, spikes: Any, row: Any, ring: Any) -> Any:
        """A ring (steps, ..., post) with what spikes deliver; targets are places ``delay * targets of a part + target``."""
        steps, *_, post = ring.shape
        at = Axis(ring.ndim - 1, post)

        def deliver(indptr: Any, indices: Any, weight: Any, spikes: Any, row: Any, ring: Any) -> list[Any]:
            return [self._local(indptr, indices, steps * at.part(self.parts)).to_ring(weight, spikes, row, ring)]

        axes = (*self._axes, self.synapses if weight.ndim else None, None, None, at)
        operands = (self.indptr, self.indices, weight, spikes, row, ring)
        return in_parts(deliver, operands, axes, [at], self.parts, waits=self.least)[0]

    @property
    def synapses(self) -> Axis:
        """How values of synapses are divided."""
        return Axis(0, self.nnz)

    @property
    def _axes(self) -> tuple[Axis, Axis]:
        return Axis(0, self.indptr.shape[0]), self.synapses

    def _local(self, indptr: Any, indices: Any, post: int | None = None) -> Any:
        return _restored(indptr, indices, (self.shape[0], self._targets if post is None else post), self.ordered)

    @property
    def _targets(self) -> int:
        return Axis(0, self.shape[1]).part(self.parts)


_NO_DERIVATIVE = """\
What sources collect from their targets cannot be had where synapses are divided between devices: derivatives and symmetric gap junctions \
need the network on one device (without `mesh`); samples can be divided instead, by `fit(mesh=)` and `sweep(mesh=)`."""


def of_this_process(x: jax.Array) -> np.ndarray:
    """What this process has of an array."""
    whole = not isinstance(x, jax.Array) or x.is_fully_addressable
    return np.asarray(x) if whole else np.concatenate([np.asarray(shard.data) for shard in _own(x)])


def largest(x: Any) -> int:
    """The largest of whole numbers, also of those that other processes have; 0 of none."""
    found = int(np.max(of_this_process(x), initial=0))
    return found if not isinstance(x, jax.Array) else -smallest(-found, x)


def on_host(x: jax.Array) -> np.ndarray:
    """An array of which processes may hold parts, as a whole in each of them."""
    return np.asarray(x if not isinstance(x, jax.Array) or x.is_fully_addressable else multihost_utils.process_allgather(x, tiled=True))


def smallest(number: int, x: jax.Array) -> int:
    """The smallest of the numbers that processes give, which hold an array together."""
    if x.is_fully_addressable:
        return number
    return int(multihost_utils.process_allgather(np.int32(number)).min())


def _own(x: jax.Array) -> list[Any]:
    """The parts of an array that this process has, in their order."""
    return sorted(x.addressable_shards, key=lambda shard: shard.index[0].start or 0)


def in_parts(
    f: Callable, operands: Sequence[Any], axes: Sequence[Axis | None], made: Sequence[Axis], parts: int, *, waits: int | None = None
) -> list[Any]:
    """What a function of parts of arrays gives on all devices, each with its own.

    Parameters
    ----------
    f : callable
        Of the parts of the operands, to a list.
    axes : sequence of Axis or None
        How operands are divided; None of what every device needs as a whole.
    made : sequence of Axis
        How results are.
    parts : int
    waits : int, optional
        Where spikes, the third operand from the end, are delivered into a ring, the last one: for how many steps nobody looks at it.

    Notes
    -----
    Within `Simulation` of a network on a mesh, this is evaluated on each device. Elsewhere, one part is computed after the other.
    """
    shapes = [x.shape if axis is None else axis.local(x.shape, parts) for x, axis in zip(operands, axes, strict=True)]
    closed = jax.make_jaxpr(f)(*(jax.ShapeDtypeStruct(shape, x.dtype) for shape, x in zip(shapes, operands, strict=True)))
    return in_parts_p.bind(*operands, step=closed, axes=tuple(axes), made=tuple(made), parts=parts, waits=waits)


def _avals(*operands: Any, step: ClosedJaxpr, axes: Any, made: Sequence[Axis], parts: int, waits: int | None) -> list[Any]:
    shapes = [
        (*v.aval.shape[: axis.number], axis.size, *v.aval.shape[axis.number + 1 :])
        for v, axis in zip(step.jaxpr.outvars, made, strict=True)
    ]
    return [ShapedArray(shape, v.aval.dtype) for shape, v in zip(shapes, step.jaxpr.outvars, strict=True)]


def _one_after_the_other(
    *operands: Any, step: ClosedJaxpr, axes: Sequence[Axis | None], made: Sequence[Axis], parts: int, waits: int | None
) -> list[Any]:
    found = []
    for k in range(parts):
        own = [x if axis is None else of_part(x, axis, k, parts) for x, axis in zip(operands, axes, strict=True)]
        found.append(jaxpr_as_fun(step)(*own))
    joined = (jnp.concatenate(xs, axis.number) for xs, axis in zip(zip(*found, strict=True), made, strict=True))
    return [jax.lax.slice_in_dim(x, 0, axis.size, axis=axis.number) for x, axis in zip(joined, made, strict=True)]


def _refused(primals: Any, tangents: Any, **parameters: Any) -> Any:
    raise NotImplementedError(_NO_DERIVATIVE)


def of_part(x: Any, axis: Axis, k: Any, parts: int) -> Any:
    """Part ``k`` of a whole array, which may be traced; beyond its end are its last items again."""
    size = axis.part(parts)
    if beyond := size * parts - axis.size:
        x = jnp.pad(x, [(0, beyond if n == axis.number else 0) for n in range(x.ndim)], mode='edge')
    return jax.lax.dynamic_slice_in_dim(x, k * size, size, axis.number)


def aged(x: Any, least: int) -> Any:
    """The same, of which is read only what was written so many steps ago or more: devices may exchange it later."""
    return aged_p.bind(x, least=least)


aged_p = Primitive('aged')
aged_p.def_abstract_eval(lambda x, **_: x)
aged_p.def_impl(lambda x, **_: x)
mlir.register_lowering(aged_p, lambda ctx, x, **_: [x])
ad.deflinear2(aged_p, lambda ct, *_, **parameters: [aged_p.bind(ct, **parameters)])
batching.primitive_batchers[aged_p] = lambda operands, axes, **parameters: (aged_p.bind(*operands, **parameters), axes[0])
in_parts_p = Primitive('in_parts')
in_parts_p.multiple_results = True
in_parts_p.def_abstract_eval(_avals)
in_parts_p.def_impl(_one_after_the_other)
mlir.register_lowering(in_parts_p, mlir.lower_fun(_one_after_the_other, multiple_results=True))
ad.primitive_jvps[in_parts_p] = _refused
