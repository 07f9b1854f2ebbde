"""Learning along with the steps: which side had more cues?

A mouse that runs down a corridor sees seven cues, each on its left or on its right, and must turn to the side that had more of
them at the end, a second after the last cue. A network of integrate-and-fire neurons, half of which have thresholds that adapt
slowly, learns this by e-prop: each synapse keeps traces of what it has done, and a signal of the error, sent back through random weights,
turns these into changes of weights (Bellec et al. 2020, doi:10.1038/s41467-020-17236-y, figure 3). No step is gone back to, so memory
does not grow with the length of a trial.

    python examples/train_cue_accumulation.py --plot cues.png

By default, trials are shorter than published, so that training takes minutes: after 80 batches, 88 % of new trials are right. `--full` has
the published times: after 80 batches 93 % are right, after 240, in five minutes, 95 %.
"""

import argparse
import json
import time
from pathlib import Path
from typing import NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import brainpy_state as bst

# ---- The task -----------------------------------------------------------------------------------------------------------

CUES, GROUP = 7, 10  # cues of a trial, and input neurons of each of the four groups: left, right, recall, and noise
RATE, NOISE = 40.0, 10.0  # Hz, of a group that is on, and of the noise
LIKELY = 0.7  # of a cue to be on the side that has more of them as a rule


class Times(NamedTuple):
    """Steps of 1 ms: of a cue, between cues, from the last cue to the recall, and of the recall."""

    cue: int
    gap: int
    delay: int
    recall: int

    @property
    def steps(self):
        return CUES * (self.cue + self.gap) + self.delay + self.recall


PUBLISHED, SHORT = Times(100, 50, 1050, 150), Times(40, 20, 150, 80)


def draw(n, times, rng):
    """Input spikes of n trials, shape (steps, n, 40), and the side that had more cues: 0 for left, 1 for right."""
    right = rng.random((n, CUES)) < np.where(rng.random((n, 1)) < 0.5, LIKELY, 1 - LIKELY)
    rates = np.zeros((times.steps, n, 4))
    for k in range(CUES):
        begin = times.gap + k * (times.cue + times.gap)
        rates[begin : begin + times.cue, :, 0] = RATE * ~right[:, k]
        rates[begin : begin + times.cue, :, 1] = RATE * right[:, k]
    rates[-times.recall :, :, 2] = RATE
    rates[:, :, 3] = NOISE
    spikes = rng.random((times.steps, n, 4 * GROUP)) < np.repeat(rates, GROUP, axis=-1) / 1000
    return spikes.astype('float32'), (right.sum(1) > CUES / 2).astype('int32')


# ---- The network --------------------------------------------------------------------------------------------------------

LIF, ALIF = 50, 50
TAU, TAU_A = 20.0 * u.ms, 2000.0 * u.ms
BETA = 1.7 * (1 - np.exp(-1 / 2000)) / (1 - np.exp(-1 / 20))  # mV, of one spike of an adaptive neuron


class Network(bst.nn.Module):
    """Input spikes, recurrent neurons, and two leaky readouts."""

    def __init__(self):
        super().__init__()
        n = LIF + ALIF
        beta = np.repeat([0.0, BETA], [LIF, ALIF]) * u.mV  # neurons without adaptation are LIF
        self.neurons = bst.ALIF(n, V_th=0.6 * u.mV, beta=beta, tau=TAU, tau_a=TAU_A, tau_ref=5.0 * u.ms)
        self.into, self.back = (
            bst.DeltaProj(comm=bst.nn.Linear(pre, n, w_init=normal(pre**-0.5, u.mV), b_init=None), post=self.neurons)
            for pre in (4 * GROUP, n)
        )
        self.out = bst.nn.LeakyRateReadout(n, 2, tau=TAU, w_init=normal((2 / (n + 2)) ** 0.5))

    def update(self, x):
        self.back(self.neurons.get_spike())
        self.into(x)
        return self.out(self.neurons())


def normal(deviation, unit=1.0):
    return lambda shape: bst.random.normal(0.0, deviation, shape) * unit


# ---- Learning -----------------------------------------------------------------------------------------------------------

LEARNING_RATE, BATCH = 0.005, 64
QUIET = 0.01  # spikes in a step that neurons are held near to: 10 Hz


class Learner:
    """The network, its optimiser, and how learning signals come back.

    ``feedback`` is ``'random'``; ``'adaptive'``: random at first, and trained like the weights of the readout; or ``'symmetric'``.
    """

    def __init__(self, times, feedback):
        self.net = net = Network()
        self.rates = bst.State(jnp.full(LIF + ALIF, QUIET))  # of the last batch
        self.share = np.zeros(times.steps, 'float32')  # of each step in the loss
        self.share[-times.recall :] = 1 / times.recall
        trained = dict(net.states(bst.ParamState))
        self.feedback = {} if feedback == 'symmetric' else {net.out.weight: bst.ParamState(bst.random.normal(0.0, 1.0, (LIF + ALIF, 2)))}
        if feedback == 'adaptive':
            trained |= {('feedback',): self.feedback[net.out.weight]}
        self.optimizer = bst.optim.Optimizer(optax.adam(LEARNING_RATE), trained)

    def step(self, side):
        """A step of a batch of trials: its loss, and besides what the readouts say in the recall, and the rates."""

        def step(x, share):
            readout = self.net(x)
            rates = self.net.neurons.get_spike().mean(0)
            task = share * optax.softmax_cross_entropy_with_integer_labels(readout, side).mean()
            quiet = 2 * ((self.rates.value - QUIET) * rates).sum() / len(self.share)  # its gradient is that of the squared distance
            return task + quiet, (share * readout, rates)

        return step

    @bst.transform.jit
    def learn(self, spikes, side):
        """Learn from a batch of trials. Returns how many were right, and the mean rate in Hz."""
        bst.nn.init_all_states(self.net, batch_size=spikes.shape[1])
        gradient = bst.transform.eprop_grad(self.step(side), self.optimizer.params, feedback=self.feedback, has_aux=True)
        grads, (said, rates) = gradient(spikes, self.share)
        self.optimizer.update(grads)
        self.rates.value = rates.mean(0)
        return (said.sum(0).argmax(-1) == side).mean(), 1000 * rates.mean()

    @bst.transform.jit
    def watch(self, spikes):
        """What the network does: spikes, thresholds above those at rest in mV, and readouts, time first."""
        bst.nn.init_all_states(self.net, batch_size=spikes.shape[1])
        neurons = self.net.neurons

        def step(x):
            readout = self.net(x)
            return neurons.get_spike(), (neurons.beta * neurons.a.value).to_decimal(u.mV), readout

        return bst.transform.for_loop(step, spikes)


def success(learner, times, rng, n=512):
    """The part of new trials in which the network turns to the right side."""
    spikes, side = draw(n, times, rng)
    readout = learner.watch(spikes)[2][-times.recall :]
    return float((np.asarray(readout).mean(0).argmax(-1) == side).mean())


# ---- Looking at it ------------------------------------------------------------------------------------------------------


def plot(path, learner, times, curve, rate_of_success, rng):
    """The learning curve, and what happens in one trial."""
    spikes, side = draw(1, times, rng)
    fired, thresholds, readout = (np.asarray(x)[:, 0] for x in learner.watch(spikes))
    figure = Figure(figsize=(13, 7), layout='constrained')
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.5))
    axis = left.subplots()
    window = min(10, len(curve))
    smooth = np.convolve(curve, np.full(window, 1 / window), 'valid')
    axis.plot(1 + np.arange(len(curve)), 100 * np.asarray(curve), '.', color='0.75', label='a batch')
    axis.plot(np.arange(window, len(curve) + 1), 100 * smooth, color='#1f5fa8', label=f'mean of {window}')
    axis.axhline(100 * rate_of_success, color='#c8401e', ls='--', lw=1, label=f'new trials, after training: {100 * rate_of_success:.1f} %')
    axis.set(xlabel='batch of trials', ylabel='right turns (%)', ylim=(30, 101), title='Learning by e-prop')
    axis.legend(frameon=False, loc='lower right')
    axes = right.subplots(4, 1, sharex=True, height_ratios=(2, 3, 1.5, 1.5))
    for axis, x, names in (
        (axes[0], spikes[:, 0], ('left', 'right', 'recall', 'noise')),
        (axes[1], fired, ('LIF', 'ALIF')),
    ):
        axis.plot(*np.nonzero(x), '|', color='0.1', ms=2.5 if x is fired else 4, mew=0.7)
        size = x.shape[1] // len(names)
        axis.set(yticks=size * (0.5 + np.arange(len(names))), yticklabels=names, ylim=(x.shape[1], -1))
        for k in range(1, len(names)):
            axis.axhline(size * k - 0.5, color='0.8', lw=0.6)
    axes[0].set_title(f'One trial with more cues on the {("left", "right")[side[0]]}')
    axes[2].plot(thresholds[:, LIF:], color='#c8401e', lw=0.4, alpha=0.5)
    axes[2].set(ylabel='threshold (mV)')
    for k, (name, colour) in enumerate((('left', '#1f5fa8'), ('right', '#e3a008'))):
        axes[3].plot(jax.nn.softmax(readout, axis=-1)[:, k], color=colour, label=name)
    axes[3].axvspan(times.steps - times.recall, times.steps, color='0.9', lw=0)
    axes[3].legend(frameon=False, ncols=2, loc='lower right', bbox_to_anchor=(1.0, 0.95))
    axes[3].set(xlabel='time (ms)', ylabel='readout', xlim=(0, times.steps), ylim=(0, 1.05))
    for axis in figure.axes:
        axis.spines[['top', 'right']].set_visible(False)
    figure.savefig(path, dpi=120)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batches', type=int, default=80, help=f'of {BATCH} trials to learn from')
    parser.add_argument('--full', action='store_true', help='trials of the published length')
    parser.add_argument('--feedback', choices=('random', 'adaptive', 'symmetric'), default='random')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--plot', type=Path, help='write a figure to this file')
    parser.add_argument('--json', type=Path, help='write the result to this file')
    options = parser.parse_args(arguments)
    if options.batches < 1:
        parser.error('--batches must be at least 1')

    times = PUBLISHED if options.full else SHORT
    bst.random.seed(options.seed)
    bst.environ.set(dt=1.0 * u.ms)
    rng = np.random.default_rng(options.seed)
    learner, curve = Learner(times, options.feedback), []
    began = time.perf_counter()
    for k in range(options.batches):
        right, rate = learner.learn(*draw(BATCH, times, rng))
        curve.append(float(right))
        if (k + 1) % 10 == 0:
            print(f'batch {k + 1}: {np.mean(curve[-10:]):.1%} right, {float(rate):.0f} Hz, {time.perf_counter() - began:.0f} s', flush=True)
    seconds = time.perf_counter() - began
    rate_of_success = success(learner, times, rng)
    print(f'{rate_of_success:.1%} of new trials right after {options.batches} batches, {options.feedback} feedback, {seconds:.0f} s')
    if options.json:
        result = {'success': rate_of_success, 'seconds': seconds, 'curve': curve, 'steps': times.steps}
        options.json.write_text(json.dumps(result | {'seed': options.seed, 'feedback': options.feedback}, indent=1) + '\n')
    if options.plot:
        plot(options.plot, learner, times, curve, rate_of_success, rng)


if __name__ == '__main__':
    main()
