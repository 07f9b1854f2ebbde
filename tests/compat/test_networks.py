"""Networks that are built part by part, and the first values that scripts expect."""

import brainunit as u
import jax.numpy as jnp
import pytest

from brainpy_state.compat import brainpy, brainstate
from brainpy_state.compat.brainpy.state import COBA, Expon

pytestmark = pytest.mark.slow

LIF = dict(V_rest=-60.0 * u.mV, V_th=-50.0 * u.mV, V_reset=-60.0 * u.mV, tau=20.0 * u.ms)


@pytest.fixture(autouse=True)
def _step():
    with brainstate.environ.context(dt=0.1 * u.ms):
        yield


def built():
    net = brainpy.state.Builder()
    net.add('source', brainpy.state.LIF(4, **LIF))
    net.add('target', brainpy.state.LIF(6, **LIF, V_initializer=-60.0 * u.mV))
    net.connect(
        'source', net.target, rule=brainpy.state.FixedIndegreeProj, K=2, weight=30.0 * u.mS,
        syn=Expon.desc(6, tau=5.0 * u.ms), out=COBA.desc(E=0.0 * u.mV), seed=1, allow_multapses=False,
    )  # fmt: skip
    return brainstate.nn.init_all_states(net)


def test_a_network_runs_and_keeps_what_it_is_asked_for():
    net = built()
    assert list(net.populations) == ['source', 'target'] and len(net.projections) == 1
    out = net.simulate(2.0 * u.ms, monitor={'spikes': lambda net: net.source.get_spike()})
    assert out['spikes'].shape == (20, 4) and out['spikes'][0].sum() == 4  # V starts at 0 mV
    kept = net.simulate(1.0 * u.ms, monitor=['target.V'])['target.V']
    assert kept.shape == (10, 6) and u.math.all(kept > -60.0 * u.mV)
    assert u.math.all(net._proj_0.syn.g.value > 0 * u.mS)


def test_wrong_requests_of_a_network():
    net = brainpy.state.Builder()
    net.add('a', brainpy.state.LIF(1))
    with pytest.raises(ValueError, match="'a' already"):
        net.add('a', brainpy.state.LIF(1))
    for monitor, match in (('V', 'a list of paths'), ({'V': 1}, 'is a function of the network')):
        with pytest.raises(TypeError, match=match):
            net.simulate(1.0 * u.ms, monitor=monitor)


@pytest.mark.parametrize(
    ('rule', 'options', 'synapses'),
    [
        ('OneToOneProj', {}, 6),
        ('AllToAllProj', {'allow_autapses': False}, 30),
        ('PairwiseBernoulliProj', {'p': 1.0}, 36),
        ('FixedOutdegreeProj', {'K': 3}, 18),
        ('FixedTotalNumberProj', {'N': 11}, 11),
    ],
)
def test_rules_of_projections(rule, options, synapses):
    population = brainpy.state.LIF(6, **LIF)
    projection = getattr(brainpy.state, rule)(population, population, weight=1.0 * u.mS, syn=Expon.desc(6), out=COBA.desc(), **options)
    given = projection.comm(jnp.ones(6))
    assert u.math.sum(given) == synapses * u.mS


def test_potentials_start_where_scripts_expect_them():
    for name, first in (('LIF', 0.0), ('LIFRef', 0.0), ('ALIF', 0.0), ('ExpIF', -65.0), ('AdExIFRef', -65.0)):
        model = brainstate.nn.init_all_states(getattr(brainpy.state, name)(2, V_rest=-61.0 * u.mV, V_th=10.0 * u.mV, V_reset=-62.0 * u.mV))
        assert u.math.all(model.V.value == first * u.mV), name
    model = brainpy.state.LIFRef(2, **LIF, V_initializer=-55.0 * u.mV, ref_var=True)
    assert u.math.all(brainstate.nn.init_all_states(model).V.value == -55.0 * u.mV)


@pytest.mark.parametrize('name', ['LIF', 'LIFRef'])
def test_a_potential_that_starts_at_the_threshold_has_spiked_before_the_first_step(name):
    # V is 0 mV, in steps of 10 mV to below the threshold: the spike before the first step is sent, but is none of a step
    neuron = brainstate.nn.init_all_states(getattr(brainpy.state, name)(1, **LIF))
    assert neuron.get_spike() == 1.0 and neuron.V.value == -10.0 * u.mV
    spikes = brainstate.transform.for_loop(lambda i: neuron(0.0 * u.mA), jnp.arange(8))
    assert spikes[:, 0].tolist() == [1.0] * 4 + [0.0] * 4
    neuron.reset_state()
    assert neuron.get_spike() == 1.0 and neuron.V.value == -10.0 * u.mV


def test_facilitation_starts_at_what_a_spike_releases():
    synapse = brainstate.nn.init_all_states(brainpy.state.STP(2, U=0.2), 3)
    assert synapse.u.value.shape == (3, 2) and jnp.allclose(synapse.u.value, 0.2)
    synapse.u.value = jnp.zeros((3, 2))
    brainstate.nn.reset_all_states(synapse)
    assert jnp.allclose(synapse.u.value, 0.2)
