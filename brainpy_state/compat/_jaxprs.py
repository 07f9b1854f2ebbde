"""Simpler jaxprs that compute the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from .._errors import ParameterError

_NEUTRAL = {('add', 0): 1, ('add', 1): 0, ('sub', 1): 0, ('mul', 0): 1, ('mul', 1): 0, ('div', 1): 0}  # operand that is left


class _Simpler:
    """One pass through the equations of a jaxpr, in which results are replaced by what they equal."""

    def __init__(self, jaxpr: Jaxpr):
        self.jaxpr, self.stands_for = jaxpr, dict[Any, Any]()

    def _now(self, x: Any) -> Any:
        return x if isinstance(x, Literal) else self.stands_for.get(x, x)

    def rewritten(self, equal: Callable[[Any], Any]) -> Jaxpr:
        """The jaxpr without equations for whose result ``equal`` gives something else."""
        kept = []
        for eqn in self.jaxpr.eqns:
            eqn = eqn.replace(invars=[self._now(x) for x in eqn.invars])
            same = equal(eqn) if len(eqn.outvars) == 1 and not eqn.effects else None
            if same is None:
                kept.append(eqn)
            else:
                self.stands_for[eqn.outvars[0]] = same
        return self.jaxpr.replace(eqns=kept, outvars=[self._now(x) for x in self.jaxpr.outvars])


def _value(x: Any) -> Any:
    return x.val if isinstance(x, Literal) and np.ndim(x.val) == 0 else None


def _fits(eqn: Any, x: Any) -> Any:
    out = eqn.outvars[0].aval
    return x if (x.aval.shape, x.aval.dtype) == (out.shape, out.dtype) else None


def constant_fold(jaxpr: Jaxpr) -> Jaxpr:
    """With numbers in the place of what follows from numbers."""

    def known(eqn: Any) -> Any:
        values, out = [_value(x) for x in eqn.invars], eqn.outvars[0].aval
        if not values or any(x is None for x in values) or out.shape or eqn.primitive.multiple_results:
            return None
        operands = [np.asarray(x, v.aval.dtype) for x, v in zip(values, eqn.invars, strict=True)]
        return Literal(np.asarray(eqn.primitive.bind(*map(jax.numpy.asarray, operands), **eqn.params))[()], out)

    return _Simpler(jaxpr).rewritten(known)


def algebraic_simplification(jaxpr: Jaxpr) -> Jaxpr:
    """Without sums with 0, products with 1 and alike."""

    def left(eqn: Any) -> Any:
        for (name, at), other in _NEUTRAL.items():
            if eqn.primitive.name == name and _value(eqn.invars[at]) == (name in ('mul', 'div')):
                return _fits(eqn, eqn.invars[other])
        return _fits(eqn, eqn.invars[0]) if eqn.primitive.name == 'integer_pow' and eqn.params['y'] == 1 else None

    return _Simpler(jaxpr).rewritten(left)


def copy_propagation(jaxpr: Jaxpr) -> Jaxpr:
    """Without copies, and changes of a type into itself."""
    copies = ('copy', 'copy_p', 'convert_element_type')
    return _Simpler(jaxpr).rewritten(lambda eqn: _fits(eqn, eqn.invars[0]) if eqn.primitive.name in copies else None)


def common_subexpression_elimination(jaxpr: Jaxpr) -> Jaxpr:
    """With what is computed twice computed once."""
    seen: dict[Any, Any] = {}

    def before(eqn: Any) -> Any:
        operands = tuple((repr(x.val), str(x.aval)) if isinstance(x, Literal) else id(x) for x in eqn.invars)
        found = seen.setdefault((eqn.primitive, operands, str(eqn.params)), eqn.outvars[0])
        return None if found is eqn.outvars[0] else found

    return _Simpler(jaxpr).rewritten(before)


def dead_code_elimination(jaxpr: Jaxpr) -> Jaxpr:
    """Without what nothing uses and has no effect."""
    used = {x for x in jaxpr.outvars if not isinstance(x, Literal)}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or any(x in used for x in eqn.outvars):
            kept.append(eqn)
            used.update(x for x in eqn.invars if not isinstance(x, Literal))
    return jaxpr.replace(eqns=kept[::-1])


_PASSES = {
    'constant_fold': constant_fold,
    'algebraic_simplification': algebraic_simplification,
    'copy_propagation': copy_propagation,
    'cse': common_subexpression_elimination,
    'dce': dead_code_elimination,
}


def optimize_jaxpr(jaxpr: Any, max_iterations: int = 3, optimizations: str | Sequence[str] | None = None) -> Any:
    """A jaxpr with fewer equations that computes the same.

    Parameters
    ----------
    jaxpr : Jaxpr or ClosedJaxpr
    max_iterations : int
        How often the passes run, at most; they end when nothing changes.
    optimizations : str or sequence of str, optional
        Of 'constant_fold', 'algebraic_simplification', 'copy_propagation', 'cse' and 'dce'; by default 'all'.

    Raises
    ------
    TypeError
        If it is no jaxpr.
    ValueError
        If a pass is unknown.
    """
    if isinstance(jaxpr, ClosedJaxpr):
        return ClosedJaxpr(optimize_jaxpr(jaxpr.jaxpr, max_iterations, optimizations), jaxpr.consts)
    if not isinstance(jaxpr, Jaxpr):
        raise TypeError(f'optimize_jaxpr: a Jaxpr or ClosedJaxpr is expected, but a {type(jaxpr).__name__} was given.')
    if optimizations in (None, 'all'):
        optimizations = tuple(_PASSES)
    names = (optimizations,) if isinstance(optimizations, str) else tuple(optimizations or ())
    if unknown := [name for name in names if name not in _PASSES]:
        raise ParameterError(f'optimize_jaxpr: there is no {unknown[0]!r}; there are {", ".join(_PASSES)}.')
    for _ in range(max_iterations):
        before = len(jaxpr.eqns)
        for name in names:
            jaxpr = _PASSES[name](jaxpr)
        if len(jaxpr.eqns) == before:
            break
    return jaxpr
