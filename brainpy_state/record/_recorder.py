"""`SpikeRecorder`: spikes as events inside a compiled run, never as a dense steps-by-neurons array."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._arrays import put
from .._errors import BrainStateError, ParameterError, ShapeError, TraceContextError
from .._tracebacks import entry
from ..modules import check_unit, same_dt
from ..numerics import MOST_SPIKES, brief
from ._base import Gathered, Recorder, steps_at_once
from ._layout import Layout
from ._spikes import Spikes, whole

_MOST = 2**31 - 1  # events hold their numbers in 32 bits
_NEVER = -(2**31)  # in the place of the step of the last call
_ONE = np.float32(1).view(np.int32)  # as a row of an event holds it
_MARKS = 2  # rows that a step may need besides those of its spikes, where it does not follow the one before


_room: ContextVar[int] = ContextVar('room', default=0)


@contextmanager
def room_for(events: int) -> Iterator[None]:
    """A block in which recorders that are made, or begin anew, have room for so many events at least."""
    token = _room.set(events)
    try:
        yield
    finally:
        _room.reset(token)


class Clock(Gathered):
    """What `event.record` keeps of the last call, and as a last item the number of lanes, which is 1 outside of them.

    Lanes get one each, so that `event.record` is mapped over them even if all fire alike.
    """

    @staticmethod
    def lanes(value: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        """The clock itself, and one for each lane, which knows how many there are."""
        return value, jnp.broadcast_to(value * np.array([1, 1, 1, 1, n], np.int32), (n, *value.shape))

    @staticmethod
    def rejoin(before: Any, lanes: jax.Array) -> Any:
        """The clock of the first lane, which is that of all."""
        return jnp.where(np.arange(5) < 4, lanes[0], before)


class Kept(NamedTuple):
    """What was moved to the host.

    Attributes
    ----------
    events : tuple of int32 arrays, shape (n, 2)
        Step and entry of each spike.
    stretches : tuple of (int, int)
        The steps from and to (not including) which was recorded without a gap.
    grid : int
        Which of its time steps the recorder was called with.
    entries : int
        Neurons, of all trials; negative where trials are lanes.
    """

    events: tuple[np.ndarray, ...] = ()
    stretches: tuple[tuple[int, int], ...] = ()
    grid: int = -1
    entries: int = 0


class SpikeRecorder(Recorder):
    """Collects the spikes of a population as events.

    Call it once in each step with the spikes; the number of the step is ``environ``'s ``i``, and the steps must go on: it refuses one
    that is not after those that it has. `Simulation` and `run` empty it before it could overflow. To record a batch, initialise it with
    the same ``batch_size`` as the network.

    Parameters
    ----------
    size : int
        Number of neurons.
    capacity : int
        Events that it holds before it must be emptied, of all trials: one for each neuron that spikes in a step, however often.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError
        If a number is no integer, or below 1.

    Notes
    -----
    A spike is the number 1 (or True); n spikes of a neuron in one step are the number n. Other values, such as graded signals,
    are an error when the recorder is emptied.

    Lanes of `transform.vmap` are trials too, and share the buffer.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> recorder = bst.nn.init_all_states(bst.record.SpikeRecorder(3), batch_size=2)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.run(lambda: recorder(jnp.array([[0, 1, 0], [1, 1, 0]]) > 0), 1. * u.ms)
    >>> spikes = recorder.spikes()
    >>> spikes.count.tolist(), spikes.of_trial(1).count.tolist()
    ([[0, 10, 0], [10, 10, 0]], [10, 10, 0])
    """

    batch_size: int | None = None
    to_record = 'call it in each step with the spikes'

    def __init__(self, size: int, capacity: int = 1 << 17, name: str | None = None):
        super().__init__(name)
        for what, number in (('size', size), ('capacity', capacity)):
            if whole(what, number, self.label) < 1:
                raise ParameterError(f'{self.label}: {what} is {number}, but must be 1 or more.')
        self.size = size
        self.grids: list[Any] = []  # time steps that it was called with; kept, since compiled steps know their numbers
        self.kept = Kept()
        self.events = Gathered(put(np.zeros((max(capacity, _room.get()), 3), np.int32)))
        self.count = Gathered(put(np.zeros((), np.int32)))
        self.clock = Clock(_unused(size, 1))

    @property
    def capacity(self) -> int:
        return self.events.value.shape[0]

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Forget everything, and expect spikes of shape ``(batch_size, size)``, or ``(size,)``."""
        if batch_size is not None and batch_size * self.size > _MOST:
            raise ParameterError(
                f'{self.label}: batch_size = {batch_size} trials of {self.size} neurons are more than the {_MOST} that can be numbered.'
            )
        self.batch_size = batch_size
        entries = self.size * (1 if batch_size is None else batch_size)
        clock, xp = _known(self.clock.value)
        self._forget(xp.where(clock[4] > 1, -entries * clock[4], entries))

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Forget everything, and expect spikes of as many trials as before, or of ``batch_size``."""
        if batch_size is not None:
            self.init_state(batch_size)
        else:
            self._forget(_known(self.clock.value)[0][2])

    def _forget(self, entries: Any) -> None:
        self.kept = Kept()
        self.events.value = put(np.zeros((max(self.capacity, _room.get()), 3), np.int32))
        self.count.value = put(np.zeros((), np.int32))
        self.full.value = put(np.zeros((), bool))
        self.clock.value = _unused(entries, _known(self.clock.value)[0][4])

    def update(self, spikes: Any) -> None:
        """Record the spikes of one step.

        Parameters
        ----------
        spikes : array, shape ``(size,)`` or, of a batch, ``(batch_size, size)``
            How many spikes of each neuron: bool, integers or floating-point numbers.

        Raises
        ------
        ShapeError, UnitError, TypeError
            If the spikes have another shape, a unit, or are no numbers.
        """
        i = jnp.asarray(environ.get('i', desc='the number of the step'), jnp.int32)
        grid = self._grid(environ.get('dt', desc=f'{self.label} needs the time step of the simulation'))
        check_unit(spikes, 1.0, self.label, 'spikes')
        spikes = jnp.asarray(u.get_mantissa(spikes))
        self._check(spikes.shape)
        if spikes.dtype.kind not in 'biuf' and not jnp.issubdtype(spikes.dtype, jnp.floating):
            raise TypeError(f'{self.label}: spikes have the type {spikes.dtype}, expected bool, integers or floating-point numbers.')
        if spikes.dtype not in (np.bool_, np.float32, np.float64):
            spikes = spikes.astype(np.float32)
        self.events.value, self.count.value, self.clock.value = event.record(
            spikes.reshape(-1), i, self.events.value, self.count.value, self.clock.value, grid
        )
        clock = self.clock.value
        self.full.value = self.count.value > self.capacity - clock[3] - _MARKS - steps_at_once() * jnp.abs(clock[2])

    def _grid(self, dt: Any) -> int:
        """The number of a time step."""
        for number, known in enumerate(self.grids):
            if same_dt(dt, known):
                return number
        self.grids.append(dt)
        return len(self.grids) - 1

    def _check(self, shape: tuple[int, ...]) -> None:
        expected = (self.size,) if self.batch_size is None else (self.batch_size, self.size)
        if shape == expected:
            return
        message = f'{self.label}: spikes have shape {shape}, expected {expected}, for {self.size} neurons'
        message += ' without a batch' if self.batch_size is None else f' and batch_size={self.batch_size}'
        if shape[-1:] == (self.size,) and len(shape) < 3:
            given = f', batch_size={shape[0]}' if len(shape) == 2 else ''
            message += f'; initialise it as the network: init_all_states(recorder{given})'
        raise ShapeError(f'{message}.')

    def reserve(self) -> None:
        """Make room for two steps in which all neurons fire, so that it is emptied after many steps, not each; on a mesh, for more."""
        if (least := (1 + steps_at_once()) * (abs(int(np.asarray(self.clock.value)[2])) + _MARKS)) > self.capacity:
            self.drain()
            self.events.value = put(np.zeros((least, 3), np.int32))

    def expect(self, first: int, where: str) -> None:
        """Raise unless steps from this one on, with the ``dt`` that is set, go on from what is recorded."""
        last, grid, *_ = self._clock()
        if last == _NEVER:
            return
        dt = self.grids[grid]
        self._check_dt(dt, where)
        if first <= last:
            end = brief((last + 1) * dt)
            raise ParameterError(
                f'{where}: start = {brief(first * dt)} is not after what {self.label} has recorded, which ends at {end}; '
                f'go on with start={end}, or clear it: init_all_states(recorder).'
            )

    def drain(self) -> None:
        """Move the events to the host, which makes room for more.

        Raises
        ------
        BrainStateError
            If there were more than it holds, which cannot happen in `run`; if a value was no number of spikes; or if it was called
            with a step that is not after the one before, with another ``dt``, or with more or fewer lanes. It keeps what it has.
        """
        last, grid, entries, n_marks, lanes = self._clock()
        count = int(self.count.value)
        if count + n_marks > self.capacity:
            raise BrainStateError(
                f'{self.label}: {count} events were recorded, but it holds {self.capacity - n_marks}, the others are lost; use it in a '
                f'`Simulation` or in `run`, which empty it in time where they are not compiled, or give it capacity={count + n_marks}.'
            )
        if last == _NEVER:
            return
        rows = np.asarray(self.events.value)  # a slice in JAX compiles for each length
        stretches = self._stretches(rows[self.capacity - n_marks :][::-1], last)
        events = self._spikes_of(rows[:count] if entries > 0 else _sorted(rows[:count]), entries)
        self.kept = Kept((*self.kept.events, events) if count else self.kept.events, stretches, grid, entries)
        if count:
            self.count.value = put(np.zeros((), np.int32))
            self.full.value = put(np.zeros((), bool))
        if n_marks:
            self.clock.value = put(np.array([last, grid, entries, 0, lanes], np.int32))

    def _clock(self) -> list[int]:
        clock = self.clock.value
        if isinstance(clock, jax.core.Tracer):
            raise TraceContextError(f'{self.label}: spikes can be asked for after a compiled function only, not while it is traced.')
        return np.asarray(clock).tolist()

    def _stretches(self, marks: np.ndarray, last: int) -> tuple[tuple[int, int], ...]:
        """The steps that were recorded, of which each mark begins others, up to the last step."""
        found, grid, entries = list(self.kept.stretches), self.kept.grid, self.kept.entries
        for (step, dt, before), (number, _, _) in marks.reshape(-1, 2, 3).tolist():
            if found:
                if dt != grid:
                    raise self._broken(f'dt was {brief(self.grids[grid])} and then {brief(self.grids[dt])}')
                if number != entries:
                    raise self._broken(f'it had spikes of {abs(entries)} neurons in all trials, and then of {abs(number)}')
                if step <= before:
                    raise self._broken(f'step {step} came after step {before}; give `run` the `start=` at which it goes on')
                found[-1] = found[-1][0], before + 1
            found.append((step, step + 1))
            grid, entries = dt, number
        found[-1] = found[-1][0], last + 1
        return tuple(found)

    def _broken(self, why: str) -> BrainStateError:
        return BrainStateError(f'{self.label}: {why}. It holds one recording: begin another with init_all_states(recorder).')

    def _spikes_of(self, rows: np.ndarray, entries: int) -> np.ndarray:
        """Step and entry of each spike."""
        if (rows[:, 2] == _ONE).all():
            return rows[:, :2].copy()
        number = rows[:, 2].copy().view(np.float32)
        wrong = ~((number >= 1) & (number <= MOST_SPIKES) & (number == np.rint(number)))
        if wrong.any():
            (step, entry, _), value = rows[wrong][0].tolist(), number[wrong][0]
            trial = f' of trial {entry // self.size}' if abs(entries) > self.size else ''
            raise BrainStateError(
                f'{self.label}: neuron {entry % self.size}{trial} gave the value {value:g} in step {step}, which is no number of spikes: '
                f'0, 1, 2 and so on, to {MOST_SPIKES}. Graded signals are not recorded; return them from the step of `run`.'
            )
        return np.repeat(rows[:, :2], number.astype(np.int64), axis=0)

    @property
    def trials(self) -> int | None:
        """Of how many trials it records; None without a batch."""
        entries = int(np.asarray(self.clock.value)[2])
        return abs(entries) // self.size if self.batch_size is not None or entries < 0 else None

    def layout(self) -> Layout:
        """Rows of step and neuron and, of a batch, trial."""
        return Layout.spikes(self.size, n_trials=self.trials)

    def content(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The steps that were recorded, and the events that the host holds."""
        self.drain()
        last, *_ = self._clock()
        return {'last': last, 'stretches': self.kept.stretches}, _columns(self.kept.events, self.trials, self.size)

    def take(self) -> dict[str, np.ndarray]:
        """Events that the host holds, as columns."""
        events, self.kept = self.kept.events, self.kept._replace(events=())
        return _columns(events, self.trials, self.size)

    def put_back(self, position: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Have recorded these events until then, with the ``dt`` that is set."""
        clock, grid = self.clock.value, self._grid(environ.get_dt())
        self._forget(clock[2])
        if position['last'] == _NEVER:
            return
        entry = arrays['neuron'] if 'trial' not in arrays else arrays['trial'] * self.size + arrays['neuron']
        events = np.stack([arrays['step'], entry], 1).astype(np.int32)
        stretches = tuple((first, last) for first, last in position['stretches'])
        self.kept = Kept((events,) if len(events) else (), stretches, grid, int(clock[2]))
        self.clock.value = jnp.array([position['last'], grid, clock[2], 0, clock[4]], jnp.int32)

    @entry
    def spikes(self, start: int | None = None, stop: int | None = None) -> Spikes:
        """What was recorded in the steps ``start`` to ``stop`` (not included), all of it by default; empties the buffer first.

        Parameters
        ----------
        start, stop : int, optional
            Numbers of steps.

        Raises
        ------
        ParameterError
            If these steps were not recorded, ``start`` is after ``stop``, or ``dt`` is set to another than was recorded with.
        BrainStateError
            If nothing was recorded, or what was is no record; see `drain`.
        """
        self.drain()
        if not self.kept.stretches:
            raise BrainStateError(f'{self.label}: it has recorded no step; {self.to_record}.')
        dt = self.grids[self.kept.grid]
        self._check_dt(dt, self.label)
        first, last = self._window(start, stop)
        events = np.concatenate([np.zeros((0, 2), np.int32), *self.kept.events])
        low, high = np.searchsorted(events[:, 0], (first, last))
        step, i = events[low:high].T
        entries = self.kept.entries
        if self.batch_size is None and entries > 0:
            return Spikes(step, i, self.size, dt, first, last)
        trial, i = np.divmod(i, self.size)
        return Spikes(step, i, self.size, dt, first, last, trial, abs(entries) // self.size)

    def spikes_until(self, i: int) -> Spikes:
        """What was recorded before the step ``i`` of a simulation; before its first step there is an empty record."""
        self.drain()
        if self.kept.stretches:
            return self.spikes()
        none, n_trials = np.zeros(0, int), self.trials
        return Spikes(none, none, self.size, environ.get_dt(), i, i, None if n_trials is None else none, n_trials)

    def _window(self, start: int | None, stop: int | None) -> tuple[int, int]:
        stretches = self.kept.stretches
        first = stretches[0][0] if start is None else whole('start', start, f'{self.label}: spikes')
        last = stretches[-1][1] if stop is None else whole('stop', stop, f'{self.label}: spikes')
        if first > last:
            raise ParameterError(f'{self.label}: spikes from step start = {first} to stop = {last} are asked for, which is before.')
        if not any(begin <= first and last <= end for begin, end in stretches):
            recorded = ', '.join(f'{begin} to {end}' for begin, end in stretches)
            raise ParameterError(
                f'{self.label}: spikes from step start = {first} to stop = {last} are asked for, but recorded are steps {recorded}.'
            )
        return first, last

    def _check_dt(self, dt: Any, where: str) -> None:
        now = environ.get('dt', None)
        if now is not None and not same_dt(now, dt):
            raise ParameterError(f'{where}: dt is {brief(now)}, but {self.label} has recorded with dt = {brief(dt)}.')


def _unused(entries: Any, lanes: Any) -> jax.Array:
    """The clock of a recorder that was not called."""
    xp = jnp if any(isinstance(x, jax.core.Tracer) for x in (entries, lanes)) else np
    return put(xp.array([_NEVER, -1, entries, 0, lanes], np.int32))


def _known(x: jax.Array) -> tuple[Any, Any]:
    """An array and the module for it: NumPy, which compiles nothing, unless it is traced."""
    return (x, jnp) if isinstance(x, jax.core.Tracer) else (np.asarray(x), np)


def _sorted(rows: np.ndarray) -> np.ndarray:
    """Rows in the order of steps and entries; lanes that run at once write theirs in any order."""
    place = rows[:, 0].astype(np.int64) << 32 | rows[:, 1]
    return rows if (place[1:] >= place[:-1]).all() else rows[np.argsort(place, kind='stable')]


def _columns(events: tuple[np.ndarray, ...], trials: int | None, size: int) -> dict[str, np.ndarray]:
    """Events as an array of steps, one of neurons and, of a batch, one of trials."""
    step, i = np.concatenate([np.zeros((0, 2), np.int32), *events]).T
    if trials is None:
        return {'step': step, 'neuron': i}
    trial, i = np.divmod(i, np.int32(size))
    return {'step': step, 'neuron': i, 'trial': trial}
