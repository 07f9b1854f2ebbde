"""`catch_new_states`: the states that a block of code makes."""

import threading

import jax
import jax.numpy as jnp
import pytest

import brainpy_state as bst
from brainpy_state import ParamState, State, StateTraceStack, TraceContextError, catch_new_states


def test_states_made_inside_are_caught_in_the_order_of_making():
    before = State(0.0)
    with catch_new_states() as new:
        assert len(new) == 0
        a, b = State(1.0), ParamState(2.0)
        assert len(new) == 2
    after = State(3.0)
    assert tuple(new) == new.get_states() == (a, b)
    assert new.values() == (1.0, 2.0)
    assert before not in new
    assert after not in new


def test_a_tag_is_added_to_those_that_are_there():
    with catch_new_states('new') as new:
        a, b = State(1.0, tag='old'), State(2.0)
    assert (a.tag, b.tag) == ({'old', 'new'}, {'new'})
    assert new.get_by_tag('new') == (a, b)
    assert new.get_by_tag('old') == (a,)
    assert new.get_by_tag('none') == ()


@pytest.mark.parametrize(
    'exclude', [ParamState, 'skip', lambda path, x: path == () and x.value == 2.0, [bst.HiddenState, ParamState], bst.filter.Not('keep')]
)
def test_what_a_filter_excludes_is_neither_caught_nor_tagged(exclude):
    with catch_new_states('new', state_to_exclude=exclude) as new:
        a, b = State(1.0, tag='keep'), ParamState(2.0, tag='skip')
    assert tuple(new) == (a,)
    assert b.tag == {'skip'}


def test_a_bad_filter_is_an_error_before_the_block():
    with pytest.raises(TypeError, match='A filter is'), catch_new_states(state_to_exclude=1):
        raise AssertionError('the block must not run')


def test_blocks_nest_and_the_outer_one_catches_all():
    with catch_new_states('outer') as outer:
        a = State(1.0)
        with catch_new_states('inner', state_to_exclude=ParamState) as inner:
            b, c = State(2.0), ParamState(3.0)
        d = State(4.0)
    assert tuple(outer) == (a, b, c, d)
    assert tuple(inner) == (b,)
    assert (a.tag, b.tag, c.tag) == ({'outer'}, {'outer', 'inner'}, {'outer'})


def test_copies_and_states_of_models_are_caught():
    neuron = bst.LIF(2)
    with catch_new_states() as new:
        bst.nn.init_all_states(neuron)
        twin = neuron.V.copy()
    assert set(neuron.states().values()) <= set(new)
    assert twin in new


def test_caught_states_are_read_and_written_as_without_the_block():
    with catch_new_states():
        state = State(jnp.array(1.0))
        state.value = state.value + 1.0
        inside = bst.transform.jit(lambda x: state.value + x)(1.0)
    step = bst.transform.jit(lambda x: setattr(state, 'value', state.value + x))
    step(1.0)
    step(1.0)
    assert (float(inside), float(state.value)) == (3.0, 4.0)
    with StateTraceStack() as stack:
        state.value
    assert stack.get_read_states() == (state,)
    with pytest.raises(TraceContextError, match='raw JAX transform'):
        jax.jit(lambda x: setattr(state, 'value', x))(1.0)


def test_states_from_outside_are_told_to_the_frames_around_the_block():
    a, b = State(1.0), State(2.0)
    with StateTraceStack() as stack, catch_new_states() as new:
        b.value = a.value
        local = State(0.0)
        local.value = 1.0
        a.restore_value(3.0)
    assert (stack.get_read_states(), stack.get_write_states()) == ((a,), (b,))
    assert tuple(new) == (local,)


def test_the_block_inside_a_transform_catches_locals_of_it():
    total, kept = State(jnp.array(0.0)), []

    @bst.transform.jit
    def build(x):
        with catch_new_states() as new:
            local = State(x)
            total.value = total.value + 1.0
        local.value = local.value + 1.0
        bst.transform.for_loop(lambda y: setattr(local, 'value', local.value + y), jnp.ones(3))
        kept.extend(new)
        return new.values()

    assert float(build(1.0)[0]) == 5.0
    assert float(build(2.0)[0]) == 6.0
    assert float(total.value) == 2.0
    with pytest.raises(TraceContextError, match='has ended'):
        kept[0].value


def test_what_a_compiled_function_makes_for_itself_is_local_to_it():
    with catch_new_states() as new:
        assert float(bst.transform.jit(lambda x: State(x).value)(1.0)) == 1.0
    assert len(new) == 0


def test_each_thread_catches_its_own():
    with catch_new_states() as new:
        thread = threading.Thread(target=lambda: State(1.0))
        thread.start()
        thread.join()
    assert len(new) == 0


def test_a_state_of_which_the_hook_refuses_the_making_is_not_used():
    def refuse(ctx):
        raise KeyError

    hook = bst.register_state_hook('init', refuse)
    with catch_new_states() as new, pytest.raises(KeyError):
        State(1.0)
    hook.remove()
    assert len(new) == 0
