"""What all sets of event data are, and spikes of steps from events."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, NamedTuple

import brainunit as u
import numpy as np

from .. import environ
from .._errors import ParameterError, ShapeError
from .._typing import Size, as_size
from ..numerics import plain, whole_steps

_SLACK = 1e-3  # of a step: a time that is but for rounding a multiple of dt belongs to its step


class Sample(NamedTuple):
    """Events and what they are of.

    Parameters
    ----------
    times : time, shape ``(n,)``
        When, from the beginning of the sample; double precision.
    units : int array, shape ``(n,)``
        Where: the place in the flattened array of shape ``size`` of the data set.
    label : int
        The class.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.datasets.Sample([1., 2.] * u.ms, np.array([0, 5]), 3).label
    3
    """

    times: Any
    units: np.ndarray
    label: int


class EventData:
    """Base of sets of event data: a sequence of `Sample`.

    A subclass gives ``size``, ``classes``, ``labels`` and ``read``, which reads one sample.

    Examples
    --------
    >>> import brainunit as u, numpy as np
    >>> import brainpy_state as bst
    >>> class Clicks(bst.datasets.EventData):
    ...     size, classes, labels = (3,), ('one', 'two'), np.array([1])
    ...     def read(self, i):
    ...         return np.array([0.2, 1.5]) * u.ms, np.array([0, 2])
    >>> Clicks()[0]
    Sample(times=Quantity([0.2 1.5], "ms"), units=array([0, 2]), label=1)
    """

    size: ClassVar[tuple[int, ...]]
    """The shape of the array of units; of cameras height, width and polarity."""
    classes: tuple[str, ...]
    """Names of the classes."""
    labels: np.ndarray
    """The class of each sample."""

    def read(self, i: int) -> tuple[Any, np.ndarray]:
        """Times and units of a sample."""
        raise NotImplementedError(f'{type(self).__name__} does not define `read`.')

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> Sample:
        k = operator.index(i)
        if not -len(self) <= k < len(self):
            raise IndexError(f'{type(self).__name__}: there is no sample {k} of {len(self)}.')
        times, units = self.read(k % len(self))
        return Sample(times, units, int(self.labels[k]))

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))


def binned(samples: Iterable[Sample], duration: Any, size: Size, *, counts: bool = False) -> np.ndarray:
    """Spikes in steps of ``dt`` from events.

    Parameters
    ----------
    samples : iterable of Sample
        The batch.
    duration : time
        A multiple of ``dt``; later events are left out.
    size : int or tuple of int
        The shape of the array of units.
    counts : bool
        Whether several events of a unit in a step are their number, instead of one spike.

    Returns
    -------
    array, shape ``(T, batch, *size)``
        Spikes as floating-point numbers, time first.

    Raises
    ------
    ParameterError
        If the duration is no multiple of ``dt``, a time is negative or not finite, or a unit is out of range.
    ShapeError
        If a sample has not as many times as units.

    Notes
    -----
    Times are rounded down to steps; one that is but for rounding a multiple of ``dt`` (to a thousandth of a step) belongs to its step.

    Examples
    --------
    >>> import brainunit as u, numpy as np
    >>> import brainpy_state as bst
    >>> sample = bst.datasets.Sample(np.array([0.2, 1.5, 1.7]) * u.ms, np.array([0, 2, 2]), 1)
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     bst.datasets.binned([sample], 2. * u.ms, 3)
    array([[[1., 0., 0.]],
    <BLANKLINE>
           [[0., 0., 1.]]], dtype=float32)
    """
    dt, shape = environ.get_dt(), as_size(size, 'binned')
    samples, n = list(samples), int(np.prod(shape))
    spikes = np.zeros((int(whole_steps(duration, dt, 'binned: duration', positive=True)), len(samples), n), environ.dftype())
    for k, sample in enumerate(samples):
        exact, units = np.asarray(plain(sample.times / dt), float), np.asarray(sample.units)
        check_events(f'binned: sample {k}', exact, units, n)
        step = np.floor(exact + _SLACK)
        within = step < len(spikes)
        if counts:
            np.add.at(spikes[:, k], (step[within].astype(np.int64), units[within]), 1)
        else:
            spikes[step[within].astype(np.int64), k, units[within]] = 1
    return spikes.reshape((*spikes.shape[:2], *shape))


def check_events(where: str, times: np.ndarray, units: np.ndarray, n: int) -> None:
    """Raise unless there is a unit in the range for each time, and times are zero or positive."""
    if times.shape != units.shape or times.ndim != 1:
        raise ShapeError(f'{where}: there are times of shape {times.shape} for units of shape {units.shape}.')
    if not (np.isfinite(times) & (times >= 0)).all():
        raise ParameterError(f'{where}: times must be zero or positive and finite, but are from {times.min()} to {times.max()}.')
    if units.size and not (units.min() >= 0 and units.max() < n):
        raise ParameterError(f'{where}: units must be from 0 to {n - 1}, but are from {units.min()} to {units.max()}.')


def in_unit(times: np.ndarray, unit: Any) -> Any:
    """Times as a quantity of double precision."""
    return u.Quantity(times.astype(float), unit=unit)
