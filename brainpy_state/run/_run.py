"""`run`: a duration in, the results of all steps out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .. import environ
from .._tracebacks import entry
from ..event._interrupts import may_listen
from ..numerics import host_times, whole_steps
from ._interrupt import Interrupted
from ._steps import LONGEST, Steps, span
from ._traced import is_traced, run_traced


@entry
def run(step: Callable[[], Any], duration: Any, *, chunk: Any = None, start: Any = None) -> Any:
    """Call a step for a duration, in compiled chunks, and stack what it returns: a `for_loop` with a clock.

    Each call is by itself and begins at ``start``. For simulations that go on, with monitors, files and a display of progress, there is
    `Simulation`.

    Parameters
    ----------
    step : callable
        Advances the model by one step; called without arguments, with ``environ``'s ``t`` (the time
        at the start of the step, a `numerics.Time`) and ``i`` (its number) set.
    duration : time
        How long to simulate, a multiple of ``dt``.
    chunk : time, optional
        The longest stretch that is computed in one call, at most and by default 100,000 steps. Recorders that the step uses are emptied
        after each, and before one of them could overflow, so no spike is lost.
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
    KeyboardInterrupt
        If it was interrupted. States and recorders are as after the last chunk that was done, or filled a recorder; what steps have
        returned is lost. Chunks of 10,000 steps or more end at once, if steps are native (see `explain`); else it is heard after them.

    Notes
    -----
    Inside of a function that is compiled or mapped (`jit`, `vmap`, `grad`, `sweep`) a run is one loop over all steps, its results are
    values of that function, and recorders are emptied after the call, so they need a ``capacity`` for all that they get.

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
    if is_traced():
        return run_traced(step, duration, chunk=chunk, start=start)
    chunks = Chunks(step, duration, chunk=chunk, start=start)
    done, results = chunks.advance(0, [])
    while done < chunks.total:
        done, results = chunks.advance(done, results)
    return chunks.whole(results)


class Chunks:
    """The compiled chunks of a run; parameters as there."""

    def __init__(self, step: Callable[[], Any], duration: Any, *, chunk: Any = None, start: Any = None):
        dt = environ.get_dt()
        self.first = 0 if start is None else int(whole_steps(start, dt, 'run: start', signed=True))
        self.total = span(duration, self.first, dt, 'run')
        most = LONGEST if chunk is None else max(1, int(whole_steps(chunk, dt, 'run: chunk')))
        self.length = max(1, min(most, self.total))
        self.steps = Steps(step, self.length, keeps=True, listens=may_listen(self.length))
        self.recorders = self.steps.ready(self.first, 'run')

    def advance(self, done: int, results: list[np.ndarray]) -> tuple[int, Any]:
        """Run the chunk after so many steps, and put what it gives into its place; returns how many are done then."""
        i, out = self.steps.advance(self.first + done, self.first + min(done + self.length, self.total))
        with Interrupted():  # a record is emptied as a whole
            for recorder in self.recorders:
                recorder.drain()
        leaves, self.structure = jax.tree.flatten(out)
        if done == 0:
            results = [np.empty((self.total, *x.shape[1:]), x.dtype) for x in leaves]
        stop = i - self.first
        for whole, x in zip(results, leaves, strict=True):
            whole[done:stop] = np.asarray(x)[: stop - done]
        return stop, results

    def whole(self, results: list[np.ndarray]) -> Any:
        """What all chunks have put into place, in the structure of a step's results."""
        return host_times(jax.tree.unflatten(self.structure, results))
