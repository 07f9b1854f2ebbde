"""Names of parts of a program, the states that a function uses, and values that all lanes share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp

from .. import transform
from .._errors import ParameterError
from ..state import filter as _filter


def named_call(fun: Callable | None = None, *, name: str | None = None) -> Any:
    """A function whose operations have a name in traces and profiles, its own by default; without a function, a decorator."""
    if fun is None:
        return functools.partial(named_call, name=name)
    if not callable(fun):
        raise TypeError(f'named_call: a function is expected, but {fun!r} was given.')
    label: Any = name or getattr(fun, '__name__', 'function')

    @functools.wraps(fun)
    def named(*args: Any, **kwargs: Any) -> Any:
        with jax.named_scope(label):
            return fun(*args, **kwargs)

    return named


def named_scope(name: str, static_argnums: Any = None, static_argnames: Any = None) -> Callable[[Callable], Callable]:
    """A decorator: compile a function, with a name in traces and profiles.

    Parameters
    ----------
    name : str
    static_argnums, static_argnames : int or str, several, or a function of the arguments that gives these, optional
        As of `jit`; a negative number counts from the last argument of the call, and the object of a method does not count.
    """

    def decorate(fn: Callable) -> Callable:
        return _Scope(fn, name, static_argnums, static_argnames)

    return decorate


class _Scope:
    """A function that is compiled with a name; in the body of a class, a method."""

    def __init__(self, fn: Callable, name: str, static_argnums: Any, static_argnames: Any):
        self.fn, self.name, self.static_argnums, self.static_argnames = fn, name, static_argnums, static_argnames
        self._compiled: dict[Any, Any] = {}
        functools.update_wrapper(self, fn, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._for(args, kwargs, 0)(*args, **kwargs)

    def __get__(self, obj: Any, owner: type) -> Any:
        return self if obj is None else functools.partial(self._of, obj)

    def _of(self, obj: Any, *args: Any, **kwargs: Any) -> Any:
        return self._for(args, kwargs, 1).__get__(obj, type(obj))(*args, **kwargs)

    def _for(self, args: tuple, kwargs: dict, offset: int) -> Any:
        """What is compiled for these static arguments; those of a method are counted without the object."""
        given = (x(*args, **kwargs) if callable(x) else x for x in (self.static_argnums, self.static_argnames))
        numbers, names = map(_several, given)
        numbers = tuple(sorted({n % len(args) + offset for n in numbers if -len(args) <= n < len(args)}))
        key = numbers, tuple(sorted(names))
        if key not in self._compiled:
            self._compiled[key] = transform.jit(named_call(self.fn, name=self.name), static_argnums=key[0], static_argnames=key[1])
            self._compiled[key].__name__ = self.name
        return self._compiled[key]


def _several(x: Any) -> tuple:
    return () if x is None else (x,) if isinstance(x, (int, str)) else tuple(x)


class StateFinder:
    """Tells which states a function uses.

    Parameters
    ----------
    fn : callable
    filter : filter, optional
        Which of them are meant.
    usage : {'all', 'read', 'write', 'both'}
        All, those that are only read, those that are written, or both in a dict.
    return_type : {'dict', 'list', 'tuple'}
        How they are given.
    key_fn : callable, optional
        ``key_fn(index, state)`` gives the keys of a dict; the index by default. In the place of None stands the name of the state, or
        the index if it has none.

    Raises
    ------
    ValueError, TypeError
        If an option is unknown.
    """

    def __init__(self, fn: Callable, filter: Any = None, *, usage: str = 'all', return_type: str = 'dict', key_fn: Callable | None = None):
        if usage not in ('all', 'read', 'write', 'both'):
            raise ParameterError(f"StateFinder: usage is 'all', 'read', 'write' or 'both', but is {usage!r}.")
        if return_type not in ('dict', 'list', 'tuple'):
            raise ParameterError(f"StateFinder: return_type is 'dict', 'list' or 'tuple', but is {return_type!r}.")
        if key_fn is not None and not callable(key_fn):
            raise TypeError(f'StateFinder: key_fn is a function of number and state, but is {key_fn!r}.')
        self.fn, self.usage, self.return_type, self.key_fn = fn, usage, return_type, key_fn
        self._fits = _filter.to_predicate(True if filter is None else filter)
        self._found = transform.StatefulFunction(fn)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The states that a call with such arguments uses; it is not run."""
        read, write = self._found.get_read_states(*args, **kwargs), self._found.get_write_states(*args, **kwargs)
        if self.usage == 'both':
            return {'read': self._given(read), 'write': self._given(write)}
        return self._given({'all': self._found.get_states(*args, **kwargs), 'read': read, 'write': write}[self.usage])

    def _given(self, states: Any) -> Any:
        chosen = [state for k, state in enumerate(states) if self._fits((k,), state)]
        if self.return_type != 'dict':
            return chosen if self.return_type == 'list' else tuple(chosen)
        keyed: dict[Any, Any] = {}
        for k, state in enumerate(chosen):
            first = k if self.key_fn is None else self.key_fn(k, state)
            if first is None:
                first = k if state.name is None else state.name
            key = first = first if isinstance(first, Hashable) else str(first)
            n = 0
            while key in keyed:
                n += 1
                key = f'{first}_{n}'
            keyed[key] = state
        return keyed


def unvmap(x: Any, op: str = 'any') -> Any:
    """A reduction of a value over its axes and over all lanes in which it is computed, so that it is the same in each.

    Parameters
    ----------
    x : array
    op : {'any', 'all', 'max', 'none'}
        What it is; with 'none', the value itself.

    Raises
    ------
    ValueError
        If ``op`` is unknown.
    """
    if op == 'none':
        return x
    if op not in _OVER_LANES:
        raise ParameterError(f"unvmap: op is 'any', 'all', 'max' or 'none', but is {op!r}.")
    return _OVER_LANES[op](x)


def _over_lanes(reduce: Callable) -> Callable:
    reduced = jax.custom_batching.custom_vmap(lambda x: reduce(x))  # the function itself has options
    reduced.def_vmap(lambda _, in_batched, x: (reduced(x), False))
    return reduced


_OVER_LANES = {'any': _over_lanes(jnp.any), 'all': _over_lanes(jnp.all), 'max': _over_lanes(jnp.max)}
