"""Every draw refuses what it cannot draw from with one error that names itself and the argument, and leaves the generator."""

import inspect

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import random

DRAWS = {name: draw for name, draw in vars(random).items() if getattr(draw, '__self__', None) is random.DEFAULT and name != 'split_key'}
ALLOWED = {'cov': np.eye(2), 'alpha': np.ones(3), 'pvals': np.full(2, 0.5), 'logits': np.zeros(3), 'mode': 0.5, 'n': 3, 'a': 2, 'x': 5}
ALLOWED_HERE = {
    'multivariate_normal': {'mean': np.zeros(2)},
    'randint': {'low': 0, 'high': 5},
    'randint_like': {'low': 0, 'high': 5},
    'triangular': {'left': 0.0},
}
OF_ALL = ('size', 'key', 'dtype', 'axis', 'replace', 'independent')
NO_NUMBERS = ['a', object(), {}, [1.0, 'b'], [[1.0, 2.0], [3.0]], np.array([None]), 1j, int, u.mV, bst.State(1.0), jax.random.key(0)]
NO_SIZE = ['a', 2.5, (2, None), (2, -1), -1, 2**70, object(), np.array([2, 3])]
NO_TYPE = ['float99', 'a', object(), -1, complex, str]


def arguments(name):
    """Something allowed for each parameter that needs it."""
    needed = [k for k, p in inspect.signature(DRAWS[name]).parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD and k not in OF_ALL]
    defaults = {k: p.default for k, p in inspect.signature(DRAWS[name]).parameters.items()}
    here = ALLOWED | ALLOWED_HERE.get(name, {})
    return {k: here.get(k, 1 if defaults[k] is inspect.Parameter.empty else defaults[k]) for k in needed}


def refused(name, argument, value, **given):
    before = random.get_key()
    with pytest.raises((TypeError, ValueError)) as raised:
        DRAWS[name](**arguments(name) | given)
    text = str(raised.value)
    assert text.startswith('random'), text
    assert argument in text, text
    assert random.get_key() is before


@pytest.mark.parametrize('name', DRAWS)
def test_a_parameter_is_a_number_or_an_array_of_numbers(name):
    for argument in arguments(name):
        optional = argument in ('low', 'loc', 'high', 'p') and inspect.signature(DRAWS[name]).parameters[argument].default is None
        for value in NO_NUMBERS if optional else [None, *NO_NUMBERS]:
            refused(name, argument, value, **{argument: value})


@pytest.mark.parametrize('name', DRAWS)
def test_sizes_types_axes_and_keys_are_what_they_say(name):
    parameters = inspect.signature(DRAWS[name]).parameters
    for argument, values in {'size': NO_SIZE, 'dtype': NO_TYPE, 'axis': ['a', 2.5, None, 5, -5], 'key': ['a', 2.5, np.zeros(3)]}.items():
        for value in values if argument in parameters else ():
            if parameters[argument].kind is inspect.Parameter.VAR_POSITIONAL:
                with pytest.raises((TypeError, ValueError), match='^random.random: size |^random.standard_normal: size '):
                    DRAWS[name](value)
            elif (name, argument) not in (('choice', 'axis'), ('permutation', 'axis'), ('shuffle', 'axis')):
                refused(name, 'key' if argument == 'key' else argument, value, **{argument: value})
            else:
                refused(name, argument, value, **{argument: value, next(iter(arguments(name))): np.arange(6.0).reshape(2, 3)})


def test_streams_refuse_the_same():
    stream = random.Stream(1)
    for value in (None, *NO_NUMBERS):
        with pytest.raises((TypeError, ValueError), match=r'^random\.Stream\.poisson: lam '):
            stream.poisson(value)
    assert stream.value.step == 0


def test_numbers_of_trials_are_whole():
    for draw in (lambda n: random.binomial(n, 0.5), lambda n: random.multinomial(n, [0.5, 0.5])):
        with pytest.raises(bst.ParameterError, match='n must be a whole number, 0 or positive, but is 2.5'):
            draw(2.5)


@pytest.mark.slow
def test_lists_of_quantities_and_of_arrays_are_arrays():
    key = random.get_key()
    pair = random.normal([1.0 * u.mV, 2.0 * u.mV], 1e-3 * u.volt, key=key)
    np.testing.assert_array_equal(pair.mantissa, random.normal(np.array([1.0, 2.0]) * u.mV, 1e-3 * u.volt, key=key).mantissa)
    assert jax.jit(lambda x: random.normal([x, 1.0], key=key))(2.0).shape == (2,)
    assert random.poisson([jnp.asarray(1.0), 2], key=key).shape == (2,)
