"""Structures without indices deliver what a list of the same synapses delivers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event import AllToAll, OneToOne, reference

STRUCTURES = {
    'one_to_one': OneToOne(70),
    'all_to_all': AllToAll((70, 9)),
    'wide': AllToAll((3, 130)),
    'others': AllToAll((12, 12), own=False),
    'others, fewer targets': AllToAll((12, 5), own=False),
    'others, more targets': AllToAll((5, 12), own=False),
    'no sources': AllToAll((0, 4)),
    'no targets': AllToAll((4, 0)),
    'nobody': OneToOne(0),
}
WEIGHTED = [name for name, structure in STRUCTURES.items() if getattr(structure, 'own', True)]


# Every value of precision, batch and spikes, not every combination.
CASES = {
    'plain': (np.float32, (), 'bool'),
    'batch': (np.float32, (3,), 'float'),
    'two axes': (np.float32, (2, 2), 'bool'),
    'double': (np.float64, (), 'float'),
}


MAIN = ('one_to_one', 'all_to_all', 'others')
CHOSEN = [(name, case) for name in STRUCTURES for case in (CASES if name in MAIN else ['batch'])]


@pytest.fixture(params=CHOSEN, ids='-'.join)
def chosen(request):
    """A structure and how it is called: the main ones in each way, the awkward ones in one."""
    name, case = request.param
    with jax.enable_x64(CASES[case][0] is np.float64):
        yield STRUCTURES[name], *CASES[case]


def listed(structure):
    indptr = np.concatenate([[0], np.cumsum(structure.row_lengths())])
    return indptr, structure.indices


def numbers(structure, dtype=np.float32, batch=(), fired=0.3, kind='float'):
    rng, (pre, post) = np.random.default_rng(1), structure.shape
    active = rng.random((*batch, pre)) < fired
    spikes = active if kind == 'bool' else (active * rng.normal(size=active.shape)).astype(dtype)
    weight = rng.normal(size=structure.nnz).astype(dtype)
    return jnp.asarray(weight), jnp.asarray(spikes), jnp.asarray(rng.normal(size=(*batch, post)).astype(dtype))


def assert_equal(found, wanted, dtype=np.float32):
    assert found.shape == wanted.shape
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=0, atol=200 * np.finfo(dtype).eps * max(1.0, np.max(np.abs(wanted), initial=0.0)))


def test_indices_are_those_of_the_matrix():
    np.testing.assert_array_equal(reference.dense(*listed(OneToOne(3)), None, (3, 3)), np.eye(3))
    np.testing.assert_array_equal(reference.dense(*listed(AllToAll((2, 3))), None, (2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(reference.dense(*listed(AllToAll((2, 3), own=False)), None, (2, 3)), 1 - np.eye(2, 3))
    for structure in STRUCTURES.values():
        assert structure.indices.size == structure.nnz == structure.row_lengths().sum()


@pytest.mark.quick('^(one_to_one|all_to_all|others)-batch')
def test_one_weight_for_all_equals_the_oracle(chosen, backend):
    structure, dtype, batch, kind = chosen
    _, spikes, values = numbers(structure, dtype, batch, kind=kind)
    assert_equal(
        event.product(structure, dtype(2.5), spikes), 2.5 * reference.to_post(*listed(structure), None, spikes, structure.shape), dtype
    )
    assert_equal(event.to_pre(structure, None, values), reference.to_pre(*listed(structure), None, values, structure.shape), dtype)


@pytest.mark.quick('^(one_to_one|all_to_all)-batch')
def test_weights_of_synapses_equal_the_oracle(chosen, backend):
    structure, dtype, batch, kind = chosen
    if not getattr(structure, 'own', True):
        return  # they have one weight for all, tested above
    weight, spikes, values = numbers(structure, dtype, batch, kind=kind)
    shape, rows = structure.shape, listed(structure)
    assert_equal(event.product(structure, weight, spikes), reference.to_post(*rows, weight, spikes, shape), dtype)
    assert_equal(event.to_pre(structure, weight, values), reference.to_pre(*rows, weight, values, shape), dtype)
    assert_equal(event.to_weight(structure, spikes, values), reference.to_weight(*rows, spikes, values, shape), dtype)


@pytest.mark.quick('numba-none')
@pytest.mark.parametrize('name', WEIGHTED)
@pytest.mark.parametrize('fired', [0.0, 1.0], ids=['none', 'all'])
def test_halves_count_as_float32(name, fired, backend):
    structure = STRUCTURES[name]
    weight, spikes, _ = numbers(structure, fired=fired, kind='bool')
    weight = weight.astype(jnp.float16)
    assert_equal(event.product(structure, weight, spikes), reference.to_post(*listed(structure), weight, spikes, structure.shape))


@pytest.mark.slow
@pytest.mark.parametrize('name', ['one_to_one', 'all_to_all'])
def test_transforms_give_what_plain_calls_give(name, backend):
    structure = STRUCTURES[name]
    weight, spikes, _ = numbers(structure, batch=(4,))
    plain = event.product(structure, weight, spikes)
    np.testing.assert_array_equal(jax.jit(event.product)(structure, weight, spikes), plain)
    lanes = jax.vmap(lambda w, s: event.product(structure, w, s))
    np.testing.assert_allclose(
        lanes(jnp.stack([weight, 2 * weight]), spikes[:2]), plain[:2] * np.array([[1.0], [2.0]]), rtol=1e-5, atol=1e-6
    )
    steps = jax.jit(lambda s: jax.lax.scan(lambda c, row: (c, event.product(structure, weight, row)), 0, s)[1])
    np.testing.assert_allclose(steps(spikes), plain, rtol=1e-5, atol=1e-6)


@pytest.mark.quick('numba-True')
@pytest.mark.parametrize('name', ['one_to_one', 'all_to_all', 'others'])
@pytest.mark.parametrize('scalar', [False, True])
def test_gradients_equal_those_of_a_list(name, scalar, backend):
    structure = STRUCTURES[name]
    if scalar or name in WEIGHTED:
        weight, spikes, values = numbers(structure, batch=(2,), fired=0.9)
        weight = np.float32(0.7) if scalar else weight
        rows = [jnp.asarray(x, jnp.int32) for x in listed(structure)]
        csr = event.CSR(*rows, structure.shape)
        of = [jax.grad(lambda w, s, x=x: jnp.sum(event.product(x, w, s) ** 2 * values), (0, 1))(weight, spikes) for x in (structure, csr)]
        for found, wanted in zip(*of, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
        tangent = jax.jvp(lambda w, s: event.product(structure, w, s), (weight, spikes), (weight, spikes))[1]
        np.testing.assert_allclose(tangent, 2 * event.product(structure, weight, spikes), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_a_dense_delivery_does_not_depend_on_threads():
    structure = AllToAll((400, 700))  # enough to be shared out
    weight, spikes, _ = numbers(structure)
    found, before = [], event.threads()
    for n in (1, 2, 3):
        event.set_threads(n)
        found.append(np.asarray(event.product(structure, weight, spikes)))
    event.set_threads(before)
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_weights_that_have_no_place_are_refused():
    with pytest.raises(ValueError, match=r'weight has shape \(3,\), expected \(\) or \(nnz,\) = \(6,\)'):
        event.product(AllToAll((2, 3)), jnp.ones(3), jnp.ones(2))
    with pytest.raises(ValueError, match='one weight for all synapses; store those with weights of their own as a CSR'):
        event.product(AllToAll((2, 2), own=False), jnp.ones(2), jnp.ones(2))
