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
    with pytest.raises(TypeError, match=r'(?s)is a state .*pass its value'):
        function.get_states(total)
    with pytest.raises(NotImplementedError, match='return_only_write=False'):
        brainstate.transform.StatefulFunction(add, return_only_write=False)


def the_same(function, *args):
    text, given = T.fn_to_python_code(function, *args), {'jax': jax}
    exec(text, given)
    got = given[function.__name__ if function.__name__.isidentifier() else 'generated_function'](*args)
    for x, y in zip(got if isinstance(got, tuple) else (got,), jax.tree.leaves(function(*args)), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6)
    return text


def test_python_text_of_loops_branches_and_parts():
    def loops(x, xs):
        total, seen = jax.lax.scan(lambda c, e: (c + e * x, (c, e)), 0.0, xs)
        n, _ = jax.lax.while_loop(lambda v: v[0] < x, lambda v: (v[0] + 1, v[1]), (0.0, total))
        return total, seen, n, jax.lax.scan(lambda c, _: (2 * c, None), x, length=3)[0]

    assert 'jax.lax.scan' in the_same(loops, 3.5, jnp.arange(4.0))
    the_same(lambda x, k: jax.lax.switch(k, [jnp.sin, jnp.cos, lambda y: 0 * y], x), 0.5, 1)
    the_same(lambda x: jax.jit(lambda y: jnp.cumsum(y) * jnp.where(y > 1, y, -1.0))(x), jnp.arange(3.0))
    the_same(jax.grad(jax.checkpoint(lambda x: jax.nn.relu(x) * x + jax.nn.softmax(jnp.stack([x, 2 * x]))[0])), 0.7)


def test_python_text_of_options_types_and_numbers():
    highest = jax.lax.Precision.HIGHEST
    text = the_same(lambda a, b: jnp.matmul(a, b, precision=highest), jnp.ones((2, 3)), jnp.ones((3, 4)))
    assert text.startswith('import ') and 'Precision.HIGHEST' in text
    the_same(lambda x: x.astype('int16') + jnp.int16(3), jnp.ones(2))
    the_same(lambda x: x[jnp.array([2, 0])] + jnp.argmax(x), jnp.arange(3.0))
    the_same(lambda x: jnp.minimum(x, jnp.inf) + jnp.full(3, 7.0), jnp.arange(3.0))
    the_same(lambda x: jax.lax.dynamic_update_slice(x, jnp.ones(2), (1,)), jnp.arange(4.0))
    assert 'integer_pow' not in the_same(lambda x: x + jax.lax.integer_pow(jnp.float32(2.0), 3), 1.0)
    assert 'tree_leaves' in the_same(lambda d: d['a'] - d['b'], {'a': 2.0, 'b': 3.0})
    empty = T.jaxpr_to_python_code(jax.make_jaxpr(lambda x: None)(1.0))
    assert empty == 'def generated_function(a):\n    return None'
