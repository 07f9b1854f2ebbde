"""What a divided network would take on a number of hosts: memory, messages and time of a step, from constants of this machine.

The network is the microcircuit of Potjans & Diesmann 2014, doi:10.1093/cercor/bhs358 (77,169 neurons, 299 million synapses, 3.2 Hz on
average, steps of 0.1 ms, a shortest delay of one step), or several of them side by side, connected as densely. Costs of a neuron and
of a synapse are measured here; those of a message are numbers of the network that connects hosts::

    python examples/cluster/forecast.py --latency 20 --bandwidth 10 --plot scaling.png

It is a model on paper: hosts wait for the slowest one, which is not in it, nor is what else runs there.
"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import brainpy_state as bst

NEURONS, SYNAPSES, POPULATIONS, RATE_HZ, STEP_S = 77_169, 299e6, 8, 3.2, 1e-4
STEPS_BETWEEN = 2  # a spike is delivered in the step after it, and its shortest delay is another one
HOSTS = 2 ** np.arange(11)


@dataclass(frozen=True)
class Costs:
    """Seconds, if nothing else is said, of one host with all its threads.

    Attributes
    ----------
    neuron : float
        A step of a neuron.
    look : float
        Looking whether a neuron of any host has fired.
    row, synapse : float
        Finding the synapses of a neuron that has fired, and delivering to one of them.
    latency : float
        A message between two hosts; all exchange in as many rounds as the logarithm of their number.
    bandwidth : float
        Bytes in a second that a host receives.
    bytes_of_synapse, bytes_of_neuron, bytes_of_row, bytes_of_process : float
        Memory: of a synapse with weight and slot in a ring of delays; of a neuron with its states and rings; of the row that each
        source has in each projection; of Python, JAX and compiled code.
    """

    neuron: float = 5e-9
    look: float = 1e-10
    row: float = 3e-8
    synapse: float = 1.2e-9
    latency: float = 2e-5
    bandwidth: float = 1.25e9
    bytes_of_synapse: float = 8.0
    bytes_of_neuron: float = 2_000.0
    bytes_of_row: float = 12.0
    bytes_of_process: float = 4e8


def measured(costs=None, repeats=3):
    """The costs of neurons and synapses on this machine, in place of those given."""
    n, k = 100_000, 1000
    with bst.environ.context(dt=0.1 * u.ms):
        cells = bst.nn.init_all_states(bst.LIFRef(n, tau=10.0 * u.ms, tau_ref=2.0 * u.ms, V_th=1.0 * u.mV))
        of_neuron = _seconds(lambda: cells(0.5 * u.mA).sum(), repeats) / n

    def product(rows, length):
        starts = np.arange(n + 1, dtype=np.int32) * np.int32(length)
        structure = bst.event.CSR(starts, np.random.default_rng(1).integers(0, n, n * length).astype(np.int32), (n, n))
        spikes = bst.State(jnp.zeros(n).at[:: n // rows].set(1.0) if rows else jnp.zeros(n))
        arrived = bst.State(jnp.zeros(n))

        def step():
            arrived.value = 0.5 * arrived.value + bst.event.product(structure, 1.0, spikes.value)
            spikes.value = jnp.where(arrived.value < 0.0, 0.0, spikes.value)  # which the loop cannot know to stay as they are

        return _seconds(step, repeats)

    nothing, short, long = product(0, 1), product(k, 1), product(k, 100)
    given = costs or Costs()
    synapse = max(long - short, 0.0) / (k * 99)
    return replace(given, neuron=of_neuron, look=nothing / n, row=max(short - nothing, 0.0) / k - synapse, synapse=synapse)


def _seconds(step, repeats, steps=500):
    """Of one step, the least of several."""
    found = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        jax.block_until_ready(bst.transform.for_loop(step, length=steps))
        found.append((time.perf_counter() - start) / steps)
    return min(found[1:])


def forecast(hosts, circuits=1, costs=None):
    """Seconds of each part of a step, bytes of memory and bytes that a host receives in a step.

    Parameters
    ----------
    hosts : int or array of int
    circuits : int or array of int
        How many microcircuits, which share out the same number of synapses of a neuron among all.
    costs : Costs
    """
    c, hosts = costs or Costs(), np.asarray(hosts, float)
    neurons, synapses = NEURONS * np.asarray(circuits, float), SYNAPSES * np.asarray(circuits, float)
    fired = neurons * RATE_HZ * STEP_S
    received = np.where(hosts > 1, neurons / 8, 0.0)  # a bit of each neuron
    seconds = {
        'neurons': c.neuron * neurons / hosts,
        'synapses': c.synapse * fired * synapses / neurons / hosts,
        'rows of spikes': c.row * fired * POPULATIONS * np.minimum(1.0, synapses / neurons / POPULATIONS / hosts),
        'looking for spikes': c.look * neurons,
        'messages': np.ceil(np.log2(hosts)) * c.latency / STEPS_BETWEEN + received / c.bandwidth,
    }
    memory = c.bytes_of_process + c.bytes_of_synapse * synapses / hosts + c.bytes_of_neuron * neurons / hosts
    return seconds, memory + c.bytes_of_row * neurons * POPULATIONS, received


def plot(path, costs):
    """One microcircuit, and as many as hosts: time for a second of the model, by its parts; and memory of a host."""
    figure = Figure(figsize=(11, 3.8), layout='constrained')
    strong, weak, memory = figure.subplots(1, 3)
    for axes, circuits, title in ((strong, 1, 'one microcircuit'), (weak, HOSTS, 'one microcircuit for each host')):
        seconds, _, _ = forecast(HOSTS, circuits, costs)
        for name, x in seconds.items():
            each = np.broadcast_to(x, HOSTS.shape) / STEP_S
            axes.loglog(HOSTS, np.where(each > 0, each, np.nan), label=name)
        axes.loglog(HOSTS, sum(seconds.values()) / STEP_S, 'k', lw=2, label='all')
        axes.set(xlabel='hosts', ylabel='time / model time', title=title, ylim=(1e-3, 1e3))
    strong.legend(frameon=False, fontsize=8)
    for circuits in (1, 16, 256, HOSTS):
        label = 'one for each host' if circuits is HOSTS else f'{circuits} microcircuit{"s" if circuits > 1 else ""}'
        memory.loglog(HOSTS, forecast(HOSTS, circuits, costs)[1] / 2**30, label=label)
    memory.set(xlabel='hosts', ylabel='GiB of a host', title='memory')
    memory.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)


def limit(seconds):
    """The part of a step that takes longest."""
    return max(seconds, key=lambda name: float(np.asarray(seconds[name]).max()))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--latency', type=float, default=20.0, help='of a message, in microseconds')
    parser.add_argument('--bandwidth', type=float, default=10.0, help='of a host, in Gbit/s')
    parser.add_argument('--plot', type=Path)
    options = parser.parse_args(arguments)
    costs = measured(Costs(latency=1e-6 * options.latency, bandwidth=1e9 / 8 * options.bandwidth))
    shown = {'a neuron': costs.neuron, 'a look': costs.look, 'a row': costs.row, 'a synapse': costs.synapse}
    print('measured: ' + ', '.join(f'{name} {1e9 * x:.2f} ns' for name, x in shown.items()))
    print('circuits  hosts  time/model time  GiB of a host  KiB received in a step  what takes longest')
    for circuits in (1, 1024):
        for hosts in (1, 8, 64, 1024):
            seconds, memory, received = forecast(hosts, circuits, costs)
            total = float(sum(seconds.values())) / STEP_S
            print(f'{circuits:8} {hosts:6} {total:16.2f} {float(memory) / 2**30:14.2f} {float(received) / 2**10:23.1f}  {limit(seconds)}')
    if options.plot:
        plot(options.plot, costs)


if __name__ == '__main__':
    main()
