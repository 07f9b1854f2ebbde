"""`while_loop` and `bounded_while_loop`: repeat a function while a condition holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .._errors import ParameterError
from .._tracebacks import entry
from ._lift import lift
from ._loop import check_carry
from ._program import Program, union
from ._programs import programs_of


@entry
def while_loop(cond_fun: Callable, body_fun: Callable, init_val: Any) -> Any:
    """Repeat ``val = body_fun(val)`` while ``cond_fun(val)``, starting from ``init_val``.

    Can be differentiated forward only; see `bounded_while_loop`.

    Parameters
    ----------
    cond_fun : callable
        Of the carried value, returns a scalar bool. It may read states but not write them.
    body_fun : callable
        Of the carried value, returns the next one, of the same shapes and types. States that it writes are
        carried along.
    init_val : pytree of arrays
        The first value.

    Returns
    -------
    pytree
        The first value for which the condition does not hold.

    Raises
    ------
    ValueError
        If ``cond_fun`` writes a state.
    TypeError
        If ``cond_fun`` does not return a scalar.
    BrainStateError
        If the shape or type of the value, or of a state, changes in the loop.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> steps = bst.State(0)
    >>> def halve(x):
    ...     steps.value += 1
    ...     return x / 2
    >>> float(bst.transform.while_loop(lambda x: x > 1, halve, 10.)), int(steps.value)
    (0.625, 4)
    """
    return programs_of((body_fun, cond_fun), 'while', _builder(jax.lax.while_loop), arrays=True)((init_val,))


@entry
def bounded_while_loop(cond_fun: Callable, body_fun: Callable, init_val: Any, max_steps: int, base: int = 16) -> Any:
    """`while_loop` that ends after ``max_steps`` at the latest, and can be differentiated backward too.

    Backward it stores about ``base * log(max_steps) / log(base)`` values and computes the others again.

    Parameters
    ----------
    cond_fun, body_fun, init_val
        As in `while_loop`.
    max_steps : int
        The largest number of steps.
    base : int
        How many steps, or blocks of steps, form a block; 2 or more.

    Returns
    -------
    pytree
        The first value for which the condition does not hold, or the one after ``max_steps``.

    Raises
    ------
    ValueError
        If ``max_steps`` is negative, ``base`` is below 2, or ``cond_fun`` writes a state.
    TypeError, BrainStateError
        As `while_loop`.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> def power(x):
    ...     return bst.transform.bounded_while_loop(lambda y: y < 100, lambda y: y * x, x, max_steps=50)
    >>> float(bst.transform.grad(power)(3.))  # 3 ** 5 is the first above 100, its derivative 5 * 3 ** 4
    405.0
    """
    if max_steps < 0 or base < 2:
        raise ParameterError(f'bounded_while_loop: max_steps = {max_steps} must be 0 or more, base = {base} must be 2 or more.')

    def run(cond: Callable, body: Callable, init: Any) -> Any:
        return _nested(cond, body, init, max_steps, base)

    return programs_of((body_fun, cond_fun), ('bounded_while', max_steps, base), _builder(run), arrays=True)((init_val,))


def _builder(run: Callable) -> Callable[[Any, Any], Program]:
    def build(fns: Any, args: Any) -> Program:
        body_fun, cond_fun = fns
        body, cond = lift(body_fun, args), lift(cond_fun, args)
        if cond.writes:
            raise ParameterError(f'while_loop: the condition {cond.where} writes {cond.writes[0].label}; only the body may write states.')
        result = jax.tree.leaves(cond.avals[0])
        if len(result) != 1 or result[0].shape != ():
            raise TypeError(f'while_loop: the condition {cond.where} must return one bool, but returned {[str(x) for x in result]}.')
        check_carry(body, body.avals[0], args[0], body.writes)
        both = union([body, cond])

        def pure(values: Any, settings: Any, captured: Any, args: Any) -> Any:
            start = dict(zip(both.touched, values, strict=True))

            def now(carry: Any) -> Any:
                return start | dict(zip(both.writes, carry[1], strict=True))

            def go_on(carry: Any) -> Any:
                go, _ = both.run(cond, now(carry), settings, captured[1], (carry[0],))
                return jnp.asarray(go).astype(bool)

            def step(carry: Any) -> Any:
                return both.run(body, now(carry), settings, captured[0], (carry[0],))

            return run(go_on, step, (args[0], [start[s] for s in both.writes]))

        return Program(pure, [body, cond], both.touched, both.writes, args)

    return build


def _nested(go_on: Callable, step: Callable, init: Any, max_steps: int, base: int) -> Any:
    """Blocks of blocks of steps, each left out as soon as the condition does not hold."""
    init = jax.tree.map(lambda x, y: jnp.asarray(x, None if y.weak_type else y.dtype), init, jax.eval_shape(step, init))

    def active(carry: Any) -> Any:
        number, value = carry
        return (number < max_steps) & go_on(value)

    def block(level: int) -> Callable[[Any], Any]:
        if level == 0:
            return lambda carry: (carry[0] + 1, step(carry[1]))
        inner = jax.checkpoint(guarded(level - 1), prevent_cse=False)
        return lambda carry: jax.lax.scan(lambda c, _: (inner(c), None), carry, None, length=base)[0]

    def guarded(level: int) -> Callable[[Any], Any]:
        return lambda carry: jax.lax.cond(active(carry), block(level), lambda c: c, carry)

    levels = 0 if max_steps <= 1 else math.ceil(math.log(max_steps, base) - 1e-9)
    return guarded(levels)((jnp.zeros((), jnp.int32), init))[1]
