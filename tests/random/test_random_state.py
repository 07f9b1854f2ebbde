"""`RandomState` and the control of the default generator."""

# ruff: noqa: NPY002 - the global generator of NumPy is what is tested

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import RandomState, State, random
from brainpy_state.transform import for_loop, jit, vmap


def test_the_value_is_a_raw_key():
    generator = RandomState(1)
    assert isinstance(generator, State)
    assert generator.value.shape == (2,)
    assert generator.value.dtype == np.uint32
    generator.rand()
    assert generator.value.shape == (2,)


def test_seeding_again_starts_again():
    generator = RandomState(1)
    first = generator.rand(3)
    assert not np.array_equal(generator.rand(3), first)
    generator.seed(1)
    np.testing.assert_array_equal(generator.rand(3), first)


def test_no_seed_is_fresh_entropy():
    assert not np.array_equal(RandomState().value, RandomState().value)
    random.seed()
    first = np.asarray(random.get_key())
    random.seed()
    assert not np.array_equal(random.get_key(), first)


@pytest.mark.parametrize('seed', [1, 2**40, np.int32(7)])
def test_integer_seeds_are_those_of_jax(seed, x64):
    np.testing.assert_array_equal(RandomState(seed).value, jax.random.key_data(jax.random.key(int(seed))))


def test_keys_are_accepted_as_seeds():
    key = jax.random.key(3)
    np.testing.assert_array_equal(RandomState(key).rand(3), RandomState(3).rand(3))
    np.testing.assert_array_equal(RandomState(jax.random.key_data(key)).rand(3), RandomState(3).rand(3))


BAD_SEEDS = [(-1, ValueError), (2**64, ValueError), ('a', TypeError), (1.5, TypeError), (np.zeros(3, np.uint32), TypeError)]


@pytest.mark.parametrize(('seed', 'kind'), BAD_SEEDS)
def test_bad_seeds_and_keys_are_errors_and_change_nothing(seed, kind):
    before = random.get_key()
    for use in (RandomState, random.seed, random.set_key, random.default_rng, lambda seed: random.rand(key=seed)):
        with pytest.raises(kind, match='^random: a (seed|key) is .*, but is .*$'):
            use(seed)
    with pytest.raises(kind, match='^random: a (seed|key) is .*, but is .*$'), random.seed_context(seed):
        pass
    assert random.get_key() is before


def test_split_key_gives_raw_keys_of_the_asked_number():
    generator = RandomState(0)
    assert generator.split_key().shape == (2,)
    for keys in (generator.split_key(5), random.split_keys(5), random.split_key(5)):
        assert keys.shape == (5, 2)
        assert keys.dtype == np.uint32
        assert len(np.unique(keys, axis=0)) == 5


@pytest.mark.parametrize('number', [None, 1, 5, 2000])
@pytest.mark.parametrize('seed', [0, 7, 2**63 + 11])
def test_keys_are_those_of_a_split_by_jax(seed, number):
    generator = RandomState(seed)
    key = jax.random.wrap_key_data(jnp.asarray(generator.value), impl='threefry2x32')
    found = generator.split_key(number)
    rest, *keys = jax.random.key_data(jax.random.split(key, 2 if number is None else number + 1))
    np.testing.assert_array_equal(found, keys[0] if number is None else np.stack(keys))
    np.testing.assert_array_equal(generator.value, rest)


def test_the_first_key_compiles_nothing(python):
    code = (
        'import jax, brainpy_state as bst; found = [];'
        'jax.monitoring.register_event_duration_secs_listener(lambda event, *args, **kwargs: found.append(event));'
        'bst.random.RandomState(1).split_key(); print([x for x in found if "compile" in x])'
    )
    assert python('-c', code).strip() == '[]'


@pytest.mark.parametrize(
    'split', [random.split_key, random.split_keys, RandomState(0).split_key, lambda n: RandomState.lanes(np.zeros(2, np.uint32), n)]
)
def test_the_number_of_keys_is_a_positive_integer(split):
    with pytest.raises(ValueError, match=r'^random: the number of keys is at least 1, but is 0\.$'):
        split(0)
    with pytest.raises(TypeError, match=r'^random: the number of keys is an integer, but is 1\.5\.$'):
        split(1.5)


def test_seed_decides_the_numbers_of_numpy_too():
    random.seed(3)
    first = np.random.standard_normal(3)
    random.seed(3)
    np.testing.assert_array_equal(np.random.standard_normal(3), first)
    random.seed(4)
    assert not np.array_equal(np.random.standard_normal(3), first)


def test_fresh_entropy_leaves_numpy_alone():
    np.random.seed(3)
    expected = np.random.random(3)
    np.random.seed(3)
    random.seed()
    random.seed(None)
    with random.seed_context(None):
        random.rand()
    np.testing.assert_array_equal(np.random.random(3), expected)


def test_a_key_that_was_got_can_be_set():
    key = random.get_key()
    first = random.rand(3)
    random.set_key(key)
    np.testing.assert_array_equal(random.rand(3), first)
    with pytest.raises(TypeError, match=r'random\.set_key: give a key'):
        random.set_key(None)


def test_seed_context_runs_from_its_seed_and_leaves_no_trace():
    random.seed(1)
    expected, of_numpy = random.rand(3), np.random.random(3)
    random.seed(1)
    with random.seed_context(7):
        inside, numpy_inside = random.rand(3), np.random.random(3)
        with random.seed_context(7):
            np.testing.assert_array_equal(random.rand(3), inside)
            np.testing.assert_array_equal(np.random.random(3), numpy_inside)
        after = random.rand(3)
    np.testing.assert_array_equal(inside, RandomState(7).rand(3))
    assert not np.array_equal(after, inside)
    np.testing.assert_array_equal(random.rand(3), expected)
    np.testing.assert_array_equal(np.random.random(3), of_numpy)


def test_seed_context_leaves_no_trace_after_an_exception():
    before = random.get_key()
    with pytest.raises(ZeroDivisionError), random.seed_context(7):
        random.rand(3)
        raise ZeroDivisionError
    assert random.get_key() is before


def test_seed_context_works_inside_and_around_compiled_functions():
    @jit
    def inside():
        with random.seed_context(7):
            a = random.rand(3)
        return a, random.rand(3)

    random.seed(1)
    expected = RandomState(1).rand(3)
    a, b = inside()
    np.testing.assert_array_equal(a, RandomState(7).rand(3))
    np.testing.assert_array_equal(b, expected)

    around = jit(lambda: random.rand(3))
    around()
    key = np.asarray(random.get_key())
    with random.seed_context(7):
        np.testing.assert_array_equal(around(), RandomState(7).rand(3))
    np.testing.assert_array_equal(random.get_key(), key)


def test_default_rng_is_the_default_generator_or_a_new_one():
    assert random.default_rng() is random.DEFAULT
    generator = RandomState(1)
    assert random.default_rng(generator) is generator
    np.testing.assert_array_equal(random.default_rng(3).rand(3), RandomState(3).rand(3))


def test_clones_draw_numbers_of_their_own():
    generator = RandomState(1)
    a, b = generator.clone(), generator.clone()
    draws = [np.asarray(g.rand(3)) for g in (generator, a, b)]
    assert len(np.unique(draws, axis=0)) == 3
    random.seed(1)
    np.testing.assert_array_equal(random.clone_rng().rand(3), draws[1])
    np.testing.assert_array_equal(random.clone_rng(5).rand(3), RandomState(5).rand(3))


def test_lanes_are_independent_and_the_key_goes_on():
    n = 2000
    key, lanes = RandomState.lanes(RandomState(1).value, n)
    assert (key.shape, lanes.shape) == ((2,), (n, 2))
    assert lanes.dtype == key.dtype == np.uint32
    assert len(np.unique(np.concatenate([lanes, key[None]]), axis=0)) == n + 1
    x = np.asarray(jax.vmap(lambda key: jax.random.normal(jax.random.wrap_key_data(key), (4,)))(lanes))
    # the correlation of independent draws has a standard error of n**-0.5; four of them
    within, between = np.corrcoef(x.T) - np.eye(4), np.corrcoef(x[:-1].ravel(), x[1:].ravel())[0, 1]
    assert abs(within).max() < 4 * n**-0.5
    assert abs(between) < 4 * (4 * n) ** -0.5


@pytest.mark.slow
def test_draws_in_compiled_functions_are_the_eager_sequence():
    def body(scale):
        return random.normal(scale=scale), random.poisson(3.0), random.choice(10, 2)

    random.seed(1)
    eager = [body(1.0) for _ in range(4)]
    key = np.asarray(random.get_key())
    expected = jax.tree.map(lambda *x: jnp.stack(x), *eager)

    random.seed(1)
    step = jit(body)
    jitted = jax.tree.map(lambda *x: jnp.stack(x), *[step(1.0) for _ in range(4)])
    np.testing.assert_array_equal(random.get_key(), key)

    random.seed(1)
    looped = for_loop(body, jnp.ones(4))
    np.testing.assert_array_equal(random.get_key(), key)
    for a, b, c in zip(*map(jax.tree.leaves, (expected, jitted, looped)), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_a_draw_is_a_write():
    generator = RandomState(1)
    with bst.StateTraceStack() as trace:
        generator.rand()
    assert trace.get_write_states() == (generator,)


@pytest.mark.slow
def test_each_lane_of_vmap_draws_its_own_numbers_and_the_key_advances_once():
    generator = RandomState(1)
    key, keys = RandomState.lanes(generator.value, 3)
    drawn = vmap(lambda x: x + generator.randn(2))(jnp.zeros(3))
    np.testing.assert_array_equal(drawn, np.stack([RandomState(k).randn(2) for k in keys]))
    np.testing.assert_array_equal(generator.value, key)
