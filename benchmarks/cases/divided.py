"""Networks that are divided between two processes on one machine, against one process with as many threads.

``two-processes`` have half of the threads each and connect through the loopback device; the peak of memory is that of one of them.
``messages`` are theirs alone: as many as a run has, of the same length.
"""

from benchmarks._contender import OURS, WORKERS, Case, Contender

NETWORKS = ('coba', 'potjans')


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """One process, two, and the messages between these."""
    own = {'ours': (), 'two-processes': ('--processes', '2'), 'messages': ('--processes', '2', '--messages')}
    worker = str(WORKERS / 'divided.py'), '--network', variant
    return tuple(Contender(name, (*worker, *options), OURS, 'brainpy_state', install='pip install -e .') for name, options in own.items())


CASE = Case('Networks divided between processes', NETWORKS, contenders)
