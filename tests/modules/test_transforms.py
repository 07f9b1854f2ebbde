"""Maps to the values that a parameter may have."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import ParameterError, UnitError, environ, nn

# transform, allowed values near the bounds and far from them
TRANSFORMS = [
    (nn.IdentityT(), [-1e6, 0.0, 3.0]),
    (nn.SoftplusT(), [1e-30, 1e-3, 1.0, 30.0, 1e6]),
    (nn.SoftplusT(-2.0), [-1.999, -1.0, 5.0, 1e4]),
    (nn.PositiveT(), [1e-30, 1e-3, 1.0, 30.0, 1e6]),
    (nn.NegSoftplusT(3.0), [2.999, 2.0, -50.0, -1e4]),
    (nn.ExpT(), [1e-30, 1e-3, 1.0, 1e20]),
    (nn.ExpT(1.0), [1.001, 2.0, 1e6]),
    (nn.SigmoidT(0.0, 1.0), [1e-30, 1e-3, 0.5, 0.999]),
    (nn.SigmoidT(-3.0, 5.0), [-2.99, 0.0, 4.99]),
    (nn.TanhT(-1.0, 1.0), [-0.999, 0.0, 0.3, 0.999]),
    (nn.ClipT(-1.0, 1.0), [-1.0, 0.3, 1.0]),
    (nn.AffineT(-2.0, 5.0), [-1e3, 0.0, 7.0]),
    (nn.ChainT(nn.SigmoidT(0.0, 1.0), nn.AffineT(10.0, -5.0)), [-4.9, 0.0, 4.9]),
]
IDS = [str(t) for t, _ in TRANSFORMS]
SMOOTH = [(t, v) for t, v in TRANSFORMS if not isinstance(t, nn.ClipT)]


@pytest.mark.quick('float32-(Soft|Sig|Chain)')
@pytest.mark.parametrize(('t', 'values'), TRANSFORMS, ids=IDS)
def test_forward_undoes_inverse(t, values, precision):
    y = jnp.array(values, environ.dftype())
    x = t.inverse(y)
    assert bool(jnp.all(jnp.isfinite(x)))
    assert x.dtype == t.forward(x).dtype == y.dtype
    # relative rounding of x, which is at most 70 here, is magnified by x in an exponential; besides, sums with the bound are rounded
    eps = float(jnp.finfo(y.dtype).eps)
    np.testing.assert_allclose(t.forward(x), y, rtol=100 * eps, atol=10 * eps * abs(getattr(t, 'lower', None) or 0.0))


@pytest.mark.parametrize(('t', 'values'), SMOOTH, ids=[str(t) for t, _ in SMOOTH])
def test_transforms_are_monotone_and_stay_in_bounds(t, values):
    x = jnp.linspace(-80.0, 80.0, 1001)
    y = np.asarray(t.forward(x))
    assert np.all(np.isfinite(y))
    assert np.all(np.diff(y) >= 0) or np.all(np.diff(y) <= 0)
    lower, upper = getattr(t, 'lower', None), getattr(t, 'upper', None)
    assert lower is None or np.all(y >= np.float32(lower))
    assert upper is None or np.all(y <= np.float32(upper))


@pytest.mark.quick('Softplus|Sigmoid')
@pytest.mark.parametrize(('t', 'values'), TRANSFORMS, ids=IDS)
def test_gradients_are_finite_at_the_ends(t, values):
    for x in [-80.0, -1.0, 0.0, 1.0, 80.0]:
        assert np.isfinite(jax.grad(t.forward)(x))
    for y in values:
        assert np.isfinite(jax.grad(t.inverse)(y)) or y < 1e-20  # there the slope itself is beyond single precision


@pytest.mark.quick('^(Soft|Sig|Chain)')
@pytest.mark.parametrize(('t', 'values'), SMOOTH, ids=[str(t) for t, _ in SMOOTH])
def test_gradient_is_the_slope(t, values, x64):
    x = 0.7
    slope = (t.forward(x + 1e-6) - t.forward(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(jax.grad(t.forward)(x), slope, rtol=1e-8)


def test_values_are_those_of_the_formulas(x64):
    x = np.array([-2.0, 0.0, 1.5])
    np.testing.assert_allclose(nn.SoftplusT(2.0).forward(x), 2.0 + np.log1p(np.exp(x)))
    np.testing.assert_allclose(nn.NegSoftplusT(2.0).forward(x), 2.0 - np.log1p(np.exp(-x)))
    np.testing.assert_allclose(nn.ExpT(2.0).forward(x), 2.0 + np.exp(x))
    np.testing.assert_allclose(nn.SigmoidT(2.0, 6.0).forward(x), 2.0 + 4.0 / (1 + np.exp(-x)))
    np.testing.assert_allclose(nn.TanhT(2.0, 6.0).forward(x), 4.0 + 2.0 * np.tanh(x))
    np.testing.assert_allclose(nn.ClipT(-1.0, 1.0).forward(x), [-1.0, 0.0, 1.0])
    np.testing.assert_allclose(nn.AffineT(2.0, 6.0).forward(x), 2.0 * x + 6.0)
    np.testing.assert_allclose(nn.ChainT(nn.ExpT(), nn.AffineT(2.0, 6.0)).forward(x), 2.0 * np.exp(x) + 6.0)


@pytest.mark.parametrize('t', [nn.SoftplusT(1.0 * u.ms), nn.PositiveT(), nn.SigmoidT(1.0 * u.ms, 0.1 * u.second), nn.IdentityT()], ids=str)
def test_a_quantity_keeps_its_unit(t):
    for value in (10.0 * u.ms, 0.01 * u.second):
        x = t.inverse(value)
        assert u.get_unit(x) == u.get_unit(t.forward(x)) == u.get_unit(value)
        assert u.math.allclose(t.forward(x), value)


def test_an_affine_transform_can_take_the_unit_away():
    t = nn.AffineT(5.0 * u.mV, -65.0 * u.mV)
    assert float(t.inverse(-60.0 * u.mV)) == 1.0
    assert u.math.allclose(t.forward(1.0), -60.0 * u.mV)


def test_bounds_may_differ_between_elements():
    t = nn.SigmoidT(np.array([0.0, 10.0]), np.array([1.0, 20.0]))
    np.testing.assert_allclose(t.forward(jnp.zeros(2)), [0.5, 15.0])
    with pytest.raises(ParameterError):
        t.check(np.array([0.5, 5.0]), 'here')


@pytest.mark.parametrize(
    ('t', 'value', 'kind', 'message'),
    [
        (nn.SoftplusT(1.0 * u.ms), 0.5 * u.ms, ParameterError, r'the value 0\.5 ms lies outside of SoftplusT.*; it must lie above 1\. ?0? ?ms'),
        (nn.SoftplusT(1.0), 1.0, ParameterError, r'must lie above 1\.0'),
        (nn.SoftplusT(1.0), 1.0 + 1e-9, ParameterError, r'must lie above 1\.0'),
        (nn.PositiveT(), 0.0 * u.ms, ParameterError, r'must lie above 0\.0'),
        (nn.PositiveT(), float('nan'), ParameterError, r'must lie above 0\.0'),
        (nn.NegSoftplusT(1.0), 2.0, ParameterError, r'must lie below 1\.0'),
        (nn.SigmoidT(0.0, 1.0), 1.0, ParameterError, r'must lie above 0\.0 and below 1\.0'),
        (nn.ClipT(0.0, 1.0), 1.5, ParameterError, r'must lie above or at 0\.0 and below or at 1\.0'),
        (nn.ChainT(nn.ExpT(), nn.AffineT(-1.0, 0.0)), 1.0, ParameterError, r'outside of ExpT\(lower=0\.0\)'),
        (nn.SoftplusT(1.0), 1.0 * u.ms, UnitError, r'lower = 1\.0 of SoftplusT has no unit, but the value has the unit ms'),
        (nn.SoftplusT(1.0 * u.mV), 1.0 * u.ms, UnitError, 'has the unit mV, but the value has the unit ms'),
        (nn.AffineT(1.0, 1.0 * u.mV), 1.0 * u.ms, UnitError, 'another unit than shift'),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_one_clear_line(t, value, kind, message):
    with pytest.raises(kind, match=f"^Param 'p': .*{message}") as error:
        nn.Param(value, t, name='p')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('make', 'kind', 'message'),
    [
        (lambda: nn.SigmoidT(1.0, 1.0), ParameterError, 'SigmoidT.*: lower must lie below upper'),
        (lambda: nn.TanhT(1.0, 1.0 * u.ms), UnitError, 'TanhT.*: lower and upper must have units'),
        (lambda: nn.ClipT(2.0, 1.0), ParameterError, 'ClipT.*: lower must lie below upper'),
        (lambda: nn.AffineT(0.0, 1.0), ParameterError, 'AffineT.*: scale must not be 0'),
    ],
)
def test_a_transform_that_is_none_is_an_error(make, kind, message):
    with pytest.raises(kind, match=message):
        make()
