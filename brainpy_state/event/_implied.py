"""Structures that need no indices: each to the one of its number, and each to all."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import ShapedArray

from . import _backend, _lowering
from ._operation import Operation
from ._structure import Structure

_matmul = functools.partial(jnp.matmul, precision='highest')


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class OneToOne(Structure):
    """Each of n sources to the target of the same number.

    Parameters
    ----------
    n : int
        Number of sources and of targets.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.event.OneToOne(3).shape
    (3, 3)
    """

    n: int

    @property
    def shape(self) -> tuple[int, int]:  # type: ignore[override]
        """Number of sources and of targets."""
        return self.n, self.n

    @property
    def nnz(self) -> int:
        """Number of synapses, and of weights."""
        return self.n

    @property
    def indices(self) -> np.ndarray:
        """Target of each synapse, int32, (nnz,)."""
        return np.arange(self.n, dtype=np.int32)

    def row_lengths(self) -> np.ndarray:
        """Number of synapses of each source, (pre,)."""
        return np.ones(self.n, np.int32)

    def to_post(self, weight: Array | None, spikes: Array, dtype: np.dtype) -> Array:
        """What each target receives."""
        return spikes.astype(dtype) if weight is None else weight.astype(dtype) * spikes.astype(dtype)

    def to_pre(self, weight: Array | None, values: Array, dtype: np.dtype) -> Array:
        """What each source would collect from its targets."""
        return self.to_post(weight, values, dtype)

    def to_weight(self, spikes: Array, values: Array, dtype: np.dtype) -> Array:
        """What each synapse sees, summed over the batch."""
        return jnp.sum(spikes.astype(dtype) * values, axis=tuple(range(spikes.ndim - 1)))


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class AllToAll(Structure):
    """Each source to each target.

    Parameters
    ----------
    shape : (pre, post)
        Number of sources and of targets.
    own : bool
        Whether a source connects to the target of its own number; without these, all synapses share one weight.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.event.AllToAll((2, 3)).nnz
    6
    """

    shape: tuple[int, int]
    own: bool = True

    @property
    def nnz(self) -> int:
        """Number of synapses, and of weights."""
        pre, post = self.shape
        return pre * post - (0 if self.own else min(pre, post))

    @property
    def indices(self) -> np.ndarray:
        """Target of each synapse, int32, (nnz,)."""
        pre, post = self.shape
        targets = np.tile(np.arange(post, dtype=np.int32), pre)
        return targets if self.own else targets[targets != np.repeat(np.arange(pre, dtype=np.int32), post)]

    def row_lengths(self) -> np.ndarray:
        """Number of synapses of each source, (pre,)."""
        pre, post = self.shape
        return np.full(pre, post, np.int64) - (0 if self.own else np.arange(pre) < post)

    def to_post(self, weight: Array | None, spikes: Array, dtype: np.dtype) -> Array:
        """What each target receives."""
        if weight is None:
            return self._sums(spikes.astype(dtype), self.shape[1])
        self._check()
        return dense_p.bind(weight, spikes, shape=self.shape, dtype=str(dtype), backend=_backend.preference())

    def to_pre(self, weight: Array | None, values: Array, dtype: np.dtype) -> Array:
        """What each source would collect from its targets."""
        if weight is None:
            return self._sums(values.astype(dtype), self.shape[0])
        self._check()
        return _matmul(values, weight.astype(dtype).reshape(self.shape).T)

    def to_weight(self, spikes: Array, values: Array, dtype: np.dtype) -> Array:
        """What each synapse sees, summed over the batch."""
        self._check()
        batch = math.prod(spikes.shape[:-1])
        each, seen = (x.reshape(batch, n) for x, n in zip((spikes.astype(dtype), values), self.shape, strict=True))
        return _matmul(each.T, seen).reshape(self.nnz)

    def _sums(self, x: Array, n: int) -> Array:
        """Of all, for each of n; or of all but that of the same number."""
        total = jnp.broadcast_to(jnp.sum(x, axis=-1, keepdims=True), (*x.shape[:-1], n))
        if self.own:
            return total
        both = min(n, x.shape[-1])
        mine = x[..., :both]
        return total - (mine if both == n else jnp.pad(mine, [(0, 0)] * (x.ndim - 1) + [(0, n - both)]))

    def _check(self) -> None:
        if not self.own:
            raise ValueError(f'event: {self} has one weight for all synapses; store those with weights of their own as a CSR.')


def _matrix_product(weight: Array, spikes: Array, *, shape: tuple[int, int], dtype: str) -> Array:
    return _matmul(spikes.astype(dtype), weight.astype(dtype).reshape(shape))


def _aval(weight: Any, spikes: Any, *, shape: tuple[int, int], dtype: str, backend: str) -> ShapedArray:
    return ShapedArray((*spikes.shape[:-1], shape[1]), np.dtype(dtype))


# Operands: weights (pre * post,), spikes (..., pre).
dense_p = _lowering.define(
    Operation('event_dense', native='llvm_events.dense', spikes=1, adds=True, aval=_aval, portable=_matrix_product),
)
