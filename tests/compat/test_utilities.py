"""Dicts, frozen dataclasses, filters and other tools of scripts."""

import copy
import pickle

import jax
import jax.numpy as jnp
import pytest

from brainpy_state.compat import brainstate

transform, util = brainstate.transform, brainstate.util


def test_parts_of_a_dict_are_selected_by_what_it_holds():
    kept = util.DictManager({'a': 1, 'b': 2.5, 'c': 'text', 'd': 3})
    assert kept.subset(int) == {'a': 1, 'd': 3} and kept.not_subset((int, float)) == {'c': 'text'}
    assert kept.subset(lambda x: x == 'text') == {'c': 'text'}
    assert kept.split(int, str) == ({'a': 1, 'd': 3}, {'c': 'text'}, {'b': 2.5})
    assert kept.filter_by_predicate(lambda key, x: key > 'b') == {'c': 'text', 'd': 3}
    assert kept.intersection_by_keys(['a', 'z']) == {'a': 1} and kept.difference_by_values([1, 3], by='value') == {'b': 2.5, 'c': 'text'}
    assert kept.map_keys(str.upper).map_values(str)['B'] == '2.5' and 'DictManager' in repr(kept)
    assert kept + {'e': 0} == kept | {'e': 0} == {**kept, 'e': 0} and type(copy.deepcopy(kept)) is util.DictManager
    with pytest.raises(ValueError, match='duplicate keys'):
        kept.map_keys(lambda key: 0)
    with pytest.raises(ValueError, match="'id' or 'value'"):
        kept.pop_by_values([1], by='name')
    with pytest.raises(TypeError, match='takes dicts'):
        kept.assign([1])


def test_each_object_is_kept_once():
    x, y = object(), object()
    kept = util.DictManager(a=x, b=y, c=x)
    assert list(kept.unique()) == ['a', 'b'] and kept.unique_() is kept and len(kept) == 2
    assert not kept.add_unique_value('d', x) and kept.add_unique_value('d', object())
    with pytest.raises(ValueError, match='already exists with a different value'):
        kept.add_unique_key('a', y)
    kept.pop_by_values([y])
    assert set(kept) == {'a', 'd'}


def test_dicts_of_arrays_are_trees():
    for kind in (util.DictManager, util.DotDict, util.FrozenDict):
        doubled = jax.tree.map(lambda x: 2 * x, kind(w=jnp.ones(2), b=jnp.zeros(1)))
        assert type(doubled) is kind and doubled['w'].sum() == 4
    assert jax.tree.leaves(util.PrettyList([1, 2])) == [1, 2] and repr(util.PrettyList(['a'])) == "[\n  'a',\n]"


def test_keys_are_attributes_all_the_way_down():
    config = util.DotDict({'model': {'layers': [{'size': 3}]}, 'lr': 0.1})
    config.model.depth = 2
    config.update({'model': {'width': 4}}, lr=0.2)
    assert config.model.layers[0].size == 3 and config.model.depth == 2 and config.model.width == 4 and config.lr == 0.2
    plain = config.to_dict()
    assert type(plain['model']) is dict and type(plain['model']['layers'][0]) is dict and util.DotDict.from_dict(plain) == config
    assert type(config | {'x': {}}) is util.DotDict and config.deepcopy().model is not config.model
    with pytest.raises(AttributeError, match="no attribute 'size'"):
        config.size
    with pytest.raises(AttributeError, match='built-in method'):
        config.keys = 1


def test_a_frozen_dataclass_is_a_tree_with_a_label():
    @util.struct.dataclass
    class Layer:
        w: jax.Array
        name: str = util.struct.field(pytree_node=False, default='layer')

    layer = Layer(jnp.ones(3))
    assert jax.jit(lambda layer: layer.replace(w=2 * layer.w))(layer).w.sum() == 6
    assert len(jax.tree.leaves(layer)) == 1 and util.is_dataclass(Layer) and util.dataclass(Layer) is Layer
    with pytest.raises(AttributeError):
        layer.w = 0
    with pytest.raises(ValueError, match='give it once'):
        util.field(pytree_node=False, metadata={'pytree_node': True})

    class Pair(util.PyTreeNode):
        a: float
        b: float = 1.0

    assert jax.tree.leaves(Pair(2.0)) == [2.0, 1.0]


def test_a_frozen_dict_does_not_change():
    frozen = util.freeze({'a': 1, 'b': {'c': 2}})
    assert frozen['b']['c'] == 2 and hash(frozen) == hash(util.FrozenDict(frozen)) and pickle.loads(pickle.dumps(frozen)) == frozen
    assert frozen.copy({'a': 3})['a'] == 3 and frozen.pop('b') == ({'a': 1}, {'c': 2}) and util.unfreeze(frozen) == {'a': 1, 'b': {'c': 2}}
    assert repr(frozen) == "FrozenDict({\n  'a': 1,\n  'b': {\n    'c': 2,\n  },\n})"
    with pytest.raises(TypeError, match='does not change'):
        frozen['a'] = 2
    with pytest.raises(TypeError, match='a dict or a FrozenDict'):
        util.copy([1])


def test_flattened_dicts_say_where_keys_meet():
    nested = {'a': {'b': 1, 'c': {}}, 'd': 2}
    assert util.flatten_dict(nested) == {'a.b': 1, 'a.c': {}, 'd': 2} and util.unflatten_dict(util.flatten_dict(nested)) == nested
    for function, given in ((util.flatten_dict, {'a.b': 1, 'a': {'b': 2}}), (util.unflatten_dict, {'a': 1, 'a.b': 2})):
        with pytest.raises(ValueError, match='key|already'):
            function(given)
    with pytest.raises(TypeError, match='a dict is expected'):
        util.merge_dicts({}, 1)
    with pytest.raises(TypeError, match='fraction must be an integer or float'):
        util.split_total(10, True)


def test_filters_know_tags_that_are_texts():
    class Part:
        tag = 'trained'

    assert util.to_predicate('trained')(('a',), Part()) and not util.filter.All(util.WithTag('other'), int)(('a',), Part())
    assert util.filter.Not(['other'])((), Part()) and repr(util.to_predicate(int)) == "OfType(<class 'int'>)"
    assert util.filter.WithTag('x')((), brainstate.State(1.0, tag='x'))


def test_names_count_by_kind():
    kind = 'kind_of_this_test'
    assert [util.get_unique_name(kind, p) for p in ('', '', 'big_')] == [f'{kind}0', f'{kind}1', f'big_{kind}2']
    assert util.is_instance_eval(int, str)('a') and util.not_instance_eval(int)('a')


def test_arrays_are_freed(monkeypatch):
    x = jnp.ones(3)
    monkeypatch.setattr(jax, 'live_arrays', lambda platform: [x])
    util.clear_buffer_memory(array=False)
    assert not x.is_deleted()
    util.clear_buffer_memory()
    assert x.is_deleted()


def test_types_for_annotations():
    assert isinstance(jnp.ones(2), brainstate.typing.SupportsDType) and not isinstance(2, brainstate.typing.SupportsDType)
    assert brainstate.typing.DType('int32') == jnp.int32


def test_an_object_shows_its_attributes():
    class Job(util.PrettyObject):
        def __init__(self):
            self.lr, self.key, self.me = 0.1, 'hidden', self

        def __pretty_repr_item__(self, k, v):
            return None if k == 'key' else (k, v)

    assert repr(Job()) == 'Job(\n  lr=0.1,\n  me=...,\n)'


def test_an_error_with_values_by_name():
    @transform.jit
    def root(x):
        transform.jit_error_if(jnp.any(x < 0), 'the root of {}, the least is {least}', x, least=x.min())
        return jnp.sqrt(x)

    assert root(jnp.array([4.0]))[0] == 2.0
    with pytest.raises(ValueError, match=r'the root of \[ 1. -2.\], the least is -2.0'):
        root(jnp.array([1.0, -2.0]))
