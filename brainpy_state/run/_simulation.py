"""`Simulation`: a model with its clock and its records."""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax

from .. import environ, random
from .._tracebacks import entry
from ..modules import Module, init_all_states
from ..numerics import brief, whole_steps
from ..projections import GapJunction, Projection
from ..record import Recorder, SpikeRecorder, StateMonitor
from ..record import open as open_store
from ..state import State
from ..transform._program import Program
from . import _checkpoint
from ._description import description
from ._generator import Generator
from ._interrupt import Interrupted
from ._models import check_batch, is_fresh, models_of
from ._pace import Pace
from ._progress import Bar
from ._room import check_room, samples
from ._sink import Sink
from ._steps import LONGEST, Steps, recorders_of, span
from ._synapses import InOrder

_NEEDS_ARGUMENTS = """\
Simulation: {label} is called in each step without arguments, but its update needs some: {error}. Give a function:
    Simulation(lambda: model(...))"""


class Simulation:
    """A model with its clock and its records: it can be run, and run on.

    Parameters
    ----------
    model : Module or callable
        What does one step, called without arguments, with ``t`` (a `numerics.Time`, the start of the step) and ``i`` (its number)
        of `environ` set. What it returns is not kept: monitors record. Modules that have no states yet are initialised, also those that a
        function refers to.
    dt : time, optional
        The time step; that of `environ` by default.
    record : dict, optional
        What to record, by name: `record.SpikeMonitor`, `record.StateMonitor`, `record.RateMonitor`; or a `record.SpikeRecorder` that
        the model itself calls.
    seed : int, optional
        Of the default random generator as the simulation has it, whenever it begins; by default one that the default generator draws.
    batch_size : int, optional
        Trials that are simulated together; goes to ``init_all_states``.
    start : time, optional
        The time at which it begins, 0 by default.
    to : path, optional
        A folder that is made, where what is recorded goes while it runs, instead of into memory: see `record.open`. It can be read
        while it grows.
    mesh : jax.sharding.Mesh, optional
        Devices, of this process and of others, each of which simulates a part of every population; that of `environ` by default, which has
        to be set when the network is built: its connections then have the synapses of each device's own neurons only. Results are the
        same, bit for bit, on any number of devices.

    Attributes
    ----------
    i : int
        The number of the next step.

    Raises
    ------
    ParameterError, UnitError
        For times that are no multiples of ``dt``; for a monitor of a state that there is not; for a ``batch_size`` that is not that of the
        states that a model has already.
    TypeError
        If the model cannot be called without arguments, or something else than a recorder is to record.

    Notes
    -----
    ``simulation['name']`` is what was recorded so far, `record.Spikes` or a `record.Trace`; of what is on disk, `record.StoredSpikes` or
    `record.StoredTrace`, from which parts can be read. A recorder that the model calls is found, and
    emptied in time, whether it has a name here or not.

    While it begins or runs, the default generator is one of its own, which is saved with it. So simulations that run in turns, and what a
    script draws in between, do not change each other's numbers.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> from brainpy_state.record import SpikeMonitor, StateMonitor
    >>> cells = bst.LIF(3, tau=10. * u.ms)
    >>> record = {'spikes': SpikeMonitor(cells), 'V': StateMonitor(cells, 'V', of=[0, 2], every=1. * u.ms)}
    >>> simulation = bst.Simulation(lambda: cells(30. * u.mA), dt=0.1 * u.ms, record=record)
    >>> simulation.run(20. * u.ms)
    >>> simulation.run(30. * u.ms)
    >>> simulation.t, simulation['V'].values.shape, simulation['spikes'].count.tolist()
    (Quantity(50., "ms"), (50, 2), [146, 146, 146])
    """

    @entry
    def __init__(
        self,
        model: Callable[[], Any],
        *,
        dt: Any = None,
        record: Mapping[str, Recorder] | None = None,
        seed: int | None = None,
        batch_size: int | None = None,
        start: Any = None,
        to: Any = None,
        mesh: Any = None,
    ):
        self.step, self.seed, self.batch_size = model, seed, batch_size
        self.dt = environ.get_dt() if dt is None else dt
        self.mesh = environ.get('mesh', None) if mesh is None else mesh
        if not (record is None or isinstance(record, Mapping)):
            raise TypeError(f"Simulation: record must be a dictionary, as in {{'V': StateMonitor(...)}}, but is a {type(record).__name__}.")
        self.recorders = dict(record or {})
        for name, recorder in self.recorders.items():
            if not isinstance(recorder, Recorder):
                raise TypeError(
                    f'Simulation: record[{name!r}] must be a monitor or a recorder of brainpy_state.record, but is {brief(recorder)}.'
                )
        with self._clock():
            self.first = self.i = 0 if start is None else int(whole_steps(start, environ.get_dt(), 'Simulation: start', signed=True))
        _check_call(model)
        self._random, self._is_traced = Generator(seed), False
        self.models = models_of(model, (getattr(x, 'target', None) for x in self.recorders.values()))
        self._writes = self.mesh is None or jax.process_index() == min(device.process_index for device in self.mesh.devices.flat)
        self._sink = None if to is None else Sink(to, self.recorders, self._writes)
        self._begins_anew = False
        self._described: tuple[Program, dict[str, Any]] | None = None
        fresh = [model for model in self.models if is_fresh(model)]
        check_batch([model for model in self.models if model not in fresh], batch_size)
        self._begin(fresh)
        recorders = self.recorders.values()
        self._monitors = [x for x in recorders if isinstance(x, StateMonitor)]
        self._between = [x for x in self._monitors if not x.in_loop]
        before, after = ([x for x in recorders if x.when == when and x not in self._between] for when in ('before', 'after'))
        self._steps, self._pace = Steps(model, LONGEST, keeps=False, before=before, after=after, mesh=self.mesh), Pace()

    def _clock(self) -> Any:
        return environ.context(dt=self.dt, **({} if self.mesh is None else {'mesh': self.mesh}))

    def _begin(self, models: list[Module]) -> None:
        """Initialise models, and empty all records."""
        with self._clock(), self._random.begin():
            for model in sorted(models, key=_needs_others):
                init_all_states(model, batch_size=self.batch_size)
            for recorder in self.recorders.values():
                init_all_states(recorder, batch_size=self.batch_size)

    @property
    def t(self) -> Any:
        """The time of the next step."""
        return self.i * self.dt

    def __getitem__(self, name: str) -> Any:
        """What was recorded so far under a name."""
        if name not in self.recorders:
            raise KeyError(f'Simulation: there is no record {name!r}; records are {", ".join(map(repr, self.recorders)) or "none"}.')
        if self._sink is not None and self.i != self.first:  # before its first step, what is on disk is of others
            return open_store(self._sink.folder)[name]
        recorder: Any = self.recorders[name]
        with self._clock():
            return recorder.spikes_until(self.i) if isinstance(recorder, SpikeRecorder) else recorder.trace()

    @entry
    def run(self, duration: Any, *, progress: bool | None = None, checkpoint: Any = None, checkpoint_seconds: float = 60.0) -> None:
        """Simulate for a duration, from where the last run has stopped.

        Parameters
        ----------
        duration : time
            A multiple of ``dt``.
        progress : bool, optional
            Whether to show model time, remaining time and how many times as long as in the model it takes. By default where somebody
            may look at it, in a terminal or a notebook; nothing is shown in the first second.
        checkpoint : path, optional
            A file that is written as by `save`: at the beginning, at the end, and in between after so many seconds of waiting. `load`
            goes on from it, and cuts off what is on disk of later steps.
        checkpoint_seconds : float
            How many.

        Raises
        ------
        ParameterError, UnitError
            If ``duration`` is no multiple of ``dt``, or no time; for steps beyond the 2^31st; if a recorder was used in between.
        KeyboardInterrupt
            If it was interrupted. It stops within a second, between two steps: every state and record up to there is kept, ``t``
            says where that is, and the next run goes on from there.
        """
        with self._clock():
            stop = self.i + span(duration, self.i, environ.get_dt(), 'Simulation.run')
            if self._sink is None:
                check_room(self._monitors, stop - self.i, 'Simulation.run')
            with self._traces():
                recorders = self._steps.ready(self.i, 'Simulation.run')
                draws = random.DEFAULT in self._steps.program().random
            lend: Any = self._random.lend if draws else contextlib.nullcontext
            for monitor in self._between:
                monitor.expect(self.i, 'Simulation.run')
            if checkpoint is not None:
                self.save(checkpoint)
            saved = time.monotonic()
            if self._sink is not None:
                self._sink.open(environ.get_dt(), self.first, self.i, self._about(), overwrite=self._begins_anew)
            with Bar(self.i, stop, self.dt, progress) as bar, Interrupted() as interrupted:
                try:
                    while self.i < stop and not interrupted.agree(self._steps.least):
                        with lend():
                            self._advance(stop, recorders)
                        bar.show(self.i)
                        if checkpoint is not None and not self._steps.least(time.monotonic() - saved <= checkpoint_seconds):
                            self._keep(checkpoint)
                            saved = time.monotonic()
                finally:
                    with lend():
                        self._steps.leave()
                    self._keep(checkpoint)

    @contextlib.contextmanager
    def _traces(self) -> Iterator[None]:
        """A block in which the step may be traced, with what is drawn meanwhile."""
        with self._clock(), self._random.lend(numpy=not self._is_traced):
            yield
            self._is_traced = True

    def _keep(self, checkpoint: Any) -> None:
        """Have on disk what was recorded, and then, where one is asked for, a file that goes on from there."""
        if self._sink is not None:
            self._sink.take(self.i, now=True)
            self._steps.wait()
        if checkpoint is not None:
            self.save(checkpoint)

    def needs(self, duration: Any) -> tuple[Program, dict[str, int]]:
        """The program of a run, and how many bytes each monitor would record in it; for `forecast`."""
        with self._clock():
            steps = span(duration, self.i, environ.get_dt(), 'Simulation.run')
        with self._traces():
            return self._steps.program(), {monitor.label: size for monitor, size in samples(self._monitors, steps).items()}

    def _advance(self, stop: int, recorders: list[Recorder]) -> None:
        """Do as many steps as take a fraction of a second, and empty the recorders."""
        for monitor in self._between:
            due = -self.i % monitor.interval
            if due == 0 and monitor.last != self.i:
                monitor.sample(self.i)
            stop = min(stop, self.i + (due or monitor.interval))
        with self._pace(self._steps.agreed(min(stop - self.i, LONGEST, self._pace.most))) as pace:
            self.i, _ = self._steps.advance(self.i, self.i + pace.steps)
        for recorder in recorders:
            recorder.drain()
        if self._sink is not None:
            self._sink.take(self.i)

    def reset(self) -> None:
        """Begin again: the clock at its start, models initialised anew, records empty. Weights and other parameters stay as they are."""
        self.close()
        self._begin(self.models)
        self.i, self._begins_anew = self.first, True

    @entry
    def save(self, path: Any) -> None:
        """Write all that decides how the simulation goes on into a file, and what was recorded, unless that is on disk already.

        The file has states of the models, delays and spikes under way, generators of random numbers, the clock, and where recorders stand.
        It is there as a whole or not at all; see docs/files.md for the format.

        Raises
        ------
        FileError
            An OSError, if the file cannot be written; one that was there is as it was.
        """
        states, recorders = self._what_decides()
        states = InOrder(self.models).states(states)
        about = {'i': self.i, 'dt': _checkpoint.time_as_json(self.dt), 'made of': self._made_of(), **self._about()}
        if self._writes:
            with self._random.lend():
                _checkpoint.save(path, states, recorders, about)
        self._steps.wait()

    @entry
    def load(self, path: Any) -> None:
        """Go on from where a simulation was saved, in any process, bit for bit. Several can go on from one file.

        Raises
        ------
        FileNotFoundError, FileError
            If there is no such file, or it is damaged, of something else, or of a newer version.
        StateTreeError
            A ValueError that lists the differences, if it is of another simulation. Nothing is changed then.
        """
        states, recorders = self._what_decides()
        self.close()
        in_order = InOrder(self.models)
        with self._clock(), self._random.lend():
            self.i = _checkpoint.load(path, in_order.states(states), recorders, self._made_of(), self.dt)
        in_order.put_back()
        self._begins_anew = True

    def _what_decides(self) -> tuple[dict[str, State], dict[str, Recorder]]:
        """States by their names, and recorders: those with a name, and others that the model calls."""
        with self._traces():
            program = self._steps.program()
        found = recorders_of(program)
        named = dict(self.recorders)
        for k, recorder in enumerate(x for x in found if x not in named.values()):
            named[f'recorder {k}'] = recorder
        return _checkpoint.states_of(self.models, [*program.reads, *program.writes], list(named.values())), named

    def _made_of(self) -> dict[str, Any]:
        with self._traces():
            program = self._steps.program()
        if self._described is None or self._described[0] is not program:  # the checksum of many synapses takes a while
            self._described = program, description(self.models, program)
        return self._described[1]

    def _about(self) -> dict[str, Any]:
        return {'model': [model.label for model in self.models], 'seed': self.seed}

    def close(self) -> None:
        """Let others write to the records on disk. The next run opens them again."""
        if self._sink is not None:
            self._sink.close()

    def __repr__(self) -> str:
        records = ', '.join(f'{name}: {type(x).__name__}' for name, x in self.recorders.items())
        return (
            f'Simulation({", ".join(x.label for x in self.models)}; t = {brief(self.t)}, dt = {brief(self.dt)}; {records or "no records"})'
        )


def _needs_others(model: Module) -> bool:
    """Whether a model can be initialised only after its sources and targets."""
    return isinstance(model, (GapJunction, Projection))


def _check_call(model: Any) -> None:
    if not callable(model):
        raise TypeError(f'Simulation: the model must be a module or a function of a step, but is {brief(model)}.')
    if isinstance(model, Module):
        try:
            inspect.signature(model.update).bind()
        except TypeError as error:
            raise TypeError(_NEEDS_ARGUMENTS.format(label=model.label, error=error)) from None
