"""`eval_shape`, `make_jaxpr` and `StatefulFunction`."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import BrainStateError, State, environ, nn
from brainpy_state.transform import StatefulFunction, eval_shape, jit, make_jaxpr


class Counted:
    """Reads `scale`, writes `total`, and counts how often its body runs."""

    def __init__(self):
        self.scale, self.total = State(jnp.array([2.0, 3.0]), name='scale'), State(jnp.zeros(2), name='total')
        self.traces = 0

    def __call__(self, x):
        self.traces += 1
        self.total.value = self.total.value + self.scale.value * x
        return {'sum': jnp.sum(self.total.value)}


@pytest.fixture
def counted():
    return Counted()


def test_eval_shape_gives_shapes_types_and_units_and_touches_nothing():
    V = State(jnp.zeros(3) * u.mV)
    before = V.value

    def step(x):
        V.value = V.value + x
        return V.value, V.value > 0.0 * u.mV, 1.0

    shapes = eval_shape(step, 1.0 * u.mV)
    assert shapes[0].unit == u.mV
    assert (shapes[0].mantissa.shape, shapes[0].mantissa.dtype) == ((3,), jnp.float32)
    assert shapes[1] == jax.ShapeDtypeStruct((3,), bool)
    assert shapes[2] == jax.ShapeDtypeStruct((), jnp.float32, weak_type=True)
    assert V.value is before


def test_eval_shape_takes_shapes_keywords_and_modules():
    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = State(jnp.ones((2, 3)))

        def update(self, x, bias=0.0):
            return self.w.value @ x + bias

    huge = jax.ShapeDtypeStruct((3, 10**9), jnp.float32)  # would take 12 GB
    assert eval_shape(Layer(), huge, bias=1.0).shape == (2, 10**9)


def test_make_jaxpr_goes_from_states_and_arguments_to_new_values_and_result(counted):
    jaxpr, states, shapes = make_jaxpr(counted, return_shape=True)(1.5)
    assert states == (counted.total, counted.scale)
    assert [a.shape for a in jaxpr.in_avals] == [(2,), (2,), ()]
    assert [a.shape for a in jaxpr.out_avals] == [(2,), ()]
    assert shapes == {'sum': jax.ShapeDtypeStruct((), jnp.float32)}
    new, total = jax.extend.core.jaxpr_as_fun(jaxpr)(jnp.ones(2), jnp.array([10.0, 20.0]), 2.0)
    np.testing.assert_array_equal(new, [21.0, 41.0])
    assert float(total) == 62.0
    np.testing.assert_array_equal(counted.total.value, [0.0, 0.0])


def test_make_jaxpr_returns_a_pair_and_takes_static_arguments(counted):
    pair = make_jaxpr(lambda x, power: counted.scale.value * x**power, static_argnums=1)(1.5, 3)
    assert pair[1] == (counted.scale,)
    assert len(pair) == 2
    assert 'integer_pow[y=3]' in str(pair[0])


def test_which_states_are_read_and_written(counted):
    traced = StatefulFunction(counted)
    assert traced.get_states(1.0) == (counted.total, counted.scale)
    assert traced.get_read_states(1.0) == (counted.scale,)
    assert traced.get_write_states(1.0) == (counted.total,)
    assert traced.get_out_shapes(1.0)['sum'].shape == ()
    assert len(traced.get_jaxpr(1.0).in_avals) == 3
    assert counted.traces == 1


def test_the_pure_call_leaves_the_states_alone_and_the_other_writes_them(counted):
    traced = StatefulFunction(counted)
    new, out = traced.jaxpr_call([jnp.ones(2), counted.scale.value], 2.0)
    np.testing.assert_array_equal(new[0], [5.0, 7.0])
    assert float(out['sum']) == 12.0
    np.testing.assert_array_equal(counted.total.value, [0.0, 0.0])
    assert float(traced.jaxpr_call_auto(2.0)['sum']) == 10.0
    np.testing.assert_array_equal(counted.total.value, [4.0, 6.0])
    assert counted.traces == 1


def test_the_pure_call_is_for_jax_to_transform(counted):
    traced = StatefulFunction(counted)

    def loss(scale, x):
        return traced.jaxpr_call([jnp.zeros(2), scale], x)[1]['sum']

    np.testing.assert_array_equal(jax.jit(jax.grad(loss))(counted.scale.value, 3.0), [3.0, 3.0])


def test_a_state_that_is_only_written_has_a_value_too():
    last = State(jnp.zeros(()), name='last')

    def keep(x):
        last.value = x

    traced = StatefulFunction(keep)
    assert traced.get_states(jnp.ones(())) == (last,)
    new, _ = traced.jaxpr_call([jnp.zeros(())], jnp.ones(()))
    assert float(new[0]) == 1.0


def test_it_traces_again_for_another_signature_of_arguments_or_states(counted):
    traced = StatefulFunction(counted)
    traced.make_jaxpr(1.0).make_jaxpr(2.0)
    assert counted.traces == 1
    traced.make_jaxpr(jnp.ones(2))
    assert counted.traces == 2
    counted.total.value = jnp.zeros((3, 2))
    assert traced.get_jaxpr(1.0).out_avals[0].shape == (3, 2)
    assert counted.traces == 3
    traced.clear_cache()
    traced.make_jaxpr(1.0)
    assert counted.traces == 4


def test_shapes_in_the_place_of_arrays_find_the_same_trace(counted):
    traced = StatefulFunction(counted)
    traced.make_jaxpr(jax.ShapeDtypeStruct((2,), jnp.float32))
    traced.jaxpr_call_auto(jnp.ones(2))
    assert counted.traces == 1


@pytest.mark.parametrize('one', [1, True, 1.0])
def test_static_arguments_by_place_and_name_are_told_apart_by_type(one):
    seen = []

    def fun(kind, x, *, mode, y=0.0):
        seen.append((kind, mode))
        return x + y

    traced = StatefulFunction(fun, static_argnums=0, static_argnames='mode')
    traced.jaxpr_call_auto(2, 1.0, mode='a')
    assert float(traced.jaxpr_call_auto(one, 1.0, mode='a', y=2.0)) == 3.0
    assert traced.jaxpr_call([], one, 1.0, mode='b')[1] == 1.0
    traced.jaxpr_call_auto(one, 5.0, mode='b')
    assert seen == [(2, 'a'), (one, 'a'), (one, 'b')]
    for other in {1, 'x'} - {one}:
        traced.jaxpr_call_auto(other, 5.0, mode='b')
    assert [type(k) for k, _ in seen[2:]].count(type(one)) == 1


def test_settings_are_the_ones_of_now():
    traced = StatefulFunction(lambda x: environ.get('t') * x)
    for t in (1.0, 2.0):
        with environ.context(t=t):
            assert float(traced.jaxpr_call([], 3.0)[1]) == 3.0 * t
            assert float(traced.jaxpr_call_auto(3.0)) == 3.0 * t


def test_it_works_inside_jit(counted):
    traced = StatefulFunction(counted)
    assert float(jit(lambda x: traced.jaxpr_call_auto(x))(2.0)['sum']) == 10.0
    np.testing.assert_array_equal(counted.total.value, [4.0, 6.0])


@pytest.mark.parametrize(
    'values', [[], [jnp.zeros(2)], [jnp.zeros(3), jnp.ones(2)], [jnp.zeros(2, int), jnp.ones(2)]], ids=['none', 'few', 'shape', 'type']
)
def test_values_that_do_not_fit_the_states_are_an_error(counted, values):
    with pytest.raises(ValueError, match="for each of: State 'total', State 'scale'"):
        StatefulFunction(counted).jaxpr_call(values, 1.0)


def test_other_errors(counted):
    with pytest.raises(BrainStateError, match='static_argnums are counted from 0'):
        StatefulFunction(counted, static_argnums=-1)
    with pytest.raises(TypeError, match='must be hashable'):
        StatefulFunction(counted, static_argnums=0).make_jaxpr([1.0])
    with pytest.raises(TypeError, match='my step returned'):
        StatefulFunction(lambda: object(), name='my step').make_jaxpr()


def test_switches_are_static_without_being_told():
    def fun(x, training):
        return x if training else 2.0 * x

    traced = StatefulFunction(fun)
    assert [float(traced.jaxpr_call_auto(1.0, training=t)) for t in (True, False)] == [1.0, 2.0]
    assert eval_shape(fun, jnp.ones(3), True).shape == (3,)
