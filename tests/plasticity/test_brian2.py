"""Rules against weights of Brian2 under given spikes and rates; `data/make_brian2.py` has made them. Its delays are axonal."""

from pathlib import Path

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.plasticity import BCM, CalciumPlasticity, NearestSTDP, Oja, PairSTDP, TripletSTDP

from .data.trains import DELAYS, DT, PER_DELAY, STEPS, trains
from .models import Rig, one_each, weights_of

BRIAN2 = np.load(Path(__file__).parent / 'data' / 'brian2.npz')


def of_pairs(rule, delays):
    pre, post = trains()
    parts = [slice(k * PER_DELAY, (k + 1) * PER_DELAY) for k in range(len(DELAYS))]
    rig = Rig(rule, [one_each(PER_DELAY, 0.4) for _ in parts], delays)
    found = np.concatenate(weights_of(rig, [{'pre': pre[:, p], 'spike': post[:, p]} for p in parts], DT), axis=1)
    return found[9::10]


PAIR = {'learning_rate': 0.05, 'tau_plus': 15.0 * u.ms, 'tau_minus': 25.0 * u.ms}
LATE = [d * u.ms for d in DELAYS]


@pytest.mark.slow
def test_the_default_order_of_brian2_is_pre_first_for_other_rules_too(x64):
    rules = {
        'triplet': TripletSTDP.desc(equal_times='pre_first', A2_plus=5e-3, A3_plus=6e-3, A3_minus=2e-3, w_max=1.0),
        'nearest': NearestSTDP.desc(equal_times='pre_first', **PAIR),
    }
    for name, rule in rules.items():
        found = of_pairs(rule, LATE)[4::5]
        assert np.ptp(found) > 0.1
        np.testing.assert_allclose(found, BRIAN2[name], rtol=1e-9)


def test_a_dendritic_delay_of_each_synapse_is_that_of_its_targets_spikes_in_brian2(x64):
    pre, post = trains()
    n = pre.shape[1]
    rule = PairSTDP.desc(equal_times='pre_first', delay_is='dendritic', **PAIR)
    rig = Rig(rule, [one_each(n, 0.4)], [np.arange(n) % 8 * DT * u.ms])
    (found,) = weights_of(rig, [{'pre': pre, 'spike': post}], DT)
    np.testing.assert_allclose(found[49::50], BRIAN2['late_targets'], rtol=1e-9)


@pytest.mark.quick('^pre_first$')
@pytest.mark.parametrize('order', ['pre_first', 'post_first'])
def test_the_order_of_equal_times_is_that_of_brian2(order, x64):
    found = of_pairs(PairSTDP.desc(equal_times=order, **PAIR), LATE)
    assert np.abs(BRIAN2['pre_first'] - BRIAN2['post_first']).max() > 0.01
    np.testing.assert_allclose(found, BRIAN2[order], rtol=1e-9)


def test_calcium_changes_weights_as_in_brian2(x64):
    found = of_pairs(CalciumPlasticity.desc(sigma=0.0, D=3.5 * u.ms, tau=5000.0 * u.ms), [None, None])
    assert np.ptp(found) > 0.2
    np.testing.assert_allclose(found, BRIAN2['calcium'], rtol=1e-9)


@pytest.mark.slow
def test_rates_change_weights_as_in_brian2(x64):
    t = np.arange(STEPS)[:, None] * DT * 1e-3
    pre, post = (1 + 0.5 * np.sin(2 * np.pi * 20 * t + phase) for phase in (np.arange(4) / 2, -np.arange(4) / 3))
    for name, rule in {
        'oja': Oja.desc(tau_w=200.0 * u.ms),
        'bcm': BCM.desc(tau_w=200.0 * u.ms, tau_theta=50.0 * u.ms, theta_initializer=1.0),
    }.items():
        comm = bst.all_to_all(4, 4, weight=np.full((4, 4), 0.4))
        (found,) = weights_of(Rig(rule, [comm], [None], bst.CurrentProj), [{'pre': pre, 'r': post}], DT)
        assert np.ptp(found) > 0.1
        np.testing.assert_allclose(found.reshape(STEPS, 16)[9::10], BRIAN2[name], rtol=1e-9)
