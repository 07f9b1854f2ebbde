"""Competition among the synapses of one neuron by spike-timing-dependent plasticity: weights end up near nothing or near the most.

Song, Miller & Abbott 2000, *Nat. Neurosci.* 3:919, doi:10.1038/78829, in the form of Brian2's published example: 1,000 Poisson
inputs at 15 Hz, one neuron with conductances, the additive rule by pairs of spikes.

Depression outweighs potentiation by 5 %, so inputs become weaker until spikes of the neuron come from chance coincidences of them
and no more from their mean; then those that help to make it fire gain. Meanwhile the neuron slows down to some 20 Hz.

The published listing delivers a spike with the weight that it had before the spike changed it. Here it has the new one, which is 1 % less
of the greatest on average; Brian2 was run both ways, and is 2 Hz quicker as listed.

    python -m models.song_2000 --plot weights.png
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

INPUTS, RATE = 1000, 15.0 * u.Hz
TAU, TAU_E = 10.0 * u.ms, 5.0 * u.ms
V_TH, V_RESET, V_REST, E_EXC = -54.0 * u.mV, -60.0 * u.mV, -74.0 * u.mV, 0.0 * u.mV
R = 100.0 * u.Mohm
STRONGEST = 0.01 / R  # conductances are given in parts of the leak
PLASTICITY = {'tau_plus': 20.0 * u.ms, 'tau_minus': 20.0 * u.ms, 'learning_rate': 0.01, 'alpha': 1.05, 'mu_plus': 0.0, 'mu_minus': 0.0}
DURATION, BEGIN, END = 100.0 * u.second, 10.0 * u.second, 20.0 * u.second  # rates are those of the beginning and the end
FOLLOWED = 6  # inputs whose weights are recorded often


class Network(bst.nn.Module):
    """A neuron and its plastic inputs, whose first weights are uniform.

    Parameters
    ----------
    seed : int
        Decides the first weights and the inputs.
    """

    def __init__(self, seed: int = 1):
        super().__init__()
        rng = np.random.default_rng([seed, 2000])
        self.inputs = bst.PoissonSpike(INPUTS, RATE, seed=(seed, 'inputs'))
        self.N = bst.LIF(
            1, R=R, tau=TAU, V_th=V_TH, V_reset=V_RESET, V_rest=V_REST, spk_reset='hard', V_initializer=V_RESET
        )  # fmt: skip
        self.synapses = bst.AlignPostProj(
            comm=bst.all_to_all(INPUTS, 1, weight=rng.random(INPUTS) * STRONGEST),
            syn=bst.Expon.desc(tau=TAU_E),
            out=bst.COBA.desc(E=E_EXC),
            post=self.N,
            plasticity=bst.plasticity.PairSTDP.desc(w_max=STRONGEST, equal_times='pre_first', **PLASTICITY),
        )

    def parts(self) -> Any:
        """Weights in parts of the greatest."""
        return self.synapses.comm.weight.value / STRONGEST

    def update(self) -> None:
        """One step."""
        self.synapses(self.inputs())
        self.N()


def build(seed: int = 1) -> bst.Simulation:
    """A simulation of the neuron, with ``dt`` of `environ`; call ``run`` on it. The same seed gives the same spikes."""
    net = Network(seed)
    record = {
        'spikes': SpikeMonitor(net.N),
        'weights': StateMonitor(net.parts, every=1.0 * u.second),
        'followed': StateMonitor(net.parts, of=slice(FOLLOWED), every=0.1 * u.second),
    }
    return bst.Simulation(net, record=record)


SOURCE = 'Brian2 2.9, 8 seeds'  # its example with exponential Euler, and weights delivered after their change
PUBLISHED = {
    'rate, first 10 s': Published('31.7 +- 5.3 Hz', SOURCE, 15.0, 48.0, 'Hz', checked=True),
    'rate, last 20 s': Published('19.8 +- 0.7 Hz', SOURCE, 16.5, 23.5, 'Hz', checked=True),
    'mean weight': Published('0.471 +- 0.002', SOURCE, 0.463, 0.479, 'w_max', checked=True),
    'below 0.1': Published('0.232 +- 0.013', SOURCE, 0.19, 0.28, 'of all', checked=True),  # 0.1 of uniform weights
    'above 0.9': Published('0.186 +- 0.011', SOURCE, 0.145, 0.23, 'of all', checked=True),
}


def summary(simulation: bst.Simulation) -> dict[str, float]:
    """What `PUBLISHED` speaks of."""
    (net,) = simulation.models
    w = np.asarray(u.get_mantissa(net.parts()))
    return {
        'rate, first 10 s': _rate(simulation, 0.0 * u.second, min(BEGIN, simulation.t)),
        'rate, last 20 s': _rate(simulation, max(simulation.t - END, 0.0 * u.second), simulation.t),
        'mean weight': float(w.mean()),
        'below 0.1': float((w < 0.1).mean()),
        'above 0.9': float((w > 0.9).mean()),
    }


def _rate(simulation: bst.Simulation, start: Any, stop: Any) -> float:
    return float(bst.record.mean_firing_rate(simulation['spikes'].between(start, stop)).to_decimal(u.Hz))


def check(simulation: bst.Simulation) -> dict[str, bool]:
    """Whether each published number is found again."""
    return report.holds(PUBLISHED, summary(simulation))


def plot(path: Path, simulation: bst.Simulation) -> None:
    """The weights in the course of time and at the end, some of them, and the rate of the neuron."""
    weights, followed, spikes = simulation['weights'], simulation['followed'], simulation['spikes']
    seconds = float(simulation.t.to_decimal(u.second))
    with report.figure(path, (11, 7)) as canvas:
        (course, end), (some, rate) = canvas.subplots(2, 2)
        bins = np.linspace(0.0, 1.0, 41)
        counts = np.stack([np.histogram(row, bins)[0] for row in np.asarray(weights.values)])
        picture = course.imshow(
            counts.T, origin='lower', aspect='auto', extent=(0.0, seconds, 0.0, 1.0), cmap='Greys', vmax=np.quantile(counts, 0.99)
        )  # fmt: skip
        canvas.colorbar(picture, ax=course, label='inputs')
        course.set(ylabel='weight / greatest', title='all weights')
        last = np.asarray(u.get_mantissa(simulation.models[0].parts()))
        bst.plots.weights(last, bins=40, name='weight / greatest', ax=end)
        end.set(title=f'after {seconds:g} s', ylabel='inputs', xlim=(0, 1))
        for k, colour in zip(range(FOLLOWED), bst.plots.PALETTE, strict=False):
            some.plot(followed.t.to_decimal(u.second), np.asarray(followed.values)[:, k], color=colour, lw=1)
        some.set(ylabel='weight / greatest', ylim=(0, 1), title='some of them')
        width = 2.0  # s
        per_bin = np.histogram(spikes.t.to_decimal(u.second), np.arange(0.0, seconds + width / 2, width))[0]
        rate.stairs(per_bin / width, np.arange(len(per_bin) + 1) * width, color='0.25')
        rate.set(ylabel='rate (Hz)', ylim=(0, None), title='the neuron')
        for axis in (course, some, rate):
            axis.set(xlabel='t (s)', xlim=(0, seconds))


def main() -> None:
    parser = report.common_arguments(__doc__, duration=float(DURATION.to_decimal(u.ms)))
    parser.add_argument('--repeats', type=report.positive(int), default=1, help='runs from the start, of which the last is shown')
    options = report.parse(parser)
    bst.environ.set(precision=options.precision, dt=options.dt * u.ms)
    clock = report.Stopwatch()
    for _ in range(options.repeats):
        simulation = build(options.seed)
        clock.lap('build_s')
        simulation.run(options.duration * u.ms)
        clock.lap('run_s')
    found = summary(simulation)
    rows = [('build, run', f'{clock.timings["build_s"]:.2f}, {clock.timings["run_s"]:.2f} s with compiling')]
    result = {'seed': options.seed, 'dt_ms': options.dt, 'duration_ms': options.duration, **clock.timings, 'found': found}
    result |= {'spikes': len(simulation['spikes']), 'peak_rss_mb': report.peak_rss_mb()}
    report.show('Song, Miller & Abbott 2000', report.comparison(PUBLISHED, found) + rows, result, options)
    if options.plot:
        plot(options.plot, simulation)


if __name__ == '__main__':
    main()
