"""Poisson counts from one random word each, exact to 2^-32, for means that are known beforehand."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

_WORDS = 2**32  # as many values has a word
_UNROLLED = 32  # as many comparisons take no longer than a look-up
_MOST_COUNTS = 2**14  # of a mean of 10^6
_MOST_PROBABILITIES = 2**23  # of all means together


def sampler(means: np.ndarray) -> Callable[[jax.Array], jax.Array] | None:
    """The function from uniform words, uint32, to counts, int32; ``None`` for too many means, or too large ones.

    One mean that needs few comparisons inverts the distribution function. Else each word chooses, by its upper bits, a column of
    equally many words that belong to two counts at most, and its lower bits decide between these (Walker 1977,
    doi:10.1145/355744.355749): one look-up whatever the means are.

    Parameters
    ----------
    means : float64, of a shape that broadcasts to that of the words
    """
    distinct, which = np.unique(means, return_inverse=True)
    width = _width(distinct)
    if width > _MOST_COUNTS or distinct.size * width > _MOST_PROBABILITIES:
        return None
    least, words, entries, bits = _tables(distinct.tobytes())
    if distinct.size == 1 and words.size <= _UNROLLED:
        return functools.partial(_compared, int(least[0]), np.cumsum(words[0])[:-1])
    place = which.reshape(np.shape(means))
    return functools.partial(_looked_up, entries.reshape(-1), bits, (place << bits).astype(np.uint32), least[place])


@functools.lru_cache(maxsize=16)
def _tables(means: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    least, words = poisson_words(np.frombuffer(means))
    return least, words, *alias_tables(words)


def _compared(least: int, up_to: np.ndarray, word: jax.Array) -> jax.Array:
    count = jnp.full(word.shape, least, np.int32)
    for n in up_to:
        count = count + (word >= np.uint32(n))
    return count


def _looked_up(entries: np.ndarray, bits: int, first: np.ndarray, least: np.ndarray, word: jax.Array) -> jax.Array:
    column = word >> np.uint32(32 - bits)
    entry = jnp.asarray(entries).at[first + column].get(mode='promise_in_bounds')
    other = np.uint32(2**bits - 1)
    return jnp.where(word << np.uint32(bits) < entry & ~other, column, entry & other).astype(np.int32) + least


def _reach(mean: np.ndarray) -> np.ndarray:
    return (7 * np.sqrt(mean) + 25).astype(np.int64)  # further out lies less than 2^-33


def _width(means: np.ndarray) -> int:
    return int(np.max(np.minimum(means, _reach(means)) + _reach(means), initial=0)) + 2


def poisson_words(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of all words belong to each count.

    Returns
    -------
    least : int32, (means,)
        The least count that has any.
    words : int64, (means, counts)
        Those of this count and of the following ones.
    """
    lowest = np.maximum(means.astype(np.int64) - _reach(means), 0)
    counts = lowest[:, None] + np.arange(_width(means))
    with np.errstate(divide='ignore'):
        ratios = np.log(means[:, None] / np.maximum(counts, 1))  # of each probability to the one before
    ratios[:, 0] = 0
    logs = np.cumsum(ratios, axis=1)
    total = np.cumsum(np.exp(logs - logs.max(axis=1, keepdims=True)), axis=1)
    words = np.diff(np.rint(total / total[:, -1:] * _WORDS).astype(np.int64), axis=1, prepend=0)
    first, after = np.argmax(words > 0, axis=1), words.shape[1] - np.argmax(words[:, ::-1] > 0, axis=1)
    columns = first[:, None] + np.arange(np.max(after - first, initial=1))
    shifted = np.take_along_axis(words, np.minimum(columns, words.shape[1] - 1), axis=1)
    return (lowest + first).astype(np.int32), np.where(columns < after[:, None], shifted, 0)


def alias_tables(words: np.ndarray) -> tuple[np.ndarray, int]:
    """Columns of equally many words for distributions as `poisson_words` gives them.

    Returns
    -------
    entries : uint32, (distributions, 2**bits)
        The lowest ``bits`` say whom the words of a column belong to that its own count does not take; above them stands how many that
        takes, or 0 where it takes none or all.
    bits : int
        The number of a word's upper bits that choose its column.
    """
    bits = max(1, (words.shape[1] - 1).bit_length())
    columns, full = 1 << bits, 1 << (32 - bits)
    left = np.pad(words, ((0, 0), (0, columns - words.shape[1])))  # words of each count that have no column yet
    own, other = np.zeros_like(left), np.zeros_like(left)
    rows = np.arange(len(left))
    order = np.argsort(left > full, axis=1, kind='stable')  # counts that do not fill their column, then those that overfill it
    poor, rich = np.zeros(len(left), int), np.sum(left <= full, axis=1)
    for _ in range(columns):  # each distribution fills one column: a poor count's from a rich one, or what is left of a rich one's
        exists = rich < columns
        donor = order[rows, np.minimum(rich, columns - 1)]
        gives = exists & (left[rows, donor] > full)
        takes_poor = gives | ~exists
        column = np.where(takes_poor, order[rows, np.minimum(poor, columns - 1)], donor)
        source = np.where(gives, donor, order[rows, np.minimum(rich + 1, columns - 1)])
        own[rows, column], other[rows, column] = left[rows, column], source
        left[rows, source] -= full - left[rows, column]
        poor, rich = poor + takes_poor, rich + ~takes_poor
    entries = np.where(own == full, np.arange(columns), (own << bits) | other)
    return entries.astype(np.uint32), bits
