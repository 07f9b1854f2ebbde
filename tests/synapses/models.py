"""The table of all synapses that the contract tests run over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

import brainpy_state as bst


class Case(NamedTuple):
    """A synapse, what arrives at it for one spike, and the unit of what it gives."""

    make: Callable[..., Any]
    input: Any
    output: Any
    aligned: bool = False  # whether it is linear in its input


CASES = {
    'Expon': Case(bst.Expon, 1.0 * u.mS, u.mS, True),
    'Expon of a current': Case(lambda n, **k: bst.Expon(n, g_initializer=0.0 * u.pA, **k), 1.0 * u.pA, u.pA, True),
    'DualExpon': Case(bst.DualExpon, 1.0 * u.mS, u.mS, True),
    'DualExpon of a number': Case(lambda n, **k: bst.DualExpon(n, normalize=False, g_initializer=0.0, **k), 1.0, u.UNITLESS, True),
    'Alpha': Case(lambda n, **k: bst.Alpha(n, normalize=True, acts='mean', **k), 1.0 * u.mS, u.mS, True),
    'AMPA': Case(bst.AMPA, 1.0, u.mS),
    'GABAa': Case(bst.GABAa, 1.0, u.mS),
    'BioNMDA': Case(bst.BioNMDA, 1.0, u.mS),
    'STP': Case(bst.STP, 1.0, u.UNITLESS),
    'STD': Case(bst.STD, 1.0, u.UNITLESS),
}


def simulate(synapse: Any, inputs: Any, *, batch: int | None = None, fresh: bool = True) -> np.ndarray:
    """What the synapse gives in each step of 0.1 ms, in its own unit; ``inputs`` has a leading axis of steps."""
    if fresh:
        bst.nn.init_all_states(synapse, batch_size=batch)
    with bst.environ.context(dt=0.1 * u.ms):
        return np.asarray(u.get_mantissa(bst.transform.for_loop(synapse, inputs)))
