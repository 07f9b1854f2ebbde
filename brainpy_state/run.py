"""`run`: a duration in, records out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import environ
from ._errors import ParameterError
from .numerics import plain
from .record import SpikeRecorder
from .state import Undo
from .transform._loop import loop

_LONGEST_CHUNK = 100_000


def run(step: Callable[[], Any], duration: Any, *, recorders: Sequence[SpikeRecorder] = (), chunk: Any = None, start: Any = None) -> Any:
    """Simulate for a duration in compiled chunks.

    Parameters
    ----------
    step : callable
        Advances the model by one step; called without arguments, with ``environ``'s ``t`` (the time
        at the start of the step) and ``i`` (its number) set. What it returns is stacked.
    duration : time
        How long to simulate, a multiple of ``dt``.
    recorders : sequence of SpikeRecorder
        Recorders that ``step`` uses. They are emptied after each chunk. A chunk with more spikes
        than a recorder holds is undone and run again with more room, so no spike is lost.
    chunk : time, optional
        How long to run before recorders are emptied; at most 100,000 steps by default.
    start : time, optional
        The time of the first step, 0 by default.

    Returns
    -------
    pytree
        The results of ``step``, stacked along a leading axis of steps, in host memory.

    Raises
    ------
    ParameterError
        If ``duration``, ``chunk`` or ``start`` is no multiple of ``dt``.

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
    dt = environ.get_dt()
    total = _in_steps('duration', duration, dt)
    first = 0 if start is None else _in_steps('start', start, dt)
    most = _LONGEST_CHUNK if chunk is None else max(1, _in_steps('chunk', chunk, dt))

    bounds = [*range(first, first + total, most), first + total] if total else [first, first]
    parts = [_chunk(step, a, b, recorders) for a, b in itertools.pairwise(bounds)]
    return jax.tree.map(lambda *xs: np.concatenate(xs), *parts)


def _at_step(step: Callable[[], Any], args: Any) -> Any:
    _, i = args
    with environ.context(i=i, t=i * environ.get_dt()):
        return (), step()


def _chunk(step: Callable[[], Any], first: int, last: int, recorders: Sequence[SpikeRecorder]) -> Any:
    while True:
        with Undo() as undo:
            out = jax.tree.map(np.asarray, loop(step, (), jnp.arange(first, last, dtype=jnp.int32), _at_step)[1])
        wanted = [int(r.count.value) for r in recorders]
        if all(n <= r.capacity for n, r in zip(wanted, recorders, strict=True)):
            break
        undo.restore()
        for n, recorder in zip(wanted, recorders, strict=True):
            recorder.reserve(n)
    for recorder in recorders:
        recorder.drain()
    return out


def _in_steps(name: str, time: Any, dt: Any) -> int:
    ratio = float(plain(time / dt))
    steps = round(ratio)
    if steps < 0 or abs(ratio - steps) > 1e-6 * max(1, steps):
        raise ParameterError(f'run: {name} = {time} must be a multiple of dt = {dt}, zero or more.')
    return steps
