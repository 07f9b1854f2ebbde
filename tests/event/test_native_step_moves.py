"""Equations that move items or sum them up, in native steps, against XLA."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import event

N = 300
lax = jax.lax


def check(f, *args, carried=0, rtol=0.0):
    """All of a function is one native group, and equal to XLA's results."""
    report = event.explain(f, *args, carried=carried)
    assert len(report.native) == 1 and not report.left, str(report)
    natives, plains = jax.jit(lambda *xs: event.fuse(f, carried)(*xs))(*args), jax.jit(f)(*args)
    for k, (native, plain) in enumerate(zip(natives, plains, strict=True)):
        assert native.shape == plain.shape and native.dtype == plain.dtype
        np.testing.assert_allclose(native, plain, rtol=rtol, atol=rtol, err_msg=f'result {k}')


def table(dtype=np.float32, shape=(6, 5, N)):
    return jnp.asarray(np.random.default_rng(0).integers(-90, 90, shape).astype(dtype))


MOVES = {
    'slices': lambda x, i, v: [x[1], x[:, 2], x[::2, 1:4, ::-1], x[2:4, ::3], x[:, :, 7], x[5, 4, 3] + v],
    'axes': lambda x, i, v: [x.T, x.swapaxes(0, 1), x.transpose(1, 2, 0) * 2, jnp.flip(x, (0, 2)), x.reshape(30, N), x[:, None]],
    'spread': lambda x, i, v: [jnp.broadcast_to(v, x.shape), jnp.broadcast_to(x[0, :, :1], (5, N)), jnp.tile(x, (2, 1, 3)), x + x[:1, :, :1] * v],
    'joined': lambda x, i, v: [jnp.stack([v, x[0, 0] + 1]), jnp.concatenate([x, x[:, :2] * 2], 1), jnp.roll(x, 2, 1), jnp.pad(x, ((1, 2), (0, 0), (3, 0)))],
    'in parts': lambda x, i, v: [*jnp.split(x, 3), *x[0], *lax.split(x, (2, 3), axis=1)],
    'counted': lambda x, i, v: [lax.broadcasted_iota(np.int32, x.shape, k) for k in range(3)] + [v + jnp.arange(N)],
    'at a place': lambda x, i, v: [x[i], x[:, i], lax.dynamic_slice(x, (i, i - 3, i), (2, 2, 200)), x[i, i, i] + v, x.at[i, i, i].get() * v],
    'chosen': lambda x, i, v: [
        x[jnp.array([3, 1, 1])], x[:, jnp.array([4, 0])], jnp.take_along_axis(x, jnp.full((1, 5, N), i), 0), x[..., jnp.arange(N)[::-1]],
        x[jnp.arange(5), jnp.arange(5), jnp.arange(5)] + x[0, 0, 0],
    ],
    'outside': lambda x, i, v: [jnp.take(x, jnp.array([7, -9, 2]), 0, mode=mode) for mode in ('fill', 'clip', 'wrap')] + [x.at[i + 4].get(mode='fill', fill_value=3)],
    'replaced': lambda x, i, v: [
        lax.dynamic_update_index_in_dim(x, x[0], i, 0), lax.dynamic_update_slice(x, -x[:2, :3, :9] if x.dtype != bool else ~x[:2, :3, :9], (i, i, i)),
        lax.dynamic_update_slice(x, x[:3], (i * 50, 0, 0)), lax.dynamic_update_slice(x, x[::-1], (i, i, i)),
    ],
    'reduced': lambda x, i, v: [x.sum(), x.sum(0), x.max(1), x.min((0, 2)), (x > 0).any(2), (x > 0).all(), x[:2, 0, :3].prod(), x[:0].sum(), x[:0].max(0, initial=1)],
}  # fmt: skip


@pytest.mark.quick('(slices|axes|in parts|chosen|reduced)-float32$')
@pytest.mark.parametrize('dtype', [np.float32, np.int32, np.int8, bool])
@pytest.mark.parametrize('name', MOVES)
def test_moves_and_reductions(name, dtype):
    x = table(np.int32) > 0 if dtype is bool else table(dtype)
    if name == 'reduced' and dtype is bool:
        check(lambda x: [x.any(), x.all(0), lax.reduce_xor(x, (1,))], x)
    else:
        check(MOVES[name], x, jnp.int32(2), x[3, 3] if dtype is not bool else table(np.int32)[0, 0])


@pytest.mark.parametrize('inner', [100, 13])
def test_places_in_blocks_are_those_of_xla_also_where_threads_share_a_loop(inner):
    rng, before = np.random.default_rng(4), event.threads()
    shape = (1 << 17) // (50 * inner) + 3, 50, inner  # parts of threads begin within blocks
    x, y, z = (jnp.asarray(rng.standard_normal(n).astype(np.float32)) for n in ((shape[0], 1, inner), (*shape[:2], 1), shape))
    event.set_threads(2)
    try:
        check(lambda x, y, z: [x * y + z, z[:, ::-1] - y, z[::-1, :, ::-1] * x], x, y, z)
    finally:
        event.set_threads(before)


def test_reductions_have_the_precision_of_xla_and_keep_nan():
    x = jnp.asarray(np.random.default_rng(1).standard_normal((7, 1000)).astype(np.float32))
    check(lambda x: [x.sum(1), jnp.mean(x[3:]), jnp.var(x[3:])], x, rtol=3e-6)
    largest = jax.jit(event.fuse(lambda x: [x.max(1), x.min()], 0))(x.at[2, 3].set(jnp.nan))  # XLA may lose it
    np.testing.assert_array_equal(largest[0], np.where(np.arange(7) == 2, np.nan, np.max(x, 1)))
    assert np.isnan(largest[1])


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_the_greatest_and_least_of_floats_are_exact_whatever_stands_among_them(dtype):
    rng = np.random.default_rng(2)
    with bst.environ.context(precision=8 * np.dtype(dtype).itemsize):
        found = jax.jit(event.fuse(lambda x: [x.max(1), x.min(1), x.max(), x.min()], 0))
        for case in range(40):
            x = (rng.normal(size=(5, 400)) * 10.0 ** rng.integers(-35, 37) * (-1 if case % 5 == 0 else 1)).astype(dtype)
            for value in (np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0):
                if rng.random() < 0.3:
                    x[rng.integers(5), rng.integers(400)] = value
            x[0] = abs(x[0]) * (-1) ** case  # of one sign
            for got, wanted in zip(found(jnp.asarray(x)), [x.max(1), x.min(1), x.max(), x.min()], strict=True):
                np.testing.assert_array_equal(got, wanted)


def looped(step, start):
    def body(carry, _):
        carry, y = step(*carry)
        return carry, y

    return jax.jit(lambda start: lax.scan(body, start, length=9))(start)


def test_a_ring_is_written_in_place_after_it_was_read():
    """What is read of a ring is the old value, whatever the order of equations, and no copy of the ring is made."""

    def step(ring, row, x):
        new = lax.dynamic_update_index_in_dim(ring, x * 2, row, 0)  # before the reading
        old, late = ring[(row + 1) % 4], ring[row, 5]
        return (new, (row + 1) % 4, old + x + late), (old, new[row, 3])

    start = jnp.arange(4.0 * N).reshape(4, N), jnp.int32(1), jnp.ones(N)

    def flat(*args):
        return jax.tree.leaves(step(*args))

    def native(*args):
        made = event.fuse(flat, 3)(*args)
        return tuple(made[:3]), tuple(made[3:])

    assert not event.explain(flat, *start, carried=3).left
    for found, expected in zip(jax.tree.leaves(looped(native, start)), jax.tree.leaves(looped(step, start)), strict=True):
        np.testing.assert_array_equal(found, expected)
    text = jax.jit(lambda *args: native(*args)).lower(*start).as_text()
    assert text.count('custom_call') == 1 and 'output_operand_aliases' in text


IN_TURN = {
    'the old one is a result too': lambda ring, i, x: [lax.dynamic_update_index_in_dim(ring, x, i, 0), ring],
    'the old one is read by what the new one gives': lambda ring, i, x: [
        new := lax.dynamic_update_index_in_dim(ring, x, i, 0), ring[0] + new[2]
    ],
    'two changes of one': lambda ring, i, x: [
        lax.dynamic_update_index_in_dim(ring, x, i, 0), lax.dynamic_update_index_in_dim(ring, x * 2, i + 1, 0), ring.sum()
    ],
    'one after the other': lambda ring, i, x: [
        lax.dynamic_update_index_in_dim(lax.dynamic_update_index_in_dim(ring, x, i, 0), x + 1, i + 1, 0), ring[i] + 1
    ],
    'each is changed after the other is read': lambda ring, i, x: [
        lax.dynamic_update_index_in_dim(ring, (ring * 2)[1], i, 0), lax.dynamic_update_index_in_dim(ring + 1, ring[i], i, 0)
    ],
    'a part of itself': lambda ring, i, x: [lax.dynamic_update_slice(ring, ring[1:3], (i, 0))],
    'what was computed': lambda ring, i, x: [lax.dynamic_update_index_in_dim(ring * 3, x, i, 0) + 1],
    'what is nowhere': lambda ring, i, x: [lax.dynamic_update_index_in_dim(jnp.zeros((4, N)), x, i, 0)],
    'a result in the middle': lambda ring, i, x: [
        a := lax.dynamic_update_index_in_dim(ring, x, i, 0), lax.dynamic_update_index_in_dim(a, x - 1, 0, 0)
    ],
    'recorded in a buffer that was computed': lambda ring, i, x: [*event.record(x > 3, i, jnp.zeros((9, 3), jnp.int32) + 1, jnp.int32(0), jnp.zeros(4, jnp.int32)), x],
    'recorded, and the buffer read': lambda ring, i, x: [
        ring + 1, (events := ring.astype(jnp.int32).reshape(-1)[:9].reshape(-1, 3)) * 2, *event.record(x > 3, i, events, i, jnp.zeros(4, jnp.int32)), events
    ],
}  # fmt: skip


@pytest.mark.quick('-0$')
@pytest.mark.parametrize('carried', [0, 1])
@pytest.mark.parametrize('name', IN_TURN)
def test_memory_is_changed_after_all_who_need_the_old_value(name, carried):
    check(IN_TURN[name], jnp.arange(4.0 * N).reshape(4, N), jnp.int32(2), jnp.arange(float(N)), carried=carried)


def test_what_cannot_be_native_is_named():
    def step(x):
        return [
            jnp.sort(x),
            jnp.cumsum(x),
            x.at[jnp.array([1, 1])].add(1.0),
            jnp.matmul(x.reshape(2, 1, N // 2), jnp.ones((2, N // 2, 3))),
            x.astype(jnp.float16),
            x * 1j,
        ]

    report = event.explain(step, jnp.ones(N))
    reasons = {left.what.partition(' ')[0]: left.reason for left in report.left}
    assert {'sort', 'cumsum', 'scatter-add', 'dot_general', 'convert_element_type', 'mul'} <= set(reasons)
    assert reasons['sort'] == 'it has no native version'
    assert reasons['mul'] == 'there are no native numbers of type complex64'
    assert all(left.where.startswith('test_native_step_moves.py:') and left.where.endswith('(step)') for left in report.left)
    assert str(report).count('\n') == len(report.native) + len(report.left) - 1


def test_the_line_of_a_function_that_jit_knows_already_is_that_of_its_call():
    def early(x):
        return jnp.take(jnp.sort(x), jnp.array([1]), mode='fill')

    early(jnp.ones(N))
    report = event.explain(lambda x: [early(x)], jnp.ones(N))
    assert [left.where for left in report.left] == [f'test_native_step_moves.py:{early.__code__.co_firstlineno + 1} (early)']


@pytest.mark.slow
def test_small_arrays_and_other_backends_say_so():
    report = event.explain(lambda x: [jnp.sort(x + 1)], jnp.ones(3))
    assert not report.native and report.left[0].reason.startswith('no array beside it has 256 items')
    assert not event.explain(lambda x: [x + 1], jnp.ones(3)).left  # then the whole loop is native
    with event.use_backend('xla'):
        report = event.explain(lambda x: [x + 1], jnp.ones(N))
    assert not report.native and report.left[0].reason == "event operations run as 'xla' here"
