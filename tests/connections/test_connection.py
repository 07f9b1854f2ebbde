"""`Connection`: spikes times sparse weights."""

import functools

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools import init

import brainpy_state as bst
from brainpy_state import ParamState, ShapeError, all_to_all, fixed_indegree, one_to_one, pairwise_bernoulli
from brainpy_state.transform import for_loop, grad, jit

PRE, POST = 12, 9


def connections(weight=None):
    """One connection of each rule, with a weight of its own for each synapse."""
    weight = weight or (lambda shape: np.random.default_rng(0).normal(size=shape))
    return {
        'pairwise_bernoulli': pairwise_bernoulli(PRE, POST, 0.3, weight=weight, seed=1),
        'fixed_indegree': fixed_indegree(PRE, POST, 20, weight=weight, seed=1),  # has multapses
        'all_to_all': all_to_all(PRE, POST, weight=weight),
        'empty': pairwise_bernoulli(PRE, POST, 0.0, weight=weight),
    }


NAMES = ['pairwise_bernoulli', 'fixed_indegree', 'all_to_all', 'empty']


def dense(connection):
    """The weight matrix, filled synapse by synapse."""
    matrix = np.zeros((PRE, POST))
    weight = np.broadcast_to(u.get_mantissa(connection.weight.value), connection.sources.shape)
    for source, target, w in zip(connection.sources, connection.targets, weight, strict=True):
        matrix[source, target] += w
    return matrix


@pytest.mark.quick('32.*(0.2|1.0)')
@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('density', [0.0, 0.2, 1.0])
def test_it_equals_the_dense_product(name, density, precision):
    connection = connections()[name]
    spikes = (np.random.default_rng(1).random(PRE) < density).astype(f'float{precision}')
    # at most 20 terms of order one in each sum
    tolerance = {32: 1e-5, 64: 1e-13}[precision]
    arrived = connection(jnp.asarray(spikes))
    np.testing.assert_allclose(arrived, spikes @ dense(connection), atol=tolerance)
    assert arrived.dtype == f'float{precision}'


@pytest.mark.parametrize('name', NAMES)
def test_leading_axes_are_batch_axes(name):
    connection = connections()[name]
    spikes = (np.random.default_rng(1).random((2, 3, PRE)) < 0.4).astype(np.float32)
    np.testing.assert_allclose(connection(jnp.asarray(spikes)), spikes @ dense(connection), atol=1e-5)


def test_the_result_has_the_unit_of_the_weights():
    connection = all_to_all(2, 3, weight=2.0 * u.nS)
    arrived = connection(jnp.array([1.0, 1.0]))
    assert u.get_unit(arrived) == u.nS
    np.testing.assert_array_equal(arrived.mantissa, [4.0, 4.0, 4.0])


def test_weights_stand_in_the_order_of_sources_and_targets():
    connection = all_to_all(2, 3, weight=jnp.arange(6.0))
    for k, (source, target) in enumerate(zip(connection.sources, connection.targets, strict=True)):
        assert float(connection(jnp.eye(2)[source])[target]) == float(k)


@pytest.mark.parametrize(
    'weight', [2.0, 2, np.float64(2.0), jnp.array(2.0), np.full(6, 2.0), lambda shape: np.full(shape, 2.0)], ids=['float', 'int', 'NumPy', 'JAX', 'array', 'callable']
)  # fmt: skip
def test_every_form_of_a_weight(weight):
    np.testing.assert_array_equal(all_to_all(2, 3, weight=weight)(jnp.ones(2)), [4.0, 4.0, 4.0])


@pytest.mark.parametrize('shape', [(5,), (3, 2), (1,)])
def test_a_weight_of_another_shape_is_an_error(shape):
    message = r'Connection: weight has shape .*, expected one number or one for each of the 6 synapses'
    with pytest.raises(ShapeError, match=message):
        all_to_all(2, 3, weight=np.ones(shape))


@pytest.mark.parametrize('shape', [(), (5,), (2, 11), (13,)])
def test_spikes_of_another_size_are_an_error(shape):
    with pytest.raises(ShapeError, match=r'the connection has 12 sources: expected \(\.\.\., 12\)'):
        connections()['all_to_all'](jnp.zeros(shape))


def test_the_weight_is_a_trainable_state_of_the_tree():
    connection = one_to_one(3, 3, weight=1.0 * u.nS)
    assert connection.states(ParamState) == {('weight',): connection.weight}
    step = jit(connection)
    step(jnp.ones(3))
    connection.weight.value = connection.weight.value * 5.0
    np.testing.assert_array_equal(step(jnp.ones(3)).mantissa, [5.0, 5.0, 5.0])


@pytest.mark.quick('pairwise')
@pytest.mark.parametrize('name', NAMES)
def test_gradients_by_weights_and_spikes_are_those_of_the_dense_product(name, x64):
    connection = connections()[name]
    rng = np.random.default_rng(2)
    spikes, cotangent = (rng.random(PRE) < 0.5).astype(float), rng.normal(size=POST)

    def loss(spikes):
        return jnp.sum(connection(spikes) * cotangent)

    by_weight, by_spikes = grad(loss, connection.weight, argnums=0)(jnp.asarray(spikes))
    np.testing.assert_allclose(by_weight, spikes[connection.sources] * cotangent[connection.targets], atol=1e-13)
    np.testing.assert_allclose(by_spikes, dense(connection) @ cotangent, atol=1e-12)


def test_gradient_by_one_weight_for_all_synapses_is_their_sum(x64):
    connection = pairwise_bernoulli(PRE, POST, 0.4, weight=1.5, seed=1)
    gradient = grad(lambda x: jnp.sum(connection(x)), connection.weight)(jnp.ones(PRE))
    assert gradient.shape == ()
    assert float(gradient) == pytest.approx(connection.n_synapses)


def test_inside_a_compiled_loop_it_equals_single_calls():
    connection = connections()['pairwise_bernoulli']
    spikes = jnp.asarray((np.random.default_rng(3).random((20, PRE)) < 0.3).astype(np.float32))
    looped = for_loop(connection, spikes)
    np.testing.assert_allclose(looped, np.stack([connection(x) for x in spikes]), atol=1e-5)


def test_under_raw_vmap_it_equals_single_calls():
    connection = connections()['fixed_indegree']
    spikes = jnp.asarray((np.random.default_rng(3).random((5, PRE)) < 0.3).astype(np.float32))
    np.testing.assert_allclose(jax.vmap(connection)(spikes), np.stack([connection(x) for x in spikes]), atol=1e-5)


def test_representation_is_short():
    assert repr(all_to_all(2, 3, weight=2.0 * u.nS)) == 'Connection(2 -> 3, 6 synapses, weight=2. nS)'


def test_initialising_a_network_again_keeps_weights():
    connection = one_to_one(2, 2, weight=1.0)
    connection.weight.value = connection.weight.value * 3.0
    bst.nn.init_all_states(connection)
    assert float(connection.weight.value) == 3.0


@pytest.mark.parametrize('name', NAMES)
def test_what_it_consists_of_can_be_looked_at(name):
    connection = connections()[name]
    assert len(connection) == connection.n_synapses == len(connection.sources) == len(connection.targets)
    np.testing.assert_array_equal(connection.weights, connection.weight.value)
    np.testing.assert_array_equal(connection.outdegree, [(connection.sources == i).sum() for i in range(PRE)])
    np.testing.assert_array_equal(connection.indegree, [(connection.targets == j).sum() for j in range(POST)])
    np.testing.assert_allclose(connection.toarray(), dense(connection), atol=1e-6)


def test_one_weight_for_all_is_shown_for_each_synapse_with_its_unit():
    connection = all_to_all(2, 3, weight=2.0 * u.nS)
    np.testing.assert_array_equal(connection.weights.to_decimal(u.nS), np.full(6, 2.0, np.float32))
    np.testing.assert_array_equal(connection.toarray().to_decimal(u.nS), np.full((2, 3), 2.0, np.float32))


def test_a_connection_without_synapses_is_still_a_module():
    connection = connections()['empty']
    assert len(connection) == 0
    assert connection


def test_distances_need_positions():
    with pytest.raises(bst.ParameterError, match='Connection: distances need positions'):
        connections()['all_to_all'].distances


def test_weights_drawn_with_a_seed_of_their_own_do_not_depend_on_other_draws():
    clipped = init.Clipped(init.Normal(1.0 * u.nS, 2.0 * u.nS), 0.0 * u.nS, 1.5 * u.nS)

    def drawn():
        return fixed_indegree(30, 20, 10, weight=functools.partial(clipped, rng=np.random.default_rng((1, 2))), seed=1).weights

    first = drawn()
    bst.random.rand(5)
    np.testing.assert_array_equal(drawn().mantissa, first.mantissa)
    assert len(np.unique(first.mantissa)) > 50
    assert first.min() == 0.0 * u.nS
    assert first.max() == 1.5 * u.nS


def test_weights_of_an_initializer_follow_the_global_seed():
    def drawn():
        bst.random.seed(3)
        return fixed_indegree(30, 20, 10, weight=init.LogNormal(1.0 * u.nS, 0.5 * u.nS), seed=1).weights.mantissa

    np.testing.assert_array_equal(drawn(), drawn())
