"""Lists of those that fire: made where an operation needs one, and kept from one step of a loop to the next.

Where a step lists the spikes that it makes, to record them, the next step has the list of this state already, and from it those of parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._nodes import Node, Operand, Part, source_of
from ._operation import Operation

COLLECT = Operation('collect', native='llvm_events.collect')
KEPT = Operation('kept', native='llvm_events.memory')
_PORTION = Operation('portion', native='llvm_events.portion')
OF_BITS = 'event_unpack'  # the operation whose items are made of bits
_LIST_OF_BITS = Operation('list_of_bits', native='llvm_bits.collect')


def listing(spikes: Any, size: int, is_batch: bool) -> tuple[Operation, dict[str, Any], list[Any]]:
    """The operation, parameters and operands that list those that fire, of ``size`` in each row; of bits where they are made of such."""
    source = source_of(spikes)
    if isinstance(source, Node) and source.name == OF_BITS and not is_batch:
        first = spikes.first if isinstance(spikes, Part) else 0
        return _LIST_OF_BITS, {'first': first, 'size': size, 'row': source.params['size']}, [*source.operands]
    return COLLECT, {'size': size}, [spikes]


def with_kept_lists(nodes: Sequence[Node], pairs: dict[int, int], outputs: Sequence[Node]) -> list[Node]:
    """The nodes of a step, which take lists of what its states hold from the step before where it made them. Nodes are changed.

    A kept list is memory that the one list of the new spikes changes; it is `begun` before the first step.

    Parameters
    ----------
    nodes : sequence of Node
        In an order of evaluation.
    pairs : dict
        Operands to the results that succeed them.
    outputs : sequence of Node
        The results.
    """
    lists = {_what(node): node for node in nodes if node.operation is COLLECT and node.size == node.params['size'] + 1}
    kept: dict[Node, Node] = {}
    replaced: dict[Node, Node] = {}
    for (state, first, size), old in lists.items():
        if not isinstance(state, Operand) or state.number not in pairs:
            continue
        new = _original(outputs[pairs[state.number]])
        if (same := lists.get((new, first, size))) is not None:
            replaced[old] = _kept(kept, same, Part(state, first, size))
        elif (whole := lists.get((new, 0, state.size))) is not None:
            of_all = _kept(kept, whole, Part(state, 0, state.size))
            replaced[old] = Node('portion', {'first': first, 'size': size}, [of_all], old.size, old.dtype, _PORTION)
    for node in nodes:
        node.operands[:] = [replaced.get(value, value) if isinstance(value, Node) else value for value in node.operands]
    memory = [*kept.values()]
    return [*memory, *(node for node in (replaced.get(node, node) for node in nodes) if node not in memory)]


def are_kept(nodes: Sequence[Node]) -> bool:
    """Whether all lists that the next step takes stand where it looks for them."""
    memory = {node for node in nodes if node.operation is KEPT}
    return memory == {node.changes for node in nodes if node.operation is COLLECT and node.changes is not None}


def _kept(kept: dict[Node, Node], new: Node, state: Part) -> Node:
    if new not in kept:
        kept[new] = Node('kept', {'of': state, 'size': state.size}, [], new.size, new.dtype, KEPT)
        new.operands.append(kept[new])
        new.changed = 1
    return kept[new]


def _what(node: Node) -> tuple[Any, int, int]:
    """Of what a list is: a value, and which items of it."""
    (spikes,) = node.operands
    return _original(source_of(spikes)), spikes.first if isinstance(spikes, Part) else 0, node.params['size']


def _original(value: Any) -> Any:
    """What a value is a copy of."""
    while isinstance(value, Node) and value.name == 'copy':
        (source,) = value.operands
        if not isinstance(source, (Node, Operand)) or source.size != value.size:
            break
        value = source
    return value
