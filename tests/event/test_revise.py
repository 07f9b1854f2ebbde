"""`event.revise`: what belongs to the synapses of neurons that fire is changed, from either end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import event
from brainpy_state.event import CSR, Ends, revise

PRE, POST, NNZ = 50, 40, 500
RNG = np.random.default_rng(0)
SOURCES, TARGETS = RNG.integers(0, PRE, NNZ), RNG.integers(0, POST, NNZ)
W, C = RNG.random(NNZ), RNG.random(NNZ)
X, Y = RNG.random(PRE), RNG.random(POST)
FIRED = {'pre': RNG.random(PRE) < 0.3, 'post': RNG.random(POST) < 0.3}


def structure(kind):
    if kind == 'CSR':
        return CSR.from_pairs(SOURCES, TARGETS, (PRE, POST))
    return event.AllToAll((PRE, POST)) if kind == 'AllToAll' else event.OneToOne(PRE)


def rule(w, c, own, far):
    return [jnp.clip(w + 0.1 * c * far * jnp.exp(-w), 0.0, 1.0), c + own * far]


def twin(kind, side, s, w, c):
    """The same by NumPy, synapse by synapse."""
    found = structure(kind)
    sources = np.repeat(np.arange(found.shape[0]), found.row_lengths())
    targets = np.asarray(found.indices)
    n_post = found.shape[1]
    y = np.resize(Y, n_post)
    own, far = (X[sources], y[targets]) if side == 'pre' else (y[targets], X[sources])
    share = np.asarray(s, float)[sources if side == 'pre' else targets]
    new = np.clip(w + 0.1 * c * far * np.exp(-w), 0.0, 1.0), c + own * far
    return [old + share * (x - old) for old, x in zip((w, c), new, strict=True)]


@pytest.mark.quick('CSR')
@pytest.mark.parametrize('side', ['pre', 'post'])
@pytest.mark.parametrize('kind', ['CSR', 'AllToAll', 'OneToOne'])
@pytest.mark.parametrize('spikes', ['bool', 'ones', 'parts'])
def test_both_versions_give_what_numpy_gives(kind, side, spikes):
    found = structure(kind)
    n = found.shape[0] if side == 'pre' else found.shape[1]
    fired = np.resize(FIRED[side], n)
    s = fired if spikes == 'bool' else fired * (1.0 if spikes == 'ones' else 0.3)
    w, c = np.resize(W, found.nnz), np.resize(C, found.nnz)
    y = np.resize(Y, found.shape[1])
    ends, own, far = (Ends.of_sources(found), X, y) if side == 'pre' else (Ends.of_targets(found), y, X)
    results = {}
    for backend in ('numba', 'xla'):
        with event.use_backend(backend):
            call = jax.jit(lambda s, w, c, own, far: revise(ends, s, [w, c], rule, [own], [far]))
            results[backend] = call(jnp.asarray(s), *(jnp.asarray(x, jnp.float32) for x in (w, c, own, far)))
    for backend in results:
        for x, expected in zip(results[backend], twin(kind, side, s, w, c), strict=True):
            np.testing.assert_allclose(x, expected, rtol=3e-6, atol=1e-6)


def test_threads_do_not_change_a_bit():
    n, k = 400, 500
    indices = np.sort(RNG.integers(0, n, (n, k)), 1).astype(np.int32).ravel()
    csr = CSR(jnp.arange(0, n * k + 1, k, dtype=jnp.int32), jnp.asarray(indices), (n, n))
    ends = Ends.of_sources(csr), Ends.of_targets(csr)
    fired = jnp.asarray(RNG.random((20, n)) < 0.5)
    x = jnp.asarray(RNG.random(n), jnp.float32)

    def rollout():
        w = bst.State(jnp.full(n * k, 0.5))

        def step(s):
            (w.value,) = revise(ends[0], s, [w.value], lambda w, y: [w - 0.01 * w * y], far=[x])
            (w.value,) = revise(ends[1], s, [w.value], lambda w, y: [w + 0.01 * (1 - w) * y], far=[x])

        bst.transform.for_loop(step, fired)
        return np.asarray(w.value)

    before, results = event.threads(), []
    try:
        for threads in (1, 2, 3):
            event.set_threads(threads)
            results.append(rollout())
    finally:
        event.set_threads(before)
    assert results[0].std() > 0
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@pytest.mark.slow
def test_it_has_derivatives_also_by_the_spikes(x64):
    csr = structure('CSR')
    ends, weights = Ends.of_sources(csr), jnp.asarray(W)
    direction = jnp.asarray(RNG.normal(size=NNZ))

    def loss(w, s, y, rate):
        new = revise(ends, s, [w], lambda w, y: [w + rate * y * (1 - w) ** 2], far=[y])[0]
        return jnp.sum(new * direction)

    given = weights, jnp.asarray(FIRED['pre'] * 0.7), jnp.asarray(Y), jnp.float64(0.3)
    gradients = jax.grad(loss, argnums=(0, 1, 2, 3))(*given)
    for k, gradient in enumerate(gradients):
        way = jnp.asarray(RNG.normal(size=np.shape(given[k])))
        moved = [loss(*[x + h * way if j == k else x for j, x in enumerate(given)]) for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(jnp.sum(gradient * way), (moved[0] - moved[1]) / 2e-6, rtol=1e-6)
    # at a whole spike, the derivative by it is the way that the weight goes
    by_spike = jax.grad(loss, argnums=1)(weights, jnp.asarray(FIRED['pre'] * 1.0), *given[2:])
    way = jax.grad(loss, argnums=1)(weights, jnp.asarray(FIRED['pre'] * 0.5), *given[2:])
    np.testing.assert_allclose(by_spike, way, rtol=1e-12)


@pytest.mark.slow
def test_lanes_have_weights_of_their_own():
    ends = Ends.of_targets(structure('CSR'))
    w, s = jnp.stack([jnp.asarray(W, jnp.float32)] * 2), jnp.stack([jnp.asarray(FIRED['post']), jnp.zeros(POST, bool)])

    def one(w, s):
        return revise(ends, s, [w], lambda w: [w + 1.0])[0]

    lanes = jax.vmap(one)(w, s)
    np.testing.assert_array_equal(lanes[0], one(w[0], s[0]))
    np.testing.assert_array_equal(lanes[1], w[1])


@pytest.mark.parametrize(
    ('change', 'error', 'text'),
    [
        ({'spikes': jnp.zeros(3)}, ValueError, r'spikes have shape \(3,\), expected \(50,\)'),
        ({'spikes': jnp.zeros(PRE, int)}, TypeError, 'spikes have the type int32, expected bool or a float'),
        ({'values': [jnp.zeros(3)]}, ValueError, r'values have shape \(3,\), expected \(500,\)'),
        ({'values': [jnp.zeros(NNZ, int)]}, TypeError, 'values have the type int32, expected float32 or float64'),
        ({'values': []}, ValueError, '0 values are given, expected 1 to 4'),
        ({'far': [jnp.zeros(POST, jnp.float16)]}, TypeError, 'far have the types float16, expected float32 for all'),
        ({'rule': lambda w, y: [w, y]}, TypeError, 'the rule gives 2 values, expected 1'),
        ({'rule': lambda w, y: [w + jnp.asarray(Y)]}, ValueError, r'closes over an array of shape \(40,\); give it as own or far'),
    ],
)
def test_bad_input_is_named(change, error, text):
    given = {'spikes': jnp.zeros(PRE), 'values': [jnp.zeros(NNZ)], 'rule': lambda w, y: [w + y], 'far': [jnp.zeros(POST)]} | change
    with pytest.raises(error, match=f'event.revise: .*{text}'):
        revise(Ends.of_sources(structure('CSR')), **given)
