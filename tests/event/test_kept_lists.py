"""Lists of those that fire, which a step takes over from the one before: results are those of XLA, number for number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event import _lanes, _scan

N, EXC, T = 200, 150, 40
PAIRS = np.random.default_rng(0).random((N, N)) < 0.1


def csr(first, last):
    return event.CSR.from_pairs(*np.nonzero(PAIRS[first:last]), (last - first, N))


EXCITING, INHIBITING, ALL = csr(0, EXC), csr(EXC, N), csr(0, N)
DRIVE = jnp.asarray(np.random.default_rng(1).integers(0, 9, (T, N)).astype('float32')) / 16
HALF, UNIT = jnp.float32(1 / 16), jnp.float32(1)


def whole_and_parts(spikes, new):
    return event.product(EXCITING, HALF, spikes[:EXC]) - event.product(INHIBITING, HALF, spikes[EXC:]), new


def one_part(spikes, new):
    return event.product(INHIBITING, HALF, spikes[EXC:]), new


def the_same_part(spikes, new):
    return event.product(EXCITING, HALF, spikes[:EXC]), new[:EXC]


def another_part(spikes, new):
    return event.product(INHIBITING, HALF, spikes[EXC:]), new[:EXC]


def all_of_them(spikes, new):
    return event.product(ALL, HALF, spikes) + event.product(EXCITING, HALF, spikes[:EXC]), new


def doubled(spikes, new):
    return event.product(EXCITING, HALF, spikes[:EXC]), 2 * new


def needed_after(spikes, new):
    """What was sent before is delivered with weights that follow from who fires now, so both lists are needed at once."""
    weights = jnp.full(ALL.nnz, HALF) * (event.product(ALL, UNIT, new)[0] > 2)
    return event.product(ALL, weights, spikes), new


KEPT = {whole_and_parts: 1, one_part: 1, the_same_part: 1, another_part: 0, all_of_them: 1, doubled: 0, needed_after: 0}


def network(rule, V, drive, first=0, steps=T, capacity=6000):
    """Neurons that fire at 1, whose potentials are multiples of 1/16; the state of spikes begins with some that fire."""

    def step(carry, x):
        i, V, spikes, g, events, count, clock = carry
        V = V + g + x
        new = (V >= 1).astype(jnp.float32)
        g, recorded = rule(spikes, new)
        recorded = recorded.reshape(-1)
        events, count, clock = event.record(recorded, i, events, count, clock)
        return (i + 1, jnp.where(new > 0, 0.0, V), new, g, events, count, clock), V[3]

    spikes = (jnp.arange(N) % 3 == 0).astype(jnp.float32)
    record = jnp.zeros((capacity, 3), jnp.int32), jnp.int32(0), jnp.array([-5, 0, 0, 0], jnp.int32)
    return event.scan(step, (jnp.int32(first), V, spikes, jnp.zeros(N), *record), drive, steps, goes_on=lambda c: c[0] < first + 31)


@pytest.fixture
def plans(monkeypatch):
    """What is planned for loops."""
    found = []
    for module in (_scan, _lanes):

        def keeping(*args, of=module.plan):
            found.append(of(*args))
            return found[-1]

        monkeypatch.setattr(module, 'plan', keeping)
    return found


def same(found, expected):
    (*carry, events, count, clock), values = found
    (*of_xla, wanted, number, marks), wanted_values = expected
    for a, b in zip((*carry, count, clock), (*of_xla, number, marks), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(events[: int(count)], wanted[: int(count)])
    np.testing.assert_array_equal(values[:31], wanted_values[:31])


@pytest.mark.quick('whole_and_parts|another_part|doubled')
@pytest.mark.parametrize('rule', KEPT, ids=lambda rule: rule.__name__)
def test_a_step_takes_over_lists_where_it_can(rule, plans):
    V = jnp.zeros(N)
    with event.use_backend('xla'):
        expected = jax.jit(lambda V: network(rule, V, DRIVE))(V)
    assert 200 < int(expected[0][5]) < 6000
    same(jax.jit(lambda V: network(rule, V, DRIVE))(V), expected)
    (plan,) = plans
    assert len(plan.kept) == KEPT[rule]


def test_lanes_have_lists_of_their_own(plans):
    V = jnp.asarray(np.random.default_rng(2).integers(0, 16, (5, N)).astype('float32')) / 16

    def one(V):
        def step(carry, x):
            V, spikes, g = carry
            V = V + g + x
            new = (V >= 1).astype(jnp.float32)
            g = event.product(EXCITING, HALF, spikes[:EXC]) - event.product(INHIBITING, HALF, spikes[EXC:])
            return (jnp.where(new > 0, 0.0, V), new, g), (V, event.product(ALL, UNIT, new))

        return event.scan(step, (V, jnp.zeros(N), jnp.zeros(N)), DRIVE, T)

    found = jax.jit(jax.vmap(one))(V)
    (plan,) = plans
    assert plan.loop.apart.lanes == 5 and len(plan.kept) == 1
    single = jax.jit(one)
    jax.tree.map(np.testing.assert_array_equal, found, jax.tree.map(lambda *xs: np.stack(xs), *map(single, V)))
