"""Spikes counted in bins, whose edges are numbers of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import brainunit as u
import numpy as np

from .._errors import ParameterError
from ..numerics import brief, whole_steps, with_unit

if TYPE_CHECKING:
    from ._spikes import Spikes


def bins(measure: str, spikes: Spikes, bin_size: Any, name: str = 'bin_size') -> tuple[int, int, np.ndarray]:
    """The width of a bin in steps, the number of complete ones, and the bin of each spike."""
    width = int(whole_steps(bin_size, spikes.dt, f'{measure}: {name}', positive=True))
    if width > spikes.stop - spikes.start:
        raise ParameterError(f'{measure}: {name} = {brief(bin_size)} is longer than the record, {brief(spikes.duration)}.')
    return width, (spikes.stop - spikes.start) // width, (spikes.step - spikes.start) // width


def counted(spikes: Spikes, of: np.ndarray, rows: int, width: int, n: int) -> np.ndarray:
    """Spikes in the first ``n`` bins, int64 of shape ``(rows, n)``; the spikes are those of these rows."""
    bin_ = (spikes.step - spikes.start) // width
    inside = bin_ < n
    return np.bincount(of.astype(np.int64)[inside] * n + bin_[inside], minlength=rows * n).reshape(rows, n)


def pooled(spikes: Spikes, width: int, n: int) -> np.ndarray:
    """Spikes of all neurons in each trial, shape ``(n_trials, n)``; one row where there was no batch."""
    trial = np.zeros(len(spikes), np.int64) if spikes.trial is None else spikes.trial
    return counted(spikes, trial, trials(spikes), width, n)


def trials(spikes: Spikes) -> int:
    """Number of trials; 1 where there was no batch."""
    return 1 if spikes.n_trials is None else spikes.n_trials


def starts(spikes: Spikes, width: int, n: int) -> Any:
    """The start of each bin."""
    return with_unit((spikes.start + width * np.arange(n)) * float(u.get_mantissa(spikes.dt)), u.get_unit(spikes.dt))


def ratio(a: Any, b: Any) -> np.ndarray:
    """``a / b``, NaN where ``b`` is 0."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return np.divide(a, b, out=np.full(np.broadcast_shapes(a.shape, b.shape), np.nan), where=b != 0)


def hertz(counts: Any, steps: int, dt: Any) -> Any:
    """Counts during so many steps, in Hz; NaN for no steps."""
    per_step = float(u.Quantity(1.0 / dt).to_decimal(u.Hz))
    return u.Quantity(counts / steps * per_step if steps else counts * np.nan, unit=u.Hz)
