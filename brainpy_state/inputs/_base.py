"""What all inputs share: a shape with batch axes, the number of the step, and times in steps."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, random
from .._errors import ParameterError, ShapeError, TraceContextError
from .._frames import stack
from .._typing import Size
from ..modules import Dynamics, broadcasts, check_unit
from ..numerics import LAST_STEP, brief, check_resolution, on_grid, plain, with_unit
from ..random._keys import Seed, check_seed
from ..transform import jit_error_if

ROUNDINGS = {'round': np.rint, 'floor': np.floor, 'ceil': np.ceil}
_IN_DOUBT = 2.0**-2  # steps that t may be off by, for the nearest to be right

_TOO_LATE = (
    "{label}: the step follows from environ's t, a number of {bits} bits that does not tell steps apart beyond the {last:.0f}th from 0; "
    'set the number i of the step: `with environ.context(i=i):`.'
)


class Input(Dynamics):
    """Base of what drives a model from outside: ``update()`` gives the value that acts during the step.

    The step is ``environ``'s ``i`` or, where that is not set, the nearest one to ``t``. A subclass declares parameters and variables as
    any model does, and gives ``update``, which may use `step`, `is_on` and `filled`.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    name : str, optional
        A label for messages.
    **params
        What the input declares.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> class Sawtooth(bst.Input):
    ...     top = bst.nn.Parameter(1. * u.nA, doc='the largest value')
    ...     def update(self):
    ...         return self.filled(self.top * (self.step() % 5) / 4)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.run(Sawtooth(1, top=2. * u.nA), 0.6 * u.ms)[:, 0]
    Quantity([0.  0.5 1.  1.5 2.  0. ], "nA")
    """

    optional: ClassVar[tuple[str, ...]] = ()
    """The parameters that may be left out although they have no default."""

    lead: tuple[int, ...] | None = None  # the batch axes; none before it is initialised

    def __init__(self, in_size: Size, *, name: str | None = None, **params: Any):
        for key, value in params.items():
            if value is None and key in self.parameters and key not in self.optional:
                raise ParameterError(f'{type(self).__name__}: {key} must be a number, a quantity or an array, but is None.')
        super().__init__(in_size, name=name, **params)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Allocate the declared variables, and let what is drawn have the shape ``(batch_size, *size)``."""
        self.lead = () if batch_size is None else (batch_size,)
        super().init_state(batch_size, **kwargs)

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Give the declared variables their first values again, with the batch size that they have or a new one."""
        if batch_size is not None:
            self.lead = (batch_size,)
        super().reset_state(batch_size, **kwargs)

    def not_allocated(self) -> list[str]:
        """Names of what `init_all_states` has still to make, also ``lead``, by which it says how many trials there are."""
        return [*super().not_allocated(), *(('lead',) if self.lead is None else ())]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a step's value, ``(batch, *size)``."""
        return (*(self.lead or ()), *self.varshape)

    def step(self) -> Any:
        """The number of the step, int32."""
        i = environ.get('i', None)
        if i is None:
            return self._step_at(environ.get('t', desc=f'{self.label} needs the number i of the step, or the time'))
        if not jnp.issubdtype(jnp.result_type(i), jnp.integer):
            raise ParameterError(f'{self.label}: the number i of the step in environ must be an integer, but is {i!r}.')
        self._require(jnp.dtype(jnp.result_type(i)).itemsize <= 4 or abs(i) <= LAST_STEP, f'{self.label}: i must be below 2^31.')
        return jnp.asarray(i, jnp.int32)

    def _step_at(self, t: Any) -> Any:
        """The step nearest to a time, of which rounding has taken some bits in ``i * dt`` and again here."""
        check_unit(t, u.ms, self.label, 't')
        steps = jnp.asarray(plain(t / self.get_dt()))
        last = min(float(LAST_STEP), _IN_DOUBT / float(jnp.finfo(steps.dtype).eps))
        bits = 8 * steps.dtype.itemsize
        self._require(abs(steps) <= last, _TOO_LATE.format(label=self.label, bits=bits, last=last))
        return jnp.rint(steps).astype(jnp.int32)

    def _require(self, condition: Any, message: str) -> None:
        """An error unless a condition holds; it cannot be raised within a transform of JAX itself."""
        if condition is True or (isinstance(condition, jax.core.Tracer) and stack.top is None):
            return
        with contextlib.suppress(TraceContextError):
            jit_error_if(jnp.logical_not(condition), message)

    def steps_of(self, *times: Any) -> Any:
        """The steps, an int32 array, nearest to times or, of several, to their sums."""
        for x in times:
            check_resolution(x, self.get_dt(), f'{self.label}: a time')
        exact = [u.Quantity(np.asarray(x.mantissa, float), unit=x.unit) for x in times]
        return steps_of(sum(exact[1:], exact[0]), self.get_dt(), self.label).astype(np.int32)

    def is_on(self, duration: Any, start: Any = 0.0 * u.ms) -> Any:
        """Whether the step lies in ``[start, start + duration)``; a duration of ``None`` never ends."""
        i = self.step()
        if duration is None:
            return i >= self.steps_of(start)
        return (i >= self.steps_of(start)) & (i < self.steps_of(start, duration))

    def filled(self, value: Any, on: Any = True) -> Any:
        """A value in the shape and type of a step's value, 0 where it is not ``on``."""
        mantissa = jnp.where(on, u.get_mantissa(value), 0)
        return with_unit(jnp.broadcast_to(mantissa.astype(environ.dftype()), self.shape), u.get_unit(value))

    def checked_numbers(self, name: str, x: Any) -> Any:
        """The number or array behind a value, after a check that it is one and, where it is known, finite."""
        mantissa = u.get_mantissa(x)
        is_numeric = isinstance(mantissa, (int, float, np.ndarray, np.generic, jax.Array))
        if not is_numeric or np.dtype(getattr(mantissa, 'dtype', float)).kind not in 'biuf':
            raise ParameterError(f'{self.label}: {name} must be numbers or quantities, but is a {type(mantissa).__name__}.')
        if not isinstance(mantissa, jax.core.Tracer) and not np.all(np.isfinite(mantissa)):
            raise ParameterError(f'{self.label}: {name} = {brief(x)} must be finite.')
        return mantissa

    def checked_times(self, name: str, times: Any, *, many: bool = False, at_least: float = -np.inf) -> Any:
        """One time or a list of times as a quantity in NumPy, after a check."""
        parts = list(times) if isinstance(times, (list, tuple)) else [times]
        for x in parts:
            if isinstance(self.checked_numbers(name, x), jax.core.Tracer):
                raise ParameterError(f'{self.label}: {name} must be known when a function is compiled, but is traced.')
            check_unit(x, u.ms, self.label, name)
        if isinstance(times, (list, tuple)):
            times = np.asarray([x.to_decimal(u.ms) for x in parts], float) * u.ms
        mantissa = np.asarray(u.get_mantissa(times))
        if mantissa.ndim != many:
            expected = 'a list of times' if many else 'one time'
            raise ParameterError(f'{self.label}: {name} = {brief(times)} must be {expected}.')
        if not np.all(mantissa >= at_least):
            raise ParameterError(f'{self.label}: {name} = {brief(times)} must be zero or positive.')
        return u.Quantity(mantissa, unit=u.get_unit(times))

    def checked_series(self, name: str, values: Any, count: int, of: str) -> Any:
        """Values, one for each of ``count`` things that the argument ``of`` lists, as an array with a leading axis."""
        if isinstance(values, (list, tuple)):
            unit = u.get_unit(values[0]) if values else u.UNITLESS
            for x in values:
                self.checked_numbers(name, x)
                check_unit(x, 1.0 * unit, self.label, name)
            parts = [x.to_decimal(unit) if isinstance(x, u.Quantity) else x for x in values]
            xp = jnp if any(isinstance(x, jax.core.Tracer) for x in parts) else np
            try:
                values = with_unit(xp.stack(xp.broadcast_arrays(*parts)) if parts else np.zeros(0), unit)
            except ValueError:
                raise ShapeError(f'{self.label}: {name} have shapes {[np.shape(x) for x in parts]}, which do not fit each other.') from None
        shape = np.shape(self.checked_numbers(name, values))
        if not shape or shape[0] != count or not broadcasts(shape[1:], self.varshape):
            raise ShapeError(
                f'{self.label}: {name} have shape {shape}, expected ({count},) or ({count}, *{self.varshape}), for {count} {of}.'
            )
        return values


class RandomInput(Input):
    """Base of inputs that draw: each has a stream of random numbers of its own, ``self.stream``, a `random.Stream`.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    seed : int, str or tuple of them, optional
        The name of its random numbers; without one, the default generator of `random` gives another one whenever it is initialised.
    name : str, optional
        A label for messages.
    **params
        What the input declares.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> class Noise(bst.inputs.RandomInput):
    ...     def update(self):
    ...         return self.stream.standard_normal((3,)) * u.pA
    >>> noise = bst.nn.init_all_states(Noise(3, seed=1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.run(noise, 1. * u.ms).shape
    (10, 3)
    """

    def __init__(self, in_size: Size, *, seed: Seed = None, name: str | None = None, **params: Any):
        super().__init__(in_size, name=name, **params)
        check_seed(seed, self.label)
        self.stream = random.Stream(seed)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Allocate the declared variables, and start the random numbers from the first step."""
        super().init_state(batch_size, **kwargs)
        self.stream.restart()

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Give the declared variables their first values again, and start the random numbers from the first step."""
        super().reset_state(batch_size, **kwargs)
        self.stream.restart()


def steps_of(times: Any, dt: Any, owner: str, rounding: str = 'round') -> np.ndarray:
    """Times in steps, int64; computed on the host in double precision.

    Parameters
    ----------
    times : time, NumPy
    dt : time
    owner : str
        Whose times they are, for messages.
    rounding : {'round', 'floor', 'ceil'}
        What to do with a time that is no multiple of dt; one that is, but for rounding of its number, is never moved.

    Raises
    ------
    ParameterError
        If they are given in a type whose numbers do not tell steps apart.
    """
    check_resolution(times, dt, f'{owner}: a time')
    steps, nearest, whole = on_grid(np.asarray(u.get_mantissa(times)), 1 / per_unit(u.get_unit(times), dt))
    if rounding != 'round':
        nearest = np.where(whole, nearest, ROUNDINGS[rounding](steps))
    return np.clip(nearest, -LAST_STEP, LAST_STEP).astype(np.int64)


def per_unit(unit: Any, dt: Any) -> float:
    """How many steps one unit of time takes."""
    return float(unit.magnitude / (u.get_unit(dt).magnitude * float(u.get_mantissa(dt))))


def per_step(rate: Any, dt: Any) -> Any:
    """``rate * dt`` as a plain number: in double precision on the host, unless the rate is traced."""
    factor = float(u.get_unit(rate).magnitude * u.get_unit(dt).magnitude * float(u.get_mantissa(dt)))
    number = u.get_mantissa(rate)
    return (number if isinstance(number, jax.core.Tracer) else np.asarray(number, float)) * factor


def as_its_mean(drawn: Any, mean: Any) -> Any:
    """What was drawn, as numbers, with the derivative of its mean (a straight-through estimate) where that is traced."""
    if not isinstance(mean, jax.core.Tracer) or drawn.dtype.kind != 'f':
        return drawn
    mean = mean.astype(drawn.dtype)
    return jax.lax.stop_gradient(drawn) + (mean - jax.lax.stop_gradient(mean))
