"""Recorded spikes as other packages take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import brainunit as u
import numpy as np

from .._optional import needed
from ..numerics import brief
from ._bins import bins, starts

if TYPE_CHECKING:
    from ._spikes import Spikes

_QUANTITIES = ('s', 'ms', 'us', 'ns')  # units of time that both brainunit and quantities have under these names


def dense(spikes: Spikes, bin_size: Any, where: str = 'Spikes.to_dense') -> np.ndarray:
    """Number of spikes in each bin, with the axes of time, trials and neurons."""
    width, n = (1, spikes.stop - spikes.start) if bin_size is None else bins(where, spikes, bin_size)[:2]
    counts = np.zeros((n, spikes.n_trains), np.int32)
    bin_ = (spikes.step - spikes.start) // width
    np.add.at(counts, (bin_[bin_ < n], spikes.train[bin_ < n]), 1)
    return counts if spikes.n_trials is None else counts.reshape(n, spikes.n_trials, spikes.size)


def pandas(spikes: Spikes) -> Any:
    """A table with a row for each spike."""
    module = needed('pandas', 'views', 'Spikes.to_pandas')
    t = spikes.t
    columns = {f'time ({u.get_unit(t)})': u.get_mantissa(t), 'neuron': spikes.i}
    if spikes.trial is not None:
        columns['trial'] = spikes.trial
    frame = module.DataFrame(columns)
    frame.attrs = {'size': spikes.size, 'dt': brief(spikes.dt), 't_start': brief(spikes.t_start), 't_stop': brief(spikes.t_stop)}
    if spikes.n_trials is not None:
        frame.attrs['n_trials'] = spikes.n_trials
    return frame


def xarray(spikes: Spikes, bin_size: Any) -> Any:
    """Counts in bins with named axes."""
    module = needed('xarray', 'views', 'Spikes.to_xarray')
    counts = dense(spikes, bin_size, 'Spikes.to_xarray')
    width = 1 if bin_size is None else bins('Spikes.to_xarray', spikes, bin_size)[0]
    t = starts(spikes, width, len(counts))
    dims = ['time', 'neuron'] if spikes.n_trials is None else ['time', 'trial', 'neuron']
    coords = {'time': ('time', u.get_mantissa(t), {'units': str(u.get_unit(t))}), 'neuron': np.arange(spikes.size)}
    if spikes.n_trials is not None:
        coords['trial'] = np.arange(spikes.n_trials)
    attributes = {'units': 'spikes', 'dt': brief(spikes.dt), 'bin_size': brief(width * spikes.dt)}
    return module.DataArray(counts, coords, dims, 'spikes', attributes)


def neo(spikes: Spikes) -> list[Any]:
    """A `neo.SpikeTrain` for each neuron; of a batch, a list of them for each trial."""
    module = needed('neo', 'views', 'Spikes.to_neo')
    quantities = needed('quantities', 'views', 'Spikes.to_neo')
    unit = u.get_unit(spikes.dt)
    unit = unit if str(unit) in _QUANTITIES else u.second
    dt = float(spikes.dt.to_decimal(unit))
    options = {
        'units': str(unit),
        't_start': spikes.start * dt,
        't_stop': spikes.stop * dt,
        'sampling_rate': quantities.Quantity(1.0 / dt, f'1/{unit}'),
    }
    train, step = spikes.by_train()
    trains = np.split(step * dt, np.cumsum(np.bincount(train, minlength=spikes.n_trains))[:-1]) if spikes.n_trains else []
    if spikes.n_trials is None:
        return [module.SpikeTrain(times, neuron=k, **options) for k, times in enumerate(trains)]
    n = spikes.size
    return [
        [module.SpikeTrain(trains[trial * n + k], neuron=k, trial=trial, **options) for k in range(n)] for trial in range(spikes.n_trials)
    ]
