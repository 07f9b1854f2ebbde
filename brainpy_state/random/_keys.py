"""Raw random keys: what may be given as a seed or key, and how keys are split."""

from __future__ import annotations

import hashlib
import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._arrays import put
from .._errors import ParameterError
from .._frames import EAGER, current_trace
from ._threefry import words

_IMPL = 'threefry2x32'
_MOST_ON_HOST = 1 << 10  # keys; of more, JAX is quicker


def key_data(seed: Any) -> Any:
    """Raw key data of a seed or key; kept in NumPy where possible, so that importing starts no JAX backend."""
    if seed is None:
        return np.random.SeedSequence().generate_state(2, np.uint32)
    if isinstance(seed, (int, np.integer)):
        if not 0 <= seed < 2**64:
            raise ParameterError(f'random: a seed is an integer from 0 to 2**64 - 1, but is {seed}.')
        return np.array([int(seed) >> 32, int(seed) & 0xFFFFFFFF], np.uint32)
    if isinstance(seed, jax.core.Tracer) and seed.shape == () and jnp.issubdtype(seed.dtype, np.integer):
        high = seed >> 32 if seed.dtype.itemsize == 8 else jnp.uint32(0)
        return jnp.stack([high.astype(np.uint32), seed.astype(np.uint32)])
    if isinstance(seed, jax.Array) and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key):
        seed = jax.random.key_data(seed)
    if getattr(seed, 'shape', None) != (2,) or seed.dtype != np.uint32:
        raise TypeError(f'random: a key is an integer, a uint32 array of shape (2,) or a JAX key, but is {seed!r}.')
    return seed


def typed(data: Any) -> jax.Array:
    """The JAX key of raw key data."""
    return jax.random.wrap_key_data(jnp.asarray(data), impl=_IMPL)


def split(data: Any, n: int | None) -> tuple[jax.Array, jax.Array]:
    """The raw key to go on with, and ``n`` raw keys of shape ``(n, 2)``, or one of shape ``(2,)``."""
    number, new = (2, 1) if n is None else (n + 1, slice(1, None))
    if number <= _MOST_ON_HOST and _is_on_host(data):
        known = np.stack(words(np.asarray(data), np.zeros(number, np.uint32), np.arange(number, dtype=np.uint32)), axis=-1)
        return put(known[0].copy()), put(known[new].copy())
    keys = jax.random.key_data(jax.random.split(typed(data), number))
    return keys[0], keys[new]


def _is_on_host(data: Any) -> bool:
    """Whether NumPy can split a key as JAX would: then no program is compiled for it, which takes a fifth of a second."""
    if current_trace() is not EAGER or not jax.config.jax_threefry_partitionable:  # type: ignore[attr-defined]
        return False
    return isinstance(data, np.ndarray) or (isinstance(data, jax.Array) and not data.committed and jax.default_backend() == 'cpu')


def count(n: Any) -> int:
    """A number of keys."""
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(f'random: the number of keys is an integer, but is {n!r}.') from None
    if n < 1:
        raise ParameterError(f'random: the number of keys is at least 1, but is {n}.')
    return n


Seed = int | str | tuple | None  # what names random numbers: tuples hold the same


def check_seed(seed: Any, owner: str) -> None:
    """Raise unless a value can name random numbers."""
    if not (seed is None or _names(seed)):
        raise ParameterError(f'{owner}: seed is {seed!r}, but must be an integer, a string, or a tuple of them.')


def _names(seed: Any) -> bool:
    return isinstance(seed, (int, str, np.integer)) or (isinstance(seed, tuple) and all(map(_names, seed)))


def named_key(seed: Any) -> np.ndarray:
    """The raw key that a name stands for; equal integers, or strings, of any type are one name."""
    digest = hashlib.blake2b(repr(_plain(seed)).encode(), digest_size=8).digest()
    return np.frombuffer(digest, '<u4').astype(np.uint32)


def _plain(seed: Any) -> Any:
    if isinstance(seed, tuple):
        return tuple(map(_plain, seed))
    return str.__str__(seed) if isinstance(seed, str) else int(seed)
