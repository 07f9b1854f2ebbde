"""`jit_error_if`: an error from compiled code, raised when the outermost call ends."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import State, TraceContextError
from brainpy_state.transform import (
    bounded_while_loop,
    checkpoint,
    checkpointed_for_loop,
    cond,
    for_loop,
    grad,
    ifelse,
    jit,
    jit_error_if,
    jvp,
    map,
    scan,
    switch,
    vmap,
    while_loop,
)


class Guard:
    """Counts its calls in a state and refuses numbers above 1."""

    def __init__(self):
        self.calls = State(jnp.zeros(()))

    def __call__(self, x):
        self.calls.value += 1.0
        jit_error_if(x > 1, '{} is above {}', x, 1)
        return x


@pytest.fixture
def guard():
    return Guard()


# Each runs the guard inside of other transforms, on one number after the other or in lanes side by side.
INSIDE = {
    'jit': lambda guard, xs: jit(guard)(xs[1]),
    'jit of jit': lambda guard, xs: jit(lambda x: 2 * jit(guard)(x))(xs[1]),
    'cond': lambda guard, xs: cond(xs[1] > 0, guard, lambda x: x, xs[1]),
    'switch': lambda guard, xs: switch(1, [lambda x: x, guard], xs[1]),
    'ifelse': lambda guard, xs: ifelse([xs[1] <= 0, xs[1] > 0], [lambda x: x, guard], xs[1]),
    'for_loop': lambda guard, xs: for_loop(guard, xs),
    'for_loop in reverse': lambda guard, xs: for_loop(guard, xs[::-1], reverse=True),
    'for_loop of for_loop': lambda guard, xs: for_loop(lambda x: for_loop(guard, x), xs.reshape(-1, 1)),
    'scan': lambda guard, xs: scan(lambda c, x: (c, guard(x)), 0, xs),
    'checkpointed_for_loop': lambda guard, xs: checkpointed_for_loop(guard, xs, base=2),
    'while_loop': lambda guard, xs: while_loop(lambda i: i < 3, lambda i: i + 1 + 0 * guard(xs[i]).astype(int), 0),
    'bounded_while_loop': lambda guard, xs: bounded_while_loop(lambda i: i < 3, lambda i: (guard(xs[i]), i + 1)[1], 0, max_steps=9),
    'vmap': lambda guard, xs: vmap(guard)(xs),
    'vmap of vmap': lambda guard, xs: vmap(vmap(guard))(xs.reshape(-1, 1)),
    'vmap of for_loop': lambda guard, xs: vmap(lambda x: for_loop(guard, x))(xs.reshape(-1, 1)),
    'for_loop of vmap': lambda guard, xs: for_loop(vmap(guard), xs.reshape(-1, 1)),
    'map': lambda guard, xs: map(guard, xs),
    'grad': lambda guard, xs: grad(guard)(xs[1]),
    'grad of checkpoint': lambda guard, xs: grad(checkpoint(guard))(xs[1]),
    'grad of for_loop': lambda guard, xs: grad(lambda a: for_loop(lambda x: guard(a * x), xs).sum())(1.0),
    'grad of a checkpointed loop': lambda guard, xs: grad(lambda a: checkpointed_for_loop(lambda x: guard(a * x), xs).sum())(1.0),
    'jit of grad of for_loop': lambda guard, xs: jit(grad(lambda a: for_loop(lambda x: guard(a * x), xs).sum()))(1.0),
    'jvp': lambda guard, xs: jvp(guard, (xs[1],), (1.0,)),
}


@pytest.mark.quick('^(jit|cond|for_loop|scan|while_loop|vmap|checkpointed_for_loop|run)$')
@pytest.mark.parametrize('call', INSIDE.values(), ids=INSIDE)
def test_the_first_bad_value_is_told_and_states_are_as_before(guard, call):
    with pytest.raises(ValueError, match=r'^2\.0 is above 1$'):
        call(guard, jnp.array([0.0, 2.0, 3.0]))
    assert float(guard.calls.value) == 0.0
    call(guard, jnp.array([0.0, 0.5, 1.0]))  # nothing of the error is left
    assert float(guard.calls.value) > 0.0


def test_without_a_compiled_call_it_raises_where_it_stands(guard):
    with pytest.raises(ValueError, match=r'^2\.0 is above 1$'):
        guard(2.0)
    assert float(guard.calls.value) == 1.0  # as Python has written it


def test_a_branch_that_is_not_taken_does_not_raise(guard):
    assert float(cond(False, guard, lambda x: -x, 2.0)) == -2.0
    np.testing.assert_array_equal(vmap(lambda x: cond(x > 1, lambda x: x, lambda x: refuse(x) * 0, x))(jnp.arange(3.0)), [0, 0, 2])


def refuse(x):
    jit_error_if(x > 1, 'lane of {}', x)
    return x


def test_in_lanes_that_take_a_branch_the_first_bad_one_is_told():
    with pytest.raises(ValueError, match=r'^lane of 3\.0$'):
        vmap(lambda x: cond(x > 2, refuse, lambda x: x, x))(jnp.arange(6.0))


def test_the_first_bad_lane_is_told_also_if_another_failed_at_an_earlier_step():
    with pytest.raises(ValueError, match=r'^lane of 5\.0$'):
        vmap(lambda xs: for_loop(refuse, xs))(jnp.array([[0.0, 0.0, 0.0], [1.0, 1.0, 5.0], [7.0, 8.0, 9.0]]))


def test_of_two_errors_the_one_that_stands_first_is_told():
    @jit
    def f(x):
        jit_error_if(x > 1, 'first')
        cond(x > 0, lambda: jit_error_if(x > 0.5, 'second'), lambda: jit_error_if(x < -1, 'third'))
        jit_error_if(x != 0, 'fourth')

    for x, message in {2.0: 'first', 0.75: 'second', -2.0: 'third', 0.25: 'fourth'}.items():
        with pytest.raises(ValueError, match=f'^{message}$'):
            f(x)
    f(0.0)


def test_two_checks_of_one_text_tell_the_first_failure():
    @jit
    def f(x):
        jit_error_if(x > 1, 'bad: {}', x)
        jit_error_if(x > 0, 'bad: {}', -x)

    with pytest.raises(ValueError, match=r'^bad: 2\.0$'):
        f(2.0)
    with pytest.raises(ValueError, match=r'^bad: -1\.0$'):
        f(1.0)


def test_any_true_element_raises_and_arrays_are_told_whole():
    f = jit(lambda x: jit_error_if(x < 0, 'negative: {}', x))
    with pytest.raises(ValueError, match=r'^negative: \[ 1\. -1\.\]$'):
        f(jnp.array([1.0, -1.0]))
    f(jnp.ones(2))
    f(jnp.ones(0))


def test_places_of_the_text_are_formatted():
    with pytest.raises(ValueError, match=r'^0\.33 of 7, 2\.5 mV$'):
        jit(lambda x: jit_error_if(x > 0, '{:.2f} of {}, {}', x / 3, 7, 2.5 * x * u.mV))(1.0)


@pytest.mark.parametrize('call', [lambda f, x: f(x), lambda f, x: jit(f)(x)], ids=['eager', 'jit'])
def test_a_function_makes_the_message_of_any_pytree(call):
    def check(x):
        jit_error_if(x > 0, lambda where, n: f'{where["x"]:.1f} and {n}', {'x': x}, 3)

    with pytest.raises(ValueError, match=r'^2\.0 and 3$'):
        call(check, 2.0)


@pytest.mark.parametrize('call', [lambda f: f(1.0), lambda f: jit(f)(1.0)], ids=['eager', 'jit'])
def test_a_text_without_values_is_told_as_it_is(call):
    with pytest.raises(ValueError, match=r'^\{x\} of \{\}$'):
        call(lambda x: jit_error_if(x > 0, '{x} of {}'))


def test_a_condition_that_is_known_while_compiling_raises_at_run_time():
    f = jit(lambda x: jit_error_if(True, 'always'))
    for _ in range(2):
        with pytest.raises(ValueError, match='^always$'):
            f(1.0)


@pytest.mark.parametrize('value', ['text', object(), State(1.0)], ids=['str', 'object', 'State'])
@pytest.mark.parametrize('pred', [True, False])
def test_a_value_that_is_no_array_is_an_error_whether_it_fails_or_not(pred, value):
    for call in (jit_error_if, lambda *args: jit(lambda: jit_error_if(*args))()):
        with pytest.raises(TypeError, match="values for 'x {}' must be arrays or numbers"):
            call(pred, 'x {}', value)


@pytest.mark.parametrize('pred', [True, False])
def test_a_message_that_is_neither_text_nor_function_is_an_error(pred):
    with pytest.raises(TypeError, match='message must be a text or a function, but is 3'):
        jit_error_if(pred, 3)


@pytest.mark.parametrize(
    'call',
    [
        lambda f: jax.jit(f)(2.0),
        lambda f: jax.vmap(f)(jnp.arange(3.0)),
        lambda f: jax.grad(f)(2.0),
        lambda f: jax.lax.map(f, jnp.arange(3.0)),
        lambda f: jax.jit(jit(f))(2.0),
        lambda f: jit(jax.jit(f))(2.0),
        lambda f: jax.jit(lambda: for_loop(f, jnp.arange(3.0)))(),
    ],
    ids=['jit', 'vmap', 'grad', 'map', 'around a compiled function', 'inside a compiled function', 'around a loop'],
)
def test_a_raw_jax_transform_is_an_error_that_says_what_to_do(call):
    with pytest.raises(TraceContextError, match='Use the transform of the same name from this package'):
        call(refuse)
    refuse(1.0)


def test_a_check_that_holds_changes_no_result_and_compiles_once(compilations):
    def step(x, check):
        h.value = jnp.tanh(0.5 * h.value + x)
        if check:
            jit_error_if(jnp.isnan(h.value), 'NaN: {}', h.value)
        return h.value, bst.random.rand()

    h, found = State(jnp.zeros(())), {}
    xs = jnp.linspace(-1, 1, 7)
    for check in (False, True):
        h.value = jnp.zeros(())
        bst.random.seed(1)
        found[check] = [for_loop(lambda x, check=check: step(x, check), xs), h.value, bst.random.DEFAULT.value]
    jax.tree.map(np.testing.assert_array_equal, found[True], found[False])

    f = jit(refuse)
    f(1.0)
    with compilations() as compiled:
        for x in (0.0, 2.0, 1.0):
            if x > 1:
                with pytest.raises(ValueError, match='lane of'):
                    f(x)
            else:
                assert float(f(x)) == x
    assert compiled == []


def test_a_gradient_does_not_see_the_check():
    checked = grad(lambda x: refuse(x) ** 3)
    assert float(checked(0.5)) == 0.75


def test_an_error_after_random_draws_puts_the_generator_back():
    @jit
    def draw(x):
        number = bst.random.rand()
        refuse(x)
        return number

    before = bst.random.DEFAULT.value
    with pytest.raises(ValueError, match='lane of'):
        draw(2.0)
    np.testing.assert_array_equal(bst.random.DEFAULT.value, before)


def test_the_hidden_state_belongs_to_no_model_and_hooks_do_not_see_it():
    class Model(bst.nn.Module):
        def __init__(self):
            self.n = State(jnp.zeros(()))

        def update(self, x):
            self.n.value += refuse(x)

    model, seen = Model(), []
    hook = bst.register_state_hook('write_after', lambda write: seen.append(write.state))
    try:
        jit(model)(1.0)
    finally:
        hook.remove()
    assert list(model.states().values()) == [model.n]
    assert set(seen) == {model.n}
