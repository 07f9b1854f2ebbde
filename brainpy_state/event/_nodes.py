"""The values of a native step: what its equations compute for each neuron or by event operations, and which equations can be one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from . import _draws

# Equations that hold another jaxpr, which may stand in their place.
CALLS = {'jit': 'jaxpr', 'pjit': 'jaxpr', 'closed_call': 'call_jaxpr', 'custom_jvp_call': 'call_jaxpr', 'custom_vjp_call': 'call_jaxpr'}
ELEMENTWISE = {
    'abs', 'add', 'and', 'bitcast_convert_type', 'ceil', 'clamp', 'convert_element_type', 'copy', 'copy_p', 'cos', 'div', 'eq',
    'exp', 'expm1', 'floor', 'ge', 'gt', 'integer_pow', 'iota', 'is_finite', 'le', 'log', 'log1p', 'logistic', 'lt', 'max', 'min',
    'mul', 'ne', 'neg', 'not', 'or', 'rem', 'round', 'rsqrt', 'select_n', 'shift_left', 'shift_right_arithmetic',
    'shift_right_logical', 'sign', 'sin', 'sqrt', 'square', 'sub', 'tanh', 'xor',
}  # fmt: skip
RENAMES = ('reshape', 'squeeze', 'expand_dims', 'stop_gradient')
EVENTS = (
    'event_to_post', 'event_to_pre', 'event_to_weight', 'event_record', 'event_to_ring', 'event_due',
    'event_dense', 'event_drawn_to_post', 'event_drawn_to_pre', 'event_drawn_to_ring', 'collect', 'memory',
)  # fmt: skip
# Event operations that work on a list of the sources that fire, and which of their operands the spikes are.
ON_ACTIVE = {
    'event_to_post': -1, 'event_to_ring': -3, 'event_record': 0,
    'event_dense': 1, 'event_drawn_to_post': 1, 'event_drawn_to_ring': 1,
}  # fmt: skip
# Results that are an operand, changed in place: number of the result to number of the operand.
IN_PLACE = {'event_record': {0: 2, 1: 3, 2: 4}, 'event_to_ring': {0: -2}, 'event_due': {0: -1}, 'event_drawn_to_ring': {0: 3}}
DRAWN = ('event_drawn_to_post', 'event_drawn_to_pre', 'event_drawn_to_ring')
HEAD = 64  # bytes at the start of the memory in which a row of synapses is drawn
DTYPES = tuple(map(np.dtype, ('bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float32', 'float64')))


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
        place = IN_PLACE.get(self.name, {}).get(self.which)
        return None if place is None else self.operands[place]


class Unsupported(Exception):  # noqa: N818 -- a reason to let XLA do it, not a fault
    """This jaxpr cannot be a native function."""


Value = Operand | Number | Part | Node


def size_of(value: Value) -> int:
    return 1 if isinstance(value, Number) else value.size


def source_of(value: Value) -> Value:
    return value.source if isinstance(value, Part) else value


def supports(eqn: Any) -> bool:
    """Whether an equation can be part of a plan."""
    name, avals = eqn.primitive.name, [v.aval for v in (*eqn.invars, *eqn.outvars)]
    if name in EVENTS:
        return True
    if eqn.effects or not all(getattr(aval, 'dtype', None) in DTYPES for aval in avals):
        return False
    if name in CALLS:
        inner = eqn.params[CALLS[name]]
        return all(map(supports, inner.jaxpr.eqns)) and all(np.size(constant) == 1 for constant in inner.consts)
    result = eqn.outvars[0].aval
    if name in RENAMES:
        return True
    if name == 'broadcast_in_dim':
        return avals[0].size in (1, result.size)
    if name == 'slice':
        whole = avals[0].shape[1:] == result.shape[1:]
        return eqn.params['strides'] is None and whole and result.ndim > 0
    if name not in ELEMENTWISE or any(aval.size not in (1, result.size) for aval in avals):
        return False
    return _SPECIAL[name](eqn) if name in _SPECIAL else True


def _divides_safely(eqn: Any) -> bool:
    # An integer divided by zero stops the process.
    x, y = eqn.invars
    return x.aval.dtype.kind == 'f' or (isinstance(y, Literal) and y.val > 0)


_SPECIAL: dict[str, Callable[[Any], bool]] = {
    'div': _divides_safely,
    'rem': lambda eqn: eqn.invars[0].aval.dtype.kind != 'f' and _divides_safely(eqn),
    'integer_pow': lambda eqn: eqn.params['y'] >= 0 or eqn.outvars[0].aval.dtype.kind == 'f',
    'iota': lambda eqn: eqn.outvars[0].aval.ndim == 1,
    'bitcast_convert_type': lambda eqn: eqn.invars[0].aval.dtype.itemsize == eqn.outvars[0].aval.dtype.itemsize,
    'select_n': lambda eqn: len(eqn.invars) == 3 and eqn.invars[0].aval.dtype == np.bool_,
}


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

        def read(atom: Any) -> Value:
            return _number(atom.val, atom.aval) if isinstance(atom, Literal) else env[atom]

        for eqn in jaxpr.eqns:
            operands = [read(atom) for atom in eqn.invars]
            env.update(zip(eqn.outvars, self._equation(eqn, operands), strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def copy(self, value: Value, aval: Any) -> Node:
        """A node that holds a value in the size and type it is said to have."""
        return self._add(Node('copy', {}, [value], aval.size, aval.dtype))

    def _add(self, node: Node) -> Node:
        self.nodes.append(node)
        return node

    def _equation(self, eqn: Any, operands: list[Value]) -> list[Value]:
        name, (out, *_) = eqn.primitive.name, eqn.outvars
        if name in CALLS:
            return self.evaluate(eqn.params[CALLS[name]], operands)
        if name in RENAMES or name == 'broadcast_in_dim':  # a value of one item stands for any number
            return operands[:1]
        if name == 'slice':
            source, first, size = operands[0], eqn.params['start_indices'][0], out.aval.size
            first *= int(np.prod(eqn.invars[0].aval.shape[1:]))
            if size_of(source) == 1:
                return [source]
            return [Part(source.source, source.first + first, size) if isinstance(source, Part) else Part(source, first, size)]
        if name in EVENTS:
            return self._event(eqn, operands)
        if name in ('mul', 'div') and out.aval.dtype.kind == 'f':
            name, operands = _scaled(name, operands)
            if not name:
                return operands
        uniform = name != 'iota' and all(size_of(value) == 1 for value in operands)
        return [self._add(Node(name, eqn.params, operands, 1 if uniform else out.aval.size, out.aval.dtype))]

    def _event(self, eqn: Any, operands: list[Value]) -> list[Value]:
        name = eqn.primitive.name
        for k, (value, var) in enumerate(zip(operands, eqn.invars, strict=True)):
            if var.aval.ndim and (isinstance(value, Number) or value.size != var.aval.size):
                operands[k] = self.copy(value, var.aval)
        if name in ON_ACTIVE:
            place = ON_ACTIVE[name]
            operands.append(self._active(operands[place], eqn.invars[place].aval.shape))
        if name in DRAWN:
            operands.append(self._memory(HEAD + 8 * _draws.BINS + 36 * longest_row(eqn.params)))
        return [self._add(Node(name, eqn.params, operands, v.aval.size, v.aval.dtype, k)) for k, v in enumerate(eqn.outvars)]

    def _memory(self, size: int) -> Node:
        """Room of so many bytes, for one operation after the other."""
        size = 1 << (size - 1).bit_length()
        if size not in self._rooms:
            self._rooms[size] = self._add(Node('memory', {}, [], size, np.dtype(np.uint8)))
        return self._rooms[size]

    def _active(self, spikes: Any, shape: tuple[int, ...]) -> Node:
        """The list of those that fire, one list for each row of a batch."""
        *batch, size = shape
        key = source_of(spikes), spikes.first if isinstance(spikes, Part) else 0, shape
        if key not in self._collected:
            rows = int(np.prod(batch))
            self._collected[key] = self._add(Node('collect', {'size': size}, [spikes], rows * (size + 1), np.dtype(np.int32)))
        return self._collected[key]


def longest_row(params: dict[str, Any]) -> int:
    """Synapses of a source that there must be room for."""
    rule = params['rule']
    return -(-(params['shape'][1] if rule.kind == 'gaps' else rule.width) // 8) * 8


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
