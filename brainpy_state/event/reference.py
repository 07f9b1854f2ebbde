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


def record(spikes: Any, step: int, events: Any, count: int, clock: Any, grid: int = 0) -> tuple[np.ndarray, int, list[int]]:
    """Append (step, index, value) of every nonzero spike; and two rows from the end on where the call does not follow the one before."""
    spikes, events, marks = np.asarray(spikes), np.array(events), clock[3]
    if [clock[0] + 1, clock[1], clock[2]] != [step, grid, spikes.size]:
        marks += 2
        if marks <= len(events):
            events[len(events) - marks : len(events) - marks + 2] = (spikes.size, 0, 0), (step, grid, clock[0])
    rows = [(step, index, np.float32(spikes[index]).view(np.int32)) for index in np.flatnonzero(spikes)]
    kept = rows[: max(len(events) - marks - count, 0)]
    events[count : count + len(kept)] = np.array(kept, np.int32).reshape(-1, 3)
    return events, min(int(count) + len(rows), np.iinfo(np.int32).max), [step, grid, spikes.size, marks, *clock[4:]]
