"""`vmap` together with other transforms."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BatchAxisError, ParamState, State
from brainpy_state.transform import cond, for_loop, grad, jit, vmap, while_loop

A = np.arange(6.0, dtype=np.float32).reshape(2, 3)


def test_nested_maps_slice_a_state_twice():
    state, gain = State(jnp.asarray(A)), State(2.0)

    def step(x):
        state.value = state.value + gain.value * x

    def row(x):
        vmap(step, in_states=state)(x)

    vmap(row, in_states=state)(A)
    np.testing.assert_array_equal(state.value, 3 * A)


def test_a_map_inside_another_names_the_state_that_only_the_inner_one_shares():
    state = State(jnp.zeros(2), name='row')

    def step(x):
        state.value = state.value + x

    def row(x):
        vmap(step)(x)

    with pytest.raises(BatchAxisError, match="State 'row' is shared"):
        vmap(row, in_states=state)(A)


def test_gradient_of_a_map_and_map_of_a_gradient():
    w = ParamState(jnp.array([1.0, 2.0, 3.0]))

    def loss(x):
        return jnp.sum(jnp.sin(w.value * x))

    per_lane = np.cos(np.asarray(w.value) * A) * A
    np.testing.assert_allclose(vmap(grad(loss, w))(A), per_lane, rtol=1e-6)
    # the sum of two lanes may be rounded once differently
    np.testing.assert_allclose(grad(lambda x: vmap(loss)(x).sum(), w)(A), per_lane.sum(0), rtol=1e-5)
    np.testing.assert_allclose(vmap(grad(loss))(A), np.cos(np.asarray(w.value) * A) * np.asarray(w.value), rtol=1e-6)


def test_gradient_with_respect_to_a_state_with_lanes():
    w = ParamState(jnp.asarray(A))
    g = grad(lambda x: vmap(lambda x: jnp.sum(w.value**2 * x), in_states=w)(x).sum(), w)(jnp.array([1.0, 10.0]))
    np.testing.assert_allclose(g, 2 * A * [[1.0], [10.0]])


@pytest.mark.parametrize('compiled', [False, True], ids=['eager', 'jit'])
def test_map_of_a_loop_equals_the_loop_of_a_map(compiled):
    def make():
        h = State(jnp.zeros((2, 3)))

        def step(x):
            h.value = jnp.tanh(h.value + x)
            return h.value

        return h, step

    xs = jnp.asarray(np.random.default_rng(0).normal(size=(5, 2, 3)), jnp.float32)
    a, step = make()
    inner = vmap(lambda xs: for_loop(step, xs), in_axes=1, out_axes=1, in_states=a)
    first = (jit(inner) if compiled else inner)(xs)
    b, step = make()
    outer = lambda xs: for_loop(vmap(step, in_states=b), xs)  # noqa: E731
    second = (jit(outer) if compiled else outer)(xs)
    expected, h = [], np.zeros((2, 3), np.float32)
    for x in np.asarray(xs):
        h = np.tanh(h + x)
        expected.append(h)
    # float32, where XLA's tanh differs from NumPy's by some units in the last place
    np.testing.assert_allclose(first, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(second, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(a.value, b.value, rtol=1e-6)


def test_a_predicate_for_each_lane_runs_each_lane_s_branch():
    up, down = State(jnp.zeros(4)), State(jnp.zeros(4))

    def rise(x):
        up.value = up.value + x
        return x

    def fall(x):
        down.value = down.value - x
        return 10 * x

    x = jnp.array([1.0, -1.0, 2.0, -2.0])
    out = vmap(lambda x: cond(x > 0, rise, fall, x), in_states=[up, down])(x)
    np.testing.assert_array_equal(out, [1.0, -10.0, 2.0, -20.0])
    np.testing.assert_array_equal(up.value, [1.0, 0.0, 2.0, 0.0])
    np.testing.assert_array_equal(down.value, [0.0, 1.0, 0.0, 2.0])


def test_each_lane_leaves_a_while_loop_by_itself():
    steps = State(jnp.zeros(3, int))

    def halve(x):
        steps.value = steps.value + 1
        return x / 2

    out = vmap(lambda x: while_loop(lambda x: x > 1, halve, x), in_states=steps)(jnp.array([1.0, 5.0, 100.0]))
    np.testing.assert_array_equal(out, [1.0, 0.625, 0.78125])
    np.testing.assert_array_equal(steps.value, [0, 3, 7])


@pytest.mark.slow
def test_a_map_of_a_neuron_equals_separate_neurons(dt):
    neuron = bst.nn.init_all_states(bst.LIF(1, tau=10.0 * u.ms), 4)
    current = jnp.asarray(np.random.default_rng(1).uniform(0, 40, (4, 50)), jnp.float32)
    for_loop(lambda x: neuron(x[:, None] * u.mA), current.T)
    batched = np.asarray(neuron.V.value.mantissa)
    bst.nn.init_all_states(neuron, 4)
    lanes = neuron.states()
    vmap(lambda xs: for_loop(lambda x: neuron(x[None] * u.mA), xs), in_states=lanes)(current)
    # the same operations in another order of vectorisation
    np.testing.assert_allclose(neuron.V.value.mantissa, batched, rtol=1e-5)


def test_a_state_made_inside_is_a_local_of_the_lane():
    def body(x):
        local = State(x)
        local.value = local.value * 2
        return local.value

    np.testing.assert_array_equal(vmap(body)(A), 2 * A)


def test_a_value_of_an_enclosing_trace_may_be_closed_over():
    @jit
    def f(k):
        return vmap(lambda x: k * x)(jnp.asarray(A))

    np.testing.assert_array_equal(f(2.0), 2 * A)
    np.testing.assert_array_equal(f(3.0), 3 * A)
