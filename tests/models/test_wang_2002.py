"""Decision making after Wang 2002: winner take all, the published psychometric function, and the parts that the model is made of."""

import json
import sys
from types import SimpleNamespace

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from models import wang_2002 as model
from models.receptors import NMDA

pytestmark = pytest.mark.slow

DT = 0.25 * u.ms
COHERENCES = (-51.2, 51.2)


@pytest.fixture(scope='module')
def trials():
    """Three trials of strong motion to either side."""
    with bst.environ.context(dt=DT):
        return model.build(COHERENCES, trials=3).run(1500.0 * u.ms)


def test_strong_motion_decides_for_its_side_in_every_trial(trials):
    # the published function gives more than 99.99 %
    assert trials.statistics()['won'].tolist() == ['B'] * 3 + ['A'] * 3
    assert model.check(trials) == {'correct at 51.2 %': True}


def test_the_winner_passes_the_threshold_and_the_loser_falls_back(trials):
    found = trials.statistics()
    assert found['winner_hz'] > 15
    assert found['loser_hz'] < 4
    assert np.all((found['decision_ms'] > 100) & (found['decision_ms'] < 1000))
    # before the stimulus neurons fire as in other implementations: 2.0 to 2.9 Hz and 7.3 to 8.2 Hz over runs of a plain one in NumPy
    assert 1.5 < found['spontaneous_hz']['E'] < 3.5
    assert 6.5 < found['spontaneous_hz']['I'] < 9.0


def test_trials_of_a_batch_differ(trials):
    for first, second in ((0, 1), (1, 2), (3, 4)):
        assert not np.array_equal(trials.rates['A'][first], trials.rates['A'][second])


def test_rates_are_those_of_the_recorded_spikes(trials):
    A, rate = trials.spikes.of(0, 240), trials.rates['A'][0]
    for k in (0, 100, 290):
        stop = trials.t[k]
        window = A.between(stop - model.WINDOW, stop)
        assert rate[k] == pytest.approx(len(window) / 240 / 0.05, rel=1e-4)


def test_a_function_that_does_not_fit_is_refused():
    def choices(n):
        won = np.array(['A'] * n + ['B'] * (40 - n))
        return SimpleNamespace(coherence=np.full(40, 12.8), statistics=lambda: {'won': won})

    # 90 % of 40 are 36, with a standard deviation of 1.9
    assert [model.check(choices(n))['correct at 12.8 %'] for n in (20, 30, 33, 36, 40)] == [False, False, True, True, True]


def test_the_fit_finds_the_function_that_made_the_choices():
    coherence = np.repeat([3.2, 6.4, 12.8, 25.6], 4000)
    won = np.where(np.random.default_rng(1).random(coherence.size) < model.weibull(coherence, 9.2, 1.5), 'A', 'B')
    fit = model.fit_weibull(SimpleNamespace(coherence=coherence, statistics=lambda: {'won': won}))
    assert fit == {'alpha': pytest.approx(9.2, rel=0.05), 'beta': pytest.approx(1.5, rel=0.1)}


def test_groups_to_groups_is_the_dense_product():
    rng = np.random.default_rng(0)
    sources, targets, weight = [2, 3, 1], [4, 2], rng.random((3, 2))
    connect = model.GroupsToGroups(sources, targets, weight * u.nS)
    dense = np.repeat(np.repeat(weight, sources, 0), targets, 1)
    x = rng.random((5, 6))
    np.testing.assert_allclose(connect(jnp.asarray(x, jnp.float32)).to_decimal(u.nS), x @ dense, rtol=1e-5)


def test_relative_weights_leave_the_total_input_of_a_neuron_unchanged():
    # weights to A, of A, B and other, times the sizes of these
    np.testing.assert_allclose(model.STRUCTURE.T @ model.SOURCES, model.EXC)


def test_the_nmda_gate_follows_its_equation():
    gate = bst.nn.init_all_states(NMDA(1))
    spikes = np.zeros(400)
    spikes[[0, 40, 60, 62, 200]] = 1
    with bst.environ.context(dt=0.1 * u.ms):
        s = bst.transform.for_loop(gate, jnp.asarray(spikes, jnp.float32)[:, None])[:, 0]
    fine, x, found, expected = 0.001, 0.0, 0.0, []
    for spike in spikes:
        expected.append(found)
        x += spike
        for _ in range(100):
            found, x = found + fine * (0.5 * x * (1 - found) - found / 100), x - fine * x / 2
    np.testing.assert_allclose(s, expected, atol=2e-3)


def command(monkeypatch, tmp_path, capsys, *arguments):
    files = tmp_path / 'figures.json', tmp_path / 'figure.png'
    monkeypatch.setattr(model, 'ONSET', 60.0 * u.ms)
    monkeypatch.setattr(sys, 'argv', ['wang_2002', '--dt', '0.5', '--json', str(files[0]), '--plot', str(files[1]), *arguments])
    model.main()
    assert files[1].read_bytes().startswith(b'\x89PNG')
    return json.loads(files[0].read_text())['found'], capsys.readouterr().out


def test_the_command_shows_a_trial(monkeypatch, tmp_path, capsys):
    found, table = command(monkeypatch, tmp_path, capsys, '--duration', '300', '--coherence', '51.2')
    assert found['won'] in ('A', 'B')
    assert '\n  decision' in table


def test_the_command_shows_the_psychometric_function(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(model, 'COHERENCES', (0.0, 25.6))
    found, table = command(monkeypatch, tmp_path, capsys, '--duration', '300', '--trials', '2')
    assert 0 <= found['correct']['25.6'] <= 1
    assert '0' not in found['correct']
    assert set(found['weibull']) == {'alpha', 'beta'}
    assert 'published: 9.2' in table
