"""`vmap`: states are shared or have a lane axis."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BatchAxisError, ParamState, RandomState, ShapeError, State
from brainpy_state.transform import cond, for_loop, grad, jit, vmap

A = np.arange(6.0, dtype=np.float32).reshape(2, 3)
B = np.arange(6.0, dtype=np.float32).reshape(3, 2) * 10


def collected(form, a, b):
    return {
        'list': [a, b],
        'tuple': (a, b),
        'dict of paths': {('x', 'a'): a, ('x', 'b'): b},
        'by axis': {0: [a, b]},
        'by axis, of paths': {0: {('a',): a, ('b',): b}},
        'nested': [[a], {'b': b}],
    }[form]


@pytest.mark.parametrize('form', ['list', 'tuple', 'dict of paths', 'by axis', 'by axis, of paths', 'nested'])
def test_declared_states_are_read_and_written_lane_by_lane(form):
    a, b = State(jnp.zeros(2)), State(jnp.ones((2, 3)))

    def step(x):
        a.value = a.value + x.sum()
        b.value = b.value * x
        return a.value

    mapped = vmap(step, in_states=collected(form, a, b))
    np.testing.assert_array_equal(mapped(A), A.sum(1))
    np.testing.assert_array_equal(mapped(A), 2 * A.sum(1))
    np.testing.assert_array_equal(a.value, 2 * A.sum(1))
    np.testing.assert_array_equal(b.value, A**2)


@pytest.mark.parametrize('axis', [0, 1, -1, -2])
def test_a_state_may_have_its_lanes_on_any_axis(axis):
    state = State(jnp.asarray(A))

    def step(x):
        state.value = state.value + x
        return state.value

    x = jnp.arange(A.shape[axis], dtype=jnp.float32)
    out = vmap(step, in_states={axis: state}, out_axes=axis)(x)
    np.testing.assert_array_equal(state.value, A + np.expand_dims(x, 1 - axis % 2))
    np.testing.assert_array_equal(out, state.value)


def test_states_on_different_axes_are_declared_together():
    a, b = State(jnp.asarray(A)), State(jnp.asarray(B))

    def step():
        a.value, b.value = b.value, a.value  # each of shape (3,)

    vmap(step, in_states={0: a, 1: {('b',): b}})()
    np.testing.assert_array_equal(a.value, B.T)
    np.testing.assert_array_equal(b.value, A.T)


def test_states_of_a_model_are_declared_by_its_paths():
    class Cells(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.v, self.w = bst.HiddenState(jnp.zeros(3)), ParamState(jnp.array(2.0))

        def update(self, x):
            self.v.value = self.v.value + self.w.value * x

    cells = Cells()
    vmap(cells, in_states=cells.states(bst.HiddenState))(jnp.arange(3.0))
    np.testing.assert_array_equal(cells.v.value, [0.0, 2.0, 4.0])


def test_a_state_with_a_tree_and_units_has_its_lanes_in_every_leaf():
    state = State({'v': jnp.zeros(2) * u.mV, 'n': jnp.zeros((2, 3))})

    def step(x):
        state.value = {'v': state.value['v'] + x[0] * u.mV, 'n': state.value['n'] + x}

    vmap(step, in_states=state)(A)
    np.testing.assert_array_equal(state.value['v'].to_decimal(u.mV), A[:, 0])
    np.testing.assert_array_equal(state.value['n'], A)


def test_shared_states_are_read_by_all_lanes():
    gain = State(jnp.array(3.0))
    np.testing.assert_array_equal(vmap(lambda x: gain.value * x)(A), 3 * A)
    gain.value = jnp.array(4.0)
    np.testing.assert_array_equal(vmap(lambda x: gain.value * x)(A), 4 * A)


def test_a_shared_state_may_be_written_with_what_is_the_same_on_all_lanes():
    calls, traces = State(jnp.array(0)), []

    def step(x):
        traces.append(x)
        calls.value = calls.value + 1
        return x

    mapped = vmap(step)
    mapped(A), mapped(A)
    assert int(calls.value) == 2
    assert len(traces) == 1


def test_a_reduced_value_is_the_same_on_all_lanes():
    total = State(jnp.zeros(3))

    def step(x):
        total.value = total.value + jax.lax.psum(x, 'lanes')

    vmap(step, axis_name='lanes')(A)
    np.testing.assert_array_equal(total.value, A.sum(0))


@pytest.mark.parametrize('inside', ['plain', 'for_loop', 'jit', 'cond', 'vmap', 'grad'])
def test_a_shared_state_written_with_what_differs_between_lanes_is_named(inside):
    state = State(jnp.zeros(()), name='count')

    def write(x):
        state.value = state.value + x
        return x

    body = {
        'plain': write,
        'for_loop': lambda x: for_loop(write, x[None]),
        'jit': jit(write),
        'cond': lambda x: cond(x > 0, write, lambda x: x, x),
        'vmap': lambda x: vmap(lambda y: write(x), axis_size=2, in_axes=None)(1.0),
        'grad': grad(write),
    }[inside]
    with pytest.raises(BatchAxisError, match=r"State 'count' is shared by all lanes, but the value written to it differs"):
        vmap(body)(jnp.ones(2))
    assert float(state.value) == 0.0


def test_a_predicate_of_the_lane_makes_what_is_written_under_it_differ():
    state = State(jnp.zeros(()), name='count')

    def write():
        state.value = state.value + 1.0

    with pytest.raises(BatchAxisError, match='count'):
        vmap(lambda x: cond(x > 0, write, lambda: None))(jnp.ones(2))


def test_a_failed_call_does_not_stay_in_the_way():
    state = State(jnp.zeros(()), name='count')

    def write(x):
        state.value = state.value + x

    for _ in range(2):
        with pytest.raises(BatchAxisError):
            vmap(write)(jnp.ones(2))
    vmap(lambda x: write(1.0))(jnp.ones(2))
    assert float(state.value) == 1.0


@pytest.mark.parametrize('axis', [0, 1, -1])
def test_out_states_get_a_lane_axis_by_being_written(axis):
    state = State(jnp.zeros(3))

    def step(x):
        state.value = state.value + x

    vmap(step, out_states={axis: state})(A)
    np.testing.assert_array_equal(state.value, np.moveaxis(A, 0, axis))


CONFLICTS = {
    'in and out': (lambda s: vmap(lambda: 0, in_states={0: s}, out_states={1: s}), r"State 'V' has axis 0 in in_states, but 1 in out_states"),
    'twice': (lambda s: vmap(lambda: 0, in_states=[s, s]), r"State 'V' stands twice in in_states"),
    'on two axes': (lambda s: vmap(lambda: 0, in_states={0: s, 1: [s]}), r"State 'V' stands twice in in_states"),
    'twice out': (lambda s: vmap(lambda: 0, out_states=(s, s)), r"State 'V' stands twice in out_states"),
}  # fmt: skip


@pytest.mark.parametrize(('make', 'message'), CONFLICTS.values(), ids=CONFLICTS)
def test_a_state_has_one_axis_only(make, message):
    with pytest.raises(BatchAxisError, match=message):
        make(State(jnp.zeros(2), name='V'))


@pytest.mark.parametrize('bad', [1.0, object()])
def test_something_else_than_states_is_an_error(bad):
    with pytest.raises(TypeError, match='in_states holds states'):
        vmap(lambda: 0, in_states=bad)


class Trace(State):
    """A kind of states, to be found by it."""


@pytest.mark.parametrize(
    'meant', [..., Trace, 'traces', lambda path, state: state.name == 'x', {1: Trace}], ids=['all', 'class', 'tag', 'function', 'axis']
)
def test_a_filter_stands_for_the_states_that_the_function_uses(meant):
    axis = 1 if isinstance(meant, dict) else 0
    x = Trace(jnp.zeros((2, 3) if axis else (3, 2)), name='x', tag='traces')

    def step(by):
        x.value = x.value + by
        return x.value.sum()

    out = vmap(step, in_states=meant)(jnp.arange(3.0))
    np.testing.assert_array_equal(out, [0, 2, 4])
    np.testing.assert_array_equal(x.value, [[0, 1, 2]] * 2 if axis else [[0, 0], [1, 1], [2, 2]])


def test_a_filter_gives_a_lane_axis_to_what_is_written():
    new, kept = Trace(0.0), State(1.0)

    def step(by):
        new.value = kept.value * by

    vmap(step, out_states=Trace)(jnp.arange(3.0))
    np.testing.assert_array_equal(new.value, [0, 1, 2])
    assert kept.value == 1


@pytest.mark.parametrize('kept', [ParamState, lambda path, state: state.name == 'w', None], ids=['class', 'function', 'state'])
def test_states_with_none_as_their_axis_are_shared(kept):
    x, w = Trace(jnp.zeros(3)), ParamState(jnp.arange(3.0), name='w')

    def step(by):
        x.value = x.value + by
        w.value = w.value + 1.0
        return w.value

    mapped = vmap(step, in_states={0: ..., None: kept or w})
    mapped(jnp.arange(3.0))
    np.testing.assert_array_equal(mapped(jnp.arange(3.0)), [[2, 3, 4]] * 3)
    np.testing.assert_array_equal(x.value, [0, 2, 4])
    np.testing.assert_array_equal(w.value, [2, 3, 4])


def test_a_state_found_by_a_filter_must_have_as_many_lanes():
    x = Trace(jnp.zeros(4), name='x')
    with pytest.raises(ShapeError, match='lane axes differ in size: the rest has 3, .*x.* has 4'):
        vmap(lambda by: x.value + by, in_states=...)(jnp.arange(3.0))


def test_random_generators_are_no_states_with_a_lane_axis():
    generator = RandomState(0)
    draws = vmap(lambda i: generator.normal(), in_states=...)(jnp.arange(3))
    assert len(set(draws.tolist())) == 3


def test_the_same_axis_in_both_is_no_conflict():
    state = State(jnp.zeros(2))

    def step(x):
        state.value = state.value + x

    vmap(step, in_states=state, out_states={0: state})(jnp.ones(2))
    np.testing.assert_array_equal(state.value, [1.0, 1.0])


def test_a_failing_body_leaves_states_as_they_were():
    state = State(jnp.zeros(2))

    def fail(x):
        state.value = x
        raise KeyError('on purpose')

    with pytest.raises(KeyError, match='on purpose'):
        vmap(fail, in_states=state)(jnp.ones(2))
    np.testing.assert_array_equal(state.value, [0.0, 0.0])
