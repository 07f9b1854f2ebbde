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
from ._blocks import backward, forward
from ._fuse import zeros_of
from ._postponed import Postponed
from ._pullback import Pullback, computed, moving_results, pullback
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
    primals: Any,
    tangents: Any,
    *,
    step: ClosedJaxpr,
    same: int,
    carried: int,
    stops: bool,
    backend: str,
    base: int | None,
    tell: Any,
    listens: bool,
    **options: Any,
) -> tuple[Any, Any]:
    if stops:
        whole = functools.partial(portable, step=step, same=same, carried=carried, stops=stops, fused=True, base=None, tell=tell, **options)
        return _lowering.tangent_of(whole, primals, tangents, True)
    shape = _Shape(step, same, carried, [type(t) is not ad.Zero for t in tangents[:-1]])
    fixed, carry, rows = shape.split(primals[:-1])
    at_hand = [k < same or k >= same + carried for k in range(len(shape.moves))]
    halves = pullback(step, shape.moves, shape.results, at_hand, in_bits=backend != 'xla')
    if base is None:
        results = _loop(functools.partial(jaxpr_as_fun(halves.forward), *fixed), carry, rows, **options)
        results, kept = results[: len(shape.results)], results[len(shape.results) :]
    else:
        results, kept = forward(functools.partial(jaxpr_as_fun(computed(step)), *fixed), carry, rows, base=base, tell=tell, **options)
    given = [ad.instantiate_zeros(t) for t, moved in zip(tangents[:-1], shape.moves, strict=True) if moved]
    found = iter(tangent_p.bind(*fixed, *carry, *rows, *kept, *given, shape=shape, halves=halves, base=base, **options))
    return results, [
        next(found) if moved else ad.Zero(jax.typeof(x).to_tangent_aval()) for x, moved in zip(results, shape.results, strict=True)
    ]


def _loop(step: Any, carry: Sequence[Any], rows: Sequence[Any], vanishing: Sequence[int] = (), **options: Any) -> list[Any]:
    return loop(step, carry, rows, vanishing, **{'stops': False, 'base': None, 'tell': None} | options)


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

    results = _loop(step, [*carry, *moving_carry], [*rows, *moving_rows], **options)
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


def _transpose(cotangents: Any, *operands: Any, shape: _Shape, halves: Pullback, base: int | None, **options: Any) -> list[Any]:
    count, moving = len(shape.moves), sum(shape.moves)
    fixed, carry, rows = shape.split(operands[:count])
    kept, tangents = operands[count : len(operands) - moving], operands[len(operands) - moving :]
    into_fixed, *_ = shape.split_moving([t.aval for t in tangents])
    carries = sum(shape.results[: shape.carried])
    back = _Back(shape, halves, fixed, len(into_fixed), cotangents, base is not None, options)
    given = [ct for ct in cotangents[carries:] if type(ct) is not ad.Zero]
    zeros = iter(zeros_of([*into_fixed, *(ct.aval for ct in cotangents[:carries] if type(ct) is ad.Zero)]))
    ends = [next(zeros) for _ in into_fixed], [next(zeros) if type(ct) is ad.Zero else ct for ct in cotangents[:carries]]
    if base is None:
        totals, of_carry, of_rows = back(*ends, carry, rows, kept, given, options['length'])
    else:
        totals, of_carry, of_rows = backward(back, *ends, carry, rows, given, options['length'], base, kept)
    return [*[None] * (len(operands) - moving), *totals, *of_carry, *of_rows]


class _Back:
    """The loop that takes cotangents back through steps."""

    def __init__(
        self, shape: _Shape, halves: Pullback, fixed: list[Any], sums: int, cotangents: Any, is_part: bool, options: dict[str, Any]
    ):
        self._shape, self._halves, self._fixed, self._sums = shape, halves, fixed, sums
        carries = sum(shape.results[: shape.carried])
        self._seen = [type(ct) is not ad.Zero for ct in cotangents[carries:]]
        self._empty = [ct.aval for ct, there in zip(cotangents[carries:], self._seen, strict=True) if not there]
        starts = [is_part or type(ct) is not ad.Zero for ct in cotangents[:carries]]
        self._rests = sum(halves.rests[:sums])  # so many totals have a part in each step
        self._step = Postponed(halves.backward, len(fixed), range(self._rests, self._rests + carries), starts)
        outs = halves.backward.jaxpr.outvars
        self._late = 2 * len(halves.seen)  # so many last results are what is seen in the next step, values and carry in turn
        self._places = [self._step.place(v) for v in outs[len(outs) - self._late :: 2]]
        self._options, self._back_options = options, options | {'reverse': not options['reverse']}

    def __call__(
        self, totals: Any, carry: Any, start: Any, rows: Any, kept: Any, given: Any, length: int
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """Cotangents of what all steps read, added to the totals, of the carry before the steps, which is given, and of the rows."""
        sums, halves, first = self._sums, self._halves, self._step.start(carry)
        own = [one.part.in_avals[1] for one, place in zip(halves.seen, self._places, strict=True) if place is None]
        n, m = sums + len(first), sums + len(first) + len(own)
        starts = [flag and flag.start(start) for flag in halves.flags]
        are_first = [jnp.arange(length) == (length - 1 if self._options['reverse'] else 0)] if any(x is not None for x in starts) else []

        def step(*leaves: Any) -> list[Any]:
            before, state, own, rest = leaves[:sums], leaves[sums:n], leaves[n:m], leaves[m:]
            of_rows, bits, others = rest[: len(rows)], rest[len(rows) :][: len(kept)], rest[len(rows) + len(kept) :]
            is_first, of_results = others[: len(are_first)], iter(others[len(are_first) :])
            saved = [flag.restored(x, at, *is_first) if flag else x for x, flag, at in zip(bits, halves.flags, starts, strict=True)]
            zeros = (jnp.zeros(aval.shape[1:], aval.dtype) for aval in self._empty)
            all_results = [next(of_results) if there else next(zeros) for there in self._seen]
            carried, made = self._step(*self._fixed, *of_rows, *saved, *self._step.collected(self._fixed, state), *all_results)
            parts, end = iter(made[: self._rests]), len(made) - self._late
            totals = [total + next(parts) if rests else total for total, rests in zip(before, halves.rests, strict=False)]
            totals = self._with_seen(totals, made[end + 1 :: 2], state, own)
            new = [x for x, place in zip(made[end::2], self._places, strict=True) if place is None]
            return [*totals, *carried, *new, *made[self._rests : end]]

        vanishing = [len(rows) + k for k, vanishes in enumerate(halves.vanishing) if vanishes]
        zeros = zeros_of(own)
        options = self._back_options | {'length': length}
        found = _loop(step, [*totals, *first, *zeros], [*rows, *kept, *are_first, *given], vanishing, **options)
        totals = self._with_seen(found[:sums], [start[one.carry] for one in halves.seen], found[sums:n], found[n:m])
        return totals, self._step.collected(self._fixed, found[sums:n]), found[m:]

    def _with_seen(self, totals: Sequence[Any], carries: Sequence[Any], state: Sequence[Any], own: Sequence[Any]) -> list[Any]:
        """The totals with what weights see of carries, given the values at the targets in the step after these."""
        totals, values = list(totals), iter(own)
        for one, carry, place in zip(self._halves.seen, carries, self._places, strict=True):
            value = next(values) if place is None else state[place]
            totals[one.total] = totals[one.total] + jaxpr_as_fun(one.part)(carry, value)[0]
        return totals

    def kept(self, carry: Any, rows: Any, length: int) -> list[Any]:
        """What is kept of some steps."""
        count, forward = len(self._shape.results), jaxpr_as_fun(self._halves.forward)
        carried = self._shape.carried

        def step(*leaves: Any) -> list[Any]:
            made = forward(*self._fixed, *leaves)
            return [*made[:carried], *made[count:]]

        return _loop(step, carry, rows, **self._options | {'length': length})[carried:]

    def starts(self, carry: Any, rows: Any, length: int, base: int) -> list[Any]:
        """The carry before each block of some steps."""
        primal, carried = jaxpr_as_fun(computed(self._shape.step)), self._shape.carried
        return forward(
            lambda *leaves: primal(*self._fixed, *leaves)[:carried], carry, rows, base=base, **self._options | {'length': length}
        )[1]


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
