"""`StateTraceStack`: what a block of code touches, in the order of first touch."""

import threading

import brainunit as u
import jax.numpy as jnp
import pytest

import brainpy_state as bst
from brainpy_state import HiddenState, ParamState, RandomState, State, StateTraceStack


class Linear(bst.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = ParamState(jnp.ones((2, 5)))
        self.b = ParamState(jnp.zeros(5))
        self.y = HiddenState(jnp.zeros(5))

    def update(self, x):
        self.y.value = x @ self.w.value + self.b.value
        return self.y.value


def test_a_layer_with_a_random_input_reads_its_parameters_and_writes_the_generator_and_its_output():
    layer = Linear()
    with StateTraceStack() as stack:
        layer(bst.random.rand(2))
    read, written = stack.get_read_states(), stack.get_write_states()
    assert [(type(s).__name__, s.value.shape) for s in read] == [('ParamState', (2, 5)), ('ParamState', (5,))]
    assert [(type(s).__name__, s.value.shape) for s in written] == [('RandomState', (2,)), ('HiddenState', (5,))]
    assert isinstance(written[0], RandomState)
    assert [v.shape for v in stack.get_read_state_values()] == [(2, 5), (5,)]
    assert [v.shape for v in stack.get_write_state_values()] == [(2,), (5,)]


def test_order_is_that_of_first_touch():
    a, b, c = State(1.0), State(2.0), State(3.0)
    with StateTraceStack() as stack:
        c.value = 0.0
        b.value
        a.value = 0.0
        c.value
    assert stack.get_read_states() == (b,)
    assert stack.get_write_states() == (c, a)


def test_a_state_that_is_read_and_then_written_counts_as_written():
    a = State(1.0)
    with StateTraceStack() as stack:
        a.value = a.value
    assert stack.get_read_states() == ()
    assert stack.get_write_states() == (a,)


def test_states_made_inside_are_not_reported():
    with StateTraceStack() as stack:
        local = State(1.0)
        local.value = local.value + 1.0
    assert local.value == 2.0
    assert stack.get_read_states() + stack.get_write_states() == ()


def test_nothing_is_reported_before_and_after_the_block():
    a, b = State(1.0), State(2.0)
    a.value
    with StateTraceStack() as stack:
        pass
    b.value = 1.0
    assert stack.get_read_states() + stack.get_write_states() == ()


def test_an_outer_block_sees_what_an_inner_one_sees():
    a, b, c = State(1.0), State(2.0), State(3.0)
    with StateTraceStack() as outer:
        a.value
        with StateTraceStack() as inner:
            b.value = 0.0
        c.value
    assert (inner.get_read_states(), inner.get_write_states()) == ((), (b,))
    assert (outer.get_read_states(), outer.get_write_states()) == ((a, c), (b,))


def test_a_state_of_the_outer_block_is_foreign_to_the_inner_one():
    with StateTraceStack() as outer:
        local = State(1.0)
        with StateTraceStack() as inner:
            local.value = 2.0
    assert inner.get_write_states() == (local,)
    assert outer.get_write_states() == ()


@pytest.mark.parametrize('compiled', [False, True])
def test_a_block_sees_through_a_compiled_function(compiled):
    a, b = State(jnp.array(1.0)), State(jnp.array(2.0))

    def step(x):
        b.value = a.value + x

    step = bst.transform.jit(step)
    if compiled:
        step(1.0)
    with StateTraceStack() as stack:
        step(1.0)
    assert stack.get_read_states() == (a,)
    assert stack.get_write_states() == (b,)
    assert float(b.value) == 2.0


def test_blocks_are_closed_in_reverse_order():
    outer, inner = StateTraceStack(), StateTraceStack()
    outer.__enter__()
    inner.__enter__()
    with pytest.raises(RuntimeError, match='reverse order'):
        outer.__exit__(None, None, None)
    inner.__exit__(None, None, None)
    outer.__exit__(None, None, None)


def test_a_block_is_closed_by_an_exception():
    a = State(1.0)
    with pytest.raises(KeyError), StateTraceStack() as stack:
        raise KeyError
    a.value
    assert stack.get_read_states() == ()


def test_each_thread_has_blocks_of_its_own():
    a, b = State(1.0), State(2.0)

    with StateTraceStack() as stack:
        thread = threading.Thread(target=lambda: b.value)
        thread.start()
        thread.join()
        a.value
    assert stack.get_read_states() == (a,)


def test_a_write_inside_a_block_is_kept_and_checked():
    a = State(1.0 * u.mV)
    with StateTraceStack():
        a.value = 2.0 * u.mV
        with pytest.raises(ValueError, match='cannot hold a State'):
            a.value = State(1.0)
    assert a.value == 2.0 * u.mV


@pytest.fixture
def touched():
    """A block that reads a parameter and a hidden state and writes the latter and another one."""
    w, v, x = ParamState(1.0, name='w'), HiddenState(jnp.ones(2), name='v'), State(2.0, name='x', tag='in')
    with StateTraceStack() as stack:
        v.value = v.value * w.value
        x.value = 3.0
    return stack, w, v, x


def test_all_states_and_those_of_a_kind_come_in_the_order_of_first_touch(touched):
    stack, w, v, x = touched
    assert stack.states == (v, w, x)
    assert stack.state_subset(ParamState) == (w,)
    assert stack.state_subset(State) == (v, w, x)
    assert stack.state_subset([HiddenState, 'in']) == (v, x)
    with pytest.raises(TypeError, match='A filter is'):
        stack.state_subset(1)


def test_values_are_assigned_in_the_order_of_the_states(touched):
    stack, w, v, x = touched
    stack.assign_state_vals([jnp.zeros(2), 5.0, 6.0])
    assert (float(v.value.sum()), w.value, x.value) == (0.0, 5.0, 6.0)


@pytest.mark.parametrize('values', [[], [1.0, 2.0], [1.0, 2.0, 3.0, 4.0]])
def test_another_number_of_values_is_an_error_and_nothing_is_assigned(touched, values):
    stack, w, _, x = touched
    with pytest.raises(ValueError, match=f'3 states were touched, but {len(values)} values were given'):
        stack.assign_state_vals(values)
    assert (w.value, x.value) == (1.0, 3.0)


def test_merging_adds_what_others_recorded_and_a_write_counts_for_all():
    a, b, c = State(1.0), State(2.0), State(3.0)
    first, second, third = StateTraceStack(), StateTraceStack(), StateTraceStack()
    with first:
        a.value, b.value
    with second:
        b.value = 0.0
        c.value
    with third:
        c.value = 0.0
    both = first + second
    assert (both.states, both.get_write_states()) == ((a, b, c), (b,))
    assert (first.states, first.get_write_states()) == ((a, b), ())
    assert first.merge(second, third) is first
    assert (first.states, first.get_write_states()) == ((a, b, c), (b, c))
    with pytest.raises(TypeError):
        first + 1


def test_restoring_counts_as_a_read():
    a, b = State(1.0), State(2.0)
    with StateTraceStack() as outer, StateTraceStack() as inner:
        a.restore_value(5.0)
        b.value = 1.0
        b.restore_value(6.0)
    for stack in (outer, inner):
        assert stack.get_read_states() == (a,)
        assert stack.get_write_states() == (b,)
    assert (a.value, b.value) == (5.0, 6.0)
