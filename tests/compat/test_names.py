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


@pytest.mark.slow
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
    assert issubclass(brainstate.nn.Linear, bst.nn.Linear) and brainstate.random.normal is bst.random.normal
    assert brainstate.environ.get.__wrapped__ is bst.environ.get and brainstate.graph.clone is bst.graph.clone
    assert brainstate.graph.treefy_merge is bst.graph.treefy_merge
    assert brainstate.compile is brainstate.augment is brainstate.transform and brainstate.functional is brainstate.nn
    assert issubclass(brainpy.state.LIF, bst.LIF) and brainpy.state.LIF.__doc__ == bst.LIF.__doc__
    assert brainstate.environ.get_platform() == 'cpu'
    assert brainstate.nn.LIF is brainpy.state.LIF and brainstate.nn.AlignPostProj is brainpy.state.AlignPostProj
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
        (brainstate.transform, 'pmap2_new_states', r'use transform\.vmap2_new_states'),
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ('draw', 'mean', 'variance'),
    [
        (lambda n: brainstate.random.random_integers(2, 4, size=n), 3, 2 / 3),
        (lambda n: brainstate.random.random_integers(3, size=n), 2, 2 / 3),
        (lambda n: brainstate.random.maxwell(n), 2 * np.sqrt(2 / np.pi), 3 - 8 / np.pi),
        (lambda n: brainstate.random.loggamma(1.0, n), -np.euler_gamma, np.pi**2 / 6),
        (lambda n: brainstate.random.weibull_min(1.0, 2.0, n), 2, 4),
        (lambda n: brainstate.random.noncentral_chisquare(3.0, 2.0, n), 5, 14),
        (lambda n: brainstate.random.noncentral_f(5, 20, 2.0, n), 14 / 9, 422 / 324),
        (lambda n: brainstate.random.logseries(0.6, n), 1.637035, 1.412657),
        (lambda n: brainstate.random.zipf(4.0, n), 1.1106265, 1.5190 - 1.1106265**2 + 0.0),
        (lambda n: brainstate.random.hypergeometric(6, 4, 5, n), 3, 5 * 0.6 * 0.4 * 5 / 9),
        (lambda n: brainstate.random.sample(n), 0.5, 1 / 12),
    ],
)
def test_further_distributions_have_their_moments(draw, mean, variance):
    brainstate.random.seed(3)
    x = np.asarray(draw(40_000), float)
    assert abs(x.mean() - mean) < 5 * np.sqrt(variance / 40_000)
    np.testing.assert_allclose(x.var(), variance, rtol=0.25)
    assert not np.array_equal(x, np.asarray(draw(40_000), float))


def test_orthogonal_matrices_and_keys():
    Q = np.asarray(brainstate.random.orthogonal(4, (2,)))
    np.testing.assert_allclose(Q @ Q.swapaxes(-1, -2), np.broadcast_to(np.eye(4), (2, 4, 4)), atol=1e-5)
    key = brainstate.random.split_key()
    np.testing.assert_array_equal(brainstate.random.maxwell(3, key=key), brainstate.random.maxwell(3, key=key))


def test_a_generator_remembers_a_key():
    assert isinstance(brainstate.random.DEFAULT, brainstate.random.RandomState) and not isinstance(1, brainstate.random.RandomState)
    generator = brainstate.random.RandomState(3)
    generator.backup_key()
    first = generator.logseries(0.5, size=8)
    with pytest.raises(ValueError, match='call restore_key first'):
        generator.backup_key()
    generator.restore_key()
    np.testing.assert_array_equal(generator.logseries(0.5, size=8), first)
    with pytest.raises(ValueError, match='call backup_key first'):
        generator.restore_key()
    generator.set_key(brainstate.random.RandomState(3).value)
    np.testing.assert_array_equal(generator.logseries(0.5, size=8), first)
    assert len(generator.split_keys(3)) == 3


def test_functions_before_and_after_an_update():
    seen = []
    neuron = bst.nn.init_all_states(brainpy.state.IF(1))
    neuron.add_before_update('a', lambda: seen.append('before'))
    neuron.add_before_update('b', brainstate.nn.receive_update_input(lambda x: seen.append(x)))
    neuron.add_after_update('c', lambda out: seen.append(float(out[0])))
    neuron.add_after_update('d', brainstate.nn.not_receive_update_output(lambda: seen.append('after')))
    with brainstate.environ.context(dt=1.0 * u.ms):
        neuron(100.0 * u.mA)
    assert seen == ['before', 100.0 * u.mA, 1.0, 'after'] and neuron.has_after_update('c') and not neuron.has_before_update('c')
    with pytest.raises(KeyError, match="a function 'a' before its update already"):
        neuron.add_before_update('a', print)


def test_states_for_lanes_by_a_decorator():
    class Cell(brainstate.nn.Module):
        def init_state(self):
            self.h = brainstate.ShortTermState(brainstate.random.rand(2))

    cell = Cell()

    @brainstate.transform.vmap_new_states(axis_size=3)
    def make():
        cell.init_state()

    make()
    assert cell.h.value.shape == (3, 2)


@pytest.mark.slow
def test_settings_are_reset():
    code = (
        'from brainpy_state.compat import brainstate\nbrainstate.environ.set(dt=0.1, mine=3, precision=64)\nbrainstate.environ.reset()\n'
        'assert brainstate.environ.get("mine", None) is None and brainstate.environ.get("dt", None) is None\n'
        'assert brainstate.environ.get_precision() == 32'
    )
    subprocess.run([sys.executable, '-c', code], check=True)


def test_further_activations():
    x = jnp.array([-2.0, -0.2, 0.0, 0.7])
    found = {
        name: np.asarray(getattr(brainstate.nn, name)(x)) for name in ('hard_shrink', 'soft_shrink', 'tanh_shrink', 'softmin', 'prelu')
    }
    np.testing.assert_allclose(found['hard_shrink'], [-2, 0, 0, 0.7])
    np.testing.assert_allclose(found['soft_shrink'], [-1.5, 0, 0, 0.2], atol=1e-6)
    np.testing.assert_allclose(found['tanh_shrink'], x - np.tanh(x), atol=1e-6)
    np.testing.assert_allclose(found['softmin'], np.exp(-x) / np.exp(-x).sum(), rtol=1e-6)
    np.testing.assert_allclose(found['prelu'], [-0.5, -0.05, 0, 0.7])
    layers = ('CELU', 'SELU', 'Mish', 'ReLU6', 'LogSigmoid', 'Softsign', 'LogSoftmax', 'Hardtanh', 'Hardswish', 'Hardshrink', 'Identity')
    assert all(getattr(brainstate.nn, name)()(x).shape == (4,) for name in layers)
    np.testing.assert_array_equal(brainstate.nn.Softshrink(lambd=0.1)(x), brainstate.nn.soft_shrink(x, 0.1))


def test_a_module_under_settings():
    drop = brainstate.nn.EnvironContext(brainstate.nn.Dropout(0.5), fit=False)
    np.testing.assert_array_equal(drop(jnp.ones(5)), jnp.ones(5))
