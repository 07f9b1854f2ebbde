"""Connection rules: who is connected to whom, and what decides it."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import brainpy_state as bst
from brainpy_state import (
    ParameterError,
    all_to_all,
    fixed_indegree,
    fixed_outdegree,
    fixed_total_number,
    one_to_one,
    pairwise_bernoulli,
    symmetric_pairwise_bernoulli,
)
from brainpy_state.connections import _pairs, _parallel, _sampling


def random_rule(rule, number, **options):
    return lambda pre=60, post=60, seed=1, **k: rule(pre, post, number, weight=1.0, seed=seed, **options, **k)


DISTINCT = dict(allow_multapses=False)
RANDOM_RULES = {
    'pairwise_bernoulli': random_rule(pairwise_bernoulli, 0.2),
    'sparse pairwise_bernoulli': random_rule(pairwise_bernoulli, 0.005),
    'symmetric_pairwise_bernoulli': random_rule(symmetric_pairwise_bernoulli, 0.2),
    'fixed_indegree': random_rule(fixed_indegree, 12),
    'fixed_indegree, distinct': random_rule(fixed_indegree, 12, **DISTINCT),
    'fixed_indegree, most': random_rule(fixed_indegree, 45, **DISTINCT),
    'fixed_outdegree': random_rule(fixed_outdegree, 12),
    'fixed_outdegree, distinct': random_rule(fixed_outdegree, 12, **DISTINCT),
    'fixed_total_number': random_rule(fixed_total_number, 700),
    'fixed_total_number, distinct': random_rule(fixed_total_number, 700, **DISTINCT),
}
RULES = RANDOM_RULES | {
    'one_to_one': lambda pre=60, post=60, **k: one_to_one(pre, post, weight=1.0),
    'all_to_all': lambda pre=60, post=60, **k: all_to_all(pre, post, weight=1.0),
}
every_rule = pytest.mark.parametrize('rule', RULES.values(), ids=RULES)
every_random_rule = pytest.mark.parametrize('rule', RANDOM_RULES.values(), ids=RANDOM_RULES)


def pairs(connection):
    """Sorted pairs (source, target) as one array."""
    both = np.stack([connection.sources, connection.targets], axis=1)
    return both[np.lexsort(both.T[::-1])]


def fingerprint(connection):
    return hashlib.sha256(pairs(connection).astype('<i4').tobytes()).hexdigest()[:16]


@every_rule
def test_sources_and_targets_are_in_range_and_counted(rule):
    connection = rule()
    assert connection.sources.shape == connection.targets.shape == (connection.n_synapses,)
    assert connection.sources.min() >= 0
    assert connection.sources.max() < 60
    assert connection.targets.min() >= 0
    assert connection.targets.max() < 60


@every_rule
def test_synapses_are_listed_by_source_and_then_by_target(rule):
    connection = rule()
    np.testing.assert_array_equal(np.stack([connection.sources, connection.targets], axis=1), pairs(connection))


def test_one_to_one_is_the_identity():
    np.testing.assert_array_equal(pairs(one_to_one(4, 4, weight=1.0)), [[0, 0], [1, 1], [2, 2], [3, 3]])


@pytest.mark.parametrize(('pre', 'post'), [(3, 4), (1, 5), (5, 1)])
def test_all_to_all_has_every_pair_once(pre, post):
    expected = [(i, j) for i in range(pre) for j in range(post)]
    np.testing.assert_array_equal(pairs(all_to_all(pre, post, weight=1.0)), expected)


def test_all_to_all_without_autapses():
    found = pairs(all_to_all(4, 4, weight=1.0, allow_autapses=False))
    np.testing.assert_array_equal(found, [(i, j) for i in range(4) for j in range(4) if i != j])


@pytest.mark.parametrize('rule', [fixed_indegree, fixed_outdegree])
@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(2, 40), st.integers(1, 40), st.integers(0, 50), st.booleans(), st.booleans(), st.integers(0, 2**63))
def test_every_neuron_has_exactly_its_degree(rule, others, n, degree, autapses, multapses, seed):
    n = n if autapses else min(n, others)
    if not multapses:
        degree = min(degree, others - (not autapses))
    incoming = rule is fixed_indegree
    pre, post = (others, n) if incoming else (n, others)
    connection = rule(pre, post, degree, weight=1.0, allow_autapses=autapses, allow_multapses=multapses, seed=seed)
    np.testing.assert_array_equal(connection.indegree if incoming else connection.outdegree, np.full(n, degree))
    check_pairs(connection, autapses, multapses)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(2, 30), st.integers(1, 30), st.floats(0, 1.5), st.booleans(), st.booleans(), st.integers(0, 2**63))
def test_there_are_exactly_as_many_synapses_as_asked_for(pre, post, density, autapses, multapses, seed):
    post = post if autapses else pre
    total = int(density * pre * (post - (not autapses)))
    if not multapses:
        total = min(total, pre * (post - (not autapses)))
    connection = fixed_total_number(pre, post, total, weight=1.0, allow_autapses=autapses, allow_multapses=multapses, seed=seed)
    assert len(connection) == total
    check_pairs(connection, autapses, multapses)


def check_pairs(connection, autapses, multapses):
    pre, post = connection.structure.shape
    assert ((connection.sources >= 0) & (connection.sources < pre)).all()
    assert ((connection.targets >= 0) & (connection.targets < post)).all()
    if not autapses:
        assert (connection.sources != connection.targets).all()
    if not multapses:
        assert len(np.unique(pairs(connection), axis=0)) == len(connection)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 40), st.floats(0, 1), st.integers(0, 2**63))
def test_symmetric_connections_go_both_ways_and_never_to_oneself(n, p, seed):
    matrix = np.asarray(symmetric_pairwise_bernoulli(n, n, p, weight=1.0, seed=seed).toarray())
    np.testing.assert_array_equal(matrix, matrix.T)
    assert matrix.max(initial=0) <= 1
    assert np.trace(matrix) == 0


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 40), st.integers(0, 40), st.floats(0, 1), st.booleans(), st.integers(0, 2**63))
def test_bernoulli_connects_no_pair_twice(pre, post, p, autapses, seed):
    connection = pairwise_bernoulli(pre, post, p, weight=1.0, allow_autapses=autapses, seed=seed)
    assert len(np.unique(pairs(connection), axis=0)) == connection.n_synapses
    if not autapses:
        assert (connection.sources != connection.targets).all()
    if p == 1 and autapses:
        assert connection.n_synapses == pre * post
    if p == 0:
        assert connection.n_synapses == 0


@pytest.mark.parametrize('indegree', [0, 1, 59, 60])
def test_all_sources_can_be_drawn_without_repetition(indegree):
    connection = fixed_indegree(60, 7, indegree, weight=1.0, allow_multapses=False, seed=0)
    assert len(np.unique(pairs(connection), axis=0)) == 7 * indegree


@pytest.mark.quick('0.5|0.02')
@pytest.mark.parametrize('p', [1e-4, 0.02, 0.5, 0.97])
def test_number_of_bernoulli_synapses_is_binomial(p):
    n, seeds = 300, 20
    counts = np.array([pairwise_bernoulli(n, n, p, weight=1.0, seed=s).n_synapses for s in range(seeds)])
    mean, variance = n * n * p, n * n * p * (1 - p)
    assert abs(counts.mean() - mean) < 4 * np.sqrt(variance / seeds)  # four standard errors: 6e-5 by chance
    assert 0.25 < counts.var(ddof=1) / variance < 2.5  # chi-square with 19 degrees: 0.03 % on each side


@pytest.mark.slow
@pytest.mark.parametrize('axis', ['sources', 'targets'])
def test_bernoulli_degrees_are_binomial_on_both_sides(axis):
    n, p = 1000, 0.05
    connection = pairwise_bernoulli(n, n, p, weight=1.0, seed=3)
    degree = np.bincount(getattr(connection, axis), minlength=n)
    variance = n * p * (1 - p)
    assert abs(degree.mean() - n * p) < 4 * np.sqrt(variance / n)
    assert degree.var() / variance == pytest.approx(1, abs=4 * np.sqrt(2 / n))
    # neighbours are not related
    assert abs(np.corrcoef(degree[1:], degree[:-1])[0, 1]) < 4 / np.sqrt(n)


@pytest.mark.parametrize('multapses', [True, False])
def test_sources_of_fixed_indegree_are_uniform(multapses):
    pre, post, indegree = 50, 4000, 10
    connection = fixed_indegree(pre, post, indegree, weight=1.0, allow_multapses=multapses, seed=5)
    assert_uniform(connection.outdegree)


def assert_uniform(counts, variance=1.0):
    """Chi-square of equal chances within four standard deviations of what it should be."""
    expected = np.mean(counts)
    assert expected > 20
    chi2, freedom = float(((counts - expected) ** 2 / expected).sum()), np.size(counts) - 1
    assert abs(chi2 / variance - freedom) < 4 * np.sqrt(2 * freedom) + 4


@pytest.mark.parametrize(('m', 'k'), [(2, 1), (3, 1), (3, 2), (5, 2), (5, 3), (6, 3), (7, 6), (20, 2), (20, 18)])
def test_every_set_of_different_sources_is_as_likely(m, k):
    drawn = _sampling.choose(_sampling.keys(('sets', m, k), 20_000), m, k)
    sets, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(sets) == math.comb(m, k)
    assert_uniform(counts)


@pytest.mark.slow
@pytest.mark.parametrize(('n', 'total', 'autapses'), [(3, 1, True), (3, 2, True), (3, 7, True), (3, 3, False), (4, 2, False)])
def test_every_set_of_pairs_is_as_likely(n, total, autapses):
    available = n * (n - (not autapses))
    where = _sampling.ALL if autapses else _sampling.OTHERS
    networks = [_pairs.Subset('rule', _sampling.keys(seed, n + 1), n, total, available, where).rows() for seed in range(4000)]
    _, counts = np.unique([np.concatenate(x) for x in networks], axis=0, return_counts=True)
    assert len(counts) == math.comb(available, total)
    assert_uniform(counts)


def test_pairs_are_drawn_again_where_they_were_too_few(monkeypatch):
    sample, asked = _pairs.row_lengths, []

    def too_few_at_first(draw):
        asked.append(draw.keys)
        return sample(draw) // (4 if len(asked) == 1 else 1)

    monkeypatch.setattr(_pairs, 'row_lengths', too_few_at_first)
    connection = fixed_total_number(60, 60, 700, weight=1.0, allow_multapses=False, allow_autapses=False, seed=1)
    assert len(asked) == 2
    assert not (asked[0] == asked[1]).any()
    assert len(connection) == 700
    check_pairs(connection, autapses=False, multapses=False)


@pytest.mark.parametrize('multapses', [True, False])
@pytest.mark.parametrize('axis', ['indegree', 'outdegree'])
def test_degrees_of_a_total_number_spread_as_they_should(axis, multapses):
    n, total = 1000, 200_000
    connection = fixed_total_number(n, n, total, weight=1.0, allow_multapses=multapses, seed=2)
    # multinomial; without multapses hypergeometric, which has less variance by the share of pairs that stay free
    assert_uniform(getattr(connection, axis), 1.0 if multapses else 1 - total / n**2)


def test_pairs_of_a_total_number_are_uniform():
    n = 12
    matrix = np.asarray(fixed_total_number(n, n, 40_000, weight=1.0, allow_autapses=False, seed=4).toarray())
    assert np.trace(matrix) == 0
    assert_uniform(matrix[~np.eye(n, dtype=bool)])


def test_without_autapses_the_others_are_uniform():
    n = 20
    connection = fixed_indegree(n, n, 10_000, weight=1.0, allow_autapses=False, seed=1)
    matrix = np.zeros((n, n))
    np.add.at(matrix, (connection.sources, connection.targets), 1)
    assert np.trace(matrix) == 0
    off = matrix[~np.eye(n, dtype=bool)]
    mean = 10_000 / 19
    assert abs(off - mean).max() < 5 * np.sqrt(mean)  # five standard deviations for 380 numbers


@every_random_rule
def test_the_same_seed_gives_the_same_network(rule):
    np.testing.assert_array_equal(pairs(rule()), pairs(rule()))


@every_random_rule
def test_another_seed_gives_another_network(rule):
    networks = {fingerprint(rule(seed=seed)) for seed in (1, 2, (1, 'E'), (1, 'I'), 'E', (1, ('E', 2)))}
    assert len(networks) == 6


def test_networks_of_different_seeds_are_independent():
    n, p = 400, 0.1
    a, b = (pairwise_bernoulli(n, n, p, weight=1.0, seed=(1, name)) for name in 'EI')
    both = len(set(map(tuple, pairs(a))) & set(map(tuple, pairs(b))))
    mean = n * n * p * p
    assert abs(both - mean) < 4 * np.sqrt(mean)


@every_random_rule
def test_unrelated_draws_do_not_matter(rule):
    before = pairs(rule())
    bst.random.rand(100)
    np.random.default_rng().random(10)
    pairwise_bernoulli(100, 100, 0.5, weight=1.0)
    np.testing.assert_array_equal(pairs(rule()), before)


def test_a_network_that_grows_keeps_its_synapses():
    small = pairwise_bernoulli(40, 50, 0.2, weight=1.0, seed=1)
    for pre, post in ((80, 50), (40, 90), (80, 90)):
        large = pairs(pairwise_bernoulli(pre, post, 0.2, weight=1.0, seed=1))
        np.testing.assert_array_equal(large[(large[:, 0] < 40) & (large[:, 1] < 50)], pairs(small))
    few = pairs(fixed_indegree(50, 40, 5, weight=1.0, seed=1))
    many = pairs(fixed_indegree(50, 80, 5, weight=1.0, seed=1))
    np.testing.assert_array_equal(many[many[:, 1] < 40], few)
    few = pairs(fixed_outdegree(40, 50, 5, weight=1.0, seed=1, allow_multapses=False))
    many = pairs(fixed_outdegree(80, 50, 5, weight=1.0, seed=1, allow_multapses=False))
    np.testing.assert_array_equal(many[many[:, 0] < 40], few)


@pytest.mark.quick('bernoulli|total')
@every_random_rule
def test_the_block_size_does_not_matter(rule, monkeypatch):
    whole = pairs(rule())
    for block in (1, 37, 500):
        monkeypatch.setattr(_parallel, 'BLOCK', block)
        np.testing.assert_array_equal(pairs(rule()), whole)


@every_random_rule
def test_no_seed_draws_one_from_the_global_generator(rule):
    bst.random.seed(1)
    first, second = fingerprint(rule(seed=None)), fingerprint(rule(seed=None))
    bst.random.seed(1)
    assert fingerprint(rule(seed=None)) == first
    assert second != first


# what these seeds gave when the rules were written: a network is part of a published result, so it must not change
STORED = {
    'pairwise_bernoulli': '2bf0bd70796e4e50',
    'sparse pairwise_bernoulli': 'b5c47541e16c14b1',
    'fixed_indegree': '05abd9f6af97fd13',
    'fixed_indegree, distinct': 'dd2c620cc3d5ce6f',
    'symmetric_pairwise_bernoulli': '746e312efcb9fc69',
    'fixed_indegree, most': '761a4efa91ca0cbd',
    'fixed_outdegree': 'aa7c9e170be2a8bd',
    'fixed_outdegree, distinct': '15259e31849ddc6d',
    'fixed_total_number': 'd23d8c8ec5a11c04',
    'fixed_total_number, distinct': '201392a9540f839b',
}


@pytest.mark.parametrize('name', RANDOM_RULES)
def test_a_seed_means_the_same_network_in_every_process(name):
    assert fingerprint(RANDOM_RULES[name](seed=(7, 'E to I'))) == STORED[name]


BAD = [
    (lambda: pairwise_bernoulli(10, 10, 1.5, weight=1.0), r'pairwise_bernoulli: p = 1\.5 must be a probability, from 0 to 1'),
    (lambda: pairwise_bernoulli(10, 10, -0.1, weight=1.0), r'pairwise_bernoulli: p = -0\.1 must be a probability'),
    (lambda: pairwise_bernoulli(10, 10, float('nan'), weight=1.0), 'p = nan must be a probability'),
    (lambda: pairwise_bernoulli(-1, 10, 0.1, weight=1.0), 'pairwise_bernoulli: pre = -1 must be a number of neurons'),
    (lambda: pairwise_bernoulli(10, 2.5, 0.1, weight=1.0), r'pairwise_bernoulli: post = 2\.5 must be a number of neurons'),
    (lambda: pairwise_bernoulli(10, True, 0.1, weight=1.0), 'post = True must be a number of neurons'),
    (
        lambda: pairwise_bernoulli(10, 10, 0.1, weight=1.0, seed=1.5),
        r'pairwise_bernoulli: seed is 1\.5, but must be an integer, a string, or a tuple of them',
    ),
    (lambda: fixed_indegree(10, 10, -1, weight=1.0), 'fixed_indegree: indegree = -1 must be a whole number'),
    (lambda: fixed_indegree(10, 10, 2.5, weight=1.0), r'fixed_indegree: indegree = 2\.5 must be a whole number'),
    (
        lambda: fixed_indegree(10, 10, 11, weight=1.0, allow_multapses=False),
        r'indegree = 11 asks for more different sources than the 10 there are \(pre = 10, allow_autapses = True\)',
    ),
    (
        lambda: fixed_indegree(10, 10, 10, weight=1.0, allow_multapses=False, allow_autapses=False),
        r'indegree = 10 asks for more different sources than the 9 there are \(pre = 10, allow_autapses = False\)',
    ),
    (lambda: fixed_indegree(0, 10, 1, weight=1.0), 'than the 0 there are'),
    (lambda: fixed_indegree(10, 20, 1, weight=1.0, allow_autapses=False), 'there are 10 sources and 20 targets'),
    (
        lambda: fixed_outdegree(10, 10, 11, weight=1.0, allow_multapses=False),
        r'fixed_outdegree: outdegree = 11 asks for more different targets than the 10 there are \(post = 10',
    ),
    (lambda: fixed_outdegree(20, 10, 1, weight=1.0, allow_autapses=False), 'fixed_outdegree: .* there are 20 sources and 10 targets'),
    (lambda: fixed_outdegree(10, 10, 'a', weight=1.0), "outdegree = 'a' must be a whole number"),
    (
        lambda: fixed_total_number(3, 3, 10, weight=1.0, allow_multapses=False),
        'total = 10 asks for more different pairs than the 9 there are',
    ),
    (lambda: fixed_total_number(1, 1, 1, weight=1.0, allow_autapses=False), 'total = 1 asks for more different pairs than the 0 there are'),
    (lambda: fixed_total_number(0, 5, 1, weight=1.0), 'than the 0 there are'),
    (lambda: fixed_total_number(3, 4, 1, weight=1.0, allow_autapses=False), 'fixed_total_number: .* there are 3 sources and 4 targets'),
    (lambda: fixed_total_number(3, 3, -1, weight=1.0), 'total = -1 must be a whole number'),
    (lambda: symmetric_pairwise_bernoulli(3, 4, 0.5, weight=1.0), 'symmetric_pairwise_bernoulli: 4 targets for 3 sources'),
    (
        lambda: all_to_all(50_000, 50_000, weight=1.0),
        r'all_to_all: 2,500,000,000 synapses are too many for one connection, .* 2,147,483,647; split the targets',
    ),
    (lambda: pairwise_bernoulli(10**6, 10**6, 0.1, weight=1.0), r'100,000,000,000 synapses are too many'),
    (lambda: one_to_one(10, 20, weight=1.0), 'one_to_one: 20 targets for 10 sources; the populations must have the same size'),
    (lambda: all_to_all('a', 2, weight=1.0), "all_to_all: pre = 'a' must be a number of neurons"),
]


@pytest.mark.parametrize(('make', 'message'), BAD, ids=[message[:50] for _, message in BAD])
def test_a_rule_that_cannot_be_met_is_one_clear_line(make, message):
    with pytest.raises(ParameterError, match=message) as error:
        make()
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('sizes', [(0, 0), (0, 5), (5, 0)])
@pytest.mark.parametrize('rule', [pairwise_bernoulli, fixed_indegree, fixed_outdegree, fixed_total_number])
def test_empty_populations_make_no_synapses(rule, sizes):
    assert len(rule(*sizes, 0, weight=1.0, seed=1)) == 0
    assert len(pairwise_bernoulli(*sizes, 1.0, weight=1.0, seed=1)) == 0
    assert len(all_to_all(*sizes, weight=1.0)) == 0


def test_empty_populations_of_equal_size():
    assert len(one_to_one(0, 0, weight=1.0)) == len(symmetric_pairwise_bernoulli(0, 0, 0.5, weight=1.0)) == 0
