"""Gamma rhythm by mutual inhibition of interneurons.

Wang & Buzsáki 1996, *J. Neurosci.* 16:6402, doi:10.1523/JNEUROSCI.16-20-06402.1996: the frequency-current curve of the neuron
(figure 1A), the homogeneous network of 100 neurons that starts out of step and synchronizes (figure 3A), and how coherence
depends on the number of synapses that a neuron receives (figure 5).

    python -m models.wang_buzsaki_1996 --plot gamma.png

Of the paper only the abstract could be compared; what is quoted from its text and figures is marked as not checked. The neuron is that of
the example Wang_Buszaki_1996 of Brian2.

Currents, conductances and the capacitance are those of a square centimetre. The neurons take steps of the classic Runge-Kutta
method, during which the open channels of the synapses stand still.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import brainunit as u
import numpy as np

import brainpy_state as bst

from . import report
from .report import Published
from .simulation import Simulation

SIZE = 100
DT = 0.05 * u.ms
G_SYN, E_SYN = 0.1 * u.mS, -75.0 * u.mV  # all synapses of a neuron together
I_APP = 1.0 * u.uA
V_START = -70.0, -50.0  # mV, uniform between these
V_SPIKE = 0.0 * u.mV
START_UP = 500.0 * u.ms  # left out of rates and coherence of networks

CONTACTS = (20, 40, 50, 60, 80, 99)  # the last is all to all
CURRENTS = np.concatenate([np.arange(0.0, 0.4, 0.02), np.arange(0.4, 2.0, 0.2), np.arange(2.0, 21.0, 2.0)]) * u.uA
PUBLISHED = {
    'rheobase': Published('about 0.2', 'text on figure 1A', 0.12, 0.22, 'uA/cm2'),
    'rate at 20 uA/cm2': Published('as high as 400 Hz', 'text on figure 1A', 390.0, 415.0, 'Hz'),
    'all to all, rate': Published('gamma, 20 to 80 Hz', 'abstract', 20.0, 80.0, 'Hz', checked=True),
    'all to all, coherence': Published('synchrony', 'figure 3A', 0.95, 1.0),
    # two trains of one rate without relation meet in a tenth of the bins
    '20 synapses, coherence': Published('none below a critical number', 'abstract', 0.0, 0.15, checked=True),
}


class GABA(bst.nn.Dynamics):
    r"""Channels that the potential of the source opens.

    .. math:: \frac{ds}{dt} = \alpha\,F(V)\,(1 - s) - \beta\,s, \qquad F(V) = \frac{1}{1 + e^{-(V - \theta) / 2\,\mathrm{mV}}}

    Notes
    -----
    Exact for a V that stands still during the step.
    """

    alpha: Any = bst.nn.Parameter(12.0 / u.ms, bst.nn.positive, 'rate of opening')
    beta: Any = bst.nn.Parameter(0.1 / u.ms, bst.nn.positive, 'rate of closing')
    theta: Any = bst.nn.Parameter(0.0 * u.mV, doc='potential that opens with half the rate')

    s: Any = bst.nn.Variable(0.0, 'open fraction')

    def update(self, V: Any) -> Any:
        """The open fraction during the step, from the potential at its start."""
        s = self.s.value
        opening = self.alpha / (1.0 + u.math.exp(-(V - self.theta) / (2.0 * u.mV)))
        rate = opening + self.beta
        steady = opening / rate
        self.s.value = steady + (s - steady) * u.math.exp(-rate * self.get_dt())
        return s


class Networks(bst.nn.Module):
    """Networks of interneurons side by side, without synapses between them.

    Parameters
    ----------
    contacts : sequence of float
        For each network, how many synapses a neuron receives on average; all to all if it is ``size - 1``.
    size : int
        Neurons of a network.
    heterogeneity : current
        Standard deviation of the applied current over neurons, one for all or one for each neuron.
    seed : int
        Decides synapses, currents and start.
    """

    def __init__(self, contacts: Sequence[float], size: int = SIZE, heterogeneity: Any = 0.0 * u.uA, seed: int = 1):
        super().__init__()
        rng = np.random.default_rng([seed, 1996])
        self.contacts, self.size = tuple(contacts), size
        n = size * len(self.contacts)
        self.N = bst.WangBuzsakiHH(n, method='rk4', V_th=V_SPIKE, V_initializer=rng.uniform(*V_START, n) * u.mV)
        self.I = I_APP + heterogeneity * rng.standard_normal(n)
        self.gaba = GABA(n)
        self.synapses = bst.CurrentProj(comm=self._connect(rng), post=self.N, out=bst.COBA.desc(E=E_SYN))

    def _connect(self, rng: np.random.Generator) -> bst.Connection:
        blocks = []
        for k, m in enumerate(self.contacts):
            joined = rng.random((self.size, self.size)) < m / (self.size - 1)
            np.fill_diagonal(joined, False)
            blocks.append(np.argwhere(joined) + k * self.size)
        pairs, n = np.concatenate(blocks).astype(np.int32), self.size * len(blocks)
        structure = bst.event.CSR.from_pairs(pairs[:, 0], pairs[:, 1], (n, n))
        each = np.asarray(self.contacts)[np.asarray(structure.indices) // self.size]
        return bst.Connection(structure, G_SYN / each)

    def update(self) -> Any:
        """One step; returns the spikes and V of the first two neurons of the last network."""
        self.synapses(self.gaba(self.N.V.value))
        return self.N(self.I), self.N.V.value[-self.size :][:2]


def networks(simulation: Simulation) -> list[dict[str, float]]:
    """Synapses of a neuron, rate (Hz) and coherence of each network, without the start-up."""
    found = []
    for m, spikes in zip(simulation.net.contacts, simulation.populations.values(), strict=True):
        late = spikes.between(START_UP if spikes.duration > START_UP else 0.0 * u.ms, spikes.duration)
        rate = float(bst.record.mean_firing_rate(late).to_decimal(u.Hz))
        found.append({'synapses': m, 'rate': rate, 'coherence': coherence(late)})
    return found


def coherence(spikes: bst.record.Spikes) -> float:
    r"""Mean over pairs of :math:`\kappa_{ij} = \sum_l X_l Y_l / \sqrt{\sum_l X_l \sum_l Y_l}`.

    X and Y tell in which bins the two neurons spike; a bin is a tenth of the mean period of the population.
    """
    rate = bst.record.mean_firing_rate(spikes)
    if not len(spikes):
        return 0.0
    width = max(1, round(float(0.1 / (rate * spikes.dt))))
    bins = (spikes.step - spikes.start) // width
    spiked = np.zeros((spikes.size, bins.max() + 1))
    spiked[spikes.i, bins] = 1.0
    count = np.maximum(spiked.sum(axis=1), 1.0)
    kappa = spiked @ spiked.T / np.sqrt(np.outer(count, count))
    return float(kappa[np.triu_indices(spikes.size, 1)].mean())


def frequency_current(currents: Any = CURRENTS, duration: Any = 700.0 * u.ms) -> np.ndarray:
    """Firing rates in Hz of single neurons at constant currents, from the intervals between their spikes after 200 ms."""
    n = len(currents)
    neurons = bst.WangBuzsakiHH(n, method='rk4', V_th=V_SPIKE)
    recorder = bst.record.SpikeRecorder(n)
    bst.nn.init_all_states(neurons)
    bst.nn.init_all_states(recorder)
    bst.run(lambda: recorder(neurons(currents)), duration)
    dt = bst.environ.get_dt()
    spikes = recorder.spikes(0, round(float(duration / dt))).between(200.0 * u.ms, duration)
    neuron, interval = bst.record.isi(spikes)
    count, total = np.bincount(neuron, minlength=n), np.bincount(neuron, interval.to_decimal(u.second), minlength=n)
    return np.divide(count, total, out=np.zeros(n), where=count > 0)


def build(contacts: Sequence[float] = CONTACTS, seed: int = 1, **options: Any) -> Simulation:
    """A simulation of networks side by side; call ``run`` on it. Parameters are those of `Networks`."""
    net = Networks(contacts, seed=seed, **options)
    return Simulation(net, {f'network {k}': net.size for k in range(len(contacts))})


def run(duration: Any = 1000.0 * u.ms, seed: int = 1, dt: Any = DT) -> tuple[Simulation, np.ndarray]:
    """Run the networks of figures 3A and 5, and the neurons of figure 1A, which gives their rates in Hz."""
    with bst.environ.context(dt=dt):
        return build(seed=seed).run(duration), frequency_current()


def summary(simulation: Simulation, rates: np.ndarray) -> dict[str, float]:
    """What `PUBLISHED` speaks of."""
    by_synapses = {round(x['synapses']): x for x in networks(simulation)}
    return {
        'rheobase': float(CURRENTS[rates > 0][0].to_decimal(u.uA)),
        'rate at 20 uA/cm2': float(np.interp(20.0, CURRENTS.to_decimal(u.uA), rates)),
        'all to all, rate': by_synapses[SIZE - 1]['rate'],
        'all to all, coherence': by_synapses[SIZE - 1]['coherence'],
        '20 synapses, coherence': by_synapses[20]['coherence'],
    }


def check(simulation: Simulation, rates: np.ndarray) -> dict[str, bool]:
    """Whether each published number is found again."""
    return report.holds(PUBLISHED, summary(simulation, rates))


def plot(path: Path, simulation: Simulation, rates: np.ndarray) -> None:
    """Two networks, two neurons of the synchronous one, the curve of the neuron and coherence over the number of synapses."""
    found = networks(simulation)
    shown = min(START_UP, simulation.spikes.duration)
    with report.figure(path, (10, 9)) as canvas:
        grid = canvas.add_gridspec(4, 2, height_ratios=(3, 3, 2.2, 3))
        for row, k in enumerate((0, -1)):
            axis = canvas.add_subplot(grid[row, :])
            spikes = list(simulation.populations.values())[k].between(0.0 * u.ms, shown)
            bst.plots.raster(spikes, colors=bst.plots.PALETTE[1], ax=axis)
            what = f'{found[k]["synapses"]:g} synapses for each neuron: coherence {found[k]["coherence"]:.2f}, {found[k]["rate"]:.0f} Hz'
            axis.set(xlabel='', title=what)
        trace = canvas.add_subplot(grid[2, :])
        V = simulation.V[: round(float(shown / simulation.spikes.dt))]
        bst.plots.trace(V, np.arange(len(V)) * simulation.spikes.dt, ax=trace)
        trace.axhline(float(E_SYN.to_decimal(u.mV)), color='0.6', ls='--', lw=0.8)
        trace.set_title('two neurons of the network above, and the reversal potential', loc='left')
        curve, kappa = canvas.add_subplot(grid[3, 0]), canvas.add_subplot(grid[3, 1])
        curve.plot(CURRENTS.to_decimal(u.uA), rates, '.-', color='0.25')
        curve.set(xlabel='current (µA/cm²)', ylabel='rate (Hz)', xlim=(0, 20.5), ylim=(0, None))
        kappa.plot([x['synapses'] for x in found], [x['coherence'] for x in found], 'o-', color='0.25')
        kappa.axhline(0.1, color='0.6', ls='--', lw=0.8)
        kappa.text(SIZE, 0.11, 'by chance', ha='right', va='bottom', color='0.4')
        kappa.set(xlabel='synapses for each neuron', ylabel='coherence κ', xlim=(0, SIZE), ylim=(0, 1.05))


def main() -> None:
    parser = report.common_arguments(__doc__, duration=1000.0)
    parser.set_defaults(dt=float(DT.to_decimal(u.ms)))
    options = report.parse(parser)
    bst.environ.set(precision=options.precision)
    clock = report.Stopwatch()
    simulation, rates = run(options.duration * u.ms, options.seed, options.dt * u.ms)
    clock.lap('run_s')
    found = summary(simulation, rates)
    rows = [(f'{x["synapses"]:g} synapses', f'{x["rate"]:.1f} Hz, coherence {x["coherence"]:.2f}') for x in networks(simulation)]
    rows += [('build and run', f'{clock.timings["run_s"]:.2f} s with compiling')]
    result = {'seed': options.seed, 'dt_ms': options.dt, 'duration_ms': options.duration, **clock.timings}
    result |= {'found': found, 'networks': networks(simulation)}
    result |= {'currents_uA': CURRENTS.to_decimal(u.uA).tolist(), 'rates_hz': rates.tolist()}
    report.show('Wang & Buzsáki 1996, figures 1A, 3A and 5', report.comparison(PUBLISHED, found) + rows, result, options)
    if options.plot:
        plot(options.plot, simulation, rates)


if __name__ == '__main__':
    main()
