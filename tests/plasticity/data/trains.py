"""Spike trains that NEST, Brian2 and ours are given: random, many of them coinciding."""

import numpy as np

DT = 0.5  # ms
STEPS = 1000
DELAYS = (1.0, 3.5)  # ms, each of the synapses of
PER_DELAY = 25  # pairs of neurons
CLOPATH = 3  # of them, for `clopath_synapse`, whose targets are stored


def trains(coinciding: bool = True, seed: int = 11) -> tuple[np.ndarray, np.ndarray]:
    """Whether each source and each target spikes in each step, shape ``(STEPS, pairs)``."""
    rng = np.random.RandomState(seed)  # its numbers are the same in all versions of NumPy
    pairs = PER_DELAY * len(DELAYS)
    pre, post = (rng.random_sample((STEPS, pairs)) < 0.015 for _ in range(2))
    late = np.array([round(DELAYS[k // PER_DELAY] / DT) for k in range(pairs)])
    for k in range(pairs):  # a fifth of the source's spikes meets one of the target at the synapse
        steps = np.flatnonzero(pre[:, k])
        chosen = steps[rng.random_sample(len(steps)) < 0.2] - late[k]
        post[chosen[chosen >= 0], k] = True
        if not coinciding:
            post[: STEPS - late[k], k] &= ~pre[late[k] :, k]
    pre[:3], post[:3] = False, False  # a relay takes a step
    return pre, post
