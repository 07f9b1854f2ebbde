"""Song, Miller & Abbott 2000: weights become bimodal, as far and as fast as in Brian2, and only by the rule."""

import json
import sys

import brainunit as u
import numpy as np
import pytest

from models import song_2000 as model

pytestmark = pytest.mark.slow


@pytest.fixture
def simulation(dt):
    return model.build(seed=1)


def test_rates_and_weights_are_those_of_brian2(simulation):
    simulation.run(model.DURATION)
    assert model.check(simulation) == dict.fromkeys(model.PUBLISHED, True)


def test_without_depression_all_weights_grow(monkeypatch, dt):
    monkeypatch.setitem(model.PLASTICITY, 'alpha', 0.0)
    simulation = model.build(seed=1)
    simulation.run(20.0 * u.second)
    first, last = (np.asarray(row) for row in simulation['weights'].values[[0, -1]])
    assert np.all(last >= first) and last.mean() > 0.9


def test_a_second_is_not_enough(simulation):
    simulation.run(1.0 * u.second)
    found = model.check(simulation)
    assert not found['below 0.1'] and not found['above 0.9']


def test_the_same_seed_gives_the_same_weights_however_it_is_run(simulation):
    simulation.run(1.0 * u.second)
    again = model.build(seed=1)
    for _ in range(2):
        again.run(0.5 * u.second)
    assert np.array_equal(simulation.models[0].parts(), again.models[0].parts())
    assert not np.array_equal(simulation.models[0].parts(), model.build(seed=2).models[0].parts())


def test_the_command_writes_its_figures(tmp_path, monkeypatch, capsys, dt):
    monkeypatch.setattr(sys, 'argv', ['song_2000', '--duration', '2000', '--plot', f'{tmp_path}/w.png', '--json', f'{tmp_path}/w.json'])
    model.main()
    assert 'Song, Miller & Abbott 2000' in capsys.readouterr().out
    assert json.loads((tmp_path / 'w.json').read_text())['found'].keys() == model.PUBLISHED.keys()
    assert (tmp_path / 'w.png').stat().st_size > 20_000
