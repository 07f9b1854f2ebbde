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


def events(p: Any, shape: tuple[int, ...]) -> jax.Array:
    """True with probability p, which broadcasts to ``shape``; exact to 2^-32 where p is known when a function is compiled."""
    if isinstance(p, jax.core.Tracer):
        threshold = jnp.clip(p * _WORDS, 0, _LARGEST[np.dtype(p.dtype)]).astype(np.uint32)
    else:
        threshold = np.clip(np.rint(p * _WORDS), 0, _WORDS - 1).astype(np.uint32)
    return words(random.split_key(), shape) < threshold


def poisson(mean: Any, shape: tuple[int, ...]) -> jax.Array:
    """Poisson counts, int32, with means that broadcast to ``shape``.

    One mean for all, known when a function is compiled, takes the inverse of the distribution function at a uniform number, exact to
    2^-32; other means are left to JAX.
    """
    if not isinstance(mean, jax.core.Tracer):
        mean = np.asarray(mean, float)
        if mean.size and mean.min() == mean.max():
            return _inverse(*poisson_table(float(mean.flat[0])), words(random.split_key(), shape))
    return random.poisson(mean, shape, dtype=np.int32)


@functools.lru_cache(maxsize=256)
def poisson_table(mean: float) -> tuple[int, np.ndarray]:
    """The least count, and in rising order the words, uint32, from which on the count is one more."""
    mode = int(mean)
    reach = int(9 * np.sqrt(mean)) + 40  # further out lies less than 2^-40
    above = np.cumprod(mean / np.arange(mode + 1, mode + 1 + reach))
    below = np.cumprod(np.arange(mode, max(mode - reach, 0), -1) / mean) if mode else np.zeros(0)
    p = np.concatenate([below[::-1], [1.0], above])
    threshold = np.rint(np.cumsum(p / p.sum()) * _WORDS)
    never_less, never_more = np.sum(threshold <= 0), np.sum(threshold < _WORDS)
    return mode - below.size + int(never_less), threshold[never_less:never_more].astype(np.uint32)


def _inverse(least: int, thresholds: np.ndarray, word: jax.Array) -> jax.Array:
    if thresholds.size > _UNROLLED:
        return least + jnp.searchsorted(thresholds, word, side='right', method='scan_unrolled').astype(np.int32)
    count = jnp.full(word.shape, least, np.int32)
    for threshold in thresholds:
        count = count + (word >= threshold)
    return count
