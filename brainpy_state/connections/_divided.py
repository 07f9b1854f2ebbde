"""Connections whose synapses are divided between the devices of a mesh: each has those onto its own targets, and draws no others."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .. import event
from .._errors import ParameterError, ShapeError
from ..event._delayed import UNUSED
from ..event._parts import Axis
from . import _check, _parallel
from ._pairs import Pairs
from ._rows import Law, Rows, in_slots, starts_of, values_of

_DISAGREE = """\
{rule}: process {other} connects other neurons than process 0. Each must build the same network in the same order, with the same sizes and \
seeds; a rule without a seed draws one from the default generator, which one seed in all processes makes the same (`random.seed`)."""


class Divided(NamedTuple):
    """Synapses on the devices of a mesh, and their weights; None of what is not one for each."""

    structure: event.Parts
    weights: Any


def divided(mesh: Mesh, pairs: Pairs, weights: Law | Callable[[tuple[int, ...]], np.ndarray] | None, delays: Law | None) -> Divided:
    """Synapses of the pairs that a rule draws, on the devices of their targets.

    Parameters
    ----------
    mesh : Mesh
    pairs : Pairs
    weights : law, or callable, optional
        The callable is given ``(n_synapses,)``, and gives one number, or one for each in the order that they have on one device.
    delays : law, optional
        With delays, the synapses of each source are in the order of delays.

    Raises
    ------
    ParameterError
        If processes that share the mesh connect other neurons.
    ShapeError
        If there are neither one weight nor as many as synapses.
    """
    mesh = Mesh(mesh.devices, mesh.axis_names)
    size = Axis(0, pairs.post).part(mesh.size)
    ranges = [(min(k * size, pairs.post), min((k + 1) * size, pairs.post)) for k, device in enumerate(mesh.devices.flat) if _is_own(device)]
    division = pairs.divided(ranges)
    starts = starts_of(division.of_all)
    laws = [law if isinstance(law, tuple) else None for law in (weights, delays)]
    same_everywhere = (starts, np.array([pairs.post]), *(law[0] for law in laws if law is not None))
    most = int(division.own.sum(axis=1).max(initial=0))
    room = _largest(pairs.rule, most, zlib.crc32(b''.join(x.tobytes() for x in same_everywhere)), mesh)
    parts = [Rows(starts_of(own), _parallel.empty(room, np.int32)) for own in division.own]
    division.put([rows.indptr[:-1] for rows in parts], [rows.columns for rows in parts])
    values = [values_of(rows, laws[0], laws[1], before) for rows, before in zip(parts, division.before, strict=True)]
    spread = _Spread(mesh)
    starts_of_parts = spread([rows.indptr.astype(np.int32) for rows in parts])
    firsts = spread([(starts[:-1] + before).astype(np.int32) for before in division.before])
    structure: event.Parts
    if delays is None:
        indices = spread([_filled(rows.columns, rows, size) for rows in parts])
        structure = event.Parts(starts_of_parts, indices, (pairs.n, pairs.post), mesh.size, True, int(starts[-1]), firsts)
    else:
        for rows, (_, steps) in zip(parts, values, strict=True):
            _check.slots(pairs.rule, int(steps[: rows.indptr[-1]].max(initial=0)) + 1, size)
            _filled(in_slots(steps, rows.columns, size, rows.columns), rows, UNUSED)
        slots, shape = spread([rows.columns for rows in parts]), (pairs.n, pairs.post)
        structure = event.DelayedParts(starts_of_parts, slots, shape, mesh.size, int(starts[-1]), firsts, str(delays[2]))
    found: Any = None if laws[0] is None else spread([_filled(x, rows) for (x, _), rows in zip(values, parts, strict=True)])
    if callable(weights):
        whole = pairs.rows()
        values_of(whole, None, delays)
        given = weights((whole.total,))
        if given.shape not in ((), (whole.total,)):
            raise ShapeError(_check.weight_shape(pairs.rule, given.shape, whole.total))
        found = given if given.ndim == 0 else spread([_of_targets(given, whole, *own, room) for own in ranges])
    return Divided(structure, found)


def _of_targets(values: np.ndarray, rows: Rows, first: int, last: int, room: int) -> np.ndarray:
    """Those of values of all synapses that belong to some targets."""
    held = _parallel.empty(room, values.dtype)
    own = values[(first <= rows.columns) & (rows.columns < last)]
    held[: own.size], held[own.size :] = own, 0
    return held


def _filled(values: np.ndarray, rows: Rows, beyond: int = 0) -> np.ndarray:
    """The same, with a number in the places beyond the synapses."""
    values[rows.indptr[-1] :] = beyond
    return values


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
