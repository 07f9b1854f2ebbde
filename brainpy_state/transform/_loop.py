"""`for_loop` and `scan`: many steps in one compiled loop, with the states as its carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .._errors import BrainStateError, ShapeError
from ._args import abstract, name_of
from ._lift import Lifted, lift
from ._program import Program, programs_of

_CARRY_CHANGED = """\
{where}: {owner} changes inside the loop from {old} to {new}.
A loop carries values of one shape and type: give it the type from the start, or cast before writing."""


def for_loop(f: Callable, *xs: Any, length: int | None = None, reverse: bool = False, unroll: int = 1) -> Any:
    """Call ``f`` for each step of a compiled loop and stack what it returns.

    Parameters
    ----------
    f : callable
        ``f(*x)`` with one slice of each of ``xs``; without ``xs``, ``f()`` is called ``length``
        times. States that it writes are carried from step to step.
    *xs : pytree of arrays
        All of the same length along the first axis.
    length : int, optional
        Number of steps; needed only without ``xs``.
    reverse : bool
        Run from the last step to the first; results keep the order of ``xs``.
    unroll : int
        Steps to put into one iteration of the compiled loop.

    Returns
    -------
    pytree
        The results of ``f`` with a leading axis of the number of steps.

    Raises
    ------
    ShapeError
        If lengths differ or nothing says how many steps to run.
    BrainStateError
        If the shape or type of a state changes inside the loop.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> total = bst.State(jnp.zeros(()))
    >>> def add(x):
    ...     total.value += x
    ...     return total.value
    >>> bst.transform.for_loop(add, jnp.arange(4.))
    Array([0., 1., 3., 6.], dtype=float32)
    """
    return loop(f, (), xs, _call_step, length, reverse, unroll)[1]


def scan(f: Callable, init: Any, xs: Any = None, length: int | None = None, *, reverse: bool = False, unroll: int = 1) -> tuple[Any, Any]:
    """``jax.lax.scan`` for functions that read and write states.

    Parameters
    ----------
    f : callable
        ``f(carry, x) -> (carry, y)``.
    init : pytree of arrays
        The first carry.
    xs : pytree of arrays, optional
        All of the same length along the first axis.
    length, reverse, unroll
        As in `for_loop`.

    Returns
    -------
    carry : pytree
        After the last step.
    ys : pytree
        The results of the steps, stacked.

    Raises
    ------
    ShapeError, BrainStateError
        As `for_loop`, also for the carry.
    """

    return loop(f, init, xs, _call_scan_body, length, reverse, unroll)


def _call_step(f: Callable, args: Any) -> Any:
    return (), f(*args[1])


def _call_scan_body(f: Callable, args: Any) -> Any:
    out = f(*args)
    if not (isinstance(out, tuple) and len(out) == 2):
        raise TypeError(f'{name_of(f)}: a scan body returns (carry, y), but it returned {type(out).__name__}.')
    return out


def loop(
    f: Callable, init: Any, xs: Any, call: Callable, length: int | None = None, reverse: bool = False, unroll: int = 1
) -> tuple[Any, Any]:
    """Scan ``call(f, (carry, x)) -> (carry, y)``; ``call`` is a function of a module, so that programs are found again."""
    length = _steps(f, xs, length)

    def build(f: Callable, args: Any) -> Program:
        init, xs = args
        first = jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x)[1:], jax.typeof(x).dtype, weak_type=jax.typeof(x).weak_type), xs)
        lifted = lift(f, (init, first), call)
        touched = lifted.touched
        _check_carry(lifted, init)

        def pure(values: Any, settings: Any, captured: Any, args: Any) -> Any:
            start = dict(zip(touched, values, strict=True))

            def body(carry: Any, x: Any) -> Any:
                carried, user_carry = carry
                now = start | dict(zip(lifted.writes, carried, strict=True))
                (user_carry, y), new = lifted.pure([now[s] for s in lifted.reads], settings, captured, (user_carry, x))
                return (new, user_carry), y

            carry = [start[s] for s in lifted.writes], args[0]
            (new, user_carry), ys = jax.lax.scan(body, carry, args[1], length, reverse=reverse, unroll=unroll)
            return (user_carry, ys), new

        return Program(pure, lifted, touched, lifted.writes, args)

    return programs_of(f, (call, length, reverse, unroll), build, arrays=True)((init, xs))


def _steps(f: Callable, xs: Any, length: int | None) -> int:
    """The number of steps, from the leading axes of ``xs`` or from ``length``."""
    shapes = [np.shape(x) for x in jax.tree.leaves(xs)]
    if () in shapes:
        raise ShapeError(f'{name_of(f)}: every array that is looped over needs a leading axis of steps, but one is a scalar.')
    lengths = {shape[0] for shape in shapes} | ({length} if length is not None else set())
    if not lengths:
        raise ShapeError(f'{name_of(f)}: nothing says how many steps to run; pass arrays to loop over, or `length=`.')
    if len(lengths) > 1:
        given = '' if length is None else f' and length={length}'
        raise ShapeError(f'{name_of(f)}: the number of steps is not clear: leading axes {[s[0] for s in shapes]}{given} differ.')
    steps = int(lengths.pop())
    if steps < 0:
        raise ShapeError(f'{name_of(f)}: the number of steps is {steps}, but must be zero or more.')
    return steps


def _check_carry(lifted: Lifted, init: Any) -> None:
    """Raise before XLA does when a carried value changes its shape or type."""
    (carry, _), new = lifted.avals
    pairs = [(s.label, s.value, after) for s, after in zip(lifted.writes, new, strict=True)] + [('the carry', init, carry)]
    for owner, before, after in pairs:
        old, new_ = _shape_and_type(before), _shape_and_type(after)
        if old != new_:
            raise BrainStateError(_CARRY_CHANGED.format(where=lifted.where, owner=owner, old=_show(before), new=_show(after)))


def _shape_and_type(tree: Any) -> tuple:
    leaves, treedef = jax.tree.flatten(tree)
    return treedef, [abstract(x)[:2] for x in leaves]


def _show(tree: Any) -> str:
    shown = jax.tree.map(lambda x: str(x if hasattr(x, 'weak_type') and not isinstance(x, jax.Array) else jax.typeof(x)), tree)
    return str(shown).replace("'", '')
