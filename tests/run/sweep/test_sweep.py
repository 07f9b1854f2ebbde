"""`sweep`: each lane is a run by itself."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.record import SpikeRecorder

SIZE, DURATION = 80, 6.0 * u.ms
GAINS, DRIVES = [0.5, 1.0, 4.0], [1.0, 2.0] * u.mA


class Net(bst.nn.Module):
    """Neurons that excite each other, with a recorder; a gain and a drive are states."""

    def __init__(self, tau=5.0 * u.ms, capacity=1 << 12):
        super().__init__()
        self.cells = bst.LIFRef(SIZE, tau=tau, tau_ref=1.0 * u.ms)
        self.proj = bst.DeltaProj(comm=bst.fixed_indegree(SIZE, SIZE, 5, weight=0.125 * u.mV, seed=1), post=self.cells)
        self.recorder = SpikeRecorder(SIZE, capacity)
        self.drive = bst.State(0.0 * u.mA)

    def update(self):
        self.proj(self.cells.get_spike())
        spikes = self.cells(self.drive.value * jnp.linspace(1.0, 2.0, SIZE))
        self.recorder(spikes)
        return spikes.sum()


def simulate(net, gain, drive):
    net.proj.comm.weight.value = 0.125 * gain * u.mV
    net.drive.value = drive
    bst.nn.init_all_states(net)
    return {'counts': bst.run(net, DURATION), 'V': net.cells.V.value}


def inside(gain, drive):
    net = Net()
    return simulate(net, gain, drive), net.recorder


def outside(net):
    return lambda gain, drive: (simulate(net, gain, drive), net.recorder)


@pytest.fixture(scope='module')
def singles():
    """What single runs give: results and spikes."""
    net, found = Net(), {}
    with bst.environ.context(dt=0.1 * u.ms):
        for g, gain in enumerate(GAINS):
            for d, drive in enumerate(DRIVES):
                found[g, d] = simulate(net, jnp.float32(gain), drive), net.recorder.spikes()
    return found


def check(results, spikes, wanted):
    one, record = wanted
    np.testing.assert_array_equal(results['counts'], one['counts'])
    np.testing.assert_array_equal(results['V'].to_decimal(u.mV), one['V'].to_decimal(u.mV))
    assert (spikes.start, spikes.stop, spikes.size, spikes.n_trials) == (record.start, record.stop, SIZE, None)
    np.testing.assert_array_equal(spikes.step, record.step)
    np.testing.assert_array_equal(spikes.i, record.i)


@pytest.mark.parametrize('lanes', [None, 4, 1])
@pytest.mark.parametrize('where', ['inside', 'outside'])
def test_each_combination_is_a_run_by_itself(where, lanes, singles, dt):
    net = Net()
    before = net.drive.value, net.proj.comm.weight.value
    results, spikes = bst.sweep(inside if where == 'inside' else outside(net), {'gain': GAINS, 'drive': DRIVES}, lanes=lanes)
    assert results['counts'].shape == (3, 2, 60)
    assert results['counts'].sum() > 200
    for g, d in singles:
        one = {'counts': results['counts'][g, d], 'V': results['V'][g, d]}
        check(one, spikes[g, d], singles[g, d])
    assert (net.drive.value, net.proj.comm.weight.value) == before


@pytest.mark.quick('inside-2')
@pytest.mark.parametrize('lanes', [None, 2])
@pytest.mark.parametrize('where', ['inside', 'outside'])
def test_a_recorder_that_is_too_small_for_all_lanes_grows(where, lanes, singles, compilations, dt):
    net = Net(capacity=3)

    def f(gain, drive):
        one = net if where == 'outside' else Net(capacity=3)
        return simulate(one, gain, drive), one.recorder, bst.random.normal()

    bst.random.seed(1)
    results, spikes, numbers = bst.sweep(f, {'gain': GAINS, 'drive': DRIVES}, lanes=lanes)
    for g, d in singles:
        check({'counts': results['counts'][g, d], 'V': results['V'][g, d]}, spikes[g, d], singles[g, d])
    bst.random.seed(1)
    with compilations() as found:
        _, again, same = bst.sweep(f, {'gain': GAINS, 'drive': DRIVES}, lanes=lanes)
    assert not found and net.recorder.capacity == 3
    np.testing.assert_array_equal(again[2, 1].step, spikes[2, 1].step)
    np.testing.assert_array_equal(same, numbers)


def test_zipped_values_go_together(singles, dt):
    results, spikes = bst.sweep(inside, {'gain': GAINS[:2], 'drive': DRIVES}, zipped=True)
    assert results['counts'].shape == (2, 60)
    for k in range(2):
        check({'counts': results['counts'][k], 'V': results['V'][k]}, spikes[k], singles[k, k])


def test_other_values_compile_nothing(compilations, dt):
    net, calls = Net(), []

    def f(gain, drive):
        calls.append(1)
        return simulate(net, gain, drive)['counts']

    with compilations() as found:
        first = bst.sweep(f, {'gain': GAINS, 'drive': DRIVES}, lanes=4)
    assert found
    over = {'gain': np.array([0.25, 1.0, 2.0]), 'drive': [2.0, 4.0] * u.mA}
    with compilations() as found:
        second = bst.sweep(f, over, lanes=4)
    assert not found
    assert len(calls) == 1
    np.testing.assert_array_equal(second[1, 0], first[1, 1])
    assert (second[0, 0] != first[0, 0]).any()


def test_a_parameter_of_a_neuron_and_what_does_not_depend_on_any(dt):
    def f(tau, current):
        cell = bst.nn.init_all_states(bst.LIF(2, tau=tau, V_th=100.0 * u.mV))
        bst.run(lambda: cell(current), 20.0 * u.ms)
        return cell.V.value[0], jnp.arange(2) * u.ms

    taus, currents = jnp.array([5.0, 10.0, 20.0]) * u.ms, [0.5, 1.0] * u.mA
    V, constant = bst.sweep(f, {'tau': taus, 'current': currents})
    exact = (1 - np.exp(-20.0 / taus.to_decimal(u.ms)))[:, None] * currents.to_decimal(u.mA)
    np.testing.assert_allclose(V.to_decimal(u.mV), exact, rtol=2e-5)
    assert constant.unit == u.ms
    np.testing.assert_array_equal(constant.mantissa, np.broadcast_to(np.arange(2), (3, 2, 2)))


def test_a_parameter_of_a_described_synapse(dt):
    def answer(tau, scale):
        post = bst.LIF(1, V_th=1.0 * u.volt)
        comm, syn = bst.all_to_all(1, 1, weight=1.0), bst.Expon.desc(tau=tau, g_initializer=1.0)
        projections = [bst.AlignPostProj(comm=comm, syn=syn, out=bst.CUBA.desc(scale=scale), post=post) for _ in range(2)]
        assert projections[0].receptor is projections[1].receptor
        bst.nn.init_all_states([post, *projections])
        return bst.run(lambda: (post(), post.V.value[0])[1], 0.5 * u.ms)[-1]

    found = bst.sweep(answer, {'tau': [2.0, 5.0] * u.ms, 'scale': [1.0, 3.0] * u.mA})
    expected = [[answer(tau, scale).mantissa for scale in [1.0, 3.0] * u.mA] for tau in [2.0, 5.0] * u.ms]
    np.testing.assert_allclose(found.to_decimal(u.mV), expected, rtol=1e-6)
    assert 1.0 < found[1, 0] / found[0, 0] < 1.3


@pytest.mark.parametrize('lanes', [None, 2])
def test_random_numbers_differ_between_lanes_whatever_is_done_at_once(lanes):
    def f(x):
        return bst.random.uniform(size=3) + 0 * x

    whole = bst.sweep(f, {'x': range(5)}, lanes=5)
    bst.random.seed(0)
    found = bst.sweep(f, {'x': range(5)}, lanes=lanes)
    np.testing.assert_array_equal(found, whole)
    assert len(np.unique(whole)) == 15
    assert not np.isin(bst.sweep(f, {'x': range(5)}), whole).any()


def test_a_seed_may_be_a_parameter(dt):
    def f(seed):
        bst.random.seed(seed)
        source = bst.nn.init_all_states(bst.PoissonSpike(20, 500.0 * u.Hz))
        return bst.random.normal(size=3), bst.run(source, 2.0 * u.ms)

    numbers, spikes = bst.sweep(f, {'seed': [3, 1, 3]})
    assert spikes.sum() > 10
    for k, seed in enumerate((3, 1, 3)):
        wanted, sent = f(seed)
        np.testing.assert_allclose(numbers[k], wanted, rtol=1e-6)
        np.testing.assert_array_equal(spikes[k], sent)


def test_a_dataset_has_names_and_units(dt):
    def f(drive, trial):
        return {'rate': (drive / u.mA + trial) * u.Hz, 'net': {'V': jnp.ones(3) * drive}}

    over = {'drive': DRIVES, 'trial': range(3)}
    found = bst.sweep(f, over, labelled=True)
    assert found['rate'].dims == ('drive', 'trial')
    assert found['net.V'].dims == ('drive', 'trial', 'net.V_0')
    assert [found[name].attrs.get('units') for name in ('rate', 'net.V', 'drive', 'trial')] == ['Hz', 'mA', 'mA', None]
    assert found['rate'].sel(drive=2.0, trial=1).item() == 3.0
    zipped = bst.sweep(lambda drive, trial: drive * trial, {'drive': DRIVES, 'trial': range(2)}, zipped=True, labelled=True)
    assert zipped['result'].dims == ('lane',)
    assert zipped['result'].set_index(lane='trial').sel(lane=1).item() == 2.0
