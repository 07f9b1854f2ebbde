"""The order in dt of each method on each model, measured against the classic Runge-Kutta method with far smaller steps."""

from functools import partial
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.numerics import with_unit

from .models import EXACT, MODELS

END = 4.0  # ms
HALVINGS, REFERENCE = 3, 16  # steps of largest / 2**k; the reference has steps this much smaller than the smallest
TOLERANCE = 0.25  # of the order: the next term of the error, at the largest step
ROUNDING = 1e-12  # of values of the size of 100, over some thousand steps


class Start(NamedTuple):
    """Where a smooth trajectory begins, and the largest step in ms."""

    input: Any
    parameters: dict[str, Any] = {}
    largest: float = 0.4


HIGH = {'V_th': 100.0 * u.mV}
STARTS = {
    'IF': Start(0.3 * u.mA, {'V_initializer': 0.5 * u.mV}),
    'LIF': Start(0.3 * u.mA, {'V_initializer': 0.5 * u.mV}),
    'ALIF': Start(0.3 * u.mA, {'a_initializer': 2.0}),
    'CubaLIF': Start(0.3 * u.mA, HIGH | {'g_initializer': 2.0 * u.mA}),
    'CobaLIF': Start(0.3 * u.mA, HIGH | {'E': 10.0 * u.mV, 'g_initializer': 0.5 * u.siemens}),
    'ExpIF': Start(3.0 * u.mA),
    'AdExIF': Start(4.0 * u.mA),
    'QuaIF': Start(6.0 * u.mA),
    'AdQuaIF': Start(6.0 * u.mA),
    'Gif': Start(0.2 * u.mA, {'a': 0.005 / u.ms, 'I1_initializer': 0.5 * u.mA, 'I2_initializer': 0.3 * u.mA}),
    'Izhikevich': Start(3.0 * u.mV / u.ms, {'V_initializer': -70.0 * u.mV, 'u_initializer': -14.0 * u.mV / u.ms}, 0.1),
    'HH': Start(10.0 * u.uA, {'V_initializer': -65.0 * u.mV}, 0.02),
    'WangBuzsakiHH': Start(2.0 * u.uA, {}, 0.04),
    'TraubMilesHH': Start(1.0 * u.nA, {'V_T': -50.0 * u.mV}, 0.02),
    'MorrisLecar': Start(100.0 * u.uA, {'V_initializer': -60.0 * u.mV}, 0.2),
    'FitzHughNagumo': Start(0.5, {}, 0.1),
    'HindmarshRose': Start(2.0, {}, 0.01),
}


@partial(jax.jit, static_argnums=(0, 1))
def end(name, method, dt, steps):
    """The variables after steps of dt: one program for all dt."""
    start = STARTS[name]

    def neuron():
        return bst.nn.init_all_states(MODELS[name].model(1, method=method, **start.parameters))

    first = {path[0]: state.value for path, state in neuron().states(bst.HiddenState).items()}

    def step(_, numbers):
        model = neuron()
        model.get_dt = lambda: dt * u.ms  # the clock of environ is a constant of a program
        for key, value in numbers.items():
            getattr(model, key).value = with_unit(value, u.get_unit(first[key]))
        model(start.input)
        return {key: u.get_mantissa(getattr(model, key).value) for key in numbers}

    return jax.lax.fori_loop(0, steps, step, {key: u.get_mantissa(value) for key, value in first.items()})


def errors(name, method, largest):
    """Steps in ms, and the largest error in any variable at the end."""
    smallest = largest / 2 ** (HALVINGS - 1) / REFERENCE
    exact = end(name, 'rk4', smallest, round(END / smallest))
    steps = largest / 2.0 ** np.arange(HALVINGS)
    found = [end(name, method, dt, round(END / dt)) for dt in steps]
    return steps, np.array([max(float(jnp.max(jnp.abs(values[key] - exact[key]))) for key in exact) for values in found])


@pytest.mark.quick('^(LIF|AdExIF)-')
@pytest.mark.parametrize('method', ['exp_euler', 'rk2', 'rk4'])
@pytest.mark.parametrize('name', STARTS)
def test_the_error_falls_with_the_declared_order(name, method, x64):
    order = {'exp_euler': MODELS[name].order, 'rk2': 2, 'rk4': 4}[method]
    with jax.enable_x64(True):
        steps, error = errors(name, method, STARTS[name].largest)
    if order == EXACT:
        assert error.max() < ROUNDING
        return
    measured = np.polyfit(np.log(steps), np.log(error), 1)[0]
    assert error.min() > 5 * ROUNDING, 'nothing but rounding is left to measure'
    assert measured == pytest.approx(order, abs=TOLERANCE)


def test_every_equation_is_in_the_table():
    """A model that only changes a default has the equations of the one that it is derived from."""
    equations = {
        name: {cls for cls in case.model.__mro__ if any(key.startswith('dV') or key == 'channels' for key in vars(cls))}
        for name, case in MODELS.items()
    }
    assert all(any(own == equations[known] for known in STARTS) for own in equations.values())


def test_the_order_of_a_model_is_that_of_the_models_with_its_equation():
    for name, case in MODELS.items():
        if name.endswith('Ref'):
            assert case.order == MODELS[name.removesuffix('Ref')].order
