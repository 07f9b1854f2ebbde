"""Every mistake is one clear line."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import (
    LIF,
    ConstantInput,
    OUProcessInput,
    ParameterError,
    PoissonEncoder,
    PoissonInput,
    PoissonSpike,
    RampInput,
    SectionInput,
    ShapeError,
    SinusoidalInput,
    SpikeTime,
    StepInput,
    UnitError,
    WienerProcessInput,
)

nA, ms = u.nA, u.ms
NEEDS_TIME = 'needs one like ms'
CASES = {
    'value missing': (lambda: ConstantInput(1, None), ParameterError, 'ConstantInput: value must be a number.* but is None'),
    'value not finite': (lambda: ConstantInput(1, np.inf * nA), ParameterError, 'value = inf nA is not finite'),
    'value of another shape': (lambda: ConstantInput(3, np.ones(2) * nA), ShapeError, r'value has shape \(2,\)'),
    'duration without unit': (lambda: ConstantInput(1, 1.0 * nA, 5.0), UnitError, f'duration = 5.0 has no unit, but {NEEDS_TIME}'),
    'duration below 0': (lambda: ConstantInput(1, 1.0 * nA, -5.0 * ms), ParameterError, r'duration = -5\.? ms must be zero or positive'),
    'sections of another number': (
        lambda: SectionInput(2, [1.0, 2.0] * nA, [1.0] * ms), ShapeError, r'values have shape \(2,\), expected \(1,\) or',
    ),
    'sections of mixed units': (lambda: SectionInput(1, [1.0 * nA, 2.0 * u.mV], [1.0, 1.0] * ms), UnitError, 'values = 2. mV has the unit'),
    'sections of mixed shapes': (
        lambda: SectionInput(3, [np.ones(3) * nA, np.ones(2) * nA], [1.0, 1.0] * ms), ShapeError, 'values have shapes .* do not fit each',
    ),
    'sections not finite': (lambda: SectionInput(1, [np.nan] * nA, [1.0] * ms), ParameterError, r'values = \[nan\] nA must be finite'),
    'no sections': (lambda: SectionInput(1, [] * nA, [] * ms), ParameterError, 'durations must be one time or more, but is empty'),
    'one duration': (lambda: SectionInput(1, [1.0] * nA, 1.0 * ms), ParameterError, 'durations = .* must be a list of times'),
    'durations of a wrong unit': (lambda: SectionInput(1, [1.0] * nA, [1.0] * nA), UnitError, f'durations = .* {NEEDS_TIME}'),
    'one of many durations without unit': (lambda: SectionInput(1, [1.0, 2.0] * nA, [1.0 * ms, 2.0]), UnitError, NEEDS_TIME),
    'a duration below 0': (lambda: SectionInput(1, [1.0] * nA, [-1.0] * ms), ParameterError, 'durations = .* zero or positive'),
    'values of no kind': (lambda: SectionInput(1, ['a'], [1.0] * ms), ParameterError, 'values must be numbers or quantities, but is a str'),
    'no values': (lambda: SectionInput(1, None, [1.0] * ms), ParameterError, 'values must be numbers or quantities, but is a NoneType'),
    'two durations for one': (lambda: ConstantInput(2, 1.0 * nA, [1.0, 2.0] * ms), ParameterError, 'duration = .* must be one time'),
    'a duration in a state': (lambda: ConstantInput(1, 1.0 * nA, bst.State(1.0 * ms)), ParameterError, 'duration must be .* but is a State'),
    'two steps at once': (lambda: StepInput(1, [1.0, 2.0] * nA, [1.0, 1.0] * ms), ParameterError, 'step_times = .* must differ'),
    'amplitudes of another size': (lambda: StepInput(3, np.ones((2, 4)) * nA, [1.0, 2.0] * ms), ShapeError, r'\(2, \*\(3,\)\)'),
    'ramp to another unit': (lambda: RampInput(1, 1.0 * nA, 1.0 * u.mV, 1.0 * ms), UnitError, 'c_end = 1. mV .* needs one like nA'),
    'ramp without duration': (lambda: RampInput(1, 1.0 * nA, 2.0 * nA, 1.0), UnitError, f'duration = 1.0 has no unit, but {NEEDS_TIME}'),
    'ramp from a wrong time': (lambda: RampInput(1, 1.0 * nA, 2.0 * nA, 1.0 * ms, 3), UnitError, f't_start = 3 has no unit, but {NEEDS_TIME}'),
    'frequency in ms': (lambda: SinusoidalInput(1, 1.0 * nA, 5.0 * ms), UnitError, 'frequency = 5. ms has the unit ms, but needs one like Hz'),
    'frequency below 0': (lambda: SinusoidalInput(1, 1.0 * nA, -5.0 * u.Hz), ParameterError, 'frequency = -5. Hz must be zero or positive'),
    'bias of another unit': (lambda: SinusoidalInput(1, 1.0 * nA, 5.0 * u.Hz, bias=1.0), UnitError, 'bias = 1.0 has no unit'),
    'white noise in nA': (lambda: WienerProcessInput(1, 1.0 * nA), UnitError, r'sigma = 1. nA must be in units of .* such as pA \* ms\*\*0.5'),
    'white noise below 0': (lambda: WienerProcessInput(1, -1.0 * nA * ms**0.5), ParameterError, 'sigma = .* must be zero or positive'),
    'no white noise': (lambda: WienerProcessInput(1, None), ParameterError, 'sigma must be a number'),
    'deviation of another unit': (lambda: OUProcessInput(1, 1.0 * nA, 1.0 * u.mV, 5.0 * ms), UnitError, 'sigma = 1. mV'),
    'amplitude for deviation': (lambda: OUProcessInput(1, 1.0 * nA, 1.0 * nA / ms**0.5, 5.0 * ms), UnitError, 'sigma = .* needs one like nA'),
    'tau of 0': (lambda: OUProcessInput(1, 1.0 * nA, 1.0 * nA, 0.0 * ms), ParameterError, 'tau = 0. ms must be positive'),
    'tau without unit': (lambda: OUProcessInput(1, 1.0 * nA, 1.0 * nA, 5.0), UnitError, f'tau = 5.0 has no unit, but {NEEDS_TIME}'),
    'spikes of another number': (
        lambda: SpikeTime(3, [0, 1], [1.0] * ms), ShapeError, r'indices have shape \(2,\) and times \(1,\)',
    ),
    'a neuron that does not exist': (lambda: SpikeTime(3, [3], [1.0] * ms), ParameterError, 'indices must be integers from 0 to 2'),
    'a neuron below 0': (lambda: SpikeTime(3, [-1], [1.0] * ms), ParameterError, 'indices must be integers from 0 to 2'),
    'a neuron and a half': (lambda: SpikeTime(3, [0.5], [1.0] * ms), ParameterError, 'indices must be integers'),
    'spike times without unit': (lambda: SpikeTime(3, [0], [1.0]), UnitError, NEEDS_TIME),
    'spike times not finite': (lambda: SpikeTime(3, [0], [np.nan] * ms), ParameterError, r'times = \[nan\] ms must be finite'),
    'a spike too late': (lambda: SpikeTime(3, [0], np.array([1e9]) * u.second), ParameterError, r'times reach step \d+ of 0.1 ms'),
    'a spike at no step': (lambda: SpikeTime(3, [0], [1e9] * u.second), ParameterError, 'does not tell steps of dt = 0.1 ms apart there'),
    'an unknown rounding': (
        lambda: SpikeTime(3, [0], [1.0] * ms, time_as_step='up'), ParameterError, "time_as_step is 'up', but must be one of 'round', 'floor'",
    ),
    'weights of another number': (lambda: SpikeTime(3, [0], [1.0] * ms, [1.0, 2.0]), ShapeError, r'weights have shape \(2,\)'),
    'weights not finite': (lambda: SpikeTime(3, [0], [1.0] * ms, np.nan), ParameterError, 'weights = nan must be finite'),
    'weights in a state': (lambda: SpikeTime(3, [0], [1.0] * ms, bst.State(1.0)), ParameterError, 'weights must be .* but is a State'),
    'rates below 0': (lambda: PoissonSpike(3, -1.0 * u.Hz), ParameterError, 'freqs = -1. Hz must be zero or positive'),
    'rates without unit': (lambda: PoissonSpike(3, 5.0), UnitError, 'freqs = 5.0 has no unit, but needs one like Hz'),
    'rates of another size': (lambda: PoissonSpike(3, np.ones(2) * u.Hz), ShapeError, r'freqs has shape \(2,\)'),
    'a seed of no kind': (lambda: PoissonSpike(3, 5.0 * u.Hz, seed=1.5, name='stimulus'), ParameterError, "PoissonSpike 'stimulus': seed is 1.5, but must be an integer"),
    'spikes of no type': (lambda: PoissonSpike(3, 1.0 * u.Hz, spk_type='spike'), ParameterError, "spk_type is 'spike', but must be bool"),
    'encoded rates below 0': (lambda: PoissonEncoder(3)(jnp.array([1.0, -1.0, 0.0]) * u.Hz), ParameterError, 'freqs must be zero or positive'),
    'encoded rates without unit': (lambda: PoissonEncoder(3)(jnp.ones(3)), UnitError, 'freqs = .* needs one like Hz'),
    'encoded rates of another size': (
        lambda: PoissonEncoder(3)(jnp.ones((3, 2)) * u.Hz), ShapeError, r'freqs have shape \(3, 2\), expected \(..., \*size\) with size \(3,\)',
    ),
    'encoded rates of another batch': (
        lambda: bst.nn.init_all_states(PoissonEncoder(3), batch_size=4)(jnp.ones((2, 3)) * u.Hz), ShapeError, r'does not fit the batch \(4,\)',
    ),
    'drive onto a state': (lambda: PoissonInput(bst.State(1.0), 1, 1.0 * u.Hz, 1.0), TypeError, 'give the model itself'),
    'drive onto what receives nothing': (lambda: PoissonInput(bst.CUBA(3), 1, 1.0 * u.Hz, 1.0), TypeError, 'target must be a model that receives input, but is a CUBA'),
    'drive by fewer than no sources': (lambda: PoissonInput(LIF(1), -1, 1.0 * u.Hz, 1.0 * u.mV), ParameterError, 'num_input = -1 must be zero'),
    'drive at a rate without unit': (lambda: PoissonInput(LIF(1), 1, 1.0, 1.0 * u.mV), UnitError, 'freq = 1.0 has no unit, but needs one like Hz'),
    'drive without weight': (lambda: PoissonInput(LIF(1), 1, 1.0 * u.Hz, None), ParameterError, 'weight must be a number'),
    'drive without end': (
        lambda: PoissonInput(LIF(1), 1e12, 1e3 * u.kHz, 1.0 * u.mV)(), ParameterError, r'1e\+14 events in a step of 0.1 ms are expected',
    ),
    'drive of another unit': (lambda: driven(weight=1.0 * u.mA), UnitError, 'LIF: delta input = .* has the unit mA, but needs one like mV'),
    'drive before the start': (lambda: PoissonInput(LIF(1), 1, 1.0 * u.Hz, 1.0 * u.mV)(), AttributeError, 'call brainpy_state.nn.init_all_states'),
}  # fmt: skip


def driven(**weight):
    neuron = LIF(2)
    source = PoissonInput(neuron, 1, 1.0 * u.Hz, **weight)
    bst.nn.init_all_states(neuron)
    source()


@pytest.mark.parametrize(('wrong', 'kind', 'message'), CASES.values(), ids=CASES)
def test_a_mistake_is_one_clear_line(wrong, kind, message, dt):
    with pytest.raises(kind, match=message) as error:
        wrong()
    assert '\n' not in str(error.value)


SOURCES = {
    'current': lambda: ConstantInput(1, 1.0 * nA, 1.0 * ms),
    'noise': lambda: WienerProcessInput(1, 1.0 * nA * ms**0.5),
    'OU': lambda: bst.nn.init_all_states(OUProcessInput(1, 1.0 * nA, 1.0 * nA, 5.0 * ms)),
    'spikes': lambda: PoissonSpike(1, 1.0 * u.Hz),
}


@pytest.mark.parametrize('make', SOURCES.values(), ids=SOURCES)
def test_dt_must_be_a_time(make):
    source = make()
    with bst.environ.context(i=0), pytest.raises(KeyError, match="'dt' is not set"):
        source()
    with bst.environ.context(i=0, dt=0.1), pytest.raises(UnitError, match='dt = 0.1 has no unit, but needs one like ms'):
        source()


def test_a_current_needs_the_time(dt):
    current = ConstantInput(1, 1.0 * nA, 1.0 * ms)
    with pytest.raises(KeyError, match="'t' is not set .ConstantInput needs the number i of the step, or the time"):
        current()
    with bst.environ.context(t=0.1), pytest.raises(UnitError, match='t = 0.1 has no unit'):
        current()
    with bst.environ.context(i=0.5), pytest.raises(ParameterError, match='i of the step in environ must be an integer, but is 0.5'):
        current()


def test_times_must_be_known_when_a_function_is_compiled(dt):
    with pytest.raises(ParameterError, match='duration must be known when a function is compiled'):
        jax.jit(lambda x: ConstantInput(1, 1.0 * nA, x * ms)().mantissa)(1.0)
