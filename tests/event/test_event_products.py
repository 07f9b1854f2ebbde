"""Every backend, precision, weight, spike and batch against the dense oracle, under every transform."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event import reference

WEIGHTS = ('scalar', 'synapse', 'half')
SPIKES = ('bool', 'float')
# Precision and batch: every value of either, not every pair.
CASES = {'single': (np.float32, ()), 'batch': (np.float64, (3,)), 'two_axes': (np.float32, (2, 3)), 'double': (np.float64, ())}


@pytest.fixture(params=CASES)
def case(request):
    dtype, batch = CASES[request.param]
    with jax.enable_x64(dtype is np.float64):
        yield dtype, batch


def make_weight(kind, csr, dtype, rng):
    return jnp.asarray(rng.normal(size=() if kind == 'scalar' else csr.nnz), np.float16 if kind == 'half' else dtype)


def make_spikes(kind, shape, dtype, rng):
    fired = rng.random(shape) < 0.15
    return jnp.asarray(fired if kind == 'bool' else fired * rng.normal(size=shape).astype(dtype))


def expected(csr, weight, spikes):
    if np.ndim(weight) == 0:
        return np.float64(weight) * reference.to_post(csr.indptr, csr.indices, None, spikes, csr.shape)
    return reference.to_post(csr.indptr, csr.indices, weight, spikes, csr.shape)


def assert_equal(found, wanted, dtype):
    # A sum of n products is off by at most n * eps * (sum of magnitudes); rows here have at most 70 terms of order one.
    assert found.shape == wanted.shape
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=0, atol=200 * np.finfo(dtype).eps * max(1.0, np.max(np.abs(wanted), initial=0.0)))


@pytest.mark.quick('numba-batch|single-synapse')
@pytest.mark.parametrize(('weight', 'spikes'), [('scalar', 'bool'), ('synapse', 'float')])  # the other pairs: transforms and silence below
def test_product_equals_oracle(network, backend, case, weight, spikes):
    (dtype, batch), csr, rng = case, network('random'), np.random.default_rng(1)
    w = make_weight(weight, csr, dtype, rng)
    s = make_spikes(spikes, (*batch, csr.shape[0]), dtype, rng)
    halves = weight == 'half' and spikes == 'bool'  # float spikes say the type of the result
    assert_equal(event.product(csr, w, s), expected(csr, w, s), np.float32 if halves else dtype)


@pytest.mark.quick('numba-batch|xla-batch-synapse|xla-single-scalar')
@pytest.mark.parametrize('weighted', [False, True], ids=['unit', 'weighted'])
def test_to_pre_equals_oracle(network, backend, case, weighted):
    (dtype, batch), csr, rng = case, network('random'), np.random.default_rng(2)
    w = make_weight('synapse', csr, dtype, rng) if weighted else None
    c = jnp.asarray(rng.normal(size=(*batch, csr.shape[1])), dtype)
    assert_equal(event.to_pre(csr, w, c), reference.to_pre(csr.indptr, csr.indices, w, c, csr.shape), dtype)


@pytest.mark.quick('numba-batch|xla-batch-synapse|xla-single-scalar')
@pytest.mark.parametrize('spikes', SPIKES)
def test_to_weight_equals_oracle(network, backend, case, spikes):
    (dtype, batch), csr, rng = case, network('random'), np.random.default_rng(3)
    s = make_spikes(spikes, (*batch, csr.shape[0]), dtype, rng)
    c = jnp.asarray(rng.normal(size=(*batch, csr.shape[1])), dtype)
    assert_equal(event.to_weight(csr, s, c), reference.to_weight(csr.indptr, csr.indices, s, c, csr.shape), dtype)


@pytest.mark.quick('numba')
def test_awkward_networks_equal_oracle(csr, backend):
    rng = np.random.default_rng(4)
    w, s = make_weight('synapse', csr, np.float32, rng), make_spikes('float', (3, csr.shape[0]), np.float32, rng)
    c = jnp.asarray(rng.normal(size=(3, csr.shape[1])), np.float32)
    structure = (csr.indptr, csr.indices)
    assert_equal(event.product(csr, w, s), expected(csr, w, s), np.float32)
    assert_equal(event.to_pre(csr, w, c), reference.to_pre(*structure, w, c, csr.shape), np.float32)
    assert_equal(event.to_weight(csr, s, c), reference.to_weight(*structure, s, c, csr.shape), np.float32)


def test_empty_batch_gives_an_empty_batch_and_no_gradient(network, backend):
    csr = network('random')
    assert event.product(csr, 1.0, jnp.zeros((0, 70))).shape == (0, 30)
    assert event.to_pre(csr, None, jnp.zeros((0, 30))).shape == (0, 70)
    assert not np.any(event.to_weight(csr, jnp.zeros((0, 70)), jnp.zeros((0, 30))))


@pytest.mark.parametrize('fired', [0.0, 1.0], ids=['none', 'all'])
@pytest.mark.parametrize('kind', ['bool', 'float32'])
def test_silence_and_everyone_firing(network, backend, kind, fired):
    csr = network('random')
    s = jnp.full(csr.shape[0], fired, kind)
    assert_equal(event.product(csr, np.float32(2), s), expected(csr, 2.0, s), np.float32)


def under_jit(call, csr, w, s):
    return jax.jit(call)(csr, w, s)


def under_vmap_over_spikes(call, csr, w, s):
    return jax.jit(jax.vmap(call, in_axes=(None, None, 1)))(csr, w, jnp.moveaxis(s, 0, 1))


def under_vmap_over_weights(call, csr, w, s):
    # Lane i has weights i + 1 times as large: undone on the way out.
    lanes = jnp.arange(1, 4, dtype=w.dtype)
    many = jax.vmap(call, in_axes=(None, 0, None))(csr, jnp.multiply.outer(lanes, w), s)
    return (many / lanes.reshape(-1, *[1] * (many.ndim - 1)))[1]


def in_scan(call, csr, w, s):
    return jax.jit(lambda: jax.lax.scan(lambda carry, row: (carry, call(csr, w, row)), 0, s)[1])()


def in_map_over_both(call, csr, w, s):
    return jax.vmap(lambda weight, row: call(csr, weight, row))(jnp.broadcast_to(w, (len(s), *w.shape)), s)


TRANSFORMS = [(f, kind) for f in (under_vmap_over_weights, in_map_over_both) for kind in WEIGHTS]  # weights may be one axis or two
TRANSFORMS += [(under_jit, 'scalar'), (under_vmap_over_spikes, 'synapse'), (in_scan, 'synapse')]


@pytest.mark.quick('numba.*synapse')
@pytest.mark.parametrize(('transform', 'weight'), TRANSFORMS)
def test_transforms_change_nothing(network, backend, transform, weight):
    csr, rng = network('random'), np.random.default_rng(5)
    w, s = make_weight(weight, csr, np.float32, rng), make_spikes('bool', (5, csr.shape[0]), np.float32, rng)
    assert_equal(transform(event.product, csr, w, s), expected(csr, w, s), np.float32)


def test_product_runs_where_jit_is_disabled(network, backend):
    csr = network('duplicates')
    with jax.disable_jit():
        assert event.product(csr, 1.0, jnp.ones(4, bool)).tolist() == [0, 3, 1]


@pytest.mark.slow
def test_backends_agree_bit_for_bit_in_to_post(network, dtype):
    # Both add the contributions of a target in the order of the rows, and neither contracts a product and a sum into one operation.
    csr, rng = network('random'), np.random.default_rng(5)
    w, s = make_weight('synapse', csr, dtype, rng), make_spikes('float', (4, csr.shape[0]), dtype, rng)
    results = []
    for name in ('numba', 'xla'):
        with event.use_backend(name):
            results.append(np.asarray(event.product(csr, w, s)))
    assert np.array_equal(*results)


def test_negative_zero_is_no_spike_and_nan_is_one(backend, network):
    csr = network('duplicates')
    s = jnp.array([-0.0, 1.0, jnp.nan, 0.0])
    w = jnp.array([jnp.inf, jnp.inf, jnp.inf, 1.0])
    assert np.array_equal(event.product(csr, w, s), [0, np.nan, 0], equal_nan=True)


@pytest.mark.slow
def test_numpy_and_python_scalars_give_the_dtype_of_the_spikes(network, dtype):
    csr = network('duplicates')
    assert event.product(csr, 0.5, jnp.ones(4, dtype)).dtype == dtype
    assert event.product(csr, 2, jnp.ones(4, bool)).dtype == jnp.result_type(float)
    assert event.product(csr, np.float32(2), jnp.ones(4, bool)).dtype == np.float32


def test_structure_is_an_operand_not_a_constant(network):
    text = jax.jit(lambda c, s: event.product(c, 1.0, s)).lower(network('random'), jnp.ones(70, bool)).as_text()
    assert 'dense<[' not in text


def test_lanes_may_have_structures_of_their_own():
    lanes = [event.CSR.from_pairs([0, 0, 1], targets, (2, 3)) for targets in ([1, 0, 2], [2, 1, 1])]
    weight, spikes = jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 0.5])
    found = jax.vmap(lambda c: event.product(c, weight, spikes))(jax.tree.map(lambda *x: jnp.stack(x), *lanes))
    np.testing.assert_array_equal(found, [event.product(c, weight, spikes) for c in lanes])


FAULTS = {
    'spikes too short': (lambda c: event.product(c, 1.0, jnp.ones(3)), ValueError, r'spikes have shape \(3,\), expected \(..., pre\).*4'),
    'scalar spikes': (lambda c: event.product(c, 1.0, jnp.ones(())), ValueError, r'spikes have shape \(\)'),
    'integer spikes': (lambda c: event.product(c, 1.0, jnp.ones(4, int)), TypeError, 'spikes has dtype int32, expected bool or float32'),
    'integer weights': (
        lambda c: event.product(c, jnp.ones(4, int), jnp.ones(4, bool)),
        TypeError,
        'must be float32 or float64, got int32',
    ),
    'wrong nnz': (lambda c: event.product(c, jnp.ones(5), jnp.ones(4)), ValueError, r'weight has shape \(5,\), expected \(\) or \(nnz,\)'),
    'dense weights': (lambda c: event.product(c, jnp.ones((4, 3)), jnp.ones(4)), ValueError, r'weight has shape \(4, 3\)'),
    'values too long': (lambda c: event.to_pre(c, None, jnp.ones(4)), ValueError, r'values have shape \(4,\), expected \(..., post\).*3'),
    'batches differ': (lambda c: event.to_weight(c, jnp.ones((2, 4)), jnp.ones((1, 3))), ValueError, 'leading axes must agree'),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_bad_input_is_named(network, fault):
    call, error, text = FAULTS[fault]
    with pytest.raises(error, match=text):
        call(network('duplicates'))
