"""One network that is divided between the devices of several processes: each has a part of every population and the synapses onto it.

The spikes, potentials and files are those of one device, bit for bit. By hand, on one machine or two::

    python examples/cluster/network.py --coordinator localhost:7000 --processes 2 --process 0 --checkpoint run.npz --plot raster.png &
    python examples/cluster/network.py --coordinator localhost:7000 --processes 2 --process 1 --checkpoint run.npz

Under SLURM, and under Open MPI's ``mpirun``, JAX finds processes and coordinator itself::

    srun --ntasks=8 --cpus-per-task=4 python examples/cluster/network.py --cluster --checkpoint run.npz
    mpirun -n 8 python examples/cluster/network.py --cluster --checkpoint run.npz

Give each process as many threads as it has cores (``--threads``; all that it may use by default). If one dies or hangs, the others end
within ``--patience`` seconds. Started again with the same ``--checkpoint``, also with another number of processes, the simulation goes
on from the file, which all processes read and the first one writes.
"""

import argparse
from pathlib import Path

import brainunit as u
import jax
import numpy as np

import brainpy_state as bst
from brainpy_state.record import SpikeMonitor

DT, INDEGREE, G, J = 0.1 * u.ms, 100, 5.0, 0.2 * u.mV


class Network(bst.nn.Module):
    """Excitatory and inhibitory neurons, after Brunel 2000, doi:10.1023/A:1008925309027, with external spikes and a delay of 1.5 ms.

    Parameters
    ----------
    neurons : int
        Four fifths of them are excitatory.
    """

    def __init__(self, neurons):
        super().__init__()
        V = np.random.default_rng(1).uniform(0.0, 20.0, neurons) * u.mV
        self.cells = bst.LIFRef(
            neurons, tau=20.0 * u.ms, tau_ref=2.0 * u.ms, V_rest=0.0 * u.mV, V_reset=10.0 * u.mV, V_th=20.0 * u.mV, V_initializer=V
        )
        self.excitatory = neurons * 4 // 5
        sizes = {'E': (self.excitatory, INDEGREE * 4 // 5, J), 'I': (neurons - self.excitatory, INDEGREE // 5, -G * J)}
        self.E, self.I = (
            bst.DeltaProj(comm=bst.fixed_indegree(n, neurons, k, weight=w, seed=name), post=self.cells, delay=1.5 * u.ms)
            for name, (n, k, w) in sizes.items()
        )
        self.external = bst.PoissonInput(self.cells, num_input=INDEGREE, freq=60.0 * u.Hz, weight=J, seed='external')

    def update(self):
        spikes = self.cells.get_spike()
        self.E(spikes[: self.excitatory])
        self.I(spikes[self.excitatory :])
        self.external()
        self.cells()


def simulate(neurons, duration, checkpoint=None, mesh=None):
    """The spikes up to a time, from a checkpoint on if there is one."""
    with bst.environ.context(dt=DT, **({} if mesh is None else {'mesh': mesh})):  # synapses are made where their targets are
        network = Network(neurons)
        simulation = bst.Simulation(network, record={'spikes': SpikeMonitor(network.cells)}, seed=1)
    if checkpoint is not None and Path(checkpoint).exists():
        simulation.load(checkpoint)
    simulation.run(duration - simulation.t, checkpoint=checkpoint)
    return simulation['spikes']


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--coordinator', help='host and port of the first process')
    parser.add_argument('--processes', type=int, help='how many there are')
    parser.add_argument('--process', type=int, help='the number of this one, from 0')
    parser.add_argument('--cluster', action='store_true', help='let JAX ask SLURM or MPI for all of this')
    parser.add_argument('--patience', type=int, default=30, help='seconds after which a process that is silent counts as lost')
    parser.add_argument('--threads', type=int, help='of this process')
    parser.add_argument('--neurons', type=int, default=10_000)
    parser.add_argument('--duration', type=float, default=500.0, help='ms')
    parser.add_argument('--checkpoint', type=Path)
    parser.add_argument('--plot', type=Path)
    options = parser.parse_args(arguments)
    if options.cluster or options.coordinator:
        jax.distributed.initialize(options.coordinator, options.processes, options.process, heartbeat_timeout_seconds=options.patience)
    if options.threads:
        bst.event.set_threads(options.threads)
    mesh = jax.make_mesh((jax.device_count(),), ('parts',)) if jax.device_count() > 1 else None
    spikes = simulate(options.neurons, options.duration * u.ms, options.checkpoint, mesh)
    if jax.process_index() == 0:
        rate = bst.record.mean_firing_rate(spikes)
        print(f'{options.neurons} neurons on {jax.device_count()} devices: {len(spikes)} spikes, {rate.to_decimal(u.Hz):.2f} Hz')
        if options.plot:
            axes = bst.plots.raster(spikes)
            axes.figure.savefig(options.plot, dpi=120)


if __name__ == '__main__':
    main()
