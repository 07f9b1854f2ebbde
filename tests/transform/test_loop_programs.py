"""`for_loop` and `scan`: their programs are found again, not mixed up, and not kept alive."""

import gc
import operator
import weakref

import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import State
from brainpy_state.transform import for_loop, grad, jit, scan


def running_sum():
    total = State(jnp.zeros(()), name='total')

    def add(x):
        total.value = total.value + x
        return total.value

    return total, add


def test_the_body_runs_once_however_often_the_loop_is_called(compilations):
    traces, total = [], State(jnp.zeros(()))

    def step(x):
        traces.append(x)
        total.value = total.value + x
        return total.value

    xs = jnp.ones(5)
    for_loop(step, xs)
    with compilations() as found:
        for _ in range(3):
            for_loop(step, xs)
    assert found == []
    assert len(traces) == 1
    assert float(total.value) == 20.0


LOOPS = [
    ('for_loop', lambda f, xs: for_loop(lambda_of(f), xs)),
    ('scan', lambda f, xs: scan(f, xs[0], xs)),
    ('grad', lambda f, xs: grad(lambda_of(f))(xs[0])),
]


def lambda_of(f):
    """A function of one argument that lives as long as ``f``."""
    if not hasattr(f, 'one'):
        f.one = lambda x: f(x, x)[0]
    return f.one


@pytest.mark.parametrize('call', [c[1] for c in LOOPS], ids=[c[0] for c in LOOPS])
def test_a_second_eager_call_compiles_nothing(call, compilations):
    def f(carry, x):
        return carry * x, x

    xs = jnp.arange(1.0, 4.0)
    call(f, xs)
    xs[0]
    with compilations() as found:
        call(f, xs)
    assert found == []


def test_a_second_eager_loop_over_a_method_compiles_nothing(compilations):
    class Cell:
        def __init__(self):
            self.h = State(jnp.zeros(()))

        def step(self, x):
            self.h.value = self.h.value + x
            return self.h.value

    a, b, xs = Cell(), Cell(), jnp.ones(3)
    for_loop(a.step, xs)
    with compilations() as found:
        for_loop(a.step, xs)
    assert found == []
    np.testing.assert_array_equal(for_loop(b.step, xs), [1.0, 2.0, 3.0])
    assert float(a.h.value) == 6.0


def test_options_of_one_function_do_not_mix():
    _, add = running_sum()
    xs = jnp.arange(3.0)
    forward, backward = for_loop(add, xs), for_loop(add, xs, reverse=True)
    np.testing.assert_array_equal(forward, [0.0, 1.0, 3.0])
    np.testing.assert_array_equal(backward, [6.0, 6.0, 5.0])


def test_builtin_functions_do_not_share_programs():
    xs = jnp.arange(3.0)
    np.testing.assert_array_equal(for_loop(operator.neg, xs), [0.0, -1.0, -2.0])
    np.testing.assert_array_equal(for_loop(operator.pos, xs), [0.0, 1.0, 2.0])


def test_static_and_class_methods_can_be_looped():
    class Cell:
        scale = 3.0

        @classmethod
        def by_class(cls, x):
            return cls.scale * x

        @staticmethod
        def plain(x):
            return 2.0 * x

    xs = jnp.ones(2)
    np.testing.assert_array_equal(for_loop(Cell.by_class, xs), [3.0, 3.0])
    np.testing.assert_array_equal(for_loop(Cell.plain, xs), [2.0, 2.0])


TRANSFORMS = [
    ('for_loop', lambda f: for_loop(f, jnp.ones(2))),
    ('scan', lambda f: scan(lambda c, x: (c, f(x)), 0.0, jnp.ones(2))),
    ('grad', lambda f: grad(f)(1.0)),
    ('jit', lambda f: jit(f)(1.0)),
]


@pytest.mark.parametrize('call', [c[1] for c in TRANSFORMS], ids=[c[0] for c in TRANSFORMS])
def test_what_a_body_closes_over_is_freed_with_the_body(call):
    class Owner:
        array = jnp.ones(())

    owner = Owner()

    def body(x):
        return x * owner.array  # noqa: F821  (deleted below)

    call(body)
    gone = weakref.ref(owner), weakref.ref(body)
    del owner, body
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_states_of_a_loop_are_freed_with_the_body():
    total, add = running_sum()
    for_loop(add, jnp.ones(2))
    gone = weakref.ref(total)
    del total, add
    gc.collect()
    assert gone() is None
