"""A network for many strengths of inhibition and of drive, on the devices of several processes.

Each process runs this file and simulates its share; all get the same results, bit for bit, whatever their number.

By hand, on one machine or two (the first process waits for the others at a port that all can reach)::

    python examples/cluster/sweep.py --coordinator localhost:7000 --processes 2 --process 0 --plot rates.png &
    python examples/cluster/sweep.py --coordinator localhost:7000 --processes 2 --process 1

Under SLURM, and under Open MPI's ``mpirun``, JAX finds processes and coordinator itself::

    srun --ntasks=8 --cpus-per-task=4 python examples/cluster/sweep.py --cluster --plot rates.png
    mpirun -n 8 python examples/cluster/sweep.py --cluster --plot rates.png

A process that ends or hangs is noticed by the others after ``--patience``; JAX then ends them, and names it. Where a process has another
version of a package, another seed or other values, all raise one error.
"""

import argparse
from pathlib import Path

import brainunit as u
import jax
import numpy as np
from matplotlib.figure import Figure

import brainpy_state as bst

NEURONS, EXCITATORY, INDEGREE = 500, 400, 50
J, DURATION, DT = 0.2 * u.mV, 300.0 * u.ms, 0.1 * u.ms


class Network(bst.nn.Module):
    """Excitatory and inhibitory neurons, and external spikes.

    Parameters
    ----------
    g : float
        Inhibitory over excitatory weight.
    rate : frequency
        Of the external spikes of a neuron.
    """

    def __init__(self, g, rate):
        super().__init__()
        V = bst.random.uniform(0.0, 20.0, NEURONS) * u.mV
        self.cells = bst.LIFRef(
            NEURONS, tau=20.0 * u.ms, tau_ref=2.0 * u.ms, V_rest=0.0 * u.mV, V_reset=10.0 * u.mV, V_th=20.0 * u.mV, V_initializer=V
        )
        sizes = {'E': (EXCITATORY, J), 'I': (NEURONS - EXCITATORY, -g * J)}
        self.E, self.I = (
            bst.DeltaProj(
                comm=bst.fixed_indegree(n, NEURONS, INDEGREE * n // NEURONS, weight=weight, seed=name), post=self.cells, delay=1.5 * u.ms
            )
            for name, (n, weight) in sizes.items()
        )
        self.external = bst.PoissonInput(self.cells, num_input=1, freq=rate, weight=J)

    def update(self):
        spikes = self.cells.get_spike()
        self.E(spikes[:EXCITATORY])
        self.I(spikes[EXCITATORY:])
        self.external()
        return self.cells().mean()


def mean_rate(g, rate):
    """The mean rate of all neurons, for the same starts and external spikes with every g and rate."""
    bst.random.seed(1)
    net = bst.nn.init_all_states(Network(g, rate))
    return bst.run(net, DURATION).mean() / DT


def simulate(points=8, mesh=None):
    """Ratios of weights, external rates, and the network's rate for each pair, in Hz."""
    g, rate = np.linspace(0.0, 8.0, points), np.linspace(2000.0, 12000.0, points) * u.Hz
    with bst.environ.context(dt=DT):
        found = bst.sweep(mean_rate, {'g': g, 'rate': rate}, mesh=mesh)
    return g, rate, found.to_decimal(u.Hz)


def plot(path, g, rate, found):
    figure = Figure(figsize=(5.5, 4), layout='constrained')
    axes = figure.subplots()
    picture = axes.pcolormesh(rate.to_decimal(u.kHz), g, found, cmap='viridis')
    axes.set(xlabel='external spikes of a neuron (kHz)', ylabel='inhibitory / excitatory weight')
    figure.colorbar(picture, label='rate of the network (Hz)')
    figure.savefig(path, dpi=120)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--coordinator', help='host and port of the first process')
    parser.add_argument('--processes', type=int, help='how many there are')
    parser.add_argument('--process', type=int, help='the number of this one, from 0')
    parser.add_argument('--cluster', action='store_true', help='let JAX ask SLURM or MPI for all of this')
    parser.add_argument('--patience', type=int, default=60, help='seconds after which a process that is silent counts as lost')
    parser.add_argument('--points', type=int, default=8, help='values of each of the two parameters')
    parser.add_argument('--plot', type=Path)
    options = parser.parse_args(arguments)
    if options.cluster or options.coordinator:
        jax.distributed.initialize(options.coordinator, options.processes, options.process, heartbeat_timeout_seconds=options.patience)
    mesh = jax.make_mesh((jax.device_count(),), ('lanes',)) if jax.device_count() > 1 else None
    g, rate, found = simulate(options.points, mesh)
    if jax.process_index() == 0:
        print(f'{found.size} networks on {jax.device_count()} devices: {found.min():.1f} to {found.max():.1f} Hz')
        if options.plot:
            plot(options.plot, g, rate, found)


if __name__ == '__main__':
    main()
