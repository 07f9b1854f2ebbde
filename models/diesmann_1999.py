"""Volleys of spikes that travel along a synfire chain, or die out.

Diesmann, Gewaltig & Aertsen 1999, *Nature* 402:529, doi:10.1038/990101: ten groups of 100 neurons, each connected to all neurons
of the next, amid the background of the cortex. A volley is described by its number of spikes a and their standard deviation in
time sigma. Stimulated with many pairs (a, sigma) at once, the chain shows the basin of its attractor (figure 3).

    python -m models.diesmann_1999 --plot synfire.png

Neuron and synapse are those of the example Diesmann_et_al_1999 of Brian2 (ModelDB 153988), and the Poisson background has the
mean, 25.27 mV/ms, and the strength, 39.24 mV/ms^0.5, of its Gaussian one. Of the paper only the abstract could be compared:
what is quoted from its methods and figures is marked as not checked. The delay between groups, 5 ms there and 1 ms here, only
shifts a group against the one before. A stable volley has a spread of 0.2 to 0.3 ms, since V fluctuates by 3 mV and 100 spikes
at once raise it by up to 18 mV/ms; the standard deviation of all spikes within 5 ms, with the few of the background, is 0.5 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

import brainpy_state as bst

from . import report
from .report import Published
from .simulation import Simulation

GROUPS, SIZE = 10, 100
TAU, TAU_SYN, TAU_REF = 10.0 * u.ms, 0.325 * u.ms, 1.0 * u.ms
C = 250.0 * u.pF
V_REST, V_TH = -70.0 * u.mV, -55.0 * u.mV
W = (4.86 * u.mV * C / TAU).in_unit(u.pA)
DELAY = 1.0 * u.ms
BACKGROUND = {'E': (17_600, 2.0 * u.Hz, W), 'I': (2_400, 12.5 * u.Hz, -W)}  # synapses of a neuron, their rate and weight

ONSET, DURATION = 40.0 * u.ms, 110.0 * u.ms  # of volleys, and of a run
PACKETS = [(a, sigma) for sigma in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0) for a in range(20, 101, 10)]
SURVIVED = 50  # spikes of the last group
BOX, REACH, WAIT = 3.0, 5.0, 12.0  # ms, see `follow`

PUBLISHED = {
    'PSP, peak': Published('0.14 mV', 'methods', 0.135, 0.145, 'mV'),
    'PSP, time to peak': Published('1.7 ms', 'methods', 1.6, 1.8, 'ms'),
    'PSP, half width': Published('8.5 ms', 'methods', 8.4, 8.6, 'ms'),
    'stable volley, sigma': Published('(sub)millisecond range', 'abstract', 0.0, 1.0, 'ms', checked=True),
    'stable volley, spikes': Published('close to the group size of 100', 'figure 3', 85.0, 105.0),
    'survive, of a = 100, sigma <= 1 ms': Published('all', 'figure 3', 1.0, 1.0),
    'survive, of a <= 30': Published('none', 'figure 3', 0.0, 0.0),
}


class Chain(bst.nn.Module):
    """A chain of groups, stimulated by a volley in each of several independent trials.

    Parameters
    ----------
    volleys : int array, shape (steps, trials)
        Spikes that each neuron of the first group receives in each of the first steps.
    groups, size : int
        Number of groups, and of neurons in each.
    background : bool
        Whether there is any.
    """

    def __init__(self, volleys: np.ndarray, groups: int = GROUPS, size: int = SIZE, background: bool = True):
        super().__init__()
        n = groups * size
        self.volleys = volleys
        mean = sum(count * rate * weight for count, rate, weight in BACKGROUND.values()) * TAU_SYN if background else 0.0 * u.pA
        R = TAU / C
        self.N = bst.LIFRef(
            n, R=R, tau=TAU, V_th=V_TH, V_reset=V_REST, V_rest=V_REST, tau_ref=TAU_REF, spk_reset='hard',
            V_initializer=V_REST + (R * mean).in_unit(u.mV),
        )  # fmt: skip
        alpha = {'syn': bst.Alpha.desc(n, tau=TAU_SYN, g_initializer=mean.in_unit(u.pA)), 'out': bst.CUBA.desc(scale=1.0), 'post': self.N}
        sources = np.repeat(np.arange(n - size), size)
        targets = (sources // size + 1) * size + np.tile(np.arange(size), n - size)
        self.links = bst.AlignPostProj(comm=_connect(sources, targets, (n, n)), delay=DELAY, **alpha)
        self.stimulus = bst.AlignPostProj(comm=_connect(np.zeros(size, int), np.arange(size), (1, n)), **alpha)
        synapse = self.links.receptor.syn
        self.background = [bst.PoissonInput(synapse, *source) for source in BACKGROUND.values()] if background else []

    def update(self) -> Any:
        """One step; returns the spikes, shape (trials, neurons), and V of the first neuron of the first trial."""
        self.links(self.N.get_spike())
        now = jnp.asarray(self.volleys, bst.environ.dftype()).at[bst.environ.get('i')].get(mode='fill', fill_value=0)
        self.stimulus(now[:, None])
        for drive in self.background:
            drive()
        return self.N(), self.N.V.value[0, 0]


def _connect(sources: np.ndarray, targets: np.ndarray, shape: tuple[int, int]) -> bst.Connection:
    return bst.Connection(bst.event.CSR.from_pairs(sources.astype(np.int32), targets.astype(np.int32), shape), W)


class Trials(Simulation):
    """Independent trials of one chain, all at once.

    Parameters
    ----------
    net : Chain
    packets : sequence of pairs
        Spikes and standard deviation in ms of the volley of each trial.
    seed : int
        Decides the background.
    """

    def __init__(self, net: Chain, packets: Sequence[tuple[int, float]], seed: int = 1):
        n = net.N.varshape[0]
        super().__init__(net, {f'trial {k}': n for k in range(len(packets))})
        self.packets, self.seed = list(packets), seed

    def step(self) -> Any:
        spikes, V = self.net()
        self.recorder(spikes.reshape(-1))
        return V

    def run(self, duration: Any = DURATION) -> Simulation:
        """Initialise and simulate; needs ``dt`` in ``environ``."""
        with bst.random.seed_context(self.seed):
            bst.nn.init_all_states(self.net, batch_size=len(self.packets))
            bst.nn.init_all_states(self.recorder)
            self.V = bst.run(self.step, duration)
        self.spikes = self.recorder.spikes(0, len(self.V))
        return self


def build(packets: Sequence[tuple[int, float]] = PACKETS, seed: int = 1, **options: Any) -> Trials:
    """Trials with volleys of given size and spread (ms); call ``run`` on it. Needs ``dt`` in ``environ``.

    Parameters
    ----------
    packets : sequence of pairs
        Spikes and standard deviation in ms.
    seed : int
        Decides the spike times of volleys, and the background.
    **options
        See `Chain`.
    """
    rng = np.random.default_rng([seed, 1999])
    dt = float(bst.environ.get_dt().to_decimal(u.ms))
    times = [_ms(ONSET) + sigma * rng.standard_normal(a) for a, sigma in packets]
    steps = [np.maximum(np.rint(t / dt), 0).astype(int) for t in times]
    volleys = [np.bincount(k, minlength=max(map(max, steps)) + 1) for k in steps]
    return Trials(Chain(np.stack(volleys, axis=1), **options), packets, seed)


def run(duration: Any = DURATION, seed: int = 1, dt: Any = 0.1 * u.ms) -> Trials:
    """Build and run all trials."""
    with bst.environ.context(dt=dt):
        return build(seed=seed).run(duration)


def follow(spikes: bst.record.Spikes, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Follow a volley from group to group.

    In each group it is where most spikes lie within 3 ms, at most 12 ms after the volley of the group before. It has the spikes
    within 5 ms of their median, and as its spread their interquartile range over 1.35, which few spikes of the background do not
    change.

    Returns
    -------
    a, sigma : float array, shape (groups,)
        Spikes, and their spread in ms; NaN for fewer than ten.
    """
    t, group = np.asarray(spikes.t.to_decimal(u.ms), float), spikes.i // size
    a, sigma = np.zeros(spikes.size // size), np.full(spikes.size // size, np.nan)
    first, last = _ms(ONSET) - REACH, _ms(ONSET) + WAIT
    for k in range(len(a)):
        own = t[group == k]
        begin = own[(own >= first) & (own <= last)]
        if not len(begin):
            break
        within = np.searchsorted(own, begin + BOX) - np.searchsorted(own, begin)
        box = begin[within.argmax()]
        middle = np.median(own[(own >= box) & (own < box + BOX)])
        packet = own[np.abs(own - middle) <= REACH]
        a[k] = len(packet)
        if len(packet) >= 10:
            sigma[k] = (np.percentile(packet, 75) - np.percentile(packet, 25)) / 1.349
        first, last = middle, middle + WAIT
    return a, sigma


def psp(dt: Any = 0.01 * u.ms) -> dict[str, float]:
    """Peak (mV), time to peak and width at half the peak (ms) of the response to one spike at rest."""
    with bst.environ.context(dt=dt, precision=64):
        volleys = np.zeros((round(float(40.0 * u.ms / dt)), 1))
        volleys[0] = 1
        potential = (Trials(Chain(volleys, 1, 1, background=False), [(1, 0.0)]).run(40.0 * u.ms).V - V_REST).to_decimal(u.mV)
    width = np.count_nonzero(potential >= 0.5 * potential.max())
    return {'peak': potential.max(), 'time to peak': (potential.argmax() + 1) * _ms(dt), 'half width': width * _ms(dt)}


def _ms(time: Any) -> float:
    return float(time.to_decimal(u.ms))


def summary(simulation: Trials) -> dict[str, float]:
    """What `PUBLISHED` speaks of, the part of all volleys that survive, and the rate in Hz of neurons that none has reached yet."""
    a, sigma = map(np.array, zip(*map(follow, simulation.populations.values()), strict=True))
    survives, given = a[:, -1] >= SURVIVED, np.array(simulation.packets)
    stable = np.s_[survives, GROUPS // 2 :]
    strong, weak = (given[:, 0] == 100) & (given[:, 1] <= 1.0), given[:, 0] <= 30
    early = simulation.spikes.between(ONSET / 2, ONSET)
    last = early.i % simulation.net.N.varshape[0] >= SIZE * (GROUPS - 1)
    seconds = SIZE * len(given) * float((ONSET / 2).to_decimal(u.second))
    return {
        **{f'PSP, {name}': float(value) for name, value in psp().items()},
        'stable volley, sigma': float(np.mean(sigma[stable])) if survives.any() else float('nan'),
        'stable volley, spikes': float(np.mean(a[stable])) if survives.any() else float('nan'),
        'survive, of a = 100, sigma <= 1 ms': float(survives[strong].mean()),
        'survive, of a <= 30': float(survives[weak].mean()),
        'survive, of all': float(survives.mean()),
        'background rate': float(last.sum()) / seconds,
    }


def check(simulation: Trials) -> dict[str, bool]:
    """Whether each published number is found again."""
    return report.holds(PUBLISHED, summary(simulation))


def plot(path: Path, simulation: Trials) -> None:
    """Two volleys near the boundary, and where volleys go in the plane of spread and size."""
    trials = list(simulation.populations.values())
    followed = [follow(spikes) for spikes in trials]
    survives = np.array([a[-1] >= SURVIVED for a, _ in followed])
    colours = {True: bst.plots.PALETTE[0], False: bst.plots.PALETTE[1]}
    # the weakest volley that survives, and the strongest of the same spread that does not
    pairs = [(a, sigma, k) for k, (a, sigma) in enumerate(simulation.packets) if sigma == 2.0]
    shown = [min((p for p in pairs if survives[p[2]]), default=None), max((p for p in pairs if not survives[p[2]]), default=None)]
    with report.figure(path, (12, 6.5)) as canvas:
        grid = canvas.add_gridspec(2, 2, width_ratios=(1, 1.1))
        for row, chosen in enumerate(shown):
            axis = canvas.add_subplot(grid[row, 0])
            if chosen is not None:
                a, sigma, k = chosen
                bst.plots.raster(trials[k], most=trials[k].size, colors=colours[bool(survives[k])], ax=axis)
                axis.set_title(f'a = {a}, sigma = {sigma:g} ms')
            axis.set(ylabel='group', xlim=(_ms(ONSET) - 15, _ms(ONSET) + 50))
            axis.set_yticks(np.arange(GROUPS + 1) * SIZE - 0.5, range(GROUPS + 1))
            axis.grid(axis='y', lw=0.4)
        plane = canvas.add_subplot(grid[:, 1])
        for (a0, sigma0), (a, sigma), alive in zip(simulation.packets, followed, survives, strict=True):
            known = np.isfinite(sigma)
            x, y = np.r_[sigma0, sigma[known]], np.r_[a0, a[known]]
            plane.plot(x, y, '-', color=colours[bool(alive)], lw=0.8, alpha=0.7)
            plane.plot(x[0], y[0], 'o', color=colours[bool(alive)], ms=5)
        plane.set(xlabel='spread sigma (ms)', ylabel='spikes a', xlim=(-0.1, 5.2), ylim=(0, 110), title='volleys start at the dots')


def main() -> None:
    options = report.parse(report.common_arguments(__doc__, duration=_ms(DURATION)))
    bst.environ.set(precision=options.precision, dt=options.dt * u.ms)
    clock = report.Stopwatch()
    simulation = build(PACKETS, options.seed)
    clock.lap('build_s')
    simulation.run(options.duration * u.ms)
    clock.lap('run_s')
    found = summary(simulation)
    rows = [
        ('survive, of all', f'{found["survive, of all"]:.2f} of {len(PACKETS)} volleys'),
        ('background rate', f'{found["background rate"]:.2f} Hz'),
        ('build, run', f'{clock.timings["build_s"]:.2f}, {clock.timings["run_s"]:.2f} s with compiling'),
    ]
    result = {'seed': options.seed, 'dt_ms': options.dt, 'duration_ms': options.duration, **clock.timings, 'found': found}
    result['volleys'] = [
        {'a': given[0], 'sigma_ms': given[1], 'a_of_groups': a.tolist(), 'sigma_of_groups_ms': sigma.tolist()}
        for given, (a, sigma) in zip(simulation.packets, map(follow, simulation.populations.values()), strict=True)
    ]
    report.show('Diesmann et al. 1999, synfire chain', report.comparison(PUBLISHED, found) + rows, result, options)
    if options.plot:
        plot(options.plot, simulation)


if __name__ == '__main__':
    main()
