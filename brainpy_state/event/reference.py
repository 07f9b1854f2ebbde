"""The oracle: dense, obvious NumPy versions of every operation of this layer.

Every backend is tested against these. They favour being plainly right over speed and memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def dense(indptr: Any, indices: Any, weight: Any, shape: tuple[int, int]) -> np.ndarray:
    """The matrix W with W[i, j] the summed weight of the synapses from i to j, float64, (pre, post)."""
    matrix = np.zeros(shape)
    for row in range(shape[0]):
        for k in range(indptr[row], indptr[row + 1]):
            matrix[row, indices[k]] += 1.0 if weight is None else weight[k]
    return matrix


def to_post(indptr: Any, indices: Any, weight: Any, spikes: Any, shape: tuple[int, int]) -> np.ndarray:
    """What the targets receive, `spikes @ W`: (..., pre) to (..., post)."""
    return np.asarray(spikes, float) @ dense(indptr, indices, weight, shape)


def to_pre(indptr: Any, indices: Any, weight: Any, cotangent: Any, shape: tuple[int, int]) -> np.ndarray:
    """What the sources would get back, `cotangent @ W.T`: (..., post) to (..., pre)."""
    return np.asarray(cotangent, float) @ dense(indptr, indices, weight, shape).T


def to_weight(indptr: Any, indices: Any, spikes: Any, cotangent: Any, shape: tuple[int, int]) -> np.ndarray:
    """Sum over the batch of spikes[i] * cotangent[j] for each synapse i to j: (..., pre), (..., post) to (nnz,)."""
    pairs = np.asarray(spikes, float)[..., :, None] * np.asarray(cotangent, float)[..., None, :]
    outer = pairs.sum(axis=tuple(range(pairs.ndim - 2)))
    rows = np.repeat(np.arange(shape[0]), np.diff(indptr))
    return outer[rows, np.asarray(indices)]


def record(spikes: Any, step: int, events: Any, count: int) -> tuple[np.ndarray, int]:
    """Append (step, index) of every nonzero spike; count goes on past the capacity, rows past it are dropped."""
    events = np.array(events)
    for index in np.flatnonzero(np.asarray(spikes)):
        if count < len(events):
            events[count] = step, index
        count = min(int(count) + 1, np.iinfo(np.int32).max)
    return events, int(count)
