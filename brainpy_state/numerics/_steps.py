"""Times as numbers of steps."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError, UnitError
from ._brief import brief
from ._integrate import plain, with_unit

_ROUNDING = 1e-6  # of a step, or of the number of steps


def whole_steps(time: Any, dt: Any, what: str, *, positive: bool = False, hint: str = '') -> np.ndarray:
    """Times in steps, int64, which must be whole but for rounding.

    Parameters
    ----------
    time : time
        One, or an array of them.
    dt : time
    what : str
        Whose time it is, and its name, for the message.
    positive : bool
        Whether it must be one step or more, instead of zero or more.
    hint : str
        What else to do, for the message.

    Raises
    ------
    UnitError
        If it is no time.
    ParameterError
        If it is no multiple of ``dt``, or too short.
    """
    if u.get_dim(time) != u.get_dim(dt):
        raise UnitError(f'{what} = {brief(time)} must be a time, as dt = {brief(dt)} is.')
    ratio = np.asarray(plain(time / dt), float)
    steps = np.rint(np.where(np.isfinite(ratio), ratio, -1))
    wrong = (steps < positive) | (np.abs(ratio - steps) > _ROUNDING * np.maximum(steps, 1))
    if wrong.any():
        first = with_unit(np.asarray(u.get_mantissa(time))[wrong].flat[0], u.get_unit(time))
        range_ = 'more than zero' if positive else 'zero or more'
        raise ParameterError(f'{what} = {brief(first)} must be a multiple of dt = {brief(dt)}, {range_}{hint}.')
    return steps.astype(np.int64)
