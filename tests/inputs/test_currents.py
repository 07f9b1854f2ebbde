"""Currents as functions of the time, against their formulas in exact steps."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ConstantInput, ParamState, RampInput, SectionInput, SinusoidalInput, StepInput
from brainpy_state.transform import for_loop, grad, jit

STEPS = 40
CURRENTS = {
    'constant': lambda n=1: ConstantInput(n, 3.0 * u.nA, 1.5 * u.ms),
    'sections': lambda n=1: SectionInput(n, [0.0, 2.0, -1.0] * u.nA, [0.3, 0.7, 1.1] * u.ms),
    'steps': lambda n=1: StepInput(n, [2.0, 5.0, 1.0] * u.nA, [0.3, 1.4, 2.3] * u.ms),
    'ramp': lambda n=1: RampInput(n, 1.0 * u.nA, -1.0 * u.nA, 1.6 * u.ms, 0.7 * u.ms),
    'sine': lambda n=1: SinusoidalInput(n, 2.0 * u.nA, 430.0 * u.Hz, 3.1 * u.ms, 0.5 * u.nA),
}
K = np.arange(STEPS)
EXPECTED = {
    'constant': np.where(K < 15, 3.0, 0.0),
    'sections': np.select([K < 3, K < 10, K < 21], [0.0, 2.0, -1.0], 0.0),
    'steps': np.select([K < 3, K < 14, K < 23], [0.0, 2.0, 5.0], 1.0),
    'ramp': np.where((K >= 7) & (K < 23), 1 - 2 * (K - 7) / 16, 0.0),
    'sine': np.where(K < 31, 2 * np.sin(2 * np.pi * 0.043 * K) + 0.5, 0.0),
}
every_current = pytest.mark.parametrize('name', CURRENTS)


def simulated(current, dt=0.1 * u.ms, steps=STEPS):
    with bst.environ.context(dt=dt):
        return bst.run(current, steps * dt).to_decimal(u.nA)


@pytest.mark.quick('ms|^ms')
@every_current
@pytest.mark.parametrize('dt', [0.1 * u.ms, 1e-4 * u.second, 100 * u.us, np.float32(0.1) * u.ms], ids=str)
def test_a_current_equals_its_formula_in_whatever_unit_dt_is_written(name, dt):
    # float32: values of a few nA, and a phase of at most two cycles
    np.testing.assert_allclose(simulated(CURRENTS[name](), dt)[:, 0], EXPECTED[name], atol=2e-6)


@pytest.mark.quick('steps|sine')
@every_current
def test_the_time_serves_where_the_number_of_the_step_is_not_set(name, dt):
    current = CURRENTS[name]()
    with bst.environ.context(precision=32):
        found = []
        for k in range(STEPS):
            with bst.environ.context(t=k * 0.1 * u.ms):
                found.append(float(current()[0].to_decimal(u.nA)))
    np.testing.assert_allclose(found, EXPECTED[name], atol=2e-6)


@every_current
def test_nothing_flows_before_time_zero_and_long_after(name, dt):
    current = CURRENTS[name]()
    for i in (-1, -(2**30), 2**30):
        with bst.environ.context(i=i):
            assert float(current()[0].to_decimal(u.nA)) == (1.0 if name == 'steps' and i > 0 else 0.0)


@pytest.mark.quick('32')
@every_current
def test_a_batch_and_the_precision_give_shape_and_type(name, dt, precision):
    current = bst.nn.init_all_states(CURRENTS[name]((2, 3)), batch_size=4)
    with bst.environ.context(i=5):
        value = current()
    assert value.shape == (4, 2, 3)
    assert value.dtype == f'float{precision}'
    assert np.ptp(value.mantissa) == 0


@every_current
def test_one_program_serves_all_steps(name, dt):
    current, traces = CURRENTS[name](), []

    @jit
    def step():
        traces.append(1)
        return current()

    for i in range(3):
        with bst.environ.context(i=i):
            step()
    assert len(traces) == 1


@pytest.mark.slow
@pytest.mark.parametrize('factor', [1, 3, 7])
def test_an_edge_on_the_grid_begins_in_the_step_that_begins_there(factor):
    # the same number in floats: 0.1 * 3 is above 0.3, 0.1 * 7 is above 0.7, sums of durations are off as well
    dt, n = 0.1 * factor, 60
    values = np.arange(1.0, n + 1) * u.nA
    each = SectionInput(1, values, np.full(n, dt) * u.ms)
    np.testing.assert_array_equal(simulated(each, dt * u.ms, n)[:, 0], values.mantissa)
    steps = StepInput(1, values, [round(dt * k, 6) * u.ms for k in range(n)])
    np.testing.assert_array_equal(simulated(steps, dt * u.ms, n)[:, 0], values.mantissa)
    for k in range(n):
        end = ConstantInput(1, 1.0 * u.nA, k * dt * u.ms)
        with bst.environ.context(dt=dt * u.ms):
            for i, on in ((k - 1, k > 0), (k, False)):
                with bst.environ.context(i=i):
                    assert float(end()[0].to_decimal(u.nA)) == on


def test_another_dt_is_followed():
    current = SectionInput(1, [1.0, 2.0] * u.nA, [1.0, 1.0] * u.ms)
    np.testing.assert_array_equal(simulated(current, 0.5 * u.ms, 5)[:, 0], [1, 1, 2, 2, 0])
    np.testing.assert_array_equal(simulated(current, 0.25 * u.ms, 9)[:, 0], [1, 1, 1, 1, 2, 2, 2, 2, 0])


def test_an_edge_between_steps_is_at_the_nearest():
    np.testing.assert_array_equal(simulated(ConstantInput(1, 1.0 * u.nA, 0.26 * u.ms), steps=4)[:, 0], [1, 1, 1, 0])
    np.testing.assert_array_equal(simulated(ConstantInput(1, 1.0 * u.nA, 0.24 * u.ms), steps=4)[:, 0], [1, 1, 0, 0])
    sections = SectionInput(1, [1.0, 2.0, 3.0] * u.nA, [0.14, 0.14, 0.14] * u.ms)  # ends at 0.14, 0.28, 0.42 ms
    np.testing.assert_array_equal(simulated(sections, steps=5)[:, 0], [1, 2, 2, 3, 0])


def test_values_may_differ_between_neurons():
    own = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(simulated(ConstantInput(3, own * u.nA), steps=1)[0], own)
    table = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(simulated(SectionInput(3, table * u.nA, [0.1, 0.1] * u.ms), steps=2), table)
    mixed = StepInput(3, [1.0 * u.nA, own * 1e3 * u.pA], [0.1 * u.ms, 0.0 * u.second])
    np.testing.assert_allclose(simulated(mixed, steps=2), [own, [1, 1, 1]])
    sine = SinusoidalInput(3, own * u.nA, np.array([0.0, 2.5, 5.0]) * u.kHz)
    np.testing.assert_allclose(simulated(sine, steps=2)[1], [0.0, 2.0, 0.0], atol=1e-6)


def test_a_current_without_end_goes_on(dt):
    with bst.environ.context(i=2**30):
        assert float(ConstantInput(1, 1.0 * u.nA)()[0].to_decimal(u.nA)) == 1.0


def test_any_unit_is_kept(dt):
    with bst.environ.context(i=0):
        assert ConstantInput(1, 3.0 * u.mV / u.ms)().unit == u.mV / u.ms
        assert isinstance(SectionInput(1, [3.0], [1.0] * u.ms)(), jnp.ndarray)


def test_a_late_phase_is_right_to_a_thousandth_of_a_cycle():
    sine = SinusoidalInput(1, 1.0, 40.0 * u.Hz)
    i = 1_000_001  # after 100 s; 4,000 cycles times 2**-23 are 5e-4 cycles
    with bst.environ.context(dt=0.1 * u.ms, i=i):
        np.testing.assert_allclose(sine(), np.sin(2 * np.pi * 0.004 * i), atol=2 * np.pi * 1e-3)


def test_a_value_can_be_trained(dt):
    amplitude = ParamState(jnp.array([1.0, 2.0]) * u.nA)
    current = ConstantInput(2, amplitude, 0.5 * u.ms)
    assert current.states(ParamState) == {('value',): amplitude}

    def step(i):
        with bst.environ.context(i=i):
            return current().to_decimal(u.nA)

    gradient = grad(lambda: jnp.sum(for_loop(step, jnp.arange(8))), amplitude)()
    np.testing.assert_allclose(u.get_mantissa(gradient), [5.0, 5.0])


def test_a_current_drives_a_neuron(dt):
    neuron = bst.nn.init_all_states(bst.LIF(1, V_th=1e3 * u.mV))
    current = ConstantInput(1, 2.0 * u.mA, 1.0 * u.ms)

    def step():
        neuron(current())
        return neuron.V.value.to_decimal(u.mV)

    peak = 2 * (1 - np.exp(-1.0 / 5))
    np.testing.assert_allclose(bst.run(step, 2.0 * u.ms)[[9, 19], 0], [peak, peak * np.exp(-1.0 / 5)], rtol=1e-5)
