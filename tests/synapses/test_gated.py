"""Kinetic synapses: gates that a pulse of transmitter opens."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import AMPA, BioNMDA, GABAa
from brainpy_state.nn import init_all_states
from brainpy_state.transform import for_loop, grad

pytestmark = pytest.mark.slow

DT = 0.1
ONE_GATE = {'AMPA': (AMPA, 0.98 * 0.5, 0.18, 5), 'GABAa': (GABAa, 0.53 * 1.0, 0.18, 10)}  # opening and closing per ms, steps of a pulse


def train(steps, at):
    spikes = np.zeros((steps, 1))
    spikes[list(at)] = 1.0
    return jnp.asarray(spikes)


def opened(synapse, spikes, dt=DT):
    """The fraction that is open at the start of each step."""
    init_all_states(synapse)
    with bst.environ.context(dt=dt * u.ms):
        return np.asarray(for_loop(synapse, spikes).to_decimal(u.mS)[:, 0])


def gate(s, opening, closing, t):
    """The closed form of a gate at constant rates."""
    end = opening / (opening + closing)
    return end + (s - end) * np.exp(-(opening + closing) * t)


@pytest.mark.parametrize(
    ('make', 'states'), [(AMPA, {'s': 0.04739456}), (GABAa, {'s': 0.05116224}), (BioNMDA, {'s': 0.01839169, 'x': 0.09286135})]
)
def test_published_values_one_step_after_a_spike(make, states, dt):
    synapse = init_all_states(make(1))
    assert float(synapse(True).to_decimal(u.mS)[0]) == 0.0  # what acts during a step is what stands at its start
    for name, value in states.items():
        np.testing.assert_allclose(getattr(synapse, name).value, [value], rtol=1e-6)  # some roundings of float32
    np.testing.assert_allclose(synapse(False).to_decimal(u.mS), [states['s']], rtol=1e-6)


@pytest.mark.parametrize(('make', 'opening', 'closing', 'pulse'), ONE_GATE.values(), ids=ONE_GATE)
def test_pulse_and_decay_are_exact(make, opening, closing, pulse, x64):
    s = opened(make(1), train(60, [0]))
    t = DT * np.arange(60)
    end = gate(0.0, opening, closing, DT * pulse)
    exact = np.where(t < DT * pulse, gate(0.0, opening, closing, t), end * np.exp(-closing * (t - DT * pulse)))
    np.testing.assert_allclose(s, exact, rtol=1e-12)


@pytest.mark.parametrize(('T_dur', 'step', 'steps'), [(0.5, 0.1, 5), (0.7, 0.1, 7), (0.34, 0.1, 3), (0.02, 0.1, 1), (1.0, 0.025, 40)])
def test_a_pulse_lasts_a_whole_number_of_steps(T_dur, step, steps):
    s = opened(AMPA(1, T_dur=T_dur * u.ms), train(60, [2]), step)
    assert np.flatnonzero(np.diff(s) > 0).tolist() == list(range(2, 2 + steps))


def test_a_spike_during_a_pulse_makes_it_begin_anew(x64):
    s = opened(AMPA(1), train(30, [0, 3]))
    t = DT * np.minimum(np.arange(30), 8)
    exact = gate(0.0, 0.49, 0.18, t) * np.exp(-0.18 * DT * np.maximum(np.arange(30) - 8, 0))
    np.testing.assert_allclose(s, exact, rtol=1e-12)


@pytest.mark.parametrize('make', [AMPA, GABAa, BioNMDA])
def test_channels_saturate(make, x64):
    s = opened(make(1), jnp.ones((20000, 1)))  # a spike in each step for 2 s
    assert (np.diff(s) > -1e-15).all()
    steady = {AMPA: 0.49 / 0.67, GABAa: 0.53 / 0.71, BioNMDA: 2.0 / 1.5 / (2.0 / 1.5 + 0.01)}[make]
    assert s[-1] == pytest.approx(steady, rel=1e-12)


def test_nmda_equals_a_naive_twin_and_converges(x64):
    def naive(steps, dt):
        x = s = 0.0
        for k in range(steps):
            x = gate(x, 1.0 if k * dt < 0.5 - 1e-9 else 0.0, 0.5, dt)
            s = gate(s, 2.0 * x, 0.01, dt)
        return s

    ours = {dt: opened(BioNMDA(1), train(round(0.5 / dt) + 1, [0]), dt)[-1] for dt in (0.1, 0.05, 0.025)}
    for dt, s in ours.items():
        assert s == pytest.approx(naive(round(0.5 / dt), dt), rel=1e-12)
    limit = naive(5000, 1e-4)
    errors = [abs(ours[dt] - limit) for dt in (0.1, 0.05, 0.025)]
    assert 1.8 < errors[0] / errors[1] < 2.2  # first order: halving dt halves the error
    assert 1.8 < errors[1] / errors[2] < 2.2


def test_g_max_scales_and_may_have_any_unit(dt):
    for g_max in (3.0, 3.0 * u.nS, 3.0 * u.pA):
        synapse = init_all_states(AMPA(1, g_max=g_max))
        synapse(1.0)
        out = synapse(0.0)
        assert u.get_unit(out) == u.get_unit(synapse.g.value) == u.get_unit(g_max)
        np.testing.assert_allclose(u.get_mantissa(synapse.g.value), 3.0 * synapse.s.value, rtol=1e-6)
        np.testing.assert_allclose(u.get_mantissa(out), [3.0 * 0.04739456], rtol=1e-6)


def test_a_released_amount_scales_the_pulse(x64):
    s = opened(AMPA(1), 0.4 * train(6, [0]))
    np.testing.assert_allclose(s, gate(0.0, 0.4 * 0.49, 0.18, DT * np.arange(6)), rtol=1e-12)


@pytest.mark.parametrize('amount', [1.0, 2.0, 3.0, 1.9])
def test_several_spikes_in_a_step_are_one_pulse(amount, x64):
    for make in (AMPA, BioNMDA):
        np.testing.assert_array_equal(opened(make(1), amount * train(20, [0, 3])), opened(make(1), train(20, [0, 3])))


@pytest.mark.parametrize('value', [-1.0, -0.1, np.nan, np.inf])
def test_what_is_no_amount_is_an_error_that_names_it(value, dt):
    synapse = init_all_states(GABAa(2, name='I'))
    with pytest.raises(ValueError, match=f"GABAa 'I': spikes have the value {value:g}, but must be amounts that are released: 0 or more"):
        for_loop(synapse, jnp.array([[0.0, 1.0], [value, 0.5]]))


def test_the_derivative_by_a_released_amount_is_exact(x64):
    synapse = AMPA(1)

    def total(amount):
        init_all_states(synapse)
        with bst.environ.context(dt=DT * u.ms):
            return jnp.sum(for_loop(lambda x: synapse(x * amount), train(20, [0, 3, 12])).to_decimal(u.mS))

    slope = (float(total(0.4 + 1e-5)) - float(total(0.4 - 1e-5))) / 2e-5
    assert float(grad(total)(0.4)) == pytest.approx(slope, rel=1e-8)  # the second difference is some 1e-10


def test_the_derivative_by_a_missing_spike_is_about_its_effect(x64):
    synapse = AMPA(1)

    def total(spikes):
        init_all_states(synapse)
        with bst.environ.context(dt=DT * u.ms):
            return jnp.sum(for_loop(synapse, spikes).to_decimal(u.mS))

    none = jnp.zeros((60, 1))
    slope = grad(total)(none)
    for at in (0, 10, 20):
        effect = float(total(train(60, [at])) - total(none))
        # the whole pulse in one step, and without saturation: 0.67 / ms during 0.5 ms
        assert float(slope[at, 0]) == pytest.approx(effect, rel=0.25)


def test_gradients_by_parameters_are_those_of_the_closed_form(x64):
    beta = bst.ParamState(jnp.array(0.18) / u.ms)
    synapse = AMPA(1, beta=beta, s_initializer=1.0)

    def last():
        init_all_states(synapse)
        with bst.environ.context(dt=DT * u.ms):
            return for_loop(synapse, jnp.zeros((11, 1)))[-1, 0].to_decimal(u.mS)

    # d/dbeta exp(-beta T) with T = 1 ms
    assert float(u.get_mantissa(grad(last, beta)())) == pytest.approx(-np.exp(-0.18), rel=1e-12)


def test_a_gated_synapse_that_defines_nothing_says_so(dt):
    class Silent(bst.GatedSynapse):
        """Defines nothing."""

    with pytest.raises(NotImplementedError, match='Silent does not define `gating`'):
        init_all_states(Silent(1))(1.0)
