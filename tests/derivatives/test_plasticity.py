"""The derivative through a plastic run equals central differences: by first weights, parameters of the rule and first traces."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import plasticity
from brainpy_state.transform import checkpointed_for_loop, for_loop, grad, jit

from .smoothed import Program, Spike, agree, derivatives
from .test_projections import lif

pytestmark = pytest.mark.usefixtures('x64')

PRE, POST, STEPS = 4, 3, 40
RNG = np.random.default_rng(4)
SENT, FIRED = (RNG.random((STEPS, n)) < 0.2 for n in (PRE, POST))
GRADED, POTENTIAL = RNG.uniform(0.2, 1.5, (STEPS, PRE)), RNG.uniform(-75.0, -30.0, (STEPS, POST))
FIXED = 'w_min', 'w_max', 'interval', 'D', 'delay_u_bars', 'V_peak', 'rho_star', 'sigma'  # not trained here, or not at all
RULES = {
    'PairSTDP': {'learning_rate': 0.05, 'mu_plus': 0.5, 'mu_minus': 0.7, 'alpha': 1.1},
    'PowerLawSTDP': {'w_0': 0.4 * u.mV},
    'NearestSTDP': {'learning_rate': 0.05},
    'PreCentredSTDP': {'learning_rate': 0.05},
    'ReducedSymmetricSTDP': {'learning_rate': 0.05},
    'TripletSTDP': {'w_0': 1.0 * u.mV, 'A2_plus': 1e-3},
    'NearestTripletSTDP': {'w_0': 1.0 * u.mV, 'A2_plus': 1e-3},
    'InhibitorySTDP': {'w_0': 1.0 * u.mV, 'learning_rate': 0.05},
    'ThreeFactor': {'w_0': 1.0 * u.mV, 'tau_c': 5.0 * u.ms},
    'DopamineSTDP': {'w_0': 1.0 * u.mV, 'tau_c': 5.0 * u.ms, 'tau_d': 4.0 * u.ms, 'b': 0.02 / u.ms},
    'VoltageSTDP': {
        'w_0': 1.0 * u.mV,
        'theta_minus': -68.0 * u.mV,
        'delay_u_bars': 0.3 * u.ms,
        'A_LTD': 5e-3 / u.mV,
        'A_LTP': 2e-3 / u.mV**2,
    },
    'CalciumPlasticity': {'tau': 5.0 * u.second, 'D': 0.3 * u.ms, 'sigma': 0.0, 'tau_Ca': 2.0 * u.ms},
    'SynapticScaling': {'beta': 5.0, 'interval': 0.3 * u.ms, 'tau_rate': 5.0 * u.ms},
    'Oja': {'w_0': 0.5 * u.mV, 'tau_w': 5.0 * u.ms},
    'BCM': {'w_0': 0.5 * u.mV, 'tau_w': 20.0 * u.ms, 'tau_theta': 1.0 * u.ms},
}
STEPLIKE = {
    'CalciumPlasticity': {'C_pre', 'C_post', 'tau_Ca', 'theta_d', 'theta_p', 'x_initializer', 'y_initializer'}
}  # seen by thresholds


def trained(rule, **more):
    """Parameters, and first values of traces, as states."""
    cls = getattr(plasticity, rule)
    given = {'w_max': 2.0 * u.mV, 'w_min': 0.0 * u.mV} | RULES[rule] | more
    states = {}
    for name in cls.parameters:
        value = given.get(name, cls.parameters[name].default)
        if name not in FIXED:
            states[name] = bst.ParamState(value * jnp.ones(()))
    rng = np.random.default_rng(2)
    sizes = {'pre': PRE, 'post': POST, 'synapse': PRE * POST, 'global': ()}
    for name, trace in cls.variables.items():
        if isinstance(trace, plasticity.Trace) and trace.of in (None, 'squared'):
            first = rng.uniform(0.1, 1.0, sizes[trace.side])
            states[f'{name}_initializer'] = bst.ParamState(first * (u.kHz if name == 'modulator' else 1.0))
    return given | states, states


class Played(bst.nn.Dynamics):
    """A target whose spikes, rates and potentials are given."""

    spike = bst.nn.Variable(0.0)
    r = bst.nn.Variable(0.0)
    V = bst.nn.Variable(-70.6 * u.mV)

    def get_spike(self):
        return self.spike.value


class Net(bst.nn.Module):
    """Weights begin with a trained state in each run."""

    def __init__(self, proj, first, **models):
        super().__init__()
        self.proj, self.first = proj, first
        for key, x in models.items():
            setattr(self, key, x)

    @bst.nn.call_order(2)
    def init_state(self, *args, **kwargs):
        self.proj.comm.weight.value = self.first.value


def connected(rule, post, stp=None, **more):
    """A plastic projection onto a target, the first weights, and all trained states."""
    given, states = trained(rule, **more)
    first = bst.ParamState(np.random.default_rng(3).uniform(0.3, 1.5, PRE * POST) * u.mV)
    comm = bst.all_to_all(PRE, POST, weight=np.ones((PRE, POST)) * u.mV)
    kind = bst.CurrentProj if rule in ('Oja', 'BCM') else bst.DeltaProj
    proj = kind(comm=comm, post=post, plasticity=getattr(plasticity, rule).desc(**given), stp=stp, delay=0.2 * u.ms)
    return proj, first, {'first': first, **states}


def given_spikes(rule):
    """Both ends are given; the weights are what counts."""
    post = Played(POST)
    proj, first, states = connected(rule, post)

    def step(k):
        post.spike.value, post.r.value = jnp.asarray(FIRED, float)[k], jnp.asarray(GRADED[:, :POST])[k]
        post.V.value = jnp.asarray(POTENTIAL)[k] * u.mV
        proj((jnp.asarray(GRADED) if rule in ('Oja', 'BCM') else jnp.asarray(SENT, float))[k])
        return [proj.comm.weight.value]

    return Program(Net(proj, first, post=post), step, jnp.arange(STEPS), Spike()), states


@pytest.mark.quick('^InhibitorySTDP$')
@pytest.mark.parametrize('rule', RULES)
def test_with_given_spikes(rule, dt, monkeypatch):
    (program, states), (twin, copies) = given_spikes(rule), given_spikes(rule)
    found, (weights,) = derivatives(program, twin, states, monkeypatch, copies)
    assert np.ptp(weights, axis=0).max() > 0.02
    agree(found, but=STEPLIKE.get(rule, {'x_minus_initializer', 'y_plus_initializer'} & set(states)))


def whole_network(rule, with_stp=False):
    """Two populations whose spikes change the weights, and follow from them; with short-term plasticity, the first one is given."""
    spike, of_pre, of_post = Spike(), {}, {}
    pre, post = None if with_stp else lif(PRE, spike, of_pre), lif(POST, spike, of_post)
    U = bst.ParamState(0.4)
    stp = bst.STP.desc(U=U, tau_f=5.0 * u.ms, tau_d=3.0 * u.ms) if with_stp else None
    proj, first, states = connected(rule, post, stp, **NEAR_REST.get(rule, {}))
    states |= {'drive': bst.ParamState(1.5 * u.mA), 'post V': of_post['V']} | ({'U': U} if with_stp else {'pre tau': of_pre['tau']})

    def step(x):
        sent = x if with_stp else pre.get_spike()
        proj(sent)
        if not with_stp:
            pre(states['drive'].value * (1.5 + x))
        return [post(states['drive'].value), post.V.value, proj.comm.weight.value, sent]

    return Program(Net(proj, first, pre=pre, post=post), step, jnp.asarray(SENT if with_stp else GRADED, float), spike), states


NEAR_REST = {  # of potentials of the neurons here
    'VoltageSTDP': {'theta_minus': 0.1 * u.mV, 'theta_plus': 0.3 * u.mV, 'A_LTD': 0.02 / u.mV, 'A_LTP': 0.2 / u.mV**2},
}
ORDERED = 'ReducedSymmetricSTDP', 'CalciumPlasticity'  # depend on spikes by comparisons, which a smoothed one does not pass


OF_SPIKES = [rule for rule in RULES if rule not in (*ORDERED, 'Oja', 'BCM')]


@pytest.mark.slow
@pytest.mark.parametrize(('rule', 'with_stp'), [*((rule, k % 2 == 1) for k, rule in enumerate(OF_SPIKES)), ('PairSTDP', True)])
def test_with_the_spikes_of_the_network(rule, with_stp, dt, monkeypatch):
    (program, states), (twin, copies) = (whole_network(rule, with_stp) for _ in range(2))
    found, (fired, _, weights, sent) = derivatives(program, twin, states, monkeypatch, copies)
    assert fired.sum() > 5 and sent.sum() > 10
    assert np.ptp(weights, axis=0).max() > 0.005
    agree(found)


@pytest.mark.slow
@pytest.mark.parametrize('rule', ['PairSTDP', 'DopamineSTDP'])
def test_checkpointed_loops_have_the_same_derivative(rule, dt):
    program, states = whole_network(rule, True)
    found = []
    for loop in (for_loop, checkpointed_for_loop):

        def loss(loop=loop):
            bst.nn.init_all_states(program.model)
            fired, V, weights, _ = loop(program.step, program.xs)
            return jnp.sum(fired * jnp.cos(jnp.arange(POST))) + jnp.sum(weights.mantissa**2) + jnp.sum(V.mantissa[-1])

        found.append(jit(grad(loss, states))())
    for key, slope in found[0].items():
        a, b = u.get_mantissa(slope), u.get_mantissa(found[1][key])
        assert np.abs(a).max() > 0, key
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * np.abs(a).max(), err_msg=key)


@pytest.mark.quick('^PairSTDP$')
@pytest.mark.parametrize('rule', ['PairSTDP', 'PowerLawSTDP'])
def test_a_weight_at_its_limit_has_a_finite_derivative(rule, dt):
    """Where the slope of a power is infinite."""
    post = Played(POST)
    proj, first, states = connected(rule, post, mu_plus=0.4, mu_minus=0.5)
    first.value = jnp.resize(jnp.array([0.0, 2.0, 1.0]), PRE * POST) * u.mV
    net = Net(proj, first, post=post)

    def step(sent, fired):
        post.spike.value = fired
        proj(sent)

    def loss():
        bst.nn.init_all_states(net)
        for_loop(step, *(jnp.asarray(x[:12], float) for x in (SENT, FIRED)))
        return jnp.sum(proj.comm.weight.value.mantissa)

    slopes = jit(grad(loss, states))()
    assert all(np.isfinite(u.get_mantissa(x)).all() for x in slopes.values())
    assert np.abs(slopes['first']).max() > 0
