"""A training that goes on from a file gives what it would have given without a break, bit for bit."""

import json
import os

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainpy_state as bst
from brainpy_state.optim import Optimizer

OPTIONS = {'batch_size': 8, 'seed': 3, 'best': 'right'}


def data():
    x = np.random.default_rng(0).normal(size=(24, 3)).astype(bst.environ.dftype())
    return x, np.sign(x @ np.array([1.0, -2.0, 0.5]))


class Net(bst.nn.Module):
    """A spiking layer with weights and time constants that are trained, noise, dropout, a running mean, and a state that is carried on."""

    def __init__(self, size=5):
        super().__init__()
        self.layer = bst.nn.Linear(3, size, w_init=lambda shape: bst.random.normal(2.0, 1.0, shape) * u.mA, b_init=None)
        self.cells = bst.LIF(size, R=1.0 * u.ohm, tau=bst.nn.Param(10.0 * u.ms, t=bst.nn.SoftplusT(1.0 * u.ms)), V_th=1.0 * u.mV)
        self.noise, self.rng, self.of_validation = bst.random.Stream('noise'), bst.random.RandomState(1), bst.random.RandomState(2)
        self.dropout, self.default = bst.nn.Dropout(0.8), bst.random.default_rng()
        self.readout = bst.ParamState(jnp.ones(size, bst.environ.dftype()))
        self.mean = bst.LongTermState(jnp.zeros(3, bst.environ.dftype()))
        self.last = bst.LongTermState(jnp.zeros(3, bst.environ.dftype()))
        self.carried = bst.HiddenState(jnp.zeros(3, bst.environ.dftype()) * u.mA)

    def loss(self, x, y):
        bst.nn.init_all_states(self.cells, batch_size=len(x))
        if bst.environ.get('fit'):
            self.mean.value, self.last.value = 0.9 * self.mean.value + 0.1 * x.mean(0), x[0]
        else:
            x = x + self.last.value + self.of_validation.normal(size=x.shape)
        self.carried.value = 0.5 * self.carried.value + x.mean(0) * u.mA
        current = self.layer(self.dropout(x)) + self.rng.normal(size=(len(x), self.cells.varshape[0])) * u.mA
        current = current + self.noise.standard_normal(current.shape) * u.mA + self.carried.value.sum()
        with bst.environ.context(dt=1.0 * u.ms):
            spikes = bst.transform.for_loop(lambda _: self.cells(current), jnp.arange(10))
        out = spikes.mean(0) @ self.readout.value + self.mean.value.sum()
        return jnp.mean((out - y) ** 2), {'right': jnp.mean(jnp.sign(out) == y)}


def made(size=5, transformation=None):
    net = Net(size)
    schedule = optax.cosine_decay_schedule(0.05, 30)
    transformation = transformation or optax.chain(optax.clip_by_global_norm(1.0), optax.add_noise(0.01, 0.5, 3), optax.adam(schedule))
    return net, Optimizer(transformation, net.states(bst.ParamState))


def content(net, optimizer, history):
    """Everything that a training gives; the default generator goes on as before."""
    names = {path: state for path, state in net.states().items() if path[0] not in ('cells', 'default') or path[1:] == ('tau', 'val')}
    held = [state.value for state in names.values()] + [optimizer.state.value, history.best]
    leaves = [jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x for x in jax.tree.leaves(held)]
    arrays = [(np.asarray(x).dtype.name, np.asarray(x).tobytes().hex()) for x in leaves]
    return json.loads(json.dumps([arrays, history.curves, history.best_epoch, [str(path) for path in names]]))


def trained(epochs, checkpoint=None, of=None, **options):
    net, optimizer = of or made()
    x, y = data()
    history = bst.fit(net.loss, optimizer, (x, y), epochs=epochs, validation=(x[:8], y[:8]), checkpoint=checkpoint, **(OPTIONS | options))
    return net, optimizer, history


@pytest.fixture(params=(32, pytest.param(64, marks=pytest.mark.slow)), ids='float{}'.format)
def bits(request):
    with bst.environ.context(precision=request.param):
        yield request.param


@pytest.mark.slow
def test_it_goes_on_bit_for_bit(bits, tmp_path):
    path = tmp_path / 'training.npz'
    whole = content(*trained(4))
    bst.random.seed(0)
    assert len(trained(2, path)[2]) == 2
    bst.random.seed(2)  # other first weights do not matter
    assert content(*trained(4, path)) == whole
    bst.random.seed(3)
    again = trained(4, path)  # nothing is left to do
    assert content(*again) == whole
    assert f'float{bits}' in str(again[0].readout.value.dtype)
    assert os.listdir(tmp_path) == ['training.npz']
    with pytest.raises(bst.ParameterError, match='epochs = 3 in all, but the history has 4 already'):
        trained(3, path)
    with pytest.raises(bst.FileError, match='holds a training, not states'):
        bst.load_states(path, again[0])


@pytest.mark.slow
def test_a_break_within_an_epoch_loses_that_epoch_alone(tmp_path):
    x, y = data()
    breaks = iter([True])

    def batches(epoch):
        order = np.random.default_rng(epoch).permutation(24)
        for n in range(3):
            if epoch == n == 1 and next(breaks, False):
                raise KeyboardInterrupt
            yield x[order[8 * n : 8 * n + 8]], y[order[8 * n : 8 * n + 8]]

    def run(seed, **options):
        bst.random.seed(seed)
        net, optimizer = made()
        return net, optimizer, bst.fit(net.loss, optimizer, batches, epochs=3, **options)

    with pytest.raises(KeyboardInterrupt):
        run(0, checkpoint=tmp_path / 'x')
    assert content(*run(1, checkpoint=tmp_path / 'x')) == content(*run(0))


@pytest.mark.slow
def test_a_file_is_written_after_each_epoch_and_compiles_no_more(tmp_path, compilations):
    path, sizes = tmp_path / 'x', []
    first, other = made(), made()
    trained(1, path, first)
    trained(1, None, other)
    with compilations() as plain:
        trained(2, None, other)
    with compilations() as compiled:
        trained(3, path, first, on_epoch=lambda history: sizes.append((len(history), len(np.load(path)['extra/curves/loss']))))
    assert sizes == [(2, 2), (3, 3)]
    assert len(compiled) == len(plain)


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp('training') / 'x.npz'
    bst.random.seed(0)
    trained(1, path)
    return path


OTHERS = {
    'size': (
        lambda file: trained(2, file, made(4)),
        bst.StateTreeError,
        r'does not fit; nothing was changed[\s\S]*model\.readout: float32 \(5,\) in the file, float32 \(4,\) here',
    ),
    'optimiser': (
        lambda file: trained(2, file, made(5, optax.sgd(0.1))),
        bst.StateTreeError,
        r'optimizer\[2\]\[0\]\.mu\S*: float32 .* in the file, nothing here',
    ),
    'seed': (
        lambda file: trained(2, file, seed=4),
        bst.ParameterError,
        r'is of another training; nothing was changed\. It was begun with seed = 3, but this one has seed = 4',
    ),
    'batches': (
        lambda file: trained(2, file, batch_size=6),
        bst.ParameterError,
        'begun with batch_size = 8, but this one has batch_size = 6',
    ),
    'best': (
        lambda file: trained(2, file, best=None),
        bst.ParameterError,
        "begun with best = 'validation right', but this one has best = 'validation loss'",
    ),
    'history': (lambda file: trained(2, file, history=bst.History()), bst.ParameterError, 'but not both'),
}


@pytest.mark.slow
@pytest.mark.parametrize(('call', 'error', 'text'), OTHERS.values(), ids=OTHERS)
def test_the_file_of_another_training_is_an_error_and_left_alone(call, error, text, file):
    before = file.read_bytes()
    with pytest.raises(error, match=text):
        call(file)
    assert file.read_bytes() == before


def test_another_kind_of_file_is_left_alone(tmp_path):
    net, optimizer = made()
    bst.save_states(tmp_path / 'x', net)
    before = (tmp_path / 'x').read_bytes()
    with pytest.raises(bst.FileError, match='holds states, not a training'):
        trained(1, tmp_path / 'x', (net, optimizer))
    assert (tmp_path / 'x').read_bytes() == before


def test_states_without_a_model(tmp_path):
    def run(epochs, path=None):
        w, fixed = bst.ParamState(jnp.zeros(3)), bst.State(bst.random.normal(size=3))
        optimizer = Optimizer(optax.adam(0.1), {'w': w})

        def loss(x, y):
            return jnp.mean((x @ w.value + x @ fixed.value - y) ** 2)

        history = bst.fit(loss, optimizer, data(), epochs=epochs, batch_size=8, checkpoint=path)
        return [w.value.tolist(), fixed.value.tolist(), {k: np.asarray(v).tolist() for k, v in history.best.items()}, history.curves]

    whole = run(3)
    bst.random.seed(0)
    run(1, tmp_path / 'x')
    assert run(3, tmp_path / 'x') == whole  # a fixed state that a step reads is restored as well


@pytest.mark.slow
def test_states_that_the_loss_makes_need_not_be_there(tmp_path):
    def run(epochs, path=None, initialised=False):
        bst.environ.set(dt=1.0 * u.ms)
        net = bst.nn.Sequential(bst.nn.Linear(3, 5), bst.nn.LeakyRateReadout.desc(2, tau=20.0 * u.ms))
        if initialised:
            bst.nn.init_all_states(net, batch_size=2)

        def loss(x, y):
            bst.nn.init_all_states(net, batch_size=len(x))
            return jnp.mean((bst.transform.for_loop(lambda _: net(x), jnp.arange(3))[-1].mean(-1) - y) ** 2)

        optimizer = Optimizer(optax.adam(0.1), net.states(bst.ParamState))
        history = bst.fit(loss, optimizer, data(), epochs=epochs, batch_size=8, checkpoint=path)
        return [
            np.asarray(state.value['weight']).tolist() for state in net.states(bst.ParamState).values() if isinstance(state.value, dict)
        ], history.curves

    whole = run(3)
    bst.random.seed(0)
    run(1, tmp_path / 'x')
    assert run(2, tmp_path / 'x', initialised=True)[1]['loss'] == whole[1]['loss'][:2]
    assert run(3, tmp_path / 'x') == whole


PROCESS = """
import json, os, sys
from tests.fit.test_training_files import bst, content, trained
path, bits, epochs, last, seed = sys.argv[1], *map(int, sys.argv[2:])
bst.environ.set(precision=bits)
bst.random.seed(seed)
stop = lambda history: os._exit(0) if len(history) == last else None
print(json.dumps(content(*trained(epochs, path, on_epoch=stop))))
"""


@pytest.mark.slow
def test_another_process_goes_on_bit_for_bit(python, tmp_path):
    path, bits = str(tmp_path / 'training.npz'), 64
    whole = python('-c', PROCESS, str(tmp_path / 'whole.npz'), str(bits), '4', '-1', '0')
    assert python('-c', PROCESS, path, str(bits), '4', '3', '0') == ''
    assert json.loads(python('-c', PROCESS, path, str(bits), '4', '-1', '7')) == json.loads(whole)
