"""Elementary functions of native steps, against correctly rounded values."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event

FUNCTIONS = {
    'exp': (np.exp, (-110.0, 90.0), (-750.0, 715.0)),
    'expm1': (np.expm1, (-30.0, 90.0), (-45.0, 712.0)),
    'log': (np.log, (1.2e-38, 1e38), (2.3e-308, 1e308)),
    'log1p': (np.log1p, (-0.999, 1e30), (-0.999, 1e300)),
    'tanh': (np.tanh, (-15.0, 15.0), (-25.0, 25.0)),
    'sin': (np.sin, (-1e6, 1e6), (-1e6, 1e6)),
    'cos': (np.cos, (-1e6, 1e6), (-1e6, 1e6)),
    'logistic': (lambda x: 1 / (1 + np.exp(-x)), (-80.0, 80.0), (-700.0, 700.0)),
}
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
    return np.clip(np.concatenate([rng.uniform(low, high, 16000), close]), low, high).astype(dtype)


def units_off(got, expected, floor=0.0):
    """The largest error in units in the last place; what is below the normal numbers may be zero."""
    normal = np.isfinite(expected) & (np.abs(expected) >= np.finfo(expected.dtype).tiny)
    assert np.array_equal(got[~np.isfinite(expected)], expected[~np.isfinite(expected)])
    tiny = np.isfinite(expected) & ~normal
    assert np.all(np.abs(got[tiny]) <= 2 * np.finfo(expected.dtype).tiny)
    unit = np.maximum(np.spacing(np.abs(expected[normal])), floor)
    return np.max(np.abs(got[normal].astype(np.float64) - expected[normal]) / unit)


@pytest.mark.parametrize('name', FUNCTIONS)
def test_float32_is_within_units_in_the_last_place(name):
    exact, (low, high), _ = FUNCTIONS[name]
    x = points(low, high, np.float32)
    with np.errstate(over='ignore', under='ignore'):
        expected = exact(x.astype(np.float64)).astype(np.float32)
    assert units_off(natively(getattr(jax.lax, name), jnp.asarray(x)), expected) <= 3


@pytest.mark.parametrize('name', FUNCTIONS)
def test_float64_is_within_units_in_the_last_place(name):
    exact, _, (low, high) = FUNCTIONS[name]
    x = points(low, high, np.float64)
    with np.errstate(over='ignore', under='ignore'):
        expected = exact(x)
    with jax.enable_x64(True):
        got = natively(getattr(jax.lax, name), jnp.asarray(x))
    # NumPy is within one unit; near their zeros, sine and cosine are as exact as their argument is reduced
    assert units_off(got, expected, floor=1e-16 if name in ('sin', 'cos') else 0.0) <= 5


def test_a_result_does_not_depend_on_the_place_in_an_array():
    """Vectors side by side, single vectors and what is left over compute alike; 1,127 items need all of them."""
    for x in (0.3, -1.7, 2.5):
        results = natively(lambda y: sum(getattr(jax.lax, name)(y) for name in FUNCTIONS if not name.startswith('log')), jnp.full(1127, x))
        assert len(np.unique(results)) == 1


@pytest.mark.parametrize('name', FUNCTIONS)
def test_infinities_zeros_and_nan_come_out_as_in_numpy(name):
    exact = FUNCTIONS[name][0]
    special = SPECIAL if name not in ('sin', 'cos') else [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan]
    x = np.resize(np.array(special, np.float32), 264)
    with np.errstate(all='ignore'):
        expected = exact(x.astype(np.float64)).astype(np.float32)
    got = natively(getattr(jax.lax, name), jnp.asarray(x))
    assert np.array_equal(np.isnan(got), np.isnan(expected))
    some = ~np.isnan(expected) & (np.abs(x) != np.float32(1e-40))  # processors may take numbers below the normal ones as zero
    assert np.allclose(got[some], expected[some], rtol=1e-6, atol=0)
    assert np.array_equal(np.signbit(got[some]), np.signbit(expected[some]))
