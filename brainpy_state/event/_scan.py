"""Loops of native steps. Where all of a step is native, so is the loop: one function does all steps, with no XLA between them.

Such a loop is one primitive that keeps the step's equations; other platforms and derivatives use these.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun

from . import _backend, _lowering
from ._equations import DTYPES
from ._fuse import evaluate, fuse, inlined, is_whole, part
from ._plan import Loop, Plan, plan
from ._rewrite import hoisted, rewritten

loop_p = Primitive('native_loop')
loop_p.multiple_results = True


def scan(
    step: Callable,
    init: Any,
    xs: Any,
    length: int,
    *,
    reverse: bool = False,
    unroll: int = 1,
    goes_on: Callable | None = None,
    base: int | None = None,
    tell: Callable | None = None,
    short: bool = False,
    listens: bool = False,
) -> tuple[Any, Any]:
    """``jax.lax.scan`` whose steps, and where possible the loop itself, are native functions on CPU.

    Parameters
    ----------
    step : callable
        ``step(carry, x) -> (carry, y)``, of pytrees of arrays.
    init, xs : pytree
        The first carry, and what is looped over.
    length : int
        Number of steps.
    reverse, unroll
        As in ``jax.lax.scan``; a native loop has no need to unroll.
    goes_on : callable, optional
        Of the carry; the loop ends before a step for which it is false. What ``ys`` hold for such steps is not defined.
    base : int, optional
        The derivative keeps the carry before blocks of so many steps, blocks of so many blocks, and so on, and computes blocks again.
    tell : callable, optional
        Called in the loop with the number of steps done, and of those since the last call; after blocks, where a derivative takes them.
    short : bool
        Whether native functions are also made of few items, where they gain nothing: rounding does not depend on their number then.
    listens : bool
        Whether a native loop ends before its time when there is an interrupt; for programs that are called by `_interrupts.listening`.

    Returns
    -------
    carry, ys : pytrees

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.event.scan(lambda x, _: (0.5 * x, x), jnp.ones(2), None, 3)[0]
    Array([0.125, 0.125], dtype=float32)
    """
    options: dict[str, Any] = {'length': length, 'reverse': reverse, 'unroll': unroll, 'base': base, 'tell': tell}
    options |= {'short': short, 'listens': listens}
    if goes_on is not None:
        (carry, _), ys = _scan(_flagged(step, goes_on), (init, goes_on(init)), xs, stops=True, **options)
        return carry, ys
    return _scan(step, init, xs, stops=False, **options)


def _flagged(step: Callable, goes_on: Callable) -> Callable:
    def flagged(carry: Any, x: Any) -> Any:
        carry, y = step(carry[0], x)
        return (carry, goes_on(carry)), y

    return flagged


def _scan(step: Callable, init: Any, xs: Any, **options: Any) -> tuple[Any, Any]:
    carry, tree = jax.tree.flatten(init)
    rows, tree_of_rows = jax.tree.flatten(xs)
    made: list[Any] = []  # the structure of the results of a step

    def flat(*leaves: Any) -> list[Any]:
        start, x = jax.tree.unflatten(tree, leaves[: len(carry)]), jax.tree.unflatten(tree_of_rows, leaves[len(carry) :])
        results, structure = jax.tree.flatten(step(start, x))
        made.append(structure)
        return results

    results = loop(flat, carry, rows, **options)
    return jax.tree.unflatten(made[-1], results)


def loop(
    flat: Callable, carry: Sequence[Any], rows: Sequence[Any], vanishing: Sequence[int] = (), *, short: bool = False, **options: Any
) -> list[Any]:
    """The last carry and the results of all steps; if ``stops``, the last item of the carry tells whether there is another step.

    Some of the rows, by number, are zero over a range.
    """
    options = {'listens': False} | options
    n, in_blocks = len(carry), options['base'] is not None
    is_native = bool(options['length']) and _backend.is_native() and options['tell'] is None
    if not is_native and not in_blocks:
        return _by_jax(fuse(flat, n), carry, rows, **options)
    carry = [jnp.asarray(x) for x in carry]
    closed = inlined(jax.make_jaxpr(flat)(*map(aval_of, carry), *map(_row, rows)))
    invars, outvars = closed.jaxpr.invars[:n], closed.jaxpr.outvars[:n]
    is_native = is_native and _is_native(closed)
    if not (_lasts(closed, n) and (is_native or in_blocks)):
        succession = dict(zip(invars, outvars, strict=True))
        return _by_jax(lambda *leaves: evaluate(closed, leaves, succession, short=short), carry, rows, **options)
    # what a step hands on as it is, is the same for all
    stay = [k for k in range(n) if invars[k] is outvars[k]]
    change = [k for k in range(n) if invars[k] is not outvars[k]]
    operands = [*closed.jaxpr.constvars, *(invars[k] for k in stay + change), *closed.jaxpr.invars[n:]]
    same = len(closed.consts) + len(stay)
    step = part(closed.jaxpr, closed.jaxpr.eqns, operands, [*(outvars[k] for k in change), *closed.jaxpr.outvars[n:]])
    fixed = [*closed.consts, *(carry[k] for k in stay)]
    if is_native:
        step = rewritten(step, step.jaxpr.invars[:same], [step.jaxpr.invars[same + len(change) + k] for k in vanishing])
        before, step = hoisted(step, step.jaxpr.invars[:same])
        fixed = [*evaluate(before, fixed, {}), *fixed]
    values = [*fixed, *(carry[k] for k in change), *rows, jnp.int32(options['length'])]
    backend = _backend.preference() if is_native else 'xla'
    results = loop_p.bind(*values, step=step, same=len(fixed), carried=len(change), backend=backend, **options)
    last = dict(zip(change, results, strict=False)) | {k: carry[k] for k in stay}
    return [*(last[k] for k in range(n)), *results[len(change) :]]


def aval_of(x: Any) -> Any:
    """The type of an array, wherever it is."""
    aval = jax.typeof(x)
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)


def _row(x: Any) -> Any:
    aval = jax.typeof(x)
    return jax.ShapeDtypeStruct(aval.shape[1:], aval.dtype, weak_type=aval.weak_type)


def _lasts(closed: ClosedJaxpr, carried: int) -> bool:
    """Whether the carry keeps its types; where it does not, JAX has an error for it."""
    pairs = zip(closed.jaxpr.invars[:carried], closed.jaxpr.outvars, strict=False)
    return all((a.aval.shape, a.aval.dtype) == (b.aval.shape, b.aval.dtype) for a, b in pairs)


def _is_native(closed: ClosedJaxpr) -> bool:
    jaxpr = closed.jaxpr
    return all(v.aval.dtype in DTYPES for v in (*jaxpr.constvars, *jaxpr.invars, *jaxpr.outvars)) and is_whole(jaxpr)


def _by_jax(
    flat: Callable,
    carry: Sequence[Any],
    rows: Sequence[Any],
    *,
    length: int,
    reverse: bool,
    unroll: int,
    stops: bool,
    base: int | None,
    tell: Callable | None,
    listens: bool = False,
) -> list[Any]:
    """The loop as JAX has it; ``base`` is a matter of derivatives, and it does not listen."""
    n = len(carry)

    def step(carry: Sequence[Any], x: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        results = flat(*carry, *x)
        return results[:n], results[n:]

    if not stops:
        _, carry, ys = told_scan(step, list(carry), list(rows), length, tell, reverse=reverse, unroll=unroll)
        return [*carry, *ys]

    def advance(state: Any) -> Any:
        i, carry, ys = state
        k = length - 1 - i if reverse else i
        carry, y = step(carry, [jax.lax.dynamic_index_in_dim(x, k, keepdims=False) for x in rows])
        return i + 1, carry, [jax.lax.dynamic_update_index_in_dim(all_, one, k, 0) for all_, one in zip(ys, y, strict=True)]

    shapes = jax.eval_shape(step, list(carry), list(map(_row, rows)))[1]
    ys = [jnp.zeros((length, *y.shape), y.dtype) for y in shapes]
    _, carry, ys = jax.lax.while_loop(lambda state: (state[0] < length) & state[1][-1], advance, (jnp.int32(0), list(carry), ys))
    return [*carry, *ys]


def told_scan(
    step: Callable, init: Any, xs: Any, length: int, tell: Callable | None, size: int = 1, **options: Any
) -> tuple[Any, Any, Any]:
    """``jax.lax.scan`` of a body that does ``size`` steps, which are told: the steps done, the carry, the results."""
    if tell is None:
        return length * size, *jax.lax.scan(step, init, xs, length, **options)

    def told(carry: Any, x: Any) -> Any:
        done, carry = carry
        carry, y = step(carry, x)
        done, carry = jax.lax.optimization_barrier((done + size, carry))  # told when the steps are done
        tell(done, size)
        return (done, carry), y

    (done, carry), ys = jax.lax.scan(told, (jnp.int32(0), init), xs, length, **options)
    return done, carry, ys


def _avals(
    *operands: Any, step: ClosedJaxpr, same: int, carried: int, length: int, tell: Callable | None, **_: Any
) -> tuple[list[Any], set[Any]]:
    carry = operands[same : same + carried]
    ys = [v.aval for v in step.jaxpr.outvars[carried:]]
    avals = [*(jax.core.ShapedArray(x.shape, x.dtype) for x in carry), *(jax.core.ShapedArray((length, *y.shape), y.dtype) for y in ys)]
    return avals, step.effects | (jax.make_jaxpr(lambda done: tell(done, 1))(0).effects if tell else set())


def portable(*operands: Any, step: ClosedJaxpr, same: int, carried: int, fused: bool = False, **options: Any) -> list[Any]:
    fixed, carry, rows = operands[:same], operands[same : same + carried], operands[same + carried : -1]
    flat = functools.partial(jaxpr_as_fun(step), *fixed)
    return _by_jax(fuse(flat, carried) if fused else flat, carry, rows, **options)


def _planned(*avals: Any, step: ClosedJaxpr, same: int, carried: int, reverse: bool, stops: bool, listens: bool, **_: Any) -> Plan:
    rows, made = range(same + carried, len(step.jaxpr.invars)), range(carried, len(step.jaxpr.outvars))
    return plan(step, {same + k: k for k in range(carried)}, Loop(rows, made, reverse, carried - 1 if stops else None, listens=listens))


loop_p.def_effectful_abstract_eval(_avals)
_lowering.install(loop_p, portable, portable_on_cpu=functools.partial(portable, fused=True), planned=_planned)
