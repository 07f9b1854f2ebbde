"""`StateDictManager`: a dict of states."""

import copy
import pickle

import jax.numpy as jnp
import pytest

import brainpy_state as bst
from brainpy_state import HiddenState, ParamState, State, StateDictManager, UnknownStateError


@pytest.fixture
def states():
    return StateDictManager(
        {
            ('layer', 'w'): ParamState(1.0),
            ('layer', 'b'): ParamState(2.0, tag='frozen'),
            ('V',): HiddenState(jnp.array(3.0)),
            ('count',): State(4),
        }
    )


W, B, V, COUNT = ('layer', 'w'), ('layer', 'b'), ('V',), ('count',)

BAD = [
    lambda d: StateDictManager({W: ParamState(1.0), V: 2.0}),
    lambda d: StateDictManager([(V, 2.0)]),
    lambda d: d.__setitem__(V, 2.0),
    lambda d: d.update({COUNT: State(0), V: 2.0}),
    lambda d: d.setdefault(V, 2.0) if d.pop(V) else None,
    lambda d: d.__ior__({V: 2.0}),
    lambda d: d | {V: 2.0},
]


@pytest.mark.parametrize('act', BAD)
def test_a_value_that_is_no_state_is_an_error_that_names_the_key_and_what_was_given(states, act):
    before = dict(states)
    with pytest.raises(TypeError, match=r"StateDictManager\[\('V',\)\] must be a State, but a float was given: 2\.0"):
        act(states)
    assert {**before, **states} == before


def test_it_is_a_dict_in_the_order_of_insertion(states):
    assert isinstance(states, dict)
    assert list(states) == [W, B, V, COUNT]
    states[('u',)] = new = State(5.0)
    assert list(states.values())[-1] is new
    assert StateDictManager(a=new) == {'a': new}
    assert states.setdefault(V) is states[V]


@pytest.mark.parametrize(
    'make',
    [StateDictManager.copy, lambda d: d | {}, lambda d: StateDictManager(d), lambda d: copy.copy(d)],
    ids=['copy', 'or', 'new', 'copy.copy'],
)
def test_copies_hold_the_same_states(states, make):
    twin = make(states)
    assert type(twin) is StateDictManager
    assert twin == states
    del twin[V]
    assert V in states


@pytest.mark.parametrize('make', [copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))], ids=['deepcopy', 'pickle'])
def test_deep_copies_hold_states_of_their_own(states, make):
    twin = make(states)
    assert type(twin) is StateDictManager
    assert twin.to_dict_values() == states.to_dict_values()
    twin[W].value = 0.0
    assert states[W].value == 1.0


def test_values_go_out_as_a_plain_dict_and_in_by_key(states):
    values = states.to_dict_values()
    assert type(values) is dict
    assert values == {W: 1.0, B: 2.0, V: 3.0, COUNT: 4}
    assert states.collect_values() == values
    states.assign_values({W: 10.0}, {COUNT: 40, W: 11.0})
    assert states.to_dict_values() == {W: 11.0, B: 2.0, V: 3.0, COUNT: 40}
    states.assign_values()
    states.assign_values(values)
    assert states.to_dict_values() == values


def test_an_unknown_key_is_an_error_that_names_near_keys_and_changes_nothing(states):
    with pytest.raises(KeyError) as info:
        states.assign_values({W: 10.0}, {('layer', 'bb'): 0.0})
    assert isinstance(info.value, UnknownStateError)
    assert str(info.value).startswith("StateDictManager has no state ('layer', 'bb'); did you mean ('layer', 'b')")
    with pytest.raises(KeyError, match='there are 4 other keys, none like it'):
        states.assign_values({W: 10.0, 17: 0.0})
    assert states[W].value == 1.0


def test_one_value_that_may_not_be_written_keeps_all_as_they_were(states):
    with pytest.raises(ValueError, match='cannot hold a State'):
        states.assign_values({W: 10.0, B: State(1.0)})
    with bst.check_state_value_tree(), pytest.raises(ValueError, match='does not match'):
        states.assign_values({W: 10.0, B: (1.0, 2.0)})
    assert states[W].value == 1.0


def test_filter_selects_and_with_several_filters_the_first_that_fits(states):
    assert list(states.filter(ParamState)) == [W, B]
    assert list(states.filter('frozen')) == [B]
    assert list(states.filter(bst.filter.PathContains('layer'))) == [W, B]
    assert list(states.filter(lambda path, x: len(path) == 1)) == [V, COUNT]
    assert states.filter() == states
    assert states.filter() is not states
    frozen, params = states.filter('frozen', ParamState)
    assert (list(frozen), list(params)) == ([B], [W])
    assert type(frozen) is StateDictManager


def test_split_sorts_every_state_into_the_first_group_that_fits(states):
    params, hidden, rest = states.split(ParamState, HiddenState, ...)
    assert (list(params), list(hidden), list(rest)) == ([W, B], [V], [COUNT])
    assert params[W] is states[W]
    assert [type(group) for group in states.split(State)] == [StateDictManager] * 2
    assert states.split_values(ParamState, ...) == ({W: 1.0, B: 2.0}, {V: 3.0, COUNT: 4})


def test_split_leaves_nothing_out(states):
    assert [list(group) for group in states.split(ParamState)] == [[W, B], [V, COUNT]]
    assert [len(group) for group in states.split(State)] == [4, 0]
    with pytest.raises(TypeError, match='A filter is'):
        states.split(1)


def test_a_key_that_is_no_path_counts_as_a_path_of_one_part():
    states = StateDictManager(a=State(1.0), b=State(2.0))
    assert list(states.filter(bst.filter.PathContains('a'))) == ['a']


def test_gradients_have_the_keys_of_the_states():
    states = StateDictManager({W: ParamState(2.0), B: ParamState(3.0)})
    grads = bst.transform.grad(lambda: states[W].value ** 2 * states[B].value, states)()
    assert {key: float(g) for key, g in grads.items()} == {W: 12.0, B: 4.0}
