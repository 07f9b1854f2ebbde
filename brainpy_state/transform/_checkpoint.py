"""Loops and functions that compute values again in the backward pass instead of keeping them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax

from .. import event
from .._errors import ParameterError
from .._tracebacks import entry
from ._args import name_of, static
from ._lift import lift
from ._loop import call_scan_body, call_step, loop
from ._made import Made
from ._program import Program
from ._programs import programs_of
from ._vmap import call_with


@entry
def checkpointed_for_loop(f: Callable, *xs: Any, length: int | None = None, base: int | None = None, pbar: Any = None) -> Any:
    """`for_loop` whose gradient needs little memory.

    The steps form blocks. Only the states at the start of each block are kept, and a block is
    computed again when its gradient is due (Griewank & Walther 2000, doi:10.1145/347837.347846). The
    results and gradients are those of `for_loop`. Where a gradient is taken, progress is shown after whole blocks.

    Parameters
    ----------
    f, *xs, length, pbar
        As in `for_loop`.
    base : int, optional
        Blocks have this many steps, blocks of blocks this many blocks, and so on. Kept are about
        ``base * log(steps) / log(base)`` states, for a repetition of the forward pass for each level. By default
        there are two levels of the square root of the number of steps, so everything is computed twice.

    Returns
    -------
    pytree
        The results of ``f``, stacked.

    Raises
    ------
    ValueError
        If ``base`` is below 2, or as `for_loop`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> x = bst.State(1.)
    >>> def decay():
    ...     x.value = 0.99 * x.value
    ...     return x.value
    >>> bst.transform.checkpointed_for_loop(decay, length=1000).shape
    (1000,)
    """
    return loop(f, (), xs, call_step, length, scan=_scan_of(base), pbar=pbar)[1]


@entry
def checkpointed_scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, *, base: int | None = None, pbar: Any = None
) -> tuple[Any, Any]:
    """`scan` whose gradient needs little memory; see `checkpointed_for_loop`.

    Parameters
    ----------
    f, init, xs, length, pbar
        As in `scan`.
    base : int, optional
        As in `checkpointed_for_loop`.

    Returns
    -------
    carry, ys : pytrees
        As `scan`.

    Raises
    ------
    ValueError
        If ``base`` is below 2, or as `scan`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> total = bst.State(jnp.array(0.))
    >>> def step(carry, x):
    ...     total.value += x
    ...     return carry + 1, total.value
    >>> bst.transform.checkpointed_scan(step, 0, jnp.arange(3.))
    (Array(3, dtype=int32), Array([0., 1., 3.], dtype=float32))
    """
    return loop(f, init, xs, call_scan_body, length, scan=_scan_of(base), pbar=pbar)


class _scan_of:  # noqa: N801  (a function with options that are compared)
    """Scan in blocks; two are equal if their base is, so that programs are found again."""

    def __init__(self, base: int | None):
        if base is not None and (not isinstance(base, int) or base < 2):
            raise ParameterError(f'checkpointed loop: base is {base!r}, but must be an integer of 2 or more.')
        self.base = base

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _scan_of) and self.base == other.base

    def __hash__(self) -> int:
        return hash(self.base)

    def __call__(
        self, body: Callable, same: Any, init: Any, xs: Any, length: int, reverse: bool, unroll: int, tell: Callable | None
    ) -> tuple[Any, Any]:
        step, base = functools.partial(body, same), self.base or max(2, _near_root(length))
        return event.scan(step, init, xs, length, reverse=reverse, unroll=unroll, base=base, tell=tell)


def _near_root(length: int) -> int:
    """The first divisor from the square root on, if one is near; else the root, rounded up. Two levels are enough for it."""
    root = math.isqrt(max(length - 1, 0)) + 1
    return next((size for size in range(max(root, 2), 2 * root) if length % size == 0), root)


@entry
def checkpoint(
    fun: Callable | None = None, *, prevent_cse: bool = True, policy: Callable | None = None, static_argnums: int | Sequence[int] = ()
) -> Any:
    """Compute a function's inner values again in the backward pass instead of keeping them.

    Parameters
    ----------
    fun : callable
        A function that may read and write states. Without it, a decorator is returned.
    prevent_cse, policy
        As in ``jax.checkpoint``.
    static_argnums : int or sequence of int
        Numbers among the arguments that Python needs as such; booleans, strings and objects are static anyway.

    Returns
    -------
    callable
        The same function.

    Raises
    ------
    ValueError
        If ``static_argnums`` are no positions of arguments.
    TypeError
        If a static argument is not hashable.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> w = bst.ParamState(jnp.ones(3))
    >>> layer = bst.transform.checkpoint(lambda x: jnp.tanh(w.value * x))
    >>> bst.transform.grad(lambda x: layer(x).sum(), w)(jnp.zeros(3))
    Array([0., 0., 0.], dtype=float32)
    """
    numbers = frozenset({static_argnums} if isinstance(static_argnums, int) else static_argnums)
    if any(not isinstance(n, int) or n < 0 for n in numbers):
        raise ParameterError(f'checkpoint: static_argnums must be non-negative integers, but are {static_argnums}.')
    key = ('checkpoint', prevent_cse, policy, numbers)

    def build(fun: Callable, args: Any) -> Program:
        lifted = lift(fun, args, call=call_with)
        pure = jax.checkpoint(lifted.pure, prevent_cse=prevent_cse, policy=policy)
        return Program(pure, lifted, lifted.reads, lifted.writes, args)

    def decorate(fun: Callable) -> Callable:
        def rematerialised(*args: Any, **kwargs: Any) -> Any:
            hidden = tuple(static(name_of(fun), k, x) if k in numbers else x for k, x in enumerate(args))
            return programs_of(fun, key, build)((hidden, kwargs))

        given = {'prevent_cse': prevent_cse, 'policy': policy, 'static_argnums': static_argnums}
        return Made(checkpoint, fun, given, rematerialised, f'checkpoint({name_of(fun)[1:-1]})', key)

    return decorate if fun is None else decorate(fun)


remat = checkpoint
