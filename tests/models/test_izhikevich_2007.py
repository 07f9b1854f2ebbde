"""Izhikevich 2007: a delayed reward strengthens the chosen synapse, and the rest goes as in the published scheme."""

import json
import sys

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from models import izhikevich_2007 as model
from models import izhikevich_2007_reference as reference


@pytest.fixture(scope='module')
def net():
    with bst.environ.context(dt=model.EXCHANGE):
        return bst.nn.init_all_states(model.build().models[0])


@pytest.fixture(scope='module')
def play(net):
    """``play((ms, neuron), ...)`` lets neurons fire: dopamine and the eligibility of the chosen synapse in each of 3,500 ms."""
    raster = bst.ShortTermState(jnp.zeros((3500, sum(model.SIZES))))

    def step():
        spikes = raster.value[bst.environ.get('i')]
        net.cells.fired.value = spikes
        net.E(spikes[: model.EXCITATORY])
        net.reward(spikes)
        return net.E.plasticity.modulator.value * u.ms, net.E.plasticity.c.value[0]

    def run(*spikes):
        ms, neurons = np.array(spikes).T
        raster.value = jnp.zeros_like(raster.value).at[ms, neurons].set(1.0)
        with bst.environ.context(dt=model.EXCHANGE):
            bst.nn.init_all_states(net)
            return map(np.asarray, bst.run(step, 3500 * u.ms))

    return run


def test_each_neuron_has_100_synapses_and_the_chosen_one_begins_with_nothing(net):
    for projection, sources, targets in ((net.E, 800, 1000), (net.I, 200, 800)):
        assert projection.comm.structure.shape[0] == sources
        np.testing.assert_array_equal(projection.comm.outdegree, 100)
        assert projection.comm.targets.max() < targets
    weights = np.asarray(net.weights())
    assert weights[0] == 0.0 and np.all(weights[1:] == 1.0)
    assert (net.source, net.target) == (net.E.comm.sources[0], net.E.comm.targets[0])


def test_a_coincidence_is_rewarded_once_one_to_three_seconds_later(net, play):
    dopamine, _ = play((0, net.target), (0, net.source), (20, net.target), (30, net.source))
    assert not dopamine.any()  # at once, too late, alone
    dopamine, _ = play((100, net.source), (119, net.target))
    (at,) = np.flatnonzero(np.diff(dopamine, prepend=0.0) > 0.0)
    assert 119 + 1001 <= at <= 119 + 3000
    assert dopamine[at] == pytest.approx(0.05)  # 0.5 in 10 ms


@pytest.mark.parametrize(('ms', 'expected'), [(1, 0.1), (21, 0.1 * np.exp(-1.0)), (0, -0.15)])
def test_a_pair_changes_eligibility_as_in_the_script(net, play, ms, expected):
    _, c = play((10, net.source), (10 + ms, net.target))
    assert not c[: 10 + ms].any()
    assert c[10 + ms] == pytest.approx(expected, rel=1e-4)
    assert c[1010 + ms] == pytest.approx(expected * np.exp(-1.0), rel=1e-3)


@pytest.mark.slow
def test_the_network_fires_as_in_the_published_scheme():
    simulation = model.build()
    simulation.run(20.0 * u.second)
    found = model.summary(simulation)
    weights, _, rate, _ = reference.run(1, 20)
    assert found['rate'] == pytest.approx(rate, rel=0.1)
    assert found['mean weight of others'] == pytest.approx(weights[1:].mean(), abs=0.02)


@pytest.mark.slow
def test_the_chosen_synapse_becomes_strong(monkeypatch):
    """In four minutes instead of an hour, which the command takes, since a reward counts five times."""
    monkeypatch.setattr(model, 'REWARD', 5.0 * model.REWARD)
    simulation = model.build()
    simulation.run(240.0 * u.second)
    assert simulation['chosen'].values.max() > 3.9
    weights = np.asarray(simulation.models[0].weights())
    assert np.mean(weights[1:] > 3.0) < 0.35


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights():
    def run(seed):
        simulation = model.build(seed)
        simulation.run(2.0 * u.second)
        return np.asarray(simulation.models[0].weights())

    first, again, other = map(run, (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.slow
def test_the_command_writes_its_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, 'argv', ['izhikevich_2007', '--duration', '5000', '--plot', f'{tmp_path}/r.png', '--json', f'{tmp_path}/r.json']
    )
    model.main()
    assert 'Izhikevich 2007' in capsys.readouterr().out
    assert json.loads((tmp_path / 'r.json').read_text())['found'].keys() >= model.PUBLISHED.keys()
    assert (tmp_path / 'r.png').stat().st_size > 20_000
