"""Spikes as events: recorded inside a compiled run, never as a dense steps-by-neurons array."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._errors import BrainStateError, ParameterError, ShapeError
from ..modules import Module
from ..numerics import plain
from ..state import ShortTermState

_MOST = 2**31 - 1  # events hold their numbers in 32 bits


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of a population, in the order of time; of a batch, those of all trials.

    Attributes
    ----------
    step : int array, shape (n_spikes,)
        The number of the step of each spike.
    i : int array, shape (n_spikes,)
        The neuron that spiked.
    size : int
        Number of neurons of the population.
    dt : time
        The time step.
    start, stop : int
        The steps from and to (not including) which was recorded.
    trial : int array, shape (n_spikes,), optional
        The trial of each spike; None where there was no batch.
    n_trials : int, optional
        Number of trials of the batch; None where there was none.

    Raises
    ------
    ParameterError
        If one of ``trial`` and ``n_trials`` is given without the other.
    """

    step: np.ndarray
    i: np.ndarray
    size: int
    dt: Any
    start: int
    stop: int
    trial: np.ndarray | None = None
    n_trials: int | None = None

    def __post_init__(self) -> None:
        if (self.trial is None) != (self.n_trials is None):
            raise ParameterError('Spikes: spikes of a batch need both trial and n_trials, others neither.')

    @property
    def t(self) -> Any:
        """Time of each spike: the start of its step."""
        return self.step * self.dt

    @property
    def count(self) -> np.ndarray:
        """Number of spikes of each neuron, shape ``(size,)``; of a batch, in each trial, ``(n_trials, size)``."""
        counts = np.bincount(self.train, minlength=self.n_trains)
        return counts if self.n_trials is None else counts.reshape(self.n_trials, self.size)

    @property
    def train(self) -> np.ndarray:
        """The spike train to which each spike belongs: that of its neuron or, of a batch, number ``trial * size + i``."""
        return self.i if self.trial is None else self.trial.astype(np.int64) * self.size + self.i

    @property
    def n_trains(self) -> int:
        """Number of spike trains: of neurons, in all trials."""
        return self.size if self.n_trials is None else self.n_trials * self.size

    def __len__(self) -> int:
        return self.step.size

    def of(self, first: int, last: int) -> Spikes:
        """The spikes of neurons ``first`` to ``last`` (not included), numbered from 0, in all trials."""
        part = self._only((self.i >= first) & (self.i < last))
        return replace(part, i=part.i - first, size=last - first)

    def of_trial(self, trial: int) -> Spikes:
        """The spikes of one trial of a batch, numbered from 0, as a single run would have them.

        Raises
        ------
        ParameterError
            If there is no such trial, or was no batch.
        """
        if self.trial is None or self.n_trials is None:
            raise ParameterError('Spikes: they are of one run without a batch, which has no trials.')
        if not 0 <= trial < self.n_trials:
            raise ParameterError(f'Spikes: trial is {trial}, but must be from 0 to {self.n_trials - 1}.')
        return replace(self._only(self.trial == trial), trial=None, n_trials=None)

    def between(self, start: Any, stop: Any) -> Spikes:
        """The spikes of the steps from one time to another (not included)."""
        first, last = (int(np.rint(plain(t / self.dt))) for t in (start, stop))
        part = self._only((self.step >= first) & (self.step < last))
        return replace(part, start=max(first, self.start), stop=min(last, self.stop))

    def spike_trains(self) -> list[Any]:
        """The spike times of each neuron; of a batch, a list of them for each trial."""
        count = np.bincount(self.train, minlength=self.n_trains)
        step, ends = self.step[np.argsort(self.train, kind='stable')], np.cumsum(count)
        trains = [step[end - n : end] * self.dt for n, end in zip(count, ends, strict=True)]
        return trains if self.n_trials is None else [trains[k * self.size : (k + 1) * self.size] for k in range(self.n_trials)]

    @property
    def duration(self) -> Any:
        """How long was recorded, each trial alike."""
        return (self.stop - self.start) * self.dt

    def _only(self, keep: np.ndarray) -> Spikes:
        return replace(self, step=self.step[keep], i=self.i[keep], trial=None if self.trial is None else self.trial[keep])


class SpikeRecorder(Module):
    """Collects the spikes of a population as events.

    Call it in every step with the spikes; the number of the step is ``environ``'s ``i``. `run`
    empties it before it could overflow. To record a batch, initialise it with the same ``batch_size`` as the network.

    Parameters
    ----------
    size : int
        Number of neurons.
    capacity : int
        Spikes, of all trials, that it holds before it must be emptied.
    name : str, optional
        A label for messages.

    Notes
    -----
    Lanes are trials too: with states of `nn.vmap_init_all_states`, each lane fills a buffer of this capacity.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> recorder = bst.nn.init_all_states(bst.record.SpikeRecorder(3), batch_size=2)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.run(lambda: recorder(jnp.array([[0, 1, 0], [1, 1, 0]]) > 0), 1. * u.ms, recorders=[recorder])
    ...     spikes = recorder.spikes(0, 10)
    >>> spikes.count.tolist(), spikes.of_trial(1).count.tolist()
    ([[0, 10, 0], [10, 10, 0]], [10, 10, 0])
    """

    batch_size: int | None = None

    def __init__(self, size: int, capacity: int = 1 << 18, name: str | None = None):
        super().__init__(name)
        self.size = size
        self.kept: list[np.ndarray] = []
        self.events = ShortTermState(jnp.zeros((capacity, 2), jnp.int32))
        self.count = ShortTermState(jnp.zeros((), jnp.int32))

    @property
    def capacity(self) -> int:
        return self.events.value.shape[-2]

    @property
    def width(self) -> int:
        """Spikes of a step in which all neurons fire, in all trials that share a buffer."""
        return self.size if self.batch_size is None else self.batch_size * self.size

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Forget everything, and expect spikes of shape ``(batch_size, size)``, or ``(size,)``."""
        if batch_size is not None and batch_size * self.size > _MOST:
            raise ParameterError(
                f'{self.label}: batch_size = {batch_size} trials of {self.size} neurons are more than the {_MOST} that can be numbered.'
            )
        self.batch_size = batch_size
        self.kept = []
        self.events.value = jnp.zeros((self.capacity, 2), jnp.int32)
        self.count.value = jnp.zeros((), jnp.int32)

    def update(self, spikes: Any) -> None:
        """Record the spikes of one step, shape ``(size,)`` or, of a batch, ``(batch_size, size)``.

        Raises
        ------
        ShapeError
            If the spikes have another shape.
        """
        i = jnp.asarray(environ.get('i', desc='the number of the step'), jnp.int32)
        spikes = jnp.asarray(spikes)
        self._check(spikes.shape)
        self.events.value, self.count.value = event.record(spikes.reshape(-1), i, self.events.value, self.count.value)

    def _check(self, shape: tuple[int, ...]) -> None:
        expected = (self.size,) if self.batch_size is None else (self.batch_size, self.size)
        if shape == expected:
            return
        message = f'{self.label}: spikes have shape {shape}, expected {expected}, for {self.size} neurons'
        message += ' without a batch' if self.batch_size is None else f' and batch_size={self.batch_size}'
        if shape[-1:] == (self.size,) and len(shape) < 3:
            given = f', batch_size={shape[0]}' if len(shape) == 2 else ''
            message += f'; initialise it as the network: init_all_states(recorder{given})'
        raise ShapeError(f'{message}.')

    @property
    def is_full(self) -> Any:
        """Whether there is no room for a step in which all neurons spike."""
        full = self.count.value > self.capacity - self.width
        return full.any() if full.ndim else full

    def reserve(self, count: int) -> None:
        """Make room for at least ``count`` events, forgetting those it holds."""
        if count > self.capacity:
            lanes = self.count.value.shape
            self.events.value = jnp.zeros((*lanes, 1 << (count - 1).bit_length(), 2), jnp.int32)
            self.count.value = jnp.zeros(lanes, jnp.int32)

    def drain(self) -> None:
        """Move the events to the host, which makes room for more.

        Raises
        ------
        BrainStateError
            If there were more than it holds, which cannot happen in `run`.
        """
        events, count = np.asarray(self.events.value), np.asarray(self.count.value)
        if count.max(initial=0) > self.capacity:
            raise BrainStateError(
                f'{self.label}: {count.max()} spikes were recorded, but it holds {self.capacity}, the others are lost;'
                ' call `run` with recorders=[recorder], which empties it in time, or choose a larger capacity.'
            )
        if count.ndim == 0:
            self.kept.append(events[:count].copy())  # a slice in JAX compiles for each length
        else:
            lanes = zip(events.reshape(-1, self.capacity, 2), count.ravel(), strict=True)
            merged = np.concatenate([lane[:n] + np.array([0, k * self.width]) for k, (lane, n) in enumerate(lanes)])
            self.kept.append(merged[np.argsort(merged[:, 0], kind='stable')])
        self.count.value = jnp.zeros(count.shape, jnp.int32)

    def spikes(self, start: int, stop: int) -> Spikes:
        """Everything that was drained, of the steps ``start`` to ``stop`` (not included)."""
        events = np.concatenate(self.kept) if self.kept else np.zeros((0, 2), np.int32)
        step, i = events[(events[:, 0] >= start) & (events[:, 0] < stop)].T
        lanes = self.count.value.shape
        if self.batch_size is None and not lanes:
            return Spikes(step, i, self.size, environ.get_dt(), start, stop)
        trial, i = np.divmod(i, self.size)
        n_trials = int(np.prod(lanes)) * (1 if self.batch_size is None else self.batch_size)
        return Spikes(step, i, self.size, environ.get_dt(), start, stop, trial, n_trials)
