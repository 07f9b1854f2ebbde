"""Random programs of reads, writes, draws, choices and loops do in every transform what they do in plain Python."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import brainpy_state as bst
from brainpy_state import RandomState, State
from brainpy_state.transform import (
    bounded_while_loop,
    checkpoint,
    checkpointed_for_loop,
    cond,
    for_loop,
    grad,
    jit,
    scan,
    vmap,
)

pytestmark = pytest.mark.slow

START = (0.5, -0.75, 1.25)
XS = np.array([0.25, -1.5, 0.75])
LIMIT = 0.1  # no sum of the binary fractions above, so no rounding decides a comparison

place = st.integers(0, len(START) - 1)
simple = st.one_of(
    st.tuples(st.just('add'), place, place, st.sampled_from([-1.0, 0.5])),
    st.tuples(st.just('mix'), place, place),
    st.tuples(st.just('put'), place),
    st.tuples(st.just('draw'), place),
    st.tuples(st.just('local'), place, place),
)


def containing(inner, size):
    body = st.lists(inner, min_size=1, max_size=size).map(tuple)
    return st.one_of(
        simple,
        st.tuples(st.just('cond'), place, body, st.lists(inner, max_size=size).map(tuple)),
        st.tuples(st.just('loop'), place, st.integers(0, 3), body),
    )


programs = st.lists(containing(containing(simple, 1), 2), min_size=1, max_size=4).map(tuple)


def check(examples):
    return settings(deadline=None, derandomize=True, max_examples=examples, database=None)


class Plain:
    """Python's own memory, branches and loops."""

    def __init__(self, key):
        self.cells = [types.SimpleNamespace(value=jnp.asarray(v)) for v in START]
        self.rng = RandomState(key)

    def draw(self):
        return self.rng.rand()

    def local(self, value):
        return types.SimpleNamespace(value=value)

    def cond(self, pred, f, g, x):
        return f(x) if pred else g(x)

    def loop(self, f, n):
        return sum(f(jnp.asarray(float(k))) for k in range(n))


class Stateful:
    """States, and the transforms."""

    def __init__(self):
        self.cells = [State(jnp.asarray(v)) for v in START]

    def draw(self):
        return bst.random.rand()

    def local(self, value):
        return State(value)

    def cond(self, pred, f, g, x):
        return cond(pred, f, g, x)

    def loop(self, f, n):
        return for_loop(f, jnp.arange(float(n))).sum()


def run(machine, program, x):
    """One run of a program with an input; returns a number that every cell enters."""
    cells = machine.cells
    for kind, i, *rest in program:
        cell = cells[i]
        if kind == 'add':
            cell.value = rest[1] * cell.value + cells[rest[0]].value
        elif kind == 'mix':  # smooth, not linear, and bounded
            other = cells[rest[0]].value
            cell.value = cell.value * other / (1 + other**2) + x
        elif kind == 'put':
            cell.value = x
        elif kind == 'draw':
            cell.value = cell.value + machine.draw()
        elif kind == 'local':
            own = machine.local(x * cells[rest[0]].value)
            own.value = 0.5 * own.value + cell.value
            cell.value = own.value
        elif kind == 'cond':
            result = machine.cond(cell.value > LIMIT, *(functools.partial(run, machine, body) for body in rest), x)
            cell.value = 0.5 * cell.value + 0.25 * result
        else:
            cell.value = cell.value + machine.loop(functools.partial(run, machine, rest[1]), rest[0])
    return cells[0].value - 2 * cells[1].value + 3 * cells[2].value


def kinds(program):
    """Kind and place of every operation, also of inner ones."""
    for kind, i, *rest in program:
        yield kind, i
        for body in rest:
            if isinstance(body, tuple):
                yield from kinds(body)


def assert_close(found, expected):
    """Equal but for roundings of float64, of which there are some hundred, in sums of terms of any sign."""
    scale = max((float(np.max(np.abs(x), initial=1.0)) for x in jax.tree.leaves(expected)), default=1.0)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12 * scale), found, expected)


def stacked(results):
    return jnp.stack(list(results))


def scanned(f):
    def body(carry, x):
        return 0.5 * carry + f(x), carry

    return body


def in_python(f):
    carry, carries = 0.0, []
    for x in XS:
        carry, y = scanned(f)(carry, x)
        carries.append(y)
    return carry, stacked(carries)


def nested(f):
    def step(x):
        return cond(x > LIMIT, lambda x: checkpointed_for_loop(f, jnp.stack([x, -x, 2 * x]), base=2).sum(), checkpoint(f), x)

    return jit(lambda xs: for_loop(step, xs))(XS)


def nested_in_python(f):
    return stacked(sum(map(f, (x, -x, 2 * x))) if x > LIMIT else f(x) for x in XS)


def count(f):
    """Run while the sum of the results is small, twice at most."""
    return bounded_while_loop(lambda c: c[0] < 1.0, lambda c: (c[0] + f(c[1]), c[1] + 1), (jnp.asarray(0.0), XS[0]), max_steps=2, base=2)


def count_in_python(f):
    total, x, steps = jnp.asarray(0.0), XS[0], 0
    while total < 1.0 and steps < 2:
        total, x, steps = total + f(x), x + 1, steps + 1
    return total, x


WAYS = {
    'eager': (lambda f: f(XS[0]), lambda f: f(XS[0])),
    'jit': (lambda f: stacked(map(jit(f), XS)), lambda f: stacked(map(f, XS))),
    'for_loop': (lambda f: for_loop(f, XS), lambda f: stacked(map(f, XS))),
    'checkpointed_for_loop': (lambda f: checkpointed_for_loop(f, XS, base=2), lambda f: stacked(map(f, XS))),
    'scan': (lambda f: scan(scanned(f), jnp.asarray(0.0), XS), in_python),
    'bounded_while_loop': (count, count_in_python),
    'nested': (nested, nested_in_python),
}


def test_results_states_and_draws_are_those_of_plain_python():
    @check(26)
    @given(programs, st.sampled_from(list(WAYS)))
    def holds(program, way):
        transformed, python = WAYS[way]
        bst.random.seed(0)
        stateful, plain = Stateful(), Plain(0)
        found = transformed(lambda x: run(stateful, program, x))
        assert_close(found, python(lambda x: run(plain, program, x)))
        assert_close([s.value for s in stateful.cells], [c.value for c in plain.cells])
        np.testing.assert_array_equal(bst.random.get_key(), plain.rng.value)

    with bst.environ.context(precision=64):
        holds()


def test_lanes_are_as_if_run_one_after_another():
    n = 2
    xs = np.stack([XS, -XS])
    shift = np.array([0.0, 0.5])

    @check(14)
    @given(programs, st.booleans())
    def holds(program, each_step):
        bst.random.seed(0)
        written = {i for _, i in kinds(program)}
        draws = any(kind == 'draw' for kind, _ in kinds(program))
        stateful = Stateful()
        lanes = [stateful.cells[i] for i in sorted(written)]  # a cell that is only read is shared
        for cell in lanes:
            cell.value = cell.value + shift

        def f(x):
            return run(stateful, program, x)

        if each_step:
            found = jit(lambda xs: for_loop(vmap(f, in_states=lanes), xs))(xs.T).T
        else:
            found = vmap(lambda x: for_loop(f, x), in_states=lanes)(xs)

        key, machines = jax.random.key_data(jax.random.key(0)), [Plain(0) for _ in range(n)]
        expected = np.zeros(xs.shape)
        for lane, machine in enumerate(machines):
            for i in written:
                machine.cells[i].value = machine.cells[i].value + shift[lane]
        for step in range(len(XS)):
            if draws and (each_step or step == 0):  # a map splits the key
                key, keys = RandomState.lanes(key, n)
                for machine, own in zip(machines, keys, strict=True):
                    machine.rng.value = own
            for lane, machine in enumerate(machines):
                expected[lane, step] = run(machine, program, xs[lane, step])

        assert_close(found, expected)
        values = [jnp.stack([m.cells[i].value for m in machines]) for i in sorted(written)]
        assert_close([cell.value for cell in lanes], values)
        np.testing.assert_array_equal(bst.random.get_key(), key)

    with bst.environ.context(precision=64):
        holds()


def chosen(f):
    return for_loop(lambda x: cond(x > LIMIT, checkpoint(f), lambda x: x * f(x), x), XS).sum()


LOSSES = {
    'call': (lambda f: f(XS[0]), lambda f: f(XS[0])),
    'checkpointed_for_loop': (lambda f: checkpointed_for_loop(f, XS, base=2).sum(), lambda f: sum(map(f, XS))),
    'choices in a for_loop': (chosen, lambda f: sum(f(x) if x > LIMIT else x * f(x) for x in XS)),
}


def test_gradients_are_those_of_jax_on_plain_python():
    def twin(program, python, start):
        plain = Plain(0)
        for cell, value in zip(plain.cells, start, strict=True):
            cell.value = value
        return python(lambda x: run(plain, program, x)), ([c.value for c in plain.cells], plain.rng.value)

    @check(14)
    @given(programs, st.sampled_from(list(LOSSES)))
    def holds(program, name):
        loss, python = LOSSES[name]
        bst.random.seed(0)
        stateful = Stateful()
        start = [s.value for s in stateful.cells]
        found = grad(lambda: loss(lambda x: run(stateful, program, x)), stateful.cells, return_value=True, check_states=False)()
        (value, (after, key)), slopes = jax.value_and_grad(functools.partial(twin, program, python), has_aux=True)(start)
        assert_close(found, (slopes, value))
        assert_close([s.value for s in stateful.cells], after)
        np.testing.assert_array_equal(bst.random.get_key(), key)

    with bst.environ.context(precision=64):
        holds()
