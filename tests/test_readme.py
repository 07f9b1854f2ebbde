"""README's snippets run as they are printed."""

import re
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

README = Path(__file__).parents[1] / 'README.md'
SIMULATE, TRAIN = re.findall(r'^```python\n(.*?)^```', README.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def in_an_empty_folder_without_a_screen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.use('Agg')
    yield
    plt.close('all')


def run(snippet):
    namespace = {'__name__': 'readme'}
    exec(compile(snippet, str(README), 'exec'), namespace)
    return namespace


@pytest.mark.parametrize('snippet', [SIMULATE, TRAIN], ids=['simulate', 'train'])
def test_a_snippet_has_at_most_25_lines(snippet):
    assert snippet.count('\n') <= 25


def test_the_network_of_the_simulation_snippet_stays_active_and_is_drawn_and_saved(tmp_path):
    sim = run(SIMULATE)['sim']
    spikes = sim['spikes']
    last = spikes.step[-1] * 0.1
    assert last > 5990, f'the last spike is at {last:.1f} ms of 6,000 ms'
    assert 60_000 < len(spikes) < 240_000, 'about 20 Hz of 1,000 neurons in six seconds'
    assert len(sim['V']) == 60_000 and len(sim['rate']) == 1200
    assert (tmp_path / 'ei_network.png').stat().st_size > 10_000
    sim.load('ei_network.npz')
    assert sim.i == 60_000


def test_the_training_snippet_lowers_the_loss(capsys):
    run(TRAIN)
    losses = [float(line.split()[1]) for line in capsys.readouterr().out.splitlines()]
    assert len(losses) == 20
    assert losses[-1] < losses[0] / 100
