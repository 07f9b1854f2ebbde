"""Hooks and compiled programs: what is traced, what is written back, and what a veto leaves."""

import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import HookCancellationError, ParamState, State

jit, for_loop, grad = bst.transform.jit, bst.transform.for_loop, bst.transform.grad


@pytest.fixture(autouse=True)
def no_hooks_are_left():
    yield
    bst.clear_state_hooks()


def plus_ten(ctx):
    ctx.transformed_value = ctx.value + 10.0


def _add(state):
    def add(x):
        state.value = state.value + x
        return state.value

    return add


def _no_negative(ctx):
    if not ctx.traced and bool(jnp.any(ctx.value < 0)):
        raise ArithmeticError('negative')


RUNS = {
    'jit': lambda f: jit(f)(1.0),
    'for_loop': lambda f: for_loop(f, jnp.ones(1)),
    'jit of jit': lambda f: jit(lambda x: jit(f)(x))(1.0),
    'jit of for_loop': lambda f: jit(lambda x: for_loop(f, x))(jnp.ones(1)),
    'for_loop of jit': lambda f: for_loop(jit(f), jnp.ones(1)),
    'cond': lambda f: bst.transform.cond(True, f, lambda x: x, 1.0),
    'grad': lambda f: grad(f, argnums=0)(1.0),
    'jit of grad': lambda f: jit(lambda x: grad(f, argnums=0)(x))(1.0),
    'jit in a block': lambda f: _watched(jit(f)),
}


def _watched(f):
    with bst.StateTraceStack():
        return f(1.0)


@pytest.mark.parametrize('run', RUNS.values(), ids=RUNS)
def test_a_value_is_transformed_exactly_once_for_each_write(run):
    state = State(jnp.array(2.0))
    state.register_hook('write_before', plus_ten)
    run(_add(state))
    assert float(state.value) == 13.0


def test_every_step_of_a_loop_transforms_what_it_writes():
    state = State(jnp.array(0.0))
    state.register_hook('write_before', plus_ten)
    np.testing.assert_array_equal(for_loop(_add(state), jnp.ones(3)), [11.0, 22.0, 33.0])
    assert float(state.value) == 33.0


def test_a_gradient_goes_through_what_the_hook_made():
    state = State(jnp.array(2.0))
    state.register_hook('write_before', lambda ctx: setattr(ctx, 'transformed_value', ctx.value * 3.0))

    def cube(x):
        state.value = x**3
        return state.value

    assert float(grad(cube)(2.0)) == 36.0  # of 3 x^3 at 2
    assert float(state.value) == 24.0


def test_under_vmap_a_hook_sees_one_lane_while_tracing_and_all_of_them_at_the_end():
    state, shapes = State(jnp.zeros(3)), []
    state.register_hook('write_before', plus_ten)
    state.register_hook('write_after', lambda ctx: shapes.append(ctx.value.shape))
    bst.transform.vmap(_add(state), in_states=state)(jnp.arange(3.0))
    assert shapes == [(), (3,)]
    np.testing.assert_array_equal(state.value, [10.0, 11.0, 12.0])


def test_hooks_see_tracers_once_and_then_the_final_values_of_each_call():
    state, seen = State(jnp.array(0.0), name='V'), []

    def record(ctx):
        seen.append((ctx.operation, ctx.metadata['compiled'], 'traced' if ctx.traced else (float(ctx.old_value), float(ctx.value))))

    state.register_hook('write_before', record)
    state.register_hook('write_after', record)
    step = jit(_add(state))
    for _ in range(3):
        step(1.0)
    assert seen[:2] == [('write_before', False, 'traced'), ('write_after', False, 'traced')]
    assert seen[2:] == [(kind, True, (k, k + 1.0)) for k in (0.0, 1.0, 2.0) for kind in ('write_before', 'write_after')]


def test_read_hooks_fire_where_python_reads():
    state, seen = State(jnp.array(1.0)), []
    state.register_hook('read', lambda ctx: seen.append(ctx.traced))
    step = jit(lambda x: state.value + x)
    for _ in range(3):
        step(1.0)
    assert seen == [True]
    state.value
    assert seen == [True, False]


@pytest.mark.quick('jit|for_loop')
@pytest.mark.parametrize('run', RUNS.values(), ids=RUNS)
@pytest.mark.parametrize('order', [1, -1])
def test_a_veto_leaves_all_states_as_they_were(run, order):
    a, b, c, written = State(jnp.array(1.0)), State(jnp.array(2.0)), State(jnp.array(3.0)), []
    b.register_hook('write_before', _no_negative)
    for state in (a, b, c):
        state.register_hook('write_after', lambda ctx: ctx.traced or written.append(ctx.value))

    def step(x):
        for state in (a, b, c)[::order]:
            state.value = state.value - 5.0 * x
        return x

    for _ in range(2):
        with pytest.raises(ArithmeticError, match='negative'):
            run(step)
    assert [float(s.value) for s in (a, b, c)] == [1.0, 2.0, 3.0]
    assert written == []


def test_a_cancelled_write_back_names_the_state_and_later_calls_work():
    state = State(jnp.array(1.0), name='V')

    def guard(ctx):
        ctx.cancel = not ctx.traced and bool(ctx.value > 5.0)

    state.register_hook('write_before', guard)
    step = jit(_add(state))
    step(1.0)
    with pytest.raises(HookCancellationError, match="State 'V' .*guard cancelled it"):
        step(10.0)
    step(3.0)
    assert float(state.value) == 5.0


def test_a_write_cancelled_while_tracing_leaves_no_mark():
    a, b = State(jnp.array(1.0)), State(jnp.array(2.0))
    hook = b.register_hook('write_before', lambda ctx: setattr(ctx, 'cancel', True))

    @jit
    def step(x):
        a.value = x
        b.value = x

    with pytest.raises(HookCancellationError):
        step(5.0)
    assert (float(a.value), float(b.value)) == (1.0, 2.0)
    hook.remove()
    step(5.0)
    assert (float(a.value), float(b.value)) == (5.0, 5.0)


@pytest.mark.parametrize('every', [False, True], ids=['own', 'every'])
@pytest.mark.parametrize('run', ['jit', 'for_loop', 'grad', 'jit in a block'])
def test_hooks_registered_after_compiling_are_seen_and_forgotten(run, every):
    state = State(jnp.array(0.0))
    add = _add(state)
    step = jit(add)
    go = {'jit': lambda: step(1.0), 'jit in a block': lambda: _watched(step)}.get(run, lambda: RUNS[run](add))
    go()
    go()
    assert float(state.value) == 2.0
    hook = bst.register_state_hook('write_before', plus_ten) if every else state.register_hook('write_before', plus_ten)
    go()
    assert float(state.value) == 13.0
    hook.disable()
    go()
    assert float(state.value) == 14.0
    hook.enable()
    go()
    assert float(state.value) == 25.0
    hook.remove()
    go()
    assert float(state.value) == 26.0


def test_a_function_is_compiled_once_for_each_set_of_hooks(compilations):
    state, other = State(jnp.array(0.0)), State(jnp.array(0.0))
    step = jit(_add(state))

    def all_ways():
        step(1.0)
        with state.temporary_hook('write_before', plus_ten):
            step(1.0)
        with other.temporary_hook('write_before', plus_ten), state.temporary_hook('write_after', lambda ctx: None):
            step(1.0)

    all_ways()
    with compilations() as found:
        all_ways()
    assert found == []
    assert float(state.value) == 26.0


def test_a_hook_for_a_block_inside_the_function_belongs_to_the_function():
    state = State(jnp.array(0.0))

    @jit
    def step(x):
        with state.temporary_hook('write_before', plus_ten):
            state.value = state.value + x

    step(1.0)
    step(1.0)
    assert float(state.value) == 22.0
    assert not state.has_hooks()


def test_a_hook_may_write_another_state_from_within_a_transform():
    state, count = State(jnp.array(0.0)), State(jnp.array(0))

    def tally(ctx):
        if ctx.traced:
            count.value = count.value + 1

    state.register_hook('write_after', tally)
    for_loop(_add(state), jnp.ones(4))
    assert int(count.value) == 4


def test_a_gradient_by_a_hooked_parameter_does_not_pass_its_hooks():
    w, seen = ParamState(jnp.array([1.0, 2.0])), []
    w.register_hook('write_before', lambda ctx: seen.append(ctx.value))
    np.testing.assert_array_equal(grad(lambda x: jnp.sum(w.value**2 * x), w)(3.0), [6.0, 12.0])
    assert seen == []


def test_an_init_hook_sees_states_made_while_tracing():
    made = []
    bst.register_state_hook('init', lambda ctx: made.append((ctx.state_name, ctx.traced)))
    jit(lambda x: State(x, name='local').value)(1.0)
    assert made == [('local', True)]
