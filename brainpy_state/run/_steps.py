"""A step of the clock, compiled: as many as recorders have room for, in one call."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._arrays import put
from .._errors import ParameterError
from ..numerics import LAST_STEP, whole_steps
from ..record import Recorder
from ..record._base import Full
from ..state import StateTraceStack
from ..transform._devices import Devices, is_whole, told
from ..transform._divided_loop import DividedLoop
from ..transform._loop import loops
from ..transform._program import Program

LONGEST = 100_000  # steps of one call


class Steps:
    """A step that finds ``t`` and ``i`` in `environ`, to be done many times.

    Parameters
    ----------
    step : callable
        Called without arguments.
    length : int
        The most steps of one call.
    keeps : bool
        Whether the results of the step are stacked.
    before, after : sequence of callable
        What else is called in each step, before it and after it.
    mesh : jax.sharding.Mesh, optional
        Whose devices each have a part of the network.
    listens : bool
        Whether Ctrl-C ends a call, whose steps are then as good as not done.
    """

    def __init__(
        self,
        step: Callable[[], Any],
        length: int,
        *,
        keeps: bool,
        before: Sequence[Callable] = (),
        after: Sequence[Callable] = (),
        mesh: Any = None,
        listens: bool = False,
    ):
        self.step = step
        self.devices = None if mesh is None else Devices('Simulation', mesh)
        self._agreed: Program | None = None  # of which it is known that all processes have it
        scan = _UntilFull(None if self.devices is None else self.devices.mesh, listens)
        self._programs = loops(step, _Clocked(tuple(before), tuple(after), keeps), length, scan=scan)

    def program(self) -> Program:
        """What will run, traced if it is new."""
        return self._programs.find(self.step, arguments(0, 0))

    def ready(self, first: int, where: str) -> list[Recorder]:
        """The recorders that the step uses, emptied, with room for several steps, and able to go on from step ``first``."""
        recorders = recorders_of(self.program())
        for recorder in recorders:
            recorder.drain()
            recorder.reserve()
            recorder.expect(first, where)
        return recorders

    def advance(self, i: int, stop: int) -> tuple[int, Any]:
        """Do the steps from ``i`` to ``stop``, or fewer where a recorder is full; the step that comes next, and the results."""
        given = arguments(i, stop)
        if self.devices is not None:
            self._enter(self.devices)
            given = self.devices.place(given)
        (i, *_), out = self._programs(self.step, given)
        return int(i), out

    def least(self, number: int) -> int:
        """The smallest of the numbers that processes give, which share the steps."""
        return int(number) if self.devices is None else self.devices.least([number])[0]

    def wait(self) -> None:
        """Until all processes are here that share the steps."""
        self.least(0)

    def agreed(self, number: int) -> int:
        """The smallest of the numbers that processes give, once all have the same program where one has a new one."""
        if self.devices is None:
            return int(number)
        program = self.program()
        number, none_is_new = self.devices.least([number, self._agreed is program])
        if not none_is_new:
            self._check_agreement(program, self.devices)
            self._agreed = program
        return number

    def _enter(self, devices: Devices) -> None:
        """Bring what the steps need to the devices, unless it is there."""
        program = self.program()
        program.captured = devices.placed(program.captured)
        devices.enter({*program.reads, *program.writes})

    def _check_agreement(self, program: Program, devices: Devices) -> None:
        """Raise if processes that share the steps would do different ones."""
        if devices.is_shared:
            values = [(state.label, state.peek()) for state in program.reads]
            own = [(name, x) for name, x in values if all(map(is_whole, jax.tree.leaves(x)))]
            devices.check_agreement(' '.join(told(program.trace(arguments(0, 0), devices.shapes).jaxpr)), own)

    def leave(self) -> None:
        """Let states hold arrays of the process's own again, but for what belongs to divided synapses."""
        if self.devices is not None:
            program = self.program()
            self.devices.leave({*program.reads, *program.writes})


def span(duration: Any, first: int, dt: Any, where: str) -> int:
    """A duration in steps, of which the first is given.

    Raises
    ------
    ParameterError, UnitError
        If it is no multiple of ``dt``, or no time; for steps beyond the 2^31st.
    """
    total = int(whole_steps(duration, dt, f'{where}: duration'))
    if first < -LAST_STEP or first + total > LAST_STEP:
        raise ParameterError(
            f'{where}: steps {first} to {first + total} of dt = {dt}, but a number of a step must be below 2^31; '
            'begin at an earlier time, as models do not depend on it, or take a longer dt.'
        )
    return total


def recorders_of(program: Program) -> list[Recorder]:
    """The recorders that a program uses."""
    return [model for model in program.world.models() if isinstance(model, Recorder)]


def arguments(i: int, stop: int) -> tuple[Any, Any]:
    """What the program is called with."""
    return (*(put(np.int32(x)) for x in (i, i, stop)), put(np.zeros((), bool))), ()


@dataclass(frozen=True)
class _Clocked:
    """A step at its time, with what comes before and after; tells whether a recorder might overflow in the next one."""

    before: tuple[Callable, ...]
    after: tuple[Callable, ...]
    keeps: bool

    def __call__(self, step: Callable[[], Any], args: Any) -> Any:
        (i, first, stop, _), _ = args
        with environ.context(i=i), StateTraceStack() as seen:
            for each in self.before:
                each()
            out = step()
            for each in self.after:
                each()
        full = functools.reduce(operator.or_, (s.value for s in seen.get_write_states() if isinstance(s, Full)), jnp.array(False))
        return (i + 1, first, stop, full), out if self.keeps else None


@dataclass(frozen=True)
class _UntilFull:
    """As many steps of a clocked body as recorders have room for, and the results of at most ``length``; on a mesh, in parts."""

    mesh: Any = None
    listens: bool = False

    def __call__(
        self, body: Callable, same: Any, carry: Any, xs: Any, length: int, reverse: bool, unroll: int, tell: Callable | None
    ) -> tuple[Any, Any]:
        if self.mesh is None:
            return event.scan(functools.partial(body, same), carry, xs, length, goes_on=_goes_on, listens=self.listens)
        return DividedLoop(self.mesh)(lambda same, carry: body(same, carry, None), same, carry, length, _goes_on)


def _goes_on(carry: Any) -> Any:
    _, (i, _, stop, full) = carry
    return (i < stop) & jnp.logical_not(full)
