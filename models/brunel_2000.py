"""Sparsely connected excitatory and inhibitory neurons in four regimes of activity.

Brunel 2000, *J. Comput. Neurosci.* 8:183, doi:10.1023/A:1008925309027: model A, as simulated for figure 8 and table 2.

With ``--plasticity stdp`` spikes arrive after 1.5 ms as without it. One step of that is the way from a neuron to the next, so the rule
sees what targets do after the 1.4 ms of the projection, and NEST's after 1.5 ms. With 1.5 ms for the rule alone, the mean weight of 5,000
neurons after 2 s is 0.00006 mV higher, a twentieth of the way from the first weights. That of NEST lies between both, 2.0 standard errors
of five seeds from the one and 1.4 from the other, so seeds do not tell which is closer.

    python -m models.brunel_2000 --regime AI --plot raster.png
"""

from __future__ import annotations

from typing import Any, NamedTuple

import brainunit as u
import numpy as np

import brainpy_state as bst

from . import report
from .simulation import Simulation, command

TAU, TAU_REF, DELAY = 20.0 * u.ms, 2.0 * u.ms, 1.5 * u.ms
THETA, V_RESET, V_REST = 20.0 * u.mV, 10.0 * u.mV, 0.0 * u.mV
J = 0.1 * u.mV
EPSILON, EXCITATORY = 0.1, 0.8
RULES: dict[str, Any] = {
    'none': None,
    'stdp': bst.plasticity.PairSTDP.desc(
        w_max=3.0 * J, learning_rate=0.001, alpha=1.05, mu_plus=0.0, mu_minus=0.0, delay_is='dendritic'
    ),
}  # fmt: skip


class Regime(NamedTuple):
    """A point of the phase diagram, and what the paper found there in a simulation of 12,500 neurons (table 2)."""

    name: str
    g: float  # inhibitory over excitatory weight
    eta: float  # external rate over the rate that takes V to threshold on average
    rate_hz: float | None = None
    global_frequency_hz: float | None = None


REGIMES = {
    'AI': Regime('asynchronous irregular', 5.0, 2.0, 37.7),
    'SR': Regime('synchronous regular', 3.0, 2.0),
    'SI-fast': Regime('synchronous irregular, fast oscillation', 6.0, 4.0, 60.7, 180.0),
    'SI-slow': Regime('synchronous irregular, slow oscillation', 4.5, 0.9, 5.5, 22.0),
}


class Network(bst.nn.Module):
    """Excitatory and inhibitory neurons that receive equal numbers of synapses, and external excitation.

    Parameters
    ----------
    g, eta : float
        Weight of inhibition, and external rate; see `Regime`.
    neurons : int
        Number of neurons, four fifths of them excitatory.
    seed : int
        Decides connections, start and drive.
    V_reset : voltage
        10 mV in the paper.
    plasticity : {'none', 'stdp'}
        What happens to synapses between excitatory neurons, see `RULES`; nothing in the paper. They begin with the weight J.
    """

    def __init__(self, g: float, eta: float, neurons: int = 12_500, seed: int = 1, V_reset: Any = V_RESET, plasticity: str = 'none'):
        super().__init__()
        self.n_exc = int(neurons * EXCITATORY)
        n_inh = neurons - self.n_exc
        c_exc, c_inh = int(EPSILON * self.n_exc), int(EPSILON * n_inh)
        self.seed = seed
        rng = np.random.default_rng([seed, 2000])
        self.N = bst.LIFRef(
            neurons, tau=TAU, V_th=THETA, V_reset=V_reset, V_rest=V_REST, tau_ref=TAU_REF, spk_reset='hard',
            V_initializer=rng.random(neurons) * THETA,
        )  # fmt: skip
        self.EE: bst.DeltaProj | None = None
        if plasticity == 'none':
            self.E = self._project('E', self.n_exc, slice(0, neurons), c_exc, J)
        else:
            self.E = self._project('EI', self.n_exc, slice(self.n_exc, neurons), c_exc, J)
            self.EE = self._project('EE', self.n_exc, slice(0, self.n_exc), c_exc, lambda n: np.full(n, 1.0) * J, RULES[plasticity])
        self.I = self._project('I', n_inh, slice(0, neurons), c_inh, -g * J)
        threshold_rate = THETA / (J * c_exc * TAU)
        self.external = bst.PoissonInput(self.N, num_input=c_exc, freq=(eta * threshold_rate).in_unit(u.Hz), weight=J)

    def _project(self, name: str, size: int, targets: slice, indegree: int, weight: Any, rule: Any = None) -> bst.DeltaProj:
        rows = bst.fixed_indegree(size, targets.stop - targets.start, indegree, weight=1.0, seed=(self.seed, name)).structure
        shape = (size, self.N.varshape[0])
        if rows.shape != shape:  # some of the neurons
            rows = bst.event.CSR(rows.indptr, rows.indices + targets.start, shape)
        comm = bst.Connection(rows, weight)
        # a spike takes one step to its targets without any delay
        return bst.DeltaProj(comm=comm, post=self.N, delay=DELAY - bst.environ.get('dt'), plasticity=rule)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Let plastic weights begin anew."""
        if self.EE is not None:
            weight = self.EE.comm.weight
            weight.value = u.math.full_like(weight.value, J)

    @property
    def n_synapses(self) -> int:
        return sum(x.comm.n_synapses for x in (self.E, self.EE, self.I) if x is not None)

    def update(self) -> Any:
        """One step; returns the spikes and V of the first neuron."""
        spikes = self.N.get_spike()
        self.E(spikes[: self.n_exc])
        if self.EE is not None:
            self.EE(spikes[: self.n_exc])
        self.I(spikes[self.n_exc :])
        self.external()
        return self.N(), self.N.V.value[0]


def build(regime: str = 'AI', neurons: int = 12_500, seed: int = 1, **options: Any) -> Simulation:
    """A simulation of the network; needs ``dt`` in ``environ``; call ``run`` on it.

    Parameters
    ----------
    regime : {'AI', 'SR', 'SI-fast', 'SI-slow'}
        See `REGIMES`.
    neurons : int
        Number of neurons.
    seed : int
        Decides connections, start and drive: the same seed gives the same spikes.
    **options
        See `Network`; ``g`` and ``eta`` replace those of the regime.
    """
    point = {'g': REGIMES[regime].g, 'eta': REGIMES[regime].eta}
    net = Network(**(point | options), neurons=neurons, seed=seed)
    return Simulation(net, {'E': net.n_exc, 'I': neurons - net.n_exc}, seed)


def global_frequency(spikes: bst.record.Spikes, lowest: Any = 5.0 * u.Hz) -> Any:
    """The frequency, above ``lowest``, at which the power spectrum of the population rate is largest."""
    bin_size = 0.5 * u.ms
    window = min(512.0 * u.ms, spikes.duration // bin_size * bin_size)
    frequency, power = bst.record.power_spectrum(spikes, window, bin_size)
    above = frequency >= lowest
    return frequency[above][np.argmax(power.to_decimal(u.Hz)[above])]


def main() -> None:
    options = report.arguments(__doc__, neurons=12_500, regime=tuple(REGIMES), plasticity=tuple(RULES))
    point = REGIMES[options.regime]
    title = f'Brunel 2000, {point.name} (g = {point.g:g}, eta = {point.eta:g})'
    command(title, lambda o: build(o.regime, o.neurons, o.seed, plasticity=o.plasticity), options, V_th=THETA, shown=200.0 * u.ms)


if __name__ == '__main__':
    main()
