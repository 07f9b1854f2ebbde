"""Equations of a loop's step that are cheaper in another form, or outside of the loop.

What sources collect from their targets is often multiplied by the slope of a surrogate, which is zero for most of them: then it is computed
for the others alone. Products with a transposed matrix take one that is transposed, and laid out in panels, before the loop.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal, jaxpr_as_fun

from ._cut import needed
from ._equations import ELEMENTWISE, RENAMES
from ._fuse import alone, part
from ._matrix import TO_PRE, kind_of
from ._trilinear import to_pre_p
from ._within import in_panels, matrix_all_p, matrix_within_p, to_pre_within_p

_LINEAR = ('neg', 'copy', 'div', 'slice', 'split', 'broadcast_in_dim', 'convert_element_type', *RENAMES)
_SMALL = 1 << 16  # items that may be kept for a loop where fewer are given


def rewritten(closed: ClosedJaxpr, fixed: Collection[Any], vanishing: Collection[Any] = ()) -> ClosedJaxpr:
    """The step in a cheaper form, where some operands are the same in all steps, and some are zero over a range."""
    jaxpr = closed.jaxpr
    masks = _windows(jaxpr, vanishing)
    others = {id(eqn) for eqn in jaxpr.eqns if _is_product_to_pre(eqn) and eqn.invars[1] in fixed and id(eqn) not in masks}
    if not masks and not others:
        return closed

    def again(*args: Any) -> list[Any]:
        env = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*closed.consts, *args), strict=True))

        def read(atom: Any) -> Any:
            return atom.val if isinstance(atom, Literal) else env[atom]

        def evaluate(eqn: JaxprEqn) -> None:
            if eqn.outvars[0] in env:
                return
            if (mask := masks.get(id(eqn))) is not None:
                for earlier in needed(jaxpr, env, [mask.value]):
                    evaluate(earlier)
                made = [_within(eqn, [read(atom) for atom in eqn.invars], mask.of(env[mask.value]))]
            elif id(eqn) in others:
                weights = read(eqn.invars[1])
                made = [matrix_all_p.bind(read(eqn.invars[0]), in_panels(weights), pre=weights.shape[0])]
            else:
                single = alone(jaxpr, eqn)
                made = jaxpr_as_fun(single)(*map(read, single.jaxpr.invars))
            env.update(zip(eqn.outvars, made, strict=True))

        for eqn in jaxpr.eqns:
            evaluate(eqn)
        return [read(atom) for atom in jaxpr.outvars]

    return jax.make_jaxpr(again)(*closed.in_avals)


def _within(eqn: Any, operands: list[Any], mask: Any) -> Any:
    mask = mask.reshape(eqn.outvars[0].aval.shape)
    if eqn.primitive is to_pre_p:
        return to_pre_within_p.bind(*operands, mask, **eqn.params)
    return matrix_within_p.bind(*operands, mask)


def hoisted(closed: ClosedJaxpr, fixed: Sequence[Any]) -> tuple[ClosedJaxpr, ClosedJaxpr]:
    """What can be computed before the loop, of operands that are the same in all steps; and the step, with that as its first operands."""
    jaxpr = closed.jaxpr
    known, before = set(fixed), []
    for eqn in jaxpr.eqns:
        given = [v for v in eqn.invars if not isinstance(v, Literal)]
        largest = max(_SMALL, 2 * max((v.aval.size for v in given), default=0))
        if given and not eqn.effects and known.issuperset(given) and all(v.aval.size <= largest for v in eqn.outvars):
            known.update(eqn.outvars)
            before.append(eqn)
    after = [eqn for eqn in jaxpr.eqns if not known.issuperset(eqn.outvars)]
    read = {v for eqn in after for v in eqn.invars if not isinstance(v, Literal)} | {v for v in jaxpr.outvars if not isinstance(v, Literal)}
    made = [v for eqn in before for v in eqn.outvars if v in read]
    outside = part(jaxpr, needed(jaxpr, set(fixed), made), list(fixed), made)
    return outside, part(jaxpr, after, [*made, *jaxpr.constvars, *jaxpr.invars], jaxpr.outvars)


def _is_product_to_pre(eqn: JaxprEqn) -> bool:
    return eqn.primitive.name == 'dot_general' and kind_of(eqn) is TO_PRE


def collects(eqn: JaxprEqn) -> bool:
    """Whether an equation is what sources collect from their targets."""
    return eqn.primitive is to_pre_p or _is_product_to_pre(eqn)


class _Mask(NamedTuple):
    """A value, and which part of it stands beside the result of an equation: after each reshape, a slice."""

    value: Any
    cuts: tuple[tuple[tuple[int, ...], tuple[tuple[int, int], ...]], ...] = ()

    def of(self, value: Any) -> Any:
        for shape, ends in self.cuts:
            value = value.reshape(shape)[tuple(slice(*pair) for pair in ends)]
        return value


def _windows(jaxpr: Any, vanishing: Collection[Any]) -> dict[int, _Mask]:
    """Of equations that collect, by their `id`: a value that is zero wherever the result does not matter."""
    collecting = [eqn for eqn in jaxpr.eqns if collects(eqn)]
    if not collecting:
        return {}
    readers: dict[Any, list[Any]] = {}
    for eqn in jaxpr.eqns:
        for v in eqn.invars:
            if not isinstance(v, Literal):
                readers.setdefault(v, []).append(eqn)
    results = {v for v in jaxpr.outvars if not isinstance(v, Literal)}
    zeros = {*vanishing, *vanishing_values(jaxpr)}
    masks: dict[Any, _Mask | None] = {}  # the one value by which all is multiplied that is made of a value, place by place
    for eqn in reversed(jaxpr.eqns):
        for v in eqn.outvars:
            found = {_mask_by(reader, v, zeros, masks) for reader in readers.get(v, ())}
            masks[v] = found.pop() if len(found) == 1 and v not in results else None
    return {
        id(eqn): mask
        for eqn in collecting
        if (mask := masks[eqn.outvars[0]]) is not None and not any(e is eqn for e in needed(jaxpr, jaxpr.invars, [mask.value]))
    }


def _mask_by(eqn: Any, value: Any, zeros: Collection[Any], masks: dict[Any, _Mask | None]) -> _Mask | None:
    """What an equation, or all that reads its result, multiplies a value by."""
    name, out = eqn.primitive.name, eqn.outvars[0]
    if name == 'pad' and eqn.invars[0] is value and all(a >= 0 and b >= 0 and not c for a, b, c in eqn.params['padding_config']):
        whole = masks[out]
        ends = tuple((int(low), int(low) + n) for (low, *_), n in zip(eqn.params['padding_config'], value.aval.shape, strict=True))
        return whole and _Mask(whole.value, (*whole.cuts, (out.aval.shape, ends)))
    if (name not in ELEMENTWISE and name not in RENAMES) or out.aval.size != value.aval.size:
        return None
    if name == 'mul':
        other = eqn.invars[1] if eqn.invars[0] is value else eqn.invars[0]
        if not isinstance(other, Literal) and other in zeros and other.aval.size == value.aval.size:
            return _Mask(other)
    return masks[out]


def vanishing_values(jaxpr: Any, given: Collection[Any] = ()) -> set[Any]:
    """Values that are zero over a range of what they are made of, as slopes of surrogates with a window are; some are given."""
    zero: set[Any] = set()
    vanishing = set(given)

    def is_zero(v: Any) -> bool:
        return bool(np.all(np.asarray(v.val) == 0)) if isinstance(v, Literal) else v in zero

    def vanishes(v: Any) -> bool:
        return not isinstance(v, Literal) and v in vanishing

    for eqn in jaxpr.eqns:
        name, operands, out = eqn.primitive.name, eqn.invars, eqn.outvars[0]
        if name in ('broadcast_in_dim', 'convert_element_type', 'copy') and is_zero(operands[0]):
            zero.add(out)
            continue
        if name == 'max':
            found = any(map(is_zero, operands))
        elif name == 'select_n':
            found = any(is_zero(v) or vanishes(v) for v in operands[1:])
        elif name == 'convert_element_type' and operands[0].aval.dtype == bool:
            found = True
        elif name == 'mul':
            found = any(map(vanishes, operands))
        else:
            found = name in _LINEAR and vanishes(operands[0])
        if found:
            vanishing.update(eqn.outvars)
    return vanishing
