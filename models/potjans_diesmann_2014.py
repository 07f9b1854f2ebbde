"""prototype"""
from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

import brainpy_state as bst

from .simulation import Simulation

SIZES = {'L23E': 20683, 'L23I': 5834, 'L4E': 21915, 'L4I': 5479, 'L5E': 4850, 'L5I': 1065, 'L6E': 14395, 'L6I': 2948}
P = np.array([
    [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0000, 0.0076, 0.0000],
    [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0000, 0.0042, 0.0000],
    [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0000],
    [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0000, 0.1057, 0.0000],
    [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0000],
    [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0000],
    [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
    [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
])  # fmt: skip
K_EXTERNAL = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])
V0 = [-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43]
V0_SD = [5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48]
RATES = np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829])
C, TAU, TAU_SYN, TAU_REF = 250.0 * u.pF, 10.0 * u.ms, 0.5 * u.ms, 2.0 * u.ms
V_TH, V_RESET = -50.0 * u.mV, -65.0 * u.mV
G = -4.0
PSC = 87.8 * u.pA


class Network(bst.nn.Module):
    def __init__(self, scale=1.0, drive='poisson', seed=1):
        super().__init__()
        dt = bst.environ.get('dt')
        rng = np.random.default_rng([seed, 2014])
        full = np.array(list(SIZES.values()))
        sizes = np.round(full * scale).astype(int)
        self.sizes = dict(zip(SIZES, sizes.tolist()))
        pairs = np.outer(full, full).astype(float)
        K = np.log1p(-P) / np.log1p(-1 / pairs)
        totals = np.round(K * scale * scale).astype(int)
        tau_syn = 0.5
        psc = 87.80886 / np.sqrt(scale)
        W = np.where(np.arange(8) % 2, G, 1.0) * np.ones((8, 8))
        W[0, 2] = 2.0
        rec = (W * 87.80886 * K / full[:, None] * RATES).sum(1)
        ext = 87.80886 * K_EXTERNAL * 8.0
        dc = 0.001 * tau_syn * (1 - np.sqrt(scale)) * (rec + ext)
        self.dc = dc.tolist()
        self.N = {}
        self.projections = []
        self.drives = []
        for t, name in enumerate(SIZES):
            self.N[name] = bst.LIFRef(int(sizes[t]), R=TAU / C, tau=TAU, V_th=V_TH, V_reset=V_RESET, V_rest=V_RESET, tau_ref=TAU_REF + dt,
                spk_reset='hard', V_initializer=rng.normal(V0[t], V0_SD[t], sizes[t]) * u.mV)
        for t, target in enumerate(SIZES):
            for s, source in enumerate(SIZES):
                if not totals[t, s]: continue
                w = W[t, s] * psc * u.pA
                d = (1.5 if s % 2 == 0 else 0.75) * u.ms
                p = bst.AlignPostProj(
                    comm=bst.fixed_total_number(int(sizes[s]), int(sizes[t]), int(totals[t, s]), weight=bst.drawn.normal(w, 0.1 * abs(w)),
                        delay=bst.drawn.normal(d, d / 2, low=dt / 2, outside='redraw'), seed=(seed, source, target)),
                    syn=bst.Expon.desc(tau=TAU_SYN, acts='mean', g_initializer=0.0 * u.pA), out=bst.CUBA.desc(scale=1.0), post=self.N[target])
                self.projections.append((source, p))
            syn = self.projections[-1][1].receptor.syn
            self.drives.append(bst.PoissonInput(syn, round(K_EXTERNAL[t] * scale), 8.0 * u.Hz, psc * u.pA, seed=(seed, target)))

    @property
    def n_synapses(self): return sum(p.comm.n_synapses for _, p in self.projections)

    def update(self):
        spikes = {k: n.get_spike() for k, n in self.N.items()}
        for s, p in self.projections: p(spikes[s])
        for d in self.drives: d()
        out = [n(c * u.pA) for n, c in zip(self.N.values(), self.dc)]
        return jnp.concatenate(out), self.N['L23E'].V.value[0]


def build(scale=1.0, drive='poisson', seed=1):
    net = Network(scale, drive, seed)
    return Simulation(net, net.sizes, seed)
