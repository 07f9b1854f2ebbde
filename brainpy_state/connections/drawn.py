"""Weights and delays that are drawn for each synapse.

A connection rule takes them as ``weight`` and ``delay``. What a synapse gets depends on the seed of the projection, its source and its
number among the source's synapses in the order of their targets, so the rest of the network does not matter.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import brainunit as u
import numpy as np

from .._errors import ParameterError
from .._typing import Initializer
from ..modules import Param, check_unit
from ..numerics import plain
from ..state import State

_FARTHEST = 8.21  # standard deviations: no normal draw is farther from the mean
_LEAST = 0.01  # share of draws within limits, so that a second draw does not take for ever


def normal(mean: Any, std: Any, *, low: Any = None, high: Any = None, outside: str = 'clip', dtype: str | None = None) -> Drawn:
    """Normally distributed values.

    Parameters
    ----------
    mean, std : quantity or number
        Mean and standard deviation.
    low, high : quantity or number, optional
        Limits.
    outside : {'clip', 'redraw'}
        Whether a value outside of the limits becomes the limit, or is drawn again.
    dtype : {'float16', 'float32', 'float64'}, optional
        How weights are stored; by default, in the precision that is set. Those of 16 bits take half the memory, and count as
        float32 where they are delivered.

    Raises
    ------
    ParameterError
        If a value is not one finite number, the deviation is negative, the limits are not in order, or ``'redraw'`` finds less
        than one draw in a hundred within limits.
    UnitError
        If units differ from that of the mean.

    Notes
    -----
    The quantile of a uniform draw: Wichura 1988, algorithm AS 241, doi:10.2307/2347330.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> weight = bst.drawn.normal(87.8 * u.pA, 8.78 * u.pA, low=0. * u.pA)
    >>> conn = bst.fixed_total_number(1000, 500, 20_000, weight=weight, seed=1)
    >>> abs(conn.weights.mean() - 87.8 * u.pA) < 0.5 * u.pA
    Array(True, dtype=bool)
    """
    low = low if low is not None else -np.inf * u.get_unit(mean)
    high = high if high is not None else np.inf * u.get_unit(mean)
    return Drawn('normal', mean, std, low, high, outside, dtype)


def uniform(low: Any, high: Any, *, dtype: str | None = None) -> Drawn:
    """Uniformly distributed values.

    Parameters
    ----------
    low, high : quantity or number
        Limits.
    dtype : {'float16', 'float32', 'float64'}, optional
        As in `normal`.

    Raises
    ------
    ParameterError
        If a limit is not one finite number, or they are not in order.
    UnitError
        If their units differ.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> weight = bst.connections.drawn.uniform(1. * u.nS, 2. * u.nS)
    >>> comm = bst.all_to_all(3, 2, weight=weight, seed=1)
    >>> bool((comm.weight.value >= 1. * u.nS).all())
    True
    """
    return Drawn('uniform', low, high - low, low, high, 'clip', dtype)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """How values are drawn, as `normal` and `uniform` make it.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.connections.drawn.normal(1. * u.nS, 0.1 * u.nS)
    Drawn(shape='normal', ...)
    """

    shape: str
    location: Any
    scale: Any
    low: Any
    high: Any
    outside: str
    dtype: Any = None

    def __post_init__(self) -> None:
        if self.dtype not in (None, 'float16', 'float32', 'float64'):
            raise ParameterError(f"{self.shape}: dtype = {self.dtype!r} must be 'float16', 'float32' or 'float64'.")
        if self.outside not in ('clip', 'redraw'):
            raise ParameterError(f"{self.shape}: outside = {self.outside!r} must be 'clip' or 'redraw'.")
        for name in ('scale', 'low', 'high'):
            check_unit(getattr(self, name), self.location, self.shape, {'scale': 'std'}.get(name, name))
        values = [self.location, self.scale, self.low, self.high]
        if any(np.ndim(u.get_mantissa(x)) for x in values):
            raise ParameterError(f'{self.shape}: each of its values is one number.')
        location, scale, low, high = self._numbers(self._plain)
        if not (math.isfinite(location) and 0 <= scale < math.inf and low <= high):
            names = ('mean', 'std', 'low', 'high') if self.shape == 'normal' else ('low', 'width', 'low', 'high')
            given = ', '.join(f'{name} = {x}' for name, x in dict(zip(names, values, strict=True)).items())
            raise ParameterError(f'{self.shape}: {given} must be finite, std not negative, and the limits in order.')
        if self.outside == 'redraw':
            likely = _up_to(high - location, scale) - _up_to(low - location, scale, inclusive=False)
            if low == -math.inf and high == math.inf:
                raise ParameterError(f"{self.shape}: outside='redraw' needs a limit, low or high.")
            if likely < _LEAST:
                raise ParameterError(
                    f'{self.shape}: {likely:.2g} of all draws are between low = {self.low} and high = {self.high}; '
                    f"outside='redraw' needs {_LEAST} or more."
                )

    @property
    def unit(self) -> Any:
        """Of the values."""
        return u.get_unit(self.location)

    def law(self, number: Callable[[Any], float] | None = None) -> np.ndarray:
        """What kernels need, with values as plain numbers: by default, of the unit."""
        location, scale, low, high = self._numbers(number or self._plain)
        return np.array([self.shape == 'normal', location, scale, low, high, self.outside == 'redraw'], float)

    def extremes(self, number: Callable[[Any], float]) -> tuple[float, float]:
        """The smallest and the largest value that may be drawn."""
        location, scale, low, high = self._numbers(number)
        farthest = _FARTHEST * scale if self.shape == 'normal' else math.inf
        return min(max(low, location - farthest), high), max(min(high, location + farthest), low)

    def _numbers(self, number: Callable[[Any], float]) -> list[float]:
        return [number(x) for x in (self.location, self.scale, self.low, self.high)]

    def _plain(self, x: Any) -> float:
        return float(x if self.unit.is_unitless else x.to_decimal(self.unit))


Weight: TypeAlias = Initializer | Drawn | State | Param


def in_steps(rule: str, delay: Any, dt: Any) -> tuple[np.ndarray, int]:
    """The law of a delay in time steps, and the longest that it may give.

    Raises
    ------
    ParameterError
        If this is no description of draws, or one of delays that are negative or of more than 65535 steps.
    UnitError
        If they are not times.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.connections.drawn.in_steps('all_to_all', bst.drawn.uniform(1. * u.ms, 2. * u.ms), 0.1 * u.ms)[1]
    20
    """
    if not isinstance(delay, Drawn):
        raise ParameterError(
            f'{rule}: delay = {delay} must say how delays are drawn, such as drawn.normal(...); others are given to the projection.'
        )
    check_unit(delay.location, dt, rule, 'delay')
    if delay.dtype is not None:
        raise ParameterError(f'{rule}: delays are stored in whole steps; leave out dtype = {delay.dtype!r}.')

    def steps(x: Any) -> float:
        return float(plain(x / dt))

    least, most = delay.extremes(steps)
    if least < 0:
        raise ParameterError(f'{rule}: a delay could be {least * dt}; give it a limit, low=0. * u.ms or more.')
    if most >= 2**16 - 1:
        raise ParameterError(f'{rule}: a delay could be {most:.0f} steps, but 65535 is the most; give it a limit with high=...')
    return delay.law(steps), int(most + 0.5)


def _up_to(distance: float, scale: float, inclusive: bool = True) -> float:
    """Probability of a normal value up to this distance from the mean."""
    if scale == 0:
        return float(distance > 0 or (inclusive and distance == 0))
    return 0.5 * math.erfc(-distance / scale / math.sqrt(2))
