"""The filter algebra: which states, or other objects, at which paths are meant."""

import pytest

import brainpy_state as bst
from brainpy_state import HiddenState, ParamState, ShortTermState, State

All, Any, Not = bst.filter.All, bst.filter.Any, bst.filter.Not
Everything, Nothing = bst.filter.Everything, bst.filter.Nothing
OfType, WithTag, PathContains = bst.filter.OfType, bst.filter.WithTag, bst.filter.PathContains
to_predicate = bst.filter.to_predicate

STATES = {
    ('layer', 0, 'w'): ParamState(1.0, tag='frozen'),
    ('layer', 1, 'w'): ParamState(2.0),
    ('layer', 1, 'b'): ShortTermState(3.0, tag={'frozen', 'bias'}),
    ('x',): State(4.0),
}
W0, W1, B, X = STATES

CASES = [
    (ParamState, {W0, W1}),
    (State, set(STATES)),
    (HiddenState, set()),
    ('frozen', {W0, B}),
    ('froz', set()),
    (True, set(STATES)),
    (..., set(STATES)),
    (False, set()),
    (None, set()),
    (lambda path, x: path[-1] == 'w' and x.value > 1.0, {W1}),
    ([ShortTermState, 'frozen'], {W0, B}),
    ((), set()),
    ((ParamState, [None, 'bias']), {W0, W1, B}),
    (OfType(ShortTermState), {B}),
    (WithTag('bias'), {B}),
    (PathContains('layer'), {W0, W1, B}),
    (PathContains(1), {W1, B}),
    (Any(ParamState, 'bias'), {W0, W1, B}),
    (Any(), set()),
    (All(ParamState, 'frozen'), {W0}),
    (All(), set(STATES)),
    (Not('frozen'), {W1, X}),
    (Not([ParamState, ShortTermState]), {X}),
    (All(PathContains('w'), Not('frozen')), {W1}),
    (Everything(), set(STATES)),
    (Nothing(), set()),
]


@pytest.mark.parametrize(('filter', 'selected'), CASES, ids=range(len(CASES)))
def test_a_filter_selects_exactly_what_it_says(filter, selected):
    predicate = to_predicate(filter)
    assert {path for path, x in STATES.items() if predicate(path, x)} == selected


@pytest.mark.parametrize('filter', [1, 2.5, {ParamState}, b'tag', State(1.0)], ids=lambda x: type(x).__name__)
def test_anything_else_is_an_error_that_says_what_is_allowed_and_what_was_given(filter):
    with pytest.raises(TypeError, match=rf'A filter is a class, a tag .*but a {type(filter).__name__} was given: '):
        to_predicate(filter)
    with pytest.raises(TypeError, match='A filter is a class'):
        Not(filter)


def test_a_tag_of_an_object_that_is_no_state_is_no_set_and_never_matches():
    class Model:
        tag = 'excitatory'

    assert not WithTag('excit')((), Model())
    assert not WithTag('excitatory')((), object())


@pytest.mark.parametrize(
    'make', [lambda: Any(ParamState, 'a'), lambda: Not('a'), lambda: OfType(State), Everything, lambda: PathContains(0)]
)
def test_equal_filters_are_equal_and_have_equal_hashes(make):
    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() != Any('something else')


def test_all_and_any_of_the_same_filters_differ():
    assert All('a', 'b') != Any('a', 'b')


def test_the_representation_shows_how_a_filter_is_made():
    assert repr(All(ParamState, Not('a'))) == f"All({OfType(ParamState)!r}, Not(WithTag(tag='a')))"
