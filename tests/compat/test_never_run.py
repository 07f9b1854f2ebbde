"""What pages make and never run, or run in a way that only scripts do."""

import copy

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import ShapeError, UnitError
from brainpy_state.compat import brainpy, brainstate


@pytest.fixture(autouse=True)
def clock():
    with brainstate.environ.context(dt=0.5 * u.ms):
        brainstate.random.seed(3)
        yield


def test_a_parameter_in_a_wrong_unit_is_a_warning_until_a_step():
    with pytest.warns(UserWarning, match=r'ALIF: beta = 0.2 nA .* A step of this model can fail'):
        neuron = brainpy.state.ALIF(2, V_rest=-65.0 * u.mV, V_th=-50.0 * u.mV, V_reset=-65.0 * u.mV, beta=0.2 * u.nA)
    brainstate.nn.init_all_states(neuron)
    assert u.get_unit(neuron.beta) == u.nA
    with pytest.raises(UnitError):
        neuron(1.0 * u.mA)
    with pytest.warns(UserWarning, match='Expon: tau = 4.0 has no unit'):
        brainpy.state.Expon(2, tau=4.0)


def test_synapses_of_another_size_are_a_warning_until_a_call():
    neuron = brainpy.state.LIF(3, V_th=1.0 * u.mV)
    with pytest.warns(UserWarning, match=r'size \(5,\) cannot act on a population of size \(3,\)'):
        projection = brainpy.state.AlignPostProj(
            comm=brainstate.nn.EventFixedProb(4, 3, 2, 0.5 * u.mS), syn=brainpy.state.Expon(5), out=brainpy.state.CUBA(), post=neuron
        )
    brainstate.nn.init_all_states(projection)
    assert projection.syn.g.value.shape == (5,) and isinstance(projection.out, brainpy.state.CUBA)
    with pytest.raises(ShapeError, match='cannot act'):
        projection(np.ones(4))


def test_an_output_delay_takes_what_it_does_not_need():
    neuron = brainpy.state.LIF(2, tau=10.0 * u.ms, V_th=1.0 * u.mV)
    earlier = neuron.output_delay(1.0 * u.ms)
    brainstate.nn.init_all_states([neuron])
    found = []
    for drive in (25.0, 0.0, 0.0, 0.0):
        neuron(drive * u.mA)
        found.append(float(earlier(neuron.get_spike())[0]))
    assert found == [0.0, 0.0, 1.0, 0.0]


def test_a_model_is_asked_for_spikes_by_its_own_potential():
    neuron = brainstate.nn.init_all_states(brainpy.state.LIF(3, tau=5.0 * u.ms, V_th=1.0 * u.mV))

    def step(i):
        given = neuron(2.0 * u.mA)
        return given, neuron.get_spike(neuron.V.value), neuron.get_spike()

    given, by_potential, kept = brainstate.transform.for_loop(step, np.arange(40))
    assert given.sum() > 3
    np.testing.assert_array_equal(by_potential, given)
    np.testing.assert_array_equal(kept, given)


class Conductance(brainpy.state.Neuron):
    def init_state(self, *args, **kwargs):
        self.g = brainstate.HiddenState(jnp.zeros(self.varshape) * u.nS)

    def update(self):
        self.g.value = 0.5 * self.g.value
        return self.g.value


@pytest.mark.slow
@pytest.mark.parametrize('given', ['state', 'prefetched'])
def test_poisson_events_into_a_state(given):
    cell = brainstate.nn.init_all_states(Conductance(400))
    target = cell.g if given == 'state' else cell.prefetch('g')
    drive = brainpy.state.PoissonInput(target, np.arange(200), 50, 40.0 * u.Hz, 2.0 * u.nS)
    brainstate.transform.for_loop(lambda i: drive(), np.arange(50))
    g = np.asarray(cell.g.value / u.nS)
    assert not g[200:].any()
    assert abs(g[:200].mean() / 100.0 - 1.0) < 0.06  # 50 events on average, of 2 nS: 4 standard errors are 4 %


def test_poisson_input_of_a_neuron_is_copied():
    neuron = brainpy.state.LIF(3, V_th=1.0 * u.mV)
    drive = brainpy.state.PoissonInput(neuron.prefetch('V'), None, 50, 40.0 * u.Hz, 2.0 * u.mV)
    assert copy.deepcopy(drive).target is not neuron and drive.target is neuron


def test_what_follows_a_model():
    neuron = brainpy.state.LIF(2, V_th=1.0 * u.mV)
    filtered = neuron.align_pre(brainpy.state.Expon.desc(tau=5.0 * u.ms, g_initializer=0.0))
    assert neuron.align_pre(brainpy.state.Expon.desc(tau=5.0 * u.ms, g_initializer=0.0)) is filtered and filtered.varshape == (2,)
    brainstate.nn.init_all_states([neuron, filtered])
    neuron(100.0 * u.mA)
    np.testing.assert_allclose(filtered.g.value, np.exp(-0.1), rtol=1e-6)  # an event at the beginning of a step of 0.5 ms
    with pytest.raises(TypeError, match='a model or a description'):
        neuron.align_pre(3)


def test_a_refractory_neuron_far_above_the_threshold_spikes_until_it_is_below():
    neuron = brainpy.state.LIFRef(
        1, V_rest=-70.0 * u.mV, V_th=-50.0 * u.mV, V_reset=-60.0 * u.mV, tau=1e4 * u.ms, tau_ref=2.0 * u.ms, V_initializer=-25.0 * u.mV
    )
    brainstate.nn.init_all_states(neuron)
    spikes, V = brainstate.transform.for_loop(lambda i: (neuron(), neuron.V.value), np.arange(8))
    np.testing.assert_array_equal(spikes[:, 0], [1, 1, 0, 0, 0, 0, 0, 0])  # and one before the first step
    V = np.asarray(V[:, 0] / u.mV)
    assert np.all(V[1:5] == V[1]) and V[1] < -50.0 and V[5] < V[4]  # three steps after the last spike are refractory
