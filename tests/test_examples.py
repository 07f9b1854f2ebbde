"""The examples run, and the stored outputs of the notebook are what it prints today."""

import importlib.util
import json
import math
from pathlib import Path

import brainunit as u
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import brainpy_state as bst

EXAMPLES = Path(__file__).parents[1] / 'examples'
INTERVAL = 10.0 * math.log(20.0 / 5.0)  # ms, of a LIF with tau 10 ms from reset to 15 mV above it under 20 mV


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def first_neuron():
    return load('first_neuron')


@pytest.fixture
def classifier():
    return load('train_spiking_classifier')


@pytest.fixture
def cues():
    return load('train_cue_accumulation')


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


def test_yin_and_yang_change_places_when_the_disc_is_turned_by_half(classifier):
    x, y = np.random.default_rng(0).random((2, 1000))
    turned = np.array([1, 0, 2])[classifier.class_of(x, y)]
    np.testing.assert_array_equal(classifier.class_of(1 - x, 1 - y), turned)
    assert classifier.class_of(0.5, 0.9) == 0  # yin is above


def test_drawn_points_lie_in_their_class_and_classes_are_equally_frequent(classifier):
    points, labels = classifier.draw(3000, seed=0)
    np.testing.assert_array_equal(classifier.class_of(*points.T), labels)
    assert np.all(classifier.in_disc(*points.T))
    assert np.all(np.abs(np.bincount(labels) - 1000) < 5 * math.sqrt(3000 * 1 / 3 * 2 / 3))  # five standard deviations
    assert not np.isin(points, classifier.draw(3000, seed=1)[0]).any()


@pytest.mark.slow  # about eight seconds, most of them for compiling
def test_the_classifier_learns_and_the_same_network_simulates_a_sample(classifier, tmp_path, monkeypatch, capsys):
    nets, build = [], classifier.build
    monkeypatch.setattr(classifier, 'build', lambda: nets.append(build()) or nets[0])
    figure, report = tmp_path / 'figure.png', tmp_path / 'report.json'
    classifier.main(['--epochs', '2', '--seed', '0', '--plot', str(figure), '--json', str(report)])
    result = json.loads(report.read_text())
    assert result['curves']['loss'][1] < 0.6 * result['curves']['loss'][0] < 0.6 * math.log(3)  # log 3: of a guess
    assert result['accuracy'] > 0.8
    assert set(result) == {'accuracy', 'seconds', 'epochs', 'seed', 'curves', 'versions'}
    assert figure.stat().st_size > 50_000
    assert 'epoch 2/2   loss' in capsys.readouterr().out

    latency = classifier.latencies(classifier.draw(3, seed=3)[0])
    shown, hidden = classifier.present(nets[0], latency)
    readouts, spikes = classifier.watch(nets[0], latency[0])
    np.testing.assert_allclose(readouts, shown[:, 0], rtol=1e-5, atol=1e-5)  # float32, sums in another order
    assert len(spikes) == hidden[:, 0].sum() > 0


@pytest.fixture
def digits(monkeypatch):
    """The example, with small images of its own in the place of those of scikit-learn: a bright bar for each class."""
    example, rng = load('train_digits'), np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 64)
    images = (np.arange(64) // 6 == labels[:, None]) * (0.6 + 0.4 * rng.random((640, 64)))
    monkeypatch.setattr(example, 'digits', lambda: (images.astype(np.float32), labels))
    return example


def test_digits_are_split_with_the_same_share_of_each_class(digits):
    images, labels = digits.digits()
    marked = images + np.arange(640)[:, None]  # no image twice
    parts = digits.split(marked, labels)
    assert [np.bincount(of_part).tolist() for _, of_part in parts] == [[42] * 10, [6] * 10, [16] * 10]
    together = np.concatenate([chosen for chosen, _ in parts])
    np.testing.assert_array_equal(np.sort(together[:, 0]), np.sort(marked[:, 0]))


@pytest.mark.slow  # a few seconds, most of them for compiling
@pytest.mark.parametrize('code', ['latency', 'rate'])
def test_digits_are_learnt(digits, capsys, code):
    assert digits.main(['--epochs', '8', '--code', code]) > 0.8
    assert 'test accuracy' in capsys.readouterr().out


@pytest.fixture
def spoken():
    return load('train_spoken_digits')


def test_made_up_words_are_a_file_of_the_format_with_all_classes(spoken, tmp_path):
    spoken.write_words(tmp_path / 'words.h5', 40, seed=1)
    with bst.datasets.SHD(tmp_path / 'words.h5') as data:
        assert np.bincount(data.labels).tolist() == [2] * 20
        assert all(len(sample.units) == 150 and sample.times.max() < spoken.DURATION for sample in data)


@pytest.mark.slow  # about ten seconds
def test_spoken_digits_are_learnt_and_the_network_can_be_exchanged(spoken, tmp_path, capsys):
    path = tmp_path / 'net.nir'
    accuracy = spoken.main(['--samples', '400', '--epochs', '4', '--batch', '20', '--dt', '20', '--nir', str(path)])
    assert accuracy > 0.2  # of 20 classes
    assert 'epoch 4/4   loss' in capsys.readouterr().out
    net = bst.nir.from_nir(path)
    assert net.in_size == (700,) and net.out_size == (20,)


@pytest.fixture
def adex():
    return load('fit_adex_to_a_voltage_trace')


def test_spikes_coincide_within_two_milliseconds(adex):
    spikes, others = np.zeros((2, 500))
    spikes[[100, 200, 300]] = others[[115, 240, 300, 400]] = 1
    assert adex.coincidence(spikes, others) == 2 / 5
    assert adex.coincidence(spikes, spikes) == 1


@pytest.mark.slow  # twenty seconds
def test_a_neuron_is_fitted_to_a_trace_and_predicts_spikes(adex, tmp_path, capsys):
    path = tmp_path / 'fit.png'
    error, same = adex.main(['--steps', '120', '--plot', str(path)])
    assert error < 0.3
    assert same > 0.9
    assert path.stat().st_size > 40_000
    assert 'V_T' in capsys.readouterr().out


@pytest.fixture
def test_cues_come_on_the_side_that_has_more_of_them(cues):
    spikes, side = cues.draw(200, cues.PUBLISHED, np.random.default_rng(0))
    assert spikes.shape == (2250, 200, 40)  # 7 cues of 100 ms every 150 ms, and 1200 ms
    left, right, recall, noise = (spikes[:, :, k : k + 10].mean((0, 2)) for k in range(0, 40, 10))
    assert ((right > left) == side).all()
    np.testing.assert_allclose((left + right).mean(), 0.04 * 700 / 2250, rtol=0.01)
    np.testing.assert_allclose(recall.mean(), 0.04 * 150 / 2250, rtol=0.02)
    np.testing.assert_allclose(noise.mean(), 0.01, rtol=0.01)
    first = spikes[50:150, :, 10:20].mean((0, 2)) > 0  # is the first cue on the right?
    assert abs((first == side).mean() - 0.65) < 0.1


@pytest.mark.slow  # several programs to compile
def test_cues_are_learnt_from_and_drawn(cues, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cues, 'SHORT', cues.Times(6, 3, 10, 5))
    monkeypatch.setattr(cues, 'BATCH', 4)
    path, result = tmp_path / 'cues.png', tmp_path / 'result.json'
    cues.main(['--batches', '2', '--feedback', 'adaptive', '--plot', str(path), '--json', str(result)])
    assert 'of new trials right after 2 batches, adaptive feedback' in capsys.readouterr().out
    assert path.stat().st_size > 10_000
    stored = json.loads(result.read_text())
    assert stored['steps'] == 78
    assert len(stored['curve']) == 2


@pytest.mark.slow
def test_inhibition_lowers_the_rates_of_a_sweep(tmp_path):
    cluster = load('cluster/sweep')
    g, rate, found = cluster.simulate(points=3)
    assert found.shape == (3, 3)
    assert (np.diff(found[0]) >= 0).all()  # more external spikes, without inhibition
    assert (np.diff(found[:, -1]) < 0).all()  # more inhibition
    cluster.plot(tmp_path / 'rates.png', g, rate, found)
    assert (tmp_path / 'rates.png').stat().st_size > 5_000


@pytest.mark.slow
def test_a_network_on_several_machines_goes_on_from_its_file(tmp_path, capsys):
    cluster, file = load('cluster/network'), tmp_path / 'run.npz'
    options = ['--neurons', '400', '--checkpoint', str(file)]
    cluster.main([*options, '--duration', '60'])
    cluster.main([*options, '--duration', '100', '--plot', str(tmp_path / 'raster.png')])
    at_once = cluster.simulate(400, 100.0 * u.ms)
    assert f'400 neurons on 1 devices: {len(at_once)} spikes' in capsys.readouterr().out.splitlines()[-1]
    assert len(at_once) > 400
    assert (tmp_path / 'raster.png').stat().st_size > 5_000


@pytest.mark.slow
def test_the_forecast_of_many_hosts(tmp_path, capsys):
    cluster = load('cluster/forecast')
    seconds, memory, received = cluster.forecast(np.array([1, 2, 1024]))
    assert sum(seconds.values())[0] == pytest.approx(cluster.NEURONS * (5e-9 + 1e-10 + 3.2e-4 * (8 * 3e-8 + 1.2e-9 * 299e6 / 77_169)))
    assert (np.diff(memory) < 0).all()
    assert received.tolist() == [0.0, 77_169 / 8, 77_169 / 8]
    assert [cluster.limit(cluster.forecast(hosts)[0]) for hosts in (1, 1024)] == ['neurons', 'messages']
    costs = cluster.measured(repeats=1)
    assert all(0 < x < 1e-6 for x in (costs.neuron, costs.look, costs.synapse))
    cluster.main(['--plot', str(tmp_path / 'scaling.png')])
    assert 'what takes longest' in capsys.readouterr().out
    assert (tmp_path / 'scaling.png').stat().st_size > 10_000


@pytest.mark.slow
def test_a_long_recording_is_on_disk(tmp_path, monkeypatch):
    long_recording = load('long_recording')
    monkeypatch.setattr(long_recording, 'PIECES', 4)
    folder = tmp_path / 'run.zarr'
    t, held, written = long_recording.record(4.0 * u.second, str(folder))
    records = bst.record.open(folder)
    assert t[-1] == pytest.approx(4.0)
    assert records['V'].values.shape == (4000, 10)
    assert len(records['rate'].values) == 400
    assert 0 < len(records['spikes']) * 8 / 2**20 < written[-1]
    long_recording.plot(t, held, written, tmp_path / 'memory.png')
    assert (tmp_path / 'memory.png').stat().st_size > 5_000
