"""Bits in a native step: calls of compiled functions with addresses and sizes."""

from __future__ import annotations

from .._nodes import Node
from .llvm_frame import CallFrame
from .llvm_operations import I64


def pack(frame: CallFrame, nodes: list[Node]) -> None:
    """Bits of what is not zero."""
    (node,) = nodes
    (items,) = node.operands
    frame.call('numba_bits', 'pack', (str(items.dtype),), frame.address(items), frame.address(node), I64(items.size))


def unpack(frame: CallFrame, nodes: list[Node]) -> None:
    """Items from bits, row by row."""
    (node,), (words,) = nodes, nodes[0].operands
    size = node.params['size']
    rows = node.size // max(1, size)
    sizes = map(I64, (rows, words.size // max(1, rows), size))
    frame.call('numba_bits', 'unpack', (str(node.dtype),), frame.address(words), frame.address(node), *sizes)


def collect(frame: CallFrame, nodes: list[Node]) -> None:
    """List those that fire among consecutive items."""
    (node,), (words,) = nodes, nodes[0].operands
    first, size, row = (node.params[name] for name in ('first', 'size', 'row'))
    frame.call('numba_bits', 'collect', (), frame.address(words), frame.address(node), *map(I64, (first, size, row, words.size)))
