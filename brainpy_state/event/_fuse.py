"""The native step: what a compiled loop does in each step as few native functions, instead of many operations of XLA.

`fuse` splits a function into groups of equations that can be native and the rest, which stays with XLA. A group is one primitive. It
holds the equations as they were: derivatives, batches and other platforms use these.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Primitive, Var, jaxpr_as_fun
from jax.interpreters import ad

from . import _backend, _lowering
from ._nodes import EVENTS, supports
from ._plan import Plan, plan

_SMALLEST = 256  # items: shorter loops gain nothing

native_p = Primitive('native_step')
native_p.multiple_results = True


def fuse(f: Callable, carried: int) -> Callable:
    """The same function, its per-neuron equations and event operations grouped into native functions on CPU.

    Parameters
    ----------
    f : callable
        Of arrays, to a sequence of arrays; traced once in each call.
    carried : int
        So many first arguments are the state of a loop, whose next values are the first results: these may take their memory.
    """

    @functools.wraps(f)
    def fused(*args: Any) -> Sequence[Any]:
        closed = _inlined(jax.make_jaxpr(f)(*args))
        return _evaluate(closed.jaxpr, closed.consts, args, carried)

    return fused


def _inlined(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same with the bodies of `jit` in the place of its calls."""
    if not any(eqn.primitive.name in ('jit', 'pjit') for eqn in closed.jaxpr.eqns):
        return closed

    def inline(closed: ClosedJaxpr, *args: Any) -> list[Any]:
        env = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True)) | dict(zip(closed.jaxpr.invars, args, strict=True))
        for eqn in closed.jaxpr.eqns:
            is_call = eqn.primitive.name in ('jit', 'pjit') and not eqn.effects
            made = inline(eqn.params['jaxpr'], *_read(env, eqn.invars)) if is_call else _as_is(closed.jaxpr, eqn, env)
            env.update(zip(eqn.outvars, made, strict=True))
        return _read(env, closed.jaxpr.outvars)

    return jax.make_jaxpr(functools.partial(inline, closed))(*closed.in_avals)


def _evaluate(jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any], carried: int) -> list[Any]:
    env = dict(zip(jaxpr.constvars, consts, strict=True)) | dict(zip(jaxpr.invars, args, strict=True))
    succession = dict(zip(jaxpr.invars[:carried], jaxpr.outvars[:carried], strict=True))
    for group in _grouped(jaxpr):
        if isinstance(group, JaxprEqn):
            env.update(zip(group.outvars, _as_is(jaxpr, group, env), strict=True))
            continue
        closed, pairs = _extract(jaxpr, group, succession)
        results = native_p.bind(*_read(env, closed.jaxpr.invars), jaxpr=closed, pairs=pairs, backend=_backend.preference())
        env.update(zip(closed.jaxpr.outvars, results, strict=True))
    return _read(env, jaxpr.outvars)


def _read(env: dict[Any, Any], atoms: Sequence[Any]) -> list[Any]:
    return [atom.val if isinstance(atom, Literal) else env[atom] for atom in atoms]


def _as_is(jaxpr: Jaxpr, eqn: JaxprEqn, env: dict[Any, Any]) -> Sequence[Any]:
    operands = list(dict.fromkeys(v for v in eqn.invars if not isinstance(v, Literal)))
    return jaxpr_as_fun(_part(jaxpr, [eqn], operands, eqn.outvars))(*_read(env, operands))


def _part(jaxpr: Jaxpr, eqns: list[JaxprEqn], operands: list[Var], results: list[Var]) -> ClosedJaxpr:
    names = jaxpr.debug_info._replace(arg_names=('',) * len(operands), result_paths=('',) * len(results))
    return ClosedJaxpr(jaxpr.replace(constvars=[], invars=operands, outvars=results, eqns=eqns, debug_info=names), [])


def _grouped(jaxpr: Jaxpr) -> list[JaxprEqn | list[JaxprEqn]]:
    """Equations in an order in which they can be evaluated, those of a native function as a list.

    Group k may use what the other equations made of the results of groups before k.
    """
    group: dict[Var, int] = {}  # of the results of a native equation; of others, the first group that may use them
    is_native: dict[Var, bool] = {}
    native: dict[int, list[JaxprEqn]] = {}
    others: dict[int, list[JaxprEqn]] = {}
    for eqn in jaxpr.eqns:
        sources = [v for v in eqn.invars if not isinstance(v, Literal) and v in group]
        fits = supports(eqn)
        number = max((group[v] + (is_native[v] and not fits) for v in sources), default=0)
        (native if fits else others).setdefault(number, []).append(eqn)
        for v in eqn.outvars:
            group[v], is_native[v] = number, fits
    ordered: list[Any] = []
    for number in sorted({*native, *others}):
        ordered += others.get(number, [])
        members = native.get(number, [])
        ordered += [members] if _is_worth_it(members) else members
    return ordered


def _is_worth_it(eqns: list[Any]) -> bool:
    return any(eqn.primitive.name in EVENTS or eqn.outvars[0].aval.size >= _SMALLEST for eqn in eqns)


def _extract(jaxpr: Jaxpr, eqns: list[JaxprEqn], succession: dict[Var, Any]) -> tuple[ClosedJaxpr, tuple[tuple[int, int], ...]]:
    """A jaxpr of these equations, and the pairs of its operands and results of which the second succeeds the first."""
    made = dict.fromkeys(v for eqn in eqns for v in eqn.outvars)
    used = dict.fromkeys(v for eqn in eqns for v in eqn.invars if not isinstance(v, Literal) and v not in made)
    mine = set(map(id, eqns))
    needed = {v for eqn in jaxpr.eqns if id(eqn) not in mine for v in eqn.invars if not isinstance(v, Literal)}
    needed |= {v for v in jaxpr.outvars if not isinstance(v, Literal)}
    operands, results = list(used), [v for v in made if v in needed]
    place = {v: k for k, v in enumerate(results)}
    ends = [(k, succession[v]) for k, v in enumerate(operands) if v in succession and v not in needed]
    pairs = [(k, place[v]) for k, v in ends if v in place]
    return _part(jaxpr, eqns, operands, results), tuple(pairs)


def _portable(*operands: Any, jaxpr: ClosedJaxpr, pairs: Any) -> Any:
    return jaxpr_as_fun(jaxpr)(*operands)


def _planned(*avals: Any, jaxpr: ClosedJaxpr, pairs: Any, backend: str) -> Plan:
    return plan(jaxpr, dict(pairs))


def _tangent(primals: Any, tangents: Any, *, jaxpr: ClosedJaxpr, **_: Any) -> tuple[Any, Any]:
    return _lowering.tangent_of(jaxpr_as_fun(jaxpr), primals, tangents, True)


def _batch(operands: Any, axes: Any, *, jaxpr: ClosedJaxpr, **_: Any) -> tuple[Any, Any]:
    return _lowering.mapped(jaxpr_as_fun(jaxpr), operands, axes)


native_p.def_abstract_eval(lambda *operands, jaxpr, **_: [v.aval for v in jaxpr.jaxpr.outvars])
ad.primitive_jvps[native_p] = _tangent
_lowering.set_batching(native_p, _batch)
_lowering.install(native_p, _portable, planned=_planned)
