"""The devices of a mesh, also of several processes, which share lanes or samples."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.extend.core as jex_core
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .._errors import ParameterError, ShapeError
from .._version import __version__
from ..numerics import brief
from ..state import State
from ._shard import on_devices

_DISAGREE = """\
{owner}: process {other} has {kind} than process 0: {names}. Each must call the same function with the same values; states are made the \
same by one seed in all processes (`random.seed`), or one file that all load."""
_KINDS = ('other versions of packages', 'another function', 'other values')


def take_turns() -> None:
    """Let no thread of this process take a processor from one that computes only because it was woken, on Linux.

    A thread of gloo is woken by the message that another thread sends. Where it takes the processor from that one, which still
    holds the lock of the connection, it asks for the lock in vain until its time is over, some milliseconds later.
    """
    if not sys.platform.startswith('linux'):
        return
    for thread in map(int, os.listdir('/proc/self/task')):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if os.sched_getscheduler(thread) == os.SCHED_OTHER:
                os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))


class Devices:
    """The devices of a mesh, each with lanes or samples of its own.

    Parameters
    ----------
    owner : str
        Whose mesh it is, for messages.
    mesh : jax.sharding.Mesh
        All its axes divide together.
    """

    def __init__(self, owner: str, mesh: Any):
        if not isinstance(mesh, Mesh):
            raise ParameterError(f"{owner}: mesh must be a jax.sharding.Mesh, such as jax.make_mesh((8,), ('i',)), but is {brief(mesh)}.")
        self.owner = owner
        self.mesh = Mesh(mesh.devices, mesh.axis_names)
        self.size = self.mesh.size
        self.each, self.same = PartitionSpec(self.mesh.axis_names), PartitionSpec()
        self.is_shared = any(device.process_index != jax.process_index() for device in self.mesh.devices.flat)
        if self.is_shared and self.mesh.devices.flat[0].platform == 'cpu':
            take_turns()

    def compiled(self, f: Callable, divided: tuple[Any, ...]) -> Callable:
        """A function of blocks of lanes, whose results have a first axis of devices, or of lanes in the case of the second and further.

        Parameters
        ----------
        f : callable
        divided : pytree of bool
            Which of its arguments have a first axis of lanes.
        """

        def one_device(*args: Any) -> Any:
            results, *rest = f(*args)
            return jax.tree.map(lambda x: x[None], results), *rest

        specs = jax.tree.map(lambda has_lanes: self.each if has_lanes else self.same, divided)
        return jax.jit(jax.shard_map(one_device, mesh=self.mesh, in_specs=specs, out_specs=self.each, check_vma=False))

    def place(self, tree: Any, divided: bool = False) -> Any:
        """Arrays on all devices, as a whole or divided into lanes; each process has the same before."""
        where = NamedSharding(self.mesh, self.each if divided else self.same)
        if not self.is_shared:
            return jax.device_put(tree, where)

        def spread(x: Any) -> Any:
            on_host = np.asarray(x)
            return jax.make_array_from_callback(on_host.shape, where, lambda part: on_host[part])

        return jax.tree.map(spread, tree)

    def placed(self, tree: Any) -> Any:
        """Arrays on all devices as they are, others as wholes."""
        return jax.tree.map(lambda x: x if self._has(x) else self.place(x), tree)

    def shapes(self, tree: Any) -> Any:
        """What `placed` would give, without its numbers."""

        def shape(x: Any) -> Any:
            known = jax.typeof(x)
            where = x.sharding if self._has(x) else NamedSharding(self.mesh, self.same)
            return jax.ShapeDtypeStruct(known.shape, known.dtype, sharding=where)

        return jax.tree.map(shape, tree)

    def _has(self, x: Any) -> bool:
        """Whether an array is on these devices."""
        return getattr(getattr(x, 'sharding', None), 'mesh', None) == self.mesh

    def enter(self, states: Iterable[State]) -> None:
        """Let states hold arrays that are on all devices."""
        for state in states:
            state.value = self.placed(state.peek())

    def on_host(self, tree: Any) -> Any:
        """Arrays that are divided between devices, as a whole in each process."""
        return multihost_utils.process_allgather(tree, tiled=True) if self.is_shared else jax.tree.map(np.asarray, tree)

    def least(self, numbers: Sequence[int]) -> list[int]:
        """The smallest of each of the numbers that processes give."""
        return (
            multihost_utils.process_allgather(np.array(numbers, np.int32)).min(axis=0).tolist() if self.is_shared else [*map(int, numbers)]
        )

    def averaged(self, f: Callable) -> Callable:
        """A function of samples: the mean of what devices give, of which each has an equal part of them.

        What it writes without reading is forgotten.
        """

        def mean(*args: Any) -> Any:
            return jax.tree.map(lambda x: jax.lax.pmean(x, self.mesh.axis_names), f(*args))

        divided, *_ = on_devices(mesh=self.mesh, in_specs=self.each, out_specs=self.same, forget=True)(mean)

        def of_samples(*args: Any) -> Any:
            for x in jax.tree.leaves(args):
                if not np.ndim(x):
                    raise ShapeError(
                        f'{self.owner}: with a mesh, every array of a batch needs samples along its first axis, but one is a number.'
                    )
                if np.shape(x)[0] % self.size:
                    raise ShapeError(
                        f'{self.owner}: a batch of {np.shape(x)[0]} samples cannot be divided between {self.size} devices of the mesh; '
                        f'give a batch_size that is a multiple of {self.size}.'
                    )
            return divided(*args)

        return of_samples

    def leave(self, states: Iterable[State]) -> None:
        """Let states hold arrays of the process's own again, where these are the same on all devices."""
        for state in states:
            state.value = jax.tree.map(lambda x: jnp.asarray(np.asarray(x)) if is_same(x) else x, state.peek())

    def check_agreement(self, function: str, values: Sequence[tuple[str, Any]]) -> None:
        """Raise `ParameterError` in all processes if one has another function, values or packages than the first."""
        if not self.is_shared:
            return
        packages = [('brainpy_state', __version__), *((name, importlib.metadata.version(name)) for name in ('jax', 'jaxlib', 'numpy'))]
        given = [packages, [('its equations', function)], values]
        for kind, items in zip(_KINDS, given, strict=True):
            names = _sum('\n'.join(name for name, _ in items)) if items is values else 0
            sums = [_sum(x) for _, x in items]
            found = multihost_utils.process_allgather(np.array([len(sums), names], np.uint32))
            if (found == found[0]).all():
                found = multihost_utils.process_allgather(np.array(sums, np.uint32))
                items = [(name, None) for k, (name, _) in enumerate(items) if (found[:, k] != found[0, k]).any()]
            if not (found == found[0]).all():
                other = int(np.flatnonzero((found != found[0]).any(1))[0])
                told = ', '.join(dict.fromkeys(name for name, _ in items))
                raise ParameterError(_DISAGREE.format(owner=self.owner, other=other, kind=kind, names=told))


def is_same(x: Any) -> bool:
    """Whether all devices have the same of an array."""
    return not isinstance(x, jax.Array) or x.is_fully_replicated


def is_whole(x: Any) -> bool:
    """Whether this process has all of an array."""
    return not isinstance(x, jax.Array) or x.is_fully_replicated or x.is_fully_addressable


def _sum(x: Any) -> int:
    """A number that two values hardly have in common."""
    if isinstance(x, str):
        return zlib.crc32(x.encode())
    total = 0
    for leaf in jax.tree.leaves(x):
        array = np.ascontiguousarray(leaf)
        total = zlib.crc32(array.data if array.size else b'', zlib.crc32(f'{array.dtype} {array.shape}'.encode(), total))
    return total


def told(jaxpr: Any) -> Iterator[str]:
    """What equations do, in words that are the same in all processes."""
    for eqn in jaxpr.eqns:
        numbers = [str(x.val) for x in eqn.invars if isinstance(x, jex_core.Literal)]
        options = [f'{key}={x}' for key, x in eqn.params.items() if isinstance(x, (bool, int, float, str))]
        yield f'{eqn.primitive.name} {numbers} {options} {[str(v.aval) for v in eqn.outvars]}'
        for x in jax.tree.leaves(list(eqn.params.values()), is_leaf=lambda x: isinstance(x, (jex_core.Jaxpr, jex_core.ClosedJaxpr))):
            if isinstance(x, (jex_core.Jaxpr, jex_core.ClosedJaxpr)):
                yield from told(getattr(x, 'jaxpr', x))
