"""`Time`: the time of a step, exact however many steps there are."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import TraceContextError
from ._steps import on_grid
from ._turns import added, known_words, multiple, positive_turns

_FARTHEST = 160_000  # steps that float32 tells apart to a hundredth
_LARGEST = 2**30  # steps, so that differences fit 32 bits
_BITS = 12  # of a number of steps that are multiplied apart from the others
_SLACK = 2.0**-22  # of a step: more than what rounding takes from the fraction of a period

_TOO_FAR = (
    'environ: the time t is used as a number of 32 bits more than {steps} steps away from {origin}, where such numbers do not tell '
    'hundredths of a step apart. Comparing t with a known time, subtracting a nearer one, and t % period are exact, and so is the number '
    'i of the step; or use precision=64.'
)


class Time(u.Quantity):
    """The time ``step * dt + offset``, a quantity that knows the number of its step.

    Exact are comparisons with known times; sums with known times and differences from them, also of two such
    times; and the remainder of a known period. Everything else takes it as an ordinary number. On the host that has
    double precision. In a compiled function with numbers of 32 bits it is right to a hundredth of a step, or an error.

    Parameters
    ----------
    step : int, any shape
    dt : float
    unit : Unit
        Of dt and offset.
    offset : float
        The time of step 0.

    Notes
    -----
    As a pytree it has one leaf, the step. An error is not possible within a transform of JAX itself.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> t = bst.numerics.Time(3, 0.1, u.ms)
    >>> t + 1. * u.ms
    Quantity(1.3, "ms")
    """

    raise_if: Callable[..., None] | None = None  # raises in compiled code; given by `transform`, which is above

    def __init__(self, step: Any, dt: float, unit: Any, offset: float = 0.0):
        self.step, self.dt, self.offset = step, dt, offset
        self._is_checked = False
        super().__init__(self._from(offset)[0], unit=unit)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return Time, (self.step, self.dt, self.unit, self.offset)

    def __copy__(self) -> Time:
        return Time(self.step, self.dt, self.unit, self.offset)

    def __deepcopy__(self, memo: Any) -> Time:
        return self.__copy__()

    @property
    def mantissa(self) -> Any:
        """The time as a number, after a check that its type has room for it."""
        if self._is_traced and not self._is_checked:
            self._is_checked = True
            self._checked(self.offset)
        return super().mantissa

    @property
    def _is_traced(self) -> bool:
        return isinstance(self.step, jax.core.Tracer)

    def _from(self, offset: Any, step: Any = None) -> tuple[Any, Any, Any]:
        """``step * dt + offset``, with the step where that is nearest to 0 and the number of steps from there."""
        step = self.step if step is None else step
        if not isinstance(step, jax.core.Tracer):
            return np.asarray(step, float)[()] * self.dt + offset, 0, 0
        dtype = jnp.result_type(float)
        origin = np.clip(np.rint(-np.asarray(offset) / self.dt), -_LARGEST, _LARGEST).astype(np.int32)
        steps = step - origin
        rest = np.asarray(offset + origin * self.dt, dtype)
        if dtype == np.float64:
            return steps.astype(dtype) * self.dt + rest, origin, steps
        # products of short numbers are exact, which leaves one rounding
        low = steps & np.int32(2**_BITS - 1)
        exponent = np.frexp(self.dt)[1]
        short = float(np.ldexp(np.rint(np.ldexp(self.dt, 18 - exponent)), exponent - 18))
        small = low.astype(dtype) * dtype.type(short) + (steps.astype(dtype) * dtype.type(self.dt - short) + rest)
        return (steps - low).astype(dtype) * dtype.type(short) + small, origin, steps

    def _checked(self, offset: Any, step: Any = None) -> Any:
        """``step * dt + offset``, an error where 32 bits are too few."""
        value, origin, steps = self._from(offset, step)
        raise_if = type(self).raise_if
        if raise_if is not None and isinstance(steps, jax.core.Tracer) and value.dtype == np.float32:
            nearest = f'{float(np.ravel(origin)[0]) * self.dt:.10g} {self.unit}'
            with contextlib.suppress(TraceContextError):
                raise_if(jnp.any(jnp.abs(steps) > _FARTHEST), _TOO_FAR.format(steps=_FARTHEST, origin=nearest))
        return value

    def _known(self, other: Any) -> Any:
        """A time that is known, in our unit and the type of its number; else None."""
        if isinstance(other, Time):
            return None
        number = u.get_mantissa(other)
        if isinstance(number, jax.core.Tracer) or not isinstance(number, (int, float, np.ndarray, np.generic, jax.Array)):
            return None
        number = np.asarray(number)
        if not isinstance(other, u.Quantity):
            return number if number.ndim == 0 and number == 0 else None
        if u.get_dim(other) != u.get_dim(self) or number.dtype.kind not in 'iuf':
            return None
        factor = float(other.unit.magnitude / self.unit.magnitude)
        return number if factor == 1 else (number.astype(float) * factor).astype(number.dtype if number.dtype.kind == 'f' else float)

    def _plain(self) -> u.Quantity:
        return u.Quantity(self.mantissa, unit=self.unit)

    def _compare(self, other: Any, relation: Callable, rounding: Callable | None = None) -> Any:
        known = self._known(other)
        if known is None:
            return relation(self._plain(), other._plain() if isinstance(other, Time) else other)
        steps, nearest, whole = on_grid(known, self.dt, self.offset)
        limit = np.clip(nearest if rounding is None else np.where(whole, nearest, rounding(steps)), -(2**31), 2**31 - 1)
        found = relation(self.step, limit.astype(np.int64 if not self._is_traced else np.int32)[()])
        if rounding is None:
            return found & whole if relation is operator.eq else found | ~whole
        return found

    def __lt__(self, other: Any) -> Any:
        return self._compare(other, operator.lt, np.ceil)

    def __ge__(self, other: Any) -> Any:
        return self._compare(other, operator.ge, np.ceil)

    def __le__(self, other: Any) -> Any:
        return self._compare(other, operator.le, np.floor)

    def __gt__(self, other: Any) -> Any:
        return self._compare(other, operator.gt, np.floor)

    def __eq__(self, other: Any) -> Any:
        return self._compare(other, operator.eq)

    def __ne__(self, other: Any) -> Any:
        return self._compare(other, operator.ne)

    __hash__ = None  # type: ignore[assignment]

    def _moved(self, other: Any, sign: int) -> Any:
        known = self._known(other)
        if known is None:
            other = other._plain() if isinstance(other, Time) else other
            return self._plain() + other if sign > 0 else self._plain() - other
        offset = self.offset + sign * known.astype(float)
        if known.ndim == 0:
            return Time(self.step, self.dt, self.unit, float(offset))
        return u.Quantity(self._checked(offset), unit=self.unit)

    def __add__(self, other: Any) -> Any:
        return self._moved(other, 1)

    def __radd__(self, other: Any) -> Any:
        return self._moved(other, 1)

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, Time) and (other.dt, other.unit) == (self.dt, self.unit):
            return u.Quantity(self._checked(self.offset - other.offset, self.step - other.step), unit=self.unit)
        return self._moved(other, -1)

    def __rsub__(self, other: Any) -> Any:
        return -(self - other)

    def __neg__(self) -> Any:
        return -self._plain()

    def __mod__(self, period: Any) -> Any:
        known = self._known(period)
        if known is None or not np.all(known > 0):
            return self._plain() % period
        steps, start = self._whole(known)
        if steps is not None:
            return u.Quantity(_number((self.step + start) % steps) * self.dt, unit=self.unit)
        known = known.astype(float)
        words = added(multiple(self.step, known_words(self.dt / known)), known_words((self.offset + _SLACK * self.dt) / known))
        return u.Quantity(positive_turns(words) * known.astype(jnp.result_type(float)), unit=self.unit)

    def __floordiv__(self, period: Any) -> Any:
        known = self._known(period)
        steps, start = (None, None) if known is None or not np.all(known > 0) else self._whole(known)
        return self._plain() // period if steps is None else _number((self.step + start) // steps)

    def __divmod__(self, period: Any) -> Any:
        return self // period, self % period

    def _whole(self, period: np.ndarray) -> tuple[Any, Any]:
        """Period and offset in steps, if they are whole and not too long, else None."""
        _, steps, whole = on_grid(period, self.dt)
        _, start, starts = on_grid(np.asarray(self.offset), self.dt)
        if not (np.all(whole) and starts and np.all(steps < _LARGEST) and abs(start) < _LARGEST):
            return None, None
        return steps.astype(np.int32)[()], start.astype(np.int32)[()]


def host_times(tree: Any) -> Any:
    """The same with quantities in double precision in the place of times.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.numerics.host_times({'t': bst.numerics.Time(3, 0.1, u.ms)})
    {'t': Quantity(0.3, "ms")}
    """
    return jax.tree.map(lambda x: x._plain() if isinstance(x, Time) else x, tree, is_leaf=lambda x: isinstance(x, Time))


def _number(steps: Any) -> Any:
    return steps.astype(jnp.result_type(float)) if isinstance(steps, jax.core.Tracer) else np.asarray(steps, float)[()]


def _flatten(time: Time) -> tuple[tuple[Any], tuple[float, Any, float]]:
    return (time.step,), (time.dt, time.unit, time.offset)


def _unflatten(known: tuple[float, Any, float], leaves: Any) -> Time:
    (step,), (dt, unit, offset) = leaves, known
    if isinstance(step, (int, float, np.ndarray, np.generic, jax.Array)):
        return Time(step, dt, unit, offset)
    time = Time.tree_unflatten(unit, (step,))  # a stand-in of JAX for an array
    time.step, time.dt, time.offset, time._is_checked = step, dt, offset, True
    return time


jax.tree_util.register_pytree_node(Time, _flatten, _unflatten)
