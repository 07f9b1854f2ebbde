"""Spikes and rates over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from .._errors import ParameterError, ShapeError, UnitError
from .._tracebacks import entry
from ..numerics import brief
from ..record import Spikes, Trace, instantaneous_rate, population_rate
from ._axes import DARK, axes_of, colours_of, label, number_in, time_axis, times, whole_ticks

_BINS = 200  # of a rate, if nothing else is said
_TWO_LINES = 24  # points
_INK = 0.04  # of the area, for dots that are neither lost nor one surface
_FEW = 60  # rows up to which a spike is a line
_POINT = 0.7  # height of a row, in points, below which rows cannot be told apart


class _Rows(NamedTuple):
    """Spikes of a population: their time, their row and the number of rows."""

    t: Any
    row: np.ndarray
    size: int
    start: Any
    stop: Any
    trials: int | None = None


@entry
def raster(spikes: Any, i: Any = None, *, most: int | None = None, colors: Any = None, ax: Any = None) -> Any:
    """Raster plot: a mark for each spike, time from left to right, neurons from bottom to top.

    Parameters
    ----------
    spikes : Spikes, dict of Spikes, or time of shape (n_spikes,)
        Of a dictionary, the populations stand one above the other, under their names. Of a batch, the trials do.
    i : int array, shape (n_spikes,), optional
        The neuron of each spike, if the times are given.
    most : int, optional
        The largest number of neurons; of more, some at equal distances are shown, of each population in its true proportion. As
        many as can be told apart by default.
    colors : colour, sequence or dict, optional
        Of each population. By default blue for names such as ``'E'`` and ``'L4E'``, red for ``'I'``, others in turn.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError, ShapeError, UnitError, TypeError
        If it is not given spikes; if times and neurons do not fit.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes([3, 5, 8], [0, 2, 1], 3, 0.1 * u.ms, 0, 10)
    >>> bst.plots.raster(spikes).get_xlabel()
    'time (ms)'
    """
    given = {name: _rows(x, i) for name, x in _named(spikes, 'raster').items()}
    ax = axes_of(ax, 'raster', (7.0, 4.0))
    colours = colours_of(given, colors, 'raster')
    unit = time_axis(ax, min(x.start for x in given.values()), max(x.stop for x in given.values()))
    total = sum(x.size for x in given.values())
    box = ax.get_window_extent()
    width, points = box.width * 72.0 / ax.figure.dpi, box.height * 72.0 / ax.figure.dpi
    most = max(int(points / _POINT), 100) if most is None else most
    share = min(1.0, most / max(total, 1))
    shown = {name: max(round(share * x.size), min(x.size, 1)) for name, x in given.items()}
    drawn = [_some(x, shown[name]) for name, x in given.items()]
    height = points / max(sum(shown.values()), 1)
    if sum(shown.values()) <= _FEW:
        style = {'marker': '|', 'ms': min(0.7 * height, 14.0), 'mew': 1.0}
    else:
        number = sum(len(row) for _, row in drawn)
        style = {'marker': '.', 'ms': float(np.clip(2.0 * (_INK * width * points / max(number, 1)) ** 0.5, 2.4, 5.0)), 'mew': 0.0}
    bottom = 0
    for (name, x), colour, (t, row) in zip(given.items(), colours, drawn, strict=True):
        ax.plot(number_in(t, unit), row + bottom, linestyle='', color=colour, rasterized=True, **style)
        if name or share < 1.0:
            how_many = f'{x.size:,}' if shown[name] == x.size else f'{shown[name]:,} of {x.size:,}'
            text = f'{name}\n{how_many}'.strip() if height * shown[name] > _TWO_LINES else name
            place = {'va': 'center', 'color': colour, 'transform': ax.get_yaxis_transform(), 'fontsize': 'small'}
            ax.text(1.01, bottom + shown[name] / 2 - 0.5, text, **place)
        bottom += shown[name]
        if len(given) > 1 and bottom < sum(shown.values()):
            ax.axhline(bottom - 0.5, color='0.85', lw=0.6, zorder=0)
    _neuron_axis(ax, list(given.values()), bottom, share == 1.0)
    return ax


def _some(x: _Rows, shown: int) -> tuple[Any, np.ndarray]:
    """The spikes of some rows at equal distances, numbered anew."""
    if shown == x.size:
        return x.t, x.row
    number = np.full(x.size, -1)
    number[np.arange(shown) * x.size // shown] = np.arange(shown)
    row = number[x.row]
    return x.t[row >= 0], row[row >= 0]


def _neuron_axis(ax: Any, given: list[_Rows], rows: int, whole: bool) -> None:
    trials = given[0].trials if len(given) == 1 else None
    ax.set(ylim=(-0.5, max(rows, 1) - 0.5), ylabel='neuron')
    if trials is None:
        if not whole:
            ax.set_yticks([])
        else:
            whole_ticks(ax.yaxis)
        return
    ax.set_ylabel('trial')
    if trials < given[0].size:
        for k in range(1, trials):
            ax.axhline(k * rows / trials - 0.5, color='0.85', lw=0.6, zorder=0)
    every = max(1, -(-trials // 10))
    ax.set_yticks((np.arange(0, trials, every) + 0.5) * rows / trials - 0.5, np.arange(0, trials, every))


def _named(x: Any, where: str) -> dict[str, Any]:
    if isinstance(x, Mapping) and not x:
        raise ParameterError(f'{where}: the dictionary is empty; give a population at least.')
    return dict(x) if isinstance(x, Mapping) else {'': x}


def _rows(x: Any, i: Any) -> _Rows:
    if isinstance(x, Spikes):
        if i is not None:
            raise ParameterError('raster: i, the neurons, is for spikes that are given as times; Spikes have theirs.')
        return _Rows(x.t, x.train, x.n_trains, x.t_start, x.t_stop, x.n_trials)
    if i is None or not isinstance(x, u.Quantity):
        raise TypeError(f'raster: give Spikes, a dictionary of them, or times and the neuron of each, but not {brief(x)}.')
    t, i = times(x, 'raster', 'the times'), np.asarray(i)
    if i.shape != t.shape:
        raise ShapeError(f'raster: i has shape {i.shape}, but there are times of shape {t.shape}.')
    if i.size and (i.dtype.kind not in 'iu' or i.min() < 0):
        raise ParameterError(f'raster: i must be integers, zero or more, but is {brief(i)}.')
    if not i.size:
        return _Rows(t, i.astype(int), 0, 0.0 * u.ms, 0.0 * u.ms)
    margin = 0.01 * (t.max() - t.min())
    return _Rows(t, i, int(i.max()) + 1, t.min() - margin, t.max() + margin)


@entry
def rate(activity: Any, values: Any = None, *, bin_size: Any = None, sigma: Any = None, colors: Any = None, ax: Any = None) -> Any:
    """Firing rates over time.

    Parameters
    ----------
    activity : Spikes, Trace, dict of them, or time of shape (T,)
        Of spikes, the rate of the population is drawn, of a batch its mean over trials; of a `Trace`, such as of a `RateMonitor`, its
        values.
    values : frequency, shape (T,) or (T, n), optional
        The rates, if the times are given.
    bin_size : time, optional
        Width of the bins in which spikes are counted, a multiple of the time step; a 200th of the record by default.
    sigma : time, optional
        Instead of bins: the standard deviation of a Gaussian that smooths, such as 10 ms.
    colors : colour, sequence or dict, optional
        As of `raster`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError, ShapeError, UnitError, TypeError
        If it is not given rates or what has one; for both of ``bin_size`` and ``sigma``; as the measures do.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> ax = bst.plots.rate(spikes, bin_size=20. * u.ms)
    >>> ax.get_ylabel()
    'rate (Hz)'
    """
    if bin_size is not None and sigma is not None:
        raise ParameterError('rate: give bin_size, to count in bins, or sigma, to smooth, but not both.')
    curves = {name: _curve(x, values, bin_size, sigma) for name, x in _named(activity, 'rate').items()}
    ax = axes_of(ax, 'rate', (7.0, 2.5))
    colours = colours_of(curves, colors, 'rate')
    unit = time_axis(ax, min(start for *_, start, _ in curves.values()), max(stop for *_, stop in curves.values()))
    highest = ax.get_ylim()[1] if ax.has_data() else 0.0
    for (name, (t, r, binned, _, stop)), colour in zip(curves.items(), colours, strict=True):
        x, y = number_in(t, unit), number_in(r, u.Hz)
        if binned:
            ax.stairs(y, np.append(x, number_in(stop, unit)), baseline=None, color=colour, lw=1.2, label=name)
        else:
            several = y.ndim > 1 and y.shape[1] > 1 and colours == [DARK]
            ax.plot(x, y, lw=1.2, label=name, **({} if several else {'color': colour}))
        highest = max(highest, float(np.nanmax(y, initial=0.0)) * (1.3 if len(curves) > 1 else 1.05))
    ax.set(ylabel=label('rate', u.Hz), ylim=(0.0, highest or 1.0))
    if len(curves) > 1:
        ax.legend(frameon=False, loc='upper right', ncols=len(curves), fontsize='small', handlelength=1.2)
    return ax


def _curve(x: Any, values: Any, bin_size: Any, sigma: Any) -> tuple[Any, Any, bool, Any, Any]:
    """Time and rate, whether it is one of bins, and from when to when."""
    if isinstance(x, Spikes):
        if values is not None:
            raise ParameterError('rate: values are for times; Spikes have a rate of their own.')
        if sigma is not None:
            return (*instantaneous_rate(x, sigma), False, x.t_start, x.t_stop)
        bin_size = max((x.stop - x.start) // _BINS, 1) * x.dt if bin_size is None else bin_size
        t, r = population_rate(x, bin_size)
        return t, r, True, x.t_start, t[-1] + bin_size
    if bin_size is not None or sigma is not None:
        raise ParameterError('rate: bin_size and sigma are for Spikes; what is given is a rate already.')
    if isinstance(x, Trace):
        x, values = x.t, x.values
    if values is None or not isinstance(x, u.Quantity):
        raise TypeError(f'rate: give Spikes, a Trace, a dictionary of them, or times and rates, but not {brief(x)}.')
    t = times(x, 'rate', 'the times')
    if u.get_dim(values) != u.get_dim(u.Hz):
        raise UnitError(f'rate: the values are {brief(values)}, but must be rates, such as in Hz.')
    if np.shape(values)[:1] != t.shape or np.ndim(values) > 2:
        raise ShapeError(f'rate: the values have shape {np.shape(values)}, but the times {t.shape}; expected (T,) or (T, n).')
    return (t, values, False, t.min(), t.max()) if t.size else (t, values, False, 0.0 * u.ms, 0.0 * u.ms)
