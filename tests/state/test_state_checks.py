"""Checks of writes that hold within a block of code."""

import threading

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ShortTermState, State, StateTreeError, check_state_value_tree

MESSAGE = 'The given value PyTreeDef((*, *)) does not match with the origin tree structure PyTreeDef(*).'


def test_another_tree_is_an_error_within_the_block_only():
    state = ShortTermState(jnp.zeros((2, 3)))
    with check_state_value_tree():
        state.value = jnp.ones((2, 3))
        with pytest.raises(ValueError) as info:
            state.value = (jnp.zeros((2, 3)), jnp.zeros((2, 3)))
    assert str(info.value) == MESSAGE
    assert isinstance(info.value, StateTreeError)
    np.testing.assert_array_equal(state.value, np.ones((2, 3)))
    state.value = (1.0, 2.0)


def test_another_shape_is_allowed_unless_the_signature_is_checked():
    state = State(jnp.zeros(3), name='V')
    with check_state_value_tree():
        state.value = jnp.zeros(4)
    with check_state_value_tree(signature=True):
        state.value = jnp.ones(4)
        with pytest.raises(StateTreeError, match=r"State 'V' \(made at .*\) holds float32\[4\], but was given float32\[2,2\]"):
            state.value = jnp.zeros((2, 2))
        with pytest.raises(StateTreeError, match=r'holds float32\[4\], but was given int32\[4\]'):
            state.value = jnp.zeros(4, int)
        with pytest.raises(StateTreeError, match='does not match with the origin tree structure'):
            state.value = (jnp.zeros(4),)
    np.testing.assert_array_equal(state.value, np.ones(4))


def test_the_signature_has_every_leaf_and_no_weak_types():
    state = State({'a': jnp.zeros(2), 'b': 'text', 'c': 1.0})
    with check_state_value_tree(signature=True):
        state.value = {'a': jnp.ones(2), 'b': 'other', 'c': jnp.zeros((), jnp.float32)}
        with pytest.raises(StateTreeError, match=r'holds \{a: float32\[2\], b: str, c: float32\[\]\}, but was given \{.* b: NoneType|int'):
            state.value = {'a': jnp.ones(2), 'b': 3, 'c': 1.0}


def test_another_unit_is_another_tree():
    state = State(1.0 * u.mV)
    with check_state_value_tree():
        state.value = 2.0 * u.mV
        with pytest.raises(ValueError, match='does not match'):
            state.value = 2.0


def test_blocks_nest_and_can_be_switched_off():
    state = State(1.0)
    with check_state_value_tree(signature=True):
        with check_state_value_tree(False):
            state.value = (1, 2)
        with check_state_value_tree(), pytest.raises(StateTreeError, match='but was given'):
            state.value = (1, jnp.zeros(3))
    state.value = 1.0


def test_a_block_ends_with_an_exception():
    state = State(1.0)
    with pytest.raises(KeyError), check_state_value_tree():
        raise KeyError
    state.value = (1.0, 2.0)


def test_the_check_holds_for_one_thread():
    state, failed = State(1.0), []

    def write():
        try:
            state.value = (1.0, 2.0)
        except ValueError as error:
            failed.append(error)

    with check_state_value_tree():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert failed == []
    assert state.value == (1.0, 2.0)


@pytest.mark.parametrize('before', [False, True], ids=['new', 'compiled before'])
def test_the_check_holds_inside_a_compiled_function(before):
    state, other = State(jnp.zeros(())), State(jnp.zeros(()))

    @bst.transform.jit
    def write(x):
        other.value = other.value + x
        state.value = (x, x)

    if before:
        write(1.0)
        state.value = jnp.zeros(())
        write(1.0)
        state.value = jnp.zeros(())
    held = float(other.value)
    with check_state_value_tree(), pytest.raises(ValueError, match=r'The given value PyTreeDef\(\(\*, \*\)\)'):
        write(1.0)
    assert float(other.value) == held
    write(1.0)
    assert state.value == (1.0, 1.0)


def test_the_check_holds_against_what_the_trace_has_written_before():
    state = State(jnp.zeros(()))

    @bst.transform.jit
    def write(x):
        with check_state_value_tree(False):
            state.value = (x, x)
        state.value = x

    with check_state_value_tree(), pytest.raises(ValueError, match=r'value PyTreeDef\(\*\) .* structure PyTreeDef\(\(\*, \*\)\)'):
        write(1.0)


def test_the_check_of_signatures_holds_inside_a_loop():
    state = State(jnp.zeros(2), name='V')

    def step(x):
        state.value = jnp.zeros(3)
        state.value = jnp.zeros(2) + x

    bst.transform.for_loop(step, jnp.ones(2))
    with (
        check_state_value_tree(signature=True),
        pytest.raises(StateTreeError, match=r"'V' .* holds float32\[2\], but was given float32\[3\]"),
    ):
        bst.transform.for_loop(step, jnp.ones(2))


def test_a_program_of_checked_and_of_unchecked_calls_is_kept(compilations):
    state = State(jnp.zeros(()))

    @bst.transform.jit
    def write(x):
        state.value = state.value + x

    def both():
        write(1.0)
        with check_state_value_tree():
            write(1.0)

    both()
    with compilations() as found:
        both()
    assert found == []
    assert float(state.value) == 4.0


def test_restoring_is_always_checked():
    state = State({'w': jnp.zeros(2)})
    state.restore_value({'w': jnp.ones(3)})
    assert state.value['w'].shape == (3,)
    with pytest.raises(StateTreeError, match='does not match with the origin tree structure'):
        state.restore_value(jnp.ones(3))
    with pytest.raises(ValueError, match='cannot hold a State'):
        state.restore_value(State(1.0))
    assert state.value['w'].shape == (3,)


def test_restoring_inside_a_transform_lasts():
    state = State(jnp.zeros(()))
    bst.transform.jit(lambda x: state.restore_value(x))(3.0)
    assert float(state.value) == 3.0
