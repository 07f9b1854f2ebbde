"""`VoltageSTDP` with delayed means, against its equations written out step by step."""

import brainunit as u
import numpy as np
import pytest

from brainpy_state.plasticity import VoltageSTDP

from .models import Rig, one_each, weights_of

DT, STEPS, REST = 0.5, 400, -70.6
TAU_X, TAU_MINUS, TAU_PLUS = 15.0, 10.0, 7.0  # ms
A_LTD, A_LTP, THETA_PLUS = 14e-5, 8e-5, -45.3


def by_hand(pre, V, late):
    """The weights after each step, for means that follow V ``late`` steps after it."""
    w, x, u_minus, u_plus, found = 1.0, 0.0, REST, REST, []
    for k in range(STEPS):
        x *= np.exp(-DT / TAU_X)
        w += A_LTP * x / TAU_X * max(V[k] - THETA_PLUS, 0.0) * max(u_plus - REST, 0.0) * DT
        w -= pre[k] * A_LTD * max(u_minus - REST, 0.0)
        found.append(w)
        x += pre[k]
        past = V[k - late] if k >= late else REST
        u_minus += (past - u_minus) * (1 - np.exp(-DT / TAU_MINUS))
        u_plus += (past - u_plus) * (1 - np.exp(-DT / TAU_PLUS))
    return np.array(found)


@pytest.mark.parametrize('delay', [None, 3.0])
def test_means_follow_the_potential_late(delay, x64):
    rng = np.random.default_rng(1)
    pre = (rng.random(STEPS) < 0.05).astype(float)
    V = np.where(rng.random(STEPS) < 0.05, 30.0, rng.uniform(REST, -50.0, STEPS))
    V[0] = REST
    rig = Rig(VoltageSTDP.desc(delay_u_bars=delay if delay is None else delay * u.ms), [one_each(1, 1.0)], [None])
    found = weights_of(rig, [{'pre': pre[:, None], 'V': V[:, None] * u.mV}], DT)[0][:, 0]
    expected, other = by_hand(pre, V, round((delay or 0.0) / DT)), by_hand(pre, V, 6 if delay is None else 0)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert np.abs(found - other).max() > 0.01
