"""Alpha and gamma rhythms in a network of 1,000 randomly coupled Izhikevich neurons.

Izhikevich 2003, *IEEE Trans. Neural Netw.* 14:1569, doi:10.1109/TNN.2003.820440, figure 3 and the script beside it.

As published, spikes and thalamic input are exchanged once in each ms and held over it. The published script then takes V
through two steps of forward Euler of 0.5 ms and u through one of 1 ms; here both go through steps of exponential Euler, of
0.1 ms unless told otherwise. The mean rate is 7.2 Hz with the published scheme; here it is 7.6 Hz in steps of 0.5 ms and 8.2 Hz
in steps of 0.125 ms and below.

Neurons, weights and input are those of the script. The text and the figure of the paper could not be compared: what is quoted from them
is marked as not checked.

    python -m models.izhikevich_2003 --plot raster.png
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

import brainpy_state as bst

from . import report
from .report import Published
from .simulation import WINDOW, Simulation

SIZES = EXCITATORY, INHIBITORY = 800, 200
EXCHANGE = 1.0 * u.ms  # spikes and thalamic input are held over this time
DRIVE = u.mV / u.ms  # the unit of input to these neurons
NOISE = np.repeat([5.0, 2.0], SIZES) * DRIVE  # standard deviation of the thalamic input
STRONGEST = np.repeat([0.5, -1.0], SIZES) * DRIVE  # a weight is uniform between 0 and this, by its source
V_START = -65.0 * u.mV

BANDS = {'alpha power': (7.0, 13.0), 'gamma power': (30.0, 50.0)}  # Hz
PIECE = 1024  # ms, of which a spectrum is the mean
PUBLISHED = {
    'mean rate': Published('around 8 Hz', 'text on figure 3', 7.0, 9.0, 'Hz'),
    # the paper shows the rhythms and gives no power; one of independent Poisson neurons is 1, and above both bands it is about 1.5
    'alpha power': Published('episodes at 10 Hz', 'figure 3', 10.0, np.inf, 'x Poisson'),
    'gamma power': Published('episodes at 40 Hz', 'figure 3', 10.0, np.inf, 'x Poisson'),
}


class Network(bst.nn.Module):
    """Excitatory neurons from regular spiking to chattering and inhibitory ones from low-threshold to fast spiking, all to all.

    Parameters
    ----------
    seed : int
        Decides neurons and weights.
    dt : time
        The step of the neurons; it divides 1 ms.
    """

    def __init__(self, seed: int = 1, dt: Any = 0.1 * u.ms):
        super().__init__()
        rng = np.random.default_rng([seed, 2003])
        size = sum(SIZES)
        r_exc, r_inh = rng.random(EXCITATORY), rng.random(INHIBITORY)
        b = np.concatenate([np.full(EXCITATORY, 0.2), 0.25 - 0.05 * r_inh]) / u.ms
        self.dt, self.steps = dt, round(float(EXCHANGE / dt))
        if not np.isclose(float(self.steps * dt / EXCHANGE), 1.0):
            raise ValueError(f'dt = {dt} must divide {EXCHANGE}')
        self.N = bst.Izhikevich(
            size,
            a=np.concatenate([np.full(EXCITATORY, 0.02), 0.02 + 0.08 * r_inh]) / u.ms,
            b=b,
            c=np.concatenate([-65.0 + 15.0 * r_exc**2, np.full(INHIBITORY, -65.0)]) * u.mV,
            d=np.concatenate([8.0 - 6.0 * r_exc**2, np.full(INHIBITORY, 2.0)]) * DRIVE,
            V_initializer=V_START,
            u_initializer=b * V_START,
        )
        self.synapses = bst.all_to_all(size, size, weight=rng.random(size * size) * np.repeat(STRONGEST, size))
        self.fired = bst.ShortTermState(jnp.zeros(size, bst.environ.dftype()))

    def init_state(self, *args: Any, **kwargs: Any) -> None:
        self.fired.value = jnp.zeros(self.N.varshape, bst.environ.dftype())

    def update(self) -> Any:
        """One ms; returns the spikes and V of the first neuron."""
        I = NOISE * bst.random.standard_normal(self.N.varshape) + self.synapses(self.fired.value)
        fired = jnp.zeros_like(self.fired.value)
        with bst.environ.context(dt=self.dt):
            for _ in range(self.steps):
                fired = jnp.maximum(fired, self.N(I))
        self.fired.value = fired
        return fired, self.N.V.value[0]


class Millisecond(Simulation):
    """A run in steps of 1 ms; the seed decides the thalamic input too."""

    def __init__(self, seed: int = 1, dt: Any = 0.1 * u.ms):
        super().__init__(Network(seed, dt), {'E': EXCITATORY, 'I': INHIBITORY})
        self.seed = seed

    def run(self, duration: Any = 5000.0 * u.ms) -> Simulation:
        """Initialise and simulate."""
        with bst.environ.context(dt=EXCHANGE), bst.random.seed_context(self.seed):
            return super().run(duration)


def summary(simulation: Simulation) -> dict[str, float]:
    """What `PUBLISHED` speaks of, and the rates in Hz of both populations, without the start-up."""
    spikes = simulation.spikes.between(WINDOW, simulation.spikes.duration)
    rates = {f'rate {k}': rate for k, rate in simulation.statistics()['rate_hz'].items()}
    f, power = spectrum(spikes)
    bands = {name: float(power[(f >= low) & (f < high)].mean()) for name, (low, high) in BANDS.items()}
    return {'mean rate': float(bst.record.mean_firing_rate(spikes).to_decimal(u.Hz)), **rates, **bands}


def spectrum(spikes: bst.record.Spikes) -> tuple[np.ndarray, np.ndarray]:
    """Power of the population's spike count in units of that of independent Poisson neurons, by Welch's method.

    Returns
    -------
    f : float array, shape (n,)
        Frequencies in Hz.
    power : float array, shape (n,)
    """
    if (n := spikes.stop - spikes.start) < PIECE:
        raise ValueError(f'a spectrum needs {PIECE} ms after the first {WINDOW}, but there are {n}')
    frequency, power = bst.record.power_spectrum(spikes, PIECE * u.ms)
    poisson = 2.0 * bst.record.mean_firing_rate(spikes) / spikes.size
    return frequency.to_decimal(u.Hz), power.to_decimal(u.Hz) / max(float(poisson.to_decimal(u.Hz)), 1e-9)


def build(seed: int = 1, dt: Any = 0.1 * u.ms) -> Simulation:
    """A simulation of the network; call ``run`` on it. The same seed gives the same spikes."""
    return Millisecond(seed, dt)


def run(duration: Any = 5000.0 * u.ms, seed: int = 1, dt: Any = 0.1 * u.ms) -> Simulation:
    """Build the network and run it."""
    return build(seed, dt).run(duration)


def check(simulation: Simulation) -> dict[str, bool]:
    """Whether each published number is found again."""
    return report.holds(PUBLISHED, summary(simulation))


def plot(path: Path, simulation: Simulation) -> None:
    """Figure 3, a second of raster and one excitatory neuron, with the spectrum of the whole run."""
    first = {k: s.between(0.0 * u.ms, min(1000.0 * u.ms, s.duration)) for k, s in simulation.populations.items()}
    with report.figure(path, (10, 9)) as canvas:
        raster, rates, trace, power = canvas.subplots(4, 1, height_ratios=(5, 2, 2, 2.5))
        bst.plots.raster(first, most=sum(SIZES), ax=raster)
        raster.set_title('Izhikevich 2003, figure 3')
        bst.plots.rate(first, ax=rates)
        one = first['E'].of(0, 1)
        # the peak, which the step already has reset
        bst.plots.trace(simulation.V[: one.stop], np.arange(one.stop) * one.dt, spikes=one, peak=30.0 * u.mV, ax=trace)
        for axis in (raster, rates):
            axis.set(xlabel='')
        f, relative = spectrum(simulation.spikes.between(WINDOW, simulation.spikes.duration))
        power.semilogy(f[1:], relative[1:], color='0.25', lw=1)
        power.axhline(1, color='0.6', ls='--', lw=0.8)
        for name, (low, high) in BANDS.items():
            power.axvspan(low, high, color='0.9', lw=0)
            power.text((low + high) / 2, 1.5, name.split()[0], ha='center')
        power.set(xlabel='frequency (Hz)', ylabel='power / Poisson', xlim=(0, 120))


def main() -> None:
    options = report.parse(report.common_arguments(__doc__, duration=5000.0))
    bst.environ.set(precision=options.precision)
    clock = report.Stopwatch()
    simulation = build(options.seed, options.dt * u.ms)
    clock.lap('build_s')
    simulation.run(options.duration * u.ms)
    clock.lap('run_s')
    found = summary(simulation)
    rows = [
        ('rate E, I', f'{found["rate E"]:.2f}, {found["rate I"]:.2f} Hz'),
        ('build, run', f'{clock.timings["build_s"]:.2f}, {clock.timings["run_s"]:.2f} s with compiling'),
    ]
    result = {'seed': options.seed, 'dt_ms': options.dt, 'duration_ms': options.duration, **clock.timings, 'found': found}
    report.show('Izhikevich 2003, figure 3', report.comparison(PUBLISHED, found) + rows, result, options)
    if options.plot:
        plot(options.plot, simulation)


if __name__ == '__main__':
    main()
