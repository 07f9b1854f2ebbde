"""Deliveries that are added to a state: made in its memory, instead of in an array of their own that is cleared, filled and read."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ._nodes import Node, Number, Operand, Value, size_of, source_of


def origin_of(value: Value) -> Any:
    """The value whose memory this is, after event operations have changed it."""
    while isinstance(value, Node) and value.changes is not None:
        value = value.changes
    return value


def accumulated(nodes: list[Node], pairs: dict[int, int]) -> list[Node]:
    """The nodes, with ``state + factor * delivery`` as one node that changes the state in place.

    Parameters
    ----------
    nodes : list of Node
        In an order of evaluation.
    pairs : dict
        Operands whose memory a result may take, and the number of this result.
    """
    readers: dict[Any, list[Node]] = {}
    for node in nodes:
        for value in node.operands:
            readers.setdefault(source_of(value), []).append(node)
    replaced: dict[Node, Node] = {}
    gone: set[Node] = set()
    for node in nodes:
        if node.operation is None or not node.operation.adds:
            continue
        factor, scaled = _only_product(node, readers)
        sum_, state = _only_sum(scaled, readers, replaced, pairs)
        if sum_ is None:
            continue
        one = Number(np.ones((), node.dtype)[()], node.dtype)
        operands = [*node.operands, factor or one, state]
        replaced[sum_] = dataclasses.replace(node, operands=operands, results=sum_.results, into=state)
        gone |= {node, scaled}
    for node in nodes:
        node.operands[:] = [replaced.get(value, value) if isinstance(value, Node) else value for value in node.operands]
    return [replaced.get(node, node) for node in nodes if node not in gone]


def _only_product(node: Node, readers: dict[Any, list[Node]]) -> tuple[Any, Node]:
    """The one number by which a delivery is multiplied, if that is all it is used for, and the product."""
    used = readers.get(node, [])
    if node.results or len(used) != 1 or used[0].name != 'mul' or used[0].results or used[0].operands.count(node) != 1:
        return None, node
    (other,) = (value for value in used[0].operands if value is not node)
    return (other, used[0]) if size_of(other) == 1 else (None, node)


def _only_sum(node: Node, readers: dict[Any, list[Node]], replaced: dict[Node, Node], pairs: dict[int, int]) -> tuple[Any, Any]:
    """The sum with a state, if that is all that both are used for, and the state as it is then."""
    used = readers.get(node, [])
    if node.results or len(used) != 1 or used[0].name != 'add' or used[0].operands.count(node) != 1:
        return None, None
    (sum_,) = used
    (other,) = (value for value in sum_.operands if value is not node)
    state = replaced.get(other, other) if isinstance(other, Node) else other
    origin = origin_of(state)
    is_state = isinstance(origin, Operand) and origin.number in pairs and (state is origin or getattr(state, 'into', None) is not None)
    if not is_state or state.size != sum_.size or state.dtype != node.dtype or len(readers[other]) != 1:
        return None, None
    if getattr(state, 'results', None) or (sum_.results and sum_.results != [pairs[origin.number]]):
        return None, None
    return sum_, state
