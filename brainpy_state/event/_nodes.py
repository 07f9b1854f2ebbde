"""The values of a native step: what its equations compute for each neuron or by event operations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ._operation import Operation


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
    operation: Operation | None = None  # on memory, or on single items
    which: int = 0  # of several results of one operation
    changed: int | None = None  # which operand it is then, changed in place
    into: Any = None  # what it is added to in place; its last two operands are a factor and that
    stage: int = -1
    results: list[int] = field(default_factory=list)  # numbers of the results that hold it

    @property
    def changes(self) -> Any:
        """The value whose memory it takes and changes, or None."""
        return self.into if self.changed is None else self.operands[self.changed]


Value = Operand | Number | Part | Node


def size_of(value: Value) -> int:
    return 1 if isinstance(value, Number) else value.size


def source_of(value: Value) -> Value:
    return value.source if isinstance(value, Part) else value


class Nodes(Protocol):
    """What makes nodes."""

    def compute(self, name: str, dtype: Any, *operands: Value, size: int | None = None) -> Value:
        """A node of an operation on single items."""

    def strided(self, source: Value, axes: list[tuple[int, int]], first: int, size: int) -> Value:
        """A node that reads from memory: item ``first + coordinates * strides``, of axes with sizes and strides."""

    def operate(self, operation: Operation, params: dict[str, Any], operands: list[Value], *avals: Any) -> list[Node]:
        """The nodes of an operation on memory."""

    def stored(self, value: Value, aval: Any) -> Value:
        """A value that has memory, with as many items as it is said to have."""

    def active(self, spikes: Value, shape: tuple[int, ...]) -> Node:
        """The list of what is not zero, one list for each row of a batch."""

    def memory(self, size: int) -> Node:
        """Room of so many bytes, for one operation after the other."""
