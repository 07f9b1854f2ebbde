"""Pfister & Gerstner 2006: simulated changes are the sums over spikes, and both are as far from the data as published."""

import json
import sys

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from models import pfister_gerstner_2006 as model

SUMS = {
    place: {name: np.array([model.expected(x.protocol, fit) for x in model.DATA[place]]) for name, fit in fits.items()}
    for place, fits in model.FITS.items()
}


def test_simulated_changes_are_the_sums_over_spikes():
    fits = {name: model.FITS['hippocampus'][name] for name in ('all, full', 'nearest, full')}
    protocols = [model.pairs(30, -10), model.triplet(5, -15), model.triplet(-5, 15), model.quadruplet(20), model.quadruplet(-89)]
    with bst.environ.context(dt=1.0 * u.ms, precision=64):
        found = model.simulate(protocols, fits, repeats=4)
    for name, fit in fits.items():
        sums = [model.expected(protocol, fit, repeats=4) for protocol in protocols]
        assert np.ptp(sums) > 0.01
        np.testing.assert_allclose(found[name], sums, rtol=1e-9)


def test_sums_over_pairs_are_geometric_series():
    """Of the minimal rule of all spikes, where potentiation needs two spikes of the target, and depression one."""
    fit, period, lag, n = model.FITS['visual cortex']['all, minimal'], 25, 10, 60
    plus, minus, y = (np.exp(-period / tau) for tau in (model.TAU_PLUS, model.TAU_MINUS, fit.tau_y))
    up = fit.A3_plus * np.exp(-lag / model.TAU_PLUS) / ((1 - plus) * (1 - y))
    up *= sum((1 - plus ** (k + 1)) * (y - y ** (k + 1)) for k in range(n))
    down = fit.A2_minus * np.exp((lag - period) / model.TAU_MINUS) / (1 - minus)
    down *= sum(1 - minus**k for k in range(n))
    assert model.expected(model.pairs(period, lag), fit, n) == pytest.approx(up - down, rel=1e-12)


def test_sums_are_as_far_from_the_data_as_published():
    assert model.check(SUMS) == dict.fromkeys(model.PUBLISHED, True)


def test_all_fits_are_within_the_errors_of_visual_cortex():
    for change in SUMS['visual cortex'].values():
        assert np.abs(model.distances('visual cortex', change)).max() < 1.5


def test_without_triplets_potentiation_does_not_rise_with_the_rate():
    fit = model.FITS['hippocampus']['all, full']._replace(A3_plus=0.0, A3_minus=0.0)
    changes = [model.expected(model.pairs(period, 10), fit) for period in (1000, 100, 50, 20)]
    assert changes[0] == pytest.approx(max(changes))


@pytest.mark.parametrize(
    ('protocol', 'before', 'after'),
    [
        (model.pairs(50, -10), (10,), (0,)),
        (model.triplet(5, -15), (0, 20), (5,)),
        (model.triplet(-5, 15), (5,), (0, 20)),
        (model.quadruplet(20), (5, 20), (0, 25)),
        (model.quadruplet(-89), (0, 94), (5, 89)),
    ],
)
def test_spikes_of_a_protocol(protocol, before, after):
    assert (protocol.before, protocol.after) == (before, after)


@pytest.mark.slow
def test_the_published_distances_are_found_again():
    with bst.environ.context(dt=model.DT):
        changes = model.run()
    assert model.check(changes) == dict.fromkeys(model.PUBLISHED, True)
    for place, fits in SUMS.items():
        for name, sums in fits.items():
            # weights of 32 bits are rounded at up to 240 spikes
            np.testing.assert_allclose(changes[place][name], sums, rtol=0, atol=3e-5)


@pytest.mark.slow
def test_the_command_writes_its_figures(tmp_path, monkeypatch, capsys):
    files = tmp_path / 'f.json', tmp_path / 'f.png'
    monkeypatch.setattr(sys, 'argv', ['pfister', '--repeats', '2', '--json', str(files[0]), '--plot', str(files[1])])
    model.main()
    result = json.loads(files[0].read_text())
    assert result['repeats'] == 2 and result['found'].keys() == model.PUBLISHED.keys()
    assert 'DIFFERS' in capsys.readouterr().out  # two repetitions change little
    assert files[1].read_bytes().startswith(b'\x89PNG')
