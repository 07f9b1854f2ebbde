"""`states` and `nodes`: every object of a tree once, under its first path."""

import jax.numpy as jnp
import pytest

import brainpy_state as bst
from brainpy_state import HiddenState, ParamState, RandomState, ShortTermState, State, graph


class Node(graph.Node):
    def __init__(self, **attributes):
        vars(self).update(attributes)


@pytest.fixture
def tree():
    """Two layers in a list, one shared with an attribute, and a dict."""
    shared = Node(w=ParamState(1.0), h=HiddenState(jnp.zeros(1)))
    return Node(
        layers=[Node(w=ParamState(2.0)), shared],
        again=shared,
        parts={'b': ParamState(3.0), 'a': Node(x=ShortTermState(4.0))},
        noise=RandomState(0),
        text='no node',
    )


def test_states_are_found_by_path_in_the_order_of_names(tree):
    assert list(graph.states(tree)) == [
        ('again', 'h'),
        ('again', 'w'),
        ('layers', 0, 'w'),
        ('noise',),
        ('parts', 'a', 'x'),
        ('parts', 'b'),
    ]


def test_a_shared_node_appears_once_under_its_first_path(tree):
    found = graph.states(tree)
    assert len(set(found.values())) == len(found)
    assert found['again', 'w'] is tree.layers[1].w
    assert [path for path, node in graph.nodes(tree).items() if node is tree.again] == [('again',)]


def test_a_shared_state_appears_once():
    weight = ParamState(1.0)
    assert graph.states(Node(a=weight, b=weight, c=[weight])) == {('a',): weight}


def test_children_come_before_their_parents_and_the_root_last(tree):
    assert list(graph.nodes(tree)) == [('again',), ('layers', 0), ('parts', 'a'), ()]


def test_one_class_selects_one_dict(tree):
    assert list(graph.states(tree, ParamState)) == [('again', 'w'), ('layers', 0, 'w'), ('parts', 'b')]
    assert graph.states(tree, bst.BatchState) == {}


def test_several_classes_select_as_many_dicts_and_the_first_that_fits_wins(tree):
    hidden, short, everything = graph.states(tree, HiddenState, ShortTermState, State)
    assert list(hidden) == [('again', 'h')]
    assert list(short) == [('parts', 'a', 'x')]
    assert ('noise',) in everything
    assert len(hidden) + len(short) + len(everything) == len(graph.states(tree))


def test_selecting_by_something_else_is_an_error(tree):
    with pytest.raises(TypeError, match='select by a class of State'):
        graph.states(tree, 'w')
    with pytest.raises(TypeError, match='select by a class of State'):
        graph.states(tree, Node)


def test_a_cycle_ends():
    a, b = Node(), Node()
    a.other, b.other = b, a
    a.w = State(1.0)
    assert list(graph.states(a)) == [('w',)]
    assert list(graph.nodes(a)) == [('other',), ()]


def test_invisible_attributes_are_not_searched():
    class Reference(Node):
        graph_invisible_attrs = ('target',)

    target = Node(w=State(1.0))
    assert graph.states(Reference(target=target)) == {}
    assert list(graph.states(Node(a=Reference(target=target), b=target))) == [('b', 'w')]


def test_lists_of_more_than_ten_keep_their_order():
    found = graph.states(Node(layers=[State(k) for k in range(12)]))
    assert [path[1] for path in found] == list(range(12))


def test_nodes_can_be_selected_by_class(tree):
    class Special(Node):
        pass

    tree.layers.append(Special())
    assert list(graph.nodes(tree, Special)) == [('layers', 2)]
