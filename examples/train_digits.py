"""Handwritten digits, one spike for each pixel: the brighter, the earlier.

The 1,797 images of 8 x 8 pixels come with scikit-learn (``pip install scikit-learn``); a quarter of each class is kept for the test
(Alpaydin & Kaynak 1998, doi:10.24432/C50P49). A hidden layer of integrate-and-fire neurons is trained through the loop.

    python examples/train_digits.py
"""

import argparse
import time

import braintools
import brainunit as u
import numpy as np
import optax

import brainpy_state as bst

HIDDEN, CLASSES = 128, 10
DT, DURATION = 1.0 * u.ms, 25.0 * u.ms
RATE = 0.01  # of learning; in nA for the weights into the hidden layer
KEPT = 0.85  # of the input spikes while it learns, so that no pixel matters too much
SCALE = 0.5  # of the read-outs: what counts as 1 in the loss


def digits():
    """Images, numbers from 0 to 1 of shape (n, 64), and classes."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return (images / 16).astype(np.float32), labels


def split(images, labels, test=0.25, seed=0):
    """``(images, labels)`` to learn from and to test, with the same share of each class."""
    rng = np.random.default_rng(seed)
    order = [rng.permutation(np.flatnonzero(labels == k)) for k in np.unique(labels)]
    held = np.concatenate([part[: round(test * len(part))] for part in order])
    rest = np.setdiff1d(np.arange(len(labels)), held)
    return (images[rest], labels[rest]), (images[held], labels[held])


def build():
    """A layer of spiking neurons with synaptic currents, and one leaky read-out for each class."""
    return bst.nn.Sequential(
        bst.nn.Dropout(KEPT, in_size=64),
        bst.nn.Linear(64, HIDDEN, w_init=lambda shape: bst.random.normal(0.1, 0.35, shape) * u.nA, b_init=None),
        bst.Expon.desc(tau=5.0 * u.ms, g_initializer=0.0 * u.nA),
        bst.LIF.desc(
            R=10.0 * u.Mohm, tau=20.0 * u.ms, V_rest=-60.0 * u.mV, V_reset=-60.0 * u.mV, V_th=-50.0 * u.mV,
            spk_fun=braintools.surrogate.InvSquareGrad(alpha=25.0), detach_reset=True,
        ),
        bst.nn.LeakyRateReadout.desc(CLASSES, tau=20.0 * u.ms),
    )  # fmt: skip


def loss_of(net):
    """The loss of a batch, and metrics."""
    *_, neurons, _ = net

    def step(x):
        readout = net(x)
        return readout, neurons.get_spike().mean()

    def loss(image, label):
        bst.nn.init_all_states(net, batch_size=len(image))
        readouts, rates = bst.transform.for_loop(step, bst.encode.latency(image, DURATION))  # dark pixels are silent
        right = readouts.mean(0).argmax(-1) == label
        return bst.losses.mean_membrane(readouts / SCALE, label), {'accuracy': right.mean(), 'spikes': rates.sum() * HIDDEN}

    return loss


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--epochs', type=int, default=80)
    parser.add_argument('--seed', type=int, default=0, help='of the split, the first weights and the order of samples')
    options = parser.parse_args(arguments)

    bst.random.seed(options.seed)
    bst.environ.set(dt=DT)
    data, test = split(*digits(), seed=options.seed)
    net = build()
    loss, batch = loss_of(net), 32
    rate = optax.cosine_decay_schedule(RATE, options.epochs * (len(data[1]) // batch))
    optimizer = bst.optim.Optimizer(optax.adam(rate), net.states(bst.ParamState))

    began = time.perf_counter()
    bst.fit(loss, optimizer, data, epochs=options.epochs, batch_size=batch, remainder='drop', seed=options.seed, on_epoch=print)
    result = bst.evaluate(loss, test)
    print(f'test accuracy {result["accuracy"]:.1%} after {options.epochs} epochs, {time.perf_counter() - began:.1f} s')
    return result['accuracy']


if __name__ == '__main__':
    main()
