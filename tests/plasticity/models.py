"""Targets that do as they are told, and how a rule is run over given spikes."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

import brainpy_state as bst
from brainpy_state.nn import Dynamics
from brainpy_state.transform import for_loop


class Played(Dynamics):
    """A target whose spikes, rates and potentials are given."""

    spike = bst.nn.Variable(0.0)
    r = bst.nn.Variable(0.0)
    V = bst.nn.Variable(-70.6 * u.mV)
    u_plus = bst.nn.Variable(-70.6 * u.mV)
    u_minus = bst.nn.Variable(-70.6 * u.mV)

    def get_spike(self) -> Any:
        return self.spike.value

    def update(self) -> Any:
        return self.sum_delta_inputs(0.0), self.sum_current_inputs(0.0)


class Rig(bst.nn.Module):
    """Projections between given sources and targets, one for each of the connections."""

    def __init__(self, rule: Any, comms: list[Any], delays: list[Any], kind: Any = bst.DeltaProj, **options: Any):
        super().__init__()
        self.posts = [Played(comm.structure.shape[1]) for comm in comms]
        self.projs = [
            kind(comm=comm, post=post, plasticity=rule, delay=delay, **options)
            for comm, post, delay in zip(comms, self.posts, delays, strict=True)
        ]

    def update(self, seen: list[dict[str, Any]]) -> Any:
        """One step, of what each of the sources and targets does; the weights after it."""
        for proj, post, x in zip(self.projs, self.posts, seen, strict=True):
            for key, value in x.items():
                if key != 'pre':
                    getattr(post, key).value = value
            proj(x['pre'])
            post()
        return [proj.comm.weight.value for proj in self.projs]


def weights_of(rig: Rig, seen: list[dict[str, Any]], dt: float, **context: Any) -> list[np.ndarray]:
    """The weights after each step, with the leading axis of time in what is seen."""
    with bst.environ.context(dt=dt * u.ms, **context):
        bst.nn.init_all_states(rig)
        return [np.asarray(u.get_mantissa(w)) for w in for_loop(rig, [{k: _array(v) for k, v in x.items()} for x in seen])]


def _array(x: Any) -> Any:
    return x if isinstance(x, u.Quantity) else jnp.asarray(x, bst.environ.dftype())


def one_each(n: int, weight: float, unit: Any = 1.0) -> Any:
    return bst.one_to_one(n, n, weight=np.full(n, weight) * unit)
