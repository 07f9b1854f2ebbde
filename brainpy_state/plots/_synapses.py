"""Connections: who is connected to whom, how strongly, and how often."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError, ShapeError
from .._tracebacks import entry
from ..connections import Connection, ProceduralConnection
from ..numerics import brief
from ._axes import DARK, PALETTE, axes_of, colour_bar, label, signed_map, whole_ticks

_CELLS = 400  # along each side of a picture of a matrix


@entry
def weights(weight: Any, *, bins: int = 50, name: str = 'weight', ax: Any = None) -> Any:
    """Weights: a histogram of those of all synapses, or the picture of a matrix.

    Parameters
    ----------
    weight : Connection, or quantity or array of shape (n,) or (n_pre, n_post)
        A matrix is drawn as a picture, with sources from top to bottom and targets from left to right.
    bins : int
        Of the histogram.
    name : str
        What it is, for the label.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ShapeError
        For an array of other dimensions.

    Notes
    -----
    Weights above zero are blue and those below red. Values that are not finite are left out.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> comm = bst.pairwise_bernoulli(20, 30, p=0.2, weight=bst.drawn.normal(1. * u.nS, 0.1 * u.nS), seed=1)
    >>> ax = bst.plots.weights(comm.weight.value)
    >>> ax.get_xlabel()
    'weight (nS)'
    """
    weight = _stored(weight).weights if isinstance(weight, Connection) else weight
    unit, x = u.get_unit(weight), np.asarray(u.get_mantissa(weight), float)
    if x.ndim == 2:
        ax = axes_of(ax, 'weights', (5.5, 4.5))
        return _picture(ax, x, label(name, unit), signed_map(x), x.shape)
    if x.ndim != 1:
        raise ShapeError(f'weights: they have shape {x.shape}, expected (n,) for a histogram or (n_pre, n_post) for a picture.')
    ax = axes_of(ax, 'weights', (5.0, 3.0))
    x = x[np.isfinite(x)]
    edges = _edges(x, bins)
    for part, colour in ((x[x < 0], PALETTE[1]), (x[x >= 0], PALETTE[0])):
        if part.size:
            ax.hist(part, edges, color=colour, alpha=0.85)
    ax.set(xlabel=label(name, unit), ylabel='synapses', ylim=(0, None))
    return ax


def _edges(x: np.ndarray, bins: int) -> np.ndarray:
    """Edges of bins, one of them at zero if there are weights of both signs."""
    if not x.size or np.isclose(x.min(), x.max(), rtol=1e-6, atol=0.0):  # all alike: one bar
        middle = float(x[0]) if x.size else 0.0
        return middle + np.array([-1.5, -0.5, 0.5, 1.5]) * (0.1 * abs(middle) or 1.0)
    low, high = float(x.min()), float(x.max())
    if low < 0.0 < high:
        width = (high - low) / bins
        return np.arange(np.floor(low / width), np.ceil(high / width) + 1) * width
    return np.linspace(low, high, bins + 1)


@entry
def connectivity(connection: Any, *, ax: Any = None) -> Any:
    """Who is connected to whom: a picture of the matrix, sources from top to bottom and targets from left to right.

    Parameters
    ----------
    connection : Connection, or quantity or array of shape (n_pre, n_post)
        Of an array, what is not zero is a synapse.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        Of up to 400 neurons on each side, each pair has its place, coloured if it has a synapse. Of more, the colour of a place is the
        number of synapses per pair of neurons there.

    Raises
    ------
    ShapeError
        For an array that is no matrix.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> comm = bst.pairwise_bernoulli(20, 30, p=0.2, weight=bst.drawn.normal(1. * u.nS, 0.1 * u.nS), seed=1)
    >>> ax = bst.plots.connectivity(comm)
    >>> ax.get_xlabel()
    'target'
    """
    sources, targets, shape = _pairs('connectivity', connection)
    ax = axes_of(ax, 'connectivity', (5.5, 4.5))
    cells = tuple(min(n, _CELLS) for n in shape)
    if cells == shape:
        found = np.zeros(shape)
        found[sources, targets] = 1.0
        return _picture(ax, found, None, {'cmap': 'Greys', 'vmin': 0.0, 'vmax': 1.25}, shape)
    # coarser, so that a place has enough pairs
    cells = tuple(min(n, _CELLS // 4) for n in shape)
    place = (sources.astype(np.int64) * cells[0] // shape[0]) * cells[1] + targets.astype(np.int64) * cells[1] // shape[1]
    count = np.bincount(place, minlength=cells[0] * cells[1]).reshape(cells)
    size = [np.bincount(np.arange(n) * c // n, minlength=c) for n, c in zip(shape, cells, strict=True)]
    density = count / np.outer(*size)
    style = {'cmap': 'Blues', 'vmin': 0.0, 'vmax': float(density.max()) or 1.0}
    return _picture(ax, density, 'synapses per pair', style, shape)


@entry
def degrees(connection: Any, *, bins: int = 50, ax: Any = None) -> Any:
    """How many synapses each target receives, and each source has: two histograms.

    Parameters
    ----------
    connection : Connection, or quantity or array of shape (n_pre, n_post)
        Of an array, what is not zero is a synapse.
    bins : int
        At most; a bin is as wide as a whole number.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ShapeError
        For an array that is no matrix.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> comm = bst.pairwise_bernoulli(20, 30, p=0.2, weight=bst.drawn.normal(1. * u.nS, 0.1 * u.nS), seed=1)
    >>> ax = bst.plots.degrees(comm)
    >>> ax.get_xlabel()
    'synapses of a neuron'
    """
    sources, targets, (pre, post) = _pairs('degrees', connection)
    ax = axes_of(ax, 'degrees', (5.0, 3.0))
    both = {'in': np.bincount(targets, minlength=post), 'out': np.bincount(sources, minlength=pre)}
    ends = [x for x in both.values() if x.size]
    low, high = (min(x.min() for x in ends), max(x.max() for x in ends)) if ends else (0, 0)
    width = max(1, -(-(high - low + 1) // bins))
    edges = np.arange(low, high + width + 1, width) - 0.5
    for (name, x), colour in zip(both.items(), PALETTE, strict=False):
        text = f'{name}degree, {x.mean():.3g} on average' if x.size else f'{name}degree'
        counts, _ = np.histogram(x, edges)
        ax.stairs(counts, edges, color=colour, fill=True, alpha=0.25)
        ax.stairs(counts, edges, color=colour, lw=1.2, label=text)
    ax.set(xlabel='synapses of a neuron', ylabel='neurons', ylim=(0, ax.get_ylim()[1] * 1.25))
    whole_ticks(ax.xaxis)
    whole_ticks(ax.yaxis)
    ax.legend(frameon=False, fontsize='small', loc='upper right')
    return ax


def _pairs(where: str, x: Any) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Source and target of each synapse, and the numbers of neurons."""
    if isinstance(x, Connection):
        x = _stored(x)
        return x.sources, x.targets, x.structure.shape
    matrix = np.asarray(u.get_mantissa(x))
    if matrix.ndim != 2:
        raise ShapeError(f'{where}: give a Connection, or a matrix of shape (n_pre, n_post), but not {brief(x)} of shape {matrix.shape}.')
    return (*np.nonzero(matrix), matrix.shape)  # type: ignore[return-value]


def _stored(connection: Connection) -> Connection:
    return connection.stored() if isinstance(connection, ProceduralConnection) else connection


def _picture(ax: Any, values: np.ndarray, text: str | None, style: dict[str, Any], shape: tuple[int, int]) -> Any:
    if 0 in shape:
        raise ParameterError(f'a matrix of shape {shape} has nothing to show.')
    extent = (-0.5, shape[1] - 0.5, shape[0] - 0.5, -0.5)
    fit = 'equal' if 0.25 <= shape[0] / shape[1] <= 4.0 else 'auto'
    picture = ax.imshow(
        values, extent=extent, aspect=fit, interpolation='nearest' if text is None or values.size < 1e5 else 'auto', **style
    )
    ax.set(xlabel='target', ylabel='source')
    ax.spines[['top', 'right']].set(visible=True)
    ax.spines[:].set(color=DARK, lw=0.6)
    if text is not None:
        colour_bar(ax, picture, text)
    return ax
