"""The network of Vogels & Abbott 2005: reproducible bit for bit, and in the statistics of other simulators."""

import hashlib
import json
import sys

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from models import vogels_abbott_2005 as model

KINDS = ('coba', 'cuba')
KEYS = [
    'neurons', 'synapses', 'dt_ms', 'duration_ms', 'seed', 'precision', 'threads', 'build_s', 'compile_s', 'run_s', 'real_time_factor',
    'peak_rss_mb', 'rate_hz', 'cv_isi', 'spikes', 'versions',
]  # fmt: skip
ROWS = [
    'neurons', 'synapses', 'model time', 'build', 'compile', 'run', 'real-time factor', 'peak memory', 'rate E', 'rate I', 'CV of ISI', 'spikes',
]  # fmt: skip

# A quarter of the neurons with four times the probability: as many synapses for each neuron, so it stays active.
SMALL = {'neurons': 1000, 'P_CONNECT': 0.08, 'duration': 100.0}
FINGERPRINT = """
import hashlib, brainunit as u, numpy as np, brainpy_state as bst
from models import vogels_abbott_2005 as model
model.P_CONNECT = {P_CONNECT}
with bst.environ.context(dt=0.1 * u.ms):
    s = model.build('{kind}', {neurons}, seed=7).run({duration} * u.ms).spikes
print(hashlib.sha256(np.stack([s.step, s.i]).astype('<i4').tobytes()).hexdigest(), len(s))
"""


@pytest.fixture
def small(monkeypatch, dt):
    """Run a small network: ``small(kind, seed)`` gives the simulation."""
    monkeypatch.setattr(model, 'P_CONNECT', SMALL['P_CONNECT'])

    def run(kind, seed=7, **options):
        return model.build(kind, SMALL['neurons'], seed=seed).run(SMALL['duration'] * u.ms, **options)

    return run


def events(simulation):
    return np.stack([simulation.spikes.step, simulation.spikes.i]).astype('<i4')


@pytest.mark.quick('coba')
@pytest.mark.parametrize('kind', KINDS)
def test_the_same_seed_gives_the_same_spikes_bit_for_bit(kind, small):
    first, second = small(kind), small(kind)
    assert len(first.spikes) > 100
    np.testing.assert_array_equal(events(first), events(second))
    np.testing.assert_array_equal(first.V.mantissa, second.V.mantissa)


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_the_same_seed_gives_the_same_spikes_in_a_new_process(kind, small, python):
    here = events(small(kind))
    digest, count = python('-c', FINGERPRINT.format(kind=kind, **SMALL)).split()
    assert int(count) == here.shape[1]
    assert digest == hashlib.sha256(here.tobytes()).hexdigest()


def test_a_second_run_of_one_simulation_repeats_the_first(small):
    simulation = small('coba')
    first = events(simulation)
    np.testing.assert_array_equal(events(simulation.run(SMALL['duration'] * u.ms)), first)


def test_another_seed_gives_another_network_and_other_spikes(small):
    a, b = small('coba', seed=1), small('coba', seed=2)
    assert not np.array_equal(a.net.E.comm.targets, b.net.E.comm.targets)
    assert not np.array_equal(events(a), events(b))


@pytest.mark.slow
def test_unrelated_random_numbers_do_not_matter(small):
    first = events(small('cuba'))
    bst.random.rand(10)
    np.random.default_rng().random(10)
    np.testing.assert_array_equal(events(small('cuba')), first)


def test_chunks_do_not_matter(small, monkeypatch):
    whole = small('coba')
    monkeypatch.setattr('models.simulation.CHUNK', 30.0 * u.ms)
    np.testing.assert_array_equal(events(small('coba')), events(whole))


def test_four_fifths_are_excitatory_and_every_neuron_has_its_share_of_synapses():
    net = model.build('coba', 1000).net
    assert (net.n_exc, net.N.varshape) == (800, (1000,))
    mean = 1000 * 1000 * 0.02
    assert abs(net.n_synapses - mean) < 4 * np.sqrt(mean)
    assert net.E.comm.structure.shape == (800, 1000)
    assert net.I.comm.structure.shape == (200, 1000)


def test_fixed_in_degrees_are_those_of_4000_neurons_whatever_the_size():
    net = model.build('cuba', 200, connect='fixed_indegree').net
    for projection, degree, mean in ((net.E, 64, 0.02 * 3200), (net.I, 16, 0.02 * 800)):
        assert degree == mean
        np.testing.assert_array_equal(np.bincount(projection.comm.targets, minlength=200), degree)


@pytest.mark.parametrize('kind', KINDS)
def test_parameters_are_the_published_ones(kind):
    net = model.build(kind, 100).net
    neuron = net.N
    assert (neuron.tau, neuron.tau_ref) == (20.0 * u.ms, 5.0 * u.ms)
    assert (neuron.V_th, neuron.V_reset) == (-50.0 * u.mV, -60.0 * u.mV)
    assert neuron.V_rest == {'coba': -60.0, 'cuba': -49.0}[kind] * u.mV
    assert [p.receptor.syn.tau for p in (net.E, net.I)] == [5.0 * u.ms, 10.0 * u.ms]
    weights = [p.comm.weight.value * neuron.R for p in (net.E, net.I)]
    # CUBA: jumps of 1.62 and -9 mV; COBA: 6 and 67 nS beside a leak of 10 nS
    expected = {'coba': [0.6, 6.7], 'cuba': [1.62 * u.mV, -9.0 * u.mV]}[kind]
    for weight, value in zip(weights, expected, strict=True):
        assert u.math.allclose(weight, value, rtol=1e-6)
    if kind == 'coba':
        assert [p.receptor.out.E for p in (net.E, net.I)] == [0.0 * u.mV, -80.0 * u.mV]


def command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', ['vogels_abbott_2005', *map(str, arguments)])
    before = bst.event.threads()
    try:
        model.main()
        return bst.event.threads()
    finally:
        bst.event.set_threads(before)


def strict(text):
    """JSON as the standard defines it, which has no NaN."""

    def refuse(constant):
        raise ValueError(f'{constant} is not JSON')

    return json.loads(text, parse_constant=refuse)


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_the_command_prints_a_table_and_writes_json_and_a_plot(kind, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(model, 'P_CONNECT', SMALL['P_CONNECT'])
    files = tmp_path / 'figures.json', tmp_path / 'raster.png'
    threads = command(
        monkeypatch,
        '--synapses',
        kind,
        '--neurons',
        1000,
        '--duration',
        300,
        '--seed',
        3,
        '--threads',
        1,
        '--json',
        files[0],
        '--plot',
        files[1],
    )
    result = strict(files[0].read_text())
    assert sorted(result) == sorted(KEYS)
    assert sorted(result['rate_hz']) == ['E', 'I']
    settings = {key: result[key] for key in ('neurons', 'dt_ms', 'duration_ms', 'seed', 'precision', 'threads')}
    assert settings == {'neurons': 1000, 'dt_ms': 0.1, 'duration_ms': 300.0, 'seed': 3, 'precision': 32, 'threads': 1}
    assert threads == 1
    assert result['spikes'] > 0
    assert result['run_s'] > 0
    assert result['real_time_factor'] == pytest.approx(result['run_s'] / 0.3)
    assert {'jax', 'numpy', 'brainunit', 'brainpy-state', 'python'} <= set(result['versions'])
    total = (result['rate_hz']['E'] * 800 + result['rate_hz']['I'] * 200) * 0.3
    assert total == pytest.approx(result['spikes'])  # a short run has no start-up to leave out
    table = capsys.readouterr().out
    for row in ROWS:
        assert f'\n  {row}' in table
    assert files[1].read_bytes().startswith(b'\x89PNG')


@pytest.mark.slow
def test_it_is_a_command(python):
    assert '--synapses {coba,cuba}' in python('-m', 'models.vogels_abbott_2005', '--help')


@pytest.mark.slow
def test_a_silent_network_still_gives_valid_json(monkeypatch, tmp_path):
    command(monkeypatch, '--neurons', 20, '--duration', 5, '--precision', 64, '--json', tmp_path / 'out.json')
    result = strict((tmp_path / 'out.json').read_text())
    assert sorted(result) == sorted(KEYS)
    assert result['cv_isi'] is None
    assert result['precision'] == 64


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('--synapses', 'other'), 'invalid choice'),
        (('--neurons', '0'), 'must be positive'),
        (('--dt', '-0.1'), 'must be positive'),
        (('--precision', '16'), 'invalid choice'),
        (('--json', 'no/such/folder/x.json'), 'does not exist'),
    ],
)
def test_bad_options_are_refused_before_anything_runs(arguments, message, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        command(monkeypatch, *arguments)
    assert message in capsys.readouterr().err


# Mean and standard deviation over seeds 1 to 10 (network and start) of the same networks in other simulators: 4,000 neurons,
# pairwise Bernoulli connections, dt 0.1 ms, 1 s; rates and the CV of excitatory neurons with at least 4 spikes from 200 ms on.
# NEST 3.10.0 (iaf_psc_exp, iaf_cond_exp) and Brian2 2.9.0 (C++ standalone, exact and exponential Euler), made by
# `benchmarks/workers/vogels_abbott_nest.py` and `..._brian2.py --synapses KIND --seed SEED` in November 2026.
REFERENCE = {
    ('cuba', 'NEST'): {'E': (5.550, 0.321), 'I': (5.551, 0.083), 'cv': (0.5069, 0.0080), 'spikes': (22498, 1119)},
    ('cuba', 'Brian2'): {'E': (5.593, 0.330), 'I': (5.583, 0.088), 'cv': (0.5041, 0.0108), 'spikes': (22595, 1027)},
    ('coba', 'NEST'): {'E': (18.817, 1.727), 'I': (18.740, 0.752), 'cv': (1.5106, 0.0234), 'spikes': (74966, 6231)},
    ('coba', 'Brian2'): {'E': (19.614, 1.111), 'I': (19.533, 0.432), 'cv': (1.5568, 0.0419), 'spikes': (77120, 3817)},
}
SEEDS = range(1, 11)


def ten_runs(kind):
    """Rates, CV of the excitatory neurons and number of spikes of the full network, for ten seeds."""
    runs = []
    with bst.environ.context(dt=0.1 * u.ms):
        for seed in SEEDS:
            simulation = model.build(kind, seed=seed).run(1000.0 * u.ms)
            statistics = simulation.statistics()
            cv = np.mean(bst.record.cv(simulation.populations['E'].between(200.0 * u.ms, 1000.0 * u.ms)))
            runs.append({**statistics['rate_hz'], 'cv': cv, 'spikes': statistics['spikes']})
    return {key: np.array([run[key] for run in runs]) for key in runs[0]}


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_statistics_over_ten_seeds_are_those_of_other_simulators(kind):
    found = ten_runs(kind)
    misfits = []
    for simulator in ('NEST', 'Brian2'):
        for what, (mean, sd) in REFERENCE[kind, simulator].items():
            ours, variance = found[what].mean(), found[what].var(ddof=1)
            # three standard errors of the difference of two means of ten
            if abs(ours - mean) > 3 * np.sqrt((variance + sd**2) / 10):
                misfits.append(f'{what}: mean {ours:.4g}, but {mean:.4g} in {simulator}')
            # the ratio of two variances of ten: F(9, 9) is above 6.5, or below its inverse, with a probability of 1 %
            if not 1 / 6.5 < variance / sd**2 < 6.5:
                misfits.append(f'{what}: standard deviation {variance**0.5:.4g}, but {sd:.4g} in {simulator}')
    assert misfits == []
    # both populations receive the same synapses, so their rates differ only by the choice of neurons
    difference = found['E'] - found['I']
    assert abs(difference.mean()) < 3 * difference.std(ddof=1) / np.sqrt(10)
