"""braintools works on our clock and draws from our generator."""

import logging
import types

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools import init, input, surrogate

import brainpy_state as bst
from brainpy_state import RandomState, _bridge, environ, random
from brainpy_state.transform import for_loop, grad, jit, vmap

MS, NA = u.ms, u.nA
INPUTS = {
    'section': lambda: input.section([0 * NA, 1 * NA], [10 * MS, 10 * MS]),
    'constant': lambda: input.constant([(0 * NA, 10 * MS), (1 * NA, 10 * MS)])[0],
    'step': lambda: input.step([0 * NA, 1 * NA], [0 * MS, 10 * MS], 20 * MS),
    'ramp': lambda: input.ramp(0 * NA, 1 * NA, 20 * MS),
    'spike': lambda: input.spike(np.array([5, 10]) * MS, duration=20 * MS, sp_lens=1 * MS, sp_sizes=1 * NA),
    'sinusoidal': lambda: input.sinusoidal(1 * NA, 100 * u.Hz, 20 * MS),
    'Sinusoidal': lambda: input.Sinusoidal(1 * NA, 100 * u.Hz, 20 * MS)(),
}
NOISE = {
    'wiener_process': lambda: input.wiener_process(20 * MS, sigma=1 * NA),
    'ou_process': lambda: input.ou_process(0 * NA, 1 * NA, 5 * MS, 20 * MS),
    'poisson': lambda: input.poisson(200 * u.Hz, 20 * MS, amplitude=1 * NA),
    'noisy_sinusoidal': lambda: input.noisy_sinusoidal(1 * NA, 100 * u.Hz, 0.1 * NA, 20 * MS),
}
WEIGHTS = {
    'Normal': init.Normal(1 * u.nS, 0.1 * u.nS),
    'Uniform': init.Uniform(0 * u.nS, 2 * u.nS),
    'TruncatedNormal': init.TruncatedNormal(1 * u.nS, 0.1 * u.nS, 0.5 * u.nS, 1.5 * u.nS),
    'LogNormal': init.LogNormal(1 * u.nS, 0.1 * u.nS),
    'Gamma': init.Gamma(2.0, 1 * u.nS),
    'KaimingNormal': init.KaimingNormal(scale=2.0 * u.nS),
    'XavierUniform': init.XavierUniform(scale=2.0 * u.nS),
    'Orthogonal': init.Orthogonal(scale=1.0 * u.nS),
    'DistanceModulated': init.DistanceModulated(init.Normal(1 * u.nS, 0.1 * u.nS), init.GaussianProfile(2 * u.um)),
}
PLACES = np.arange(4.0)[:, None] * u.um


def weights(name):
    return WEIGHTS[name]((4, 4), pre_positions=PLACES, post_positions=PLACES)


def normal():
    return init.Normal(0 * u.nS, 1 * u.nS)(3).mantissa


@pytest.mark.parametrize('name', [*INPUTS, *NOISE])
@pytest.mark.parametrize(('dt', 'steps'), [(0.1 * MS, 200), (0.5 * MS, 40), (1e-4 * u.second, 200)])
def test_an_input_has_a_value_for_each_step_of_our_clock(name, dt, steps):
    with environ.context(dt=dt):
        current = (INPUTS | NOISE)[name]()
    assert current.shape == (steps,)
    assert u.get_unit(current) == NA
    assert np.asarray(current.mantissa).any()


def test_a_clock_for_the_whole_process_counts_too():
    environ.set(dt=0.2 * MS)
    assert INPUTS['ramp']().shape == (100,)


@pytest.mark.parametrize('name', [*INPUTS, *NOISE])
def test_without_a_clock_the_error_says_how_to_set_ours(name):
    with pytest.raises(KeyError, match=r"^'dt' is not set: .*brainpy_state\.environ\.context\(dt=0\.1 \* u\.ms\)"):
        (INPUTS | NOISE)[name]()


@pytest.mark.parametrize('name', NOISE)
def test_our_seed_decides_noise(name, dt):
    draws = []
    for seed in (3, 3, 4):
        random.seed(seed)
        draws.append(np.asarray(NOISE[name]().mantissa))
    with random.seed_context(3):
        draws.append(np.asarray(NOISE[name]().mantissa))
    np.testing.assert_array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(draws[0], draws[3])
    assert not np.array_equal(draws[0], draws[2])


@pytest.mark.slow
@pytest.mark.parametrize('name', WEIGHTS)
def test_our_seed_decides_weights(name):
    draws = []
    for seed in (3, 3, 4):
        random.seed(seed)
        draws.append(weights(name))
    assert {u.get_unit(w) for w in draws} == {u.nS}
    np.testing.assert_array_equal(draws[0].mantissa, draws[1].mantissa)
    assert not np.array_equal(draws[0].mantissa, draws[2].mantissa)


def test_weights_are_the_draws_of_our_generator():
    random.seed(3)
    np.testing.assert_array_equal(
        np.stack([normal(), random.randn(3), normal()]), [rng.randn(3) for rng in [RandomState(3)] for _ in range(3)]
    )


@pytest.mark.slow
@pytest.mark.parametrize('name', [n for n in WEIGHTS if n not in ('Normal', 'DistanceModulated')] + ['Normal'])
def test_our_generator_can_be_given_by_hand(name):
    initializer = WEIGHTS[name]
    np.testing.assert_array_equal(initializer((4, 4), rng=RandomState(3)).mantissa, initializer((4, 4), rng=RandomState(3)).mantissa)


def test_draws_in_our_compiled_functions_are_the_eager_sequence():
    random.seed(3)
    expected, key = np.stack([normal() for _ in range(3)]), np.asarray(random.get_key())

    random.seed(3)
    step = jit(normal)
    np.testing.assert_array_equal(np.stack([step() for _ in range(3)]), expected)
    np.testing.assert_array_equal(random.get_key(), key)

    random.seed(3)
    np.testing.assert_array_equal(for_loop(normal, length=3), expected)
    np.testing.assert_array_equal(random.get_key(), key)

    with random.seed_context(3):
        np.testing.assert_array_equal(step(), expected[0])


def test_settings_read_in_our_compiled_functions_are_seen_anew():
    read = jit(lambda: (brainstate.environ.get('t'), brainstate.environ.get_dt()))
    for t, dt in [(1, 0.1), (2, 0.1), (2, 0.2)]:
        with environ.context(t=t * MS, dt=dt * MS):
            found = read()
        assert [float(x / MS) for x in found] == [pytest.approx(t), pytest.approx(dt)]  # in single precision


def test_an_input_can_be_made_in_a_compiled_function(dt):
    total = jit(lambda scale: u.math.sum(INPUTS['constant']()) * scale)
    assert float(total(2.0) / NA) == 200


def test_its_own_settings_and_defaults_stay():
    with environ.context(dt=0.1 * MS, fit=True):
        with brainstate.environ.context(dt=0.5 * MS):
            assert INPUTS['ramp']().shape == (40,)
        assert brainstate.environ.get('fit') is True
        assert brainstate.environ.get_dt() == 0.1 * MS
    assert brainstate.environ.get('unknown', 3) == 3
    own = brainstate.environ.EnvironmentState()
    brainstate.environ.set(dt=0.7, env=own)
    with environ.context(dt=0.1 * MS):
        assert brainstate.environ.get_dt(env=own) == 0.7
        with pytest.raises(KeyError):
            brainstate.environ.get('t', env=own)


def test_its_precision_is_ours(precision):
    assert brainstate.environ.dftype() == environ.dftype() == f'float{precision}'
    assert brainstate.environ.ditype() == environ.ditype()
    assert brainstate.environ.get_precision() == precision
    with environ.context(dt=0.1 * MS):
        assert INPUTS['ramp']().dtype == environ.dftype()
    assert normal().dtype == environ.dftype()


def test_its_seed_and_its_transforms_use_and_advance_our_generator():
    random.seed(3)
    expected = np.stack([normal() for _ in range(3)])
    brainstate.random.seed(3)
    np.testing.assert_array_equal(normal(), expected[0])
    with brainstate.random.seed_context(3):
        np.testing.assert_array_equal(normal(), expected[0])
    np.testing.assert_array_equal(random.randn(3), expected[1])

    random.seed(3)
    compiled = brainstate.transform.jit(normal)
    np.testing.assert_array_equal([compiled(), random.randn(3), compiled()], expected)
    random.seed(3)
    np.testing.assert_array_equal(brainstate.transform.for_loop(lambda _: normal(), jnp.arange(3)), expected)
    np.testing.assert_array_equal(brainstate.random.get_key_data(), random.get_key())


@pytest.mark.slow
def test_lanes_of_its_vmap_draw_numbers_of_their_own():
    mapped = brainstate.transform.vmap(normal, axis_size=3)
    random.seed(3)
    first, second, third = mapped(), mapped(), normal()
    assert len(np.unique(np.concatenate([first, second, [third]]), axis=0)) == 7
    random.seed(3)
    np.testing.assert_array_equal(mapped(), first)


def test_other_generators_of_its_kind_keep_a_key_of_their_own():
    random.seed(3)
    before = np.asarray(random.get_key())
    own = brainstate.random.RandomState(3)
    np.testing.assert_array_equal(own.randn(3), RandomState(3).randn(3))
    assert not np.array_equal(own.clone().randn(3), own.randn(3))
    np.testing.assert_array_equal(random.get_key(), before)


SURROGATES = ['sigmoid', 'arctan', 'relu_grad', 'gaussian_grad', 'soft_sign', 'erf', 'multi_gaussian_grad', 'slayer_grad']


@pytest.mark.quick('^sigmoid$')
@pytest.mark.parametrize('name', SURROGATES)
def test_surrogates_work_in_our_transforms(name):
    spike = getattr(surrogate, name)
    x = jnp.array([-0.5, -0.01, 0.01, 0.5])
    np.testing.assert_array_equal(jit(spike)(x), [0, 0, 1, 1])
    exact = jax.grad(lambda x: spike(x).sum())(x)
    assert np.asarray(exact)[1:3].all()

    def loss():
        return for_loop(lambda scale: spike(scale * weight.value), jnp.ones(3)).sum()

    weight = bst.ParamState(x)
    np.testing.assert_allclose(jit(lambda: grad(loss, weight)())(), 3 * exact, rtol=1e-6)  # single precision


@pytest.mark.slow
@pytest.mark.parametrize('first', ['brainpy_state', 'braintools'])
def test_the_order_of_imports_does_not_matter(first, python):
    other = 'import braintools' if first == 'brainpy_state' else 'pass'
    code = f"""
import {first}, jax, numpy as np, threading
import brainpy_state as bst, brainunit as u, sys
assert ('brainstate' in sys.modules) == ({first!r} == 'braintools')
jax.config.update('jax_enable_x64', True)
bst.random.seed(3)
expected = np.random.random(), bst.random.RandomState(3).randn(2)
bst.random.seed(3)
with bst.environ.context(dt=0.1 * u.ms, precision=32):
    {other}
    import braintools
    assert braintools.input.ramp(0, 1, 20 * u.ms).dtype == np.float32
    assert braintools.input.ramp(0, 1, 20 * u.ms).shape == (200,)
assert jax.config.jax_enable_x64
assert np.random.random() == expected[0]
assert (braintools.init.Normal(0., 1.)(2) == expected[1]).all()
assert type(sys.meta_path[0]).__module__ != 'brainpy_state._bridge'
"""
    python('-c', code)


@pytest.mark.slow
def test_an_earlier_seed_of_theirs_is_taken_over(python):
    code = """
import brainstate
brainstate.random.seed(3)
expected = brainstate.random.randn(2)
brainstate.random.seed(3)
import brainpy_state as bst
assert (bst.random.randn(2) == expected).all()
"""
    python('-c', code)


def test_a_package_that_is_not_as_expected_is_left_alone_and_logged(caplog):
    package = types.ModuleType('brainstate')
    package.environ = types.SimpleNamespace(get=lambda key: key)
    package.random = brainstate.random
    get, value = package.environ.get, brainstate.random.RandomState.value
    with caplog.at_level(logging.WARNING):
        _bridge.connect(package)
    assert 'brainstate of unknown version is not as expected (TypeError' in caplog.text
    assert package.environ.get is get
    assert brainstate.random.RandomState.value is value


@pytest.mark.slow
def test_each_lane_of_our_vmap_gets_weights_of_its_own():
    random.seed(3)
    ours = vmap(lambda _: random.randn(3))(jnp.arange(2))
    random.seed(3)
    np.testing.assert_array_equal(vmap(lambda _: normal())(jnp.arange(2)), ours)
    assert not np.array_equal(ours[0], ours[1])
