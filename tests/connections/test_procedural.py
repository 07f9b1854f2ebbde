"""Synapses that are drawn at each spike are those that the same rule and seed would store."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, event

pytestmark = pytest.mark.slow

DT = 0.1 * u.ms
RULES = {'pairwise_bernoulli': (bst.pairwise_bernoulli, 0.2), 'fixed_outdegree': (bst.fixed_outdegree, 15)}
WEIGHTS = {
    'one': 1.5 * u.nS,
    'normal': bst.drawn.normal(2.0 * u.nS, 1.0 * u.nS, low=0.0 * u.nS),
    'halves': bst.drawn.normal(2.0 * u.nS, 1.0 * u.nS, low=1.0 * u.nS, outside='redraw', dtype='float16'),
    'uniform': bst.drawn.uniform(-1.0 * u.nS, 2.0 * u.nS),
}
DELAYS = {'none': None, 'drawn': bst.drawn.normal(1.5 * u.ms, 0.7 * u.ms, low=0.1 * u.ms)}


@pytest.fixture(autouse=True)
def dt():
    with bst.environ.context(dt=DT):
        yield


def pair(rule='pairwise_bernoulli', weight='one', delay='none', pre=70, post=90, **options):
    """The procedural connection and the stored one."""
    make, argument = RULES[rule]
    options = {'weight': WEIGHTS[weight], 'delay': DELAYS[delay], 'seed': (1, 'E'), **options}
    return make(pre, post, argument, procedural=True, **options), make(pre, post, argument, **options)


def spikes_of(pre, batch=(), share=0.3, kind=np.float32):
    rng = np.random.default_rng(2)
    active = rng.random((*batch, pre)) < share
    return jnp.asarray(active if kind is bool else (active * rng.normal(size=active.shape)).astype(kind))


@pytest.mark.parametrize('rule', RULES)
@pytest.mark.parametrize(
    ('weight', 'delay', 'autapses'), [('one', 'none', False), ('one', 'drawn', True), ('normal', 'none', True), ('halves', 'drawn', False)]
)
def test_what_it_tells_is_what_would_be_stored(rule, weight, delay, autapses):
    drawn, stored = pair(rule, weight, delay, allow_autapses=autapses)
    assert drawn.n_synapses == len(drawn) == stored.n_synapses > 0
    for name in ('sources', 'targets', 'outdegree', 'indegree'):
        np.testing.assert_array_equal(getattr(drawn, name), getattr(stored, name))
    assert bool(u.math.all(drawn.weights == stored.weights))
    assert bool(u.math.all(drawn.toarray() == stored.toarray()))
    if delay == 'drawn':
        assert bool(u.math.all(drawn.delays == stored.delays))
    assert isinstance(drawn.stored(), bst.Connection)
    assert drawn.stored().weight.value.dtype == stored.weight.value.dtype


# Every rule with every kind of weight, and both precisions, but not all of each.
@pytest.mark.parametrize('backend', ['numba', 'xla'])
@pytest.mark.parametrize(
    ('rule', 'weight', 'precision'),
    [
        ('fixed_outdegree', 'one', 64),
        ('pairwise_bernoulli', 'normal', 32),
        ('pairwise_bernoulli', 'halves', 32),
        ('fixed_outdegree', 'normal', 64),
        ('fixed_outdegree', 'uniform', 32),
    ],
)
def test_it_delivers_and_collects_what_stored_synapses_do(backend, rule, weight, precision):
    dtype = np.dtype(f'float{precision}')
    with bst.environ.context(precision=precision), event.use_backend(backend):
        drawn, stored = pair(rule, weight, allow_autapses=False)
        for spikes in (spikes_of(70, kind=bool), spikes_of(70, (2, 2), 1.0, dtype)):
            found, wanted = drawn(spikes).mantissa, stored(spikes).mantissa
            assert found.dtype == (dtype if weight == 'halves' else wanted.dtype)  # the common weight has the precision that is set
            # other orders of summation: sums of some tens of numbers of order one
            np.testing.assert_allclose(found, wanted, rtol=0, atol=200 * np.finfo(wanted.dtype).eps)
        w = stored.weight.value.mantissa
        back = np.random.default_rng(3).normal(size=(2, 90)).astype(dtype)
        found = drawn.weight.value.mantissa * event.to_pre(drawn.structure, None, back)
        each = None if w.ndim == 0 else w
        wanted = (1 if w.ndim else w) * event.to_pre(stored.structure, each, back)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=500 * np.finfo(dtype).eps)


class Net(bst.nn.Module):
    """Excitatory and inhibitory neurons, synapses with drawn weights and delays."""

    def __init__(self, procedural, n=400, delay='drawn', gain=1.0):
        super().__init__()
        start = np.random.default_rng(3).uniform(0.0, 20.0, n)
        self.N = bst.LIF(
            n,
            tau=20 * u.ms,
            V_rest=0 * u.mV,
            V_th=20 * u.mV,
            V_reset=0 * u.mV,
            V_initializer=lambda size: jnp.broadcast_to(start, size) * u.mV,
        )
        self.excitatory = n * 4 // 5
        kind = dict(syn=bst.Expon.desc(tau=5 * u.ms, g_initializer=0 * u.mA), out=bst.CUBA.desc(scale=1.0), post=self.N)
        options = dict(delay=DELAYS[delay], procedural=procedural)
        strong, weak = bst.drawn.normal(-2.0 * u.mA, 0.1 * u.mA, high=0 * u.mA), bst.drawn.normal(0.5 * u.mA, 0.1 * u.mA)
        ei, ii = self.excitatory, n - self.excitatory
        self.E = bst.AlignPostProj(comm=bst.pairwise_bernoulli(ei, n, 0.1, weight=weak, seed=(1, 'E'), **options), **kind)
        self.I = bst.AlignPostProj(comm=bst.fixed_outdegree(ii, n, 40, weight=strong, seed=(1, 'I'), **options), **kind)
        self.gain = gain

    def update(self, i):
        with bst.environ.context(i=i, t=i * DT):
            spikes = self.N.get_spike()
            self.E(self.gain * spikes[..., : self.excitatory])
            self.I(self.gain * spikes[..., self.excitatory :])
            return self.N(40 * u.mA)


def spikes_from(procedural, backend='auto', batch=None, **options):
    with event.use_backend(backend):
        net = bst.nn.init_all_states(Net(procedural, **options), **({} if batch is None else {'batch_size': batch}))
        return np.asarray(bst.transform.for_loop(net.update, jnp.arange(300)))


@pytest.mark.parametrize('delay', DELAYS)
def test_networks_have_the_same_spikes_to_the_bit_as_stored_ones(delay):
    stored = spikes_from(False, 'numba', delay=delay)
    assert stored.sum() > 400  # each neuron, about
    np.testing.assert_array_equal(spikes_from(True, 'numba', delay=delay), stored)
    np.testing.assert_array_equal(spikes_from(True, 'xla', delay=delay)[:60], stored[:60])  # rounds otherwise, which tells later
    batch = spikes_from(True, 'numba', batch=2, delay=delay)
    np.testing.assert_array_equal(batch[:, 0], batch[:, 1])
    np.testing.assert_array_equal(batch[:60, 0], stored[:60])


@pytest.mark.parametrize('backend', ['numba', 'xla'])
@pytest.mark.parametrize('weight', ['one', 'normal'])
def test_gradients_by_the_common_weight_and_by_spikes(backend, weight):
    with event.use_backend(backend):
        drawn, stored = pair(weight=weight)
        spikes, target = spikes_of(70, (2,)), np.random.default_rng(4).normal(size=(2, 90)).astype(np.float32)

        def loss(connection, gain, x):
            w = connection.weight.value.mantissa
            return jnp.sum((event.product(connection.structure, gain * w, x) - target) ** 2)

        found = jax.jit(jax.grad(lambda g, x: loss(drawn, g, x), (0, 1)))(1.0, spikes)
        wanted = jax.jit(jax.grad(lambda g, x: loss(stored, g, x), (0, 1)))(1.0, spikes)
        np.testing.assert_allclose(found[0], wanted[0], rtol=1e-4)
        np.testing.assert_allclose(found[1], wanted[1], rtol=1e-3, atol=1e-2)
        slope = jax.jvp(lambda x: event.product(drawn.structure, 2.0, x), (spikes,), (spikes,))[1]
        np.testing.assert_allclose(slope, event.product(drawn.structure, 2.0, spikes), rtol=1e-5)


def test_a_common_weight_is_trained_through_delays():
    def slope(procedural):
        net = bst.nn.init_all_states(Net(procedural, n=40))
        weight = net.E.comm.weight
        gradient = bst.transform.grad(lambda: jnp.sum(bst.transform.for_loop(net.update, jnp.arange(80))), weight)()
        return float(
            (gradient if procedural else u.math.sum(gradient * u.get_mantissa(weight.value))).mantissa
        )  # of all weights by a factor

    np.testing.assert_allclose(slope(True), slope(False), rtol=1e-3)
    assert slope(True) != 0


def test_transforms(backend='numba'):
    drawn, _ = pair(weight='normal', delay='drawn')
    spikes = spikes_of(70, (3,))
    plain = event.product(drawn.structure, 1.0, spikes)
    np.testing.assert_array_equal(jax.vmap(lambda s: event.product(drawn.structure, 1.0, s))(spikes), plain)
    other, _ = pair(weight='normal', delay='drawn', seed=2)
    both = jax.tree.map(lambda *x: jnp.stack(x), drawn.structure, other.structure)
    lanes = jax.vmap(lambda structure, s: event.product(structure, 1.0, s))(both, spikes[:2])
    np.testing.assert_array_equal(lanes, [plain[0], event.product(other.structure, 1.0, spikes[1])])
    ring = jnp.zeros((80, 90))
    rings = jax.vmap(lambda s: event.to_ring(drawn.structure, 1.0, s, 3, ring))(spikes)
    np.testing.assert_allclose(rings[1], event.to_ring(drawn.structure, 1.0, spikes[1], 3, ring), rtol=1e-5, atol=1e-6)
    together = event.to_ring(drawn.structure, 1.0, spikes, 3, jnp.zeros((80, 3, 90)))
    np.testing.assert_allclose(together[:, 1], rings[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('backend', ['numba', 'xla'])
@pytest.mark.parametrize(('pre', 'post', 'p'), [(0, 5, 0.5), (5, 0, 0.5), (1, 1, 1.0), (5, 300, 0.0), (5, 300, 0.03), (5, 300, 1.0)])
def test_small_and_empty_networks(backend, pre, post, p):
    with event.use_backend(backend):
        drawn = bst.pairwise_bernoulli(pre, post, p, weight=2.0, seed=5, procedural=True)
        stored = bst.pairwise_bernoulli(pre, post, p, weight=2.0, seed=5)
        spikes = jnp.ones(pre, bool)
        np.testing.assert_array_equal(drawn(spikes), stored(spikes))
        np.testing.assert_array_equal(drawn(~spikes), stored(~spikes))
        back = jnp.arange(post, dtype=jnp.float32)
        np.testing.assert_array_equal(event.to_pre(drawn.structure, None, back), event.to_pre(stored.structure, None, back))


@pytest.mark.parametrize('backend', ['numba', 'xla'])
def test_more_synapses_than_an_index_can_number(backend):
    n = 100_000
    with event.use_backend(backend):
        comm = bst.pairwise_bernoulli(n, n, 0.5, weight=1.0 * u.nS, seed=1, procedural=True)
        arrived = comm(jnp.zeros(n, bool).at[n - 1].set(True)).mantissa
    assert 0.49 * n < arrived.sum() < 0.51 * n
    assert set(np.unique(arrived)) == {0.0, 1.0}
    with pytest.raises(ParameterError, match=r'ProceduralConnection: .* synapses are too many for one connection'):
        comm.stored()


def test_it_takes_no_memory(dt):
    post = bst.LIF(5000)
    net = bst.AlignPostProj(
        comm=bst.pairwise_bernoulli(5000, 5000, 0.5, weight=WEIGHTS['normal'], seed=1, procedural=True),
        syn=bst.Expon.desc(), out=bst.COBA.desc(E=0 * u.mV), post=post,
    )  # fmt: skip
    assert sum(leaf.nbytes for leaf in jax.tree.leaves((net.comm.structure, net.comm.weight.value))) < 200


def test_projections_from_other_seeds_share_what_is_compiled():
    calls = []

    @jax.jit
    def deliver(structure, spikes):
        calls.append(structure)
        return event.product(structure, 1.0, spikes)

    one, other = (pair(weight='normal', seed=seed)[0].structure for seed in (1, 2))
    assert not np.array_equal(deliver(one, spikes_of(70)), deliver(other, spikes_of(70)))
    assert len(calls) == 1


def test_gap_junctions_and_graded_signals():
    neurons = bst.LIF(90)
    for comm in pair(pre=90):
        bst.GapJunction(neurons, neurons, comm)
    neurons = bst.nn.init_all_states(neurons)
    voltages = jnp.linspace(-1.0, 1.0, 90)
    drawn, stored = pair(pre=90)
    np.testing.assert_allclose(drawn(voltages).mantissa, stored(voltages).mantissa, rtol=1e-4, atol=1e-5)


def failing(**options):
    return lambda: pair('fixed_outdegree', **options)


@pytest.mark.parametrize(
    ('make', 'error', 'message'),
    [
        (
            lambda: bst.fixed_outdegree(9, 9, 3, weight=1.0, allow_multapses=False, procedural=True),
            ParameterError,
            'fixed_outdegree: procedural=True draws targets independently; use allow_multapses=True, or store the synapses',
        ),
        (
            lambda: bst.pairwise_bernoulli(9, 9, 0.5, weight=np.ones(5), procedural=True),
            ParameterError,
            'procedural synapses keep no weights of their own: give one number, or draw them',
        ),
        (
            lambda: bst.pairwise_bernoulli(9, 9, 0.5, weight=lambda shape: jnp.ones(shape), procedural=True),
            ParameterError,
            'procedural synapses keep no weights of their own',
        ),
        (
            lambda: bst.DeltaProj(
                comm=bst.pairwise_bernoulli(9, 9, 0.5, weight=1.0 * u.mV, procedural=True), post=bst.LIF(9), delay=np.ones(40) * u.ms
            ),
            bst.ShapeError,
            r'delay has shape \(40,\), expected \(\): one for all, \(9,\): one for each source',
        ),
        (
            lambda: event.to_ring(pair(delay='drawn')[0].structure, 1.0, jnp.zeros(70), 0, jnp.zeros((5, 90))),
            ValueError,
            'a ring of 5 steps does not fit a structure with delays of up to 72 steps',
        ),
        (
            lambda: event.to_ring(pair()[0].structure, 1.0, jnp.zeros(70), 0, jnp.zeros((5, 90))),
            ValueError,
            'a ring of 5 steps does not fit a structure with no delays',
        ),
        (
            lambda: event.product(pair()[0].structure, jnp.ones(7), jnp.zeros(70)),
            ValueError,
            r'weight has shape \(7,\), but a procedural structure keeps none',
        ),
        (
            lambda: event.to_weight(pair()[0].structure, jnp.zeros(70), jnp.zeros(90)),
            TypeError,
            'a procedural structure has no weights for each synapse',
        ),
    ],
)
def test_what_is_impossible_is_an_error(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_another_time_step_is_refused():
    drawn, _ = pair(delay='drawn', weight='normal')
    post = bst.LIF(90)
    bst.AlignPostProj(comm=drawn, syn=bst.Expon.desc(g_initializer=0 * u.nS), out=bst.COBA.desc(E=0 * u.mV), post=post)
    with bst.environ.context(dt=0.2 * u.ms), pytest.raises(ParameterError, match=r'dt'):
        bst.nn.init_all_states(post)
