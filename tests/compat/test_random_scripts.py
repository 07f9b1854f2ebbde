"""Keys and distributions, as scripts use them."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state.compat import brainstate

R = brainstate.random


def test_keys_are_keys_of_jax():
    generator = R.RandomState(3)
    for key in (R.get_key(), R.split_key(), generator.split_key(), R.split_keys(3)[0], R.split_key(2)[1], generator.split_keys(2)[1]):
        assert jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.shape == ()
        assert jax.random.normal(key).shape == ()
    assert R.get_key_data().shape == (2,) and generator.normal().shape == ()
    assert R.clone_rng(clone=False) is R.DEFAULT and R.clone_rng(generator, clone=False) is generator
    assert R.clone_rng() is not R.DEFAULT


def test_a_key_is_remembered_and_put_back():
    generator = R.RandomState(3)
    for split, restore, draw in (
        (generator.split_key, generator.restore_key, generator.rand),
        (R.split_key, R.restore_key, R.rand),
        (lambda backup: R.split_keys(2, backup), R.restore_key, R.rand),
    ):
        split(backup=True)
        with pytest.raises(ValueError, match='remembered already'):
            split(backup=True)
        restore()
        first = draw()
        with pytest.raises(ValueError, match='no key is remembered'):
            restore()
        R.seed(0)
        generator.seed(3)
        assert draw() == first or draw is R.rand


def test_what_is_no_parameter_is_an_error_and_not_an_endless_search():
    for draw, text in ((lambda: R.zipf(0.5), 'a must be above 1'), (lambda: R.logseries(1.0), r'p must be in \(0, 1\)')):
        with pytest.raises(ValueError, match=text):
            draw()
    assert R.weibull_min([1.0, 2.0], [1.0, 3.0]).shape == (2,)


def test_a_wrong_unit_is_caught_in_three_ways():
    for error in (u.UnitMismatchError, ValueError, TypeError):
        with pytest.raises(error, match='give low and high in one unit'):
            R.uniform(0 * u.mV, 1 * u.mA)
        with pytest.raises(error, match='kappa must have no unit'):
            R.vonmises(0.0, 1 * u.mV)


def test_normal_vectors_by_three_roots_of_the_covariance():
    cov = np.array([[2.0, 1.0], [1.0, 1.0]])
    for method in ('cholesky', 'eigh', 'svd'):
        drawn = R.multivariate_normal(np.zeros(2), cov, 4000, key=1, method=method)
        np.testing.assert_allclose(np.cov(np.asarray(drawn).T), cov, atol=0.3)  # 5 standard errors of the largest entry are 0.23
    with pytest.raises(ValueError, match="method is 'cholesky', 'eigh' or 'svd'"):
        R.multivariate_normal(np.zeros(2), cov, method='lu')


def test_whole_numbers_like_an_array():
    x = jnp.array([[3, 7], [2, 9]], 'int16')
    for draw in (R.randint_like, R.RandomState(1).randint_like):
        drawn = draw(x, key=3)
        assert drawn.shape == x.shape and drawn.dtype == x.dtype and 0 <= drawn.min() and drawn.max() < 9
        assert draw(jnp.ones(4), 2, 3).dtype == jnp.float32 and (draw(jnp.ones(4), 2, 3) == 2).all()
    with pytest.raises(ValueError, match='high must have no unit'):
        R.randint_like(jnp.ones(2) * u.mV)
    assert R.weibull_min(1.5, 2.0 * u.mV, 3).unit == u.mV
