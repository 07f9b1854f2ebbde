"""What `sweep` refuses, and what it says."""

import brainunit as u
import jax.numpy as jnp
import pytest

import brainpy_state as bst


@pytest.mark.parametrize('values', [['lif', 'hh'], [bst.LIF, bst.HH], [None], 'abc', {'a': 1}, [[1.0], [1.0, 2.0]]], ids=str)
def test_values_that_are_no_numbers(values):
    with pytest.raises(bst.ParameterError, match=r"(?s)the values of 'kind' are .*Loop over it in Python.*kind=x"):
        bst.sweep(lambda kind, x: x, {'kind': values, 'x': [1.0]})


@pytest.mark.parametrize('values', [3.0, [], 2.0 * u.ms])
def test_no_values(values):
    with pytest.raises(bst.ShapeError, match="'x' needs one value or more along a first axis, but has shape"):
        bst.sweep(lambda x: x, {'x': values})


def branches(g, other):
    return other if g > 1 else -other


def rounds(g, other):
    return other * round(float(g))


def sizes(g, other):
    return jnp.zeros(g) + other


def neurons(g, other):
    return bst.nn.init_all_states(bst.LIF(g)).V.value * other


def connects(g, other):
    return bst.fixed_indegree(10, 10, 2, weight=other * u.mV, seed=g).weight.value


@pytest.mark.parametrize('f', [branches, rounds, sizes, neurons, connects])
def test_a_value_that_python_needs(f):
    message = rf"(?s)`{f.__name__}` asks in Python .* for the value of 'g', which has none.*loop over it in Python.*g=x"
    with pytest.raises(bst.ParameterError, match=message):
        bst.sweep(f, {'g': [1, 2], 'other': [1.0]})


def test_an_error_of_the_function_itself_is_its_own():
    with pytest.raises(TypeError, match='unsupported operand'):
        bst.sweep(lambda g: 'a' - g, {'g': [1.0]})


def test_other_mistakes():
    with pytest.raises(bst.ParameterError, match="cannot be called with x by name: .*'y'"):
        bst.sweep(lambda y: y, {'x': [1.0]})
    with pytest.raises(bst.ShapeError, match='x has 2, y has 3; zipped=False takes all combinations'):
        bst.sweep(lambda x, y: x, {'x': [1, 2], 'y': [1, 2, 3]}, zipped=True)
    with pytest.raises(bst.ParameterError, match='over= must say which values'):
        bst.sweep(lambda x: x, [1.0, 2.0])
    with pytest.raises(bst.ParameterError, match='lanes must be an integer of 1 or more, but is 0'):
        bst.sweep(lambda x: x, {'x': [1.0]}, lanes=0)
    with pytest.raises(bst.TraceContextError, match='use transform.vmap there'):
        bst.transform.jit(lambda: bst.sweep(lambda x: x, {'x': [1.0]}))()


@pytest.mark.parametrize('lanes', [None, 2])
def test_a_failed_check_names_the_values_of_its_lane(lanes):
    total = bst.State(0.0)

    def f(g, seed):
        total.value += g
        bst.transform.jit_error_if(g * seed > 5, 'the product is {}', g * seed)
        return g

    with pytest.raises(ValueError, match=r'the product is 6.0 \(with g = 2.0, seed = 3\)'):
        bst.sweep(f, {'g': [1.0, 2.0], 'seed': [2, 3, 4]}, lanes=lanes)
    assert total.value == 0.0


def test_a_recorder_that_cannot_grow_says_how_large_it_must_be(dt):
    recorder = bst.nn.init_all_states(bst.record.SpikeRecorder(100, capacity=500))  # whose events so far stay

    def f(x):
        bst.run(lambda: recorder(jnp.full(100, x > 1)), 1.0 * u.ms)
        return recorder

    for _ in range(2):
        with pytest.raises(bst.BrainStateError, match='capacity=2002'):
            bst.sweep(f, {'x': [1.0, 2.0, 3.0]})
