"""Masquelier et al. 2008: the input, the neuron, and the pattern that it finds, which takes the published rule."""

import json
import sys

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from models import masquelier_2008 as model


@pytest.fixture(scope='module')
def given():
    return model.make_input(seed=3, duration=6000)


def within(given, start, inputs=model.IN_PATTERN):
    """How often each input of the pattern fires in its first and its second half."""
    since = given.time - start
    chosen = (since >= 0) & (since < model.LASTS) & (given.index < inputs)
    return np.histogram2d(given.index[chosen], since[chosen], bins=(np.arange(inputs + 1), (0, 25, 50)))[0]


def test_a_quarter_of_the_time_is_pattern_but_never_two_of_them_in_turn(given):
    assert given.starts.size == 30
    assert np.all(given.starts % model.LASTS == 0)
    assert np.diff(given.starts).min() >= 2 * model.LASTS


def test_rates_are_those_of_the_paper_and_do_not_tell_of_the_pattern(given):
    seconds = given.duration / 1000
    rate = np.bincount(given.index, minlength=model.INPUTS) / seconds
    # 54 Hz and noise of 10 Hz; the pattern has some 2,700 spikes
    assert rate[: model.IN_PATTERN].mean() == pytest.approx(64, abs=2)
    assert rate[model.IN_PATTERN :].mean() == pytest.approx(64, abs=1)
    start = np.isin(np.arange(0, given.duration, model.LASTS), given.starts)
    per_window = np.histogram(given.time, np.arange(0, given.duration + 1, model.LASTS))[0]
    assert per_window[start].mean() == pytest.approx(per_window[~start].mean(), rel=0.02)


def test_the_pattern_repeats_and_other_inputs_do_not(given):
    first, second = (within(given, start, model.INPUTS) for start in given.starts[[0, -1]])
    alike = [np.corrcoef(first[part].ravel(), second[part].ravel())[0, 1] for part in (slice(0, 1000), slice(1000, 2000))]
    assert alike[0] > 0.7 and abs(alike[1]) < 0.1


def test_an_input_is_never_silent_for_long(given):
    order = np.lexsort((given.time, given.index))
    index, gap = given.index[order][1:], np.diff(given.time[order])
    gap[np.diff(given.index[order]) > 0] = 0.0
    assert gap[index >= model.IN_PATTERN].max() < model.LASTS + 2
    assert gap.max() < 3 * model.LASTS + 2  # a pattern in which an input is silent, between two gaps


@pytest.mark.slow
def test_potentials_are_those_of_the_spike_response_model(x64):
    """An EPSP; then a spike that makes the neuron forget its inputs, and an EPSP on top of what follows it."""
    n, dt, at = 6000, 0.01, {'first': 0, 'strong': 2000, 'second': 3500}
    x = np.zeros((n, 1))
    x[list(at.values()), 0] = 1.0, 1e5, 1.0

    def step(x):
        cell.receive(x)
        cell()
        return cell.V.value[0] + cell.slow.value[0] + cell.fast.value[0], cell.spike.value[0]

    cell = model.Detector(1, spk_reset='hard')
    cell.receives = True
    with bst.environ.context(dt=dt * u.ms):
        bst.nn.init_all_states(cell)
        potential, spike = bst.transform.for_loop(step, x * u.mV)
    potential, t = np.asarray(potential.to_decimal(u.mV)), dt * np.arange(n)
    epsp = 4.0 ** (4 / 3) / 3 * (np.exp(-t / 10) - np.exp(-t / 2.5))
    assert epsp.max() == pytest.approx(1.0, rel=1e-4)
    (fired,) = np.flatnonzero(np.asarray(spike))
    assert at['strong'] < fired < at['strong'] + 10
    expected = 500 * (4 * np.exp(-t / 2.5) - 2 * np.exp(-t / 10))[: n - fired]
    expected[at['second'] - fired :] += epsp[: n - at['second']]
    # inputs stand still in a step of 0.4 % of their time constant
    np.testing.assert_allclose(potential[: at['strong']], epsp[: at['strong']], atol=0.005)
    np.testing.assert_allclose(potential[fired:], expected, atol=0.01)


@pytest.mark.slow
def test_the_pattern_is_found_and_then_its_start(dt):
    one = model.run(seed=1)
    assert model.check(one) == dict.fromkeys(model.PUBLISHED, True)
    assert one.statistics()['success'] == 1.0
    strong = one.weights > 0.5
    assert strong[: model.IN_PATTERN].sum() > 200 and strong[model.IN_PATTERN :].sum() < 5
    early, late = (np.nanmean(one.latencies(k)[-200:]) for k in (0, -1))
    assert late < early


@pytest.mark.slow
@pytest.mark.parametrize('rule', [bst.plasticity.PairSTDP, bst.plasticity.NearestSTDP])
def test_other_pairs_of_spikes_silence_the_neuron(rule, monkeypatch, dt):
    monkeypatch.setattr(model, 'RULE', rule)
    one = model.run(seed=1, duration=5000, passes=1)
    assert one.spikes[0].size == 0 or one.spikes[0].max() < 2500


@pytest.mark.slow
def test_the_command_writes_its_figures(tmp_path, monkeypatch, capsys):
    files = tmp_path / 'f.json', tmp_path / 'f.png'
    options = ['--duration', '3000', '--passes', '2', '--runs', '2', '--json', str(files[0]), '--plot', str(files[1])]
    monkeypatch.setattr(sys, 'argv', ['masquelier', *options])
    model.main()
    result = json.loads(files[0].read_text())
    assert (result['duration_ms'], result['passes'], len(result['runs'])) == (3000.0, 2, 2)
    out = capsys.readouterr().out
    assert '0 of 2' in out and 'DIFFERS' in out  # 6 s are not enough
    assert files[1].read_bytes().startswith(b'\x89PNG')
