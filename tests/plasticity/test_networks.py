"""Plastic networks of every kind of projection, connection and delay against their twins: the same spikes, and weights to rounding."""

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.plasticity import PairSTDP, PreCentredSTDP

from . import twins
from .networks import DT, PARTS, SIZE, TAU_D, TAU_F, UNIT, N, Network, U, simulate, twin

EACH = np.random.default_rng(5).integers(0, 12, N)
DELAYS = {
    'none': ({}, {}),
    'axonal one': ({'delay': 3 * DT * u.ms}, {'axonal': 3}),
    'axonal each source': ({'delay': EACH * DT * u.ms}, {'axonal': EACH}),
    'dendritic one': ({'delay': 3 * DT * u.ms, 'delay_is': 'dendritic'}, {'dendritic': 3}),
}
SHAPE = {'alpha': 1.1, 'mu_plus': 0.4, 'mu_minus': 0.7}


STP = bst.STP.desc(U=U, tau_f=TAU_F * u.ms, tau_d=TAU_D * u.ms)
ORDERS = dict(zip(DELAYS, ('ignore', 'pre_first', 'post_first', 'ignore'), strict=True))


def compare(kind, form, delay, rule=PairSTDP, synapse=twins.Pair, stp=False):
    """The spikes and weights of a network and its twin."""
    size, rate, order = SIZE[kind] * min(1.0, 5.0 / PARTS[form]), 0.05, ORDERS[delay]
    options, late = DELAYS[delay]
    where = {key: x for key, x in options.items() if key == 'delay_is'}
    described = rule.desc(equal_times=order, w_max=1.3 * size * UNIT[kind], learning_rate=rate, **SHAPE, **where)
    net = Network(kind, form, described, delay=options.get('delay'), stp=STP if stp else None)
    spikes, weights = simulate(net)
    wanted_spikes, wanted = twin(kind, form, synapse, order=order, stp=stp, w_max=1.3 * size, rate=rate, **SHAPE, **late)
    assert spikes.sum() > 3 * N
    assert np.abs(weights[-1] - weights[0]).mean() > 0.02 * size
    np.testing.assert_array_equal(spikes, wanted_spikes)
    np.testing.assert_allclose(weights, wanted, rtol=1e-9, atol=1e-12 * size)


@pytest.mark.quick('^(post-CSR-axonal each source|delta-all to all-dendritic one)$')
@pytest.mark.parametrize('delay', DELAYS)
@pytest.mark.parametrize('form', PARTS)
@pytest.mark.parametrize('kind', UNIT)
def test_a_network_equals_its_twin(kind, form, delay, x64):
    compare(kind, form, delay)


@pytest.mark.slow
@pytest.mark.parametrize('delay', ['axonal each source', 'dendritic one'])
@pytest.mark.parametrize('kind', UNIT)
def test_with_short_term_plasticity(kind, delay, x64):
    """The rule sees spikes, the target what they release."""
    compare(kind, 'CSR', delay, stp=True)


@pytest.mark.slow
@pytest.mark.parametrize('delay', DELAYS)
def test_with_a_trace_of_each_synapse(delay, x64):
    compare('delta', 'CSR', delay, PreCentredSTDP, twins.PreCentred)
