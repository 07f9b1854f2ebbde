"""Projections onto models that give their own ``update``."""

import copy
import pickle

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BrainStateError, nn
from brainpy_state.transform import for_loop, vmap

N = 300


class Own(nn.Dynamics):
    """A LIF neuron by hand, which steps as `LIF` does."""

    def __init__(self, in_size, label=None):
        super().__init__(in_size)
        self.wanted = label

    def init_state(self, batch_size=None, **kwargs):
        shape = self.varshape if batch_size is None else (batch_size, *self.varshape)
        self.V = bst.HiddenState(jnp.zeros(shape) * u.mV)
        self.spike = bst.ShortTermState(jnp.zeros(shape))

    def update(self, x=0.0 * u.mA):
        drift = lambda V: (-V + self.sum_current_inputs(x, V, label=self.wanted) * u.ohm) / (10.0 * u.ms)  # noqa: E731
        V = self.sum_delta_inputs(nn.exp_euler_step(drift, self.V.value))
        spike = u.math.where(V >= 1.0 * u.mV, 1.0, 0.0)
        self.V.value = V - spike * 1.0 * u.mV
        self.spike.value = spike
        return spike


def declared(in_size):
    return bst.LIF(in_size, tau=10.0 * u.ms)


def projections(post, kind, **options):
    rng = np.random.default_rng(0)
    connect = lambda unit: bst.explicit_edges(  # noqa: E731
        20, N, rng.integers(0, 20, 900), rng.integers(0, N, 900), weight=0.3 * unit
    )
    return {
        'align post': lambda: bst.AlignPostProj(
            comm=connect(u.mS), syn=bst.Expon.desc(), out=bst.COBA.desc(E=5.0 * u.mV), post=post, **options
        ),
        'instances': lambda: bst.AlignPostProj(comm=connect(u.mS), syn=bst.Expon(N), out=bst.COBA(E=5.0 * u.mV), post=post, **options),
        'align pre': lambda: bst.AlignPreProj(
            comm=connect(u.mS), syn=bst.Expon.desc(g_initializer=0.0), out=bst.COBA(E=5.0 * u.mV), post=post, **options
        ),
        'current': lambda: bst.CurrentProj(comm=connect(u.mA), post=post, **options),
        'delta': lambda: bst.DeltaProj(comm=connect(u.mV), post=post, **options),
    }[kind]()


def simulate(make, kind, batch_size=None, **options):
    post = make(N)
    net = nn.Sequential(post)
    net.proj = projections(post, kind, **options)
    spikes = jnp.asarray(np.random.default_rng(1).random((60, *(() if batch_size is None else (batch_size,)), 20)) < 0.1, jnp.float32)
    with bst.environ.context(dt=0.5 * u.ms):
        nn.init_all_states(net, batch_size=batch_size)

        def step(s):
            net.proj(s)
            return post(1.2 * u.mA), post.V.value

        found = for_loop(step, spikes)
        return *found, net, step, spikes


@pytest.mark.quick('post-later|pre-later|delta-now|current-now')
@pytest.mark.parametrize('options', [{}, {'delay': 2.0 * u.ms}], ids=['now', 'later'])
@pytest.mark.parametrize('kind', ['align post', 'instances', 'align pre', 'current', 'delta'])
def test_a_model_by_hand_receives_what_a_declared_one_does(kind, options):
    spikes, V, *_, step, given = simulate(Own, kind, **options)
    expected, expected_V, *_ = simulate(declared, kind, **options)
    np.testing.assert_array_equal(spikes, expected)
    np.testing.assert_allclose(V / u.mV, expected_V / u.mV, rtol=1e-4, atol=1e-5)
    assert np.asarray(spikes).sum() > 50
    with bst.environ.context(dt=0.5 * u.ms):
        assert not bst.explain(step, given[0]).left


def test_batches_and_lanes_agree():
    spikes, *_ = simulate(Own, 'align post', batch_size=2)
    post = Own(N)
    net = nn.Sequential(post)
    net.proj = projections(post, 'align post')
    given = jnp.asarray(np.random.default_rng(1).random((60, 2, 20)) < 0.1, jnp.float32)

    def lane(xs):
        nn.init_all_states(net)
        return for_loop(lambda s: (net.proj(s), post(1.2 * u.mA))[1], xs)

    with bst.environ.context(dt=0.5 * u.ms):
        np.testing.assert_array_equal(vmap(lane, in_axes=1, out_axes=1)(given), spikes)


@pytest.mark.parametrize('again', [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=['copy', 'pickle'])
def test_copies_go_on_alike(again):
    *_, net, _, given = simulate(Own, 'align post')
    other = again(net)
    with bst.environ.context(dt=0.5 * u.ms):
        for one in (net, other):
            one.layers[0].spike.value = jnp.zeros(N)
        a, b = (for_loop(lambda s, m=m: (m.proj(s), m.layers[0](1.2 * u.mA))[1], given) for m in (net, other))
    np.testing.assert_array_equal(a, b)


class Labelled(Own):
    def update(self, x=0.0 * u.mA):
        self.fast, self.slow = (self.sum_delta_inputs(0.0 * u.mV, label=label) for label in ('fast', 'slow'))
        return self.fast, self.slow


def test_labels_tell_inputs_apart():
    post = Labelled(1)
    fast, slow = (
        bst.DeltaProj(comm=bst.one_to_one(1, 1, weight=w * u.mV), post=post, label=label) for w, label in ((1.0, 'fast'), (2.0, 'slow'))
    )
    with bst.environ.context(dt=0.5 * u.ms):
        for model in (post, fast, slow):
            nn.init_all_states(model)
        fast(jnp.ones(1))
        slow(jnp.ones(1))
        slow(jnp.ones(1))
        assert [x[0] for x in post()] == [1.0 * u.mV, 4.0 * u.mV]
        assert [x[0] for x in post()] == [0.0 * u.mV, 0.0 * u.mV]


def test_what_nobody_asks_for_is_an_error():
    post = Labelled(1)
    proj = bst.DeltaProj(comm=bst.one_to_one(1, 1, weight=1.0 * u.mV), post=post, label='fats')
    with bst.environ.context(dt=0.5 * u.ms):
        nn.init_all_states(post)
        nn.init_all_states(proj)
        with pytest.raises(BrainStateError, match=r"a delta with label='fats', is not used in its update"):
            post()


def test_an_update_that_is_called_by_itself_is_an_error():
    post = Own(1)
    proj = bst.CurrentProj(comm=bst.one_to_one(1, 1, weight=1.0 * u.mA), post=post)
    with bst.environ.context(dt=0.5 * u.ms):
        nn.init_all_states(post)
        nn.init_all_states(proj)
        with pytest.raises(BrainStateError, match='Call the model, not its update'):
            post.update()


def test_no_current_waits_for_the_first_step():
    ma = lambda value: lambda shape, **_: jnp.full(shape, value) * u.mA  # noqa: E731
    proj = bst.CurrentProj(comm=nn.Linear(2, 3, w_init=ma(1.0), b_init=ma(5.0)), post=bst.LIF(3))
    nn.init_all_states(proj)
    assert u.math.all(proj.receptor.waiting.value == 0.0 * u.mA)  # what is added to a signal is added in each step, not before
