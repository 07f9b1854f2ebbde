"""`cond`, `switch`, `ifelse`: run one of several functions, chosen by a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._errors import BrainStateError, ParameterError
from .._tracebacks import entry
from ._args import same_type, show_types
from ._error_if import jit_error_if
from ._lift import Lifted, lift
from ._program import Program, union
from ._programs import programs_of

_DIFFERENT = """\
{what} of {a} and {b} differ: {old} and {new}.
All branches must give values of one shape and type, since only one of them is chosen while the program runs."""


@entry
def cond(pred: Any, true_fun: Callable, false_fun: Callable, *operands: Any) -> Any:
    """Run ``true_fun(*operands)`` where ``pred`` is true, else ``false_fun(*operands)``.

    Each function's Python body runs once. A state that only one of them writes keeps its value in the other.

    Parameters
    ----------
    pred : bool, scalar
        Which function to run.
    true_fun, false_fun : callable
        Functions of the operands, with results of the same shapes and types.
    *operands : pytrees of arrays
        Their arguments.

    Returns
    -------
    pytree
        What the chosen function returned.

    Raises
    ------
    TypeError
        If ``pred`` is no scalar.
    BrainStateError
        If results, or values written to a state, differ in shape or type.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> count = bst.State(0)
    >>> def up(x):
    ...     count.value += x
    >>> bst.transform.cond(True, up, lambda x: None, 5)
    >>> int(count.value)
    5
    """
    pred = _scalar('cond: the predicate', pred)
    return _branch(pred if pred.dtype == bool else pred != 0, (false_fun, true_fun), operands)


@entry
def switch(index: Any, branches: Sequence[Callable], *operands: Any) -> Any:
    """Run ``branches[index](*operands)``; an index out of range is clamped into it.

    Parameters
    ----------
    index : int, scalar
        Which function to run.
    branches : sequence of callable
        Functions of the operands, with results of the same shapes and types.
    *operands : pytrees of arrays
        Their arguments.

    Returns
    -------
    pytree
        What the chosen function returned.

    Raises
    ------
    TypeError, BrainStateError
        As `cond`.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.transform.switch(1, [lambda x: x + 1, lambda x: x * 10], 5.)
    Array(50., dtype=float32, weak_type=True)
    """
    index = _scalar('switch: the index', index)
    if not jnp.issubdtype(index.dtype, jnp.integer):
        raise TypeError(f'switch: the index must be an integer, but has type {index.dtype}.')
    return _branch(index, tuple(branches), operands)


@entry
def ifelse(conditions: Sequence[Any], branches: Sequence[Callable], *operands: Any, check_cond: bool = True) -> Any:
    """Run the function whose condition is true.

    Parameters
    ----------
    conditions : sequence of bool
        One for each branch. Exactly one must be true.
    branches : sequence of callable
        Functions of the operands, with results of the same shapes and types.
    *operands : pytrees of arrays
        Their arguments.
    check_cond : bool
        Whether to raise unless exactly one condition is true; else the first true one counts, and the first
        branch if there is none.

    Returns
    -------
    pytree
        What the chosen function returned.

    Raises
    ------
    ValueError
        If the number of true conditions is not one.
    TypeError, BrainStateError
        As `cond`.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> def sign(x):
    ...     return bst.transform.ifelse([x < 0, x == 0, x > 0], [lambda: -1, lambda: 0, lambda: 1])
    >>> int(sign(3.))
    1
    """
    if len(conditions) != len(branches):
        raise ParameterError(f'ifelse: there are {len(conditions)} conditions for {len(branches)} branches.')
    told = jnp.stack([jnp.asarray(_scalar('ifelse: a condition', c)) for c in conditions]).astype(bool)
    if check_cond:
        jit_error_if(jnp.sum(told) != 1, 'ifelse: exactly one condition must be true, but the conditions are {}.', told)
    return _branch(jnp.argmax(told), tuple(branches), operands)


def _scalar(what: str, x: Any) -> Any:
    if not isinstance(x, (jax.Array, np.generic, np.ndarray)):
        x = np.asarray(x)
    is_real = x.dtype == bool or (jnp.issubdtype(x.dtype, jnp.number) and not jnp.issubdtype(x.dtype, jnp.complexfloating))
    if x.shape != () or not is_real:
        raise TypeError(f'{what} must be one real number or boolean, but has shape {x.shape} and type {x.dtype}.')
    return x


def _branch(index: Any, branches: tuple[Callable, ...], operands: tuple[Any, ...]) -> Any:
    if not branches or not all(map(callable, branches)):
        raise TypeError(f'branches must be one or more functions, but are {branches}.')
    return programs_of(branches, 'branch', _build)((index, operands))


def _build(branches: tuple[Callable, ...], args: Any) -> Program:
    lifted = [lift(f, args[1]) for f in branches]
    both = union(lifted)
    _check_alike(lifted)

    def pure(values: Any, settings: Any, captured: Any, args: Any) -> Any:
        index, operands = args
        start = dict(zip(both.touched, values, strict=True))
        number = index.astype(jnp.int32) if index.dtype == bool else index
        runs = [
            lambda operands, part=part, captured=captured: both.run(part, start, settings, captured, operands)
            for part, captured in zip(lifted, captured, strict=True)
        ]
        return jax.lax.switch(number, runs, operands)

    return Program(pure, lifted, both.touched, both.writes, args)


def _check_alike(lifted: list[Lifted]) -> None:
    first = lifted[0]
    written = [dict(zip(part.writes, part.avals[1], strict=True)) for part in lifted]
    for part, new in zip(lifted, written, strict=True):
        if not same_type(first.avals[0], part.avals[0]):
            raise BrainStateError(
                _DIFFERENT.format(
                    what='The results', a=first.where, b=part.where, old=show_types(first.avals[0]), new=show_types(part.avals[0])
                )
            )
        for other, theirs in zip(lifted, written, strict=True):
            for state, value in new.items():
                before = theirs[state] if state in theirs else state.peek()
                if not same_type(before, value):
                    where = f'{other.where} (which leaves it)' if state not in theirs else other.where
                    text = _DIFFERENT.format(
                        what=f'The values of {state.label}', a=where, b=part.where, old=show_types(before), new=show_types(value)
                    )
                    raise BrainStateError(text)
