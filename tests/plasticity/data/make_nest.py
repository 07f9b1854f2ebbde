"""Write ``nest.npz``: weights of NEST's plastic synapses under random spike trains.

Run it with a Python that has NEST 3.10: ``python tests/plasticity/data/make_nest.py``. Spikes come from and arrive at parrot neurons; a
synapse leads to port 1 of its target, which does not repeat what comes there. The weight that each spike of a source meets is recorded.
`clopath_synapse` needs the potential of `aeif_psc_delta_clopath`, which is recorded too.
"""

import json
from pathlib import Path

import nest
import numpy as np
from trains import CLOPATH, DELAYS, DT, PER_DELAY, STEPS, trains

SEEN = ['V_m', 'u_bar_plus', 'u_bar_minus']
RULES = json.loads(Path(__file__).with_name('nest.json').read_text())


def start() -> None:
    nest.ResetKernel()
    nest.resolution = DT
    nest.verbosity = nest.verbosity.ERROR


def parrots(spikes: np.ndarray, **params: float) -> nest.NodeCollection:
    """Neurons that spike at these steps."""
    out = nest.Create('parrot_neuron', spikes.shape[1], params=params)
    for k, neuron in enumerate(out):
        source = nest.Create('spike_generator', params={'spike_times': (np.flatnonzero(spikes[:, k]) - 1) * DT})
        nest.Connect(source, neuron, syn_spec={'delay': DT})
    return out


def run(name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """The weight of each synapse at each spike of its source, in the order of synapses and spikes; what of the targets was recorded."""
    spec = RULES[name]
    start()
    pre, post = trains(spec.get('coinciding', True))
    clopath, per_delay = spec['model'] == 'clopath_synapse', PER_DELAY
    if clopath:
        per_delay = CLOPATH
        chosen = [k for k in range(pre.shape[1]) if k % PER_DELAY < CLOPATH]
        pre, post = pre[:, chosen], post[:, chosen]
    sources = parrots(pre)
    targets = driven(spec['neuron'], post) if clopath else parrots(post, **spec['neuron'])
    recorder = nest.Create('weight_recorder')
    params = {'weight_recorder': recorder, **spec.get('common', {})}
    if 'dopamine' in spec:
        transmitter = nest.Create('volume_transmitter')
        nest.Connect(parrots(dopamine(spec['dopamine'])), transmitter, syn_spec={'delay': DT})
        params['volume_transmitter'] = transmitter
    nest.CopyModel(spec['model'], 'plastic', params)
    port = {} if clopath else {'receptor_type': 1}
    for k in range(pre.shape[1]):
        syn = {'synapse_model': 'plastic', 'delay': DELAYS[k // per_delay], **spec['synapse'], **port}
        nest.Connect(sources[k], targets[k], syn_spec=syn)
    meter = None
    if clopath:
        meter = nest.Create('multimeter', params={'record_from': SEEN, 'interval': DT})
        nest.Connect(meter, targets)
    nest.Simulate(STEPS * DT)
    events = recorder.events
    order = np.lexsort([events['times'], events['senders']])
    assert len(order) == pre.sum()
    seen = None
    if meter is not None:
        found = meter.events
        by = np.lexsort([found['senders'], found['times']])
        seen = np.stack([found[key][by].reshape(-1, pre.shape[1]) for key in SEEN])
    return events['weights'][order], seen


def dopamine(steps: list[int]) -> np.ndarray:
    out = np.zeros((STEPS, 1), bool)
    out[np.array(steps) - 1] = True  # and one step to the volume transmitter
    return out


def driven(params: dict, post: np.ndarray) -> nest.NodeCollection:
    """Neurons with a strong kick at each step of the spike trains."""
    out = nest.Create('aeif_psc_delta_clopath', post.shape[1], params=params)
    for k, neuron in enumerate(out):
        source = nest.Create('spike_generator', params={'spike_times': (np.flatnonzero(post[:, k]) - 1) * DT})
        nest.Connect(source, neuron, syn_spec={'delay': DT, 'weight': 12.0})
    return out


if __name__ == '__main__':
    found = {'version': np.array(nest.__version__)}
    for name in RULES:
        found[name], seen = run(name)
        if seen is not None:
            found[f'{name} target'] = seen.astype(np.float32)
    np.savez_compressed(Path(__file__).with_name('nest.npz'), **found)
