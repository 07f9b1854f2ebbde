"""Copies, pickles and changed copies of states: states of their own."""

import copy
import pickle

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import HiddenState, ParamState, RandomState, State, TraceContextError

WAYS = {
    'copy method': lambda s: s.copy(),
    'copy.copy': copy.copy,
    'copy.deepcopy': copy.deepcopy,
    'pickle': lambda s: pickle.loads(pickle.dumps(s)),
    'replace': lambda s: s.replace(),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def duplicate(request):
    return request.param


def test_a_copy_has_the_value_and_the_attributes_but_is_another_state(duplicate):
    state = ParamState({'w': jnp.ones(2) * u.mV}, name='w', tag={'a', 'b'}, unit='volts')
    twin = duplicate(state)
    assert type(twin) is ParamState
    assert twin != state
    assert (twin.name, twin.tag, twin.unit) == ('w', {'a', 'b'}, 'volts')
    assert u.math.allclose(twin.value['w'], state.value['w'])
    assert twin.source_info == state.source_info


def test_a_copy_shares_neither_value_nor_tags(duplicate):
    state = State({'w': jnp.ones(2)}, tag='a')
    twin = duplicate(state)
    twin.value['w'] = jnp.zeros(2)
    twin.add_tag('b')
    twin.value = 'something else'
    np.testing.assert_array_equal(state.value['w'], np.ones(2))
    assert state.tag == {'a'}


def test_a_copy_has_no_hooks(duplicate):
    state, seen = State(1.0), []
    state.register_hook('write_after', lambda ctx: seen.append(ctx.value))
    twin = duplicate(state)
    twin.value = 2.0
    assert seen == []
    assert not twin.has_hooks()
    assert state.has_hooks()


def test_a_copy_of_a_random_state_draws_the_same_numbers(duplicate):
    state = RandomState(3)
    twin = duplicate(state)
    np.testing.assert_array_equal(twin.rand(4), state.rand(4))


@pytest.mark.parametrize('duplicate', [way for name, way in WAYS.items() if name != 'pickle'])  # a tracer cannot be pickled
def test_a_copy_made_in_a_transform_is_a_local_of_it(duplicate):
    state, kept = State(jnp.array(1.0)), []

    @bst.transform.jit
    def step(x):
        state.value = state.value + x
        twin = duplicate(state)
        twin.value = twin.value * 10.0
        kept.append(twin)
        return twin.value

    assert float(step(1.0)) == 20.0
    assert float(state.value) == 2.0
    with pytest.raises(TraceContextError, match='has ended'):
        kept[0].value


def test_a_state_without_a_value_cannot_be_copied(duplicate):
    escaped = []
    bst.transform.jit(lambda x: escaped.append(State(x)))(1.0)
    with pytest.raises(TraceContextError, match='has ended'):
        duplicate(escaped[0])


@pytest.mark.parametrize('duplicate', [copy.deepcopy, WAYS['pickle']], ids=['deepcopy', 'pickle'])
def test_a_state_that_is_shared_is_shared_in_the_copy(duplicate):
    state = State(jnp.ones(2))
    twins = duplicate([state, {'again': state}])
    assert twins[0] is twins[1]['again']
    assert twins[0] is not state


def test_a_copied_module_has_states_of_its_own_and_keeps_sharing():
    class Model(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = self.b = ParamState(jnp.ones(2))

    model = Model()
    twin = copy.deepcopy(model)
    twin.a.value = jnp.zeros(2)
    assert twin.a is twin.b
    np.testing.assert_array_equal(model.a.value, np.ones(2))


def test_replace_changes_what_is_given_and_keeps_the_rest():
    state = HiddenState(jnp.zeros(3), name='V', tag='a', unit='mV')
    new = state.replace(jnp.ones(2), name='u', tag='b', source='here')
    assert (new.name, new.tag, new.unit, new.source, new.varshape) == ('u', {'b'}, 'mV', 'here', (2,))
    assert (state.name, state.tag, state.varshape) == ('V', {'a'}, (3,))
    assert not hasattr(state, 'source')


def test_replace_takes_the_value_of_a_state():
    assert State(1.0).replace(State(2.0)).value == 2.0


def test_replace_checks_what_the_kind_of_state_accepts():
    with pytest.raises(TypeError, match='HiddenState holds an array or a quantity, but was given a str'):
        HiddenState(jnp.zeros(3)).replace('abc')


def test_copy_from_takes_over_value_and_attributes_and_keeps_identity_and_hooks():
    target, source, seen = State([1.0], name='a'), State([2.0], name='b', tag='t', unit='mV'), []
    target.register_hook('write_after', lambda ctx: seen.append(ctx.value))
    target.copy_from(source)
    assert (target.value, target.name, target.tag, target.unit) == ([2.0], 'b', {'t'}, 'mV')
    assert seen == [[2.0]]
    target.value.append(3.0)
    target.add_tag('x')
    assert (source.value, source.tag) == ([2.0], {'t'})


def test_copy_from_another_kind_is_an_error_that_names_both():
    with pytest.raises(ValueError, match=r"State 'a'\.copy_from takes a State, but was given ParamState"):
        State(1.0, name='a').copy_from(ParamState(2.0))


def test_value_call_maps_over_the_tree_of_the_value():
    state = State({'a': jnp.ones(2), 'b': (jnp.zeros(3), 1.0)})
    called = state.value_call(lambda x: x + 1)
    assert jax.tree.structure(called) == jax.tree.structure(state.value)
    np.testing.assert_array_equal(called['a'], [2.0, 2.0])
    assert called['b'][1] == 2.0
    assert float(state.value['a'][0]) == 1.0


@pytest.mark.parametrize(
    ('value', 'n'), [(jnp.ones((2, 3)), 6), (jnp.ones(4) * u.mV, 4), ({'a': jnp.ones(2), 'b': 1.0}, 3), (None, 0), (2.0, 1), ([], 0)]
)
def test_numel_counts_the_numbers_of_the_value(value, n):
    assert State(value).numel() == n


def test_add_tag_takes_one_or_several():
    state = State(1.0)
    state.add_tag('a')
    state.add_tag({'b', 'c'})
    assert state.tag == {'a', 'b', 'c'}


def test_a_hidden_state_is_one_variable():
    assert HiddenState(jnp.zeros((2, 3))).num_state == 1


def test_maybe_state_takes_the_value_of_a_state_only():
    assert bst.maybe_state(State(2.0)) == 2.0
    assert bst.maybe_state(3.0) == 3.0


@pytest.mark.parametrize(
    ('metadata', 'shown'),
    [
        ({'gain': jnp.ones(2)}, 'gain=ShapedArray(float32[2])'),
        ({'E': -70.0 * u.mV}, 'E=Quantity(~float32[], "mV")'),
        ({'limits': (0.0, 1.0)}, 'limits=(\n    0.0,\n    1.0\n  )'),
        ({'empty': set()}, 'empty=set()'),
    ],
    ids=lambda x: str(x)[:12],
)
def test_metadata_is_shown_by_its_abstract_arrays(metadata, shown):
    assert repr(State(1.0, **metadata)) == f'State(\n  value=1.0,\n  {shown}\n)'
