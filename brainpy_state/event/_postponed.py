"""What sources collect for the step before, computed in that step: only there is it known which of them a surrogate gradient reaches.

A spike of step n is delivered in step n + 1, so on the way back the cotangent of the spikes is a carry, to which sources collect from
their targets. Carried instead are the values at the targets; the next step collects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun

from ._cut import needed
from ._deferred import terms_of
from ._equations import RENAMES
from ._fuse import part_of, zeros_of
from ._rewrite import collects
from ._trilinear import to_pre_p

_PASSED = ('pad', 'convert_element_type', 'mul', 'neg', *RENAMES)  # what may stand between what is collected and the carry


class _Late(NamedTuple):
    """What is made of values at targets, the values, and what it needs besides."""

    made: Any
    values: Any
    others: list[Any]


class Postponed:
    """A step on the way back whose carry has values at targets in the place of what sources collect from them.

    Parameters
    ----------
    step : ClosedJaxpr
    fixed : int
        So many first operands are the same in all steps.
    carry : range
        The results that are carries.
    starts : sequence of bool
        Whether a carry is not zero before the first step.
    """

    def __init__(self, step: ClosedJaxpr, fixed: int, carry: range, starts: Sequence[bool]):
        jaxpr = step.jaxpr
        self._whole, self._jaxpr, self._fixed = step, jaxpr, jaxpr.invars[:fixed]
        self._known = {*jaxpr.constvars, *self._fixed}
        self._given = {*jaxpr.constvars, *jaxpr.invars}
        self._carries = [v.aval for v in jaxpr.outvars[carry.start : carry.stop]]
        makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outvars}
        self._terms: list[list[Any]] = []
        self._late: list[list[_Late]] = []
        for v in jaxpr.outvars[carry.start : carry.stop]:
            terms = terms_of(v, makers)
            late = {id(term): _late(term, term, makers, self._is_fixed) for term in terms}
            self._late.append([found for term in terms if (found := late[id(term)])])
            self._terms.append([term for term in terms if not late[id(term)]])
        self.rests = [bool(terms) or start for terms, start in zip(self._terms, starts, strict=True)]
        outs = [v for terms in self._terms for v in terms] + [late.values for lates in self._late for late in lates]
        outs += [v for k, v in enumerate(jaxpr.outvars) if k not in carry]
        self._step = part_of(step, needed(jaxpr, self._given, outs), jaxpr.invars, outs)

    def _is_fixed(self, v: Any) -> bool:
        """Whether a value depends on fixed operands alone."""
        if isinstance(v, Literal) or v in self._known:
            return True
        used = {x for eqn in needed(self._jaxpr, self._given, [v]) for x in eqn.invars if not isinstance(x, Literal)}
        return v not in self._given and used & self._given <= self._known

    def place(self, v: Any) -> int | None:
        """Where in the carries of the new step a value of the old one stands, from which sources collect; None if it does not."""
        values = [late.values for lates in self._late for late in lates]
        return sum(self.rests) + values.index(v) if v in values else None

    def start(self, carry: Sequence[Any]) -> list[Any]:
        """The carries of the new step before the first, of those of the old."""
        values = [late.values.aval for lates in self._late for late in lates]
        kept = [x for x, rests in zip(carry, self.rests, strict=True) if rests]
        return [*kept, *zeros_of(values)]

    def collected(self, fixed: Sequence[Any], state: Sequence[Any]) -> list[Any]:
        """The carries of the old step, of those of the new."""
        rest, values = iter(state[: sum(self.rests)]), iter(state[sum(self.rests) :])
        carry = []
        for aval, rests, lates in zip(self._carries, self.rests, self._late, strict=True):
            total = next(rest) if rests else None
            for late in lates:
                restored = part_of(self._whole, needed(self._jaxpr, self._known, late.others), self._fixed, late.others)
                given = [late.values, *late.others]
                unit = part_of(self._whole, needed(self._jaxpr, {*self._jaxpr.constvars, *given}, [late.made]), given, [late.made])
                (more,) = jaxpr_as_fun(unit)(next(values), *jaxpr_as_fun(restored)(*fixed))
                total = more if total is None else total + more
            carry.append(jnp.zeros(aval.shape, aval.dtype) if total is None else total)
        return carry

    def __call__(self, *operands: Any) -> tuple[list[Any], list[Any]]:
        """The carries of the new step after it, and the other results."""
        made = iter(jaxpr_as_fun(self._step)(*operands))
        state = []
        for aval, rests, terms in zip(self._carries, self.rests, self._terms, strict=True):
            parts = [next(made) for _ in terms]
            if rests:
                state.append(sum(parts[1:], parts[0]) if parts else jnp.zeros(aval.shape, aval.dtype))
        state += [next(made) for lates in self._late for _ in lates]
        return state, list(made)


def _late(made: Any, v: Any, makers: dict[Any, Any], is_fixed: Callable[[Any], bool]) -> _Late | None:
    eqn = None if isinstance(v, Literal) else makers.get(v)
    if eqn is None:
        return None
    if not collects(eqn):
        given = [x for x in eqn.invars if not isinstance(x, Literal)]
        return _late(made, given[0], makers, is_fixed) if eqn.primitive.name in _PASSED and len(given) == 1 else None
    place = len(eqn.invars) - 1 if eqn.primitive is to_pre_p else 0
    others = [x for k, x in enumerate(eqn.invars) if k != place and not isinstance(x, Literal)]
    values = eqn.invars[place]
    return _Late(made, values, others) if all(map(is_fixed, others)) and not isinstance(values, Literal) else None
