"""The COBAHH network: reproducible, one spike for each action potential, and in the statistics of other simulators."""

import json
import sys

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from models import brette_2007_cobahh as model

pytestmark = pytest.mark.slow


def run_small():
    """A quarter of the neurons with four times the probability: as many synapses for each neuron, so they stay active."""
    with pytest.MonkeyPatch.context() as patch, bst.environ.context(dt=0.1 * u.ms):
        patch.setattr(model, 'P_CONNECT', 0.08)
        return model.build(1000, seed=8).run(100.0 * u.ms)


@pytest.fixture(scope='module')
def small():
    return run_small()


def events(simulation):
    return np.stack([simulation.spikes.step, simulation.spikes.i])


def test_the_same_seed_gives_the_same_spikes(small):
    again = run_small()
    assert len(small.spikes) > 1000
    np.testing.assert_array_equal(events(small), events(again))
    np.testing.assert_array_equal(small.V.mantissa, again.V.mantissa)


def test_another_seed_gives_another_network_and_start():
    a, b = (bst.nn.init_all_states(model.Network(100, seed)) for seed in (1, 2))
    assert not np.array_equal(a.E.comm.targets, b.E.comm.targets)
    assert not np.array_equal(a.N.V.value.mantissa, b.N.V.value.mantissa)


def test_an_action_potential_is_one_spike(small):
    # with this seed the neuron whose V is recorded spikes nine times
    _, intervals = bst.record.isi(small.spikes)
    assert intervals.min() >= model.TAU_REF
    above = np.asarray(small.V > model.V_TH)
    crossings = np.flatnonzero(above[1:] & ~above[:-1]) + 1
    assert above.sum() > 2 * crossings.size > 0
    np.testing.assert_array_equal(small.spikes.of(0, 1).step, crossings)


def test_four_fifths_are_excitatory_and_every_neuron_has_its_share_of_synapses():
    net = model.build(1000).net
    assert (net.n_exc, net.N.varshape) == (800, (1000,))
    mean = 1000 * 1000 * 0.02
    assert abs(net.n_synapses - mean) < 4 * np.sqrt(mean)
    assert net.E.comm.structure.shape == (800, 1000)
    assert net.I.comm.structure.shape == (200, 1000)


def test_the_command_writes_json_and_a_figure(monkeypatch, tmp_path):
    files = tmp_path / 'out.json', tmp_path / 'raster.png'
    options = ['--neurons', 200, '--duration', 20, '--json', files[0], '--plot', files[1]]
    monkeypatch.setattr(sys, 'argv', ['brette_2007_cobahh', *map(str, options)])
    model.main()
    assert json.loads(files[0].read_text())['neurons'] == 200
    assert files[1].read_bytes().startswith(b'\x89PNG')


# Mean and standard deviation over seeds 1 to 6 (network and start) of the same network in other simulators: 4,000 neurons, pairwise
# Bernoulli connections, dt 0.1 ms, 1 s; rates, and the CV of excitatory neurons with at least 4 spikes, from 200 ms on. NEST 3.10.0
# (hh_cond_exp_traub, two threads) and Brian2 2.9.0 (C++ standalone, exponential Euler), made by
# `benchmarks/workers/cobahh_nest.py --threads 2` and `..._brian2.py` with `--seed SEED` in November 2026.
REFERENCE = {
    'NEST': {'E': (38.812, 2.527), 'I': (38.416, 0.836), 'cv': (1.9695, 0.0271)},
    'Brian2': {'E': (36.420, 2.802), 'I': (36.136, 1.492), 'cv': (1.9051, 0.0669)},
}
SEEDS = range(1, 6)
# Exponential Euler at steps of 0.1 ms, as in Brian2, gives rates that are 3 % lower than at 0.05 ms or by Runge-Kutta; NEST's
# integration is adaptive, and it emits a spike at its peak instead of at the threshold.
SYSTEMATIC = {'NEST': 0.05, 'Brian2': 0.0}


@pytest.mark.slow
def test_statistics_over_seeds_are_those_of_other_simulators(dt):
    runs = []
    for seed in SEEDS:
        simulation = model.build(seed=seed).run(1000.0 * u.ms)
        excitatory = simulation.populations['E'].between(200.0 * u.ms, 1000.0 * u.ms)
        runs.append({**simulation.statistics()['rate_hz'], 'cv': np.mean(bst.record.cv(excitatory))})
    misfits = []
    for simulator, values in REFERENCE.items():
        for what, (mean, sd) in values.items():
            found = np.array([run[what] for run in runs])
            standard_error = np.sqrt(found.var(ddof=1) / len(runs) + sd**2 / 6)
            if abs(found.mean() - mean) > 3 * standard_error + SYSTEMATIC[simulator] * mean:
                misfits.append(f'{what}: mean {found.mean():.4g}, but {mean:.4g} in {simulator}')
    assert misfits == []
