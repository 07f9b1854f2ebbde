"""Rules against weights of NEST under random spike trains, many of which coincide; `data/make_nest.py` has made them.

Each synapse is one of 25 with the same delay; what NEST calls delay is dendritic. The weight at each spike of a source is compared.
"""

import json
from pathlib import Path

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state.plasticity import (
    DopamineSTDP,
    InhibitorySTDP,
    NearestSTDP,
    PairSTDP,
    PowerLawSTDP,
    PreCentredSTDP,
    ReducedSymmetricSTDP,
    TripletSTDP,
    VoltageSTDP,
)

from .data.trains import CLOPATH, DELAYS, DT, PER_DELAY, trains
from .models import Rig, one_each, weights_of

DATA = Path(__file__).parent / 'data'
SPEC = json.loads((DATA / 'nest.json').read_text())
NEST = np.load(DATA / 'nest.npz')


def at_0(tau):
    """NEST takes time 0 for a spike of the source; a trace decays by a step before the first."""
    return float(np.exp(DT / tau))


def pair(spec, **more):
    syn = spec['synapse'] | spec.get('common', {})
    return {
        'learning_rate': syn['lambda'], 'alpha': syn['alpha'], 'tau_plus': syn['tau_plus'] * u.ms,
        'tau_minus': spec['neuron']['tau_minus'] * u.ms,
    } | more  # fmt: skip


def guetig(spec, **more):
    syn = spec['synapse']
    return pair(spec, w_max=syn['Wmax'], mu_plus=syn['mu_plus'], mu_minus=syn['mu_minus'], **more)


def triplet(spec):
    syn = spec['synapse']
    return {
        'A2_plus': syn['Aplus'], 'A3_plus': syn['Aplus_triplet'], 'A2_minus': syn['Aminus'], 'A3_minus': syn['Aminus_triplet'],
        'tau_plus': syn['tau_plus'] * u.ms, 'tau_x': syn['tau_plus_triplet'] * u.ms, 'w_max': syn['Wmax'],
        'tau_minus': spec['neuron']['tau_minus'] * u.ms, 'tau_y': spec['neuron']['tau_minus_triplet'] * u.ms,
    }  # fmt: skip


def dopamine(spec):
    common = spec['common']
    times = {f'tau_{ours}': common[f'tau_{theirs}'] * u.ms for ours, theirs in (('plus', 'plus'), ('c', 'c'), ('d', 'n'))}
    return times | {
        'A_plus': common['A_plus'], 'A_minus': common['A_minus'], 'b': common['b'] / u.ms, 'w_max': common['Wmax'],
        'tau_minus': spec['neuron']['tau_minus'] * u.ms,
    }  # fmt: skip


class GivenDopamine(DopamineSTDP):
    """Dopamine spikes come with what the target does."""

    def learn(self, pre):
        super().learn(pre)
        self.release(self.post.r.value[0])


RULES = {
    'pair': lambda s: PairSTDP.desc(delay_is='dendritic', **guetig(s)),
    'additive': lambda s: PairSTDP.desc(delay_is='dendritic', **guetig(s)),
    'between': lambda s: PairSTDP.desc(delay_is='dendritic', **guetig(s)),
    'power_law': lambda s: PowerLawSTDP.desc(delay_is='dendritic', mu_plus=s['common']['mu'], **pair(s)),
    'nearest': lambda s: NearestSTDP.desc(delay_is='dendritic', x_initializer=at_0(15.0), **guetig(s)),
    'pre_centred': lambda s: PreCentredSTDP.desc(delay_is='dendritic', **guetig(s)),
    'reduced': lambda s: ReducedSymmetricSTDP.desc(
        delay_is='dendritic', x_initializer=at_0(15.0), x_minus_initializer=at_0(25.0), **guetig(s)
    ),
    'triplet': lambda s: TripletSTDP.desc(delay_is='dendritic', **triplet(s)),
    'vogels': lambda s: InhibitorySTDP.desc(
        delay_is='dendritic', learning_rate=s['synapse']['eta'], target_rate=s['synapse']['alpha'] / (2 * s['synapse']['tau'] * u.ms),
        tau=s['synapse']['tau'] * u.ms, w_max=s['synapse']['Wmax'],
    ),
    'dopamine': lambda s: GivenDopamine.desc(delay_is='dendritic', **dopamine(s)),
}  # fmt: skip


def at_spikes(weights, pre):
    """The weights that spikes meet, synapse by synapse."""
    return np.concatenate([weights[pre[:, k], k] for k in range(pre.shape[1])])


def ours(rule, spec, pre, post, per_delay, **seen):
    parts = [slice(k * per_delay, (k + 1) * per_delay) for k in range(len(DELAYS))]
    rig = Rig(rule, [one_each(per_delay, spec['synapse']['weight']) for _ in parts], [d * u.ms for d in DELAYS])
    given = [{'pre': pre[:, p], 'spike': post[:, p], **{k: x[:, p] for k, x in seen.items()}} for p in parts]
    return at_spikes(np.concatenate(weights_of(rig, given, DT), axis=1), pre)


@pytest.mark.quick('^(between|dopamine)$')
@pytest.mark.parametrize('name', RULES)
def test_weights_are_those_of_nest(name, x64):
    spec = SPEC[name]
    pre, post = trains(spec.get('coinciding', True))
    seen = {}
    if 'dopamine' in spec:
        released = np.zeros(pre.shape)
        released[spec['dopamine']] = 1
        seen['r'] = released
    found = ours(RULES[name](spec), spec, pre, post, PER_DELAY, **seen)
    assert np.ptp(NEST[name]) > 0.1 * spec['synapse']['weight']
    np.testing.assert_allclose(found, NEST[name], rtol=1e-9)


def test_one_projection_with_a_delay_of_each_synapse_is_as_nest_has_it(x64):
    spec, n = SPEC['between'], PER_DELAY * len(DELAYS)
    pre, post = trains()
    rig = Rig(RULES['between'](spec), [one_each(n, spec['synapse']['weight'])], [np.repeat(DELAYS, PER_DELAY) * u.ms])
    (weights,) = weights_of(rig, [{'pre': pre, 'spike': post}], DT)
    np.testing.assert_allclose(at_spikes(weights, pre), NEST['between'], rtol=1e-9)


class Reduced(ReducedSymmetricSTDP):
    """Also a spike of the target at the same time lets the one of the source meet the one before it."""

    def on_pre(self, w, y, x_minus, half_minus, post):
        return w - self.down(w) * jnp.where((y * half_minus > x_minus) | (post > 0), y, 0.0)


@pytest.mark.slow
def test_spikes_that_coincide_in_the_reduced_symmetric_scheme_differ_from_those_of_nest_in_one_way(x64):
    spec = SPEC['reduced coinciding']
    described = RULES['reduced'](spec)
    pre, post = trains()
    found, as_in_nest = (ours(rule, spec, pre, post, PER_DELAY) for rule in (described, Reduced.desc(**described.keywords)))
    np.testing.assert_allclose(as_in_nest, NEST['reduced coinciding'], rtol=1e-9)
    assert np.abs(found - NEST['reduced coinciding']).max() > 0.1


class GivenMeans(VoltageSTDP):
    """The means are variables of the target."""

    u_minus = None
    u_plus = None


@pytest.mark.parametrize('name', ['clopath', 'clopath late'])
@pytest.mark.parametrize('means', [pytest.param('given', marks=pytest.mark.slow), 'own'])
def test_weights_that_depend_on_the_potential_are_those_of_nest(means, name, x64):
    """To the digits of the stored potential with the means of NEST, else to the order of dt; means at once, and 5 ms late."""
    spec = SPEC[name]
    syn, cell = spec['synapse'], spec['neuron']
    params = {
        'w_max': syn['Wmax'], 'tau_x': syn['tau_x'] * u.ms, 'A_LTD': cell['A_LTD'] / u.mV, 'A_LTP': cell['A_LTP'] / u.mV**2,
        'theta_plus': cell['theta_plus'] * u.mV, 'theta_minus': cell['theta_minus'] * u.mV,
    }  # fmt: skip
    chosen = [k for k in range(PER_DELAY * len(DELAYS)) if k % PER_DELAY < CLOPATH]
    pre, post = (x[:, chosen] for x in trains())
    target = NEST[f'{name} target']
    late = round(cell['delay_u_bars'] / DT)  # of the means; the first row is that of step 1
    before = np.zeros((1 + late, len(chosen)))  # in NEST, late means are 0 mV until they come
    before[0] = cell['theta_minus']
    V, u_plus, u_minus = (np.concatenate([before[: 1 + k], x])[: len(pre)] for x, k in zip(target, (0, late, late), strict=True))
    seen = {'V': V * u.mV, 'u_plus': u_plus * u.mV, 'u_minus': u_minus * u.mV}
    rule = GivenMeans if means == 'given' else VoltageSTDP
    if means == 'own' and late:
        params['delay_u_bars'] = cell['delay_u_bars'] * u.ms
    found = ours(rule.desc(delay_is='dendritic', **params), spec, pre, post, CLOPATH, **seen)
    change, expected = found - syn['weight'], NEST[name] - syn['weight']
    assert np.ptp(expected) > 0.02
    if means == 'given':
        np.testing.assert_allclose(change, expected, atol=1e-6 * np.ptp(expected))
    else:  # ours are at rest, so synapses are left out whose first spike is before
        known = late + np.repeat(DELAYS, CLOPATH) / DT
        same = np.concatenate([np.full(pre[:, k].sum(), pre[:, k].argmax() > known[k]) for k in range(len(chosen))])
        assert same.mean() > 0.7
        assert np.abs(change - expected)[same].max() < 0.1 * np.ptp(expected)
