"""Measures of spike trains, under their names in Elephant.

Rates of a batch are means over its trials; intervals and their variation are of each spike train by itself.
"""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from ..numerics import whole_steps
from ._spikes import Spikes


def mean_firing_rate(spikes: Spikes) -> Any:
    """Spikes per neuron and time, in Hz; of a batch, the mean over trials."""
    return (len(spikes) / max(spikes.n_trains, 1) / spikes.duration).in_unit(u.Hz)


def population_rate(spikes: Spikes, bin_size: Any) -> tuple[Any, Any]:
    """The firing rate in consecutive bins; of a batch, the mean over trials.

    Parameters
    ----------
    spikes : Spikes
    bin_size : time
        A multiple of the time step; a last, incomplete bin is left out.

    Returns
    -------
    t : quantity, shape (n_bins,)
        The start of each bin.
    rate : quantity in Hz, shape (n_bins,)

    Raises
    ------
    ParameterError, UnitError
        If ``bin_size`` is no multiple of the time step, or no time.
    """
    width, n, bins = _bins('population_rate', spikes, bin_size)
    counts = np.bincount(bins[bins < n], minlength=n)
    start = (spikes.start + width * np.arange(n)) * spikes.dt
    return start, (counts / max(spikes.n_trains, 1) / (width * spikes.dt)).in_unit(u.Hz)


def isi(spikes: Spikes) -> tuple[np.ndarray, np.ndarray]:
    """Intervals between the spikes of each neuron; of a batch, those of its trials one after the other.

    Returns
    -------
    neuron : int array, shape (n_intervals,)
        The neuron of each interval.
    steps : int array, shape (n_intervals,)
        Its length in time steps.
    """
    train, steps = _intervals(spikes)
    return train % max(spikes.size, 1), steps


def _intervals(spikes: Spikes) -> tuple[np.ndarray, np.ndarray]:
    """The train and the length of each interval."""
    order = np.argsort(spikes.train, kind='stable')
    train, step = spikes.train[order], spikes.step[order]
    same = train[1:] == train[:-1]
    return train[1:][same], (step[1:] - step[:-1])[same]


def cv(spikes: Spikes, min_spikes: int = 4) -> np.ndarray:
    """Coefficient of variation of each neuron's inter-spike intervals.

    Parameters
    ----------
    spikes : Spikes
    min_spikes : int
        Neurons with fewer spikes (at least 3) are left out, in each trial by itself. The value is biased low in short runs:
        compare runs of equal length.

    Returns
    -------
    float array
        One value for each neuron with enough spikes; of a batch, those of its trials one after the other.
    """
    train, steps = _intervals(spikes)
    n = np.bincount(train, minlength=spikes.n_trains)
    total = np.bincount(train, steps, minlength=spikes.n_trains)
    square = np.bincount(train, steps.astype(float) ** 2, minlength=spikes.n_trains)
    enough = n + 1 >= max(min_spikes, 3)
    mean = total[enough] / n[enough]
    return np.sqrt(np.maximum(square[enough] / n[enough] - mean**2, 0)) / mean


def correlation_coefficient(spikes: Spikes, bin_size: Any) -> np.ndarray:
    """Pearson's correlation between the spike counts of each two neurons in consecutive bins; of a batch, in the bins of all trials.

    Parameters
    ----------
    spikes : Spikes
    bin_size : time
        A multiple of the time step; a last, incomplete bin is left out.

    Returns
    -------
    float array, shape (size, size)
        NaN for a neuron whose count is the same in all bins, such as a silent one. A batch counts as one long
        recording: what differs between its trials, such as rates, correlates as well.

    Raises
    ------
    ParameterError, UnitError
        If ``bin_size`` is no multiple of the time step, or no time.

    Notes
    -----
    It counts every spike in a matrix of neurons by bins, so it is for a sample of a large population: ``spikes.of(0, 200)``.
    """
    _, n, bins = _bins('correlation_coefficient', spikes, bin_size)
    inside, n_trials = bins < n, 1 if spikes.n_trials is None else spikes.n_trials
    counts = np.bincount((spikes.train * n + bins)[inside], minlength=spikes.n_trains * n)
    counts = counts.reshape(n_trials, spikes.size, n).swapaxes(0, 1).reshape(spikes.size, n_trials * n)
    off = counts - counts.mean(1, keepdims=True)
    length = np.sqrt((off**2).sum(1))
    unit = np.divide(off, length[:, None], out=np.full(off.shape, np.nan), where=length[:, None] > 0)
    return unit @ unit.T


def _bins(measure: str, spikes: Spikes, bin_size: Any) -> tuple[int, int, np.ndarray]:
    """The width of a bin in steps, the number of complete ones, and the bin of each spike."""
    width = int(whole_steps(bin_size, spikes.dt, f'{measure}: bin_size', positive=True))
    return width, (spikes.stop - spikes.start) // width, (spikes.step - spikes.start) // width
