"""`LIF` and `LIFRef` against the exact solution of their equation."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import LIF, LIFRef

from .models import simulate


@pytest.mark.parametrize('model', [LIF, LIFRef])
def test_first_step_from_rest(model, dt):
    neuron = bst.nn.init_all_states(model(1))
    neuron(1.0 * u.mA)
    # 1 - exp(-0.1 / 5); the figure has seven digits
    np.testing.assert_allclose(neuron.V.value.to_decimal(u.mV), [0.01980132], rtol=5e-7)


@pytest.mark.parametrize('model', [LIF, LIFRef])
def test_published_defaults(model):
    neuron = model(1)
    assert (neuron.R, neuron.tau) == (1.0 * u.ohm, 5.0 * u.ms)
    assert (neuron.V_th, neuron.V_reset, neuron.V_rest) == (1.0 * u.mV, 0.0 * u.mV, 0.0 * u.mV)
    assert neuron.tau_ref == (5.0 * u.ms if model is LIFRef else None)
    assert neuron.spk_reset == 'soft'
    neuron = bst.nn.init_all_states(neuron)
    assert neuron.V.value == 0.0 * u.mV


# tau (ms), R (Mohm), I (nA), dt (ms), V_rest (mV); V_th is far above
TRACES = [
    (5.0, 1.0, 1.0, 0.1, 0.0),
    (20.0, 100.0, 0.15, 0.1, -65.0),
    (20.0, 100.0, -0.3, 0.1, -65.0),
    (10.0, 250.0, 0.05, 0.05, -65.0),
    (10.0, 40.0, 1.0, 1.0, -70.0),
    (2.0, 100.0, 0.1, 5.0, -65.0),  # steps longer than the time constant
    (100.0, 500.0, 0.02, 0.1, -65.0),
]


def trace(tau, R, I, dt, V_rest, steps=400, start=2.0):  # noqa: E741
    """V of each step and the closed-form solution, in mV, starting ``start`` above rest."""
    neuron = LIF(
        1, tau=tau * u.ms, R=R * u.Mohm, V_th=1000.0 * u.mV, V_reset=V_rest * u.mV, V_rest=V_rest * u.mV,
        V_initializer=(V_rest + start) * u.mV,
    )  # fmt: skip
    bst.nn.init_all_states(neuron)
    _, V = simulate(neuron, jnp.full(steps, I) * u.nA, dt * u.ms)
    t = dt * np.arange(1, steps + 1)
    return V[:, 0], V_rest + R * I + (start - R * I) * np.exp(-t / tau)


@pytest.mark.quick('float64')
@pytest.mark.parametrize('parameters', TRACES, ids=str)
def test_subthreshold_trace_equals_the_closed_form(parameters, precision):
    V, exact = trace(*parameters)
    # float32: half a unit in the last place of V (4e-6 mV at 65 mV) for each step, over tau / dt steps of memory;
    # float64: the same in 1.4e-14 mV. Relative to the largest |V|.
    tolerance = {32: 1e-5, 64: 1e-12}[precision]
    np.testing.assert_allclose(V, exact, rtol=0, atol=tolerance * np.abs(exact).max())


def test_closed_form_holds_for_parameters_that_differ_between_neurons(x64):
    tau, R, V_rest = np.array([5.0, 20.0, 50.0]), np.array([50.0, 100.0, 200.0]), np.array([-70.0, -65.0, -60.0])
    neuron = LIF(
        3, tau=tau * u.ms, R=R * u.Mohm, V_th=100.0 * u.mV, V_reset=-80.0 * u.mV, V_rest=lambda shape: V_rest * u.mV,
    )  # fmt: skip
    bst.nn.init_all_states(neuron)
    _, V = simulate(neuron, jnp.full(300, 0.1) * u.nA, 0.1 * u.ms)
    t = 0.1 * np.arange(1, 301)[:, None]
    np.testing.assert_allclose(V, V_rest + 0.1 * R * (1 - np.exp(-t / tau)), rtol=1e-12)


def test_units_of_input_and_dt_do_not_matter(x64):
    results = []
    for current, dt in ((0.2 * u.nA, 0.1 * u.ms), (200.0 * u.pA, 100.0 * u.us), (2e-10 * u.amp, 1e-4 * u.second)):
        neuron = bst.nn.init_all_states(LIF(1, R=100.0 * u.Mohm, tau=0.02 * u.second, V_th=50.0 * u.mV))
        results.append(simulate(neuron, jnp.ones(50) * current, dt)[1])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-12)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-12)


# I (nA) above the rheobase of 0.15 nA
CURRENTS = [0.16, 0.2, 0.35, 0.8, 2.0]
TAU, R, V_TH, V_RESET, V_REST, DT = 20.0, 100.0, -50.0, -60.0, -65.0, 0.1


def intervals(tau_ref, current, steps, spk_reset='hard'):
    """The number of the first spiking step, and the steps between spikes."""
    neuron = LIF(
        1, tau=TAU * u.ms, R=R * u.Mohm, V_th=V_TH * u.mV, V_reset=V_RESET * u.mV, V_rest=V_REST * u.mV,
        tau_ref=None if tau_ref is None else tau_ref * u.ms, spk_reset=spk_reset,
    )  # fmt: skip
    bst.nn.init_all_states(neuron)
    spikes, _ = simulate(neuron, jnp.full(steps, current) * u.nA, DT * u.ms)
    when = np.flatnonzero(spikes[:, 0])
    return when[0], np.diff(when)


def time_to_threshold(start, current):
    goal = V_REST + R * current
    return TAU * np.log((goal - start) / (goal - V_TH))


@pytest.mark.quick('float32-(0.16|0.35)')
@pytest.mark.parametrize('tau_ref', [None, 0.1, 2.0, 5.0])
@pytest.mark.parametrize('current', CURRENTS)
def test_spike_times_equal_the_analytic_ones_to_one_step(current, tau_ref, precision):
    first, between = intervals(tau_ref, current, 3000)
    # a spike of step k is a crossing between k * dt and (k + 1) * dt; 1e-3 of a step for rounding of V
    assert 0 <= time_to_threshold(V_REST, current) / DT - first <= 1 + 1e-3
    exact = (time_to_threshold(V_RESET, current) + (tau_ref or 0.0)) / DT
    assert len(between) > 3
    # hard reset: each interval starts on the grid, so it is the next whole number of steps; with tau_ref one step of
    # it is the spiking step itself
    assert (np.abs(between - exact) <= 1 + 1e-3).all()
    assert np.ptp(between) == 0


def test_with_soft_reset_the_overshoot_is_not_lost_and_the_mean_interval_is_exact(x64):
    # strong input with tau >> dt: V rises almost linearly, so carrying the overshoot makes up for the grid
    _, between = intervals(None, 20.0, 4000, spk_reset='soft')
    exact = time_to_threshold(V_RESET, 20.0) / DT
    assert np.mean(between) == pytest.approx(exact, rel=5e-3)


@pytest.mark.quick('soft')
@pytest.mark.parametrize('spk_reset', ['soft', 'hard'])
@pytest.mark.parametrize(
    ('tau_ref', 'dt', 'steps'), [(2.0, 0.1, 20), (5.0, 0.1, 50), (1.0, 0.05, 20), (0.3, 0.1, 3), (1.7, 0.1, 17), (0.1, 0.1, 1)]
)
def test_shortest_interval_is_exactly_the_refractory_period_in_steps(tau_ref, dt, steps, spk_reset):
    neuron = bst.nn.init_all_states(LIFRef(1, tau_ref=tau_ref * u.ms, spk_reset=spk_reset))
    spikes, _ = simulate(neuron, jnp.full(400, 1e4) * u.mA, dt * u.ms)
    between = np.diff(np.flatnonzero(spikes[:, 0]))
    assert (between == steps).all()


def test_intervals_do_not_jitter_with_time():
    neuron = bst.nn.init_all_states(LIFRef(1, tau_ref=2.0 * u.ms, spk_reset='hard'))
    spikes, _ = simulate(neuron, jnp.full(20_000, 50.0) * u.mA, 0.1 * u.ms)
    between = np.diff(np.flatnonzero(spikes[:, 0]))
    # 50 mA takes V from 0 to 0.99 mV in one step, so the second step after the refractory ones is over threshold
    assert set(between) == {21}


def test_one_strong_pulse_makes_one_spike_however_strong():
    for model, count in ((LIF(1, spk_reset='hard'), 1), (LIFRef(1, tau_ref=2.0 * u.ms, spk_reset='hard'), 1)):
        neuron = bst.nn.init_all_states(model)
        pulse = jnp.zeros(100).at[3].set(200.0) * u.mA
        spikes, _ = simulate(neuron, pulse, 0.1 * u.ms)
        assert spikes.sum() == count


@pytest.mark.parametrize('spk_reset', ['soft', 'hard'])
def test_a_refractory_neuron_never_fires(spk_reset):
    neuron = bst.nn.init_all_states(LIFRef(1, tau_ref=2.0 * u.ms, spk_reset=spk_reset))
    spikes, V = simulate(neuron, jnp.full(200, 200.0) * u.mA, 0.1 * u.ms)
    when = np.flatnonzero(spikes[:, 0])
    assert np.diff(when).min() == 20
    for k in when[:-1]:  # V stays where the reset has put it
        np.testing.assert_array_equal(V[k : k + 20], np.broadcast_to(V[k], (20, 1)))


def test_a_refractory_period_shorter_than_a_step_allows_a_spike_in_every_step():
    neuron = bst.nn.init_all_states(LIF(1, tau_ref=0.0 * u.ms, spk_reset='hard'))
    spikes, _ = simulate(neuron, jnp.full(20, 200.0) * u.mA, 0.1 * u.ms)
    assert spikes.sum() == 20


def test_refractory_periods_may_differ_between_neurons():
    neuron = bst.nn.init_all_states(LIF(3, tau_ref=np.array([0.5, 1.0, 2.0]) * u.ms, spk_reset='hard'))
    spikes, _ = simulate(neuron, jnp.full(200, 1e4) * u.mA, 0.1 * u.ms)
    assert [set(np.diff(np.flatnonzero(s))) for s in spikes.T] == [{5}, {10}, {20}]


def test_refractory_period_counts_in_the_new_dt():
    neuron = LIFRef(1, tau_ref=2.0 * u.ms, spk_reset='hard')
    for dt, steps in ((0.1, 20), (0.5, 4)):
        bst.nn.init_all_states(neuron)
        spikes, _ = simulate(neuron, jnp.full(100, 1e4) * u.mA, dt * u.ms)
        assert set(np.diff(np.flatnonzero(spikes[:, 0]))) == {steps}


@pytest.mark.parametrize('V_th', [0.0, -20.0, -50.0, 15.0])
def test_thresholds_of_any_sign_work(V_th):
    neuron = LIF(2, V_th=V_th * u.mV, V_reset=-70.0 * u.mV, V_rest=-65.0 * u.mV, spk_reset='hard',
                 V_initializer=np.array([V_th - 1.0, V_th + 1.0]) * u.mV)  # fmt: skip
    bst.nn.init_all_states(neuron)
    with bst.environ.context(dt=0.01 * u.ms):
        np.testing.assert_array_equal(neuron(), [0.0, 1.0])
    np.testing.assert_allclose(neuron.V.value.to_decimal(u.mV)[1], -70.0)


def test_soft_reset_subtracts_the_reset_distance(x64, dt):
    V_th, V_reset = -50.0, -60.0
    neuron = LIF(1, V_th=V_th * u.mV, V_reset=V_reset * u.mV, V_rest=-65.0 * u.mV, V_initializer=-49.0 * u.mV)
    twin = LIF(1, V_th=100.0 * u.mV, V_reset=V_reset * u.mV, V_rest=-65.0 * u.mV, V_initializer=-49.0 * u.mV)
    for n in (neuron, twin):
        bst.nn.init_all_states(n)()
    assert neuron.get_spike()[0] == 1.0
    assert twin.get_spike()[0] == 0.0
    difference = (twin.V.value - neuron.V.value).to_decimal(u.mV)
    np.testing.assert_allclose(difference, [V_th - V_reset], rtol=1e-13)


def test_parameters_may_be_traced_at_construction(dt):
    def count(V_th):
        neuron = bst.nn.init_all_states(LIF(1, V_th=V_th * u.mV, spk_reset='hard'))
        return jnp.sum(bst.transform.for_loop(lambda: neuron(4.0 * u.mA), length=200))

    thresholds = jnp.array([0.5, 1.0, 2.0])
    np.testing.assert_array_equal(jax.vmap(count)(thresholds), [count(float(V_th)) for V_th in thresholds])


def test_a_threshold_can_be_trained(dt):
    V_th = bst.ParamState(jnp.array(1.0) * u.mV)
    neuron = LIF(1, V_th=V_th)

    def loss():
        bst.nn.init_all_states(neuron)
        return jnp.sum(bst.transform.for_loop(lambda: neuron(3.0 * u.mA), length=40))

    gradient = float(u.get_mantissa(bst.transform.grad(loss, V_th)()))
    assert np.isfinite(gradient)
    assert gradient < 0  # a higher threshold, fewer spikes


def test_a_surrogate_of_braintools_can_be_used(dt):
    surrogate = pytest.importorskip('braintools.surrogate')
    neuron = bst.nn.init_all_states(LIF(1, spk_fun=surrogate.ReluGrad()))
    spikes, _ = simulate(neuron, jnp.full(100, 5.0) * u.mA, dt)
    reference, _ = simulate(bst.nn.init_all_states(LIF(1)), jnp.full(100, 5.0) * u.mA, dt)
    np.testing.assert_array_equal(spikes, reference)


def test_shape_of_v_follows_the_batch_size():
    neuron = bst.nn.init_all_states(LIF(100))
    assert neuron.V.value.shape == (100,)
    assert bst.nn.init_all_states(neuron, batch_size=32).V.value.shape == (32, 100)


def test_a_loop_over_times_gives_a_quantity():
    neuron = bst.nn.init_all_states(LIF(1))
    times = u.math.arange(0.0 * u.ms, 200.0 * u.ms, 0.1 * u.ms)

    def step(t):
        with bst.environ.context(t=t):
            neuron(2.0 * u.mA)
            return neuron.V.value

    with bst.environ.context(dt=0.1 * u.ms):
        V = bst.transform.for_loop(step, times)
    assert V.shape == (2000, 1)
    assert V.to_decimal(u.mV).shape == (2000, 1)
