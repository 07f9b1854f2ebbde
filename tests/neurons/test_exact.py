"""Linear equations are solved exactly, in float64, over hundreds of steps of any length; jumps at a spike are exact."""

from functools import partial

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.transform import for_loop

from .models import number

pytestmark = [pytest.mark.usefixtures('x64'), pytest.mark.quick(r'0\.1|LIF|AdEx|Gif|Iz')]

STEPS = 300
# half a unit in the last place per step, over tau / dt steps of memory; relative to the largest value
ROUNDING = 1e-12
FOREVER = 1e15 * u.ms


def trace(neuron, x, dt, *variables):
    """Each variable after each step, and the times in ms."""
    bst.nn.init_all_states(neuron)
    with bst.environ.context(dt=dt * u.ms):
        found = for_loop(lambda: (neuron(x), [getattr(neuron, name).value for name in variables])[1], length=STEPS)
    return dt * np.arange(1, STEPS + 1), *(number(v)[:, 0] for v in found)


def relax(start, goal, t, tau):
    return goal + (start - goal) * np.exp(-t / tau)


def close(got, exact):
    np.testing.assert_allclose(got, exact, rtol=0, atol=ROUNDING * np.abs(exact).max())


STEP_LENGTHS = pytest.mark.parametrize('dt', [0.02, 0.1, 3.0])


@STEP_LENGTHS
def test_if_relaxes_to_the_input(dt):
    t, V = trace(bst.IF(1, R=2.0 * u.ohm, tau=7.0 * u.ms, V_th=10.0 * u.mV, V_initializer=-3.0 * u.mV), 1.5 * u.mA, dt, 'V')
    close(V, relax(-3.0, 3.0, t, 7.0))


@STEP_LENGTHS
def test_alif_relaxes_in_both_variables(dt):
    neuron = bst.ALIF(1, tau=7.0 * u.ms, tau_a=90.0 * u.ms, a_initializer=4.0, V_rest=-1.0 * u.mV, V_reset=-2.0 * u.mV)
    t, V, a = trace(neuron, 0.5 * u.mA, dt, 'V', 'a')
    close(V, relax(-1.0, -0.5, t, 7.0))
    close(a, relax(4.0, 0.0, t, 90.0))


@STEP_LENGTHS
@pytest.mark.parametrize(('model', 'unit'), [(bst.CubaLIF, u.mA), (bst.CobaLIF, u.siemens)])
def test_the_synapse_that_is_built_in_decays_exactly(model, unit, dt):
    t, g = trace(model(1, tau_syn=6.0 * u.ms, g_initializer=0.5 * unit, V_th=1e3 * u.mV), 0.0 * u.mA, dt, 'g')
    close(g, relax(0.5, 0.0, t, 6.0))


@STEP_LENGTHS
def test_cuba_lif_is_exact_for_a_constant_current(dt):
    neuron = bst.CubaLIF(1, tau=7.0 * u.ms, tau_syn=FOREVER, g_initializer=2.0 * u.mA, V_th=10.0 * u.mV)
    t, V = trace(neuron, 0.5 * u.mA, dt, 'V')
    close(V, relax(0.0, 2.5, t, 7.0))


@STEP_LENGTHS
def test_coba_lif_is_exact_for_a_constant_conductance(dt):
    neuron = bst.CobaLIF(1, tau=7.0 * u.ms, tau_syn=FOREVER, g_initializer=0.5 * u.siemens, E=4.0 * u.mV, V_th=10.0 * u.mV)
    t, V = trace(neuron, 1.0 * u.mA, dt, 'V')
    close(V, relax(0.0, (0.5 * 4.0 + 1.0) / 1.5, t, 7.0 / 1.5))


def test_an_arriving_current_decays_from_the_end_of_its_step():
    neuron = bst.CubaLIF(1, tau_syn=6.0 * u.ms, V_th=1e3 * u.mV)
    to = bst.DeltaProj(comm=lambda current: current, post=neuron)
    bst.nn.init_all_states(neuron)
    with bst.environ.context(dt=0.1 * u.ms):
        to(np.array([1.5]) * u.mA)
        g = number(for_loop(lambda: (neuron(), neuron.g.value)[1], length=STEPS))[:, 0]
    close(g, relax(1.5, 0.0, 0.1 * np.arange(STEPS), 6.0))


@pytest.mark.slow
@STEP_LENGTHS
def test_the_linear_parts_of_gif_are_exact(dt):
    currents = {'I1_initializer': 0.5 * u.mA, 'I2_initializer': -0.3 * u.mA}
    t, I1, I2 = trace(bst.Gif(1, **currents, V_th_inf=1e3 * u.mV), 0.0 * u.mA, dt, 'I1', 'I2')
    close(I1, relax(0.5, 0.0, t, 1 / 0.2))
    close(I2, relax(-0.3, 0.0, t, 1 / 0.02))
    t, V, V_th = trace(bst.Gif(1, V_th_initializer=-40.0 * u.mV), 0.5 * u.mA, dt, 'V', 'V_th')
    close(V, relax(-70.0, -60.0, t, 20.0))
    close(V_th, relax(-40.0, -50.0, t, 1 / 0.01))


@STEP_LENGTHS
def test_the_threshold_of_gif_follows_a_potential_that_stands_still(dt):
    neuron = bst.Gif(1, a=0.005 / u.ms, V_initializer=-60.0 * u.mV)
    t, V, V_th = trace(neuron, 0.5 * u.mA, dt, 'V', 'V_th')
    close(V, np.full(STEPS, -60.0))
    close(V_th, relax(-50.0, -50.0 + 0.005 * 10.0 / 0.01, t, 1 / 0.01))


def test_a_gate_relaxes_exactly_at_a_potential_that_stands_still():
    """A membrane of huge capacitance: V stays, and each gate relaxes to its steady state with its own time constant."""
    V = -40.0
    neuron = bst.HH(300, C=1e20 * u.uF, V_initializer=V * u.mV, m_initializer=0.1, h_initializer=0.9, n_initializer=0.2)
    t, m, h, n = trace(neuron, 0.0 * u.uA, 0.1, 'm', 'h', 'n')
    rates = {
        'm': (1.0, 4.0 * np.exp(-25.0 / 18.0), 0.1, m),  # 0.1 (V + 40) / (1 - exp(-(V + 40) / 10)) at its removable singularity
        'h': (0.07 * np.exp(-25.0 / 20.0), 1.0 / (1.0 + np.exp(-(V + 35.0) / 10.0)), 0.9, h),
        'n': (0.01 * 15.0 / (1.0 - np.exp(-1.5)), 0.125 * np.exp(-25.0 / 80.0), 0.2, n),
    }
    for alpha, beta, start, got in rates.values():
        close(got, relax(start, alpha / (alpha + beta), t, 1.0 / (alpha + beta)))


# model, first values with V at threshold or above, values after the spike
JUMPS = {
    'IF': (bst.IF, {'V': 2.5 * u.mV}, {'V': 1.5}),
    'LIF': (bst.LIF, {'V': 2.5 * u.mV}, {'V': 1.5}),
    'ALIF': (bst.ALIF, {'V': 2.5 * u.mV, 'a': 5.0}, {'V': 1.0, 'a': 6.0}),
    'CubaLIF': (bst.CubaLIF, {'V': 2.5 * u.mV, 'g': 0.5 * u.mA}, {'V': 1.5, 'g': 0.5}),
    'ExpIF': (bst.ExpIF, {'V': -20.0 * u.mV}, {'V': -68.0}),
    'AdExIF': (bst.AdExIF, {'V': -50.0 * u.mV, 'w': 3.0 * u.mA}, {'V': -68.0, 'w': 4.0}),
    'QuaIF': (bst.QuaIF, {'V': -20.0 * u.mV}, {'V': -68.0}),
    'AdQuaIF': (bst.AdQuaIF, {'V': -20.0 * u.mV, 'w': 3.0 * u.mA}, {'V': -68.0, 'w': 3.1}),
    'Gif': (
        partial(bst.Gif, R1=0.5, R2=2.0, A1=1.0 * u.mA, A2=-0.1 * u.mA),
        {'V': -50.0 * u.mV, 'I1': 0.5 * u.mA, 'I2': 0.3 * u.mA, 'V_th': -65.0 * u.mV},
        {'V': -55.0, 'I1': 1.25, 'I2': 0.5, 'V_th': -60.0},
    ),
    'Gif above its lowest threshold': (bst.Gif, {'V': -40.0 * u.mV, 'V_th': -45.0 * u.mV}, {'V': -65.0, 'I1': 0.0, 'V_th': -45.0}),
    'Izhikevich': (bst.Izhikevich, {'V': 35.0 * u.mV, 'u': 2.0 * u.mV / u.ms}, {'V': -65.0, 'u': 10.0}),
}  # fmt: skip


@pytest.mark.quick('^(LIF|AdExIF|Gif|CubaLIF)')
@pytest.mark.parametrize('name', JUMPS)
def test_a_spike_makes_each_variable_jump_as_declared(name):
    model, first, jumped = JUMPS[name]
    neuron = bst.nn.init_all_states(model(1, **{f'{variable}_initializer': value for variable, value in first.items()}))
    with bst.environ.context(dt=1e-10 * u.ms):  # nothing else happens
        np.testing.assert_array_equal(neuron(), [1.0])
    for variable, value in jumped.items():
        np.testing.assert_allclose(number(getattr(neuron, variable).value), value, rtol=1e-8, err_msg=variable)


def test_a_crossing_changes_no_variable():
    for model in (bst.FitzHughNagumo, bst.HindmarshRose):
        neuron = model(1, V_initializer=0.99)
        to = bst.DeltaProj(comm=lambda jump: jump, post=neuron)
        bst.nn.init_all_states(neuron)
        before = {path: number(state.value) for path, state in neuron.states(bst.HiddenState).items()}
        to(np.array([0.5]))
        with bst.environ.context(dt=1e-10 * u.ms):
            np.testing.assert_array_equal(neuron(), [1.0])
        before['V',] = before['V',] + 0.5
        for path, value in before.items():
            np.testing.assert_allclose(number(neuron.states()[path].value), value, atol=1e-10)
