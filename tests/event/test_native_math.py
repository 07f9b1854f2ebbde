"""Elementary functions of native steps, against correctly rounded values."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from brainpy_state import event

pytestmark = pytest.mark.slow

FUNCTIONS: dict[str, Any] = {
    'exp': (np.exp, (-110.0, 90.0), (-750.0, 715.0)),
    'expm1': (np.expm1, (-30.0, 90.0), (-45.0, 712.0)),
    'log': (np.log, (1.2e-38, 1e38), (2.3e-308, 1e308)),
    'log1p': (np.log1p, (-0.999, 1e30), (-0.999, 1e300)),
    'tanh': (np.tanh, (-15.0, 15.0), (-25.0, 25.0)),
    'sin': (np.sin, (-1e6, 1e6), (-1e6, 1e6)),
    'cos': (np.cos, (-1e6, 1e6), (-1e6, 1e6)),
    'exp2': (np.exp2, (-150.0, 127.9), (-1080.0, 1023.9)),
    'sinh': (np.sinh, (-89.0, 89.0), (-710.0, 710.0)),
    'cosh': (np.cosh, (-89.0, 89.0), (-710.0, 710.0)),
    'tan': (np.tan, (-1e5, 1e5), (-1e5, 1e5)),
    'asin': (np.arcsin, (-1.0, 1.0), (-1.0, 1.0)),
    'acos': (np.arccos, (-1.0, 1.0), (-1.0, 1.0)),
    'atan': (np.arctan, (-1e6, 1e6), (-1e6, 1e6)),
    'asinh': (np.arcsinh, (-1e30, 1e30), (-1e300, 1e300)),
    'acosh': (np.arccosh, (1.0, 1e30), (1.0, 1e300)),
    'atanh': (np.arctanh, (-1.0, 1.0), (-1.0, 1.0)),
    'cbrt': (np.cbrt, (-1e30, 1e30), (-1e300, 1e300)),
    'erf': (scipy.special.erf, (-5.0, 5.0), (-7.0, 7.0)),
    'erfc': (scipy.special.erfc, (-5.0, 9.0), (-7.0, 3.0)),  # SciPy's is off by ten units in float64, and by hundreds beyond
    'erf_inv': (lambda x: np.copysign(scipy.special.erfinv(x), x), (-1.0, 1.0), (-1.0, 1.0)),
    'logistic': (lambda x: 1 / (1 + np.exp(-x)), (-80.0, 80.0), (-700.0, 700.0)),
}
NEAR_ZERO = ('sin', 'cos', 'tan')
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, 1e-300, 88.8, 1e30]


def natively(function, *args):
    """Evaluated by a native step."""
    lowered = jax.jit(lambda *xs: event.fuse(lambda *ys: [function(*ys)], 0)(*xs)[0]).lower(*args)
    assert 'brainpy_state_' in lowered.as_text()
    return np.asarray(lowered.compile()(*args))


def points(low, high, dtype):
    rng = np.random.default_rng(0)
    if low > 0:
        return np.exp(rng.uniform(np.log(low), np.log(high), 20000)).astype(dtype)
    close = rng.standard_normal(4000) * 10.0 ** rng.uniform(-8, 0, 4000)
    smallest = np.finfo(dtype).tiny * 2.0 ** np.arange(0, 100, 0.5)
    return np.clip(np.concatenate([rng.uniform(low, high, 16000), close, smallest, -smallest]), low, high).astype(dtype)


def units_off(got, expected, floor=0.0):
    """The largest error in units in the last place; what is below the normal numbers may be zero."""
    normal = np.isfinite(expected) & (np.abs(expected) >= np.finfo(expected.dtype).tiny)
    assert np.array_equal(got[~np.isfinite(expected)], expected[~np.isfinite(expected)], equal_nan=True)
    tiny = np.isfinite(expected) & ~normal
    assert np.all(np.abs(got[tiny]) <= 2 * np.finfo(expected.dtype).tiny)
    with np.errstate(over='ignore'):
        unit = np.maximum(np.spacing(np.abs(expected[normal])), floor)
    return np.max(np.abs(got[normal].astype(np.float64) - expected[normal]) / unit)


@pytest.mark.parametrize('name', FUNCTIONS)
def test_float32_is_within_units_in_the_last_place(name):
    exact, (low, high), _ = FUNCTIONS[name]
    x = points(low, high, np.float32)
    with np.errstate(all='ignore'):
        expected = exact(x.astype(np.float64)).astype(np.float32)
    assert units_off(natively(getattr(jax.lax, name), jnp.asarray(x)), expected) <= 3


@pytest.mark.parametrize('name', FUNCTIONS)
def test_float64_is_within_units_in_the_last_place(name):
    exact, _, (low, high) = FUNCTIONS[name]
    x = points(low, high, np.float64)
    with np.errstate(all='ignore'):
        expected = exact(x)
    with jax.enable_x64(True):
        got = natively(getattr(jax.lax, name), jnp.asarray(x))
    # NumPy is within one unit; near their zeros, sine and cosine are as exact as their argument is reduced
    assert units_off(got, expected, floor=1e-16 if name in NEAR_ZERO else 0.0) <= (14 if name == 'erfc' else 7)


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_exprel_is_one_at_zero(dtype):
    tiny = np.finfo(dtype).tiny
    x = np.concatenate([points(-30.0, 60.0, dtype), np.array([0.0, -0.0, tiny, -tiny, np.inf, -np.inf, np.nan], dtype)])
    with jax.enable_x64(dtype == np.float64), np.errstate(all='ignore'):
        got = natively(u.math.exprel, jnp.asarray(x))
        exact = np.where(
            x == 0, 1.0, np.where(x == np.inf, np.inf, np.expm1(x.astype(np.float64)) / np.where(x == 0, 1.0, x.astype(np.float64)))
        )
    assert units_off(got, exact.astype(dtype)) <= 6


def test_a_result_does_not_depend_on_the_place_in_an_array():
    """Vectors side by side, single vectors and what is left over compute alike; 1,127 items need all of them."""
    for x in (0.3, -1.7, 2.5):
        results = natively(lambda y: sum(getattr(jax.lax, name)(y) for name in FUNCTIONS if not name.startswith('log')), jnp.full(1127, x))
        assert len(np.unique(results)) == 1


POWERS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, 3.0, -3.0, 2.0**53, 2.0**53 + 2, 1e-300, 1e300, np.inf, -np.inf, np.nan, 33.3, -7.25]
BASES = [*SPECIAL, 0.5, -0.5, 2.0, -2.0, 1e-30, 1.0000001, 0.9999999, -8.0]


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_powers_of_anything_to_anything(dtype):
    rng = np.random.default_rng(0)
    with np.errstate(over='ignore'):
        x, y = (v.ravel().astype(dtype) for v in np.meshgrid(np.array(BASES), np.array(POWERS)))
    x = np.concatenate([x, np.exp(rng.uniform(-80, 80, 20000)).astype(dtype)])
    y = np.concatenate([y, rng.standard_normal(20000).astype(dtype) * rng.choice([0.3, 1, 8], 20000).astype(dtype)])
    with np.errstate(all='ignore'), jax.enable_x64(dtype == np.float64):
        x = np.where(np.abs(x) < np.finfo(dtype).tiny, np.copysign(0, x), x).astype(dtype)  # as processors may take it
        wide = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
        got = natively(jax.lax.pow, jnp.asarray(x), jnp.asarray(y))
        expected = wide.astype(dtype)
    assert units_off(got, expected) <= 1
    np.testing.assert_array_equal(np.signbit(got[~np.isnan(expected)]), np.signbit(expected[~np.isnan(expected)]))


PAIRS = {
    'atan2': (np.arctan2, 3.0),
    'rem': (np.fmod, 0.0),
    'nextafter': (np.nextafter, 0.0),
}


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('name', PAIRS)
def test_functions_of_pairs(name, dtype):
    reference, units = PAIRS[name]
    special = np.array([v for v in (*SPECIAL, 3.5, -7.25, 1e-30, 1e38, -1e38) if v == 0 or not abs(v) < 1e-38])
    rng = np.random.default_rng(0)
    x, y = (
        np.concatenate([v.ravel(), rng.standard_normal(5000) * 10.0 ** rng.integers(-9, 9, 5000)]) for v in np.meshgrid(special, special)
    )
    x, y = x.astype(dtype), y.astype(dtype)
    with np.errstate(all='ignore'), jax.enable_x64(dtype == np.float64):
        expected = reference(x, y)
        got = natively(getattr(jax.lax, name), jnp.asarray(x), jnp.asarray(y))
    assert units_off(got, expected) <= units


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_angles_of_many_turns(dtype):
    rng = np.random.default_rng(0)
    x = (rng.choice([-1, 1], 4000) * np.exp2(rng.uniform(15, 127 if dtype == np.float32 else 1023, 4000))).astype(dtype)
    with jax.enable_x64(dtype == np.float64):
        for name, reference in (('sin', np.sin), ('cos', np.cos)):
            got = natively(getattr(jax.lax, name), jnp.asarray(x))
            np.testing.assert_allclose(got, reference(x.astype(np.float64)), rtol=0, atol=6e-8 if dtype == np.float32 else 4e-15)


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('name', FUNCTIONS)
def test_infinities_zeros_and_nan_come_out_as_in_numpy(name, dtype):
    exact = FUNCTIONS[name][0]
    x = np.resize(np.array(SPECIAL, dtype), 264)
    with np.errstate(all='ignore'), jax.enable_x64(dtype == np.float64):
        expected = exact(x.astype(np.float64)).astype(dtype)
        got = natively(getattr(jax.lax, name), jnp.asarray(x))
    some = (x == 0) | ~(np.abs(x) < np.finfo(dtype).tiny)  # processors may take numbers below the normal ones as zero
    assert np.array_equal(np.isnan(got[some]), np.isnan(expected[some]))
    some &= ~np.isnan(expected)
    close = {'rtol': 1e-6, 'atol': 0} if dtype == np.float32 else {'rtol': 1e-14, 'atol': 4e-15 * (name in NEAR_ZERO)}
    assert np.allclose(got[some], expected[some], **close)
    assert np.array_equal(np.signbit(got[some]), np.signbit(expected[some]))
