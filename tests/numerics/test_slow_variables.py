"""Time constants that are kept, however many steps they last: every model with one, in both precisions, by XLA and natively."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import environ
from brainpy_state._errors import StateNotInitializedError
from brainpy_state.numerics import add_exactly, is_slow

N = 300  # enough for native loops
STEPS = 10_000
rests = lambda model: model(jnp.zeros(model.varshape))  # noqa: E731
goes_on = lambda model: model()  # noqa: E731

# from the time constant: the model; a step without input; the variable, its first value and what it comes to
MODELS = {
    'Expon': (lambda T: bst.Expon(N, tau=T, g_initializer=1.0 * u.mS), goes_on, 'g', 1.0, 0.0),
    'Expon, mean': (lambda T: bst.Expon(N, tau=T, acts='mean', g_initializer=1.0 * u.mS), goes_on, 'g', 1.0, 0.0),
    'DualExpon': (lambda T: bst.DualExpon(N, tau_decay=T, g_initializer=1.0 * u.mS), goes_on, 'g', 1.0, 0.0),
    'Alpha': (lambda T: bst.Alpha(N, tau=T, h_initializer=1.0 * u.mS), goes_on, 'h', 1.0, 0.0),
    'AMPA': (lambda T: bst.AMPA(N, beta=1 / T, s_initializer=0.9), rests, 's', 0.9, 0.0),
    'GABAa': (lambda T: bst.GABAa(N, beta=1 / T, s_initializer=0.9), rests, 's', 0.9, 0.0),
    'BioNMDA, s': (lambda T: bst.BioNMDA(N, beta1=1 / T, s_initializer=0.9), rests, 's', 0.9, 0.0),
    'BioNMDA, x': (lambda T: bst.BioNMDA(N, beta2=1 / T, x_initializer=0.9), rests, 'x', 0.9, 0.0),
    'STP, u': (lambda T: bst.STP(N, tau_f=T, u_initializer=0.9), rests, 'u', 0.9, 0.0),
    'STP, x': (lambda T: bst.STP(N, tau_d=T, x_initializer=0.1), rests, 'x', 0.1, 1.0),
    'STD': (lambda T: bst.STD(N, tau=T, x_initializer=0.1), rests, 'x', 0.1, 1.0),
    'noise': (lambda T: bst.OUProcessInput(N, 0.3 * u.nA, 0.0 * u.nA, T, x_initializer=1.0 * u.nA), goes_on, 'x', 1.0, 0.3),
    'readout': (lambda T: bst.nn.LeakyRateReadout(N, N, tau=T, w_init=1.0, r_initializer=1.0), rests, 'r', 1.0, 0.0),
    'IF': (lambda T: bst.IF(N, tau=T, V_initializer=0.9 * u.mV), goes_on, 'V', 0.9, 0.0),
    'LIF': (lambda T: bst.LIF(N, tau=T, V_initializer=-0.9 * u.mV, V_rest=0.5 * u.mV), goes_on, 'V', -0.9, 0.5),
    'LIF, rk2': (lambda T: bst.LIF(N, tau=T, V_initializer=0.9 * u.mV, method='rk2'), goes_on, 'V', 0.9, 0.0),
    'LIF, rk4': (lambda T: bst.LIF(N, tau=T, V_initializer=0.9 * u.mV, method='rk4'), goes_on, 'V', 0.9, 0.0),
    'LIF, refractory': (lambda T: bst.LIFRef(N, tau=T, V_initializer=0.9 * u.mV), goes_on, 'V', 0.9, 0.0),
    'ALIF': (lambda T: bst.ALIF(N, tau_a=T, a_initializer=1.0), goes_on, 'a', 1.0, 0.0),
    'CubaLIF': (lambda T: bst.CubaLIF(N, tau_syn=T, V_th=1e9 * u.mV, g_initializer=1.0 * u.mA), goes_on, 'g', 1.0, 0.0),
    'CobaLIF': (lambda T: bst.CobaLIF(N, tau_syn=T, g_initializer=1.0 * u.siemens), goes_on, 'g', 1.0, 0.0),
    'Gif': (lambda T: bst.Gif(N, k2=1 / T, I2_initializer=-1.0 * u.mA), goes_on, 'I2', -1.0, 0.0),
    'Gif, threshold': (lambda T: bst.Gif(N, b=1 / T, V_th_initializer=-40.0 * u.mV), goes_on, 'V_th', -40.0, -50.0),
    'AdExIF': (lambda T: bst.AdExIF(N, tau_w=T, a=0.0 * u.siemens, w_initializer=1.0 * u.mA), goes_on, 'w', 1.0, 0.0),
    'AdQuaIF': (lambda T: bst.AdQuaIF(N, tau_w=T, a=0.0 * u.siemens, w_initializer=1.0 * u.mA), goes_on, 'w', 1.0, 0.0),
    'Izhikevich': (
        lambda T: bst.Izhikevich(N, a=1 / T, b=0.0 / u.ms, u_initializer=20.0 * u.mV / u.ms),
        goes_on,
        'u',
        20.0,
        0.0,
    ),
}


def after(make, step, name, T, backend='auto', steps=STEPS):
    with bst.event.use_backend(backend):
        model = bst.nn.init_all_states(make(T))
        bst.transform.for_loop(lambda: (step(model), None)[1], length=steps)
    return model, float(np.ravel(u.get_mantissa(getattr(model, name).value))[0])


def check(name, T, precision, backend):
    make, step, variable, first, last = MODELS[name]
    with environ.context(dt=0.1 * u.ms, i=0, precision=precision):
        model, value = after(make, step, variable, T * u.second, backend)
    part = -np.expm1(-STEPS * 1e-4 / T)
    rounding = 2.0 ** (-24 if precision == 32 else -53) * max(abs(first), abs(last)) / abs(first - last) / part  # of the result
    moved = (first - value) / (first - last) / part
    if precision == 32 and not hasattr(model, f'{variable}_remainder'):  # each step rounds by itself, by half a unit in the last place
        rounding += 2.0**-24 * T / 1e-4
    assert moved == pytest.approx(1, abs=(1e-4 if precision == 32 else 1e-9) + rounding)
    return model


@pytest.mark.quick('-LIF$|-LIF, r|Expon$|STP, u')
@pytest.mark.parametrize('name', MODELS)
@pytest.mark.parametrize('backend', ['numba', pytest.param('xla', marks=pytest.mark.slow)])
def test_a_time_constant_of_ten_million_steps_is_kept(name, backend):
    model = check(name, 1000.0, 32, backend)
    assert hasattr(model, f'{MODELS[name][2]}_remainder')


@pytest.mark.slow
@pytest.mark.parametrize('T', [1.0, 1.7, 100.0, 10_000.0])
@pytest.mark.parametrize('name', ['Expon', 'Alpha', 'AMPA', 'STP, x', 'LIF', 'ALIF', 'noise', 'LIF, rk4'])
def test_time_constants_of_all_lengths_are_kept(name, T):
    check(name, T, 32, 'auto')


@pytest.mark.quick('LIF|Expon')
@pytest.mark.parametrize('name', ['Expon', 'Alpha', 'AMPA', 'STP, x', 'LIF, refractory', 'ALIF', 'noise'])
def test_in_64_bits_slow_variables_need_no_second_state(name):
    model = check(name, 1000.0, 64, 'auto')
    assert not [key for key in vars(model) if key.endswith('_remainder')]


def test_a_long_decay_is_right_as_a_whole():
    with environ.context(dt=0.1 * u.ms):
        make, step, name, _, _ = MODELS['Expon']
        _, value = after(make, step, name, 30.0 * u.second, steps=1_000_000)
    assert value == pytest.approx(np.exp(-100.0 / 30.0), rel=1e-5)


def test_a_slow_synapse_integrates_its_input_and_starts_anew():
    with environ.context(dt=0.1 * u.ms):
        synapse = bst.nn.init_all_states(bst.Expon(N, tau=1000.0 * u.second))
        step = bst.transform.jit(lambda x: synapse(x * u.mS))
        bst.transform.for_loop(lambda: (synapse(1e-3 * u.mS), None)[1], length=STEPS)
        exact = 1e-3 * np.expm1(-STEPS * 1e-7) / np.expm1(-1e-7) * np.exp(-1e-7)
        np.testing.assert_allclose(synapse.g.value.mantissa, exact, rtol=1e-4)  # arrivals round, each by itself
        synapse.g.value = 0.0 * synapse.g.value  # what is left over belongs to the old value
        step(0.0)
        assert not synapse.g.value.mantissa.any()
        bst.nn.reset_all_states(synapse)
        assert not synapse.g_remainder.value.any()


def test_gradients_through_slow_variables_are_right():
    with environ.context(dt=0.1 * u.ms):
        tau = bst.ParamState(1000.0 * u.second)
        synapse = bst.Expon(N, tau=tau, g_initializer=1.0 * u.mS)
        start = bst.ParamState(1.0)

        def loss():
            bst.nn.init_all_states(synapse)
            synapse.g.value = synapse.g.value * start.value
            bst.transform.for_loop(lambda: (synapse(), None)[1], length=1000)
            return synapse.g.value.mantissa[0]

        grads, value = bst.transform.grad(loss, {'tau': tau, 'start': start}, return_value=True)()
    ratio = 1000 * 1e-4 / 1000.0
    assert value == pytest.approx(np.exp(-ratio), rel=1e-6)
    assert grads['start'] == pytest.approx(np.exp(-ratio), rel=1e-4)
    assert float(u.get_mantissa(grads['tau'])) == pytest.approx(np.exp(-ratio) * ratio / 1000.0, rel=1e-3)


def test_lanes_keep_their_own_remainders():
    with environ.context(dt=0.1 * u.ms):
        synapse = bst.Expon(2, tau=1000.0 * u.second, g_initializer=1.0 * u.mS)
        bst.nn.vmap_init_all_states(synapse, axis_size=3)
        scale = jnp.arange(1.0, 4.0)
        synapse.g.value = synapse.g.value * scale[:, None]
        lane = bst.transform.vmap(lambda: synapse(), in_states=synapse.states(), out_states=synapse.states(), axis_size=3)
        bst.transform.for_loop(lambda: (lane(), None)[1], length=STEPS)
    np.testing.assert_allclose(synapse.g.value.mantissa[:, 0] / scale, np.exp(-STEPS * 1e-7), rtol=2e-7)


def test_a_model_that_became_slow_says_what_to_do():
    with environ.context(dt=0.1 * u.ms):
        neuron = bst.nn.init_all_states(bst.LIF(2, tau=10.0 * u.ms))
        assert not hasattr(neuron, 'V_remainder')
        neuron.tau = 10.0 * u.second
        before = neuron.V.value.mantissa.copy()
        with pytest.raises(StateNotInitializedError, match=r'LIF: a time constant .*dt = 0\.1 ms that V .* 32 bits.*precision=64'):
            bst.transform.jit(lambda: neuron())()
        np.testing.assert_array_equal(neuron.V.value.mantissa, before)
        bst.nn.init_all_states(neuron)
        neuron()
        assert neuron.V_remainder.value.shape == (2,)


def test_states_that_are_allocated_without_dt_suit_any_common_one():
    neuron = bst.nn.init_all_states(bst.LIF(2, tau=200.0 * u.ms))
    for dt in 0.01 * u.ms, 0.1 * u.ms, 1.0 * u.ms:
        with environ.context(dt=dt):
            neuron()
    assert not hasattr(bst.nn.init_all_states(bst.LIF(2, tau=20.0 * u.ms)), 'V_remainder')


@pytest.mark.parametrize(
    ('relaxations', 'expected'),
    [
        ([], False),
        ([1.0 * u.second, 1.0 / u.ms, 3.0 * u.mV, 0.0 / u.ms, 1e-9], False),
        ([2.0 * u.second], True),
        ([0.5 * u.Hz], True),
        ([np.array([1.0, 2000.0]) * u.ms], True),
        ([np.inf * u.ms], False),
    ],
)
def test_what_is_slow_follows_from_times_and_rates(relaxations, expected):
    assert is_slow(0.1 * u.ms, relaxations) is expected
    with environ.context(precision=64):
        assert is_slow(0.1 * u.ms, relaxations) is False


def test_whether_a_traced_time_constant_is_slow_is_not_known():
    found = []
    jax.make_jaxpr(lambda tau: found.append(is_slow(0.1 * u.ms, [tau * u.ms])))(1.0)
    assert found == [None]


def test_a_sum_with_its_remainder_is_exact():
    rng = np.random.default_rng(0)
    x, change = np.float32(rng.normal(size=(2, 1000))) * np.float32([[1.0], [1e-4]])
    total, lost = jax.jit(add_exactly)(x, change, np.zeros(1000, np.float32))
    np.testing.assert_array_equal(np.asarray(total, float) + np.asarray(lost, float), x.astype(float) + change.astype(float))
    assert (lost != 0).any()
    total, lost = add_exactly(x, change, np.full(1000, 3.0, np.float32))  # of another value
    np.testing.assert_array_equal(total, x + change)


def test_conductance_based_and_reduced_neurons_find_their_slow_rates():
    with environ.context(dt=0.1 * u.ms):
        for make in (
            lambda: bst.HH(1, gL=1e-7 * u.mS),
            lambda: bst.HindmarshRose(1, r=1e-6),
            lambda: bst.FitzHughNagumo(1, b=1e-6),
            lambda: bst.WangBuzsakiHH(1, phi=1e-5),
        ):
            assert make().may_be_slow()
        assert not any(model(1).may_be_slow() for model in (bst.HH, bst.HindmarshRose, bst.FitzHughNagumo, bst.WangBuzsakiHH))
