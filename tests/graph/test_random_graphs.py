"""Whatever the graph, taking it apart loses nothing: random objects with sharing and cycles."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brainpy_state import LongTermState, ParamState, State, graph

pytestmark = pytest.mark.slow

KINDS = [State, ParamState, LongTermState]


class Node(graph.Node):
    pass


class Hiding(Node):
    graph_invisible_attrs = ('hidden',)


@st.composite
def graphs(draw):
    """A pool of objects that are then put into each other at random, so that sharing and cycles arise."""
    nodes = [draw(st.sampled_from([Node, Hiding]))() for _ in range(draw(st.integers(1, 5)))]
    states = [draw(st.sampled_from(KINDS))(float(k), tag=draw(st.sampled_from([None, 'x']))) for k in range(draw(st.integers(0, 5)))]
    boxes = [draw(st.sampled_from([list, dict]))() for _ in range(draw(st.integers(0, 4)))]
    static = st.sampled_from([1, 'text', None, 2.5])
    part = st.sampled_from(nodes + states + boxes)
    anything = st.one_of(part, static, st.tuples(part, static), st.tuples(part, st.tuples(part)))
    for node in nodes:
        for name in draw(st.lists(st.sampled_from(['a', 'b', 'c', 'hidden']), max_size=4, unique=True)):
            setattr(node, name, draw(anything))
    for box in boxes:
        for key in range(draw(st.integers(0, 3))):
            if isinstance(box, list):
                box.append(draw(anything))
            else:
                box[draw(st.sampled_from(['x', 'y', key]))] = draw(anything)
    return nodes[0]


check = settings(deadline=None, derandomize=True, max_examples=150, database=None)


def isomorphic(a, b, pairs):
    """Whether two objects have the same form, written without the package: every object has exactly one partner."""
    if isinstance(a, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(isomorphic(x, y, pairs) for x, y in zip(a, b, strict=True))
    if not isinstance(a, (graph.Node, State, list, dict)):
        return a is b
    if id(a) in pairs[0] or id(b) in pairs[1]:
        return pairs[0].get(id(a)) is b and pairs[1].get(id(b)) is a
    if type(a) is not type(b):
        return False
    if isinstance(a, State):
        alike = a.value == b.value and a.tag == b.tag
        pairs[0][id(a)], pairs[1][id(b)] = b, a
        return alike
    pairs[0][id(a)], pairs[1][id(b)] = b, a
    if isinstance(a, list):
        parts = list(enumerate(a)), list(enumerate(b))
    else:
        parts = list((a if isinstance(a, dict) else vars(a)).items()), list((b if isinstance(b, dict) else vars(b)).items())
    keys = [k for k, _ in parts[0]] == [k for k, _ in parts[1]]
    return keys and all(isomorphic(x, y, pairs) for (_, x), (_, y) in zip(*parts, strict=True))


def outside(root):
    """Objects that stand only where the graph is not searched, so that they are shared and not copied."""
    inside = {id(x) for x in [*graph.states(root).values(), *graph.nodes(root).values()]}
    seen, found, todo = set(), {}, [root]
    while todo:
        x = todo.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, (graph.Node, State)) and id(x) not in inside:
            found[id(x)] = x
            continue
        todo += list(vars(x).values()) if isinstance(x, graph.Node) else list(x.values()) if isinstance(x, dict) else []
        todo += x if isinstance(x, (list, tuple)) else []
    return found


def same_form(a, b):
    """Isomorphic, where what lies outside of the graph is its own partner."""
    apart = outside(a)
    return isomorphic(a, b, (dict(apart), dict(apart)))


@check
@given(graphs())
def test_a_clone_has_the_same_form_and_no_state_or_node_in_common(root):
    other = graph.clone(root)
    assert same_form(root, other)
    for find in (graph.states, graph.nodes):
        mine, its = find(root), find(other)
        assert list(mine) == list(its)
        assert not {id(x) for x in mine.values()} & {id(x) for x in its.values()}
    for state in graph.states(other).values():
        state.value = -1.0
    assert all(state.value >= 0 for state in graph.states(root).values())


@check
@given(graphs())
def test_structures_of_a_graph_and_its_clone_are_equal(root):
    a, b = graph.graphdef(root), graph.graphdef(graph.clone(root))
    assert a == b and hash(a) == hash(b)


@check
@given(graphs(), st.permutations([ParamState, 'x', State]))
def test_split_by_filters_loses_no_state(root, filters):
    definition, *trees = graph.treefy_split(root, *filters)
    flat = [graph.to_flat(tree) for tree in trees]
    assert sorted(map(repr, graph.states(root))) == sorted(repr(path) for part in flat for path in part)
    assert same_form(root, graph.treefy_merge(definition, *reversed(trees)))


@check
@given(graphs())
def test_paths_lead_to_their_states_and_nodes(root):
    for path, x in [*graph.states(root).items(), *graph.nodes(root).items()]:
        place = root
        for part in path:
            place = vars(place)[part] if isinstance(place, graph.Node) else place[part]
        assert place is x


@check
@given(graphs())
def test_update_restores_what_a_tree_holds(root):
    saved = graph.treefy_states(root)
    values = {path: state.value for path, state in graph.states(root).items()}
    for state in graph.states(root).values():
        state.value = state.value + 10.0
    graph.update_states(root, saved)
    assert {path: state.value for path, state in graph.states(root).items()} == values


@check
@given(graphs())
def test_pop_takes_what_the_filter_selects_or_nothing(root):
    before, chosen = graph.states(root), graph.states(root, ParamState)
    try:
        popped = graph.pop_states(root, ParamState)
    except ValueError:  # one stands in a list or tuple
        assert graph.states(root) == before
        return
    assert popped == chosen
    assert set(graph.states(root).values()) == set(before.values()) - set(chosen.values())


@check
@given(graphs())
def test_deepcopy_has_the_same_form(root):
    assert isomorphic(root, copy.deepcopy(root), ({}, {}))
