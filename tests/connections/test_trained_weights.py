"""Weights that are a state or a parameter of the user's, and matrices between all pairs."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import connections

MATRIX = np.arange(6.0, dtype=np.float32).reshape(2, 3)


def test_all_pairs_take_a_matrix():
    given = connections.all_to_all(2, 3, weight=MATRIX * u.nS)
    listed = connections.all_to_all(2, 3, weight=MATRIX.reshape(-1) * u.nS)
    spikes = np.array([1.0, 2.0], np.float32)
    assert given.weight.value.shape == (2, 3)
    assert u.math.allclose(given(spikes), listed(spikes))
    assert u.math.allclose(given.weights, listed.weights)
    assert u.math.allclose(given.toarray(), MATRIX * u.nS)
    gradient = bst.transform.grad(lambda: given(spikes).sum() / u.nS, given.weight)()
    np.testing.assert_allclose(u.get_mantissa(gradient), np.broadcast_to(spikes[:, None], (2, 3)))


def test_a_matrix_of_another_shape_is_an_error():
    with pytest.raises(ValueError, match=r'\(3, 2\), expected one number or one for each of the 6 synapses, or of shape \(2, 3\)'):
        connections.all_to_all(2, 3, weight=MATRIX.T)
    with pytest.raises(ValueError, match=r'\(2, 3\), expected one number or one for each of the 4 synapses\.'):
        connections.fixed_outdegree(2, 3, 2, weight=MATRIX, seed=1)


@pytest.mark.parametrize('allow_autapses', [True, False])
def test_a_state_is_kept_and_shared(allow_autapses):
    weight = bst.ParamState(2.0 * u.nS)
    one, other = (connections.all_to_all(3, 3, weight=weight, allow_autapses=allow_autapses) for _ in range(2))
    assert one.weight is other.weight is weight
    weight.value = 3.0 * u.nS
    assert u.math.allclose(one(jnp.ones(3)), (9.0 if allow_autapses else 6.0) * jnp.ones(3) * u.nS)


def test_a_parameter_gives_weights_of_its_range():
    weight = bst.nn.Param(jnp.full(4, 0.5) * u.nS, t=bst.nn.SoftplusT(0.0 * u.nS))
    conn = connections.fixed_outdegree(2, 5, 2, weight=weight, seed=3)
    assert list(conn.states(bst.ParamState)) == [('weight', 'val')]
    assert u.math.allclose(conn(jnp.ones(2)).sum(), 2.0 * u.nS)
    slope = bst.transform.grad(lambda: conn(jnp.ones(2)).sum() / u.nS, conn.states(bst.ParamState))()
    np.testing.assert_allclose(jax.tree.leaves(slope)[0], 1 - np.exp(-0.5), rtol=1e-5)


def test_the_state_of_listed_synapses_has_their_order():
    weight = bst.ParamState(jnp.array([1.0, 2.0]))
    assert connections.explicit_edges(2, 2, [0, 1], [1, 0], weight=weight).weight is weight
    with pytest.raises(ValueError, match='list these by source, then by target'):
        connections.explicit_edges(2, 2, [1, 0], [1, 0], weight=weight)


def test_projections_use_them():
    weight = bst.nn.Param(0.5 * u.mS, t=bst.nn.SoftplusT(0.0 * u.mS))
    neurons = bst.LIF(3)
    proj = bst.AlignPostProj(
        comm=connections.all_to_all(2, 3, weight=weight), syn=bst.Expon.desc(), out=bst.COBA.desc(E=0.0 * u.mV), post=neurons
    )
    for model in (neurons, proj):
        bst.nn.init_all_states(model)
    with bst.environ.context(dt=0.1 * u.ms, t=0.0 * u.ms, i=0):
        proj(jnp.ones(2))
        neurons(0.0 * u.mA)
    assert ('comm', 'weight', 'val') in proj.states()
