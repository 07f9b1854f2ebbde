"""From a jaxpr to the stages of a native function: loops over neurons, event operations between them, and where values are kept.

What is computed for each neuron stays in registers as long as the loop that made it also uses it. It is kept in memory if it is a result,
if an event operation reads it, or if a later loop does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

# Equations that hold another jaxpr, which may stand in their place.
CALLS = {'jit': 'jaxpr', 'pjit': 'jaxpr', 'closed_call': 'call_jaxpr', 'custom_jvp_call': 'call_jaxpr', 'custom_vjp_call': 'call_jaxpr'}
ELEMENTWISE = frozenset(
    """abs add and bitcast_convert_type ceil clamp convert_element_type copy copy_p cos div eq exp expm1 floor ge gt integer_pow iota is_finite
    le log log1p logistic lt max min mul ne neg not or rem round rsqrt select_n shift_left shift_right_arithmetic shift_right_logical sign sin
    sqrt square sub tanh xor""".split()
)
RENAMES = ('reshape', 'squeeze', 'expand_dims', 'stop_gradient')
EVENTS = ('event_to_post', 'event_to_pre', 'event_to_weight', 'event_record')
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

    @property
    def is_event(self) -> bool:
        return self.name in EVENTS


class Unsupported(Exception):  # noqa: N818 -- a reason to let XLA do it, not a fault
    """This jaxpr cannot be a native function."""


Value = Operand | Number | Part | Node


@dataclass
class Stage:
    """Nodes that are evaluated together: one loop over ``size`` items, straight code where it is 1, or one event operation."""

    size: int
    event: str
    operands: list[Any]  # of the event operation
    nodes: list[Node] = field(default_factory=list)


@dataclass
class Plan:
    """What a native function does.

    Attributes
    ----------
    operands : list of Operand
    stages : list of Stage
    results : list of (size, dtype)
        The results of the jaxpr, and after them memory for values between stages.
    aliases : dict
        The operand whose memory a result takes: operand number to result number.
    """

    operands: list[Operand]
    stages: list[Stage]
    results: list[tuple[int, np.dtype]]
    aliases: dict[int, int]


def plan(closed: ClosedJaxpr, pairs: dict[int, int]) -> Plan:
    """Plan a jaxpr without constants.

    Parameters
    ----------
    closed : ClosedJaxpr
        Of equations that `supports` accepts.
    pairs : dict
        Operands that are not needed afterwards, to the result of the same type that may take their memory.
    """
    jaxpr = closed.jaxpr
    operands = [Operand(k, v.aval.size, v.aval.dtype) for k, v in enumerate(jaxpr.invars)]
    nodes: list[Node] = []
    values = _flatten(closed, list(operands), nodes)
    outputs = [_as_result(value, v.aval, nodes) for value, v in zip(values, jaxpr.outvars, strict=True)]
    for k, node in enumerate(outputs):
        node.results.append(k)
    stages = _schedule(nodes)
    results = [(v.aval.size, v.aval.dtype) for v in jaxpr.outvars]
    for node in _in_memory(stages):
        if not node.results:
            node.results.append(len(results))
            results.append((node.size, node.dtype))
    return Plan(operands, stages, results, _aliases(stages, pairs, outputs))


def reads(stages: Sequence[Stage]) -> Iterator[tuple[int, Node, Value]]:
    """Every use of a value: the number of the stage, the node that reads, and the value."""
    for number, stage in enumerate(stages):
        for node in stage.nodes:
            for value in node.operands:
                yield number, node, value


def _flatten(closed: ClosedJaxpr, inputs: list[Value], nodes: list[Node]) -> list[Value]:
    jaxpr = closed.jaxpr
    env: dict[Any, Value] = dict(zip(jaxpr.invars, inputs, strict=True))
    for var, constant in zip(jaxpr.constvars, closed.consts, strict=True):
        env[var] = Number(np.asarray(constant)[()], var.aval.dtype)

    def read(atom: Any) -> Value:
        return Number(np.asarray(atom.val).reshape(())[()], atom.aval.dtype) if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        operands = [read(atom) for atom in eqn.invars]
        env.update(zip(eqn.outvars, _evaluate(eqn, operands, nodes), strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _evaluate(eqn: JaxprEqn, operands: list[Value], nodes: list[Node]) -> list[Value]:
    name, (out, *_) = eqn.primitive.name, eqn.outvars
    if name in CALLS:
        return _flatten(eqn.params[CALLS[name]], operands, nodes)
    if name in RENAMES or name == 'broadcast_in_dim':  # a value of one item stands for any number
        return operands[:1]
    if name == 'slice':
        source, first, size = operands[0], eqn.params['start_indices'][0], out.aval.size
        first *= int(np.prod(eqn.invars[0].aval.shape[1:]))
        if _size(source) == 1:
            return [source]
        return [Part(source.source, source.first + first, size) if isinstance(source, Part) else Part(source, first, size)]
    uniform = name in ELEMENTWISE and name != 'iota' and all(_size(value) == 1 for value in operands)
    made = [Node(name, eqn.params, operands, 1 if uniform else v.aval.size, v.aval.dtype, k) for k, v in enumerate(eqn.outvars)]
    if name in EVENTS:
        for k, (value, var) in enumerate(zip(operands, eqn.invars, strict=True)):
            if var.aval.ndim and (isinstance(value, Number) or value.size != var.aval.size):
                operands[k] = Node('copy', {}, [value], var.aval.size, var.aval.dtype)
                nodes.append(operands[k])
    nodes.extend(made)
    return list(made)


def _as_result(value: Value, aval: Any, nodes: list[Node]) -> Node:
    if not isinstance(value, Node) or value.size != aval.size or value.results:
        value = Node('copy', {}, [value], aval.size, aval.dtype)
        nodes.append(value)
    return value


def _size(value: Value) -> int:
    return 1 if isinstance(value, Number) else value.size


def _schedule(nodes: list[Node]) -> list[Stage]:
    """Each node in the first stage that can have it, then later where that saves memory."""
    stages: list[Stage] = []
    for node in nodes:
        first = max((_after(value, node) for value in node.operands), default=0)
        node.stage = next((k for k in range(first, len(stages)) if _takes(stages[k], node)), len(stages))
        if node.stage == len(stages):
            stages.append(Stage(node.size, node.name if node.is_event else '', node.operands))
    readers: dict[Node, list[tuple[Node, Value]]] = {node: [] for node in nodes}
    for node in nodes:
        for value in node.operands:
            if isinstance(source := _source(value), Node):
                readers[source].append((node, value))
    moved = True
    while moved:
        moved = any([_sink(node, stages, readers) for node in reversed(nodes) if not node.is_event])
    for node in nodes:
        stages[node.stage].nodes.append(node)
    left = [stage for stage in stages if stage.nodes]
    for number, stage in enumerate(left):
        for node in stage.nodes:
            node.stage = number
    return left


def _source(value: Value) -> Value:
    return value.source if isinstance(value, Part) else value


def _after(value: Value, reader: Node) -> int:
    """The first stage in which a node can read a value."""
    source = _source(value)
    if not isinstance(source, Node):
        return 0
    together = value is source and not source.is_event and not reader.is_event and source.size == reader.size
    return source.stage + (not together)


def _takes(stage: Stage, node: Node) -> bool:
    if node.is_event:
        return stage.event == node.name and stage.operands is node.operands
    return not stage.event and stage.size == node.size


def _sink(node: Node, stages: list[Stage], readers: dict[Node, list[tuple[Node, Value]]]) -> bool:
    """Move a node to the last stage before it is read, unless more values would have to be kept in memory."""

    def is_kept(source: Node) -> bool:
        return bool(source.results) or any(_after(value, reader) > source.stage or reader.stage > source.stage for reader, value in readers[source])

    def cost() -> int:
        return sum(map(is_kept, affected))

    old = node.stage
    last = min((reader.stage - (_after(value, reader) > old) for reader, value in readers[node]), default=len(stages) - 1)
    new = max((k for k in range(old, last + 1) if _takes(stages[k], node)), default=old)
    if new == old:
        return False
    affected = {node, *(source for value in node.operands if isinstance(source := _source(value), Node) and source.size > 1)}
    before = cost()
    node.stage = new
    if cost() > before:
        node.stage = old
    return node.stage != old


def _in_memory(stages: list[Stage]) -> list[Node]:
    """Nodes that must be kept in memory, in the order of their stages."""
    kept = {node: None for stage in stages if stage.event for node in stage.nodes}
    for number, reader, value in reads(stages):
        source = _source(value)
        if isinstance(source, Node) and (value is not source or reader.is_event or (source.size > 1 and source.stage != number)):
            kept[source] = None
    return sorted(kept, key=lambda node: node.stage)


def _aliases(stages: list[Stage], pairs: dict[int, int], outputs: list[Node]) -> dict[int, int]:
    # A result may take an operand's memory if the operand is read before only, or in the same loop at the same item.
    last: dict[int, tuple[int, bool]] = {}
    for number, reader, value in reads(stages):
        source = _source(value)
        if isinstance(source, Operand):
            in_step = value is source and not reader.is_event and source.size == reader.size
            before, was_in_step = last.get(source.number, (-1, True))
            last[source.number] = number, in_step and (was_in_step or before < number)
    aliases = {}
    for k, result in pairs.items():
        node, (stage, in_step) = outputs[result], last.get(k, (-1, True))
        if not node.is_event and (stage < node.stage or (stage == node.stage and in_step)):
            aliases[k] = result
    for recorded in (node for stage in stages if stage.event == 'event_record' for node in stage.nodes):
        buffer = recorded.operands[2 + recorded.which]
        if not isinstance(buffer, Operand) or buffer.number in aliases or last[buffer.number][0] > recorded.stage:
            raise Unsupported('a buffer of recorded events is used otherwise')
        aliases[buffer.number] = recorded.results[0]
    return aliases


def supports(eqn: JaxprEqn) -> bool:
    """Whether an equation can be part of a plan."""
    name, avals = eqn.primitive.name, [v.aval for v in (*eqn.invars, *eqn.outvars)]
    if name in EVENTS:
        return True
    if eqn.effects or not all(getattr(aval, 'dtype', None) in DTYPES for aval in avals):
        return False
    if name in CALLS:
        return all(map(supports, eqn.params[CALLS[name]].eqns))
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


def _divides_safely(eqn: JaxprEqn) -> bool:
    # An integer divided by zero stops the process.
    x, y = eqn.invars
    return x.aval.dtype.kind == 'f' or (isinstance(y, Literal) and y.val > 0)


_SPECIAL = {
    'div': _divides_safely,
    'rem': lambda eqn: eqn.invars[0].aval.dtype.kind != 'f' and _divides_safely(eqn),
    'integer_pow': lambda eqn: eqn.params['y'] >= 0 or eqn.outvars[0].aval.dtype.kind == 'f',
    'iota': lambda eqn: eqn.outvars[0].aval.ndim == 1,
    'bitcast_convert_type': lambda eqn: eqn.invars[0].aval.dtype.itemsize == eqn.outvars[0].aval.dtype.itemsize,
    'select_n': lambda eqn: len(eqn.invars) == 3 and eqn.invars[0].aval.dtype == np.bool_,
}
