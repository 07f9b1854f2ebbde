"""Products with matrices in a native step. Their work follows what is not zero: spikes, and rows that a surrogate gradient reaches.

There are three, each the derivative of another: what targets receive, what sources collect, and what each weight sees.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from ._nodes import Node, Nodes, Value
from ._operation import Operation

TO_POST = Operation('matrix_to_post', native='llvm_matrix.to_post', adds=True)
TO_PRE = Operation('matrix_to_pre', native='llvm_matrix.to_pre')
TO_WEIGHT = Operation('matrix_to_weight', native='llvm_matrix.to_weight', adds=True)


def kind_of(eqn: Any) -> Operation | None:
    """Which of the products an equation is."""
    left, right = (v.aval for v in eqn.invars)
    contracted, (batch, _) = eqn.params['dimension_numbers']
    (mine, others), axes = map(tuple, contracted), tuple(range(left.ndim - 1))
    if batch or left.ndim == 0:
        return None
    if right.ndim == 2 and mine == (left.ndim - 1,):
        return TO_POST if others == (0,) else TO_PRE
    return TO_WEIGHT if left.ndim == right.ndim > 1 and mine == others == axes else None


def refused(eqn: Any) -> str:
    """Why a product cannot be native; '' if it can."""
    left, right, out = (v.aval for v in (*eqn.invars, *eqn.outvars))
    if not left.dtype == right.dtype == out.dtype or out.dtype not in (np.float32, np.float64):
        return 'a product of other types than float32 or float64'
    if not left.size or not right.size:
        return 'a product of empty arrays'
    return '' if kind_of(eqn) else 'a product along other axes than those of x @ w, or of its derivatives'


def product(flat: Nodes, eqn: Any, operands: list[Value]) -> list[Value]:
    """The node of a `dot_general`."""
    kind, (left, right), out = kind_of(eqn), (v.aval for v in eqn.invars), eqn.outvars[0].aval
    first, second = (flat.stored(x, v.aval) for x, v in zip(operands, eqn.invars, strict=True))
    if kind is TO_WEIGHT:
        return [_to_weight(flat, first, second, left.size // left.shape[-1], (left.shape[-1], right.shape[-1]))]
    if kind is TO_PRE:
        return [*flat.operate(TO_PRE, {'shape': right.shape}, [second, first], out)]
    rows = math.prod(left.shape[:-1]), left.shape[-1]
    return [*flat.operate(TO_POST, {'shape': right.shape}, [second, first, flat.active(first, rows)], out)]


def _to_weight(flat: Nodes, spikes: Value, values: Value, batch: int, shape: tuple[int, int]) -> Node:
    memory = flat.memory(4 * (shape[0] + 1 + batch * shape[0]))
    operands = [spikes, values, flat.active(spikes, (batch, shape[0])), memory]
    (node,) = flat.operate(TO_WEIGHT, {'shape': shape, 'batch': batch}, operands, jax.ShapeDtypeStruct(shape, spikes.dtype))
    return node


def turned(flat: Nodes, source: Value, permutation: tuple[int, ...]) -> Node | None:
    """The product that is another one with its axes exchanged, or None."""
    if not isinstance(source, Node) or source.operation is not TO_WEIGHT or tuple(permutation) != (1, 0):
        return None
    (pre, post), (spikes, values, *_) = source.params['shape'], source.operands
    return _to_weight(flat, values, spikes, source.params['batch'], (post, pre))
