"""The values of a native step: what its equations compute for each neuron or by event operations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

EVENTS = (
    'event_to_post', 'event_to_pre', 'event_to_weight', 'event_record', 'event_to_ring', 'event_due',
    'event_dense', 'event_drawn_to_post', 'event_drawn_to_pre', 'event_drawn_to_ring', 'collect', 'memory', 'put', 'join', 'reduce',
)  # fmt: skip
# Event operations that work on a list of the sources that fire, and which of their operands the spikes are.
ON_ACTIVE = {
    'event_to_post': -1, 'event_to_ring': -3, 'event_record': 0,
    'event_dense': 1, 'event_drawn_to_post': 1, 'event_drawn_to_ring': 1,
}  # fmt: skip
# Results that are an operand, changed in place: number of the result to number of the operand.
IN_PLACE = {
    'event_record': {0: 2, 1: 3}, 'event_to_ring': {0: -2}, 'event_due': {0: -1}, 'event_drawn_to_ring': {0: 3}, 'put': {0: 0},
}  # fmt: skip
DRAWN = ('event_drawn_to_post', 'event_drawn_to_pre', 'event_drawn_to_ring')
HEAD = 64  # bytes at the start of the memory in which a row of synapses is drawn


@dataclass(eq=False)
class Operand:
    """An input of the function, in memory."""

    number: int
    size: int
    dtype: np.dtype


@dataclass(frozen=True)
class Number:
    """A number that is known."""

    value: Any
    dtype: np.dtype


@dataclass(eq=False)
class Part:
    """Consecutive items of a value in memory."""

    source: Any
    first: int
    size: int

    @property
    def dtype(self) -> np.dtype:
        return self.source.dtype


@dataclass(eq=False)
class Node:
    """A computed value: for each neuron, or by an event operation."""

    name: str
    params: dict[str, Any]
    operands: list[Any]
    size: int
    dtype: np.dtype
    which: int = 0  # of several results of one operation
    stage: int = -1
    results: list[int] = field(default_factory=list)  # numbers of the results that hold it
    into: Any = None  # what it is added to in place; its last two operands are a factor and that

    @property
    def is_event(self) -> bool:
        return self.name in EVENTS

    @property
    def changes(self) -> Any:
        """The operand whose memory it takes and changes, or None."""
        if self.into is not None:
            return self.into
        return None if self.changed_place is None else self.operands[self.changed_place]

    @property
    def changed_place(self) -> int | None:
        """Which operand that is, where the operation itself says so."""
        return IN_PLACE.get(self.name, {}).get(self.which)


Value = Operand | Number | Part | Node


def size_of(value: Value) -> int:
    return 1 if isinstance(value, Number) else value.size


def source_of(value: Value) -> Value:
    return value.source if isinstance(value, Part) else value
