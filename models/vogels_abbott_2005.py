"""Self-sustained irregular activity in a network of 4,000 integrate-and-fire neurons.

Vogels & Abbott 2005, *J. Neurosci.* 25:10786, doi:10.1523/JNEUROSCI.3508-05.2005, in the form of benchmarks 1
(COBA, conductance-based synapses) and 2 (CUBA, current-based synapses) of Brette et al. 2007,
*J. Comput. Neurosci.* 23:349, doi:10.1007/s10827-007-0038-6, appendix 2.

    python -m models.vogels_abbott_2005 --synapses coba --plot raster.png
"""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

import brainpy_state as bst

from . import report
from .simulation import Simulation, command

TAU, TAU_REF = 20.0 * u.ms, 5.0 * u.ms
V_TH, V_RESET = -50.0 * u.mV, -60.0 * u.mV
R = 100.0 * u.Mohm  # leak conductance 10 nS
TAU_E, TAU_I = 5.0 * u.ms, 10.0 * u.ms
P_CONNECT, EXCITATORY = 0.02, 0.8
IN_DEGREES = 64, 16  # what P_CONNECT gives on average to a neuron out of 4,000

V_REST = {'coba': -60.0 * u.mV, 'cuba': -49.0 * u.mV}
WEIGHTS = {
    'coba': (6.0 * u.nS, 67.0 * u.nS),
    'cuba': (16.2 * u.pA, -90.0 * u.pA),  # jumps of 1.62 mV and -9 mV in R * I
}
OUTPUTS = {
    'coba': (bst.COBA.desc(E=0.0 * u.mV), bst.COBA.desc(E=-80.0 * u.mV)),
    'cuba': (bst.CUBA.desc(scale=1.0), bst.CUBA.desc(scale=1.0)),
}


class Network(bst.nn.Module):
    """Excitatory and inhibitory neurons, connected at random.

    Parameters
    ----------
    synapses : {'coba', 'cuba'}
        Conductance-based or current-based.
    neurons : int
        Number of neurons, four fifths of them excitatory.
    seed : int
        Decides connections and start.
    connect : {'pairwise_bernoulli', 'fixed_indegree'}
        Connect each pair with a probability of 2 %, or give each neuron 64 excitatory and 16 inhibitory synapses whatever the
        size of the network.
    """

    def __init__(self, synapses: str = 'coba', neurons: int = 4000, seed: int = 1, connect: str = 'pairwise_bernoulli'):
        super().__init__()
        self.n_exc = int(neurons * EXCITATORY)
        rng = np.random.default_rng([seed, 2005])
        V, g_exc, g_inh = _start(synapses, neurons, rng)
        self.N = bst.LIFRef(
            neurons, R=R, tau=TAU, V_th=V_TH, V_reset=V_RESET, V_rest=V_REST[synapses],
            tau_ref=TAU_REF, spk_reset='hard', V_initializer=V,
        )  # fmt: skip
        rules = {'pairwise_bernoulli': (bst.pairwise_bernoulli, (P_CONNECT,) * 2), 'fixed_indegree': (bst.fixed_indegree, IN_DEGREES)}
        rule, numbers = rules[connect]
        w_exc, w_inh = WEIGHTS[synapses]
        exc = rule(self.n_exc, neurons, numbers[0], weight=w_exc, seed=(seed, 'E'))
        inh = rule(neurons - self.n_exc, neurons, numbers[1], weight=w_inh, seed=(seed, 'I'))
        out_exc, out_inh = OUTPUTS[synapses]
        self.E = self._project(exc, TAU_E, g_exc, out_exc)
        self.I = self._project(inh, TAU_I, g_inh, out_inh)

    def _project(self, comm: bst.Connection, tau: Any, g: Any, out: Any) -> bst.AlignPostProj:
        return bst.AlignPostProj(
            comm=comm,
            syn=bst.Expon.desc(self.N.varshape, tau=tau, g_initializer=g),
            out=out,
            post=self.N,
        )

    @property
    def n_synapses(self) -> int:
        return self.E.comm.n_synapses + self.I.comm.n_synapses

    def update(self) -> Any:
        """One step; returns the spikes and V of the first neuron."""
        spikes = self.N.get_spike()
        self.E(spikes[: self.n_exc])
        self.I(spikes[self.n_exc :])
        return self.N(), self.N.V.value[0]


def _start(synapses: str, neurons: int, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """First V, g_exc and g_inh, spread so that the network starts without an external kick."""
    if synapses == 'cuba':
        V = V_RESET + rng.random(neurons) * (V_TH - V_RESET)
        return V, 0.0 * u.pA, 0.0 * u.pA
    V = V_REST['coba'] + (rng.standard_normal(neurons) * 5.0 - 5.0) * u.mV
    g_exc = (rng.standard_normal(neurons) * 1.5 + 4.0) * 10.0 * u.nS
    g_inh = (rng.standard_normal(neurons) * 12.0 + 20.0) * 10.0 * u.nS
    return V, g_exc, g_inh


def build(synapses: str = 'coba', neurons: int = 4000, seed: int = 1, connect: str = 'pairwise_bernoulli') -> Simulation:
    """A simulation of the network; call ``run`` on it.

    Parameters
    ----------
    synapses : {'coba', 'cuba'}
        Conductance-based (benchmark 1) or current-based (benchmark 2).
    neurons : int
        Number of neurons.
    seed : int
        Decides connections and start: the same seed gives the same spikes.
    connect : {'pairwise_bernoulli', 'fixed_indegree'}
        See `Network`.
    """
    net = Network(synapses, neurons, seed, connect)
    return Simulation(net, {'E': net.n_exc, 'I': neurons - net.n_exc})


def main() -> None:
    options = report.arguments(__doc__, synapses=('coba', 'cuba'), connect=('pairwise_bernoulli', 'fixed_indegree'))
    title = f'Vogels & Abbott 2005, {options.synapses.upper()}'
    command(title, lambda o: build(o.synapses, o.neurons, o.seed, o.connect), options, V_th=V_TH)


if __name__ == '__main__':
    main()
