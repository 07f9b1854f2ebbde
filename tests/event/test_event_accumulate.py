"""What is delivered to a state of a loop is added in its memory, where nothing else needs the old value."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import event
from brainpy_state.event import _plan

N = 300
rng = np.random.default_rng(0)
ONE, OTHER = (event.CSR.from_pairs(*np.nonzero(rng.random((N, N)) < 0.1), (N, N)) for _ in range(2))
WEIGHT = jnp.asarray(rng.normal(size=ONE.nnz), jnp.float32)
DRAWN = bst.fixed_outdegree(N, N, 30, weight=bst.drawn.normal(1.0, 0.5), seed=1, procedural=True).structure
DENSE, MATRIX = event.AllToAll((N, N)), jnp.asarray(rng.normal(size=N * N), jnp.float32)


def decay(g, V, spikes, gain):
    """Two deliveries, one with weights of its own, and a state that goes on as something else."""
    g = g + event.product(ONE, gain, spikes) + event.product(OTHER, 0.5, spikes) + event.product(ONE, WEIGHT, spikes)
    V = jnp.where(spikes, 0.0, 0.9 * V + 0.1 * jnp.tanh(g) + 0.3)
    return g * 0.8, V, V > 0.6, gain


def jump(g, V, spikes, gain):
    """A state that is the sum itself."""
    g = g + gain * event.product(DRAWN, 1.0, spikes)
    return g, V + 0.01 * g, jnp.sin(V) > 0.3, gain


def dense(g, V, spikes, gain):
    g = event.product(DENSE, MATRIX, spikes) + g
    return g * 0.5, 0.9 * V + jnp.tanh(g), V > 0.2, gain


def old_value(g, V, spikes, gain):
    """The old value is read as well."""
    new = g + gain * event.product(ONE, WEIGHT, spikes)
    return new * 0.8, V + 0.1 * g, jnp.sin(V) > 0.3, gain


def twice(g, V, spikes, gain):
    """The delivery is read twice."""
    sent = event.product(ONE, WEIGHT, spikes)
    return (g + sent) * 0.8, V + 0.1 * sent, jnp.sin(V) > 0.3, gain


def into_itself(g, V, spikes, gain):
    """The sum is added to itself, and the delivery multiplied by another for each neuron."""
    sent = event.product(ONE, WEIGHT, spikes)
    return (g + sent) * 0.1 + (g + sent) * 0.2, V * 0.5 + V * event.product(OTHER, 1.0, spikes), jnp.cos(V) > 0.3, gain


def swapped(g, V, spikes, gain):
    """The sum goes on as another state than the one it was added to."""
    sent = event.product(ONE, WEIGHT, spikes)
    return V * 0.9, g * 0.5 + sent, jnp.cos(V) > 0.3, gain


def both(g, V, spikes, gain):
    """The sum is a result twice."""
    g = g + event.product(ONE, WEIGHT, spikes)
    return g, g, jnp.cos(g) > 0.3, gain


ADDED = {decay: 3, jump: 1, dense: 1, old_value: 0, twice: 0, into_itself: 0, swapped: 0, both: 1}


def start(batch=()):
    V = jnp.asarray(np.random.default_rng(1).random((*batch, N)), jnp.float32)
    return jnp.zeros((*batch, N)), V, V > 0.7, jnp.float32(0.2)


def loop(step, state, fused=True):
    body = (lambda *c: tuple(event.fuse(step, 4)(*c))) if fused else step
    return jax.jit(lambda c: jax.lax.fori_loop(0, 4, lambda _, c: body(*c), c))(state)


@pytest.fixture
def plans(monkeypatch):
    made, plan = [], _plan._planned
    monkeypatch.setattr(_plan, '_planned', lambda *args, **options: made.append(plan(*args, **options)) or made[-1])
    return made


@pytest.mark.quick(r'^\(\)-(decay|dense|both|old)')
@pytest.mark.parametrize('step', ADDED, ids=lambda step: step.__name__)
@pytest.mark.parametrize('batch', [(), (2,)], ids=str)
def test_steps_equal_those_of_xla(step, batch, plans):
    native = loop(step, start(batch))
    added = {node for plan in plans if plan for stage in plan.stages for node in stage.nodes if node.into is not None}
    assert len(added) == ADDED[step]
    for found, wanted in zip(native, loop(step, start(batch), fused=False), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)


def test_a_value_that_is_needed_after_the_loop_step_is_kept():
    step = lambda g, V, spikes, gain: (*decay(g, V, spikes, gain), g)  # noqa: E731
    *_, kept = jax.jit(lambda c: event.fuse(step, 4)(*c))(start())
    np.testing.assert_array_equal(kept, jnp.zeros(N))
