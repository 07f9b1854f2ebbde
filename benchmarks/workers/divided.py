"""Times a network on one process with all threads, or divided between processes with their share of them; or its messages alone.

The first process starts the others. All record the spikes of all neurons.
"""

import argparse
import socket
import subprocess
import sys
import time
from pathlib import Path

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from worker import emit, peak_rss_mb, time_call, time_runs, versions_of

import brainpy_state as bst

sys.path.append(str(Path(__file__).resolve().parents[2]))
from models import potjans_diesmann_2014, vogels_abbott_2005

DT, WARM_UP = 0.1 * u.ms, 20.0 * u.ms
NETWORKS = {'coba': (256_000, 1), 'potjans': (0.5, 2)}  # size, and steps from one message to the next
PACKAGES = 'brainpy-state', 'jax', 'jaxlib', 'numpy', 'numba'


def network(name, size):
    """A network, and its populations by name."""
    if name == 'coba':
        net = vogels_abbott_2005.Network('coba', int(size), connect='fixed_indegree')
        return net, {'all': net.N}
    net = potjans_diesmann_2014.Network(size)
    return net, net.populations


def messages(steps, neurons, between, mesh):
    """A function that sends as many messages, of a bit for each neuron and step, as a run does."""
    words = -(-neurons // jax.device_count() // 32) * between

    def told(x):
        return jax.lax.all_to_all(jnp.broadcast_to(x, (jax.device_count(), *x.shape)), 'parts', 0, 0)

    def loop(x):
        return jax.lax.fori_loop(0, steps // between, lambda k, x: told(x)[0] ^ jnp.uint32(k), x)

    each, same = jax.sharding.PartitionSpec('parts'), jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('parts'))
    call = jax.jit(jax.shard_map(loop, mesh=mesh, in_specs=each, out_specs=each, check_vma=False))
    x = jax.make_array_from_callback((words * jax.device_count(),), same, lambda part: np.zeros(words, np.uint32))
    return lambda: jax.block_until_ready(call(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--network', choices=NETWORKS, required=True)
    parser.add_argument('--size', type=float)
    parser.add_argument('--duration', type=float, default=200.0, help='ms')
    parser.add_argument('--processes', type=int, default=1)
    parser.add_argument('--messages', action='store_true', help='the exchange of spikes alone')
    parser.add_argument('--repeats', type=int, default=1)
    parser.add_argument('--process', type=int, default=0)
    parser.add_argument('--port', type=int)
    options = parser.parse_args()
    others, mesh = [], {}
    if options.processes > 1:
        if options.port is None:
            with socket.socket() as free:
                free.bind(('localhost', 0))
                options.port = free.getsockname()[1]
            for k in range(1, options.processes):
                command = [sys.executable, *sys.argv, '--process', str(k), '--port', str(options.port)]
                others.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        jax.distributed.initialize(f'localhost:{options.port}', options.processes, options.process)
        mesh = {'mesh': jax.make_mesh((options.processes,), ('parts',))}
    bst.event.set_threads(max(1, bst.event.threads() // options.processes))
    bst.environ.set(dt=DT, **mesh)
    size, between = NETWORKS[options.network]
    size = size if options.size is None else options.size
    duration, start = options.duration * u.ms, time.perf_counter()
    if options.messages:
        neurons = int(size) if options.network == 'coba' else int(size * potjans_diesmann_2014.SIZES.sum())
        call = messages(round(options.duration / 0.1), neurons, between, mesh['mesh'])
        report = {'build_s': 0.0, 'compile_s': time_call(call)} | time_runs(lambda: time_call(call), options.repeats)
    else:
        net, populations = network(options.network, size)
        simulation = bst.Simulation(net, record={name: bst.record.SpikeMonitor(x) for name, x in populations.items()})
        report = {'build_s': time.perf_counter() - start, 'compile_s': time_call(lambda: simulation.run(WARM_UP))}
        report |= time_runs(lambda: time_call(lambda: simulation.run(duration)), options.repeats)
        report['spikes'] = sum(len(simulation[name]) for name in populations)
    if options.processes > 1:
        jax.distributed.shutdown()  # which waits for all
    for other in others:
        other.wait()
    emit({**report, 'peak_rss_mb': peak_rss_mb(), 'versions': versions_of(*PACKAGES)})


if __name__ == '__main__':
    main()
