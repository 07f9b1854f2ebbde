"""Native steps against the same equations evaluated by XLA."""

from __future__ import annotations

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event._equations import ELEMENTWISE
from brainpy_state.event.backends.llvm_operations import OPERATIONS

N = 300


def native_and_plain(f, *args, carried=0):
    """Results by native steps, at least one of which is there, and by XLA."""
    lowered = jax.jit(lambda *xs: event.fuse(f, carried)(*xs)).lower(*args)
    assert 'brainpy_state_' in lowered.as_text()
    return lowered.compile()(*args), jax.jit(f)(*args)


def check(f, *args, rtol=2e-6, atol=1e-6):
    for native, plain in zip(*native_and_plain(f, *args), strict=True):
        assert native.shape == plain.shape and native.dtype == plain.dtype
        np.testing.assert_allclose(native, plain, rtol=rtol, atol=atol)


def sample(dtype, seed=0, n=N):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == 'b':
        return jnp.asarray(rng.random(n) < 0.5)
    if dtype.kind == 'f':
        return jnp.asarray(rng.standard_normal(n).astype(dtype) * 3)
    return jnp.asarray(rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, n, dtype, endpoint=True))


lax = jax.lax
FLOATS = {
    'add': lax.add, 'sub': lax.sub, 'mul': lax.mul, 'div': lax.div, 'max': lax.max, 'min': lax.min, 'eq': lax.eq, 'ne': lax.ne, 'lt': lax.lt,
    'le': lax.le, 'gt': lax.gt, 'ge': lax.ge, 'neg': lambda x, y: -x, 'abs': lambda x, y: abs(x), 'sign': lambda x, y: jnp.sign(x),
    'floor': lambda x, y: jnp.floor(x), 'ceil': lambda x, y: jnp.ceil(x), 'round': lambda x, y: jnp.round(x),
    'round_away': lambda x, y: lax.round(x), 'sqrt': lambda x, y: lax.sqrt(x), 'rsqrt': lambda x, y: lax.rsqrt(abs(x)),
    'square': lambda x, y: lax.square(x), 'integer_pow': lambda x, y: x**5, 'negative_pow': lambda x, y: lax.integer_pow(y, -3),
    'is_finite': lambda x, y: lax.is_finite(x), 'clamp': lambda x, y: lax.clamp(x.dtype.type(-1.0), x, abs(y)),
    'to_int': lambda x, y: x.astype(jnp.int32), 'to_uint': lambda x, y: abs(x).astype(jnp.uint32), 'to_bool': lambda x, y: x.astype(bool),
    'select_n': lambda x, y: jnp.where(x > y, x, y), 'bits': lambda x, y: lax.bitcast_convert_type(x, jnp.int32 if x.dtype == np.float32 else jnp.int64),
    'reciprocal': lambda x, y: 1 / y, 'add_any': lambda x, y: jax.jvp(lambda z: z * z, (x,), (y,))[1], 'cases': lambda x, y: lax.select_n(lax.clamp(jnp.int32(0), x.astype(jnp.int32), jnp.int32(2)), x, y, x * y),
    'exprel': lambda x, y: u.math.exprel(x), 'barrier': lambda x, y: lax.optimization_barrier((x, y))[1] + x, 'called': lambda x, y: jax.nn.softplus(x) + jax.checkpoint(jnp.cos)(x) + jax.nn.relu(y),
    'stopped': lambda x, y: lax.stop_gradient(x) + jnp.copy(y), 'unit axes': lambda x, y: (x[None, :, None] * y[None, :, None] + x[:1, None])[0, :, 0],
    'to_narrow': lambda x, y: lax.clamp(x.dtype.type(-99.0), x, x.dtype.type(99.0)).astype(jnp.int8),
    'known': lambda x, y: 3.0 * (x / 7.0) * 0.1 - y / 1.0, 'copy': lambda x, y: jnp.broadcast_to(x[3], (N,)) + y[:1],
}  # fmt: skip
INTEGERS = {
    'add': lax.add, 'sub': lax.sub, 'mul': lax.mul, 'max': lax.max, 'min': lax.min, 'lt': lax.lt, 'ge': lax.ge, 'and': lax.bitwise_and, 'or': lax.bitwise_or,
    'xor': lax.bitwise_xor, 'not': lambda x, y: ~x, 'div': lambda x, y: lax.div(x, jnp.full_like(x, 7)), 'rem': lambda x, y: lax.rem(x, jnp.full_like(x, 7)),
    'neg': lambda x, y: -x, 'sign': lambda x, y: jnp.sign(x), 'abs': lambda x, y: abs(x), 'integer_pow': lambda x, y: x**3,
    'shift_left': lambda x, y: lax.shift_left(x, y & jnp.full_like(y, 63)), 'shift_right_logical': lambda x, y: lax.shift_right_logical(x, y & jnp.full_like(y, 63)),
    'shift_right_arithmetic': lambda x, y: lax.shift_right_arithmetic(x, y & jnp.full_like(y, 63)), 'by_known': lambda x, y: (x << 5) ^ (x >> 3),
    'by_anything': lambda x, y: lax.div(x, y), 'rem_anything': lambda x, y: lax.rem(x, y), 'by_zero': lambda x, y: lax.div(x, y & jnp.ones_like(y)), 'rem_zero': lambda x, y: lax.rem(x, y & jnp.ones_like(y)),
    'by_minus_one': lambda x, y: lax.div(jnp.full_like(x, jnp.iinfo(x.dtype).min), y | ~jnp.ones_like(y)), 'population_count': lambda x, y: lax.population_count(x), 'clz': lambda x, y: lax.clz(x),
    'mulhi': lambda x, y: lax.mulhi(x, y), 'tenth': lambda x, y: x**10, 'floored': lambda x, y: x // jnp.full_like(x, 5) + x % jnp.full_like(x, 3),
    'to_float': lambda x, y: x.astype(jnp.float32), 'to_int8': lambda x, y: x.astype(jnp.int8), 'to_uint16': lambda x, y: x.astype(jnp.uint16),
    'iota': lambda x, y: x + lax.iota(x.dtype, N), 'square': lambda x, y: lax.square(x),
}  # fmt: skip


@pytest.mark.quick('32')
@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_every_operation_on_floats(dtype):
    with jax.enable_x64(dtype == 'float64'):
        x, y = sample(dtype), sample(dtype, 1).at[:6].set(jnp.array([jnp.nan, jnp.inf, -jnp.inf, 0.0, -0.0, 1.0]))
        check(lambda x, y: [operation(x, y) for operation in FLOATS.values()], x, y)


@pytest.mark.quick('int32')
@pytest.mark.parametrize('dtype', ['int32', 'uint32', 'int8', 'uint16'])
def test_every_operation_on_integers(dtype):
    check(lambda x, y: [operation(x, y) for operation in INTEGERS.values()], sample(dtype), sample(dtype, 1), rtol=0, atol=0)


def test_operations_on_truth_values():
    check(
        lambda x, y: [x & y, x | y, x ^ y, ~x, x.astype(jnp.float32), x.astype(jnp.int32), jnp.where(x, 1.5, 2.5), x == y],
        sample(bool),
        sample(bool, 1),
    )


def test_the_planner_and_the_emitter_know_the_same_operations():
    assert set(OPERATIONS) == ELEMENTWISE | {'iota', 'take', 'strided'}


CSR = event.CSR.from_pairs(np.arange(900) % 100, (np.arange(900) * 7) % N, (100, N))


def programs(seed):
    """A random step: neurons, slices, deliveries before and after, operations that are not native, and what it carries."""
    rng = np.random.default_rng(seed)

    def step(V, g, count, total):
        values, integers = [V, g], [count]
        for _ in range(rng.integers(4, 25)):
            a, b = (values[rng.integers(len(values))] for _ in range(2))
            choice = rng.integers(11)
            if choice < 3:
                values.append(a * 0.5 - b)
            elif choice == 3:
                values.append(jnp.where(a > b, a, 0.25 * b))
            elif choice == 4:
                first = int(rng.integers(0, N - 100))
                spikes = (a > 0.5).astype(jnp.float32)
                values.append(event.product(CSR, 0.1, spikes[first : first + 100]))
            elif choice == 5:
                values.append(jnp.tanh(a) + total)
            elif choice == 6:
                values.append(0.1 * jnp.sort(a))  # XLA's
            elif choice == 7:
                integers.append(jnp.maximum(integers[-1] - 1, 0) + (a > 1.0))
            elif choice == 8:
                values.append(a + b[5])
            elif choice == 9:
                total = total * 0.5 + a[7] * 0.1
            else:
                values.append(jnp.where(integers[-1] > 0, a, b) * jnp.float32(0.5))
        clipped = [jnp.clip(v, -2.0, 2.0) for v in values]
        return [clipped[-1], clipped[rng.integers(len(values))], integers[-1], jnp.clip(total, -1, 1), values[len(values) // 2], V]

    return step


@pytest.mark.quick(r'^[01]\b')
@pytest.mark.parametrize('seed', range(12))
def test_random_steps_in_a_loop_equal_those_of_xla(seed):
    start = sample('float32', seed), sample('float32', seed + 1), jnp.zeros(N, jnp.int32), jnp.float32(0.3)
    closed = jax.make_jaxpr(programs(seed))(*start)  # the generator is used once
    step = jax.extend.core.jaxpr_as_fun(closed)

    def looped(step):
        def body(carry, _):
            *carry, y, old = step(*carry)
            return tuple(carry), (y, old)

        return jax.jit(lambda carry: jax.lax.scan(body, carry, length=5))(start)

    for native, plain in zip(jax.tree.leaves(looped(event.fuse(step, 4))), jax.tree.leaves(looped(step)), strict=True):
        np.testing.assert_allclose(native, plain, rtol=1e-4, atol=1e-5)


def test_a_new_value_takes_the_memory_of_the_old_one_only_after_its_last_use():
    def step(V, spikes):
        new = V * 0.9 + 1.0
        fired = (new > 1.5).astype(jnp.float32)
        late = event.product(CSR, 1.0, V[50:150]) + event.product(CSR, 1.0, fired[:100])
        return [new + late, jnp.where(late > 1.0, fired, spikes[::1]), V[10:20] + new[:10]]

    args = sample('float32'), sample('float32', 1)
    natives, plains = native_and_plain(step, *args, carried=2)
    for native, plain in zip(natives, plains, strict=True):
        np.testing.assert_allclose(native, plain, rtol=1e-5)


def test_swapped_states():
    def step(a, b):
        return [b + 1.0, a * 2.0]

    def looped(step):
        return jax.lax.fori_loop(0, 3, lambda _, ab: tuple(step(*ab)), (jnp.arange(N, dtype=jnp.float32), jnp.ones(N)))

    for native, plain in zip(looped(event.fuse(step, 2)), looped(step), strict=True):
        np.testing.assert_array_equal(native, plain)


def recorder():
    return jnp.zeros((N, 3), jnp.int32), jnp.int32(0), jnp.array([2, 0, N, 0], jnp.int32)


def test_two_recorders_in_one_step():
    def step(x, *both):
        first, second = event.record(x > 0, 3, *both[:3]), event.record(jnp.where(x < -1, 2.0, 0.0), 4, *both[3:])
        return [*first, *second, first[1] + second[1]]

    for native, plain in zip(*native_and_plain(step, sample('float32'), *recorder(), *recorder()), strict=True):
        np.testing.assert_array_equal(native, plain)


def test_one_recorder_twice_in_one_step():
    def step(x, *recorder):
        return list(event.record(x < -1, 5, *event.record(x > 0, 3, *recorder)))

    for native, plain in zip(*native_and_plain(step, sample('float32'), *recorder()), strict=True):
        np.testing.assert_array_equal(native, plain)


@pytest.mark.slow
@pytest.mark.parametrize('size', [0, 1, 255, 1127])
def test_any_number_of_neurons(size):
    csr = event.CSR.from_pairs([0] * min(size, 1), [0] * min(size, 1), (size, size))

    def step(x):
        return [x + event.product(csr, 1.0, (x > 0).astype(jnp.float32)), jnp.exp(x)]

    x = sample('float32', n=size)
    with event.use_backend('numba'):  # or an error
        natives = jax.jit(event.fuse(step, 1))(x)
    for native, plain in zip(natives, step(x), strict=True):
        np.testing.assert_allclose(native, plain, rtol=1e-6)


@pytest.mark.slow
def test_derivatives_of_a_loop_are_those_of_its_equations():
    def loss(step):
        def of(weight, V):
            def body(V, _):
                V = step(V, weight)[0]
                return V, V.sum()

            return jax.lax.scan(body, V, length=4)[1].sum()

        return jax.jit(jax.value_and_grad(of, (0, 1)))(jnp.float32(0.3), sample('float32'))

    def step(V, weight):
        return [jnp.tanh(V) + event.product(CSR, weight, jax.nn.sigmoid(V[:100]))]

    for native, plain in zip(jax.tree.leaves(loss(event.fuse(step, 1))), jax.tree.leaves(loss(step)), strict=True):
        np.testing.assert_allclose(native, plain, rtol=1e-5)


@pytest.mark.slow
def test_lanes_of_a_step():
    def step(V, weight):
        return [V * weight + 1.0, event.product(CSR, 1.0, V[:100])]

    x = sample('float32', n=3 * N).reshape(3, N)
    natives = jax.vmap(event.fuse(step, 1), (0, None))(x, jnp.float32(2.0))
    for native, plain in zip(natives, jax.vmap(step, (0, None))(x, jnp.float32(2.0)), strict=True):
        np.testing.assert_allclose(native, plain, rtol=1e-6)


def test_arrays_of_a_batch():
    def step(V, g, row, column):
        return [jnp.exp(-V) * g + 2.0, V * row, V + column]

    x = sample('float32', n=4 * N).reshape(4, N)
    check(step, x, x * 2, sample('float32'), sample('float32', n=4)[:, None])


def test_xla_runs_where_it_is_asked_for():
    with event.use_backend('xla'):
        text = jax.jit(lambda x: event.fuse(lambda x: [x + 1.0], 1)(x)).lower(sample('float32')).as_text()
    assert 'brainpy_state_' not in text and 'stablehlo.add' in text
