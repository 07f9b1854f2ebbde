"""Positions in space, and probabilities of connection and delays that depend on distance.

Lengths are quantities, such as ``100. * u.um``, or plain numbers, alike for all of a rule.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import brainunit as u
import numpy as np

from .. import environ
from .._errors import ParameterError, ShapeError, UnitError
from .._tracebacks import entry
from ..numerics import plain, with_unit
from ..random._keys import Seed
from . import _check, _sampling
from ._positions import unit_text


@entry
def grid(shape: tuple[int, ...], extent: Any = 1.0) -> Any:
    """Positions on a regular grid.

    Parameters
    ----------
    shape : tuple of one to three int
        Neurons along each axis. The last axis runs fastest.
    extent : quantity or number, () or (d,)
        Length of each axis, which begins at zero. Neurons stand in the middle of equal cells, so with
        ``periodic=extent`` the grid goes on without a seam.

    Returns
    -------
    array or quantity, shape (product of ``shape``, d)

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.spatial.grid((2, 2), 4. * u.mm)
    Quantity([[1. 1.]
              [1. 3.]
              [3. 1.]
              [3. 3.]], "mm")
    """
    sizes = tuple(_check.number('grid', 'shape', n) for n in shape)
    if not 1 <= len(sizes) <= 3:
        raise ShapeError(f'grid: shape = {shape!r} must have one to three axes.')
    lengths, unit = _lengths('grid', extent, len(sizes))
    axes = [(np.arange(n) + 0.5) * length / max(n, 1) for n, length in zip(sizes, lengths, strict=True)]
    places = np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1).reshape(-1, len(sizes))
    return with_unit(places, unit)


@entry
def uniform(n: int, extent: Any, *, seed: Seed = None) -> Any:
    """Positions drawn uniformly from a box.

    Parameters
    ----------
    n : int
        Number of neurons.
    extent : quantity or number, (d,)
        Length of each of one to three axes, which begin at zero.
    seed : int, str or tuple of them, optional
        Decides each position together with the number of the neuron alone. ``None`` draws one from
        the global generator.

    Returns
    -------
    array or quantity, shape (n, d)

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.connections.spatial.uniform(100, [1., 2.] * u.mm, seed=1).shape
    (100, 2)
    """
    n = _check.number('uniform', 'n', n)
    d = np.size(u.get_mantissa(extent))
    if np.ndim(u.get_mantissa(extent)) != 1 or d > 3:
        raise ShapeError(f'uniform: extent = {extent} must have one length for each of one to three axes.')
    lengths, unit = _lengths('uniform', extent, d)
    keys = _sampling.keys(_check.seed('uniform', seed), n)
    places = _sampling.as_fraction(_sampling.draws(keys[:, None], np.arange(d))) * lengths
    return with_unit(places, unit)


@entry
def delays(distance: Any, speed: Any) -> Any:
    """Delays of conduction over distances, rounded to the nearest step of the ``dt`` that is set.

    Parameters
    ----------
    distance : quantity or number
        Such as the ``distances`` of a connection, which it then gives one delay each.
    speed : quantity
        A length of the same kind per time, more than zero.

    Returns
    -------
    time
        Of the shape of ``distance``.

    Raises
    ------
    ParameterError, UnitError
        If the speed is not above zero, a distance is negative or not finite, or the two give no time.

    Examples
    --------
    >>> import brainunit as u, numpy as np
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.spatial.delays(np.array([0., 100., 260.]) * u.um, 0.2 * u.mm / u.ms)
    Quantity([0.  0.5 1.3], "ms")
    """
    dt = environ.get('dt', desc='spatial.delays gives whole time steps')
    if u.get_dim(distance) != u.get_dim(speed * dt):
        raise UnitError(f'spatial.delays: a distance with {_unit(distance)} and a speed with {_unit(speed)} give no time.')
    numbers, pace = np.asarray(u.get_mantissa(distance), float), u.get_mantissa(speed)
    if not (np.isfinite(numbers).all() and (numbers >= 0).all() and np.isfinite(pace) and pace > 0):
        raise ParameterError('spatial.delays: distances must be finite and zero or more, and the speed finite and more than zero.')
    steps = np.asarray(plain(distance / (speed * dt)), float)
    return np.rint(steps) * dt


@entry
def gaussian(scale: Any, p: float = 1.0) -> Kernel:
    """The probability ``p exp(-d^2 / (2 scale^2))`` at distance d.

    Parameters
    ----------
    scale : quantity or number
        Standard deviation.
    p : float
        Probability at distance zero, from 0 to 1.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> where = bst.spatial.grid((10, 10), 1. * u.mm)
    >>> comm = bst.distance_dependent(where, where, bst.spatial.gaussian(0.2 * u.mm, p=0.5), weight=1. * u.nS, seed=1)
    >>> 0 < comm.n_synapses < 5000
    True
    """
    return Kernel('gaussian', scale, p)


@entry
def exponential(scale: Any, p: float = 1.0) -> Kernel:
    """The probability ``p exp(-d / scale)`` at distance d.

    Parameters
    ----------
    scale : quantity or number
        Length over which the probability falls to 1/e.
    p : float
        Probability at distance zero, from 0 to 1.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> where = bst.spatial.grid((10, 10), 1. * u.mm)
    >>> comm = bst.distance_dependent(where, where, bst.spatial.exponential(0.2 * u.mm, p=0.5), weight=1. * u.nS, seed=1)
    >>> 0 < comm.n_synapses < 5000
    True
    """
    return Kernel('exponential', scale, p)


@entry
def linear(radius: Any, p: float = 1.0) -> Kernel:
    """The probability ``p (1 - d / radius)`` at distance d, zero from ``radius`` on.

    Parameters
    ----------
    radius : quantity or number
        Distance at which the probability reaches zero.
    p : float
        Probability at distance zero, from 0 to 1.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> where = bst.spatial.grid((10, 10), 1. * u.mm)
    >>> comm = bst.distance_dependent(where, where, bst.spatial.linear(0.5 * u.mm, p=0.5), weight=1. * u.nS, seed=1)
    >>> 0 < comm.n_synapses < 5000
    True
    """
    return Kernel('linear', radius, p)


@entry
def box(radius: Any, p: float = 1.0) -> Kernel:
    """The probability ``p`` up to the distance ``radius``, zero beyond.

    Parameters
    ----------
    radius : quantity or number
        The largest distance.
    p : float
        Probability within it, from 0 to 1.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> where = bst.spatial.grid((10, 10), 1. * u.mm)
    >>> comm = bst.distance_dependent(where, where, bst.spatial.box(0.3 * u.mm, p=0.5), weight=1. * u.nS, seed=1)
    >>> 0 < comm.n_synapses < 5000
    True
    """
    return Kernel('box', radius, p)


_SHAPES = {
    'gaussian': lambda x: np.exp(-0.5 * x * x),
    'exponential': lambda x: np.exp(-x),
    'linear': lambda x: np.maximum(1 - x, 0.0),
    'box': lambda x: (x <= 1).astype(float),
}


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A probability as a function of distance, as `gaussian`, `exponential`, `linear` and `box` make it.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.connections.spatial.gaussian(0.1 * u.mm, p=0.5)
    Kernel(shape='gaussian', length=Quantity(0.1, "mm"), p=0.5)
    """

    shape: str
    length: Any
    p: float

    def __post_init__(self) -> None:
        _check.probability(self.shape, self.p)
        number = u.get_mantissa(self.length)
        if np.ndim(number) != 0 or not 0 < number < math.inf:
            raise ParameterError(f'{self.shape}: {self.length} must be one length, more than zero.')

    @property
    def reach(self) -> Any:
        """The distance beyond which the probability is zero; None where it never is."""
        return self.length if self.shape in ('linear', 'box') else None

    def __call__(self, distance: Any) -> np.ndarray:
        """The probability at these distances, of their shape."""
        ratio = distance / self.length
        if not u.get_unit(ratio).is_unitless:
            raise UnitError(f'{self.shape}: its length has {_unit(self.length)}, but the distances have {_unit(distance)}.')
        return self.p * _SHAPES[self.shape](np.asarray(u.get_mantissa(ratio)))


def _unit(x: Any) -> str:
    return unit_text(u.get_unit(x))


def _lengths(rule: str, extent: Any, d: int) -> tuple[np.ndarray, Any]:
    numbers, unit = np.asarray(u.get_mantissa(extent), float), u.get_unit(extent)
    if numbers.shape not in ((), (d,)):
        raise ShapeError(f'{rule}: extent has shape {numbers.shape}, expected one length, or one for each of the {d} axes.')
    if not ((numbers > 0) & (numbers < math.inf)).all():
        raise ParameterError(f'{rule}: extent = {extent} must be more than zero and finite.')
    return np.broadcast_to(numbers, (d,)), unit
