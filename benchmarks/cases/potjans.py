"""The cortical microcircuit of Potjans & Diesmann (2014), driven by Poisson spikes.

1 s after a warm-up of 0.5 s, both timed, at steps of 0.1 ms, all spikes recorded. Variants are scales: the part of the 77,169 neurons, and
of the synapses of each. The full network has 299 million synapses; NEST needs 15 GB for it. NEST computes in 64 bits, this project in
32; its figures at 64 bits stand beside them.
"""

from benchmarks._contender import Case, Contender
from benchmarks.cases import _network

NAME = 'potjans'


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project at two precisions, NEST with one and two threads."""
    network = ('--scale', variant, '--seed', str(seed))
    return (*_network.ours('potjans_diesmann_2014', *network), *_network.nest(NAME, *network))


CASE = Case('Microcircuit of Potjans and Diesmann, 1.5 s', ('0.1', '1'), contenders)
