"""Plastic networks of every kind of projection, connection and delay against their twins: the same spikes, and weights to rounding."""

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.plasticity import PairSTDP, PreCentredSTDP

from . import twins
from .networks import DT, PARTS, SIZE, TAU_D, TAU_F, UNIT, N, Network, U, connection, simulate, twin

FORMS = {  # of delays, in what order spikes at equal times come
    'none': 'ignore',
    'axonal one': 'pre_first',
    'axonal each source': 'post_first',
    'dendritic one': 'ignore',
    'dendritic each source': 'pre_first',
    'dendritic each synapse': 'post_first',
}


def delays(form, conn):
    """What a projection is given, in steps, and the delays of its twin."""
    if form == 'none':
        return None, {}
    where, which = form.split(' ', 1)
    n = conn.n_synapses if which == 'each synapse' else N
    steps = np.array(3) if which == 'one' else np.random.default_rng(5).integers(0, 12, n)
    return steps, {where: steps[np.asarray(conn.sources)] if form == 'dendritic each source' else steps}


SHAPE = {'alpha': 1.1, 'mu_plus': 0.4, 'mu_minus': 0.7}


STP = bst.STP.desc(U=U, tau_f=TAU_F * u.ms, tau_d=TAU_D * u.ms)


def compare(kind, form, delay, rule=PairSTDP, synapse=twins.Pair, stp=False):
    """The spikes and weights of a network and its twin."""
    size, rate, order = SIZE[kind] * min(1.0, 5.0 / PARTS[form]), 0.05, FORMS[delay]
    steps, late = delays(delay, connection(form, kind))
    where = 'dendritic' if 'dendritic' in late else 'axonal'
    described = rule.desc(equal_times=order, w_max=1.3 * size * UNIT[kind], learning_rate=rate, delay_is=where, **SHAPE)
    net = Network(kind, form, described, delay=None if steps is None else steps * DT * u.ms, stp=STP if stp else None)
    spikes, weights = simulate(net)
    wanted_spikes, wanted = twin(kind, form, synapse, order=order, stp=stp, w_max=1.3 * size, rate=rate, **SHAPE, **late)
    assert spikes.sum() > 3 * N
    assert np.abs(weights[-1] - weights[0]).mean() > 0.02 * size
    np.testing.assert_array_equal(spikes, wanted_spikes)
    np.testing.assert_allclose(weights, wanted, rtol=1e-9, atol=1e-12 * size)


@pytest.mark.quick('^(post-CSR-axonal each source|delta-all to all-dendritic each synapse)$')
@pytest.mark.parametrize('delay', FORMS)
@pytest.mark.parametrize('form', PARTS)
@pytest.mark.parametrize('kind', UNIT)
def test_a_network_equals_its_twin(kind, form, delay, x64):
    compare(kind, form, delay)


@pytest.mark.slow
@pytest.mark.parametrize('delay', ['axonal each source', 'dendritic each synapse'])
@pytest.mark.parametrize('kind', UNIT)
def test_with_short_term_plasticity(kind, delay, x64):
    """The rule sees spikes, the target what they release."""
    compare(kind, 'CSR', delay, stp=True)


@pytest.mark.slow
@pytest.mark.parametrize('delay', FORMS)
def test_with_a_trace_of_each_synapse(delay, x64):
    compare('delta', 'CSR', delay, PreCentredSTDP, twins.PreCentred)


def test_delays_that_a_connection_draws_are_dendritic_too(x64):
    """As those of a projection whose synapses are listed in another order."""
    rule = PairSTDP.desc(w_max=2.0 * UNIT['delta'], learning_rate=0.05, delay_is='dendritic')
    with bst.environ.context(dt=DT * u.ms):
        drawn = bst.fixed_indegree(N, N, 5, weight=1.0 * u.mV, delay=bst.drawn.uniform(0.0 * u.ms, 4.0 * u.ms), seed=7)
        pairs, given = (drawn.sources, drawn.targets), np.linspace(0.2, 1.5, drawn.n_synapses)
        order = np.lexsort([np.arange(len(given)), drawn.targets, drawn.sources])  # of a listed connection
        listed = bst.explicit_edges(N, N, *pairs, weight=given * u.mV)
        one = bst.fixed_indegree(N, N, 5, weight=lambda shape: given * u.mV, delay=bst.drawn.uniform(0.0 * u.ms, 4.0 * u.ms), seed=7)
        nets = [Network('delta', 'CSR', rule, comm=comm, delay=delay) for comm, delay in ((one, None), (listed, drawn.delays[order]))]
    (spikes, weights), (same_spikes, others) = map(simulate, nets)
    assert len(np.unique(drawn.delay_steps)) > 5
    assert spikes.sum() > 3 * N
    np.testing.assert_array_equal(spikes, same_spikes)
    np.testing.assert_allclose(weights[:, order], others, rtol=1e-9)
