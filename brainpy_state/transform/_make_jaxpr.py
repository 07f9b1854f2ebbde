"""What a function is to JAX, without running it: its jaxpr, its states, the shapes of its results."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self, cast

import jax

from .. import environ
from .._errors import ParameterError, ShapeError
from .._tracebacks import entry
from ..state import State
from ._args import Static, hide_statics, name_of
from ._lift import Lifted, lift
from ._made import Made, Remade
from ._program import Program
from ._programs import Programs


@entry
def eval_shape(f: Callable, *args: Any, **kwargs: Any) -> Any:
    """Shapes, types and units of what a function returns, found without computing anything.

    Parameters
    ----------
    f : callable
        May read and write states, which stay as they are; or a `Module`.
    *args, **kwargs
        Its arguments, or ``jax.ShapeDtypeStruct`` in the place of arrays.

    Returns
    -------
    pytree of jax.ShapeDtypeStruct
        In the structure of the result; quantities keep their unit.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> w = bst.State(jnp.ones((2, 3)))
    >>> bst.transform.eval_shape(lambda x: w.value @ x, jnp.ones(3))
    ShapeDtypeStruct(shape=(2,), dtype=float32)
    """
    return result_shapes(lift(f, hide_statics((args, kwargs)), call=_apply))


@entry
def make_jaxpr(
    fun: Callable, static_argnums: int | Iterable[int] = (), static_argnames: str | Iterable[str] = (), return_shape: bool = False
) -> Callable:
    """``jax.make_jaxpr`` for functions that read and write states.

    Parameters
    ----------
    fun : callable
        The function.
    static_argnums, static_argnames
        Arguments that are Python values, not arrays.
    return_shape : bool
        Whether to return the shapes of the results too.

    Returns
    -------
    callable
        With the arguments of ``fun``; it returns ``(jaxpr, states)`` or ``(jaxpr, states, shapes)``, as
        `StatefulFunction.get_jaxpr`, ``get_states`` and ``get_out_shapes`` do.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> count = bst.State(1.)
    >>> jaxpr, states = bst.transform.make_jaxpr(lambda x: count.value * x)(2.)
    >>> len(jaxpr.in_avals), states == (count,)
    (2, True)
    """
    traced = StatefulFunction(fun, static_argnums, static_argnames)

    def made(*args: Any, **kwargs: Any) -> tuple:
        found = traced.get_jaxpr(*args, **kwargs), traced.get_states(*args, **kwargs)
        return (*found, traced.get_out_shapes(*args, **kwargs)) if return_shape else found

    given = {'static_argnums': static_argnums, 'static_argnames': static_argnames, 'return_shape': return_shape}
    return Made(make_jaxpr, fun, given, made, f'make_jaxpr({name_of(fun)[1:-1]})')


class _Traced(Program):
    """A program that remembers what it was made from."""

    is_closed = True

    lifted: Lifted
    jaxpr: Any


class StatefulFunction(Remade):
    """A function traced once for each signature of its arguments, its states and the settings that it reads.

    Each ``get_…`` takes arguments of the function, or ``jax.ShapeDtypeStruct`` in their place, and traces
    if this signature is new.

    Parameters
    ----------
    fun : callable
        The function.
    static_argnums : int or iterable of int
        Positions of arguments that are Python values, not arrays; they must be hashable.
    static_argnames : str or iterable of str
        The same for keyword arguments.
    name : str, optional
        What to call it in messages.

    Raises
    ------
    ValueError
        If ``static_argnums`` are no positions of arguments.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> total = bst.State(1.)
    >>> def add(x):
    ...     total.value += x
    >>> bst.transform.StatefulFunction(add).jaxpr_call([10.], 2.)
    ([Array(12., dtype=float32, weak_type=True)], None)
    """

    def __init__(
        self,
        fun: Callable,
        static_argnums: int | Iterable[int] = (),
        static_argnames: str | Iterable[str] = (),
        name: str | None = None,
    ):
        self._made_from = (fun, static_argnums, static_argnames, name), {}
        self.fun = fun
        self.name = name or name_of(fun)
        self._numbers = tuple(map(operator.index, static_argnums if isinstance(static_argnums, Iterable) else (static_argnums,)))
        self._names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        if any(n < 0 for n in self._numbers):
            raise ParameterError(f'{self.name}: static_argnums are counted from 0, but are {self._numbers}.')
        self._programs = Programs(self._trace)

    def make_jaxpr(self, *args: Any, **kwargs: Any) -> Self:
        """Trace for these arguments, if that was not done yet."""
        self._traced(args, kwargs)
        return self

    def get_jaxpr(self, *args: Any, **kwargs: Any) -> Any:
        """The closed jaxpr of ``jaxpr_call``: from the values of ``get_states`` and the arguments to the new values and the result.

        Arrays that the function closes over and settings of `environ` are constants of it.
        """
        return self._traced(args, kwargs).jaxpr

    def get_states(self, *args: Any, **kwargs: Any) -> tuple[State, ...]:
        """States that the function reads or writes, in the order of first touch."""
        return self._traced(args, kwargs).reads

    def get_read_states(self, *args: Any, **kwargs: Any) -> tuple[State, ...]:
        """States that are read and never written."""
        lifted = self._traced(args, kwargs).lifted
        return tuple(s for s in lifted.reads if s not in lifted.writes)

    def get_write_states(self, *args: Any, **kwargs: Any) -> tuple[State, ...]:
        """States that are written, read or not."""
        return self._traced(args, kwargs).lifted.writes

    def get_out_shapes(self, *args: Any, **kwargs: Any) -> Any:
        """The result, with ``jax.ShapeDtypeStruct`` in the place of arrays."""
        return result_shapes(self._traced(args, kwargs).lifted)

    def jaxpr_call(self, state_vals: Sequence[Any], *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """Run as a pure function, which touches no state.

        Parameters
        ----------
        state_vals : sequence
            Values for ``get_states``, in that order.
        *args, **kwargs
            The arguments.

        Returns
        -------
        new_vals : list
            Values for ``get_write_states``.
        out : pytree
            The result.

        Raises
        ------
        ShapeError
            If the values are not of the shapes and types that the states have.
        """
        traced, values = self._traced(args, kwargs), list(state_vals)
        if _shapes_and_types(values) != _shapes_and_types([s.peek() for s in traced.reads]):
            states = ', '.join(s.label for s in traced.reads)
            raise ShapeError(f'{self.name}: state_vals are one value of the right shape and type for each of: {states}; given {values}.')
        return _call(traced.lifted, values, self._hide(args, kwargs))

    def jaxpr_call_auto(self, *args: Any, **kwargs: Any) -> Any:
        """Run on the values of the states, write the new ones into them, and return the result."""
        return self._programs(self.fun, self._hide(args, kwargs))

    def clear_cache(self) -> None:
        """Forget every trace."""
        self._programs.clear()

    def _hide(self, args: tuple, kwargs: dict) -> Any:
        positional = tuple(self._static(x) if n in self._numbers else x for n, x in enumerate(args))
        return hide_statics((positional, {k: self._static(x) if k in self._names else x for k, x in kwargs.items()}))

    def _static(self, value: Any) -> Static:
        try:
            hash(value)
        except TypeError as e:
            raise TypeError(f'{self.name}: a static argument is part of a key, so it must be hashable; given {value!r}.') from e
        return Static(value)

    def _traced(self, args: tuple, kwargs: dict) -> _Traced:
        found = self._programs.find(self.fun, self._hide(args, kwargs))
        return cast(_Traced, found)

    def _trace(self, fun: Callable, args: Any) -> _Traced:
        lifted = lift(fun, args, _apply, self.name)

        def pure(values: Any, settings: Any, captured: Any, args: Any) -> Any:
            start = dict(zip(lifted.touched, values, strict=True))
            return lifted.pure([start[s] for s in lifted.reads], settings, captured, args)

        traced = _Traced(pure, lifted, lifted.touched, lifted.writes, args)
        traced.lifted = lifted
        traced.jaxpr = jax.make_jaxpr(lambda values, args: _call(lifted, values, args))([s.peek() for s in traced.reads], args)
        return traced


def _apply(fn: Callable, args: Any) -> Any:
    return fn(*args[0], **args[1])


def _call(lifted: Lifted, values: Sequence[Any], args: Any) -> tuple[list[Any], Any]:
    start = dict(zip(lifted.touched, values, strict=True))
    settings = [environ.get(key) for key in lifted.settings]
    out, new = lifted.pure([start[s] for s in lifted.reads], settings, lifted.captured, args)
    return new, out


def result_shapes(lifted: Lifted) -> Any:
    """Shapes and types of what a function returns."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, weak_type=x.weak_type), lifted.avals[0])


def _shapes_and_types(values: list[Any]) -> tuple:
    leaves, tree = jax.tree.flatten(values)
    return tree, [(x.shape, x.dtype) for x in map(jax.typeof, leaves)]
