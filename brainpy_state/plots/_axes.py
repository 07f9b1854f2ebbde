"""What the plots share: axes, colours, labels with units, and the unit of time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import brainunit as u
import numpy as np

from .._errors import ParameterError, ShapeError, UnitError
from ..numerics import brief

#: Colours of populations in turn; the first is that of excitatory ones, the second of inhibitory ones.
PALETTE = ('#1f5fa8', '#c8401e', '#3c8a3c', '#7a3fa0', '#b07d10', '#2a8f8f')
DARK, GREY = '0.25', '0.6'
_EXCITATORY = re.compile(r'(?i:exc\w*|excitatory|pyramidal|pyr|rs)|\w*(?<![a-z])E')
_INHIBITORY = re.compile(r'(?i:inh\w*|inhibitory|interneurons?|fs|pv)|\w*(?<![a-z])I')
_SECONDS = 2.0  # from this much time on, an axis is in seconds

_units: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # the unit of time of axes that were drawn to


def axes_of(ax: Any, where: str, size: tuple[float, float] = (7.0, 4.0)) -> Any:
    """The axes to draw to, new ones for None, without frame above and at the right."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=size, layout='constrained')
    elif not hasattr(ax, 'get_xlim'):
        raise TypeError(f'{where}: ax must be axes of Matplotlib, such as one of those of plt.subplots(3), but is a {type(ax).__name__}.')
    ax.spines[['top', 'right']].set_visible(False)
    return ax


def colours_of(names: Iterable[str], given: Any, where: str) -> list[Any]:
    """A colour for each population: those that are given, blue for excitatory and red for inhibitory ones, others in turn."""
    names = list(names)
    if isinstance(given, Mapping):
        if unknown := [name for name in given if name not in names]:
            raise ParameterError(f'{where}: colors are given for {unknown}, but there are {names}.')
    elif given is not None:
        given = [given] if isinstance(given, str) else list(given)
        if len(given) != len(names):
            raise ParameterError(f'{where}: {len(given)} colors are given for {len(names)} {"line" if len(names) == 1 else "lines"}.')
        return given
    if len(names) == 1 and not given:
        return [_meant(names[0]) or DARK]
    found = {name: given[name] if given and name in given else _meant(name) for name in names}
    rest = [c for c in PALETTE if c not in found.values()] or list(PALETTE)
    turn = iter(rest * len(names))
    return [found[name] or next(turn) for name in names]


def _meant(name: str) -> str | None:
    if _EXCITATORY.fullmatch(name):
        return PALETTE[0]
    return PALETTE[1] if _INHIBITORY.fullmatch(name) else None


def label(name: str, unit: Any) -> str:
    """A label of an axis, with the unit unless there is none."""
    if unit.is_unitless:
        return name
    text = (
        re.sub(r'\bu(?=[A-Z]|m\b|s\b|mol)', 'µ', str(unit)).replace('^2', '²').replace('^3', '³').replace('Mohm', 'MΩ').replace(' / ', '/')
    )
    return f'{name} ({text})' if name else f'({text})'


def number_in(x: Any, unit: Any) -> np.ndarray:
    """An array in a unit, in double precision."""
    if u.get_unit(x).is_unitless:
        return np.asarray(u.get_mantissa(x), float)
    return np.asarray(x.to_decimal(unit), float)


def times(t: Any, where: str, name: str = 't') -> Any:
    """Checked times."""
    if u.get_dim(t) != u.get_dim(u.second):
        raise UnitError(f'{where}: {name} = {brief(t)} must be a time.')
    if np.ndim(u.get_mantissa(t)) != 1:
        raise ShapeError(f'{where}: {name} has shape {np.shape(u.get_mantissa(t))}, expected one axis.')
    return t


def time_axis(ax: Any, start: Any, stop: Any) -> Any:
    """Let x be a time between these at least, and return its unit, that of shared axes or one that fits."""
    drawn = [each for each in _shared(ax) if each.has_data()]  # axes that were cleared are as new
    known = next((unit for each in drawn if (unit := _units.get(each))), None) or next(filter(None, map(_said, _shared(ax))), None)
    span = float((stop - start).to_decimal(u.second))
    unit = known or (u.second if span >= _SECONDS else u.ms if span >= 1e-3 else u.us)
    limits = [round(float(x.to_decimal(unit)), 9) for x in (start, stop)]
    if drawn:
        limits = [min(limits[0], ax.get_xlim()[0]), max(limits[1], ax.get_xlim()[1])]
    if limits[0] < limits[1]:
        ax.set_xlim(*limits)
    _units[ax] = unit
    if not any(_is_above(ax, each) for each in _shared(ax)):
        ax.set_xlabel(label('time', unit))
    return unit


def _is_above(ax: Any, other: Any) -> bool:
    """Whether axes are above others in the same grid."""
    a, b = ax.get_subplotspec(), other.get_subplotspec()
    return None not in (a, b) and a.get_gridspec() is b.get_gridspec() and a.rowspan.stop < b.rowspan.stop


def _said(ax: Any) -> Any:
    """The unit of time that the label of an axis says."""
    return next((unit for unit in (u.second, u.ms, u.us) if ax.get_xlabel() == label('time', unit)), None)


def _shared(ax: Any) -> list[Any]:
    return list(ax.get_shared_x_axes().get_siblings(ax))


def colour_bar(ax: Any, picture: Any, text: str) -> None:
    """A bar as high as the axes that says which colour is which number."""
    bar = ax.figure.colorbar(picture, cax=ax.inset_axes((1.03, 0.0, 0.035, 1.0)), label=text)
    bar.outline.set_visible(False)


def sequence_map(values: np.ndarray, limits: Any, unit: Any) -> dict[str, Any]:
    """A map of colours, from the smallest number to the largest unless limits are given."""
    finite = values[np.isfinite(values)]
    if limits is not None:
        low, high = (float(number_in(x, unit)) for x in limits)
    else:
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return {'cmap': 'viridis', 'vmin': low, 'vmax': high}


def signed_map(values: np.ndarray) -> dict[str, Any]:
    """A map of colours: excitation in blue, inhibition in red, and nothing in white."""
    finite = values[np.isfinite(values)]
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    if low >= 0.0:
        return {'cmap': 'Blues', 'vmin': 0.0, 'vmax': high or 1.0}
    if high <= 0.0:
        return {'cmap': 'Reds_r', 'vmin': low, 'vmax': 0.0}
    return {'cmap': 'RdBu', 'vmin': -max(high, -low), 'vmax': max(high, -low)}


def whole_ticks(axis: Any) -> None:
    """Ticks at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(7, integer=True, steps=[1, 2, 5, 10]))
