"""The synfire chain of Diesmann et al. 1999: what survives, and the course of a volley against the exact solution."""

import json
import sys

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from models import diesmann_1999 as model

pytestmark = pytest.mark.slow

PACKETS = [(100, 0.0), (100, 1.0), (80, 2.0), (30, 0.0), (20, 2.0), (60, 5.0)]


@pytest.fixture(scope='module')
def simulation():
    with bst.environ.context(dt=0.1 * u.ms):
        return model.build(PACKETS, seed=1).run(80.0 * u.ms)


def test_the_published_numbers_are_found_again(simulation):
    assert model.check(simulation) == dict.fromkeys(model.PUBLISHED, True)


def test_a_surviving_volley_grows_and_sharpens(simulation):
    a, sigma = model.follow(simulation.populations['trial 2'])
    assert a[0] < 95 < a[-1]
    assert sigma[0] > 2 * sigma[-1]


def test_a_dispersed_volley_dies_though_a_precise_one_of_its_size_lives(simulation):
    assert model.follow(simulation.populations['trial 5'])[0][-1] < 15
    with bst.environ.context(dt=0.1 * u.ms):
        precise = model.build([(70, 0.0)]).run(80.0 * u.ms)
    assert model.follow(precise.populations['trial 0'])[0][-1] > 85


def test_a_volley_without_background_travels_as_the_exact_solution_says():
    """150 spikes at once take the next group to threshold in a time that follows from the potential after one of them."""
    dt, groups, size = 0.02, 4, 150
    t = np.arange(1, 200) * dt
    tau, tau_syn = 10.0, 0.325
    b = 1 / tau_syn - 1 / tau
    one = 4.86 / (tau * tau_syn) * np.exp(-t / tau) * (1 - (1 + b * t) * np.exp(-b * t)) / b**2
    latency = np.argmax(size * one >= 15.0)  # in steps; the first is 0
    with bst.environ.context(dt=dt * u.ms):
        net = model.Chain(np.array([[size]]), groups, size, background=False)
        spikes = model.Trials(net, [(size, 0.0)]).run(20.0 * u.ms).spikes
    found = [np.unique(spikes.of(k * size, (k + 1) * size).step) for k in range(groups)]
    assert [len(x) for x in found] == [1] * groups  # all neurons of a group at once
    assert spikes.count.tolist() == [1] * (groups * size)
    # from one spike to the next: a step until it is sent, the delay, and the latency; holding currents over a step costs one at most
    period = 1 + round(1.0 / dt) + latency
    np.testing.assert_allclose(np.diff(np.concatenate(found)), period, atol=1)
    assert abs(found[0][0] - latency) <= 1


def test_volleys_are_found_amid_background():
    rng, size, dt = np.random.default_rng(0), 1000, 0.01
    steps, neurons = [], []
    for group, (a, sigma) in enumerate([(800, 1.0), (900, 0.5), (950, 0.2)]):
        times = np.r_[41.0 + 4.0 * group + sigma * rng.standard_normal(a), rng.uniform(0.0, 100.0, 200)]
        steps.append(np.rint(times / dt).astype(int))
        neurons.append(group * size + rng.integers(0, size, len(times)))
    step, i = np.concatenate(steps), np.concatenate(neurons)
    order = np.argsort(step, kind='stable')
    spikes = bst.record.Spikes(step[order], i[order], 3 * size, dt * u.ms, 0, 10_000)
    a, sigma = model.follow(spikes, size)
    np.testing.assert_allclose(a, [820, 920, 970], atol=20)  # 20 of the background lie within 5 ms
    np.testing.assert_allclose(sigma, [1.0, 0.5, 0.2], rtol=0.12)


def test_the_seed_decides_the_spikes(simulation):
    def events(seed):
        with bst.environ.context(dt=0.1 * u.ms):
            spikes = model.build(PACKETS, seed=seed).run(80.0 * u.ms).spikes
        return np.stack([spikes.step, spikes.i])

    first = np.stack([simulation.spikes.step, simulation.spikes.i])
    np.testing.assert_array_equal(events(1), first)
    assert not np.array_equal(events(2), first)


def test_the_command_prints_a_table_and_writes_json_and_a_plot(monkeypatch, tmp_path, capsys):
    files = tmp_path / 'numbers.json', tmp_path / 'figure.png'
    options = ['--duration', 60, '--seed', 3, '--json', files[0], '--plot', files[1]]
    monkeypatch.setattr(sys, 'argv', ['diesmann_1999', *map(str, options)])
    monkeypatch.setattr(model, 'PACKETS', PACKETS)
    model.main()
    result = json.loads(files[0].read_text())
    assert (result['seed'], result['dt_ms'], result['duration_ms']) == (3, 0.1, 60.0)
    assert [(x['a'], x['sigma_ms']) for x in result['volleys']] == PACKETS
    table = capsys.readouterr().out
    for name in model.PUBLISHED:
        assert f'\n  {name}' in table
    assert files[1].read_bytes().startswith(b'\x89PNG')
