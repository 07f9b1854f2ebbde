"""Populations in two dimensions, as a picture and as a film."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError, ShapeError
from .._tracebacks import entry
from ..numerics import brief
from ..record import Trace
from ._axes import _SECONDS, axes_of, colour_bar, label, number_in, sequence_map, times

_FRAMES = 200  # of a film, at most
_INTERVAL = 40  # ms from a frame to the next


@entry
def snapshot(
    values: Any, *, shape: tuple[int, int] | None = None, positions: Any = None, name: str = '', limits: Any = None, ax: Any = None
) -> Any:
    """The picture of a population in two dimensions, a colour for each neuron.

    Parameters
    ----------
    values : quantity or array, shape (rows, columns) or (n,)
        A value for each neuron, such as ``population.V.value`` or ``firing_rates(spikes)``.
    shape : (rows, columns), optional
        The grid that the neurons are on, if the values have one axis; the first row is at the top.
    positions : length, shape (n, 2), optional
        Or where each of them is.
    name : str
        Of the quantity, for the label.
    limits : two quantities, optional
        The values at the ends of the colours; those of the smallest and the largest by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ShapeError, ParameterError
        If shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> ax = bst.plots.snapshot(np.arange(12.) * u.mV, shape=(3, 4), name='V')
    >>> ax.images[0].get_array().shape
    (3, 4)
    """
    unit, x = u.get_unit(values), np.asarray(u.get_mantissa(values), float)
    x = _placed('snapshot', x, shape, positions, 0)
    _draw(x, unit, positions, name, sequence_map(x, limits, unit), ax := axes_of(ax, 'snapshot', (5.0, 4.0)))
    return ax


@entry
def animate(
    values: Any, t: Any = None, *, shape: tuple[int, int] | None = None, positions: Any = None, name: str | None = None,
    limits: Any = None, frames: int = _FRAMES, ax: Any = None,
) -> Any:  # fmt: skip
    """A film of a population in two dimensions.

    Parameters
    ----------
    values : Trace, or quantity or array of shape (T, rows, columns) or (T, n)
        What was recorded; of spikes, ``spikes.to_dense(5 * u.ms)``.
    t : time, shape (T,), optional
        The time of each picture, if they are no `Trace`; without, their number is shown.
    shape, positions, name, limits
        As of `snapshot`.
    frames : int
        At most; of more, some at equal distances are shown.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        Keep it until it is saved, ``film.save('activity.gif')``, or shown: ``film.to_jshtml()`` in a notebook.

    Raises
    ------
    ShapeError, ParameterError, UnitError
        If shapes do not fit, or there is no picture.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> film = bst.plots.animate(np.random.rand(10, 16), np.arange(10) * u.ms, shape=(4, 4))
    >>> type(film).__name__
    'FuncAnimation'
    """
    from matplotlib.animation import FuncAnimation

    if isinstance(values, Trace):
        if t is not None:
            raise ParameterError('animate: t is for values that are an array; a Trace has its own times.')
        t, name, values = values.t, name or values.name, values.values
    unit, x = u.get_unit(values), np.asarray(u.get_mantissa(values))
    if not x.ndim or not len(x):
        raise ShapeError(f'animate: values have shape {x.shape}, expected (T, rows, columns) or (T, n), with one picture at least.')
    if t is not None and times(t, 'animate').shape != x.shape[:1]:
        raise ShapeError(f'animate: values have shape {x.shape}, but there are times of shape {t.shape}.')
    chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), frames)).round().astype(int))
    x = _placed('animate', x[chosen].astype(float), shape, positions, 1)
    titles = _titles(chosen, t)
    ax = axes_of(ax, 'animate', (5.0, 4.0))
    picture = _draw(x[0], unit, positions, name or '', sequence_map(x, limits, unit), ax)
    title = ax.set_title(titles[0])

    def show(k: int) -> tuple[Any, Any]:
        picture.set_array(x[k])
        title.set_text(titles[k])
        return picture, title

    return FuncAnimation(ax.figure, show, frames=len(chosen), interval=_INTERVAL)


def _titles(chosen: np.ndarray, t: Any) -> list[str]:
    if t is None:
        return [f'{k}' for k in chosen]
    unit = u.second if float((t[-1] - t[0]).to_decimal(u.second)) >= _SECONDS else u.ms
    at = number_in(t, unit)[chosen]
    step = float(np.diff(at).min()) if at.size > 1 else 1.0
    digits = int(np.clip(np.ceil(-np.log10(max(step, 1e-6)) - 1e-9), 0, 4))
    return [f't = {x:.{digits}f} {unit}' for x in at]


def _placed(where: str, x: np.ndarray, shape: Any, positions: Any, lead: int) -> np.ndarray:
    """Values with an axis of neurons, where these have positions, or two of a grid; after ``lead`` others."""
    each, wanted = x.shape[lead:], f'({"T, " * lead}rows, columns)'
    if shape is not None and positions is not None:
        raise ParameterError(f'{where}: give shape, of a grid, or positions, but not both.')
    if positions is not None:
        if np.shape(u.get_mantissa(positions)) != (int(np.prod(each)), 2):
            raise ShapeError(f'{where}: positions have shape {np.shape(positions)}, expected (n, 2) for the {int(np.prod(each))} neurons.')
        return x.reshape(*x.shape[:lead], int(np.prod(each)))
    if shape is not None:
        if len(shape) != 2 or int(np.prod(shape)) != int(np.prod(each)):
            raise ShapeError(f'{where}: shape = {brief(shape)} must be of a grid with as many places as there are neurons, {each}.')
        return x.reshape(*x.shape[:lead], *shape)
    if len(each) != 2:
        raise ShapeError(f'{where}: values have shape {x.shape}, expected {wanted}; or give shape=(rows, columns), or positions.')
    return x


def _draw(x: np.ndarray, unit: Any, positions: Any, name: str, style: dict[str, Any], ax: Any) -> Any:
    text = label(name, unit)
    if positions is None:
        picture = ax.imshow(x, interpolation='nearest', aspect='equal', **style)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    else:
        length, where = u.get_unit(positions), np.asarray(u.get_mantissa(positions), float)
        side = min(ax.get_window_extent().width, ax.get_window_extent().height) * 72.0 / ax.figure.dpi
        size = float(np.clip((0.75 * side / max(len(where), 1) ** 0.5) ** 2, 2.0, 150.0))
        picture = ax.scatter(*where.T, c=x, s=size, linewidths=0, rasterized=len(where) > 5000, **style)
        ax.set(xlabel=label('x', length), ylabel=label('y', length), aspect='equal')
    colour_bar(ax, picture, text)
    return picture
