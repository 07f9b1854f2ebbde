"""Times as numbers of steps."""

from __future__ import annotations

import functools
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ParameterError, UnitError
from ._brief import brief
from ._integrate import plain, with_unit

LAST_STEP = 2**31 - 1
_ROUNDING = 1e-6  # of a step, which is more than rounding moves what is meant to be whole
_HEADROOM = 2.0**17  # below it, a number of 32 bits has six binary places


def whole_steps(time: Any, dt: Any, what: str, *, positive: bool = False, signed: bool = False, hint: str = '') -> np.ndarray:
    """Times in steps, int64, which must be whole but for rounding.

    Parameters
    ----------
    time : time
        One, or an array of them.
    dt : time
    what : str
        Whose time it is, and its name, for the message.
    positive, signed : bool
        Whether it must be one step or more, or may be below zero, instead of zero or more.
    hint : str
        What else to do, for the message.

    Raises
    ------
    UnitError
        If it is no time.
    ParameterError
        If it is no multiple of ``dt``, too short, or so long that numbers of its type do not tell steps apart.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.numerics.whole_steps([1., 2.5] * u.ms, 0.1 * u.ms, 'delay')
    array([10, 25])
    """
    if u.get_dim(time) != u.get_dim(dt):
        raise UnitError(f'{what} = {brief(time)} must be a time, as dt = {brief(dt)} is.')
    check_resolution(time, dt, what)
    ratio = np.asarray(plain(time / dt), float)
    precision = max(_precision(u.get_mantissa(x)) for x in (time, dt))
    steps = np.rint(np.where(np.isfinite(ratio), ratio, np.nan))
    rounding = np.maximum(_ROUNDING, 4 * precision * np.abs(steps))
    wrong = ~(np.abs(ratio - steps) <= rounding)
    if not signed:
        wrong |= steps < positive
    if wrong.any():
        first = with_unit(np.asarray(u.get_mantissa(time))[wrong].flat[0], u.get_unit(time))
        range_ = '' if signed else ', more than zero' if positive else ', zero or more'
        raise ParameterError(f'{what} = {brief(first)} must be a multiple of dt = {brief(dt)}{range_}{hint}.')
    return steps.astype(np.int64)


def split_steps(steps: Any, last: int) -> tuple[Any, Any]:
    """A real-valued number of steps as whole ones, int32 from 0 to ``last``, and the part of one that is left, from 0 to 1.

    The derivative by ``steps`` is that of the part.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.numerics.split_steps(jnp.array([1.25, 3.]), 10)
    (Array([1, 3], dtype=int32), Array([0.25, 0.  ], dtype=float32))
    """
    steps = jnp.asarray(steps)
    whole = jnp.clip(jnp.floor(steps).astype(np.int32), 0, last)
    return whole, steps - whole.astype(steps.dtype)


def counted_steps(steps: Any, what: str) -> jax.Array:
    """A traced number of steps, rounded to a whole one; a derivative by it, which would be zero, is an error that says ``what`` it is.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.numerics.counted_steps(jnp.array(2.6), 'tau_ref')
    Array(3., dtype=float32, weak_type=True)
    """
    return _counted(what, jnp.asarray(steps))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _counted(what: str, steps: jax.Array) -> jax.Array:
    return jnp.rint(steps)


@_counted.defjvp
def _counted_jvp(what: str, primals: Any, tangents: Any) -> Any:
    raise ParameterError(
        f'{what} acts in whole steps, so there is no derivative by it, and it cannot be trained; leave its state out of those '
        'that are trained, or give a number.'
    )


def on_grid(times: np.ndarray, dt: float, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(times - offset) / dt``, the nearest whole number, and whether it is whole but for rounding of the times.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.numerics.on_grid(np.array([0.2, 0.25]), 0.1)
    (array([2. , 2.5]), array([2., 2.]), array([ True, False]))
    """
    times = np.asarray(times)
    steps = (times.astype(float) - offset) / dt
    nearest = np.rint(steps)
    size = np.maximum((np.abs(times) + abs(offset)) / dt, 1)
    return steps, nearest, np.abs(steps - nearest) <= 4 * _precision(times) * size


def check_resolution(time: Any, dt: Any, what: str) -> None:
    """Raise if times are given in a type whose numbers do not tell steps apart.

    A whole number that is not large counts as meant exactly.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.numerics.check_resolution(np.array([1.]) * u.ms, 0.1 * u.ms, 'times')
    """
    number = np.asarray(u.get_mantissa(time))
    if number.dtype.kind != 'f' or number.dtype == np.float64:
        return
    steps = np.abs(number.astype(float)) * float(u.get_unit(time).magnitude / u.get_unit(dt).magnitude / float(u.get_mantissa(dt)))
    exact = (number == np.rint(number)) & (np.abs(number) < _HEADROOM)
    wrong = np.isfinite(number) & (steps * np.finfo(number.dtype).eps >= 1) & ~exact
    if wrong.any():
        first = with_unit(number[wrong].flat[0], u.get_unit(time))
        raise ParameterError(
            f'{what} = {brief(first)} is given in {number.dtype}, which does not tell steps of dt = {brief(dt)} apart there; give it in '
            'double precision: a list of quantities, or a NumPy array times the unit.'
        )


def _precision(number: Any) -> float:
    dtype = getattr(number, 'dtype', np.dtype(float))
    return float(jnp.finfo(dtype).eps) if np.dtype(dtype).kind == 'f' else float(np.finfo(float).eps)
