"""Every draw has the distribution that its name promises, and does with units, shapes and types what all draws do."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import brainpy_state as bst
from brainpy_state import ParameterError, RandomState, ShapeError, UnitError

N = 20_000
# Dvoretzky-Kiefer-Wolfowitz: with N draws the empirical distribution function is further off once in a thousand seeds
FURTHEST = np.sqrt(np.log(2 / 1e-3) / (2 * N))


# name: (arguments, exact distribution)
CONTINUOUS = {
    'random': ((), stats.uniform()),
    'random_sample': ((), stats.uniform()),
    'uniform': ((-1.0, 3.0), stats.uniform(-1, 4)),
    'triangular': ((-1.0, 0.5, 3.0), stats.triang(1.5 / 4, -1, 4)),
    'normal': ((2.0, 0.5), stats.norm(2, 0.5)),
    'standard_normal': ((), stats.norm()),
    'lognormal': ((0.3, 0.7), stats.lognorm(0.7, scale=np.exp(0.3))),
    'laplace': ((1.0, 2.0), stats.laplace(1, 2)),
    'logistic': ((1.0, 2.0), stats.logistic(1, 2)),
    'gumbel': ((1.0, 2.0), stats.gumbel_r(1, 2)),
    'exponential': ((3.0,), stats.expon(scale=3)),
    'standard_exponential': ((), stats.expon()),
    'rayleigh': ((2.0,), stats.rayleigh(scale=2)),
    'gamma': ((0.7, 3.0), stats.gamma(0.7, scale=3)),
    'standard_gamma': ((4.0,), stats.gamma(4)),
    'chisquare': ((3.0,), stats.chi2(3)),
    'f': ((4.0, 9.0), stats.f(4, 9)),
    't': ((3.0,), stats.t(3)),
    'standard_t': ((5.0,), stats.t(5)),
    'standard_cauchy': ((), stats.cauchy()),
    'beta': ((0.8, 3.0), stats.beta(0.8, 3)),
    'power': ((2.5,), stats.powerlaw(2.5)),
    'pareto': ((2.5,), stats.lomax(2.5)),
    'weibull': ((1.7,), stats.weibull_min(1.7)),
    'wald': ((2.0, 3.0), stats.invgauss(2 / 3, scale=3)),
    'vonmises': ((0.0, 1.5), stats.vonmises(1.5)),
}
DISCRETE = {
    'randint': ((3, 9), stats.randint(3, 9)),
    'bernoulli': ((0.3,), stats.bernoulli(0.3)),
    'binomial': ((20, 0.3), stats.binom(20, 0.3)),
    'geometric': ((0.3,), stats.geom(0.3)),
    'negative_binomial': ((2.5, 0.3), stats.nbinom(2.5, 0.3)),
    'poisson': ((4.5,), stats.poisson(4.5)),
    'choice': ((5,), stats.randint(0, 5)),
}
SCALAR = CONTINUOUS | DISCRETE
# (arguments, size of the last axis)
VECTORS = {
    'dirichlet': (([0.5, 1.0, 3.0],), 3),
    'multinomial': ((10, [0.2, 0.3, 0.5]), 3),
    'multivariate_normal': (([1.0, -1.0], [[2.0, 0.6], [0.6, 1.0]]), 2),
}
WITH_UNITS = {
    'uniform': ((-1.0, 3.0), {}),
    'triangular': ((-1.0, 0.5, 3.0), {}),
    'normal': ((2.0, 0.5), {}),
    'laplace': ((1.0, 2.0), {}),
    'logistic': ((1.0, 2.0), {}),
    'gumbel': ((1.0, 2.0), {}),
    'exponential': ((3.0,), {}),
    'rayleigh': ((2.0,), {}),
    'wald': ((2.0, 3.0), {}),
    'truncated_normal': ((-1.0, 2.0), {'loc': 0.5, 'scale': 1.5}),
}
WITHOUT_UNITS = {name: args for name, (args, _) in SCALAR.items() if args and name not in WITH_UNITS and name not in ('choice', 'gamma')}
# what is not allowed, and the parameter that the message names
OUT_OF_RANGE = [
    ('normal', (0.0, -1.0), 'scale'),
    ('normal', (0.0, np.nan), 'scale'),
    ('laplace', (0.0, -1.0), 'scale'),
    ('lognormal', (0.0, -1.0), 'sigma'),
    ('exponential', (-2.0,), 'scale'),
    ('gamma', (-1.0,), 'shape'),
    ('gamma', (1.0, -1.0), 'scale'),
    ('truncated_normal', (1.0, -1.0), 'lower'),
    ('triangular', (0.0, 5.0, 3.0), 'mode'),
    ('beta', (0.0, 1.0), 'a'),
    ('chisquare', (0.0,), 'df'),
    ('wald', (1.0, 0.0), 'scale'),
    ('vonmises', (0.0, -1.0), 'kappa'),
    ('dirichlet', ([1.0, 0.0],), 'alpha'),
    ('randint', (5, 5), 'low'),
    ('bernoulli', (1.5,), 'p'),
    ('bernoulli', (jnp.array([0.5, -0.1]),), 'p'),
    ('binomial', (10, -0.5), 'p'),
    ('binomial', (-1, 0.5), 'n'),
    ('geometric', (0.0,), 'p'),
    ('negative_binomial', (0, 0.5), 'n'),
    ('poisson', (-1.0,), 'lam'),
    ('multinomial', (5, [0.5, 0.6]), 'pvals'),
]


def distance(x, exact):
    """The largest difference between the empirical distribution function of draws and the exact one."""
    values, counts = np.unique(np.asarray(x, float), return_counts=True)
    above = np.cumsum(counts) / counts.sum()
    at = exact.cdf(values)
    # below a value: a jump of the exact function is not counted there
    under = exact.cdf(values - 1e-3) if hasattr(exact, 'pmf') else at
    return max(abs(above - at).max(), abs(above - counts / counts.sum() - under).max())


def traced(name, *args, **kwargs):
    """Shape and type of a draw, which are known without drawing."""
    return jax.eval_shape(lambda: getattr(RandomState(1), name)(*args, key=1, **kwargs))


def draw(name, rng, size=N, **kwargs):
    return getattr(rng, name)(*SCALAR[name][0], size=size, **kwargs)


@pytest.mark.quick('^(uniform|normal|exponential|randint|bernoulli|poisson|choice)$')
@pytest.mark.parametrize('name', SCALAR)
def test_draws_follow_the_exact_distribution(name):
    x = draw(name, RandomState(1))
    assert x.shape == (N,)
    assert distance(x, SCALAR[name][1]) < FURTHEST


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'args', 'exact'), [
    ('vonmises', (0.0, 1e-4), stats.uniform(-np.pi, 2 * np.pi)),
    ('vonmises', (0.0, 0.0), stats.uniform(-np.pi, 2 * np.pi)),
    ('vonmises', (0.0, 1e5), stats.norm(0, 1e5**-0.5)),
    ('wald', (1000.0, 1.0), stats.invgauss(1000.0)),  # mean far above scale
    ('wald', (1e-3, 10.0), stats.invgauss(1e-4, scale=10)),
    ('gamma', (0.05,), stats.gamma(0.05)),
    ('truncated_normal', (-0.5, 2.0, N, 1.0, 0.8), stats.truncnorm(-1.5 / 0.8, 1 / 0.8, 1, 0.8)),
    ('binomial', (1000, 0.9), stats.binom(1000, 0.9)),
    ('poisson', (300.0,), stats.poisson(300)),
    ('triangular', (2.0, 2.0, 3.0), stats.triang(0, 2, 1)),
])  # fmt: skip
def test_extreme_parameters_give_the_exact_distribution_too(name, args, exact):
    x = getattr(RandomState(1), name)(*args, **({} if len(args) > 2 and args[2] == N else {'size': N}))
    assert np.isfinite(x).all()
    assert distance(x, exact) < FURTHEST


@pytest.mark.slow
def test_the_mean_direction_of_vonmises_wraps_around():
    x = np.asarray(RandomState(1).vonmises(3.0, 1.5, N))
    assert abs(x).max() <= np.float32(np.pi)
    centred = (x - 3.0 + np.pi) % (2 * np.pi) - np.pi
    assert distance(centred, stats.vonmises(1.5)) < FURTHEST


@pytest.mark.slow
def test_random_vectors_have_the_exact_marginals():
    rng = RandomState(1)
    x = np.asarray(rng.dirichlet([0.5, 1.0, 3.0], N))
    assert x.shape == (N, 3)
    np.testing.assert_allclose(x.sum(-1), 1, atol=1e-6)  # single precision
    assert max(distance(x[:, i], stats.beta(a, 4.5 - a)) for i, a in enumerate([0.5, 1.0, 3.0])) < FURTHEST

    x = np.asarray(rng.multinomial(10, [0.2, 0.3, 0.5], N))
    np.testing.assert_array_equal(x.sum(-1), 10)
    assert max(distance(x[:, i], stats.binom(10, p)) for i, p in enumerate([0.2, 0.3, 0.5])) < FURTHEST

    x = np.asarray(rng.multivariate_normal([1.0, -1.0], [[2.0, 0.6], [0.6, 1.0]], N))
    assert distance(x[:, 0] - x[:, 1], stats.norm(2, np.sqrt(2 + 1 - 1.2))) < FURTHEST
    assert distance(x[:, 0] + x[:, 1], stats.norm(0, np.sqrt(2 + 1 + 1.2))) < FURTHEST

    x = np.asarray(rng.categorical(jnp.log(jnp.array([0.2, 0.3, 0.5])), size=N))
    assert distance(x, stats.rv_discrete(values=([0, 1, 2], [0.2, 0.3, 0.5]))) < FURTHEST


def test_the_first_trial_succeeds_if_all_do():
    assert (RandomState(1).geometric(1.0, N) == 1).all()


def test_choice_follows_its_probabilities_and_can_take_each_element_once():
    rng = RandomState(1)
    p = [0.2, 0.3, 0.5]
    assert distance(rng.choice(3, N, p=p), stats.rv_discrete(values=([0, 1, 2], p))) < FURTHEST
    np.testing.assert_array_equal(np.sort(rng.choice(20, 20, replace=False)), np.arange(20))
    with pytest.raises(ParameterError, match=r'random\.choice: 21 of 20 elements'):
        rng.choice(20, 21, replace=False)
    with pytest.raises(ShapeError, match=r'p of shape \(3,\)'):
        rng.choice(4, p=p)


@pytest.mark.slow
def test_choice_and_permutation_work_along_an_axis_and_keep_units():
    rng = RandomState(1)
    x = jnp.arange(6.0).reshape(2, 3) * u.mV
    chosen = rng.choice(x, 50, axis=1)
    assert chosen.shape == (2, 50)
    assert u.get_unit(chosen) == u.mV
    np.testing.assert_array_equal(chosen.mantissa[1] - chosen.mantissa[0], 3)
    for reorder in (rng.permutation, rng.shuffle):
        mixed = reorder(x, axis=1)
        assert u.get_unit(mixed) == u.mV
        np.testing.assert_array_equal(np.sort(mixed.mantissa, axis=1), x.mantissa)
    lines = np.asarray(rng.permutation(jnp.tile(jnp.arange(50), (2, 1)), axis=1, independent=True))
    assert not np.array_equal(lines[0], lines[1])


@pytest.mark.quick('^(normal|poisson)$')
@pytest.mark.parametrize('name', SCALAR)
def test_the_same_key_gives_the_same_numbers_and_leaves_the_generator(name):
    rng = RandomState(3)
    before = np.asarray(rng.value)
    a, b = draw(name, rng, key=jax.random.key(7)), draw(name, RandomState(4), key=7)
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(rng.value, before)
    assert not np.array_equal(draw(name, rng), a)
    assert not np.array_equal(rng.value, before)


@pytest.mark.quick('^(uniform|normal|exponential|gamma|randint|bernoulli|poisson|choice)$')
@pytest.mark.parametrize('name', [*SCALAR, *VECTORS])
def test_functions_of_the_module_draw_from_the_default_generator(name):
    args = SCALAR[name][0] if name in SCALAR else VECTORS[name][0]
    bst.random.seed(5)
    np.testing.assert_array_equal(getattr(bst.random, name)(*args, size=N), getattr(RandomState(5), name)(*args, size=N))


@pytest.mark.parametrize('name', CONTINUOUS)
def test_real_numbers_have_the_type_of_the_precision(name, precision):
    assert traced(name, *SCALAR[name][0]).dtype == f'float{precision}'


@pytest.mark.parametrize('name', [n for n in DISCRETE if n != 'bernoulli'])
def test_integers_have_the_type_of_the_precision(name, precision):
    assert traced(name, *SCALAR[name][0]).dtype == f'int{precision}'


@pytest.mark.parametrize('name', CONTINUOUS)
def test_a_type_can_be_asked_for(name, x64):
    assert traced(name, *SCALAR[name][0], dtype=jnp.float32).dtype == np.float32


@pytest.mark.parametrize('name', [n for n, (args, _) in SCALAR.items() if args and n != 'choice'])
def test_the_shape_is_that_of_the_parameters_unless_given(name):
    first, *rest = SCALAR[name][0]
    column = np.full((2, 1), first)
    rows = [np.full(3, x) for x in rest]
    together = (2, 3) if rest else (2, 1)
    assert traced(name, first, *rest).shape == ()
    assert traced(name, column, *rows).shape == together
    assert traced(name, column, *rows, size=(4, *together)).shape == (4, *together)
    with pytest.raises(ShapeError, match=f'random\\.(standard_)?{name.removeprefix("standard_")}: parameters of shape'):
        traced(name, column, *rows, size=5)


@pytest.mark.parametrize('name', VECTORS)
def test_the_size_of_vectors_is_in_front_of_their_axis(name):
    args, n = VECTORS[name]
    assert traced(name, *args).shape == (n,)
    assert traced(name, *args, size=(2, 4)).shape == (2, 4, n)


@pytest.mark.quick('normal|uniform')
@pytest.mark.parametrize('name', WITH_UNITS)
def test_quantities_give_the_same_numbers_in_their_unit(name):
    args, kwargs = WITH_UNITS[name]
    plain = getattr(RandomState(1), name)(*args, size=N, **kwargs)
    in_mV = getattr(RandomState(1), name)(*(x * u.mV for x in args), size=N, **{k: x * u.mV for k, x in kwargs.items()})
    assert u.get_unit(in_mV) == u.mV
    np.testing.assert_array_equal(in_mV.mantissa, plain)


@pytest.mark.parametrize('name', [n for n, (args, kwargs) in WITH_UNITS.items() if len(args) > 1])
def test_mixed_units_are_converted_or_an_error(name):
    (first, *rest), kwargs = WITH_UNITS[name]
    method = getattr(RandomState(1), name)
    others = {k: x * u.mV for k, x in kwargs.items()}
    in_mV = method(first * u.mV, *(x * u.mV for x in rest), **others, size=N, key=2)
    mixed = method(first * u.mV, *(x * 1e-3 * u.volt for x in rest), **others, size=N, key=2)
    assert u.get_unit(mixed) == u.mV
    np.testing.assert_allclose(mixed.mantissa, in_mV.mantissa, rtol=1e-6)
    for wrong in (rest, [x * u.nA for x in rest]):
        with pytest.raises(UnitError, match=f'random.{name}: .* has .* but .* has unit mV'):
            method(first * u.mV, *wrong, **others)


@pytest.mark.slow
def test_a_location_that_is_not_given_is_zero_in_any_unit():
    assert u.get_unit(RandomState(1).normal(scale=2.0 * u.mV)) == u.mV
    assert u.get_unit(RandomState(1).uniform(high=2.0 * u.mV)) == u.mV
    assert u.get_unit(RandomState(1).gamma(2.0, 3.0 * u.ms)) == u.ms


@pytest.mark.slow
def test_covariances_have_the_square_of_the_unit_of_the_mean():
    rng, cov = RandomState(1), jnp.eye(2)
    x = rng.multivariate_normal(jnp.zeros(2) * u.mV, cov * u.mV**2, key=1)
    assert u.get_unit(x) == u.mV
    y = rng.multivariate_normal(jnp.zeros(2) * u.mV, cov * 1e-6 * u.volt**2, key=1)
    np.testing.assert_allclose(x.mantissa, y.mantissa, rtol=1e-5)
    with pytest.raises(UnitError, match='multivariate_normal: cov'):
        rng.multivariate_normal(jnp.zeros(2) * u.mV, cov * u.mV)
    with pytest.raises(ShapeError, match=r'mean \(2,\) and cov \(3, 3\)'):
        rng.multivariate_normal(jnp.zeros(2), jnp.eye(3))


@pytest.mark.parametrize('name', WITHOUT_UNITS)
def test_parameters_of_shape_have_no_unit(name):
    first, *rest = WITHOUT_UNITS[name]
    with pytest.raises(UnitError, match=r'random\.\w+: \w+ must have no unit, but is .* mV'):
        getattr(RandomState(1), name)(first * u.mV, *rest)


@pytest.mark.parametrize(('name', 'args', 'parameter'), OUT_OF_RANGE)
def test_parameters_out_of_range_are_errors_that_say_where(name, args, parameter):
    with pytest.raises(ParameterError, match=f'^random.{name}: {parameter} must .* (is|are) .*$'):
        getattr(RandomState(1), name)(*args)


def test_ranges_of_traced_parameters_are_not_checked():
    assert bst.transform.jit(lambda p: RandomState(1).bernoulli(p, 3))(1.5).all()


def test_a_failed_check_leaves_the_generator():
    rng = RandomState(1)
    before = rng.value
    with pytest.raises(ParameterError):
        rng.normal(0.0, -1.0)
    assert rng.value is before


def test_size_and_bounds_are_integers():
    with pytest.raises(TypeError, match=r'random\.normal: size is an integer or a tuple of integers, but is 2\.5'):
        RandomState(1).normal(size=2.5)
    with pytest.raises(TypeError, match=r'random\.randint: bounds are integers'):
        RandomState(1).randint(0.5, 3)


@pytest.mark.slow
def test_likes_have_the_shape_and_type_of_their_model():
    rng = RandomState(1)
    assert (rng.rand_like(jnp.ones((2, 3), jnp.float16)).shape, rng.rand_like(jnp.ones(1, jnp.float16)).dtype) == ((2, 3), 'float16')
    assert rng.randn_like(jnp.arange(4) * u.mV).dtype == np.float32
    assert rng.randint_like(jnp.zeros((2, 3), jnp.int8), 5).dtype == np.int8
    x = rng.randint_like(jnp.zeros(500), 3, 5)
    assert (x.dtype, set(np.asarray(x).tolist())) == ('int32', {3, 4})
