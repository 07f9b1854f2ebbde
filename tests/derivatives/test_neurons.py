"""The derivative of every neuron by everything that can be trained equals central differences of the smoothed program."""

import inspect

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.numerics import with_unit

from .smoothed import Program, Spike, agree, derivatives

pytestmark = pytest.mark.usefixtures('x64')

DT, STEPS = 0.1 * u.ms, 80
LADDER = np.array([0.01, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 200.0])  # of inputs, in the model's own unit: some neurons stay silent


def public(base):
    """All that can be simulated, by name; another name of the same class counts once."""
    found = {name: x for name, x in vars(bst).items() if inspect.isclass(x) and issubclass(x, base)}
    return {name: cls for name, cls in found.items() if name == cls.__name__}


MODELS = {name: cls for name, cls in public(bst.Neuron).items() if cls.lacks() is None}
RESETTING = {'soft': {'spk_reset': 'soft'}, 'hard and refractory': {'spk_reset': 'hard', 'tau_ref': 0.5 * u.ms}}
CROSSING = {'crossing': {}, 'crossing and refractory': {'tau_ref': 0.5 * u.ms}}
CASES = [(name, form) for name, cls in MODELS.items() for form in (CROSSING if cls.up_crossing else RESETTING)]


def values_of(cls):
    """A value for each parameter, zero ones moved a little, and first values of the variables."""
    plain = bst.nn.init_all_states(cls(len(LADDER)))
    given = {}
    for name in cls.parameters:
        value = getattr(plain, name)
        if value is not None and name != 'tau_ref':
            number, unit = np.asarray(u.get_mantissa(value), float), u.get_unit(value)
            given[name] = with_unit(jnp.asarray(np.where(number == 0, 0.01, number)), unit)
    rng = np.random.default_rng(2)
    for path, state in plain.states(bst.HiddenState).items():
        number, unit = np.asarray(u.get_mantissa(state.value), float), u.get_unit(state.value)
        given[f'{path[-1]}_initializer'] = with_unit(jnp.asarray(number + 0.01 * rng.random(number.shape)), unit)
    return given


def program_of(cls, options, states):
    spike, model = Spike(), bst.nn.Module()
    variables = [name.removesuffix('_initializer') for name in states if name.endswith('_initializer')]
    trained = {name: state for name, state in states.items() if name != 'I'}
    model.neuron = neuron = cls(len(LADDER), spk_fun=spike, **trained, **options)

    def step(x):
        neuron(states['I'].value * x)
        return [neuron.spike.value, *(getattr(neuron, name).value for name in variables)]

    return Program(model, step, jnp.asarray(1 + 0.3 * np.sin(np.arange(STEPS))), spike)


@pytest.mark.quick('^(LIF-soft|AdExIF-hard)')
@pytest.mark.parametrize(('name', 'form'), CASES)
def test_every_neuron(name, form, monkeypatch):
    cls, options = MODELS[name], (RESETTING | CROSSING)[form]
    with bst.environ.context(dt=DT):
        states = {key: bst.ParamState(value) for key, value in values_of(cls).items()}
        states['I'] = bst.ParamState(jnp.asarray(LADDER) * cls.input_like)
        found, results = derivatives(program_of(cls, options, states), program_of(cls, options, states), states, monkeypatch)
    spikes = np.sum(results[0], axis=0)
    assert spikes.max() > 0
    agree(found)
