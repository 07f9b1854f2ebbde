"""Places of synapses in a ring of the coming steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import event
from . import _parallel
from ._connect import Connection, taken


def ring_slots(comm: Connection, steps: np.ndarray, length: int) -> event.CSR | event.Parts:
    """The synapses of a connection, each leading to the place ``steps * n_post + target`` of a ring.

    Parameters
    ----------
    comm : Connection
        Its synapses, which are stored.
    steps : int, shape (n_synapses,) or ()
        The delay of each in whole steps.
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
    if isinstance(comm.structure, event.Parts):
        return comm.structure.later(steps, length)
    return event.CSR(_starts(comm), _places(np.broadcast_to(steps, comm.targets.shape), comm.targets, post), (pre, length * post))


def _starts(comm: Connection) -> Any:
    """Where the synapses of each source begin."""
    if isinstance(comm.structure, event.CSR):
        return comm.structure.indptr
    return taken(np.concatenate([[0], np.cumsum(comm.outdegree)]).astype(np.int32))


def _places(steps: np.ndarray, targets: np.ndarray, post: int) -> Any:
    """``steps * post + target`` of each synapse."""
    places = _parallel.empty(targets.size, np.int32)

    def fill(first: int, last: int) -> None:
        part = places[first:last]
        np.multiply(steps[first:last], np.int32(post), out=part, dtype=np.int32)
        part += targets[first:last]

    _parallel.each(fill, _parallel.ranges(targets.size, 1))
    return taken(places)
