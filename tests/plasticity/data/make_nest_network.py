"""Figures of the plastic Brunel network in NEST, of five seeds: `python make_nest_network.py`, with nest-simulator 3.10.

The network is that of the benchmarks, with fewer neurons. NEST applies what spikes of the target have done to a weight when a spike of the
source comes, so weights that are read lack what has happened since; `completed` adds it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / 'benchmarks' / 'workers'), str(ROOT)]

import brunel_nest  # noqa: E402
import brunel_parameters as p  # noqa: E402
from nest_process import nest  # noqa: E402
from worker import population_sizes  # noqa: E402

from tests.plasticity.data.network import DURATION, EDGES, NEURONS, WARM_UP  # noqa: E402

SEEDS = range(1, 6)
LATE = 10.0  # time constants after which a spike has no effect


def completed(weight: np.ndarray, sources: np.ndarray, targets: np.ndarray, i: np.ndarray, t: np.ndarray, n: int) -> np.ndarray:
    """Weights with the potentiation by spikes of targets since the last spike of each source, which the additive rule adds up."""
    order = np.lexsort((t, i))
    i, t = i[order], t[order]
    begins = np.searchsorted(i, np.arange(n + 1))
    at = t + p.DELAY  # when synapses see the spike of a target
    recent = (at > DURATION - LATE * p.TAU_PLUS) & (at <= DURATION)
    posts, at = i[recent], at[recent]
    firsts = np.searchsorted(sources, np.arange(n + 1))
    weight = weight.copy()
    for source in range(n):
        own = t[begins[source] : begins[source + 1]]
        if own.size == 0:
            continue
        trace = np.exp((own - own[-1]) / p.TAU_PLUS).sum()
        since = np.where(at > own[-1], np.exp((own[-1] - at) / p.TAU_PLUS), 0.0)
        onto = slice(firsts[source], firsts[source + 1])
        weight[onto] += p.LEARNING_RATE * p.W_MAX * trace * np.bincount(posts, since, n)[targets[onto]]
    return weight


def figures(seed: int) -> dict[str, object]:
    """Of a network whose connections, start and drive this seed decides."""
    nest.ResetKernel()
    nest.set(resolution=0.1, local_num_threads=1, rng_seed=seed)
    options = SimpleNamespace(regime='AI', neurons=NEURONS, dt=0.1, seed=seed, plasticity='stdp')
    neurons = brunel_nest.build(options)
    recorder = nest.Create('spike_recorder')
    nest.Connect(neurons, recorder)
    nest.Simulate(DURATION)
    n_e, n_i = population_sizes(NEURONS)
    i, t = recorder.events['senders'] - neurons[0].global_id, recorder.events['times']
    synapses = nest.GetConnections(synapse_model='stdp_synapse').get(['source', 'target', 'weight'])
    sources, targets = (np.asarray(synapses[key]) - neurons[0].global_id for key in ('source', 'target'))
    order = np.argsort(sources, kind='stable')
    weight = np.asarray(synapses['weight'])[order]
    excites = i < n_e
    weight = completed(weight, sources[order], targets[order], i[excites], t[excites], n_e)
    measured = t > WARM_UP
    seconds = (DURATION - WARM_UP) / 1e3
    return {
        'rate E': (measured & excites).sum() / n_e / seconds,
        'rate I': (measured & ~excites).sum() / n_i / seconds,
        'mean weight': weight.mean(),
        'spread of weights': weight.std(),
        'histogram': np.histogram(np.clip(weight, EDGES[0], EDGES[-1]), EDGES)[0].tolist(),
    }


if __name__ == '__main__':
    nest.verbosity = nest.VerbosityLevel.ERROR
    found = [figures(seed) for seed in SEEDS]
    Path(__file__).with_name('nest_network.json').write_text(json.dumps(found, default=float).replace('}, {', '},\n{') + '\n')
