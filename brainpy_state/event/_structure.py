"""What a structure of synapses answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array


class Structure(ABC):
    """Which of `pre` sources connects to which of `post` targets: one of `CSR`, `OneToOne`, `AllToAll` and `Procedural`.

    Attributes
    ----------
    shape : (pre, post)
        Number of sources and of targets.
    is_drawn : bool
        Whether synapses are drawn again whenever they are needed, so that nothing is stored for each.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> isinstance(bst.event.AllToAll((2, 3)), bst.event.Structure)
    True
    """

    __slots__ = ()
    shape: tuple[int, int]
    is_drawn: ClassVar[bool] = False

    @property
    @abstractmethod
    def nnz(self) -> int:
        """Number of synapses."""

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Of weights of their own, (nnz,); () where there can be one number only."""
        return () if self.is_drawn else (self.nnz,)

    @abstractmethod
    def row_lengths(self) -> np.ndarray:
        """Number of synapses of each source, (pre,), on the host."""

    @abstractmethod
    def to_post(self, weight: Array | None, spikes: Array, dtype: Any) -> Array:
        """What each target receives, (..., post), by weights (nnz,) or 1."""

    @abstractmethod
    def to_pre(self, weight: Array | None, values: Array, dtype: Any) -> Array:
        """What each source would collect from its targets, (..., pre)."""

    @abstractmethod
    def to_weight(self, spikes: Array, values: Array, dtype: Any) -> Array:
        """What each synapse sees, summed over the batch, (nnz,)."""

    def places(self, steps: int) -> int:
        """How many places a ring of so many steps must have for it."""
        return self.shape[1]

    def to_ring(self, weight: Array, spikes: Array, row: Array, ring: Array) -> Array:
        """A ring (steps, ..., post) with what spikes deliver, by one weight or (nnz,); targets are places from the due row on."""
        if weight.ndim:
            return added_to_ring(self.to_post(weight, spikes, ring.dtype), row, ring)
        return added_to_ring(weight.astype(ring.dtype) * self.to_post(None, spikes, ring.dtype), row, ring)


def added_to_ring(sent: Array, row: Array, ring: Array) -> Array:
    """A ring (steps, ..., post) with what is sent to each place, (..., steps * post)."""
    sent = jnp.moveaxis(sent.reshape(*sent.shape[:-1], ring.shape[0], ring.shape[-1]), -2, 0)
    return ring + jnp.roll(sent, row, axis=0)
