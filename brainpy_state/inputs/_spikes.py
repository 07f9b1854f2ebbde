"""Sources of spikes: given times, and Poisson processes."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._errors import ParameterError, ShapeError
from .._typing import Size
from ..modules import Parameter, broadcasts, check_dt, check_unit, non_negative
from ..numerics import with_unit
from ..random._keys import Seed
from ._base import ROUNDINGS, Input, RandomInput, as_its_mean, per_step, steps_of

_FAR = 2**30  # steps, so that differences fit 32 bits


class SpikeTime(Input):
    """Spikes at given times.

    A step's work follows the number of its spikes. The list may be long: it takes 4 bytes for each spike (8 with a weight for each) and
    4 for each step from the first spike to the last.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    indices : int, shape ``(n,)``
        Which neuron spikes; in a population of several axes, its number in row-major order.
    times : time, shape ``(n,)``
        When it spikes, in any order. Several spikes of a neuron in one step add up.
    weights : quantity, one or shape ``(n,)``
        What a spike gives, 1 by default.
    time_as_step : {'round', 'floor', 'ceil'}
        Which step takes a time that is no multiple of dt: the nearest, the one before or the one after.
    name : str, optional
        A label for messages.

    Raises
    ------
    KeyError
        If ``dt`` is not set when it is built.
    ParameterError, UnitError, ShapeError
        For a neuron that does not exist, times that are no times or not finite, lengths that differ, an unknown option; in a
        step with another dt than it was built for.

    Notes
    -----
    Batches and lanes get the same spikes.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     source = bst.SpikeTime(2, indices=[0, 1, 1], times=[0.1, 0.1, 0.2] * u.ms)
    ...     bst.run(source, 0.3 * u.ms).tolist()
    [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    """

    def __init__(
        self, in_size: Size, indices: Any, times: Any, weights: Any = 1.0, time_as_step: str = 'round', *, name: str | None = None
    ):
        super().__init__(in_size, name=name)
        if time_as_step not in ROUNDINGS:
            raise ParameterError(
                f'{self.label}: time_as_step is {time_as_step!r}, but must be one of {", ".join(map(repr, ROUNDINGS))}.'
            )  # fmt: skip
        self.dt = self.get_dt()
        steps = steps_of(self.checked_times('times', times, many=True), self.dt, self.label, time_as_step)
        indices = np.asarray(indices, None if np.size(indices) else int)
        if indices.shape != steps.shape:
            raise ShapeError(
                f'{self.label}: indices have shape {indices.shape} and times {steps.shape}, expected one of each for each spike.'
            )
        size = int(np.prod(self.varshape))
        if indices.dtype.kind not in 'iu' or (indices.size and not 0 <= indices.min() <= indices.max() < size):
            raise ParameterError(f'{self.label}: indices must be integers from 0 to {size - 1}, the last neuron.')
        if steps.size and np.abs(steps).max() >= _FAR:
            raise ParameterError(f'{self.label}: times reach step {np.abs(steps).max()} of {self.dt}, but must stay below {_FAR}.')
        self.first = int(steps.min()) if steps.size else 0
        rows = (steps - self.first).astype(np.int32)
        pointers = np.zeros(rows.max(initial=-1) + 2, np.int32)
        np.cumsum(np.bincount(rows, minlength=pointers.size - 1), out=pointers[1:])
        order = event.CSR.row_order(rows)
        self.spikes = event.CSR(jnp.asarray(pointers), jnp.asarray(indices[order], np.int32), (pointers.size - 1, size))
        self.weights = self._checked_weights(weights, order)

    def _checked_weights(self, weights: Any, order: np.ndarray) -> Any:
        if isinstance(weights, (list, tuple)):
            weights = self.checked_series('weights', weights, order.size, 'times')
        mantissa = self.checked_numbers('weights', weights)
        if np.shape(mantissa) not in ((), order.shape):
            raise ShapeError(f'{self.label}: weights have shape {np.shape(mantissa)}, expected () or {order.shape}, one for each spike.')
        if np.ndim(mantissa):
            mantissa = jnp.asarray(mantissa[order], environ.dftype())
        return with_unit(mantissa, u.get_unit(weights))

    def update(self) -> Any:
        """The sum of the weights of each neuron's spikes in this step, shape ``(batch, *size)``."""
        check_dt(self.dt, self.label, 'build it again')
        weight, dtype = u.get_mantissa(self.weights), environ.dftype()
        spikes = self.spikes.row(self.step() - self.first)
        out = event.product(spikes, jnp.asarray(weight, dtype), jnp.ones(1, dtype))
        return self.filled(with_unit(out.reshape(self.varshape), u.get_unit(self.weights)))


class PoissonSpike(RandomInput):
    r"""Spikes of independent Poisson processes.

    A neuron spikes in a step with the probability :math:`1 - e^{-f \Delta t}`, that of one event or more.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    freqs : frequency, a shape that broadcasts to the size
        Rates, zero or positive.
    spk_type : dtype
        Type of the spikes, bool by default.
    seed : int, str or tuple of them, optional
        The name of its random numbers, such as ``(1, 'noise')``: the same seed gives the same numbers.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        For rates below 0, that are no frequencies, or of a shape that does not fit.

    Notes
    -----
    Every neuron, step, row of a batch and lane has random numbers of its own, which depend on the seed and on these alone; see
    `random.Stream`. Without a seed, the default generator gives one whenever the input is built, initialised or reset; with one,
    it then starts again with the same numbers.

    Spikes of a floating-point type have the derivative by the rates of their probability (a straight-through estimate).

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> source = bst.PoissonSpike(100, 20. * u.Hz)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.run(source, 1. * u.ms).shape
    (10, 100)
    """

    freqs: Any = Parameter(None, non_negative, 'rates', like=1.0 * u.Hz)

    def __init__(self, in_size: Size, freqs: Any, spk_type: Any = bool, *, seed: Seed = None, name: str | None = None):
        super().__init__(in_size, freqs=freqs, seed=seed, name=name)
        self.spk_type = _type_of_spikes(self, spk_type)

    def update(self) -> jax.Array:
        """The spikes of the step, shape ``(batch, *size)``."""
        return _spikes(self, self.freqs, self.shape, self.spk_type)


class PoissonEncoder(RandomInput):
    r"""Rates into spikes: each neuron spikes in a step with the probability :math:`1 - e^{-f \Delta t}`.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    spk_type : dtype
        Type of the spikes, bool by default.
    seed : int, str or tuple of them, optional
        The name of its random numbers, such as ``(1, 'noise')``: the same seed gives the same numbers.
    name : str, optional
        A label for messages.

    Notes
    -----
    Every neuron, step, row of a batch and lane has random numbers of its own, which depend on the seed and on these alone; see
    `random.Stream`. Without a seed, the default generator gives one whenever the input is built, initialised or reset; with one,
    it then starts again with the same numbers.

    Rates that are computed in a compiled function cannot be checked there: below 0 they give no spikes.
    Spikes of a floating-point type have the derivative by the rates of their probability (a straight-through estimate).

    Examples
    --------
    >>> import brainunit as u
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> encode = bst.PoissonEncoder(3)
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     encode(jnp.array([[0., 50., 1e6], [0., 50., 1e6]]) * u.Hz)[:, ::2].tolist()
    [[False, True], [False, True]]
    """

    def __init__(self, in_size: Size, spk_type: Any = bool, *, seed: Seed = None, name: str | None = None):
        super().__init__(in_size, seed=seed, name=name)
        self.spk_type = _type_of_spikes(self, spk_type)

    def update(self, freqs: Any) -> jax.Array:
        """The spikes of the step.

        Parameters
        ----------
        freqs : frequency, shape ``(..., *size)`` or one that broadcasts to it
            Rates, zero or positive.

        Returns
        -------
        array
            Spikes; the leading axes are those of the rates and of the batch, broadcast.

        Raises
        ------
        ParameterError, UnitError, ShapeError
            For rates below 0, that are no frequencies, or of a shape that does not fit.
        """
        check_unit(freqs, 1.0 * u.Hz, self.label, 'freqs')
        number = u.get_mantissa(freqs)
        shape, n = np.shape(number), len(self.varshape)
        if not broadcasts(shape[max(len(shape) - n, 0) :], self.varshape):
            raise ShapeError(f'{self.label}: freqs have shape {shape}, expected (..., *size) with size {self.varshape}.')
        if not isinstance(number, jax.core.Tracer) and not np.all(np.asarray(number) >= 0):
            raise ParameterError(f'{self.label}: freqs must be zero or positive.')
        try:
            out = np.broadcast_shapes(shape, self.shape)
        except ValueError:
            raise ShapeError(f'{self.label}: freqs have shape {shape}, which does not fit the batch {self.lead or ()}.') from None
        return _spikes(self, freqs, out, self.spk_type)


def _type_of_spikes(owner: Input, spk_type: Any) -> Any:
    try:
        dtype = np.dtype(spk_type)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in 'biuf':
        raise ParameterError(f'{owner.label}: spk_type is {spk_type!r}, but must be bool, an integer or a floating-point type.')
    return float if spk_type is float else int if spk_type is int else dtype


def _spikes(owner: RandomInput, freqs: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    mean = per_step(freqs, owner.get_dt())
    xp = jnp if isinstance(mean, jax.core.Tracer) else np
    p = -xp.expm1(-mean)
    return as_its_mean(owner.stream.bernoulli(p, shape).astype(dtype), p)
