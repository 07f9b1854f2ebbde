"""Measures of spike trains, under their names in Elephant.

Rates of a batch are means over its trials; intervals and their variation are of each spike train by itself. Steps are counted as
integers. What is not defined, such as a rate of no neurons or over no time, is NaN.
"""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError
from .._tracebacks import entry
from ..numerics import brief, whole_steps, with_unit
from ._spikes import Spikes


@entry
def mean_firing_rate(spikes: Spikes) -> Any:
    """Spikes per neuron and time, in Hz; of a batch, the mean over trials. NaN for no neurons or no duration."""
    return _rate(spikes, len(spikes), spikes.n_trains * (spikes.stop - spikes.start))


@entry
def firing_rates(spikes: Spikes) -> Any:
    """The firing rate of each neuron, in Hz; of a batch, the mean over trials.

    Returns
    -------
    quantity in Hz, shape (size,)
        NaN where nothing was recorded, for no duration or no trials.
    """
    trials = 1 if spikes.n_trials is None else spikes.n_trials
    return _rate(spikes, np.bincount(spikes.i, minlength=spikes.size), trials * (spikes.stop - spikes.start))


@entry
def population_rate(spikes: Spikes, bin_size: Any) -> tuple[Any, Any]:
    """The firing rate in consecutive bins; of a batch, the mean over trials.

    Parameters
    ----------
    spikes : Spikes
    bin_size : time
        A multiple of the time step, not longer than the record; a last, incomplete bin is left out.

    Returns
    -------
    t : quantity, shape (n_bins,)
        The start of each bin.
    rate : quantity in Hz, shape (n_bins,)
        NaN for no neurons.

    Raises
    ------
    ParameterError, UnitError
        If ``bin_size`` is no multiple of the time step, longer than the record, or no time.
    """
    width, n, bins = _bins('population_rate', spikes, bin_size)
    counts = np.bincount(bins[bins < n], minlength=n)
    start = (spikes.start + width * np.arange(n)) * float(u.get_mantissa(spikes.dt))
    return with_unit(start, u.get_unit(spikes.dt)), _rate(spikes, counts, spikes.n_trains * width)


def _rate(spikes: Spikes, counts: Any, steps: int) -> Any:
    """Counts during so many steps, in Hz."""
    hertz = float(u.Quantity(1.0 / spikes.dt).to_decimal(u.Hz))
    return u.Quantity(counts / steps * hertz if steps else counts * np.nan, unit=u.Hz)


@entry
def isi(spikes: Spikes) -> tuple[np.ndarray, np.ndarray]:
    """Intervals between the spikes of each neuron; of a batch, those of its trials one after the other.

    Returns
    -------
    neuron : int array, shape (n_intervals,)
        The neuron of each interval.
    steps : int array, shape (n_intervals,)
        Its length in time steps; 0 between spikes of one step.
    """
    train, steps = _intervals(spikes)
    return train % max(spikes.size, 1), steps


def _intervals(spikes: Spikes) -> tuple[np.ndarray, np.ndarray]:
    """The train and the length of each interval."""
    train, step = spikes.by_train()
    same = train[1:] == train[:-1]
    return train[1:][same], np.diff(step)[same]


@entry
def cv(spikes: Spikes, min_spikes: int = 4) -> np.ndarray:
    """Coefficient of variation of each neuron's inter-spike intervals.

    Parameters
    ----------
    spikes : Spikes
    min_spikes : int
        Neurons with fewer spikes are left out, in each trial by itself; 3 or more, since one interval does not vary. The value is
        biased low in short runs: compare runs of equal length.

    Returns
    -------
    float array
        One value for each neuron with enough spikes; of a batch, those of its trials one after the other. NaN for a neuron
        whose spikes are all in one step.

    Raises
    ------
    ParameterError
        If ``min_spikes`` is below 3.
    """
    if not min_spikes >= 3:
        raise ParameterError(f'cv: min_spikes is {min_spikes}, but must be 3 or more: two intervals.')
    train, steps = _intervals(spikes)
    n = np.bincount(train, minlength=spikes.n_trains)
    enough = n + 1 >= min_spikes
    n_or_1 = np.maximum(n, 1)
    mean = np.bincount(train, steps, minlength=spikes.n_trains) / n_or_1
    square = np.bincount(train, (steps - mean[train]) ** 2, minlength=spikes.n_trains)
    deviation, mean = np.sqrt(square / n_or_1)[enough], mean[enough]
    return np.divide(deviation, mean, out=np.full(mean.shape, np.nan), where=mean > 0)


@entry
def correlation_coefficient(spikes: Spikes, bin_size: Any) -> np.ndarray:
    """Pearson's correlation between the spike counts of each two neurons in consecutive bins; of a batch, in the bins of all trials.

    Parameters
    ----------
    spikes : Spikes
    bin_size : time
        A multiple of the time step, not longer than the record; a last, incomplete bin is left out.

    Returns
    -------
    float array, shape (size, size)
        NaN for a neuron whose count is the same in all bins, such as a silent one. A batch counts as one long
        recording: what differs between its trials, such as rates, correlates as well.

    Raises
    ------
    ParameterError, UnitError
        If ``bin_size`` is no multiple of the time step, longer than the record, or no time.

    Notes
    -----
    It counts every spike in a matrix of neurons by bins, so it is for a sample of a large population: ``spikes.of(0, 200)``.
    """
    _, n, bins = _bins('correlation_coefficient', spikes, bin_size)
    inside, n_trials = bins < n, 1 if spikes.n_trials is None else spikes.n_trials
    counts = np.bincount((spikes.train.astype(np.int64) * n + bins)[inside], minlength=spikes.n_trains * n)
    counts = counts.reshape(n_trials, spikes.size, n).swapaxes(0, 1).reshape(spikes.size, n_trials * n)
    off = counts - counts.sum(1, keepdims=True) / max(n_trials * n, 1)
    length = np.sqrt((off**2).sum(1))
    varies = (counts != counts[:, :1]).any(1)
    unit = np.divide(off, length[:, None], out=np.full(off.shape, np.nan), where=varies[:, None])
    return unit @ unit.T


def _bins(measure: str, spikes: Spikes, bin_size: Any) -> tuple[int, int, np.ndarray]:
    """The width of a bin in steps, the number of complete ones, and the bin of each spike."""
    width = int(whole_steps(bin_size, spikes.dt, f'{measure}: bin_size', positive=True))
    if width > spikes.stop - spikes.start:
        raise ParameterError(f'{measure}: bin_size = {brief(bin_size)} is longer than the record, {brief(spikes.duration)}.')
    return width, (spikes.stop - spikes.start) // width, (spikes.step - spikes.start) // width
