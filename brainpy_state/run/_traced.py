"""`run` inside of a function that is being compiled: one loop over all steps, whose results are values of that function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from .. import environ
from .._errors import ParameterError
from .._frames import EAGER, current_trace
from ..numerics import whole_steps
from ..transform._lift import innermost
from ..transform._loop import loop
from ._steps import span


def is_traced() -> bool:
    """Whether a function is being compiled in this thread."""
    return innermost() is not None or current_trace() is not EAGER


def run_traced(step: Callable[[], Any], duration: Any, *, chunk: Any = None, start: Any = None) -> Any:
    """`run`, as a part of a larger program. Recorders keep their events in their buffers, and are emptied when they are asked for spikes.

    Raises
    ------
    ParameterError
        If there is a ``chunk``: nothing can be done between steps.
    """
    if chunk is not None:
        raise ParameterError('run: chunk= has no meaning inside of a compiled function, where a run is one loop; leave it out.')
    dt = environ.get_dt()
    first = 0 if start is None else int(whole_steps(start, dt, 'run: start', signed=True))
    steps = jnp.arange(first, first + span(duration, first, dt, 'run'), dtype=jnp.int32)
    return loop(step, (), (steps,), _at_its_time)[1]


def _at_its_time(step: Callable[[], Any], args: Any) -> tuple[Any, Any]:
    _, (i,) = args
    with environ.context(i=i):
        return (), step()
