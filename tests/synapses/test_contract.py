"""What every synapse keeps, run over the table of all synapses."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.nn import init_all_states
from brainpy_state.transform import for_loop, grad, jit

from .models import CASES, simulate

pytestmark = pytest.mark.quick(r'^(Expon|STP)\b(?! of)')

SIZE, STEPS = 3, 20


@pytest.fixture(scope='module', params=CASES.values(), ids=CASES)
def case(request):
    return request.param


@pytest.fixture(scope='module')
def synapse(case):
    """One object for all tests, so that its loop is compiled once."""
    return case.make(SIZE)


def spikes(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).random((STEPS, *shape)) < 0.2, float)


def test_it_is_silent_without_spikes_and_not_with_them(case, synapse):
    assert simulate(synapse, 0.0 * spikes((SIZE,)) * case.input).sum() == 0
    response = simulate(synapse, spikes((SIZE,)) * case.input)
    assert (response >= 0).all()
    assert (response.sum(axis=0) > 0).all()


def test_a_batch_equals_single_runs(case, synapse):
    x = spikes((2, SIZE))
    together = simulate(synapse, x * case.input, batch=2)
    for k in range(2):
        # XLA may contract the same float32 operations differently for another shape
        np.testing.assert_allclose(together[:, k], simulate(synapse, x[:, k] * case.input), rtol=1e-5)


def test_initialising_again_gives_the_same_run(case, synapse):
    x = spikes((SIZE,)) * case.input
    np.testing.assert_array_equal(simulate(synapse, x), simulate(synapse, x))


def test_states_put_back_give_the_same_next_steps(case, synapse):
    simulate(synapse, spikes((SIZE,)) * case.input)
    snapshot = {path: state.value for path, state in synapse.states().items()}
    x = spikes((SIZE,), seed=1) * case.input
    first = simulate(synapse, x, fresh=False)
    other = init_all_states(case.make(SIZE))
    for model in (synapse, other):
        for path, state in model.states().items():
            state.value = snapshot[path]
        np.testing.assert_array_equal(simulate(model, x, fresh=False), first)


def test_the_second_step_does_not_trace_again(case, dt):
    model, traces = init_all_states(case.make(SIZE)), []

    @jit
    def step(x):
        traces.append(x)
        return model(x)

    for k in range(3):
        step(jnp.full(SIZE, float(k % 2)) * case.input)
    assert len(traces) == 1


def test_unit_and_type_are_kept(case, dt, precision):
    model = init_all_states(case.make(SIZE), batch_size=2)
    before = {path: (u.get_unit(s.value), s.value.dtype, s.value.shape) for path, s in model.states().items()}
    for _ in range(2):
        out = model(jnp.ones((2, SIZE)) * case.input)
    assert {path: (u.get_unit(s.value), s.value.dtype, s.value.shape) for path, s in model.states().items()} == before
    assert out.dtype == f'float{precision}'
    assert out.shape == (2, SIZE)
    assert u.get_unit(out) == case.output


def test_an_input_of_another_unit_is_an_error(case, dt):
    model = init_all_states(case.make(SIZE))
    with pytest.raises(bst.UnitError, match=f'{type(model).__name__}: (input|spikes) '):
        model(case.input * u.mV)


@pytest.mark.parametrize('shape', [(4,), (5, SIZE)])
def test_an_input_that_does_not_fit_is_an_error(case, dt, shape):
    model = init_all_states(case.make(SIZE))
    with pytest.raises(bst.ShapeError, match=rf'(input|spikes) has shape \({shape[0]},.*does not broadcast to \(3,\)'):
        model(jnp.ones(shape) * case.input)


def test_one_spike_reaches_every_element(case, dt):
    model = init_all_states(case.make((2, SIZE)))
    model(case.input)
    assert all(np.ptp(u.get_mantissa(s.value)) == 0 and s.value.shape == (2, SIZE) for s in model.states().values())


def test_the_gradient_by_the_input_is_finite_and_not_zero(case, synapse, dt):
    x = spikes((SIZE,))

    def loss(factor):
        init_all_states(synapse)
        return jnp.sum(u.get_mantissa(for_loop(lambda x: synapse(x * factor * case.input), x)))

    slope = float(grad(loss)(1.0))
    assert np.isfinite(slope)
    assert slope > 0


@pytest.mark.parametrize('case', [c for c in CASES.values() if c.aligned], ids=[k for k, c in CASES.items() if c.aligned])
def test_an_aligned_synapse_is_linear_in_its_input(case, x64):
    model, (a, b) = case.make(SIZE), (spikes((SIZE,), seed) for seed in (0, 1))
    both, one, other = (simulate(model, x * case.input) for x in (a + 2.0 * b, a, b))
    # some hundred roundings of numbers of one sign
    np.testing.assert_allclose(both, one + 2.0 * other, rtol=1e-13)


def test_a_parameter_for_each_element_equals_single_elements(case, x64):
    name = next(k for k, p in case.make(1).parameters.items() if p.constraint is bst.nn.positive)
    values = np.array([0.5, 1.0, 1.5]) * case.make(1).parameters[name].default
    together = simulate(case.make(SIZE, **{name: values}), spikes((SIZE,)) * case.input)
    last = simulate(case.make(1, **{name: values[2]}), spikes((SIZE,))[:, 2:] * case.input)
    np.testing.assert_allclose(together[:, 2:], last, rtol=1e-13)


def test_each_parameter_is_checked_and_described(case):
    model = case.make(1)
    rows = {name: (default, meaning) for name, default, meaning in bst.modules._describe.parameter_rows(type(model))}
    assert rows.keys() == model.parameters.keys()
    for name, parameter in model.parameters.items():
        assert name in type(model).__doc__
        assert len(rows[name][1]) > len('See the equations.')
        with pytest.raises(bst.ParameterError, match=f'{name} = nan.* is not finite'):
            case.make(1, **{name: np.nan * parameter.default})
        if not parameter.any_unit:
            with pytest.raises(bst.UnitError, match=f': {name} '):
                case.make(1, **{name: parameter.default * u.kelvin})
        if parameter.constraint is not None:
            with pytest.raises(bst.ParameterError, match=f': {name} = .* must be {parameter.constraint.text}'):
                case.make(1, **{name: -1.0 * parameter.default})


def test_dt_is_needed(case):
    with pytest.raises(KeyError, match="'dt' is not set"):
        init_all_states(case.make(1))(case.input)
