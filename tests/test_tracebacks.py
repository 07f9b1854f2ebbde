"""The traceback of a user's mistake: the user's own lines, and at the end at most one of the package."""

import traceback

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.transform import cond, for_loop, grad, jit, scan, vmap, while_loop

HERE = __file__


class Net(bst.nn.Module):
    """Neurons, and a step with a mistake in it."""

    def __init__(self, mistake):
        super().__init__()
        self.neurons = bst.LIF(4, V_th=-50.0 * u.mV, V_reset=-60.0 * u.mV)
        self.mistake = mistake

    def update(self, x):
        self.mistake(self.neurons, x)
        return x


def attribute(neurons, x):
    neurons.V = x * u.mV


def setting(neurons, x):
    bst.environ.get('gain')


def key(neurons, x):
    return {}['a']


MISTAKES = {
    'unit': lambda neurons, x: neurons(x * u.mV),
    'shape': lambda neurons, x: neurons(jnp.ones(7) * u.mA),
    'shape in JAX': lambda neurons, x: jnp.ones(3) + jnp.ones(4),
    'unit in brainunit': lambda neurons, x: 1.0 * u.mV + 1.0 * u.mA,
    'value': lambda neurons, x: setattr(neurons.V, 'value', jnp.ones(3)),
    'parameter': lambda neurons, x: setattr(neurons, 'V_th', -80.0 * u.mV),
    'construction': lambda neurons, x: bst.LIF(4, V_th=-80.0 * u.mV, V_reset=-60.0 * u.mV),
    'name': lambda neurons, x: bst.LIF(4, Vth=-50.0 * u.mV),
    'connection': lambda neurons, x: bst.pairwise_bernoulli(4, 4, 3.0),
    'random numbers': lambda neurons, x: bst.random.normal(size='a'),
    'not initialised': lambda neurons, x: bst.LIF(4)(x * u.mA),
    'context': lambda neurons, x: bst.environ.context(dt=-0.1 * u.ms).__enter__(),
    'attribute': attribute,
    'setting': setting,
    'key': key,
}
WAYS = {
    'eager': lambda net: net(1.0),
    'jit': lambda net: jit(net)(1.0),
    'for_loop': lambda net: for_loop(net, jnp.ones(3)),
    'scan': lambda net: scan(lambda carry, x: (net(carry), x), 1.0, jnp.ones(3)),
    'while_loop': lambda net: while_loop(lambda x: x < 3.0, lambda x: net(x) + 1.0, 1.0),
    'cond': lambda net: cond(jnp.array(True), net, lambda x: x, 1.0),
    'vmap': lambda net: vmap(net)(jnp.ones(3)),
    'grad': lambda net: grad(net, argnums=0)(1.0),
    'run': lambda net: bst.run(lambda: net(1.0), 1.0 * u.ms),
    'all at once': lambda net: jit(lambda: grad(lambda x: for_loop(vmap(net), x[:, None] * jnp.ones(2)).sum(), argnums=0)(jnp.ones(3)))(),
}


def raised(call):
    """The error of a call, and the files of its traceback from this one on."""
    with pytest.raises(Exception) as found:
        call()
    files = [frame.filename for frame in traceback.extract_tb(found.value.__traceback__)]
    return found.value, files[files.index(HERE) :]


@pytest.fixture(autouse=True)
def clock(dt):
    """All mistakes are made with a time step."""


@pytest.mark.parametrize('way', WAYS)
def test_the_users_line_is_the_last_or_stands_before_the_one_that_found_the_mistake(way):
    for name, mistake in MISTAKES.items():
        net = bst.nn.init_all_states(Net(mistake))
        error, files = raised(lambda net=net: WAYS[way](net))
        by_jax_or_user = name in {'shape in JAX', 'unit in brainunit', 'key'}
        assert all(file == HERE for file in files[:-1]), (name, files)
        assert (files[-1] == HERE) == by_jax_or_user, (name, files)
        assert len(files) <= 12
        assert files.count(HERE) >= 3, (name, files)
        assert not [note for note in getattr(error, '__notes__', []) if 'internal frames' in note]


def test_a_check_at_run_time_points_at_the_call():
    net = bst.nn.init_all_states(bst.LIF(2, V_reset=-60.0 * u.mV, V_th=-50.0 * u.mV))
    net.V_th = threshold = bst.ParamState(-50.0 * u.mV)
    threshold.value = -80.0 * u.mV  # below the reset
    for call in (lambda: jit(net)(1.0 * u.mA), lambda: for_loop(net, jnp.ones(3) * u.mA)):
        error, files = raised(call)
        assert isinstance(error, bst.ParameterError)
        assert set(files[:-1]) == {HERE}


def test_a_fault_of_the_package_keeps_its_frames(monkeypatch):
    def broken(*args):
        raise ZeroDivisionError

    monkeypatch.setattr('brainpy_state.transform._programs.signature', broken)
    broken.__globals__['__name__'], name = 'brainpy_state.broken', __name__
    try:
        error, files = raised(lambda: jit(lambda x: x)(1.0))
    finally:
        broken.__globals__['__name__'] = name
    assert isinstance(error, ZeroDivisionError)
    assert len({file for file in files if 'brainpy_state' in file}) >= 2


def test_all_frames_are_there_for_who_asks_for_them():
    net = bst.nn.init_all_states(Net(MISTAKES['unit']))
    jax.config.update('jax_traceback_filtering', 'off')
    try:
        _, files = raised(lambda: jit(net)(1.0))
    finally:
        jax.config.update('jax_traceback_filtering', 'auto')
    assert any('jax' in file for file in files)


def test_spikes_and_their_measures_point_at_the_users_line():
    spikes = bst.record.Spikes(np.array([1, 2]), np.array([0, 1]), 3, 0.1 * u.ms, 0, 10)
    for call in (
        lambda: spikes.between(5.0 * u.ms, 1.0 * u.ms),
        lambda: spikes.of(7),
        lambda: bst.record.population_rate(spikes, 3.0 * u.mV),
    ):
        _, files = raised(call)
        assert files[:-1] == [HERE, HERE]
