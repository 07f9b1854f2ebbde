"""The networks of Susin & Destexhe 2021: gamma from the loop of excitation and inhibition, and none in the asynchronous state."""

import json
import sys

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from models import susin_destexhe_2021 as model

pytestmark = pytest.mark.slow

SCALE, ONSET, END = 0.1, 300.0 * u.ms, 1200.0 * u.ms


@pytest.fixture(scope='module')
def runs():
    """A tenth of PING and of AI."""
    with pytest.MonkeyPatch.context() as patch, bst.environ.context(dt=0.1 * u.ms):
        patch.setattr(model, 'ONSET', ONSET)
        return {network: model.build(network, SCALE).run(END) for network in ('ping', 'ai')}


@pytest.fixture(autouse=True)
def early(monkeypatch):
    """An earlier common input."""
    monkeypatch.setattr(model, 'ONSET', ONSET)


@pytest.fixture
def spectra(runs):
    return {name: model.spectrum(run.populations['FS'].between(ONSET + model.START_UP, END))[1] for name, run in runs.items()}


def test_the_rhythm_of_ping_lies_in_the_band_that_the_authors_analyse(runs):
    assert model.check(runs['ping']) == {'rhythm': True}
    assert 30 <= runs['ping'].statistics()['peak_hz'] <= 50


def test_gamma_rises_above_faster_rhythms_in_ping_but_not_in_ai(spectra):
    # over three seeds 3.2 to 3.7 in PING, and 0.24 to 0.40 in AI
    contrast = {name: power[30:51].mean() / power[70:101].mean() for name, power in spectra.items()}
    assert contrast['ping'] > 2
    assert contrast['ai'] < 0.7


def test_neurons_fire_far_below_the_rhythm_and_fast_spiking_ones_more(runs):
    for run in runs.values():
        rate = run.statistics()['rate_hz']
        assert 0.3 < rate['RS'] < 2.5 < rate['FS'] < 10


def test_the_common_input_raises_the_rates_of_ping(runs):
    during = runs['ping'].statistics()['rate_hz']
    for name, spikes in runs['ping'].populations.items():
        before = bst.record.mean_firing_rate(spikes.between(ONSET - 100.0 * u.ms, ONSET)).to_decimal(u.Hz)
        assert during[name] > 1.3 * before


@pytest.mark.parametrize('network', model.CIRCUITS)
def test_every_neuron_has_the_synapses_of_the_whole_network(network):
    circuit = model.CIRCUITS[network]
    net = model.build(network, 0.02).net
    for pair, projection in net.synapses.items():
        p, g = circuit.connections[pair]
        sources, targets = projection.comm.structure.shape
        # the sum of all weights, with a standard error of at most sqrt(1 / n) for n synapses
        total = projection.comm.n_synapses * projection.comm.weight.value.to_decimal(u.nS)
        expected = circuit.sizes[pair[0]] * p * targets * g
        assert sources == round(circuit.sizes[pair[0]] * 0.02)
        assert total == pytest.approx(expected, rel=4 / np.sqrt(max(projection.comm.n_synapses, 1)) + 1e-6)


def test_the_spectrum_of_poisson_processes_is_one():
    rng = np.random.default_rng(0)
    steps = np.sort(rng.integers(0, 40000, 40000)).astype(np.int32)
    spikes = bst.record.Spikes(steps, rng.integers(0, 100, 40000).astype(np.int32), 100, 0.1 * u.ms, 0, 40000)
    power = model.spectrum(spikes)[1]
    # 31 overlapping windows and 96 independent frequencies: a standard error below 4 %
    assert power[20:400].mean() == pytest.approx(1, abs=0.12)


def test_the_command_prints_a_table_and_writes_json_and_a_plot(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(model, 'ONSET', 260.0 * u.ms)
    monkeypatch.setattr(model, 'START_UP', 10.0 * u.ms)
    files = tmp_path / 'figures.json', tmp_path / 'ing.png'
    arguments = ['--network', 'ing', '--scale', 0.02, '--duration', 520, '--json', files[0], '--plot', files[1]]
    monkeypatch.setattr(sys, 'argv', ['susin_destexhe_2021', *map(str, arguments)])
    model.main()
    result = json.loads(files[0].read_text())
    assert result['neurons'] == {'RS': 400, 'FS': 80, 'FS2': 20}
    assert set(result['found']['rate_hz']) == {'RS', 'FS', 'FS2'}
    table = capsys.readouterr().out
    assert 'Susin & Destexhe 2021, ING' in table
    assert 'published: 30 to 50 Hz' in table
    assert files[1].read_bytes().startswith(b'\x89PNG')


def test_a_run_too_short_for_a_spectrum_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['susin_destexhe_2021', '--duration', '700'])
    with pytest.raises(SystemExit):
        model.main()
    assert '--duration must be at least 750 ms' in capsys.readouterr().err
