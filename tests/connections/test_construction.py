"""How connections are built: NumPy and native kernels agree in every bit, whatever the threads, without copies."""

import brainunit as u
import jax
import numpy as np
import pytest
from scipy.special import ndtri

import brainpy_state as bst
from brainpy_state import ParameterError, event
from brainpy_state.connections import _compiled, _engine, _parallel, _rows, _sampling

pytestmark = pytest.mark.slow

DISTINCT = dict(allow_multapses=False)
NO_AUTAPSES = dict(allow_autapses=False)
N = 70


def rule(name, *arguments, pre=N, post=N, **options):
    return lambda **more: getattr(bst, name)(pre, post, *arguments, seed=(3, 'E'), **options, **more)


RULES = {
    'one_to_one': rule('one_to_one'),
    'all_to_all': rule('all_to_all', post=30),
    'all_to_all, others': rule('all_to_all', **NO_AUTAPSES),
    'bernoulli': rule('pairwise_bernoulli', 0.3, post=300),
    'bernoulli, others': rule('pairwise_bernoulli', 0.3, **NO_AUTAPSES),
    'bernoulli, rare': rule('pairwise_bernoulli', 0.001, pre=400),
    'bernoulli, rarest': rule('pairwise_bernoulli', 5e-324),
    'bernoulli, frequent': rule('pairwise_bernoulli', 0.999),
    'bernoulli, one': rule('pairwise_bernoulli', 1.0),
    'bernoulli, none': rule('pairwise_bernoulli', 0.0),
    'symmetric': rule('symmetric_pairwise_bernoulli', 0.4),
    **{
        f'{name}, {size}, {options}': rule(name, size, **options)
        for name, sizes in (('fixed_indegree', (0, 9, 60)), ('fixed_outdegree', (0, 9, 60)), ('fixed_total_number', (0, 900, 4000)))
        for size in sizes
        for options in ({}, DISTINCT, NO_AUTAPSES, DISTINCT | NO_AUTAPSES)
    },
    'outdegree, many': rule('fixed_outdegree', 1200, post=400, pre=3),  # sorted byte by byte
    'outdegree, many targets': rule('fixed_outdegree', 200, post=10**7, pre=3),
    'indegree, wide': rule('fixed_indegree', 5, pre=3000),
    'total, few sources': rule('fixed_total_number', 5000, pre=2, post=70_000),
}
DELAYS = {
    'none': None,
    'normal': bst.drawn.normal(1.5 * u.ms, 0.75 * u.ms, low=0.1 * u.ms),
    'long': bst.drawn.uniform(0.0 * u.ms, 100.0 * u.ms),
}
WEIGHTS = {
    'one': 1.0 * u.nS,
    'normal': bst.drawn.normal(2.0 * u.nS, 2.0 * u.nS, low=0.0 * u.nS, outside='redraw'),
}


def parts(connection):
    """All that a connection consists of."""
    steps = connection.delay_steps
    return [
        np.asarray(x) for x in (*jax.tree.leaves(connection.structure), connection.weight.value.mantissa, [] if steps is None else steps)
    ]


def same(left, right):
    for a, b in zip(parts(left), parts(right), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


DRAWN = {'weight': WEIGHTS['normal'], 'delay': DELAYS['normal']}


@pytest.mark.parametrize('name', RULES)
def test_neither_kernels_nor_threads_nor_blocks_change_a_bit(name, dt, monkeypatch):
    made = []
    for backend, threads, block in (('xla', 1, 1 << 18), ('numba', 1, 1 << 18), ('numba', 2, 1000), ('numba', 3, 37), ('xla', 2, 37)):
        monkeypatch.setattr(_parallel, 'threads', lambda n=threads: n)
        monkeypatch.setattr(_parallel, 'BLOCK', block)
        with event.use_backend(backend):
            made.append(RULES[name](**DRAWN))
    for other in made[1:]:
        same(made[0], other)


@pytest.mark.parametrize('weight', WEIGHTS)
@pytest.mark.parametrize('delay', DELAYS)
def test_kernels_draw_the_values_of_numpy(weight, delay, dt):
    made = []
    for backend in ('xla', 'numba'):
        with event.use_backend(backend):
            made.append(RULES['bernoulli'](weight=WEIGHTS[weight], delay=DELAYS[delay]))
    same(*made)


def test_double_precision_has_the_same_bits_in_both_too(x64):
    made = []
    for backend in ('xla', 'numba'):
        with event.use_backend(backend):
            made.append(RULES['bernoulli'](weight=WEIGHTS['normal']))
    assert made[0].weights.dtype == np.float64
    same(*made)


def test_native_kernels_are_used_where_they_pay():
    assert _engine.engine(10) is _sampling
    assert _engine.engine(10**6, *_compiled.KERNELS) is _compiled
    with event.use_backend('xla'):
        assert _engine.engine(10**6, *_compiled.KERNELS) is _sampling


def test_without_a_compiler_numpy_builds_the_network(monkeypatch):
    def missing(*wanted):
        raise event._native.Unavailable('no compiler')

    monkeypatch.setattr(event._native, 'function', missing)
    assert _engine.engine(10**6, *_compiled.KERNELS) is _sampling


def test_a_failure_in_a_thread_reaches_the_caller(monkeypatch):
    def fail(job):
        if job == 3:
            raise ParameterError('job 3')

    monkeypatch.setattr(_parallel, 'threads', lambda: 2)
    with pytest.raises(ParameterError, match='job 3'):
        _parallel.each(fail, [(k,) for k in range(5)])


def test_memory_is_taken_as_it_is():
    weight = bst.drawn.uniform(0.0, 1.0)
    held = []
    original = _parallel.empty

    def empty(size, dtype):
        held.append(original(size, dtype))
        return held[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_parallel, 'empty', empty)
        connection = bst.fixed_outdegree(50, 50, 10, weight=weight, seed=1)
    there = {x.unsafe_buffer_pointer() for x in (connection.structure.indices, connection.weight.value)}
    assert there == {x.ctypes.data for x in held}


def test_too_many_synapses_are_refused_before_anything_is_allocated(monkeypatch):
    monkeypatch.setattr(_parallel, 'empty', None)
    message = r'fixed_total_number: 2,147,483,648 synapses are too many for one connection, whose limit .* split the targets'
    with pytest.raises(ParameterError, match=message):
        bst.fixed_total_number(10, 10, 2**31, weight=1.0)
    with pytest.raises(ParameterError, match=r'rule: 2,147,483,648 synapses are too many'):
        _rows.Rows.empty('rule', np.full(2, 2**30))


def test_quantiles_of_the_normal_distribution_are_right_to_the_last_digits():
    words = np.concatenate([np.arange(2000, dtype=np.uint64) << np.uint64(k) for k in (0, 12, 20, 30, 40, 53)])
    words = np.concatenate([words, ~words])
    lower = words < 2**63
    tail = (np.where(lower, words >> np.uint64(12), ~words >> np.uint64(12)) + 0.5) * 2.0**-52
    expected = np.where(lower, 1, -1) * ndtri(tail)
    # the algorithm promises 1e-16; the arithmetic of its polynomials and of the logarithm adds some rounding
    np.testing.assert_allclose(_sampling.standard_normal(words), expected, rtol=3e-15, atol=1e-16)
    assert np.abs(_sampling.standard_normal(words)).max() < 8.21


def test_logarithms_are_right_to_the_last_digits():
    x = np.concatenate([np.logspace(-17, 0, 20_000), 1 - np.logspace(-16, -1, 2000)])
    np.testing.assert_allclose(_sampling._log(x), np.log(x), rtol=1e-15)
