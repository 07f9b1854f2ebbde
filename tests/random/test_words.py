"""The random words of a counter are those of JAX's own generator."""

import jax
import numpy as np
import pytest

from brainpy_state.random._words import words


@pytest.mark.parametrize('shape', [(), (1,), (7,), (3, 4), (0,), (1000,)], ids=str)
@pytest.mark.parametrize('seed', [0, 1, 2**63 + 5])
def test_words_are_those_of_jax(shape, seed):
    key = np.array([seed >> 32, seed & 0xFFFFFFFF], np.uint32)
    with jax.threefry_partitionable(True):
        expected = jax.random.bits(jax.random.wrap_key_data(key), shape, np.uint32)
    np.testing.assert_array_equal(words(jax.numpy.asarray(key), shape), expected)


def test_lanes_of_keys_give_lanes_of_words():
    keys = np.arange(6, dtype=np.uint32).reshape(3, 2)
    mapped = jax.vmap(lambda key: words(key, (5,)))(keys)
    np.testing.assert_array_equal(mapped, [words(jax.numpy.asarray(key), (5,)) for key in keys])
