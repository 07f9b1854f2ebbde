"""Products with matrices in a native step: calls of functions whose work follows what is not zero."""

from __future__ import annotations

from typing import Any

from .. import _threads
from .._nodes import Node
from .llvm_events import delivered, how
from .llvm_frame import CallFrame
from .llvm_operations import I64, Value

SHARED_PRODUCTS = 1 << 16  # multiplications from which on threads share them


def _units(frame: CallFrame, lists: Value, batch: int, pre: int, post: int) -> Value | None:
    """How much work there is for threads to share."""
    if batch * pre * post < SHARED_PRODUCTS or not _threads.ready():
        return None
    return frame.call('numba_matrix', 'worth', (), lists, I64(batch), I64(pre), I64(post), I64(SHARED_PRODUCTS))


def to_post(frame: CallFrame, nodes: list[Node]) -> None:
    """What targets receive."""
    (node,) = nodes
    weights, spikes, active = delivered(node)
    pre, post = node.params['shape']
    batch, lists = node.size // post, frame.address(active)
    places = frame.address(weights), frame.address(spikes), lists, frame.address(node)
    function = frame.function(3, 'numba_matrix', 'to_post', str(node.dtype))
    words = [*places, I64(batch), I64(pre), I64(post), *how(frame, node)]
    frame.give(function, [frame.as_word(word) for word in words], _units(frame, lists, batch, pre, post))


def to_weight(frame: CallFrame, nodes: list[Node]) -> None:
    """What each weight sees."""
    (node,) = nodes
    spikes, values, active, memory = delivered(node)
    (pre, post), batch, lists = node.params['shape'], node.params['batch'], frame.address(active)
    frame.call('numba_matrix', 'by_source', (), lists, frame.address(memory), I64(batch), I64(pre))
    places = frame.address(spikes), frame.address(values), lists, frame.address(node)
    words = [*places, I64(batch), I64(pre), I64(post), *how(frame, node), frame.address(memory)]
    function = frame.function(3, 'numba_matrix', 'to_weight', str(node.dtype))
    frame.give(function, [frame.as_word(word) for word in words], _units(frame, lists, batch, pre, post))


def to_pre(frame: CallFrame, nodes: list[Node]) -> None:
    """What all sources collect."""
    (node,) = nodes
    weights, values = node.operands
    (pre, post), batch = node.params['shape'], node.size // node.params['shape'][0]
    is_shared = batch * pre * post >= SHARED_PRODUCTS and _threads.ready()
    _collect(frame, node, weights, values, (batch, pre, post), I64(0), I64(batch * pre * post) if is_shared else None)


def all_to_pre(frame: CallFrame, nodes: list[Node]) -> None:
    """What all sources collect, by weights in panels."""
    (node,) = nodes
    values, weights = node.operands
    pre = node.params['pre']
    batch = node.size // pre
    post = values.size // batch
    function = frame.function(3, 'numba_matrix', 'product_of_all', str(node.dtype))
    words = [*map(frame.address, (values, weights, node)), *map(I64, (batch, post, pre))]
    is_shared = batch * pre * post >= SHARED_PRODUCTS and _threads.ready()
    frame.give(function, [frame.as_word(word) for word in words], I64(batch * pre * post) if is_shared else None)


def to_pre_within(frame: CallFrame, nodes: list[Node]) -> None:
    """What those sources collect that are listed."""
    (node,) = nodes
    values, weights, mask, active = node.operands
    batch = active.size - mask.size  # a list has a number more than it can have items
    sizes, lists = (batch, mask.size // batch, values.size // batch), frame.address(active)
    _collect(frame, node, weights, values, sizes, lists, _units(frame, lists, *sizes))


def _collect(
    frame: CallFrame, node: Node, weights: Any, values: Any, sizes: tuple[int, int, int], lists: Value, units: Value | None
) -> None:
    places = frame.address(weights), frame.address(values), frame.address(node)
    words = [*places, *map(I64, sizes), lists]
    function = frame.function(3, 'numba_matrix', 'to_pre', str(node.dtype), node.name == 'matrix_to_pre_within')
    frame.give(function, [frame.as_word(word) for word in words], units)
