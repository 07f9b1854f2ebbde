"""The structure of a graph: comparable, hashable, equal for graphs built alike."""

import functools

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParamState, State, graph


class Node(graph.Node):
    def __init__(self, **attributes):
        vars(self).update(attributes)


class Other(Node):
    pass


def function(x):
    return x


NAN = float('nan')

# attributes that are built anew by each call, with a like one and an unlike one
ALIKE = {
    'number': (lambda: 1.5, lambda: 2.5),
    'same nan object': (lambda: NAN, lambda: 0.0),
    'int and bool': (lambda: 1, lambda: True),
    'int and float': (lambda: 1, lambda: 1.0),
    'text': (lambda: 'ab', lambda: 'ac'),
    'function': (lambda: function, lambda: functools.partial(function)),
    'class': (lambda: ParamState, lambda: State),
    'array': (lambda: np.arange(3), lambda: np.array([0, 1, 3])),
    'dtype of an array': (lambda: np.arange(3, dtype=np.int32), lambda: np.arange(3, dtype=np.int64)),
    'shape of an array': (lambda: np.zeros((2, 1)), lambda: np.zeros((1, 2))),
    'JAX array': (lambda: jnp.arange(3), lambda: jnp.arange(1, 4)),
    'JAX and NumPy': (lambda: jnp.zeros(3), lambda: np.zeros(3, np.float32)),
    'key': (lambda: jax.random.key(1), lambda: jax.random.key(2)),
    'quantity': (lambda: 3.0 * u.mV, lambda: 3.0 * u.mA),
    'quantity array': (lambda: np.arange(3.0) * u.mV, lambda: np.ones(3) * u.mV),
    'tuple': (lambda: (1, np.arange(2)), lambda: (1, np.arange(2) + 1)),
    'tuple and list': (lambda: (1, 2), lambda: [1, 2]),
    'order of a list': (lambda: [1, 2], lambda: [2, 1]),
    'length of a list': (lambda: [1, 2], lambda: [1, 2, 3]),
    'keys of a dict': (lambda: {'a': 1}, lambda: {'b': 1}),
    'order of a dict': (lambda: {'a': 1, 'b': 1}, lambda: {'b': 1, 'a': 1}),
    'set': (lambda: {1, 2}, lambda: {1}),
    'connectivity': (
        lambda: bst.one_to_one(3, 3, weight=1.0),
        lambda: bst.fixed_indegree(3, 3, 2, weight=1.0, seed=1),
    ),
    'class of a node': (Node, Other),
    'state or value': (lambda: State(1.0), lambda: 1.0),
    'missing attribute': (lambda: Node(a=1), lambda: Node()),
}


@pytest.mark.parametrize('case', ALIKE)
def test_structures_are_equal_exactly_where_built_alike(case):
    make, unlike = ALIKE[case]
    a, b, c = (graph.graphdef(Node(x=x, s=State(0.0))) for x in (make(), make(), unlike()))
    assert a == b and hash(a) == hash(b) and a != c
    assert a == a and a != 'a structure'


def test_values_of_states_make_no_difference():
    assert graph.graphdef(Node(s=State(0.0))) == graph.graphdef(Node(s=State(jnp.ones(3))))


def test_the_order_in_which_attributes_were_set_makes_no_difference():
    a, b = graph.graphdef(Node(x=1, y=2, s=State(0.0))), graph.graphdef(Node(s=State(0.0), y=2, x=1))
    assert a == b and hash(a) == hash(b)


def test_sharing_makes_a_difference():
    state = State(0.0)
    assert graph.graphdef(Node(a=state, b=state)) != graph.graphdef(Node(a=State(0.0), b=State(0.0)))


def test_an_object_that_cannot_be_compared_is_equal_to_itself_only():
    class Stubborn:
        def __eq__(self, other):
            raise RuntimeError('no')

    one, two = Stubborn(), Stubborn()
    assert graph.graphdef(Node(x=one)) == graph.graphdef(Node(x=one)) != graph.graphdef(Node(x=two))


def test_networks_built_alike_have_equal_structures():
    def build(tau):
        post = bst.LIF(3, tau_ref=2.0 * u.ms)
        kind = dict(syn=bst.Expon.desc(tau=tau * u.ms), out=bst.COBA.desc(E=0.0 * u.mV))
        comm = bst.pairwise_bernoulli(5, 3, 0.5, weight=1.0 * u.mS, seed=1)
        net = Node(post=post, projection=bst.AlignPostProj(comm=comm, post=post, **kind))
        bst.nn.init_all_states(net.post)
        return graph.graphdef(net)

    assert build(5.0) == build(5.0) and hash(build(5.0)) == hash(build(5.0))
    assert build(5.0) != build(6.0)


def test_a_rebuilt_graph_has_the_structure_it_was_built_from():
    root = Node(a=[1, {'s': State(0.0)}], f=function, size=(1, 2))
    root.self = root
    assert graph.graphdef(graph.clone(root)) == graph.graphdef(root)


def test_the_representation_is_short():
    assert repr(graph.graphdef(Node(a=Node(s=State(0.0)), b=State(1.0)))) == 'GraphDef(Node, 2 nodes, 2 states)'


def test_a_state_taken_apart_shows_class_value_and_labels():
    ref = graph.TreefyState.of(ParamState(1.5, name='w', tag='slow'))
    assert repr(ref) == "TreefyState(ParamState, 1.5, name='w', tag=frozenset({'slow'}))"
    assert (ref.type, ref.value, ref.name, ref.tag) == (ParamState, 1.5, 'w', {'slow'})
    assert ref.replace(2.5).to_state().value == 2.5 and ref.value == 1.5


def test_states_with_other_labels_have_another_tree():
    trees = [jax.tree.structure(graph.TreefyState.of(s)) for s in (State(0.0), State(1.0), State(0.0, name='a'), ParamState(0.0))]
    assert trees[0] == trees[1] and hash(trees[0]) == hash(trees[1])
    assert trees[0] != trees[2] and trees[0] != trees[3]


def test_a_label_that_is_an_array_can_be_compared():
    trees = [jax.tree.structure(graph.TreefyState.of(State(0.0, where=np.arange(n)))) for n in (2, 2, 3)]
    assert trees[0] == trees[1] and hash(trees[0]) == hash(trees[1]) and trees[0] != trees[2]
