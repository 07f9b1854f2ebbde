"""`RandomState`: a random generator whose key is a state, and its draws as functions."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from ..state import State

_IMPL = 'threefry2x32'


class RandomState(State):
    """A random generator. Every draw splits its key, so the state is written by each draw.

    The value is a raw ``uint32`` key of shape ``(2,)``.

    Parameters
    ----------
    seed : int, key or None
        ``None`` takes fresh entropy from the operating system.
    """

    def __init__(self, seed: int | Any | None = None):
        super().__init__(_key_data(seed))

    def seed(self, seed: int | Any | None = None) -> None:
        """Start again from a seed or a key."""
        self.value = _key_data(seed)

    def split_key(self, n: int | None = None) -> jax.Array:
        """A new key, or ``n`` of them with a leading axis; raw ``uint32``, last axis 2."""
        keys = jax.random.split(jax.random.wrap_key_data(self.value, impl=_IMPL), 2 if n is None else n + 1)
        data = jax.random.key_data(keys)
        self.value = data[0]
        return data[1] if n is None else data[1:]

    def _key(self, key: Any) -> jax.Array:
        data = self.split_key() if key is None else _key_data(key)
        return jax.random.wrap_key_data(jnp.asarray(data), impl=_IMPL)

    def random(self, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Uniform on [0, 1)."""
        return jax.random.uniform(self._key(key), _shape(size), dtype or environ.dftype())

    def rand(self, *size: int, key: Any = None, dtype: Any = None) -> jax.Array:
        """Uniform on [0, 1), with the shape as separate arguments."""
        return self.random(size, key, dtype)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Uniform on [low, high); quantities allowed."""
        shape = _shape(size, low, high)
        return low + (high - low) * self.random(shape, key, dtype)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Normal with mean ``loc`` and standard deviation ``scale``; quantities allowed."""
        shape = _shape(size, loc, scale)
        return loc + scale * jax.random.normal(self._key(key), shape, dtype or environ.dftype())

    def randn(self, *size: int, key: Any = None, dtype: Any = None) -> jax.Array:
        """Standard normal, with the shape as separate arguments."""
        return self.normal(size=size, key=key, dtype=dtype)

    def randint(self, low: Any, high: Any = None, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Integers from ``low`` (or 0, if only one bound is given) up to, not including, ``high``."""
        low, high = (0, low) if high is None else (low, high)
        return jax.random.randint(self._key(key), _shape(size, low, high), low, high, dtype or environ.ditype())

    def bernoulli(self, p: Any = 0.5, size: Any = None, key: Any = None) -> jax.Array:
        """True with probability ``p``."""
        return jax.random.bernoulli(self._key(key), p, _shape(size, p))

    def permutation(self, x: Any, axis: int = 0, key: Any = None) -> Any:
        """A random order of an array along an axis, or of ``range(x)``."""
        return jax.random.permutation(self._key(key), x, axis)


def _key_data(seed: Any) -> Any:
    """Raw key data; kept in NumPy where possible, so that importing starts no JAX backend."""
    if seed is None:
        return np.random.SeedSequence().generate_state(2, np.uint32)
    if isinstance(seed, (int, np.integer)):
        if seed < 0:
            raise ValueError(f'random: a seed is a non-negative integer, but is {seed}.')
        return np.array([int(seed) >> 32 & 0xFFFFFFFF, int(seed) & 0xFFFFFFFF], np.uint32)
    if isinstance(seed, jax.Array) and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key):
        seed = jax.random.key_data(seed)
    if getattr(seed, 'shape', None) != (2,) or seed.dtype != np.uint32:
        raise TypeError(f'random: a key is a uint32 array of shape (2,) or a JAX key, but is {seed!r}.')
    return seed


def _shape(size: Any, *params: Any) -> tuple[int, ...]:
    if size is None:
        return np.broadcast_shapes(*(np.shape(u.get_mantissa(p)) for p in params))
    return (int(size),) if isinstance(size, (int, np.integer)) else tuple(size)


DEFAULT = RandomState()

seed = DEFAULT.seed
split_key = DEFAULT.split_key
random = DEFAULT.random
rand = DEFAULT.rand
uniform = DEFAULT.uniform
normal = DEFAULT.normal
randn = DEFAULT.randn
randint = DEFAULT.randint
bernoulli = DEFAULT.bernoulli
permutation = DEFAULT.permutation
