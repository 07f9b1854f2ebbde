"""Jaxprs made simpler, written as Python, and found by keys of arguments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state.compat import brainstate

pytestmark = pytest.mark.slow

T = brainstate.transform


def wasteful(x):
    a, _ = x + 1.0, x * 999.0
    b = (x + 1.0) * 1.0
    return (a + b - 0.0) ** 1 / 2.0


def equations(jaxpr):
    return [eqn.primitive.name for eqn in jaxpr.jaxpr.eqns]


def test_a_jaxpr_is_made_simpler():
    x = jnp.array([1.0, 2.0])
    jaxpr, states = T.make_jaxpr(wasteful)(x)
    assert len(states) == 0 and len(equations(jaxpr)) > 5
    simpler = T.optimize_jaxpr(jaxpr)
    assert equations(simpler) == ['add', 'add', 'div']
    np.testing.assert_array_equal(jax.extend.core.jaxpr_as_fun(simpler)(x)[0], wasteful(x))
    assert len(equations(T.optimize_jaxpr(jaxpr, optimizations=['dce']))) == len(equations(jaxpr)) - 1
    assert equations(T.optimize_jaxpr(jaxpr, max_iterations=0)) == equations(jaxpr)
    with pytest.raises(ValueError, match="there is no 'fuse'"):
        T.optimize_jaxpr(jaxpr, optimizations=['fuse'])
    with pytest.raises(TypeError, match='a Jaxpr or ClosedJaxpr'):
        T.optimize_jaxpr(wasteful)


def test_numbers_are_computed_and_copies_left_out():
    def numbers(x):
        return x * jax.lax.add(jax.lax.mul(2.0, 3.0), 1.0), jax.lax.convert_element_type(x, 'float32')

    jaxpr = jax.make_jaxpr(numbers)(1.0)
    simpler = T.optimize_jaxpr(jaxpr, optimizations=('constant_fold', 'copy_propagation'))
    assert jax.extend.core.jaxpr_as_fun(simpler)(2.0) == [14.0, 2.0] and 'add' not in equations(simpler)


def test_what_has_an_effect_stays():
    def shown(x):
        jax.debug.callback(lambda x: None, x + 1)
        return x

    assert len(equations(T.optimize_jaxpr(jax.make_jaxpr(shown)(1.0)))) == 2


def test_the_text_of_a_function_computes_the_same():
    def f(x, y):
        return jnp.sum(jnp.exp(-x) * y**3, axis=0), jax.lax.max(x[0, 0], 2.0)

    x, y = jnp.arange(6.0).reshape(2, 3), jnp.ones(3)
    text = T.fn_to_python_code(f, x, y)
    assert text.startswith('def f(a, b):') and 'integer_pow' in text
    room = {'jax': jax}
    exec(T.jaxpr_to_python_code(jax.make_jaxpr(lambda x: jnp.sum(x * 2.0 + 1.0))(x), fn_name='g'), room)
    assert room['g'](x) == 36.0


def test_a_function_is_asked_by_keys():
    total = brainstate.State(jnp.zeros(2))

    def add(x, scale=1):
        total.value += x * scale
        return {'sum': total.value}

    traced = T.StatefulFunction(add, static_argnames='scale', ir_optimizations='dce')
    key = traced.get_arg_cache_key(jnp.ones(2), scale=2, compile_if_miss=True)
    assert key == traced.get_arg_cache_key(jnp.zeros(2), scale=2) != traced.get_arg_cache_key(jnp.ones(2), scale=3)
    assert traced.get_states_by_cache(key) == traced.get_write_states_by_cache(key) == (total,) and not traced.get_read_states_by_cache(key)
    assert traced.get_out_shapes_by_cache(key)['sum'].shape == (2,) and traced.get_out_treedef_by_cache(key).num_leaves == 1
    assert str(traced.get_jaxpr_by_cache(key)) == str(traced.get_jaxpr(jnp.ones(2), scale=2))
    np.testing.assert_array_equal(traced(jnp.ones(2), scale=2)['sum'], [2.0, 2.0])
    traced.clear_cache()
    with pytest.raises(ValueError, match='this key is not known'):
        traced.get_jaxpr_by_cache(key)


def test_paths_of_one_dict_are_taken_from_another():
    D = brainstate.util.NestedDict
    nested = D({'a': {'b': 1, 'c': 2}, 'd': 3})
    assert nested - D({'a': {'b': 0}}) == {'a': {'c': 2}, 'd': 3} and nested + D({'a': {'e': 4}}) == nested | D({'a': {'e': 4}})
    flat = nested.to_flat()
    assert flat - brainstate.util.FlattedDict({('d',): 0}) == {('a', 'b'): 1, ('a', 'c'): 2} and flat.subset(int).to_dict() == flat
    with pytest.raises(TypeError):
        nested - 1


def test_a_traced_function_tells_whether_it_was_compiled():
    total = brainstate.State(jnp.zeros(2))

    def add(x):
        total.value += x
        return total.value

    function = brainstate.transform.StatefulFunction(add, return_only_write=True)
    with pytest.raises(ValueError, match=r'not compiled for such arguments; call make_jaxpr'):
        function.get_states(jnp.ones(2), compile_if_miss=False)
    function.make_jaxpr(jnp.ones(2))
    for get in (function.get_states, function.get_write_states):
        assert get(jnp.zeros(2), compile_if_miss=False) == (total,)
    assert function.get_read_states(jnp.zeros(2)) == () and function.get_out_shapes(1.0, compile_if_miss=True).shape == (2,)
    function.clear_cache()
    with pytest.raises(ValueError, match='not compiled'):
        function.get_out_treedef(jnp.ones(2), compile_if_miss=False)
    with pytest.raises(NotImplementedError, match='return_only_write=False'):
        brainstate.transform.StatefulFunction(add, return_only_write=False)
