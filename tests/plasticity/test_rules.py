"""Every rule of the family at single synapses under random spikes, many of which coincide, against the twins of `twins.py`."""

import inspect

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import plasticity
from brainpy_state.plasticity import (
    CalciumPlasticity,
    DopamineSTDP,
    InhibitorySTDP,
    NearestSTDP,
    NearestTripletSTDP,
    PairSTDP,
    PowerLawSTDP,
    PreCentredSTDP,
    ReducedSymmetricSTDP,
    SynapticScaling,
    ThreeFactor,
    TripletSTDP,
    VoltageSTDP,
)
from brainpy_state.transform import for_loop

from . import twins
from .models import Played, one_each

DT, STEPS, PAIRS, LATE = 0.5, 280, 4, 3
RNG = np.random.default_rng(8)
PRE, POST = (RNG.random((STEPS, PAIRS)) < 0.08 for _ in range(2))
POST[LATE:] |= PRE[:-LATE] & (RNG.random((STEPS - LATE, PAIRS)) < 0.3)  # they coincide at the synapse, with a delay before it,
POST[:-LATE] |= PRE[LATE:] & (RNG.random((STEPS - LATE, PAIRS)) < 0.3)  # with one behind it,
POST |= PRE & (RNG.random((STEPS, PAIRS)) < 0.3)  # and with none
V = np.where(POST, -10.0, RNG.uniform(-75.0, -35.0, (STEPS, PAIRS)))
FACTOR = np.repeat(RNG.normal(size=STEPS // 40), 40)
RELEASED = RNG.random(STEPS) < 0.02
DELAYS = {'ignore': 'dendritic', 'pre_first': 'axonal', 'post_first': None}


class GivenDopamine(DopamineSTDP):
    """Dopamine spikes come with what the target does."""

    def learn(self, pre):
        super().learn(pre)
        self.release(self.post.r.value[0])


class GivenFactor(ThreeFactor):
    """The third factor is what the target does."""

    def learn(self, pre):
        self.modulator.value = self.post.r.value[0] / u.second
        super().learn(pre)


SHAPE = {'tau_plus': 15.0, 'tau_minus': 25.0}
RULES = {
    PairSTDP: (twins.Pair, {'w_max': 0.8, 'alpha': 1.2, 'mu_plus': 0.4, 'mu_minus': 0.7, **SHAPE}, 0.05),
    PowerLawSTDP: (twins.PowerLaw, {'alpha': 0.5, 'w_0': 0.5, **SHAPE}, 0.02),
    NearestSTDP: (twins.Nearest, {'w_max': 0.8, **SHAPE}, 0.05),
    PreCentredSTDP: (twins.PreCentred, {'w_max': 0.8, **SHAPE}, 0.05),
    ReducedSymmetricSTDP: (twins.ReducedSymmetric, {'w_max': 0.8, **SHAPE}, 0.05),
    TripletSTDP: (twins.Triplet, {'w_max': 1.0, 'A2_plus': 2e-3}, None),
    NearestTripletSTDP: (twins.NearestTriplet, {'w_max': 1.0, 'A2_plus': 2e-3}, None),
    InhibitorySTDP: (twins.Inhibitory, {'w_max': 1.0}, 0.01),
    GivenFactor: (twins.Factor, {'w_max': 1.0, 'tau_c': 100.0}, None),
    GivenDopamine: (twins.Dopamine, {'w_max': 1.0, 'tau_c': 50.0, 'tau_d': 30.0, 'A_plus': 0.1, 'A_minus': 0.15}, None),
    VoltageSTDP: (twins.Voltage, {'A_LTD': 2e-3, 'A_LTP': 4e-5}, None),
    CalciumPlasticity: (twins.Calcium, {'tau': 5e3, 'D': 2.5, 'w_min': 0.1, 'w_max': 0.9, 'sigma': 2.0}, None),
    SynapticScaling: (twins.Scaling, {'beta': 0.1, 'tau_rate': 100.0, 'interval': 10.0}, None),
}
UNORDERED = CalciumPlasticity, SynapticScaling  # which happen before the spikes of the step
UNITS = {'A_LTD': 1 / u.mV, 'A_LTP': 1 / u.mV**2, 'D': u.ms, 'interval': u.ms, 'b': 1 / u.ms}


def description(rule, order):
    """The rule with the parameters of its twin."""
    _, params, rate = RULES[rule]
    given = {key: x * (u.ms if key.startswith('tau') else UNITS.get(key, u.UNITLESS)) for key, x in params.items()}
    given |= {} if rate is None else {'learning_rate': rate}
    given |= {'seed': (1, order)} if rule is CalciumPlasticity else {}
    return rule.desc(equal_times=order if rule not in UNORDERED else 'ignore', delay_is=DELAYS[order] or 'axonal', **given)


def ours(order):
    """The weights of all rules after each step, shape ``(STEPS, PAIRS)``."""
    delay = None if DELAYS[order] is None else LATE * DT * u.ms
    net = bst.nn.Module()
    net.posts = [Played(PAIRS) for _ in RULES]
    net.projs = [
        bst.DeltaProj(comm=one_each(PAIRS, 0.4), post=post, delay=delay, plasticity=description(rule, order))
        for rule, post in zip(RULES, net.posts, strict=True)
    ]

    def step(pre, post, V, factor, released):
        for rule, proj in zip(RULES, net.projs, strict=True):
            proj.post.spike.value, proj.post.V.value = post, V * u.mV
            proj.post.r.value = jnp.full(PAIRS, released if rule is GivenDopamine else factor)
            proj(pre)
        return [proj.comm.weight.value for proj in net.projs]

    with bst.environ.context(dt=DT * u.ms):
        bst.nn.init_all_states(net)
        given = [jnp.asarray(x, float) for x in (PRE, POST, V, FACTOR, RELEASED)]
        return dict(zip(RULES, map(np.asarray, for_loop(step, *given)), strict=True))


def expected(rule, order, pair, noise):
    """The weight of one synapse by its twin."""
    twin, params, rate = RULES[rule]
    synapse = twin(0.4, DT, order, **params, **({} if rate is None else {'rate': rate}))
    late = {'pre': 0, 'post': 0} | ({} if DELAYS[order] is None else {'pre' if DELAYS[order] == 'axonal' else 'post': LATE})
    found = []
    for k in range(STEPS):
        i, j = k - late['pre'], k - late['post']
        factor = RELEASED[k] if rule is GivenDopamine else FACTOR[k] * 1e-3
        seen = {'V': V[j, pair] if j >= 0 else -70.6, 'factor': factor, 'noise': noise[k, pair]}
        found.append(synapse.step(i >= 0 and PRE[i, pair], j >= 0 and POST[j, pair], **seen))
    return found


def test_every_rule_for_spikes_is_here():
    public = {x for x in vars(plasticity).values() if inspect.isclass(x) and issubclass(x, plasticity.SynapticRule)}
    tested = {rule if rule.__module__.startswith('brainpy_state') else rule.__base__ for rule in RULES}
    assert public - tested == {plasticity.SynapticRule, plasticity.Oja, plasticity.BCM}


def test_the_documentation_of_a_rule_tells_what_it_takes_and_keeps():
    text = PreCentredSTDP.__doc__
    assert 'in_size' not in text and 'batch' not in text
    assert 'x : HiddenState\n    Spikes of the source, shape ``(n_pre,)``.' in text
    assert 'last spike of the target, shape ``(n_synapses,)``.\n' in text
    assert '\n\nNotes\n-----\nSource: Morrison' in text


@pytest.mark.slow
@pytest.mark.parametrize('order', DELAYS)
def test_weights_are_those_of_the_twin(order, x64):
    found = ours(order)
    stream = bst.random.Stream((1, order))
    noise = np.asarray(for_loop(lambda: stream.standard_normal(PAIRS), length=STEPS))
    for rule, weights in found.items():
        assert np.ptp(weights) > 0.02, rule
        for pair in range(PAIRS):
            np.testing.assert_allclose(weights[:, pair], expected(rule, order, pair, noise), rtol=1e-9, err_msg=rule.__name__)
