"""Measures of spike trains, under their names in Elephant."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from ..numerics import whole_steps
from ._spikes import Spikes


def mean_firing_rate(spikes: Spikes) -> Any:
    """Spikes per neuron and time, in Hz."""
    return (len(spikes) / max(spikes.size, 1) / spikes.duration).in_unit(u.Hz)


def population_rate(spikes: Spikes, bin_size: Any) -> tuple[Any, Any]:
    """The firing rate in consecutive bins.

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
    return start, (counts / max(spikes.size, 1) / (width * spikes.dt)).in_unit(u.Hz)


def isi(spikes: Spikes) -> tuple[np.ndarray, np.ndarray]:
    """Intervals between the spikes of each neuron.

    Returns
    -------
    neuron : int array, shape (n_intervals,)
        The neuron of each interval.
    steps : int array, shape (n_intervals,)
        Its length in time steps.
    """
    order = np.argsort(spikes.i, kind='stable')
    i, step = spikes.i[order], spikes.step[order]
    same = i[1:] == i[:-1]
    return i[1:][same], (step[1:] - step[:-1])[same]


def cv(spikes: Spikes, min_spikes: int = 4) -> np.ndarray:
    """Coefficient of variation of each neuron's inter-spike intervals.

    Parameters
    ----------
    spikes : Spikes
    min_spikes : int
        Neurons with fewer spikes (at least 3) are left out. The value is biased low in short runs:
        compare runs of equal length.

    Returns
    -------
    float array
        One value for each neuron with enough spikes.
    """
    neuron, steps = isi(spikes)
    n = np.bincount(neuron, minlength=spikes.size)
    total = np.bincount(neuron, steps, minlength=spikes.size)
    square = np.bincount(neuron, steps.astype(float) ** 2, minlength=spikes.size)
    enough = n + 1 >= max(min_spikes, 3)
    mean = total[enough] / n[enough]
    return np.sqrt(np.maximum(square[enough] / n[enough] - mean**2, 0)) / mean


def correlation_coefficient(spikes: Spikes, bin_size: Any) -> np.ndarray:
    """Pearson's correlation between the spike counts of each two neurons in consecutive bins.

    Parameters
    ----------
    spikes : Spikes
    bin_size : time
        A multiple of the time step; a last, incomplete bin is left out.

    Returns
    -------
    float array, shape (size, size)
        NaN for a neuron whose count is the same in all bins, such as a silent one.

    Raises
    ------
    ParameterError, UnitError
        If ``bin_size`` is no multiple of the time step, or no time.

    Notes
    -----
    It counts every spike in a matrix of neurons by bins, so it is for a sample of a large population: ``spikes.of(0, 200)``.
    """
    _, n, bins = _bins('correlation_coefficient', spikes, bin_size)
    inside = bins < n
    counts = np.bincount(spikes.i[inside] * n + bins[inside], minlength=spikes.size * n).reshape(spikes.size, n)
    off = counts - counts.mean(1, keepdims=True)
    length = np.sqrt((off**2).sum(1))
    unit = np.divide(off, length[:, None], out=np.full(off.shape, np.nan), where=length[:, None] > 0)
    return unit @ unit.T


def _bins(measure: str, spikes: Spikes, bin_size: Any) -> tuple[int, int, np.ndarray]:
    """The width of a bin in steps, the number of complete ones, and the bin of each spike."""
    width = int(whole_steps(bin_size, spikes.dt, f'{measure}: bin_size', positive=True))
    return width, (spikes.stop - spikes.start) // width, (spikes.step - spikes.start) // width
