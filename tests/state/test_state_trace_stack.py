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
