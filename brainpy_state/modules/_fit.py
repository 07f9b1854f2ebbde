"""What may be written into the state of a declared variable."""

from __future__ import annotations

from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from .._errors import ShapeError, TraceContextError, UnitError
from ..numerics import brief
from ..state import State

_OTHER = """\
{where}.value = {value} has {given}, expected {expected}.
Only `brainpy_state.nn.init_all_states(model, batch_size=...)` changes the batch axes, and the unit stays."""


class Fit(NamedTuple):
    """The guard of a state that a model declares: unit and shape stay.

    Attributes
    ----------
    model : str
        The class of the model.
    name : str or None
        The model's own name.
    variable : str
        The name of the variable.
    """

    model: str
    name: str | None
    variable: str

    def __call__(self, state: State, value: Any) -> None:
        try:
            held = state.peek()
        except TraceContextError:
            return  # made in a trace that has ended
        mantissa = u.get_mantissa(held)
        if value is held or not hasattr(mantissa, 'shape'):
            return
        given = u.get_mantissa(value)
        is_numeric = isinstance(given, (int, float)) or hasattr(given, 'shape')
        same_unit = is_numeric and u.get_dim(value) == u.get_dim(held)
        if same_unit and np.shape(given) == mantissa.shape:
            return
        told = _told(value) if is_numeric else f'the type {type(value).__name__}'
        text = _OTHER.format(where=self._where(state), value=_shown(value), given=told, expected=_told(held))
        raise ShapeError(text) if same_unit or not is_numeric else UnitError(text)

    def _where(self, state: State) -> str:
        place = self.name or (state.place or '').rpartition('.')[0]
        return f"{self.model} '{place}': {self.variable}" if place else f'{self.model}: {self.variable}'


def _told(value: Any) -> str:
    unit = u.get_unit(value)
    return f'shape {np.shape(u.get_mantissa(value))} and {"no unit" if unit.is_unitless else f"the unit {unit}"}'


def _shown(value: Any) -> str:
    try:
        return brief(value)
    except (TypeError, ValueError):
        return repr(value)
