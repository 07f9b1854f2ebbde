"""The words of a counter are those that the authors of Threefry publish, and those of JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import ShapeError
from brainpy_state.random._threefry import element_numbers, threefry

# "threefry2x32 20" of the known answers that come with Random123: counter, key, words
KNOWN = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(('counter', 'key', 'expected'), KNOWN)
def test_words_are_the_known_answers(counter, key, expected):
    a, b = (np.uint32(x) for x in counter)
    assert tuple(map(int, threefry(np.array(key, np.uint32), a, b))) == expected


@pytest.mark.slow
def test_words_are_those_of_jax():
    key = jax.random.key(2**33 + 5)
    expected = jax.random.key_data(jax.vmap(lambda n: jax.random.fold_in(key, n))(jnp.arange(1000)))
    words = threefry(jax.random.key_data(key), np.uint32(0), jnp.arange(1000, dtype=np.uint32))
    np.testing.assert_array_equal(jnp.stack(words, -1), expected)


def test_every_step_of_a_word_acts_on_single_elements():
    # no loop, no sorting, no moving of elements: one pass over the neurons
    program = jax.make_jaxpr(lambda key, step: threefry(key, element_numbers((4, 5)), step))(np.zeros(2, np.uint32), np.uint32(0))
    eqns = [inner for eqn in program.eqns for inner in (eqn.params['jaxpr'].eqns if eqn.primitive.name == 'jit' else [eqn])]
    of_arrays = {eqn.primitive.name for eqn in eqns if any(v.aval.shape == (4, 5) for v in (*eqn.invars, *eqn.outvars))}
    assert of_arrays <= {'iota', 'broadcast_in_dim', 'add', 'mul', 'xor', 'or', 'shift_left', 'shift_right_logical'}


@pytest.mark.parametrize('shape', [(), (1,), (7,), (3, 4), (2, 1, 5), (0,), (3, 0)], ids=str)
def test_elements_are_numbered_in_row_major_order(shape):
    numbers = element_numbers(shape)
    assert numbers.dtype == np.uint32
    np.testing.assert_array_equal(numbers, np.arange(np.prod(shape)).reshape(shape))


def test_elements_beyond_the_counter_are_refused():
    with pytest.raises(ShapeError, match=r'shape \(65536, 65537\) has more than 2\*\*32 elements'):
        jax.eval_shape(lambda: element_numbers((2**16, 2**16 + 1)))
