"""Numbers of a stream: their distributions, and that they depend on seed, element and step alone."""

import copy

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import brainpy_state as bst
from brainpy_state import ParameterError, ShapeError
from brainpy_state.random import Stream
from brainpy_state.transform import cond, for_loop, jit, vmap, vmap_new_states

pytestmark = pytest.mark.slow

N = 100_000
MOST = 4.5  # deviations: of hundreds of statistics that are normal, none is that far off


# --- distributions --------------------------------------------------------------------------------------


def test_every_bit_of_both_words_is_balanced_and_independent_of_the_others():
    a, b = (np.asarray(x) for x in Stream('bits').words(N))
    bits = np.unpackbits(np.stack([a, b], 1).view(np.uint8), axis=1).astype(float) * 2 - 1
    assert bits.shape == (N, 64)
    assert abs(bits.mean(axis=0)).max() < MOST / np.sqrt(N)
    correlation = np.corrcoef(bits.T)[np.triu_indices(64, 1)]
    assert abs(correlation).max() < (MOST + 0.5) / np.sqrt(N)  # of two thousand


def test_words_fill_cubes_of_neighbours_evenly():
    # of consecutive elements, and of consecutive steps: no lattice
    stream = Stream('cubes')
    x = np.asarray(for_loop(lambda: stream.words(3000)[0], length=33))
    for triples in (x.reshape(-1, 3), x[:, :1000].T.reshape(-1, 3)):
        cell = (triples >> np.uint32(29)) @ np.array([64, 8, 1], np.uint32)
        assert stats.chisquare(np.bincount(cell, minlength=512)).pvalue > 1e-4


def test_normal_numbers_are_normal(precision):
    x = np.asarray(Stream('normal').standard_normal(N))
    assert x.dtype == f'float{precision}'
    assert stats.kstest(x, 'norm').pvalue > 1e-4
    np.testing.assert_allclose([x.mean(), x.var() - 1, stats.skew(x), stats.kurtosis(x)], 0, atol=MOST * np.sqrt([24 / N])[0])
    tail = np.sum(abs(x) > 3.5)
    expected = 2 * N * stats.norm.sf(3.5)
    assert abs(tail - expected) < MOST * np.sqrt(expected)


def test_the_extreme_words_give_finite_normal_numbers(precision, monkeypatch):
    ends = jnp.array([0, 2**31, 2**32 - 1], np.uint32)
    a, b = (x.ravel() for x in jnp.meshgrid(ends, ends))
    monkeypatch.setattr(Stream, 'words', lambda self, size, elements=None: (a, b))
    x = np.asarray(Stream(0).standard_normal(9)).reshape(3, 3)
    assert np.isfinite(x).all()
    assert x[0, 0] == 0  # b = 0 is the angle 0
    np.testing.assert_allclose(x[1, 0], -np.sqrt(2 * 33 * np.log(2)), rtol=2e-7)


def test_uniform_numbers_are_uniform_and_below_one(precision, monkeypatch):
    x = np.asarray(Stream('uniform').random(N))
    assert x.dtype == f'float{precision}'
    assert stats.kstest(x, 'uniform').pvalue > 1e-4
    bits = {32: 24, 64: 53}[precision]
    assert (x * 2.0**bits % 1 == 0).all()
    assert (x * 2.0 ** (bits - 1) % 1 != 0).any()
    monkeypatch.setattr(Stream, 'words', lambda self, size, elements=None: (jnp.array(2**32 - 1, np.uint32),) * 2)
    assert Stream(0).random() == 1 - 2.0**-bits


@pytest.mark.parametrize('p', [1e-7, 3.3e-6, 0.3, 1 - 1e-6])
def test_probabilities_are_exact_to_single_words(p, monkeypatch):
    # a uniform float32 number has steps of 2**-24, so an event of probability 1e-7 would come as 1.2e-7
    p = np.float32(p)
    threshold = round(float(p) * 2**32)
    monkeypatch.setattr(Stream, 'words', lambda self, size, elements=None: (jnp.array([threshold - 1, threshold], np.uint32),) * 2)
    assert Stream(0).bernoulli(np.float64(p), 2).tolist() == [True, False]
    assert jit(lambda p: Stream(0).bernoulli(p, 2))(p).tolist() == [True, False]


def test_events_have_their_probabilities():
    p = np.array([0.0, 1e-3, 0.5, 1.0])
    found = np.asarray(Stream('events').bernoulli(p, (N, 4))).sum(axis=0)
    assert (abs(found - N * p) <= MOST * np.sqrt(N * p * (1 - p))).all()


def assert_poisson(counts, mean):
    n = counts.size
    lowest, highest = stats.poisson.ppf([1e-3, 1 - 1e-3], mean).astype(int)
    inner = np.arange(lowest, highest + 1)
    expected = n * np.array([stats.poisson.cdf(lowest - 1, mean), *stats.poisson.pmf(inner, mean), stats.poisson.sf(highest, mean)])
    found = np.array([np.sum(counts < lowest), *(np.sum(counts == k) for k in inner), np.sum(counts > highest)])
    keep = expected > 5
    found, expected = [np.append(x[keep], x[~keep].sum()) for x in (found, expected)]
    keep = expected > 0.5
    statistic = np.sum((found - expected)[keep] ** 2 / expected[keep])
    assert statistic < stats.chi2.ppf(1 - 1e-4, max(keep.sum() - 1, 1))
    np.testing.assert_allclose(counts.mean(), mean, atol=MOST * np.sqrt(mean / n))
    np.testing.assert_allclose(counts.var(), mean, atol=MOST * np.sqrt((mean + 2 * mean**2) / n))


@pytest.mark.parametrize('mean', [1e-4, 0.3, 1.6, 4.5, 30.0, 300.0])
def test_counts_have_the_poisson_distribution(mean):
    counts = Stream('counts').poisson(mean, N)
    assert counts.dtype == np.int32
    assert_poisson(np.asarray(counts), mean)


def test_counts_of_different_means_have_their_distributions():
    means = np.array([0.0, 0.02, 1.0, 12.0, 1.0, 300.0])
    stream, traced = Stream('means'), jit(lambda means: stream.poisson(means, (10_000, 6)))
    for counts in (stream.poisson(means, (30_000, 6)), traced(means.astype(np.float32))):
        for column, mean in zip(np.asarray(counts).T, means, strict=True):
            assert_poisson(column, mean) if mean else np.testing.assert_array_equal(column, 0)


def test_elements_steps_and_streams_are_independent():
    streams = [Stream((1, 'a')), Stream((1, 'b')), Stream((2, 'a'))]
    x = np.asarray(for_loop(lambda: jnp.stack([s.standard_normal(50) for s in streams]), length=500))
    for one in (x[:, 0], x[:, 1]):
        between_elements = np.corrcoef(one.T)[np.triu_indices(50, 1)]
        assert abs(between_elements).max() < (MOST + 0.5) / np.sqrt(500)  # of a thousand
        for lag in (1, 2, 10):
            assert abs(np.mean(one[lag:] * one[:-lag])) < MOST / np.sqrt(one.size)
            assert abs(np.mean(one[:, lag:] * one[:, :-lag])) < MOST / np.sqrt(one.size)
    flat = x.transpose(1, 0, 2).reshape(3, -1)
    assert abs(np.corrcoef(flat)[np.triu_indices(3, 1)]).max() < MOST / np.sqrt(flat.shape[1])


# --- what the numbers depend on -------------------------------------------------------------------------


def drawn(stream, size=5, length=4):
    return np.asarray(for_loop(lambda: stream.standard_normal(size), length=length))


def test_equal_names_give_equal_numbers_and_others_give_others():
    for name in ((np.int64(1), 'noise'), (True, np.str_('noise'))):
        np.testing.assert_array_equal(Stream(name).words(20), Stream((1, 'noise')).words(20))
    seeds = [1, '1', (1,), (1, 'a'), (1, ('a',)), 'a', 2**70, -1]
    assert len(np.unique([Stream(seed).random(20) for seed in seeds])) == 8 * 20


def test_numbers_depend_neither_on_other_draws_nor_on_the_way_of_looping():
    expected = drawn(Stream(3))
    stream = Stream(3)
    one_by_one = []
    for _ in range(4):
        one_by_one.append(stream.standard_normal(5))
        bst.random.rand()
        Stream().standard_normal(7)
    np.testing.assert_allclose(one_by_one, expected, rtol=1e-6)  # equal but for rounding: a loop of them is native, one draw is not
    stream.restart()
    np.testing.assert_array_equal(np.concatenate([drawn(stream, length=1), drawn(stream, length=3)]), expected)


def test_each_kind_of_draw_is_one_step():
    stream = Stream(3)
    for draw in (stream.words, stream.random, stream.standard_normal, lambda n: stream.bernoulli(0.5, n), lambda n: stream.poisson(1.0, n)):
        draw(5)
    assert stream.value.step == 5
    np.testing.assert_allclose(stream.standard_normal(5), drawn(Stream(3), length=6)[5], rtol=1e-6)


DRAWS = {
    'words': lambda stream, size: stream.words(size)[1],
    'standard_normal': lambda stream, size: stream.standard_normal(size),
    'poisson': lambda stream, size: stream.poisson(16.0, size),
}


@pytest.mark.parametrize('draw', DRAWS.values(), ids=DRAWS)
def test_a_row_of_a_batch_does_not_depend_on_the_number_of_rows(draw):
    rows = np.asarray(draw(Stream('rows'), (6, 5)))
    assert len(np.unique(rows, axis=0)) == 6
    np.testing.assert_array_equal(draw(Stream('rows'), 5), rows[0])
    np.testing.assert_array_equal(draw(Stream('rows'), (2, 2, 5)), rows[:4].reshape(2, 2, 5))


def test_without_a_seed_the_default_generator_gives_one_at_each_restart():
    bst.random.seed(5)
    stream = Stream()
    first = drawn(stream)
    stream.restart()
    second = drawn(stream)
    assert not np.isin(second, first).any()
    bst.random.seed(5)
    stream = Stream()
    np.testing.assert_array_equal(drawn(stream), first)
    stream.restart()
    np.testing.assert_array_equal(drawn(stream), second)


def test_a_copy_goes_on_by_itself():
    stream = Stream((1, 'x'))
    drawn(stream)
    twin = copy.copy(stream)
    assert twin.seed == (1, 'x')
    np.testing.assert_array_equal(drawn(twin), drawn(stream))


# --- lanes ----------------------------------------------------------------------------------------------


def test_lanes_continue_the_batch():
    stream = Stream('lanes')
    lanes = vmap(lambda: for_loop(lambda: stream.standard_normal(6), length=4), axis_size=3)()
    np.testing.assert_array_equal(lanes.transpose(1, 0, 2), drawn(Stream('lanes'), (3, 6)))
    assert stream.value.lane == 0
    np.testing.assert_allclose(stream.standard_normal(6), drawn(Stream('lanes'), 6, 5)[4], rtol=1e-6)


def test_lanes_of_nested_maps_continue_the_batch():
    stream = Stream('lanes')
    lanes = vmap(lambda: vmap(lambda: stream.standard_normal((2, 5)), axis_size=3)(), axis_size=4)()
    np.testing.assert_array_equal(lanes, Stream('lanes').standard_normal((4, 3, 2, 5)))


def test_counts_of_traced_means_differ_between_lanes_of_which_the_first_is_the_first_row():
    stream = Stream('lanes')
    counts = np.asarray(vmap(lambda mean: stream.poisson(mean, 300))(jnp.full(3, 50.0)))
    assert stream.value.step == 1
    stream.restart()
    batch = jit(lambda mean: stream.poisson(mean, (2, 300)))(50.0)
    np.testing.assert_array_equal(counts[0], batch[0])
    assert abs(np.corrcoef(counts)[np.triu_indices(3, 1)]).max() < MOST / np.sqrt(300)


def test_after_lanes_that_drew_unequally_no_number_comes_twice():
    stream = Stream('lanes')

    def body(k):
        return cond(k == 1, lambda: drawn_twice(), lambda: jnp.stack([stream.random(), jnp.nan]))

    def drawn_twice():
        return jnp.stack([stream.random(), stream.random()])

    found = np.concatenate([np.ravel(vmap(body)(jnp.arange(3))) for _ in range(5)])
    found = found[~np.isnan(found)]
    assert found.size == len(np.unique(found)) == 20


def test_a_declared_lane_axis_changes_nothing():
    stream, h = Stream('lanes'), bst.State(jnp.zeros(3))

    def step():
        h.value = h.value + stream.standard_normal()
        return h.value

    expected = vmap(step, in_states=h)()
    stream.restart()
    h.value = jnp.zeros(3)
    np.testing.assert_array_equal(vmap(step, in_states=[h, stream], out_states=stream)(), expected)


@pytest.mark.parametrize('seed', [None, 'named'])
def test_restarts_in_lanes_leave_the_lanes_different(seed):
    stream = Stream(seed)

    def run():
        stream.restart()
        return stream.standard_normal(4)

    bst.random.seed(1)
    lanes = vmap(run, axis_size=3)()
    assert len(np.unique(lanes)) == 12
    after = stream.standard_normal(4)
    assert not np.isin(after, lanes).any()
    if seed is not None:
        np.testing.assert_array_equal(lanes[0], Stream(seed).standard_normal(4))


@pytest.mark.parametrize('seed', [None, 'named'])
def test_a_stream_that_is_made_in_lanes_belongs_to_all_of_them(seed):
    made = []
    vmap_new_states(lambda: made.append(Stream(seed)), axis_size=3)()
    (stream,) = made
    assert stream.value.key.shape == (2,)
    assert stream.value.lane.shape == stream.value.step.shape == ()
    assert len(np.unique(vmap(lambda: stream.standard_normal(4), axis_size=3)())) == 12


# --- mistakes -------------------------------------------------------------------------------------------

WRONG = {
    'a seed of no kind': (lambda: Stream(1.5), ParameterError, 'Stream: seed is 1.5, but must be an integer, a string, or a tuple'),
    'a seed that holds none': (lambda: Stream((1, None)), ParameterError, r'seed is \(1, None\)'),
    'a probability above 1': (lambda: Stream(0).bernoulli(1.5), ParameterError, r'Stream.bernoulli: p must be in \[0, 1\], but is 1.5'),
    'a mean below 0': (lambda: Stream(0).poisson(-1.0), ParameterError, 'Stream.poisson: lam must be 0 or positive, but is -1'),
    'a shape that does not fit': (lambda: Stream(0).poisson(np.ones(3), 2), ShapeError, 'Stream.poisson'),
    'a mean with a unit': (lambda: Stream(0).poisson(1.0 * u.mV), bst.UnitError, 'Stream.poisson: lam must have no unit'),
}


@pytest.mark.parametrize(('wrong', 'kind', 'message'), WRONG.values(), ids=WRONG)
def test_a_mistake_is_one_clear_line(wrong, kind, message):
    with pytest.raises(kind, match=message) as error:
        wrong()
    assert '\n' not in str(error.value)
