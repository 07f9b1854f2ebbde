"""Self-sustained irregular activity in a network of 4,000 Hodgkin-Huxley neurons.

Benchmark 3 (COBAHH) of Brette et al. 2007, *J. Comput. Neurosci.* 23:349, doi:10.1007/s10827-007-0038-6, appendix 2: the
network of Vogels & Abbott 2005 with conductance-based synapses and neurons after Traub & Miles 1991.

    python -m models.brette_2007_cobahh --plot raster.png
"""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

import brainpy_state as bst

from . import report
from .simulation import Simulation, command

TAU_E, TAU_I = 5.0 * u.ms, 10.0 * u.ms
W_E, W_I = 6.0 * u.nS, 67.0 * u.nS
E_E, E_I = 0.0 * u.mV, -80.0 * u.mV
V_TH, TAU_REF = -20.0 * u.mV, 3.0 * u.ms
P_CONNECT, EXCITATORY = 0.02, 0.8


class Network(bst.nn.Module):
    """Excitatory and inhibitory neurons, connected at random.

    Parameters
    ----------
    neurons : int
        Number of neurons, four fifths of them excitatory.
    seed : int
        Decides connections and start.
    """

    def __init__(self, neurons: int = 4000, seed: int = 1):
        super().__init__()
        self.n_exc = int(neurons * EXCITATORY)
        rng = np.random.default_rng([seed, 2007])
        V = (-65.0 + 5.0 * rng.standard_normal(neurons)) * u.mV
        g_exc = (40.0 + 15.0 * rng.standard_normal(neurons)) * u.nS
        g_inh = (200.0 + 120.0 * rng.standard_normal(neurons)) * u.nS
        self.N = bst.TraubMilesHH(
            neurons, V_th=V_TH, tau_ref=TAU_REF, V_initializer=V, m_initializer=0.0, h_initializer=0.0, n_initializer=0.0
        )
        self.E = self._project('E', self.n_exc, W_E, TAU_E, E_E, g_exc, seed)
        self.I = self._project('I', neurons - self.n_exc, W_I, TAU_I, E_I, g_inh, seed)

    def _project(self, name: str, size: int, weight: Any, tau: Any, E: Any, g: Any, seed: int) -> bst.AlignPostProj:
        return bst.AlignPostProj(
            comm=bst.pairwise_bernoulli(size, self.N.varshape[0], P_CONNECT, weight=weight, seed=(seed, name)),
            syn=bst.Expon.desc(tau=tau, g_initializer=g),
            out=bst.COBA.desc(E=E),
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


def build(neurons: int = 4000, seed: int = 1) -> Simulation:
    """A simulation of the network; call ``run`` on it.

    Parameters
    ----------
    neurons : int
        Number of neurons.
    seed : int
        Decides connections and start: the same seed gives the same spikes.
    """
    net = Network(neurons, seed)
    return Simulation(net, {'E': net.n_exc, 'I': neurons - net.n_exc})


def main() -> None:
    options = report.arguments(__doc__)
    command('Brette et al. 2007, COBAHH', lambda o: build(o.neurons, o.seed), options)


if __name__ == '__main__':
    main()
