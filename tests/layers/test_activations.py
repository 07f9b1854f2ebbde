"""Activations and recurrent cells."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import nn
from brainpy_state.layers import _activations

X = jnp.linspace(-3.0, 3.0, 12).reshape(3, 4)


@pytest.mark.parametrize('name', [name for name in _activations._ELEMENTWISE if name != 'one_hot'])
def test_functions_are_those_of_jax(name):
    np.testing.assert_array_equal(getattr(nn, name)(X), getattr(jax.nn, name)(X))
    assert name in getattr(nn, name).__doc__


def test_functions_of_quantities():
    assert nn.relu(jnp.array([-1.0, 2.0]) * u.mV)[1] == 2.0 * u.mV
    np.testing.assert_allclose(nn.sigmoid(jnp.array([1.0]) * u.mV / u.volt), jax.nn.sigmoid(1e-3))
    with pytest.raises(u.UnitMismatchError):
        nn.sigmoid(X * u.mV)
    assert nn.one_hot(jnp.array([1]), 3).tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize('name', ['ELU', 'GELU', 'LeakyReLU', 'ReLU', 'Sigmoid', 'SiLU', 'Softmax', 'Softplus', 'Tanh'])
def test_layers_apply_them(name):
    function = {'LeakyReLU': 'leaky_relu', 'SiLU': 'silu'}.get(name, name.lower())
    model = nn.Sequential(nn.Linear(4, 4, 0.5), getattr(nn, name)())
    np.testing.assert_allclose(model(X), getattr(jax.nn, function)(X @ jnp.full((4, 4), 0.5)), rtol=1e-6)


def sigma(x):
    return 1 / (1 + np.exp(-x))


def by_hand(kind, cell, xs):
    h = c = np.zeros((2, 3))
    W = {
        name: {k: np.asarray(v, float) for k, v in getattr(cell, name).weight.value.items()}
        for name in ('W', 'Wrz', 'Wf', 'Wh')
        if hasattr(cell, name)
    }
    dense = lambda name, *x: np.concatenate(x, -1) @ W[name]['weight'] + W[name]['bias']  # noqa: E731
    for x in np.asarray(xs, float):
        if kind == 'RNNCell':
            h = np.maximum(dense('W', x, h), 0)
        elif kind == 'GRUCell':
            r, z = np.split(sigma(dense('Wrz', x, h)), 2, -1)
            h = (1 - z) * h + z * np.tanh(dense('Wh', x, r * h))
        elif kind == 'MGUCell':
            f = sigma(dense('Wf', x, h))
            h = (1 - f) * h + f * np.tanh(dense('Wh', x, f * h))
        else:
            i, g, f, o = np.split(dense('W', x, h), 4, -1)
            c = sigma(f + 1) * c + sigma(i) * np.tanh(g)
            h = sigma(o) * np.tanh(c)
        yield h


@pytest.mark.quick('^RNN')
@pytest.mark.parametrize('kind', ['RNNCell', 'GRUCell', 'MGUCell', 'LSTMCell'])
def test_cells_do_what_their_equations_say(kind):
    bst.random.seed(0)
    cell = nn.init_all_states(getattr(nn, kind)(4, 3, b_init=0.1), batch_size=2)
    xs = jnp.asarray(np.random.default_rng(0).standard_normal((6, 2, 4)), jnp.float32)
    found = bst.transform.for_loop(cell, xs)
    np.testing.assert_allclose(found, list(by_hand(kind, cell, xs)), rtol=1e-4, atol=1e-5)
    loss = lambda: (nn.init_all_states(cell, batch_size=2), bst.transform.for_loop(cell, xs).sum())[1]  # noqa: E731
    grads = bst.transform.grad(loss, cell.states(bst.ParamState))()
    assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(grads))


def test_an_unknown_activation_is_named():
    with pytest.raises(TypeError, match="GRUCell: activation must be a function, or the name of one such as tanh or relu, but is 'sine'"):
        nn.GRUCell(1, 1, activation='sine')


def test_values_flow_into_modules():
    layer = nn.Linear(4, 2, 1.0)
    np.testing.assert_array_equal(X >> layer >> nn.ReLU(), nn.relu(layer(X)))


def test_states_by_path_are_a_tree_of_jax():
    states = nn.Linear(2, 3).states(bst.ParamState)
    assert jax.tree.leaves(states) == list(states.values())
    assert jax.tree.map(lambda s: s.value['weight'].shape, states) == {('weight',): (2, 3)}
    same = jax.tree.map(lambda s: s, states)
    assert type(same) is bst.StateDictManager and list(same.values()) == list(states.values())
