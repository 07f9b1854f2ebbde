"""What weights see of a carry, computed in the step that makes it.

A spike of step n is delivered in step n + 1, so on the way back a recurrent weight needs the spikes of the step before. That step makes
them again from what it keeps; so the values at the targets are handed to it, and spikes need not be kept.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun

from ._cut import needed
from ._equations import RENAMES
from ._fuse import inlined, part_of
from ._matrix import TO_WEIGHT, kind_of

_PASSED = ('transpose', 'mul', 'neg', *RENAMES)  # what may stand between what a weight sees and its cotangent


class Seen(NamedTuple):
    """A part of a cotangent.

    Attributes
    ----------
    total : int
        The operand that moves, by number.
    carry : int
        The carry that the weight sees, by number.
    part : ClosedJaxpr
        From that carry and the values at the targets to this part of the cotangent.
    """

    total: int
    carry: int
    part: ClosedJaxpr


class _Term(NamedTuple):
    made: Any
    carry: Any
    values: Any


def deferred(
    back: ClosedJaxpr, moving: int, totals: int, places: Mapping[int, int]
) -> tuple[ClosedJaxpr, tuple[bool, ...], tuple[Seen, ...]]:
    """A step on the way back without what weights see of some carries, and without these carries.

    Parameters
    ----------
    back : ClosedJaxpr
        Its results are cotangents of operands that move, and then what succeeds the carries.
    moving, totals : int
        So many cotangents, the first of which are of what all steps read.
    places : mapping
        Operands that are carries, to the number of the carry, in the order of what succeeds them.

    Returns
    -------
    ClosedJaxpr
        Its results are the cotangents that are left, and for each that is seen the values and what succeeds the carry.
    tuple of bool
        Which cotangents are left.
    tuple of Seen
    """
    jaxpr = back.jaxpr
    makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outvars}
    carries = {jaxpr.invars[place]: number for place, number in places.items()}
    following = dict(zip(carries, jaxpr.outvars[moving:], strict=True))
    terms = [terms_of(v, makers) for v in jaxpr.outvars[:totals]]
    while True:
        found = [[_seen(v, makers, carries) for v in parts] for parts in terms]
        left = [[v for v, late in zip(*pair, strict=True) if late is None] for pair in zip(terms, found, strict=True)]
        late = [(k, term) for k, parts in enumerate(found) for term in parts if term is not None]
        outs = [v for parts in left for v in parts] + list(jaxpr.outvars[totals:moving])
        outs += [v for _, term in late for v in (term.values, following[term.carry])]
        eqns = needed(jaxpr, {*jaxpr.constvars, *jaxpr.invars}, outs)
        read = {v for eqn in eqns for v in eqn.invars if not isinstance(v, Literal)} | {v for v in outs if not isinstance(v, Literal)}
        if all(term.carry not in read for _, term in late):
            break
        # one that is read otherwise is kept, and all of its uses stay
        carries = {v: number for v, number in carries.items() if v not in read}
    gone = {term.carry for _, term in late}
    step = part_of(back, eqns, [v for v in jaxpr.invars if v not in gone], outs)

    def added(*operands: Any) -> list[Any]:
        made = iter(jaxpr_as_fun(step)(*operands))
        sums = [[next(made) for _ in parts] for parts in left]
        return [*(functools.reduce(operator.add, parts) for parts in sums if parts), *made]

    rests = (*map(bool, left), *[True] * (moving - totals))
    seen = (Seen(k, carries[term.carry], _part(back, term)) for k, term in late)
    return inlined(jax.make_jaxpr(added)(*step.in_avals)), rests, tuple(seen)


def _part(back: ClosedJaxpr, term: _Term) -> ClosedJaxpr:
    given = [term.carry, term.values]
    return part_of(back, needed(back.jaxpr, {*back.jaxpr.constvars, *given}, [term.made]), given, [term.made])


def terms_of(v: Any, makers: Mapping[Any, Any]) -> list[Any]:
    """Values whose sum a value is."""
    eqn = None if isinstance(v, Literal) else makers.get(v)
    if eqn is None or eqn.primitive.name not in ('add', 'add_any') or any(x.aval.shape != v.aval.shape for x in eqn.invars):
        return [v]
    return [term for x in eqn.invars for term in terms_of(x, makers)]


def _seen(v: Any, makers: Mapping[Any, Any], carries: Mapping[Any, int]) -> _Term | None:
    """A term as what a weight sees of a carry."""
    eqn = None if isinstance(v, Literal) else makers.get(v)
    while eqn is not None and eqn.primitive.name in _PASSED:
        given = [x for x in eqn.invars if not isinstance(x, Literal)]
        eqn = makers.get(given[0]) if len(given) == 1 else None
    if eqn is None or eqn.primitive.name != 'dot_general' or kind_of(eqn) is not TO_WEIGHT:
        return None
    for spikes, values in (eqn.invars, eqn.invars[::-1]):
        if isinstance(spikes, Literal) or isinstance(values, Literal):
            continue
        if (carry := _renamed(spikes, makers)) in carries and _renamed(values, makers) not in carries:
            return _Term(v, carry, values)
    return None


def _renamed(v: Any, makers: Mapping[Any, Any]) -> Any:
    """What a value is another shape of."""
    while (eqn := makers.get(v)) is not None and eqn.primitive.name in RENAMES:
        (v,) = eqn.invars
    return v
