"""Correlograms: how many spikes follow others, by the time between them."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError
from .._tracebacks import entry
from ..numerics import brief, whole_steps, with_unit
from ._bins import bins, pooled
from ._spikes import Spikes


@entry
def cross_correlation_histogram(reference: Spikes, target: Spikes, bin_size: Any, max_lag: Any) -> tuple[Any, np.ndarray]:
    """Cross-correlogram: pairs of a spike of the one population and a spike of the other, by the time from the former to the latter.

    Parameters
    ----------
    reference, target : Spikes
        Of the same record, such as ``spikes.of([3])`` and ``spikes.of([5])`` for two neurons. All neurons of each count together.
        Of a batch, the sum over trials.
    bin_size : time
        A multiple of the time step; both are counted in bins, of which a last, incomplete one is left out.
    max_lag : time
        The longest time between them, a multiple of ``bin_size``, shorter than the record.

    Returns
    -------
    lag : quantity, shape (n_lags,)
        From ``-max_lag`` to ``max_lag``, the middle of each bin; above zero, the target is later.
    pairs : int array, shape (n_lags,)
        Divided by ``len(reference) * bin_size`` it is the rate of the target around a spike of the reference.

    Raises
    ------
    ParameterError, UnitError
        If the two are not of the same steps and trials; for times that are no such multiples, or no times.

    Notes
    -----
    As in Elephant with an integer window, without correction of the borders, where fewer spikes have a partner within the record.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> lags, count = bst.record.cross_correlation_histogram(spikes.of(0, 1), spikes.of(1, 2), 10. * u.ms, 30. * u.ms)
    >>> count
    array([0, 0, 2, 0, 1, 2, 0])
    """
    for name in ('start', 'stop', 'n_trials'):
        if (a := getattr(reference, name)) != (b := getattr(target, name)):
            raise ParameterError(
                f'cross_correlation_histogram: reference and target must be of the same steps and trials, but {name} is {a} and {b}.'
            )
    if u.get_dim(reference.dt) != u.get_dim(target.dt) or not np.isclose(float(target.dt / reference.dt), 1.0, rtol=1e-6):
        raise ParameterError(f'cross_correlation_histogram: dt is {brief(reference.dt)} of reference and {brief(target.dt)} of target.')
    width, n, m = _lags('cross_correlation_histogram', reference, bin_size, max_lag)
    a, b = (pooled(x, width, n) for x in (reference, target))
    pairs = [(a[:, max(0, -k) : n - max(0, k)] * b[:, max(0, k) : n - max(0, -k)]).sum() for k in range(-m, m + 1)]
    return _lag_times(reference, width, m), np.array(pairs)


@entry
def autocorrelation_histogram(spikes: Spikes, bin_size: Any, max_lag: Any) -> tuple[Any, np.ndarray]:
    """Autocorrelogram: pairs of different spikes of the same train, by the time between them, summed over neurons and trials.

    Parameters
    ----------
    spikes : Spikes
    bin_size : time
        A multiple of the time step; spikes are counted in bins, of which a last, incomplete one is left out.
    max_lag : time
        The longest time between them, a multiple of ``bin_size``, shorter than the record.

    Returns
    -------
    lag : quantity, shape (n_lags,)
        From ``-max_lag`` to ``max_lag``, the middle of each bin.
    pairs : int array, shape (n_lags,)
        Divided by ``len(spikes) * bin_size`` it is the rate of a neuron around a spike of its own.

    Raises
    ------
    ParameterError, UnitError
        For times that are no such multiples, or no times; for a lag that is not shorter than the record.

    Notes
    -----
    At lag 0 are pairs of different spikes in one bin. Elephant's cross-correlation of a train with itself has there, beside these, each
    spike with itself: ``len(spikes)`` more.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> lags, count = bst.record.autocorrelation_histogram(spikes, 10. * u.ms, 30. * u.ms)
    >>> count
    array([3, 1, 1, 0, 1, 1, 3])
    """
    width, n, m = _lags('autocorrelation_histogram', spikes, bin_size, max_lag)
    train, step = spikes.by_train()
    bin_ = (step - spikes.start) // width
    key = (train * (n + m) + bin_)[bin_ < n]  # trains are farther apart than the longest lag
    half = np.zeros(m + 1, np.int64)
    for k in range(1, key.size):
        lag = key[k:] - key[:-k]
        lag = lag[lag <= m]
        if not lag.size:  # spikes that are farther apart in their order are farther apart in time
            break
        half += np.bincount(lag, minlength=m + 1)
    return _lag_times(spikes, width, m), np.concatenate([half[:0:-1], [2 * half[0]], half[1:]])


def _lags(measure: str, spikes: Spikes, bin_size: Any, max_lag: Any) -> tuple[int, int, int]:
    """The width of a bin in steps, the number of bins, and the longest lag in bins."""
    width, n, _ = bins(measure, spikes, bin_size)
    m = int(whole_steps(max_lag, bin_size, f'{measure}: max_lag'))
    if m >= n:
        raise ParameterError(f'{measure}: max_lag = {brief(max_lag)} must be shorter than the record, {brief(spikes.duration)}.')
    return width, n, m


def _lag_times(spikes: Spikes, width: int, m: int) -> Any:
    return with_unit(width * np.arange(-m, m + 1) * float(u.get_mantissa(spikes.dt)), u.get_unit(spikes.dt))
