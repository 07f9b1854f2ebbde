"""`Spikes`: what was recorded, as events; windows of it, and parts of the population."""

from __future__ import annotations

import copy
import operator
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError, ShapeError
from .._tracebacks import entries
from ..numerics import brief, whole_steps, with_unit
from . import _views


@entries
@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of a population, in the order of time; of a batch, those of all trials.

    Attributes
    ----------
    step : int array, shape (n_spikes,)
        The number of the step of each spike. What is given in another order is sorted.
    i : int array, shape (n_spikes,)
        The neuron that spiked. Several spikes of a neuron in one step stand one after the other.
    size : int
        Number of neurons of the population.
    dt : time
        The time step.
    start, stop : int
        The steps from and to (not including) which was recorded.
    trial : int array, shape (n_spikes,), optional
        The trial of each spike; None where there was no batch.
    n_trials : int, optional
        Number of trials of the batch; None where there was none.

    Raises
    ------
    ParameterError
        If one of ``trial`` and ``n_trials`` is given without the other, or a number is no integer or out of range.
    ShapeError
        If there is not one step, neuron and trial for each spike.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> len(spikes), spikes.of(0, 1).t, len(spikes.between(0. * u.ms, 30. * u.ms))
    (6, Quantity([10. 20. 40. 70.], "ms"), 2)
    """

    step: np.ndarray
    i: np.ndarray
    size: int
    dt: Any
    start: int
    stop: int
    trial: np.ndarray | None = None
    n_trials: int | None = None

    def __post_init__(self) -> None:
        if (self.trial is None) != (self.n_trials is None):
            raise ParameterError('Spikes: spikes of a batch need both trial and n_trials, others neither.')
        for name in ('size', 'start', 'stop', 'n_trials'):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole(name, getattr(self, name)))
        if self.start > self.stop:
            raise ParameterError(f'Spikes: start = {self.start} is after stop = {self.stop}.')
        ranges = {'step': (self.start, self.stop), 'i': (0, self.size), 'trial': (0, self.n_trials or 0)}
        for name, (low, high) in ranges.items():
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _wholes(name, getattr(self, name), low, high, np.shape(self.step)))
        if (self.step[1:] < self.step[:-1]).any():
            order = np.argsort(self.step, kind='stable')
            for name in ('step', 'i') if self.trial is None else ('step', 'i', 'trial'):
                object.__setattr__(self, name, getattr(self, name)[order])

    @classmethod
    def from_times(cls, t: Any, i: Any, *, size: int, dt: Any, t_stop: Any, t_start: Any = None) -> Spikes:
        """Spikes whose times are known, such as those of another simulator.

        Parameters
        ----------
        t : time, shape (n_spikes,)
            Multiples of ``dt``, in any order.
        i : int array, shape (n_spikes,)
            The neuron of each.
        size : int
            Number of neurons.
        dt : time
        t_start, t_stop : time
            From when, 0 by default, to when (not included) was recorded; multiples of ``dt``.

        Raises
        ------
        ParameterError, UnitError
            If a time is no multiple of ``dt``, outside of what was recorded, or no time.
        ShapeError
            If there is not one neuron for each time.
        """
        t_start = 0.0 * dt if t_start is None else t_start
        start, stop = (
            int(whole_steps(x, dt, f'Spikes.from_times: {name}', signed=True)) for name, x in (('t_start', t_start), ('t_stop', t_stop))
        )
        t = t if np.size(u.get_mantissa(t)) else np.zeros(0) * dt
        return cls(whole_steps(t, dt, 'Spikes.from_times: t', signed=True), i, size, dt, start, stop)

    @property
    def t(self) -> Any:
        """Time of each spike: the start of its step; float64."""
        return with_unit(self.step * float(u.get_mantissa(self.dt)), u.get_unit(self.dt))

    @property
    def t_start(self) -> Any:
        """The time from which was recorded."""
        return self.start * self.dt

    @property
    def t_stop(self) -> Any:
        """The time until which was recorded."""
        return self.stop * self.dt

    @property
    def duration(self) -> Any:
        """How long was recorded, each trial alike."""
        return (self.stop - self.start) * self.dt

    @property
    def count(self) -> np.ndarray:
        """Number of spikes of each neuron, shape ``(size,)``; of a batch, in each trial, ``(n_trials, size)``."""
        counts = np.bincount(self.train, minlength=self.n_trains)
        return counts if self.n_trials is None else counts.reshape(self.n_trials, self.size)

    @property
    def train(self) -> np.ndarray:
        """The spike train to which each spike belongs: that of its neuron or, of a batch, number ``trial * size + i``."""
        return self.i if self.trial is None else self.trial.astype(np.int64) * self.size + self.i

    @property
    def n_trains(self) -> int:
        """Number of spike trains: of neurons, in all trials."""
        return self.size if self.n_trials is None else self.n_trials * self.size

    def __len__(self) -> int:
        return self.step.size

    def of(self, first: Any, last: int | None = None) -> Spikes:
        """The spikes of some neurons, numbered from 0, in all trials.

        Parameters
        ----------
        first, last : int
            From which neuron, and up to which one (not included).
        first : int, slice, int array or bool array
            Without ``last``: which neurons, as one would index an array, and as monitors take it. One number is one neuron. A list
            gives the order of the new numbers; a mask has shape ``(size,)``.

        Raises
        ------
        ParameterError
            For neurons that there are not, that are named twice or that are no integers; ``last`` before ``first``.
        ShapeError
            For a mask of another shape.
        """
        if last is not None:
            first, last = whole('first', first), whole('last', last)
            if not 0 <= first <= last <= self.size:
                raise ParameterError(f'Spikes.of: neurons {first} to {last} are asked for, but there are neurons 0 to {self.size}.')
            first = slice(first, last)
        number = np.full(self.size, -1)
        chosen = _neurons(first, self.size)
        number[chosen] = np.arange(chosen.size)
        i = number[self.i]
        part = self._only(i >= 0)
        return part._with(i=i[i >= 0], size=chosen.size)

    def of_trial(self, trial: int) -> Spikes:
        """The spikes of one trial of a batch, numbered from 0, as a single run would have them.

        Raises
        ------
        ParameterError
            If there is no such trial, or was no batch.
        """
        if self.trial is None or self.n_trials is None:
            raise ParameterError('Spikes: they are of one run without a batch, which has no trials.')
        if not 0 <= (trial := whole('trial', trial)) < self.n_trials:
            raise ParameterError(f'Spikes: trial is {trial}, but must be from 0 to {self.n_trials - 1}.')
        return self._only(self.trial == trial)._with(trial=None, n_trials=None)

    def between(self, start: Any, stop: Any) -> Spikes:
        """The spikes of the steps from one time to another (not included).

        Parameters
        ----------
        start, stop : time
            Multiples of the time step within what was recorded, from `t_start` to `t_stop`.

        Raises
        ------
        ParameterError, UnitError
            If ``start`` is after ``stop``, or a time is outside of what was recorded, no multiple of the time step, or no time.
        """
        first, last = (int(whole_steps(t, self.dt, f'Spikes.between: {name}')) for name, t in (('start', start), ('stop', stop)))
        if first > last:
            raise ParameterError(f'Spikes.between: start = {brief(start)} is after stop = {brief(stop)}.')
        for name, time, step in (('start', start, first), ('stop', stop, last)):
            if not self.start <= step <= self.stop:
                recorded = f'from {brief(self.t_start)} to {brief(self.t_stop)}'
                raise ParameterError(f'Spikes.between: {name} = {brief(time)} is outside of what was recorded, {recorded}.')
        return self._cut(first, last)

    def spike_trains(self) -> list[Any]:
        """The spike times of each neuron; of a batch, a list of them for each trial."""
        train, step = self.by_train()
        ends = np.cumsum(np.bincount(train, minlength=self.n_trains))
        t, unit = step * float(u.get_mantissa(self.dt)), u.get_unit(self.dt)
        trains = [with_unit(each, unit) for each in np.split(t, ends[:-1])] if self.n_trains else []
        return trains if self.n_trials is None else [trains[k * self.size : (k + 1) * self.size] for k in range(self.n_trials)]

    def by_train(self) -> tuple[np.ndarray, np.ndarray]:
        """Train and step of each spike, in the order of trains and within each of time; both int64."""
        span = max(self.stop - self.start, 1)
        # Numbers that hold both are sorted several times as fast as an order of the spikes is found.
        key = np.sort(self.train.astype(np.int64) * span + (self.step - self.start))
        train = key // span
        return train, key - train * span + self.start

    def to_dense(self, bin_size: Any = None) -> np.ndarray:
        """Number of spikes in each bin, a matrix of time and neurons.

        Parameters
        ----------
        bin_size : time, optional
            A multiple of the time step, not longer than the record; a last, incomplete bin is left out. A step by default.

        Returns
        -------
        int32 array, shape (n_bins, size)
            Of a batch, ``(n_bins, n_trials, size)``. It has a number for each neuron and bin, so it is for parts of a large record.

        Raises
        ------
        ParameterError, UnitError
            If ``bin_size`` is no multiple of the time step, longer than the record, or no time.
        """
        return _views.dense(self, bin_size)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row for each spike: its time, whose unit is in the name of the column, its neuron and its trial.

        Its ``attrs`` say what else is known: ``size``, ``dt``, ``t_start``, ``t_stop`` and ``n_trials``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return _views.pandas(self)

    def to_xarray(self, bin_size: Any = None) -> Any:
        """What `to_dense` gives as an `xarray.DataArray` with the dimensions ``time``, ``trial`` of a batch, and ``neuron``.

        Raises
        ------
        ImportError
            If xarray is not installed.
        ParameterError, UnitError
            As of `to_dense`.
        """
        return _views.xarray(self, bin_size)

    def to_neo(self) -> list[Any]:
        """A `neo.SpikeTrain` for each neuron, annotated with its number; of a batch, a list of them for each trial.

        Raises
        ------
        ImportError
            If Neo is not installed.
        """
        return _views.neo(self)

    def _cut(self, first: int, last: int) -> Spikes:
        """The spikes of steps that were recorded."""
        low, high = np.searchsorted(self.step, (first, last))
        return self._only(slice(low, high))._with(start=first, stop=last)

    def _only(self, keep: Any) -> Spikes:
        return self._with(step=self.step[keep], i=self.i[keep], trial=None if self.trial is None else self.trial[keep])

    def _with(self, **changes: Any) -> Spikes:
        """Another one, of parts that are known to fit."""
        other = copy.copy(self)
        vars(other).update(changes)
        return other


def whole(name: str, x: Any, owner: str = 'Spikes') -> int:
    """A whole number, such as of a step."""
    try:
        if isinstance(x, (bool, np.bool_)):
            raise TypeError
        return operator.index(x)
    except TypeError:
        raise ParameterError(f'{owner}: {name} is {x!r}, but must be an integer.') from None


def _wholes(name: str, x: Any, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
    x = np.asarray(x, None if np.size(x) else np.int64)
    if x.ndim != 1 or x.shape != shape:
        raise ShapeError(f'Spikes: {name} has shape {x.shape}, but step {shape}; expected one of each for each spike.')
    if x.dtype.kind not in 'iu':
        raise ParameterError(f'Spikes: {name} has the type {x.dtype}, but must be integers.')
    x = x if x.dtype.kind == 'i' else x.astype(np.int64)
    if x.size and not low <= x.min() <= x.max() < high:
        raise ParameterError(f'Spikes: {name} has numbers from {x.min()} to {x.max()}, but must stay between {low} and {high - 1}.')
    return x


def _neurons(which: Any, size: int) -> np.ndarray:
    """The numbers of neurons that a slice, a mask or a list names."""
    if isinstance(which, slice):
        for bound in (which.start, which.stop):
            if bound is not None and not -size <= whole('a bound of the slice', bound) <= size:
                raise ParameterError(f'Spikes.of: {which} is asked for, but there are {size} neurons.')
        return np.arange(size)[which]
    which = np.asarray(which, None if np.size(which) else np.int64)
    if which.ndim == 0 and which.dtype.kind in 'iu':
        which = which[None]
    if which.dtype == np.bool_:
        if which.shape != (size,):
            raise ShapeError(f'Spikes.of: the mask has shape {which.shape}, expected ({size},), one for each neuron.')
        return np.flatnonzero(which)
    if which.ndim != 1 or which.dtype.kind not in 'iu':
        raise ParameterError(
            'Spikes.of: give the number of a neuron, the first and the last (not included), or a slice, a list of integers or a mask, '
            f'but not {brief(which)}.'
        )
    if which.size and not -size <= which.min() <= which.max() < size:
        raise ParameterError(f'Spikes.of: neurons from {which.min()} to {which.max()} are asked for, but there are {size}.')
    which = which.astype(np.int64) % max(size, 1)
    if np.unique(which).size < which.size:
        raise ParameterError('Spikes.of: a neuron is named twice.')
    return which
