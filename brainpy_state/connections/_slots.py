"""Places of synapses in a ring of the coming steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import event
from . import _parallel
from ._connect import Connection, taken
from ._rows import in_slots, starts_of


def ring_slots(comm: Connection, steps: Any, length: int) -> event.CSR | event.Parts:
    """The synapses of a connection, each leading to the place ``steps * n_post + target`` of a ring.

    Parameters
    ----------
    comm : Connection
        Its synapses, which are stored.
    steps : int, shape (n_synapses,) or ()
        The delay of each in whole steps; None where the connection has delays of its own.
    length : int
        How many steps the ring holds.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> comm = bst.all_to_all(1, 2, weight=2. * u.nS)
    >>> bst.connections.ring_slots(comm, np.array([1, 2]), 4).indices.tolist()
    [2, 5]
    """
    pre, post = comm.structure.shape
    if steps is None:
        return comm.structure.in_ring(length)
    if isinstance(comm.structure, event.Parts):
        return comm.structure.later(steps, length)
    targets = comm.targets
    slots = taken(in_slots(np.broadcast_to(steps, targets.shape), targets, post, _parallel.empty(targets.size, np.int32)))
    return event.CSR(_starts(comm), slots, (pre, length * post))


def _starts(comm: Connection) -> Any:
    """Where the synapses of each source begin."""
    if isinstance(comm.structure, event.CSR):
        return comm.structure.indptr
    return taken(starts_of(comm.outdegree).astype(np.int32))
