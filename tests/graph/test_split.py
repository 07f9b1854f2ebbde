"""Split and merge: structure on one side, a pytree of states on the other, and back."""

from collections import OrderedDict, defaultdict, namedtuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import HiddenState, ParamState, ShortTermState, State, graph
from brainpy_state.graph import TreefyState, treefy_merge, treefy_split

Pair = namedtuple('Pair', 'left right')


class Node(graph.Node):
    def __init__(self, **attributes):
        vars(self).update(attributes)


class Linear(bst.nn.Module):
    built = 0

    def __init__(self, n_in, n_out, scale=1.0):
        super().__init__()
        Linear.built += 1
        self.in_size, self.out_size = (n_in,), (n_out,)
        self.mask = np.ones(n_out)
        self.w = ParamState(jnp.full((n_in, n_out), scale))
        self.b = ParamState(jnp.zeros(n_out))
        self.count = ShortTermState(jnp.array(0))

    def update(self, x):
        self.count.value += 1
        return x @ self.w.value + self.b.value


def rebuilt(node):
    return treefy_merge(*treefy_split(node))


def test_merge_gives_an_equal_graph_of_new_objects():
    model = Linear(2, 3)
    again = rebuilt(model)
    assert type(again) is Linear and again is not model
    assert again.w is not model.w and type(again.w) is ParamState
    assert repr(again) == repr(model)
    np.testing.assert_array_equal(again(jnp.ones(2)), model(jnp.ones(2)))


def test_merge_calls_no_constructor():
    model = Linear(2, 3)
    before = Linear.built
    rebuilt(model)
    assert Linear.built == before


def test_merge_does_not_pass_by_setattr():
    class Strict(Node):
        def __setattr__(self, name, value):
            raise AssertionError(name)

    assert rebuilt(Strict(a=1, s=State(2.0))).s.value == 2.0


def test_labels_and_tags_survive():
    state = State(1.0, name='g', tag={'slow', 'inner'}, origin='soma', type='exc')
    again = rebuilt(Node(s=state)).s
    assert repr(again) == repr(state)
    assert (again.name, again.tag, again.origin, again.type) == ('g', {'slow', 'inner'}, 'soma', 'exc')
    again.tag.add('other')
    assert 'other' not in state.tag


def test_quantities_and_nested_values_survive():
    value = {'v': jnp.arange(3.0) * u.mV, 'n': (jnp.array(1), None)}
    again = rebuilt(Node(s=State(value))).s.value
    assert jax.tree.structure(again) == jax.tree.structure(value)
    assert again['v'].unit == u.mV


def test_containers_within_a_value_are_not_shared():
    root = Node(s=State({'a': [1.0]}))
    definition, tree = treefy_split(root)
    one, two = treefy_merge(definition, tree), treefy_merge(definition, tree)
    root.s.value['a'].append(2.0)
    one.s.value['a'].append(3.0)
    assert two.s.value == {'a': [1.0]} and one.s.value == {'a': [1.0, 3.0]}


def test_a_state_with_several_paths_is_one_state_after_merge():
    shared = ParamState(1.0)
    again = rebuilt(Node(a=shared, b=[shared], c=Node(d={'k': shared})))
    assert again.a is again.b[0] is again.c.d['k']


def test_a_node_or_list_with_several_paths_is_one_object_after_merge():
    shared, items = Node(w=State(1.0)), [1, 2]
    again = rebuilt(Node(a=shared, b=(shared, 3), c=items, d={'items': items}))
    assert again.a is again.b[0]
    assert again.c is again.d['items'] and again.c == items and again.c is not items


def test_cycles_survive():
    root = Node(w=State(1.0))
    root.child = Node(parent=root, ring=[])
    root.child.ring.append(root.child.ring)
    again = rebuilt(root)
    assert again.child.parent is again
    assert again.child.ring[0] is again.child.ring


def test_containers_keep_their_kind_and_order():
    s = [State(float(k)) for k in range(5)]
    lists = defaultdict(list, a=[s[0]])
    root = Node(d={'z': s[1], 'a': s[2]}, o=OrderedDict(y=s[3], b=1), p=Pair(s[4], 'x'), lists=lists, empty=([], {}, ()))
    again = rebuilt(root)
    assert list(again.d) == ['z', 'a'] and list(again.o) == ['y', 'b']
    assert type(again.o) is OrderedDict and type(again.p) is Pair and again.p.left.value == 4.0
    assert again.lists['new'] == [] and 'new' not in lists
    assert again.empty == ([], {}, ()) and again.empty[0] is not root.empty[0]


def test_static_attributes_are_kept_by_reference():
    f, array = (lambda x: x), np.arange(3)
    again = rebuilt(Node(f=f, array=array, size=(2, 3), unit=u.mV, s=State(0.0)))
    assert again.f is f and again.array is array and again.size == (2, 3) and again.unit == u.mV


def test_a_bound_method_is_bound_to_the_new_node():
    class Counter(Node):
        def step(self):
            self.n.value += 1

    root = Counter(n=State(0))
    root.act = root.step
    again = rebuilt(root)
    again.act()
    assert (again.n.value, root.n.value) == (1, 0)


def test_a_reference_that_is_not_searched_leads_to_the_new_node():
    class Reference(Node):
        graph_invisible_attrs = ('target', 'table')

    target, outside = Node(w=State(1.0)), Node(w=State(2.0))
    root = Node(a=Reference(target=target, table={'t': target, 'o': outside}), b=target)
    again = rebuilt(root)
    assert again.a.target is again.b and again.b is not target
    assert again.a.table['t'] is again.b and again.a.table is not root.a.table
    assert again.a.table['o'] is outside, 'what has no place in the graph stays the same object'
    assert rebuilt(root.a).target is target


def test_the_dynamic_part_is_a_pytree_of_the_values():
    graphdef, tree = treefy_split(Linear(2, 3))
    assert list(tree) == ['b', 'count', 'w'] and isinstance(tree['w'], TreefyState)
    assert [leaf.shape for leaf in jax.tree.leaves(tree)] == [(3,), (), (2, 3)]
    doubled = treefy_merge(graphdef, jax.tree.map(lambda x: 2 * x, tree))
    np.testing.assert_array_equal(doubled.w.value, jnp.full((2, 3), 2.0))
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
    assert names == ["['b'].value", "['count'].value", "['w'].value"]


def test_filters_share_out_the_states():
    model = Linear(2, 3)
    graphdef, params, rest = treefy_split(model, ParamState, ...)
    assert list(params) == ['b', 'w'] and list(rest) == ['count']
    again = treefy_merge(graphdef, rest, params)
    assert list(again.states()) == list(model.states())


def test_filters_that_leave_a_state_over_are_an_error():
    with pytest.raises(ValueError, match=r"treefy_split: ShortTermState at \('count',\) fits no filter"):
        treefy_split(Linear(2, 3), ParamState)
    with pytest.raises(ValueError, match='must be the last'):
        treefy_split(Linear(2, 3), ..., ParamState)
    with pytest.raises(TypeError, match='A filter is a class'):
        treefy_split(Linear(2, 3), 1.5)


def test_treefy_states_may_leave_states_over():
    assert list(graph.treefy_states(Linear(2, 3), HiddenState)) == []
    params, counts = graph.treefy_states(Linear(2, 3), ParamState, ShortTermState)
    assert list(params) == ['b', 'w'] and list(counts) == ['count']


def test_merge_names_what_is_missing_or_surplus():
    graphdef, tree = treefy_split(Node(a=Linear(1, 1), b=[Linear(1, 1)]))
    less = {'a': tree['a'], 'b': {0: {k: v for k, v in tree['b'][0].items() if k != 'w'}}}
    with pytest.raises(ValueError, match=r"\('b', 0, 'w'\) is missing"):
        treefy_merge(graphdef, less)
    with pytest.raises(ValueError, match=r"\('a', 'b'\) is missing among the states, and 5 more"):
        treefy_merge(graphdef)
    with pytest.raises(ValueError, match=r"\('c', 'x'\) is not part of the graph"):
        treefy_merge(graphdef, tree, {'c': {'x': tree['a']['w']}})
    with pytest.raises(ValueError, match=r"\('a', 'b'\) is given twice"):
        treefy_merge(graphdef, tree, tree)
    with pytest.raises(TypeError, match=r"TreefyState is needed at \('a', 'b'\)"):
        treefy_merge(graphdef, {'a': tree['a'] | {'b': jnp.zeros(1)}, 'b': tree['b']})
    with pytest.raises(TypeError, match='states come as dicts'):
        treefy_merge(graphdef, tree['a']['w'])


def test_flatten_and_unflatten_use_paths():
    graphdef, flat = graph.flatten(Node(layers=[Linear(1, 2)]))
    assert list(flat) == [('layers', 0, 'b'), ('layers', 0, 'count'), ('layers', 0, 'w')]
    assert graph.to_flat(graph.to_nest(flat)) == flat
    assert graph.unflatten(graphdef, flat).layers[0].w.value.shape == (1, 2)


def test_structure_alone_reads_no_state():
    model = Linear(1, 2)
    with bst.StateTraceStack() as touched:
        graph.graphdef(model)
    assert touched.get_read_states() == ()


def test_split_reads_and_merge_creates():
    model = Linear(1, 2)
    with bst.StateTraceStack() as touched:
        again = rebuilt(model)
        again.w.value += 1
    assert set(touched.get_read_states()) == set(model.states().values())
    assert touched.get_write_states() == ()


def test_a_split_model_goes_through_raw_jit():
    model = Linear(2, 3, scale=2.0)
    graphdef, tree = treefy_split(model)
    traced = []

    def step(graphdef, tree, x):
        traced.append(graphdef)
        model = treefy_merge(graphdef, tree)
        y = model(x)  # writes `count`
        return y, graph.treefy_states(model)

    step = jax.jit(step, static_argnums=0)
    y, tree = step(graphdef, tree, jnp.ones(2))
    y, tree = step(graph.graphdef(Linear(2, 3)), tree, jnp.ones(2))
    assert len(traced) == 1, 'an equal structure must find the compiled function'
    np.testing.assert_array_equal(y, jnp.full(3, 4.0))
    assert treefy_merge(graphdef, tree).count.value == 2
    assert model.count.value == 0


def test_gradients_and_vmap_go_through_a_split_model():
    graphdef, params, rest = treefy_split(Linear(2, 3), ParamState, ...)

    def loss(params, x):
        return jnp.sum(treefy_merge(graphdef, params, rest)(x))

    grads = jax.grad(loss)(params, jnp.array([1.0, 2.0]))
    np.testing.assert_array_equal(grads['w'].value, [[1.0] * 3, [2.0] * 3])
    stacked = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), params)
    np.testing.assert_array_equal(jax.vmap(loss, (0, None))(stacked, jnp.ones(2)), [6.0, 12.0])


def test_a_model_is_split_and_merged_inside_of_own_transforms():
    model = Linear(2, 3)

    @bst.transform.jit
    def twice(x):
        other = graph.clone(model)
        other(x)
        other(x)
        model(x)
        return other.count.value

    assert twice(jnp.ones(2)) == 2 and model.count.value == 1
    assert twice(jnp.ones(2)) == 3 and model.count.value == 2


def test_a_merged_model_is_compiled_and_trained_like_any_other():
    model = rebuilt(Linear(2, 1, scale=0.0))
    params = model.states(ParamState)
    grads = bst.transform.grad(lambda x: jnp.sum(model(x)), params)(jnp.ones(2))
    assert type(grads) is dict and list(grads) == list(params)
    for key in params:
        params[key].value -= 0.5 * grads[key]
    np.testing.assert_array_equal(model.w.value, [[-0.5], [-0.5]])


def test_several_graphs_are_split_together():
    shared = Linear(1, 1)
    graphdef, tree = treefy_split({'a': shared, 'b': [shared, Linear(1, 1)]})
    again = treefy_merge(graphdef, tree)
    assert again['a'] is again['b'][0] and again['b'][1] is not again['a']


def test_a_dict_of_states_by_path_is_a_graph_too():
    states = Linear(2, 3).states()
    again = rebuilt(states)
    assert type(again) is type(states) and list(again) == list(states)
    other = jax.tree.map(lambda x: x + 1, graph.treefy_states(states))
    graph.update_states(again, other)
    assert again['count',].value == 1 and states['count',].value == 0
    graph.update_states(states, graph.to_flat(other))
    assert states['count',].value == 1


@pytest.fixture
def network():
    """Two populations, of which one excites the other through a shared receptor and through jumps."""
    pre, post = bst.LIF(4, V_initializer=50.0 * u.mV), bst.LIF(3)
    connect = bst.all_to_all(4, 3, weight=1.0 * u.mS)
    kind = dict(syn=bst.Expon.desc(tau=5.0 * u.ms), out=bst.COBA.desc(E=0.0 * u.mV), post=post)
    net = Node(
        pre=pre,
        post=post,
        projections=[
            bst.AlignPostProj(comm=connect, **kind),
            bst.AlignPostProj(comm=bst.all_to_all(4, 3, weight=2.0 * u.mS), **kind),
            bst.DeltaProj(comm=bst.all_to_all(4, 3, weight=1.0 * u.mV), post=post),
        ],
    )
    for part in (pre, post, *net.projections):
        bst.nn.init_all_states(part)
    return net


def step(net):
    for projection in net.projections:
        projection(net.pre.get_spike())
    net.pre(30.0 * u.mA)
    return net.post()


@pytest.mark.slow
def test_a_clone_of_a_network_is_wired_to_itself_and_simulates_the_same(network, dt):
    other = graph.clone(network)
    before = jax.tree.leaves(graph.treefy_states(network))
    assert all(p.post is other.post for p in other.projections)
    assert other.projections[0].receptor is other.projections[1].receptor is other.post.receptors[0]
    for _ in range(3):
        step(other)
    after = jax.tree.leaves(graph.treefy_states(network))
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    for _ in range(3):
        step(network)
    assert network.projections[0].receptor.syn.g.value.mantissa.min() > 0, 'no spike arrived, so nothing was compared'
    others = graph.states(other)
    for path, state in graph.states(network).items():
        np.testing.assert_array_equal(u.get_mantissa(state.value), u.get_mantissa(others[path].value), err_msg=str(path))


def test_a_new_projection_onto_a_clone_leaves_the_original_alone(network):
    other = graph.clone(network)
    kind = dict(syn=bst.Expon.desc(tau=7.0 * u.ms), out=bst.CUBA.desc())
    bst.AlignPostProj(comm=bst.all_to_all(4, 3, weight=1.0 * u.mA), post=other.post, **kind)
    assert (len(other.post.receptors), len(network.post.receptors)) == (2, 1)
