"""Pairs that a rule draws: all of them, or only those onto some targets, of which a device of a mesh has a range."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from . import _parallel, _sampling
from ._rows import Rows, row_lengths, starts_of, tools_of
from ._sampling import Choices, Gaps

Range = tuple[int, int]  # the first target, and the one after the last


class Division(NamedTuple):
    """Pairs onto ranges of targets, counted but not listed yet."""

    of_all: np.ndarray  # int64, (sources,): pairs of each source onto any target
    before: np.ndarray  # (ranges, sources): those onto targets before the range
    own: np.ndarray  # (ranges, sources): those onto targets in it
    put: Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], None]
    """Write targets, counted from the first of the range, into an array for each range; there, those of each source begin at
    these places and rise."""


class Pairs:
    """Pairs that a rule draws for each neuron by its key, whatever is drawn for others.

    Attributes
    ----------
    rule : str
        For messages.
    n, post : int
        Numbers of sources and targets.
    """

    def __init__(self, rule: str, n: int, post: int):
        self.rule, self.n, self.post = rule, n, post

    def divided(self, ranges: Sequence[Range]) -> Division:
        """Those onto ranges of targets, which rise and do not overlap."""
        raise NotImplementedError

    def rows(self) -> Rows:
        """All of them."""
        division = self.divided([(0, self.post)])
        rows = Rows.empty(self.rule, division.of_all)
        division.put([rows.indptr[:-1]], [rows.columns])
        return rows


class Listing(Pairs):
    """Pairs of which the rule draws those of each source."""

    def __init__(self, rule: str, draw: Gaps | Choices):
        super().__init__(rule, len(draw.keys), draw.n)
        self.draw, self._tools = draw, tools_of(draw)

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each source begins, and the last one ends."""
        return starts_of(row_lengths(self.draw))

    def fill(self, first: int, last: int, out: np.ndarray, ordered: bool = True) -> None:
        """Write the targets of some sources, rising for each, or in any order where that is quicker."""
        self._tools.fill(self.draw, self.starts, first, last, out, ordered)

    def rows(self) -> Rows:
        rows = Rows.empty(self.rule, np.diff(self.starts))
        jobs = _parallel.spans(rows.indptr)
        _parallel.each(lambda first, last: self.fill(first, last, rows.columns[rows.indptr[first] : rows.indptr[last]]), jobs)
        return rows

    def divided(self, ranges: Sequence[Range]) -> Division:
        starts = self.starts
        before, own = np.zeros((2, len(ranges), self.n), np.int64)

        def targets(first: int, last: int, ordered: bool = True) -> np.ndarray:
            found = np.empty(starts[last] - starts[first], np.int32)
            self.fill(first, last, found, ordered)
            return found

        def count(first: int, last: int) -> None:
            found, begins = targets(first, last, ordered=False), starts[first : last + 1] - starts[first]
            for k, (low, high) in enumerate(ranges):
                before[k, first:last] = _of_rows(found < low, begins)
                own[k, first:last] = _of_rows(found < high, begins) - before[k, first:last]

        def put(places: Sequence[np.ndarray], out: Sequence[np.ndarray]) -> None:
            at = [np.array(x) for x in places]

            def put_block(first: int, last: int) -> None:
                found = targets(first, last)
                source = np.repeat(np.arange(first, last, dtype=np.int32), np.diff(starts[first : last + 1]))
                for (low, high), own_at, own_out in zip(ranges, at, out, strict=True):
                    here = (low <= found) & (found < high)
                    self._tools.scatter(found[here] - np.int32(low), source[here], own_at, own_out)

            _parallel.each(put_block, _parallel.spans(starts))

        _parallel.each(count, _parallel.spans(starts))
        return Division(np.diff(starts), before, own, put)


class Found(Listing):
    """Pairs that are listed already."""

    def __init__(self, rule: str, rows: Rows, post: int):
        Pairs.__init__(self, rule, rows.n, post)
        self._rows, self.starts, self._tools = rows, rows.indptr, tools_of(rows.total)

    def fill(self, first: int, last: int, out: np.ndarray, ordered: bool = True) -> None:
        out[:] = self._rows.columns[self.starts[first] : self.starts[last]]

    def rows(self) -> Rows:
        return self._rows


class Subset(Listing):
    """Exactly ``total`` of the ``pairs`` that ``where`` admits, each such set with the same probability.

    Pairs are taken independently with a probability that gives some more, since given their number each set is as likely as any
    other; the surplus is then taken out at random. The last key is for that.
    """

    def __init__(self, rule: str, keys: np.ndarray, n: int, total: int, pairs: int, where: int):
        picker, keys = keys[-1:], keys[:-1]
        spread = 6 * np.sqrt(total * max(0, 1 - total / max(pairs, 1))) + 6
        draw = Gaps(keys, n, min(1.0, (total + spread) / max(pairs, 1)), where)
        counts = row_lengths(draw)
        while counts.sum() < total:  # once in 1e9 times
            draw = draw._replace(keys=_sampling.draws(draw.keys, np.array(0)))
            counts = row_lengths(draw)
        super().__init__(rule, draw)
        self._drawn = starts_of(counts)
        found = int(counts.sum())
        self._surplus = _sampling.choose(picker, found, found - total)[0]
        lost = np.bincount(np.searchsorted(self._drawn, self._surplus, side='right') - 1, minlength=counts.size)
        self.starts = starts_of(counts - lost)

    def fill(self, first: int, last: int, out: np.ndarray, ordered: bool = True) -> None:
        start, stop = self._drawn[first], self._drawn[last]
        columns = np.empty(stop - start, np.int32)
        self._tools.fill(self.draw, self._drawn, first, last, columns)
        gone = self._surplus[slice(*np.searchsorted(self._surplus, (start, stop)))] - start
        out[:] = np.delete(columns, gone)


class Transposed(Pairs):
    """Pairs of which the rule draws those of each target."""

    def __init__(self, rule: str, draw: Gaps | Choices):
        super().__init__(rule, draw.n, len(draw.keys))
        self.draw = draw

    def divided(self, ranges: Sequence[Range]) -> Division:
        tools, starts = tools_of(self.draw), starts_of(row_lengths(self.draw))
        # Each thread has runs of targets, none of which crosses the edge of a range; for each source, a run has a place to go on.
        edges = sorted({0, self.post, *itertools.chain(*ranges)})
        runs = [run for pair in itertools.pairwise(edges) for run in _runs(starts, *pair)]
        counts = np.zeros((len(runs), self.n), np.int64)

        def visit(run: int, places: np.ndarray, low: int = 0, out: np.ndarray | None = None) -> None:
            for first, last in runs[run]:
                sources = np.empty(starts[last] - starts[first], np.int32)
                tools.fill(self.draw, starts, first, last, sources, ordered=False)
                target = np.repeat(np.arange(first - low, last - low, dtype=np.int32), np.diff(starts[first : last + 1]))
                tools.scatter(target, sources, places, out)

        def put(places: Sequence[np.ndarray], out: Sequence[np.ndarray]) -> None:
            jobs = []
            for (low, _), inside, begin, own_out in zip(ranges, within, places, out, strict=True):
                at = begin + np.cumsum(counts[inside], axis=0) - counts[inside]
                jobs += [(run, own_at, low, own_out) for run, own_at in zip(inside, at, strict=True)]
            _parallel.each(visit, jobs)

        _parallel.each(visit, list(enumerate(counts)))
        within = [[k for k, run in enumerate(runs) if low <= run[0][0] < high] for low, high in ranges]
        earlier = [[k for k, run in enumerate(runs) if run[0][0] < low] for low, _ in ranges]
        before, own = (np.stack([counts[inside].sum(axis=0) for inside in each]) for each in (earlier, within))
        return Division(counts.sum(axis=0), before, own, put)


class Symmetric(Pairs):
    """Pairs in both directions: the rule draws for each neuron its partners of larger numbers."""

    def __init__(self, rule: str, draw: Gaps):
        super().__init__(rule, draw.n, draw.n)
        self._parts = Transposed(rule, draw), Listing(rule, draw)

    def divided(self, ranges: Sequence[Range]) -> Division:
        smaller, larger = (part.divided(ranges) for part in self._parts)

        def put(places: Sequence[np.ndarray], out: Sequence[np.ndarray]) -> None:
            smaller.put(places, out)
            larger.put(np.asarray(places) + smaller.own, out)

        return Division(smaller.of_all + larger.of_all, smaller.before + larger.before, smaller.own + larger.own, put)


def _runs(starts: np.ndarray, first: int, last: int) -> list[list[Range]]:
    """Blocks of some rows, in as many runs as there are threads."""
    spans = [(first + a, first + b) for a, b in _parallel.spans(starts[first : last + 1] - starts[first])]
    n = min(_parallel.threads(), len(spans))
    return [spans[k * len(spans) // n : (k + 1) * len(spans) // n] for k in range(n)]


def _of_rows(marked: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """How many pairs of each row are marked."""
    before = np.zeros(marked.size + 1, np.int32)
    np.cumsum(marked, out=before[1:])
    return before[starts[1:]] - before[starts[:-1]]
