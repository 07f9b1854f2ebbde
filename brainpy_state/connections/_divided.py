"""Connections whose synapses are divided between the devices of a mesh: each has those onto its own targets, and draws no others."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .. import event
from .._errors import ParameterError
from ..event._parts import Axis
from . import _compiled, _parallel
from ._engine import engine
from ._rows import Growing, Listing, Rows
from ._sampling import Values

Law = tuple[np.ndarray, np.ndarray, Any]  # keys of rows, law and type of what is drawn for each synapse


_DISAGREE = """\
{rule}: process {other} connects other neurons than process 0. Each must build the same network in the same order, with the same sizes and \
seeds; a rule without a seed draws one from the default generator, which one seed in all processes makes the same (`random.seed`)."""


class Divided(NamedTuple):
    """Synapses on the devices of a mesh: their structure, weights and delays in steps; None of what is not one for each."""

    structure: event.Parts
    weights: Any
    delays: Any


def divided(rule: str, mesh: Mesh, rows: Rows | Listing, post: int, weights: Law | np.ndarray | None, delays: Law | None) -> Divided:
    """Synapses of the pairs that a rule has found or draws, listed by source, on the devices of those targets.

    Parameters
    ----------
    rule : str
        For messages.
    mesh : Mesh
    rows : Rows or Listing
    post : int
    weights : law, or array of shape (n_synapses,), optional
    delays : law, optional
        With delays, the synapses of each source are in the order of delays.

    Raises
    ------
    ParameterError
        If processes that share the mesh connect other neurons.
    """
    mesh = Mesh(mesh.devices, mesh.axis_names)
    starts = rows.indptr if isinstance(rows, Rows) else rows.starts
    devices = list(mesh.devices.flat)
    size = Axis(0, post).part(len(devices))
    mine = [_Part(k * size, min((k + 1) * size, post), starts.size - 1, weights, delays) for k, d in enumerate(devices) if _is_own(d)]
    with ThreadPoolExecutor(_parallel.threads()) as pool:
        for group in _batched(_parallel.spans(starts), _parallel.threads()):
            for block in pool.map(lambda span: _block(rows, starts, span, weights, delays), group):
                for part in mine:
                    part.add(*block)
    pre = starts.size - 1
    drawn = [law[0] for law in (weights, delays) if isinstance(law, tuple)]
    sum_of_all = zlib.crc32(b''.join(x.tobytes() for x in (starts, np.array([post]), *drawn)))
    room = _largest(rule, max((len(part.targets) for part in mine), default=0), sum_of_all, mesh)
    spread = _Spread(mesh)
    structure = event.Parts(
        spread([part.starts() for part in mine]),
        spread([part.take('targets', room, size) for part in mine]),
        (pre, post),
        len(devices),
        delays is None,
        int(starts[-1]),
        spread([(starts[:-1] + part.before).astype(np.int32) for part in mine]),
    )
    values = (
        None if law is None else spread([part.take(name, room) for part in mine])
        for name, law in (('weights', weights), ('delays', delays))
    )
    return Divided(structure, *values)


class _Part:
    """The synapses onto some targets, which come block by block of sources."""

    def __init__(self, first: int, last: int, pre: int, weights: Any, delays: Any):
        self.first, self.last = first, last
        self.counts, self.before = np.zeros(pre, np.int64), np.zeros(pre, np.int64)  # of each source here, and onto targets before
        self.targets = Growing()
        self.weights = None if weights is None else Growing(weights[2] if isinstance(weights, tuple) else weights.dtype)
        self.delays = None if delays is None else Growing(delays[2])

    def add(self, first: int, starts: np.ndarray, columns: np.ndarray, weights: Any, delays: Any) -> None:
        """Take those of a block."""
        own = (columns >= self.first) & (columns < self.last)
        rows = slice(first, first + starts.size - 1)
        self.counts[rows] = _of_rows(own, starts)
        self.before[rows] = _of_rows(columns < self.first, starts)
        self.targets.append(columns[own] - np.int32(self.first))
        for held, given in ((self.weights, weights), (self.delays, delays)):
            if held is not None:
                held.append(given[own])

    def starts(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int32)

    def take(self, name: str, room: int, beyond: int | None = None) -> np.ndarray:
        """The values of synapses, and beyond them a number, or the first of them again; they are no longer held here."""
        held = getattr(self, name)
        setattr(self, name, None)
        found, used = held.whole(room), len(held)
        found[used:] = found[0] if beyond is None else beyond
        return found


def _of_rows(marked: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """How many synapses of each row are marked."""
    before = np.concatenate([[0], np.cumsum(marked)])
    return before[starts[1:]] - before[starts[:-1]]


class _Spread:
    """Arrays of the own devices as a part of one that all devices hold together."""

    def __init__(self, mesh: Mesh):
        self.where = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
        self.devices = [d for d in mesh.devices.flat if _is_own(d)]
        self.parts = mesh.size

    def __call__(self, arrays: list[np.ndarray]) -> jax.Array:
        with jax.ensure_compile_time_eval():
            placed = [jax.device_put(x, d) for x, d in zip(arrays, self.devices, strict=True)]
            shape = (placed[0].shape[0] * self.parts,)
            return jax.make_array_from_single_device_arrays(shape, self.where, placed)


def _block(rows: Any, starts: np.ndarray, span: tuple[int, int], weights: Any, delays: Any) -> tuple[int, Any, Any, Any, Any]:
    """Synapses of some sources, with their values: the first of these, where those of each begin, targets, weights and delays."""
    first, last = span
    here = starts[first : last + 1] - starts[first]
    columns = rows.columns[starts[first] : starts[last]].copy() if isinstance(rows, Rows) else rows.columns(starts, first, last)
    drawn = [
        Values(law[0][first:last], law[1], np.empty(columns.size, law[2])) if isinstance(law, tuple) else None for law in (weights, delays)
    ]
    if any(drawn):
        engine(columns.size, _compiled.values_kernel(*drawn)).put_values(*drawn, here, 0, last - first, columns)
    found = [None if values is None else values.out for values in drawn]
    if isinstance(weights, np.ndarray):
        found[0] = weights[starts[first] : starts[last]]
    return first, here, columns, *found


def _is_own(device: Any) -> bool:
    return device.process_index == jax.process_index()


def _largest(rule: str, number: int, of_all: int, mesh: Mesh) -> int:
    """The largest number of all processes; at least 1, so that no array is empty."""
    if all(map(_is_own, mesh.devices.flat)):
        return max(number, 1)
    found = multihost_utils.process_allgather(np.array([number, of_all], np.uint32))
    if (other := np.flatnonzero(found[:, 1] != found[0, 1])).size:
        raise ParameterError(_DISAGREE.format(rule=rule, other=other[0]))
    return max(int(found[:, 0].max()), 1)


def _batched(items: list[Any], size: int) -> Iterator[list[Any]]:
    waiting = iter(items)
    while group := list(itertools.islice(waiting, size)):
        yield group
