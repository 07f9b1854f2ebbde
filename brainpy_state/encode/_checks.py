"""What encoders ask of their inputs."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._errors import ParameterError, UnitError
from ..numerics import brief, whole_steps
from ..transform._error_if import error_if


def steps(where: str, duration: Any) -> int:
    """How many steps of ``dt`` a duration has, at least one."""
    return int(whole_steps(duration, environ.get_dt(), f'{where}: duration', positive=True))


def in_steps(time: Any) -> Any:
    """A time in steps of ``dt``, not rounded."""
    return u.Quantity(time / environ.get_dt()).to_decimal(u.UNITLESS)


def events(freqs: Any) -> Any:
    """Mean numbers of events in a step of ``dt``."""
    return u.Quantity(freqs * environ.get_dt()).to_decimal(u.UNITLESS)


def numbers(where: str, name: str, x: Any, like: Any = 1.0) -> Any:
    """An array or quantity of the dimension of another, as floating-point numbers.

    Raises
    ------
    TypeError
        If it is no array of numbers.
    UnitError
        If its unit does not fit.
    """
    if u.get_dim(x) != u.get_dim(like):
        needed = u.get_unit(like)
        raise UnitError(f'{where}: {name} = {brief(x)} must be {"plain numbers" if needed.is_unitless else f"in a unit like {needed}"}.')
    mantissa = u.get_mantissa(x)
    if not isinstance(mantissa, (jax.Array, np.ndarray, np.generic, float, int, list, tuple)):
        raise TypeError(f'{where}: {name} must be numbers, but is a {type(mantissa).__name__}.')
    plain = jnp.asarray(mantissa)
    if jnp.issubdtype(plain.dtype, jnp.complexfloating):
        raise TypeError(f'{where}: {name} must be real numbers, but is {plain.dtype}.')
    plain = plain if jnp.issubdtype(plain.dtype, jnp.floating) else plain.astype(environ.dftype())
    return u.Quantity(plain, unit=x.unit) if isinstance(x, u.Quantity) else plain


def between(where: str, name: str, x: Any, low: float | None, high: float | None) -> None:
    """Raise `ParameterError` unless all numbers lie in a range, in compiled code when the call ends; NaN lies in none."""
    x = u.get_mantissa(x)
    if not np.size(x):
        return
    known = not isinstance(x, jax.core.Tracer)
    x = np.asarray(x) if known else x
    inside = ((x >= (-np.inf if low is None else low)) & (x <= (np.inf if high is None else high)) & (abs(x) < np.inf)).all()
    allowed = f'from {low} to {high}' if high is not None else 'zero or positive' if low == 0 else 'finite'
    text = f'{where}: {name} must be {allowed}, but some are not: from {{}} to {{}}.'
    if not known:
        error_if(~inside, ParameterError, text, x.min(), x.max())
    elif not inside:
        raise ParameterError(text.format(x.min(), x.max()))
