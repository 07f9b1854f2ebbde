"""What every spiking model keeps, run over the table of all models.

The runs of a model are compiled once: one program steps a batch, the same neurons one by one, and a neuron for each option.
"""

import inspect
from functools import cached_property
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.numerics import with_unit
from brainpy_state.transform import for_loop, grad

from .models import MODELS, number

pytestmark = pytest.mark.quick('^(LIF|AdExIF|HH)$')

BATCH, SIZE, DURATION, REFRACTORY = 2, 3, 60.0 * u.ms, 8
TWINS = [name for name in MODELS if name.endswith('Ref') and name != 'LIFRef']  # of which only a default differs


def options(case):
    """Names and values of the options that a model is stepped with."""
    refractory = {'tau_ref': REFRACTORY * case.dt}
    options = {'rk2': {'method': 'rk2'}, 'rk4': {'method': 'rk4'}, 'refractory': refractory}
    if not case.model.up_crossing:
        options |= {'hard': {'spk_reset': 'hard'}, 'refractory rk4': refractory | {'method': 'rk4'}}
    return options


class Record(NamedTuple):
    """What happened in each step, by neuron and, after the first, by variable."""

    spikes: Any
    values: Any
    mapped: Any  # the batch, each of its rows stepped by itself under vmap
    single: Any  # the second row of the batch, stepped without batch


class Runs:
    """A model and its runs, each made when first asked for."""

    def __init__(self, case):
        self.case = case
        self.steps = round(float(DURATION / case.dt))
        self.batch = case.make(SIZE)
        self.neurons = {name: case.make(SIZE, **given) for name, given in options(case).items()}
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
        return Record(spike, after, mapped, single)

    def run(self, inputs):
        with bst.environ.context(dt=self.case.dt):
            return jax.tree.map(number, for_loop(self.step, inputs), is_leaf=lambda x: isinstance(x, u.Quantity))

    def fresh(self, inputs):
        self.start()
        return self.run(inputs)

    @cached_property
    def inputs(self):
        """Around the strong current, different for each neuron and step."""
        return jnp.asarray(np.random.default_rng(0).uniform(0.0, 2.0, (self.steps, BATCH, SIZE)), 'float32') * self.case.current

    @cached_property
    def driven(self):
        return self.fresh(self.inputs)

    @cached_property
    def quiet(self):
        return self.fresh(self.inputs * 0.0)

    @cached_property
    def weak(self):
        return self.fresh(self.inputs * 0.0 + self.case.weak)


@pytest.fixture(scope='module', params=[name for name in MODELS if name not in TWINS])
def runs(request):
    return Runs(MODELS[request.param])


@pytest.fixture
def case(runs):
    return runs.case


@pytest.fixture(autouse=True)
def clock(runs):
    with bst.environ.context(dt=runs.case.dt):
        yield


def threshold(neuron, values):
    """The threshold for recorded values of the variables that it depends on."""
    names = inspect.signature(neuron.threshold).parameters
    return number(neuron.threshold(**{name: with_unit(values[name], u.get_unit(getattr(neuron, name).value)) for name in names}))


def refractory(runs):
    return [name for name in runs.neurons if name.startswith('refractory')]


def test_it_fires_with_a_strong_input_only_and_comes_to_rest_without(runs):
    for name, neuron in (runs.neurons | {'batch': runs.batch}).items():
        quiet, weak, driven = (run.spikes[name] for run in (runs.quiet, runs.weak, runs.driven))
        assert (quiet.sum(), weak.sum()) == (0, 0), name
        assert (driven.sum(axis=0) > 0).all(), name
        V = runs.quiet.values[name]['V']
        assert np.abs(V[-1] - V[-2]).max() < 1e-4 * number(neuron.spk_width), name


def test_methods_agree_on_the_number_of_spikes(runs):
    counts = {name: runs.driven.spikes[name].sum() for name in ('rk2', 'rk4')}
    euler = runs.driven.spikes['batch'][:, 1].sum()
    # each of the three neurons may have its last spike just before or after the end; the first-order method runs late
    assert abs(counts['rk2'] - counts['rk4']) <= SIZE
    assert abs(euler - counts['rk4']) <= SIZE + 0.15 * euler


def test_a_batch_equals_vmap_equals_single_neurons(runs):
    for name, together in runs.driven.values['batch'].items():
        # XLA may contract the same float32 operations differently for another shape
        tolerance = {'rtol': 1e-5, 'atol': 1e-6 * np.abs(together).max()}
        np.testing.assert_allclose(runs.driven.mapped[name], together, **tolerance, err_msg=name)
        np.testing.assert_allclose(runs.driven.single[name], together[:, 1], **tolerance, err_msg=name)


def test_a_second_run_does_not_trace_again(runs):
    runs.driven, runs.quiet, runs.weak
    assert runs.traces == 1


def test_initialising_again_gives_the_same_run(runs):
    again = runs.fresh(runs.inputs)
    for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(runs.driven), strict=True):
        np.testing.assert_array_equal(a, b)


def test_states_put_back_give_the_same_next_steps(runs):
    runs.driven
    start = {path: state.value for path, state in runs.batch.states().items()}
    first = runs.run(runs.inputs[::-1])
    bst.nn.init_all_states(runs.batch, batch_size=BATCH)
    for path, state in runs.batch.states().items():
        state.value = start[path]
    second = runs.run(runs.inputs[::-1])
    for name, value in first.values['batch'].items():
        np.testing.assert_array_equal(second.values['batch'][name], value)


def test_stepping_by_hand_equals_the_compiled_loop(runs):
    values = {name: value[0, 1] for name, value in runs.driven.values['batch'].items()}
    units = {path[0]: u.get_unit(state.value) for path, state in runs.batch.states().items()}
    after = runs.one_step({name: with_unit(jnp.asarray(value), units[name]) for name, value in values.items()}, runs.inputs[1, 1])
    for name, value in after.items():
        np.testing.assert_allclose(number(value), runs.driven.values['batch'][name][1, 1], rtol=1e-5, atol=1e-6)


def test_states_and_spikes_keep_their_type(runs):
    assert {str(v.dtype) for name, v in runs.driven.values['batch'].items() if name != 'refractory'} == {'float32'}
    with bst.environ.context(precision=64):
        neuron = bst.nn.init_all_states(runs.case.make(SIZE, tau_ref=1.0 * u.ms))
        before = {path: (state.value.dtype, u.get_unit(state.value)) for path, state in neuron.states().items()}
        assert neuron(runs.case.current).dtype == neuron.V.value.dtype == 'float64'
        assert {path: (state.value.dtype, u.get_unit(state.value)) for path, state in neuron.states().items()} == before


def test_the_spike_of_a_step_is_a_state_and_0_or_1(runs):
    for name, spikes in runs.driven.spikes.items():
        np.testing.assert_array_equal(runs.driven.values[name]['spike'], spikes)
        assert set(np.unique(spikes)) == {0.0, 1.0}


def test_a_hard_reset_puts_v_at_v_reset_in_the_step_of_the_spike(runs):
    if runs.case.model.up_crossing:
        assert not hasattr(runs.batch, 'V_reset')
        return
    neuron, spikes, values = runs.neurons['hard'], runs.driven.spikes['hard'] > 0, runs.driven.values['hard']
    np.testing.assert_array_equal(values['V'][spikes], np.float32(number(neuron.V_reset)))
    assert (values['V'] < threshold(neuron, values))[~spikes].all()


def test_a_soft_reset_leaves_v_at_or_above_v_reset(runs):
    if runs.case.model.up_crossing:
        return
    reset = number(runs.batch.V_reset)
    after = runs.driven.values['rk2']['V'][runs.driven.spikes['rk2'] > 0]
    assert (after >= reset - 1e-6 * np.abs(reset)).all()
    if runs.case.model.runs_away:  # the overshoot of a spike that runs away is cut
        np.testing.assert_allclose(after, reset, rtol=1e-6)


def test_without_a_reset_a_spike_is_a_crossing_from_below(runs):
    if not runs.case.model.up_crossing:
        return
    V, spikes = runs.driven.values['rk2']['V'], runs.driven.spikes['rk2']
    limit = number(runs.batch.V_th)
    np.testing.assert_array_equal(spikes[1:] > 0, (V[1:] >= limit) & (V[:-1] < limit))
    assert np.ptp(V[1:][spikes[1:] > 0]) > 0


def test_the_shortest_interval_is_exactly_the_refractory_period_in_steps(case):
    neuron = case.make(1, tau_ref=REFRACTORY * case.dt, spk_reset='soft')
    to = bst.DeltaProj(comm=lambda jump: jump, post=neuron)
    bst.nn.init_all_states(neuron)

    def step(sign):
        if not case.model.up_crossing:
            return neuron(1000.0 * case.current)
        to(neuron.V_th + sign * neuron.spk_width - neuron.V.value)  # in turns far above and below the threshold
        return neuron()

    spikes = np.asarray(for_loop(step, jnp.resize(jnp.array([2.0, -2.0]), 10 * REFRACTORY)))[:, 0]
    np.testing.assert_array_equal(np.flatnonzero(spikes), np.arange(0, 10 * REFRACTORY, REFRACTORY))


def test_a_refractory_neuron_is_silent_and_its_v_stands_still_if_it_was_reset(runs):
    for name in refractory(runs):
        spikes, values = runs.driven.spikes[name], runs.driven.values[name]
        held = values['refractory'] > 0  # after a step: the next one is refractory
        assert held.any()
        assert spikes[1:][held[:-1]].sum() == 0
        moved = (np.diff(values['V'], axis=0) != 0)[held[:-1]]
        assert moved.all() if runs.case.model.up_crossing else not moved.any()


@pytest.mark.quick('LIF')
def test_the_gradient_is_finite_and_not_zero_and_can_stop_at_the_reset(case):
    options = [{}] if case.model.up_crossing else [{}, {'detach_reset': True}]
    neurons = [case.make(1, **given) for given in options]
    steps = round(float(DURATION / case.dt))

    def count(scales):
        bst.nn.init_all_states(neurons)
        spikes = for_loop(lambda: [neuron(scale * case.current) for neuron, scale in zip(neurons, scales, strict=True)], length=steps)
        return sum(jnp.sum(s) for s in spikes), spikes

    for scale in (0.7, 1.0):
        gradients, spikes = grad(count, has_aux=True)([scale] * len(neurons))
        assert np.isfinite(gradients).all()
        assert all(gradients)
        if len(neurons) == 2:
            assert gradients[0] != gradients[1]
            np.testing.assert_array_equal(*spikes)


def test_one_number_as_input_reaches_every_neuron_and_none_is_zero(case):
    a, b = (bst.nn.init_all_states(case.make(SIZE), batch_size=BATCH) for _ in range(2))
    assert a(case.current).shape == (BATCH, SIZE)
    assert np.ptp(number(a.V.value)) == 0
    bst.nn.init_all_states(a)
    bst.nn.init_all_states(b)
    a(), b(0.0 * case.current)
    for x, y in zip(a.states().values(), b.states().values(), strict=True):
        np.testing.assert_array_equal(number(x.value), number(y.value))


def test_bad_input_is_refused(case):
    neuron = bst.nn.init_all_states(case.make(SIZE, name='net.E'))
    with pytest.raises(bst.UnitError, match="'net.E': current .*unit"):
        neuron(1.0 * u.kelvin)
    with pytest.raises(bst.ShapeError, match=r"'net.E': current has shape \(4,\), expected \(3,\)"):
        neuron(np.ones(4) * case.current)
    with bst.environ.context(dt=0.1), pytest.raises(bst.UnitError, match=r"'net.E': .*dt = 0.1"):
        neuron(case.current)
    with pytest.raises(bst.ParameterError, match="spk_reset is 'none', but must be one of 'soft', 'hard'"):
        case.make(1, spk_reset='none')
    with pytest.raises(bst.ParameterError, match="method is 'euler', but must be one of 'exp_euler', 'rk2', 'rk4'"):
        case.make(1, method='euler')
    if case.model.up_crossing:
        for option in ({'spk_reset': 'hard'}, {'detach_reset': True}):
            with pytest.raises(bst.ParameterError, match=f'{next(iter(option))}=.* is given, but this model has no reset'):
                case.make(1, **option)


def test_every_parameter_is_checked(case):
    for name, parameter in case.model.parameters.items():
        unit = u.get_unit(parameter.like)
        with pytest.raises(bst.UnitError, match=f'{name} .*unit'):
            case.make(1, **{name: 1.0 * unit * u.kelvin})
        with pytest.raises(bst.ShapeError, match=f'{name} has shape'):
            case.make(3, **{name: with_unit(np.ones(2), unit)})
        with pytest.raises(bst.ParameterError, match=f'{name} = nan.* is not finite'):
            case.make(1, **{name: with_unit(np.nan, unit)})
        if parameter.constraint is not None:
            with pytest.raises(bst.ParameterError, match=f'{name} = -1.* must be {parameter.constraint.text}'):
                case.make(1, **{name: with_unit(-1.0, unit)})
    if not case.model.up_crossing:
        threshold = 'V_th_reset' if 'V_th_reset' in case.model.parameters else 'V_th'
        with pytest.raises(bst.ParameterError, match=f'{threshold} = .* must (lie above|be positive)'):
            case.make(1, **{threshold: case.make(1).V_reset})


def test_a_neuron_belongs_to_the_tree_of_a_network(case):
    class Net(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.E = case.make(2)

    net = bst.nn.init_all_states(Net())
    assert {('E', name) for name, x in case.model.variables.items() if x.kind is bst.HiddenState and x.stored} == set(
        net.states(bst.HiddenState)
    )
    assert net.E.label.endswith("'E'")
