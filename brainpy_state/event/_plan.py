"""From a jaxpr to the stages of a native function: loops over neurons, event operations between them, and where values are kept.

What is computed for each neuron stays in registers as long as the loop that made it also uses it. It is kept in memory if it is a result,
if an event operation reads it, or if a later loop does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax.core import ShapedArray
from jax.extend.core import ClosedJaxpr

from ._accumulate import accumulated, origin_of
from ._flat import Flat
from ._lists import KEPT, are_kept, with_kept_lists
from ._nodes import Node, Operand, Part, Value, source_of
from ._operation import Operation
from ._turns import in_turn


@dataclass
class Stage:
    """Nodes that are evaluated together: one loop over ``size`` items, straight code where it is 1, or one operation on memory."""

    size: int
    operation: Operation | None
    operands: list[Any]  # of the operation
    nodes: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class Apart:
    """Lanes that do a loop each; operands and results have a first axis of them.

    Attributes
    ----------
    lanes : int
    operands, results : frozenset of int
        Those that have no such axis: what lanes read together, and buffers that they record to.
    """

    lanes: int
    operands: frozenset[int]
    results: frozenset[int]


@dataclass(frozen=True)
class Loop:
    """How a native function does many steps of its stages.

    Attributes
    ----------
    reads, writes : range
        Operands and results that have a row for each step.
    reverse : bool
        From the last row to the first.
    flag : int, optional
        The result that tells whether there is another step.
    apart : Apart, optional
    listens : bool
        Whether an interrupt ends it, see `_interrupts`.
    """

    reads: range
    writes: range
    reverse: bool
    flag: int | None
    apart: Apart | None = None
    listens: bool = False


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
    loop : Loop, optional
        If it does many steps; their number is one more operand.
    """

    operands: list[Operand]
    stages: list[Stage]
    results: list[tuple[int, np.dtype]]
    aliases: dict[int, int]
    loop: Loop | None = None

    @property
    def kept(self) -> list[Node]:
        """Lists that steps take over from each other, to be made before the first."""
        return [node for stage in self.stages if stage.operation is KEPT for node in stage.nodes]

    def between(self, operands: Sequence[Any], results: int) -> list[Any]:
        """The memory for values between stages, after so many results, that of all lanes; or an operand that is changed in place."""
        lanes = self.loop.apart.lanes if self.loop and self.loop.apart else 1
        changed = {result: operands[k] for k, result in self.aliases.items()}
        own = enumerate(self.results[results:], results)
        return [changed.get(k, ShapedArray((lanes * size,), dtype)) for k, (size, dtype) in own]


def plan(closed: ClosedJaxpr, pairs: dict[int, int], loop: Loop | None = None) -> Plan:
    """Plan a jaxpr without constants.

    Parameters
    ----------
    closed : ClosedJaxpr
        Of equations that `refusal` does not refuse.
    pairs : dict
        Operands that are not needed afterwards, to the result of the same type that may take their memory.
    loop : Loop, optional
        The jaxpr is a step of it; then these results do take the memory of these operands.
    """
    first = frozenset[int]()  # in a loop: operands that are copied before the step, results that are written after it
    late = first
    while True:
        found = _planned(closed, pairs, first, late, keeps=loop is not None)
        missing = {k for k, result in pairs.items() if found.aliases.get(k) != result}
        others = found.aliases.keys() - pairs.keys()  # what the next step reads as it was
        if loop is None or not (missing or others):
            found.loop = loop
            return found
        first, late = first | others | missing & {k for k in pairs if pairs[k] in late}, late | {pairs[k] for k in missing}


def _planned(
    closed: ClosedJaxpr,
    pairs: dict[int, int],
    first: Collection[int],
    late: Collection[int],
    *,
    accumulates: bool = True,
    keeps: bool = False,
) -> Plan:
    jaxpr = closed.jaxpr
    operands = [Operand(k, v.aval.size, v.aval.dtype) for k, v in enumerate(jaxpr.invars)]
    flat = Flat()
    values = flat.evaluate(closed, [flat.copy(x, x) if x.number in first else x for x in operands])
    outputs: list[Node] = []
    for k, (value, var) in enumerate(zip(values, jaxpr.outvars, strict=True)):
        aval: Any = var.aval
        if not isinstance(value, Node) or value.size != aval.size or value.results or k in late:
            value = flat.copy(value, aval)
        if k in late:
            value = flat.copy(value, aval)
        value.results.append(k)
        outputs.append(value)
    nodes = in_turn(_used(with_kept_lists(_used(flat.nodes), pairs, outputs) if keeps else flat.nodes))
    if not are_kept(nodes):
        return _planned(closed, pairs, first, late, accumulates=accumulates)
    nodes = _used(accumulated(nodes, pairs)) if accumulates else nodes
    for node in _last_of_chains(nodes):
        if isinstance(origin := origin_of(node), Node):
            origin.results = node.results
    stages = _with_last(_schedule(nodes), [outputs[k] for k in late])
    results = [(v.aval.size, v.aval.dtype) for v in jaxpr.outvars]
    for node in _in_memory(stages):
        if not node.results:
            node.results.append(len(results))
            results.append((node.size, node.dtype))
    taken = _taken(stages, pairs, outputs)
    if any(node.into is not None and not node.results and origin_of(node).number not in taken for stage in stages for node in stage.nodes):
        return _planned(closed, pairs, first, late, accumulates=False, keeps=keeps)
    return Plan(operands, stages, results, taken | _changed(stages))


def reads(stages: Sequence[Stage]) -> Iterator[tuple[int, Node, Value]]:
    """Every use of a value: the number of the stage, the node that reads, and the value."""
    for number, stage in enumerate(stages):
        for node in stage.nodes:
            for value in node.operands:
                yield number, node, value


def _with_last(stages: list[Stage], nodes: list[Node]) -> list[Stage]:
    """The stages that have nodes, numbered, and some of the nodes in stages of their own at the end."""
    for node in nodes:
        stages[node.stage].nodes.remove(node)
    left = [stage for stage in stages if stage.nodes]
    for size in dict.fromkeys(node.size for node in nodes):
        left.append(Stage(size, None, [], [node for node in nodes if node.size == size]))
    for number, stage in enumerate(left):
        for node in stage.nodes:
            node.stage = number
    return left


def _used(nodes: list[Node]) -> list[Node]:
    """Those that a result depends on, and what else their operations make."""
    used: set[Any] = set()
    for node in reversed(nodes):
        key = id(node.operands) if node.operation and node.operands else node
        if node.results or node in used or key in used:
            used |= {node, key, *map(source_of, node.operands)}
    return [node for node in nodes if node in used or id(node.operands) in used]


def _last_of_chains(nodes: Iterable[Node]) -> list[Node]:
    """What operations have made of memory that is not their own, after the last of them."""
    nodes = list(nodes)
    changed = {node.changes for node in nodes if node.changes}
    return [node for node in nodes if node.changes and node not in changed]


def _schedule(nodes: list[Node]) -> list[Stage]:
    """Each node in the first stage that can have it, then later where that saves memory."""
    stages: list[Stage] = []
    for node in nodes:
        first = max((_after(value, node) for value in node.operands), default=0)
        node.stage = next((k for k in range(first, len(stages)) if _takes(stages[k], node)), len(stages))
        if node.stage == len(stages):
            stages.append(Stage(node.size, node.operation, node.operands))
    readers: dict[Node, list[tuple[Node, Value]]] = {node: [] for node in nodes}
    changed = {node.changes: node for node in nodes if node.changes}
    for node in nodes:
        for value in node.operands:
            if isinstance(source := source_of(value), Node):
                readers[source].append((node, value))
    order = _Order(stages, readers, changed)
    loops = [node for node in reversed(nodes) if not node.operation]
    moved = True
    while moved:
        moved = any([order.sink([node]) for node in loops])
        for k in range(len(stages)):  # what would not pay one by one may pay together
            moved |= order.sink([node for node in loops if node.stage == k])
    for node in nodes:
        stages[node.stage].nodes.append(node)
    return stages


def _after(value: Value, reader: Node) -> int:
    """The first stage in which a node can read a value."""
    source = source_of(value)
    if not isinstance(source, Node):
        return 0
    together = value is source and not source.operation and not reader.operation and source.size == reader.size
    return source.stage + (not together)


def _takes(stage: Stage, node: Node) -> bool:
    if node.operation:
        return stage.operands is node.operands
    return stage.operation is None and stage.size == node.size


class _Order:
    """Which stage each node is in, where that can still change."""

    def __init__(self, stages: list[Stage], readers: dict[Node, list[tuple[Node, Value]]], changed: dict[Any, Node]):
        self.stages, self.readers, self.changed = stages, readers, changed

    def sink(self, nodes: list[Node]) -> bool:
        """Move nodes of one stage, last ones first, as far towards their readers as memory for more values is not needed."""
        sources = (source_of(value) for node in nodes for value in node.operands)
        affected = {*nodes, *(source for source in sources if isinstance(source, Node) and source.size > 1)}
        before, old = sum(map(self._is_kept, affected)), [node.stage for node in nodes]
        for node in nodes:
            node.stage = self._last(node)
        moved = [node.stage for node in nodes] != old
        if moved and sum(map(self._is_kept, affected)) > before:
            for node, stage in zip(nodes, old, strict=True):
                node.stage = stage
            return False
        return moved

    def _last(self, node: Node) -> int:
        limits = [reader.stage - (_after(value, reader) > node.stage) for reader, value in self.readers[node]]
        limits += [self.changed[source].stage - 1 for source in map(source_of, node.operands) if source in self.changed]
        last = min(limits, default=len(self.stages) - 1)
        return max((k for k in range(node.stage, last + 1) if _takes(self.stages[k], node)), default=node.stage)

    def _is_kept(self, source: Node) -> bool:
        if source.results:
            return True
        return any(_after(value, reader) > source.stage or reader.stage > source.stage for reader, value in self.readers[source])


def _in_memory(stages: list[Stage]) -> list[Node]:
    """Nodes that must be kept in memory, in the order of their stages."""
    nodes = [node for stage in stages for node in stage.nodes]
    kept = {node: None for node in nodes if node.operation and node.changes is None}
    kept |= {node: None for node in _last_of_chains(nodes) if node.into is None and isinstance(origin_of(node), Operand)}
    for number, reader, value in reads(stages):
        source = source_of(value)
        if (
            isinstance(source, Node)
            and not source.changes
            and (value is not source or reader.operation or (source.size > 1 and source.stage != number))
        ):
            kept[source] = None
    return sorted(kept, key=lambda node: node.stage)


def _taken(stages: list[Stage], pairs: dict[int, int], outputs: list[Node]) -> dict[int, int]:
    """Results that take the memory of an operand that is read before only, or in the same loop at the same item."""
    last: dict[int, tuple[int, bool]] = {}
    for number, reader, value in reads(stages):
        source = origin_of(source_of(value))
        if isinstance(source, Operand):
            in_step = not isinstance(value, Part) and not reader.operation and source.size == reader.size
            before, was_in_step = last.get(source.number, (-1, True))
            last[source.number] = number, in_step and (was_in_step or before < number)
    taken = {}
    for k, result in pairs.items():
        node, (stage, in_step) = outputs[result], last.get(k, (-1, True))
        if not node.operation and (stage < node.stage or (stage == node.stage and in_step)):
            taken[k] = result
    return taken


def _changed(stages: list[Stage]) -> dict[int, int]:
    """Results that are an operand after event operations have changed it in place."""
    last = _last_of_chains(node for stage in stages for node in stage.nodes)
    ends = [(origin_of(node), node) for node in last if node.results or node.into is None]
    return {origin.number: node.results[0] for origin, node in ends if isinstance(origin, Operand)}
