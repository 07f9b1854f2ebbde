"""One neuron finds a pattern that repeats in the spikes of its 2,000 inputs, and comes to fire at the pattern's start.

Masquelier, Guyonneau & Thorpe 2008, *PLoS ONE* 3:e1377, doi:10.1371/journal.pone.0001377. Inputs fire at rates that wander between 0
and 90 Hz, and all have 10 Hz of noise on top. In a quarter of the time, half of them repeat the same 50 ms, with a jitter of 1 ms. Neither
their rates nor that of the population tell when. Plasticity by nearest pairs of spikes turns the neuron, at first active at any time, into
one that fires once in each pattern, and earlier and earlier in it.

    python -m models.masquelier_2008 --plot latency.png

A run is a success, as in the paper, if in the last 150 s of 450 s the neuron fires in more than 98 % of the patterns, never elsewhere, and
less than 10 ms after their start on average. The paper has 96 % of 100 runs succeed; here 22 of those with seeds 1 to 24 do, which fire 3.1
to 8.5 ms after the start, 5.4 ms on average. ``--runs`` makes several, from one seed to the next.

Open in the text, and here as in the replication by Hathway & Goodman 2018, *ReScience* 4(1), doi:10.5281/zenodo.1327348, which had the
authors' code: only a spike and the one that follows next on the other side change a synapse; 150 s of input come three times. With steps
of 0.1 ms the replication found the pattern after 20 s, the authors, without steps, after 13.5 s. Here it takes 10 s, and 15 s with
``equal_times='pre_first'``, where inputs in the step after that of the neuron's spike count as earlier. Inputs are drawn by the rules of
the text, not by the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

import brainpy_state as bst

from . import report
from .report import Published

INPUTS, IN_PATTERN = 2000, 1000
LASTS, SHARE, JITTER = 50, 0.25, 1.0  # ms, part of the time, ms
FASTEST, NOISE = 0.09, 0.01  # spikes per ms; the rates may go from none to the fastest in 50 ms
T_TH = 500.0 * u.mV  # the peak of an EPSP of the greatest weight is 1 mV
FIRST = 0.475  # of the greatest weight
RULE = bst.plasticity.ReducedSymmetricSTDP
PLASTICITY = {
    'learning_rate': 2.0**-5, 'alpha': 0.85, 'tau_plus': 16.8 * u.ms, 'tau_minus': 33.7 * u.ms, 'mu_plus': 0.0, 'mu_minus': 0.0,
}  # fmt: skip
INPUT, PASSES = 150_000, 3  # ms of input, and how often it comes


class Detector(bst.Neuron):
    r"""Neuron of the spike response model.

    .. math:: u(t) = \eta(t - t_s) + \sum_{t_j > t_s} w_j\, K (e^{-(t - t_j) / \tau_m} - e^{-(t - t_j) / \tau_s}), \qquad
        \eta(t) = T (4 e^{-t / \tau_s} - 2 e^{-t / \tau_m})

    It fires where u comes to T from below, which makes it forget its inputs. K makes 1 of the peak of an EPSP.

    Notes
    -----
    V is the sum, and :math:`\eta`, as soon as it is negative, is taken from the threshold. Before, it falls too fast for a spike.
    """

    order = (('V',), ('x', 'slow', 'fast'))
    delta_to = 'x'

    tau_m: Any = bst.nn.Parameter(10.0 * u.ms, bst.nn.positive, 'time constant of the membrane')
    tau_s: Any = bst.nn.Parameter(2.5 * u.ms, bst.nn.positive, 'time constant of synapses')
    V_th: Any = bst.nn.Parameter(T_TH, doc='threshold T')
    V_reset: Any = bst.nn.Parameter(0.0 * u.mV, doc='V without inputs')

    V: Any = bst.nn.Variable('V_reset', 'sum of EPSPs')
    x: Any = bst.nn.Variable(0.0 * u.mV, 'inputs that act')
    slow: Any = bst.nn.Variable(0.0 * u.mV, 'slow part of what follows a spike')
    fast: Any = bst.nn.Variable(0.0 * u.mV, 'fast part of what follows a spike')

    def threshold(self, slow: Any, fast: Any) -> Any:
        return self.V_th - u.math.minimum(slow + fast, 0.0 * u.mV)

    def dV(self, V: Any, x: Any) -> Any:
        ratio = self.tau_s / self.tau_m
        gain = ratio ** (1.0 / (ratio - 1.0))
        return (gain * x - V) / self.tau_m

    def dx(self, x: Any) -> Any:
        return -x / self.tau_s

    def dslow(self, slow: Any) -> Any:
        return -slow / self.tau_m

    def dfast(self, fast: Any) -> Any:
        return -fast / self.tau_s

    def jump(self, x: Any) -> dict[str, Any]:
        return {'x': 0.0 * x, 'slow': -2.0 * self.V_th, 'fast': 4.0 * self.V_th}


class Input(NamedTuple):
    """Spikes of the inputs (number, ms) and the starts of the patterns (ms), in a time (ms)."""

    index: np.ndarray
    time: np.ndarray
    starts: np.ndarray
    duration: int


def make_input(seed: int = 1, duration: int = INPUT) -> Input:
    """Inputs with a pattern, of ``duration`` ms."""
    rng = np.random.default_rng([seed, 2008])
    index, time = _wandering(rng, duration)
    windows = duration // LASTS
    starts = _apart(rng, windows, round(SHARE * windows)) * LASTS
    window = (time // LASTS).astype(int)
    within = (window == starts[0] // LASTS) & (index < IN_PATTERN)
    what, when = index[within], time[within] - starts[0]
    keep = ~(np.isin(window, starts // LASTS) & (index < IN_PATTERN))
    pasted = starts[:, None] + when + JITTER * rng.standard_normal((starts.size, when.size))
    noise = rng.poisson(NOISE * duration, INPUTS)
    index = np.concatenate([index[keep], np.tile(what, starts.size), np.repeat(np.arange(INPUTS), noise)])
    time = np.concatenate([time[keep], pasted.ravel(), rng.random(noise.sum()) * duration])
    inside = (time >= 0) & (time < duration)
    return Input(index[inside].astype(np.int32), time[inside], np.sort(starts), duration)


def _wandering(rng: np.random.Generator, duration: int) -> tuple[np.ndarray, np.ndarray]:
    """Spikes at rates whose slope changes at random each ms, with none further than 50 ms from the last."""
    steepest = FASTEST / LASTS
    rate, slope = rng.uniform(0, FASTEST, INPUTS), rng.uniform(-steepest, steepest, INPUTS)
    last = -rng.uniform(0, LASTS, INPUTS)
    index, time = [], []
    for t in range(duration):
        fires = np.flatnonzero((rng.random(INPUTS) < rate) | (t - last > LASTS))
        last[fires] = t + rng.random(fires.size)
        index.append(fires)
        time.append(last[fires])
        rate = np.clip(rate + slope, 0, FASTEST)
        slope = np.clip(slope + rng.uniform(-0.2, 0.2, INPUTS) * steepest, -steepest, steepest)
    return np.concatenate(index), np.concatenate(time)


def _apart(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    """k of n numbers in random order, none next to another."""
    chosen = np.sort(rng.choice(n - k + 1, k, replace=False)) + np.arange(k)
    return rng.permutation(chosen)


class Network(bst.nn.Module):
    """The neuron and its inputs."""

    def __init__(self, given: Input):
        super().__init__()
        dt = float(bst.environ.get_dt().to_decimal(u.ms))
        last = np.floor(given.duration / dt) - 1
        self.inputs = bst.SpikeTime(INPUTS, given.index, np.minimum(given.time // dt, last) * dt * u.ms)
        self.N = Detector(1, spk_reset='hard')
        self.synapses = bst.DeltaProj(
            comm=bst.all_to_all(INPUTS, 1, weight=np.full(INPUTS, FIRST) * u.mV),
            post=self.N,
            plasticity=RULE.desc(w_max=1.0 * u.mV, equal_times='post_first', **PLASTICITY),
        )

    def update(self) -> None:
        """One step."""
        self.synapses(self.inputs())
        self.N()


class Run(NamedTuple):
    """What has come in, spikes of the neuron in each pass (ms since its start), and the weights at the end (parts of the greatest)."""

    given: Input
    spikes: list[np.ndarray]
    weights: np.ndarray

    def latencies(self, k: int) -> np.ndarray:
        """For each spike in a pass, ms since the start of the pattern in which it comes; NaN outside."""
        which = np.searchsorted(self.given.starts, self.spikes[k], 'right') - 1
        since = np.where(which >= 0, self.spikes[k] - self.given.starts[which], np.nan)
        return np.where(since < LASTS, since, np.nan)

    def statistics(self) -> dict[str, float]:
        """What `PUBLISHED` speaks of, and when the neuron first fires only in patterns: after how many s, and how many spikes."""
        latency, last = self.latencies(-1), self.spikes[-1]
        which = np.unique(np.searchsorted(self.given.starts, last[np.isfinite(latency)], 'right'))
        found = {
            'hit rate': which.size / self.given.starts.size,
            'false alarms': float(np.isnan(latency).sum()),
            'latency': float(np.nanmean(latency)) if which.size else np.nan,
        }
        everything = np.concatenate([self.latencies(k) for k in range(len(self.spikes))])
        wrong = np.flatnonzero(np.isnan(everything))
        after = 0 if not wrong.size else int(wrong[-1]) + 1
        all_times = np.concatenate([x + k * self.given.duration for k, x in enumerate(self.spikes)])
        found |= {'spikes before': float(after), 'found after': float(all_times[after - 1]) / 1000 if after else 0.0}
        return found | {'success': float(report.holds(CRITERIA, found) == dict.fromkeys(CRITERIA, True))}


CRITERIA = {
    'hit rate': Published('> 0.98', 'text', np.nextafter(0.98, 1), 1.0),
    'false alarms': Published('0', 'text', 0.0, 0.0),
    'latency': Published('< 10 ms', 'text', 0.0, 10.0, 'ms'),
}
PUBLISHED = {
    **CRITERIA,
    'found after': Published('13.5 s; 20 s with steps of 0.1 ms', 'Hathway & Goodman 2018, figure 3', 8.0, 40.0, 's', checked=True),
    'spikes before': Published('700; 1400 with steps of 0.1 ms', 'Hathway & Goodman 2018, figure 3', 300.0, 2500.0, checked=True),
}


def run(seed: int = 1, duration: int = INPUT, passes: int = PASSES) -> Run:
    """A run with input of ``duration`` ms that comes several times; needs ``dt`` in ``environ``."""
    given = make_input(seed, duration)
    net = bst.nn.init_all_states(Network(given))
    spikes = []
    for _ in range(passes):
        simulation = bst.Simulation(net, record={'spikes': bst.record.SpikeMonitor(net.N)})
        simulation.run(duration * u.ms)
        spikes.append(np.asarray(simulation['spikes'].t.to_decimal(u.ms), float))
    return Run(given, spikes, np.asarray(net.synapses.comm.weight.value / (1.0 * u.mV), float))


def check(one: Run) -> dict[str, bool]:
    """Whether each published number is found again."""
    return report.holds(PUBLISHED, one.statistics())


def plot(path: Path, one: Run) -> None:
    """Latencies from the first spike to the last, the inputs at one of the last patterns, and weights over when inputs first fire in it."""
    latency = np.concatenate([one.latencies(k) for k in range(len(one.spikes))])
    number, wrong, strong = np.arange(latency.size), np.isnan(latency), bst.plots.PALETTE[1]
    start, (index, time) = one.given.starts[-2], (one.given.index, one.given.time - one.given.starts[-2])
    with report.figure(path, (12, 7)) as canvas:
        grid = canvas.add_gridspec(2, 2, height_ratios=(1, 1.3))
        course, raster, weights = canvas.add_subplot(grid[0, :]), canvas.add_subplot(grid[1, 0]), canvas.add_subplot(grid[1, 1])
        course.plot(number, latency, '.', color='0.3', ms=2)
        course.plot(number[wrong], np.full(wrong.sum(), -2.0), '|', color=strong, ms=6)
        course.set(xlabel='spikes of the neuron', ylabel='ms after the start', ylim=(-4, LASTS))
        course.set_title('where in the pattern it fires, or elsewhere (bars)')
        shown = (np.abs(time - LASTS / 2) < 1.5 * LASTS) & (index % 4 == 0)
        for chosen, colour, size in ((one.weights <= 0.5, '0.75', 1.5), (one.weights > 0.5, strong, 3.0)):
            which = shown & chosen[index]
            raster.plot(time[which], index[which], '.', color=colour, ms=size)
        for x in one.spikes[-1] - start:
            if abs(x - LASTS / 2) < 1.5 * LASTS:
                raster.axvline(x, color='k', lw=1)
        raster.axvspan(0, LASTS, ymax=IN_PATTERN / INPUTS, color='0.93', zorder=-1)
        raster.set(
            xlabel='ms after the start', ylabel='input', ylim=(0, INPUTS), title='pattern (grey), strong inputs, and the neuron (line)'
        )
        within = (time >= 0) & (time < LASTS)
        first = np.full(INPUTS, np.nan)
        np.fmin.at(first, index[within], time[within])
        weights.plot(first[:IN_PATTERN], one.weights[:IN_PATTERN], '.', color='0.3', ms=3)
        weights.set(
            xlabel='first spike after the start (ms)', ylabel='weight / greatest', title='inputs of the pattern', ylim=(-0.03, 1.03)
        )


def main() -> None:
    parser = report.common_arguments(__doc__, duration=float(INPUT))
    parser.add_argument('--passes', type=report.positive(int), default=PASSES, help='how often the input of --duration comes')
    parser.add_argument('--runs', type=report.positive(int), default=1, help='with seeds one after the other, of which the last is shown')
    options = report.parse(parser)
    if options.duration < (shortest := 10 * LASTS):
        parser.error(f'--duration must be at least {shortest} ms, so that the pattern comes')
    bst.environ.set(precision=options.precision, dt=options.dt * u.ms)
    clock, every = report.Stopwatch(), []
    for seed in range(options.seed, options.seed + options.runs):
        one = run(seed, int(options.duration), options.passes)
        every.append(one.statistics())
        clock.lap('run_s')
    found = every[-1]
    rows = [
        ('successful runs', f'{sum(x["success"] for x in every):g} of {len(every)}{"":9}published: 96 of 100 (text, not checked)'),
        ('strong weights', f'{(one.weights > 0.5).sum()}, {(one.weights[:IN_PATTERN] > 0.5).sum()} of them of inputs of the pattern'),
        ('build and run', f'{clock.timings["run_s"]:.1f} s with compiling'),
    ]
    result = {'seed': options.seed, 'dt_ms': options.dt, 'duration_ms': options.duration, 'passes': options.passes, **clock.timings}
    result |= {'found': found, 'runs': every}
    report.show('Masquelier et al. 2008', report.comparison(PUBLISHED, found) + rows, result, options)
    if options.plot:
        plot(options.plot, one)


if __name__ == '__main__':
    main()
