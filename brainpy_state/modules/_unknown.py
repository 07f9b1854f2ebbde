"""Attributes that a model does not know: a misspelt parameter would otherwise be kept, and do nothing."""

from __future__ import annotations

import difflib
import sys
from typing import Any

import brainunit as u
import jax
import numpy as np

from .._errors import AssignmentError
from ..state import State
from ._param import Param

_NUMBERS = (int, float, complex, np.ndarray, np.generic, jax.Array, u.Quantity, Param)

_UNKNOWN = """\
{owner} has no parameter {name!r}{near}; it has {known}.
A note of your own begins with an underscore (model._{name} = ...), or is set by a method of your class."""


def check_unknown(model: Any, name: str, value: Any) -> None:
    """Raise if a new attribute of a model looks like a parameter, unless one of the model's own methods introduces it.

    That is what a number, an array or a quantity looks like; and a choice, a function or a state, under a name that is close to a
    declared one.
    """
    known = [*model.parameters, *model.options, *model.variables]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    is_number = isinstance(value, _NUMBERS) and not isinstance(value, (bool, np.bool_))
    is_close = bool(near) and (isinstance(value, (bool, np.bool_, str, State)) or callable(value))
    if not known or not (is_number or is_close) or _by_own_method(model):
        return
    guess = f': is it {near[0]!r}' if near else ''
    raise AssignmentError(_UNKNOWN.format(owner=model.label, name=name, near=guess, known=', '.join(known)))


def _by_own_method(model: Any) -> bool:
    """Whether a method of one of the model's classes is running on it, whatever it calls."""
    homes = {(cls.__module__, cls.__qualname__) for cls in type(model).__mro__}
    frame = sys._getframe(3)  # after this function, `check_unknown` and `__setattr__`
    while frame is not None:
        owner = frame.f_code.co_qualname.split('.<locals>.<')[0].rpartition('.')[0]  # also of a comprehension within
        if (frame.f_globals.get('__name__'), owner) in homes and any(x is model for x in frame.f_locals.values()):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
