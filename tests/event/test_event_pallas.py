"""Kernels for GPUs: interpreted against the dense oracle, translated for a GPU that is not there, and run on one that is."""

from __future__ import annotations

import logging
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event import _backend, reference
from brainpy_state.event.backends import pallas_products

pytestmark = pytest.mark.slow

WEIGHTS = ('none', 'float16', 'own')
# Precision, batch and weight: every value of each, not every triple.
CASES = {
    'one_set': (np.float32, (), 'none'),
    'lanes_of_halves': (np.float64, (3,), 'float16'),
    'two_axes': (np.float32, (2, 3), 'own'),
    'double': (np.float64, (), 'own'),
}
on_gpu = pytest.mark.skipif(jax.default_backend() != 'gpu', reason='needs a GPU')


@pytest.fixture(params=CASES)
def case(request):
    with jax.enable_x64(CASES[request.param][0] is np.float64):
        yield CASES[request.param]


@pytest.fixture
def kernels():
    with event.use_backend('pallas'):
        yield


@pytest.fixture
def fresh_log(caplog):
    _backend._log_once.cache_clear()
    with caplog.at_level(logging.INFO, 'brainpy_state.event'):
        yield caplog
    _backend._log_once.cache_clear()


def uneven(pre=20, post=300, seed=0):
    """Rows of none to many synapses, beyond a block of 128, some of them twice."""
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random((pre, post)) < rng.random((pre, 1)) ** 2)
    keep = ~np.isin(rows, (3, pre - 1))
    rows, columns = rows[keep], columns[keep]
    return event.CSR.from_pairs(np.append(rows, rows[:40]), np.append(columns, columns[:40]), (pre, post))


def make_weight(kind, csr, dtype, rng):
    return None if kind == 'none' else jnp.asarray(rng.normal(size=csr.nnz), np.float16 if kind == 'float16' else dtype)


def make_spikes(shape, dtype, rng, real=True):
    fired = rng.random(shape) < 0.3
    return jnp.asarray(fired * rng.normal(size=shape).astype(dtype) if real else fired)


def assert_equal(found, wanted, dtype):
    # Sums of at most 400 terms of order one.
    assert found.shape == wanted.shape
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=0, atol=400 * np.finfo(dtype).eps * max(1.0, np.max(np.abs(wanted), initial=0.0)))


def check_all(csr, weight, spikes, values):
    """Every product of a network equals that of the oracle."""
    structure, dtype = (csr.indptr, csr.indices), values.dtype
    assert_equal(event.to_post(csr, weight, spikes, dtype), reference.to_post(*structure, weight, spikes, csr.shape), dtype)
    assert_equal(event.to_pre(csr, weight, values), reference.to_pre(*structure, weight, values, csr.shape), dtype)
    assert_equal(event.to_weight(csr, spikes, values), reference.to_weight(*structure, spikes, values, csr.shape), dtype)


def test_products_equal_oracle(case, kernels):
    (dtype, batch, weight), csr, rng = case, uneven(), np.random.default_rng(1)
    values = jnp.asarray(rng.normal(size=(*batch, csr.shape[1])), dtype)
    check_all(csr, make_weight(weight, csr, dtype, rng), make_spikes((*batch, csr.shape[0]), dtype, rng, weight == 'own'), values)


@pytest.mark.parametrize('name', ['empty_rows', 'no_synapses', 'no_sources', 'no_targets'])
def test_awkward_networks_equal_oracle(network, name, kernels):
    csr, rng = network(name), np.random.default_rng(4)
    values = jnp.asarray(rng.normal(size=(3, csr.shape[1])), np.float32)
    check_all(csr, make_weight('own', csr, np.float32, rng), make_spikes((3, csr.shape[0]), np.float32, rng), values)


def test_silence_everyone_firing_and_a_long_row(kernels):
    # The mean row makes blocks of 256; one row has three of them.
    rng = np.random.default_rng(6)
    rows = np.repeat([0, 2, 3], [600, 3, 1])
    csr = event.CSR.from_pairs(rows, rng.integers(0, 700, rows.size), (4, 700))
    weight, values = make_weight('own', csr, np.float32, rng), jnp.asarray(rng.normal(size=700), np.float32)
    for fired in (False, True):
        check_all(csr, weight, jnp.full(4, fired), values)


def test_negative_zero_is_no_spike_and_nan_is_one(network, kernels):
    csr, spikes = network('duplicates'), jnp.array([-0.0, 1.0, jnp.nan, 0.0])
    assert np.array_equal(event.product(csr, jnp.array([jnp.inf, jnp.inf, jnp.inf, 1.0]), spikes), [0, np.nan, 0], equal_nan=True)
    found = event.to_weight(csr, jnp.array([0.0, 0, 1, 0]), jnp.full(3, jnp.inf))
    assert np.array_equal(found, [0, 0, 0, np.inf])


def test_few_programs_do_the_work_of_many(monkeypatch):
    monkeypatch.setattr(pallas_products, '_PROGRAMS', 2)
    monkeypatch.setattr(pallas_products, '_LISTED', 16)
    check_kernels(uneven(23), (2,))


def test_a_batch_too_large_is_worked_off_lane_by_lane(monkeypatch):
    monkeypatch.setattr(pallas_products, '_MOST_ITEMS', 1)
    check_kernels(uneven(), (2,))


def check_kernels(csr, batch):
    rng = np.random.default_rng(7)
    w, s = make_weight('own', csr, np.float32, rng), make_spikes((*batch, csr.shape[0]), np.float32, rng)
    v, structure = jnp.asarray(rng.normal(size=(*batch, csr.shape[1])), np.float32), (csr.indptr, csr.indices)
    options = {'shape': csr.shape, 'dtype': 'float32', 'interpret': True}
    for name, factors, plain in (('to_post', (w, s), (w, s)), ('to_pre', (w, v), (w, v)), ('to_weight', (s, v), (s, v))):
        found = jax.jit(lambda *xs, name=name: getattr(pallas_products, name)(*structure, *xs, **options))(*factors)
        assert_equal(found, getattr(reference, name)(*structure, *plain, csr.shape), np.float32)


@pytest.mark.parametrize('kind', WEIGHTS)
def test_a_ring_gets_what_arrives_in_each_step(kernels, kind):
    rng, (pre, post, steps) = np.random.default_rng(8), (15, 40, 4)
    rows, targets, delays = (rng.integers(0, n, 300) for n in (pre, post, steps))
    slots = event.CSR.from_pairs(rows, delays * post + targets, (pre, steps * post))
    weight = 0.5 if kind == 'none' else make_weight(kind, slots, np.float32, rng)
    each = np.broadcast_to(np.asarray(weight, np.float32), slots.nnz)
    spikes, ring = make_spikes(pre, np.float32, rng), jnp.asarray(rng.normal(size=(steps, post)), np.float32)
    sent = reference.to_post(slots.indptr, slots.indices, each, spikes, slots.shape).reshape(steps, post)
    add = jax.jit(lambda row: event.to_ring(slots, weight, spikes, row, ring))
    for row in range(steps):
        assert_equal(add(row), np.asarray(ring) + np.roll(sent, row, axis=0), np.float32)


def test_derivatives_are_those_of_the_dense_product(small, kernels):
    rng = np.random.default_rng(9)
    weight, spikes = jnp.asarray(rng.normal(size=small.nnz)), jnp.asarray([[1.0, 0, 0, 0.5], [0, 1, 1, 0]])
    of_events = lambda w, s: jnp.sum(jnp.sin(event.product(small, w, s)))  # noqa: E731
    of_matrix = lambda w, s: jnp.sum(jnp.sin(s @ small.to_dense(w)))  # noqa: E731
    for found, wanted in zip(*(jax.jit(jax.grad(f, (0, 1)))(weight, spikes) for f in (of_events, of_matrix)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)  # float32, terms of order one


def test_lanes_of_vmap_are_single_calls(kernels):
    csr, rng = uneven(), np.random.default_rng(10)
    weight, spikes = make_weight('own', csr, np.float32, rng), make_spikes((csr.shape[0], 3), np.float32, rng)
    wanted = reference.to_post(csr.indptr, csr.indices, weight, spikes.T, csr.shape)
    assert_equal(jax.vmap(event.product, (None, None, 1))(csr, weight, spikes), wanted, np.float32)
    scales = jnp.arange(3.0)
    many = jax.vmap(event.product, (None, 0, None))(csr, jnp.multiply.outer(scales, weight), spikes[:, 0])
    assert_equal(many, np.multiply.outer(np.arange(3), wanted[0]), np.float32)


def translated(f, *operands, platform='cuda'):
    """The text of a function compiled for a GPU, which need not be there."""
    gpu = jax.sharding.AbstractDevice('NVIDIA H100', None, 'gpu')
    with jax.sharding.use_abstract_mesh(jax.sharding.AbstractMesh((), (), abstract_device=gpu)):
        return jax.jit(f).trace(*operands).lower(lowering_platforms=(platform,)).as_text()


def kernels_in(text):
    """Names of the kernels that a program calls, in order; each is a call of Triton."""
    names = re.findall(r'name = "event(_\w+)_kernel"', text)
    assert len(names) == len(re.findall(r'custom_call @\S*(?:gpu\.triton|triton_kernel_call)', text))
    return names


def test_triton_accepts_the_kernels(case):
    (dtype, batch, weight), csr, rng = case, uneven(), np.random.default_rng(1)
    w, values = make_weight(weight, csr, dtype, rng), jnp.zeros((*batch, csr.shape[1]), dtype)
    spikes = make_spikes((*batch, csr.shape[0]), dtype, rng, weight == 'own')
    text = translated(lambda c, *xs: (event.to_post(c, *xs, dtype), event.to_weight(c, xs[1], values)), csr, w, spikes)
    assert kernels_in(text) == ['_list', '_target', '_list', '_weight']
    assert 'atomic_rmw' in text  # in the kernel's own code
    assert kernels_in(translated(event.to_pre, csr, w, values)) == ['_source']


def test_a_fused_step_on_a_gpu_calls_the_kernels_and_keeps_the_ring_in_place():
    csr = event.CSR.from_pairs([0, 1, 1], [0, 3, 5], (2, 6))

    def step(ring, row, potential):
        ring, due = event.due(row, event.to_ring(csr, jnp.ones(3), potential[:2] > 1, row, ring))
        return [ring, row + 1, potential + event.product(csr, 1.0, potential[:2] > 1)[:3] + due]

    def simulate(*state):
        return jax.lax.fori_loop(0, 5, lambda _, state: tuple(event.fuse(step, 3)(*state)), state)

    text = translated(simulate, jnp.zeros((2, 3)), jnp.int32(0), jnp.zeros(3))
    assert kernels_in(text) == ['_list', '_target', '_list', '_target']
    assert 'brainpy_state_' not in text
    assert text.count('#stablehlo.output_operand_alias<') == 4  # counts of the lists, what is received, the ring


def test_other_platforms_have_xla_and_say_so_once(small, fresh_log):
    for _ in range(2):
        assert not kernels_in(translated(lambda s: event.product(small, 1.0, s), jnp.ones(4), platform='rocm'))
    assert [r.getMessage() for r in fresh_log.records if r.name == 'brainpy_state.event'] == [
        'event operations on this platform run as XLA'
    ]
    with event.use_backend('pallas'), pytest.raises(ValueError, match=r"'pallas' runs on platform 'cuda' and 'cpu' only"):
        translated(lambda s: event.product(small, 1.0, s), jnp.ones(4), platform='rocm')


def test_kernels_that_cannot_be_compiled_leave_the_work_to_xla(monkeypatch, small, fresh_log):
    def broken(*_, **__):
        raise NotImplementedError('no lowering\nof that kind')

    monkeypatch.setattr(pallas_products, 'to_post', broken)
    for n in (2, 3):
        assert not kernels_in(translated(lambda s: event.product(small, 1.0, s), jnp.ones((n, 4))))
    assert [r.getMessage() for r in fresh_log.records if r.levelno == logging.WARNING] == [
        'the kernel of event_to_post cannot be compiled (no lowering): what needs it runs as XLA, which is slower'
    ]
    with (
        event.use_backend('pallas'),
        pytest.raises(ValueError, match="'pallas' cannot be used: the kernel of event_to_post cannot be compiled"),
    ):
        translated(lambda s: event.product(small, 1.0, s), jnp.ones(4))


@on_gpu
@pytest.mark.parametrize('weight', WEIGHTS)
def test_compiled_kernels_equal_oracle_on_the_gpu(weight):
    assert event.backend() == 'pallas'
    csr, rng = uneven(1500, 2000), np.random.default_rng(11)
    w, spikes = make_weight(weight, csr, np.float32, rng), make_spikes((2, csr.shape[0]), np.float32, rng, weight == 'own')
    values = jnp.asarray(rng.normal(size=(2, csr.shape[1])), np.float32)
    check_all(csr, w, spikes, values)
    ring, slots = jnp.ones((4, 500)), csr
    found = jax.jit(lambda row: event.to_ring(slots, 1.0 if w is None else w, spikes[0], row, ring))(3)
    sent = reference.to_post(slots.indptr, slots.indices, w, spikes[0], slots.shape).reshape(ring.shape)
    assert_equal(found, np.asarray(ring) + np.roll(sent, 3, axis=0), np.float32)
