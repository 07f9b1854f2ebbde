"""A network of several processes that goes on from its file, if there is one."""

import sys
import zlib
from pathlib import Path

import brainunit as u
import jax
import numpy as np

import brainpy_state as bst
from tests.connected import tell
from tests.run.divided.networks import NETWORKS

DURATION = 300.0 * u.ms


def run(folder, mesh=None):
    """How often it has fired up to the end, a checksum of all spikes, and from which step on this process has simulated."""
    with bst.environ.context(dt=0.1 * u.ms, **({} if mesh is None else {'mesh': mesh})):
        network = NETWORKS['delayed']()
        simulation = bst.Simulation(network, record={'spikes': bst.record.SpikeMonitor(network.E)}, seed=1, to=f'{folder}/record.zarr')
    file = Path(folder) / 'run.npz'
    if file.exists():
        simulation.load(file)
    first = simulation.i
    simulation.run(DURATION - simulation.t, checkpoint=file, checkpoint_seconds=0.5)
    spikes = simulation['spikes'].spikes()
    return len(spikes), zlib.crc32(np.concatenate([spikes.step, spikes.i]).astype(np.int64).tobytes()), first


if __name__ == '__main__':
    number, processes, port, folder = sys.argv[1:]
    jax.distributed.initialize(f'localhost:{port}', int(processes), int(number), heartbeat_timeout_seconds=10)
    tell(run(folder, jax.make_mesh((jax.device_count(),), ('i',))))
