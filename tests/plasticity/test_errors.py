"""Each mistake has one error, which says where it is and what to do, and changes nothing."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ModelError, ParameterError, ShapeError, UnitError
from brainpy_state.plasticity import CalciumPlasticity, Oja, PairSTDP, PowerLawSTDP, SynapticRule, SynapticScaling, TripletSTDP

ONE = 1.0 * u.nS
POSITIVE = {'w_max': ONE}


def project(rule, weight=lambda shape: np.full(shape, 0.3) * u.nS, comm=None, delay=None, post=None):
    comm = bst.all_to_all(4, 3, weight=weight) if comm is None else comm
    syn, out = bst.Expon.desc(g_initializer=0.0 * u.nS), bst.COBA.desc(E=0.0 * u.mV)
    return bst.AlignPostProj(comm=comm, syn=syn, out=out, post=bst.LIF(3) if post is None else post, plasticity=rule, delay=delay)


def drawn():
    return bst.pairwise_bernoulli(4, 3, 0.5, weight=ONE, seed=1, procedural=True)


class OfSources(SynapticRule):
    """Weights grow with each spike of the source."""

    def on_pre(self, w):
        return w + 0.1 * u.nS


EACH = np.ones((4, 3)) * u.ms
CASES = {
    'an unknown parameter': (PairSTDP, {'wmax': ONE}, {}, TypeError, "no parameter 'wmax'; it has w_min, w_max"),
    'above the limit': (PairSTDP, {'w_max': 0.2 * u.nS}, {}, ParameterError, 'weights go from 0.3 nS to 0.3 nS, but PairSTDP .* to 0.2 nS'),
    'negative weights': (PairSTDP, POSITIVE, {'weight': lambda s: -np.ones(s) * u.nS}, ParameterError, r'told by its output, such as out=COBA'),
    'weights that are no numbers': (PairSTDP, POSITIVE, {'weight': lambda s: np.full(s, np.nan) * u.nS}, ParameterError, 'from nan nS'),
    'a negative limit': (PairSTDP, {'w_max': -ONE, 'w_min': -2 * ONE}, {}, ParameterError, 'w_max = -1. nS must be positive'),
    'powers of negative weights': (PowerLawSTDP, {'w_min': -ONE}, {}, ParameterError, 'w_min = -1. nS must not be negative where'),
    'a scale of zero': (TripletSTDP, {'w_0': 0.0 * u.nS}, {}, ParameterError, 'w_0 = 0. nS must be positive'),
    'limits in the wrong order': (PairSTDP, {'w_max': ONE, 'w_min': 2 * ONE}, {}, ParameterError, 'w_min = 2. nS of .* below w_max = 1. nS'),
    'another unit': (PairSTDP, {'w_max': 1.0 * u.mV}, {}, UnitError, 'w_max = 1. mV .*weights have the unit nS; give w_max= in it'),
    'one weight for all': (PairSTDP, POSITIVE, {'weight': ONE}, TypeError, 'all 12 share one; give an array'),
    'a procedural connection': (PairSTDP, POSITIVE, {'comm': drawn}, TypeError, 'a procedural connection keeps no weights'),
    'a layer': (PairSTDP, POSITIVE, {'comm': lambda: bst.nn.Linear(4, 3)}, TypeError, 'needs a Connection .*comm is'),
    'a Param': (PairSTDP, POSITIVE, {'weight': bst.nn.Param(np.ones(12) * u.nS)}, TypeError, 'they follow from a Param'),
    'an unknown order': (PairSTDP, {'equal_times': 'both', **POSITIVE}, {}, ParameterError, "'both', but must be one of 'ignore', 'pre_first'"),
    'an order that changes nothing': (SynapticScaling, {'equal_times': 'pre_first'}, {}, ParameterError, 'neither on_pre nor on_post'),
    'an interval of nothing': (PairSTDP, {'interval': 1.0 * u.ms, **POSITIVE}, {}, ParameterError, 'interval = 1. ms is given, but .*no on_step'),
    'a signal that is not asked for': (OfSources, {'post_signal': 'V'}, {}, ParameterError, "post_signal='V' is given, but .*not ask"),
    'a signal that there is not': (Oja, {'w_0': ONE}, {}, ModelError, "'r' is no variable of LIF; it has .*V"),
    'a seed of nothing': (PairSTDP, {'seed': 1, **POSITIVE}, {}, ParameterError, 'the rule draws nothing'),
    'late synapses': (PairSTDP, POSITIVE, {'delay': EACH}, ParameterError, "each synapse has its own delay, .*delay_is='dendritic'"),
    'delays of nobody': (PairSTDP, POSITIVE, {'delay': np.ones(7) * u.ms}, ShapeError, r'delay has shape \(7,\), expected \(\): one for all'),
    'a trained delay': (
        PairSTDP, POSITIVE, {'delay': lambda: bst.nn.Param(1.0 * u.ms, t=bst.nn.ClipT(0.0 * u.ms, 2.0 * u.ms))}, ParameterError, 'whole steps',
    ),
    'calcium between equal limits': (CalciumPlasticity, {'w_max': ONE, 'w_min': ONE}, {}, ParameterError, 'must lie below'),
}  # fmt: skip
"""The rule and its parameters, what else is given, and the error."""


@pytest.mark.parametrize('case', CASES)
def test_a_mistake_at_construction_is_named_and_changes_nothing(case):
    rule, params, given, error, text = CASES[case]
    post = bst.LIF(3)
    before = {key: x for key, x in vars(post).items() if key != 'label'}
    given = {key: x() if key in ('comm', 'delay') and callable(x) else x for key, x in given.items()}
    with pytest.raises(error, match=text):
        project(rule.desc(**params), post=post, **given)
    assert {key: x for key, x in vars(post).items() if key != 'label'} == before
    assert not post.receptors


def test_a_rule_that_was_refused_can_be_used_again():
    rule, refused = PairSTDP(w_max=ONE), lambda shape: np.full(shape, 2.0) * u.nS
    with pytest.raises(ParameterError, match='weights go from'):
        project(rule, weight=refused)
    proj = project(rule)
    assert proj.plasticity is rule
    with pytest.raises(ParameterError, match='belongs to another projection; give a description'):
        project(rule)
    assert rule.comm is proj.comm


@pytest.mark.parametrize(
    ('make', 'error', 'text'),
    [
        (lambda: jnp.ones(5), ShapeError, r'spikes of shape \(4,\), but they have \(5,\)'),
        (lambda: jnp.ones((2, 4)), ShapeError, r'no batch, so spikes of shape \(4,\), but they have \(2, 4\)'),
        (lambda: jnp.ones(4) * u.mV, UnitError, 'needs numbers without a unit, but they have mV'),
    ],
    ids=['size', 'batch', 'unit'],
)
def test_a_mistake_in_a_step_changes_nothing(make, error, text, dt):
    proj = project(PairSTDP.desc(w_max=ONE))
    bst.nn.init_all_states([proj, proj.post])
    proj(jnp.ones(4))
    before = {path: state.value for path, state in proj.states().items()}
    with pytest.raises(error, match=text):
        proj(make())
    after = {path: state.value for path, state in proj.states().items()}
    assert all(np.array_equal(u.get_mantissa(after[path]), u.get_mantissa(x)) for path, x in before.items())


def test_other_synapses_than_those_that_the_rule_knows(dt):
    proj = project(PairSTDP.desc(w_max=ONE))
    bst.nn.init_all_states([proj, proj.post])
    proj.comm.structure = bst.all_to_all(4, 3, weight=ONE).structure
    with pytest.raises(ParameterError, match='other neurons are connected by comm than when the projection was made'):
        proj(jnp.ones(4))


def test_a_batch_without_weights_of_its_own(dt):
    proj = project(PairSTDP.desc(w_max=ONE))
    with pytest.raises(ParameterError, match='batch_size=2, but each trial would need weights of its own'):
        bst.nn.init_all_states(proj, batch_size=2)
