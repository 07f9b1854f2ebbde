"""Looking for numbers that are not finite, and stopping where a condition holds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp

from .. import transform
from .._errors import NanError
from ..state import Undo
from ._naming import unvmap


class _Named(NamedTuple):
    """A message with places by number and by name."""

    message: str | Callable[..., str]
    names: tuple[str, ...]

    def __call__(self, *values: Any) -> str:
        number = len(values) - len(self.names)
        fill = self.message if callable(self.message) else self.message.format
        return fill(*values[:number], **dict(zip(self.names, values[number:], strict=True)))


def jit_error_if(pred: Any, message: str | Callable[..., str], *args: Any, **named: Any) -> None:
    """See `brainpy_state.transform.jit_error_if`; ``named`` are values for places of the message that have a name."""
    text: Any = _Named(message, tuple(named)) if named else message
    transform.jit_error_if(pred, text, *args, *named.values())


def debug_nan(fn: Callable, *args: Any, phase: str = '') -> None:
    """Call a function, and raise if a NaN or an infinite number is in its result or in a state that it writes.

    What is masked does not count. States are as before afterwards. Inside of a transform of this package, the error comes when the
    outermost compiled call ends, and does not say where.

    Parameters
    ----------
    fn : callable
    *args
        Its arguments.
    phase : str
        What to call it in the message.

    Raises
    ------
    NanError
        A RuntimeError. Outside of transforms, it names the operation that made a NaN, and its source line.
    """
    debug_nan_if(True, fn, *args, phase=phase)


def debug_nan_if(has_nan: Any, fn: Callable, *args: Any, phase: str = '') -> None:
    """`debug_nan` of a call where a condition holds.

    Parameters
    ----------
    has_nan : bool, any shape
        Whether to call it; an array calls it if any element is true, also in another lane.
    fn, *args, phase
        As of `debug_nan`.
    """
    where = f'{phase}: NaN/Inf detected' if phase else 'NaN/Inf detected'
    wanted = unvmap(jnp.asarray(has_nan, bool))
    spoilt: Any = transform.cond(wanted, lambda: _is_spoilt(fn, args), lambda: jnp.zeros((), bool))
    if isinstance(spoilt, jax.core.Tracer):
        transform.jit_error_if(spoilt, f'{where} in the result. Call it outside of transforms to see which operation made it.')
    elif spoilt:
        undo = Undo()
        try:
            with undo:
                transform.debug_nan(fn, *args)
        except NanError as error:
            raise NanError(f'{where}: {error}') from None
        finally:
            undo.restore()
        raise NanError(f'{where}: a number in the result, or in a state that was written, is infinite. States are as before.')


def _is_spoilt(fn: Callable, args: tuple) -> jax.Array:
    """Whether a number is not finite in the result of a call, or in a state that it would write."""
    function = transform.StatefulFunction(fn)
    before = [state.value for state in function.get_states(*args)]
    return _not_finite(function.jaxpr_call(before, *args))


def _not_finite(tree: Any) -> jax.Array:
    """Whether a number in a tree is not finite."""
    found = [u.get_mantissa(x) for x in jax.tree.leaves(tree, is_leaf=lambda x: isinstance(x, u.Quantity))]
    numbers = [x for x in found if jnp.issubdtype(jnp.result_type(x), jnp.inexact)]
    return jnp.stack([~jnp.isfinite(x).all() for x in numbers]).any() if numbers else jnp.zeros((), bool)


def finite(derivative: Callable) -> Callable:
    """A transform like `grad`, whose ``debug_nan=True`` also looks for infinite numbers in what comes out."""

    @functools.wraps(derivative)
    def made(*function: Callable, debug_nan: bool = False, **options: Any) -> Any:
        if not debug_nan:
            return derivative(*function, **options)
        if not function:
            return lambda fun: made(fun, debug_nan=True, **options)
        of = derivative(*function, debug_nan=True, **options)

        @functools.wraps(function[0])
        def checked(*args: Any, **kwargs: Any) -> Any:
            out = of(*args, **kwargs)
            spoilt = _not_finite(out)
            if isinstance(spoilt, jax.core.Tracer):
                transform.jit_error_if(spoilt, f'{derivative.__name__}: NaN/Inf detected in what comes out.')
            elif spoilt:
                raise NanError(f'{derivative.__name__}: NaN/Inf detected in what comes out; a number is infinite.')
            return out

        return checked

    return made


def breakpoint_if(pred: Any, **options: Any) -> None:
    """Stop in the debugger of JAX where a condition holds; ``options`` are those of ``jax.debug.breakpoint``."""
    jax.lax.cond(unvmap(pred), lambda: jax.debug.breakpoint(**options), lambda: None)
