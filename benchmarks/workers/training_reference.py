"""The tasks of training_parameters.py in NumPy, forwards and backwards by hand: what contenders are compared with before they are timed.

python training_reference.py T1 detached
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from training_parameters import DECAY, TASKS, Data, data

RTOL = 1e-4  # of loss and norms: single precision, sums in another order


class Outcome(NamedTuple):
    """The loss; the gradients' norms, of the weights of each layer and then of the recurrent ones; the number of spikes of each layer."""

    loss: float
    norms: list[float]
    spikes: list[int]


def check(task: str, detached: bool, loss: float, norms: list[float]) -> None:
    """Stop where a contender trains another network; norms in any order.

    The reference is computed by another process, so as not to count as this one's memory.
    """
    command = [sys.executable, str(Path(__file__)), task, 'detached' if detached else 'through']
    expected = Outcome(**json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
    found = [loss, *sorted(norms)]
    if not np.allclose(found, [expected.loss, *sorted(expected.norms)], rtol=RTOL, atol=0.0):
        raise SystemExit(f'{task}: loss and norms are {found}, expected {expected}')


def outcome(given: Data, detached: bool) -> Outcome:
    """Of one forward and backward pass in single precision; ``detached``: the reset is held fixed in the derivative."""
    x = given.inputs
    *hidden, last = given.weights
    layers = []
    for k, w in enumerate(hidden):
        h, s = _layer(x @ w, given.recurrent if k == 0 else None)
        layers.append((x, h, s))
        x = s
    readout = np.zeros_like(x[0] @ last)
    total = np.zeros_like(readout)
    for s in x:
        readout = DECAY * readout + s @ last
        total += readout
    loss, slope = _cross_entropy(total / len(x), given.labels)
    collected = np.empty((len(x), *slope.shape), np.float32)  # cotangents of what comes to the readout
    gathered = np.zeros_like(slope)
    for t in reversed(range(len(x))):
        gathered = DECAY * gathered + slope / len(x)
        collected[t] = gathered
    gradients = [_weights(x, collected)]
    of_recurrent = []
    to_spikes = collected @ last.T
    for k in reversed(range(len(hidden))):
        x, h, s = layers[k]
        recurrent = given.recurrent if k == 0 else None
        to_h = _back(h, s, to_spikes, recurrent, detached)
        gradients.insert(0, _weights(x, to_h))
        if recurrent is not None:
            of_recurrent = [_weights(s[:-1], to_h[1:])]
        to_spikes = to_h @ hidden[k].T
    norms = [float(np.linalg.norm(g)) for g in gradients + of_recurrent]
    return Outcome(loss, norms, [int(s.sum()) for _, _, s in layers])


def _layer(currents: np.ndarray, recurrent: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Potentials before the reset, and spikes, of all steps."""
    h, s = np.empty_like(currents), np.zeros_like(currents)
    v = np.zeros_like(currents[0])
    for t, current in enumerate(currents):
        h[t] = DECAY * v + current
        if recurrent is not None and t:
            h[t] += s[t - 1] @ recurrent
        s[t] = h[t] > 1
        v = h[t] * (1 - s[t])
    return h, s


def _back(h: np.ndarray, s: np.ndarray, to_spikes: np.ndarray, recurrent: np.ndarray | None, detached: bool) -> np.ndarray:
    """Cotangents of the potentials before the reset, from those of the spikes that other layers receive."""
    to_h, to_v = np.empty_like(h), np.zeros_like(h[0])
    for t in reversed(range(len(h))):
        to_s = to_spikes[t]
        if recurrent is not None and t + 1 < len(h):
            to_s = to_s + to_h[t + 1] @ recurrent.T
        if not detached:
            to_s = to_s - to_v * h[t]
        to_h[t] = to_s / (1 + abs(h[t] - 1)) ** 2 + to_v * (1 - s[t])
        to_v = DECAY * to_h[t]
    return to_h


def _weights(sources: np.ndarray, cotangents: np.ndarray) -> np.ndarray:
    return sources.reshape(-1, sources.shape[-1]).T @ cotangents.reshape(-1, cotangents.shape[-1])


def _cross_entropy(mean: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss of a batch, and its derivative."""
    shifted = mean - mean.max(1, keepdims=True)
    share = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
    rows = np.arange(len(labels))
    slope = share.copy()
    slope[rows, labels] -= 1
    return float(-np.log(share[rows, labels]).mean()), slope / np.float32(len(labels))


if __name__ == '__main__':
    print(json.dumps(outcome(data(TASKS[sys.argv[1]]), sys.argv[2] == 'detached')._asdict()))
