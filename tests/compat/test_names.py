"""The rooms of names themselves."""

import subprocess
import sys

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.compat import brainpy, brainstate


def test_importing_the_package_does_not_import_the_room():
    code = 'import sys, brainpy_state; print([m for m in sys.modules if m.startswith(("brainpy_state.compat", "braintools"))])'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip() == '[]'


def test_the_package_brainstate_stays_itself():
    code = (
        'import brainstate as theirs, braintools; from brainpy_state.compat import brainstate; import sys\n'
        'assert sys.modules["brainstate"] is theirs and sys.modules["brainstate.graph"] is theirs.graph\n'
        'assert brainstate.State is not theirs.State\n'
        'import brainstate.nn; assert brainstate.nn.Linear(1, 1) is not None\n'
    )
    subprocess.run([sys.executable, '-W', 'ignore', '-c', code], check=True)


def test_names_are_our_own():
    assert brainstate.ParamState is bst.ParamState and brainstate.transform.for_loop is bst.transform.for_loop
    assert brainstate.nn.Linear is bst.nn.Linear and brainstate.random.seed is bst.random.seed
    assert brainstate.environ.context is bst.environ.context and brainstate.graph.treefy_split is bst.graph.treefy_split
    assert brainstate.compile is brainstate.augment is brainstate.transform and brainstate.functional is brainstate.nn
    assert issubclass(brainpy.state.LIF, bst.LIF) and brainpy.state.LIF.__doc__ == bst.LIF.__doc__
    assert brainstate.environ.get_platform() == 'cpu'
    for name in (
        'HH',
        'AdExIF',
        'Expon',
        'COBA',
        'PoissonSpike',
        'STP',
        'LeakyRateReadout',
        'GapJunction',
        'Dynamics',
        'Neuron',
        'Synapse',
    ):
        assert hasattr(brainpy.state, name)


@pytest.mark.parametrize(
    ('room', 'name', 'text'),
    [
        (brainstate, 'interop', 'brainstate has no .interop. here'),
        (brainstate.nn, 'Linea', 'it has Linear'),
        (brainstate.transform, 'pmap2', r'use transform\.shard_map'),
        (brainpy.state, 'LIFf', 'LIF'),
    ],
)
def test_what_is_missing_says_so(room, name, text):
    with pytest.raises(AttributeError, match=text):
        getattr(room, name)


@pytest.mark.parametrize(('number', 'count'), [(0.25, 10), (7, 7)])
def test_random_connections_have_as_many_targets_as_there(number, count):
    conn = brainstate.nn.EventFixedProb(30, 40, number, 2.0 * u.mS, seed=1)
    assert (conn.outdegree == count).all() and conn.weight.value == 2.0 * u.mS
    back = brainstate.nn.FixedNumConn((5, 6), 40, number, 1.0, efferent_target='pre', seed=1)
    assert (np.bincount(np.asarray(back.targets), minlength=40) == 7).all()
    with pytest.raises(ValueError, match='afferent_ratio'):
        brainstate.nn.FixedNumConn(30, 40, number, 1.0, afferent_ratio=0.5)


@pytest.mark.parametrize('include_self', [True, False])
@pytest.mark.parametrize('w', [0.5, np.arange(12.0).reshape(3, 4), lambda shape: np.ones(shape)], ids=['number', 'matrix', 'callable'])
def test_all_pairs_take_a_matrix(w, include_self):
    x = jnp.array([1.0, 0.0, 2.0])
    dense = np.broadcast_to(w((3, 4)) if callable(w) else w, (3, 4)) * (1 if include_self else 1 - np.eye(3, 4))
    np.testing.assert_allclose(brainstate.nn.AllToAll(3, 4, w, include_self=include_self)(x), x @ dense, rtol=1e-6)


def test_inputs_by_hand():
    class Own(brainpy.state.Neuron):
        def update(self, x):
            return self.sum_current_inputs(x, 2.0), self.sum_delta_inputs(0.0, label='a')

    neuron = Own(1)
    neuron.add_current_input('steady', lambda V: 10 * V)
    neuron.add_current_input('once', 5.0)
    neuron.add_delta_input('jump', 3.0, label='a')
    with pytest.raises(ValueError, match='a current input .steady. already'):
        neuron.add_current_input('steady', 1.0)
    assert neuron(1.0) == (26.0, 3.0)
    assert neuron(1.0) == (21.0, 0.0)


def test_a_potential_that_cannot_show_spikes_is_refused():
    neuron = bst.nn.init_all_states(brainpy.state.HH(1))
    with pytest.raises(ValueError, match=r"use prefetch\('spike'\)"):
        neuron.prefetch('V')()
    assert neuron.prefetch('spike')() == neuron.spike.value


def test_spike_times_in_the_older_order():
    with brainstate.environ.context(dt=0.1 * u.ms):
        source = brainpy.state.SpikeTime(2, times=[0.2, 0.1] * u.ms, indices=[1, 0], need_sort=False)
        assert bst.run(source, 0.3 * u.ms).tolist() == [[0, 0], [1, 0], [0, 1]]
