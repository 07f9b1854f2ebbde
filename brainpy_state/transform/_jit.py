"""`jit`: compile a function that reads and writes states."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax

from .._tracebacks import entry, shorten
from ._args import name_of, static
from ._lift import lift
from ._made import Remade
from ._make_jaxpr import result_shapes
from ._program import Program
from ._programs import Programs, shared_programs


@entry
def jit(
    fun: Callable | None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Iterable[str] = (),
    donate_argnums: int | Sequence[int] = (),
    donate_argnames: str | Iterable[str] = (),
    donate_states: bool = False,
) -> Any:
    """Compile a function; states that it reads and writes are threaded through the program.

    The Python body runs once for each new signature: shapes and types of the arguments, of the
    states, and of the settings of `environ` that it reads. Another ``dt`` compiles again, another
    ``t`` does not. What the function finds in global names, closures and attributes of models is
    compared too: another object compiles again.

    Parameters
    ----------
    fun : callable
        A function of arrays, quantities and pytrees of them; a `Module`; or, used as a decorator in
        a class body, a method. Without it, a decorator is returned.
    static_argnums, static_argnames : int or str, or several
        Arguments that are Python values while compiling; each new value compiles again. They must
        be hashable. Positions of a method count ``self``.
    donate_argnums, donate_argnames : int or str, or several
        Arguments whose memory the program may use again; they cannot be used afterwards.
    donate_states : bool
        Whether the memory of written states may be used again. Arrays that were taken out of these states
        before the call cannot be used afterwards, and a failing call loses what they held.

    Returns
    -------
    callable
        The same function, compiled. ``clear_cache()`` forgets its programs; ``trace(*args)``, ``lower(*args)`` and ``compile(*args)``
        give JAX's program without running it, and ``eval_shape(*args)`` shapes of the result. ``origin_fun`` is the function itself.

    Raises
    ------
    TypeError
        If an argument or a result is neither an array, a number nor a quantity.
    ValueError
        If a static or donated argument does not exist.

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
    options = (_several(static_argnums), _several(static_argnames), _several(donate_argnums), _several(donate_argnames), donate_states)
    if fun is None:
        return lambda fun: Jitted(fun, *options)
    return Jitted(fun, *options)


def _several(x: Any) -> tuple:
    return (x,) if isinstance(x, (int, str)) else tuple(x)


class _AheadOfTime:
    """Looking at a program before it runs; states stay as they are."""

    program: Callable
    stands_for: tuple[Callable, Any]

    def trace(self, *args: Any, **kwargs: Any) -> jax.stages.Traced:
        """JAX's traced program for these arguments."""
        program, given = self.program(*args, **kwargs)
        return program.trace(given)

    def lower(self, *args: Any, **kwargs: Any) -> jax.stages.Lowered:
        """JAX's lowered program for these arguments."""
        return self.trace(*args, **kwargs).lower()

    def compile(self, *args: Any, **kwargs: Any) -> jax.stages.Compiled:
        """JAX's compiled program for these arguments, which tells memory and cost."""
        return self.lower(*args, **kwargs).compile()

    def eval_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Shapes, types and units of what a call returns; see `transform.eval_shape`."""
        _, given = self.program(*args, **kwargs)
        return result_shapes(lift(self.stands_for[0], given, call=lambda fn, args: fn(*args[0], **args[1])))


class Jitted(_AheadOfTime, Remade):
    """What `jit` returns: a compiled function, or in a class body a compiled method."""

    def __init__(
        self,
        fun: Callable,
        static_argnums: tuple,
        static_argnames: tuple,
        donate_argnums: tuple,
        donate_argnames: tuple,
        donate_states: bool,
    ):
        self._made_from = (fun, static_argnums, static_argnames, donate_argnums, donate_argnames, donate_states), {}
        self._fun = fun
        self._static = _places(fun, 'static', static_argnums, static_argnames)
        self._donated = _places(fun, 'donate', donate_argnums, donate_argnames)
        self._donate_states = donate_states
        self.build = functools.partial(_build, fun, self._donated, donate_states)
        self._programs = Programs(self.build)
        self.stands_for = fun, ('jit', self._static, self._donated, donate_states)
        functools.update_wrapper(self, fun, updated=())
        self.__name__ = getattr(fun, '__name__', name_of(fun))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], type) and not self._static:  # by a class method, which from Python 3.13 on does not bind
            return Bound(self, args[0])(*args[1:], **kwargs)
        try:
            return self._programs(self._fun, self._hide(args, kwargs) if self._static else (args, kwargs))
        except Exception as error:
            shorten(error)
            raise

    def __get__(self, obj: Any, owner: type) -> Any:
        return self if obj is None else Bound(self, obj)

    def __reduce_ex__(self, protocol: Any) -> Any:
        name = getattr(self, '__qualname__', '')
        found: Any = sys.modules.get(self.__module__)
        for part in name.split('.'):
            found = getattr(found, part, None)
        return name if found is self else super().__reduce_ex__(protocol)  # a decorated function is known by its name

    def __repr__(self) -> str:
        return f'jit({self._fun!r})'

    @property
    def origin_fun(self) -> Callable:
        """The function that is compiled."""
        return self._fun

    def program(self, *args: Any, **kwargs: Any) -> tuple[Program, Any]:
        """The program of a call, and what it is called with."""
        hidden = self._hide(args, kwargs)
        return self._programs.find(self._fun, hidden), hidden

    def clear_cache(self) -> None:
        """Forget every program."""
        self._programs.clear()

    def _hide(self, args: tuple, kwargs: dict[str, Any], shift: int = 0) -> tuple[tuple, dict[str, Any]]:
        """Mark the static arguments; ``shift`` is 1 where the function is a method and ``args`` lacks ``self``."""
        where = name_of(self._fun)
        args = tuple(static(where, k, x) if k + shift in self._static else x for k, x in enumerate(args))
        return args, {k: static(where, k, x) if k in self._static else x for k, x in kwargs.items()}


class Bound(_AheadOfTime, Remade):
    """A compiled method of one object; its programs live as long as the object."""

    def __init__(self, jitted: Jitted, obj: Any):
        self._made_from = (jitted, obj), {}
        self._jitted, self._method = jitted, types.MethodType(jitted._fun, obj)
        self.stands_for = self._method, jitted.stands_for[1]
        functools.update_wrapper(self, jitted._fun, updated=())

    @property
    def _programs(self) -> Programs:
        return shared_programs(self._method, self._jitted, self._jitted.build)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._programs(self._method, self._jitted._hide(args, kwargs, shift=1))
        except Exception as error:
            shorten(error)
            raise

    def __repr__(self) -> str:
        return f'jit({self._method!r})'

    def program(self, *args: Any, **kwargs: Any) -> tuple[Program, Any]:
        hidden = self._jitted._hide(args, kwargs, shift=1)
        return self._programs.find(self._method, hidden), hidden

    def clear_cache(self) -> None:
        self._programs.clear()


def _build(declared: Callable, donated: frozenset[int | str], donate_states: bool, fun: Callable, args: Any) -> Program:
    """The program of a function, which for a method is not the ``declared`` one."""
    lifted = lift(fun, args, call=lambda fn, args: fn(*args[0], **args[1]))
    shift = isinstance(fun, types.MethodType) and fun.__func__ is declared

    def donate(values: Any, args: Any) -> Any:
        # a key is small, and other threads may split it meanwhile
        hot = [donate_states and s in lifted.writes and s.with_key is None for s in lifted.reads]
        by_place = {k - shift for k in donated if isinstance(k, int)}
        positional = tuple(_all(k in by_place, x) for k, x in enumerate(args[0]))
        named = {k: _all(k in donated, x) for k, x in args[1].items()}
        return [_all(mark, value) for mark, value in zip(hot, values, strict=True)], (positional, named)

    return Program(lifted.pure, lifted, lifted.reads, lifted.writes, args, donate=donate if donated or donate_states else None)


def _all(mark: bool, tree: Any) -> Any:
    return jax.tree.map(lambda _: mark, tree)


def _places(fun: Callable, what: str, numbers: tuple, names: tuple) -> frozenset[int | str]:
    """Arguments by position and by name, however they were told."""
    if any(not isinstance(n, int) or n < 0 for n in numbers):
        raise ValueError(f'{name_of(fun)}: {what}_argnums must be non-negative integers, but are {numbers}.')
    if not numbers and not names:
        return frozenset()
    parameters = inspect.signature(fun).parameters
    order = [p.name for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    many = {p.kind for p in parameters.values()}
    if inspect.Parameter.VAR_POSITIONAL not in many and any(n >= len(order) for n in numbers):
        raise ValueError(f'{name_of(fun)}: {what}_argnums has {max(numbers)}, but there are {len(order)} positional arguments.')
    if inspect.Parameter.VAR_KEYWORD not in many and not set(names) <= set(parameters):
        raise ValueError(f'{name_of(fun)}: {what}_argnames has {set(names) - set(parameters)}; arguments are {list(parameters)}.')
    named = {order[n] for n in numbers if n < len(order)}
    placed = {order.index(name) for name in names if name in order}
    return frozenset({*numbers, *names, *named, *placed})
