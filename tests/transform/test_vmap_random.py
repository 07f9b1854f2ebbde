"""`vmap`: every lane draws random numbers of its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import State
from brainpy_state.transform import for_loop, jit, vmap

pytestmark = pytest.mark.slow


def test_lanes_draw_different_numbers_that_a_seed_brings_back():
    draw = vmap(lambda: bst.random.normal(size=100), axis_size=3)
    bst.random.seed(1)
    first, second = draw(), draw()
    bst.random.seed(1)
    np.testing.assert_array_equal(first, draw())
    lanes = np.concatenate([first, second])
    assert len(np.unique(lanes)) == 600
    # 15 correlations of 100 independent pairs each have a standard deviation of 0.1
    assert np.abs(np.corrcoef(lanes)[np.triu_indices(6, 1)]).max() < 0.4


def test_the_generator_goes_on_by_one_step_however_many_lanes_and_draws():
    keys = []
    for lanes, draws in ((2, 1), (7, 1), (7, 3)):
        bst.random.seed(1)
        vmap(lambda: [bst.random.rand() for _ in range(draws)], axis_size=lanes)()  # noqa: B023
        keys.append(np.asarray(bst.random.get_key()))
        assert keys[-1].shape == (2,)
    np.testing.assert_array_equal(keys[0], keys[2])
    bst.random.seed(1)
    assert not np.array_equal(bst.random.get_key(), keys[0])


def test_lanes_of_nested_maps_and_loops_all_draw_different_numbers():
    draws = vmap(lambda: vmap(lambda: for_loop(bst.random.rand, length=4), axis_size=3)(), axis_size=2)()
    assert draws.shape == (2, 3, 4)
    assert len(np.unique(draws)) == 24
    again = for_loop(vmap(lambda: bst.random.rand(), axis_size=3), length=4)
    assert len(np.unique(np.concatenate([draws.ravel(), again.ravel()]))) == 36


def test_compiled_maps_draw_the_same_numbers():
    draw = vmap(lambda: bst.random.rand(), axis_size=3)
    bst.random.seed(5)
    plain = [draw(), draw()]
    bst.random.seed(5)
    compiled = jit(draw)
    np.testing.assert_array_equal(plain, [compiled(), compiled()])


def test_a_generator_of_ones_own_with_a_lane_axis_is_left_to_the_lanes():
    rng = bst.RandomState(0)
    keys = jax.random.key_data(jax.random.split(jax.random.key(0), 3))
    rng.value = keys
    out = vmap(lambda: rng.rand(), in_states=rng)()
    single = []
    for key in keys:
        rng.value = key
        single.append(rng.rand())
    np.testing.assert_array_equal(out, single)


def test_any_state_may_say_how_lanes_differ():
    class Ticket(State):
        @staticmethod
        def lanes(value, n):
            return value + n, value + jnp.arange(n)

    ticket = Ticket(jnp.array(10))

    def take():
        number = ticket.value
        ticket.value = number + 1000
        return number

    np.testing.assert_array_equal(vmap(take, axis_size=3)(), [10, 11, 12])
    assert int(ticket.value) == 13
