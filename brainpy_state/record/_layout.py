"""`Layout`: what a record on disk looks like; and units and time steps as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError
from .._tracebacks import entries
from ..files import unit_as_json, unit_of_json
from ._spikes import whole

STEP = 'step'
OWN = frozenset({'kind', 'span', 'fixed'})  # attributes that tell of the other parts of a layout


@entries
@dataclass(frozen=True, eq=False)
class Layout:
    """A record on disk: arrays of equal length, of which one holds the step of each row. Made by `spikes` or `trace`.

    Attributes
    ----------
    kind : {'spikes', 'trace'}
        What the reader makes of it.
    arrays : dict of name to (shape, dtype)
        The shape and type of a row of each array besides ``step``.
    span : int
        A row of step ``k`` is known after the ``span`` steps from ``k`` on.
    attributes : dict
        JSON that stands with the record.
    fixed : dict of name to array
        One-dimensional arrays that do not grow.

    Raises
    ------
    ParameterError
        If ``span`` is no positive integer, or an attribute has a name that the store uses itself.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> neuron = bst.LIF(3)
    >>> bst.record.SpikeMonitor(neuron).layout().kind
    'spikes'
    """

    kind: str
    arrays: Mapping[str, tuple[tuple[int, ...], Any]]
    span: int = 1
    attributes: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if whole('span', self.span, 'Layout') < 1:
            raise ParameterError(f'Layout: span is {self.span}, but must be 1 or more.')

    @classmethod
    def spikes(cls, size: int, *, n_trials: int | None = None, attributes: Mapping[str, Any] | None = None) -> Layout:
        """Spikes of so many neurons, and trials: rows of ``step`` and ``neuron`` and, of a batch, ``trial``."""
        own = {'size': whole('size', size, 'Layout'), 'n_trials': None if n_trials is None else whole('n_trials', n_trials, 'Layout')}
        names = ('neuron',) if n_trials is None else ('neuron', 'trial')
        return cls('spikes', {name: ((), np.int32) for name in names}, attributes=_joined(attributes, own))

    @classmethod
    def trace(
        cls,
        shape: tuple[int, ...],
        dtype: Any,
        *,
        unit: Any = u.UNITLESS,
        of: np.ndarray | None = None,
        name: str = '',
        span: int = 1,
        attributes: Mapping[str, Any] | None = None,
    ) -> Layout:
        """Values at some steps: rows of ``step`` and ``value``.

        Parameters
        ----------
        shape, dtype
            Of a row.
        unit : unit
            What the numbers are counted in.
        of : int array, optional
            The neurons that the items of the last axis belong to.
        name : str
            What it is, for labels.
        span : int
            Over how many steps a value is taken, such as those of a bin.
        attributes : dict, optional
            JSON that shall stand with the record.
        """
        own = {'unit': unit_as_json(unit), 'name': name}
        fixed = {} if of is None else {'neuron': np.asarray(of)}
        return cls('trace', {'value': (tuple(shape), dtype)}, span, _joined(attributes, own), fixed)

    @property
    def below(self) -> dict[str, int]:
        """Arrays of numbers that count from 0, and how many there are."""
        counts = {'neuron': self.attributes.get('size'), 'trial': self.attributes.get('n_trials')} if self.kind == 'spikes' else {}
        return {name: n for name, n in counts.items() if n is not None}

    def dims(self, name: str) -> tuple[str, ...]:
        """The names of an array's axes, as xarray shows them."""
        first = 'spike' if self.kind == 'spikes' else STEP
        if name not in self.arrays:
            return (first,) if name == STEP else (name,)
        dims = [first, *(f'axis_{k}' for k in range(1, 1 + len(self.arrays[name][0])))]
        return (*dims[:-1], 'neuron') if 'neuron' in self.fixed else tuple(dims)

    def units(self, name: str) -> dict[str, str]:
        """The attributes of an array."""
        return {'units': self.attributes['unit']['text']} if name == 'value' else {}


def _joined(given: Mapping[str, Any] | None, own: Mapping[str, Any]) -> dict[str, Any]:
    if taken := sorted((set(own) | OWN) & set(given or {})):
        raise ParameterError(f'Layout: an attribute cannot be called {taken[0]!r}, which the store uses itself.')
    return {**(given or {}), **own}


def time_as_json(dt: Any) -> dict[str, Any]:
    """A time step."""
    return {'value': float(u.get_mantissa(dt)), 'unit': unit_as_json(u.get_unit(dt))}


def time_of_json(made: Mapping[str, Any]) -> Any:
    """The time step that `time_as_json` wrote."""
    return u.Quantity(made['value'], unit=unit_of_json(made['unit']))


def differences(was: Any, now: Any, where: str = '', *, place: str = 'the store') -> list[str]:
    """What differs in JSON that was written, in a place, and JSON that is given."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        keys = [*was, *(key for key in now if key not in was)]
        return [each for key in keys for each in differences(was.get(key), now.get(key), f'{where}.{key}' if where else key, place=place)]
    return [] if was == now else [f'{where}: {_short(was)} in {place}, {_short(now)} here']


def _short(x: Any) -> str:
    text = 'nothing' if x is None else repr(x)
    return text if len(text) <= 60 else f'{text[:57]}...'
