"""Decision making by slow reverberation: two groups of neurons integrate two inputs and compete until one wins.

Wang 2002, *Neuron* 36:955, doi:10.1016/S0896-6273(02)01092-9: single trials and the psychometric function. The stimulus is
random-dot motion: group A prefers the direction of the motion, group B the opposite one, and coherence is the part of the dots
that move together.

    python -m models.wang_2002 --coherence 12.8 --plot trial.png
    python -m models.wang_2002 --trials 40 --dt 0.25 --duration 1500 --plot psychometric.png

Parameters are those that two public implementations of the paper agree on: the Wang laboratory's (github.com/xjwanglab/book, wang2002.py)
and NEST's (wang_decision_making.py), from which the standard deviation of the stimulus is. The former has a step of 0.02 ms. A step of
0.1 ms gives the same rates only where synapses act with their mean over a step: the network is close to a bifurcation.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import comb
from pathlib import Path
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

import brainpy_state as bst

from . import report
from .receptors import NMDA

SIZES = {'A': 240, 'B': 240, 'other': 1120, 'I': 400}  # A and B are 15 % each of the excitatory neurons
EXCITATORY = ('A', 'B', 'other')
SOURCES = [SIZES[name] for name in EXCITATORY]
EXC = sum(SOURCES)
F = SIZES['A'] / EXC
W_PLUS = 1.7
W_MINUS = 1.0 - F * (W_PLUS - 1.0) / (1.0 - F)
STRUCTURE = np.array([  # relative weights, from group (row) to group (column): A, B, other
    [W_PLUS, W_MINUS, 1.0],
    [W_MINUS, W_PLUS, 1.0],
    [W_MINUS, W_MINUS, 1.0],
])  # fmt: skip

V_REST, V_TH, V_RESET = -70.0 * u.mV, -50.0 * u.mV, -55.0 * u.mV
NEURONS = {
    'E': {'R': 40.0 * u.Mohm, 'tau': 20.0 * u.ms, 'tau_ref': 2.0 * u.ms},  # 0.5 nF, 25 nS
    'I': {'R': 50.0 * u.Mohm, 'tau': 10.0 * u.ms, 'tau_ref': 1.0 * u.ms},  # 0.2 nF, 20 nS
}
CONDUCTANCES = {
    'E': {'external': 2.1 * u.nS, 'AMPA': 0.05 * u.nS, 'NMDA': 0.165 * u.nS, 'GABA': 1.3 * u.nS},
    'I': {'external': 1.62 * u.nS, 'AMPA': 0.04 * u.nS, 'NMDA': 0.13 * u.nS, 'GABA': 1.0 * u.nS},
}
TAU_AMPA, TAU_GABA, LATENCY = 2.0 * u.ms, 5.0 * u.ms, 0.5 * u.ms
E_EXC, E_INH = 0.0 * u.mV, -70.0 * u.mV
BACKGROUND = 2400.0 * u.Hz

MEAN, SD, EVERY = 40.0 * u.Hz, 4.0 * u.Hz, 50.0 * u.ms  # of the stimulus, which is drawn anew every 50 ms
ONSET, STIMULUS = 500.0 * u.ms, 1000.0 * u.ms
BIN, WINDOW = 5.0 * u.ms, 50.0 * u.ms  # rates are means over a window that moves in steps of a bin
THRESHOLD = 15.0 * u.Hz
COLOURS = {'other': '0.6', **dict(zip('ABI', bst.plots.PALETTE, strict=False))}
COHERENCES = (0.0, 3.2, 6.4, 12.8, 25.6, 51.2)
CHUNK = 500.0 * u.ms

PUBLISHED = {
    # Wang 2002, results: the psychometric function of the network, 1 - 0.5 exp(-(coherence / alpha)^beta)
    'weibull': {'alpha': 9.2, 'beta': 1.5},
}


class GroupsToGroups(bst.nn.Module):
    """All sources to all targets with one weight for each pair of groups: one sum for each group, so the cost is that of N, not N^2.

    Parameters
    ----------
    sources, targets : sequence of int
        Sizes of the groups.
    weight : quantity, shape (groups of sources, groups of targets)
    """

    def __init__(self, sources: Sequence[int], targets: Sequence[int], weight: Any):
        super().__init__()
        self.in_size = (sum(sources),)
        self.starts = np.cumsum([0, *sources])
        self.targets, self.weight = np.array(targets), weight

    def update(self, x: Any) -> Any:
        """From ``(trials, sources)`` to ``(trials, targets)``."""
        sums = jnp.stack([x[..., a:b].sum(-1) for a, b in pairwise(self.starts)], -1)
        return u.math.repeat(bst.numerics.with_unit(sums @ u.get_mantissa(self.weight), u.get_unit(self.weight)), self.targets, axis=-1)


class Stimulus(bst.nn.Module):
    """Poisson spikes to the groups A and B, whose rates are drawn anew every 50 ms while the stimulus is on.

    Parameters
    ----------
    rates : frequency, shape (sections, trials, 2)
    """

    def __init__(self, rates: Any):
        super().__init__()
        self.rates = bst.ShortTermState(rates)
        self.encoder = bst.PoissonEncoder(SIZES['A'] + SIZES['B'])

    def update(self) -> Any:
        """One step; returns the spikes that come to each excitatory neuron, shape ``(trials, 1600)``."""
        since = bst.environ.get('t') - ONSET
        section = jnp.floor((since / EVERY) + 1e-3).astype(jnp.int32)
        rates = self.rates.value[jnp.clip(section, 0, self.rates.value.shape[0] - 1)]
        rates = rates * ((section >= 0) & (section < self.rates.value.shape[0]))
        spikes = self.encoder(u.math.repeat(rates, SIZES['A'], axis=-1))
        return jnp.pad(spikes, ((0, 0), (0, SIZES['other'])))


class Population(bst.nn.Module):
    """Integrate-and-fire neurons with their receptors and their background input.

    Parameters
    ----------
    kind : {'E', 'I'}
    groups : sequence of int
        Sizes of its groups.
    structure : array, shape (3, groups)
        Relative weights from A, B and other.
    """

    def __init__(self, kind: str, groups: Sequence[int], structure: np.ndarray):
        super().__init__()
        g = CONDUCTANCES[kind]
        parameters = NEURONS[kind] | {'V_rest': V_REST, 'V_th': V_TH, 'V_reset': V_RESET}
        start = lambda shape: V_RESET + bst.random.rand(*shape) * (V_TH - V_RESET)  # noqa: E731
        self.N = bst.LIFRef(sum(groups), **parameters, spk_reset='hard', V_initializer=start)
        self.ampa = bst.AlignPostProj(
            comm=GroupsToGroups(SOURCES, groups, structure * g['AMPA']),
            syn=bst.Expon.desc(tau=TAU_AMPA, g_initializer=0.0 * u.nS, acts='mean'),
            out=bst.COBA.desc(E=E_EXC),
            post=self.N,
        )
        self.gaba = bst.AlignPostProj(
            comm=GroupsToGroups([SIZES['I']], groups, np.ones((1, len(groups))) * g['GABA']),
            syn=bst.Expon.desc(tau=TAU_GABA, g_initializer=0.0 * u.nS, acts='mean'),
            out=bst.COBA.desc(E=E_INH),
            post=self.N,
        )
        self.nmda = bst.CurrentProj(
            comm=GroupsToGroups(SOURCES, groups, structure * g['NMDA']), out=bst.MgBlock.desc(cc_Mg=1.0, E=E_EXC), post=self.N
        )
        self.external = self.ampa.receptor.syn  # the same receptors
        self.background = bst.PoissonInput(self.external, 1, BACKGROUND, g['external'])

    def update(self, exc: Any, nmda: Any, inh: Any) -> Any:
        """One step; returns the spikes."""
        self.ampa(exc)
        self.nmda(nmda)
        self.gaba(inh)
        self.background()
        return self.N()


class Network(bst.nn.Module):
    """All neurons, with an axis of trials.

    Parameters
    ----------
    rates : frequency, shape (sections, trials, 2)
        Of the stimulus.
    """

    def __init__(self, rates: Any):
        super().__init__()
        self.E, self.I = Population('E', SOURCES, STRUCTURE), Population('I', [SIZES['I']], np.ones((3, 1)))
        self.from_E, self.from_I = bst.nn.Delay(EXC, LATENCY), bst.nn.Delay(SIZES['I'], LATENCY)
        self.nmda, self.stimulus = NMDA(EXC), Stimulus(rates)

    def update(self) -> Any:
        """One step; returns the spikes, shape ``(trials, 2000)``."""
        exc, inh = self.from_E(self.E.N.get_spike()), self.from_I(self.I.N.get_spike())
        nmda = self.nmda(exc)
        self.E.external.receive(CONDUCTANCES['E']['external'] * self.stimulus())
        return jnp.concatenate([self.E(exc, nmda, inh), self.I(exc, nmda, inh)], -1)


class Simulation:
    """Trials that run side by side, as a batch.

    Attributes
    ----------
    coherence : array, shape (trials,)
        In percent.
    spikes : bst.record.Spikes
        Of the first trial of the last run, in the order of `SIZES`.
    t : time, shape (bins,)
        The end of each window.
    rates : dict of arrays, shape (trials, bins)
        Of each group in the last run, in Hz.
    """

    def __init__(self, coherence: np.ndarray, seed: int):
        self.coherence, self.seed = coherence, seed
        self.net = Network(stimulus_rates(coherence, seed))
        self.recorder = bst.record.SpikeRecorder(sum(SIZES.values()))
        self._means = GroupsToGroups(list(SIZES.values()), [1] * len(SIZES), np.diag(1.0 / np.array(list(SIZES.values()))))

    def step(self) -> Any:
        spikes = self.net()
        self.recorder(spikes[0])
        return self._means(spikes)

    def run(self, duration: Any = 2000.0 * u.ms) -> Simulation:
        """Initialise and simulate; needs ``dt`` in ``environ``."""
        with bst.random.seed_context(self.seed):
            bst.nn.init_all_states(self.net, batch_size=self.coherence.size)
            bst.nn.init_all_states(self.recorder)
            means = bst.run(self.step, duration, chunk=CHUNK)
        self.spikes = self.recorder.spikes(0, means.shape[0])
        self.t, rates = moving_rates(means, self.spikes.dt)
        self.rates = {name: rates[..., k] for k, name in enumerate(SIZES)}
        return self

    @property
    def middle(self) -> np.ndarray:
        """The middle of each window, in ms."""
        return (self.t - WINDOW / 2).to_decimal(u.ms)

    def during(self, start: Any, stop: Any) -> dict[str, Any]:
        """The mean rate of each group between two times, in each trial."""
        within = (self.t >= start + WINDOW) & (self.t <= stop)
        return {name: rate[:, within].mean(1) for name, rate in self.rates.items()}

    def statistics(self) -> dict[str, Any]:
        """Rates in Hz as means over trials, which group won, and decision times in ms, in each trial."""
        end = u.math.minimum(ONSET + STIMULUS, self.spikes.duration)
        before, during = self.during(ONSET - 200.0 * u.ms, ONSET), self.during(end - 200.0 * u.ms, end)
        won = np.where(during['A'] > during['B'], 'A', 'B')
        winner = np.where((won == 'A')[:, None], self.rates['A'], self.rates['B'])
        crossed = (winner >= THRESHOLD.to_decimal(u.Hz)) & (self.t > ONSET)
        times = (self.t[crossed.argmax(1)] - ONSET).to_decimal(u.ms)
        return {
            'spontaneous_hz': {'E': sum(before[name].mean() * SIZES[name] for name in EXCITATORY) / EXC, 'I': before['I'].mean()},
            'winner_hz': float(np.maximum(during['A'], during['B']).mean()),
            'loser_hz': float(np.minimum(during['A'], during['B']).mean()),
            'won': won,
            'decision_ms': np.where(crossed.any(1), times, np.nan),
        }


def stimulus_rates(coherence: np.ndarray, seed: int) -> Any:
    """Rates of the stimulus to A and B in each section of 50 ms, shape (sections, trials, 2)."""
    rng = np.random.default_rng([seed, 2002])
    mean = MEAN * (1.0 + coherence[:, None] / 100.0 * np.array([1.0, -1.0]))
    noise = SD * rng.standard_normal((round(float(STIMULUS / EVERY)), coherence.size, 2))
    return u.math.maximum(mean + noise, 0.0 * u.Hz)


def moving_rates(means: np.ndarray, dt: Any) -> tuple[Any, np.ndarray]:
    """Rates in Hz over a window of 50 ms that moves by 5 ms, from mean spikes in each step; the time is the end of the window."""
    step, width = round(float(BIN / dt)), round(float(WINDOW / BIN))
    bins = means[: means.shape[0] // step * step].reshape(-1, step, *means.shape[1:]).sum(1)
    total = np.concatenate([np.zeros((1, *bins.shape[1:])), np.cumsum(bins, 0)])
    rates = (total[width:] - total[:-width]) / WINDOW.to_decimal(u.second)
    return (np.arange(rates.shape[0]) * BIN) + WINDOW, np.moveaxis(rates, 0, 1)


def build(coherence: Any = 12.8, trials: int = 1, seed: int = 1) -> Simulation:
    """A simulation of trials side by side; call ``run`` on it.

    Parameters
    ----------
    coherence : number or sequence of numbers
        In percent; negative motion is towards B.
    trials : int
        Of each coherence.
    seed : int
        Decides the start, the stimulus and the background of all trials.
    """
    return Simulation(np.repeat(np.atleast_1d(np.asarray(coherence, float)), trials), seed)


def run(coherence: Any = 12.8, trials: int = 1, seed: int = 1, duration: Any = 2000.0 * u.ms) -> Simulation:
    """Build trials and run them."""
    return build(coherence, trials, seed).run(duration)


def choices(simulation: Simulation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each coherence above zero, how many choices were correct, and the number of trials."""
    won = simulation.statistics()['won'] == 'A'
    coherence, which, n = np.unique(simulation.coherence, return_inverse=True, return_counts=True)
    correct = np.bincount(which, won, coherence.size)
    return coherence[coherence > 0], correct[coherence > 0], n[coherence > 0]


def weibull(coherence: Any, alpha: Any, beta: Any) -> Any:
    """The fraction of correct choices."""
    return 1.0 - 0.5 * np.exp(-((np.asarray(coherence) / alpha) ** beta))


def fit_weibull(simulation: Simulation) -> dict[str, float]:
    """The most likely alpha and beta, on a grid."""
    coherence, correct, n = choices(simulation)
    alpha, beta = np.meshgrid(np.geomspace(1.0, 50.0, 200), np.linspace(0.5, 4.0, 71), indexing='ij')
    p = np.clip(weibull(coherence, alpha[..., None], beta[..., None]), 1e-6, 1 - 1e-6)
    likelihood = (correct * np.log(p) + (n - correct) * np.log(1 - p)).sum(-1)
    best = np.unravel_index(likelihood.argmax(), likelihood.shape)
    return {'alpha': float(alpha[best]), 'beta': float(beta[best])}


def check(simulation: Simulation) -> dict[str, bool]:
    """Whether the number of correct choices at each coherence is one of those that the published function gives with 99 %."""
    result = {}
    for c, correct, n in zip(*choices(simulation), strict=True):
        p = float(weibull(c, **PUBLISHED['weibull']))
        probability = np.array([comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)])
        few, many = probability[: int(correct) + 1].sum(), probability[int(correct) :].sum()
        result[f'correct at {c:g} %'] = bool(min(few, many) > 0.005)
    return result


def plot_trial(path: Path, simulation: Simulation) -> None:
    """The first trial: a raster of the groups A and B, the rates of all, and the rates of the stimulus."""
    given = simulation.net.stimulus.rates.value[:, 0].to_decimal(u.Hz)
    edges = (ONSET + EVERY * np.arange(given.shape[0] + 1)).to_decimal(u.ms)
    with report.figure(path) as canvas:
        raster, rates, stimulus = canvas.subplots(3, 1, sharex=True, height_ratios=(5, 4, 2))
        stimulus.set_xlabel('time (ms)')  # of all three
        bst.plots.raster({'A': simulation.spikes.of(0, 240), 'B': simulation.spikes.of(240, 480)}, most=480, ax=raster)
        raster.set_title(f'Wang 2002: a trial at a coherence of {simulation.coherence[0]:g} %')
        for name, rate in simulation.rates.items():
            rates.plot(simulation.middle, rate[0], color=COLOURS[name], lw=1.5, label=name)
        rates.axhline(THRESHOLD.to_decimal(u.Hz), color='0.6', lw=0.8, ls='--')
        rates.set(ylabel='rate (Hz)', ylim=(0, None))
        rates.legend(frameon=False, loc='upper left', ncols=4)
        for k, name in enumerate(('A', 'B')):
            stimulus.stairs(given[:, k], edges, color=COLOURS[name], lw=1.5)
        stimulus.set(ylabel='stimulus (Hz)', ylim=(0, None), xlim=(0, simulation.spikes.duration.to_decimal(u.ms)))
        for axis in (raster, rates):
            axis.axvspan(edges[0], edges[-1], color='0.93', zorder=-1)


def plot_psychometric(path: Path, simulation: Simulation) -> None:
    """The fraction of correct choices with the published function, and the rates of both groups in trials that A won."""
    coherence, correct, n = choices(simulation)
    p, x = correct / n, np.geomspace(1.0, 100.0, 200)
    with report.figure(path, (11, 4.5)) as canvas:
        fractions, rates = canvas.subplots(1, 2)
        fractions.errorbar(coherence, p, np.sqrt(p * (1 - p) / n), fmt='o', color='0.2', capsize=2, label=f'{n[0]} trials each')
        for name, colour, values in (('fit', '0.2', fit_weibull(simulation)), ('published', COLOURS['B'], PUBLISHED['weibull'])):
            label = f'{name}: $\\alpha$ = {values["alpha"]:.1f} %, $\\beta$ = {values["beta"]:.1f}'
            fractions.plot(x, weibull(x, **values), color=colour, lw=1.3, label=label)
        fractions.set(xscale='log', xlabel='coherence (%)', ylabel='fraction correct', ylim=(0.4, 1.03), title='Wang 2002')
        fractions.legend(frameon=False, loc='lower right')
        won = simulation.statistics()['won'] == 'A'
        for c in np.unique(simulation.coherence[won]):
            chosen, opacity = won & (simulation.coherence == c), 0.2 + 0.8 * (np.searchsorted(coherence, c) + 1) / (coherence.size + 1)
            for name, style in (('A', '-'), ('B', '--')):
                mean, label = simulation.rates[name][chosen].mean(0), f'{c:g} %' if name == 'A' else None
                rates.plot(simulation.middle, mean, style, color=COLOURS[name], alpha=opacity, lw=1.2, label=label)
        rates.axhline(THRESHOLD.to_decimal(u.Hz), color='0.6', lw=0.8, ls='--')
        rates.set(xlabel='time (ms)', ylabel='rate (Hz)', title='A, which has won (solid), and B')
        rates.legend(frameon=False, loc='upper left')


def main() -> None:
    parser = report.common_arguments(__doc__, duration=2500.0)
    parser.add_argument('--coherence', type=float, default=25.6, help='percent, of the single trial')
    parser.add_argument('--trials', type=report.positive(int), help=f'instead, that many trials at each of {COHERENCES} percent')
    options = report.parse(parser)
    if options.duration < (shortest := (ONSET + 200.0 * u.ms).to_decimal(u.ms)):
        parser.error(f'--duration must be at least {shortest:g} ms, so that there is a stimulus to decide on')
    bst.environ.set(precision=options.precision, dt=options.dt * u.ms)
    clock, many = report.Stopwatch(), options.trials is not None
    simulation = build(COHERENCES if many else options.coherence, options.trials or 1, options.seed).run(options.duration * u.ms)
    clock.lap('run_s')
    found = simulation.statistics()
    won, times = found.pop('won'), found.pop('decision_ms')
    rows = [
        ('trials', f'{won.size}, of {options.duration:g} ms in steps of {options.dt:g} ms'),
        ('build and run', f'{clock.timings["run_s"]:.1f} s with compiling'),
        ('spontaneous', f'E {found["spontaneous_hz"]["E"]:.1f} Hz, I {found["spontaneous_hz"]["I"]:.1f} Hz'),
        ('winner, loser', f'{found["winner_hz"]:.1f} Hz, {found["loser_hz"]:.1f} Hz at the end of the stimulus'),
    ]
    if many:
        coherence, correct, n = choices(simulation)
        found['correct'] = {f'{c:g}': float(k) for c, k in zip(coherence, correct / n, strict=True)}
        found['weibull'], verdict = fit_weibull(simulation), check(simulation)
        for c, fraction in found['correct'].items():
            expected = f'{weibull(float(c), **PUBLISHED["weibull"]):.2f}'
            rows.append((name := f'correct at {c} %', f'{fraction:<8.2f}published: {expected}' + ('' if verdict[name] else '  DIFFERS')))
        rows += [(name, f'{value:<8.1f}published: {PUBLISHED["weibull"][name]}') for name, value in found['weibull'].items()]
    else:
        found |= {'coherence': options.coherence, 'won': str(won[0]), 'decision_ms': float(times[0])}
        rows.append(('decision', f'{won[0]}, ' + (f'after {times[0]:.0f} ms' if times[0] == times[0] else 'below the threshold of 15 Hz')))
    settings = {'seed': options.seed, 'dt_ms': options.dt, 'duration_ms': options.duration}
    report.show('Wang 2002', rows, settings | clock.timings | {'found': found}, options)
    if options.plot:
        (plot_psychometric if many else plot_trial)(options.plot, simulation)


if __name__ == '__main__':
    main()
