"""The order in which memory is changed: after all other uses of what it held, or a copy of it is changed."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

from ._nodes import Node, Number, Part, source_of


class _Operation:
    """The nodes of one operation, and the operations that come before it."""

    def __init__(self, number: int, node: Node):
        self.number, self.nodes = number, [node]
        self.before: set[_Operation] = set()

    @property
    def operands(self) -> list[Any]:
        return self.nodes[0].operands

    def follows(self, other: _Operation) -> bool:
        """Whether another operation comes before this one, or is it."""
        seen, left = set(), [self]
        while left:
            operation = left.pop()
            if operation is other:
                return True
            if operation not in seen:
                seen.add(operation)
                left.extend(operation.before)
        return False


def in_turn(nodes: list[Node]) -> list[Node]:
    """The nodes in an order in which each value is used before its memory changes.

    Where an operation would change what is not its own, or what another needs that comes later, it gets a copy.
    """
    operations = _operations(nodes)
    made: dict[Any, _Operation] = {node: operation for operation in operations for node in operation.nodes}
    users: dict[Any, list[_Operation]] = {}
    for operation in operations:
        operation.before |= {made[source] for source in map(source_of, operation.operands) if source in made}
        for source in dict.fromkeys(map(source_of, operation.operands)):
            users.setdefault(source, []).append(operation)
    changed: set[Any] = set()
    for operation in list(operations):
        for place in dict.fromkeys(place for node in operation.nodes if (place := node.changed) is not None):
            value = operation.operands[place]
            others = [user for user in users.get(source_of(value), ()) if user is not operation]
            if _is_free(value, operation, others) and value not in changed:
                changed.add(value)
                operation.before.update(others)
            else:
                copy = _copied(operation, place)
                copy.before |= operation.before & {made.get(source_of(value), operation)}
                operations.append(copy)
                users.setdefault(source_of(value), []).append(copy)
                if source_of(value) not in map(source_of, operation.operands):
                    users[source_of(value)].remove(operation)
    return [node for operation in _sorted(operations) for node in operation.nodes]


def _copied(operation: _Operation, place: int) -> _Operation:
    """Give an operation a copy of an operand."""
    value = operation.operands[place]
    size = next(node.size for node in operation.nodes if node.changed == place)
    copy = _Operation(operation.number, Node('copy', {}, [value], size, value.dtype))
    operation.operands[place] = copy.nodes[0]
    operation.before.add(copy)
    return copy


def _is_free(value: Any, operation: _Operation, others: Iterable[_Operation]) -> bool:
    """Whether an operation can change a value after all others have used it."""
    if isinstance(value, Part | Number) or (isinstance(value, Node) and value.results):
        return False
    once = sum(source_of(operand) is value for operand in operation.operands) == 1
    return once and not any(other.follows(operation) for other in others)


def _operations(nodes: list[Node]) -> list[_Operation]:
    found: dict[Any, _Operation] = {}
    for number, node in enumerate(nodes):
        key = id(node.operands) if node.operation and node.operands else node
        if key in found:
            found[key].nodes.append(node)
        else:
            found[key] = _Operation(number, node)
    return list(found.values())


def _sorted(operations: list[_Operation]) -> list[_Operation]:
    """Each after those before it, else in the given order."""
    left = {operation: len(operation.before) for operation in operations}
    after: dict[_Operation, list[_Operation]] = {}
    for operation in operations:
        for earlier in operation.before:
            after.setdefault(earlier, []).append(operation)
    ready = [(operation.number, k, operation) for k, operation in enumerate(operations) if not left[operation]]
    heapq.heapify(ready)
    order: list[_Operation] = []
    while ready:
        *_, operation = heapq.heappop(ready)
        order.append(operation)
        for later in after.get(operation, ()):
            left[later] -= 1
            if not left[later]:
                heapq.heappush(ready, (later.number, len(order) + len(operations), later))
    return order
