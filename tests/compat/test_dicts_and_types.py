"""Dicts by paths, types for annotations, and what tells the states of a function."""

from typing import Annotated, get_origin, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state.compat import brainstate

util, types, T = brainstate.util, brainstate.typing, brainstate.transform


def test_nested_dicts_by_paths_and_back():
    nested = {'a': 1, 'b': {'c': 2, 'd': {}}}
    assert util.flat_mapping(nested) == {('a',): 1, ('b', 'c'): 2}
    assert util.flat_mapping(nested, sep='/') == {'a': 1, 'b/c': 2}
    assert util.flat_mapping(nested, is_leaf=lambda path, x: True) == {('a',): 1, ('b',): nested['b']}
    kept = util.flat_mapping(nested, keep_empty_nodes=True)
    assert repr(kept['b', 'd']) == 'EmptyNode' and util.nest_mapping(kept) == nested
    assert util.nest_mapping({'a': 1, 'b/c': 2}, sep='/') == {'a': 1, 'b': {'c': 2}}
    assert util.FlattedDict.from_nest([('a', 1), ('b', {'c': 2})]) == {('a',): 1, ('b', 'c'): 2}


def test_what_is_no_path_is_an_error():
    for flat, text in (({(): 1}, 'a path is empty'), ({('a',): 1, ('a', 'b'): 2}, r"leads through \('a',\)")):
        with pytest.raises(ValueError, match=text):
            util.nest_mapping(flat)
    for convert in (util.nest_mapping, util.flat_mapping, lambda x: util.NestedDict.merge(util.NestedDict(), x)):
        with pytest.raises(TypeError, match='takes dict|takes a dict'):
            convert([('a', 1)])
    for kind in (util.NestedDict({'a': 1}), util.FlattedDict({('a',): 1})):
        for combine in (lambda x, y: x - y, lambda x, y: x | y):
            with pytest.raises(TypeError, match='unsupported operand'):
                combine(kind, {'b': 1})
        assert kind - type(kind)() == kind | type(kind)() == kind


def test_values_are_replaced():
    weight = brainstate.ParamState(1.0)
    nested = util.NestedDict({'a': weight, 'b': {'c': 2}})
    nested.replace_by_pure_dict({'a': 3.0, 'b': {'c': 4}})
    assert nested['a'].value == 3.0 and nested['b']['c'] == 4 and weight.value == 1.0
    nested.replace_by_pure_dict({'b': {'c': 4}}, lambda old, new: old + new)
    assert nested['b']['c'] == 8
    with pytest.raises(ValueError, match=r"nothing at \('z',\)"):
        nested.replace_by_pure_dict({'b': {'c': 0}, 'z': 1})
    flat = util.FlattedDict({('a',): weight, ('b',): 2})
    with pytest.raises(KeyError):
        flat.assign_dict_values({('a',): 9.0, ('z',): 1})
    flat.assign_dict_values({('a',): 5.0, ('b',): 6})
    assert weight.value == 5.0 and flat['b',] == 6 and nested['b']['c'] == 8


def test_annotations():
    def scaled(x: types.Array['batch, n'], tree: types.PyTree[float, 'T']) -> types.PyTree[int]:  # noqa: F821
        return x

    assert get_origin(get_type_hints(scaled, include_extras=True)['x']) is Annotated
    assert isinstance(jnp.ones(2), types.Array) and not isinstance(np.ones(2), types.Array)
    assert types.PyTree[int, ' S  ... '] is types.PyTree[int, 'S ...'] and types.PyTree[int].leaftype is int
    assert isinstance({'a': 1}, types.PyTree[int]) and not isinstance([1.0], types.PyTree[int]) and isinstance([1.0], types.PyTree)
    assert isinstance('a', types.Key) and not isinstance([], types.Key)
    for item in ((int, ''), (int, 'a-b'), (int, '...'), (int, 'S ... T'), (int, 3), (int, 'T', 'T')):
        with pytest.raises(ValueError, match='must be'):
            types.PyTree[item]
    with pytest.raises(TypeError, match='must be hashable'):
        types.PyTree[[int]]
    with pytest.raises(RuntimeError, match='for annotations'):
        types.PyTree()


def test_shapes_of_states():
    total = brainstate.State(jnp.zeros((2, 3)))

    def add(x):
        total.value = jnp.concatenate([total.value, x[None]])
        return x.sum()

    states, out = T.eval_shape(add, jnp.ones(3), return_state_shapes=True)
    assert states == {total: jax.ShapeDtypeStruct((3, 3), jnp.float32)} and out.shape == () and total.value.shape == (2, 3)


def test_states_are_found_under_their_names():
    named, nameless = brainstate.State(1.0, name='alpha'), brainstate.State(2.0)
    find = T.StateFinder(lambda: named.value + nameless.value, key_fn=lambda k, state: None)
    assert list(find()) == ['alpha', 1]
    assert list(T.StateFinder(lambda: named.value, key_fn=lambda k, state: [k])()) == ['[0]']


@pytest.mark.slow
def test_a_scope_is_a_method():
    class Power(brainstate.nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

        @T.named_scope(name='power', static_argnums=1, static_argnames='shift')
        def power(self, x, n, *, shift=0):
            """A power."""
            assert isinstance(n, int) and isinstance(shift, int)
            return self.scale * x**n + shift

    x = jnp.arange(3.0)
    for scale in (2.0, 3.0):
        for n, shift in ((2, 0), (3, 1)):
            np.testing.assert_array_equal(Power(scale).power(x, n, shift=shift), scale * x**n + shift)
    assert Power.power.__doc__ == 'A power.' and Power.power.__name__ == 'power' and 'power' in repr(Power.power.fn)


def test_small_refusals():
    for desc, error in ((('{i}', 3), TypeError), ((3, print), TypeError), (('{i}',), ValueError)):
        with pytest.raises(error, match='ProgressBar: desc is'):
            T.ProgressBar(desc=desc)
    with pytest.raises(ValueError, match='axis_size is the number of lanes'):
        T.vmap_new_states(axis_size=0)
    with pytest.raises(TypeError, match='one real number'):
        T.cond(1j, lambda: 1, lambda: 2)
    brainstate.environ.register_default_behavior('mine', print)
    brainstate.environ.reset()
    assert 'mine' not in brainstate.environ.list_registered_behaviors()
    layers = brainstate.nn.Sequential(jnp.sin, jnp.cos, jnp.exp)
    assert layers[0, 2].layers == [jnp.sin, jnp.exp]
    assert brainstate.nn.Linear(np.array(3), np.array([2])).in_size == (3,)
    jaxpr = jax.make_jaxpr(lambda x: (x + 0.0, x * 1.0)[0])(1.0)
    assert len(T.optimize_jaxpr(jaxpr, optimizations='dce').eqns) == 1 and not T.optimize_jaxpr(jaxpr, optimizations='all').eqns


def test_filters_of_keys_of_jax_and_of_predicates_without_a_hash():
    class Everything:
        __hash__ = None

        def __call__(self, path, x):
            return True

    F = util.filter
    (path, _), *_ = jax.tree_util.tree_leaves_with_path({'a': [1.0, (2.0,)]})
    assert all(F.PathContains(key)(path, None) for key in ('a', 0)) and not any(F.PathContains(key)(path, None) for key in ('b', 1))
    assert F.PathContains('value')((jax.tree_util.GetAttrKey('value'),), None)
    assert len({F.Any(Everything()), F.Not('a'), F.Not('a')}) == 2
    with pytest.raises(TypeError, match='a tag is a text'):
        F.WithTag(['a'])


def test_states_of_another_class_and_arrays_of_numpy():
    state = brainstate.State(jnp.ones(2), name='x')
    assert state.replace(brainstate.State(jnp.zeros(2))).value.sum() == 0
    with pytest.raises(ValueError, match='takes a value, or a State'):
        state.replace(brainstate.ParamState(jnp.zeros(2)))
    several = brainstate.HiddenGroupState(np.zeros((4, 3)))
    several.set_value({1: np.ones(4)})
    np.testing.assert_array_equal(several.value.sum(0), [0, 4, 0])
    jaxpr, states = T.make_jaxpr(lambda x: state.value + x, return_only_write=True)(1.0)
    assert states == (state,) and len(jaxpr.out_avals) == 1
    with pytest.raises(NotImplementedError, match='return_only_write=False'):
        T.make_jaxpr(lambda x: x, return_only_write=False)


def test_a_node_shows_what_it_holds():
    class Pair(brainstate.graph.Node):
        graph_invisible_attrs = ('owner',)

        def __init__(self, x):
            self.x, self.nothing, self.owner, self._own = x, None, self, 2

    pair = Pair(3)
    assert repr(pair) == 'Pair(x=3, _own=2)'
    pair.x = pair
    assert repr(pair) == 'Pair(x=..., _own=2)'


def test_connections_by_number_say_what_is_allowed():
    for options, text in (((1.5, 1.0), 'a fraction, from 0 to 1'), ((3, 1.0, 'sideways'), "is 'post' or 'pre'")):
        with pytest.raises(ValueError, match=text):
            brainstate.nn.FixedNumConn(4, 5, *options)
