"""The derivative of a native loop: a loop that keeps values, and another that takes cotangents back through them.

Weights that all steps read have their cotangents in the carry of the second loop, which adds to them in their memory. What is kept of a
step is the least from which the rest can be computed again (`_cut`). Forward-mode derivatives are one loop of values and tangents.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun
from jax.interpreters import ad, mlir

from . import _lowering
from ._postponed import Postponed
from ._pullback import Pullback, moving_results, pullback
from ._scan import loop, loop_p, portable

tangent_p = Primitive('native_loop_tangent')
tangent_p.multiple_results = True


class _Shape:
    """The operands and results of a step: those that all steps read, the carry, and rows.

    Attributes
    ----------
    moves, results : list of bool
        Which of them have tangents.
    """

    def __init__(self, step: ClosedJaxpr, same: int, carried: int, moves: Sequence[bool]):
        self.step, self.same, self.carried = step, same, carried
        self.moves, self.rows = list(moves), len(moves) - same - carried
        while True:
            self.results = moving_results(step.jaxpr, self.moves)
            for k in range(carried):  # what moves once, moves ever after, and so does a result that takes its place
                self.results[k] |= self.moves[same + k]
            following = [*self.moves[:same], *self.results[:carried], *self.moves[same + carried :]]
            if following == self.moves:
                return
            self.moves = following

    def split(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Operands by kind."""
        n = self.same + self.carried
        return list(values[: self.same]), list(values[self.same : n]), list(values[n:])

    def split_moving(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Operands that move, by kind."""
        a, b, _ = self.split(self.moves)
        return list(values[: sum(a)]), list(values[sum(a) : sum(a) + sum(b)]), list(values[sum(a) + sum(b) :])


def _tangent(
    primals: Any, tangents: Any, *, step: ClosedJaxpr, same: int, carried: int, stops: bool, backend: str, **options: Any
) -> tuple[Any, Any]:
    if stops:
        whole = functools.partial(portable, step=step, same=same, carried=carried, stops=stops, fused=True, **options)
        return _lowering.tangent_of(whole, primals, tangents, True)
    shape = _Shape(step, same, carried, [type(t) is not ad.Zero for t in tangents[:-1]])
    fixed, carry, rows = shape.split(primals[:-1])
    halves = pullback(step, shape.moves, shape.results, [k < same or k >= same + carried for k in range(len(shape.moves))])
    results = loop(functools.partial(jaxpr_as_fun(halves.forward), *fixed), carry, rows, stops=False, **options)
    count = len(shape.results)
    given = [ad.instantiate_zeros(t) for t, moved in zip(tangents[:-1], shape.moves, strict=True) if moved]
    kept = results[count:]
    moving = tangent_p.bind(*fixed, *carry, *rows, *kept, *given, shape=shape, halves=halves, **options)
    found = iter(moving)
    return results[:count], [
        next(found) if moved else ad.Zero(jax.typeof(x).to_tangent_aval()) for x, moved in zip(results, shape.results, strict=False)
    ]


def _forward(*operands: Any, shape: _Shape, halves: Pullback, **options: Any) -> list[Any]:
    """Tangents of the results, by one loop that computes the values once more."""
    count = len(shape.moves)
    fixed, carry, rows = shape.split(operands[:count])
    tangents = operands[len(operands) - sum(shape.moves) :]
    moving_fixed, moving_carry, moving_rows = shape.split_moving(tangents)
    carries = shape.results[: shape.carried]

    def step(*leaves: Any) -> list[Any]:
        own, of_carry, rest = leaves[: shape.carried], leaves[shape.carried :][: sum(carries)], leaves[shape.carried + sum(carries) :]
        values = [*fixed, *own, *rest[: shape.rows]]
        slopes = iter([*moving_fixed, *of_carry, *rest[shape.rows :]])
        moving = [k for k, moved in enumerate(shape.moves) if moved]

        def of_moving(*new: Any) -> list[Any]:
            replaced = dict(zip(moving, new, strict=True))
            return jaxpr_as_fun(shape.step)(*(replaced.get(k, x) for k, x in enumerate(values)))

        made, slope = jax.jvp(of_moving, [values[k] for k in moving], [next(slopes) for _ in moving])
        chosen = [_as_slope(s, x) for s, x, moved in zip(slope, made, shape.results, strict=True) if moved]
        return [*made[: shape.carried], *chosen[: sum(carries)], *chosen[sum(carries) :]]

    results = loop(step, [*carry, *moving_carry], [*rows, *moving_rows], stops=False, **options)
    return results[shape.carried :]


def _as_slope(slope: Any, value: Any) -> Any:
    return jnp.zeros_like(value) if slope.dtype == jax.dtypes.float0 else slope


def _avals(*operands: Any, shape: _Shape, length: int, **_: Any) -> list[Any]:
    avals = [
        (v if k < shape.carried else jax.core.ShapedArray((length, *v.shape), v.dtype))
        for k, (v, moved) in enumerate(zip(shape.step.out_avals, shape.results, strict=True))
        if moved
    ]
    return [jax.core.ShapedArray(a.shape, a.dtype) for a in avals]


def _transpose(cotangents: Any, *operands: Any, shape: _Shape, halves: Pullback, **options: Any) -> list[Any]:
    count, moving = len(shape.moves), sum(shape.moves)
    fixed, _, rows = shape.split(operands[:count])
    kept, tangents = operands[count : len(operands) - moving], operands[len(operands) - moving :]
    into_fixed, *_ = shape.split_moving([t.aval for t in tangents])
    carries = sum(shape.results[: shape.carried])
    seen = [type(ct) is not ad.Zero for ct in cotangents[carries:]]
    given = [ct for ct, there in zip(cotangents[carries:], seen, strict=True) if there]
    empty = [ct.aval for ct, there in zip(cotangents[carries:], seen, strict=True) if not there]
    sums, starts = len(into_fixed), [type(ct) is not ad.Zero for ct in cotangents[:carries]]
    back = Postponed(halves.backward, len(fixed), range(sums, sums + carries), starts)
    first = back.start([ad.instantiate_zeros(ct) for ct in cotangents[:carries]])

    def step(*leaves: Any) -> list[Any]:
        totals, state, rest = leaves[:sums], leaves[sums : sums + len(first)], leaves[sums + len(first) :]
        of_rows, own, of_results = rest[: len(rows)], rest[len(rows) :][: len(kept)], iter(rest[len(rows) + len(kept) :])
        zeros = (jnp.zeros(aval.shape[1:], aval.dtype) for aval in empty)
        all_results = [next(of_results) if there else next(zeros) for there in seen]
        carried, made = back(*fixed, *of_rows, *own, *back.collected(fixed, state), *all_results)
        return [*(total + ct for total, ct in zip(totals, made, strict=False)), *carried, *made[sums:]]

    totals = [jnp.zeros(aval.shape, aval.dtype) for aval in into_fixed]
    options = options | {'reverse': not options['reverse']}
    vanishing = [len(rows) + k for k, vanishes in enumerate(halves.vanishing) if vanishes]
    found = loop(step, [*totals, *first], [*rows, *kept, *given], vanishing, stops=False, **options)
    carry = back.collected(fixed, found[sums : sums + len(first)])
    return [*[None] * (len(operands) - moving), *found[:sums], *carry, *found[sums + len(first) :]]


def _batch(operands: Any, axes: Any, **parameters: Any) -> tuple[Any, Any]:
    return _lowering.mapped(functools.partial(_forward, **parameters), operands, axes)


def _higher(primals: Any, tangents: Any, **parameters: Any) -> tuple[Any, Any]:
    return _lowering.tangent_of(functools.partial(_forward, **parameters), primals, tangents, True)


tangent_p.def_impl(_forward)
tangent_p.def_abstract_eval(_avals)
ad.primitive_jvps[loop_p] = _tangent
ad.primitive_jvps[tangent_p] = _higher
ad.primitive_transposes[tangent_p] = _transpose
_lowering.set_batching(tangent_p, _batch)
mlir.register_lowering(tangent_p, mlir.lower_fun(_forward, multiple_results=True))
