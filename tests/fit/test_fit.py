"""`fit`: epochs, batches, what is kept, going on, and stopping before anything breaks."""

import pickle

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainpy_state as bst
from brainpy_state.optim import Optimizer

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = X @ np.float32([1.0, -2.0, 0.5])


class Net(bst.nn.Module):
    """A linear map that drops inputs while it is trained, with a running mean and a trace."""

    def __init__(self):
        super().__init__()
        self.weight = bst.ParamState(jnp.zeros(3) * u.mA)
        self.mean = bst.LongTermState(jnp.zeros(3))
        self.trace = bst.HiddenState(jnp.zeros(3) * u.mV)
        self.dropout = bst.nn.Dropout(0.9)

    def loss(self, x, y):
        if bst.environ.get('fit'):
            self.mean.value = 0.9 * self.mean.value + 0.1 * x.mean(0)
        self.trace.value = jnp.exp(x).mean(0) * u.mV
        out = self.dropout(x) @ self.weight.value.to_decimal(u.mA)
        error = jnp.mean((out - y) ** 2) + 0.0 * self.trace.value.to_decimal(u.mV).sum()
        return error, {'right': jnp.mean(jnp.sign(out) == jnp.sign(y)), 'samples': len(x)}


def transformation():
    return optax.adam(optax.cosine_decay_schedule(0.2, 30))


def made():
    net = Net()
    return net, Optimizer(transformation(), net.states(bst.ParamState))


def values(net):
    return {path: np.asarray(u.get_mantissa(state.value)) for path, state in net.states().items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], other[key])


@pytest.fixture(scope='module')
def whole():
    """A training without a break, which many tests look at: net, optimiser, history, and lines printed."""
    net, optimizer = made()
    lines = []
    options = {'batch_size': 8, 'validation': (X[:10], Y[:10]), 'seed': 3}
    history = bst.fit(net.loss, optimizer, (X, Y), epochs=5, on_epoch=lambda h: lines.append(str(h)), **options)
    return net, optimizer, history, lines, options


def test_it_lowers_the_loss_and_tells_how(whole):
    _, optimizer, history, lines, _ = whole
    assert len(history) == 5
    assert history['loss'][-1] < history['loss'][0] / 2
    assert list(history.curves) == ['loss', 'right', 'samples', 'validation loss', 'validation right', 'validation samples']
    assert lines[-1].startswith(f'epoch 5/5   loss {history["loss"][-1]:.4f}   right ')
    assert optimizer.state.value[0].count == 15
    assert 'right' in history
    with pytest.raises(ValueError, match="there is no curve 'accuracy', only 'loss', 'right'"):
        history['accuracy']


def test_means_are_over_samples_also_where_the_last_batch_is_smaller(whole):
    history = whole[2]
    np.testing.assert_allclose(history['samples'], 8)
    np.testing.assert_allclose(history['validation samples'], (8 * 8 + 2 * 2) / 10)


def test_the_last_weights_stand_in_the_states_and_the_best_can_be_restored(whole):
    net, optimizer, history, *_ = pickle.loads(pickle.dumps(whole[:3]))
    assert history.best_epoch == 1 + history['validation loss'].argmin()
    assert history.best.keys() == {('weight',), ('mean',)}  # states kept as long as parameters belong to them
    net.weight.value, net.mean.value = jnp.full(3, 9.0) * u.mA, jnp.full(3, 9.0)
    history.restore_best(optimizer)
    best = bst.evaluate(net.loss, (X[:10], Y[:10]), batch_size=8)
    assert best['loss'] == pytest.approx(history['validation loss'].min(), rel=1e-6)


def test_after_a_break_it_goes_on_bit_for_bit(whole):
    net, optimizer, history, _, options = whole
    half, of_half = made()
    begun = bst.fit(half.loss, of_half, (X, Y), epochs=2, **options)
    half, of_half, begun = pickle.loads(pickle.dumps((half, of_half, begun)))
    of_half.transformation = transformation()
    with bst.random.seed_context(99):  # what the generator held does not matter
        bst.random.rand()
        ended = bst.fit(half.loss, of_half, (X, Y), epochs=5, history=begun, **options)
    assert ended.curves == history.curves
    assert len(begun) == 2
    assert_same(values(half), values(net))
    assert_same(dict(enumerate(jax.tree.leaves(of_half.state.value))), dict(enumerate(jax.tree.leaves(optimizer.state.value))))
    assert ended.best_epoch == history.best_epoch


def test_another_seed_has_another_order(whole):
    net, optimizer = made()
    other = bst.fit(net.loss, optimizer, (X, Y), epochs=1, batch_size=8, seed=4)
    assert other['loss'][0] != whole[2]['loss'][0]


def test_each_epoch_sees_every_sample_once_in_another_order():
    seen = []
    w = bst.ParamState(0.0)

    def loss(x):
        return w.value * x.mean(), {'first': x[0]}

    def note(history):
        seen.append(history['first'][-1])

    data = (np.arange(12.0, dtype=np.float32),)
    history = bst.fit(loss, Optimizer(optax.sgd(0.0), w), data, epochs=4, batch_size=12, on_epoch=note)
    assert len(set(seen)) > 1
    np.testing.assert_array_equal(history['loss'], 0)


def gone_through(data, **options):
    """The means of the batches that `fit` takes in one epoch."""
    taken = []
    w = bst.ParamState(1.0)

    def loss(x):
        return w.value * x.mean(), {'n': x.shape[0]}

    history = bst.fit(loss, Optimizer(optax.sgd(0.0), w), data, epochs=1, on_epoch=lambda h: taken.append(len(h)), **options)
    assert taken == [1]
    return history['loss'][0], history['n'][0]


def test_what_is_left_over_is_kept_or_dropped_or_an_error():
    data = (np.ones(10, np.float32),)
    assert gone_through(data, batch_size=4, remainder='keep')[1] == pytest.approx((16 + 16 + 4) / 10)
    assert gone_through(data, batch_size=4, remainder='drop')[1] == 4
    with pytest.raises(ValueError, match='batches of 4 do not divide 10 samples, 2 are left over'):
        gone_through(data, batch_size=4)


BATCHES = [(np.full(2, k, np.float32),) for k in range(3)]


class Loader:
    """What gives batches anew each time that it is gone through."""

    def __iter__(self):
        return iter(BATCHES)


@pytest.mark.parametrize('data', [BATCHES, Loader(), lambda epoch: iter(BATCHES)], ids=['list', 'loader', 'function'])
def test_batches_may_be_made_elsewhere(data):
    assert gone_through(data) == (1.0, 2.0)


def test_samples_may_have_units_and_be_in_trees():
    w = bst.ParamState(jnp.ones(()) * u.mV)

    def loss(sample, y):
        return jnp.mean(((sample['V'] * sample['gain'] - w.value).to_decimal(u.mV) - y) ** 2)

    data = ({'V': np.arange(6.0) * u.mV, 'gain': np.ones(6)}, np.arange(6.0))
    optimizer = Optimizer(optax.sgd(0.4), w)
    bst.fit(loss, optimizer, data, epochs=10, batch_size=3)
    assert abs(w.value.to_decimal(u.mV)) < 1e-3


def test_it_ends_when_told_to(whole):
    net, optimizer = made()
    history = bst.fit(net.loss, optimizer, (X, Y), epochs=50, batch_size=8, on_epoch=lambda h: np.bool_(len(h) == 2))
    assert len(history) == 2


def test_the_best_by_a_metric_has_the_most_of_it():
    w, trace = bst.ParamState(0.0), []

    def loss(x):
        return -w.value + 0.0 * x.sum(), {'score': -jnp.abs(w.value - 2.0)}

    def note(history):
        trace.append(float(w.value))

    optimizer = Optimizer(optax.sgd(1.0), [w])
    history = bst.fit(loss, optimizer, (np.zeros(2, np.float32),), epochs=5, batch_size=2, best='score', on_epoch=note)
    assert trace == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert history.best_epoch == 3  # the metric of an epoch is that before its steps
    history.restore_best(optimizer)
    assert w.value == 3.0


def test_evaluation_trains_nothing_and_compiles_once(whole, compilations):
    net, _ = made()
    data = (X, Y)
    bst.evaluate(net.loss, data)
    before = values(net)
    with compilations() as found:
        result = bst.evaluate(net.loss, data)
    assert not found
    assert_same({('weight',): before['weight',], ('mean',): before['mean',]}, {k: values(net)[k] for k in (('weight',), ('mean',))})
    assert result['loss'] == pytest.approx(np.mean(Y**2), rel=1e-6)  # without dropout, and weights of zero


# ---- stopping


def test_a_loss_that_is_not_finite_names_step_and_state_and_leaves_all_as_it_was():
    net, optimizer = made()
    x = X.copy()
    good = bst.fit(net.loss, optimizer, (x, Y), epochs=1, batch_size=8)
    x[5] = 1e3  # the exponential in the trace overflows
    before, kept = values(net), jax.tree.leaves(optimizer.state.value)
    with pytest.raises(FloatingPointError, match=r'not finite in epoch 2, step \d\. The first state .* is HiddenState .trace.') as caught:
        bst.fit(net.loss, optimizer, [(x, Y)], epochs=2, history=good)
    assert isinstance(caught.value, bst.BrainStateError)
    assert_same(values(net), before)
    assert all(one is other for one, other in zip(jax.tree.leaves(optimizer.state.value), kept, strict=True))


def test_weights_that_would_not_be_finite_stop_it_too():
    w = bst.ParamState(jnp.ones(2), name='w')
    optimizer = Optimizer(optax.sgd(0.1), w)

    def loss(x):  # finite at zero, where its derivative is not
        return jnp.sum(jnp.sqrt(w.value * x))

    with pytest.raises(FloatingPointError, match='Weights would not be finite after the update in epoch 1, step 2'):
        bst.fit(loss, optimizer, [(np.ones(2),), (np.zeros(2),)], epochs=1)
    np.testing.assert_allclose(w.value, 0.95)


def test_a_transformation_that_skips_such_steps_may():
    w = bst.ParamState(jnp.ones(2))
    optimizer = Optimizer(optax.apply_if_finite(optax.sgd(0.1), 5), w)
    bst.fit(lambda x: jnp.sum(jnp.sqrt(w.value * x)), optimizer, [(np.ones(2),), (np.zeros(2),)], epochs=1)
    np.testing.assert_allclose(w.value, 0.95)


def test_an_error_of_the_loss_leaves_weights_as_they_were():
    w = bst.ParamState(jnp.zeros((3, 2)))

    def loss(x, labels):
        return bst.losses.mean_membrane((x @ w.value)[None], labels)

    with pytest.raises(ValueError, match='labels must lie between 0 and 1, the last class, but reach from 0 to 2'):
        bst.fit(loss, Optimizer(optax.sgd(0.1), w), (X[:3], np.array([0, 1, 2])), epochs=1, batch_size=3)
    assert not w.value.any()


def loss_of(out):
    def loss(x, y):
        return out(jnp.mean(x))

    return loss


BAD = {
    'no optimizer': (
        lambda f, o: bst.fit(f, optax.adam(0.1), (X, Y), epochs=1, batch_size=8),
        TypeError,
        'second argument is an optim.Opt',
    ),
    'no size of a batch': (lambda f, o: bst.fit(f, o, (X, Y), epochs=1), ValueError, 'arrays of 24 samples, so batch_size= is needed'),
    'a batch of none': (lambda f, o: bst.fit(f, o, (X, Y), epochs=1, batch_size=0), ValueError, 'batch_size = 0 must be an integer'),
    'a batch of halves': (lambda f, o: bst.fit(f, o, (X, Y), epochs=1, batch_size=2.5), ValueError, 'batch_size = 2.5'),
    'epochs below zero': (lambda f, o: bst.fit(f, o, (X, Y), epochs=-1, batch_size=8), ValueError, 'epochs = -1 must be'),
    'other numbers of samples': (lambda f, o: bst.fit(f, o, (X, Y[:5]), epochs=1, batch_size=8), ValueError, r'\[\(24, 3\), \(5,\)\]'),
    'no samples': (lambda f, o: bst.fit(f, o, (X[:0], Y[:0]), epochs=1, batch_size=8), ValueError, 'equal leading axes'),
    'an array': (lambda f, o: bst.fit(f, o, X, epochs=1, batch_size=8), ValueError, 'is no tuple of arrays'),
    'an array as batches': (lambda f, o: bst.fit(f, o, X, epochs=1), TypeError, 'data is a ndarray, but must be one of'),
    'a generator': (lambda f, o: bst.fit(f, o, ((X, Y) for _ in range(2)), epochs=1), TypeError, 'can be gone through only once'),
    'a list of arrays': (lambda f, o: bst.fit(f, o, [X, Y], epochs=1), TypeError, 'a batch of data must be a tuple'),
    'an empty list': (lambda f, o: bst.fit(f, o, [], epochs=1), ValueError, 'data has no batch in epoch 1'),
    'another remainder': (
        lambda f, o: bst.fit(f, o, (X, Y), epochs=1, batch_size=8, remainder='pad'),
        ValueError,
        "'pad', but must be one of 'keep', 'drop'",
    ),
    'all dropped': (lambda f, o: bst.fit(f, o, (X, Y), epochs=1, batch_size=30, remainder='drop'), ValueError, 'all would be dropped'),
    'no such curve': (
        lambda f, o: bst.fit(f, o, (X, Y), epochs=1, batch_size=8, best='accuracy'),
        ValueError,
        "best = 'accuracy', but the loss returns 'loss'",
    ),
    'another seed': (
        lambda f, o: bst.fit(f, o, (X, Y), epochs=9, batch_size=8, history=begun(seed=1)),
        ValueError,
        'seed = 0, but the history was begun with 1',
    ),
    'fewer epochs': (lambda f, o: bst.fit(f, o, (X, Y), epochs=1, batch_size=8, history=begun()), ValueError, 'has 2 already'),
    'no history': (lambda f, o: bst.fit(f, o, (X, Y), epochs=1, batch_size=8, history={}), TypeError, 'must be a History'),
    'a loss of many': (
        lambda f, o: bst.fit(lambda x, y: x[:, 0], o, (X, Y), epochs=1, batch_size=8),
        TypeError,
        r'the loss has shape \(8,\)',
    ),
    'a loss with a unit': (lambda f, o: bst.evaluate(loss_of(lambda x: x * u.mV), (X, Y)), TypeError, 'the loss has the unit mV'),
    'three results': (lambda f, o: bst.evaluate(loss_of(lambda x: (x, x, x)), (X, Y)), TypeError, 'returns a number, or'),
    'no dict': (lambda f, o: bst.evaluate(loss_of(lambda x: (x, x)), (X, Y)), TypeError, 'returns a number, or'),
    'a metric of many': (lambda f, o: bst.evaluate(lambda x, y: (0.0, {'a': y}), (X, Y)), TypeError, r"metric 'a' has shape \(24,\)"),
    'a metric called loss': (lambda f, o: bst.evaluate(loss_of(lambda x: (x, {'loss': x})), (X, Y)), ValueError, "cannot be called 'loss'"),
    'nothing to restore': (lambda f, o: bst.History().restore_best(o), ValueError, 'there is no best epoch'),
}


def begun(seed=0):
    history = bst.History(2, seed)
    history.curves = {'loss': [1.0, 0.5]}
    return history


@pytest.mark.parametrize(('call', 'error', 'text'), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_one_clear_error_and_trains_nothing(call, error, text):
    w = bst.ParamState(jnp.zeros(3))

    def loss(x, y):
        return jnp.mean((x @ w.value - y) ** 2)

    optimizer = Optimizer(optax.sgd(0.1), w)
    with pytest.raises(error, match=text) as caught:
        call(loss, optimizer)
    assert isinstance(caught.value, (bst.BrainStateError, TypeError))
    assert not w.value.any()
