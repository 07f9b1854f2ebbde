"""The derivative of every input by everything that can be trained equals central differences; that of what is drawn is that of its mean."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.inputs._base import Input

from .smoothed import Program, Spike, agree, derivatives, public

pytestmark = pytest.mark.usefixtures('x64', 'dt')

SIZE, STEPS = 3, 30
SEEDED = {'seed': 7}
# What each input is built with: what is trained, and the rest.
INPUTS = {
    'ConstantInput': ({'value': [0.1, 0.2, 0.3] * u.nA}, {}),
    'RampInput': ({'c_start': [0.1, 0.2, 0.3] * u.nA, 'c_end': 2.0 * u.nA}, {'duration': 2.0 * u.ms}),
    'SinusoidalInput': ({'amplitude': [1.0, 2.0, 3.0] * u.nA, 'frequency': [10.0, 70.0, 200.0] * u.Hz, 'bias': 0.5 * u.nA}, {}),
    'WienerProcessInput': ({'sigma': [1.0, 2.0, 3.0] * u.nA * u.ms**0.5}, SEEDED),
    'OUProcessInput': (
        {'mean': 0.5 * u.nA, 'sigma': [1.0, 2.0, 3.0] * u.nA, 'tau': 4.0 * u.ms, 'x_initializer': [0.2, 0.3, 0.4] * u.nA}, SEEDED
    ),
}  # fmt: skip
# These have no parameters: numbers that are fixed when they are built, or rates that are given to each call.
OTHERS = {'SectionInput', 'StepInput', 'SpikeTime', 'PoissonEncoder'}


def trained(values):
    return {key: bst.ParamState(u.math.asarray(value, dtype=float)) for key, value in values.items()}


def test_every_input_is_tested():
    of_rates = {'PoissonSpike', 'PoissonInput'}
    assert set(public(Input)) - {'RandomInput'} == {*INPUTS, *OTHERS, *of_rates}
    assert all(set(getattr(bst, name).parameters) <= set(values) for name, (values, _) in INPUTS.items())
    assert not any(getattr(bst, name).parameters for name in OTHERS)


@pytest.mark.quick('OU')
@pytest.mark.parametrize('name', INPUTS)
def test_every_input(name, monkeypatch):
    values, options = INPUTS[name]
    states = trained(values)
    source = getattr(bst, name)(SIZE, **states, **options)

    def step(i):
        with bst.environ.context(i=i):
            return [source()]

    program = Program(source, step, jnp.arange(STEPS), Spike())
    agree(derivatives(program, program, states, monkeypatch)[0])


def slopes(source, states, receive):
    """The sum of what is received in all steps, each neuron with a share of its own, and its derivatives."""
    share = jnp.array([1.0, -2.0, 3.0])

    def loss():
        bst.nn.init_all_states(source)
        return bst.transform.for_loop(lambda i: jnp.sum(share * receive()), jnp.arange(STEPS)).sum()

    grads = bst.transform.grad(loss, states)()
    return share, {key: np.asarray(u.get_mantissa(x)) for key, x in grads.items()}


def test_the_rates_of_spikes_have_the_derivative_of_their_probability():
    states = trained({'freqs': [10.0, 100.0, 2000.0] * u.Hz})
    source = bst.PoissonSpike(SIZE, **states, spk_type=float, seed=7)
    share, found = slopes(source, states, source)
    per_hertz = 1e-4  # a step of 0.1 ms
    expected = STEPS * share * per_hertz * np.exp(-per_hertz * np.array([10.0, 100.0, 2000.0]))
    np.testing.assert_allclose(found['freqs'], expected, rtol=1e-12)


def test_poisson_drive_has_the_derivative_of_its_mean_by_rate_and_number_and_its_own_by_weight():
    values = {'num_input': np.array([100.0, 50.0, 10.0]), 'freq': 40.0 * u.Hz, 'weight': 0.5 * u.mV}
    states = trained(values)
    model = bst.nn.Module()
    model.neuron = neuron = bst.LIF(SIZE, V_th=1e6 * u.mV)
    model.drive = drive = bst.PoissonInput(neuron, **states, seed=7)

    def receive():
        drive()
        received = neuron.delta.value.to_decimal(u.mV)
        neuron.delta.value = 0.0 * neuron.delta.value
        return received

    share, found = slopes(model, states, receive)
    bst.nn.init_all_states(model)
    counts = np.asarray(bst.transform.for_loop(lambda i: receive() / 0.5, jnp.arange(STEPS)))
    assert counts.sum() > 0 and np.array_equal(counts, np.round(counts))
    np.testing.assert_allclose(found['weight'], (share * counts).sum(), rtol=1e-9)
    np.testing.assert_allclose(found['num_input'], STEPS * 0.5 * share * 40.0 * 1e-4, rtol=1e-9)
    np.testing.assert_allclose(found['freq'], STEPS * 0.5 * 1e-4 * (share * values['num_input']).sum(), rtol=1e-9)
