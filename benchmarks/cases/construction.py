"""Building the connections of the cortical microcircuit of Potjans & Diesmann (2014): 299 million synapses at scale 1.

64 projections of a given number of synapses, each synapse with a weight and a delay drawn from a normal distribution.
Nothing is simulated: a run is one construction. Variants are scales of the populations.
"""

from benchmarks._contender import OURS, WORKERS, Case, Contender


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project, NEST with one and two threads."""

    def worker(simulator: str, *options: str) -> tuple[str, ...]:
        return (str(WORKERS / f'construction_{simulator}.py'), '--scale', variant, '--seed', str(seed), *options)

    def nest(name: str, threads: int) -> Contender:
        return Contender(name, worker('nest', '--threads', str(threads)), peer='nest', module='nest', repeats_in_process=False)

    return (
        Contender('ours', worker('ours'), OURS, 'brainpy_state', install='pip install -e .'),
        nest('nest', 1),
        nest('nest-2-threads', 2),
    )


CASE = Case('Building the cortical microcircuit', ('0.1', '1'), contenders)
