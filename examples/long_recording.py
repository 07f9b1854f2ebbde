"""An hour of a network of 1,000 neurons, recorded to disk while it runs: the records grow, the memory of the process does not.

All spikes, ten potentials every millisecond and the rate of the population go to ``--to``, and a file to go on from is written every ten
seconds. Takes a minute or two, and 1 GB of disk::

    python examples/long_recording.py --to hour.zarr --plot memory.png
"""

import argparse
import tempfile
from pathlib import Path

import brainunit as u
import matplotlib.pyplot as plt
import numpy as np

import brainpy_state as bst
from brainpy_state.record import RateMonitor, SpikeMonitor, StateMonitor

DT, NEURONS, PIECES = 0.1 * u.ms, 1000, 60


class Network(bst.nn.Module):
    """Leaky neurons, 80 % of them excitatory, after Brunel 2000, doi:10.1023/A:1008925309027."""

    def __init__(self):
        super().__init__()
        V = np.random.default_rng(1).uniform(0.0, 20.0, NEURONS) * u.mV
        self.N = bst.LIFRef(
            NEURONS, tau=20.0 * u.ms, tau_ref=2.0 * u.ms, V_rest=0.0 * u.mV, V_reset=10.0 * u.mV, V_th=20.0 * u.mV, V_initializer=V
        )
        exc = bst.fixed_indegree(800, NEURONS, 80, weight=0.2 * u.mV, seed='E')
        inh = bst.fixed_indegree(200, NEURONS, 20, weight=-1.0 * u.mV, seed='I')
        self.E, self.I = (bst.DeltaProj(comm=comm, post=self.N, delay=1.5 * u.ms) for comm in (exc, inh))
        self.external = bst.PoissonInput(self.N, num_input=100, freq=60.0 * u.Hz, weight=0.2 * u.mV, seed='external')

    def update(self):
        spikes = self.N.get_spike()
        self.E(spikes[:800])
        self.I(spikes[800:])
        self.external()
        self.N()


def memory():
    """What the process holds in memory now (Linux), in MiB."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * 4096 / 2**20


def size(folder):
    """What a folder has on disk, in MiB."""
    return sum(file.stat().st_blocks * 512 for file in Path(folder).rglob('*') if file.is_file()) / 2**20


def record(duration, to):
    """Simulate and record to a folder; returns times, memory and size of the records after each of `PIECES`."""
    net = Network()
    record = {
        'spikes': SpikeMonitor(net.N),
        'rate': RateMonitor(net.N, bin=10.0 * u.ms),
        'V': StateMonitor(net.N, 'V', of=range(10), every=1.0 * u.ms),
    }
    sim = bst.Simulation(net, dt=DT, record=record, to=to)
    rows = []
    for _ in range(PIECES):
        sim.run(duration / PIECES, checkpoint=f'{to}.npz', checkpoint_seconds=10.0)
        rows.append((sim.t.to_decimal(u.second), memory(), size(to)))
    return np.array(rows).T


def plot(t, held, written, path):
    """Draw what the process holds and what is on disk."""
    fig, ax = plt.subplots(figsize=(6, 3.5), layout='constrained')
    ax.plot(t / 60, written, label='records on disk')
    ax.plot(t / 60, held, label='memory of the process')
    ax.set(xlabel='Model time (min)', ylabel='MiB', xlim=(0, None), ylim=(0, None))
    ax.legend(frameon=False)
    fig.savefig(path, dpi=150)
    plt.close(fig)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--duration', type=float, default=3600.0, help='seconds of model time; a 60th of them is a number of steps')
    parser.add_argument('--to', help='a folder that is not there yet; without it, one that is removed at the end')
    parser.add_argument('--plot', help='save a figure here')
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        to = options.to or f'{folder}/run.zarr'
        t, held, written = record(options.duration * u.second, to)
        spikes = len(bst.record.open(to)['spikes'])
    print(f'{spikes:,} spikes in {t[-1]:.0f} s of model time, {written[-1]:.0f} MiB on disk')
    print(f'memory: {held[PIECES // 10]:.0f} MiB after a tenth, {held[-1]:.0f} MiB at the end')
    if options.plot:
        plot(t, held, written, options.plot)


if __name__ == '__main__':
    main()
