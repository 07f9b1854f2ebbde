"""Event operations in a native step: calls of compiled functions with addresses and sizes, written for the nodes of one operation.

Their operands are those of the primitive, then what the record of the operation adds: the list of those that fire, and memory.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from .. import _threads
from .._draws import longest_row
from .._nodes import Node
from .llvm_frame import CallFrame
from .llvm_operations import I64, Value, type_of

SHARED = 1 << 17  # items of a loop from which on threads share it: before, what they take from each other's caches costs more
SHARED_ROWS = 1 << 15  # items of a batch that are looked at
SHARED_SYNAPSES = 1 << 17
WORTH_SHARING = 1 << 13, 1 << 10  # synapses of active sources: with targets that one thread updates, or several, which hold them near


def collect(frame: CallFrame, nodes: list[Node]) -> None:
    """List the sources that fire, for each row of a batch."""
    (node,), size = nodes, nodes[0].params['size']
    spikes, rows = node.operands[0], nodes[0].size // (nodes[0].params['size'] + 1)
    places = frame.address(spikes), frame.address(node)
    if rows == 1:
        _collect_one(frame, spikes, node, size)
        return
    words = [frame.as_word(word) for word in (*places, I64(rows), I64(size))]
    shared = rows * size >= SHARED_ROWS and _threads.ready()
    function = frame.function(3, 'numba_deliver', 'collect_rows', str(spikes.dtype))
    frame.give(function, words, I64(rows * size) if shared else None)


def _collect_one(frame: CallFrame, spikes: Any, node: Node, size: int) -> None:
    frame.call('numba_deliver', 'collect', (str(spikes.dtype),), frame.address(spikes), frame.address(node), I64(size))


def begin(frame: CallFrame, node: Node) -> None:
    """Make a list that steps take over from each other, before the first of them."""
    _collect_one(frame, node.params['of'], node, node.params['size'])


def portion(frame: CallFrame, nodes: list[Node]) -> None:
    """List those of a part of the sources, given the list of all."""
    (node,) = nodes
    places = frame.address(node.operands[0]), frame.address(node)
    frame.call('numba_deliver', 'portion', (), *places, *map(I64, (node.params['first'], node.params['size'])))


def to_post(frame: CallFrame, nodes: list[Node]) -> None:
    """Deliver along stored synapses."""
    (node,) = nodes
    *structure, spikes, active = delivered(node)
    for row in range(node.size // max(1, node.params['shape'][1])):
        _deliver(frame, node, structure, spikes, active, row, node, I64(0), node.params['shape'][1])


def how(frame: CallFrame, node: Node) -> tuple[Value, Value]:
    """Whether a delivery begins at zero, and by what it is multiplied, as words."""
    begins = node.changes is None
    factor = frame.scalar(node.operands[-2]) if node.into is not None else ir.Constant(type_of(node.dtype), 1.0)
    return I64(int(begins)), frame.b.zext(frame.b.bitcast(factor, ir.IntType(8 * node.dtype.itemsize)), I64)


def to_ring(frame: CallFrame, nodes: list[Node]) -> None:
    """Deliver along stored synapses to the places of a ring."""
    (node,) = nodes
    *structure, spikes, step, ring, active = node.operands
    start = frame.b.mul(frame.word(step), I64(node.params['shape'][1]))
    _deliver(frame, node, structure, spikes, active, 0, ring, start, ring.size)


def _deliver(
    frame: CallFrame, node: Node, structure: list[Any], spikes: Any, active: Any, row: int, received: Any, start: Value, size: int
) -> None:
    pre = node.params['shape'][0]
    starts, slots, *weights = structure
    options = str(spikes.dtype), str(node.dtype), str(weights[0].dtype) if weights else ''
    function = frame.function(3, 'numba_deliver', 'deliver', *options)
    fired = frame.further(active, row * (pre + 1))
    words = [
        *map(frame.address, (starts, slots)),
        frame.address(weights[0]) if weights else I64(0),
        frame.further(spikes, row * pre),
        fired,
        frame.further(received, row * size),
        *(start, I64(size), *how(frame, node)),
    ]
    _share(frame, function, words, fired, slots.size if node.params['ordered'] else 0, node.params['shape'])


def _share(frame: CallFrame, function: Value, words: list[Value], active: Value, synapses: int, shape: tuple[int, int]) -> None:
    """Call a function of words; on all threads where it delivers many synapses."""
    is_shared, least = synapses >= SHARED_SYNAPSES and _threads.ready(), WORTH_SHARING[shape[1] >= SHARED]
    numbers = I64(synapses), I64(max(1, shape[0])), I64(least)
    units = frame.call('numba_deliver', 'worth', (), active, *numbers) if is_shared else None
    frame.give(function, [frame.as_word(word) for word in words], units)


def dense(frame: CallFrame, nodes: list[Node]) -> None:
    """Deliver along all pairs."""
    (node,) = nodes
    weights, spikes, active = delivered(node)
    pre, post = node.params['shape']
    function = frame.function(3, 'numba_deliver', 'deliver_dense', str(spikes.dtype), str(node.dtype), str(weights.dtype))
    for row in range(node.size // max(1, post)):
        fired = frame.further(active, row * (pre + 1))
        places = frame.address(weights), frame.further(spikes, row * pre), fired, frame.further(node, row * post)
        _share(frame, function, [*places, I64(post), *how(frame, node)], fired, pre * post, (pre, post))


def memory(frame: CallFrame, nodes: list[Node]) -> None:
    """Room for those who use it: they write what it holds."""


def drawn_to_post(frame: CallFrame, nodes: list[Node]) -> None:
    """Deliver along synapses that are drawn."""
    (node,) = nodes
    words, spikes, active, memory = delivered(node)
    pre, slots = node.params['shape'][0], node.params['shape'][1] * max(1, node.params['steps'])
    for row in range(node.size // max(1, slots)):
        fired = frame.further(spikes, row * pre), frame.further(active, row * (pre + 1))
        sizes = 0, slots, *how(frame, node)
        _draw(frame, 'deliver', node, (str(spikes.dtype),), words, *fired, frame.further(node, row * slots), sizes, memory)


def drawn_to_ring(frame: CallFrame, nodes: list[Node]) -> None:
    """Deliver along synapses that are drawn, after their delays."""
    (node,) = nodes
    words, spikes, row, ring, active, memory = node.operands
    start = frame.b.mul(frame.word(row), I64(node.params['shape'][1]))
    places = map(frame.address, (spikes, active, ring))
    _draw(frame, 'deliver', node, (str(spikes.dtype),), words, *places, (start, ring.size, *how(frame, node)), memory)


def drawn_to_pre(frame: CallFrame, nodes: list[Node]) -> None:
    """Collect along synapses that are drawn."""
    (node,) = nodes
    words, values, memory = node.operands
    pre, slots = node.params['shape'][0], node.params['shape'][1] * max(1, node.params['steps'])
    sizes = node.size // max(1, pre), pre, slots
    _draw(frame, 'to_pre', node, (), words, frame.address(values), frame.address(node), sizes, memory)


def _draw(frame: CallFrame, builder: str, node: Node, types: tuple[str, ...], words: Any, *operands: Any) -> None:
    *places, numbers, memory = operands
    rule, longest = node.params['rule'], longest_row(node.params['rule'], node.params['shape'][1])
    delayed = node.params['steps'] > 0
    row, _ = frame.find('numba_rows', rule.kind)
    value = ''
    if rule.weight or delayed:
        value, _ = frame.find('numba_values', 'values', rule.weight or 'none', 'uint16' if delayed else 'none')
    options = row, value, rule.kind, rule.weight, delayed, *types, str(node.dtype)
    values = *numbers, node.params['shape'][1], rule.width, rule.where, longest
    words_of = [I64(x) if isinstance(x, int) else x for x in values]
    frame.call('numba_procedural', builder, options, frame.address(words), *places, *words_of, frame.address(memory))


def to_pre(frame: CallFrame, nodes: list[Node]) -> None:
    """Collect along stored synapses."""
    (node,) = nodes
    _collect(frame, node, node.operands, I64(0))


def to_pre_within(frame: CallFrame, nodes: list[Node]) -> None:
    """Collect along stored synapses of those sources that are listed."""
    (node,) = nodes
    *operands, _, active = node.operands
    _collect(frame, node, operands, frame.address(active))


def _collect(frame: CallFrame, node: Node, operands: list[Any], lists: Value) -> None:
    starts, targets, *weights, values = operands
    pre, post = node.params['shape']
    weight = frame.address(weights[0]) if weights else I64(0)
    places = frame.address(starts), frame.address(targets), weight, frame.address(values), frame.address(node)
    options = str(values.dtype), str(weights[0].dtype) if weights else '', node.name == 'event_to_pre_within'
    words = [*places, *map(I64, (node.size // max(1, pre), pre, post)), lists]
    _share_all(frame, frame.function(3, 'numba_products', 'to_pre', *options), words, node.size // max(1, pre) * targets.size)


def to_weight(frame: CallFrame, nodes: list[Node]) -> None:
    """What each stored synapse sees."""
    (node,) = nodes
    starts, targets, spikes, values, active = delivered(node)
    pre, post = node.params['shape']
    batch = spikes.size // max(1, pre)
    places = map(frame.address, (starts, targets, spikes, values, active, node))
    words = [*places, *map(I64, (batch, pre, post, node.size)), *how(frame, node)]
    _share_all(frame, frame.function(3, 'numba_products', 'to_weight', str(spikes.dtype), str(values.dtype)), words, batch * node.size)


def _share_all(frame: CallFrame, function: Value, words: list[Value], synapses: int) -> None:
    """Call a function of words; on all threads where there may be many synapses to visit."""
    is_shared = synapses >= SHARED_SYNAPSES and _threads.ready()
    frame.give(function, [frame.as_word(word) for word in words], I64(synapses) if is_shared else None)


def due(frame: CallFrame, nodes: list[Node]) -> None:
    """Take out of a ring what is due."""
    row, ring = nodes[0].operands
    due = next((frame.address(node) for node in nodes if node.which == 1), I64(0))
    frame.call('numba_ring', 'due', (str(ring.dtype),), frame.word(row), frame.address(ring), due, I64(nodes[0].params['post']))


def record(frame: CallFrame, nodes: list[Node]) -> None:
    """Append those that fire to a buffer, which lanes may share."""
    spikes, step, events, count, clock, active = nodes[0].operands
    entries, first, is_shared = nodes[0].params['entries'], I64(0), False
    if (lanes := frame.sharing(events)) is not None:
        (number, lane), is_shared = lanes, True
        entries, first = -entries * number, frame.b.mul(lane, I64(entries))
    call = first, I64(entries), frame.word(step), I64(nodes[0].params['grid'])
    written = map(frame.address, (events, count, clock))
    places = frame.address(spikes), frame.address(active), *call, *written, I64(events.size // 3)
    frame.call('numba_record', 'record', (str(spikes.dtype), is_shared), *places)


def delivered(node: Node) -> list[Any]:
    """The operands of a delivery, without what it is added to."""
    return node.operands if node.into is None else node.operands[:-2]
