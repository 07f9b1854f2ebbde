"""Short-term plasticity against its recursion from spike to spike, and against NEST."""

import json
import re
from pathlib import Path

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import STD, STP
from brainpy_state.nn import init_all_states
from brainpy_state.transform import for_loop, grad, jit

DT = 0.1
NEST = json.loads((Path(__file__).parent / 'nest_tsodyks2.json').read_text())
SETTINGS = [(0.15, 1500.0, 200.0), (0.5, 20.0, 800.0), (1.0, 1.0, 50.0), (0.03, 400.0, 3.0)]  # U, tau_f and tau_d in ms


def run(model, spikes):
    init_all_states(model)
    with bst.environ.context(dt=DT * u.ms):
        return np.asarray(for_loop(model, jnp.asarray(spikes)))


def facilitating(U, tau_f, tau_d):
    return STP(1, U=U, tau_f=tau_f * u.ms, tau_d=tau_d * u.ms)


def from_spike_to_spike(times, U, tau_f, tau_d):
    """The releases, by the closed form over each interval (Tsodyks, Pawelzik & Markram 1998)."""
    u_, x, released = U, 1.0, []
    for k, t in enumerate(times):
        if k:
            h = t - times[k - 1]
            x = 1 + (x - x * u_ - 1) * np.exp(-h / tau_d)
            u_ = U + u_ * (1 - U) * np.exp(-h / tau_f)
        released.append(u_ * x)
    return np.array(released)


@pytest.fixture(scope='module')
def irregular():
    """Spikes of 200 ms, in bursts and with pauses."""
    rng = np.random.default_rng(3)
    steps = np.unique(np.cumsum(rng.choice([1, 2, 5, 60, 300], size=40)))
    return steps[steps < 2000]


@pytest.mark.quick('0.15|1.0-1')
@pytest.mark.parametrize(('U', 'tau_f', 'tau_d'), SETTINGS)
def test_releases_are_those_of_the_recursion(U, tau_f, tau_d, irregular, x64):
    spikes = np.zeros((2000, 1))
    spikes[irregular] = 1.0
    released = run(facilitating(U, tau_f, tau_d), spikes)[:, 0]
    assert (released[spikes[:, 0] == 0] == 0).all()
    # some thousand products, each rounded once
    np.testing.assert_allclose(released[irregular], from_spike_to_spike(DT * irregular, U, tau_f, tau_d), rtol=1e-12)


@pytest.mark.parametrize('settings', NEST['runs'], ids=lambda r: f'U={r["U"]}')
def test_releases_are_those_of_nest(settings, x64):
    at = np.rint(np.array(NEST['times']) / NEST['dt']).astype(int)
    spikes = np.zeros((2001, 1))
    spikes[at] = 1.0
    released = run(facilitating(settings['U'], settings['tau_fac'], settings['tau_rec']), spikes)[at, 0]
    # both are exact; NEST's decimals are those of a double
    np.testing.assert_allclose(released, settings['released'], rtol=1e-11)


@pytest.mark.parametrize('U', [0.07, 0.6])
def test_depression_follows_its_recursion(U, irregular, x64):
    spikes = np.zeros((2000, 1))
    spikes[irregular] = 1.0
    released = run(STD(1, U=U), spikes)[irregular, 0]
    x, exact = 1.0, []
    for interval in np.diff(irregular, append=2000):
        exact.append(x)
        x = 1 - (1 - x * (1 - U)) * np.exp(-DT * interval / 200.0)
    np.testing.assert_allclose(released, exact, rtol=1e-12)


# A spike in each of the first three steps of 0.1 ms: the published values, and ours.
FIRST_STEPS = {
    # published with u that starts at U and jumps that use values of the step before: the first spike released 2 U - U**2
    'STP': (STP, [0.27749, 0.27883, 0.21228], [0.15, 0.235889, 0.237060]),
    'STD': (STD, [1.0, 0.930035, 0.8650025], [1.0, 0.930035, 0.8650000]),
}


@pytest.mark.parametrize(('make', 'published', 'expected'), FIRST_STEPS.values(), ids=FIRST_STEPS)
def test_the_first_steps_differ_from_the_published_ones_as_intended(make, published, expected, x64):
    ours = run(make(1), np.ones((3, 1)))[:, 0]
    np.testing.assert_allclose(ours, expected, atol=6e-7)  # as many digits as are written
    assert not np.allclose(ours, published, rtol=0, atol=6e-7)


def test_the_first_spike_releases_U_whenever_it_comes():
    for at in (0, 500):
        spikes = np.zeros((501, 1))
        spikes[at] = 1.0
        assert run(STP(1, U=0.3), spikes)[at, 0] == np.float32(0.3)


def test_resources_and_facilitation_stay_between_0_and_1(x64):
    spikes = np.ones((500, 1))
    model = STP(1, U=1.0)
    assert run(model, spikes)[:, 0].min() >= 0.0
    assert 0.0 <= float(model.x.value[0]) <= 1.0
    assert 0.0 <= float(model.u.value[0]) <= 1.0


def test_published_defaults():
    stp, std = STP(1), STD(1)
    assert (stp.U, stp.tau_f, stp.tau_d) == (0.15, 1500.0 * u.ms, 200.0 * u.ms)
    assert (std.U, std.tau) == (0.07, 200.0 * u.ms)


def test_boolean_spikes_are_spikes(dt):
    model = init_all_states(STP(2))
    np.testing.assert_array_equal(model(jnp.array([True, False])), np.float32([0.15, 0.0]))


@pytest.mark.parametrize('make', [STP, STD])
@pytest.mark.parametrize('U', [-0.1, 1.5])
def test_U_is_a_fraction(make, U):
    with pytest.raises(bst.ParameterError, match=f'U = {U} must be between 0 and 1'):
        make(1, U=U)


SEVERAL = np.array([0, 1, 3, 2, 0, 0, 17, 1, 0, 2])


def one_after_the_other(make, U, spikes, tau_f=20.0, tau_d=80.0):
    """The releases of each step, in a loop over its spikes; of the last one or of none, a part of so much acts."""
    x, u_, released = 1.0, 0.0, []
    for n in spikes:
        out, earlier = 0.0, max(int(np.ceil(n - 0.5)) - 1, 0)
        for part in [1.0] * earlier + [n - earlier]:
            rise = U * (1 - u_)
            amount = part * x * (u_ + rise if make is STP else 1.0)
            out, u_ = out + amount, u_ + part * rise
            x -= amount if make is STP else U * amount
        released.append(out)
        x, u_ = 1 + (x - 1) * np.exp(-DT / tau_d), u_ * np.exp(-DT / tau_f)
    return np.array(released)


def short(make, size, U):
    return make(size, U=U, tau_f=20.0 * u.ms, tau_d=80.0 * u.ms) if make is STP else make(size, U=U, tau=80.0 * u.ms)


@pytest.mark.quick('STP-float32')
@pytest.mark.parametrize('backend', ['numba', 'xla'])
@pytest.mark.parametrize('dtype', ['float32', 'int32'])
@pytest.mark.parametrize('make', [STP, STD])
def test_n_spikes_in_a_step_act_one_after_the_other(make, dtype, backend):
    U = np.array([0.0, 1e-5, 0.07, 0.6, 1.0], 'float32')
    with bst.event.use_backend(backend):
        model = short(make, (60, 5), np.broadcast_to(U, (60, 5)))  # large enough for a native step
        released = run(model, np.broadcast_to(SEVERAL[:, None, None], (10, 60, 5)).astype(dtype))
    for k in range(5):
        exact = one_after_the_other(make, float(U[k]), SEVERAL)
        np.testing.assert_allclose(released[:, 0, k], exact, rtol=1e-5, atol=2e-7)  # some ten roundings, of resources of about 1
    assert ((model.x.value >= 0) & (model.x.value <= 1)).all()
    if make is STP:
        assert ((model.u.value >= 0) & (model.u.value <= 1)).all()


def test_three_spikes_at_once_release_what_nest_gives(x64):
    model = init_all_states(STP(1, U=0.6, tau_f=50.0 * u.ms, tau_d=200.0 * u.ms))
    with bst.environ.context(dt=DT * u.ms):
        # 0.6, 0.84 of 0.4 and 0.936 of 0.064
        assert float(model(3)[0]) == pytest.approx(0.6 + 0.84 * 0.4 + 0.936 * 0.064, rel=1e-14)


@pytest.mark.quick('0.3-STP')
@pytest.mark.parametrize('model', [STP(1), STD(1)], ids=['STP', 'STD'])
@pytest.mark.parametrize('value', [-1.0, 0.3, 1.5, np.nan, np.inf, 1e6])
def test_what_is_no_number_of_spikes_is_an_error_that_names_it(model, value, dt):
    init_all_states(model)
    text = re.escape(f'{type(model).__name__}: spikes have the value {value:g}, but must be numbers of spikes: 0, 1, 2 and so on')
    for call in (model, jit(model)):
        with pytest.raises(ValueError, match=text):
            call(jnp.array([value]))
    init_all_states(model)  # what a call outside of any program has written
    with pytest.raises(ValueError, match=text):
        for_loop(model, jnp.array([[1.0], [value], [0.0]]))
    assert float(model.x.value[0]) == 1.0  # as before the loop


@pytest.mark.slow
@pytest.mark.parametrize('make', [STP, STD])
def test_gradients_by_U_and_by_spikes_are_those_of_the_recursion(make, x64):
    U = bst.ParamState(jnp.array(0.2))
    model = short(make, 1, U)
    spikes = np.array([1.0, 1, 0, 2, 0, 1, 0, 0, 3, 1, 0, 0])
    weights = np.arange(1.0, 13.0)

    def total(spikes):
        init_all_states(model)
        with bst.environ.context(dt=DT * u.ms):
            return jnp.sum(for_loop(model, spikes[:, None])[:, 0] * weights)

    by_U, by_spikes = grad(total, U, argnums=0)(jnp.asarray(spikes))
    step = 1e-5

    def slope(change):
        return (change(step) - change(-step)) / (2 * step)  # the error is some step**2

    expected = slope(lambda d: one_after_the_other(make, 0.2 + d, spikes) @ weights)
    assert float(u.get_mantissa(by_U)) == pytest.approx(expected, rel=1e-7)
    for at in range(12):  # with a spike, with several and without
        expected = slope(lambda d, at=at: one_after_the_other(make, 0.2, spikes + d * (np.arange(12) == at)) @ weights)
        assert float(by_spikes[at]) == pytest.approx(expected, rel=1e-7)
    assert (np.asarray(by_spikes) != 0).all()


@pytest.mark.parametrize('make', [STP, STD])
def test_the_derivative_by_a_missing_spike_is_what_it_would_release(make, x64):
    def released(spike):
        model = init_all_states(short(make, 1, 0.2))
        with bst.environ.context(dt=DT * u.ms):
            return model(spike[None])[0]

    assert float(grad(released)(jnp.array(0.0))) == pytest.approx(float(released(jnp.array(1.0))), rel=1e-14)


def test_plasticity_that_defines_nothing_says_so(dt):
    class Silent(bst.ShortTermPlasticity):
        """Defines nothing."""

    with pytest.raises(NotImplementedError, match='Silent does not define `release`'):
        init_all_states(Silent(1))(1.0)
    with pytest.raises(NotImplementedError, match='Silent does not define `recover`'):
        Silent(1).recover(0.1 * u.ms)
