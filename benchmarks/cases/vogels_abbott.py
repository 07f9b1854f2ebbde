"""Balanced networks of Vogels and Abbott (2005), as in benchmarks 1 and 2 of Brette et al. (2007).

4,000 neurons, 2 % connectivity, 1 s at steps of 0.1 ms, all spikes recorded. ``cuba`` has synaptic
currents, ``coba`` synaptic conductances. Brian2 and NEST compute in 64 bits, brainpy and this project in
32; this project's figures at 64 bits stand beside them.
"""

from benchmarks._contender import Case, Contender
from benchmarks.cases import _network

NAME = 'vogels_abbott'


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project at two precisions, Brian2 with two sets of compiler flags, NEST with one and two threads, brainpy."""
    network = ('--synapses', variant, '--seed', str(seed))
    return (
        *_network.ours('vogels_abbott_2005', *network),
        _network.brian2(NAME, *network),
        _network.brian2(NAME, *network, name='brian2-O3-native', flags='-O3 -march=native'),
        *_network.nest(NAME, *network),
        _network.brainpy(NAME, *network),
    )


CASE = Case('Vogels-Abbott network, 4,000 neurons, 1 s', ('cuba', 'coba'), contenders)
