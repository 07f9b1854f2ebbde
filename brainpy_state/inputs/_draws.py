"""Cheap random events and counts: one 32-bit word for each, compared with integer thresholds."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import random
from ..random._words import words

_WORDS = 2.0**32  # as many values has a word; probabilities are exact to one of them
_LARGEST = {np.dtype(np.float32): 2.0**32 - 2.0**8, np.dtype(np.float64): 2.0**32 - 1}  # below 2**32
_UNROLLED = 64  # as many comparisons take no longer than a binary search
_MOST_TABLES = 1000  # each is computed in some 20 microseconds


def events(p: Any, shape: tuple[int, ...]) -> jax.Array:
    """True with probability p, which broadcasts to ``shape``; exact to 2^-32 where p is known when a function is compiled."""
    if isinstance(p, jax.core.Tracer):
        threshold = jnp.clip(p * _WORDS, 0, _LARGEST[np.dtype(p.dtype)]).astype(np.uint32)
    else:
        threshold = np.clip(np.rint(p * _WORDS), 0, _WORDS - 1).astype(np.uint32)
    return words(random.split_key(), shape) < threshold


def poisson(mean: Any, shape: tuple[int, ...]) -> jax.Array:
    """Poisson counts, int32, with means that broadcast to ``shape``.

    Means that are known when a function is compiled take the inverse of the distribution function at a uniform number, exact to
    2^-32, if that needs few comparisons; other means are left to JAX.
    """
    if isinstance(mean, jax.core.Tracer):
        return random.poisson(mean, shape, dtype=np.int32)
    mean = np.asarray(mean, float)
    distinct, which = np.unique(mean, return_inverse=True)
    tables = [poisson_table(float(m)) for m in distinct] if distinct.size <= _MOST_TABLES else []
    depth = max((last.size for _, last in tables), default=_UNROLLED + 1)
    if len(tables) == 1 and depth > _UNROLLED:
        least, last = tables[0]
        return least + jnp.searchsorted(last, words(random.split_key(), shape), method='scan_unrolled').astype(np.int32)
    if depth > _UNROLLED:
        return random.poisson(mean, shape, dtype=np.int32)
    lasts = np.full((depth, distinct.size), 2**32 - 1, np.uint32)  # which no word is above
    for column, (_, last) in enumerate(tables):
        lasts[: last.size, column] = last
    place = which.reshape(mean.shape)
    word = words(random.split_key(), shape)
    count = jnp.broadcast_to(np.array([least for least, _ in tables], np.int32)[place], shape)
    for last in lasts:
        count = count + (word > last[place])
    return count


@functools.lru_cache(maxsize=1024)
def poisson_table(mean: float) -> tuple[int, np.ndarray]:
    """The least count, and in rising order the words, uint32, above each of which the count is one more."""
    mode = int(mean)
    reach = int(9 * np.sqrt(mean)) + 40  # further out lies less than 2^-40
    above = np.cumprod(mean / np.arange(mode + 1, mode + 1 + reach))
    below = np.cumprod(np.arange(mode, max(mode - reach, 0), -1) / mean) if mode else np.zeros(0)
    p = np.concatenate([below[::-1], [1.0], above])
    up_to = np.rint(np.cumsum(p / p.sum()) * _WORDS)  # the number of words for each count or less
    never_less, never_more = int(np.sum(up_to <= 0)), int(np.sum(up_to < _WORDS))
    return mode - below.size + never_less, (up_to[never_less:never_more] - 1).astype(np.uint32)
