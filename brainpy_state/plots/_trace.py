"""Traces of single neurons."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError, ShapeError, UnitError
from .._tracebacks import entry
from ..numerics import brief
from ..record import Spikes, Trace
from ._axes import DARK, GREY, PALETTE, axes_of, label, number_in, time_axis, times

_OVER = 3  # traces up to which one axis has them all
_MOST = 8  # traces, if nothing else is said


@entry
def trace(
    values: Any, t: Any = None, *, of: Any = None, spikes: Spikes | None = None, peak: Any = None, V_th: Any = None,
    name: str | None = None, color: Any = None, ax: Any = None,
) -> Any:  # fmt: skip
    """Traces of one or several neurons, such as of the membrane potential; of more than three, one above the other with a scale bar.

    Parameters
    ----------
    values : Trace, or quantity or array of shape (T,) or (T, n)
        What was recorded.
    t : time, shape (T,), optional
        The time of each value, if they are no `Trace`.
    of : int, slice, int array or bool array, optional
        Which neurons, by their numbers in the population; the first eight by default. A slice is those of them that were recorded.
    spikes : Spikes, optional
        Of the population: each spike is drawn as a line from the trace up to ``peak``, for models without an action potential of
        their own.
    peak : quantity, optional
        By default as far above the highest value as the lowest is below it.
    V_th : quantity, optional
        A threshold to draw.
    name : str, optional
        Of the quantity, for the label; that of the `Trace` or ``'V'`` by default.
    color : colour, optional
        Of the lines.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ShapeError, ParameterError, UnitError, TypeError
        If shapes or units do not fit, or a neuron was not recorded.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> t = np.arange(100) * 0.1 * u.ms
    >>> ax = bst.plots.trace(np.sin(t.mantissa) * u.mV, t, name='V')
    >>> ax.get_ylabel()
    'V (mV)'
    """
    t, y, unit, neurons, name, of_neurons = _given(values, t, of, name)
    ax = axes_of(ax, 'trace', (7.0, 2.5 if y.shape[1] <= _OVER else 4.0))
    last = 2 * t[-1] - t[-2] if len(t) > 1 else None  # the last value holds as long as the one before
    x_unit = time_axis(ax, *((0.0 * u.ms, 0.0 * u.ms) if last is None else (t[0], last)))
    x = number_in(t, x_unit)
    marks = _marks(spikes, neurons, t, y, x, x_unit)
    low, high = (float(np.nanmin(y)), float(np.nanmax(y))) if y.size else (0.0, 1.0)
    top = 2.0 * high - low if peak is None else _in('peak', peak, unit)
    stacked = y.shape[1] > _OVER
    step = 1.1 * (max(high, top if any(len(at) for at, _ in marks) else high) - low) or 1.0
    colours = [color or DARK] * y.shape[1] if stacked or y.shape[1] == 1 or color else list(PALETTE[: y.shape[1]])
    names = [f'neuron {k}' if of_neurons else f'{k}' for k in neurons]
    for k, colour in enumerate(colours):
        shift = step * (y.shape[1] - 1 - k) if stacked else 0.0
        ax.plot(x, y[:, k] + shift, color=colour, lw=0.8, label=names[k], rasterized=x.size > 20_000)
        at, bottom = marks[k]
        if len(at):
            ax.vlines(at, bottom + shift, top + shift, color=colour, lw=0.8)
    if stacked:
        _stack(ax, neurons, step, y, unit, f'{name} of neuron' if of_neurons else name)
    else:
        which = f' of neuron {neurons[0]}' if of_neurons and len(neurons) == 1 else ''
        _one_axis(ax, neurons, unit, name + which, None if V_th is None else _in('V_th', V_th, unit))
    return ax


def _given(values: Any, t: Any, of: Any, name: str | None) -> tuple[Any, np.ndarray, Any, np.ndarray, str, bool]:
    """Time, values of shape (T, n) and their unit, the neurons, the name, and whether the values are known to be of neurons."""
    neurons, is_array = None, not isinstance(values, Trace)
    if not is_array:
        if t is not None:
            raise ParameterError('trace: t is for values that are an array; a Trace has its own times.')
        t, neurons, name, values = values.t, values.of, name or values.name or 'V', values.values
    elif t is None:
        raise TypeError('trace: give a Trace, or values and their times: trace(V, t).')
    t, unit, y = times(t, 'trace'), u.get_unit(values), np.asarray(u.get_mantissa(values), float)
    if y.shape[:1] != t.shape or y.ndim > 2:
        raise ShapeError(
            f'trace: values have shape {y.shape} and times {t.shape}; expected (T,) or (T, n); of a batch, give a trial: values[:, 0].'
        )
    of_neurons = neurons is not None or of is not None or (is_array and y.ndim == 2)  # else something else, such as an expression
    y = y[:, None] if y.ndim == 1 else y
    neurons = np.arange(y.shape[1]) if neurons is None else np.asarray(neurons)
    chosen = neurons[:_MOST] if of is None else _chosen(of, neurons)
    if unknown := [k for k in chosen.tolist() if k not in neurons]:
        raise ParameterError(f'trace: neurons {unknown} are asked for, but {brief(neurons)} were recorded.')
    columns = [int(np.flatnonzero(neurons == k)[0]) for k in chosen]
    return t, y[:, columns], unit, chosen, name or 'V', of_neurons


def _chosen(of: Any, neurons: np.ndarray) -> np.ndarray:
    """The neurons that are asked for; of a slice, those that were recorded."""
    if isinstance(of, slice):
        return neurons[np.isin(neurons, np.arange(max(neurons, default=-1) + 1)[of])]
    of = np.atleast_1d(np.asarray(of))
    return np.flatnonzero(of) if of.dtype == np.bool_ else of


def _in(name: str, x: Any, unit: Any) -> float:
    if u.get_dim(x) != unit.dim:
        raise UnitError(f'trace: {name} = {brief(x)} must have the unit of the values, {unit}.')
    return float(number_in(x, unit))


def _marks(spikes: Any, neurons: np.ndarray, t: Any, y: np.ndarray, x: np.ndarray, unit: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each neuron, the time of its spikes and its value there."""
    if spikes is None:
        return [(np.zeros(0), np.zeros(0))] * len(neurons)
    if not isinstance(spikes, Spikes) or spikes.n_trials is not None:
        raise TypeError('trace: spikes must be the Spikes of one run; of a batch, give those of a trial: spikes.of_trial(0).')
    if len(neurons) and max(neurons) >= spikes.size:
        raise ParameterError(f'trace: spikes are of {spikes.size} neurons, but neuron {max(neurons)} is drawn.')
    found = []
    for k, neuron in enumerate(neurons):
        at = number_in(spikes.t[spikes.i == neuron], unit)
        at = at[(at >= x[0]) & (at <= x[-1])] if x.size else at[:0]
        found.append((at, np.interp(at, x, y[:, k]) if at.size else at))
    return found


def _one_axis(ax: Any, neurons: np.ndarray, unit: Any, name: str, threshold: float | None) -> None:
    ax.set_ylabel(label(name, unit))
    if threshold is not None:
        ax.axhline(threshold, color=GREY, lw=0.8, ls='--', zorder=0)
        place = {'va': 'center', 'color': GREY, 'transform': ax.get_yaxis_transform(), 'fontsize': 'small'}
        ax.text(1.01, threshold, 'threshold', **place)
    if len(neurons) > 1:
        ax.legend(frameon=False, loc='lower right', bbox_to_anchor=(1.0, 1.0), ncols=len(neurons), fontsize='small', handlelength=1.2)


def _stack(ax: Any, neurons: np.ndarray, step: float, y: np.ndarray, unit: Any, name: str) -> None:
    n = len(neurons)
    ax.set(yticks=np.nanmedian(y, axis=0) + step * np.arange(n)[::-1], yticklabels=neurons, ylabel=name)
    ax.tick_params(axis='y', length=0)
    ax.spines['left'].set_visible(False)
    low = float(np.nanmin(y))
    ax.set_ylim(low - 0.15 * step, low + n * step)
    size = _round(step / 2.0)
    place = ax.get_yaxis_transform()
    ax.plot([1.015, 1.015], [low, low + size], color='k', lw=2, transform=place, clip_on=False, solid_capstyle='butt')
    ax.text(1.03, low + size / 2, f'{size:g} {label("", unit)[1:-1]}'.strip(), va='center', fontsize='small', transform=place)


def _round(x: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above it."""
    power = 10.0 ** np.floor(np.log10(x))
    return float(max(f for f in (1.0, 2.0, 5.0) if f * power <= x * (1 + 1e-9)) * power)
