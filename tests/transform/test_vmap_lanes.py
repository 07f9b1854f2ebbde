"""`vmap`: how many lanes there are, named axes, and what lanes share."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ShapeError, State
from brainpy_state.transform import for_loop, grad, jit_error_if, vmap


def array(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def lanes_of(f, *args):
    """``f`` of one lane after the other, stacked."""
    return jnp.stack([f(*lane) for lane in zip(*args, strict=True)])


def test_methods_are_mapped_with_their_own_states():
    class Cell:
        def __init__(self, gain):
            self.gain = State(jnp.array(gain))

        def step(self, x):
            return self.gain.value * x

    a, b = Cell(2.0), Cell(3.0)
    np.testing.assert_array_equal(vmap(a.step)(jnp.arange(3.0)), [0.0, 2.0, 4.0])
    np.testing.assert_array_equal(vmap(b.step)(jnp.arange(3.0)), [0.0, 3.0, 6.0])


def test_collectives_work_over_a_named_axis():
    def f(x):
        return x / jax.lax.psum(x, 'lane'), jax.lax.axis_index('lane')

    share, index = vmap(f, axis_name='lane')(jnp.arange(4.0))
    np.testing.assert_allclose(share, jnp.arange(4.0) / 6.0, rtol=1e-6)
    assert index.tolist() == [0, 1, 2, 3]


def test_a_collective_makes_a_value_that_a_shared_state_can_hold():
    mean = State(jnp.zeros(()))

    def f(x):
        mean.value = jax.lax.pmean(x, 'lane')

    vmap(f, axis_name='lane')(jnp.arange(4.0))
    assert mean.value.shape == ()
    assert float(mean.value) == 1.5


def test_named_axes_nest():
    def f(x):
        return x + jax.lax.psum(x, ('i', 'j')) + 10 * jax.lax.axis_index('i')

    x = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(vmap(vmap(f, axis_name='j'), axis_name='i')(x), x + 15.0 + jnp.array([[0.0], [10.0]]))


def test_a_declared_state_that_is_not_used_still_says_how_many_lanes_there_are():
    h = State(jnp.zeros(2), name='h')

    def f():
        return 1.0

    assert vmap(f, in_states=h)().shape == (2,)
    h.value = jnp.zeros(5)
    assert vmap(f, in_states=h)().shape == (5,)


h3, h2 = State(jnp.zeros(3), name='three'), State(jnp.zeros(2), name='two')

SIZES = {
    'arguments': ({}, (jnp.ones(2), {'k': jnp.ones(3)}), {}, r"argument 0 has 2, argument 1 at \['k'\] has 3"),
    'keyword': ({}, (jnp.ones(2),), {'gain': jnp.ones(4)}, "argument 0 has 2, argument 'gain' has 4"),
    'argument and state': ({'in_states': h3}, (jnp.ones(2),), {}, "argument 0 has 2, State 'three' has 3"),
    'states': ({'in_states': [h3, h2]}, (), {}, "'three' has 3, State 'two' has 2"),
    'states without names': (
        {'in_states': [State(jnp.zeros(n)) for n in (2, 3)]},
        (),
        {},
        r'State \(made at .* has 2, State \(made at .* has 3',
    ),
    'arrays of one state': ({'in_states': State((jnp.zeros(2), jnp.zeros(3)), name='s')}, (), {}, "'s' has 2, State 's' has 3"),
    'axis_size': ({'axis_size': 5}, (jnp.ones(2),), {}, 'axis_size has 5, argument 0 has 2'),
    'no such axis': ({'in_axes': 1}, (jnp.ones(2),), {}, r'argument 0 has shape \(2,\), so it has no axis 1'),
    'state without the axis': ({'in_states': {1: h3}}, (), {}, r"'three' has shape \(3,\), so it has no axis 1"),
    'scalar': ({}, (1.0,), {}, r'argument 0 has shape \(\), so it has no axis 0'),
    'nothing mapped': ({'in_axes': None}, (jnp.ones(2),), {}, 'nothing says how many lanes'),
    'no arguments': ({}, (), {}, 'nothing says how many lanes'),
    'no lanes': ({'axis_size': 0}, (), {}, 'the number of lanes is 0'),
    'in_axes of another structure': ({'in_axes': (0,)}, (jnp.ones(2), jnp.ones(2)), {}, 'in_axes .* does not match'),
}


@pytest.mark.parametrize(('options', 'args', 'kwargs', 'message'), SIZES.values(), ids=SIZES.keys())
def test_lanes_that_do_not_fit_are_named(options, args, kwargs, message):
    with pytest.raises(ShapeError, match=message):
        vmap(lambda *args, **kwargs: 0.0, **options)(*args, **kwargs)


def test_a_state_that_changes_its_number_of_lanes_is_checked_again():
    h = State(jnp.zeros(2), name='h')
    f = vmap(lambda x: x, in_states=h)
    f(jnp.ones(2))
    h.value = jnp.zeros(3)
    with pytest.raises(ShapeError, match="argument 0 has 2, State 'h' has 3"):
        f(jnp.ones(2))


def test_an_axis_is_an_integer_or_none():
    with pytest.raises(TypeError, match=r"the axis of argument 0 is 'x', but must be an integer or None"):
        vmap(lambda x: x, in_axes='x')(jnp.ones(2))


def test_a_failed_run_time_check_tells_the_values_of_its_lane():
    h = State(jnp.zeros(4))

    def f(x):
        jit_error_if(x > 1, 'too large: {}', x)
        h.value = x

    with pytest.raises(ValueError, match=r'too large: 2\.0'):
        vmap(f, in_states=h)(jnp.arange(4.0))
    np.testing.assert_array_equal(h.value, np.zeros(4))


@pytest.mark.slow
def test_a_seed_within_the_body_gives_every_lane_the_same_numbers():
    def f(x):
        with bst.random.seed_context(1):
            return x + bst.random.rand()

    with bst.random.seed_context(1):
        alone = float(bst.random.rand())
    np.testing.assert_allclose(vmap(f)(jnp.arange(3.0)), np.arange(3.0) + alone, rtol=1e-6)


def test_a_generator_that_gets_lanes_has_another_key_in_each():
    rng = bst.random.RandomState(0)
    draws = vmap(lambda: rng.rand(), out_states=rng, axis_size=4)()
    assert len(np.unique(draws)) == 4
    assert rng.value.shape == (4, 2)
    assert len(np.unique(rng.value, axis=0)) == 4


@pytest.mark.slow
def test_the_derivative_of_a_map_equals_that_of_a_loop_over_lanes():
    w, h = State(jnp.array(0.7)), State(array(4))
    start, x = h.value, array(4, seed=1)

    def cell(x):
        h.value = jnp.tanh(w.value * h.value + x)
        return h.value

    def loss():
        return jnp.sum(vmap(cell, in_states=h)(x) ** 2)

    got = grad(loss, grad_states=w)()
    expected = jax.grad(lambda w: sum(jnp.tanh(w * start[k] + x[k]) ** 2 for k in range(4)))(w.value)
    np.testing.assert_allclose(got, expected, rtol=1e-5)  # sums of float32 in another order
    np.testing.assert_allclose(h.value, jnp.tanh(w.value * start + x), rtol=1e-6)


def test_the_derivative_goes_through_a_shared_state_that_the_lanes_write():
    w, square = State(jnp.array(3.0)), State(jnp.zeros(()))

    def f(x):
        square.value = w.value**2
        return square.value * x

    assert float(grad(lambda: vmap(f)(jnp.arange(3.0)).sum() + square.value, grad_states=w)()) == 2 * 3.0 * (0 + 1 + 2 + 1)
    assert float(square.value) == 9.0


def test_random_draws_in_a_loop_inside_a_map_all_differ():
    draws = vmap(lambda: for_loop(lambda: bst.random.rand(), length=10), axis_size=10)()
    assert len(np.unique(draws)) == 100


def test_settings_are_the_same_on_all_lanes():
    def f(x):
        return x + bst.environ.get('t') / u.ms

    for t in (1.0, 2.0):
        with bst.environ.context(t=t * u.ms):
            np.testing.assert_allclose(vmap(f)(jnp.arange(3.0)), np.arange(3.0) + t, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize('options', [{}, {'tau_ref': 1.0 * u.ms, 'spk_reset': 'hard'}], ids=['soft', 'refractory'])
def test_a_population_run_by_lanes_equals_one_with_a_batch(options, dt):
    current = jnp.abs(array(60, 4, 3)) * 5.0 * u.mA
    batched, single = (bst.LIF(3, **options) for _ in range(2))
    bst.nn.init_all_states(batched, batch_size=4)
    bst.nn.vmap_init_all_states(single, axis_size=4)
    expected = for_loop(batched, current)
    got = for_loop(vmap(single, in_states=single.states()), current)
    assert 0 < float(expected.mean()) < 1
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_allclose(single.V.value / u.mV, batched.V.value / u.mV, rtol=1e-5, atol=1e-6)  # float32 over 60 steps
