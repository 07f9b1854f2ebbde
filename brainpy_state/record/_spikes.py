"""Spikes as events: recorded inside a compiled run, never as a dense steps-by-neurons array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import environ, event
from ..nn import Module
from ..numerics import plain
from ..state import ShortTermState


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of a population, in the order of time.

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
    """

    step: np.ndarray
    i: np.ndarray
    size: int
    dt: Any
    start: int
    stop: int

    @property
    def t(self) -> Any:
        """Time of each spike: the start of its step."""
        return self.step * self.dt

    @property
    def count(self) -> np.ndarray:
        """Number of spikes of each neuron."""
        return np.bincount(self.i, minlength=self.size)

    def __len__(self) -> int:
        return self.step.size

    def of(self, first: int, last: int) -> Spikes:
        """The spikes of neurons ``first`` to ``last`` (not included), numbered from 0."""
        keep = (self.i >= first) & (self.i < last)
        return Spikes(self.step[keep], self.i[keep] - first, last - first, self.dt, self.start, self.stop)

    def between(self, start: Any, stop: Any) -> Spikes:
        """The spikes of the steps from one time to another (not included)."""
        first, last = (int(np.rint(plain(t / self.dt))) for t in (start, stop))
        keep = (self.step >= first) & (self.step < last)
        return Spikes(self.step[keep], self.i[keep], self.size, self.dt, max(first, self.start), min(last, self.stop))

    def spike_trains(self) -> list[Any]:
        """The spike times of each neuron."""
        order = np.argsort(self.i, kind='stable')
        parts = np.split(self.step[order], np.cumsum(self.count)[:-1])
        return [part * self.dt for part in parts]

    @property
    def duration(self) -> Any:
        return (self.stop - self.start) * self.dt


class SpikeRecorder(Module):
    """Collects the spikes of a population as events.

    Call it in every step with the spikes; the number of the step is ``environ``'s ``i``. `run`
    empties it before it could overflow.

    Parameters
    ----------
    size : int
        Number of neurons.
    capacity : int
        Spikes that it holds before it must be emptied.
    name : str, optional
        A label for messages.
    """

    def __init__(self, size: int, capacity: int = 1 << 18, name: str | None = None):
        super().__init__(name)
        self.size = size
        self.kept: list[np.ndarray] = []
        self.events = ShortTermState(jnp.zeros((capacity, 2), jnp.int32))
        self.count = ShortTermState(jnp.zeros((), jnp.int32))

    @property
    def capacity(self) -> int:
        return self.events.value.shape[0]

    def init_state(self, *args: Any, **kwargs: Any) -> None:
        """Forget everything."""
        self.kept.clear()
        self.count.value = jnp.zeros((), jnp.int32)

    def update(self, spikes: Any) -> None:
        """Record the spikes of one step, shape ``(size,)``."""
        i = jnp.asarray(environ.get('i', desc='the number of the step'), jnp.int32)
        self.events.value, self.count.value = event.record(spikes, i, self.events.value, self.count.value)

    @property
    def is_full(self) -> Any:
        """Whether there is no room for a step in which all neurons spike."""
        return self.count.value > self.capacity - self.size

    def reserve(self, count: int) -> None:
        """Make room for at least ``count`` events, forgetting those it holds."""
        if count > self.capacity:
            self.events.value = jnp.zeros((1 << (count - 1).bit_length(), 2), jnp.int32)

    def drain(self) -> None:
        """Move the events to the host, which makes room for more."""
        self.kept.append(np.asarray(self.events.value)[: int(self.count.value)].copy())  # a slice in JAX compiles for each length
        self.count.value = jnp.zeros((), jnp.int32)

    def spikes(self, start: int, stop: int) -> Spikes:
        """Everything that was drained, of the steps ``start`` to ``stop``."""
        events = np.concatenate(self.kept) if self.kept else np.zeros((0, 2), np.int32)
        return Spikes(events[:, 0], events[:, 1], self.size, environ.get_dt(), start, stop)
