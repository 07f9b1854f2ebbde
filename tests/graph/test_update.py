"""Update, pop, clone and deepcopy."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParamState, RandomState, ShortTermState, State, graph


class Node(graph.Node):
    def __init__(self, **attributes):
        vars(self).update(attributes)


@pytest.fixture
def model():
    shared = ParamState(jnp.ones(2))
    return Node(
        first=Node(weight=shared, spikes=ShortTermState(0.0)),
        layers=[Node(weight=shared), Node(weight=ParamState(3.0))],
        table={'bias': ParamState(4.0)},
        noise=RandomState(1),
    )


def test_update_writes_into_the_states_that_exist(model):
    before = graph.states(model)
    graph.update_states(model, jax.tree.map(lambda x: x + 1, graph.treefy_states(model, ParamState)))
    assert graph.states(model) == before
    assert model.layers[1].weight.value == 4.0 and model.table['bias'].value == 5.0
    np.testing.assert_array_equal(model.layers[0].weight.value, [2.0, 2.0])


def test_update_takes_several_trees_and_dicts_by_path(model):
    other = graph.clone(model)
    other.table['bias'].value, other.layers[1].weight.value, other.first.spikes.value = 7.0, 8.0, 9.0
    params, short = graph.states(other, ParamState), graph.treefy_states(other, ShortTermState)
    graph.update_states(model, params, short, {})
    assert (model.table['bias'].value, model.layers[1].weight.value, model.first.spikes.value) == (7.0, 8.0, 9.0)


def test_update_is_seen_by_compiled_functions(model):
    read = bst.transform.jit(lambda: model.table['bias'].value * 1)
    read()
    graph.update_states(model, {'table': {'bias': graph.TreefyState(ParamState, 9.0)}})
    assert read() == 9.0


def test_an_unknown_path_changes_nothing_and_names_close_ones(model):
    good = {'table': {'bias': graph.TreefyState(ParamState, 9.0)}}
    with pytest.raises(ValueError, match=r"no state at \('first', 'weights'\) \(close: \('first', 'weight'\)"):
        graph.update_states(model, good, {'first': {'weights': graph.TreefyState(ParamState, 1.0)}})
    with pytest.raises(TypeError, match=r"TreefyState or State is needed at \('first', 'weight'\)"):
        graph.update_states(model, good, {'first': {'weight': 1.0}})
    with pytest.raises(ValueError, match=r"update_states: \('table', 'bias'\) is given twice"):
        graph.update_states(model, good, good)
    with pytest.raises(TypeError, match='states come as dicts'):
        graph.update_states(model, [good])
    assert model.table['bias'].value == 4.0


def test_a_refused_value_changes_no_state(model):
    tree = graph.treefy_states(model, ParamState)
    tree['table']['bias'] = tree['table']['bias'].replace((1.0, 2.0))
    tree['first']['weight'] = tree['first']['weight'].replace(jnp.zeros(2))
    with bst.check_state_value_tree(), pytest.raises(ValueError, match='tree'):
        graph.update_states(model, tree)
    np.testing.assert_array_equal(model.first.weight.value, [1.0, 1.0])


def test_pop_takes_states_out_of_every_place(model):
    shared = model.first.weight
    model.table['w'] = shared
    popped = graph.pop_states(model, lambda path, x: x is shared)
    assert popped == {('first', 'weight'): shared}
    assert not hasattr(model.first, 'weight') and not hasattr(model.layers[0], 'weight') and list(model.table) == ['bias']
    assert ('layers', 1, 'weight') in graph.states(model)


def test_pop_with_several_filters_gives_as_many_dicts(model):
    params, noise = graph.pop_states(model, ParamState, RandomState)
    assert len(params) == 3 and list(noise) == [('noise',)]
    assert list(graph.states(model)) == [('first', 'spikes')]


def test_pop_needs_a_filter(model):
    with pytest.raises(ValueError, match='say which states'):
        graph.pop_states(model)


@pytest.mark.parametrize('kind', [list, tuple])
def test_pop_from_a_list_or_tuple_is_an_error_and_takes_nothing(model, kind):
    model.several = kind([1, State(1.0)])
    before = graph.states(model)
    with pytest.raises(ValueError, match=rf"\('several', 1\) stands in a {kind.__name__}"):
        graph.pop_states(model, ...)
    assert graph.states(model) == before


def test_a_clone_has_states_of_its_own(model):
    other = graph.clone(model)
    assert not set(graph.states(other).values()) & set(graph.states(model).values())
    other.table['bias'].value = 0.0
    assert model.table['bias'].value == 4.0
    assert other.noise.random() == model.noise.random()


def test_deepcopy_keeps_sharing_and_copies_what_is_neither_node_nor_state(model):
    model.seen, model.mask = {1, 2}, np.ones(2)
    model.itself = model
    other = copy.deepcopy(model)
    assert other.first.weight is other.layers[0].weight is not model.first.weight
    assert other.itself is other
    other.seen.add(3)
    other.mask[0] = 0
    assert model.seen == {1, 2} and model.mask[0] == 1
    other.first.weight.value += 1
    np.testing.assert_array_equal(model.first.weight.value, [1.0, 1.0])


def test_a_node_can_be_pickled(model):
    other = pickle.loads(pickle.dumps(model))
    assert graph.graphdef(other) == graph.graphdef(model)
    assert other.first.weight is other.layers[0].weight is not model.first.weight


def test_deepcopy_of_several_nodes_keeps_what_they_share(model):
    a, b = copy.deepcopy([model.first, model.layers])
    assert a.weight is b[0].weight


def test_deepcopy_of_a_module_gives_states_that_belong_to_the_trace_where_they_are_made():
    outer = Node(n=State(jnp.array(1.0)))

    @bst.transform.jit
    def f():
        inner = copy.deepcopy(outer)
        inner.n.value += 1
        return inner.n.value

    assert f() == 2 and f() == 2
    assert outer.n.value == 1
    with bst.StateTraceStack() as touched:
        inside = copy.deepcopy(outer)
        inside.n.value = 5.0
    assert touched.get_write_states() == ()
    copy.deepcopy(inside).n.value = 6.0
    assert inside.n.value == 5.0


class Module(bst.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.note = State(1.0), 'first'


def test_a_compiled_function_that_walks_a_model_notices_another_state_there():
    model = Module()
    total = bst.transform.jit(lambda: sum(s.value for s in model.states().values()) * 1)
    assert total() == 1.0
    model.a = State(2.0)
    assert total() == 2.0
    graph.pop_states(model, ...)
    model.a = State(3.0)
    assert total() == 3.0


def test_a_compiled_function_that_clones_a_model_notices_another_attribute_there():
    model = Module()
    length = bst.transform.jit(lambda: len(graph.clone(model).note))
    assert length() == 5
    model.note = 'other one'
    assert length() == 9
