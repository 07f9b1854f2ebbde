"""Linear filters: exact exponentials."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import brainpy_state as bst
from brainpy_state import Alpha, DualExpon, Expon, ParameterError, UnitError
from brainpy_state.transform import for_loop, grad


def test_impulse_response(dt):
    syn = bst.nn.init_all_states(Expon(1))
    g = [float(syn(x * u.mS).to_decimal(u.mS)[0]) for x in (1.0, 0.0, 0.0)]
    # 1, exp(-0.1 / 8), exp(-0.2 / 8); five digits
    np.testing.assert_allclose(g, [1.0, 0.98758, 0.97531], atol=5e-6)


@pytest.mark.quick('0.1-|5.0-8')
@pytest.mark.parametrize('tau', [0.5, 8.0, 100.0])
@pytest.mark.parametrize('step', [0.01, 0.1, 5.0])
def test_decay_is_exact_whatever_the_step(tau, step, x64):
    syn = bst.nn.init_all_states(Expon(1, tau=tau * u.ms, g_initializer=2.0 * u.mS))
    with bst.environ.context(dt=step * u.ms):
        g = for_loop(lambda: syn(), length=100)
    exact = 2.0 * np.exp(-step * np.arange(100) / tau)
    # a hundred products, each rounded once; where g has become denormal nothing is left to compare
    np.testing.assert_allclose(g.to_decimal(u.mS)[:, 0], exact, rtol=1e-13, atol=1e-300)


def test_published_defaults():
    syn = bst.nn.init_all_states(Expon(2))
    assert syn.tau == 8.0 * u.ms
    assert u.get_unit(syn.g.value) == u.mS
    np.testing.assert_array_equal(syn.g.value.mantissa, [0.0, 0.0])


def test_unit_of_g_is_that_of_its_initializer(dt):
    syn = bst.nn.init_all_states(Expon(1, g_initializer=0.0 * u.pA))
    g = syn(1.0 * u.nA)
    assert u.get_unit(g) == u.pA
    np.testing.assert_allclose(g.mantissa, [1000.0])
    with pytest.raises(UnitError, match='Expon: input .*= .* has the unit mS, but needs one like pA'):
        syn(1.0 * u.mS)


def test_an_input_without_a_unit_is_an_error(dt):
    syn = bst.nn.init_all_states(Expon(1, name='AMPA'))
    with pytest.raises(UnitError, match=r"Expon 'AMPA': input .*= 1\.0 has no unit, but needs one like mS; for example .*1\.0 \* u\.mS"):
        syn(1.0)


def test_gradient_by_a_trainable_time_constant(dt, x64):
    tau = bst.ParamState(jnp.array(8.0) * u.ms)
    syn = Expon(1, tau=tau, g_initializer=1.0 * u.mS)

    def loss():
        bst.nn.init_all_states(syn)
        return for_loop(lambda: syn(), length=11)[-1, 0].to_decimal(u.mS)

    # d/dtau exp(-T / tau) = T / tau**2 exp(-T / tau) with T = 1 ms
    assert float(u.get_mantissa(grad(loss, tau)())) == pytest.approx(np.exp(-1 / 8) / 64, rel=1e-12)


@pytest.mark.parametrize('tau', [5, -5.0 * u.ms, 5.0 * u.mV])
def test_a_bad_time_constant_is_an_error(tau):
    with pytest.raises((TypeError, ValueError), match='Expon: tau = '):
        Expon(1, tau=tau)


def test_receiving_before_allocation_says_what_to_do():
    with pytest.raises(AttributeError, match='init_all_states'):
        Expon(1).receive(1.0 * u.mS)


def test_what_is_received_acts_from_the_next_step_on(dt):
    syn = bst.nn.init_all_states(Expon(2))
    syn.receive(jnp.array([1.0, 0.0]) * u.mS)
    syn.receive(jnp.array([1.0, 3.0]) * u.mS)
    np.testing.assert_array_equal(syn().to_decimal(u.mS), [2.0, 3.0])
    # between steps g stands where V stands: at the start of the next step
    np.testing.assert_allclose(syn.g.value.to_decimal(u.mS), np.array([2.0, 3.0]) * np.exp(-0.1 / 8), rtol=1e-6)


def test_an_input_to_the_step_equals_one_received_before_it(dt):
    a, b = (bst.nn.init_all_states(Expon(2)) for _ in range(2))
    for x in ([1.0, 0.0], [0.0, 2.0]):
        x = jnp.array(x) * u.mS
        b.receive(x)
        np.testing.assert_array_equal(a(x).mantissa, b().mantissa)


def test_a_synapse_that_defines_nothing_says_so(dt):
    class Silent(bst.Synapse):
        """Defines nothing."""

    with pytest.raises(NotImplementedError, match='Silent does not define `receive`'):
        Silent(1).receive(1.0)
    with pytest.raises(NotImplementedError, match='Silent does not define `update`'):
        Silent(1)()


def response(synapse, steps, dt, inputs=(1.0,)):
    """g in mS at the start of each step, after inputs in the first steps."""
    x = np.zeros((steps, 1))
    x[: len(inputs), 0] = inputs
    bst.nn.init_all_states(synapse)
    with bst.environ.context(dt=dt * u.ms):
        return np.asarray(for_loop(synapse, jnp.asarray(x) * u.mS).to_decimal(u.mS)[:, 0])


@pytest.mark.quick('0.1-1.0|4.999')
@pytest.mark.parametrize(('rise', 'decay'), [(1.0, 10.0), (0.2, 2.0), (4.999, 5.0)])
@pytest.mark.parametrize('step', [0.1, 3.0])
def test_the_response_of_dualexpon_is_the_closed_form(rise, decay, step, x64):
    t = step * np.arange(60)
    difference = np.exp(-t / decay) - np.exp(-t / rise)
    plain = response(DualExpon(1, tau_rise=rise * u.ms, tau_decay=decay * u.ms, normalize=False), 60, step)
    # the closed form itself loses digits where the exponentials are close: at most 1e-16 of 1
    np.testing.assert_allclose(plain, difference, rtol=1e-12, atol=1e-15)
    peak = decay * rise / (decay - rise) * np.log(decay / rise)
    norm = np.exp(-peak / decay) - np.exp(-peak / rise)
    scaled = response(DualExpon(1, tau_rise=rise * u.ms, tau_decay=decay * u.ms, amplitude=3.0), 60, step)
    np.testing.assert_allclose(scaled, 3.0 * difference / norm, rtol=1e-12, atol=1e-15 / norm)


@pytest.mark.parametrize('tau', [0.5, 8.0])
@pytest.mark.parametrize('step', [0.1, 3.0])
def test_the_response_of_alpha_is_the_closed_form(tau, step, x64):
    x = step * np.arange(60) / tau
    np.testing.assert_allclose(response(Alpha(1, tau=tau * u.ms), 60, step), x * np.exp(-x), rtol=1e-12)
    np.testing.assert_allclose(response(Alpha(1, tau=tau * u.ms, normalize=True), 60, step), x * np.exp(1 - x), rtol=1e-12)


@pytest.mark.parametrize('synapse', [Alpha(1, tau=1.0 * u.ms, normalize=True), DualExpon(1)], ids=['Alpha', 'DualExpon'])
def test_the_peak_of_a_normalized_response_is_one(synapse, x64):
    # steps of 0.01 ms miss a peak of curvature 1 / ms**2 by at most 0.005**2 / 2
    assert response(synapse, 500, 0.01).max() == pytest.approx(1.0, abs=1.3e-5)


def test_dualexpon_becomes_the_normalized_alpha_as_its_time_constants_meet(x64):
    near = response(DualExpon(1, tau_rise=(1 - 1e-9) * 8.0 * u.ms, tau_decay=8.0 * u.ms), 60, 0.5)
    # the time constants differ by a part of 1e-9
    np.testing.assert_allclose(near, response(Alpha(1, normalize=True), 60, 0.5), rtol=3e-9)


def test_close_time_constants_lose_no_digits_in_single_precision():
    tau = np.array([8.0]) * u.ms  # an array is computed with in the type of the states
    near = response(DualExpon(1, tau_rise=tau * (1 - 1e-4), tau_decay=tau), 60, 0.5)
    np.testing.assert_allclose(near, response(Alpha(1, normalize=True), 60, 0.5), rtol=1e-3)


def test_steps_from_any_state_follow_the_matrix_exponential(x64):
    rise, decay, step = 1.5, 6.0, 0.7
    synapse = DualExpon(1, tau_rise=rise * u.ms, tau_decay=decay * u.ms, g_initializer=2.0 * u.mS, h_initializer=0.5 * u.mS)
    flow = scipy.linalg.expm(step * np.array([[-1 / decay, 1 / rise], [0.0, -1 / rise]]))
    exact = [(np.linalg.matrix_power(flow, n) @ [2.0, 0.5])[0] for n in range(20)]
    np.testing.assert_allclose(response(synapse, 20, step, inputs=()), exact, rtol=1e-13)


# An impulse of 1 mS: g in the first three steps of 0.1 ms, the published values and where ours are meant to differ.
FIRST_STEPS = {
    'Expon': (Expon, [1.0, 0.98758, 0.97531], [1.0, 0.98758, 0.97531]),
    'DualExpon': (DualExpon, [0.0, 0.122285, 0.231715], [0.0, 0.122285, 0.231715]),
    # published with h held over a step, an error of first order; ours is t / tau exp(-t / tau)
    'Alpha': (Alpha, [0.0, 0.012422, 0.024536], [0.0, 0.012345, 0.024383]),
}


@pytest.mark.parametrize(('make', 'published', 'expected'), FIRST_STEPS.values(), ids=FIRST_STEPS)
def test_the_first_steps_are_the_published_ones_or_exact(make, published, expected):
    ours = response(make(1), 3, 0.1)
    np.testing.assert_allclose(ours, expected, atol=5e-6)  # as many digits as are written
    assert np.allclose(ours, published, atol=5e-6) == (published == expected)


def test_published_defaults_of_the_rising_synapses():
    dual, alpha = DualExpon(1), Alpha(1)
    assert (dual.tau_decay, dual.tau_rise, dual.amplitude, dual.normalize) == (10.0 * u.ms, 1.0 * u.ms, 1.0, True)
    assert (alpha.tau, alpha.normalize) == (8.0 * u.ms, False)
    # without normalization the peak of Alpha is 1 / e
    assert response(alpha, 200, 0.1).max() == pytest.approx(np.exp(-1), rel=1e-6)


@pytest.mark.parametrize('rise', [10.0, 20.0])
def test_a_rise_that_is_not_faster_than_the_decay_is_an_error(rise):
    with pytest.raises(ParameterError, match='DualExpon: tau_decay = 10. ms must lie above tau_rise = .* use Alpha'):
        DualExpon(1, tau_rise=rise * u.ms)


@pytest.mark.slow
def test_time_constants_of_a_rising_synapse_can_be_trained(x64):
    tau = bst.ParamState(jnp.array(10.0) * u.ms)
    synapse = DualExpon(1, tau_decay=tau, normalize=False)

    def loss():
        with bst.environ.context(dt=0.5 * u.ms):
            bst.nn.init_all_states(synapse)
            synapse.receive(1.0 * u.mS)
            return for_loop(lambda: synapse(), length=9)[-1, 0].to_decimal(u.mS)

    # d/dtau exp(-T / tau) with T = 4 ms
    assert float(u.get_mantissa(grad(loss, tau)())) == pytest.approx(4 / 100 * np.exp(-4 / 10), rel=1e-12)


@pytest.mark.parametrize('make', [DualExpon, Alpha])
def test_what_a_rising_synapse_receives_acts_from_the_next_step_on(make, dt):
    a, b = (bst.nn.init_all_states(make(2)) for _ in range(2))
    for x in ([1.0, 0.0], [0.0, 2.0]):
        x = jnp.array(x) * u.mS
        b.receive(x / 2)
        b.receive(x / 2)
        np.testing.assert_array_equal(a(x).mantissa, b().mantissa)
    assert (a.g.value.mantissa > 0).all()


def test_the_unit_of_a_rising_synapse_is_that_of_its_initializer(dt):
    synapse = bst.nn.init_all_states(DualExpon(1, g_initializer=0.0 * u.pA))
    synapse(1.0 * u.nA)
    assert u.get_unit(synapse()) == u.get_unit(synapse.h.value) == u.pA
    assert float(synapse.g.value.mantissa[0]) > 200.0
    with pytest.raises(UnitError, match='h_initializer = .* has the unit mS, but needs one like pA'):
        bst.nn.init_all_states(DualExpon(1, g_initializer=0.0 * u.pA, h_initializer=1.0 * u.mS))


# From a time constant (of DualExpon 8 ms with a rise of 1 ms): the synapse, and the integral of its g in mS up to time t after a unit input.
CHARGES = {
    'Expon': (lambda tau, **k: Expon(1, tau=tau, **k), lambda t: 8 * (1 - np.exp(-t / 8))),
    'DualExpon': (
        lambda tau, **k: DualExpon(1, tau_decay=tau, normalize=False, **k),
        lambda t: 8 * (1 - np.exp(-t / 8)) - (1 - np.exp(-t)),
    ),
    'Alpha': (lambda tau, **k: Alpha(1, tau=tau, **k), lambda t: 8 - (8 + t) * np.exp(-t / 8)),
}


@pytest.mark.quick('-1.0')
@pytest.mark.parametrize('step', [0.1, 1.0, 20.0])
@pytest.mark.parametrize(('make', 'integral'), CHARGES.values(), ids=CHARGES)
def test_with_the_mean_over_a_step_the_charge_is_exact_whatever_the_step(make, integral, step, x64):
    charge = step * np.cumsum(response(make(8.0 * u.ms, acts='mean'), 60, step))
    # the closed form loses digits where it is much below 8
    np.testing.assert_allclose(charge, integral(step * np.arange(1, 61)), rtol=1e-12, atol=1e-14)


@pytest.mark.quick('^Dual')
@pytest.mark.parametrize(('make', 'integral'), CHARGES.values(), ids=CHARGES)
def test_a_trained_time_constant_gives_the_same_means(make, integral):
    tau = bst.ParamState(jnp.full(1, 8.0) * u.ms)  # is computed with in the type of the states
    charge = 0.1 * np.cumsum(response(make(tau, acts='mean'), 60, 0.1))
    np.testing.assert_allclose(charge, integral(0.1 * np.arange(1, 61)), rtol=1e-4)  # an eps for each of 80 steps in a time constant


def test_the_value_at_the_start_of_a_step_has_too_much_charge_by_half_a_step(x64):
    charge = response(Expon(1, tau=5.0 * u.ms), 1500, 0.1).sum() * 0.1
    assert charge / 5.0 == pytest.approx(1 + 0.1 / (2 * 5.0), abs=(0.1 / 5.0) ** 2 / 12 * 1.1)  # the next term of the series


@pytest.mark.parametrize('make', [Expon, DualExpon, Alpha])
def test_what_acts_is_one_of_two(make):
    with pytest.raises(ParameterError, match=f"^{make.__name__}: acts is 'end', but must be one of 'start', 'mean'[.]$"):
        make(1, acts='end')
