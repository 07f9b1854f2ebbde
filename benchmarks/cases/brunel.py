"""Sparse network of Brunel (2000), model A, in the asynchronous irregular regime.

12,500 neurons with 1,000 excitatory and 250 inhibitory synapses each and a delay of 1.5 ms, external Poisson
spikes, 1 s at steps of 0.1 ms, all spikes recorded. Variants are regimes. Brian2 and NEST compute in 64 bits,
this project in 32; its figures at 64 bits stand beside them.
"""

from benchmarks._contender import Case, Contender
from benchmarks.cases import _network

NAME = 'brunel'


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project at two precisions, Brian2, NEST with one and two threads."""
    network = ('--regime', variant, '--seed', str(seed))
    return (
        *_network.ours('brunel_2000', *network),
        _network.brian2(NAME, *network),
        *_network.nest(NAME, *network),
    )


CASE = Case("Brunel's network, 12,500 neurons, 1 s", ('AI',), contenders)
