"""The derivative of a step: a step that keeps what is needed later, and one that takes cotangents back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun

from ._cut import can_be_repeated, kept, needed
from ._deferred import Seen, deferred
from ._equations import HEAVISIDE, called
from ._flags import Flags, flags_of
from ._fuse import inlined, part_of
from ._rewrite import vanishing_values


class Pullback(NamedTuple):
    """The two halves of a step's derivative.

    Attributes
    ----------
    forward : ClosedJaxpr
        From the operands of the step to its results and the values to keep.
    backward : ClosedJaxpr
        From the operands at hand, the values kept and the cotangents of results that move, to cotangents of operands that move, where they
        have one, and then the values and the carry that each of `seen` needs.
    vanishing : tuple of bool
        Which of the values kept are zero over a range, as slopes of surrogates may be.
    rests : tuple of bool
        Which operands that move have a cotangent in this step; those that all steps read may have nothing but what is `seen`.
    seen : tuple of Seen
        Parts of cotangents that are left to the step before.
    flags : tuple of Flags or None
        How values kept are restored that are kept as bits.
    """

    forward: ClosedJaxpr
    backward: ClosedJaxpr
    vanishing: tuple[bool, ...]
    rests: tuple[bool, ...]
    seen: tuple[Seen, ...]
    flags: tuple[Flags | None, ...]


def moving_results(jaxpr: Jaxpr, moves: Sequence[bool]) -> list[bool]:
    """Which results may have a tangent if these operands have."""
    moving = {v for v, moved in zip(jaxpr.invars, moves, strict=True) if moved}
    for eqn in jaxpr.eqns:
        has_rule = eqn.primitive.name.startswith('custom_') or eqn.primitive.name == HEAVISIDE
        if not has_rule and (inner := called(eqn)) is not None:
            made = moving_results(inner.jaxpr, [_moves(v, moving) for v in eqn.invars])
        elif eqn.primitive.name == 'stop_gradient':
            continue
        else:
            made = [any(_moves(v, moving) for v in eqn.invars)] * len(eqn.outvars)
        moving |= {v for v, moved in zip(eqn.outvars, made, strict=True) if moved and _is_real(v.aval)}
    return [_moves(v, moving) for v in jaxpr.outvars]


def _moves(atom: Any, moving: set[Any]) -> bool:
    return not isinstance(atom, Literal) and atom in moving


def _is_real(aval: Any) -> bool:
    return bool(jnp.issubdtype(aval.dtype, np.inexact))


def computed(closed: ClosedJaxpr) -> ClosedJaxpr:
    """A step of which a derivative was taken: where one is taken again, JAX differentiates what was computed, not what stands for it."""
    return inlined(closed, ('jit', 'pjit', 'custom_jvp_call'))


def pullback(step: ClosedJaxpr, moves: Sequence[bool], results: Sequence[bool], at_hand: Sequence[bool], in_bits: bool = True) -> Pullback:
    """The derivative of a step.

    Parameters
    ----------
    step : ClosedJaxpr
    moves, results : sequence of bool
        Which operands and which results have tangents.
    at_hand : sequence of bool
        Which operands need not be kept for the way back: all but the carry, whose following values are the first results.
    in_bits : bool
        Whether values of 0 and 1 are kept as bits.
    """
    structure: list[Any] = []

    def forward(*operands: Any) -> list[Any]:
        def of_moving(*values: Any) -> tuple[list[Any], list[Any]]:
            chosen = iter(values)
            made = jaxpr_as_fun(step)(*(next(chosen) if moved else x for x, moved in zip(operands, moves, strict=True)))
            return [x for x, moved in zip(made, results, strict=True) if moved], made

        _, back, made = jax.vjp(of_moving, *(x for x, moved in zip(operands, moves, strict=True) if moved), has_aux=True)
        residuals, tree = jax.tree.flatten(back)
        structure[:] = [tree]
        return [*made, *residuals]

    whole = computed(jax.make_jaxpr(forward)(*step.in_avals))
    jaxpr, count = whole.jaxpr, len(results)
    free = [v for v, known in zip(jaxpr.invars, at_hand, strict=True) if known]
    residuals = jaxpr.outvars[count:]
    vanishing = vanishing_values(jaxpr)
    carry = [v for v, known in zip(jaxpr.invars, at_hand, strict=True) if not known]
    spikes = vanishing_values(jaxpr, {before for before, after in zip(carry, jaxpr.outvars, strict=False) if after in vanishing})
    values = kept(jaxpr, free, residuals, spikes)
    succession = _successors(jaxpr, free, values, dict(zip(carry, jaxpr.outvars, strict=False)))
    again = needed(jaxpr, {*jaxpr.constvars, *free, *values}, [*residuals, *succession.values()])
    used = [v for v in dict.fromkeys([*residuals, *succession.values()]) if not isinstance(v, Literal)]
    restore = part_of(whole, again, [*free, *values], used)

    def backward(*given: Any) -> Any:
        saved, cotangents = given[: len(free) + len(values)], given[len(free) + len(values) :]
        found = dict(zip(used, jaxpr_as_fun(restore)(*saved), strict=True))
        leaves = [v.val if isinstance(v, Literal) else found[v] for v in residuals]
        return [*jax.tree.unflatten(structure[0], leaves)(list(cotangents)), *(found[v] for v in succession.values())]

    avals = [v.aval for v in (*free, *values)] + [aval for aval, moved in zip(step.out_avals, results, strict=True) if moved]
    back = inlined(jax.make_jaxpr(backward)(*(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals)))
    totals = sum(moves[: at_hand.index(False)]) if carry else 0
    places = {len(free) + values.index(v): carry.index(v) for v in succession}
    back, rests, seen = deferred(back, sum(moves), totals, places)
    late = {carry[one.carry] for one in seen}
    values = [v for v in values if v not in late]
    outs = [*jaxpr.outvars[:count], *values]
    forward_step = part_of(whole, needed(jaxpr, {*jaxpr.constvars, *jaxpr.invars}, outs), jaxpr.invars, outs)
    flags = flags_of(whole, values, carry, dict(zip(carry, jaxpr.outvars, strict=False))) if in_bits else [None] * len(values)
    return Pullback(_in_bits(forward_step, flags), back, tuple(v in vanishing for v in values), rests, seen, tuple(flags))


def _in_bits(forward: ClosedJaxpr, flags: Sequence[Flags | None]) -> ClosedJaxpr:
    """The step that keeps some of its last results as bits."""
    if not any(flags):
        return forward

    def packed(*operands: Any) -> list[Any]:
        made = jaxpr_as_fun(forward)(*operands)
        count = len(made) - len(flags)
        return [*made[:count], *(flag.kept(x) if flag else x for x, flag in zip(made[count:], flags, strict=True))]

    return inlined(jax.make_jaxpr(packed)(*forward.in_avals))


def _successors(jaxpr: Jaxpr, free: Sequence[Any], values: Sequence[Any], pairs: dict[Any, Any]) -> dict[Any, Any]:
    """Carries that are kept, and what succeeds them: where that can be computed from what else is kept."""
    given = {*jaxpr.constvars, *free, *(v for v in values if v not in pairs)}
    found = {}
    for v in values:
        if (after := pairs.get(v)) is None or isinstance(after, Literal) or after in given:
            continue
        eqns = needed(jaxpr, given, [after])
        made = {x for eqn in eqns for x in eqn.outvars}
        read = {x for eqn in eqns for x in eqn.invars if not isinstance(x, Literal)}
        if after in made and read <= given | made and all(map(can_be_repeated, eqns)):
            found[v] = after
    return found
