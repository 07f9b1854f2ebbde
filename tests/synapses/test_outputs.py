"""`COBA` and `CUBA`: from a conductance to a current."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import COBA, CUBA, MgBlock
from brainpy_state.modules import _describe


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


@pytest.mark.parametrize('scale', [1.0, 2.0 * u.volt, 3.0 * u.pA])
def test_the_scale_of_cuba_may_have_any_unit(scale):
    np.testing.assert_allclose(u.get_mantissa(CUBA(scale=scale).current(2.0, -60.0 * u.mV)), 2.0 * u.get_mantissa(scale))


@pytest.mark.parametrize(
    ('scale', 'message'),
    [(np.nan * u.volt, 'is not finite'), ('1 V', 'must be a number, a quantity or an array'), (np.ones(2), 'does not broadcast')],
)
def test_a_bad_scale_is_an_error(scale, message):
    with pytest.raises(ValueError, match=f'CUBA: scale .*{message}'):
        CUBA(3, scale=scale)


def open_fraction(V, **parameters):
    """Of a magnesium block, by its current at a driving force of 1 mV."""
    return float(MgBlock(E=(V + 1.0) * u.mV, **parameters).current(1.0 * u.nS, V * u.mV).to_decimal(u.pA))


@pytest.mark.parametrize('V', [-80.0, -60.0, 0.0, 40.0])
def test_magnesium_blocks_as_published(V, x64):
    # Jahr & Stevens 1990, equation 4
    assert open_fraction(V) == pytest.approx(1 / (1 + np.exp(-0.062 * V) * 1.2 / 3.57), rel=1e-12)


def test_half_of_the_channels_are_blocked_where_the_concentration_is_beta(x64):
    V = np.log(1.2 / 3.57) / 0.062
    assert open_fraction(V) == pytest.approx(0.5, rel=1e-12)
    assert open_fraction(V + 10.0, V_offset=10.0 * u.mV) == pytest.approx(0.5, rel=1e-12)
    assert open_fraction(0.0, cc_Mg=3.57) == pytest.approx(0.5, rel=1e-12)
    assert open_fraction(-200.0, cc_Mg=0.0) == pytest.approx(1.0, rel=1e-12)


def test_a_concentration_without_a_unit_is_in_mM(x64):
    expected = open_fraction(-60.0, cc_Mg=2.0, beta=4.0)
    for cc_Mg, beta in [(2.0 * u.mM, 4.0), (2.0, 4.0 * u.mM), (2000.0 * u.umolar, 0.004 * u.molar)]:
        assert open_fraction(-60.0, cc_Mg=cc_Mg, beta=beta) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ('parameters', 'error', 'message'),
    [
        ({'cc_Mg': 1.2 * u.mV}, bst.UnitError, 'cc_Mg = 1.2 mV has the unit mV, but needs one like mM'),
        ({'beta': 1.0 * u.ms}, bst.UnitError, 'beta = .* needs one like mM'),
        ({'cc_Mg': -1.0}, bst.ParameterError, 'cc_Mg = -1.0 must be zero or positive'),
        ({'beta': 0.0 * u.mM}, bst.ParameterError, 'beta = .* must be positive'),
        ({'alpha': 0.062}, bst.UnitError, 'alpha = 0.062 has no unit'),
        ({'alpha': -0.062 / u.mV}, bst.ParameterError, 'alpha = .* must be positive'),
        ({'E': 0.0}, bst.UnitError, 'E = 0.0 has no unit'),
    ],
)
def test_a_bad_parameter_of_the_block_is_an_error(parameters, error, message):
    with pytest.raises(error, match=f'MgBlock: {message}'):
        MgBlock(**parameters)


def test_the_block_works_with_its_defaults_on_a_neuron(dt):
    post = bst.LIF(1, R=1.0 * u.kohm, V_rest=-65.0 * u.mV, V_th=-50.0 * u.mV, V_reset=-65.0 * u.mV)
    projection = bst.AlignPostProj(comm=bst.one_to_one(1, 1, weight=1.0 * u.mS), syn=bst.DualExpon.desc(), out=MgBlock.desc(), post=post)
    bst.nn.init_all_states(post)
    projection(jnp.ones(1))
    post(), post()
    # 0.1 ms at 0.122 * 65 mV * 0.050, which a leak of 5 ms divides by; the exact exponential and the slope change a few percent
    expected = -65.0 + 0.1 / 5.0 * 0.122285 * 65.0 / (1 + 1.2 / 3.57 * np.exp(0.062 * 65.0))
    assert float(post.V.value.to_decimal(u.mV)[0]) + 65.0 == pytest.approx(expected + 65.0, rel=0.05)


@pytest.mark.parametrize('cls', [COBA, CUBA, MgBlock])
def test_each_parameter_of_an_output_is_described(cls):
    rows = _describe.parameter_rows(cls)
    assert [name for name, _, _ in rows] == list(cls.parameters)
    assert all(f'\n{name} : default {default}\n    {meaning}' in cls.__doc__ for name, default, meaning in rows)
    assert 'Attributes' not in cls.__doc__  # outputs have no states


def test_an_output_without_current_says_which():
    class Silent(bst.SynOut):
        """Defines nothing."""

    with pytest.raises(NotImplementedError, match='Silent does not define `current`'):
        Silent().current(1.0 * u.nS, 0.0 * u.mV)
