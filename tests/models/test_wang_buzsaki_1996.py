"""The interneurons of Wang & Buzsáki 1996: curve of the neuron, synchrony of the network, and its parts one by one."""

import json
import sys

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from models import wang_buzsaki_1996 as model

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def simulation():
    """Networks of 20, 80 and 99 synapses; the neurons of the first have different currents, but not those of the others."""
    heterogeneity = np.repeat([0.1, 0.0, 0.0, 0.0], 100) * u.uA
    with bst.environ.context(dt=model.DT):
        return model.build((99, 20, 80, 99), heterogeneity=heterogeneity).run(800 * u.ms)


@pytest.fixture(scope='module')
def rates():
    with bst.environ.context(dt=model.DT):
        return model.frequency_current()


def test_the_published_numbers_are_found_again(simulation, rates):
    assert model.check(simulation, rates) == dict.fromkeys(model.PUBLISHED, True)


def test_coherence_rises_with_the_number_of_synapses_and_needs_equal_currents(simulation):
    uneven, few, some, every = [x['coherence'] for x in model.networks(simulation)]
    assert few < 0.15 < 0.4 < some < 0.9 < every
    assert uneven < 0.3


def test_the_curve_starts_at_any_low_rate_and_flattens(rates):
    currents = model.CURRENTS.to_decimal(u.uA)
    assert 0 < rates[rates > 0][0] < 10.0
    assert np.all(np.diff(rates[rates > 0]) > 0)
    slope = np.diff(rates) / np.diff(currents)
    assert slope[(currents[1:] > 0.2) & (currents[1:] < 0.4)].min() > 5 * slope[-1]


def test_channels_open_and_close_as_their_equation_says():
    """Against forward Euler in steps of a hundredth, over a spike of 1 ms."""
    V = np.r_[np.full(20, 30.0), np.full(100, -60.0)]
    gaba = bst.nn.init_all_states(model.GABA(1))
    with bst.environ.context(dt=0.05 * u.ms, precision=64):
        found = [float(gaba(v * u.mV)[0]) for v in V]
    s, expected = 0.0, []
    for v in V:
        expected.append(s)
        F = 1.0 / (1.0 + np.exp(-v / 2.0))
        for _ in range(1000):
            s += 0.05e-3 * (12.0 * F * (1.0 - s) - 0.1 * s)
    np.testing.assert_allclose(found, expected, atol=2e-4)  # Euler's error at this step


def test_the_conductances_of_a_network_have_the_published_sum():
    net = model.Networks((20, 99), seed=3)
    weight, source, target = net.synapses.comm.weight.value.to_decimal(u.mS), net.synapses.comm.sources, net.synapses.comm.targets
    assert np.all(source != target)
    assert np.all(source // 100 == target // 100)
    total = np.bincount(target, weight, minlength=200)
    np.testing.assert_allclose(total[100:], 0.1, rtol=1e-5)
    # the mean of 100 binomial numbers of mean 20 has a relative standard deviation of 2 %
    assert total[:100].mean() == pytest.approx(0.1, rel=0.08)


def test_coherence_is_one_for_equal_trains_and_the_bin_for_unrelated_ones():
    rng = np.random.default_rng(0)
    step = np.arange(50, 20_000, 250)
    equal = bst.record.Spikes(np.repeat(step, 10), np.tile(np.arange(10), len(step)), 10, 0.1 * u.ms, 0, 20_000)
    assert model.coherence(equal) == pytest.approx(1.0)
    shifted = (step[:, None] + rng.integers(0, 250, 200)).ravel()
    apart = bst.record.Spikes(shifted, np.tile(np.arange(200), len(step)), 200, 0.1 * u.ms, 0, 20_250)
    assert model.coherence(apart) == pytest.approx(0.1, abs=0.01)  # 19,900 pairs, of which 10 % coincide
    silent = bst.record.Spikes(np.zeros(0, int), np.zeros(0, int), 10, 0.1 * u.ms, 0, 100)
    assert model.coherence(silent) == 0.0


def test_the_command_prints_a_table_and_writes_json_and_a_plot(monkeypatch, tmp_path, capsys):
    files = tmp_path / 'numbers.json', tmp_path / 'figure.png'
    options = ['--duration', 100, '--dt', 0.05, '--seed', 3, '--json', files[0], '--plot', files[1]]
    monkeypatch.setattr(sys, 'argv', ['wang_buzsaki_1996', *map(str, options)])
    model.main()
    result = json.loads(files[0].read_text())
    assert (result['seed'], result['dt_ms'], result['duration_ms']) == (3, 0.05, 100.0)
    assert [x['synapses'] for x in result['networks']] == list(model.CONTACTS)
    table = capsys.readouterr().out
    for name in model.PUBLISHED:
        assert f'\n  {name}' in table
    assert files[1].read_bytes().startswith(b'\x89PNG')
