"""`while_loop` and `bounded_while_loop` against the same loop in plain Python."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BrainStateError, ParameterError, ParamState, State
from brainpy_state.transform import bounded_while_loop, for_loop, grad, jit, vmap, while_loop

LOOPS = {
    'while_loop': while_loop,
    'bounded': lambda *args: bounded_while_loop(*args, max_steps=30),
    'bounded by 3': lambda *args: bounded_while_loop(*args, max_steps=30, base=3),
}
loops = pytest.mark.parametrize('loop', LOOPS.values(), ids=LOOPS)


def collatz(n):
    """Steps from n to 1 of the sequence, and the largest number on the way."""
    steps, top = 0, n
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps, top = steps + 1, max(top, n)
    return steps, top


@loops
@pytest.mark.parametrize('compiled', [False, True], ids=['eager', 'jit'])
def test_it_equals_the_loop_in_plain_python(loop, compiled):
    steps, top, traces = State(0), State(0), []

    def body(n):
        traces.append(n)
        n = jnp.where(n % 2 == 0, n // 2, 3 * n + 1)
        steps.value = steps.value + 1
        top.value = jnp.maximum(top.value, n)
        return n

    f = lambda n: loop(lambda n: n != 1, body, n)  # noqa: E731
    f = jit(f) if compiled else f
    for n in (9, 1, 7):
        steps.value, top.value = 0, n
        assert int(f(n)) == 1
        assert (int(steps.value), int(top.value)) == collatz(n)
    # a state that holds a Python number has another type than one that holds a result
    assert len(traces) <= 2


@loops
def test_the_condition_may_read_states(loop):
    level, limit = State(jnp.array(0.0)), State(jnp.array(3.0))

    def body(x):
        level.value = level.value + 0.5
        return x + 1

    assert int(loop(lambda x: level.value < limit.value, body, 0)) == 6
    limit.value = jnp.array(4.0)
    assert int(loop(lambda x: level.value < limit.value, body, 0)) == 2
    assert float(level.value) == 4.0


@loops
def test_a_condition_that_does_not_hold_changes_nothing(loop):
    s = State(jnp.array(1.0))

    def body(x):
        s.value = s.value + 1
        return x * jnp.nan

    assert float(loop(lambda x: x < 0, body, 3.0)) == 3.0
    assert float(s.value) == 1.0


@loops
def test_a_condition_that_writes_is_an_error_that_names_the_state(loop):
    s = State(jnp.array(0), name='count')

    def condition(x):
        s.value = s.value + 1
        return x < 3

    with pytest.raises(ValueError, match="writes State 'count'; only the body may write states"):
        loop(condition, lambda x: x + 1, 0)
    assert int(s.value) == 0


@loops
@pytest.mark.parametrize(
    'condition', [lambda x: jnp.ones(2, bool), lambda x: (True, True), lambda x: None], ids=['array', 'two', 'nothing']
)
def test_a_condition_that_is_no_scalar_is_an_error(loop, condition):
    with pytest.raises(TypeError, match='must return one bool'):
        loop(condition, lambda x: x, 0.0)


@loops
def test_a_condition_may_be_a_number(loop):
    assert int(loop(lambda n: n, lambda n: n - 1, 5)) == 0


@loops
def test_values_that_change_their_type_are_named(loop):
    with pytest.raises(BrainStateError, match=r'the carry changes inside the loop from .*float32\[2\].* to .*float32\[3\]'):
        loop(lambda x: True, lambda x: jnp.zeros(3), jnp.zeros(2))
    s = State(jnp.zeros(2), name='V')

    def body(x):
        s.value = jnp.concatenate([s.value, s.value])
        return x

    with pytest.raises(BrainStateError, match=r"State 'V' changes inside the loop from float32\[2\] to float32\[4\]"):
        loop(lambda x: x < 3, body, 0)
    np.testing.assert_array_equal(s.value, [0.0, 0.0])


@loops
def test_trees_and_quantities_are_carried(loop):
    out = loop(lambda c: c['v'] < -50.0 * u.mV, lambda c: {'v': c['v'] + c['dv'], 'dv': c['dv']}, {'v': -65.0 * u.mV, 'dv': 4.0 * u.mV})
    np.testing.assert_allclose(out['v'].to_decimal(u.mV), -49.0)
    assert out['dv'] == 4.0 * u.mV


@pytest.mark.quick('^bounded by 3|^while')
@loops
def test_random_draws_go_on_from_step_to_step(loop):
    def body(c):
        return bst.random.rand(), c[1] + 1

    bst.random.seed(3)
    last, n = loop(lambda c: c[0] > 0.1, body, (1.0, 0))
    key = np.asarray(bst.random.get_key())
    bst.random.seed(3)
    drawn = [float(bst.random.rand()) for _ in range(int(n))]
    assert [x > 0.1 for x in drawn] == [True] * (int(n) - 1) + [False]
    assert drawn[-1] == float(last)
    np.testing.assert_array_equal(key, bst.random.get_key())


@loops
def test_a_second_call_compiles_nothing(loop, compilations):
    s = State(jnp.array(0.0))

    def body(x):
        s.value = s.value + x
        return x / 2

    def condition(x):
        return x > 1

    loop(condition, body, 10.0)
    with compilations() as found:
        loop(condition, body, 20.0)
    assert found == []


@loops
def test_each_lane_stops_by_itself(loop):
    steps = State(jnp.zeros(3, int))

    def body(x):
        steps.value = steps.value + 1
        return x * 2

    out = vmap(lambda x: loop(lambda x: x < 10, body, x), in_states=steps)(jnp.array([1.0, 6.0, 11.0]))
    np.testing.assert_array_equal(out, [16.0, 12.0, 11.0])
    np.testing.assert_array_equal(steps.value, [4, 1, 0])


@pytest.mark.quick('^bounded by 3')
@loops
def test_loops_nest(loop):
    total = State(0)

    def inner(j):
        total.value = total.value + 1
        return j - 1

    def outer(i):
        loop(lambda j: j > 0, inner, i)
        return i - 1

    loop(lambda i: i > 0, outer, 4)
    assert int(total.value) == 10
    for_loop(lambda i: loop(lambda j: j > 0, inner, i), jnp.arange(4))
    assert int(total.value) == 16


@loops
def test_a_failing_body_leaves_states_as_they_were(loop):
    s = State(jnp.array(0))

    def body(x):
        s.value = s.value + 1
        raise KeyError('on purpose')

    with pytest.raises(KeyError, match='on purpose'):
        loop(lambda x: x < 3, body, 0)
    assert int(s.value) == 0


def test_forward_derivatives_go_through_a_while_loop():
    f = lambda x: while_loop(lambda y: y < 100, lambda y: y * x, x)  # noqa: E731
    assert float(jax.jvp(f, (3.0,), (1.0,))[1]) == 405.0


# --- bounded --------------------------------------------------------------------------------------------


@pytest.mark.quick('^(0-2|9-3|17-16)$')
@pytest.mark.parametrize(
    ('max_steps', 'base'), [(0, 2), (1, 2), (2, 2), (3, 2), (8, 2), (9, 2), (9, 3), (10, 3), (15, 16), (17, 16), (40, 100)]
)
def test_it_ends_after_exactly_so_many_steps(max_steps, base):
    s = State(0)

    def body(x):
        s.value = s.value + 1
        return x + 1

    assert int(bounded_while_loop(lambda x: True, body, 0, max_steps, base)) == max_steps
    assert int(s.value) == max_steps
    assert int(bounded_while_loop(lambda x: x < 5, lambda x: x + 1, 0, max_steps, base)) == min(5, max_steps)


@pytest.mark.parametrize(('max_steps', 'base'), [(-1, 16), (5, 1), (5, 0)])
def test_bad_bounds_are_an_error(max_steps, base):
    with pytest.raises(ParameterError, match='max_steps = .* must be 0 or more, base = .* must be 2 or more'):
        bounded_while_loop(lambda x: True, lambda x: x, 0, max_steps, base)


@pytest.mark.slow
@pytest.mark.parametrize(('base', 'compiled'), [(16, False), (2, True), (3, True), (100, True)])
def test_its_gradient_is_that_of_the_steps_that_were_done(base, compiled, x64):
    w, h = ParamState(jnp.array([0.9, 1.1, 1.3])), State(jnp.zeros(3))

    def step(x):
        h.value = jnp.tanh(h.value + w.value * x)
        return x + 0.1 * jnp.sum(h.value)

    def loss(x):
        h.value = jnp.zeros(3)
        out = bounded_while_loop(lambda x: x < 5.0, step, x, 40, base)
        return out**2 + jnp.sum(h.value)

    def twin(w, x):
        h = jnp.zeros(3)
        while x < 5.0:
            h = jnp.tanh(h + w * x)
            x = x + 0.1 * jnp.sum(h)
        return x**2 + jnp.sum(h)

    g = grad(loss, w, argnums=0)
    by_w, by_x = (jit(g) if compiled else g)(1.0)
    expected = jax.grad(twin, (0, 1))(w.value, 1.0)
    # the same operations, rounded in float64
    np.testing.assert_allclose(by_w, expected[0], rtol=1e-12)
    np.testing.assert_allclose(by_x, expected[1], rtol=1e-12)


def test_a_gradient_of_no_step_is_that_of_the_first_value():
    assert float(grad(lambda x: bounded_while_loop(lambda y: y < 0, lambda y: y * jnp.nan, x, 9))(2.0)) == 1.0


def test_a_gradient_for_each_lane():
    f = lambda x: bounded_while_loop(lambda y: y < 100, lambda y: y * x, x, max_steps=10)  # noqa: E731
    np.testing.assert_allclose(vmap(grad(f))(jnp.array([3.0, 10.0, 101.0])), [405.0, 20.0, 1.0], rtol=1e-6)


def test_integers_keys_and_switches_may_be_carried_under_a_gradient():
    def loss(x):
        first = (x, 0, jax.random.key(0), True)
        return bounded_while_loop(lambda c: c[3], lambda c: (c[0] * x, c[1] + 1, c[2], c[1] < 2), first, max_steps=8)[0]

    assert float(grad(loss)(2.0)) == 32.0  # of x**4


def test_first_values_of_weak_type_are_carried():
    assert float(bounded_while_loop(lambda x: x < 3, lambda x: x + jnp.ones(()), 0.0, 10)) == 3.0
    s = State(0.0)

    def body(x):
        s.value = s.value + jnp.ones(())
        return x + 1

    bounded_while_loop(lambda x: x < 3, body, 0, 10)
    assert float(s.value) == 3.0
