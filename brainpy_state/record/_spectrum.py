"""Power spectra of the activity of a population, and of a trace."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError, ShapeError
from .._tracebacks import entry
from ..numerics import brief, whole_steps
from ._bins import bins, pooled
from ._spikes import Spikes
from ._trace import Trace


@entry
def power_spectrum(activity: Any, window: Any, dt: Any = None) -> tuple[Any, Any]:
    """Power spectral density by Welch's method: the mean over windows that overlap by half, each without its mean and under a Hann taper.

    Parameters
    ----------
    activity : Spikes, Trace or quantity or array of shape (T, ...)
        Of spikes, that of the mean firing rate of the population, in Hz; the first axis of others is time.
    window : time
        Length of a window, a multiple of ``dt``, not longer than the record; frequencies are multiples of its inverse.
    dt : time, optional
        Time between values. Of spikes, the width of the bins that they are counted in, their time step by default; a trace has its own;
        needed for arrays.

    Returns
    -------
    frequency : quantity in Hz, shape (window / (2 dt) + 1,)
        From 0 to half of ``1 / dt``.
    power : quantity or array, shape (n_frequencies, ...)
        One-sided density, in the square of the unit of the activity per Hz; its integral over frequency is the variance. Of a batch, the
        mean over trials. NaN for no neurons or no trials.

    Raises
    ------
    ParameterError, UnitError
        If ``window`` or ``dt`` is no such multiple, longer than the record, or no time; for a trace without constant interval.
    ShapeError
        If the activity has no axis of time.

    Notes
    -----
    As in Elephant's ``welch_psd`` with ``len_segment``. That of ``n`` independent Poisson processes of rate ``r`` is ``2 r / n`` at all
    frequencies.

    References
    ----------
    Welch 1967, *IEEE Trans. Audio Electroacoust.* 15:70, doi:10.1109/TAU.1967.1161901.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> x = np.sin(2 * np.pi * 50 * np.arange(1000) * 1e-3) * u.mV
    >>> f, power = bst.record.power_spectrum(x, 200. * u.ms, 1. * u.ms)
    >>> f[power.mantissa.argmax()]
    Quantity(50., "Hz")
    """
    if isinstance(activity, Spikes):
        return _of_spikes(activity, window, activity.dt if dt is None else dt)
    if isinstance(activity, Trace):
        if dt is not None:
            raise ParameterError('power_spectrum: a Trace has its own times, so dt must not be given.')
        dt, activity = _interval(activity), activity.values
    elif dt is None:
        raise ParameterError('power_spectrum: dt is needed for an array, the time between its values.')
    values, unit = np.asarray(u.get_mantissa(activity), float), u.get_unit(activity)
    if not values.ndim:
        raise ShapeError('power_spectrum: the activity has shape (), expected (T, ...), with time as the first axis.')
    density = _welch(values, _length(window, dt, len(values)))
    frequency, per_hertz = _frequencies(window, dt)
    return frequency, u.Quantity(density * per_hertz, unit=unit**2 / u.Hz)


def _of_spikes(spikes: Spikes, window: Any, dt: Any) -> tuple[Any, Any]:
    width, n, _ = bins('power_spectrum', spikes, dt, 'dt')
    length = _length(window, dt, n)
    frequency, per_hertz = _frequencies(window, dt)
    if not spikes.n_trains:
        return frequency, u.Quantity(np.full(frequency.shape, np.nan), unit=u.Hz)
    rate = pooled(spikes, width, n).T / (spikes.size * float((width * spikes.dt).to_decimal(u.second)))
    return frequency, u.Quantity(_welch(rate, length).mean(1) * per_hertz, unit=u.Hz)


def _interval(trace: Trace) -> Any:
    steps = np.unique(np.diff(trace.step))
    if steps.size != 1:
        found = 'is one value' if len(trace) < 2 else f'has intervals of {steps.min()} to {steps.max()} steps'
        raise ParameterError(f'power_spectrum: a trace with a constant interval is needed, but this one {found}.')
    return int(steps[0]) * trace.dt


def _length(window: Any, dt: Any, n: int) -> int:
    length = int(whole_steps(window, dt, 'power_spectrum: window', positive=True))
    if not 2 <= length <= n:
        raise ParameterError(
            f'power_spectrum: window = {brief(window)} is {length} values long, but must be from 2 to the {n} that were recorded.'
        )
    return length


def _frequencies(window: Any, dt: Any) -> tuple[Any, float]:
    """The frequencies, and the time between values in seconds."""
    seconds = float(u.Quantity(dt).to_decimal(u.second))
    length = int(whole_steps(window, dt, 'power_spectrum: window'))
    return u.Quantity(np.fft.rfftfreq(length, seconds), unit=u.Hz), seconds


def _welch(values: np.ndarray, length: int) -> np.ndarray:
    """One-sided power for values that are a second apart; the first axis becomes that of frequencies."""
    taper = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)
    taper = taper.reshape(-1, *[1] * (values.ndim - 1))
    starts = range(0, len(values) - length + 1, length - length // 2)
    power = np.zeros((length // 2 + 1, *values.shape[1:]))
    for start in starts:
        piece = values[start : start + length]
        power += np.abs(np.fft.rfft(taper * (piece - piece.mean(0)), axis=0)) ** 2
    power[1 : (length + 1) // 2] *= 2.0  # for the negative frequencies, which all but 0 and the highest have
    return power / (len(starts) * (taper**2).sum())
