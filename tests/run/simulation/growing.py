"""A simulation that records to disk and writes checkpoints until it is killed; or the same without being broken off.

Called with a folder and a number of steps, it goes on from what it finds there.
"""

import sys
from pathlib import Path

import brainunit as u

import brainpy_state as bst
from brainpy_state.record import RateMonitor, SpikeMonitor, StateMonitor


def build(folder=None):
    """800 neurons with noise and delayed synapses."""
    cells = bst.LIFRef(800, tau=10.0 * u.ms, tau_ref=0.5 * u.ms)
    noise = bst.PoissonSpike(800, 400.0 * u.Hz, seed=4)
    comm = bst.fixed_indegree(800, 800, 20, weight=1.0 * u.mA, seed=5)
    proj = bst.AlignPostProj(
        comm=comm, syn=bst.Expon.desc(g_initializer=0.0 * u.mA), out=bst.CUBA.desc(scale=1), post=cells, delay=1.0 * u.ms
    )

    def step():
        proj(cells.get_spike())
        cells(noise() * 40.0 * u.mA)

    record = {
        'spikes': SpikeMonitor(cells),
        'V': StateMonitor(cells, 'V', of=range(0, 800, 100), every=1.0 * u.ms),
        'rate': RateMonitor(cells, bin=5.0 * u.ms),
    }
    return bst.Simulation(step, dt=0.1 * u.ms, record=record, to=None if folder is None else Path(folder) / 'run.zarr')


if __name__ == '__main__':
    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    simulation = build(folder)
    if (folder / 'state.npz').exists():
        simulation.load(folder / 'state.npz')
    sys.stdout.write('ready\n')
    sys.stdout.flush()
    if simulation.i < steps:
        simulation.run((steps - simulation.i) * simulation.dt, checkpoint=folder / 'state.npz', checkpoint_seconds=0.05)
