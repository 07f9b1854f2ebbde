"""Results that surprise in simulators of this kind, and must not here."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.transform import for_loop

from .models import AT_REST, number, simulate


@pytest.mark.quick('^HH')
@pytest.mark.parametrize('V_th', [-20.0, 0.0, 20.0])
@pytest.mark.parametrize('model', [bst.HH, bst.WangBuzsakiHH, bst.TraubMilesHH, bst.MorrisLecar])
def test_a_crossing_counts_whatever_the_sign_of_the_threshold(model, V_th):
    neuron = model(4, V_th=V_th * u.mV, V_initializer=np.array([-65.0, V_th - 0.5, V_th + 0.5, V_th + 0.5]) * u.mV)
    to = bst.DeltaProj(comm=lambda jump: jump, post=neuron)
    with bst.environ.context(dt=1e-4 * u.ms):  # the jumps outweigh what a step does
        bst.nn.init_all_states(neuron)
        to(np.array([0.0, 1.0, 1.0, -1.0]) * u.mV)
        np.testing.assert_array_equal(neuron(), [0.0, 1.0, 0.0, 0.0])


@pytest.fixture(scope='module')
def hodgkin_huxley():
    """What update returns, get_spike gives and V does, under 10 uA for 50 ms."""
    neuron = bst.nn.init_all_states(bst.HH(1, V_initializer=-65.0 * u.mV))
    with bst.environ.context(dt=0.02 * u.ms):
        return [number(x)[:, 0] for x in for_loop(lambda: (neuron(10.0 * u.uA), neuron.get_spike(), neuron.V.value), length=2500)]


def test_an_action_potential_is_one_spike_for_update_and_get_spike_alike(hodgkin_huxley):
    returned, told, V = hodgkin_huxley
    assert returned.sum() == 4
    np.testing.assert_array_equal(told, returned)
    assert (V >= 20.0).sum() > 100  # the potential is above the threshold for much longer


def test_one_pulse_makes_no_second_spike_within_the_refractory_period():
    for spk_reset in ('soft', 'hard'):
        neuron = bst.nn.init_all_states(bst.LIFRef(1, tau_ref=2.0 * u.ms, spk_reset=spk_reset))
        spikes, _ = simulate(neuron, jnp.zeros(20).at[0].set(200.0) * u.mA, 0.1 * u.ms)
        np.testing.assert_array_equal(np.flatnonzero(spikes[:, 0]), [0])


@pytest.mark.quick('^(LIF|AdEx)')
@pytest.mark.parametrize(
    ('plain', 'with_ref', 'x'),
    [
        (bst.LIF, bst.LIFRef, 5.0 * u.mA),
        (bst.ExpIF, bst.ExpIFRef, 20.0 * u.mA),
        (bst.AdExIF, bst.AdExIFRef, 30.0 * u.mA),
        (bst.AdQuaIF, bst.AdQuaIFRef, 30.0 * u.mA),
        (bst.Gif, bst.GifRef, 3.0 * u.mA),
        (bst.Izhikevich, bst.IzhikevichRef, 20.0 * u.mV / u.ms),
    ],
)
def test_a_refractory_model_is_the_plain_one_where_the_period_is_zero_or_one_step(plain, with_ref, x):
    neurons = bst.nn.init_all_states([plain(1), with_ref(1, tau_ref=0.0 * u.ms), with_ref(1, tau_ref=0.1 * u.ms)])
    with bst.environ.context(dt=0.1 * u.ms):
        spikes, values = for_loop(
            lambda: ([n(x) for n in neurons], [[s.value for s in n.states(bst.HiddenState).values()] for n in neurons]), length=400
        )
    assert spikes[0].sum() > 1
    for i in (1, 2):
        np.testing.assert_array_equal(spikes[i], spikes[0])
        for one, other in zip(values[i], values[0], strict=True):
            np.testing.assert_array_equal(number(one), number(other))


@pytest.mark.slow
def test_the_squid_axon_and_the_resting_izhikevich_neuron_are_one_argument_away():
    dt = 0.02 * u.ms
    squid = bst.nn.init_all_states(bst.HH(1, gL=0.3 * u.mS, V_initializer=-65.0 * u.mV))
    spikes, V = simulate(squid, jnp.zeros(1000) * u.uA, dt)
    assert spikes.sum() == 0
    np.testing.assert_allclose(V, -65.0, atol=0.01)  # the resting potential, to the digits of EL
    resting = bst.nn.init_all_states(bst.Izhikevich(1, **AT_REST))
    _, V = simulate(resting, jnp.zeros(1000) * u.mV / u.ms, dt)
    np.testing.assert_allclose(V, -70.0, rtol=1e-6)


def test_update_and_call_are_the_same_step_synapses_included():
    runs = []
    for step in (lambda neuron: neuron.update(1.0 * u.mA), lambda neuron: neuron(1.0 * u.mA)):
        post = bst.LIF(1)
        synapse = bst.AlignPostProj(
            comm=bst.one_to_one(1, 1, weight=1.0 * u.mA), post=post,
            syn=bst.Expon.desc(g_initializer=0.0 * u.mA), out=bst.CUBA.desc(scale=1.0),
        )  # fmt: skip
        bst.nn.init_all_states(post)
        with bst.environ.context(dt=0.1 * u.ms):
            for spike in (1.0, 0.0, 1.0):
                synapse(jnp.array([spike]))
                step(post)
        runs.append((number(post.V.value), number(synapse.receptor.syn.g.value)))
    np.testing.assert_array_equal(*[V for V, _ in runs])
    np.testing.assert_array_equal(*[g for _, g in runs])
    assert runs[0][1] > 1.5  # two of weight 1 mA, decayed little


def test_changing_dt_changes_what_is_counted_in_steps():
    neuron = bst.LIFRef(1, tau_ref=1.0 * u.ms, spk_reset='hard')
    for dt, steps in ((0.1, 10), (0.2, 5)):
        bst.nn.init_all_states(neuron)
        spikes, _ = simulate(neuron, jnp.full(40, 1e4) * u.mA, dt * u.ms)
        assert set(np.diff(np.flatnonzero(spikes[:, 0]))) == {steps}


def test_a_blocked_channel_has_no_current():
    """Sodium channels blocked: no action potential, and only the leak and potassium move V."""
    neuron = bst.nn.init_all_states(bst.HH(1, gNa=0.0 * u.mS, gL=0.3 * u.mS, V_initializer=-65.0 * u.mV))
    spikes, V = simulate(neuron, jnp.full(2500, 10.0) * u.uA, 0.02 * u.ms)
    assert spikes.sum() == 0
    assert V.max() < -40.0


def test_a_given_first_potential_draws_nothing():
    before = bst.random.DEFAULT.value
    bst.nn.init_all_states([bst.HH(3, V_initializer=-65.0 * u.mV), bst.MorrisLecar(3, V_initializer=-60.0 * u.mV)])
    np.testing.assert_array_equal(bst.random.DEFAULT.value, before)
    bst.nn.init_all_states(bst.HH(3))
    assert (bst.random.DEFAULT.value != before).any()


@pytest.mark.slow
@pytest.mark.parametrize('method', ['exp_euler', 'rk2', 'rk4'])
@pytest.mark.parametrize(
    'make', [lambda **k: bst.ExpIF(3, delta_T=0.5 * u.mV, **k), lambda **k: bst.AdExIF(3, V_th=0.0 * u.mV, delta_T=0.5 * u.mV, **k)]
)
def test_a_spike_that_explodes_within_a_step_is_one_spike_with_a_finite_gradient(make, method, dt):
    """The upstroke of a sharp exponential: its slope times dt is 1e6, and exp of that no number."""
    neuron = make(method=method, V_initializer=np.array([-50.0, -40.0, -31.0]) * u.mV)

    def spike_and_adapt(scale):
        bst.nn.init_all_states(neuron)
        spikes = for_loop(lambda: neuron(scale * u.mA), length=5)
        values = [jnp.sum(u.get_mantissa(state.value)) for state in neuron.states(bst.HiddenState).values()]
        return sum(values), (spikes, neuron.V.value)

    gradient, (spikes, V) = bst.transform.grad(spike_and_adapt, has_aux=True)(0.1)
    np.testing.assert_array_equal(spikes.sum(axis=0), [1.0, 1.0, 1.0])
    np.testing.assert_allclose(number(V), -68.0, atol=0.5)  # the reset, and four steps of rest
    assert np.isfinite(gradient)


@pytest.mark.slow
@pytest.mark.parametrize(('method', 'longest'), [('rk2', 0.05), ('rk4', 0.06)])
def test_a_runge_kutta_step_that_is_too_long_is_an_error_and_the_longest_that_is_documented_is_none(method, longest):
    neuron = bst.nn.init_all_states(bst.TraubMilesHH(1, method=method))

    def count(dt):
        with bst.environ.context(dt=dt * u.ms):
            return for_loop(lambda: neuron(300.0 * u.pA), length=round(50 / dt)).sum()

    with pytest.raises(ValueError, match=f'TraubMilesHH: V is not finite .*method={method!r}.* dt = 0.1 ms is too long'):
        count(0.1)
    assert number(neuron.V.value) == -60.0  # as before
    assert count(longest) == 3
    assert f'{longest} ms' in bst.TraubMilesHH.__doc__
