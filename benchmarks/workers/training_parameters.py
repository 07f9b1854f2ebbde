"""Training tasks in plain numbers, with seeded data and first weights, so that all contenders train one network.

Of the hidden layers, with decay b: h = b v + x W + s R (s of the step before; R in T1 and T3), s = h > 1, and v = h after a step without
a spike, 0 after one with. The reset is held fixed in the derivative, whose surrogate is 1 / (1 + |h - 1|)^2. The readout is
u = b u + s W; the loss is the cross entropy of its mean over time. Inputs are 1 with a probability of 3 %.
"""

import itertools
from typing import NamedTuple

import numpy as np

DECAY, DENSITY, SEED = 0.95, 0.03, 7
BLOCK = 250  # steps of a long task between checkpoints, where they are set by hand


class Task(NamedTuple):
    """Sizes of the layers, of the batch, and the number of steps.

    ``gain`` scales the recurrent weights, 0 without them. A ``long`` task needs checkpoints, and its inputs are booleans.
    """

    sizes: tuple[int, ...]
    batch: int
    steps: int
    gain: float
    long: bool = False


TASKS = {
    'T1': Task((700, 256, 20), 128, 100, 0.3),
    'T2': Task((700, 512, 512, 20), 128, 100, 0.0),
    'T3': Task((100, 256, 10), 16, 2000, 0.05),
    'long': Task((100, 256, 10), 16, 100_000, 0.05, long=True),
}


class Data(NamedTuple):
    """Inputs (steps, batch, n) of 0 and 1, labels (batch,), weights of the layers and recurrent ones, or None."""

    inputs: np.ndarray
    labels: np.ndarray
    weights: list[np.ndarray]
    recurrent: np.ndarray | None


def data(task: Task) -> Data:
    """The data and first weights of a task."""
    rng, sizes = np.random.default_rng(SEED), task.sizes
    inputs = np.empty((task.steps, task.batch, sizes[0]), bool if task.long else np.float32)
    for x in inputs:
        x[:] = rng.random(x.shape, np.float32) < DENSITY
    labels = rng.integers(0, sizes[-1], task.batch)
    weights = []
    for k, (pre, post) in enumerate(itertools.pairwise(sizes)):
        hidden = k < len(sizes) - 2
        deviation = 1.1 / np.sqrt(pre * DENSITY / (1 - DECAY**2)) if hidden else 1 / np.sqrt(pre)
        weights.append((rng.standard_normal((pre, post)) * deviation).astype(np.float32))
    n = sizes[1]
    recurrent = (rng.standard_normal((n, n)) * task.gain / np.sqrt(n)).astype(np.float32) if task.gain else None
    return Data(inputs, labels, weights, recurrent)


def surrogate(jax: object) -> object:
    """The spike function for JAX."""
    jnp = jax.numpy  # type: ignore[attr-defined]

    @jax.custom_jvp  # type: ignore[attr-defined]
    def spike(x: object) -> object:
        return (x > 0).astype(x.dtype)  # type: ignore[operator]

    spike.defjvp(lambda primals, tangents: (spike(*primals), tangents[0] / (1 + jnp.abs(primals[0])) ** 2))
    return spike
