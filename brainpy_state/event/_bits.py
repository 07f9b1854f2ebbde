"""What is 0 or 1 as bits, 32 in a word, in which devices tell each other who fired."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import ShapedArray

from .._tracebacks import entry
from . import _backend, _lowering
from ._lists import OF_BITS
from ._operation import Operation

_BITS = 32  # of a word
ITEMS = 'bool', 'float32', 'float64'  # the types that bits are packed from


@entry
def pack(x: Array) -> Array:
    """Whether items are other than 0, as bits: item i is bit i % 32 of word i // 32.

    Parameters
    ----------
    x : bool, float32 or float64, (n,)

    Returns
    -------
    uint32, (w,)
        An even number of words, with zeros after the last item.

    Examples
    --------
    >>> pack(jnp.array([0., 1., 1.])).tolist()
    [6, 0]
    """
    words: Array = pack_p.bind(_known('pack', x), backend=_backend.preference())
    return words


@entry
def unpack(words: Array, size: int, dtype: Any) -> Array:
    """Items of 0 and 1 from bits.

    Parameters
    ----------
    words : uint32, (m, w)
        Rows that `pack` has made of vectors of equal size.
    size : int
        Of each of them.
    dtype : bool, float32 or float64

    Returns
    -------
    Array, (m * size,)
        The vectors, one after the other.

    Examples
    --------
    >>> unpack(jnp.array([[6, 0], [1, 0]], jnp.uint32), 3, jnp.float32).tolist()
    [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    dtype = _known('unpack', jnp.zeros((), dtype)).dtype
    if words.dtype != np.uint32 or words.ndim != 2 or words.shape[1] != words_for(size):
        raise ValueError(
            f'event.unpack: words are {words.dtype}{list(words.shape)}, expected uint32[m, {words_for(size)}] for vectors of {size}.'
        )
    items: Array = unpack_p.bind(words, size=int(size), dtype=str(dtype), backend=_backend.preference())
    return items


def words_for(size: int) -> int:
    """How many words hold so many items."""
    return 2 * -(-size // (2 * _BITS))


def _known(name: str, x: Any) -> Array:
    x = jnp.asarray(x)
    if x.dtype not in ITEMS:
        raise TypeError(f'event.{name}: the dtype is {x.dtype}, expected {" or ".join(ITEMS)}.')
    return x


def _portable_pack(x: Array) -> Array:
    padded = jnp.pad(x != 0, (0, words_for(x.size) * _BITS - x.size)).reshape(-1, _BITS)
    return (padded.astype(np.uint32) << jnp.arange(_BITS, dtype=np.uint32)).sum(1, dtype=np.uint32)


def _portable_unpack(words: Array, *, size: int, dtype: str) -> Array:
    bits = (words[:, :, None] >> jnp.arange(_BITS, dtype=np.uint32)) & np.uint32(1)
    return bits.reshape(words.shape[0], -1)[:, :size].reshape(-1).astype(dtype)


def _unpacked(words: Any, *, size: int, dtype: str, **_: Any) -> ShapedArray:
    return ShapedArray((words.shape[0] * size,), np.dtype(dtype))


def _packed(x: Any, **_: Any) -> ShapedArray:
    return ShapedArray((words_for(x.size),), np.dtype(np.uint32))


pack_p = _lowering.define(Operation('event_pack', native='llvm_bits.pack', aval=_packed, portable=_portable_pack))
unpack_p = _lowering.define(Operation(OF_BITS, native='llvm_bits.unpack', aval=_unpacked, portable=_portable_unpack))
