"""Monitors: recorders that know where to look, so that a simulation asks them in each step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._arrays import put
from .._errors import BrainStateError, ParameterError, TraceContextError
from .._tracebacks import entry
from ..modules import Dynamics, Module, Param, same_dt
from ..numerics import brief, whole_steps, with_unit
from ..state import State
from ..transform._lift import lift
from ._base import Gathered, Recorder, steps_at_once
from ._layout import Layout
from ._recorder import SpikeRecorder
from ._spikes import _neurons
from ._trace import Trace

_BUFFER = 1 << 22  # bytes
_WORTH = 1 << 22  # bytes written to the buffer from one sample to the next, from which it is quicker to stop the loop for a sample


class SpikeMonitor(SpikeRecorder):
    """Records the spikes of a population, or of a part of it, as events.

    Parameters
    ----------
    target : Neuron
        Whose spikes, by its method ``get_spike``.
    of : int, slice, int array or bool array, optional
        Which neurons, as one would index an array; all by default. In the record they are numbered from 0.
    capacity : int
        Events that it holds before it must be emptied.
    name : str, optional
        A label for messages.

    Raises
    ------
    TypeError
        If the target has no spikes.
    ParameterError
        For neurons that there are not.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.LIF(3, tau=10. * u.ms)
    >>> sim = bst.Simulation(lambda: neuron(2. * u.mA), dt=0.1 * u.ms, record={'spikes': bst.record.SpikeMonitor(neuron)})
    >>> sim.run(50. * u.ms)
    >>> len(sim['spikes'])
    21
    """

    graph_invisible_attrs = ('target',)
    when = 'after'
    to_record = 'run the simulation first'

    def __init__(self, target: Any, *, of: Any = None, capacity: int = 1 << 17, name: str | None = None):
        _check_spiking(target, 'SpikeMonitor')
        self.target, n = target, math.prod(target.varshape)
        self.of = None if of is None else chosen(of, n, 'SpikeMonitor')
        super().__init__(n if self.of is None else self.of.size, capacity, name)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Forget everything, and expect as many trials as the target has."""
        super().init_state(_trials(self.target))

    def update(self) -> None:  # type: ignore[override]
        """Record the spikes of this step."""
        super().update(_spikes(self.target, self.of))


class StateMonitor(Recorder):
    """Records a state, or an expression of states, of chosen neurons at an interval.

    A value is read at the start of a step, before the model does it: the sample of time ``t`` is what the model is like at ``t``. The
    first is that of the first step whose number is a multiple of the interval.

    Parameters
    ----------
    target : Module, State or callable
        What to look at: a module together with the name of one of its states, a state, or a function without arguments that
        returns an array or a quantity.
    variable : str, optional
        The name of a state of the module, such as ``'V'``.
    of : int, slice, int array or bool array, optional
        Which neurons, of those of all axes of the population in row-major order, or which items of the last axis; all by default.
    every : time, optional
        The interval, a multiple of ``dt``; each step by default.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError, UnitError
        If there is no such state or neuron; if a function changes a state; for an interval that is no multiple of ``dt``.
    TypeError
        If the target is none of these, or its value is no array.

    Notes
    -----
    Values are written to a buffer inside of the compiled loop. Where this would be more work than to stop the loop, as for
    all weights of a network every second, the loop stops for each sample.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.LIF(3, tau=10. * u.ms)
    >>> V = bst.record.StateMonitor(neuron, 'V', of=[0], every=1. * u.ms)
    >>> sim = bst.Simulation(lambda: neuron(2. * u.mA), dt=0.1 * u.ms, record={'V': V})
    >>> sim.run(50. * u.ms)
    >>> sim['V'].values.shape
    (50, 1)
    """

    graph_invisible_attrs = ('target',)
    when = 'before'

    def __init__(self, target: Any, variable: str | None = None, *, of: Any = None, every: Any = None, name: str | None = None):
        super().__init__(name)
        if isinstance(target, Module) != (variable is not None):
            raise ParameterError(_WHAT.format(given=f'{type(target).__name__} and variable={variable!r}'))
        if not (isinstance(target, (Module, State)) or callable(target)):
            raise TypeError(_WHAT.format(given=brief(target)))
        self.target, self.variable, self.of, self.every = target, variable, of, every
        self.kept: list[tuple[np.ndarray, np.ndarray]] = []
        self.last: int | None = None  # step of the last sample that was moved to the host
        self.rows, self.steps, self.count = Gathered(None), Gathered(None), Gathered(None)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Forget everything, and expect values as they are now; needs ``dt``."""
        self.dt = environ.get_dt()
        self.interval = 1 if self.every is None else int(whole_steps(self.every, self.dt, f'{self.label}: every', positive=True))
        with environ.context(i=0):  # a value may depend on the time; only its unit and shape matter here
            looked = lift(self._look, (), where=self.label)
        if looked.writes:
            raise ParameterError(_CHANGES.format(label=self.label, states=', '.join(x.label for x in looked.writes)))
        whole = self._checked(looked.avals[0])
        self.neurons = self._numbers(whole.shape)
        value = whole if self.of is None else jax.eval_shape(self._part, whole)
        self.unit, item = u.get_unit(value), u.get_mantissa(value)
        self.shape, self.dtype = item.shape, item.dtype
        size = max(1, math.prod(self.shape) * self.dtype.itemsize)
        self.in_loop = self.when == 'after' or self.interval * size < _WORTH  # what counts in each step has to be in the loop
        self._forget(max(16, _BUFFER // size) if self.in_loop else 1)

    def _numbers(self, shape: tuple[int, ...]) -> np.ndarray | None:
        """The neurons that are recorded; None for all of a value that is not known to be of neurons."""
        if self.of is None:
            return np.arange(shape[-1]) if _is_of_neurons(self.target, self.variable) and self._axes == 1 else None
        if len(shape) < self._axes or not shape:
            raise ParameterError(f'{self.label}: of={brief(self.of)} is given, but the value is one number.')
        return chosen(self.of, math.prod(shape[-self._axes :]), self.label)

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Forget everything."""
        self.init_state()

    def _forget(self, capacity: int) -> None:
        self.kept, self.last = [], None
        self.rows.value = put(np.zeros((capacity, *self.shape), self.dtype))
        self.steps.value = put(np.zeros(capacity, np.int32))
        self.count.value = put(np.zeros((), np.int32))
        self.full.value = put(np.zeros((), bool))

    def value(self) -> Any:
        """What would be recorded now."""
        return self._look() if self.of is None else self._part(self._look())

    def _look(self) -> Any:
        target = self.target if self.variable is None else _state_of(self.target, self.variable, self.label)
        return target.value if isinstance(target, State) else target.value() if isinstance(target, Param) else target()

    @property
    def _axes(self) -> int:
        """How many axes of a value number the neurons."""
        return len(self.target.varshape) if _is_of_neurons(self.target, self.variable) else 1

    def _part(self, value: Any) -> Any:
        if self._axes != 1:
            value = value.reshape((*value.shape[: value.ndim - self._axes], -1))
        return value[..., self.neurons]

    def _checked(self, value: Any) -> Any:
        if not isinstance(u.get_mantissa(value), (jax.Array, np.ndarray, jax.core.ShapedArray, jax.ShapeDtypeStruct)):
            raise TypeError(f'{self.label}: what is recorded must be an array or a quantity, but is a {type(value).__name__}.')
        return value

    def update(self) -> None:
        """Record the value of this step, if it is its turn; called in each step."""
        i = environ.get('i', desc='the number of the step')
        self._write(u.get_mantissa(self.value()), i, i % self.interval == 0)

    def _write(self, row: Any, step: Any, counts: Any) -> None:
        # a row that does not count is overwritten by the next
        at = self.count.value
        self.rows.value = jax.lax.dynamic_update_slice(self.rows.value, row[None].astype(self.dtype), (at, *[jnp.int32(0)] * row.ndim))
        self.steps.value = jax.lax.dynamic_update_slice(self.steps.value, jnp.asarray(step, jnp.int32)[None], (at,))
        self.count.value = at + jnp.asarray(counts, jnp.int32)
        self.full.value = self.count.value > self.rows.value.shape[0] - steps_at_once()

    def sample(self, i: int) -> None:
        """Record the value at a step that is to come, between two calls of the compiled loop."""
        with environ.context(i=i):
            value = self.value()
        self.kept.append((np.array([i], np.int32), np.asarray(u.get_mantissa(value))[None]))
        self.last = i

    def expect(self, first: int, where: str) -> None:
        """Raise unless steps from this one on, with the ``dt`` that is set, go on from what is recorded."""
        if not same_dt(now := environ.get_dt(), self.dt):
            raise ParameterError(f'{where}: dt is {brief(now)}, but {self.label} was initialised with dt = {brief(self.dt)}.')
        if self.last is not None and first < self.last:
            raise ParameterError(
                f'{where}: step {first} is before what {self.label} has recorded, to step {self.last}; clear it: init_all_states(monitor).'
            )

    def drain(self) -> None:
        """Move the samples to the host, which makes room for more.

        Raises
        ------
        BrainStateError
            If there were more than it holds, which cannot happen in a `Simulation`.
        """
        if isinstance(self.count.value, jax.core.Tracer):
            raise TraceContextError(f'{self.label}: what was recorded can be asked for after a compiled function only.')
        if not (n := int(self.count.value)):
            return
        if n > (capacity := self.rows.value.shape[0]):
            raise BrainStateError(
                f'{self.label}: {n} samples were recorded, but it holds {capacity}, the others are lost; use it in a `Simulation`.'
            )
        self.kept.append((np.asarray(self.steps.value)[:n].copy(), np.asarray(self.rows.value)[:n].copy()))
        self.last = int(self.kept[-1][0][-1])
        self.count.value = put(np.zeros((), np.int32))
        self.full.value = put(np.zeros((), bool))

    @property
    def what(self) -> str:
        """What it records, in a word."""
        return self.variable or self.name or ''

    def layout(self) -> Layout:
        """Rows of step and value."""
        every, span = {'every': self.interval}, self.interval if self.when == 'after' else 1
        return Layout.trace(self.shape, self.dtype, unit=self.unit, of=self.neurons, name=self.what, span=span, attributes=every)

    def content(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The step of the last sample, and the samples that the host holds."""
        self.drain()
        return {'last': self.last}, self._columns()

    def take(self) -> dict[str, np.ndarray]:
        """Samples that the host holds, as columns."""
        taken, self.kept = self._columns(), []
        return taken

    def _columns(self) -> dict[str, np.ndarray]:
        steps, rows = zip((np.zeros(0, np.int32), np.zeros((0, *self.shape), self.dtype)), *self.kept, strict=True)
        return {'step': np.concatenate(steps), 'value': np.concatenate(rows)}

    def put_back(self, position: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Have these samples, the last of which may be elsewhere."""
        self._forget(self.rows.value.shape[0])
        self.last = position['last']
        if len(arrays['step']):
            self.kept = [(arrays['step'], arrays['value'])]

    @entry
    def trace(self) -> Trace:
        """What was recorded so far."""
        self.drain()
        columns = self._columns()
        return Trace(columns['step'], with_unit(columns['value'], self.unit), self.dt, self.neurons, self.what)


class RateMonitor(StateMonitor):
    """Records the mean rate of a population in bins.

    Parameters
    ----------
    target : Neuron
        Whose spikes, by its method ``get_spike``.
    bin : time
        The width of a bin, a multiple of ``dt``; bins begin at its multiples.
    of : int, slice, int array or bool array, optional
        Which neurons; all by default.
    name : str, optional
        A label for messages.

    Notes
    -----
    Of a batch, there is a rate for each trial. A bin whose first steps were not recorded is left out.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.LIF(3, tau=10. * u.ms)
    >>> sim = bst.Simulation(lambda: neuron(2. * u.mA), dt=0.1 * u.ms, record={'rate': bst.record.RateMonitor(neuron, bin=10. * u.ms)})
    >>> sim.run(50. * u.ms)
    >>> sim['rate'].values.shape
    (5,)
    """

    when = 'after'

    def __init__(self, target: Any, *, bin: Any, of: Any = None, name: str | None = None):
        _check_spiking(target, 'RateMonitor')
        self.chosen = None if of is None else chosen(of, math.prod(target.varshape), 'RateMonitor')
        super().__init__(target, 'rate', every=bin, name=name)
        self.so_far = Gathered(None)

    def _numbers(self, shape: tuple[int, ...]) -> None:
        return None

    def _look(self) -> Any:
        return _spikes(self.target, self.chosen).sum(-1).astype(np.float32)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Forget everything, and expect as many trials as the target has; needs ``dt``."""
        super().init_state()
        self.unit = u.Hz
        n = math.prod(self.target.varshape) if self.chosen is None else self.chosen.size
        self._neuron_seconds = n * float((self.interval * self.dt).to_decimal(u.second))

    def _forget(self, capacity: int) -> None:
        super()._forget(capacity)
        self.so_far.value = jnp.int32(0), jnp.zeros(self.shape, self.dtype)

    def update(self) -> None:
        """Count the spikes of this step; called in each step."""
        i = environ.get('i', desc='the number of the step')
        steps, spikes = self.so_far.value
        steps, spikes, ends = steps + 1, spikes + self.value(), (i + 1) % self.interval == 0
        self._write(spikes / self._neuron_seconds, i + 1 - self.interval, ends & (steps == self.interval))
        self.so_far.value = jnp.where(ends, 0, steps), jnp.where(ends, 0.0, spikes)

    def content(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The last bin, the bins that the host holds, and what is counted in the one that is not at its end."""
        position, columns = super().content()
        steps, spikes = self.so_far.value
        return position | {'counted': int(steps), 'spikes': np.asarray(spikes).tolist()}, columns

    def put_back(self, position: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Have these bins, and go on with the one that is not at its end."""
        super().put_back(position, arrays)
        self.so_far.value = jnp.int32(position['counted']), jnp.asarray(position['spikes'], self.dtype)


_WHAT = (
    "StateMonitor: what to record is a module with the name of a state, as in StateMonitor(net.N, 'V'), a state, or a function without "
    'arguments, but was given as {given}.'
)


_CHANGES = (
    '{label}: the function changes the states {states}, so the model would not be what it is without the record. It must only look: '
    "call the model in the step, and record its state, as in StateMonitor(noise, 'x'), or what the step has kept in a State of its own."
)


def _state_of(module: Module, name: str, label: str) -> Any:
    found = getattr(module, name, None) if name in vars(module) or hasattr(type(module), name) else None
    if isinstance(found, (State, Param)):
        return found
    states = sorted(key for key, x in vars(module).items() if isinstance(x, (State, Param)) and not key.startswith('_'))
    has = f'it has {", ".join(states)}' if states else 'it has none'
    raise ParameterError(f'{label}: {module.label} has no state {name!r}; {has}. For an expression give a function: lambda: ...')


def _is_of_neurons(target: Any, variable: str | None) -> bool:
    return isinstance(target, Dynamics) and variable in target.variables


def chosen(of: Any, n: int, label: str) -> np.ndarray:
    """The numbers of the neurons that are asked for."""
    try:
        return _neurons(of, n)
    except ParameterError as error:
        raise ParameterError(f'{label}: of={brief(of)}: {error}') from None


def _check_spiking(target: Any, where: str) -> None:
    if not (isinstance(target, Dynamics) and isinstance(getattr(type(target), 'get_spike', None), Callable)):  # type: ignore[arg-type]
        raise TypeError(
            f'{where}: the target must be a population of neurons, but is {brief(target)}; '
            'other spikes are recorded by a SpikeRecorder that is called in the step.'
        )


def _spikes(target: Any, of: np.ndarray | None) -> Any:
    spikes = target.get_spike()
    spikes = spikes.reshape(*spikes.shape[: spikes.ndim - len(target.varshape)], -1)
    return spikes if of is None else spikes[..., of]


def _trials(target: Any) -> int | None:
    axes = target.get_spike().shape[: -len(target.varshape)]
    return axes[0] if axes else None
