"""Loops and functions that compute again in the backward pass: the same numbers."""

import re

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BrainStateError, ParamState, ShapeError, State
from brainpy_state.transform import checkpoint, checkpointed_for_loop, checkpointed_scan, for_loop, grad, jit, remat, scan

pytestmark = pytest.mark.slow

# lengths and bases: one step, small ones, primes, squares, powers of a base and their neighbours
CASES = [(1, (None, 2)), (3, (2,)), (7, (None,)), (9, (3,)), (16, (None, 16)), (28, (3,)), (33, (16,)), (37, (None, 2))]
LENGTHS = [*range(10), 15, 16, 17, 26, 27, 28, 31, 32, 33, 36, 37, 40]


def identical(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(np.testing.assert_array_equal, a, b)


class Cell:
    """A recurrent cell with states, and inputs that are a pytree with units."""

    def __init__(self):
        self.w = ParamState(jnp.array([[0.5, -1.0], [0.7, 0.3]]))
        self.h = State(jnp.zeros(2))
        self.steps = State(0)

    def reset(self):
        self.h.value, self.steps.value = jnp.array([0.1, -0.2]), 0

    def step(self, x):
        self.steps.value = self.steps.value + 1
        drive = (x['current'] * (2.0 * u.ohm)).to_decimal(u.mV)
        self.h.value = jnp.tanh(self.h.value @ self.w.value + drive + 0.1 * bst.random.randn(2))
        return {'h': self.h.value, 'drive': drive * u.mV}

    def scanned(self, carry, x):
        out = self.step({'current': x['current'] * carry})
        return carry * jnp.cos(out['h'].sum()), out


def inputs(length):
    return {'current': jnp.asarray(np.random.default_rng(1).normal(size=(length, 2))) * u.mA}


def of_loop(cell, xs, loop, **options):
    def loss(xs):
        cell.reset()
        out = loop(cell.step, xs, **options)
        return (out['h'] ** 2).sum(), out

    bst.random.seed(3)
    found = grad(loss, cell.w, argnums=0, has_aux=True, return_value=True)(xs)
    return found, cell.h.value, cell.steps.value, bst.random.DEFAULT.value


def of_scan(cell, xs, loop, **options):
    def loss(xs):
        cell.reset()
        carry, out = loop(cell.scanned, 0.7, xs, **options)
        return carry * (out['h'] ** 2).sum(), (carry, out)

    bst.random.seed(3)
    found = grad(loss, cell.w, argnums=0, has_aux=True, return_value=True)(xs)
    return found, cell.h.value, cell.steps.value


@pytest.mark.parametrize(('length', 'bases'), CASES)
def test_results_states_and_gradients_are_those_of_for_loop(length, bases, x64):
    cell, xs = Cell(), inputs(length)
    plain = of_loop(cell, xs, for_loop)
    assert int(cell.steps.value) == length
    for base in bases:
        identical(of_loop(cell, xs, checkpointed_for_loop, base=base), plain)


@pytest.mark.parametrize(('length', 'bases'), CASES[::2])
def test_results_states_and_gradients_are_those_of_scan(length, bases, x64):
    cell, xs = Cell(), inputs(length)
    plain = of_scan(cell, xs, scan)
    for base in bases:
        identical(of_scan(cell, xs, checkpointed_scan, base=base), plain)


@pytest.mark.parametrize(('of', 'loop', 'plain'), [(of_loop, checkpointed_for_loop, for_loop), (of_scan, checkpointed_scan, scan)])
def test_they_are_so_too_where_xla_optimises(of, loop, plain, optimised, x64):
    cell, xs = Cell(), inputs(37)
    identical(of(cell, xs, loop), of(cell, xs, plain))


@pytest.mark.parametrize('base', [None, 2, 3, 16])
def test_steps_are_taken_in_order_for_every_length(base):
    last = State(jnp.array(-1))

    def follows(i):
        before, last.value = last.value, i
        return before

    @jit
    def run():
        found = []
        for length in LENGTHS:
            last.value = jnp.array(-1)
            found.append(checkpointed_for_loop(follows, jnp.arange(length), base=base))
        return found

    for length, found in zip(LENGTHS, run(), strict=True):
        np.testing.assert_array_equal(found, np.arange(length) - 1)


def test_length_calls_a_function_of_no_arguments():
    n = State(jnp.array(0))

    def step():
        n.value = n.value + 1
        return n.value

    assert checkpointed_for_loop(step, length=11, base=3).tolist() == list(range(1, 12))
    carry, ys = checkpointed_scan(lambda c, x: (c + 1, x), jnp.array(0), length=11, base=3)
    assert int(carry) == 11
    assert ys is None


def test_several_arrays_are_looped_over_together():
    xs, ys = jnp.arange(7.0), {'a': jnp.arange(14.0).reshape(7, 2)}
    out = checkpointed_for_loop(lambda x, y: x * y['a'], xs, ys, base=2)
    np.testing.assert_array_equal(out, xs[:, None] * ys['a'])


def test_loops_nest():
    total = State(jnp.array(0.0))

    def inner(x):
        total.value = total.value + x

    def outer(xs):
        checkpointed_for_loop(inner, xs, base=2)
        return total.value

    np.testing.assert_array_equal(checkpointed_for_loop(outer, jnp.ones((5, 7)), base=2), np.arange(7, 36, 7))


@pytest.mark.parametrize('base', [None, 3])
def test_a_second_eager_call_compiles_nothing_and_the_body_is_traced_once(base, compilations):
    runs, total = [], State(jnp.zeros(()))

    def step(x):
        runs.append(None)
        total.value = total.value + x
        return total.value

    xs = jnp.ones(10)
    checkpointed_for_loop(step, xs, base=base)
    with compilations() as found:
        checkpointed_for_loop(step, xs, base=base)
    assert found == []
    assert len(runs) == 1
    assert float(total.value) == 20.0


def test_a_program_of_one_base_is_not_used_for_another():
    def step(x):
        return x

    def kept(base):
        jaxpr = jax.make_jaxpr(lambda x: checkpointed_for_loop(step, x, base=base))(jnp.ones(16))
        return [int(found) for found in re.findall(r'base=(\d+)', str(jaxpr))]

    assert [kept(2), kept(4), kept(16), kept(2)] == [[2], [4], [16], [2]]


@pytest.mark.parametrize('base', [1, 0, -3, 2.0, '2'])
def test_a_base_that_makes_no_blocks_is_an_error(base):
    with pytest.raises(ValueError, match='must be an integer of 2 or more'):
        checkpointed_for_loop(lambda x: x, jnp.ones(3), base=base)
    with pytest.raises(ValueError, match='must be an integer of 2 or more'):
        checkpointed_scan(lambda c, x: (c, x), 0, jnp.ones(3), base=base)


def test_errors_of_plain_loops_are_raised():
    V = State(jnp.ones(2), name='V')

    def grow(x):
        V.value = jnp.concatenate([V.value, V.value])

    with pytest.raises(BrainStateError, match="State 'V' changes inside the loop"):
        checkpointed_for_loop(grow, jnp.ones(4), base=2)
    with pytest.raises(ShapeError, match='nothing says how many steps'):
        checkpointed_for_loop(lambda: None, base=2)
    with pytest.raises(TypeError, match=r'returns \(carry, y\)'):
        checkpointed_scan(lambda c, x: c, 0, jnp.ones(4))


def test_checkpoint_is_remat():
    assert remat is checkpoint


def tanh_layer():
    w, h = ParamState(jnp.array([0.5, -1.5, 2.0])), State(jnp.zeros(()))

    def layer(x, *, scale=1.0):
        h.value = h.value + x.sum()
        return jnp.tanh(w.value * x * scale) * h.value

    return w, h, layer


@pytest.mark.parametrize('prevent_cse', [True, False])
def test_a_function_keeps_its_value_gradient_and_states(prevent_cse, x64):
    w, h, layer = tanh_layer()
    x = jnp.array([0.3, -0.2, 0.9])

    def run(layer):
        h.value = jnp.array(0.5)
        found = grad(lambda x: (layer(x) + layer(x, scale=2.0)).sum(), w, argnums=0, return_value=True)(x)
        return found, h.value

    # the two calls' parts of one gradient are summed in another order
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-14), run(checkpoint(layer, prevent_cse=prevent_cse)), run(layer))
    assert float(h.value) == pytest.approx(2.5)


def test_it_decorates_with_and_without_options():
    w = ParamState(jnp.array(2.0))

    @checkpoint
    def double(x):
        return w.value * x

    @checkpoint(prevent_cse=False)
    def square(x):
        return w.value * x * x

    assert float(double(3.0)) == 6.0
    assert float(grad(square)(3.0)) == 12.0


def test_static_arguments_are_python_values():
    @checkpoint(static_argnums=(1, 2))
    def power(x, n, more):
        for _ in range(n):
            x = x * x if more else x
        return x

    assert [float(power(2.0, 2, True)), float(power(2.0, 3, True)), float(power(2.0, 3, False))] == [16.0, 256.0, 2.0]
    assert float(grad(lambda x: power(x, 2, True))(2.0)) == 32.0


def test_one_static_argument_may_be_given_as_a_number():
    assert float(checkpoint(lambda n, x: x * len(range(n)), static_argnums=0)(3, 2.0)) == 6.0


def test_switches_and_strings_are_static_anyway():
    @checkpoint
    def f(x, kind, square=False):
        y = {'sin': jnp.sin, 'cos': jnp.cos}[kind](x)
        return y * y if square else y

    assert float(f(0.0, 'cos')) == 1.0
    assert float(f(0.0, 'sin')) == 0.0
    assert float(f(1.0, 'cos', square=True)) == pytest.approx(np.cos(1.0) ** 2)


def test_a_second_call_compiles_nothing(compilations):
    _, h, layer = tanh_layer()
    again, x = checkpoint(layer), jnp.ones(3)
    again(x)
    with compilations() as found:
        again(x)
        checkpoint(layer)(x)
    assert found == []
    assert float(h.value) == 9.0


def test_random_numbers_are_drawn_again_as_they_were():
    w = ParamState(jnp.ones(5))

    def noisy(x):
        return jnp.tanh(w.value * x * bst.random.rand(5))

    def slope(f):
        bst.random.seed(7)
        return grad(lambda x: f(x).sum(), w)(jnp.ones(5))

    np.testing.assert_array_equal(slope(checkpoint(noisy)), slope(noisy))


def test_it_works_inside_loops_and_keeps_units():
    V = State(0.0 * u.mV)

    @checkpoint
    def step(current):
        V.value = V.value + current * (1.0 * u.ohm)
        return V.value

    def loss(currents):
        V.value = 0.0 * u.mV
        return for_loop(step, currents).sum()

    slope = grad(loss, unit_aware=True)(jnp.arange(3.0) * u.mA)
    assert u.get_unit(slope) == u.mV / u.mA
    np.testing.assert_allclose(slope.to_decimal(u.mV / u.mA), [3.0, 2.0, 1.0], rtol=1e-6)
