"""Loops whose derivative needs little memory: kept are the carries before blocks of steps; a block is computed again when it is due.

Blocks are made of blocks, until they are short enough (Griewank & Walther 2000, doi:10.1145/347837.347846).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ._scan import loop, told_scan


def forward(
    step: Callable,
    carry: Sequence[Any],
    rows: Sequence[Any],
    *,
    length: int,
    base: int,
    tell: Callable | None = None,
    reverse: bool = False,
    unroll: int = 1,
) -> tuple[list[Any], list[Any]]:
    """The last carry and the results of all steps; and the carries before each of the largest blocks, and before what is left."""
    n = len(carry)
    options: dict[str, Any] = {'reverse': reverse, 'unroll': unroll, 'stops': False}
    if length <= base:
        return loop(step, carry, rows, length=length, base=None, tell=tell, **options), []
    size, whole = _sizes(length, base)

    def block(carry: Any, x: Any) -> tuple[Any, Any]:
        results = loop(step, carry, x, length=size, base=_inner(size, base), tell=None, **options)
        return results[:n], (carry, results[n:])

    head, tail = _split(rows, size, whole)
    done, carry, (starts, ys) = told_scan(jax.checkpoint(block, prevent_cse=False), list(carry), head, whole // size, tell, size)
    ys = [y.reshape(whole, *y.shape[2:]) for y in ys]
    if whole == length:
        return [*carry, *ys], starts
    results = loop(step, carry, tail, length=length - whole, base=_inner(length - whole, base), tell=None, **options)
    if tell is not None:
        done, results = jax.lax.optimization_barrier((done + length - whole, results))
        tell(done, length - whole)
    ys = [jnp.concatenate(parts) for parts in zip(ys, results[n:], strict=True)]
    return [*results[:n], *ys], [*starts, *carry]


def backward(
    back: Any,
    totals: Sequence[Any],
    carry: Sequence[Any],
    start: Sequence[Any],
    rows: Sequence[Any],
    given: Sequence[Any],
    length: int,
    base: int,
    starts: Sequence[Any] = (),
) -> tuple[list[Any], list[Any], list[Any]]:
    """Cotangents of what all steps read, added to the totals, of the carry before the steps, and of the rows.

    Parameters
    ----------
    back : object
        Called with totals, cotangents of the carry, the carry before, rows, what was kept, cotangents of results, and the length, it goes
        back through some steps; ``kept`` and ``starts`` compute what it needs of them again.
    totals, carry : sequence of Array
        Cotangents before.
    start : sequence of Array
        The carry before the first step.
    rows, given : sequence of Array
        What is looped over, and cotangents of the results of all steps.
    length, base : int
    starts : sequence of Array
        As `forward` gives them, where they are known.
    """
    if length <= base:
        return back(totals, carry, start, rows, back.kept(start, rows, length), given, length)
    size, whole = _sizes(length, base)
    starts = starts or back.starts(start, rows, length, base)
    head, tail = _split([*rows, *given], size, whole)
    count, n = len(rows), len(start)
    last: list[Any] = []
    if whole < length:
        totals, carry, last = backward(back, totals, carry, starts[n:], tail[:count], tail[count:], length - whole, base)

    def block(state: Any, x: Any) -> tuple[Any, Any]:
        (totals, carry), (start, both) = state, x
        totals, carry, made = backward(back, totals, carry, start, both[:count], both[count:], size, base)
        return (totals, carry), made

    state = list(totals), list(carry)
    state, made = jax.lax.scan(jax.checkpoint(block, prevent_cse=False), state, (list(starts[:n]), head), whole // size, reverse=True)
    made = [x.reshape(whole, *x.shape[2:]) for x in made]
    return *state, [jnp.concatenate(parts) for parts in zip(made, last, strict=True)] if whole < length else made


def _inner(length: int, base: int) -> int | None:
    return base if length > base else None


def _sizes(length: int, base: int) -> tuple[int, int]:
    """The steps of a largest block, and of all such blocks."""
    size = base
    while size * base < length:
        size *= base
    return size, length - length % size


def _split(xs: Sequence[Any], size: int, whole: int) -> tuple[list[Any], list[Any]]:
    """What belongs to the blocks, by block, and what is left."""
    return [x[:whole].reshape(whole // size, size, *x.shape[1:]) for x in xs], [x[whole:] for x in xs]
