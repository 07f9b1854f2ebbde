"""`vector_grad`, `fwd_grad`, and transforms of one's own."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import ParamState, RandomState, State, UnitError
from brainpy_state.transform import GradientTransform, for_loop, fwd_grad, grad, jit, vector_grad

pytestmark = pytest.mark.slow

W = np.array([1.0, -2.0, 0.5], np.float32)


@pytest.fixture
def w():
    return ParamState(jnp.asarray(W), name='w')


def test_vector_grad_of_an_elementwise_function_is_its_slope(w):
    slope, value = vector_grad(lambda: w.value**3, w, return_value=True)()
    np.testing.assert_allclose(slope, 3 * W**2, rtol=1e-6)
    np.testing.assert_allclose(value, W**3, rtol=1e-6)


def test_vector_grad_sums_over_a_tree(w):
    slope = vector_grad(lambda: {'a': w.value**2, 'b': [3.0 * w.value]}, w)()
    np.testing.assert_allclose(slope, 2 * W + 3.0, rtol=1e-6)


def test_vector_grad_of_a_drift_with_units():
    tau, V = 20.0 * u.ms, jnp.array([-60.0, -50.0]) * u.mV
    slope, drift = vector_grad(lambda V, E: (E - V) / tau, argnums=0, return_value=True, unit_aware=True)(V, -70.0 * u.mV)
    np.testing.assert_allclose(slope.to_decimal(u.ms**-1), [-0.05, -0.05], rtol=1e-6)
    np.testing.assert_allclose(drift.to_decimal(u.mV / u.ms), [-0.5, -1.0], rtol=1e-6)
    plain = vector_grad(lambda V: -V / tau)(V)
    assert plain.unit == u.mV  # the pytree of the input
    np.testing.assert_allclose(plain.mantissa, [-0.05, -0.05], rtol=1e-6)


def test_vector_grad_of_outputs_in_several_units_has_no_unit(w):
    def function():
        return (jnp.sum(w.value) * u.mV, jnp.sum(w.value) * u.ms)

    np.testing.assert_array_equal(vector_grad(function, w)(), [2.0, 2.0, 2.0])
    with pytest.raises(UnitError, match='vector_grad: .* returns mV, ms'):
        vector_grad(function, w, unit_aware=True)()


def test_the_mean_of_forward_gradients_is_the_gradient(w):
    def loss():
        return jnp.sum(jnp.sin(w.value)) * w.value[0]

    exact = np.asarray(grad(loss, w)())
    n = 20_000
    guess = fwd_grad(loss, w, key=RandomState(0), tangent_size=n)()
    # Var[(g.v) v_i] = |g|^2 + g_i^2; five standard errors
    bound = 5 * np.sqrt((np.sum(exact**2) + exact**2) / n)
    assert np.all(np.abs(guess - exact) < bound)


def test_calls_of_one_direction_average_to_the_gradient_too(w):
    def loss():
        return jnp.sum(w.value**2)

    guess = fwd_grad(loss, w, key=RandomState(1))
    n = 4000
    guesses = np.asarray(for_loop(guess, length=n))
    assert len(np.unique(guesses[:, 0])) == n
    exact = 2 * W
    bound = 5 * np.sqrt((np.sum(exact**2) + exact**2) / n)
    assert np.all(np.abs(guesses.mean(axis=0) - exact) < bound)


def test_along_its_own_direction_a_forward_gradient_is_exact(w):
    # g = (grad.v) v, so g.grad = (grad.v)^2 >= 0: never uphill; and with one variable g = grad * v^2
    guess = fwd_grad(lambda: jnp.sum(w.value**2), w, key=RandomState(2))
    for _ in range(20):
        assert float(guess() @ (2 * W)) >= 0.0
    x = ParamState(jnp.asarray(3.0))
    key = jax.random.key(7)
    v = jax.random.normal(jax.random.split(key, 1)[0], ())
    np.testing.assert_allclose(fwd_grad(lambda: x.value**2, x, key=key)(), 6.0 * v**2, rtol=1e-6)


def test_forward_gradient_with_a_bound_and_a_seed(w):
    seeded = fwd_grad(lambda: 1e3 * jnp.sum(w.value), w, key=3, drct_der_clip=2.0)()
    np.testing.assert_array_equal(seeded, fwd_grad(lambda: 1e3 * jnp.sum(w.value), w, key=3, drct_der_clip=2.0)())
    direction = fwd_grad(lambda: jnp.sum(w.value), w, key=3)()
    np.testing.assert_allclose(seeded / seeded[0], direction / direction[0], rtol=1e-5)
    assert np.abs(seeded).max() < 2 * 6
    with pytest.raises(ValueError, match='drct_der_clip is the largest'):
        fwd_grad(lambda: jnp.sum(w.value), w, drct_der_clip=0.0)


def test_a_generator_moves_on_and_a_key_does_not(w):
    def loss():
        return jnp.sum(w.value)

    moving, fixed = fwd_grad(loss, w, key=RandomState(0)), fwd_grad(loss, w, key=jax.random.key(0))
    assert not np.array_equal(moving(), moving())
    np.testing.assert_array_equal(fixed(), fixed())


def test_forward_gradients_mirror_container_units_and_arguments(w):
    V = ParamState(jnp.asarray(2.0) * u.mV)

    def loss(x):
        return jnp.sum(w.value) * x * V.value.to_decimal(u.mV)

    (states, argument), value, aux = fwd_grad(
        lambda x: (loss(x), 'aux' and x), {'w': w, 'V': V}, 0, key=RandomState(0), tangent_size=3, return_value=True, has_aux=True
    )(2.0)
    assert states['w'].shape == (3,)
    assert states['V'].unit == u.mV
    assert argument.shape == ()
    assert float(value) == -2.0
    assert float(aux) == 2.0


@pytest.mark.parametrize('size', [0, -1])
def test_no_directions_are_an_error(size):
    with pytest.raises(ValueError, match='tangent_size is the number of directions'):
        fwd_grad(lambda x: x, key=RandomState(0), tangent_size=size)


def test_a_vector_has_no_forward_gradient(w):
    with pytest.raises(TypeError, match='fwd_grad: .* must return one scalar loss'):
        fwd_grad(lambda: w.value, w, key=RandomState(0))()


def subspace(f, argnums=0, has_aux=False, loss=None, size=2, noise=None):
    """Descent direction in a random subspace, by forward mode on the prediction and on the loss."""

    def direction(*args):
        point = args[argnums]
        leaves, tree = jax.tree.flatten(point)
        v = tree.unflatten([noise.randn(size, *x.shape) for x in leaves])

        def forward(v):
            return jax.jvp(f, (point,), (v,), has_aux=has_aux)

        out, change, aux = jax.vmap(forward)(v)
        slopes = jax.vmap(lambda d: jax.jvp(loss, (out[0],), (d,))[1])(change)
        return jax.tree.map(lambda x: jnp.tensordot(slopes, x, 1), v), jax.tree.map(lambda x: x[0], aux)

    return direction


def test_a_transform_of_ones_own_may_draw_random_numbers_and_take_functions(w):
    noise, calls = RandomState(3), State(0)

    def predict(x):
        calls.value = calls.value + 1
        return w.value * x

    params = {'loss': lambda y: jnp.sum(y**2), 'size': 5000, 'noise': noise}
    descent = GradientTransform(
        target=predict, transform=subspace, grad_states={'w': w}, argnums=None, return_value=True, has_aux=False, transform_params=params
    )
    before = noise.value
    found, prediction = descent(2.0)
    np.testing.assert_allclose(prediction, 2.0 * W, rtol=1e-6)
    exact = 8.0 * W  # of sum((2 w)^2)
    # the sum of 5000 forward gradients; five standard errors
    assert np.all(np.abs(found['w'] / 5000 - exact) < 5 * np.sqrt((np.sum(exact**2) + exact**2) / 5000))
    assert int(calls.value) == 1
    assert not np.array_equal(noise.value, before)
    np.testing.assert_allclose(jit(descent)(2.0)[1], prediction, rtol=1e-6)


def test_a_jacobian_of_ones_own_nests_inputs_in_outputs(w):
    own = GradientTransform(lambda: {'y': w.value**2}, jax.jacrev, [w], blocks=1)
    np.testing.assert_allclose(own()['y'][0], np.diag(2 * W), rtol=1e-6)


def test_it_shows_what_it_differentiates(w):
    def loss():
        return jnp.sum(w.value)

    assert repr(grad(loss, w)).startswith('<grad(test_it_shows')
