"""Mapped states, divided states, shapes of modules, and filters that ask for classes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

import brainpy_state as bst
from brainpy_state.compat import brainstate


def test_vmap2_says_which_states_have_lanes():
    total, buffer = brainstate.State(jnp.zeros(5)), brainstate.State(jnp.zeros((3, 5)))
    vmap2, x = brainstate.transform.vmap2, jnp.arange(5.0)

    @vmap2(state_in_axes=..., state_out_axes=...)
    def add(x):
        total.value += x
        return total.value

    def column(x):
        buffer.value += x

    np.testing.assert_array_equal(brainstate.transform.jit(add)(x), x)
    np.testing.assert_array_equal(total.value, x)
    vmap2(column, state_in_axes={1: buffer}, state_out_axes={1: buffer})(jnp.ones((5, 3)))
    np.testing.assert_array_equal(buffer.value, np.ones((3, 5)))


def test_states_for_each_lane_and_what_uses_them():
    cell = brainstate.nn.GRUCell(3, 4)
    brainstate.transform.vmap2_new_states(cell, {}, state_tag='new', axis_size=5)
    assert cell.h.value.shape == (5, 4)
    assert brainstate.transform.vmap2(cell, state_in_axes='new')(jnp.ones((5, 3))).shape == (5, 4)

    @brainstate.transform.vmap_new_states(axis_size=2)
    def again():
        brainstate.nn.init_all_states(cell)

    again()
    assert cell.h.value.shape == (2, 4)
    with pytest.raises(ValueError, match='lane axis of new states is 0'):
        brainstate.transform.vmap2_new_states(cell, {}, axis_size=5, state_out_axes={1: ...})


def test_a_bar_whose_text_has_values():
    bar = brainstate.transform.ProgressBar(freq=5, desc=('step = {i}', lambda x: {'i': x['i']}))
    assert (bar.desc, bar.freq) == ('step', 5) and brainstate.transform.ProgressBar(10).desc == ''
    np.testing.assert_array_equal(brainstate.transform.for_loop(lambda x: 2 * x, jnp.arange(10), pbar=bar), 2 * np.arange(10))


def test_states_are_keys_of_specs():
    mesh, spec = jax.make_mesh((1,), ('x',)), PartitionSpec('x')
    total = brainstate.State(jnp.zeros(4))

    def add(x):
        total.value += x
        return x

    step = brainstate.transform.shard_map(add, mesh, (spec,), spec, state_in_specs={total: spec}, state_out_specs={total: spec})
    step(jnp.ones(4))
    np.testing.assert_array_equal(step(jnp.ones(4)), np.ones(4))
    np.testing.assert_array_equal(total.value, np.full(4, 2))


def test_a_module_of_shapes_is_filled_with_values():
    shapes = brainstate.transform.eval_shape(lambda: brainstate.nn.Linear(10, 20))
    assert shapes.weight.value['weight'].shape == (10, 20)
    model = brainstate.nn.Linear(10, 20)
    brainstate.graph.update_states(shapes, brainstate.graph.treefy_states(model))
    x = jnp.ones((1, 10))
    np.testing.assert_array_equal(shapes(x), model(x))
    assert brainstate.transform.eval_shape(lambda x: x @ jnp.ones((10, 2)), x).shape == (1, 2)


def test_filters_ask_for_the_class_of_a_state():
    model = brainstate.nn.Sequential(brainstate.nn.Linear(2, 3), brainstate.nn.Linear(3, 4))
    last = brainstate.nn.Linear(3, 4)
    model = brainstate.nn.Module()
    model.backbone, model.head = brainstate.nn.Linear(2, 3), last

    def trained(path, x):
        return 'backbone' not in path and issubclass(x.type, brainstate.ParamState)

    _, chosen, rest = brainstate.graph.treefy_split(model, trained, ...)
    assert list(chosen) == ['head'] and list(rest) == ['backbone']
    assert list(brainstate.graph.treefy_states(model, trained)) == ['head']
    assert list(brainstate.graph.treefy_states(model, bst.filter.PathContains('head'))) == ['head']
