"""Positions of two populations, and distances between them."""

from __future__ import annotations

import dataclasses
from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError, ShapeError, UnitError
from ..numerics import with_unit


@dataclasses.dataclass(frozen=True, eq=False)
class Space:
    """Where sources and targets are.

    Parameters
    ----------
    pre, post : float64, (n_pre, d), (n_post, d)
        Positions in one unit.
    period : float64, (d,)
        Length after which each axis repeats itself; infinite where it does not.
    unit : brainunit.Unit
        Of all of them.
    """

    pre: np.ndarray
    post: np.ndarray
    period: np.ndarray
    unit: Any

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return NotImplemented
        mine, theirs = ((x.pre, x.post, x.period) for x in (self, other))
        return self.unit == other.unit and all(map(np.array_equal, mine, theirs))

    def __hash__(self) -> int:
        return hash((self.pre.shape, self.post.shape))

    @classmethod
    def of(cls, rule: str, pre_pos: Any, post_pos: Any, periodic: Any) -> Space:
        """From what a user gives, checked."""
        unit = u.get_unit(pre_pos)
        pre, post = (plain(rule, name, x, unit) for name, x in (('pre_pos', pre_pos), ('post_pos', post_pos)))
        for name, x in (('pre_pos', pre), ('post_pos', post)):
            if x.ndim != 2 or x.shape[1] not in (1, 2, 3):
                raise ShapeError(f'{rule}: {name} has shape {x.shape}, expected (n, d) with d = 1, 2 or 3.')
            if not np.isfinite(x).all():
                raise ParameterError(f'{rule}: {name} contains a value that is not finite.')
        if pre.shape[1] != post.shape[1]:
            raise ShapeError(f'{rule}: pre_pos has {pre.shape[1]} dimensions, but post_pos has {post.shape[1]}.')
        d = pre.shape[1]
        period = np.full(d, np.inf) if periodic is None else plain(rule, 'periodic', periodic, unit)
        if period.shape not in ((), (d,)):
            raise ShapeError(f'{rule}: periodic has shape {period.shape}, expected one extent, or one for each of the {d} dimensions.')
        if not (period > 0).all():
            raise ParameterError(f'{rule}: periodic = {periodic} must be the extent of the space, more than zero.')
        return cls(pre, post, np.broadcast_to(period, (d,)), unit)

    def between(self, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Distances as plain numbers; the two broadcast."""
        squared = 0.0
        for axis, length in enumerate(self.period):
            step = self.post[targets, axis] - self.pre[sources, axis]
            if length < np.inf:
                step -= length * np.round(step / length)
            squared = squared + step * step
        return np.sqrt(squared)

    def distances(self, sources: np.ndarray, targets: np.ndarray) -> Any:
        """Distances in the unit of the positions."""
        return self.with_unit(self.between(sources, targets))

    def with_unit(self, distance: np.ndarray) -> Any:
        return with_unit(distance, self.unit)


def plain(rule: str, name: str, value: Any, unit: Any) -> np.ndarray:
    """A length as numbers of this unit."""
    given = u.get_unit(value)
    if given.dim != unit.dim:
        raise UnitError(f'{rule}: {name} has {unit_text(given)}, but pre_pos has {unit_text(unit)}.')
    number = value if given.is_unitless else value.to_decimal(unit)
    return np.asarray(number, np.float64)


def unit_text(unit: Any) -> str:
    return 'no unit' if unit.is_unitless else f'the unit {unit}'
