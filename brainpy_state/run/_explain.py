"""`explain`: what of a step is native code, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .. import environ, event
from .._tracebacks import entry
from ..modules import lifecycle
from ..transform._lift import lift


@entry
def explain(step: Callable, *args: Any) -> event.Report:
    """What of a step is native code under a compiled loop, what XLA keeps, and why.

    Parameters
    ----------
    step : callable
        As for `run`, called with ``environ``'s ``t`` and ``i`` set; or with arguments, as `for_loop` calls it.
    *args
        What one step is called with; arrays, or ``jax.ShapeDtypeStruct`` in their place.

    Returns
    -------
    event.Report
        Printed, a line for each native function and for each kind of equation that is left. Nothing is computed and no state
        changes, but native functions are compiled, as they would be for a run.

    Raises
    ------
    TypeError
        If ``step`` is no function.
    StateNotInitializedError
        If a model that it uses has no states yet.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> neurons = bst.nn.init_all_states(bst.LIF(1000))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     report = bst.explain(lambda: jnp.sort(neurons(1. * u.mA)))
    >>> len(report.native), report.left[0].what, report.left[0].reason
    (1, 'sort float32[1000]', 'it has no native version')
    """
    if not callable(step):
        raise TypeError(f'explain: the first argument is a step, a function of as many arguments as follow, but is {step!r}.')

    def clocked(step: Callable, args: Any) -> Any:
        i, args = args
        with environ.context(i=i, t=i * environ.get_dt()):
            return step(*args)

    args = jnp.int32(0), args
    with lifecycle.open() as undo:  # states may be created
        try:
            lifted = lift(step, args, clocked)
            only_read = [state for state in lifted.reads if state not in lifted.writes]
            same = [state.peek() for state in only_read], list(map(environ.get, lifted.settings)), lifted.captured
        finally:
            undo.restore()
    carry = jax.tree.map(lambda aval: jax.ShapeDtypeStruct(aval.shape, aval.dtype), lifted.avals[1])
    leaves, structure = jax.tree.flatten((carry, same, args))

    def flat(*leaves: Any) -> list[Any]:
        carry, (kept, settings, captured), args = jax.tree.unflatten(structure, leaves)
        now = dict(zip(only_read, kept, strict=True)) | dict(zip(lifted.writes, carry, strict=True))
        out, new = lifted.pure([now[state] for state in lifted.reads], settings, captured, args)
        return jax.tree.leaves((new, out))

    return event.explain(flat, *leaves, carried=len(jax.tree.leaves(carry)))
