"""`run`: a duration in, records out."""

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
from .._errors import ParameterError
from .._tracebacks import entry
from ..numerics import LAST_STEP, host_times, whole_steps
from ..record import SpikeRecorder
from ..transform._loop import loops

_LONGEST_CHUNK = 100_000


@entry
def run(step: Callable[[], Any], duration: Any, *, recorders: Sequence[SpikeRecorder] = (), chunk: Any = None, start: Any = None) -> Any:
    """Simulate for a duration in compiled chunks.

    Parameters
    ----------
    step : callable
        Advances the model by one step; called without arguments, with ``environ``'s ``t`` (the time
        at the start of the step, a `numerics.Time`) and ``i`` (its number) set. What it returns is stacked.
    duration : time
        How long to simulate, a multiple of ``dt``.
    recorders : sequence of SpikeRecorder
        Recorders that ``step`` uses. They are emptied at the start, after each chunk, and before one of
        them could overflow, so no spike is lost.
    chunk : time, optional
        How long to run before recorders are emptied; at most 100,000 steps by default.
    start : time, optional
        The time of the first step, 0 by default; may be negative.

    Returns
    -------
    pytree
        The results of ``step``, stacked along a leading axis of steps, in host memory, where ``t`` is in double precision. The
        simulation has ended when it returns.

    Raises
    ------
    ParameterError, UnitError
        If ``duration``, ``chunk`` or ``start`` is no multiple of ``dt``, or no time; for steps beyond the 2^31st; if ``start`` is not after
        what a recorder has.
    BrainStateError
        If a recorder got values that are no numbers of spikes.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.LIF(1, tau=10. * u.ms))
    >>> def step():
    ...     neuron(2. * u.mA)
    ...     return neuron.V.value
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     V = bst.run(step, 20. * u.ms)
    >>> V.shape
    (200, 1)
    """
    for recorder in recorders:
        recorder.drain()
    chunks = Chunks(step, duration, recorders=recorders, chunk=chunk, start=start)
    for recorder in recorders:
        recorder.expect(chunks.first)
    done, results = chunks.advance(0, [])
    while done < chunks.total:
        done, results = chunks.advance(done, results)
    return chunks.whole(results)


class Chunks:
    """The compiled chunks of a run.

    Parameters
    ----------
    step, duration, recorders, chunk, start
        As in `run`. Recorders are made large enough for one step.
    """

    def __init__(
        self, step: Callable[[], Any], duration: Any, *, recorders: Sequence[SpikeRecorder] = (), chunk: Any = None, start: Any = None
    ):
        dt = environ.get_dt()
        self.step, self.recorders = step, tuple(recorders)
        self.total = int(whole_steps(duration, dt, 'run: duration'))
        self.first = 0 if start is None else int(whole_steps(start, dt, 'run: start', signed=True))
        if self.first < -LAST_STEP or self.first + self.total > LAST_STEP:
            raise ParameterError(
                f'run: steps {self.first} to {self.first + self.total} of dt = {dt}, but a number of a step must be below 2^31; '
                'begin at an earlier time, as models do not depend on it, or take a longer dt.'
            )
        most = _LONGEST_CHUNK if chunk is None else max(1, int(whole_steps(chunk, dt, 'run: chunk')))
        self.length = max(1, min(most, self.total))
        for recorder in self.recorders:
            recorder.reserve(2 * recorder.width)  # so that it is emptied after many steps, not after each
        self.programs = loops(step, _Clocked(self.recorders), self.length, scan=_until_full)

    def arguments(self, done: int) -> tuple[Any, Any]:
        """What the program is called with after so many steps."""
        i, stop = self.first + done, self.first + min(done + self.length, self.total)
        return (*map(jnp.int32, (i, i, stop)), jnp.array(False)), ()

    def advance(self, done: int, results: list[np.ndarray]) -> tuple[int, Any]:
        """Run the chunk after so many steps, and put what it gives into its place; returns how many are done then."""
        (i, *_), out = self.programs(self.step, self.arguments(done))
        for recorder in self.recorders:
            recorder.drain()
        leaves, self.structure = jax.tree.flatten(out)
        if done == 0:
            results = [np.empty((self.total, *x.shape[1:]), x.dtype) for x in leaves]
        stop = int(i) - self.first
        for whole, x in zip(results, leaves, strict=True):
            whole[done:stop] = np.asarray(x)[: stop - done]
        return stop, results

    def whole(self, results: list[np.ndarray]) -> Any:
        """What all chunks have put into place, in the structure of a step's results."""
        return host_times(jax.tree.unflatten(self.structure, results))


@dataclass(frozen=True)
class _Clocked:
    """A step at its time, which tells whether a recorder might overflow in the next one."""

    recorders: tuple[SpikeRecorder, ...]

    def __call__(self, step: Callable[[], Any], args: Any) -> Any:
        (i, first, stop, _), _ = args
        with environ.context(i=i):
            out = step()
        full = functools.reduce(operator.or_, (r.is_full for r in self.recorders), jnp.array(False))
        return (i + 1, first, stop, full), out


def _until_full(
    body: Callable, same: Any, carry: Any, xs: Any, length: int, reverse: bool, unroll: int, tell: Callable | None
) -> tuple[Any, Any]:
    """As many steps of a clocked body as recorders have room for, and the results of at most ``length``."""

    def goes_on(carry: Any) -> Any:
        _, (i, _, stop, full) = carry
        return (i < stop) & jnp.logical_not(full)

    return event.scan(functools.partial(body, same), carry, xs, length, goes_on=goes_on)
