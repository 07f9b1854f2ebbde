"""Which values of a step are kept for its derivative, and which are computed again: those are kept that take the least memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from jax.extend.core import Jaxpr, JaxprEqn, Literal, Var

from ._equations import ELEMENTWISE, RENAMES, called

_MOVES = frozenset(('broadcast_in_dim', 'slice', 'split', 'transpose', 'iota', 'concatenate', 'rev', 'pad', 'unstack'))
_ENDLESS = 1 << 30


def needed(jaxpr: Jaxpr, given: Collection[Var], wanted: Iterable[Any]) -> list[JaxprEqn]:
    """The equations that make wanted values from given ones, in their order."""
    left = {v for v in wanted if not isinstance(v, Literal) and v not in given}
    found: list[JaxprEqn] = []
    for eqn in reversed(jaxpr.eqns):
        if not left.isdisjoint(eqn.outvars):
            left.difference_update(eqn.outvars)
            left.update(v for v in eqn.invars if not isinstance(v, Literal) and v not in given)
            found.append(eqn)
    return found[::-1]


def kept(jaxpr: Jaxpr, at_hand: Sequence[Var], wanted: Sequence[Any], spikes: Collection[Var] = ()) -> list[Var]:
    """The values to keep, of least size, from which all wanted ones can be computed again.

    Parameters
    ----------
    jaxpr : Jaxpr
    at_hand : sequence of Var
        Operands that need not be kept.
    wanted : sequence
        Variables and literals of the jaxpr.
    spikes : collection of Var
        Values of which few are not zero.

    Notes
    -----
    A smallest cut of the graph of values (Ford & Fulkerson 1956). Spikes may be delivered along stored synapses a second time; what
    delivers other values, multiplies matrices or draws is not done twice.
    """
    from scipy.sparse import csr_array  # when first needed
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    free = {*at_hand, *jaxpr.constvars}
    wanted = [v for v in dict.fromkeys(v for v in wanted if not isinstance(v, Literal)) if v not in free]
    if not wanted:
        return []
    eqns = needed(jaxpr, free, wanted)
    values: list[Any] = [v for v in jaxpr.invars if v not in free] + [v for eqn in eqns for v in eqn.outvars]
    number = {v: k for k, v in enumerate(values)}
    sizes = np.array([max(1, v.aval.size * v.aval.dtype.itemsize) for v in values], np.int64)
    scaled = np.maximum(1, sizes // max(1, int(sizes.sum()) >> 28))
    source, sink = 2 * len(values), 2 * len(values) + 1
    edges = {(2 * k, 2 * k + 1): int(size) for k, size in enumerate(scaled)}  # a value before and after the decision to keep it
    edges |= {(source, 2 * number[v]): _ENDLESS for v in jaxpr.invars if v in number}
    edges |= {(2 * number[v] + 1, sink): _ENDLESS for v in wanted}
    for eqn in eqns:
        for out in eqn.outvars:
            if not (can_be_repeated(eqn) or _delivers(eqn, spikes)):
                edges[source, 2 * number[out]] = _ENDLESS
                continue
            edges |= {(2 * number[v] + 1, 2 * number[out]): _ENDLESS for v in eqn.invars if not isinstance(v, Literal) and v in number}
    ends = np.array(list(edges), np.int32).T
    graph = csr_array((np.fromiter(edges.values(), np.int32), (ends[0], ends[1])), shape=(sink + 1, sink + 1))
    left = graph - maximum_flow(graph, source, sink).flow
    left.data[left.data < 0] = 0
    left.eliminate_zeros()
    late = set(breadth_first_order(csr_array(left.T), sink, return_predecessors=False).tolist())  # the last of the smallest cuts
    return [v for v, k in number.items() if 2 * k + 1 in late and 2 * k not in late]


def can_be_repeated(eqn: JaxprEqn) -> bool:
    """Whether an equation is cheap enough to be evaluated a second time."""
    if (inner := called(eqn)) is not None:
        return all(map(can_be_repeated, inner.jaxpr.eqns))
    return eqn.primitive.name in ELEMENTWISE or eqn.primitive.name in RENAMES or eqn.primitive.name in _MOVES


def _delivers(eqn: JaxprEqn, spikes: Collection[Var]) -> bool:
    return eqn.primitive.name == 'event_to_post' and eqn.invars[-1] in spikes
