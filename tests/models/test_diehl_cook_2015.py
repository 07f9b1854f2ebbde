"""Diehl & Cook 2015 on small digits: neurons are labelled, and right more often for having learned."""

import json
import sys

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from models import diehl_cook_2015 as model

pytest.importorskip('sklearn')


@pytest.fixture
def step():
    with bst.environ.context(dt=0.5 * u.ms):
        yield


def test_neurons_get_the_label_that_they_answer_most_and_images_that_of_their_neurons(monkeypatch):
    monkeypatch.setattr(model, 'CLASSES', 3)
    counts = np.array([[4, 0, 1, 0], [2, 0, 1, 0], [0, 5, 1, 0], [0, 3, 4, 0]])
    of_neurons = model.label(counts, np.array([0, 0, 1, 2]))
    assert of_neurons.tolist() == [0, 1, 2, -1]
    # two neurons of one label count as much as one
    assert model.classify(np.array([[3, 3, 5, 9], [6, 1, 5, 0]]), np.array([0, 0, 1, -1])).tolist() == [1, 1]


def test_known_and_new_images_are_different_ones():
    known, new = model.digits(seed=2)
    assert (known.labels.size, new.labels.size) == (1200, 597)
    assert known.images.min() == 0.0 and known.images.max() == 1.0
    assert not (known.images[:, None] == new.images[None, :50]).all(-1).any()
    assert not np.array_equal(known.labels, model.digits(seed=3)[0].labels)


@pytest.mark.slow
def test_weights_of_a_neuron_keep_their_sum_and_an_image_evokes_spikes_enough(step):
    known, _ = model.digits()
    network = model.Network(100)
    counts = model.respond(network, known.images[:40])
    assert counts.shape == (40, 100)
    assert counts.sum(1).min() >= model.LEAST
    # since weights were scaled, one image has changed those of few neurons
    assert np.median(network.weights().sum(0)) == pytest.approx(model.SUM, rel=1e-3)
    assert np.asarray(network.E.a.value).sum() > 0.9 * counts.sum()  # images that were shown again add to it


@pytest.mark.slow
def test_accuracy_is_near_the_published_and_comes_by_learning(step):
    learned, untrained = model.run(epochs=2), model.run(epochs=0)
    assert model.check(learned) == {'100 neurons': True}
    assert learned.accuracy > untrained.accuracy + 30
    assert set(learned.of_neurons) == set(range(10))


@pytest.mark.slow
def test_the_command_writes_its_figures(tmp_path, monkeypatch, capsys):
    files = tmp_path / 'f.json', tmp_path / 'f.png'
    monkeypatch.setattr(model, 'TRAINED', 100)
    monkeypatch.setattr(sys, 'argv', ['diehl', '--epochs', '1', '--json', str(files[0]), '--plot', str(files[1])])
    model.main()
    result = json.loads(files[0].read_text())
    assert len(result['labels']) == 100
    assert 'DIFFERS' in capsys.readouterr().out  # 100 images are too few
    assert files[1].read_bytes().startswith(b'\x89PNG')
