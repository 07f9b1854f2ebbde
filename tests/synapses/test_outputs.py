"""`COBA` and `CUBA`: from a conductance to a current."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import COBA, CUBA


@pytest.mark.parametrize(
    ('E', 'V', 'g', 'current'),
    [(0.0, -60.0, 2.0, 120.0), (-80.0, -60.0, 2.0, -40.0), (-60.0, -60.0, 2.0, 0.0), (0.0, -60.0, 0.0, 0.0)],
)
def test_coba_drives_towards_the_reversal_potential(E, V, g, current):
    I = COBA(1, E=E * u.mV).current(jnp.array([g]) * u.nS, jnp.array([V]) * u.mV)  # noqa: E741
    np.testing.assert_allclose(I.to_decimal(u.pA), [current])  # nS * mV = pA


def test_coba_takes_any_units():
    a = COBA(1, E=0.0 * u.mV).current(jnp.ones(1) * u.nS, -60.0 * u.mV)
    b = COBA(1, E=0.0 * u.volt).current(jnp.full(1, 1e-3) * u.uS, -0.06 * u.volt)
    np.testing.assert_allclose(a.to_decimal(u.pA), b.to_decimal(u.pA), rtol=1e-6)


def test_coba_with_a_reversal_potential_for_each_neuron():
    I = COBA(2, E=np.array([0.0, -80.0]) * u.mV).current(jnp.ones(2) * u.nS, jnp.full(2, -60.0) * u.mV)  # noqa: E741
    np.testing.assert_allclose(I.to_decimal(u.pA), [60.0, -20.0])


@pytest.mark.parametrize('V', [-80.0, 0.0, 30.0])
def test_cuba_does_not_depend_on_v(V):
    I = CUBA().current(jnp.array([2.0]) * u.mS, jnp.array([V]) * u.mV)  # noqa: E741
    np.testing.assert_allclose(I.to_decimal(u.mA), [2.0])  # 1 volt by default


def test_cuba_of_a_current_is_the_current():
    I = CUBA(scale=1.0).current(jnp.array([16.2]) * u.pA, 0.0 * u.mV)  # noqa: E741
    assert u.get_unit(I) == u.pA
    np.testing.assert_allclose(I.mantissa, np.float32([16.2]))


def test_a_bad_reversal_potential_is_an_error():
    with pytest.raises(bst.UnitError, match=r'COBA: E = -80 has no unit, but needs one like mV; for example E=-80 \* u\.mV'):
        COBA(E=-80)


def test_an_output_without_current_says_which():
    class Silent(bst.SynOut):
        """Defines nothing."""

    with pytest.raises(NotImplementedError, match='Silent does not define `current`'):
        Silent().current(1.0 * u.nS, 0.0 * u.mV)
