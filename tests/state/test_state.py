"""`State` and its kinds: a mutable cell with an identity."""

import threading

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BatchState, HiddenState, LongTermState, ParamState, RandomState, ShortTermState, State, TraceContextError

KINDS = (State, ShortTermState, LongTermState, ParamState, BatchState, HiddenState)

REPRS = [
    ('array', lambda: State(jnp.ones(10)), 'State(\n  value=ShapedArray(float32[10])\n)'),
    ('NumPy array', lambda: State(np.ones(10, np.float32)), 'State(\n  value=ShapedArray(float32[10])\n)'),
    (
        'dict',
        lambda: State({'a': jnp.ones(3), 'b': jnp.zeros(4)}),
        "State(\n  value={\n    'a': ShapedArray(float32[3]),\n    'b': ShapedArray(float32[4])\n  }\n)",
    ),
    (
        'nested dict',
        lambda: State({'neurons': {'V': jnp.zeros(100), 'u': jnp.zeros(100)}, 'synapses': {'g': jnp.zeros((100, 100))}}),
        "State(\n  value={\n    'neurons': {\n      'V': ShapedArray(float32[100]),\n      'u': ShapedArray(float32[100])\n    },\n"
        "    'synapses': {\n      'g': ShapedArray(float32[100,100])\n    }\n  }\n)",
    ),
    ('weak type', lambda: ShortTermState(jnp.full(10, -1e7)), 'ShortTermState(\n  value=ShapedArray(float32[10], weak_type=True)\n)'),
    ('quantity', lambda: State(jnp.zeros(3) * u.mV), 'State(\n  value=Quantity(float32[3], "mV")\n)'),
    ('list', lambda: State([jnp.ones(2), 1]), 'State(\n  value=[\n    ShapedArray(float32[2]),\n    1\n  ]\n)'),
    ('empty dict', lambda: State({}), 'State(\n  value={}\n)'),
    ('string', lambda: State('abc'), "State(\n  value='abc'\n)"),
    ('None', lambda: State(None), 'State(\n  value=None\n)'),
    ('name', lambda: State(jnp.ones(2), name='w'), "State(\n  value=ShapedArray(float32[2]),\n  name='w'\n)"),
    ('tag', lambda: State(jnp.ones(2), tag='E'), "State(\n  value=ShapedArray(float32[2]),\n  tag={'E'}\n)"),
    ('metadata', lambda: State(jnp.ones(2), source='here'), "State(\n  value=ShapedArray(float32[2]),\n  source='here'\n)"),
    ('ParamState', lambda: ParamState(jnp.ones((10, 10))), 'ParamState(\n  value=ShapedArray(float32[10,10])\n)'),
    ('LongTermState', lambda: LongTermState(jnp.ones(64)), 'LongTermState(\n  value=ShapedArray(float32[64])\n)'),
    ('RandomState', lambda: RandomState(1), 'RandomState(\n  value=ShapedArray(uint32[2])\n)'),
]


@pytest.mark.parametrize(('make', 'shown'), [case[1:] for case in REPRS], ids=[case[0] for case in REPRS])
def test_representation_shows_the_abstract_value_as_a_tree(make, shown):
    assert repr(make()) == shown
    assert str(make()) == shown


def test_value_is_read_and_replaced():
    state = State(jnp.ones(10))
    state.value = state.value + 1.0
    np.testing.assert_array_equal(state.value, np.full(10, 2.0, np.float32))


def test_quantity_keeps_its_unit_through_a_write():
    state = State(-65.0 * u.mV)
    state.value = state.value + 5.0 * u.mV
    assert state.value == -60.0 * u.mV


def test_write_of_another_shape_is_allowed_outside_of_compiled_loops():
    state = State(jnp.ones(10))
    state.value = bst.random.random(3)
    assert repr(state) == 'State(\n  value=ShapedArray(float32[3])\n)'


def test_state_given_as_first_value_is_unwrapped():
    assert State(State(3.0)).value == 3.0
    assert HiddenState(State(jnp.ones(2))).varshape == (2,)


def test_assigning_a_state_is_an_error():
    with pytest.raises(ValueError, match='cannot hold a State'):
        State(1.0).value = State(2.0)


def test_states_are_equal_only_to_themselves():
    a, b = State(1.0), State(1.0)
    assert a == a
    assert a != b
    assert len({a, b, a}) == 2


def test_state_is_a_leaf_and_no_pytree_node():
    state = State(jnp.ones(3))
    assert jax.tree.leaves({'s': state}) == [state]
    with pytest.raises(TypeError):
        jnp.sin(state)


def test_tags_become_a_set():
    assert State(1.0).tag == set()
    assert State(1.0, tag='a').tag == {'a'}
    assert State(1.0, tag={'a', 'b'}).tag == {'a', 'b'}


@pytest.mark.parametrize('kind', KINDS)
def test_every_kind_holds_and_changes_a_value(kind):
    state = kind(jnp.zeros(3), name='x')
    state.value = state.value + 1.0
    assert isinstance(state, State)
    assert state.label == f"{kind.__name__} 'x'"
    assert float(state.value.sum()) == 3.0


def test_kinds_derive_from_each_other_as_documented():
    assert issubclass(ParamState, LongTermState)
    assert issubclass(BatchState, LongTermState)
    assert issubclass(HiddenState, ShortTermState)
    assert issubclass(RandomState, State)
    assert not issubclass(ShortTermState, LongTermState)


@pytest.mark.parametrize('value', [1.0, 'abc', None, [1.0]])
def test_hidden_state_rejects_what_is_no_array_and_says_what_it_was(value):
    with pytest.raises(TypeError, match=f'HiddenState holds an array or a quantity, but was given a {type(value).__name__}'):
        HiddenState(value)


@pytest.mark.parametrize('value', [jnp.zeros((2, 3)), np.zeros((2, 3)), jnp.zeros((2, 3)) * u.mV])
def test_hidden_state_knows_its_shape(value):
    assert HiddenState(value).varshape == (2, 3)


def _write_under(transform):
    state = State(jnp.zeros(()))

    def add(x):
        state.value = state.value + x
        return x

    return state, lambda: transform(add)


RAW_TRANSFORMS = [
    ('jit', lambda f: jax.jit(f)(1.0)),
    ('grad', lambda f: jax.grad(f)(1.0)),
    ('vmap', lambda f: jax.vmap(f)(jnp.ones(2))),
    ('make_jaxpr', lambda f: jax.make_jaxpr(f)(1.0)),
    ('scan', lambda f: jax.lax.scan(lambda c, x: (c, f(x)), 0.0, jnp.ones(2))),
]


@pytest.mark.parametrize('transform', [case[1] for case in RAW_TRANSFORMS], ids=[case[0] for case in RAW_TRANSFORMS])
def test_write_under_a_raw_transform_is_an_error_that_names_the_way_out(transform):
    state, go = _write_under(transform)
    with pytest.raises(TraceContextError, match=r'brainpy_state\.transform\.jit'):
        go()
    assert float(state.value) == 0.0


def test_read_under_a_raw_transform_is_allowed():
    state = State(jnp.array(3.0))
    assert float(jax.jit(lambda x: state.value * x)(2.0)) == 6.0


def test_write_under_a_raw_transform_within_ours_is_an_error_that_names_the_state():
    state = State(jnp.zeros(()), name='total')

    def add(x):
        state.value = state.value + x
        return x

    with pytest.raises(TraceContextError, match="State 'total' was written inside a raw JAX transform"):
        bst.transform.jit(lambda x: jax.jit(add)(x))(1.0)
    assert float(state.value) == 0.0


def test_state_made_and_written_within_a_raw_transform_is_an_ordinary_local():
    @jax.jit
    def double(x):
        local = State(x)
        local.value = local.value * 2.0
        return local.value

    assert float(double(3.0)) == 6.0


def test_state_that_escapes_from_a_trace_says_where_it_was_made():
    escaped = []

    def make(x):
        escaped.append(State(x, name='w'))
        return x

    bst.transform.jit(make)(1.0)
    with pytest.raises(TraceContextError, match=r"State 'w' was created inside `.*make`, which has ended"):
        escaped[0].value
    assert repr(escaped[0]).startswith('State(\n  value=<no value>')
    escaped[0].value = 5.0
    assert escaped[0].value == 5.0


def test_state_made_in_a_trace_from_a_concrete_value_keeps_it():
    made = []

    def make(x):
        made.append(State(3.0))
        return x * made[0].value

    assert float(bst.transform.jit(make)(2.0)) == 6.0
    assert made[0].value == 3.0


def test_states_of_a_failed_trace_hold_what_they_held():
    a, b, c = State(jnp.array(1.0)), State({'x': jnp.array(2.0)}), State(jnp.array(3.0))

    def fail(x):
        a.value = a.value + x
        b.value = (x, x)  # another tree
        c.value = c.value + x
        raise KeyError('on purpose')

    for _ in range(2):
        with pytest.raises(KeyError, match='on purpose'):
            bst.transform.jit(fail)(1.0)
    assert float(a.value) == 1.0
    assert float(b.value['x']) == 2.0
    assert float(c.value) == 3.0


def test_states_work_from_another_thread():
    state, seen = State(jnp.zeros(())), []

    def work():
        state.value = state.value + 1.0
        seen.append(float(bst.transform.jit(lambda x: state.value + x)(1.0)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [2.0]
    assert float(state.value) == 1.0
