"""Dropout and embeddings."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, ParamState, ShapeError, environ, nn
from brainpy_state.transform import for_loop, grad, jit

pytestmark = pytest.mark.slow


def test_elements_are_kept_with_the_given_probability_and_scaled():
    x = jnp.full((100, 200), 3.0)
    with environ.context(fit=True):
        y = np.asarray(nn.Dropout(0.8)(x))
    np.testing.assert_allclose(np.unique(y), [0.0, 3.0 / 0.8], rtol=1e-6)
    assert abs((y > 0).mean() - 0.8) < 5 * np.sqrt(0.8 * 0.2 / y.size)


def test_without_training_the_input_passes_and_nothing_is_drawn():
    x, key = jnp.ones(10), np.asarray(bst.random.DEFAULT.value)
    with environ.context(fit=False):
        assert nn.Dropout(0.1)(x) is x
    np.testing.assert_array_equal(bst.random.DEFAULT.value, key)


def test_every_call_draws_anew_and_a_seed_decides():
    def draws():
        bst.random.seed(7)
        return for_loop(lambda: layer(jnp.ones(50)), length=2)

    layer = nn.Dropout(0.5)
    with environ.context(fit=True):
        a, b = draws()
        np.testing.assert_array_equal(draws()[0], a)
    assert not np.array_equal(a, b)


def test_a_compiled_step_sees_fit():
    step = jit(nn.Dropout(0.5))
    with environ.context(fit=True):
        assert 0.0 in step(jnp.ones(100))
    with environ.context(fit=False):
        np.testing.assert_array_equal(step(jnp.ones(100)), np.ones(100))


def test_dropped_elements_have_no_gradient_and_may_be_anything():
    layer = nn.Dropout(0.5)
    with environ.context(fit=True):
        bst.random.seed(1)
        kept = np.asarray(layer(jnp.ones(20)))
        bst.random.seed(1)
        np.testing.assert_array_equal(grad(lambda x: jnp.sum(layer(x)))(jnp.ones(20)), kept)
        bst.random.seed(1)
        y = np.asarray(layer(jnp.full(20, jnp.inf)))
    np.testing.assert_array_equal(y, np.where(kept > 0, np.inf, 0.0))


def test_dropout_of_quantities_and_within_a_sequential():
    with environ.context(fit=True):
        assert u.math.allclose(nn.Dropout(1.0)(jnp.ones(3) * u.mV), jnp.ones(3) * u.mV)
    net = nn.Sequential(nn.Linear(3, 5), nn.Dropout(0.5), nn.Linear.desc(4), nn.Dropout.desc(0.5), nn.Linear.desc(2))
    assert (net[3].in_size, net.out_size) == ((4,), (2,))


def test_dropout_names_what_is_wrong():
    for prob in (0.0, 1.5, -0.1):
        with pytest.raises(ParameterError, match='prob = .* is the probability to keep an element'):
            nn.Dropout(prob)
    with pytest.raises(KeyError, match=r"'fit' is not set \(Dropout 'd' needs to know"):
        nn.Dropout(name='d')(jnp.ones(3))
    with environ.context(fit=True), pytest.raises(ShapeError, match=r'the input has shape \(4,\), expected \(\.\.\., 3\)'):
        nn.Dropout(in_size=3)(jnp.ones(4))


@pytest.mark.parametrize('size', [2, (2, 3)])
def test_embedding_looks_up_rows(size):
    layer = nn.Embedding(5, size)
    table, x = np.asarray(layer.weight.value), np.array([[0, 4, 1], [1, 1, -1]])
    np.testing.assert_array_equal(layer(x), table[x])
    np.testing.assert_array_equal(layer(2), table[2])
    assert layer.out_size == table.shape[1:]


def test_embedding_gives_nan_beyond_the_table_and_refuses_what_is_no_integer():
    layer = nn.Embedding(3, 2, w_init=1.0 * u.mV)
    np.testing.assert_array_equal(layer(jnp.array([2, 3, -4])).to_decimal(u.mV)[:, 0], [1.0, np.nan, np.nan])
    with pytest.raises(TypeError, match='Embedding: the input has the type float32, expected integers'):
        layer(jnp.array([1.0]))


def test_gradient_of_an_embedding_counts_its_uses():
    layer = nn.Embedding(3, 1)
    found = grad(lambda: jnp.sum(layer(jnp.array([0, 2, 2]))), layer.states(ParamState))()
    np.testing.assert_array_equal(found[('weight',)][:, 0], [1.0, 0.0, 2.0])


def test_an_embedding_starts_a_sequential():
    net = nn.Sequential(nn.Embedding(10, 4), nn.Linear.desc(3))
    assert net(jnp.array([1, 2])).shape == (2, 3)
