"""The microcircuit below a square millimetre of early sensory cortex: 77,169 neurons in four layers with 299 million synapses.

Potjans & Diesmann 2014, *Cereb. Cortex* 24:785, doi:10.1093/cercor/bhs358. Parameters and mean rates were compared with the authors'
programs for NEST: ``Potjans_2014`` of nest-simulator, and its successor github.com/INM-6/microcircuit-PD14-model.

    python -m models.potjans_diesmann_2014 --scale 0.1 --duration 1000 --plot microcircuit.png

The full network takes 3.0 GB. A smaller one has fewer neurons with fewer synapses each, whose weights grow so that the variance of the
input stays; a current stands for the mean that is lacking. Its correlations are stronger, and the rates of layer 2/3 lower.

The distributions of rates, irregularity and correlations are compared with those of the same network in NEST, by the largest distance
between cumulated distributions (Kolmogorov and Smirnov), as van Albada et al. 2018, *Front. Neurosci.* 12:291,
doi:10.3389/fnins.2018.00291, and Dasbach et al. 2021, doi:10.3389/fnins.2021.757790, compare simulators.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import brainunit as u
import jax.numpy as jnp
import numpy as np

import brainpy_state as bst

from . import potjans_diesmann_2014_reference as reference
from . import report
from .simulation import Simulation

TAU, TAU_SYN, TAU_REF, C = 10.0 * u.ms, 0.5 * u.ms, 2.0 * u.ms, 250.0 * u.pF
V_TH, V_RESET = -50.0 * u.mV, -65.0 * u.mV
PSP, G, WEIGHT_SD = 0.15 * u.mV, -4.0, 0.1  # peak of a potential, weight of inhibition, and relative spread of weights
DELAYS, DELAY_SD = {'E': 1.5 * u.ms, 'I': 0.75 * u.ms}, 0.5
EXTERNAL_RATE = 8.0 * u.Hz
WARM_UP, CHUNK = 500.0 * u.ms, 500.0 * u.ms
_TAU_SYN_S = float(TAU_SYN.to_decimal(u.second))


class Population(NamedTuple):
    """A population: its size, the external inputs of a neuron, mean and standard deviation of the first V in mV, and mean rate in Hz."""

    size: int
    external: int
    V: float
    V_sd: float
    rate: float


POPULATIONS = {
    'L23E': Population(20683, 1600, -68.28, 5.36, 0.903),
    'L23I': Population(5834, 1500, -63.16, 4.57, 2.965),
    'L4E': Population(21915, 2100, -63.33, 4.74, 4.414),
    'L4I': Population(5479, 1900, -63.45, 4.94, 5.876),
    'L5E': Population(4850, 2000, -63.11, 4.94, 7.569),
    'L5I': Population(1065, 1900, -61.66, 4.55, 8.633),
    'L6E': Population(14395, 2900, -66.72, 5.46, 1.105),
    'L6I': Population(2948, 2100, -61.43, 4.48, 7.829),
}
NAMES = tuple(POPULATIONS)
SIZES, EXTERNAL, _, _, RATES = (np.array(column) for column in zip(*POPULATIONS.values(), strict=True))
# The probability that a pair is connected: a row for each target, a column for each source.
PROBABILITIES = np.array([
    [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0000, 0.0076, 0.0000],
    [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0000, 0.0042, 0.0000],
    [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0000],
    [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0000, 0.1057, 0.0000],
    [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0000],
    [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0000],
    [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
    [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
])  # fmt: skip

# Mean rates (Hz) of the full network as three versions of the authors' parameters for NEST state them: of 2016, 2020 and 2025.
STATED = np.array([
    [0.971, 2.868, 4.746, 5.396, 8.142, 9.078, 0.991, 7.523],
    [0.943, 3.026, 4.368, 5.882, 7.733, 8.664, 1.096, 7.851],
    RATES,
])  # fmt: skip
_MARGIN = 0.1  # of rates, which differ by as much between single seconds
PUBLISHED = {
    name: report.Published(
        f'{low:.2f} to {high:.2f} Hz', 'Potjans_2014 in NEST', (1.0 - _MARGIN) * low, (1.0 + _MARGIN) * high, 'Hz', checked=True
    )
    for name, low, high in zip(NAMES, STATED.min(0), STATED.max(0), strict=True)
}


class Circuit(NamedTuple):
    """What a network of some size is made of; matrices have a row for each target and a column for each source."""

    sizes: np.ndarray
    synapses: np.ndarray
    weights: np.ndarray  # pA
    external: np.ndarray
    external_weight: float  # pA
    current: np.ndarray  # pA


def circuit(scale: float = 1.0, drive: str = 'poisson') -> Circuit:
    """The network with the given part of all neurons, and of the synapses that each receives.

    So many independent draws of a pair connect a pair with the given probability.
    """
    synapses = np.log1p(-PROBABILITIES) / np.log1p(-1.0 / np.outer(SIZES, SIZES))
    external_weight = float(psc(PSP).to_decimal(u.pA))
    weights = np.where([name[-1] == 'E' for name in NAMES], 1.0, G) * np.full((8, 8), external_weight)
    weights[NAMES.index('L23E'), NAMES.index('L4E')] *= 2.0
    recurrent = _TAU_SYN_S * (weights * synapses * RATES).sum(1) / SIZES
    external = _TAU_SYN_S * external_weight * EXTERNAL * float(EXTERNAL_RATE.to_decimal(u.Hz))
    lacking = 1.0 - np.sqrt(scale)
    return Circuit(
        np.rint(SIZES * scale).astype(int),
        np.rint(synapses * scale**2).astype(int),
        weights / np.sqrt(scale),
        np.rint(EXTERNAL * scale).astype(int),
        external_weight / np.sqrt(scale),
        lacking * recurrent + (lacking if drive == 'poisson' else 1.0) * external,
    )


def psc(psp: Any) -> Any:
    """The current that a spike starts, for a potential with this peak."""
    ratio = float(TAU / TAU_SYN)
    return (psp * C / TAU_SYN * ratio ** (1.0 / (ratio - 1.0))).in_unit(u.pA)


class Network(bst.nn.Module):
    """Eight populations, the projections between them and their external drive.

    Parameters
    ----------
    scale : float
        Part of the neurons, and of the synapses of each.
    drive : {'poisson', 'dc'}
        What external inputs send: spikes, or their mean as a current.
    seed : int
        Decides connections, start and drive.
    """

    def __init__(self, scale: float = 1.0, drive: str = 'poisson', seed: int = 1):
        super().__init__()
        made = circuit(scale, drive)
        self.sizes = dict(zip(NAMES, made.sizes.tolist(), strict=True))
        self.currents = dict(zip(NAMES, made.current * u.pA, strict=True))
        self.dt, self.seed = bst.environ.get('dt'), seed
        rng = np.random.default_rng([seed, 2014])
        self.populations = {name: self._population(name, rng) for name in NAMES}
        self.projections: dict[str, dict[str, bst.AlignPostProj]] = {name: {} for name in NAMES}
        for (t, s), number in np.ndenumerate(made.synapses):
            if number:
                source, target = NAMES[s], NAMES[t]
                self.projections[source][target] = self._project(source, target, int(number), made.weights[t, s] * u.pA)
        self.drives = {}
        if drive == 'poisson':
            for target, number in zip(NAMES, made.external, strict=True):
                synapse = self.projections['L23E'][target].receptor.syn
                weight = made.external_weight * u.pA
                self.drives[target] = bst.PoissonInput(synapse, int(number), EXTERNAL_RATE, weight, seed=(seed, target))

    def _population(self, name: str, rng: np.random.Generator) -> bst.LIFRef:
        size, start = self.sizes[name], POPULATIONS[name]
        return bst.LIFRef(
            size, R=TAU / C, tau=TAU, V_th=V_TH, V_reset=V_RESET, V_rest=V_RESET, spk_reset='hard', name=name,
            tau_ref=TAU_REF + self.dt,  # counted from the end of the step of the spike
            V_initializer=rng.normal(start.V, start.V_sd, size) * u.mV,
        )  # fmt: skip

    def _project(self, source: str, target: str, number: int, weight: Any) -> bst.AlignPostProj:
        delay = DELAYS[source[-1]]
        comm = bst.fixed_total_number(
            self.sizes[source], self.sizes[target], number,
            weight=bst.drawn.normal(weight, abs(weight) * WEIGHT_SD),
            delay=bst.drawn.normal(delay, delay * DELAY_SD, low=0.5 * self.dt, outside='redraw'),  # one step or more
            seed=(self.seed, source, target),
        )  # fmt: skip
        synapse = bst.Expon.desc(tau=TAU_SYN, acts='mean', g_initializer=0.0 * u.pA)
        return bst.AlignPostProj(comm=comm, syn=synapse, out=bst.CUBA.desc(scale=1.0), post=self.populations[target])

    @property
    def n_synapses(self) -> int:
        return sum(projection.comm.n_synapses for onto in self.projections.values() for projection in onto.values())

    def update(self) -> Any:
        """One step; returns the spikes and V of the first neuron."""
        for source, onto in self.projections.items():
            spikes = self.populations[source].get_spike()
            for projection in onto.values():
                projection(spikes)
        for drive in self.drives.values():
            drive()
        spikes = [population(self.currents[name]) for name, population in self.populations.items()]
        return jnp.concatenate(spikes), self.populations['L23E'].V.value[0]


def build(scale: float = 1.0, drive: str = 'poisson', seed: int = 1) -> Simulation:
    """A simulation of the network; needs ``dt`` in ``environ``; call ``run`` on it.

    Parameters
    ----------
    scale, drive, seed
        See `Network`: the same seed gives the same spikes.
    """
    net = Network(scale, drive, seed)
    return Simulation(net, net.sizes, seed)


def statistics(simulation: Simulation) -> dict[str, Any]:
    """Rates (Hz) and mean CV of the inter-spike intervals of the populations, without the start-up."""
    measured = settled(simulation)
    cvs = {name: bst.record.cv(spikes, reference.MIN_SPIKES) for name, spikes in measured.items()}
    return {
        'rate_hz': {name: float(bst.record.mean_firing_rate(spikes).to_decimal(u.Hz)) for name, spikes in measured.items()},
        'cv_isi_of': {name: _mean(values) for name, values in cvs.items()},
        'cv_isi': _mean(np.concatenate(list(cvs.values()))),
        'spikes': sum(map(len, measured.values())),
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float('nan')


def settled(simulation: Simulation) -> dict[str, bst.record.Spikes]:
    """The spikes of each population after the start-up."""
    end = simulation.spikes.duration
    return {name: spikes.between(WARM_UP, end) for name, spikes in simulation.populations.items()}


def check(simulation: Simulation, scale: float, drive: str = 'poisson') -> dict[str, bool]:
    """Whether published rates, and distributions of NEST, are found again; nothing where there are none for this network."""
    if drive != 'poisson':
        return {}
    rates = report.holds(PUBLISHED, statistics(simulation)['rate_hz']) if scale == 1.0 else {}
    distances = reference.distances(settled(simulation), scale)
    return rates | {f'{name} {measure}': d.found <= d.allowed for (name, measure), d in distances.items()}


def plot(path: Path, simulation: Simulation, title: str, shown: Any = 200.0 * u.ms) -> None:
    """A raster of all layers at the end of the run, and boxes of the rates and the irregularity of single neurons."""
    measured, end = settled(simulation), simulation.spikes.duration
    with report.figure(path, (13, 7)) as canvas:
        raster, rates, cvs = canvas.subplots(1, 3, width_ratios=(6, 2.5, 2.5))
        shown = {name: simulation.populations[name].between(max(end - shown, 0.0 * u.ms), end) for name in reversed(NAMES)}
        bst.plots.raster(shown, most=4000, ax=raster)
        raster.set_title(title)
        seconds = float(next(iter(measured.values())).duration.to_decimal(u.second))
        _boxes(rates, {name: spikes.count / seconds for name, spikes in measured.items()}, 'rate (Hz)')
        _boxes(cvs, {name: bst.record.cv(spikes, reference.MIN_SPIKES) for name, spikes in measured.items()}, 'CV of intervals')
        rates.plot(RATES, np.arange(8, 0, -1), 'D', color='k', ms=7, mfc='none', label='full network,\npublished mean')
        rates.legend(frameon=False, loc='upper right')


def _colour(name: str) -> str:
    return bst.plots.PALETTE['EI'.index(name[-1])]


def _boxes(axis: Any, values: dict[str, np.ndarray], label: str) -> None:
    places = np.arange(len(values), 0, -1)
    style = {'positions': places, 'orientation': 'horizontal', 'showfliers': False, 'showmeans': True, 'patch_artist': True, 'widths': 0.6}
    drawn = axis.boxplot(list(values.values()), whis=(5, 95), medianprops={'color': 'k'}, meanprops={'markersize': 5}, **style)
    for name, box, mean in zip(values, drawn['boxes'], drawn['means'], strict=True):
        box.set(facecolor=_colour(name), alpha=0.5)
        mean.set(marker='D', markerfacecolor=_colour(name), markeredgecolor='none')
    axis.set_yticks(places, list(values))
    axis.set(xlabel=label, xlim=(0, None))


def main() -> None:
    parser = report.common_arguments(__doc__)
    parser.add_argument('--scale', type=report.positive(float), default=1.0, help='part of the neurons, and of the synapses of each')
    parser.add_argument('--drive', choices=('poisson', 'dc'), default='poisson', help='spikes of external neurons, or their mean')
    parser.add_argument('--repeats', type=report.positive(int), default=1, help='timed runs, of which the median is given')
    options = report.parse(parser)
    clock = report.Stopwatch()
    bst.environ.set(precision=options.precision, dt=options.dt * u.ms)
    simulation = build(options.scale, options.drive, options.seed)
    clock.lap('build_s')
    total = WARM_UP + options.duration * u.ms
    timings = clock.timings | report.time_runs(simulation.run, total, CHUNK, options.repeats)
    result = {name: getattr(options, name) for name in ('scale', 'drive', 'seed', 'precision')}
    result |= {'dt_ms': options.dt, 'duration_ms': float(total.to_decimal(u.ms)), 'neurons': simulation.recorder.size}
    result |= {'synapses': simulation.net.n_synapses, **timings, **statistics(simulation)}
    rows = []
    if options.drive == 'poisson':
        if options.scale == 1.0:
            rows += [(f'check {name}', text) for name, text in report.comparison(PUBLISHED, result['rate_hz'])]
        distances = reference.distances(settled(simulation), options.scale)
        result['distances'] = {f'{name} {measure}': d.found for (name, measure), d in distances.items()}
        rows += reference.table(distances)
    title = f'Potjans & Diesmann 2014, scale {options.scale:g}, {options.drive} drive'
    report.publish(title, result, options, rows)
    if options.plot:
        plot(options.plot, simulation, title)


if __name__ == '__main__':
    main()
