"""The cortical microcircuit: its wiring exactly, its steps against those of NEST in plain NumPy, and the activity that NEST finds."""

import json
import sys

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from models import potjans_diesmann_2014 as model
from models import potjans_diesmann_2014_reference as reference

pytestmark = pytest.mark.slow

E, I = np.arange(0, 8, 2), np.arange(1, 8, 2)  # noqa: E741
SMALL = 0.05


def each(net):
    """Number of target and source, and the projection."""
    for s, source in enumerate(model.NAMES):
        for target, projection in net.projections[source].items():
            yield model.NAMES.index(target), s, projection


@pytest.fixture(scope='module')
def network():
    """A network that is not run."""
    with bst.environ.context(dt=0.1 * u.ms):
        return model.Network(SMALL)


@pytest.fixture(scope='module')
def simulation():
    with bst.environ.context(dt=0.1 * u.ms):
        return model.build(SMALL).run(model.WARM_UP + 1.0 * u.second)


def test_the_full_network_has_the_published_size():
    full = model.circuit()
    assert full.sizes.sum() == 77_169
    assert full.synapses.sum() == 298_880_970
    np.testing.assert_array_equal(full.current, 0.0)
    # the mean number of draws of a pair, whose chance of none is 1 - p
    pairs = np.outer(full.sizes, full.sizes)
    np.testing.assert_allclose(1.0 - np.exp(-full.synapses / pairs), model.PROBABILITIES, atol=1e-6)


def test_a_potential_has_the_published_peak():
    t = np.linspace(0.0, 10.0, 100_001)
    psp = np.exp(-t / 10.0) - np.exp(-t / 0.5)
    peak = float(model.psc(model.PSP) / model.C * u.ms / u.mV) * psp.max() / (1 / 0.5 - 1 / 10.0)
    assert peak == pytest.approx(0.15, rel=1e-6)


@pytest.mark.parametrize('drive', ['poisson', 'dc'])
def test_mean_and_variance_of_the_input_do_not_depend_on_the_scale(drive):
    def moments(scale):
        made = model.circuit(scale, drive)
        per_neuron = made.synapses / made.sizes[:, None]
        external = made.external * made.external_weight ** np.array([[1], [2]]) * 8.0 * (drive == 'poisson')
        mean = 0.5e-3 * ((made.weights * per_neuron * model.RATES).sum(1) + external[0]) + made.current
        return mean, (made.weights**2 * per_neuron * model.RATES).sum(1) + external[1]

    (mean, variance), (smaller_mean, smaller_variance) = moments(1.0), moments(0.1)
    np.testing.assert_allclose(smaller_mean, mean, rtol=3e-3)  # numbers of neurons are whole
    np.testing.assert_allclose(smaller_variance, variance, rtol=6e-3)


def test_the_current_of_dc_drive_is_the_mean_of_the_spikes():
    spikes, current = (model.circuit(0.1, drive) for drive in ('poisson', 'dc'))
    mean = 0.5e-3 * 8.0 * spikes.external * spikes.external_weight
    np.testing.assert_allclose(current.current - spikes.current, mean, rtol=1e-12)


def test_numbers_weights_and_delays_of_synapses_are_those_that_were_asked_for(network):
    made = model.circuit(SMALL)
    absent = {(t, s) for t, s in np.argwhere(model.PROBABILITIES == 0)}
    assert len(absent) == 9
    for t, s, projection in each(network):
        absent.discard((t, s))
        comm, n = projection.comm, int(made.synapses[t, s])
        assert (comm.structure.shape, comm.n_synapses) == ((made.sizes[s], made.sizes[t]), n)
        weights, delays = np.asarray(comm.weight.value.to_decimal(u.pA)), np.asarray(comm.delay_steps) * 0.1
        mean = made.weights[t, s]
        assert weights.mean() == pytest.approx(mean, abs=5 * 0.1 * abs(mean) / np.sqrt(n))
        assert (np.sign(weights) == np.sign(mean)).all()
        usual = 0.75 if s % 2 else 1.5
        assert delays.min() >= 0.1 - 1e-9
        # the mean of a normal distribution that has lost what is below 0.05 ms: 0.0276 standard deviations above the whole one's
        assert delays.mean() == pytest.approx(usual * 1.03, abs=5 * 0.5 * usual / np.sqrt(n) + 0.01 * usual)
    ratios = made.weights / made.weights[2, 2]
    assert (ratios[:, I] == -4.0).all() and ratios[0, 2] == 2.0 and ratios[:, E].sum() == 33.0
    assert network.n_synapses == made.synapses.sum()
    rings = [population.receptors[0].ring for population in network.populations.values()]
    assert len({id(ring) for ring in rings}) == 8 and sum(len(ring.lines) for ring in rings) == 64 - 9


def test_every_population_has_its_drive(network):
    made = model.circuit(SMALL)
    for k, name in enumerate(model.NAMES):
        drive = network.drives[name]
        assert drive.target is network.populations[name].receptors[0].syn
        assert (drive.num_input, drive.freq / u.Hz) == (made.external[k], 8.0)
        assert float(drive.weight / u.pA) == pytest.approx(made.external_weight)


def steps_of_nest(net, currents, steps):
    """The network's spikes and last V by the exact integration of NEST's iaf_psc_exp, one line an equation."""
    sizes = list(net.sizes.values())
    offsets = dict(zip(net.sizes, np.cumsum([0, *sizes[:-1]]), strict=True))
    columns = []
    for t, s, projection in each(net):
        comm = projection.comm
        source, target = comm.sources + offsets[model.NAMES[s]], comm.targets + offsets[model.NAMES[t]]
        columns.append((source, target, np.asarray(comm.delay_steps, int), np.asarray(comm.weight.value.to_decimal(u.pA))))
    source, target, delay, weight = map(np.concatenate, zip(*columns, strict=True))
    arrives = np.zeros((steps + delay.max() + 1, sum(sizes)))
    V = np.concatenate([np.asarray(p.V.value.to_decimal(u.mV), float) for p in net.populations.values()])
    current, held = np.zeros(V.size), np.zeros(V.size, int)
    tau, tau_syn, C, dt = 10.0, 0.5, 250.0, 0.1
    decay, decay_syn = np.exp(-dt / tau), np.exp(-dt / tau_syn)
    of_current = (decay - decay_syn) / (1 / tau_syn - 1 / tau) / C
    constant = tau / C * (1 - decay) * np.repeat(currents, sizes)
    raster = []
    for k in range(steps):
        moved = -65.0 + (V + 65.0) * decay + current * of_current + constant
        V, held = np.where(held > 0, V, moved), np.maximum(held - 1, 0)
        current = current * decay_syn + arrives[k]  # acts from the next step on
        spike = V >= -50.0
        V, held = np.where(spike, -65.0, V), np.where(spike, 20, held)
        raster.append(spike)
        sent = spike[source]
        np.add.at(arrives, (k + delay[sent], target[sent]), weight[sent])
    return np.array(raster), V


def test_a_step_is_that_of_nest(dt, x64):
    simulation = model.build(0.01, 'dc')
    net, steps = simulation.net, 250
    currents = np.linspace(450.0, 500.0, 8)  # above threshold
    net.currents = dict(zip(model.NAMES, currents * u.pA, strict=True))
    bst.nn.init_all_states(net)
    expected, V = steps_of_nest(net, currents, steps)
    spikes = simulation.run(steps * dt).spikes
    found = np.zeros_like(expected)
    found[spikes.step, spikes.i] = True
    assert expected.sum() > 300
    # a current that decays acts by its mean over a step, 2e-4 apart, which brings a spike into the next step where V comes close
    assert (found != expected).sum() < 0.05 * expected.sum()  # a delay that is one step off: 1.5 times
    last = np.concatenate([p.V.value.to_decimal(u.mV) for p in net.populations.values()])
    assert np.median(np.abs(last - V)) < 0.005


def test_activity_is_that_of_nest(simulation):
    verdict = model.check(simulation, SMALL)
    assert len(verdict) == 3 * 8
    assert all(verdict.values()), [name for name, holds in verdict.items() if not holds]


def test_the_comparison_notices_lower_rates(simulation):
    """The comparison can fail."""
    spikes = simulation.spikes
    kept = np.random.default_rng(1).random(spikes.step.size) < 0.85
    simulation.spikes = bst.record.Spikes(spikes.step[kept], spikes.i[kept], spikes.size, spikes.dt, spikes.start, spikes.stop)
    verdict = model.check(simulation, SMALL)
    simulation.spikes = spikes
    assert not verdict['L4E rate'] and sum(verdict.values()) < 20


@pytest.mark.slow
def test_activity_of_a_tenth_of_the_network_is_that_of_nest(dt):
    verdict = model.check(model.build(0.1, seed=2).run(model.WARM_UP + 2.0 * u.second), 0.1)
    assert verdict and all(verdict.values()), [name for name, holds in verdict.items() if not holds]


def test_published_rates_count_for_the_full_network_driven_by_spikes(simulation):
    assert not set(model.PUBLISHED) & set(model.check(simulation, SMALL))
    assert set(model.PUBLISHED) <= set(model.check(simulation, 1.0))
    assert model.check(simulation, 1.0, 'dc') == {}
    assert all(claim.low < rate < claim.high for claim, rate in zip(model.PUBLISHED.values(), model.RATES, strict=True))


def test_the_same_seed_gives_the_same_spikes(simulation, dt):
    spikes = model.build(SMALL).run(100.0 * u.ms).spikes
    same = simulation.spikes.between(0.0 * u.ms, 100.0 * u.ms)
    assert len(spikes) > 500
    np.testing.assert_array_equal(np.stack([spikes.step, spikes.i]), np.stack([same.step, same.i]))


def test_another_seed_gives_another_network_and_start(network, dt):
    other = model.Network(SMALL, seed=2)
    assert not np.array_equal(*(net.projections['L5I']['L5I'].comm.targets for net in (network, other)))
    V = [bst.nn.init_all_states(net.populations['L5I']).V.value.mantissa for net in (network, other)]
    assert not np.array_equal(*V)


def test_the_distance_is_the_largest_between_cumulated_shares():
    known = {'points': [1.0, 2.0, 4.0], 'shares': [0.5, 0.75, 1.0]}
    assert reference.distance(np.array([1.0, 1.0, 2.0, 4.0]), known) == 0.0
    assert reference.distance(np.array([0.0, 3.0, 3.0, 9.0]), known) == pytest.approx(0.5)
    assert reference.distance(np.array([]), known) == 1.0


def test_a_summary_tells_how_far_seconds_are_apart():
    rng = np.random.default_rng(1)
    runs = [[{m: rng.normal(size=500) for m in ('rate', 'cv', 'correlation')} for _ in range(3)] for _ in range(2)]
    known = reference.summary(runs)['cv']
    whole = np.concatenate([second['cv'] for run in runs for second in run])
    assert reference.distance(whole, known) < 1e-3  # rounding
    assert known['apart'] == pytest.approx(max(reference.distance(s['cv'], known) for run in runs for s in run), abs=1e-4)
    assert 0.01 < known['apart'] < 0.1


def test_seconds_are_measured_one_by_one(dt):
    step = np.array([0, 5000, 9000, 9999, 12000])
    spikes = bst.record.Spikes(step, np.zeros(5, int), 1, dt, 0, 20_500)
    first, second = reference.measures(spikes)
    assert (first['rate'].tolist(), second['rate'].tolist()) == ([4.0], [1.0])
    assert first['cv'] == pytest.approx([np.std([5000, 4000, 999]) / np.mean([5000, 4000, 999])])
    assert second['cv'].size == first['correlation'].size == 0


def test_the_command_compares_and_draws(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(model, 'WARM_UP', 100.0 * u.ms)
    monkeypatch.setattr(model, 'CHUNK', 100.0 * u.ms)
    table, figure = tmp_path / 'out.json', tmp_path / 'out.png'
    arguments = ['--scale', '0.01', '--duration', '100', '--json', str(table), '--plot', str(figure)]
    monkeypatch.setattr(sys, 'argv', ['potjans_diesmann_2014', *arguments])
    model.main()
    printed, result = capsys.readouterr().out, json.loads(table.read_text())
    assert 'scale 0.01, poisson drive' in printed
    assert result['neurons'] == model.circuit(0.01).sizes.sum()
    assert list(result['rate_hz']) == list(model.NAMES)
    assert figure.stat().st_size > 10_000
