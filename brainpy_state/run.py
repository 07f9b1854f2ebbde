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

from . import environ
from .numerics import whole_steps
from .record import SpikeRecorder
from .transform._loop import loop, natively

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
        Recorders that ``step`` uses. They are emptied after each chunk, and before one of them
        could overflow, so no spike is lost.
    chunk : time, optional
        How long to run before recorders are emptied; at most 100,000 steps by default.
    start : time, optional
        The time of the first step, 0 by default.

    Returns
    -------
    pytree
        The results of ``step``, stacked along a leading axis of steps, in host memory. The simulation has ended when it returns.

    Raises
    ------
    ParameterError, UnitError
        If ``duration``, ``chunk`` or ``start`` is no multiple of ``dt``, or no time.

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
    total = int(whole_steps(duration, dt, 'run: duration'))
    first = 0 if start is None else int(whole_steps(start, dt, 'run: start'))
    most = _LONGEST_CHUNK if chunk is None else max(1, int(whole_steps(chunk, dt, 'run: chunk')))
    recorders = tuple(recorders)
    for recorder in recorders:
        recorder.reserve(recorder.size)

    i, end = first, first + total
    parts: list[Any] = []
    length = max(1, min(most, total))
    while not parts or i < end:
        clock = *map(jnp.int32, (i, i, min(i + length, end))), jnp.array(False)
        (done, *_), out = loop(step, clock, (), _Clocked(recorders), length, scan=_until_full)
        parts.append(jax.tree.map(lambda x, n=int(done) - i: np.asarray(x)[:n], out))
        for recorder in recorders:
            recorder.drain()
        i = int(done)
    return jax.tree.map(lambda *xs: np.concatenate(xs), *parts)


@dataclass(frozen=True)
class _Clocked:
    """A step at its time, which tells whether a recorder might overflow in the next one."""

    recorders: tuple[SpikeRecorder, ...]

    def __call__(self, step: Callable[[], Any], args: Any) -> Any:
        (i, first, stop, _), _ = args
        with environ.context(i=i, t=i * environ.get_dt()):
            out = step()
        full = functools.reduce(operator.or_, (r.is_full for r in self.recorders), jnp.array(False))
        return (i + 1, first, stop, full), out


def _until_full(
    body: Callable, same: Any, carry: Any, xs: Any, length: int, reverse: bool, unroll: int, tell: Callable | None
) -> tuple[Any, Any]:
    """As many steps of a clocked body as recorders have room for, and the results of at most ``length``."""
    step = natively(functools.partial(body, same))
    rows = jax.eval_shape(step, carry, xs)[1]

    def goes_on(state: Any) -> Any:
        (_, (i, _, stop, full)), _ = state
        return (i < stop) & ~full

    def advance(state: Any) -> Any:
        carry, out = state
        _, (i, first, _, _) = carry
        carry, y = step(carry, xs)
        return carry, jax.tree.map(lambda all, one: jax.lax.dynamic_update_index_in_dim(all, one, i - first, 0), out, y)

    out = jax.tree.map(lambda row: jnp.zeros((length, *row.shape), row.dtype), rows)
    return jax.lax.while_loop(goes_on, advance, (carry, out))
