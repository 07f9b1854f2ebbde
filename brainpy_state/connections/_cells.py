"""`Cells`: targets sorted into boxes, so that those near a source are found without looking at all."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from . import _parallel
from ._positions import Space


class Cells:
    """Boxes at least as wide as the reach: what is in reach is in the same box or an adjacent one. Needs targets."""

    def __init__(self, space: Space, reach: float):
        n, d = space.post.shape
        self.period, self.periodic = space.period, np.isfinite(space.period)
        self.low = np.where(self.periodic, 0.0, space.post.min(axis=0))
        length = np.where(self.periodic, self.period, space.post.max(axis=0) - self.low)
        # a little wider than the reach, so that rounding puts nothing in reach two boxes away; not many more boxes than targets
        width = np.maximum(reach * (1 + 1e-9), length / np.ceil(n ** (1 / d)))
        self.boxes = np.maximum(1, length // np.where(width > 0, width, 1.0)).astype(np.int64)
        width = np.maximum(length / self.boxes, reach)
        self.width = np.where(width > 0, width, 1.0)

        home = self._flat(np.clip(self._box(space.post), 0, self.boxes - 1))
        self.order = np.argsort(home, kind='stable')
        counts = np.bincount(home, minlength=int(self.boxes.prod()))
        first = np.cumsum(counts) - counts
        self.start, self.count = [], []  # for each adjacent box, where the targets in it stand in `order`, (n_pre,)
        middle = self._box(space.pre)
        for step in itertools.product(*map(self._steps, range(d))):
            box = middle + step
            box = np.where(self.periodic, box % self.boxes, box)
            exists = ((box >= 0) & (box < self.boxes)).all(axis=1)
            flat = self._flat(np.clip(box, 0, self.boxes - 1))
            self.start.append(first[flat])
            self.count.append(np.where(exists, counts[flat], 0))

    def _steps(self, axis: int) -> tuple[int, ...]:
        """To adjacent boxes along an axis, each once also where the first is next to the last."""
        return (-1, 0, 1) if not self.periodic[axis] or self.boxes[axis] > 2 else tuple(range(self.boxes[axis]))

    def _box(self, positions: np.ndarray) -> np.ndarray:
        inside = np.where(self.periodic, np.mod(positions, self.period), positions - self.low)
        return np.clip(np.floor(inside / self.width), -2, self.boxes + 1).astype(np.int64)

    def _flat(self, box: np.ndarray) -> np.ndarray:
        return np.ravel_multi_index(tuple(box.T), tuple(self.boxes))

    def blocks(self) -> Iterator[np.ndarray]:
        """Consecutive sources, as many as have about a block of candidates."""
        number = np.cumsum(np.sum(self.count, axis=0)) // _parallel.BLOCK
        yield from np.split(np.arange(number.size), np.flatnonzero(np.diff(number)) + 1) if number.size else ()

    def candidates(self, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of these sources with the targets in the boxes around them."""
        rows, columns = [], []
        for start, count in zip(self.start, self.count, strict=True):
            number = count[block]
            rows.append(np.repeat(block, number))
            shift = start[block] - (np.cumsum(number) - number)
            columns.append(self.order[np.repeat(shift, number) + np.arange(number.sum())])
        return np.concatenate(rows), np.concatenate(columns)
