"""Values of synapses that are divided between devices, in files: in the order that they have on one device."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import brainunit as u
import jax
import numpy as np

from .. import event
from ..connections import Connection
from ..event._parts import on_host
from ..modules import Module
from ..numerics import with_unit
from ..plasticity import SynapticRule
from ..state import State

_BLOCK = 1 << 22  # synapses that are looked at together


class InOrder:
    """States of synapses as others that hold the values in the order of one device.

    Parameters
    ----------
    models : sequence of Module
    """

    def __init__(self, models: Sequence[Module]):
        self._of = dict(_states_of_synapses(models))
        self._made: dict[State, tuple[State, np.ndarray]] = {}

    def states(self, states: Mapping[str, State]) -> dict[str, State]:
        """The same states by the same names, but for those of divided synapses."""
        return {name: self._listed(state) if state in self._of else state for name, state in states.items()}

    def _listed(self, state: State) -> State:
        connection, value = self._of[state], state.peek()
        places = connection.structure.order()
        numbers = on_host(u.get_mantissa(value))[places]
        made = State(with_unit(jax.numpy.asarray(numbers), u.get_unit(value)), name=state.name)
        self._made[state] = made, places
        return made

    def put_back(self) -> None:
        """Let the states have what those hold that were made of them."""
        for state, (made, places) in self._made.items():
            value, given = u.get_mantissa(state.peek()), made.value
            numbers = on_host(value).copy()
            numbers[places] = np.asarray(u.get_mantissa(given))
            placed = jax.make_array_from_callback(value.shape, value.sharding, numbers.__getitem__)
            state.restore_value(with_unit(placed, u.get_unit(given)))


def _states_of_synapses(models: Sequence[Module]) -> Iterator[tuple[State, Connection]]:
    for node in _nodes(models):
        if isinstance(node, Connection) and isinstance(node.structure, event.Parts):
            if np.ndim(u.get_mantissa(node.acting_weight)):
                yield node.weight, node
        elif isinstance(node, SynapticRule) and node.comm is not None and isinstance(node.comm.structure, event.Parts):
            for name, trace in node.traces.items():
                if trace.side == 'synapse' and isinstance(state := vars(node).get(name), State):
                    yield state, node.comm


def arrays_of_synapses(models: Sequence[Module]) -> set[int]:
    """The `id` of arrays that say which neurons are connected, and when what is sent arrives."""
    found: set[int] = set()
    for node in _nodes(models):
        for x in vars(node).values():
            if isinstance(x, event.CSR):
                found.update(map(id, jax.tree.leaves(x)))
            elif isinstance(x, (event.Structure, event.Ends)):
                listed = 'slots' if isinstance(x, event.DelayedParts) else 'indices'
                leaves = (getattr(x, key, None) for key in ('indptr', listed, 'firsts', 'starts', 'others', 'places'))
                found.update(id(leaf) for leaf in leaves if leaf is not None)
        if isinstance(node, SynapticRule) and node.comm is not None:
            found.add(id(node.numbers))
    return found


def connected(models: Sequence[Module]) -> list[str]:
    """For each connection a text that is hardly the same for two, but does not depend on the number of devices."""
    return [_told(node) for node in _nodes(models) if isinstance(node, Connection)]


def _told(connection: Connection) -> str:
    structure, delays = connection.structure, connection.delay_steps
    if structure.is_drawn or not isinstance(structure, (event.CSR, event.Parts)):
        kept = [np.asarray(x) for x in jax.tree.leaves(structure)]
        return f'{type(structure).__name__} {structure.shape} {zlib.crc32(b"".join(x.tobytes() for x in kept)):08x}'
    total = np.uint64(0)
    for sources, targets, steps in _lists(structure, delays):
        for first in range(0, sources.size, _BLOCK):
            block = slice(first, first + _BLOCK)
            with np.errstate(over='ignore'):
                mixed = sources[block].astype(np.uint64) << np.uint64(32) | targets[block].astype(np.uint64)
                mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
                if steps is not None:
                    mixed = (mixed + steps[block].astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
                total += ((mixed ^ (mixed >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)).sum(dtype=np.uint64)
    return f'{structure.shape}, {connection.n_synapses} synapses, {int(total):016x}'


def _lists(structure: Any, delays: Any) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Sources, targets and delays in steps of all synapses, part by part."""
    pre, post = structure.shape
    if isinstance(structure, event.CSR):
        steps = None if delays is None else np.asarray(delays)
        yield np.repeat(np.arange(pre), structure.row_lengths()), np.asarray(structure.indices), steps
        return
    parts, size = structure.parts, -(-post // structure.parts)
    starts, targets = on_host(structure.indptr).reshape(parts, -1), on_host(structure.indices).reshape(parts, -1)
    each = None if delays is None else on_host(delays).reshape(parts, -1)
    for k in range(parts):
        used = starts[k, -1]
        yield np.repeat(np.arange(pre), np.diff(starts[k])), targets[k, :used] + k * size, None if each is None else each[k, :used]


def _nodes(models: Iterable[Module]) -> Iterator[Any]:
    seen: set[int] = set()
    for model in models:
        for node in model.nodes().values():
            if id(node) not in seen:
                seen.add(id(node))
                yield node
