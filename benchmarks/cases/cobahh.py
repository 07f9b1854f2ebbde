"""Balanced network of Hodgkin-Huxley neurons, benchmark 3 of Brette et al. (2007).

2 % connectivity, synaptic conductances, 1 s at steps of 0.1 ms, all spikes recorded. Variants are numbers of
neurons. Brian2 and this project integrate by exponential Euler, NEST adaptively. Brian2 and NEST compute in
64 bits, brainpy and this project in 32; this project's figures at 64 bits stand beside them.
"""

from benchmarks._contender import Case, Contender
from benchmarks.cases import _network

NAME = 'cobahh'


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project at two precisions, Brian2, NEST with one and two threads, brainpy."""
    network = ('--neurons', variant, '--seed', str(seed))
    return (
        *_network.ours('brette_2007_cobahh', *network),
        _network.brian2(NAME, *network),
        *_network.nest(NAME, *network),
        _network.brainpy(NAME, *network),
    )


CASE = Case('COBAHH network, 1 s', ('4000',), contenders)
