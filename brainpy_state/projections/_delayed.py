"""A connection whose synapses have delays of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._errors import ParameterError
from ..nn import Module, call_order
from ..nn._declare import Allocated
from ..nn._delay import check_dt, delay_steps
from ..numerics import with_unit
from ..state import DelayState
from ._connect import Connection


class DelayedConnection(Module):
    """Delivers each spike to each target after the delay of the synapse between them.

    Parameters
    ----------
    comm : Connection
        The synapses and their weights.
    time : quantity, shape (n_synapses,), optional
        The delay of each, in the order of ``comm.sources``; None where the connection has delays of its own.
    unit : callable
        Gives the unit of the sources' signal, once the states are there.

    Notes
    -----
    States: ``waiting``, a ring of what arrives in the coming steps, of shape ``(steps, batch, n_post)``, and ``row``, which of them is due.
    """

    graph_invisible_attrs = ('comm',)

    waiting: Any = Allocated()
    row: Any = Allocated()

    def __init__(self, comm: Connection, time: Any, unit: Callable[[], Any]):
        super().__init__()
        self.comm, self.time, self.unit = comm, time, unit

    @property
    def delays(self) -> Any:
        """The delay of each synapse, shape ``(n_synapses,)``."""
        return self.comm.delays if self.time is None else self.time

    @call_order(1)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for the longest delay, in steps of the ``dt`` that is set."""
        self.made_for = environ.get('dt', desc=f'{self.label} needs the time step for its delays')
        steps = self._steps()
        pre, post = self.comm.structure.shape
        length = int(steps.max(initial=0)) + 1
        if length * post >= 2**31:
            raise ParameterError(f'{self.label}: {length} steps of delay onto {post} neurons are more than 2**31 places.')
        targets = steps * np.int32(post)
        targets += self.comm.targets
        self.slots = event.CSR(self.comm.structure.indptr, jnp.asarray(targets), (pre, length * post))
        shape = (length, *(() if batch_size is None else (batch_size,)), post)
        self.waiting = DelayState(with_unit(jnp.zeros(shape, environ.dftype()), u.get_unit(self.comm.weight.value) * self.unit()))
        self.row = DelayState(jnp.zeros((), jnp.int32))

    def _steps(self) -> np.ndarray:
        if self.time is not None:
            return delay_steps(self.time, self.made_for, self.label)
        check_dt(self.comm.made_for, self.comm.label)
        return np.asarray(self.comm.delay_steps)

    def update(self, x: Any) -> Any:
        """What arrives in this step, shape ``(batch, n_post)``, after the sources have sent x, shape ``(batch, n_pre)``."""
        weight, waiting, row = self.comm.weight.value, self.waiting.value, self.row.value
        check_dt(self.made_for, self.label)
        unit, length = u.get_unit(waiting), waiting.shape[0]
        ring = event.to_ring(self.slots, u.get_mantissa(weight), u.get_mantissa(x), row, u.get_mantissa(waiting))
        ring, due = event.due(row, ring)
        self.waiting.value = with_unit(ring, unit)
        self.row.value = jnp.where(row + 1 == length, 0, row + 1)
        return with_unit(due, unit)
