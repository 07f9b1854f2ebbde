"""A state remembers where in the user's code it was made."""

import gc
import inspect
import weakref
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import brainpy_state as bst
from brainpy_state import HiddenState, State, TraceContextError

HERE = 'tests/state/test_creation_site.py'


def here(above=1):
    """The place of the line before the call."""
    frame = inspect.currentframe().f_back
    return f'test_creation_site.py:{frame.f_lineno - above}, in {frame.f_code.co_name}'


@pytest.mark.parametrize('kind', [State, HiddenState, bst.ParamState])
def test_the_place_is_the_line_that_makes_the_state(kind):
    state = kind(jnp.ones(2))
    assert state.source_info.endswith(here())


def test_the_line_is_that_of_the_call_in_an_expression_of_several_lines():
    states = [
        State(1.0),
        State(2.0),
    ]
    first, second = (int(s.source_info.split(':')[-1].split(',')[0]) for s in states)
    assert second - first == 1


def test_a_subclass_of_the_user_is_the_users_code():
    class Mine(HiddenState):
        def __init__(self):
            super().__init__(jnp.zeros(2))

    assert Mine().source_info.endswith('in __init__')


def test_a_state_that_the_package_makes_is_made_where_the_package_is_called():
    neuron = bst.LIF(2)
    bst.nn.init_all_states(neuron)
    assert neuron.V.source_info.endswith(here())


def test_the_path_is_seen_from_the_working_directory(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    state = State(1.0)
    assert state.source_info.startswith(f'{HERE}:')


def test_describe_is_label_and_place():
    state = State(1.0, name='V')
    assert state.describe() == f"State 'V' (made at {state.source_info})"


def test_the_values_of_the_function_that_makes_a_state_are_not_kept_alive():
    class Big:
        pass

    def make():
        big = Big()
        return State(1.0), weakref.ref(big)

    state, big = make()
    gc.collect()
    assert big() is None
    assert state.source_info.endswith('in make')


def test_a_raw_write_says_which_state_and_where_it_was_made():
    state = State(jnp.zeros(()), name='total')
    made = here()

    def write(x):
        state.value = x
        return x

    with pytest.raises(TraceContextError, match=rf"lost or leak: State 'total' \(made at .*{made}\)\n"):
        jax.jit(write)(1.0)


def test_reading_an_escaped_state_says_where_it_was_made():
    escaped = []

    def build(x):
        escaped.append(State(x))

    bst.transform.jit(build)(1.0)
    with pytest.raises(TraceContextError, match=r'holds no value; created at .*test_creation_site\.py:\d+, in build'):
        escaped[0].value
