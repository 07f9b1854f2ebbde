"""Compressed sparse rows: which neuron projects to which."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from .._tracebacks import entries
from . import _backend
from ._ring import to_ring_p
from ._structure import Structure
from ._trilinear import to_post_p, to_pre_p, to_weight_p

_INDEX_LIMIT = 2**31
_BLOCK = 1 << 22  # synapses that are looked at together


@entries
class CSR(Structure):
    """Connectivity of `pre` sources and `post` targets, stored row by row (one row a source).

    The synapses of source `i` are the entries `indptr[i]` to `indptr[i + 1]` (exclusive) of `indices`. A pair may occur more than
    once: each occurrence is a synapse of its own. The structure is a pytree whose leaves are the two index arrays, so that it
    enters a compiled function as an operand and is never baked into it.

    Parameters
    ----------
    indptr : int32, shape (pre + 1,)
        Where each row starts; the last entry is the number of synapses.
    indices : int32, shape (nnz,)
        Target of each synapse.
    shape : (pre, post)
        Number of sources and of targets, static.

    Raises
    ------
    TypeError
        An index array is not int32.
    ValueError
        The arrays are not one-dimensional, `indptr` does not have `pre + 1` entries, does not rise from 0 to nnz, or nnz reaches
        2**31.
    IndexError
        A target lies outside `[0, post)`. Kernels trust the indices, therefore they are checked here, once.

    Examples
    --------
    >>> csr = CSR.from_pairs([0, 0, 2], [1, 3, 0], (3, 4))
    >>> csr.nnz, csr.indptr.tolist()
    (3, [0, 2, 2, 3])
    """

    __slots__ = ('__weakref__', 'indices', 'indptr', 'ordered', 'shape')

    indptr: jax.Array
    indices: jax.Array
    shape: tuple[int, int]
    ordered: bool  # whether the targets of each source rise

    def __init__(self, indptr: jax.Array, indices: jax.Array, shape: tuple[int, int]):
        shape = _checked_shape(shape)
        _check_arrays(indptr, indices, shape)
        self._fill(jnp.asarray(indptr), jnp.asarray(indices), shape, _is_ordered(indptr, indices))

    def _fill(self, indptr: Any, indices: Any, shape: tuple[int, int], ordered: bool) -> None:
        object.__setattr__(self, 'indptr', indptr)
        object.__setattr__(self, 'indices', indices)
        object.__setattr__(self, 'shape', shape)
        object.__setattr__(self, 'ordered', ordered)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f'CSR is frozen: cannot set {name!r}; build a new CSR.')

    def __reduce__(self) -> Any:
        return _restored, (self.indptr, self.indices, self.shape, self.ordered)

    def __repr__(self) -> str:
        return f'CSR(shape={self.shape}, nnz={getattr(self.indices, "shape", "?")})'

    @classmethod
    def from_pairs(cls, pre: ArrayLike, post: ArrayLike, shape: tuple[int, int]) -> CSR:
        """Build the structure from pairs, on the host, keeping the given order within a row.

        Parameters
        ----------
        pre : int, shape (nnz,)
            Source of each synapse.
        post : int, shape (nnz,)
            Target of each synapse.
        shape : (pre, post)
            Number of sources and of targets.

        Returns
        -------
        CSR
            `values[CSR.row_order(pre)]` brings per-pair values, (nnz,), into its order.

        Raises
        ------
        TypeError
            The pairs are not integers.
        ValueError
            The two sequences differ in length or are not one-dimensional, or there are 2**31 pairs or more.
        IndexError
            A source or target lies outside the shape; the message names it and the limit.
        """
        shape = _checked_shape(shape)
        rows, columns = _integers('pre', pre), _integers('post', post)
        if rows.shape != columns.shape:
            raise ValueError(f'CSR.from_pairs: pre has {rows.size} entries but post has {columns.size}; give one target for each source.')
        _check_count(rows.size)
        _check_range('pre', rows, shape[0])
        _check_range('post', columns, shape[1])
        indptr = np.zeros(shape[0] + 1, np.int32)
        np.cumsum(np.bincount(rows, minlength=shape[0]), out=indptr[1:])
        csr = cls.__new__(cls)
        indices = columns[cls.row_order(rows)].astype(np.int32)
        csr._fill(jnp.asarray(indptr), jnp.asarray(indices), shape, _is_ordered(indptr, indices))
        return csr

    @staticmethod
    def row_order(pre: ArrayLike) -> np.ndarray:
        """The order, int, (nnz,), in which `from_pairs` stores pairs with these sources: by row, else as given."""
        rows = _integers('pre', pre)
        if rows.size == 0 or np.all(rows[1:] >= rows[:-1]):
            return np.arange(rows.size)
        # Two counting passes over 16-bit digits: NumPy's stable sort is linear for 16-bit keys only.
        order = np.argsort((rows & 0xFFFF).astype(np.uint16), kind='stable')
        if rows.max() > 0xFFFF:
            order = order[np.argsort((rows[order] >> 16).astype(np.uint16), kind='stable')]
        return order

    def row(self, i: jax.Array | int) -> CSR:
        """The synapses of one source as a structure (1, post) that shares the indices, so its entries begin anywhere in them.

        Parameters
        ----------
        i : int32, shape ()
            The source; may be traced, and gives no synapses where it lies outside of the structure.
        """
        i = jnp.asarray(i, jnp.int32)
        place = jnp.clip(i, 0, self.shape[0])
        stop = jnp.where(i < 0, 0, jnp.minimum(place + 1, self.shape[0]))
        row = CSR.__new__(CSR)
        row._fill(self.indptr[jnp.stack([place, stop])], self.indices, (1, self.shape[1]), self.ordered)
        return row

    def moved(self, by: jax.Array) -> CSR:
        """The same synapses with other targets, such as later places in a ring.

        Parameters
        ----------
        by : int32, shape () or (nnz,)
            Added to the targets, which must stay within the structure; may be traced.
        """
        other = CSR.__new__(CSR)
        other._fill(self.indptr, self.indices + by, self.shape, False)
        return other

    @property
    def nnz(self) -> int:
        """Number of synapses."""
        return self.indices.shape[0]

    def row_lengths(self) -> np.ndarray:
        """Number of synapses of each source, (pre,), on the host."""
        return np.diff(np.asarray(self.indptr))

    def pre_ids(self) -> jax.Array:
        """Source of each synapse, int32, (nnz,)."""
        rows = jnp.arange(self.shape[0], dtype=jnp.int32)
        return jnp.repeat(rows, jnp.diff(self.indptr), total_repeat_length=self.nnz)

    def to_post(self, weight: jax.Array | None, spikes: jax.Array, dtype: Any) -> jax.Array:
        """What each target receives, (..., post)."""
        return to_post_p.bind(*self._operands(weight), spikes, **self._parameters(dtype))

    def to_pre(self, weight: jax.Array | None, values: jax.Array, dtype: Any) -> jax.Array:
        """What each source would collect from its targets, (..., pre)."""
        return to_pre_p.bind(*self._operands(weight), values, **self._parameters(dtype))

    def to_weight(self, spikes: jax.Array, values: jax.Array, dtype: Any) -> jax.Array:
        """What each synapse sees, summed over the batch, (nnz,)."""
        return to_weight_p.bind(*self._operands(None), spikes, values, **self._parameters(dtype))

    def to_ring(self, weight: jax.Array, spikes: jax.Array, row: jax.Array, ring: jax.Array) -> jax.Array:
        """A ring (steps, ..., post) with what spikes deliver; targets are places ``delay * post + target`` from the due row on."""
        if ring.ndim > 2 or spikes.shape != self.shape[:1] or weight.shape not in ((), (self.nnz,)):
            return super().to_ring(weight, spikes, row, ring)
        factors = (weight, spikes) if weight.ndim else (weight.astype(ring.dtype) * spikes.astype(ring.dtype),)
        parameters = {**self._parameters(ring.dtype), 'shape': (self.shape[0], ring.shape[-1])}
        del parameters['dtype']
        return to_ring_p.bind(self.indptr, self.indices, *factors, row, ring, **parameters)

    def _operands(self, weight: jax.Array | None) -> list[jax.Array]:
        return [self.indptr, self.indices, *([] if weight is None else [weight])]

    def _parameters(self, dtype: Any) -> dict[str, Any]:
        return {'shape': self.shape, 'ordered': self.ordered, 'dtype': str(dtype), 'backend': _backend.preference()}

    def to_dense(self, weight: jax.Array | float = 1.0) -> jax.Array:
        """The matrix of summed weights, (pre, post).

        Parameters
        ----------
        weight : float, shape () or (nnz,)
            Weight of every or of each synapse, default 1.
        """
        weight = jnp.asarray(weight)
        return jnp.zeros(self.shape, weight.dtype).at[self.pre_ids(), self.indices].add(weight)


def _flatten(csr: CSR) -> tuple[Any, Any]:
    return (csr.indptr, csr.indices), (csr.shape, csr.ordered)


def _flatten_with_keys(csr: CSR) -> tuple[Any, Any]:
    keys = jax.tree_util.GetAttrKey('indptr'), jax.tree_util.GetAttrKey('indices')
    return tuple(zip(keys, (csr.indptr, csr.indices), strict=True)), (csr.shape, csr.ordered)


def _unflatten(static: tuple[tuple[int, int], bool], leaves: Any) -> CSR:
    # JAX also rebuilds the tree with placeholders as leaves, so nothing may be checked here.
    indptr, indices = leaves
    return _restored(indptr, indices, *static)


def _restored(indptr: Any, indices: Any, shape: tuple[int, int], ordered: bool) -> CSR:
    csr = CSR.__new__(CSR)
    csr._fill(indptr, indices, shape, ordered)
    return csr


jax.tree_util.register_pytree_with_keys(CSR, _flatten_with_keys, _unflatten, _flatten)


def _checked_shape(shape: tuple[int, int]) -> tuple[int, int]:
    shape = tuple(int(n) for n in shape)  # type: ignore[assignment]
    if len(shape) != 2 or min(shape) < 0 or max(shape) >= _INDEX_LIMIT:
        raise ValueError(f'CSR: shape must be (pre, post) with 0 <= size < 2**31, got {shape}.')
    return shape


def _check_count(nnz: int) -> None:
    if nnz >= _INDEX_LIMIT:
        raise ValueError(f'CSR: {nnz} synapses do not fit 32-bit indices (limit 2**31 - 1); split the projection.')


def _check_arrays(indptr: Any, indices: Any, shape: tuple[int, int]) -> None:
    for name, array in (('indptr', indptr), ('indices', indices)):
        if array.dtype != np.int32:
            raise TypeError(f'CSR: {name} has dtype {array.dtype}, expected int32.')
        if array.ndim != 1:
            raise ValueError(f'CSR: {name} has shape {array.shape}, expected one dimension.')
    _check_count(indices.shape[0])
    if indptr.shape[0] != shape[0] + 1:
        raise ValueError(f'CSR: indptr has {indptr.shape[0]} entries, expected pre + 1 = {shape[0] + 1}.')
    if isinstance(indptr, jax.core.Tracer) or isinstance(indices, jax.core.Tracer):
        return
    indptr, indices = np.asarray(indptr), np.asarray(indices)
    if indptr[0] != 0 or indptr[-1] != indices.size or np.any(np.diff(indptr) < 0):
        raise ValueError(f'CSR: indptr must rise from 0 to nnz = {indices.size} without falling.')
    _check_range('post', indices, shape[1])


def _is_ordered(indptr: Any, indices: Any) -> bool:
    if isinstance(indptr, jax.core.Tracer) or isinstance(indices, jax.core.Tracer):
        return False
    starts, targets = np.asarray(indptr), np.asarray(indices)
    for first in range(1, targets.size, _BLOCK):
        last = min(first + _BLOCK, targets.size)
        falls = first + np.flatnonzero(targets[first:last] < targets[first - 1 : last - 1])
        if np.any(starts[np.minimum(np.searchsorted(starts, falls), starts.size - 1)] != falls):
            return False
    return True


def _integers(name: str, given: ArrayLike) -> np.ndarray:
    values = np.asarray(given)
    if values.ndim != 1:
        raise ValueError(f'CSR.from_pairs: {name} has shape {values.shape}, expected one dimension.')
    if values.size == 0:
        return values.astype(np.int32)
    if values.dtype.kind not in 'iu':
        raise TypeError(f'CSR.from_pairs: {name} has dtype {values.dtype}, expected integers.')
    return values


def _check_range(name: str, values: np.ndarray, limit: int) -> None:
    if values.size == 0:
        return
    low, high = values.min(), values.max()
    if low < 0 or high >= limit:
        raise IndexError(f'CSR: {name} index {low if low < 0 else high} is outside [0, {limit}).')
