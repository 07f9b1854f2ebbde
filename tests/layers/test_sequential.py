"""Layers one after the other."""

import functools

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, ParamState, ShapeError, nn
from brainpy_state.transform import jit

pytestmark = pytest.mark.slow


class Double(nn.Module):
    """Tells nothing of its sizes."""

    def update(self, x):
        return jnp.concatenate([x, x], axis=-1)


def test_layers_are_applied_in_order():
    net = nn.Sequential(nn.Linear(2, 2, w_init=1.0), lambda x: -x, jax.nn.relu, functools.partial(jnp.add, 1.0))
    np.testing.assert_array_equal(net(jnp.array([1.0, 2.0])), [1.0, 1.0])
    np.testing.assert_array_equal(net(jnp.array([-1.0, -2.0])), [4.0, 4.0])


def test_the_first_layer_takes_all_arguments():
    assert nn.Sequential(lambda a, b: a * b, lambda x: x + 1)(3, 4) == 13


def test_descriptions_get_the_size_of_what_stands_before():
    net = nn.Sequential(nn.Linear.desc(3, 10), jax.nn.relu, nn.Linear.desc(4), bst.LIF.desc(tau=9.0 * u.ms), nn.LeakyRateReadout.desc(2))
    assert [getattr(x, 'in_size', None) for x in net] == [(3,), None, (10,), (4,), (4,)]
    assert (net.in_size, net.out_size) == ((3,), (2,))
    assert net[3].tau == 9.0 * u.ms


def test_the_size_behind_a_layer_that_does_not_tell_is_found_by_tracing_it():
    runs = []
    net = nn.Sequential(nn.Linear(3, 5), Double(), lambda x: (runs.append(0), x[..., :7])[1], nn.Linear.desc(2))
    assert net[3].in_size == (7,)
    assert runs == [0]


def test_flatten_is_described_without_its_size():
    net = nn.Sequential(nn.Linear((4, 3), 2), nn.Flatten.desc(), nn.Linear.desc(6))
    assert net[2].in_size == (8,)
    assert net(jnp.ones((5, 4, 3))).shape == (5, 6)


def test_a_sequential_stands_within_another():
    net = nn.Sequential(nn.Sequential(nn.Linear(3, 5), jax.nn.relu), nn.Linear.desc(2))
    assert net(jnp.ones(3)).shape == (2,)
    assert list(net.states(ParamState)) == [('layers', 0, 'layers', 0, 'weight'), ('layers', 1, 'weight')]


def test_layers_are_reached_by_index_slice_and_loop():
    net = nn.Sequential(nn.Linear(3, 5), jax.nn.relu, nn.Linear.desc(2))
    assert len(net) == 3
    assert list(net) == [net[0], jax.nn.relu, net[-1]]
    part = net[1:]
    assert isinstance(part, nn.Sequential)
    assert list(part) == [net[1], net[2]]
    with pytest.raises(ParameterError, match='Sequential: there are no layers at slice'):
        net[3:]
    with pytest.raises(IndexError):
        net[3]


def test_layers_are_added_at_their_places():
    net = nn.Sequential(nn.Linear(3, 5))
    net.append(nn.Linear.desc(2))
    net.insert(1, jax.nn.relu)
    net.insert(-1, jax.nn.tanh)
    net.extend([jax.nn.relu, nn.Linear.desc(7)])
    assert [getattr(x, 'out_size', x) for x in net] == [(5,), jax.nn.relu, jax.nn.tanh, (2,), jax.nn.relu, (7,)]
    assert net(jnp.ones(3)).shape == (7,)


def test_a_compiled_sequential_notices_another_layer():
    net = nn.Sequential(nn.Linear(3, 2, w_init=1.0))
    step = jit(net)
    assert float(step(jnp.ones(3))[0]) == 3.0
    net.append(jnp.negative)
    assert float(step(jnp.ones(3))[0]) == -3.0


def test_extending_adds_all_layers_or_none():
    net = nn.Sequential(nn.Linear(3, 5))
    with pytest.raises(ParameterError):
        net.extend([jax.nn.relu, 3])
    assert len(net) == 1


def test_an_error_keeps_its_class_and_names_the_layer():
    def broken(x):
        raise KeyError('on purpose')

    net = nn.Sequential(nn.Linear(3, 5), nn.Sequential(jax.nn.relu, broken, name='inner'), name='outer')
    with pytest.raises(KeyError, match='on purpose') as error:
        net(jnp.ones(3))
    inner, outer = error.value.__notes__
    assert inner.startswith("in layer 1 of Sequential 'inner': `")
    assert 'broken' in inner
    assert outer == "in layer 1 of Sequential 'outer': Sequential 'inner'"
    with pytest.raises(ShapeError) as error:
        net(jnp.ones(4))
    assert error.value.__notes__ == ["in layer 0 of Sequential 'outer': Linear 'layers.0'"]


@pytest.mark.parametrize(
    ('layers', 'message'),
    [
        ([nn.Linear(2, 3), nn.Flatten], r'layer 1 must be a module, a callable or a description, but is .*; did you mean Flatten\.desc'),
        ([nn.Linear(2, 3), 7], 'layer 1 must be a module, a callable or a description, but is 7'),
        ([jax.nn.relu, nn.Linear.desc(3)], r'the in_size of layer 1 \(Linear\) is not known, because no layer before it has an out_size'),
    ],
    ids=['class', 'number', 'unknown size'],
)
def test_what_is_no_layer_is_one_clear_line(layers, message):
    with pytest.raises(ParameterError, match=f"^Sequential 'net': {message}"):
        nn.Sequential(*layers, name='net')


def test_a_layer_whose_size_cannot_be_found_is_named():
    with pytest.raises(ShapeError, match=r'layer 1 \(.*ravel.*\) makes shape \(5,\) of \(1, 5\), but must keep the batch axis'):
        nn.Sequential(nn.Linear(2, 5), jnp.ravel, nn.Linear.desc(3))
    with pytest.raises(TypeError) as error:
        nn.Sequential(nn.Linear(2, 5), lambda x: x + 'a', nn.Linear.desc(3))
    assert error.value.__notes__[-1] == 'while finding what layer 1 of Sequential makes of an input of shape (1, 5)'
    assert nn.Sequential(nn.Linear(2, 5), jnp.ravel).out_size is None


def test_a_size_given_in_a_description_holds():
    net = nn.Sequential(jax.nn.relu, nn.Linear.desc(in_size=4, out_size=3))
    assert net(jnp.ones(4)).shape == (3,)
