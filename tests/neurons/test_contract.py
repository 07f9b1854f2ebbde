"""What every spiking model keeps, run over the table of all models.

The runs of a model are compiled once: one program steps a batch, the same neurons one by one, and a neuron for each option.
"""

from functools import cached_property

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.transform import for_loop, grad

from .models import MODELS, number

DT = 0.1 * u.ms
TAU_REF, REFRACTORY = 0.8 * u.ms, 8
BATCH, SIZE, STEPS = 2, 3, 600
RESETTING = {'hard': {'spk_reset': 'hard'}, 'detached': {'detach_reset': True}}
OPTIONS = {
    'rk2': {'method': 'rk2'},
    'rk4': {'method': 'rk4'},
    'refractory': {'tau_ref': TAU_REF},
    'refractory rk4': {'tau_ref': TAU_REF, 'method': 'rk4'},
}


class Runs:
    """A model and its runs, each made when first asked for."""

    def __init__(self, case):
        self.case = case
        self.options = OPTIONS | ({} if case.model.up_crossing else RESETTING)
        self.batch = case.make(SIZE)
        self.neurons = {name: case.make(SIZE, **options) for name, options in self.options.items()}
        self.traces = 0

    def start(self):
        bst.nn.init_all_states(self.batch, batch_size=BATCH)
        for neuron in self.neurons.values():
            bst.nn.init_all_states(neuron)

    def values(self, neuron):
        return {path[0]: state.value for path, state in neuron.states().items()}

    def one_step(self, values, x):
        """The values after one step of a neuron made for the purpose."""
        neuron = bst.nn.init_all_states(self.case.make(SIZE))
        for name, value in values.items():
            getattr(neuron, name).value = value
        neuron(x)
        return self.values(neuron)

    def step(self, x):
        self.traces += 1
        before = self.values(self.batch)
        spike = {'batch': self.batch(x)} | {name: neuron(x[1]) for name, neuron in self.neurons.items()}
        after = {name: self.values(neuron) for name, neuron in self.neurons.items()} | {'batch': self.values(self.batch)}
        mapped = jax.vmap(self.one_step)(before, x)
        single = self.one_step(jax.tree.map(lambda v: v[1], before), x[1])
        return spike, after, mapped, single

    def run(self, inputs):
        with bst.environ.context(dt=DT):
            return jax.tree.map(number, for_loop(self.step, inputs), is_leaf=lambda x: isinstance(x, u.Quantity))

    def fresh(self, inputs):
        self.start()
        return self.run(inputs)

    @cached_property
    def inputs(self):
        """Around the strong current, different for each neuron and step."""
        return jnp.asarray(np.random.default_rng(0).uniform(0.0, 2.0, (STEPS, BATCH, SIZE)), 'float32') * self.case.current

    @cached_property
    def driven(self):
        return self.fresh(self.inputs)

    @cached_property
    def quiet(self):
        return self.fresh(self.inputs * 0.0)

    @cached_property
    def weak(self):
        return self.fresh(self.inputs * 0.0 + self.case.weak)

    @cached_property
    def alternating(self):
        """Much too strong an input, in turns inwards and outwards."""
        sign = np.resize([1.0, -1.0], STEPS).astype('float32')[:, None, None]
        return self.fresh(self.inputs * 0.0 + sign * self.case.strong * self.case.current)


@pytest.fixture(scope='module', params=MODELS)
def runs(request):
    return Runs(MODELS[request.param])


def of(run, name):
    """Spikes and V of one neuron of a run."""
    return run[0][name], run[1][name]['V']


def numbers(x):
    return np.asarray(u.get_mantissa(x))
