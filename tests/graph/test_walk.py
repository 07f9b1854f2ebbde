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


def test_tags_paths_and_combinations_of_filters_select(tree):
    tree.parts['b'].add_tag('slow')
    assert list(graph.states(tree, 'slow')) == [('parts', 'b')]
    assert list(graph.states(tree, ['slow', HiddenState])) == [('again', 'h'), ('parts', 'b')]
    assert list(graph.states(tree, bst.filter.PathContains('layers'))) == [('layers', 0, 'w')]
    assert list(graph.states(tree, bst.filter.All(ParamState, bst.filter.Not('slow')))) == [('again', 'w'), ('layers', 0, 'w')]
    assert list(graph.states(tree, lambda path, x: path[-1] == 'x')) == [('parts', 'a', 'x')]
    params, rest = graph.states(tree, ParamState, ...)
    assert (len(params), len(rest)) == (3, 3)


def test_a_filter_of_everything_is_the_last(tree):
    for everything in (..., True, bst.filter.Everything()):
        with pytest.raises(ValueError, match='Filter 1 of 2 is .*must be the last'):
            graph.states(tree, everything, ParamState)


def test_what_is_no_filter_is_an_error(tree):
    with pytest.raises(TypeError, match='A filter is a class, a tag'):
        graph.states(tree, 3)
    with pytest.raises(TypeError, match='A filter is a class, a tag'):
        graph.nodes(tree, 3.0)


def test_states_come_in_a_dict_that_assigns_and_collects_values(tree):
    params, rest = graph.states(tree, ParamState, ...)
    assert type(params) is type(rest) is type(graph.states(tree)) is bst.StateDictManager
    params.assign_values({('parts', 'b'): 7.0})
    assert tree.parts['b'].value == 7.0


def test_what_is_no_graph_is_an_error():
    with pytest.raises(TypeError, match='A graph starts from a Node'):
        graph.states(State(1.0))


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


def test_several_filters_share_out_the_nodes(tree):
    class Special(Node):
        pass

    tree.layers.append(Special())
    special, others = graph.nodes(tree, Special, ...)
    assert list(special) == [('layers', 2)]
    assert list(others) == [('again',), ('layers', 0), ('parts', 'a'), ()]


@pytest.fixture
def levels():
    """Nodes at three levels, some in lists; each holds a state."""
    return Node(w=State(0.0), a=Node(w=State(1.0), deep=[Node(w=State(2.0))]), many=[Node(w=State(1.0))])


def test_the_hierarchy_counts_the_nodes_above(levels):
    assert list(graph.states(levels, allowed_hierarchy=(0, 0))) == [('w',)]
    assert list(graph.states(levels, allowed_hierarchy=(1, 1))) == [('a', 'w'), ('many', 0, 'w')]
    assert list(graph.states(levels, allowed_hierarchy=(1, 2))) == [('a', 'deep', 0, 'w'), ('a', 'w'), ('many', 0, 'w')]
    assert list(graph.nodes(levels, allowed_hierarchy=(1, 1))) == [('a',), ('many', 0)]
    assert list(graph.nodes(levels, allowed_hierarchy=(0, 1))) == [('a',), ('many', 0), ()]


def test_a_short_way_to_a_shared_object_counts_where_the_hierarchy_is_limited():
    shared = Node(w=State(0.0))
    tree = Node(a=Node(b=shared), z=shared)
    assert list(graph.states(tree, allowed_hierarchy=(0, 1))) == [('z', 'w')]
    tree = Node(a=Node(b=Node(c=shared)), z=Node(c=Node(d=shared)), zz=shared)
    assert ('zz', 'w') in graph.states(tree, allowed_hierarchy=(0, 1))
    assert list(graph.states(tree)) == [('a', 'b', 'c', 'w')]


@pytest.mark.parametrize('wrong', [(1, 0), (-1, 2), 1, (0, 1, 2), (0, None)])
def test_a_wrong_hierarchy_is_an_error(levels, wrong):
    with pytest.raises(ValueError, match='a lowest and a highest level'):
        graph.states(levels, allowed_hierarchy=wrong)


def test_a_list_or_dict_may_be_the_root(tree):
    assert list(graph.states({'b': tree.again, 'a': [tree.parts]})) == [('a', 0, 'a', 'x'), ('a', 0, 'b'), ('b', 'h'), ('b', 'w')]
    assert list(graph.nodes([tree.again])) == [(0,)]


def test_keys_of_several_kinds_have_an_order():
    tree = Node(d={'x': State(0.0), 3: State(1.0), ('t', 1): State(2.0)})
    assert list(graph.states(tree)) == [('d', 3), ('d', 'x'), ('d', ('t', 1))]


def test_iteration_gives_what_the_dicts_hold(tree):
    assert dict(graph.iter_leaf(tree)) == graph.states(tree)
    assert dict(graph.iter_node(tree)) == graph.nodes(tree)
    assert list(graph.iter_leaf(tree, (0, 0))) == [(('noise',), tree.noise), (('parts', 'b'), tree.parts['b'])]
