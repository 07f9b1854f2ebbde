"""Connections whose synapses have delays of their own."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._errors import ParameterError
from ..connections import Connection, ring_slots
from ..event._parts import largest
from ..modules import Allocated, Delay, Module, call_order, check_dt, delay_steps, longest_delay, read, ring_length
from ..numerics import plain, split_steps, with_unit
from ..state import DelayState


class Ring(Module):
    """What arrives at a target in the coming steps, from connections whose synapses have delays of their own.

    Attributes
    ----------
    lines : list of DelayedConnection
        Those that deliver into it.

    Notes
    -----
    States: ``waiting``, of shape ``(steps, batch, n_post)``, and ``row``, which of its steps is due.
    """

    graph_invisible_attrs = ('lines',)

    waiting: Any = Allocated()
    row: Any = Allocated()

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[DelayedConnection] = []

    @call_order(1)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for the longest delay, in steps of the ``dt`` that is set."""
        first = self.lines[0]
        dt = environ.get('dt', desc=f'{first.label} needs the time step for its delays')
        steps = [line.in_steps(dt) for line in self.lines]
        length = 1 + max(map(largest, steps))
        for line, each in zip(self.lines, steps, strict=True):
            line.lay_out(each, length, dt)
        shape = (length, *(() if batch_size is None else (batch_size,)), first.comm.structure.shape[1])
        self.waiting = DelayState(with_unit(jnp.zeros(shape, environ.dftype()), first.unit))
        self.row = DelayState(jnp.zeros((), jnp.int32))

    def take(self) -> Any:
        """What arrives in this step, shape ``(batch, n_post)``; the next step is due then."""
        waiting, row = self.waiting.value, self.row.value
        ring, due = event.due(row, u.get_mantissa(waiting))
        self.waiting.value = with_unit(ring, u.get_unit(waiting))
        self.row.value = jnp.where(row + 1 == ring.shape[0], 0, row + 1)
        return with_unit(due, u.get_unit(waiting))


class DelayedConnection(Module):
    r"""Delivers each spike to each target after the delay of the synapse between them.

    A delay that is trained lies between two steps. Its spike arrives in both, with the weight shared between them:

    .. math:: w\,(1 - f) \text{ after } k \text{ steps}, \quad w\,f \text{ after } k + 1, \quad d / \Delta t = k + f

    So the derivative by the delay is that of what is simulated, :math:`w\,(c_{k+1} - c_k) / \Delta t` for a spike whose arrival has the
    cotangents c. Both are deliveries into the ring as those of fixed delays are.

    Parameters
    ----------
    comm : Connection
        The synapses and their weights.
    time : quantity or Param, shape (n_synapses,), optional
        The delay of each, in the order of ``comm.sources``; None where the connection has delays of its own.
    owner : Projection
        What knows the unit of the sources' signal, once the states are there.

    Notes
    -----
    Source: linear interpolation of learnable spacings, Khalfaoui-Hassani et al. 2023, arXiv:2112.03740; delays of spikes by a kernel whose
    width shrinks while it learns, Hammouamri et al. 2024, arXiv:2306.17670. A wider kernel sees farther, at the cost of as many
    events; here, the synapse's own time constant smooths what is learnt.
    """

    graph_invisible_attrs = ('comm', 'owner')

    slots: Any = Allocated()
    made_for: Any = Allocated()

    def __init__(self, comm: Connection, time: Any, owner: Any):
        super().__init__()
        self.comm, self.owner = comm, owner
        self.longest = None if time is None else longest_delay(time, owner.label)
        self.time = time if self.longest is not None else read(time)
        self.deliver_into(Ring())

    def deliver_into(self, ring: Ring) -> None:
        """Deliver into this ring, which others may share, instead of one of its own."""
        self.ring = ring
        ring.lines.append(self)

    @property
    def delays(self) -> Any:
        """The delay of each synapse, shape ``(n_synapses,)``."""
        return self.comm.delays if self.time is None else read(self.time).reshape(-1)

    @property
    def unit(self) -> Any:
        """The unit of what arrives."""
        return arriving_unit(self.owner)

    def in_steps(self, dt: Any) -> Any:
        """The delay of each synapse in steps, or of trained, drawn and stored ones the longest."""
        if self.longest is not None:
            return np.asarray(ring_length(self.longest, dt) - 1)
        if self.time is not None:
            return delay_steps(self.delays, dt, self.label)
        check_dt(self.comm.made_for, self.comm.label)
        structure = self.comm.structure
        if structure.is_drawn:
            return structure.rule.longest
        return structure.longest

    def lay_out(self, steps: Any, length: int, dt: Any) -> None:
        """Find the place of each synapse in a ring of this length, unless it is known."""
        _, post = self.comm.structure.shape
        if length * post >= 2**31:
            raise ParameterError(f'{self.label}: {length} steps of delay onto {post} neurons are more than 2**31 places.')
        known = vars(self)
        if self.comm.structure.is_drawn:
            self.slots = self.comm.structure  # draws delays itself
        elif 'slots' not in known or self.slots.shape[1] != length * post or not bool(dt == self.made_for):
            each = None if self.time is None else steps if self.longest is None else np.zeros((), int)
            self.slots = ring_slots(self.comm, each, length)
        self.made_for = dt

    def send(self, x: Any) -> None:
        """Let what the sources send in this step, shape ``(batch, n_pre)``, wait in the ring."""
        slots, ring = self.slots, self.ring
        check_dt(self.made_for, self.label)
        waiting, row = ring.waiting.value, ring.row.value
        x, scale = u.get_mantissa(x), float(plain(with_unit(1.0, self.unit) / with_unit(1.0, u.get_unit(waiting))))
        x = x if scale == 1 else x * scale
        weight, added = u.get_mantissa(self.comm.acting_weight), u.get_mantissa(waiting)
        if self.longest is not None:
            length, *_, post = added.shape
            whole, part = split_steps(plain(self.delays / self.made_for), length - 2)
            for steps, share in ((whole, 1 - part), (whole + 1, part)):
                added = event.to_ring(slots.moved(steps * post), (weight * share).astype(added.dtype), x, row, added)
        else:
            added = event.to_ring(slots, weight, x, row, added)
        ring.waiting.value = with_unit(added, u.get_unit(waiting))

    def update(self, x: Any) -> Any:
        """What arrives in this step, shape ``(batch, n_post)``, after the sources have sent x, shape ``(batch, n_pre)``."""
        self.send(x)
        return self.ring.take()


class DelayBehind(Delay):
    """One delay between all synapses of a projection and their targets.

    Parameters
    ----------
    time : time
        A multiple of ``dt``.
    owner : Projection
        What delivers, and knows the unit of its sources' signal once the states are there.
    """

    graph_invisible_attrs = ('owner',)

    def __init__(self, time: Any, owner: Any):
        super().__init__(owner.comm.structure.shape[1:], time)
        self.owner = owner

    @call_order(1)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for what is on its way: nothing, in the unit of what arrives."""
        self.initial = with_unit(0.0, arriving_unit(self.owner))
        super().init_state(batch_size, **kwargs)


def arriving_unit(projection: Any) -> Any:
    """The unit of what a projection with a `Connection` delivers."""
    return u.get_unit(projection.comm.acting_weight) * u.get_unit(projection.signal())


def of_synapses(line: Delay | DelayedConnection | None, comm: Any) -> Any:
    """The delay of each synapse, known in numbers."""
    if isinstance(line, DelayedConnection):
        return with_unit(np.asarray(u.get_mantissa(line.delays)), u.get_unit(line.delays))
    time = read(line.time)  # type: ignore[union-attr]
    each = np.broadcast_to(np.asarray(u.get_mantissa(time)), comm.structure.shape[:1])
    return with_unit(each[np.asarray(comm.sources)], u.get_unit(time))
