"""`vmap`: axes of arguments and results, whose twin is that of JAX, and sizes that do not fit."""

import functools

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import ShapeError, State
from brainpy_state.transform import vmap

A = np.arange(6.0, dtype=np.float32).reshape(2, 3)
B = np.arange(6.0, dtype=np.float32).reshape(3, 2) * 10


AXES = {
    'leading axis of all': (lambda a, b: a.sum() * b, (A, A), {}),
    'one number for all': (lambda a, b: a + b, (B, B), {'in_axes': 1}),
    'negative': (lambda a, b: a + b, (A, B), {'in_axes': (-2, -1)}),
    'different axes': (lambda a, b: a + b, (A, B), {'in_axes': (0, 1)}),
    'list': (lambda a, b: a + b, (A, B), {'in_axes': [0, 1]}),
    'not mapped': (lambda a, b: a * b, (A, 2.0), {'in_axes': (0, None)}),
    'no value': (lambda a, b: a, (A, None), {}),
    'no value, not mapped': (lambda a, b: a, (A, None), {'in_axes': (0, None)}),
    'tree': (lambda d: d['a'] * d['b'][0], ({'a': A, 'b': (A,)},), {}),
    'axes for a tree': (lambda d: d['a'] * d['b'][0], ({'a': A, 'b': (B,)},), {'in_axes': ({'a': 0, 'b': 1},)}),
    'axes for every leaf': (lambda d: d['a'] * d['b'][0], ({'a': A, 'b': (2.0,)},), {'in_axes': ({'a': 0, 'b': (None,)},)}),
    'results on another axis': (lambda a: (a, 2 * a), (A,), {'out_axes': (1, 0)}),
    'results on the last axis': (lambda a: {'x': a}, (A,), {'out_axes': -1}),
    'result of no lane': (lambda a: (a, 3.0), (A,), {'out_axes': (0, None)}),
    'nothing mapped': (lambda a: a * 2, (A,), {'in_axes': None, 'axis_size': 4}),
    'mean over lanes': (lambda a: a - jax.lax.pmean(a, 'lanes'), (A,), {'axis_name': 'lanes'}),
    'number of the lane': (lambda a: a + jax.lax.axis_index('lanes'), (A,), {'axis_name': 'lanes'}),
    'sum over lanes': (lambda a: jax.lax.psum(a, 'lanes'), (A,), {'axis_name': 'lanes', 'out_axes': None}),
}


@pytest.mark.parametrize(('f', 'args', 'options'), AXES.values(), ids=AXES)
def test_axes_are_those_of_jax(f, args, options):
    twin = jax.vmap(f, **{**options, 'in_axes': tuple(options['in_axes'])} if isinstance(options.get('in_axes'), list) else options)
    ours, theirs = vmap(f, **options)(*args), twin(*args)
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_keyword_arguments_are_mapped_over_their_leading_axis():
    np.testing.assert_array_equal(vmap(lambda a, *, k: a * k)(A, k=jnp.array([1.0, 2.0])), A * [[1.0], [2.0]])


def test_quantities_keep_their_unit():
    out = vmap(lambda v, g: v * g, in_axes=(0, None))(A * u.mV, 2.0 * u.nS)
    assert u.get_unit(out).dim == (u.mV * u.nS).dim
    np.testing.assert_allclose(out.to_decimal(u.mV * u.nS), 2 * A)


def test_it_works_as_a_decorator_with_options():
    @vmap(in_axes=1)
    def total(x):
        return x.sum()

    np.testing.assert_array_equal(total(A), A.sum(0))


@pytest.mark.parametrize(
    ('value', 'expected'), [(True, 2 * A), (False, A), ('double', 2 * A), ('', A)], ids=['True', 'False', 'text', 'no text']
)
def test_switches_and_strings_are_static(value, expected):
    @functools.partial(vmap, in_axes=(0, None))
    def scale(x, double):
        return 2 * x if double else x

    np.testing.assert_array_equal(scale(A, value), expected)
    np.testing.assert_array_equal(vmap(lambda x, double=False: 2 * x if double else x)(A, double=value), expected)


def test_the_body_runs_once_for_each_signature(compilations):
    traces = []

    def body(x):
        traces.append(x.shape)
        return x + 1

    inputs = [jnp.ones((2, 3)), jnp.ones((4, 3))]
    for x in inputs:
        vmap(body)(x)
    with compilations() as found:
        for x in inputs * 3:
            vmap(body)(x)
    assert traces == [(3,), (3,)]
    assert found == []


def test_options_of_one_function_do_not_mix():
    def f(x):
        return x.sum()

    np.testing.assert_array_equal(vmap(f)(A), A.sum(1))
    np.testing.assert_array_equal(vmap(f, in_axes=1)(A), A.sum(0))


SIZES = {
    'two arguments': (lambda: vmap(lambda a, b: a)(A, B), r'argument 0 has 2, argument 1 has 3'),
    'by name': (lambda: vmap(lambda a, b: a)(A, b=B), r"argument 0 has 2, argument 'b' has 3"),
    'inside a tree': (lambda: vmap(lambda d: 0)({'x': A, 'y': B}), r"argument 0 at \['x'\] has 2, argument 0 at \['y'\] has 3"),
    'axis_size': (lambda: vmap(lambda a: a, axis_size=5)(A), r'axis_size has 5, argument 0 has 2'),
    'a state': (lambda: vmap(lambda a: V.value, in_states=V)(B), r"argument 0 has 3, State 'V' has 2"),
    'two states': (lambda: vmap(lambda: V.value, in_states=[V, W])(), r"State 'V' has 2, State 'W' has 3"),
    'nothing': (lambda: vmap(lambda: 1.0)(), r'nothing says how many lanes there are'),
    'nothing mapped': (lambda: vmap(lambda x: x, in_axes=None)(A), r'nothing says how many lanes there are'),
    'no axis': (lambda: vmap(lambda x: x)(1.0), r'argument 0 has shape \(\), so it has no axis 0'),
    'axis too high': (lambda: vmap(lambda x: x, in_axes=2)(A), r'argument 0 has shape \(2, 3\), so it has no axis 2'),
    'axis too low': (lambda: vmap(lambda x: x, in_axes=-3)(A), r'has no axis -3'),
    'state without axis': (lambda: vmap(lambda: V.value, in_states={2: V})(), r"State 'V' has shape \(2,\), so it has no axis 2"),
    'no lanes': (lambda: vmap(lambda x: x)(jnp.zeros((0, 3))), r'the number of lanes is 0'),
    'other tree': (lambda: vmap(lambda x: x, in_axes=({'a': 0},))(A), r'does not match the structure of the arguments'),
    'other number': (lambda: vmap(lambda x: x, in_axes=(0, 0))(A), r'does not match the structure of the arguments'),
}  # fmt: skip
V, W = State(jnp.zeros(2), name='V'), State(jnp.zeros(3), name='W')


@pytest.mark.parametrize(('call', 'message'), SIZES.values(), ids=SIZES)
def test_sizes_that_do_not_fit_are_named(call, message):
    with pytest.raises(ShapeError, match=message):
        call()
