"""`jit_error_if`: raise an error from inside compiled code, without calling back into Python."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import jax
import jax.extend.core as jex_core
import jax.numpy as jnp

from .._errors import TraceContextError
from .._frames import EAGER, current_trace, stack, suspended
from .._tracebacks import entry
from ..numerics import Time
from ..state import State
from ._args import ARRAYS, signature

_RAW = """\
jit_error_if({message!r}) was called inside a raw JAX transform, where nothing can raise its error.
Use the transform of the same name from this package."""


class Flag(State):
    """Whether a check has failed, and the values for its message: a hidden state that every transform threads along."""

    _hooks = None  # hooks of every state are about the states of models

    def __init__(self, message: str | Callable[..., str], args: tuple[Any, ...], error: type[Exception]):
        self.message, self.error = message, error
        values = jax.tree.map(lambda x: jnp.zeros(jnp.shape(x), jax.typeof(x).dtype), args)
        super().__init__((jnp.zeros((), bool), values), name=message if isinstance(message, str) else None)


_flags: weakref.WeakValueDictionary[Any, Flag] = weakref.WeakValueDictionary()  # programs keep them


@entry
def jit_error_if(pred: Any, message: str | Callable[..., str], *args: Any) -> None:
    """Raise ``ValueError`` when ``pred`` is true, also inside compiled functions and loops.

    The error is raised when the outermost compiled call ends: its states then hold what they held
    before the call. Only the first failure of each check is reported.

    Parameters
    ----------
    pred : bool, any shape
        Whether to raise; an array raises if any element is true.
    message : str or callable
        The text, with places for ``args``, if there are any, as in ``str.format``; or a function of ``args`` that returns it.
    *args : pytrees of arrays
        Values for the message.

    Raises
    ------
    ValueError
        With the message.
    TypeError
        If one of ``args`` is no array, number or quantity, or ``message`` neither text nor function.
    TraceContextError
        Inside a raw JAX transform.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> @bst.transform.jit
    ... def root(x):
    ...     bst.transform.jit_error_if(x < 0, 'the root of {}', x)
    ...     return x ** 0.5
    >>> float(root(4.))
    2.0
    """
    if not (isinstance(message, str) or callable(message)):
        raise TypeError(f'jit_error_if: message must be a text or a function, but is {message!r}.')
    for leaf in jax.tree.leaves(args):
        if not isinstance(leaf, ARRAYS):
            raise TypeError(f'jit_error_if: values for {message!r} must be arrays or numbers, but one is {leaf!r}; write it into the text.')
    error_if(pred, ValueError, message, *args)


def error_if(pred: Any, error: type[Exception], message: str | Callable[..., str], *args: Any) -> None:
    """`jit_error_if`, with an error of another class."""
    failed = jnp.asarray(pred, bool) if jnp.ndim(pred) == 0 else jnp.any(jnp.asarray(pred))
    if not any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves((failed, args))) and current_trace() is EAGER:
        if failed:
            raise error(_text(message, args))
        return
    if stack.top is None:
        raise TraceContextError(_RAW.format(message=message))
    key = (message, error, signature(args))
    flag = _flags.get(key)
    if flag is None:
        with suspended(), jex_core.set_current_trace(EAGER):
            flag = _flags[key] = Flag(message, args, error)
    before, values = flag.value
    keep = jax.tree.map(lambda old, new: jnp.where(before, old, new), values, jax.tree.map(jnp.asarray, args))
    flag.value = before | failed, keep


def raise_if_set(results: list[tuple[Any, Flag]]) -> None:
    """Raise the error of the first flag that a program has set."""
    for (failed, args), flag in results:
        if failed:
            raise flag.error(_text(flag.message, args))


def _text(message: str | Callable[..., str], args: tuple[Any, ...]) -> str:
    if callable(message):
        return message(*args)
    return message.format(*args) if args else message


Time.raise_if = staticmethod(jit_error_if)
