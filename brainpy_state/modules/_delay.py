"""Delays: what a value was some steps ago."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._errors import ParameterError, ShapeError
from .._typing import Size, as_size
from ..event._parts import aged
from ..numerics import brief, plain, split_steps, whole_steps, with_unit
from ..state import DelayState
from ._allocated import Allocated
from ._declare import broadcasts, check_unit
from ._module import Module
from ._param import Param
from ._verify import read, trained_state

_ROUNDING = 1e-6  # of dt
_ROUND_IT = '; round it, as `spatial.delays` does, or use another dt (a `Delay` of graded values can interpolate)'

_NO_RANGE = """\
{owner}: a trained delay needs a range, for which there is room from the start, but delay is {given}. Give for example
    delay=Param({example}, t=ClipT(0. * u.ms, 20. * u.ms))"""


def longest_delay(time: Any, owner: str) -> Any:
    """The longest delay in the range of a trained one; None of one that is a number.

    Raises
    ------
    ParameterError
        If it has no range, or one that is not from zero or more to a longest delay.
    """
    value = read(time)
    check_unit(value, 1.0 * u.ms, owner, 'delay')
    if trained_state(time) is None:
        check_delay(value, owner)
        return None
    example = '1. * u.ms' if np.ndim(u.get_mantissa(value)) == 0 else '... * u.ms'
    if not isinstance(time, Param):
        raise ParameterError(_NO_RANGE.format(owner=owner, given=f'a {type(time).__name__}, which has none', example=example))
    lowest, longest = (np.asarray(u.get_mantissa(limit)) for limit in time.limits())
    if not (np.all(lowest >= 0) and np.isfinite(longest).all()):
        raise ParameterError(_NO_RANGE.format(owner=owner, given=f'a Param with t={time.t}', example=example))
    return with_unit(float(longest.max()), u.get_unit(value))


def delay_steps(time: Any, dt: Any, owner: str) -> np.ndarray:
    """A delay in time steps, which must be whole.

    Raises
    ------
    ParameterError
        If a delay is negative, or no multiple of ``dt``.
    """
    check_delay(time, owner)
    return whole_steps(time, dt, f'{owner}: delay', hint=_ROUND_IT).astype(np.int32)


def check_delay(time: Any, owner: str) -> None:
    """Raise unless ``time`` is one delay or an array of them: times, finite and not negative."""
    check_unit(time, 1.0 * u.ms, owner, 'delay')
    values = np.asarray(u.get_mantissa(time))
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ParameterError(f'{owner}: delay = {time} must be finite, and zero or more.')


def same_dt(a: Any, b: Any) -> bool:
    """Whether two time steps are the same but for rounding."""
    return u.get_dim(a) == u.get_dim(b) and abs(float(plain(a / b)) - 1) <= _ROUNDING


def check_dt(made_for: Any, owner: str, remedy: str = 'initialise the model again') -> None:
    """Raise unless the time step is still the one that something was made for."""
    dt = environ.get('dt', desc=f'{owner} counts time steps')
    if not same_dt(dt, made_for):
        raise ParameterError(f'{owner}: it was made for dt = {brief(made_for)}, but dt is {brief(dt)} now; {remedy}.')


def ring_length(longest: Any, dt: Any) -> int:
    """How many steps a ring needs for delays up to the longest, and one more to interpolate."""
    return max(int(np.ceil(float(plain(longest / dt)) - _ROUNDING)), 1) + 1


class Delay(Module):
    """What a value was some time ago.

    Call it once in each step with the value of the step; it returns the value of ``time`` before. A delay of zero
    gives the value itself.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the value, without batch.
    time : time, or Param
        One delay, or one for each element, of a shape that broadcasts to ``in_size``; a multiple of ``dt``
        unless ``interpolate``. A `Param` is trained: it needs ``interpolate`` and a range, such as ``t=ClipT(0. * u.ms, 20. * u.ms)``.
    initial : quantity, number or array
        What the value was before the first step; it has the unit of the value, and may have its shape.
    interpolate : bool
        Whether a delay between two steps gives what lies between them, linearly.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError
        If a delay is negative or no multiple of ``dt``, or if ``dt`` is another than when the states were made; if a trained one
        has no range or is not to be interpolated.
    UnitError, ShapeError
        If a value does not fit.

    Notes
    -----
    States: ``history``, of shape ``(steps, batch, *in_size)``, and ``row``, where the oldest value stands in it. The
    states are made for the ``dt`` that is set when they are initialised.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     delay = bst.nn.init_all_states(bst.nn.Delay(1, 0.2 * u.ms, initial=-70. * u.mV))
    ...     seen = bst.transform.for_loop(delay, jnp.arange(4.)[:, None] * u.mV)
    >>> seen[:, 0]
    Quantity([-70. -70.   0.   1.], "mV")
    """

    history: Any = Allocated()
    row: Any = Allocated()

    def __init__(self, in_size: Size, time: Any, *, initial: Any = 0.0, interpolate: bool = False, name: str | None = None):
        super().__init__(name)
        self.varshape = self.in_size = self.out_size = as_size(in_size, type(self).__name__)
        self.longest = longest_delay(time, self.label)
        if self.longest is not None and not interpolate:
            raise ParameterError(f'{self.label}: delay is a Param, but there is no derivative by whole steps; give interpolate=True.')
        shape = np.shape(u.get_mantissa(read(time)))
        if not broadcasts(shape, self.varshape):
            raise ShapeError(f'{self.label}: delay has shape {shape}, which does not broadcast to the size {self.varshape}.')
        self.time, self.initial, self.interpolate = time if self.longest is not None else read(time), initial, interpolate

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for the delay, in steps of the ``dt`` that is set, filled with ``initial``."""
        self.made_for = dt = environ.get('dt', desc=f'{self.label} needs the time step to know how many steps it lasts')
        if self.longest is not None:
            length = ring_length(self.longest, dt) - 1
        else:
            check_delay(self.time, self.label)
            exact = np.asarray(plain(self.time / dt), float)
            self.steps = np.floor(exact).astype(np.int32) if self.interpolate else delay_steps(self.time, dt, self.label)
            self.fraction = exact - self.steps if self.interpolate else np.zeros_like(exact)
            length = int(np.max(self.steps, initial=0)) + bool(self.fraction.any())
        shape = (length, *(() if batch_size is None else (batch_size,)), *self.varshape)
        first = jnp.broadcast_to(jnp.asarray(u.get_mantissa(self.initial), environ.dftype()), shape)
        self.history = DelayState(with_unit(first, u.get_unit(self.initial)))
        self.row = DelayState(jnp.zeros((), jnp.int32))

    def update(self, x: Any) -> Any:
        """Take in the value of this step; returns that of ``time`` before, of the same shape and unit."""
        history = self.history.value
        self._check(x, history)
        past, length = u.get_mantissa(history), history.shape[0]
        if length == 0:
            return x
        now = u.Quantity(x).to_decimal(u.get_unit(history)) if isinstance(x, u.Quantity) else jnp.asarray(x)
        now = now.astype(past.dtype)
        steps, fraction = self._split(length)
        old = self._past(past, now, steps)
        if self.longest is not None or fraction.any():
            old = old * (1.0 - fraction).astype(old.dtype) + self._past(past, now, steps + 1) * fraction.astype(old.dtype)
        row = self.row.value
        unit = u.get_unit(history)
        self.history.value = with_unit(jax.lax.dynamic_update_index_in_dim(past, now, row, 0), unit)
        self.row.value = jnp.where(row + 1 == length, 0, row + 1)
        return with_unit(old, unit)

    def _split(self, length: int) -> tuple[Any, Any]:
        """The delay in whole steps, and the part of a step on top of it."""
        if self.longest is None:
            return self.steps, self.fraction
        return split_steps(plain(read(self.time) / self.made_for), length - 1)

    def _past(self, past: jax.Array, now: jax.Array, steps: Any) -> jax.Array:
        """The value of ``steps`` before, for each element, from the ring in which row ``row`` is ``length`` steps old."""
        length, row = past.shape[0], self.row.value
        if self.longest is not None:
            if steps.ndim == 0:
                old = jax.lax.dynamic_index_in_dim(past, (row + length - steps) % length, 0, keepdims=False)
            else:
                old = jnp.take_along_axis(past, jnp.broadcast_to((row + length - steps) % length, now.shape)[None], axis=0)[0]
            return jnp.where(steps == 0, now, old)
        if environ.get('mesh', None) is not None and steps.size:
            past = aged(past, max(int(steps.min()), 1))
        if steps.size == 0 or (steps == steps.flat[0]).all():
            k = int(steps.flat[0]) if steps.size else 0
            return now if k == 0 else jax.lax.dynamic_index_in_dim(past, (row + length - k) % length, 0, keepdims=False)
        rows = jnp.broadcast_to((row + length - np.maximum(steps, 1)) % length, now.shape)
        old = jnp.take_along_axis(past, rows[None], axis=0)[0]
        return jnp.where(steps == 0, now, old) if (steps == 0).any() else old

    def _check(self, x: Any, history: Any) -> None:
        check_dt(self.made_for, self.label)
        check_unit(x, history, self.label, 'value')
        if np.shape(u.get_mantissa(x)) != history.shape[1:]:
            raise ShapeError(f'{self.label}: the value has shape {np.shape(u.get_mantissa(x))}, expected {history.shape[1:]}.')
