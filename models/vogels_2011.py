"""Inhibition learns to balance excitation: a network that fires in synchrony comes to fire at a low rate, asynchronously and irregularly.

Vogels, Sprekeler, Zenke, Clopath & Gerstner 2011, *Science* 334:1569, doi:10.1126/science.1211095: the recurrent network of 8,000
excitatory and 2,000 inhibitory neurons, as F. Zenke, one of the authors, wrote it for Brian (ModelDB 143751, and the example
Vogels_et_al_2011 of Brian2). For a second, synapses from inhibitory to excitatory neurons have no weight and do not learn. Then they do.

    python -m models.vogels_2011 --plot balance.png

Each excitatory neuron is brought to the target rate of 3 Hz by itself: a second after learning has begun, their rates have a standard
deviation of 14 Hz, after five minutes hardly more than counts of spikes have by chance. Weights still grow when this run ends: with a
fifth of the neurons, the rate is 4.4 Hz at 90 to 100 s, 4.0 Hz at 200 s and 3.8 Hz at 300 to 400 s. That is above the target: the rule
brings spikes that know nothing of each other to 3 Hz, but one of inhibition makes those of its targets less likely for a while (a
quarter as likely at first), so pairs are a sixth fewer than by chance, and balance each other near 3 Hz / 0.83 = 3.6 Hz.

Parameters are those of the listing; the paper and its supplement could not be compared. The listing leaves V at 0 mV, so that all neurons
fire in its first step; here they start at rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import brainunit as u
import numpy as np

import brainpy_state as bst
from brainpy_state.record import SpikeMonitor, StateMonitor

from . import report
from .report import Published

NEURONS, EXCITATORY, P_CONNECT = 10_000, 0.8, 0.02
TAU, TAU_REF, R = 20.0 * u.ms, 5.0 * u.ms, 100.0 * u.Mohm  # a capacitance of 200 pF, a leak of 10 nS
V_REST, V_TH = -60.0 * u.mV, -50.0 * u.mV
CURRENT = 200.0 * u.pA  # alone, it would lead to 53 Hz
W_EXC, W_INH = 0.3 * u.nS, 3.0 * u.nS  # from excitatory neurons, and between inhibitory ones
TAU_E, TAU_I, E_EXC, E_INH = 5.0 * u.ms, 10.0 * u.ms, 0.0 * u.mV, -80.0 * u.mV
LEARNING_RATE, TARGET = 0.01, 3.0 * u.Hz
PLASTICITY = {'w_0': 1.0 * u.nS, 'w_max': 100.0 * u.nS, 'target_rate': TARGET, 'tau': 20.0 * u.ms, 'equal_times': 'pre_first'}
ALONE, DURATION = 1.0 * u.second, 100.0 * u.second  # without learning, and in all
EARLY, LATE = (10.0 * u.second, 20.0 * u.second), 10.0 * u.second  # windows of measures: one that Brian2 was run to, and the end


class Network(bst.nn.Module):
    """Excitatory and inhibitory neurons, connected at random.

    Parameters
    ----------
    neurons : int
        Number of neurons, four fifths of them excitatory. Each has as many synapses on average whatever the size of the network.
    seed : int
        Decides the connections, and nothing else is random.
    """

    def __init__(self, neurons: int = NEURONS, seed: int = 1):
        super().__init__()
        self.n_exc, self.seed = int(neurons * EXCITATORY), seed
        self.N = bst.LIFRef(
            neurons, R=R, tau=TAU, V_th=V_TH, V_reset=V_REST, V_rest=V_REST, tau_ref=TAU_REF, spk_reset='hard', V_initializer=V_REST
        )
        p, inh, every = P_CONNECT * NEURONS / neurons, neurons - self.n_exc, slice(0, neurons)
        self.E = self._project('E', self.n_exc, every, p, W_EXC, TAU_E, E_EXC)
        self.II = self._project('II', inh, slice(self.n_exc, neurons), p, W_INH, TAU_I, E_INH)
        nothing = lambda shape: np.zeros(shape) * u.nS  # noqa: E731
        self.IE = self._project(
            'IE', inh, slice(0, self.n_exc), p, nothing, TAU_I, E_INH, bst.plasticity.InhibitorySTDP.desc(learning_rate=0.0, **PLASTICITY)
        )

    def _project(
        self, name: str, size: int, targets: slice, p: float, weight: Any, tau: Any, E: Any, rule: Any = None
    ) -> bst.AlignPostProj:
        drawn = bst.pairwise_bernoulli(size, targets.stop - targets.start, p, weight=0.0, seed=(self.seed, name)).structure
        rows = bst.event.CSR(drawn.indptr, drawn.indices + targets.start, (size, *self.N.varshape))
        return bst.AlignPostProj(
            comm=bst.Connection(rows, weight),
            syn=bst.Expon.desc(self.N.varshape, tau=tau, g_initializer=0.0 * u.nS),
            out=bst.COBA.desc(E=E),
            post=self.N,
            plasticity=rule,
        )

    @property
    def n_synapses(self) -> int:
        return sum(x.comm.n_synapses for x in (self.E, self.II, self.IE))

    def weights(self) -> Any:
        """Those that learn, in nS."""
        return self.IE.comm.weight.value / u.nS

    def update(self) -> None:
        """One step."""
        spikes = self.N.get_spike()
        self.E(spikes[: self.n_exc])
        self.II(spikes[self.n_exc :])
        self.IE(spikes[self.n_exc :])
        self.N(CURRENT)


def build(neurons: int = NEURONS, seed: int = 1) -> bst.Simulation:
    """A simulation of the network, with ``dt`` of `environ`, for `run`. The same seed gives the same spikes."""
    net = Network(neurons, seed)
    mean = StateMonitor(lambda: net.weights().mean(), every=0.5 * u.second)
    spread = StateMonitor(lambda: net.weights().std(), every=0.5 * u.second)
    return bst.Simulation(net, record={'spikes': SpikeMonitor(net.N), 'mean': mean, 'spread': spread})


def run(simulation: bst.Simulation, duration: Any = DURATION) -> bst.Simulation:
    """Run without learning first, and then with it."""
    (net,) = simulation.models
    net.IE.plasticity.learning_rate = 0.0
    simulation.run(ALONE)
    net.IE.plasticity.learning_rate = LEARNING_RATE
    simulation.run(duration - ALONE)
    return simulation


SOURCE = 'Brian2 2.9, 3 seeds'  # its example with V at rest first, to 20 s
PUBLISHED = {
    'rate E, without learning': Published('165 Hz', SOURCE, 162.0, 168.0, 'Hz', checked=True),
    'rate E, at 10 to 20 s': Published('7.4 Hz', SOURCE, 6.7, 8.1, 'Hz', checked=True),
    'rate I, at 10 to 20 s': Published('8.1 Hz', SOURCE, 7.7, 8.6, 'Hz', checked=True),
    'spread of rates E, at 10 to 20 s': Published('4.1 Hz', SOURCE, 3.4, 4.8, 'Hz', checked=True),
    'CV E, at 10 to 20 s': Published('0.97', SOURCE, 0.92, 1.01, checked=True),
    'weight, at 20 s': Published('1.57 nS', SOURCE, 1.49, 1.66, 'nS', checked=True),
    'spread of weights, at 20 s': Published('1.56 nS', SOURCE, 1.47, 1.65, 'nS', checked=True),
    'rate E, last 10 s': Published('3 Hz', 'target of the rule', 3.0, 4.6, 'Hz', checked=True),
    'CV E, last 10 s': Published('irregular', 'title of figure 4', 0.8, 1.2),
}


def summary(simulation: bst.Simulation) -> dict[str, float]:
    """What `PUBLISHED` speaks of, and the rate of inhibitory neurons."""
    (net,) = simulation.models
    spikes, end = simulation['spikes'], simulation.t
    E, I = spikes.of(0, net.n_exc), spikes.of(net.n_exc, spikes.size)
    before, early, late = (ALONE / 2, ALONE), EARLY, (end - LATE, end)
    at = int(np.searchsorted(simulation['mean'].t.to_decimal(u.second), EARLY[1].to_decimal(u.second)))
    mean, spread = (float(simulation[name].values[at - 1]) for name in ('mean', 'spread'))
    return {
        'rate E, without learning': _rate(E, *before),
        'rate E, at 10 to 20 s': _rate(E, *early),
        'rate I, at 10 to 20 s': _rate(I, *early),
        'spread of rates E, at 10 to 20 s': float(np.std(_rates(E, *early))),
        'CV E, at 10 to 20 s': _cv(E, *early),
        'weight, at 20 s': mean,
        'spread of weights, at 20 s': spread,
        'rate E, last 10 s': _rate(E, *late),
        'spread of rates E, last 10 s': float(np.std(_rates(E, *late))),
        'CV E, last 10 s': _cv(E, *late),
    }


def _rates(spikes: bst.record.Spikes, start: Any, stop: Any) -> np.ndarray:
    """Of each neuron, in Hz."""
    return spikes.between(start, stop).count / float((stop - start).to_decimal(u.second))


def _rate(spikes: bst.record.Spikes, start: Any, stop: Any) -> float:
    return float(_rates(spikes, start, stop).mean())


def _cv(spikes: bst.record.Spikes, start: Any, stop: Any) -> float:
    """The mean over neurons of the CV of intervals."""
    return float(np.mean(bst.record.cv(spikes.between(start, stop))))


def check(simulation: bst.Simulation) -> dict[str, bool]:
    """Whether each published number is found again."""
    return report.holds(PUBLISHED, summary(simulation))


def plot(path: Path, simulation: bst.Simulation) -> None:
    """Rasters of 200 ms before and after, the course of rates and weights, and their distributions."""
    (net,) = simulation.models
    spikes, end = simulation['spikes'], simulation.t
    E, I = spikes.of(0, net.n_exc), spikes.of(net.n_exc, spikes.size)
    windows = {'without learning': (ALONE / 2, ALONE), 'at the end': (max(end - LATE, ALONE), end)}
    with report.figure(path, (12, 8)) as canvas:
        (*rasters, course), (rates, cvs, weights) = canvas.subplots(2, 3)
        for axis, (name, (_, stop)) in zip(rasters, windows.items(), strict=True):
            shown = {k: x.between(stop - 200.0 * u.ms, stop) for k, x in {'E': E, 'I': I}.items()}
            bst.plots.raster(shown, most=400, ax=axis)
            axis.set_title(name)
        seconds = np.arange(0.0, np.floor(float(end.to_decimal(u.second)) / 0.5) * 0.5 + 0.25, 0.5)
        for k, (name, x) in enumerate({'E': E, 'I': I}.items()):
            per_bin = np.histogram(x.t.to_decimal(u.second), seconds)[0] / 0.5 / x.size
            course.stairs(per_bin, seconds, baseline=None, color=bst.plots.PALETTE[k], label=f'rate {name} (Hz)')
        mean, spread = (np.asarray(simulation[name].values) for name in ('mean', 'spread'))
        t = simulation['mean'].t.to_decimal(u.second)
        course.plot(t, mean, color='0.3', label='mean weight (nS)')
        course.fill_between(t, np.maximum(mean - spread, 1e-9), mean + spread, color='0.85', lw=0)
        course.axhline(float(TARGET.to_decimal(u.Hz)), color='k', ls='--', lw=0.8, label='target (Hz)')
        course.set(xlabel='t (s)', yscale='log', ylim=(0.3, 300), xlim=(0, seconds[-1]), title='course')
        course.legend(frameon=False)
        for k, (name, window) in enumerate(windows.items()):
            style = {'histtype': 'step', 'density': True, 'label': name, 'color': ('0.6', bst.plots.PALETTE[0])[k]}
            rates.hist(np.maximum(_rates(E, *window), 0.1), np.geomspace(0.1, 300.0, 61), **style)
            cvs.hist(bst.record.cv(E.between(*window)), np.linspace(0.0, 2.0, 61), **style)
        rates.axvline(float(TARGET.to_decimal(u.Hz)), color='k', ls='--', lw=0.8)
        rates.set(xscale='log', yscale='log', xlabel='rate (Hz)', ylabel='neurons E', title='rates')
        cvs.set(yscale='log', xlabel='CV of intervals', title='irregularity')
        cvs.legend(frameon=False)
        bst.plots.weights(np.asarray(net.weights()), bins=60, name='weight (nS)', ax=weights)
        weights.set(title='inhibition of E', ylabel='synapses')


def main() -> None:
    parser = report.common_arguments(__doc__, duration=float(DURATION.to_decimal(u.ms)))
    parser.add_argument('--neurons', type=report.positive(int), default=NEURONS)
    options = report.parse(parser)
    if options.duration * u.ms < EARLY[1]:
        parser.error(f'--duration {options.duration:g} is too short: measures are taken up to {EARLY[1]}')
    bst.environ.set(precision=options.precision, dt=options.dt * u.ms)
    clock = report.Stopwatch()
    simulation = build(options.neurons, options.seed)
    clock.lap('build_s')
    run(simulation, options.duration * u.ms)
    clock.lap('run_s')
    found = summary(simulation)
    net = simulation.models[0]
    rows = [
        ('synapses', f'{net.n_synapses:,}'),
        ('build, run', f'{clock.timings["build_s"]:.2f}, {clock.timings["run_s"]:.2f} s with compiling'),
    ]
    result = {'neurons': options.neurons, 'seed': options.seed, 'dt_ms': options.dt, 'duration_ms': options.duration}
    result |= {**clock.timings, 'found': found, 'spikes': len(simulation['spikes']), 'peak_rss_mb': report.peak_rss_mb()}
    report.show('Vogels et al. 2011', report.comparison(PUBLISHED, found) + rows, result, options)
    if options.plot:
        plot(options.plot, simulation)


if __name__ == '__main__':
    main()
