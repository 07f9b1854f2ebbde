"""Native loops against `jax.lax.scan`."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event

N, T = 300, 7
lax = jax.lax


CSR = event.CSR.from_pairs(*np.nonzero(np.arange(N)[:, None] % 7 == np.arange(N) % 7), (N, N))


def _ring(carry, x):
    i, ring = carry
    old = lax.dynamic_index_in_dim(ring, i % 4, keepdims=False)
    ring = lax.dynamic_update_index_in_dim(ring, old + x, (i + 1) % 4, 0)
    return (i + 1, ring), old


def _ring_read_after(carry, x):
    i, ring = carry
    new = lax.dynamic_update_index_in_dim(ring, x, i % 4, 0)
    return (i + 1, new), ring[0] + ring[1]


def _rings_that_swap(carry, x):
    i, first, second = carry
    new = lax.dynamic_update_index_in_dim(first, x, i % 4, 0)
    return (i + 1, second, new), first[2]


def _delivered(carry, x):
    V, g = carry
    spikes = V > 0.5
    g = 0.9 * g + event.product(CSR, jnp.float32(0.01), spikes)
    return (jnp.where(spikes, 0.0, V * 0.9 + g + x), g), spikes


def _shared_by_all(carry, x):
    i, c = carry
    return (i + 1, c + lax.dynamic_update_slice(W, x[:1], (i,))), W[0] + lax.dynamic_update_index_in_dim(RING, x, i % 4, 0).sum(0)


def vector(seed=0, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape or N).astype(np.float32))


V, W, ONE, COUNT, RING = vector(0), vector(1), jnp.float32(0.5), jnp.int32(3), vector(2, 4, N)
# A step, and its first carry; rows are vectors.
STEPS = {
    'decay': (lambda c, x: (0.9 * c + x, c), V),
    'one number': (lambda c, x: (0.9 * c + x[0], c), ONE),
    'sum': (lambda c, x: (c + x.sum(), None), ONE),
    'swapped': (lambda c, x: ((c[1], c[0]), c[0] + x), (V, W)),
    'passed on': (lambda c, x: ((c[1], c[1] + x, c[2]), c[0] * c[2]), (V, W, ONE)),
    'previous': (lambda c, x: ((c[1], 2 * x), c[0]), (V, W)),
    'known': (lambda c, x: ((jnp.zeros(N), c[0] + c[1]), c[0]), (V, V)),
    'reversed': (lambda c, x: (c[::-1] + x, c), V),
    'shifted': (lambda c, x: (jnp.concatenate([c[1:], x[:1]]), c), V),
    'read after': (lambda c, x: ((c[0] + c[1].sum(), c[1] * 0.9 + c[0].sum()), c[0][5]), (V, W)),
    'flags': (lambda c, x: ((c[0] ^ (x > 0), c[1] - 1, ~c[2]), c[0]), (V > 0, COUNT, jnp.bool_(True))),
    'counted': (lambda c, x: (c + 1, (c, x * c)), COUNT),
    'nothing to carry': (lambda c, x: (c, x * 2), ()),
    'same result twice': (lambda c, x: (c + x, (c + x, c + x, c)), V),
    'ring': (_ring, (COUNT, RING)),
    'ring read after': (_ring_read_after, (COUNT, RING)),
    'rings that swap': (_rings_that_swap, (COUNT, RING, RING + 1)),
    'events': (_delivered, (V, W)),
    'what all steps share is changed': (_shared_by_all, (COUNT, V)),
    'a row is changed': (lambda c, x: (c + lax.dynamic_update_slice(x, c[:1], (5,)), c), V),
    'calls': (lambda c, x: (jax.nn.softplus(c), jax.jit(jnp.sin)(x)), V),
}  # fmt: skip
xs = vector(3, T, N)


@pytest.fixture(scope='module', params=STEPS)
def case(request):
    return STEPS[request.param]


def native(step, init, xs, **options):
    """The results, of one native function."""
    length = options.pop('length', T)
    f = jax.jit(lambda init, xs: event.scan(step, init, xs, length, **options))
    text = f.lower(init, xs).as_text()
    assert 'brainpy_state_' in text and 'stablehlo.while' not in text
    return f(init, xs)


def same(found, expected, rtol=2e-6, atol=2e-6):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.quick('previous|reversed|shifted|flags|ring|events|changed|calls')
def test_a_loop_gives_what_jax_gives_forwards_and_backwards(case):
    step, init = case
    for reverse in (False, True):
        same(native(step, init, xs, reverse=reverse), lax.scan(step, init, xs, reverse=reverse))


@pytest.mark.quick('decay|swapped|read after|counted|events|calls')
def test_a_loop_ends_where_it_does_not_go_on(case):
    step, init = case
    for first, steps in ((4, 4), (0, 0), (99, T)):

        def counted(carry, x):
            left, carry = carry
            carry, y = step(carry, x)
            return (left - 1, carry), y

        (left, carry), ys = native(counted, (jnp.int32(first), init), xs, goes_on=lambda carry: carry[0] > 0)
        expected, expected_ys = lax.scan(step, init, xs[:steps])
        assert left == first - steps
        done = [y[:steps] for y in jax.tree.leaves(ys)]
        same((carry, done), (expected, jax.tree.leaves(expected_ys)))


@pytest.mark.quick('decay|swapped|read.after-both|events-both')
@pytest.mark.parametrize('lanes', ['rows', 'carry', 'both'])
def test_lanes_are_one_native_loop(case, lanes):
    step, init = case
    init, rows = (
        jax.tree.map(lambda x: jnp.stack([x, x, x]) if x.dtype == bool else jnp.stack([x, x + 1, x]), init),
        jnp.stack([xs, xs + 1, xs], 1),
    )
    axes = {'rows': (None, 1), 'carry': (0, None), 'both': (0, 1)}[lanes]
    if axes[0] is None:
        init = case[1]
    elif not jax.tree.leaves(init):
        return
    rows = xs if axes[1] is None else rows
    mapped = jax.jit(jax.vmap(lambda init, xs: event.scan(step, init, xs, T), axes))
    same(mapped(init, rows), jax.vmap(lambda init, xs: lax.scan(step, init, xs), axes)(init, rows), 1e-5, 1e-5)
    assert 'stablehlo.while' not in mapped.lower(init, rows).as_text()


def test_derivatives_are_those_of_jax():
    def loss(scan, init, w, xs):
        carry, ys = scan(lambda c, x: (jnp.tanh(c * w) + x, c * x), init, xs)
        return (carry**2).sum() + ys.sum()

    def ours(*args):
        return event.scan(*args, T)

    for derive in (lambda f: jax.grad(f, (0, 1, 2)), lambda f: lambda *args: jax.jvp(f, args, args)):
        found, expected = (derive(lambda *args, scan=scan: loss(scan, *args))(V, W, xs) for scan in (ours, lax.scan))
        same(found, expected, 1e-4, 1e-4)


def test_a_flag_that_differs_between_lanes_ends_each_by_itself():
    def down(n):
        return event.scan(lambda c, x: (c - 1, c), n, None, T, goes_on=lambda c: c > 0)[0]

    assert jax.jit(jax.vmap(down))(jnp.arange(4) * 3).tolist() == [0, 0, 0, 2]


def test_no_step_and_no_equation_leave_the_carry():
    same(event.scan(lambda c, x: (c + x, c), V, xs[:0], 0), lax.scan(lambda c, x: (c + x, c), V, xs[:0]))
    same(event.scan(lambda c, x: (c, None), V, xs, T), (V, None))


def test_weak_types_do_what_they_do_in_jax():
    found, expected = (
        scan(lambda c, x: (c + x[0], c), 1.0) for scan in (lambda f, c: event.scan(f, c, xs, T), lambda f, c: lax.scan(f, c, xs))
    )
    same(found, expected)


def test_a_carry_that_changes_its_type_is_an_error_of_jax():
    with pytest.raises(TypeError, match='carry'):
        event.scan(lambda c, x: (c + x, None), jnp.int32(0), xs, T)


def test_what_stays_with_xla_is_beside_native_steps():
    f = jax.jit(lambda init: event.scan(lambda c, x: (jnp.sort(c * 0.9 + x), None), init, xs, T))
    text = f.lower(V).as_text()
    assert 'stablehlo.while' in text and 'brainpy_state_' in text
    same(f(V), lax.scan(lambda c, x: (jnp.sort(c * 0.9 + x), None), V, xs))


def test_one_function_serves_all_lengths():
    names = set()
    for length in (5, 6, 50):
        f = jax.jit(lambda xs, length=length: event.scan(lambda c, x: (0.9 * c + x, c), V, xs, length))
        names |= set(re.findall(r'brainpy_state_\w+', f.lower(vector(0, length, N)).as_text()))
    assert len(names) == 1


def test_with_xla_chosen_a_loop_is_that_of_jax():
    with event.use_backend('xla'):
        jaxpr = jax.make_jaxpr(lambda: event.scan(lambda c, x: (0.9 * c + x, c), V, xs, T))()
    assert [eqn.primitive.name for eqn in jaxpr.eqns] == ['scan']
