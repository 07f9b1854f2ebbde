"""Spoken digits: a recurrent spiking network hears the Spiking Heidelberg Digits.

The data set (Cramer, Stradmann, Schemmel & Zenke 2020, doi:10.1109/TNNLS.2020.3044364) has digits spoken in English and German, as
spikes of 700 channels of a model of the ear: 20 classes. The network has the shape of the recurrent one of that paper: 700 inputs, one
layer of 128 leaky integrate-and-fire neurons with synaptic currents that all see each other's spikes, and a leaky read-out for each
class; the class whose read-out is highest at any time is the answer.

Files are at https://zenkelab.org/datasets/, to be unpacked by gzip:

    python examples/train_spoken_digits.py --train shd_train.h5 --test shd_test.h5 --epochs 50

Without them it learns from made-up words, written to a temporary folder in the same format: sweeps through the channels.
"""

import argparse
import tempfile
import time
from pathlib import Path

import braintools
import brainunit as u
import h5py
import nir
import numpy as np
import optax

import brainpy_state as bst

CHANNELS, HIDDEN, CLASSES = 700, 128, 20
DURATION = 1.0 * u.second  # words are shorter, but for a few events
RATE = 0.005  # of learning; in nA for the weights of the hidden layer
SCALE = 2.0  # of the read-outs: what counts as 1 in the loss
HELD = 0.1  # of the samples to learn from, for the validation

# ---- Words -----------------------------------------------------------------------------------------------------------------


def write_words(path, n, seed, events=150):
    """A file like those of the data set, with n made-up words: each class has two sweeps, of its own pitch, slope and time."""
    shape = np.random.default_rng(0).random((CLASSES, 2, 4))  # of the sweeps, the same in every file
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % CLASSES)
    with h5py.File(path, 'w') as file:
        times = file.create_dataset('spikes/times', (n,), h5py.vlen_dtype(np.float16))
        units = file.create_dataset('spikes/units', (n,), h5py.vlen_dtype(np.uint16))
        for k, label in enumerate(labels):
            low, slope, start, length = shape[label, rng.integers(2, size=events)].T
            along = rng.random(events)
            when = 0.1 + 0.3 * start + (0.2 + 0.3 * length) * along + rng.normal(0, 0.01, events)  # in seconds
            where = 150 + 400 * low + 300 * (slope - 0.5) * along + rng.normal(0, 8) + rng.normal(0, 8, events)
            order = np.argsort(when)
            times[k], units[k] = when[order].clip(0), where[order].clip(0, CHANNELS - 1).astype(int)
        file['labels'] = labels.astype(np.uint16)


# ---- The network -------------------------------------------------------------------------------------------------------------


def weights(n, gain):
    """A description of first weights in nA, of which n spikes at a time give about ``gain``."""
    return lambda shape: bst.random.normal(0.0, gain / np.sqrt(n), shape) * u.nA


def build():
    """A graph, since the hidden layer sees its own spikes. Returns the network and its neurons."""
    neurons = bst.LIF(
        HIDDEN, R=10.0 * u.Mohm, tau=20.0 * u.ms, V_rest=-60.0 * u.mV, V_reset=-60.0 * u.mV, V_th=-50.0 * u.mV, spk_reset='hard',
        spk_fun=braintools.surrogate.InvSquareGrad(alpha=25.0), detach_reset=True,
    )  # fmt: skip
    parts = {
        'weights': bst.nn.Linear(CHANNELS, HIDDEN, weights(10, 3.0), b_init=None),
        'neurons': bst.nn.Sequential(bst.Expon(HIDDEN, tau=10.0 * u.ms, g_initializer=0.0 * u.nA), neurons),
        'recurrent': bst.nn.Linear(HIDDEN, HIDDEN, weights(HIDDEN, 1.0), b_init=None),
        'readout': bst.nn.LeakyRateReadout(HIDDEN, CLASSES, tau=20.0 * u.ms),
    }
    ways = ('input', 'weights'), ('weights', 'neurons'), ('neurons', 'readout'), ('readout', 'output')
    return bst.nir.Graph({'input': CHANNELS}, parts, [*ways, ('neurons', 'recurrent'), ('recurrent', 'neurons')]), neurons


def loss_of(net, neurons):
    """The loss of a batch, and metrics."""

    def step(x):
        return net(x), neurons.get_spike().mean()

    def loss(spikes, label):
        bst.nn.init_all_states(net, batch_size=len(label))
        readouts, rates = bst.transform.for_loop(step, spikes)
        right = readouts.max(0).argmax(-1) == label
        return bst.losses.max_membrane(readouts / SCALE, label), {'accuracy': right.mean(), 'spikes': rates.sum() * HIDDEN}

    return loss


# ---- Training ----------------------------------------------------------------------------------------------------------------


def train(net, neurons, data, epochs, batch, seed):
    """Train in place, and keep the weights that are best for a part of the data that is held out."""
    order = np.random.default_rng(seed).permutation(len(data))
    held = round(HELD * len(data))
    learnt = bst.datasets.Loader(data, DURATION, batch, seed=seed, chosen=order[held:], remainder='drop')
    validation = bst.datasets.Loader(data, DURATION, batch, chosen=order[:held], remainder='keep')
    optimizer = bst.optim.Optimizer(optax.chain(optax.clip_by_global_norm(1.0), optax.adam(RATE)), net.states(bst.ParamState))
    history = bst.fit(
        loss_of(net, neurons), optimizer, learnt, epochs=epochs, validation=validation, best='accuracy', seed=seed, on_epoch=print
    )  # fmt: skip
    history.restore_best(optimizer)
    return history


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--train', type=Path, help='shd_train.h5; without it, words are made up')
    parser.add_argument('--test', type=Path, help='shd_test.h5')
    parser.add_argument('--epochs', type=int, default=15)
    parser.add_argument('--samples', type=int, default=1000, help='words to make up')
    parser.add_argument('--batch', type=int, default=50)
    parser.add_argument('--dt', type=float, default=10.0, help='time step in ms')
    parser.add_argument('--seed', type=int, default=0, help='of the first weights, the validation and the order of samples')
    parser.add_argument('--nir', type=Path, help='write the trained network to this file')
    options = parser.parse_args(arguments)
    if (options.train is None) != (options.test is None):
        parser.error('--train and --test belong together')

    bst.random.seed(options.seed)
    bst.environ.set(dt=options.dt * u.ms)
    net, neurons = build()
    with tempfile.TemporaryDirectory() as folder:
        paths = options.train, options.test
        if options.train is None:
            paths = Path(folder, 'train.h5'), Path(folder, 'test.h5')
            for path, n, seed in zip(paths, (options.samples, options.samples // 4), (1, 2), strict=True):
                write_words(path, n, seed)
        with bst.datasets.SHD(paths[0]) as data, bst.datasets.SHD(paths[1]) as test:
            began = time.perf_counter()
            history = train(net, neurons, data, options.epochs, options.batch, options.seed)
            seconds = time.perf_counter() - began
            found = bst.evaluate(loss_of(net, neurons), bst.datasets.Loader(test, DURATION, options.batch, remainder='keep'))
    print(f'test accuracy {found["accuracy"]:.1%} with the weights of epoch {history.best_epoch}, {seconds:.1f} s with compiling')
    if options.nir is not None:
        nir.write(options.nir, bst.nir.to_nir(net))
    return found['accuracy']


if __name__ == '__main__':
    main()
