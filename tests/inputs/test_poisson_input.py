"""Poisson drive: exact counts, and what they do to a neuron or a synapse."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import LIF, AlignPostProj, CobaLIF, CubaLIF, Expon, PoissonInput, State, one_to_one
from brainpy_state.transform import jit, vmap

pytestmark = pytest.mark.slow


def drive(target, number=1000.0, freq=10.0 * u.Hz, weight=0.1 * u.mV, batch=None, seed=None):
    source = PoissonInput(target, number, freq, weight, seed=seed)
    bst.nn.init_all_states(target, batch_size=batch)
    return source


def test_a_neuron_receives_weight_times_count(dt):
    neuron = LIF(20_000, V_th=1e3 * u.mV)
    source = drive(neuron, weight=0.5 * u.mV)
    source()
    assert not neuron.V.value.mantissa.any()
    neuron()
    k = np.asarray(neuron.V.value.to_decimal(u.mV)) / 0.5
    np.testing.assert_array_equal(k, np.rint(k))
    np.testing.assert_allclose([k.mean(), k.var()], 1, atol=4 * np.sqrt(3 / 20_000))
    neuron()  # what was received acts once
    np.testing.assert_allclose(neuron.V.value.to_decimal(u.mV), k * 0.5 * np.exp(-0.02), rtol=1e-5)


@pytest.mark.parametrize('dt', [0.1 * u.ms, 1e-4 * u.second, 1.0 * u.ms], ids=str)
def test_drive_gives_a_membrane_the_mean_and_variance_of_shot_noise(dt):
    n, tau, rate, w = 1000, 10.0, 8.0, 0.2  # ms, events per ms, mV
    neuron = LIF(n, tau=tau * u.ms, V_th=1e3 * u.mV)
    source = drive(neuron, 800, 10.0 * u.Hz, w * u.mV)

    def step():
        source()
        neuron()
        return neuron.V.value.to_decimal(u.mV)

    with bst.environ.context(dt=dt):
        V = bst.run(step, 120.0 * u.ms)[round(70 / dt.to_decimal(u.ms)) :].astype(float)
    ms = float(dt.to_decimal(u.ms))
    a, independent = np.exp(-ms / tau), n * 50 / (2 * tau)
    # events of a step all at its end; for a small dt that is w rate tau and w**2 rate tau / 2
    mean, var = w * rate * ms / (1 - a), w**2 * rate * ms / (1 - a**2)
    np.testing.assert_allclose(V.mean(), mean, atol=4 * np.sqrt(var * 2 / independent))
    np.testing.assert_allclose(V.var(), var, rtol=4 * np.sqrt(2 / independent))


def test_no_spike_that_drive_causes_is_lost_and_a_refractory_neuron_ignores_it(dt):
    neuron = LIF(500, tau=1e9 * u.ms, V_th=1.0 * u.mV, tau_ref=0.5 * u.ms, spk_reset='hard')
    source = drive(neuron, 1, 1.0 * u.kHz, 2.0 * u.mV)  # every event makes it fire
    received = []

    def step():
        source()
        received = neuron.delta.value.to_decimal(u.mV) > 0
        return received, neuron()

    received, spikes = bst.run(step, 40.0 * u.ms)
    held, expected = np.zeros(500, int), []
    for events in received:
        fired = events & (held == 0)
        held = np.where(fired, 4, np.maximum(held - 1, 0))
        expected.append(fired)
    assert np.sum(expected) > 10_000
    assert np.sum(expected) < received.sum()
    np.testing.assert_array_equal(spikes, expected)


@pytest.mark.parametrize(('model', 'weight'), [(CubaLIF, 2.0 * u.mA), (CobaLIF, 3.0 * u.siemens)])
def test_models_with_a_synapse_of_their_own_receive_in_its_unit(model, weight, dt):
    neuron = model(50, V_th=1e6 * u.mV)
    drive(neuron, 1.0, 1e5 * u.Hz, weight)()
    neuron()
    g = neuron.g.value / weight  # added after g has decayed
    np.testing.assert_allclose(g, np.rint(g), atol=1e-5)
    assert 5 < g.mean() < 15


def test_a_synapse_receives_what_raises_its_conductance(dt):
    neuron = LIF(2000, V_th=1e6 * u.mV)
    projection = AlignPostProj(comm=one_to_one(2000, 2000, weight=1.0 * u.mS), syn=Expon.desc(), out=bst.CUBA.desc(), post=neuron)
    source = drive(projection.receptor.syn, 100.0, 1.0 * u.kHz, 0.5 * u.mS)
    bst.nn.init_all_states(neuron)
    source()
    k = projection.receptor.syn.g.value.to_decimal(u.mS) / 0.5
    np.testing.assert_allclose(k, np.rint(k), atol=1e-5)
    np.testing.assert_allclose(k.mean(), 10.0, atol=4 * np.sqrt(10 / 2000))
    assert not neuron.V.value.mantissa.any()
    neuron()
    np.testing.assert_allclose(neuron.V.value.to_decimal(u.mV), k * 0.5 * (1 - np.exp(-0.02)), rtol=1e-5)


def test_means_and_weights_may_differ_between_neurons(dt):
    neuron = LIF(3, V_th=1e6 * u.mV)
    drive(neuron, 1000, np.array([0.0, 10.0, 40.0]) * u.Hz, np.array([1.0, 2.0, 0.0]) * u.mV, batch=2000)()
    x = np.asarray(neuron.delta.value.to_decimal(u.mV))
    np.testing.assert_allclose(x.mean(axis=0), [0, 2, 0], atol=4 * 2 * np.sqrt(1 / 2000))
    np.testing.assert_allclose(x.var(axis=0), [0, 4, 0], atol=4 * 4 * np.sqrt(3 / 2000))


def test_rows_and_lanes_of_a_drive_have_counts_of_their_own(dt):
    one, many, laned = LIF(200), LIF(200), LIF(200)
    drive(one, seed='drive')()
    drive(many, batch=3, seed='drive')()
    rows = many.delta.value.mantissa
    np.testing.assert_array_equal(rows[0], one.delta.value.mantissa)
    assert abs(np.corrcoef(rows)[np.triu_indices(3, 1)]).max() < 4.5 / np.sqrt(200)
    source = drive(laned, seed='drive')
    bst.nn.vmap_init_all_states(laned, axis_size=3)
    vmap(source.update, in_states=laned.delta)()
    np.testing.assert_array_equal(laned.delta.value.mantissa, rows)


def test_a_target_keeps_its_type_and_one_program_serves_all_steps(dt, precision):
    neuron, traces = LIF(3), []
    source = drive(neuron)

    @jit
    def step():
        traces.append(1)
        source()
        return neuron()

    for _ in range(3):
        step()
    assert len(traces) == 1
    assert neuron.delta.value.dtype == neuron.V.value.dtype == f'float{precision}'


def test_drive_belongs_to_a_network_and_its_rate_can_be_a_state(dt):
    class Net(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.neuron = LIF(30, V_th=1e6 * u.mV, tau=1e9 * u.ms)
            self.drive = PoissonInput(self.neuron, 10, State(5.0 * u.kHz), 1.0 * u.mV)

        def update(self):
            self.drive()
            self.neuron()

    net = bst.nn.init_all_states(Net(), batch_size=2)
    assert ('drive', 'freq') in net.states()
    assert not [path for path in net.states() if 'target' in path]
    expected = 0.0
    for rate in (5.0, 20.0):  # a new value is seen by the compiled step
        net.states()['drive', 'freq'].value = rate * u.kHz
        bst.run(net, 2.0 * u.ms)
        expected += 10 * rate * 2
        V = np.asarray(net.neuron.V.value.to_decimal(u.mV))
        np.testing.assert_allclose(V.mean(), expected, atol=4 * np.sqrt(expected / V.size))


def test_a_receiver_checks_what_it_is_given(dt):
    neuron = LIF(3)
    drive(neuron, batch=2)
    neuron.receive(jnp.ones((2, 3)) * u.mV)
    neuron.receive(jnp.ones((2, 3)) * u.volt)
    np.testing.assert_allclose(neuron.delta.value.to_decimal(u.mV), 1001.0)
    with pytest.raises(bst.ShapeError, match=r'LIF: delta input has shape \(3,\), expected \(2, 3\)'):
        neuron.receive(jnp.ones(3) * u.mV)
    with pytest.raises(bst.UnitError, match='LIF: delta input = .* has the unit mA, but needs one like mV'):
        neuron.receive(jnp.ones((2, 3)) * u.mA)
