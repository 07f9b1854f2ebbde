"""Firing rates, in bins, smoothed, and around events.

Rates of a batch are means over its trials. What is not defined, such as a rate of no neurons or over no time, is NaN.
"""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError
from .._tracebacks import entry
from ..numerics import brief, whole_steps, with_unit
from ._bins import bins, hertz, starts, trials
from ._spikes import Spikes


@entry
def mean_firing_rate(spikes: Spikes) -> Any:
    """Spikes per neuron and time, in Hz; of a batch, the mean over trials. NaN for no neurons or no duration.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> bst.record.mean_firing_rate(spikes)
    Quantity(30., "Hz")
    """
    return hertz(len(spikes), spikes.n_trains * (spikes.stop - spikes.start), spikes.dt)


@entry
def firing_rates(spikes: Spikes) -> Any:
    """The firing rate of each neuron, in Hz; of a batch, the mean over trials.

    Returns
    -------
    quantity in Hz, shape (size,)
        NaN where nothing was recorded, for no duration or no trials.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> bst.record.firing_rates(spikes)
    Quantity([40. 20.], "Hz")
    """
    counts = np.bincount(spikes.i, minlength=spikes.size)
    return hertz(counts, trials(spikes) * (spikes.stop - spikes.start), spikes.dt)


@entry
def population_rate(spikes: Spikes, bin_size: Any) -> tuple[Any, Any]:
    """The firing rate in consecutive bins; of a batch, the mean over trials, which is their peristimulus time histogram.

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

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> t, rate = bst.record.population_rate(spikes, 50. * u.ms)
    >>> rate
    Quantity([40. 20.], "Hz")
    """
    width, n, bin_ = bins('population_rate', spikes, bin_size)
    counts = np.bincount(bin_[bin_ < n], minlength=n)
    return starts(spikes, width, n), hertz(counts, spikes.n_trains * width, spikes.dt)


@entry
def instantaneous_rate(spikes: Spikes, sigma: Any) -> tuple[Any, Any]:
    r"""The firing rate at each step, smoothed with a Gaussian; of a batch, the mean over trials.

    .. math:: r(t) = \frac{1}{N} \sum_k G_\sigma(t - t_k) \Big/ \int_{t_{start}}^{t_{stop}} G_\sigma(t - s) ds

    Parameters
    ----------
    spikes : Spikes
    sigma : time
        Standard deviation of the Gaussian, which ends at 5 of them; such as 10 ms.

    Returns
    -------
    t : quantity, shape (steps,)
        The start of each step.
    rate : quantity in Hz, shape (steps,)
        NaN for no neurons.

    Raises
    ------
    UnitError
        If ``sigma`` is no time.
    ParameterError
        If it is not above zero.

    Notes
    -----
    The integral is 1 but for the borders, where a part of the Gaussian is outside of what was recorded. Elephant's rates fall off there,
    or, with its ``border_correction``, are scaled a second time as a whole.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> t, rate = bst.record.instantaneous_rate(spikes, 5. * u.ms)
    >>> rate.shape
    (100,)
    """
    whole_steps(0.0 * sigma, spikes.dt, 'instantaneous_rate: sigma')
    deviation = float(np.asarray(u.Quantity(sigma / spikes.dt).to_decimal()))
    if not 0.0 < deviation < np.inf:
        raise ParameterError(f'instantaneous_rate: sigma = {brief(sigma)} must be more than zero.')
    n = spikes.stop - spikes.start
    reach = min(int(np.ceil(5.0 * deviation)), max(n - 1, 0))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    kernel /= kernel.sum()
    smooth = _convolved(np.bincount(spikes.step - spikes.start, minlength=n).astype(float), kernel)
    # how much of the Gaussian around each step is within the record
    part = np.concatenate([[0.0], np.cumsum(kernel)])
    j = np.arange(n)
    share = part[np.minimum(reach + n - j, 2 * reach + 1)] - part[np.maximum(reach - j, 0)]
    return starts(spikes, 1, n), hertz(smooth / share, spikes.n_trains, spikes.dt)


def _convolved(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The middle of the convolution with a kernel of odd length, none of it below zero."""
    if not x.size:
        return x
    size = 1 << (x.size + kernel.size - 2).bit_length()
    full = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(kernel, size), size)
    full[np.abs(full) < 1e-12 * x.max()] = 0.0  # rounding, where there are no spikes
    return np.maximum(full[kernel.size // 2 :][: x.size], 0.0)


@entry
def psth(spikes: Spikes, events: Any, bin_size: Any, before: Any, after: Any) -> tuple[Any, Any]:
    """Peristimulus time histogram: the firing rate around events, as the mean over them and over neurons and trials.

    Where each trial has one event at the same time, `population_rate` of the batch is this histogram.

    Parameters
    ----------
    spikes : Spikes
    events : time, shape (n_events,)
        Multiples of the time step.
    bin_size : time
        A multiple of the time step; an event is the start of a bin.
    before, after : time
        How long before and after an event; multiples of ``bin_size``.

    Returns
    -------
    t : quantity, shape (n_bins,)
        The start of each bin, from the event.
    rate : quantity in Hz, shape (n_bins,)
        NaN for no events or no neurons.

    Raises
    ------
    ParameterError, UnitError
        If a part of what is asked for was not recorded; for times that are no such multiples, or no times.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> t, rate = bst.record.psth(spikes, [30., 60.] * u.ms, 10. * u.ms, 10. * u.ms, 20. * u.ms)
    >>> rate
    Quantity([25. 50. 50.], "Hz")
    """
    where = 'psth'
    width = int(whole_steps(bin_size, spikes.dt, f'{where}: bin_size', positive=True))
    events = events if np.size(u.get_mantissa(events)) else np.zeros(0) * bin_size
    at = np.ravel(whole_steps(events, spikes.dt, f'{where}: events', signed=True))
    left, right = (int(whole_steps(t, bin_size, f'{where}: {name}')) for name, t in (('before', before), ('after', after)))
    n = left + right
    if not n:
        raise ParameterError(f'{where}: before = {brief(before)} and after = {brief(after)} leave no time.')
    first, last = at - left * width, at + right * width
    if (outside := (first < spikes.start) | (last > spikes.stop)).any():
        recorded = f'from {brief(spikes.t_start)} to {brief(spikes.t_stop)}'
        raise ParameterError(
            f'{where}: {brief(before)} before the event at {brief(int(at[outside][0]) * spikes.dt)} and {brief(after)} after it are not '
            f'within what was recorded, {recorded}; leave such events out.'
        )
    edges = first[:, None] + width * np.arange(n + 1)
    counts = np.diff(np.searchsorted(spikes.step, edges), axis=1).sum(0)
    t = with_unit(width * np.arange(-left, right) * float(u.get_mantissa(spikes.dt)), u.get_unit(spikes.dt))
    return t, hertz(counts, at.size * spikes.n_trains * width, spikes.dt)
