"""Tables of Poisson counts hold the distribution to single words."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from brainpy_state.random._poisson import alias_tables, poisson_words, sampler

MEANS = [0.0, 1e-9, 1e-4, 0.3, 1.6, 17.0, 300.0, 1e5]
EVERY = np.array([*MEANS[:-1], 4.5, 30.0])


def counts_of(least, words):
    return least[:, None] + np.arange(words.shape[1])


@pytest.mark.parametrize('mean', MEANS)
def test_as_many_words_belong_to_a_count_as_its_probability_says(mean):
    least, words = poisson_words(np.array([mean]))
    # up to each count lie as many words as its probability, rounded; the table's and scipy's own errors grow with the mean
    found, expected = np.cumsum(words[0]) / 2.0**32, stats.poisson.cdf(counts_of(least, words)[0], mean)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2.0**-33 + 2e-16 * max(mean, 1))
    assert stats.poisson.cdf(least[0] - 1, mean) < 2.0**-32
    assert stats.poisson.sf(least[0] + words.size - 1, mean) < 2.0**-32


def test_tables_of_several_means_are_those_of_each():
    least, words = poisson_words(EVERY)
    assert (words.sum(axis=1) == 2**32).all()
    for k, mean in enumerate(EVERY):
        own_least, own = poisson_words(np.array([mean]))
        assert least[k] == own_least[0]
        np.testing.assert_array_equal(words[k], np.pad(own[0], (0, words.shape[1] - own.shape[1])))


@pytest.mark.parametrize('means', [[0.0], [1.6], [1e5], EVERY, np.linspace(0, 30, 500)], ids=['none', 'one', 'large', 'nine', 'many'])
def test_an_alias_table_gives_each_count_its_words(means):
    _, words = poisson_words(np.asarray(means, float))
    entries, bits = alias_tables(words)
    column, full = np.arange(2**bits), 2 ** (32 - bits)
    own, other = (entries >> bits).astype(np.int64), entries & (2**bits - 1)
    assert (own < full).all()
    found = own.copy()
    for row in range(len(words)):
        np.add.at(found[row], other[row], full - own[row])
    np.testing.assert_array_equal(found, np.pad(words, ((0, 0), (0, column.size - words.shape[1]))))


def test_a_look_up_takes_the_count_of_the_word():
    means = EVERY[:, None]
    draw = sampler(means)
    least, words = poisson_words(EVERY)
    entries, bits = alias_tables(words)
    word = np.random.default_rng(0).integers(0, 2**32, (EVERY.size, 1000), dtype=np.uint32)
    word[:, :2] = 0, 2**32 - 1
    for row in range(EVERY.size):
        column = word[row] >> (32 - bits)
        entry = entries[row, column]
        rest = word[row] & (2 ** (32 - bits) - 1)
        expected = least[row] + np.where(rest < entry >> bits, column, entry & (2**bits - 1))
        np.testing.assert_array_equal(draw(jnp.asarray(word))[row], expected)


def test_comparisons_invert_the_distribution_function():
    draw = sampler(np.array(1.6))
    least, words = poisson_words(np.array([1.6]))
    ends = np.cumsum(words[0])
    word = np.concatenate([[0], ends[:-1], ends[:-1] - 1, [2**32 - 1]]).astype(np.uint32)
    counts = draw(jnp.asarray(word))
    assert counts.dtype == np.int32
    np.testing.assert_array_equal(counts, least[0] + np.searchsorted(ends, word, side='right'))


def test_what_would_take_too_large_tables_has_none():
    assert sampler(np.array(1e7)) is None
    assert sampler(np.linspace(1e3, 2e3, 20_000)) is None
