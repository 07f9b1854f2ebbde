"""The plain numbers that the workers share are those of this project's own models."""

import brainunit as u
import numpy as np
import pytest

from benchmarks.workers import brunel_parameters, cobahh_parameters, potjans_parameters, vogels_abbott_parameters
from benchmarks.workers.worker import population_sizes
from models import brette_2007_cobahh, brunel_2000, potjans_diesmann_2014, vogels_abbott_2005

SAME = {'rtol': 1e-6}  # weights are stored with 32 bits


@pytest.mark.parametrize('kind', ['coba', 'cuba'])
def test_vogels_abbott(kind):
    net, p = vogels_abbott_2005.build(kind, 100).net, vogels_abbott_parameters
    neuron, upper = net.N, kind.upper()
    found = [neuron.tau / u.ms, neuron.tau_ref / u.ms, neuron.V_th / u.mV, neuron.V_reset / u.mV, neuron.V_rest / u.mV]
    assert found == [p.TAU, p.TAU_REF, p.V_TH, p.V_RESET, getattr(p, f'{upper}_V_REST')]
    assert [x.receptor.syn.tau / u.ms for x in (net.E, net.I)] == [p.TAU_E, p.TAU_I]
    jump = 1.0 if kind == 'coba' else u.mV
    found = [float(x.comm.weight.value * neuron.R / jump) for x in (net.E, net.I)]
    np.testing.assert_allclose(found, [getattr(p, f'{upper}_W_{x}') for x in 'EI'], **SAME)
    assert net.n_exc == population_sizes(100)[0]
    assert (vogels_abbott_2005.P_CONNECT, vogels_abbott_2005.IN_DEGREES) == (p.CONNECTION_PROBABILITY, p.IN_DEGREES)


def test_cobahh():
    net, p = brette_2007_cobahh.build(100).net, cobahh_parameters
    neuron = net.N
    potentials = [getattr(neuron, name) / u.mV for name in ('EL', 'ENa', 'EK', 'V_T', 'V_th')]
    assert potentials == [p.E_LEAK, p.E_NA, p.E_K, p.V_T, p.V_TH]
    np.testing.assert_allclose([getattr(neuron, name) / u.nS for name in ('gL', 'gNa', 'gK')], [p.G_LEAK, p.G_NA, p.G_K], **SAME)
    assert (neuron.C / u.pF, neuron.tau_ref / u.ms) == (p.C_M, p.TAU_REF)
    assert [x.receptor.syn.tau / u.ms for x in (net.E, net.I)] == [p.TAU_E, p.TAU_I]
    assert [x.receptor.out.E / u.mV for x in (net.E, net.I)] == [p.E_E, p.E_I]
    np.testing.assert_allclose([float(x.comm.weight.value / u.nS) for x in (net.E, net.I)], [p.W_E, p.W_I], **SAME)
    assert net.n_exc == population_sizes(100)[0]


@pytest.mark.parametrize('regime', brunel_parameters.REGIMES)
def test_brunel(regime, dt):
    net, p = brunel_2000.build(regime, 200).net, brunel_parameters
    neuron = net.N
    found = [neuron.tau / u.ms, neuron.tau_ref / u.ms, neuron.V_rest / u.mV, neuron.V_reset / u.mV, neuron.V_th / u.mV]
    assert found == [p.TAU, p.TAU_REF, p.V_REST, p.V_RESET, p.V_TH]
    g, eta = p.REGIMES[regime]
    np.testing.assert_allclose([float(x.comm.weight.value / u.mV) for x in (net.E, net.I)], [p.J, -g * p.J], **SAME)
    c_e, c_i = p.in_degrees(*population_sizes(200))
    assert net.n_synapses == 200 * (c_e + c_i)
    assert net.external.num_input == c_e
    assert net.external.freq / u.Hz == pytest.approx(p.external_rate(eta, c_e))
    assert net.external.weight / u.mV == p.J
    # a spike takes one step more than the delay of its projection
    assert [float(x.line.time / u.ms) + 0.1 for x in (net.E, net.I)] == pytest.approx([p.DELAY] * 2)


@pytest.mark.parametrize('scale', [0.1, 1.0])
def test_potjans_networks_of_any_size(scale):
    found, expected = potjans_diesmann_2014.circuit(scale), potjans_parameters.scaled(scale)
    np.testing.assert_array_equal(found.sizes, expected['sizes'])
    np.testing.assert_array_equal(found.synapses, expected['synapses'])
    np.testing.assert_array_equal(found.external, expected['inputs'])
    np.testing.assert_allclose(found.weights, expected['weights'], rtol=1e-12)
    np.testing.assert_allclose(found.current, expected['current'], rtol=1e-12)
    assert found.external_weight == pytest.approx(potjans_parameters.psc() / np.sqrt(scale))


def test_potjans_parameters(dt):
    model, p = potjans_diesmann_2014, potjans_parameters
    assert model.NAMES == p.NAMES
    names = {'rate': p.RATES, 'V': p.V_START, 'V_sd': p.V_START_SD}
    for name, values in names.items():
        np.testing.assert_array_equal([getattr(population, name) for population in model.POPULATIONS.values()], values)
    assert [model.EXTERNAL_RATE / u.Hz, model.TAU_SYN / u.ms, model.WEIGHT_SD, model.DELAY_SD] == [
        p.EXTERNAL_RATE, p.TAU_SYN, p.WEIGHT_SD, p.DELAY_SD
    ]  # fmt: skip
    assert [model.DELAYS[kind] / u.ms for kind in 'EI'] == [p.DELAY_E, p.DELAY_I]
    neuron = model.build(0.005).net.populations['L4E']
    found = [neuron.tau / u.ms, neuron.V_rest / u.mV, neuron.V_reset / u.mV, neuron.V_th / u.mV]
    assert found == [p.TAU, p.V_RESET, p.V_RESET, p.V_TH]
    assert float(neuron.tau / neuron.R / u.pF) == pytest.approx(p.C)
    assert float(neuron.tau_ref / u.ms) == pytest.approx(p.TAU_REF + 0.1)  # NEST counts from the end of the step of the spike
