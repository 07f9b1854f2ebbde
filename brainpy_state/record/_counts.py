"""How spike counts vary, and how they vary together. The bins of all trials of a batch count as one long recording."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tracebacks import entry
from ._bins import bins, counted, ratio, trials
from ._spikes import Spikes


@entry
def fanofactor(spikes: Spikes, window: Any = None) -> np.ndarray:
    """Fano factor: variance of the spike count of each neuron over its mean; 1 for Poisson processes.

    Parameters
    ----------
    spikes : Spikes
    window : time, optional
        Spikes are counted in consecutive windows of this length, a multiple of the time step, of all trials; a last, incomplete one is left
        out. By default in the whole record, so that it is the variation over trials. For that at one time of the trials, take the Fano
        factor of ``spikes.between(start, stop)``.

    Returns
    -------
    float array, shape (size,)
        NaN for silent neurons, and for a single count, which does not vary.

    Raises
    ------
    ParameterError, UnitError
        If ``window`` is no multiple of the time step, longer than the record, or no time.

    Notes
    -----
    The variance is that of the counts, divided by their number n, as in Elephant and in `cv`. Elephant takes a list of trains, each of
    which is one count.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> bst.record.fanofactor(spikes, 20. * u.ms)
    array([0.2, 0.6])
    """
    whole = spikes.count.reshape(trials(spikes), spikes.size).T
    counts = whole if window is None else _of_neurons('fanofactor', spikes, window, 'window')
    if counts.shape[1] < 2:
        return np.full(spikes.size, np.nan)
    return ratio(counts.var(1), counts.mean(1))


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

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> bst.record.correlation_coefficient(spikes, 20. * u.ms).round(3)
    array([[1.   , 0.408],
           [0.408, 1.   ]])
    """
    unit = _unit('correlation_coefficient', spikes, bin_size)
    return unit @ unit.T


@entry
def mean_pairwise_correlation(spikes: Spikes, bin_size: Any) -> float:
    """The mean of `correlation_coefficient` over pairs of different neurons.

    Parameters
    ----------
    spikes : Spikes
    bin_size : time
        A multiple of the time step, not longer than the record; a last, incomplete bin is left out.

    Returns
    -------
    float
        Pairs whose correlation is not defined are left out; NaN where no pair is left.

    Raises
    ------
    ParameterError, UnitError
        If ``bin_size`` is no multiple of the time step, longer than the record, or no time.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> round(float(bst.record.mean_pairwise_correlation(spikes, 20. * u.ms)), 3)
    0.408
    """
    unit = _unit('mean_pairwise_correlation', spikes, bin_size)
    unit = unit[~np.isnan(unit).any(1)]
    n = len(unit)
    return float(ratio((unit.sum(0) ** 2).sum() - n, n * (n - 1)))


def _unit(measure: str, spikes: Spikes, bin_size: Any) -> np.ndarray:
    """Counts of each neuron without their mean, as vectors of length 1; NaN where they do not vary."""
    counts = _of_neurons(measure, spikes, bin_size)
    if not counts.shape[1]:
        return np.full((len(counts), 1), np.nan)
    off = counts - counts.mean(1, keepdims=True)
    length = np.sqrt((off**2).sum(1))
    varies = (counts != counts[:, :1]).any(1)
    return np.divide(off, length[:, None], out=np.full(off.shape, np.nan), where=varies[:, None])


def _of_neurons(measure: str, spikes: Spikes, bin_size: Any, name: str = 'bin_size') -> np.ndarray:
    """Spikes of each neuron in the bins of all trials, shape ``(size, n_trials * n_bins)``."""
    width, n, _ = bins(measure, spikes, bin_size, name)
    counts = counted(spikes, spikes.train, spikes.n_trains, width, n)
    return counts.reshape(trials(spikes), spikes.size, n).swapaxes(0, 1).reshape(spikes.size, trials(spikes) * n)
