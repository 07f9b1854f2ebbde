"""A function traced for one lane of a sweep, and compiled for blocks of lanes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import event
from .._errors import ParameterError
from .._garbage import no_collection
from ..event._lowering import mapped
from ..random import Stream
from ..random._claims import claim, release
from ..record import SpikeRecorder, Spikes
from ..state import State
from ..transform._devices import Devices, told
from ..transform._error_if import raise_if_set
from ..transform._lift import Lifted
from ..transform._program import Program
from ..transform._vmap import after_lanes
from ._grid import Grid

_ROOM = 1 << 28  # bytes that the values of all lanes of a block may take
_MOST = 4096  # lanes at once


class Outgrown(Exception):  # noqa: N818  (a signal, not an error)
    """The lanes of a block have recorded more events than there is room for; ``args`` has their number."""


class Recorded(NamedTuple):
    """What a recorder is made of: in the place of its events, among the results of a lane."""

    label: str
    size: int
    grids: list[Any]

    @staticmethod
    def of(recorder: SpikeRecorder) -> tuple[Recorded, list[Any]]:
        """What describes a recorder, and its arrays."""
        if recorder.batch_size is not None:
            raise ParameterError(f'sweep: {recorder.label} records a batch; sweep over trials instead, or return numbers.')
        return Recorded(recorder.label, recorder.size, recorder.grids), [recorder.events.value, recorder.count.value, recorder.clock.value]

    def spikes(self, arrays: list[tuple[Any, bool]], lanes: int, room: int) -> np.ndarray:
        """The spikes of each lane; raises `Outgrown` if more than ``room``, which it was given, would have helped."""
        (events, has_lanes), (count, _), (clock, _) = arrays
        needed, capacity = int((np.asarray(count) + np.asarray(clock)[..., 3]).max()), events.shape[1 if has_lanes else 0]
        if needed > capacity >= room:
            raise Outgrown(needed)
        found = np.empty(lanes, object)
        if any(has_lanes for _, has_lanes in arrays[:2]):
            found[:] = [self._spikes(*(x[k] if has_lanes else x for x, has_lanes in arrays)) for k in range(lanes)]
            return found
        all_ = self._spikes(*(x[0] if has_lanes else x for x, has_lanes in arrays))
        if all_.trial is None:
            found[:] = [all_] * lanes
            return found
        order = np.argsort(all_.trial, kind='stable')
        ends = np.searchsorted(all_.trial[order], np.arange(lanes + 1))
        for k, (first, last) in enumerate(itertools.pairwise(ends)):
            mine = order[first:last]
            found[k] = Spikes(all_.step[mine], all_.i[mine], self.size, all_.dt, all_.start, all_.stop)
        return found

    def _spikes(self, events: Any, count: Any, clock: Any) -> Spikes:
        recorder = SpikeRecorder(self.size, len(events), name=self.label)
        recorder.grids, recorder.events.value, recorder.count.value, recorder.clock.value = self.grids, events, count, clock
        return recorder.spikes()


class Outcome:
    """The results of a function, as arrays; recorders among them give theirs."""

    tree: Any
    parts: list[Recorded | None]

    def flat(self, f: Callable, args: dict[str, Any]) -> list[list[Any]]:
        leaves, self.tree = jax.tree.flatten(f(**args), is_leaf=lambda x: isinstance(x, SpikeRecorder))
        made = [Recorded.of(x) if isinstance(x, SpikeRecorder) else (None, [x]) for x in leaves]
        self.parts = [part for part, _ in made]
        return [arrays for _, arrays in made]


class LaneProgram(Program):
    """Compiled for as many lanes as its arguments have. States that the function writes are its own in each lane, and forgotten.

    With ``devices``, each has lanes of its own.

    Attributes
    ----------
    room : int
        Events for which recorders in it have room at least.
    outgrown_by : int
        The room of the program to use instead, after a call has recorded more; else 0.
    """

    is_closed = True  # what results mean belongs to one trace

    def __init__(self, lifted: Lifted, outcome: Outcome, args: Any, devices: Devices | None = None, room: int = 0):
        super().__init__(lifted.pure, lifted, lifted.reads, lifted.writes, args)
        self.outcome, self._lifted = outcome, lifted
        self.room, self.outgrown_by = room, 0
        # states that each lane has one of its own from the start; streams have the numbers that they have in a run alone
        self._split = [s for s in lifted.reads if s.lanes is not None and not isinstance(s, Stream)]
        self.devices = devices
        self._block: Any
        if devices is None:
            self._block = jax.jit(self._all)
        else:
            divided = [s in self._split for s in self.reads]
            self._block = devices.compiled(self._all, (divided, False, False, True))
            self.captured = devices.place(self.captured)
        self._bytes: int | None = None

    def most_lanes(self, args: Any) -> int:
        """How many lanes fit into some memory, if each took what all of its values need; at least as many as there are threads."""
        if self._bytes is None:
            jaxpr = jax.make_jaxpr(self._lifted.pure)(self._values(), self._settings(), self.captured, args).jaxpr
            made: Iterator[Any] = (v.aval for eqn in jaxpr.eqns for v in eqn.outvars)
            buffers = [x[0].shape for x, part in zip(self._lifted.avals[0], self.outcome.parts, strict=True) if part]  # which lanes share
            self._bytes = sum(x.size * x.dtype.itemsize for x in made if x.shape not in buffers)
        return min(max(_ROOM // max(self._bytes, 1), event.threads()), _MOST)

    def of(self, grid: Grid, blocks: list[np.ndarray]) -> Generator[list[list[tuple[Any, bool]]]]:
        """For each block of lanes, and each device, the arrays of each result, and whether they have a first axis of lanes."""
        taken = claim(self.random)
        try:
            values = self._values(taken)
            lanes_of = {s: s.lanes(values[self.reads.index(s)], grid.size) for s in self._split}  # type: ignore[misc]
            after: dict[State, list[Any]] = {s: [] for s in self._split if s in self.writes}
            for lanes in blocks:
                for state, (_, of_all) in lanes_of.items():
                    values[self.reads.index(state)] = jax.tree.map(lambda x, lanes=lanes: x[lanes], of_all)
                with no_collection():
                    parts, flags, new = self._run(values, grid.of(lanes))
                self._check(flags, lanes, grid)
                for state, value in zip(after, new, strict=True):
                    after[state].append(value)
                for out in parts:
                    yield [[(x, axis == 0) for x, axis in zip(xs, axes, strict=True)] for xs, axes in zip(out, self._axes, strict=True)]
            for state, blockwise in after.items():
                if state not in taken:
                    written = jax.tree.map(lambda *xs: np.concatenate(xs), *blockwise)
                    state.value = after_lanes(state, {state: lanes_of[state][0]}, written)
        finally:
            release(self.random, taken)

    def _run(self, values: list[Any], args: Any) -> tuple[list[Any], Any, Any]:
        """The results of each device, flags and states of random numbers of all."""
        settings, devices = self._settings(), self.devices
        if devices is None:
            out, flags, new = self._block(values, settings, self.captured, args)
            return [out], flags, new
        values = [devices.place(x, divided=s in self._split) for s, x in zip(self.reads, values, strict=True)]
        found = self._block(values, devices.place(settings), self.captured, devices.place(args, divided=True))
        out, flags, new = devices.on_host(found)
        return [jax.tree.map(lambda x, k=k: x[k], out) for k in range(devices.size)], flags, new

    def check_agreement(self, where: str, grid: Grid) -> None:
        """Raise if processes that share the lanes differ in what they compute."""
        if self.devices is not None and self.devices.is_shared:
            settings = zip(self.settings, self._settings(), strict=True)
            read = [
                *((s.label, s.peek()) for s in self.reads),
                *settings,
                *grid.values.items(),
                ('arrays of the function', self._lifted.captured),
            ]
            jaxpr = jax.make_jaxpr(self._lifted.pure)(self._values(), self._settings(), self._lifted.captured, grid.first())
            self.devices.check_agreement(f'{where} {" ".join(told(jaxpr.jaxpr))}', read)

    def _all(self, values: Any, settings: Any, captured: Any, args: Any) -> Any:
        """What all lanes give: results, flags, and states of random numbers; the last two have an axis of lanes in any case."""
        operands, tree = jax.tree.flatten((values, args))
        axes = [0 if s in self._split else None for s, x in zip(self.reads, values, strict=True) for _ in jax.tree.leaves(x)]
        axes += [0] * (len(operands) - len(axes))
        lanes, trees = len(operands[-1]), []

        def one_lane(*leaves: Any) -> list[Any]:
            values, args = jax.tree.unflatten(tree, leaves)
            out, new = self._lifted.pure(values, settings, captured, args)
            after = dict(zip(self.writes, new, strict=True))
            found = out, [after[s] for _, s in self.flags], [after[s] for s in self._split if s in after]
            flat, made = jax.tree.flatten(found)
            trees.append(made)
            return flat

        found, where = mapped(one_lane, operands, axes)
        out, *_ = jax.tree.unflatten(trees[-1], found)
        self._axes, *_ = jax.tree.unflatten(trees[-1], [-1 if axis is None else axis for axis in where])
        spread = [jnp.broadcast_to(x, (lanes, *x.shape)) if axis is None else x for x, axis in zip(found, where, strict=True)]
        return out, *jax.tree.unflatten(trees[-1], spread)[1:]

    def _check(self, flags: list[Any], lanes: np.ndarray, grid: Grid) -> None:
        """Raise the error of the first lane in which a check has failed."""
        for (_, flag), value in zip(self.flags, flags, strict=True):
            if (failed := np.flatnonzero(np.asarray(value[0]))).size:
                first = int(failed[0])
                try:
                    raise_if_set([(jax.tree.map(lambda x, first=first: x[first], value), flag)])
                except flag.error as error:
                    raise flag.error(f'{error} (with {grid.told(int(lanes[first]))})') from None
