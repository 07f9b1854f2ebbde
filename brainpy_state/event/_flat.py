"""From a jaxpr to nodes: its equations, and those of the jaxprs that it calls, in an order of evaluation."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from ._equations import RENAMES, called
from ._lists import listing
from ._moves import MOVES, read, strides_of
from ._nodes import Node, Number, Part, Value, size_of, source_of
from ._operation import OPERATIONS, Operation

_MEMORY = Operation('memory', native='llvm_events.memory')


class Flat:
    """The nodes of a jaxpr and of those that it calls, in an order of evaluation."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._collected: dict[Any, Node] = {}
        self._rooms: dict[int, Node] = {}

    def evaluate(self, closed: ClosedJaxpr, inputs: list[Value]) -> list[Value]:
        """The results of a jaxpr."""
        jaxpr: Any = closed.jaxpr
        env: dict[Any, Value] = dict(zip(jaxpr.invars, inputs, strict=True))
        for var, constant in zip(jaxpr.constvars, closed.consts, strict=True):
            env[var] = _number(constant, var.aval)

        def look_up(atom: Any) -> Value:
            return _number(atom.val, atom.aval) if isinstance(atom, Literal) else env[atom]

        for eqn in jaxpr.eqns:
            operands = [look_up(atom) for atom in eqn.invars]
            env.update(zip(eqn.outvars, self._equation(eqn, operands), strict=True))
        return [look_up(atom) for atom in jaxpr.outvars]

    def copy(self, value: Value, aval: Any) -> Node:
        """A node that holds a value in the size and type it is said to have."""
        return self._add(Node('copy', {}, [value], aval.size, aval.dtype))

    def compute(self, name: str, dtype: Any, *operands: Value, size: int | None = None) -> Node:
        """A node of an operation on single items; of one item where all operands are, unless said otherwise."""
        size = next((n for n in map(size_of, operands) if n != 1), 1) if size is None else size
        return self._add(Node(name, {}, list(operands), size, np.dtype(dtype)))

    def strided(self, source: Value, axes: list[tuple[int, int]], first: int, size: int) -> Node:
        """A node that reads from memory: item ``first + coordinates * strides``, of axes with sizes and strides."""
        return self._add(Node('strided', {'axes': axes, 'first': first}, [source], size, source.dtype))

    def operate(self, operation: Operation, params: dict[str, Any], operands: list[Value], *avals: Any) -> list[Node]:
        """The nodes of an operation on memory, one for each of its results."""
        changed = operation.in_place
        return [
            self._add(Node(operation.name, params, operands, v.size, v.dtype, operation, k, changed.get(k))) for k, v in enumerate(avals)
        ]

    def stored(self, value: Value, aval: Any) -> Value:
        """A value that has memory, with as many items as it is said to have."""
        return self.copy(value, aval) if isinstance(value, Number) or value.size != aval.size else value

    def _add(self, node: Node) -> Node:
        self.nodes.append(node)
        return node

    def _equation(self, eqn: Any, operands: list[Value]) -> list[Value]:
        name, (out, *_) = eqn.primitive.name, eqn.outvars
        if (inner := called(eqn)) is not None:
            return self.evaluate(inner, operands)
        if name in RENAMES:
            return operands
        if name in MOVES:
            return MOVES[name](self, eqn, operands)
        if name in OPERATIONS:
            return self._operation(OPERATIONS[name], eqn, operands)
        operands = [self._spread(x, v.aval, out.aval) for x, v in zip(operands, eqn.invars, strict=True)]
        if name in ('mul', 'div') and out.aval.dtype.kind == 'f':
            name, operands = _scaled(name, operands)
            if not name:
                return operands
        size = 1 if all(size_of(value) == 1 for value in operands) else out.aval.size
        return [self._add(Node(name, eqn.params, operands, size, out.aval.dtype))]

    def _spread(self, value: Value, given: Any, wanted: Any) -> Value:
        """An operand whose axes of one item stand for any number."""
        if given.size in (1, wanted.size):
            return value
        strides = [0 if n == 1 else stride for n, stride in zip(given.shape, strides_of(given.shape), strict=True)]
        return read(self, value, wanted.shape, strides)

    def _operation(self, operation: Operation, eqn: Any, operands: list[Value]) -> list[Value]:
        operands = [self.stored(x, v.aval) if v.aval.ndim else x for x, v in zip(operands, eqn.invars, strict=True)]
        if (place := operation.spikes) is not None:
            operands.append(self.active(operands[place], eqn.invars[place].aval.shape))
        if operation.memory:
            operands.append(self.memory(operation.memory(eqn.params)))
        nodes = self.operate(operation, eqn.params, operands, *(v.aval for v in eqn.outvars))
        for node in nodes:
            node.changed = None if node.changed is None else node.changed % len(eqn.invars)
        return [*nodes]

    def memory(self, size: int) -> Node:
        """Room of so many bytes, for one operation after the other."""
        size = 1 << (size - 1).bit_length()
        if size not in self._rooms:
            (self._rooms[size],) = self.operate(_MEMORY, {}, [], jax.ShapeDtypeStruct((size,), np.uint8))
        return self._rooms[size]

    def active(self, spikes: Any, shape: tuple[int, ...]) -> Node:
        """The list of those that fire, one list for each row of a batch."""
        *batch, size = shape
        key = source_of(spikes), spikes.first if isinstance(spikes, Part) else 0, shape
        if key not in self._collected:
            rows = jax.ShapeDtypeStruct((*batch, size + 1), np.int32)
            (self._collected[key],) = self.operate(*listing(spikes, size, bool(batch)), rows)
        return self._collected[key]


def _number(value: Any, aval: Any) -> Number:
    return Number(np.asarray(value).reshape(())[()], aval.dtype)


def _scaled(name: str, operands: list[Value]) -> tuple[str, list[Value]]:
    """A product with a known number, or a quotient by one, in a single multiplication; no name if nothing is left to do.

    This rounds once where the equations round several times.
    """
    x, y = operands
    if name == 'mul' and isinstance(x, Number):
        x, y = y, x
    if not isinstance(y, Number) or isinstance(x, Number):
        return name, operands
    factor = float(y.value)
    if name == 'div':
        factor = 1 / factor if factor else np.inf
    if isinstance(x, Node) and x.name == 'mul' and isinstance(x.operands[1], Number):
        both = factor * float(x.operands[1].value)
        if _is_normal(both, y.dtype):
            x, factor = x.operands[0], both
    if not _is_normal(factor, y.dtype):
        return name, operands
    return ('', [x]) if factor == 1 else ('mul', [x, Number(y.dtype.type(factor), y.dtype)])


def _is_normal(x: float, dtype: np.dtype) -> bool:
    return bool(np.finfo(dtype).tiny <= abs(x) <= np.finfo(dtype).max)
