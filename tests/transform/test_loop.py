"""`for_loop` and `scan`: many steps in one compiled loop."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BrainStateError, ShapeError, State
from brainpy_state.transform import for_loop, jit, scan


def running_sum():
    total = State(jnp.zeros(()), name='total')

    def add(x):
        total.value = total.value + x
        return total.value

    return total, add


def test_results_are_stacked_and_states_carried():
    total, add = running_sum()
    np.testing.assert_array_equal(for_loop(add, jnp.arange(5.0)), [0.0, 1.0, 3.0, 6.0, 10.0])
    assert float(total.value) == 10.0


def test_a_second_loop_goes_on_from_the_states_of_the_first():
    _, add = running_sum()
    for_loop(add, jnp.arange(5.0))
    np.testing.assert_array_equal(for_loop(add, jnp.ones(2)), [11.0, 12.0])


def test_it_equals_the_same_steps_in_plain_python():
    rng = np.random.default_rng(0)
    xs = jnp.asarray(rng.normal(size=(20, 3)), jnp.float32)
    a, b = State(jnp.zeros(3)), State(jnp.ones(3))

    def step(x):
        a.value, b.value = a.value * 0.9 + x, b.value + a.value * x
        return {'a': a.value, 'b': b.value}

    plain = [jax.tree.map(np.asarray, step(x)) for x in xs]
    a.value, b.value = jnp.zeros(3), jnp.ones(3)
    looped = for_loop(step, xs)
    for key in 'ab':
        # the same float32 operations, which XLA may contract into fused multiply-adds
        np.testing.assert_allclose(looped[key], [y[key] for y in plain], rtol=2e-5, atol=1e-6)


def test_several_arrays_and_trees_are_looped_over_together():
    out = for_loop(lambda x, y: x + y['a'] * y['b'], jnp.arange(3.0), {'a': jnp.ones((3, 2)), 'b': jnp.full((3, 2), 2.0)})
    np.testing.assert_array_equal(out, [[2.0, 2.0], [3.0, 3.0], [4.0, 4.0]])


def test_quantities_are_looped_over_with_their_unit():
    times = jnp.arange(3) * 0.1 * u.ms
    out = for_loop(lambda t: t * 2.0, times)
    assert u.get_unit(out) == u.ms
    np.testing.assert_allclose(out.to_decimal(u.ms), [0.0, 0.2, 0.4], rtol=1e-6)


def test_length_calls_a_function_of_no_arguments():
    total, _ = running_sum()

    def step():
        total.value = total.value + 1.0
        return total.value

    np.testing.assert_array_equal(for_loop(step, length=4), [1.0, 2.0, 3.0, 4.0])


def test_length_together_with_arrays_is_checked():
    _, add = running_sum()
    assert for_loop(add, jnp.ones(3), length=3).shape == (3,)
    with pytest.raises(ShapeError, match='length=4'):
        for_loop(add, jnp.ones(3), length=4)


def test_a_negative_number_of_steps_is_an_error():
    with pytest.raises(ShapeError, match='the number of steps is -1'):
        for_loop(lambda: None, length=-1)


def test_a_loop_of_no_steps_changes_nothing():
    total, add = running_sum()
    assert for_loop(add, jnp.zeros(0)).shape == (0,)
    assert float(total.value) == 0.0


def test_reverse_runs_from_the_last_step_and_keeps_the_order_of_results():
    _, add = running_sum()
    np.testing.assert_array_equal(for_loop(add, jnp.arange(4.0), reverse=True), [6.0, 6.0, 5.0, 3.0])


@pytest.mark.parametrize('unroll', [1, 2, 3, 10])
def test_unrolling_does_not_change_the_result(unroll):
    _, add = running_sum()
    np.testing.assert_array_equal(for_loop(add, jnp.arange(7.0), unroll=unroll), np.cumsum(np.arange(7.0)))


def test_a_step_may_return_nothing():
    total, _ = running_sum()

    def step(x):
        total.value = total.value + x

    assert for_loop(step, jnp.ones(3)) is None
    assert float(total.value) == 3.0


@pytest.mark.parametrize(
    ('xs', 'message'),
    [
        ((jnp.ones(3), jnp.ones(4)), r'leading axes \[3, 4\]'),
        ((jnp.ones(3), 1.0), 'one is a scalar'),
        ((), 'nothing says how many steps'),
    ],
)
def test_steps_that_are_not_clear_are_an_error(xs, message):
    with pytest.raises(ShapeError, match=message):
        for_loop(lambda *x: None, *xs)


CHANGES = [
    ('shape', lambda v: jnp.concatenate([v, v]), r'from float32\[2\] to float32\[4\]'),
    ('type', lambda v: v.astype(jnp.int32), r'from float32\[2\] to int32\[2\]'),
    ('tree', lambda v: (v, v), r'from float32\[2\] to \(float32\[2\], float32\[2\]\)'),
]


@pytest.mark.parametrize(('change', 'message'), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_state_that_changes_its_type_inside_a_loop_is_named(change, message):
    state = State(jnp.ones(2), name='V')

    def step():
        state.value = change(state.value)

    with pytest.raises(BrainStateError, match=f"State 'V' changes inside the loop {message}"):
        for_loop(step, length=3)
    np.testing.assert_array_equal(state.value, [1.0, 1.0])


def test_a_carry_that_changes_its_type_is_an_error():
    with pytest.raises(BrainStateError, match=r'the carry changes inside the loop from float32\[2\] to float32\[\]'):
        scan(lambda c, x: (jnp.sum(c), x), jnp.ones(2), jnp.ones(3))


def test_a_state_of_weak_type_may_be_carried():
    total = State(0.0)

    def add(x):
        total.value = total.value + x

    for _ in range(3):
        for_loop(add, jnp.ones(3))
    assert float(total.value) == 9.0


def test_scan_carries_and_stacks_like_lax_scan():
    def body(carry, x):
        return carry + x, carry * x

    xs = jnp.arange(5.0)
    ours, theirs = scan(body, 1.0, xs), jax.lax.scan(body, 1.0, xs)
    assert float(ours[0]) == float(theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


def test_scan_threads_states_besides_its_carry():
    total, _ = running_sum()

    def body(carry, x):
        total.value = total.value + carry
        return carry + x, total.value

    carry, ys = scan(body, jnp.array(1.0), jnp.ones(3))
    assert float(carry) == 4.0
    np.testing.assert_array_equal(ys, [1.0, 3.0, 6.0])


def test_scan_without_arrays_passes_none():
    carry, ys = scan(lambda c, x: (c + 1, x), jnp.array(0), length=5)
    assert int(carry) == 5
    assert ys is None


def test_scan_runs_in_reverse():
    carry, ys = scan(lambda c, x: (2 * c + x, c), jnp.array(0.0), jnp.arange(3.0), reverse=True)
    assert float(carry) == 2 * (2 * 2 + 1) + 0
    np.testing.assert_array_equal(ys, [5.0, 2.0, 0.0])


def test_scan_body_that_returns_no_pair_is_an_error():
    with pytest.raises(TypeError, match=r'returns \(carry, y\)'):
        scan(lambda c, x: c, 0.0, jnp.ones(3))


def test_loops_nest_and_share_states():
    total, traces = State(jnp.zeros(())), {'inner': 0, 'outer': 0}

    def inner(x):
        traces['inner'] += 1
        total.value = total.value + x

    def outer(xs):
        traces['outer'] += 1
        for_loop(inner, xs)
        return total.value

    np.testing.assert_array_equal(for_loop(outer, jnp.ones((3, 4))), [4.0, 8.0, 12.0])
    assert traces == {'inner': 1, 'outer': 1}


def test_a_loop_body_may_close_over_a_value_of_an_enclosing_trace():
    @jit
    def f(x):
        return for_loop(lambda i: i * x, jnp.arange(3.0))

    np.testing.assert_array_equal(f(2.0), [0.0, 2.0, 4.0])
    np.testing.assert_array_equal(f(3.0), [0.0, 3.0, 6.0])
    assert float(jax.grad(lambda x: for_loop(lambda i: i * x, jnp.arange(3.0)).sum())(1.0)) == 3.0


def test_a_named_body_that_closes_over_traced_values_gets_the_new_ones():
    box = []

    def body(i):
        return i * box[-1]

    @jit
    def f(x):
        box.append(x)
        return for_loop(body, jnp.arange(3.0))

    np.testing.assert_array_equal(f(2.0), [0.0, 2.0, 4.0])
    np.testing.assert_array_equal(f(jnp.ones(3) * 3.0)[1], [3.0, 3.0, 3.0])


def test_a_read_only_state_is_no_carry_and_its_new_value_is_seen():
    gain = State(jnp.array(2.0))

    def body(x):
        return gain.value * x

    xs = jnp.arange(3.0)
    np.testing.assert_array_equal(for_loop(body, xs), [0.0, 2.0, 4.0])
    gain.value = jnp.array(3.0)
    np.testing.assert_array_equal(for_loop(body, xs), [0.0, 3.0, 6.0])


def test_a_state_written_before_it_is_read_is_carried():
    last = State(jnp.zeros(()))

    def body(x):
        last.value = x
        return last.value * 2

    np.testing.assert_array_equal(for_loop(body, jnp.arange(3.0)), [0.0, 2.0, 4.0])
    assert float(last.value) == 2.0


def test_random_draws_differ_from_step_to_step_and_advance_the_generator():
    before = np.asarray(bst.random.DEFAULT.value)
    draws = for_loop(lambda: bst.random.rand(), length=100)
    assert len(np.unique(draws)) == 100
    assert not np.array_equal(before, bst.random.DEFAULT.value)


def test_a_failed_loop_leaves_states_as_they_were():
    total, _ = running_sum()

    def fail(x):
        total.value = total.value + x
        raise KeyError('on purpose')

    with pytest.raises(KeyError, match='on purpose'):
        for_loop(fail, jnp.ones(3))
    assert float(total.value) == 0.0


def test_a_state_that_the_body_writes_before_it_reads_it_may_have_had_another_shape():
    s = State(jnp.zeros(2))

    def body(x):
        s.value = jnp.full(3, x)
        return s.value.sum()

    assert for_loop(body, jnp.arange(4.0)).tolist() == [0.0, 3.0, 6.0, 9.0]
    assert s.value.tolist() == [3.0, 3.0, 3.0]


def test_a_loop_of_no_steps_leaves_a_state_that_its_body_would_only_write():
    s = State(jnp.array([1.0, 2.0]))

    def body(x):
        s.value = jnp.full(2, x)

    for_loop(body, jnp.zeros(0))
    assert s.value.tolist() == [1.0, 2.0]
