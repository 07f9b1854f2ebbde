"""Time after up to 10^9 steps, in numbers of 32 bits: what `t` and every input see."""

from fractions import Fraction

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, environ, run
from brainpy_state.numerics import Time

pytestmark = pytest.mark.slow

STEPS = 50
STARTS = {
    'after an hour': (36_000_000, 0.1 * u.ms),
    'after 10^9 steps of a third': (10**9, u.Quantity(1 / 3, unit=u.ms)),
    'after 10^9 short steps': (10**9, 0.025 * u.ms),
    'before 0': (-30, 0.1 * u.ms),
}


def at(step, dt):
    """The time of a step, in double precision."""
    return u.Quantity(step * float(dt.mantissa), unit=dt.unit)


def edge(first, dt):
    """A step within the run, and its time."""
    k = first + 20
    return k, at(k, dt)


@pytest.mark.slow
@pytest.mark.parametrize(('first', 'dt'), STARTS.values(), ids=STARTS)
def test_every_input_and_every_use_of_t_is_right_at_any_time(first, dt):
    k, time = edge(first, dt)
    with environ.context(dt=dt):
        section = bst.SectionInput(1, [0.0, 1.0] * u.nA, [time, at(5, dt)]) if time > 0 * u.ms else None
        inputs = {
            'step': bst.StepInput(1, [1.0, 2.0] * u.nA, [time, at(k + 3, dt)]),
            'ramp': bst.RampInput(1, 0.0 * u.nA, 8.0 * u.nA, at(8, dt), time),
            'spikes': bst.SpikeTime(1, [0, 0], [time, at(k + 2, dt)]),
            'sine': bst.SinusoidalInput(1, 1.0 * u.nA, 97.3 * u.Hz),
            'trained sine': bst.SinusoidalInput(1, 1.0 * u.nA, bst.ParamState(97.3 * u.Hz)),
            'constant': bst.ConstantInput(1, 1.0 * u.nA, time if first >= 0 else None),
            'noise': bst.WienerProcessInput(1, 1.0 * u.nA * u.ms**0.5, time if first >= 0 else None, seed=1),
        } | ({} if section is None else {'section': section})
        later = u.Quantity(np.array([float(time.mantissa), float(at(k + 1, dt).mantissa)]), unit=time.unit)

        def step():
            t = environ.get('t')
            return {name: u.get_mantissa(x())[0] for name, x in inputs.items()} | {
                't': t,
                'since': (t - time).to_decimal(u.ms),
                'until': (time - t).to_decimal(u.ms),
                'since each': (t - later).to_decimal(u.ms),
                'before': t < time,
                'until then': t <= time,
                'then': t == time,
                'other': t != time,
                'after': time < t,
                'from then': t >= time,
                'within': (t >= time) & (t < time + 3 * dt),
                'moved': (t + 2 * dt) - time < 0.5 * dt,
                'phase': (t % (8 * dt)).to_decimal(u.ms),
                'odd phase': (t % (2.5 * dt)).to_decimal(u.ms),
                'count': t // (8 * dt),
            }

        out = run(step, STEPS * dt, start=at(first, dt))
    i, width = first + np.arange(STEPS), float(dt.mantissa)
    tolerance = 0.01 * width
    np.testing.assert_allclose(out['t'].to_decimal(u.ms), i * width, rtol=1e-15, atol=1e-12)
    assert out['t'].mantissa.dtype == np.float64
    np.testing.assert_allclose(out['since'], (i - k) * width, atol=tolerance)
    np.testing.assert_allclose(out['until'], (k - i) * width, atol=tolerance)
    np.testing.assert_allclose(out['since each'], (i[:, None] - [k, k + 1]) * width, atol=tolerance)
    np.testing.assert_array_equal(out['before'], i < k)
    np.testing.assert_array_equal(out['until then'], i <= k)
    np.testing.assert_array_equal(out['then'], i == k)
    np.testing.assert_array_equal(out['other'], i != k)
    np.testing.assert_array_equal(out['after'], i > k)
    np.testing.assert_array_equal(out['from then'], i >= k)
    np.testing.assert_array_equal(out['within'], (i >= k) & (i < k + 3))
    np.testing.assert_array_equal(out['moved'], i + 2 <= k)
    np.testing.assert_allclose(out['phase'], (i % 8) * width, atol=tolerance)
    np.testing.assert_allclose(out['odd phase'], (2 * i % 5) / 2 * width, atol=tolerance)
    np.testing.assert_allclose(out['count'], i // 8, rtol=2e-7)

    on = i >= max(k, 0) if first < 0 else i >= k
    np.testing.assert_array_equal(out['step'], np.where(i >= k + 3, 2, i >= k))
    np.testing.assert_allclose(out['ramp'], np.where((i >= k) & (i < k + 8), i - k, 0), rtol=1e-6)
    np.testing.assert_array_equal(out['spikes'], (i == k).astype(int) + (i == k + 2))
    if first >= 0:
        np.testing.assert_array_equal(out['constant'], (~on).astype(float))
        np.testing.assert_array_equal(out['noise'] != 0, ~on)
        np.testing.assert_array_equal(out['section'], on & (i < k + 5))
    for name, frequency in (('sine', 97.3), ('trained sine', float(np.float32(97.3)))):
        turns = [float(Fraction(frequency) * Fraction(width) / 1000 * int(n) % 1) for n in i]
        np.testing.assert_allclose(out[name], np.where(i >= 0, np.sin(2 * np.pi * np.array(turns)), 0), atol=2e-6)


def test_a_run_says_100_times_in_100_steps_after_an_hour(dt):
    t = run(lambda: environ.get('t'), 10.0 * u.ms, start=3600 * u.second)
    assert len(np.unique(t.mantissa)) == 100
    assert t[-1].to_decimal(u.ms) == pytest.approx(3600009.9, rel=1e-14)
    assert type(t) is u.Quantity


def test_t_as_a_number_of_32_bits_is_right_or_an_error(dt):
    read = lambda: environ.get('t').to_decimal(u.ms)  # noqa: E731
    t = run(read, 10.0 * u.ms, start=15.0 * u.second)
    np.testing.assert_allclose(t, 15_000 + 0.1 * np.arange(100), atol=1e-3)
    assert t.dtype == np.float32
    message = r'environ: the time t is used .* more than 160000 steps away from 0 ms.*precision=64'
    with pytest.raises(ValueError, match=message):
        run(read, 10.0 * u.ms, start=3600 * u.second)
    with pytest.raises(ValueError, match='away from 3500000 ms'):
        run(lambda: environ.get('t') - 3500.0 * u.second > jnp.ones(1) * environ.get('i') * u.ms, 10.0 * u.ms, start=3600 * u.second)
    with environ.context(precision=64):
        np.testing.assert_allclose(run(read, 1.0 * u.ms, start=3600 * u.second), 3.6e6 + 0.1 * np.arange(10), rtol=1e-15)


def test_the_number_of_a_step_sets_the_time_in_every_loop(dt):
    def step(i):
        with environ.context(i=i):
            return environ.get('t'), environ.get('t') > 3600000.2 * u.ms

    traces = []

    @bst.transform.jit
    def compiled():
        traces.append(1)
        return environ.get('t') > 3600000.2 * u.ms

    t, after = bst.transform.for_loop(step, 36_000_000 + jnp.arange(5))
    np.testing.assert_allclose(t.to_decimal(u.ms), 3.6e6 + 0.1 * np.arange(5), rtol=1e-15)
    assert after.tolist() == [False, False, False, True, True]
    found = []
    for i in 36_000_002, 36_000_003:
        with environ.context(i=i):
            found.append(bool(compiled()))
            assert environ.get('t').mantissa == i * 0.1
    assert (found, traces) == ([False, True], [1])
    with environ.context(t=7.0 * u.ms), environ.context(i=3):
        assert environ.get('t') == 0.3 * u.ms
        with environ.context(i=4, t=9.0 * u.ms):
            assert environ.get('t') == 9.0 * u.ms


def test_inputs_refuse_a_time_that_does_not_tell_their_step(dt):
    current = bst.StepInput(1, [1.0] * u.nA, [0.0] * u.ms)

    @bst.transform.jit
    def value(t):
        with environ.context(t=t * u.ms):
            return current.step()

    for step in 123_456, 2_000_000:
        assert value(jnp.float32(step) * jnp.float32(0.1)) == step
    with pytest.raises(ValueError, match=r"StepInput: the step follows from environ's t, a number of 32 bits .* number i of the step"):
        value(3.6e6)
    with environ.context(t=3.6e6 * u.ms), environ.context(precision=64):
        assert current.step() == 36_000_000


def test_times_in_a_type_that_does_not_tell_steps_apart_are_refused(dt):
    for late in ([3.6e6 + 0.3] * u.ms, u.Quantity(np.float32([3600.013]), unit=u.second)):
        with environ.context(i=0), pytest.raises(ParameterError, match='float32, which does not tell steps of dt = 0.1 ms apart'):
            bst.StepInput(1, [1.0] * u.nA, late)()
    with environ.context(i=36_000_000):  # a whole number of seconds
        assert bst.StepInput(1, [1.0] * u.nA, [3600.0] * u.second)().mantissa == 1
    with pytest.raises(ParameterError, match=r'run: start = .*float32, which does not tell'):
        run(lambda: 0, 1.0 * u.ms, start=u.Quantity(jnp.float32(3.6e6 + 0.3), unit=u.ms))


def test_a_start_between_steps_and_steps_beyond_32_bits_are_errors(dt):
    with pytest.raises(ParameterError, match=r'run: start = .* must be a multiple of dt'):
        run(lambda: 0, 1.0 * u.ms, start=1e8 * u.ms + 0.05 * u.ms)
    with pytest.raises(ParameterError, match=r'run: steps 2147483640 to 2147483650 of dt = 0.1 ms.* below 2\^31'):
        run(lambda: 0, 1.0 * u.ms, start=214748364.0 * u.ms)
    with pytest.raises(ValueError, match=r'number i of the step is 2147483648'):
        environ.context(i=2**31).__enter__()
    assert run(lambda: environ.get('i'), 0.5 * u.ms, start=-0.3 * u.ms).tolist() == [-3, -2, -1, 0, 1]


def test_recorded_spikes_stand_at_their_late_steps(dt):
    recorder = bst.record.SpikeRecorder(2)
    bst.run(lambda: recorder(jnp.arange(2) == environ.get('i') % 2), 0.4 * u.ms, start=1e8 * u.ms)
    spikes = recorder.spikes(10**9, 10**9 + 4)
    assert spikes.step.tolist() == [10**9 + k for k in range(4)]
    assert spikes.i.tolist() == [0, 1, 0, 1]


def test_a_time_is_a_quantity_for_everything_else(dt):
    time = Time(3, 0.1, u.ms)
    assert str(time) == '0.3 ms'
    assert u.get_unit(time) == u.ms
    assert (time * (10 * u.Hz)).round(9) == 0.003
    assert (2.0 * time).mantissa == pytest.approx(0.6)
    assert isinstance(time / u.ms, float)
    assert (time - Time(1, 0.1, u.ms)).mantissa == pytest.approx(0.2)
    assert (1.0 * u.ms - time).mantissa == pytest.approx(0.7)
    assert divmod(Time(7, 0.1, u.ms), 0.5 * u.ms)[0] == 1
    with pytest.raises(u.UnitMismatchError):
        time < 3.0 * u.mV  # noqa: B015
    with pytest.raises(u.UnitMismatchError):
        time + 3.0 * u.mV
