"""`distance_dependent`: the connection rule for neurons that have positions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError, ShapeError, UnitError
from .._tracebacks import entry
from ..random._keys import Seed
from . import _check, _sampling
from ._cells import Cells
from ._connect import Connection, connect
from ._positions import Space, plain
from ._rows import Growing, Rows
from .drawn import Drawn, Weight
from .spatial import Kernel

_RULE = 'distance_dependent'


@entry
def distance_dependent(
    pre_pos: Any,
    post_pos: Any,
    p: Callable[[Any], Any],
    *,
    weight: Weight | None = None,
    weight_of_distance: Callable[[Any], Any] | None = None,
    delay: Drawn | None = None,
    max_distance: Any = None,
    periodic: Any = None,
    allow_autapses: bool = True,
    seed: Seed = None,
) -> Connection:
    """Connect each pair with a probability that depends on the distance between the two.

    Parameters
    ----------
    pre_pos, post_pos : quantity or array, (n_pre, d), (n_post, d)
        Positions of sources and targets, d from one to three; see `spatial.grid` and
        `spatial.uniform`.
    p : callable
        From distances, shape ``(n,)`` in the unit of ``pre_pos``, to probabilities, such as
        ``spatial.gaussian(100. * u.um)``.
    weight : quantity, number, array, callable or Drawn
        See `pairwise_bernoulli`.
    weight_of_distance : callable
        In place of ``weight``: from distances, shape ``(n_synapses,)``, to the weights.
    delay : Drawn, optional
        See `pairwise_bernoulli`.
    max_distance : quantity or number, optional
        No synapse is longer. With it the cost is that of the pairs within that distance, without it
        that of all pairs. The kernels ``linear`` and ``box`` bring their own.
    periodic : quantity or number, () or (d,), optional
        Extent after which space repeats itself; infinite along axes where it does not.
    allow_autapses, seed
        See `pairwise_bernoulli`. Each pair has a draw of its own, which neither the positions nor
        ``max_distance`` change.

    Returns
    -------
    Connection
        Its ``distances`` give, for example, delays in proportion to them: see `spatial.delays`.

    Raises
    ------
    ParameterError
        If a value is out of range, also a probability, or not exactly one kind of weight is given.
    ShapeError
        If positions or periods have other shapes.
    UnitError
        If lengths have different dimensions.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> where = bst.spatial.grid((20, 20), 1. * u.mm)
    >>> conn = bst.distance_dependent(where, where, bst.spatial.gaussian(100. * u.um, p=0.5), periodic=1. * u.mm,
    ...                               weight_of_distance=lambda d: 2. * u.nS * u.math.exp(-d / (0.2 * u.mm)), seed=1)
    >>> conn.distances.shape == conn.weights.shape == (len(conn),)
    True
    """
    space = Space.of(_RULE, pre_pos, post_pos, periodic)
    if not callable(p):
        raise ParameterError(f'{_RULE}: p must be a function of distance, such as spatial.gaussian(...), but is {p!r}.')
    if (weight is None) == (weight_of_distance is None):
        raise ParameterError(f'{_RULE}: give either weight or weight_of_distance.')
    seed = _check.seed(_RULE, seed)
    rows = _sample(space, _sampling.keys(seed, len(space.pre)), p, _reach(space, p, max_distance), allow_autapses)
    if weight_of_distance is not None:
        weight = _of_distance(weight_of_distance, space, rows)
    return connect(_RULE, rows, len(space.post), weight, delay=delay, seed=seed, space=space)


def _of_distance(function: Callable[[Any], Any], space: Space, rows: Rows) -> Callable[[tuple[int, ...]], Any]:
    """Weights of the synapses in the order in which the connection has them when it asks."""

    def weight(shape: tuple[int, ...]) -> Any:
        sources = np.repeat(np.arange(len(space.pre), dtype=np.int32), np.diff(rows.indptr))
        return function(space.distances(sources, rows.columns))

    return weight


def _reach(space: Space, p: Any, max_distance: Any) -> float:
    """The largest distance of a synapse, as a plain number."""
    limits = {'max_distance': max_distance, 'the length of p': p.reach if isinstance(p, Kernel) else None}
    numbers = {name: plain(_RULE, name, x, space.unit) for name, x in limits.items() if x is not None}
    if 'max_distance' in numbers and (numbers['max_distance'].ndim or not numbers['max_distance'] >= 0):
        raise ParameterError(f'{_RULE}: max_distance = {max_distance} must be one length, zero or more.')
    return min(map(float, numbers.values()), default=np.inf)


def _sample(space: Space, keys: np.ndarray, p: Callable, reach: float, autapses: bool) -> Rows:
    counts, found = np.zeros(len(space.pre), np.int64), Growing()
    for block, row, column, distance in _candidates(space, reach):
        if not autapses:
            other = row != column
            row, column, distance = row[other], column[other], distance[other]
        likely = _sampling.as_fraction(_sampling.draws(keys[row], column)) < _probabilities(space, p, distance)
        pairs = np.sort(row[likely] << 32 | column[likely])
        counts[block] = np.bincount((pairs >> 32) - block[0], minlength=block.size)
        found.append(pairs & 0xFFFFFFFF)
    return Rows.of(counts, found.whole())


def _candidates(space: Space, reach: float) -> Iterator[tuple[np.ndarray, ...]]:
    """Blocks of sources, each with its pairs within reach and their distances."""
    n = len(space.post)
    cells = Cells(space, reach) if reach < np.inf and n else None
    for block in _sampling.blocks(len(space.pre), n) if cells is None else cells.blocks():
        if cells is None:
            row, column = np.repeat(block, n), np.tile(np.arange(n), block.size)
            distance = space.between(block[:, None], np.arange(n)).ravel()
        else:
            row, column = cells.candidates(block)
            distance = space.between(row, column)
            near = distance <= reach
            row, column, distance = row[near], column[near], distance[near]
        yield block, row, column, distance


def _probabilities(space: Space, p: Callable, distance: np.ndarray) -> np.ndarray:
    if distance.size == 0:
        return distance
    # to a power of two, since a function of JAX is compiled for each length
    padded = np.pad(distance, (0, (1 << (distance.size - 1).bit_length()) - distance.size), mode='edge')
    given = p(space.with_unit(padded))
    if not u.get_unit(given).is_unitless:
        raise UnitError(f'{_RULE}: p gives a value with the unit {u.get_unit(given)}, but a probability has none.')
    probability = np.asarray(u.get_mantissa(given))
    if probability.shape not in ((), padded.shape):
        raise ShapeError(f'{_RULE}: p gives the shape {probability.shape} for distances of shape {padded.shape}.')
    wrong = np.broadcast_to(~((probability >= 0) & (probability <= 1)), padded.shape)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ParameterError(
            f'{_RULE}: p gives {np.broadcast_to(probability, padded.shape)[at]:g} at distance {space.with_unit(padded)[at]}, '
            'but a probability is from 0 to 1.'
        )
    return np.broadcast_to(probability, padded.shape)[: distance.size]
