"""Gamma oscillations of three origins, and the asynchronous state, in networks of adaptive exponential neurons.

Susin & Destexhe 2021, *PLoS Comput. Biol.* 17:e1009416, doi:10.1371/journal.pcbi.1009416: regular-spiking (RS) and fast-spiking (FS)
neurons fire asynchronously (AI); gamma arises from the loop between both (PING), among densely connected fast-spiking neurons
(FS2, ING), or from chattering neurons (Ch, CHING).

    python -m models.susin_destexhe_2021 --network ping --plot ping.png

A constant background drives the network; from 1 s on a common input is added, which brings the rhythm out.

Parameters of PING, ING and CHING are those of the authors' programs (ModelDB 267039). AI is not among these; its synapses are those of the
RS-FS part of ING, which the programs call the AI network, with an external weight of 1 nS as in a public implementation of the paper
(github.com/oujago/Gamma-Oscillation-Network-Models).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import brainunit as u
import jax.numpy as jnp
import numpy as np

import brainpy_state as bst

from . import report

MEMBRANE = {'R': 100.0 * u.Mohm, 'tau': 15.0 * u.ms, 'V_T': -50.0 * u.mV}  # 150 pF, 10 nS
SPIKES = {'V_reset': -65.0 * u.mV, 'tau_ref': 5.0 * u.ms, 'tau_w': 500.0 * u.ms}
CELLS: dict[str, dict[str, Any]] = {
    'RS': SPIKES | {'V_rest': -65.0 * u.mV, 'delta_T': 2.0 * u.mV, 'V_th': -40.0 * u.mV, 'a': 4.0 * u.nS, 'b': 20.0 * u.pA},
    'FS': SPIKES | {'V_rest': -65.0 * u.mV, 'delta_T': 0.5 * u.mV, 'V_th': -47.5 * u.mV, 'a': 0.0 * u.nS, 'b': 0.0 * u.pA},
    'Ch': SPIKES | {'V_rest': -58.0 * u.mV, 'delta_T': 0.5 * u.mV, 'V_th': -47.5 * u.mV, 'a': 80.0 * u.nS, 'b': 150.0 * u.pA},
}
CELLS['Ch'] |= {'tau_ref': 1.0 * u.ms, 'tau_w': 50.0 * u.ms}
CELLS['FS2'] = CELLS['FS']
EXCITATORY = ('RS', 'Ch')
E_EXC, E_INH, LATENCY = 0.0 * u.mV, -80.0 * u.mV, 1.5 * u.ms
P_EXTERNAL = 0.02
COMMON, ONSET = 1.0 * u.Hz, 1000.0 * u.ms  # what the common input adds to the rate of each external source, and when it begins
START_UP = 200.0 * u.ms  # that statistics leave out


class Circuit(NamedTuple):
    """A network of the paper: sizes, and each connection as (probability, weight in nS)."""

    sizes: dict[str, int]
    connections: dict[tuple[str, str], tuple[float, float]]
    external: dict[str, float]
    rate: Any
    tau_e: Any
    tau_i: Any


def _rs_fs(p: float, exc: float, inh: float) -> dict[tuple[str, str], tuple[float, float]]:
    return {('RS', 'RS'): (p, exc), ('RS', 'FS'): (p, exc), ('FS', 'RS'): (p, inh), ('FS', 'FS'): (p, inh)}


CIRCUITS = {
    'ai': Circuit({'RS': 20000, 'FS': 5000}, _rs_fs(0.02, 1.0, 5.0), {'RS': 1.0, 'FS': 1.0}, 2.0 * u.Hz, 5.0 * u.ms, 5.0 * u.ms),
    'ping': Circuit(
        {'RS': 20000, 'FS': 5000},
        _rs_fs(0.02, 5.0, 5.0 / 1.5),  # the charge of 1 and 5 nS with 5 ms
        {'RS': 4.0, 'FS': 4.0}, 2.0 * u.Hz, 1.0 * u.ms, 7.5 * u.ms,
    ),
    'ing': Circuit(
        {'RS': 20000, 'FS': 4000, 'FS2': 1000},
        _rs_fs(0.02, 1.0, 5.0)
        | {('RS', 'FS2'): (0.15, 1.0), ('FS', 'FS2'): (0.03, 5.0)}
        | {('FS2', 'RS'): (0.15, 5.0), ('FS2', 'FS'): (0.15, 5.0), ('FS2', 'FS2'): (0.6, 5.0)},
        {'RS': 0.9, 'FS': 0.9, 'FS2': 0.9}, 2.0 * u.Hz, 5.0 * u.ms, 5.0 * u.ms,
    ),
    'ching': Circuit(
        {'RS': 19000, 'FS': 5000, 'Ch': 1000},
        {('RS', 'RS'): (0.02, 1.0), ('RS', 'FS'): (0.02, 1.0), ('FS', 'RS'): (0.02, 7.0), ('FS', 'FS'): (0.02, 5.0)}
        | {('RS', 'Ch'): (0.02, 1.0), ('Ch', 'RS'): (0.02, 1.0), ('Ch', 'FS'): (0.02, 1.0), ('Ch', 'Ch'): (0.02, 1.0)}
        | {('FS', 'Ch'): (0.02, 7.0)},
        {'RS': 1.0, 'FS': 0.75, 'Ch': 1.0}, 1.0 * u.Hz, 5.0 * u.ms, 5.0 * u.ms,
    ),
}  # fmt: skip

GAMMA = report.Published('30 to 50 Hz', 'band of the analysis in ModelDB 267039', 30.0, 50.0, 'Hz', checked=True)
PUBLISHED = {name: {} if name == 'ai' else {'rhythm': GAMMA} for name in CIRCUITS}
RANGE = (20.0, 100.0)  # Hz, where a rhythm is looked for
WINDOW = 250.0 * u.ms  # of a spectrum
CHUNK = 500.0 * u.ms


class Network(bst.nn.Module):
    """The neurons of a circuit with their synapses and inputs.

    Parameters
    ----------
    circuit : Circuit
    scale : float
        Part of the neurons of the paper; each keeps the synapses and external sources that it has there. Where there are not enough
        sources for that, it gets all of them with a greater weight.
    seed : int
        Decides connections and start.
    """

    def __init__(self, circuit: Circuit, scale: float, seed: int):
        super().__init__()
        self.sizes = {name: max(round(n * scale), 1) for name, n in circuit.sizes.items()}
        rng = np.random.default_rng([seed, 2021])
        self.cells = {name: self._cells(name, rng) for name in self.sizes}
        self.delays = {name: bst.nn.Delay(n, LATENCY) for name, n in self.sizes.items()}
        self.synapses = {
            pair: self._project(self.sizes[pair[0]], pair[1], pair[0] in EXCITATORY, circuit, scale, p, g, (seed, *pair))
            for pair, (p, g) in circuit.connections.items()
        }
        sources = circuit.sizes['RS']
        self.encoder = bst.PoissonEncoder(max(round(sources * scale), 1))
        self.common = {
            name: self._project(self.encoder.in_size[0], name, True, circuit, scale, P_EXTERNAL, g, (seed, 'common', name))
            for name, g in circuit.external.items()
        }
        self.background = {
            name: bst.PoissonInput(self.common[name].receptor.syn, sources * P_EXTERNAL, circuit.rate, g * u.nS)
            for name, g in circuit.external.items()
        }

    def _cells(self, name: str, rng: np.random.Generator) -> bst.AdExIF:
        V = rng.uniform(-65.0, -50.0, self.sizes[name]) * u.mV
        return bst.AdExIFRef(self.sizes[name], **MEMBRANE, **CELLS[name], spk_reset='hard', V_initializer=V, w_initializer=0.0 * u.pA)

    def _project(self, size: int, post: str, excitatory: bool, circuit: Circuit, scale: float, p: float, g: float, seed: Any) -> Any:
        tau, E = (circuit.tau_e, E_EXC) if excitatory else (circuit.tau_i, E_INH)
        return bst.AlignPostProj(
            comm=bst.pairwise_bernoulli(
                size, self.sizes[post], min(p / scale, 1.0), weight=g * max(p / scale, 1.0) * u.nS, allow_autapses=True, seed=seed
            ),
            syn=bst.Expon.desc(tau=tau, g_initializer=0.0 * u.nS, acts='mean'),
            out=bst.COBA.desc(E=E),
            post=self.cells[post],
        )

    @property
    def n_synapses(self) -> int:
        return sum(p.comm.n_synapses for p in self.synapses.values())

    def update(self) -> Any:
        """One step; returns the spikes of all neurons and V of the first neuron of each population."""
        arriving = {name: self.delays[name](cells.get_spike()) for name, cells in self.cells.items()}
        for (pre, _), project in self.synapses.items():
            project(arriving[pre])
        extra = jnp.where(bst.environ.get('t') >= ONSET, 1.0, 0.0) * COMMON
        common = self.encoder(u.math.full(self.encoder.in_size, 1.0) * extra)
        for name in self.cells:
            self.common[name](common)
            self.background[name]()
        spikes = [cells() for cells in self.cells.values()]
        return jnp.concatenate(spikes), u.math.stack([cells.V.value[0] for cells in self.cells.values()])


class Simulation:
    """A network ready to run, with a recorder of all its spikes.

    Attributes
    ----------
    spikes : bst.record.Spikes
        Of the last run.
    V : voltage, shape (steps, populations)
        Potentials of the first neurons in the last run.
    """

    def __init__(self, network: str, scale: float, seed: int):
        self.network, self.seed = network, seed
        self.net = Network(CIRCUITS[network], scale, seed)
        self.recorder = bst.record.SpikeRecorder(sum(self.net.sizes.values()))

    def step(self) -> Any:
        spikes, V = self.net()
        self.recorder(spikes)
        return V

    def run(self, duration: Any = 2000.0 * u.ms) -> Simulation:
        """Initialise and simulate; needs ``dt`` in ``environ``."""
        with bst.random.seed_context(self.seed):
            bst.nn.init_all_states(self.net)
            bst.nn.init_all_states(self.recorder)
            self.V = bst.run(self.step, duration, chunk=CHUNK)
        self.spikes = self.recorder.spikes(0, self.V.shape[0])
        return self

    @property
    def populations(self) -> dict[str, bst.record.Spikes]:
        """Spikes of each population."""
        ends = np.cumsum(list(self.net.sizes.values()))
        return {name: self.spikes.of(int(end) - n, int(end)) for (name, n), end in zip(self.net.sizes.items(), ends, strict=True)}

    def statistics(self) -> dict[str, Any]:
        """Firing rates (Hz) under the background and under the common input, and the rhythm under the latter."""
        before = {name: s.between(START_UP, ONSET) for name, s in self.populations.items()}
        during = {name: s.between(ONSET + START_UP, s.duration) for name, s in self.populations.items()}
        frequency, power = spectrum(during['FS'])
        shown = (frequency >= RANGE[0]) & (frequency <= RANGE[1])
        peak = int(np.where(shown, power, 0.0).argmax())
        return {
            'background_hz': {name: float(bst.record.mean_firing_rate(s).to_decimal(u.Hz)) for name, s in before.items()},
            'rate_hz': {name: float(bst.record.mean_firing_rate(s).to_decimal(u.Hz)) for name, s in during.items()},
            'peak_hz': float(frequency[peak]),
            'peak_power': float(power[peak]),
        }


def spectrum(spikes: bst.record.Spikes) -> tuple[np.ndarray, np.ndarray]:
    """Power spectrum of a population's spikes, relative to that of independent Poisson processes, which is 1.

    That of the fast-spiking neurons stands for the local field potential, to which an inhibitory spike contributes six times as much as
    an excitatory one in the kernel that the authors use (ModelDB 267039).

    Returns
    -------
    frequency : array
        In Hz, in steps of 1.
    power : array
        Welch's method: Hann windows of 250 ms that overlap by half, padded to 1 s.
    """
    _, rate = bst.record.population_rate(spikes, 1.0 * u.ms)
    counts = rate.to_decimal(u.kHz) * spikes.size
    window, step = np.hanning(round(float(WINDOW / u.ms))), round(float(WINDOW / u.ms)) // 2
    pieces = [counts[i : i + window.size] for i in range(0, counts.size - window.size + 1, step)]
    power = np.mean([np.abs(np.fft.rfft((piece - piece.mean()) * window, 1000)) ** 2 for piece in pieces], 0)
    return np.fft.rfftfreq(1000, 1e-3), power / (max(counts.mean(), 1e-12) * (window**2).sum())


def build(network: str = 'ping', scale: float = 0.4, seed: int = 1) -> Simulation:
    """A simulation of a network; call ``run`` on it.

    Parameters
    ----------
    network : {'ping', 'ing', 'ching', 'ai'}
    scale : float
        Part of the 25,000 neurons of the paper.
    seed : int
        Decides connections, start and input: the same seed gives the same spikes.
    """
    return Simulation(network, scale, seed)


def run(network: str = 'ping', scale: float = 0.4, seed: int = 1, duration: Any = 2000.0 * u.ms) -> Simulation:
    """Build a network and run it."""
    return build(network, scale, seed).run(duration)


def check(simulation: Simulation) -> dict[str, bool]:
    """Whether each published number is found again."""
    return report.holds(PUBLISHED[simulation.network], {'rhythm': simulation.statistics()['peak_hz']})


def plot(path: Path, simulation: Simulation) -> None:
    """A raster of neurons of each population, their rates, a membrane trace of each, and the spectrum."""
    end, dt = simulation.spikes.duration, simulation.spikes.dt
    seen = {name: s.between(ONSET / 2, end) for name, s in simulation.populations.items()}
    shown = {name: s.of(0, min(s.size, 400)) for name, s in seen.items()}
    with report.figure(path, (10, 10)) as canvas:
        raster, rates, trace, power = canvas.subplots(4, 1, height_ratios=(5, 2, 2, 2.5))
        bst.plots.raster(shown, most=sum(s.size for s in shown.values()), ax=raster)
        raster.set_title(f'Susin & Destexhe 2021, {simulation.network.upper()}')
        bst.plots.rate(seen, sigma=2.5 * u.ms, ax=rates)
        for k, spikes in enumerate(seen.values()):
            V, t = simulation.V[spikes.start :, k], np.arange(spikes.start, spikes.stop) * dt
            bst.plots.trace(V, t, spikes=spikes.of(0, 1), peak=0.0 * u.mV, color=rates.lines[k].get_color(), ax=trace)
        unit = u.ms if trace.get_xlabel() == 'time (ms)' else u.second
        for axis in (raster, rates, trace):
            axis.axvspan(float(ONSET.to_decimal(unit)), float(end.to_decimal(unit)), color='0.95', zorder=-1)
        trace.set_ylabel('V (mV)')
        for axis in (raster, rates):
            axis.set_xlabel('')
        for label, start, stop, colour in (('background', START_UP, ONSET, '0.6'), ('common input', ONSET + START_UP, end, '0.1')):
            frequency, relative = spectrum(simulation.populations['FS'].between(start, stop))
            power.plot(frequency[5:], relative[5:], color=colour, lw=1.3, label=label)
        power.axvspan(GAMMA.low, GAMMA.high, color='0.93', zorder=-1)
        power.set(xlabel='frequency (Hz)', ylabel='power of FS / Poisson', xlim=(0, 150), ylim=(0, None))
        power.legend(frameon=False, loc='upper right', ncols=3)


def main() -> None:
    parser = report.common_arguments(__doc__, duration=2000.0)
    parser.add_argument('--network', choices=tuple(CIRCUITS), default='ping')
    parser.add_argument('--scale', type=report.positive(float), default=0.4, help='part of the 25,000 neurons of the paper')
    options = report.parse(parser)
    shortest = (ONSET + START_UP + WINDOW).to_decimal(u.ms)
    if options.duration < shortest:
        parser.error(f'--duration must be at least {shortest:g} ms, so that a spectrum can be taken')
    bst.environ.set(precision=options.precision, dt=options.dt * u.ms)
    clock = report.Stopwatch()
    simulation = build(options.network, options.scale, options.seed)
    clock.lap('build_s')
    simulation.run(options.duration * u.ms)
    clock.lap('run_s')
    found, sizes = simulation.statistics(), simulation.net.sizes
    rows = [
        ('neurons', ', '.join(f'{n:,} {name}' for name, n in sizes.items())),
        ('synapses', f'{simulation.net.n_synapses:,}'),
        ('build, run', f'{clock.timings["build_s"]:.1f}, {clock.timings["run_s"]:.1f} s with compiling'),
        *(
            (f'rate {name}', f'{found["background_hz"][name]:.2f} Hz, {found["rate_hz"][name]:.2f} Hz with the common input')
            for name in sizes
        ),
        ('peak of spectrum', f'{found["peak_hz"]:.0f} Hz, {found["peak_power"]:.0f} times the power of Poisson processes'),
    ]
    rows += report.comparison(PUBLISHED[options.network], {'rhythm': found['peak_hz']})
    result = {name: getattr(options, name) for name in ('network', 'scale', 'seed')}
    result |= {'dt_ms': options.dt, 'duration_ms': options.duration, 'neurons': sizes, 'synapses': simulation.net.n_synapses}
    report.show(f'Susin & Destexhe 2021, {options.network.upper()}', rows, result | clock.timings | {'found': found}, options)
    if options.plot:
        plot(options.plot, simulation)


if __name__ == '__main__':
    main()
