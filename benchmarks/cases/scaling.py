"""Cost of a step of Vogels and Abbott's networks from 4,000 to 256,000 neurons.

Each neuron has 64 excitatory and 16 inhibitory synapses whatever the size, so the work for a neuron stays the same; memory
grows past the caches. Steps of 0.1 ms, all spikes recorded. Larger networks run for a shorter time, and costs are given for one
step: activity is stationary from the start. brainpy does not offer fixed in-degrees; there each neuron has 80 targets, which
leads to about a third more spikes for ``coba``; its memory includes a spike raster. Brian2 computes in 64 bits.
``floor`` is a C program on one thread, in 32 bits as this project. Variants are synapses and numbers of neurons.
"""

from benchmarks._contender import FLOOR, WORKERS, Case, Contender, Size
from benchmarks.cases import _network

DURATIONS_MS = {4_000: 1000, 16_000: 1000, 64_000: 500, 256_000: 300}
STEPS_PER_MS = 10
VARIANTS = tuple(f'{synapses}-{neurons}' for synapses in ('coba', 'cuba') for neurons in DURATIONS_MS)


def size(variant: str) -> Size:
    """Neurons and steps of a variant; a curve for each kind of synapses."""
    synapses, neurons = variant.split('-')
    return Size(f'Vogels-Abbott network, {synapses.upper()}', int(neurons), DURATIONS_MS[int(neurons)] * STEPS_PER_MS)


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project on all threads and on one, Brian2, brainpy, the C program."""
    synapses, neurons = variant.split('-')
    network = ('--synapses', synapses, '--neurons', neurons, '--duration', str(DURATIONS_MS[int(neurons)]), '--seed', str(seed))
    indegree = (*network, '--connect', 'fixed_indegree')
    floor = (str(WORKERS / 'scaling_floor.py'), *network)
    return (
        _network.own('ours', 'vogels_abbott_2005', *indegree),
        _network.own('ours-1-thread', 'vogels_abbott_2005', *indegree, '--threads', '1'),
        _network.brian2('vogels_abbott', *indegree),
        _network.brainpy('vogels_abbott', *network, '--wiring', 'fixed_outdegree', name='brainpy-80-targets'),
        Contender(FLOOR, floor, peer=FLOOR, module='numpy', install='install gcc', command='gcc'),
    )


CASE = Case('Vogels-Abbott networks with 80 synapses for each neuron', VARIANTS, contenders, size)
