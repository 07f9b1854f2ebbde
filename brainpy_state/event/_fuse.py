"""The native step: what a compiled loop does in each step as few native functions, instead of many operations of XLA.

`fuse` splits a function into groups of equations that can be native and the rest, which stays with XLA. A group is one primitive. It
holds the equations as they were: derivatives, batches and other platforms use these.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Primitive, Var, jaxpr_as_fun
from jax.interpreters import ad

from .._tracebacks import entry
from . import _backend, _lowering, _native
from ._equations import called, refusal
from ._explain import Left, Report, items, report, say
from ._operation import OPERATIONS
from ._plan import Plan, plan

_SMALLEST = 256  # items: shorter loops gain nothing
_TOO_SMALL = f'no array beside it has {_SMALLEST} items, and shorter loops gain nothing'

native_p = Primitive('native_step')
native_p.multiple_results = True


@entry
def fuse(f: Callable, carried: int) -> Callable:
    """The same function, its per-neuron equations and event operations grouped into native functions on CPU.

    Parameters
    ----------
    f : callable
        Of arrays, to a sequence of arrays; traced once in each call.
    carried : int
        So many first arguments are the state of a loop, whose next values are the first results: these may take their memory.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> step = bst.event.fuse(lambda x: (x * 0.5 + 1., x), 1)
    >>> jax.jit(step)(jnp.ones(2))
    [Array([1.5, 1.5], dtype=float32), Array([1., 1.], dtype=float32)]
    """

    @functools.wraps(f)
    def fused(*args: Any) -> Sequence[Any]:
        if _backend.preference() == 'xla':
            return f(*args)
        closed, succession = _prepared(f, args, carried)
        return evaluate(closed, args, succession)

    return fused


@entry
def explain(f: Callable, *args: Any, carried: int = 0) -> Report:
    """What a loop makes of a step on this machine: native functions, and equations that stay with XLA, with their reasons.

    Parameters
    ----------
    f : callable
        Of arrays, to a sequence of arrays.
    *args
        Arrays, or ``jax.ShapeDtypeStruct`` in their place.
    carried : int
        As for `fuse`.

    Returns
    -------
    Report
        Native functions that are not compiled yet are compiled, to be sure that they can be.

    See Also
    --------
    brainpy_state.explain : the same for steps that read and write states.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> x = jnp.ones(1000)
    >>> print(explain(lambda x: [jnp.sort(jnp.exp(x))], x))
    native: 1 equation on up to 1000 items
    XLA: sort float32[1000] at ...: it has no native version
    """
    closed, succession = _prepared(f, args, carried)
    jaxpr = closed.jaxpr
    if (backend := _backend.backend()) != 'numba':
        return Report((), (Left(f'all {len(jaxpr.eqns)} equations', '', f'event operations run as {backend!r} here'),))
    failed: dict[int, str] = {}
    groups = _compiled(jaxpr, succession, failed)
    return report(groups, lambda eqn: failed.get(id(eqn)) or refusal(eqn) or _TOO_SMALL)


def _prepared(f: Callable, args: Sequence[Any], carried: int) -> tuple[ClosedJaxpr, dict[Var, Any]]:
    """A function as a jaxpr without calls of `jit`, and the results that succeed its arguments."""
    closed = inlined(jax.make_jaxpr(f)(*args))
    return closed, dict(zip(closed.jaxpr.invars[:carried], closed.jaxpr.outvars[:carried], strict=True))


def inlined(closed: ClosedJaxpr, calls: Collection[str] = ('jit', 'pjit')) -> ClosedJaxpr:
    """The same with the bodies of `jit`, or of other calls, in their place."""
    if not any(eqn.primitive.name in calls for eqn in closed.jaxpr.eqns):
        return closed

    def inline(closed: ClosedJaxpr, caller: Any, *args: Any) -> list[Any]:
        env = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True)) | dict(zip(closed.jaxpr.invars, args, strict=True))
        for eqn in closed.jaxpr.eqns:
            # a function that `jit` has traced before remembers an earlier caller
            eqn = eqn if caller is None else eqn.replace(source_info=caller.source_info)
            inner = called(eqn) if eqn.primitive.name in calls and not eqn.effects else None
            made = _as_is(closed.jaxpr, eqn, env) if inner is None else inline(inner, eqn, *_read(env, eqn.invars))
            env.update(zip(eqn.outvars, made, strict=True))
        return _read(env, closed.jaxpr.outvars)

    return jax.make_jaxpr(functools.partial(inline, closed, None))(*closed.in_avals)


def evaluate(
    closed: ClosedJaxpr, args: Sequence[Any], succession: dict[Var, Any], left: Collection[int] = (), short: bool = False
) -> list[Any]:
    """The results of a jaxpr, evaluated by native groups and what is left to XLA."""
    jaxpr = closed.jaxpr
    env = dict(zip(jaxpr.constvars, closed.consts, strict=True)) | dict(zip(jaxpr.invars, args, strict=True))
    for group in _regrouped(jaxpr, left, short):
        if not isinstance(group, list):
            if not left and _backend.is_native() and (reason := refusal(group)):
                say(group, reason)
            env.update(zip(group.outvars, _as_is(jaxpr, group, env), strict=True))
            continue
        part, pairs = _extract(jaxpr, group, succession)
        results = native_p.bind(*_read(env, part.jaxpr.invars), jaxpr=part, pairs=pairs, backend=_backend.preference())
        env.update(zip(part.jaxpr.outvars, results, strict=True))
    return _read(env, jaxpr.outvars)


def zeros_of(avals: Sequence[Any]) -> Sequence[Any]:
    """Zeros of some types; on a CPU by one native function, where XLA would compile one for each shape."""
    made = jax.make_jaxpr(lambda: [jnp.zeros(aval.shape, aval.dtype) for aval in avals])()
    return evaluate(made, (), {}) if _backend.is_native() else jaxpr_as_fun(made)()


def _read(env: dict[Any, Any], atoms: Sequence[Any]) -> list[Any]:
    return [atom.val if isinstance(atom, Literal) else env[atom] for atom in atoms]


def _as_is(jaxpr: Jaxpr, eqn: JaxprEqn, env: dict[Any, Any]) -> Sequence[Any]:
    single = alone(jaxpr, eqn)
    return jaxpr_as_fun(single)(*_read(env, single.jaxpr.invars))


def alone(jaxpr: Jaxpr, eqn: JaxprEqn) -> ClosedJaxpr:
    return part(jaxpr, [eqn], list(dict.fromkeys(v for v in eqn.invars if not isinstance(v, Literal))), eqn.outvars)


def part_of(closed: ClosedJaxpr, eqns: list[JaxprEqn], operands: Sequence[Var], results: Sequence[Any]) -> ClosedJaxpr:
    """Some equations of a jaxpr, as one with the same constants."""
    jaxpr = part(closed.jaxpr, eqns, list(operands), list(results)).jaxpr
    return ClosedJaxpr(jaxpr.replace(constvars=closed.jaxpr.constvars), closed.consts)


def part(jaxpr: Jaxpr, eqns: list[JaxprEqn], operands: list[Var], results: list[Var]) -> ClosedJaxpr:
    """Some equations of a jaxpr without constants."""
    names = jaxpr.debug_info._replace(arg_names=('',) * len(operands), result_paths=('',) * len(results))
    return ClosedJaxpr(jaxpr.replace(constvars=[], invars=operands, outvars=results, eqns=eqns, debug_info=names), [])


def is_whole(jaxpr: Jaxpr) -> bool:
    """Whether all equations of a step can be native, so that the loop can."""
    return bool(jaxpr.eqns) and not any(map(refusal, jaxpr.eqns))


def _grouped(jaxpr: Jaxpr) -> list[JaxprEqn | list[JaxprEqn]]:
    """Equations in an order in which they can be evaluated, those of a native function as a list."""
    return _regrouped(jaxpr, ())


def _regrouped(jaxpr: Jaxpr, left: Collection[int], short: bool = False) -> list[JaxprEqn | list[JaxprEqn]]:
    """Equations in an order in which they can be evaluated, those of a native function as a list.

    Those whose `id` is among ``left`` are not native, nor are those that `refusal` refuses. Group k may use what the other equations
    made of the results of groups before k.
    """
    group: dict[Var, int] = {}  # of the results of a native equation; of others, the first group that may use them
    is_native: dict[Var, bool] = {}
    native: dict[int, list[JaxprEqn]] = {}
    others: dict[int, list[JaxprEqn]] = {}
    for eqn in jaxpr.eqns:
        sources = [v for v in eqn.invars if not isinstance(v, Literal) and v in group]
        fits = id(eqn) not in left and not refusal(eqn)
        number = max((group[v] + (is_native[v] and not fits) for v in sources), default=0)
        (native if fits else others).setdefault(number, []).append(eqn)
        for v in eqn.outvars:
            group[v], is_native[v] = number, fits
    ordered: list[Any] = []
    for number in sorted({*native, *others}):
        ordered += others.get(number, [])
        members = native.get(number, [])
        ordered += [members] if members and (short or _is_worth_it(members)) else members
    return ordered


def _is_worth_it(eqns: list[Any]) -> bool:
    return any(eqn.primitive.name in OPERATIONS or items(eqn) >= _SMALLEST for eqn in eqns)


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
    return part(jaxpr, eqns, operands, results), tuple(pairs)


def _portable(*operands: Any, jaxpr: ClosedJaxpr, pairs: Any) -> Any:
    return jaxpr_as_fun(jaxpr)(*operands)


def _portable_on_cpu(*operands: Any, jaxpr: ClosedJaxpr, pairs: Any) -> Any:
    """A group as other groups, without the equations for which no native function can be compiled."""
    failed = _failures(jaxpr.jaxpr, jaxpr.jaxpr.eqns) if _backend.is_native() else {}
    if not failed:
        return _portable(*operands, jaxpr=jaxpr, pairs=pairs)
    succession = {jaxpr.jaxpr.invars[k]: jaxpr.jaxpr.outvars[result] for k, result in pairs}
    return evaluate(jaxpr, operands, succession, failed)


def _failures(jaxpr: Jaxpr, eqns: Sequence[JaxprEqn]) -> dict[int, str]:
    """Equations that cannot be compiled each for itself, by their `id`, and why."""
    failed = {}
    for eqn in eqns:
        try:
            _lowering.target(plan(alone(jaxpr, eqn), {}))
        except _native.Unavailable as problem:
            failed[id(eqn)] = str(problem)
    return failed


def _compiled(jaxpr: Jaxpr, succession: dict[Var, Any], failed: dict[int, str]) -> list[JaxprEqn | list[JaxprEqn]]:
    """Groups that have been compiled, and what is left; what fails is added to ``failed`` with its reason."""
    whole: list[JaxprEqn | list[JaxprEqn]] = [list(jaxpr.eqns)]
    groups = whole if is_whole(jaxpr) and not failed else _regrouped(jaxpr, failed)
    for group in groups:
        if isinstance(group, list):
            part, pairs = _extract(jaxpr, group, succession)
            try:
                _lowering.target(plan(part, dict(pairs)))
            except _native.Unavailable as problem:
                failed |= _failures(jaxpr, group) or dict.fromkeys(map(id, group), str(problem))
                return _compiled(jaxpr, succession, failed)
    return groups


def _planned(*avals: Any, jaxpr: ClosedJaxpr, pairs: Any, backend: str) -> Plan:
    return plan(jaxpr, dict(pairs))


def _tangent(primals: Any, tangents: Any, *, jaxpr: ClosedJaxpr, **_: Any) -> tuple[Any, Any]:
    return _lowering.tangent_of(jaxpr_as_fun(jaxpr), primals, tangents, True)


def _batch(operands: Any, axes: Any, *, jaxpr: ClosedJaxpr, pairs: Any, **_: Any) -> tuple[Any, Any]:
    """A group for all lanes, in native groups again."""
    out_axes = [0 if d else None for d in _lowering.differing(jaxpr_as_fun(jaxpr), operands, axes)]
    closed = inlined(jax.make_jaxpr(jax.vmap(jaxpr_as_fun(jaxpr), tuple(axes), out_axes))(*operands))
    ends = ((closed.jaxpr.invars[k], closed.jaxpr.outvars[result]) for k, result in pairs)
    succession = {old: new for old, new in ends if old.aval.shape == new.aval.shape and old.aval.dtype == new.aval.dtype}
    return evaluate(closed, operands, succession), out_axes


native_p.def_abstract_eval(lambda *operands, jaxpr, **_: [v.aval for v in jaxpr.jaxpr.outvars])
ad.primitive_jvps[native_p] = _tangent
_lowering.set_batching(native_p, _batch)
_lowering.install(native_p, _portable, portable_on_cpu=_portable_on_cpu, planned=_planned)
