"""`shard_map`: each device of a mesh with its part; what needs several devices is in `two_devices.py`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

import brainpy_state as bst
from brainpy_state import ShapeError, State
from brainpy_state.transform import grad, jit, jit_error_if, shard_map


@pytest.mark.slow
def test_what_holds_on_two_devices(python):
    python(
        *('-m', 'pytest', '-q', '-n0', '-p', 'no:cacheprovider', 'tests/transform/two_devices.py'),
        JAX_PLATFORMS='cpu',
        XLA_FLAGS='--xla_force_host_platform_device_count=2',
    )


@pytest.fixture
def alone():
    """The decorator for a mesh of one device."""
    return lambda **options: shard_map(mesh=jax.make_mesh((1,), ('i',)), **options)


def test_a_mesh_of_one_device_gives_what_the_plain_function_gives(alone):
    part, total = State(jnp.zeros(3)), State(jnp.zeros(()))

    def step(x):
        part.value += x
        total.value += jax.lax.psum(jnp.sum(part.value), 'i')
        return 2 * x

    sharded = alone(in_specs=P('i'), out_specs=P('i'), state_in_specs={P('i'): part})(step)
    for call in (sharded, jit(sharded)):
        np.testing.assert_array_equal(call(jnp.arange(3.0)), [0.0, 2.0, 4.0])
    np.testing.assert_array_equal(part.value, [0.0, 2.0, 4.0])
    assert float(total.value) == 9.0
    assert float(grad(lambda x: sharded(x).sum())(jnp.ones(3)).sum()) == 6.0


def test_on_one_device_too_what_a_device_computes_of_its_part_is_not_taken_as_the_same_on_all(alone):
    total = State(jnp.zeros(()), name='total')

    def step(x):
        total.value = jnp.sum(x)

    with pytest.raises(bst.BatchAxisError, match="State 'total' is declared the same on all devices, but differs between them"):
        alone(in_specs=P('i'), out_specs=P())(step)(jnp.ones(3))
    assert float(total.value) == 0.0


def test_an_error_inside_is_raised_and_states_are_as_before(alone):
    part = State(jnp.zeros(3))

    def step(x):
        part.value += x
        jit_error_if(x > 1, 'too large: {}', x)

    with pytest.raises(ValueError, match=r'too large: \[0\. 1\. 2\.\]'):
        alone(in_specs=P('i'), out_specs=P(), state_in_specs={P('i'): part})(step)(jnp.arange(3.0))
    np.testing.assert_array_equal(part.value, np.zeros(3))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'in_specs': P('i', None)}, r'argument 0 has shape \(4,\), which .* has too many axes for'),
        ({'in_specs': P('j')}, r"argument 0 is divided by .*'j'.*, but the mesh has the axes \('i',\)"),
        ({'out_specs': P(None, 'i')}, r'a result has shape \(4,\), which .* has too many axes for'),
        ({'out_specs': P('j')}, r"a result is divided by .*'j'.*, but the mesh has the axes"),
    ],
    ids=str,
)
def test_a_spec_that_does_not_fit_is_an_error_that_names_the_array(alone, options, message):
    with pytest.raises(ShapeError, match=message):
        alone(**({'in_specs': P('i'), 'out_specs': P('i')} | options))(lambda x: x)(jnp.ones(4))


@pytest.mark.parametrize('name', ['state_in_specs', 'state_out_specs'])
@pytest.mark.parametrize('spec', [P('i', 'i'), P('j')], ids=['axes', 'name'])
def test_a_spec_that_does_not_fit_a_state_is_an_error_that_names_it(alone, name, spec):
    state = State(jnp.zeros(3), name='rates')

    def step(x):
        state.value = x + 1

    with pytest.raises(ShapeError, match="State 'rates' (has shape|is divided by)"):
        alone(in_specs=P('i'), out_specs=P(), **{name: {spec: state}})(step)(jnp.ones(3))
    np.testing.assert_array_equal(state.value, np.zeros(3))


@pytest.mark.parametrize('name', ['state_in_specs', 'state_out_specs'])
@pytest.mark.parametrize(
    ('declare', 'message'),
    [
        (lambda state: state, r"say how State 'rates' is divided: \{PartitionSpec\(...\): states\}"),
        (lambda state: [state], "say how State 'rates' is divided"),
        (lambda state: {0: state}, "say how State 'rates' is divided"),
        (lambda state: {P('i'): 3}, 'holds states, or dicts of .* to states, but 3 is a int'),
    ],
    ids=['state', 'list', 'number', 'no state'],
)
def test_a_state_that_is_not_declared_by_a_spec_is_an_error(alone, name, declare, message):
    with pytest.raises(TypeError, match=message):
        alone(in_specs=P('i'), out_specs=P('i'), **{name: declare(State(jnp.zeros(3), name='rates'))})(lambda x: x)


def test_a_state_that_is_declared_twice_is_an_error(alone):
    state = State(jnp.zeros(3), name='rates')
    with pytest.raises(bst.BatchAxisError, match="State 'rates' stands twice in state_in_specs"):
        alone(in_specs=P('i'), out_specs=P('i'), state_in_specs={P('i'): state, P(): [state]})
