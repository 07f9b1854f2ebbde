"""The examples run, and the stored outputs of the notebook are what it prints today."""

import importlib.util
import json
import math
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / 'examples'
INTERVAL = 10.0 * math.log(20.0 / 5.0)  # ms, of a LIF with tau 10 ms from reset to 15 mV above it under 20 mV


@pytest.fixture
def first_neuron():
    spec = importlib.util.spec_from_file_location('first_neuron', EXAMPLES / 'first_neuron.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_first_neuron_spikes_after_each_analytic_interval_rounded_up_to_a_step(first_neuron):
    t, _, spikes = first_neuron.simulate()
    steps = np.flatnonzero(spikes)
    assert t.size == 2000
    assert steps[0] - 500 == math.ceil(INTERVAL / 0.1) - 1  # the current is on from step 500, itself the first
    np.testing.assert_array_equal(np.diff(steps), math.ceil(INTERVAL / 0.1))


def test_first_neuron_draws_its_plot_and_prints_the_interval(first_neuron, tmp_path, capsys):
    path = tmp_path / 'trace.png'
    first_neuron.main(['--plot', str(path)])
    assert path.stat().st_size > 10_000
    assert f'analytic {INTERVAL:.2f} ms' in capsys.readouterr().out


def test_the_notebook_prints_what_it_shows(monkeypatch, capsys):
    cells = json.loads((EXAMPLES / 'first_neuron.ipynb').read_text())['cells']
    shown = [''.join(out['text']) for cell in cells for out in cell.get('outputs', ()) if out['output_type'] == 'stream']
    matplotlib.use('Agg')
    monkeypatch.setattr(plt, 'show', lambda: plt.close('all'))
    namespace = {}
    for cell in cells:
        if cell['cell_type'] == 'code':
            exec(''.join(cell['source']), namespace)
    assert capsys.readouterr().out == ''.join(shown)
