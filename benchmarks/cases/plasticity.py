"""Synapses whose weights change by pairs of spikes.

``brunel``: Brunel's network of 12,500 neurons, 1 s at steps of 0.1 ms, in which all 10 million synapses between excitatory neurons have
the additive rule. NEST, like this project here, has the delay behind the synapse, Brian2 before it. The static network stands beside it.
``song``: 1,000 Poisson inputs to one neuron (Song, Miller & Abbott 2000), 100 s at steps of 0.1 ms, with all weights kept every second;
the time of a whole process is what counts.
``vogels``: 10,000 neurons whose inhibition learns (Vogels et al. 2011), 20 s at steps of 0.1 ms.
``morrison``: 127 million synapses, 81 million of which learn (Morrison et al. 2007, ``hpc_benchmark`` of NEST), 0.3 s; 5 GB.
"""

from benchmarks._contender import Case, Contender
from benchmarks.cases import _network


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project, also with one thread and without plasticity, NEST with one and two threads, Brian2."""
    if variant == 'song':
        return _network.own('ours', 'song_2000', '--seed', str(seed)), _network.brian2('song', '--seed', str(seed))
    if variant == 'vogels':
        learning = ('--duration', '20000', '--seed', str(seed))
        return _network.own('ours', 'vogels_2011', *learning), _network.brian2('vogels_2011', '--seed', str(seed))
    if variant == 'morrison':
        return _network.own('ours', 'morrison_2007', '--spread', '0', '--seed', str(seed)), *_network.nest('morrison', '--seed', str(seed))
    network = ('--regime', 'AI', '--seed', str(seed))
    plastic = (*network, '--plasticity', 'stdp')
    return (
        _network.own('ours', 'brunel_2000', *plastic),
        _network.own('ours-1-thread', 'brunel_2000', *plastic, '--threads', '1'),
        _network.own('ours-static', 'brunel_2000', *network),
        _network.brian2('brunel', *plastic),
        *_network.nest('brunel', *plastic),
    )


CASE = Case('Plastic synapses', ('brunel', 'song', 'vogels', 'morrison'), contenders)
