"""What the networks of this folder share: a run that records all spikes and one potential, and its statistics."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import brainunit as u
import numpy as np

import brainpy_state as bst

from . import report

WINDOW = 200.0 * u.ms  # statistics leave out the start-up
CHUNK = 1000.0 * u.ms


class Simulation:
    """A network ready to run, with a recorder of all its spikes.

    Parameters
    ----------
    net : module
        Called without arguments, does one step and returns the spikes of all neurons and a potential to show.
    populations : dict
        Names and sizes of the populations, in the order of the neurons.
    seed : int, optional
        Of the random numbers that the network draws in a run; every run starts with it.

    Attributes
    ----------
    spikes : bst.record.Spikes
        Of the last run.
    V : voltage, shape (steps,)
        The potential of the last run.
    """

    def __init__(self, net: bst.nn.Module, populations: dict[str, int], seed: int | None = None):
        self.net, self.sizes, self.seed = net, populations, seed
        self.recorder = bst.record.SpikeRecorder(sum(populations.values()))

    def step(self) -> Any:
        spikes, V = self.net()
        self.recorder(spikes)
        return V

    def run(self, duration: Any = 1000.0 * u.ms) -> Simulation:
        """Initialise and simulate; needs ``dt`` in ``environ``."""
        if self.seed is not None:
            bst.random.seed(self.seed)
        bst.nn.init_all_states(self.net)
        bst.nn.init_all_states(self.recorder)
        self.V = bst.run(self.step, duration, chunk=CHUNK)
        self.spikes = self.recorder.spikes(0, self.V.shape[0])
        return self

    @property
    def populations(self) -> dict[str, bst.record.Spikes]:
        """Spikes of each population."""
        ends = np.cumsum(list(self.sizes.values()))
        return {name: self.spikes.of(int(end) - n, int(end)) for (name, n), end in zip(self.sizes.items(), ends, strict=True)}

    def statistics(self) -> dict[str, Any]:
        """Firing rates (Hz) and mean CV of the inter-spike intervals, without the start-up."""
        start = WINDOW if self.spikes.duration > 2 * WINDOW else 0.0 * u.ms
        rates = {k: s.between(start, s.duration) for k, s in self.populations.items()}
        cvs = bst.record.cv(self.spikes.between(start, self.spikes.duration))
        return {
            'rate_hz': {k: float(bst.record.mean_firing_rate(s).to_decimal(u.Hz)) for k, s in rates.items()},
            'cv_isi': float(np.mean(cvs)) if cvs.size else float('nan'),
            'spikes': len(self.spikes),
        }


def command(title: str, build: Callable[[argparse.Namespace], Simulation], options: argparse.Namespace, **figure: Any) -> None:
    """Build, time and run; print the table, and write JSON and figure where asked to.

    ``figure`` holds keywords of `report.plot_activity`.
    """
    clock = report.Stopwatch()
    bst.environ.set(precision=options.precision, dt=options.dt * u.ms)
    bst.event.set_threads(options.threads)
    simulation = build(options)
    clock.lap('build_s')
    timings = clock.timings | report.time_runs(simulation.run, options.duration * u.ms, CHUNK, options.repeats)
    result = {
        'neurons': simulation.recorder.size,
        'synapses': simulation.net.n_synapses,
        'dt_ms': options.dt,
        'duration_ms': options.duration,
        'seed': options.seed,
        'precision': options.precision,
        'threads': options.threads,
        **timings,
        **simulation.statistics(),
    }
    report.publish(title, result, options)
    if options.plot:
        report.plot_activity(options.plot, simulation.populations, simulation.V, title, **figure)
