"""What a process finds of networks, whole or divided between all devices."""

import zlib

import brainunit as u
import jax
import numpy as np

import brainpy_state as bst
from tests.connected import mesh_and_arguments, tell
from tests.run.divided.networks import NETWORKS


def digests(name, mesh):
    """Of each record and state, a number that hardly two values have in common."""
    with bst.environ.context(dt=0.1 * u.ms, **({} if mesh is None else {'mesh': mesh})):
        network = NETWORKS[name]()
        simulation = bst.Simulation(network, record=network.record(), seed=1)
        simulation.run(20.0 * u.ms)
        simulation.run(30.3 * u.ms)
        found = {}
        for key in simulation.recorders:
            record = simulation[key]
            found[key] = [record.values] if hasattr(record, 'values') else [record.step, record.i]
        for path, state in network.states().items():
            of_synapses = 'weight' in path or 'comm' in path or path[-1] in {'c', 'events'}  # in an order of their own
            found[str(path)] = [] if of_synapses else [state.value]
    return {key: [_digest(x) for x in jax.tree.leaves(values)] for key, values in found.items()} | {
        'spikes in all': len(simulation['spikes'])
    }


def _digest(x):
    array = np.asarray(u.get_mantissa(x))
    return [list(array.shape), zlib.crc32(np.ascontiguousarray(array).tobytes())]


if __name__ == '__main__':
    mesh_of_all, (name, *numbers) = mesh_and_arguments()  # numbers of devices, 0 of none, or 'all'; with 'xla' before it, by XLA alone
    found = {}
    for parts in numbers:
        bst.event.set_backend('xla' if parts.startswith('xla') else 'auto')
        number, mesh = parts.removeprefix('xla'), mesh_of_all
        if number != 'all':
            mesh = jax.sharding.Mesh(np.array(jax.devices()[: int(number)]), ('i',)) if int(number) else None
        found[parts] = digests(name, mesh)
    tell(found)
