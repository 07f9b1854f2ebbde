"""What every spiking model keeps, run over the table of all models."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.transform import for_loop, grad, jit

from .models import MODELS, simulate

pytestmark = pytest.mark.parametrize('case', MODELS.values(), ids=MODELS)
SIZE, STEPS = 3, 150


def drive(case, shape, steps=STEPS, seed=0):
    """Inputs around the strong current, different for each neuron and step."""
    factor = np.random.default_rng(seed).uniform(0.0, 2.0, (steps, *shape))
    return jnp.asarray(factor) * case.current


def test_it_rests_without_input_and_fires_with_a_strong_one(case, dt):
    quiet, V = simulate(bst.nn.init_all_states(case.make(SIZE)), drive(case, (SIZE,)) * 0.0, dt)
    assert quiet.sum() == 0
    np.testing.assert_allclose(V, np.broadcast_to(V[0], V.shape), rtol=1e-6)
    active, _ = simulate(bst.nn.init_all_states(case.make(SIZE)), drive(case, (SIZE,)), dt)
    assert (active.sum(axis=0) > 1).all()


def test_no_input_equals_an_input_of_zero(case, dt):
    a, b = (bst.nn.init_all_states(case.make(SIZE, V_initializer=lambda s: case.make(1).V_rest + np.zeros(s) * u.mV)) for _ in range(2))
    a(), b(0.0 * case.current)
    np.testing.assert_array_equal(a.V.value.mantissa, b.V.value.mantissa)


def test_a_batch_equals_single_runs(case, dt):
    inputs = drive(case, (4, SIZE))
    together = simulate(bst.nn.init_all_states(case.make(SIZE), batch_size=4), inputs, dt)
    for k in range(4):
        single = simulate(bst.nn.init_all_states(case.make(SIZE)), inputs[:, k], dt)
        np.testing.assert_array_equal(together[0][:, k], single[0])
        # XLA may contract the same float32 operations differently for another shape
        np.testing.assert_allclose(together[1][:, k], single[1], rtol=1e-5, atol=1e-6)


def test_a_batch_equals_raw_vmap_over_the_whole_run(case, dt):
    inputs = drive(case, (4, SIZE))
    together = simulate(bst.nn.init_all_states(case.make(SIZE), batch_size=4), inputs, dt)

    def single(factor):
        neuron = bst.nn.init_all_states(case.make(SIZE))  # made inside: its states are locals of the lane

        def body(carry, x):
            spike = neuron(x * case.current)
            return carry, (spike, neuron.V.value.to_decimal(u.mV))

        return bst.transform.scan(body, 0, factor)[1]

    mapped = jax.vmap(single, in_axes=1, out_axes=1)(inputs / case.current)
    np.testing.assert_array_equal(together[0], mapped[0])
    np.testing.assert_allclose(together[1], mapped[1], rtol=1e-5, atol=1e-6)


def test_a_population_of_two_axes_equals_the_flat_one(case, dt):
    inputs = drive(case, (2, SIZE))
    grid = simulate(bst.nn.init_all_states(case.make((2, SIZE))), inputs, dt)
    flat = simulate(bst.nn.init_all_states(case.make(2 * SIZE)), inputs.reshape((STEPS, -1)), dt)
    np.testing.assert_array_equal(grid[0].reshape(STEPS, -1), flat[0])


def test_one_number_as_input_reaches_every_neuron_of_every_batch(case, dt):
    neuron = bst.nn.init_all_states(case.make(SIZE), batch_size=2)
    assert neuron(case.current).shape == (2, SIZE)
    assert np.ptp(neuron.V.value.mantissa) == 0


def test_states_and_spikes_keep_their_type(case, dt, precision):
    neuron = bst.nn.init_all_states(case.make(SIZE))
    before = {path: s.value.dtype for path, s in neuron.states().items()}
    for _ in range(3):
        spike = neuron(case.current)
    assert {path: s.value.dtype for path, s in neuron.states().items()} == before
    assert spike.dtype == neuron.V.value.dtype == f'float{precision}'


def test_the_second_step_does_not_trace_again(case, dt):
    neuron, traces = bst.nn.init_all_states(case.make(SIZE)), []

    @jit
    def step(x):
        traces.append(x)
        return neuron(x)

    for k in range(4):
        step(k * case.current)
    assert len(traces) == 1


def test_states_put_back_give_the_same_next_step(case, dt):
    neuron = bst.nn.init_all_states(case.make(SIZE))
    inputs = drive(case, (SIZE,))
    simulate(neuron, inputs[:60], dt)
    snapshot = {path: state.value for path, state in neuron.states().items()}
    first = simulate(neuron, inputs[60:], dt)
    for path, state in neuron.states().items():
        state.value = snapshot[path]
    second = simulate(neuron, inputs[60:], dt)
    other = bst.nn.init_all_states(case.make(SIZE))
    for path, state in other.states().items():
        state.value = snapshot[path]
    third = simulate(other, inputs[60:], dt)
    for a, b, c in zip(first, second, third, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_initialising_again_gives_the_same_run(case, dt):
    neuron, inputs = case.make(SIZE), drive(case, (SIZE,))
    runs = [simulate(bst.nn.init_all_states(neuron), inputs, dt) for _ in range(2)]
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    np.testing.assert_array_equal(runs[0][1], runs[1][1])


def test_stepping_equals_the_loop(case, dt):
    inputs = drive(case, (SIZE,), steps=30)
    looped = simulate(bst.nn.init_all_states(case.make(SIZE)), inputs, dt)
    neuron = bst.nn.init_all_states(case.make(SIZE))
    for k in range(30):
        np.testing.assert_array_equal(neuron(inputs[k]), looped[0][k])
        np.testing.assert_allclose(neuron.V.value.to_decimal(u.mV), looped[1][k], rtol=1e-5, atol=1e-6)


def test_get_spike_is_the_spike_of_the_last_step(case, dt):
    neuron = bst.nn.init_all_states(case.make(SIZE))
    np.testing.assert_array_equal(neuron.get_spike(), np.zeros(SIZE))
    for x in drive(case, (SIZE,), steps=40):
        spike = neuron(x)
        np.testing.assert_array_equal(neuron.get_spike(), spike)
        assert set(np.unique(spike)) <= {0.0, 1.0}


def test_after_a_spike_v_is_reset_in_the_same_step(case, dt):
    neuron = bst.nn.init_all_states(case.make(SIZE))
    spikes, V = simulate(neuron, drive(case, (SIZE,)), dt)
    threshold, reset = neuron.V_th.to_decimal(u.mV), neuron.V_reset.to_decimal(u.mV)
    assert spikes.any()
    if neuron.spk_reset == 'hard':
        np.testing.assert_array_equal(V[spikes > 0], np.float32(reset))
    else:  # what was above threshold stays above the reset potential
        assert (V[spikes > 0] >= np.float32(reset) - 1e-5).all()
    assert (V[spikes == 0] < threshold).all()


def test_a_neuron_that_got_no_spike_is_below_threshold(case, dt):
    neuron = bst.nn.init_all_states(case.make(SIZE))
    spikes, V = simulate(neuron, drive(case, (SIZE,)) * 0.0 + case.weak, dt)
    assert spikes.sum() == 0
    assert (V < neuron.V_th.to_decimal(u.mV)).all()


def test_the_gradient_near_threshold_is_finite_and_not_zero(case, dt):
    neuron = case.make(1)
    base = bst.ParamState(jnp.ones(1))

    def loss(scale):
        bst.nn.init_all_states(neuron)
        return jnp.sum(for_loop(lambda: neuron(base.value * scale * case.current), length=60))

    for scale in (0.5, 1.0, 1.5):
        by_state, by_argument = grad(loss, base, argnums=0)(scale)
        assert np.isfinite(by_state).all()
        assert np.isfinite(by_argument)
        assert float(by_argument) > 0.0


def test_detach_reset_changes_the_gradient_and_not_the_run(case, dt):
    inputs = drive(case, (1,), steps=60)
    results = []
    for detach in (False, True):
        neuron = case.make(1, detach_reset=detach)

        def loss(scale, neuron=neuron):
            bst.nn.init_all_states(neuron)
            spikes = for_loop(lambda x: neuron(x * scale), inputs)
            return jnp.sum(spikes * jnp.arange(60.0)[:, None])

        results.append(grad(loss, return_value=True)(1.0))
    (g0, v0), (g1, v1) = results
    assert float(v0) == float(v1)
    assert np.isfinite([g0, g1]).all()
    assert float(g0) != float(g1)


def test_a_neuron_belongs_to_the_tree_of_a_network(case):
    class Net(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.E = case.make(2)

    net = bst.nn.init_all_states(Net())
    assert ('E', 'V') in net.states(bst.HiddenState)
    assert net.E.label.endswith("'E'")


def test_a_neuron_accepts_no_unknown_reset(case):
    with pytest.raises((bst.ParameterError, TypeError), match='spk_reset'):
        case.make(1, spk_reset='none')


def test_dt_is_needed(case):
    neuron = bst.nn.init_all_states(case.make(1))
    with pytest.raises(KeyError, match="'dt' is not set"):
        neuron(case.current)
