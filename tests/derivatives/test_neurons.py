"""The derivative of every neuron by everything that can be trained equals central differences of the smoothed program."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst

from .smoothed import Program, Spike, agree, derivatives, public, trained_values

pytestmark = pytest.mark.usefixtures('x64')

DT, STEPS = 0.1 * u.ms, 80
LADDER = np.array([0.01, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 200.0])  # of inputs, in the model's own unit: some neurons stay silent


MODELS = {name: cls for name, cls in public(bst.Neuron).items() if cls.lacks() is None}
RESETTING = {'soft': {'spk_reset': 'soft'}, 'hard and refractory': {'spk_reset': 'hard', 'tau_ref': 0.5 * u.ms}}
CROSSING = {'crossing': {}, 'crossing and refractory': {'tau_ref': 0.5 * u.ms}}
FORMS = [(name, [*(CROSSING if cls.up_crossing else RESETTING)]) for name, cls in MODELS.items()]
CASES = [(name, form) for k, (name, forms) in enumerate(FORMS) for form in (forms if name == 'LIF' else forms[k % 2 :][:1])]


def program_of(cls, options, states):
    spike, model = Spike(), bst.nn.Module()
    variables = [name.removesuffix('_initializer') for name in states if name.endswith('_initializer')]
    trained = {name: state for name, state in states.items() if name != 'I'}
    model.neuron = neuron = cls(len(LADDER), spk_fun=spike, **trained, **options)

    def step(x):
        neuron(states['I'].value * x)
        return [neuron.spike.value, *(getattr(neuron, name).value for name in variables)]

    return Program(model, step, jnp.asarray(1 + 0.3 * np.sin(np.arange(STEPS))), spike)


@pytest.mark.quick('^LIF-soft')
@pytest.mark.parametrize(('name', 'form'), CASES)
def test_every_neuron(name, form, monkeypatch):
    cls, options = MODELS[name], (RESETTING | CROSSING)[form]
    with bst.environ.context(dt=DT):
        states = {key: bst.ParamState(value) for key, value in trained_values(cls, len(LADDER)).items()}
        states['I'] = bst.ParamState(jnp.asarray(LADDER) * cls.input_like)
        found, results = derivatives(program_of(cls, options, states), program_of(cls, options, states), states, monkeypatch)
    spikes = np.sum(results[0], axis=0)
    assert spikes.max() > 0
    agree(found)


@pytest.mark.quick('Param$')
@pytest.mark.parametrize('trained', [bst.ParamState, bst.nn.Param], ids=lambda x: x.__name__)
def test_a_refractory_period_is_refused_by_name(trained):
    neuron = bst.LIF(2, tau_ref=trained(1.0 * u.ms))

    def loss():
        bst.nn.init_all_states(neuron)
        return neuron(0.0 * u.mA).sum()

    with bst.environ.context(dt=DT), pytest.raises(bst.ParameterError, match='LIF: tau_ref acts in whole steps, so there is no derivative'):
        bst.transform.grad(loss, neuron.states(bst.ParamState))()
