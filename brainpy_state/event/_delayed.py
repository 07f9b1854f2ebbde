"""Synapses with a delay each."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from .._tracebacks import entries
from ._csr import CSR, _restored
from ._parts import Parts, of_this_process, smallest

UNUSED = 2**31 - 1  # outside of any ring


@entries
class Delayed(CSR):
    """A `CSR` whose synapses have a delay each: both are one number, ``delay * post + target``, its slot in a ring of coming steps.

    Targets and delays are computed from it when somebody asks, so a synapse takes 4 bytes.

    Parameters
    ----------
    indptr : int32, shape (pre + 1,)
        Where each row starts; the last entry is the number of synapses.
    slots : int32, shape (nnz,)
        ``delay * post + target`` of each synapse, the delay in steps.
    shape : (pre, post)
        Number of sources and of targets, static.
    dtype : type, optional
        Of ``steps``, uint8 or uint16; the smallest that holds all by default.

    Attributes
    ----------
    rising : bool
        Whether the slots of each source rise.

    Raises
    ------
    TypeError, ValueError
        As for a `CSR`.
    IndexError
        A slot is negative.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> late = bst.event.Delayed(jnp.array([0, 2, 3], jnp.int32), jnp.array([1, 4, 9], jnp.int32), (2, 3))
    >>> late.indices.tolist(), late.steps.tolist()
    ([1, 1, 0], [0, 1, 3])
    """

    __slots__ = ('dtype', 'rising', 'slots')

    slots: Array
    rising: bool
    dtype: str

    def __init__(self, indptr: Array, slots: Array, shape: tuple[int, int], dtype: Any = None):
        length = int(np.max(np.asarray(slots), initial=0)) // max(shape[1], 1) + 1
        ring = CSR(indptr, slots, (shape[0], length * shape[1]))
        self._hold(ring.indptr, ring.indices, shape, ring.ordered, str(np.dtype(dtype or np.min_scalar_type(length - 1))))

    def _hold(self, indptr: Any, slots: Any, shape: tuple[int, int], rising: bool, dtype: str) -> None:
        values = {'indptr': indptr, 'slots': slots, 'shape': shape, 'ordered': False, 'rising': rising, 'dtype': dtype}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of_rule(cls, indptr: Any, slots: Any, shape: tuple[int, int], dtype: Any) -> Delayed:
        """Without a check, of slots that rise for each source."""
        return _held(indptr, slots, shape, True, str(np.dtype(dtype)))

    def __reduce__(self) -> Any:
        return _held, (self.indptr, self.slots, self.shape, self.rising, self.dtype)

    def __repr__(self) -> str:
        return f'Delayed(shape={self.shape}, nnz={getattr(self.slots, "shape", "?")})'

    @property
    def nnz(self) -> int:
        """Number of synapses."""
        return self.slots.shape[0]

    @property
    def indices(self) -> Array:  # type: ignore[override]
        """Target of each synapse, int32, (nnz,)."""
        return lax.rem(self.slots, np.int32(self.shape[1]))

    @property
    def steps(self) -> Array:
        """The delay of each synapse in steps, uint8 or uint16, (nnz,)."""
        return lax.div(self.slots, np.int32(self.shape[1])).astype(self.dtype)

    @property
    def longest(self) -> int:
        """The longest delay in steps; 0 of no synapses."""
        return int(np.max(np.asarray(self.slots), initial=0)) // max(self.shape[1], 1)

    def in_ring(self, length: int) -> CSR:
        """The slots as targets of a `CSR`, in a ring of so many steps; it has the same memory."""
        return _restored(self.indptr, self.slots, (self.shape[0], length * self.shape[1]), self.rising)


class DelayedParts(Parts):
    """`Parts` whose synapses have a delay each: the slot ``delay * targets of a part + target`` of each; unused ones are `UNUSED`.

    Parameters
    ----------
    indptr, slots : int32
    shape, parts, total, firsts
        As of `Parts`.
    dtype : type
        Of ``steps``, uint8 or uint16.

    Examples
    --------
    >>> import brainunit as u
    >>> import jax
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=0.1 * u.ms, mesh=jax.make_mesh((1,), ('parts',))):
    ...     comm = bst.fixed_indegree(10, 6, 2, weight=1., delay=bst.drawn.uniform(1. * u.ms, 2. * u.ms), seed=1)
    >>> comm.structure, comm.structure.steps.dtype
    (DelayedParts(shape=(10, 6), 12 synapses in 1 parts), dtype('uint8'))
    """

    __slots__ = ('dtype', 'slots')

    def __init__(self, indptr: Any, slots: Any, shape: tuple[int, int], parts: int, total: int, firsts: Any, dtype: Any):
        self.indptr, self.slots, self.shape, self.parts, self.ordered, self.total = indptr, slots, shape, parts, False, total
        self.firsts, self.least, self.dtype = firsts, 0, dtype

    @property
    def nnz(self) -> int:
        """Number of places for synapses."""
        return self.slots.shape[0]

    @property
    def indices(self) -> Any:
        """Targets, counted from the first of the part; unused ones lie outside of it."""
        n = np.int32(self._targets)
        return jnp.where(self.slots == np.int32(UNUSED), n, lax.rem(self.slots, n))

    @property
    def steps(self) -> Any:
        """The delay of each synapse in steps, (parts * room,)."""
        return lax.div(self.slots, np.int32(self._targets)).astype(self.dtype)

    @property
    def longest(self) -> int:
        """The longest delay in steps; 0 of no synapses."""
        most = max((int(x.max()) // self._targets for x in self._used() if x.size), default=0)
        return -smallest(-most, self.slots)

    def in_ring(self, length: int) -> Parts:
        """The slots as targets in a ring of so many steps; they have the same memory."""
        least = min((int(x.min()) // self._targets for x in self._used() if x.size), default=length)
        shape = self.shape[0], length * self.shape[1]
        return Parts(self.indptr, self.slots, shape, self.parts, True, self.total, self.firsts, smallest(least, self.slots))

    def _used(self) -> list[np.ndarray]:
        """The slots of each part that this process has, without unused ones."""
        parts = zip(*(of_this_process(x).reshape(-1, x.shape[0] // self.parts) for x in (self.indptr, self.slots)), strict=True)
        return [slots[: starts[-1]] for starts, slots in parts]


def _held(indptr: Any, slots: Any, *static: Any) -> Delayed:
    made = Delayed.__new__(Delayed)
    made._hold(indptr, slots, *static)
    return made


def _flatten(x: Delayed) -> tuple[Any, Any]:
    return (x.indptr, x.slots), (x.shape, x.rising, x.dtype)


def _flatten_with_keys(x: Delayed) -> tuple[Any, Any]:
    leaves, static = _flatten(x)
    return tuple(zip(map(jax.tree_util.GetAttrKey, ('indptr', 'slots')), leaves, strict=True)), static


def _unflatten(static: Any, leaves: Any) -> Delayed:
    return _held(*leaves, *static)


jax.tree_util.register_pytree_with_keys(Delayed, _flatten_with_keys, _unflatten, _flatten)
