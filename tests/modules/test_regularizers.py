"""Losses that pull a parameter towards expected values."""

import brainunit as u
import jax
import numpy as np
import pytest

from brainpy_state import ParameterError, UnitError, nn

X = np.array([[1.0, -2.0], [0.5, 0.0]])

REGULARIZERS = [
    (nn.L1Reg(0.5), 0.5 * np.abs(X).sum()),
    (nn.L2Reg(0.5), 0.5 * (X**2).sum()),
    (nn.ElasticNetReg(0.5, 2.0), 0.5 * np.abs(X).sum() + 2.0 * (X**2).sum()),
    (nn.GaussianReg(1.0, 2.0), ((X - 1.0) ** 2 / 8.0).sum()),
    (nn.GaussianReg(1.0, 2.0, weight=3.0), 3 * ((X - 1.0) ** 2 / 8.0).sum()),
    (nn.ChainedReg(nn.L1Reg(0.5), nn.GaussianReg(0.0, 1.0)), 0.5 * np.abs(X).sum() + 0.5 * (X**2).sum()),
]
IDS = [f'{type(r).__name__}-{k}' for k, (r, _) in enumerate(REGULARIZERS)]


@pytest.mark.parametrize(('reg', 'expected'), REGULARIZERS, ids=IDS)
def test_losses_are_those_of_the_formulas(reg, expected):
    np.testing.assert_allclose(reg.loss(X), expected, rtol=1e-6)
    assert np.all(np.isfinite(jax.grad(reg.loss)(X.astype(np.float32))))


def test_weights_cancel_the_unit():
    x = X * u.mS
    np.testing.assert_allclose(nn.L1Reg(2.0 / u.mS).loss(x), 2 * np.abs(X).sum(), rtol=1e-6)
    np.testing.assert_allclose(nn.L2Reg(2e-6 / u.uS**2).loss(x), 2 * (X**2).sum(), rtol=1e-6)
    np.testing.assert_allclose(nn.GaussianReg(1.0 * u.mS, 2000.0 * u.uS).loss(x), ((X - 1.0) ** 2 / 8.0).sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ('make', 'kind', 'message'),
    [
        (lambda: nn.L1Reg(2.0).loss(X * u.mS), UnitError, r'L1Reg\(weight=2.0\): .*the weight must have the unit 1 / \(mS\)'),
        (lambda: nn.L2Reg(2.0).loss(X * u.mS), UnitError, r'the weight must have the unit 1 / \(mS\) \*\* 2'),
        (lambda: nn.L1Reg(2.0 * u.mS).loss(X), UnitError, 'the weight must have no unit'),
        (lambda: nn.GaussianReg(1.0, 2.0).loss(X * u.mS), UnitError, 'the value has the unit mS, expected one like'),
        (lambda: nn.GaussianReg(1.0, 2.0 * u.mS), UnitError, 'mean and std must have units that convert to each other'),
        (lambda: nn.GaussianReg(1.0, 0.0), ParameterError, 'std must be positive'),
    ],
)
def test_a_bad_weight_is_one_clear_line(make, kind, message):
    with pytest.raises(kind, match=message):
        make()
