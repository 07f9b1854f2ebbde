"""Pairs onto ranges of targets, as each device of a mesh draws its own: they are those of the whole, with the same values."""

import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.connections import _pairs, _parallel, _rows, _sampling
from brainpy_state.connections._sampling import ALL, LATER, OTHERS, Choices, Gaps

PRE, POST = 70, 90
KEYS = {n: _sampling.keys((1, 'pairs'), n) for n in (PRE, POST, PRE + 1)}


def choices(n, others, **options):
    return Choices(KEYS[n], others, np.arange(n) % 23, **options)


def found():
    rows = _pairs.Listing('rule', choices(PRE, POST)).rows()
    return _pairs.Found('rule', rows, POST)


RULES = {
    'by source': lambda: _pairs.Listing('rule', Gaps(KEYS[PRE], POST, 0.2)),
    'choices': lambda: _pairs.Listing('rule', choices(PRE, POST)),
    'subset': lambda: _pairs.Subset('rule', KEYS[PRE + 1], POST, 800, PRE * POST, ALL),
    'by target': lambda: _pairs.Transposed('rule', choices(POST, PRE)),
    'different': lambda: _pairs.Transposed('rule', choices(PRE, PRE, distinct=True, skip_own=True)),
    'symmetric': lambda: _pairs.Symmetric('rule', Gaps(KEYS[PRE], PRE, 0.2, LATER)),
    'all others': lambda: _pairs.Listing('rule', Gaps(KEYS[PRE], PRE, 1.0, OTHERS)),
    'none': lambda: _pairs.Transposed('rule', Gaps(KEYS[POST], PRE, 0.0)),
    'found': found,
}
RANGES = [[(0, 45), (45, 90)], [(11, 30)], [(0, 3), (30, 30), (69, 70), (70, 70)], [(0, 70)]]
NORMAL = np.array([1.0, 2.0, 3.0, 0.0, np.inf, 1.0])  # 2 +- 3, drawn again below 0
LAWS = (_sampling.keys('weights', 90), NORMAL, 'float32'), (_sampling.keys('delays', 90), NORMAL, 'uint8')


@pytest.mark.quick('-xla$')
@pytest.mark.parametrize('backend', ['xla', 'numba'])
@pytest.mark.parametrize('rule', RULES)
def test_parts_are_those_of_the_whole(monkeypatch, rule, backend):
    monkeypatch.setattr(_parallel, 'BLOCK', 300)
    monkeypatch.setattr(_parallel, 'threads', lambda: 2)
    with event.use_backend(backend):
        pairs = RULES[rule]()
        whole = _rows.Rows(*map(np.array, pairs.rows()))
        for ranges in RANGES:
            division = pairs.divided([(min(a, pairs.post), min(b, pairs.post)) for a, b in ranges])
            assert (division.of_all == np.diff(whole.indptr)).all()
            check_values(whole, ranges, division)


def check_values(whole, ranges, division):
    source = np.repeat(np.arange(whole.n), np.diff(whole.indptr))
    parts = [_rows.Rows(_rows.starts_of(own), np.full(own.sum() + 3, -1, np.int32)) for own in division.own]
    division.put([part.indptr[:-1] for part in parts], [part.columns for part in parts])
    for (low, high), part, before in zip(ranges, parts, division.before, strict=True):
        here = (low <= whole.columns) & (whole.columns < high)
        assert part.columns[:-3].tolist() == (whole.columns[here] - low).tolist()
        assert (part.columns[-3:] == -1).all()
        assert (before == np.bincount(source[whole.columns < low], minlength=whole.n)).all()
        for laws in ((LAWS[0], None), LAWS):
            all_rows, own = (_rows.Rows(x.indptr, x.columns.copy()) for x in (whole, part))
            expected, drawn = _rows.values_of(all_rows, *laws), _rows.values_of(own, *laws, before)
            here = (low <= all_rows.columns) & (all_rows.columns < high)
            assert own.columns[:-3].tolist() == (all_rows.columns[here] - low).tolist()
            for x, y in zip(drawn, expected, strict=True):
                assert x is y is None or x[:-3].tolist() == y[here].tolist()
