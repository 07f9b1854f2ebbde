"""Lanes of a native loop: each is, bit for bit, the loop by itself, whoever runs it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event import _lanes

N, T, LANES = 100, 9, 7
CSR = event.CSR.from_pairs(*np.nonzero(np.arange(N)[:, None] % 7 == np.arange(N) % 5), (N, N))


def numbers(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape).astype('float32'))


V, WEIGHTS, DRIVE = numbers(0, LANES, N), numbers(1, LANES, CSR.nnz), numbers(2, LANES, T, N)


def network(V, gain, weights, drive):
    """The last carry and the results of all steps of neurons that excite each other, with the number of the step and a ring."""

    def step(carry, x):
        i, V, g, ring = carry
        spikes = V > 0.5
        g = 0.9 * g + gain * event.product(CSR, weights, spikes)
        ring = jax.lax.dynamic_update_index_in_dim(ring, V, i % 3, 0)
        return (i + 1, jnp.where(spikes, 0.0, 0.9 * V + g + x), g, ring), (spikes, i, ring.sum())

    return event.scan(step, (jnp.int32(0), V, jnp.zeros(N), jnp.zeros((3, N))), drive, T, reverse=True)


OPERANDS = V, numbers(3, LANES), WEIGHTS, DRIVE


def singles(axes, f=network):
    """What single loops give, stacked."""
    one = jax.jit(f)
    lanes = [one(*(x[k] if axis is not None else x[0] for x, axis in zip(OPERANDS, axes, strict=True))) for k in range(LANES)]
    return jax.tree.map(lambda *xs: np.stack(xs), *lanes)


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize('axes', [(0, 0, 0, 0), (None, 0, None, None), (None, None, 0, None), (0, None, None, 0)], ids=str)
@pytest.mark.parametrize('threads', [1, 2, 9])
def test_each_lane_is_the_loop_by_itself(axes, threads):
    operands = [x if axis is not None else x[0] for x, axis in zip(OPERANDS, axes, strict=True)]
    mapped = jax.jit(jax.vmap(network, axes))
    before = event.threads()
    try:
        event.set_threads(threads)
        same(mapped(*operands), singles(axes))
    finally:
        event.set_threads(before)
    assert 'stablehlo.while' not in mapped.lower(*operands).as_text()


@pytest.mark.parametrize('backend', ['xla', 'numba'])
def test_lanes_of_lanes_and_derivatives_agree(backend):
    f = jax.vmap(network, (0, None, None, 0))

    @jax.jit
    def of_lanes(gains, weights):
        both = jax.vmap(f, (None, 0, None, None))(V, gains, weights, DRIVE)
        return both[0][2], jax.grad(lambda w: f(V, 0.1, w, DRIVE)[0][2].sum())(weights)

    @jax.jit
    def of_one(V, gain, weights, drive):
        return network(V, gain, weights, drive)[0][2], jax.grad(lambda w: network(V, 0.1, w, drive)[0][2].sum())(weights)

    gains = OPERANDS[1][:2]
    with event.use_backend(backend):
        g, slopes = of_lanes(gains, WEIGHTS[0])
        singles = [[of_one(V[k], gain, WEIGHTS[0], DRIVE[k]) for k in range(LANES)] for gain in gains]
    np.testing.assert_allclose(g, [[x for x, _ in row] for row in singles], 1e-4, 1e-4)
    np.testing.assert_allclose(slopes, sum(slope for _, slope in singles[0]), 1e-4, 1e-4)


def test_small_lanes_and_those_that_share_a_matrix_go_together():
    small = jax.make_jaxpr(jax.vmap(lambda x: event.scan(lambda c, _: (0.9 * c, None), x, None, T)[0]))
    matrix = numbers(4, N, N)
    dense = jax.make_jaxpr(jax.vmap(lambda x: event.scan(lambda c, _: (0.1 * (c @ matrix), None), x, None, T)[0]))
    large = jax.make_jaxpr(jax.vmap(lambda x: event.scan(lambda c, _: (0.9 * c, None), x, None, T)[0]))
    with event.use_backend('numba'):
        for made, x, kind in (
            (small, V[:, : _lanes.LEAST - 1], 'native_loop'),
            (dense, V, 'native_loop'),
            (large, V[:, : _lanes.LEAST], 'native_lanes'),
        ):
            assert made(x).jaxpr.eqns[-1].primitive.name == kind


def recorded(spikes, capacity, clocks):
    """Buffer, count, clock, and a flag of lanes that record to one buffer."""

    def lane(spikes, clock):
        def step(carry, fired):
            i, events, count, clock, *_ = carry
            events, count, clock = event.record(fired, i, events, count, clock)
            return (i + 1, events, count, clock, count > 60, 0.5 * fired), None

        buffer = jnp.zeros((capacity, 3), jnp.int32), jnp.int32(0)
        return event.scan(step, (jnp.int32(3), *buffer, clock, jnp.array(False), jnp.zeros(N)), spikes, T)[0][1:5]

    return jax.jit(jax.vmap(lane, (0, 0 if clocks else None), (None, None, 0 if clocks else None, None)))(
        spikes, CLOCKS if clocks else CLOCKS[0]
    )


CLOCKS = jnp.broadcast_to(jnp.array([-5, 0, N, 0, 1], jnp.int32), (LANES, 5))


@pytest.mark.parametrize(('capacity', 'clocks'), [(500, True), (500, False), (50, True)], ids=['all', 'one clock', 'too small'])
def test_lanes_record_to_one_buffer(capacity, clocks):
    spikes = (DRIVE > 1.5).astype('float32')
    with event.use_backend('xla'):
        wanted, total, clock, full = recorded(spikes, capacity, clocks)
    with event.use_backend('numba'):
        events, *rest = recorded(spikes, capacity, clocks)
    same(rest, [total, clock, full])
    assert int(total) == (spikes > 0).sum() > 200
    assert bool(full)
    if capacity > total:
        kept = np.asarray(events)[: int(total)]
        np.testing.assert_array_equal(kept[np.lexsort(kept.T[1::-1])], np.asarray(wanted)[: int(total)])
        np.testing.assert_array_equal(events[-2:], wanted[-2:])


def test_a_count_that_a_result_depends_on_has_lanes_go_together():
    def lane(spikes):
        def step(carry, fired):
            events, count, clock = event.record(fired, jnp.int32(0), *carry)
            return (events, count, clock), (count, 2.0 * fired)

        return event.scan(step, (jnp.zeros((500, 3), jnp.int32), jnp.int32(0), CLOCKS[0]), spikes, T)[1][0]

    spikes = (DRIVE > 1.5).astype('float32')
    counts = jax.jit(jax.vmap(lane, out_axes=None))(spikes)
    np.testing.assert_array_equal(counts, (spikes > 0).sum((0, 2)).cumsum())
