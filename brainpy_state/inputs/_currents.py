"""Currents that are functions of the time."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .._errors import ParameterError
from .._typing import Size
from ..modules import Parameter, check_unit, non_negative
from ..numerics import turns, with_unit
from ._base import Input, per_step


class ConstantInput(Input):
    """One value from time 0 on, for a while; 0 before and after.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    value : quantity, a shape that broadcasts to the size
        In any unit; a number, an array, a callable of the size, or a `State` or `Param`, which then can be trained.
    duration : time, optional
        It ends before the step nearest to it; without it, never.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        For a value or time that is not finite, a duration that is negative or no time, a shape that does not fit.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> current = bst.ConstantInput(2, 3. * u.nA, 0.2 * u.ms)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.run(current, 0.4 * u.ms)[:, 0]
    Quantity([3. 3. 0. 0.], "nA")
    """

    value: Any = Parameter(None, doc='value', any_unit=True)

    def __init__(self, in_size: Size, value: Any, duration: Any = None, *, name: str | None = None):
        super().__init__(in_size, value=value, name=name)
        self.duration = None if duration is None else self.checked_times('duration', duration, at_least=0)

    def update(self) -> Any:
        """The value of the step, shape ``(batch, *size)``."""
        return self.filled(self.value, self.is_on(self.duration))


class SectionInput(Input):
    """One value after the other from time 0 on, each for a duration of its own; 0 before and after.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    values : quantity, shape ``(n,)`` or ``(n, *size)``, or a sequence of n quantities
        In any unit.
    durations : time, shape ``(n,)``, or a sequence of n times
        How long each lasts. A section begins with the step nearest to the sum of the durations before.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        For a value or time that is not finite, a duration that is negative or no time, shapes that do not fit.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> current = bst.SectionInput(1, [0., 2.] * u.nA, [0.1, 0.2] * u.ms)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.run(current, 0.4 * u.ms)[:, 0]
    Quantity([0. 2. 2. 0.], "nA")
    """

    def __init__(self, in_size: Size, values: Any, durations: Any, *, name: str | None = None):
        super().__init__(in_size, name=name)
        self.durations = self.checked_times('durations', durations, many=True, at_least=0)
        count = _count(self, 'durations', self.durations)
        self.values = self.checked_series('values', values, count, 'durations')

    def update(self) -> Any:
        """The value of the step, shape ``(batch, *size)``."""
        self.steps_of(self.durations)  # the sums in double precision would hide that these are coarser
        i, ends = self.step(), self.steps_of(u.Quantity(np.cumsum(self.durations.mantissa, dtype=float), unit=self.durations.unit))
        section = jnp.searchsorted(ends, i, side='right')
        return self.filled(_pick(self.values, section), (i >= 0) & (section < len(ends)))


class StepInput(Input):
    """A value that changes at given times and holds in between; 0 before the first.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    amplitudes : quantity, shape ``(n,)`` or ``(n, *size)``, or a sequence of n quantities
        In any unit.
    step_times : time, shape ``(n,)``, or a sequence of n times
        When each amplitude begins, in any order: with the step nearest to it. Of two that begin in one step, the later time counts.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        For a value or time that is not finite, times that are equal or no times, shapes that do not fit.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> current = bst.StepInput(1, [2., 5.] * u.nA, [0.1, 0.3] * u.ms)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.run(current, 0.4 * u.ms)[:, 0]
    Quantity([0. 2. 2. 5.], "nA")
    """

    def __init__(self, in_size: Size, amplitudes: Any, step_times: Any, *, name: str | None = None):
        super().__init__(in_size, name=name)
        times = self.checked_times('step_times', step_times, many=True)
        count = _count(self, 'step_times', times)
        amplitudes = self.checked_series('amplitudes', amplitudes, count, 'step_times')
        order = np.argsort(times.mantissa, kind='stable')
        self.step_times, self.amplitudes = times[order], amplitudes[order]
        if np.any(np.diff(self.step_times.mantissa) == 0):
            raise ParameterError(f'{self.label}: step_times = {times} must differ from each other.')

    def update(self) -> Any:
        """The value of the step, shape ``(batch, *size)``."""
        begun = jnp.searchsorted(self.steps_of(self.step_times), self.step(), side='right')
        return self.filled(_pick(self.amplitudes, begun - 1), begun > 0)


class RampInput(Input):
    """A value that goes linearly from one to another; 0 before and after.

    In the first step it is ``c_start``; it would be ``c_end`` in the step after the last.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    c_start, c_end : quantity, a shape that broadcasts to the size
        In any unit, the same for both.
    duration : time
        How long it goes.
    t_start : time
        When it begins, 0 ms by default. Both ends are at the nearest step.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        For a value or time that is not finite, a duration that is negative or no time, units or shapes that do not fit.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> current = bst.RampInput(1, 0. * u.nA, 2. * u.nA, duration=0.4 * u.ms)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.run(current, 0.5 * u.ms)[:, 0]
    Quantity([0.  0.5 1.  1.5 0. ], "nA")
    """

    c_start: Any = Parameter(None, doc='value at the start', any_unit=True)
    c_end: Any = Parameter(None, doc='value at the end', any_unit=True)

    def __init__(self, in_size: Size, c_start: Any, c_end: Any, duration: Any, t_start: Any = 0.0 * u.ms, *, name: str | None = None):
        super().__init__(in_size, c_start=c_start, c_end=c_end, name=name)
        self.duration = self.checked_times('duration', duration, at_least=0)
        self.t_start = self.checked_times('t_start', t_start)

    def check(self) -> None:
        check_unit(self.c_end, self.c_start, self.label, 'c_end')

    def update(self) -> Any:
        """The value of the step, shape ``(batch, *size)``."""
        first, last = self.steps_of(self.t_start), self.steps_of(self.t_start, self.duration)
        since = (self.step() - first).astype(np.uint32)  # the difference wraps around, and is not negative where it is on
        part = since / np.maximum(int(last) - int(first), 1)
        return self.filled(self.c_start + (self.c_end - self.c_start) * part, self.is_on(self.duration, self.t_start))


class SinusoidalInput(Input):
    r"""A sine from time 0 on, for a while; 0 before and after.

    .. math:: I(t) = A \sin(2\pi f t) + b

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    amplitude : quantity, a shape that broadcasts to the size
        A, in any unit.
    frequency : frequency, a shape that broadcasts to the size
        f, zero or positive.
    duration : time, optional
        It ends before the step nearest to it; without it, never.
    bias : quantity, a shape that broadcasts to the size, optional
        b, in the unit of the amplitude.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        For a value or time that is not finite, a duration that is negative or no time, units or shapes that do not fit.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> current = bst.SinusoidalInput(1, 1. * u.nA, 2.5 * u.kHz, bias=1. * u.nA)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.run(current, 0.4 * u.ms)[:, 0].mantissa.round(3)
    array([1., 2., 1., 0.], dtype=float32)
    """

    optional = ('bias',)

    amplitude: Any = Parameter(None, doc='amplitude', any_unit=True)
    frequency: Any = Parameter(None, non_negative, 'frequency', like=1.0 * u.Hz)
    bias: Any = Parameter(None, doc='what is added', any_unit=True)

    def __init__(
        self, in_size: Size, amplitude: Any, frequency: Any, duration: Any = None, bias: Any = None, *, name: str | None = None
    ):  # fmt: skip
        super().__init__(in_size, amplitude=amplitude, frequency=frequency, bias=bias, name=name)
        self.duration = None if duration is None else self.checked_times('duration', duration, at_least=0)

    def check(self) -> None:
        if self.bias is not None:
            check_unit(self.bias, self.amplitude, self.label, 'bias')

    def update(self) -> Any:
        """The value of the step, shape ``(batch, *size)``."""
        frequency = self.frequency
        dt = float(per_step(1.0 * u.get_unit(frequency), self.get_dt()))
        value = self.amplitude * jnp.sin(2 * np.pi * turns(self.step(), u.get_mantissa(frequency), dt))
        return self.filled(value if self.bias is None else value + self.bias, self.is_on(self.duration))


def _count(owner: Input, name: str, times: Any) -> int:
    if not times.mantissa.size:
        raise ParameterError(f'{owner.label}: {name} must be one time or more, but is empty.')
    return times.mantissa.size


def _pick(values: Any, index: Any) -> Any:
    """An element of a series; any index is allowed."""
    mantissa = u.get_mantissa(values)
    picked = jnp.asarray(mantissa)[jnp.clip(index, 0, mantissa.shape[0] - 1)]
    return with_unit(picked, u.get_unit(values))
