"""Write ``nest_tsodyks2.json``: what NEST's ``tsodyks2_synapse`` releases at irregular spikes.

Run it with a Python that has NEST 3.10: ``python tests/synapses/nest_tsodyks2.py``.
"""

import json
from pathlib import Path

import nest

TIMES = [3.0, 3.3, 8.0, 9.4, 9.5, 30.0, 80.7, 81.2, 85.0, 200.0]  # ms
SETTINGS = [
    {'U': 0.15, 'tau_fac': 1500.0, 'tau_rec': 200.0},
    {'U': 0.5, 'tau_fac': 20.0, 'tau_rec': 800.0},
]


def released(settings: dict[str, float]) -> list[float]:
    nest.ResetKernel()
    nest.resolution = 0.1
    source = nest.Create('spike_generator', params={'spike_times': TIMES})
    relay, sink = nest.Create('parrot_neuron', 2)
    recorder = nest.Create('weight_recorder')
    nest.CopyModel('tsodyks2_synapse', 'plastic', {'weight_recorder': recorder})
    nest.Connect(source, relay)
    nest.Connect(relay, sink, 'one_to_one', {'synapse_model': 'plastic', 'weight': 1.0, 'u': settings['U'], 'x': 1.0, **settings})
    nest.Simulate(TIMES[-1] + 10.0)
    return list(map(float, recorder.events['weights']))


if __name__ == '__main__':
    runs = [{**settings, 'released': released(settings)} for settings in SETTINGS]
    text = json.dumps({'simulator': f'NEST {nest.__version__}', 'dt': 0.1, 'times': TIMES, 'runs': runs}, indent=1)
    (Path(__file__).parent / 'nest_tsodyks2.json').write_text(text + '\n')
