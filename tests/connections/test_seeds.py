"""A seed is a name: its value counts, whatever its type."""

import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, drawn

SAME = {
    'integers': [3, np.int64(3), np.uint8(3), np.int32(3)],
    'one': [1, True, np.int16(1)],
    'strings': ['E', np.str_('E')],
    'tuples': [(1, ('E', 3)), (np.uint32(1), (np.str_('E'), np.int64(3))), (True, ('E', np.uint8(3)))],
    'large': [2**63, np.uint64(2**63)],
}
RULES = {
    'bernoulli': lambda seed: bst.pairwise_bernoulli(30, 40, 0.2, weight=drawn.uniform(0.0, 1.0), seed=seed),
    'indegree': lambda seed: bst.fixed_indegree(30, 40, 5, weight=drawn.normal(0.0, 1.0), seed=seed),
    'total': lambda seed: bst.fixed_total_number(30, 40, 200, weight=drawn.uniform(0.0, 1.0), seed=seed),
}


def network(connection):
    return tuple(np.asarray(x).tobytes() for x in (connection.sources, connection.targets, connection.weights))


@pytest.mark.parametrize('rule', RULES)
@pytest.mark.parametrize('seeds', SAME)
def test_equal_seeds_of_any_type_give_one_network(rule, seeds):
    assert len({network(RULES[rule](seed)) for seed in SAME[seeds]}) == 1


def test_equal_seeds_of_any_type_give_one_set_of_places():
    first, *others = [bst.spatial.uniform(20, (1.0, 1.0), seed=seed) for seed in SAME['tuples']]
    for places in others:
        np.testing.assert_array_equal(places, first)


def test_different_names_give_different_networks():
    names = [seeds[0] for seeds in SAME.values()]
    assert len({network(RULES['bernoulli'](seed)) for seed in names}) == len(names)


@pytest.mark.parametrize('seed', [1.0, np.float32(1), np.bool_(True), np.array([1]), b'E', [1, 2], (1, None), (1, (2.0,))], ids=repr)
def test_what_is_no_name_is_an_error(seed):
    with pytest.raises(ParameterError, match='pairwise_bernoulli: seed is .*, but must be an integer, a string, or a tuple of them'):
        RULES['bernoulli'](seed)
