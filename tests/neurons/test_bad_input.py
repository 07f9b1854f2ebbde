"""Bad input is one clear line: class, parameter, value, unit and the likely fix."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import LIF, ParameterError, ShapeError, UnitError


def ready(size=100, batch=None, **parameters):
    return bst.nn.init_all_states(LIF(size, name='net.E', **parameters), batch_size=batch)


def step(x, dt=0.1 * u.ms, **kwargs):
    with bst.environ.context(dt=dt):
        return ready(**kwargs)(x)


# what is done, the built-in class people catch, ours, and what the message must contain
FAULTS = {
    'tau without a unit': (lambda: LIF(1, tau=5), TypeError, UnitError, ('LIF', 'tau', '5', 'no unit', 'tau=5 * u.ms')),
    'tau negative': (lambda: LIF(1, tau=-5 * u.ms), ValueError, ParameterError, ('LIF', 'tau', '-5 ms', 'positive')),
    'tau zero': (lambda: LIF(1, tau=0 * u.ms), ValueError, ParameterError, ('LIF', 'tau', '0 ms', 'positive')),
    'V_th in mA': (lambda: LIF(1, V_th=20.0 * u.mA), TypeError, UnitError, ('LIF', 'V_th', '20', 'mA', 'V_th=20.0 * u.mV')),
    'V_th below V_reset': (
        lambda: LIF(1, V_th=-60.0 * u.mV, V_reset=-50.0 * u.mV),
        ValueError, ParameterError, ('LIF', 'V_th = -60. mV', 'above', 'V_reset = -50. mV'),
    ),
    'V_th equal to V_reset': (lambda: LIF(1, V_th=0.0 * u.mV), ValueError, ParameterError, ('LIF', 'V_th = 0. mV', 'above', 'V_reset = 0. mV')),
    'R in siemens': (lambda: LIF(1, R=10.0 * u.nS), TypeError, UnitError, ('LIF', 'R', '10', 'nS', 'ohm')),
    'tau of another size': (
        lambda: LIF(3, tau=np.ones(2) * u.ms), ValueError, ShapeError, ('LIF', 'tau', '(2,)', 'size (3,)'),
    ),
    'unknown parameter': (lambda: LIF(1, tau_m=5.0 * u.ms), TypeError, TypeError, ('LIF', 'tau_m', 'tau', 'V_th')),
    'unknown reset': (lambda: LIF(1, spk_reset='no'), ValueError, ParameterError, ('LIF', 'spk_reset', "'no'", "'soft'", "'hard'")),
    'size of no integer': (lambda: LIF(2.5), ValueError, ValueError, ('LIF', 'size', '2.5', 'integer')),
    'input of another size': (lambda: step(jnp.ones(80) * u.mA), ValueError, ShapeError, ("LIF 'net.E'", 'current', '(80,)', '(100,)')),
    'input of another size, batched': (
        lambda: step(jnp.ones((32, 80)) * u.mA, batch=32),
        ValueError, ShapeError, ("LIF 'net.E'", 'current', '(32, 80)', '(100,)', '(32, 100)', 'batch 32'),
    ),
    'input with a batch axis, not batched': (
        lambda: step(jnp.ones((32, 100)) * u.mA), ValueError, ShapeError, ("LIF 'net.E'", 'current', '(32, 100)', '(100,)'),
    ),
    'input without a unit': (lambda: step(20.0), TypeError, UnitError, ("LIF 'net.E'", 'current', '20.0', 'no unit', 'mA', 'current=20.0 * u.mA')),
    'input in mV': (lambda: step(20.0 * u.mV), TypeError, UnitError, ("LIF 'net.E'", 'current', '20. mV', 'mA', 'current=20.0 * u.mA')),
    'dt without a unit': (lambda: step(1.0 * u.mA, dt=0.1), TypeError, UnitError, ("LIF 'net.E'", 'dt = 0.1', 'time')),
    'dt in mV': (lambda: step(1.0 * u.mA, dt=0.1 * u.mV), TypeError, UnitError, ("LIF 'net.E'", 'dt = 0.1 mV', 'time')),
    'used before init_all_states': (
        lambda: LIF(1, name='net.E')(1.0 * u.mA),
        AttributeError, bst.BrainStateError, ("LIF 'net.E'", 'V', 'not allocated', 'brainpy_state.nn.init_all_states(model)'),
    ),
    'spikes before init_all_states': (
        lambda: LIF(1).get_spike(), AttributeError, bst.BrainStateError, ('LIF', 'spike', 'init_all_states'),
    ),
    'more sources asked for than neurons': (
        lambda: bst.fixed_indegree(10, 5, 20, weight=1.0, allow_multapses=False),
        ValueError, ParameterError, ('fixed_indegree', 'indegree = 20', '10', 'pre = 10', 'allow_multapses=True'),
    ),
    'more targets than neurons': (
        lambda: bst.one_to_one(10, 20, weight=1.0), ValueError, ParameterError, ('one_to_one', '20 targets', '10 sources', 'same size'),
    ),
}  # fmt: skip


@pytest.mark.parametrize(('do', 'builtin', 'ours', 'parts'), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_line_that_says_what_where_and_how_to_mend_it(do, builtin, ours, parts):
    with pytest.raises(ours) as error:
        do()
    message = str(error.value)
    assert isinstance(error.value, builtin)
    assert [part for part in parts if part not in message] == []
    assert '\n' not in message


def test_a_missing_dt_is_named_with_what_to_write():
    with pytest.raises(KeyError) as error:
        ready()(1.0 * u.mA)
    message = str(error.value)
    assert "'dt' is not set (" in message
    assert ' needs the time step of the simulation): wrap the run in ' in message
    assert '\n' not in message
    assert 'brainpy_state.environ.context(dt=0.1 * u.ms)' in message
    assert 'brainpy_state.environ.set(dt=0.1 * u.ms)' in message


@pytest.mark.parametrize('x', [jnp.ones(80) * u.mA, 20.0, 20.0 * u.mV], ids=['shape', 'no unit', 'unit'])
def test_a_bad_input_inside_a_compiled_loop_is_the_same_error(x):
    neuron = ready()
    with bst.environ.context(dt=0.1 * u.ms), pytest.raises((ShapeError, UnitError), match="LIF 'net.E'"):
        bst.transform.for_loop(lambda: neuron(x), length=3)
    assert not np.any(neuron.V.value.mantissa)


def test_a_neuron_is_named_by_its_place_in_the_network():
    class Net(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [LIF(2), LIF(3)]

    net = bst.nn.init_all_states(Net())
    with bst.environ.context(dt=0.1 * u.ms), pytest.raises(ShapeError, match=r"LIF 'layers\.1': current has shape \(2,\)"):
        net.layers[1](np.ones(2) * u.mA)
