"""`jit`: compile a function that reads and writes states."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ._lift import lift, name_of
from ._program import Program, Programs


def jit(fun: Callable) -> Callable:
    """Compile a function; states that it reads and writes are threaded through the program.

    The Python body runs once for each new signature: shapes and types of the arguments, of the
    states, and of the settings of `environ` that it reads. Another ``dt`` compiles again, another
    ``t`` does not.

    Parameters
    ----------
    fun : callable
        A function of arrays, quantities and pytrees of them; or a `Module`.

    Returns
    -------
    callable
        The same function, compiled; ``clear_cache()`` forgets its programs.

    Raises
    ------
    TypeError
        If an argument or a result is neither an array, a number nor a quantity.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> count = bst.State(0)
    >>> @bst.transform.jit
    ... def step(x):
    ...     count.value += x
    >>> step(2); step(3); int(count.value)
    5
    """

    def build(args: Any) -> Program:
        lifted = lift(fun, args, call=lambda fn, args: fn(*args[0], **args[1]))
        return Program(lifted.pure, lifted, lifted.reads, lifted.writes, args)

    programs = Programs(build)

    def compiled(*args: Any, **kwargs: Any) -> Any:
        return programs((args, kwargs))

    functools.update_wrapper(compiled, fun, updated=())
    compiled.clear_cache = programs.clear  # type: ignore[attr-defined]
    compiled.__name__ = getattr(fun, '__name__', name_of(fun))
    return compiled
