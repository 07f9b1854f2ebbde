"""States that are made inside of traces: locals of them, and what `check_state_jax_tracer` adds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import State, TraceContextError, check_state_jax_tracer


@pytest.mark.parametrize('transform', [jax.jit, bst.transform.jit], ids=['raw', 'ours'])
def test_a_state_that_outlives_its_trace_is_not_revived_within_the_strict_block(transform):
    made = []

    def make(x):
        made.append(State(x, name='w'))
        with check_state_jax_tracer():
            made[-1].value = x + 1.0
        return made[-1].value

    assert float(transform(make)(1.0)) == 2.0
    with check_state_jax_tracer(), pytest.raises(TraceContextError, match=r"State 'w' \(made at .*, in make\) was made inside a JAX trace"):
        made[0].value = 5.0
    with check_state_jax_tracer(), check_state_jax_tracer(False):
        made[0].value = 5.0
    assert made[0].value == 5.0


def test_a_compiled_function_does_not_revive_a_state_either():
    made = []
    bst.transform.jit(lambda x: made.append(State(x)))(1.0)

    @bst.transform.jit
    def revive(x):
        made[0].value = x

    for _ in range(2):
        with check_state_jax_tracer(), pytest.raises(TraceContextError, match='was made inside a JAX trace'):
            revive(2.0)
    revive(3.0)
    assert float(made[0].value) == 3.0


def test_the_strict_block_lets_transforms_write_what_is_theirs():
    outside = State(jnp.zeros(()))

    @bst.transform.jit
    def step(x):
        local = State(x)

        def add(y):
            local.value = local.value + y
            outside.value = outside.value + y

        bst.transform.for_loop(add, jnp.ones(3))
        return local.value

    with check_state_jax_tracer():
        assert float(step(1.0)) == 4.0
        assert float(step(1.0)) == 4.0
    assert float(outside.value) == 6.0


@pytest.mark.parametrize('inside', ['jit', 'block'])
def test_a_state_made_in_a_raw_transform_is_a_local_of_it_also_within_a_frame(inside):
    def double(x):
        local = State(x)
        local.value = local.value * 2.0
        return local.value

    if inside == 'jit':
        assert float(bst.transform.jit(lambda x: jax.jit(double)(x))(3.0)) == 6.0
    else:
        with bst.StateTraceStack():
            assert float(jax.jit(double)(3.0)) == 6.0


def test_a_state_that_a_transform_makes_for_the_outside_lives_there():
    made = []
    bst.transform.vmap_new_states(lambda: made.append(State(bst.random.rand(2))), axis_size=3)()
    with check_state_jax_tracer():
        made[0].value = jnp.zeros((3, 2))
    np.testing.assert_array_equal(made[0].value, np.zeros((3, 2)))
