"""Going through the modules of a tree, and keeping values of parameters."""

import math

import brainunit as u
import jax.numpy as jnp
import pytest

import brainpy_state as bst
from brainpy_state import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Param(2.0, t=nn.SoftplusT(0.0))
        self.layers = [nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 1))]


def test_generations():
    net = Net()
    assert [name for name, _ in net.named_children()] == ['gain', 'layers.0', 'layers.1']
    assert list(net.children()) == [net.gain, *net.layers]
    assert [name for name, _ in net.named_modules('net')] == ['net', 'net.gain', 'net.layers.0', 'net.layers.1', 'net.layers.1.layers.0']
    assert len(list(net.modules(include_self=False))) == 4
    assert list(net.parameters()) == [net.gain] and list(net.layers[1].parameters()) == []
    assert dict(net.named_parameters('net')) == {'net.gain': net.gain}


def test_a_module_that_stands_in_two_places_comes_once():
    net = Net()
    net.again = net.layers[0]
    assert len(list(net.modules())) == len({id(m) for m in net.modules()}) == 5


def test_a_parameter_keeps_its_value_until_another_is_written():
    net = Net()
    calls = []
    net.gain.t.forward, forward = (lambda x: calls.append(x) or forward(x)), net.gain.t.forward
    with net.param_precompute():
        assert net.gain.value() is net.gain.value() and len(calls) == 1
        net.gain.set_value(3.0)
        assert float(net.gain.value()) == pytest.approx(3.0) and not net.gain.cache_stats['valid']
    assert net.gain.cache_stats == {'valid': False, 'has_cached_value': False}


def test_a_kept_value_is_not_used_for_what_is_traced():
    gain = nn.Param(2.0 * u.ms, t=nn.SoftplusT(1.0 * u.ms))
    gain.cache()
    slope = bst.transform.grad(lambda: gain.value() / u.ms, gain.val)()
    assert float(u.get_mantissa(slope)) > 0


def test_sizes_are_tuples_and_trees_are_initialised():
    net = Net()
    net.in_size, net.out_size = 2, [3, 1]
    assert (net.in_size, net.out_size) == ((2,), (3, 1))
    cell = nn.MGUCell(2, 3)
    assert cell.init_all_states(batch_size=4) is cell and cell.h.value.shape == (4, 3)
    assert list(cell.state_trees(bst.HiddenState)) == ['h']


def test_what_a_map_does_to_densities():
    x = jnp.array([0.3, -1.0])
    assert float(nn.AffineT(-2.0, 1.0).log_abs_det_jacobian(x)) == pytest.approx(2 * math.log(2.0), rel=1e-6)
