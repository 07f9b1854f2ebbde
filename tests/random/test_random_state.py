"""`RandomState` and its draws."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import RandomState, State, random

DRAWS = {
    'random': lambda r: r.random((1000,)),
    'rand': lambda r: r.rand(1000),
    'uniform': lambda r: r.uniform(-1.0, 3.0, 1000),
    'normal': lambda r: r.normal(2.0, 0.5, 1000),
    'randn': lambda r: r.randn(1000),
    'randint': lambda r: r.randint(3, 9, 1000),
    'bernoulli': lambda r: r.bernoulli(0.3, 1000),
    'permutation': lambda r: r.permutation(1000),
}
# mean and standard deviation of each distribution
MOMENTS = {
    'random': (0.5, 12**-0.5),
    'rand': (0.5, 12**-0.5),
    'uniform': (1.0, 4 * 12**-0.5),
    'normal': (2.0, 0.5),
    'randn': (0.0, 1.0),
    'randint': (5.5, (35 / 12) ** 0.5),
    'bernoulli': (0.3, 0.21**0.5),
    'permutation': (499.5, (999_999 / 12) ** 0.5),
}


@pytest.mark.parametrize('name', DRAWS)
def test_draws_have_the_moments_of_their_distribution(name):
    x = np.asarray(DRAWS[name](RandomState(1)), float)
    mean, sd = MOMENTS[name]
    assert x.shape == (1000,)
    assert abs(x.mean() - mean) < 4 * sd / np.sqrt(1000)  # four standard errors
    assert x.std() == pytest.approx(sd, rel=0.15)


@pytest.mark.parametrize('name', DRAWS)
def test_the_same_seed_gives_the_same_draws_and_each_draw_is_new(name):
    a, b = RandomState(3), RandomState(3)
    first, second = DRAWS[name](a), DRAWS[name](a)
    np.testing.assert_array_equal(first, DRAWS[name](b))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize('name', DRAWS)
def test_functions_of_the_module_are_the_methods_of_the_global_generator(name):
    bst.random.seed(5)
    np.testing.assert_array_equal(DRAWS[name](random), DRAWS[name](RandomState(5)))


def test_the_value_is_a_raw_key():
    generator = RandomState(1)
    assert isinstance(generator, State)
    assert generator.value.shape == (2,)
    assert generator.value.dtype == np.uint32
    generator.rand()
    assert generator.value.shape == (2,)


def test_seeding_again_starts_again():
    generator = RandomState(1)
    first = generator.rand(3)
    generator.seed(1)
    np.testing.assert_array_equal(generator.rand(3), first)


def test_no_seed_is_fresh_entropy():
    assert not np.array_equal(RandomState().value, RandomState().value)


@pytest.mark.parametrize('seed', [1, 2**40, np.int32(7)])
def test_integer_seeds_are_those_of_jax(seed, x64):
    np.testing.assert_array_equal(RandomState(seed).value, jax.random.key_data(jax.random.key(int(seed))))


def test_keys_are_accepted_as_seeds():
    key = jax.random.key(3)
    np.testing.assert_array_equal(RandomState(key).rand(3), RandomState(3).rand(3))
    np.testing.assert_array_equal(RandomState(jax.random.key_data(key)).rand(3), RandomState(3).rand(3))


@pytest.mark.parametrize(('seed', 'kind'), [(-1, ValueError), ('a', TypeError), (1.5, TypeError), (np.zeros(3, np.uint32), TypeError)])
def test_bad_seeds_are_errors(seed, kind):
    with pytest.raises(kind, match='random: a (seed|key) is'):
        RandomState(seed)


def test_split_key_gives_raw_keys_of_the_asked_number():
    generator = RandomState(0)
    assert generator.split_key().shape == (2,)
    keys = generator.split_key(5)
    assert keys.shape == (5, 2)
    assert len(np.unique(keys, axis=0)) == 5


def test_a_key_of_ones_own_leaves_the_generator_alone():
    generator = RandomState(0)
    before = np.asarray(generator.value)
    a, b = generator.rand(3, key=jax.random.key(1)), generator.rand(3, key=jax.random.key(1))
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(generator.value, before)


def test_quantities_as_parameters_give_quantities():
    V = random.uniform(-70.0 * u.mV, -50.0 * u.mV, 100)
    assert u.get_unit(V) == u.mV
    assert float(V.to_decimal(u.mV).min()) >= -70.0
    assert float(V.to_decimal(u.mV).max()) < -50.0
    assert u.get_unit(random.normal(0.0 * u.mA, 1.0 * u.mA, 3)) == u.mA


def test_shape_follows_the_parameters_unless_given():
    assert random.normal(jnp.zeros((2, 1)), jnp.ones(3)).shape == (2, 3)
    assert random.uniform().shape == ()
    assert random.bernoulli(jnp.full(4, 0.5)).shape == (4,)
    assert random.randint(10, size=(2, 2)).shape == (2, 2)


def test_randint_with_one_bound_starts_at_zero():
    x = np.asarray(random.randint(3, size=200))
    assert set(x.tolist()) == {0, 1, 2}


def test_permutation_keeps_the_elements():
    x = jnp.arange(20)
    np.testing.assert_array_equal(np.sort(random.permutation(x)), x)


def test_types_follow_the_precision(precision):
    real, integer = ('float32', 'int32') if precision == 32 else ('float64', 'int64')
    assert {random.rand(2).dtype.name, random.randn(2).dtype.name, random.uniform(size=2).dtype.name} == {real}
    assert random.randint(5, size=2).dtype.name == integer
    assert random.rand(2, dtype=jnp.float16).dtype.name == 'float16'
