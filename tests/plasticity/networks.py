"""A plastic network and its twin in plain Python: sources with given spikes onto neurons whose spikes change the weights."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

import brainpy_state as bst
from brainpy_state.transform import for_loop

from .twins import Synapse

N, STEPS, DT = 25, 500, 0.5
TAU, R, V_TH, V_RESET, TAU_REF, TAU_SYN = 20.0, 0.1, -50.0, -60.0, 2.0, 5.0  # ms, Gohm (nS * Gohm = 1), mV
U, TAU_F, TAU_D = 0.3, 500.0, 100.0
UNIT = {'post': u.nS, 'pre': u.nS, 'delta': u.mV, 'current': u.pA}
SIZE = {'post': 2.0, 'pre': 2.0, 'delta': 1.5, 'current': 300.0}  # of weights
START = np.linspace(V_RESET, V_TH - 0.5, N)
_RNG = np.random.default_rng(4)
SENT = _RNG.random((STEPS, N)) < 0.03
DRIVE = _RNG.uniform(60.0, 160.0, (STEPS, N))  # pA
PARTS = {'CSR': 5.0, 'all to all': 25.0, 'one to one': 1.0}  # how many synapses a target has


def connection(form: str, kind: str) -> Any:
    """Weights from 0.2 to 1.2 of the size, shared among the synapses of a target."""
    unit = SIZE[kind] * UNIT[kind] * min(1.0, 5.0 / PARTS[form])
    weight = lambda shape: np.random.default_rng(1).uniform(0.2, 1.2, shape) * unit  # noqa: E731
    if form == 'CSR':
        return bst.fixed_indegree(N, N, 5, weight=weight, seed=7)
    return bst.all_to_all(N, N, weight=weight) if form == 'all to all' else bst.one_to_one(N, N, weight=weight)


class Network(bst.nn.Module):
    """Sources onto neurons by a projection of one kind.

    Parameters
    ----------
    kind : {'post', 'pre', 'delta', 'current'}
    form : {'CSR', 'all to all', 'one to one'}
    rule : description
    **options
        Of the projection; another ``comm``, too.
    """

    def __init__(self, kind: str, form: str, rule: Any, **options: Any):
        super().__init__()
        self.cells = bst.LIFRef(
            N, R=R * u.Gohm, tau=TAU * u.ms, V_th=V_TH * u.mV, V_reset=V_RESET * u.mV, V_rest=V_RESET * u.mV, tau_ref=TAU_REF * u.ms,
            spk_reset='hard', V_initializer=START * u.mV,
        )  # fmt: skip
        options = {'comm': connection(form, kind), **options, 'post': self.cells, 'plasticity': rule}
        if kind in ('post', 'pre'):
            syn = bst.Expon.desc(tau=TAU_SYN * u.ms, g_initializer=0.0 * (u.nS if kind == 'post' else u.UNITLESS))
            maker = bst.AlignPostProj if kind == 'post' else bst.AlignPreProj
            self.proj = maker(syn=syn, out=bst.COBA.desc(E=0.0 * u.mV), **options)
        else:
            self.proj = {'delta': bst.DeltaProj, 'current': bst.CurrentProj}[kind](**options)

    def update(self, sent: Any, drive: Any) -> Any:
        self.proj(sent)
        return self.cells(drive * u.pA)


def simulate(net: Network) -> tuple[Any, Any]:
    """Spikes and weights after each step."""

    def step(sent: Any, drive: Any) -> Any:
        return net(sent, drive), u.get_mantissa(net.proj.comm.weight.value).reshape(-1)

    with bst.environ.context(dt=DT * u.ms):
        bst.nn.init_all_states(net)
        spikes, weights = for_loop(step, jnp.asarray(SENT, bst.environ.dftype()), jnp.asarray(DRIVE, bst.environ.dftype()))
    return np.asarray(spikes), np.asarray(weights)


def twin(
    kind: str,
    form: str,
    synapse: type[Synapse],
    *,
    order: str = 'ignore',
    axonal: Any = 0,
    dendritic: Any = 0,
    stp: bool = False,
    **params: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The same, synapse by synapse.

    Parameters
    ----------
    axonal : int, shape () or (N,)
        Steps of the delay of each source.
    dendritic : int, shape () or (n_synapses,)
        Steps of the delay of each synapse, of what it delivers and of what it knows of its target.
    """
    conn = connection(form, kind)
    pairs = list(zip(np.asarray(conn.sources), np.asarray(conn.targets), strict=True))
    start = np.asarray(u.get_mantissa(conn.weight.value), float).reshape(-1)
    synapses = [synapse(w, DT, order, **params) for w in start]
    axonal, behind = np.broadcast_to(axonal, N), np.broadcast_to(dendritic, len(pairs))
    V, g, g_pre, held = START.copy(), np.zeros(N), np.zeros(N), np.zeros(N, int)
    use, left = np.zeros(N), np.ones(N)
    fired, found, coming = np.zeros((STEPS + 1, N), bool), [], np.zeros((STEPS + 20, N))  # fired[k + 1] in step k
    for k in range(STEPS):
        here = np.array([k >= d and SENT[k - d, i] for i, d in enumerate(axonal)])  # has reached the synapses
        released = here.astype(float)
        if stp:
            use = use + U * (1 - use) * here
            released = use * left * here
            left = 1 + (left - released - 1) * np.exp(-DT / TAU_D)
            use = use * np.exp(-DT / TAU_F)
        if kind == 'pre':
            g_pre = g_pre + released
            released = g_pre
            g_pre = g_pre * np.exp(-DT / TAU_SYN)
        for s, (i, j), d in zip(synapses, pairs, behind, strict=True):
            s.step(here[i], k >= d and fired[k - d, j])
            coming[k + d, j] += s.w * released[i]
        arrived, conductance, current, jump = coming[k], np.zeros(N), DRIVE[k].copy(), np.zeros(N)
        if kind == 'post':
            g = g + arrived
            conductance = g
            g = g * np.exp(-DT / TAU_SYN)
        elif kind == 'pre':
            conductance = arrived
        elif kind == 'delta':
            jump = arrived
        else:
            current = current + arrived
        total = 1 + R * conductance
        goal = (V_RESET + R * current) / total
        new = np.where(held > 0, V, goal + (V - goal) * np.exp(-DT / TAU * total) + jump)
        fired[k + 1] = (new >= V_TH) & (held == 0)
        held = np.where(fired[k + 1], round(TAU_REF / DT) - 1, np.maximum(held - 1, 0))
        V = np.where(fired[k + 1], V_RESET, new)
        found.append([s.w for s in synapses])
    return fired[1:], np.array(found)
