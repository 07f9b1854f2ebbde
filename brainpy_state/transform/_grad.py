"""`grad`: derivatives with respect to states and arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import brainunit as u
import jax

from .._errors import BrainStateError
from ..state import State
from ._lift import Lifted, lift
from ._program import Program, programs_of


def grad(
    fun: Callable,
    grad_states: Any = None,
    argnums: int | Sequence[int] | None = None,
    *,
    has_aux: bool = False,
    return_value: bool = False,
    unit_aware: bool = False,
) -> Callable:
    """Gradient of a scalar function with respect to states, arguments, or both.

    States that the function writes keep their new values.

    Parameters
    ----------
    fun : callable
        Returns a scalar loss, or ``(loss, aux)`` with ``has_aux``.
    grad_states : State, sequence or mapping of State, optional
        What to differentiate by, such as ``model.states(ParamState)``.
    argnums : int or sequence of int, optional
        Positional arguments to differentiate by; 0 when nothing else is asked for.
    has_aux : bool
        Whether ``fun`` returns something besides the loss.
    return_value : bool
        Whether to return the loss too.
    unit_aware : bool
        Give each gradient the unit of the loss divided by the unit of its state. By default the
        gradient is of the plain numbers and has the pytree of the state's value, which is
        what ``jax.tree.map`` and optimisers need.

    Returns
    -------
    callable
        With the arguments of ``fun``; it returns ``grads``, ``(grads, loss)``, ``(grads, aux)`` or
        ``(grads, loss, aux)``. ``grads`` mirrors ``grad_states``; with ``argnums`` besides, it is
        ``(state_grads, argument_grads)``.

    Raises
    ------
    TypeError
        If ``grad_states`` holds something else than states, or the loss is no scalar.
    BrainStateError
        If the function never uses one of ``grad_states``.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> w = bst.ParamState(jnp.array([1., 2.]))
    >>> bst.transform.grad(lambda x: jnp.sum(w.value ** 2 * x), w)(3.)
    Array([ 6., 12.], dtype=float32)
    """
    states, rebuild = _flatten_states(grad_states)
    if grad_states is None and argnums is None:
        argnums = 0
    numbers = None if argnums is None else (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def build(fun: Callable, args: Any) -> Program:
        lifted = lift(fun, args, call=lambda fn, args: fn(*args[0], **args[1]))
        _check(lifted, states, has_aux)
        unit = u.get_unit(lifted.avals[0][0] if has_aux else lifted.avals[0])

        def pure(values: Any, settings: Any, captured: Any, args: Any) -> Any:
            start = dict(zip(lifted.reads, values, strict=True))

            def loss(by_states: list[Any], by_args: list[Any]) -> Any:
                now = start | dict(zip(states, by_states, strict=True))
                positional = list(args[0])
                for n, value in zip(numbers or (), by_args, strict=True):
                    positional[n] = value
                out, new = lifted.pure([now[s] for s in lifted.reads], settings, captured, (tuple(positional), args[1]))
                value, aux = out if has_aux else (out, None)
                return u.get_mantissa(value).reshape(()), (value, aux, new)

            by = [start[s] for s in states], [args[0][n] for n in numbers or ()]
            grads, (value, aux, new) = jax.grad(loss, argnums=(0, 1), has_aux=True)(*by)
            if unit_aware:
                grads = jax.tree.map(lambda g: _with_unit(g, unit), grads, is_leaf=lambda x: isinstance(x, u.Quantity))
            return (*grads, value, aux), new

        return Program(pure, lifted, lifted.reads, lifted.writes, args)

    key = ('grad', tuple(states), numbers, has_aux, unit_aware)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        by_states, by_args, value, aux = programs_of(fun, key, build)((args, kwargs))
        wanted = []
        if grad_states is not None:
            wanted.append(rebuild(by_states))
        if numbers is not None:
            wanted.append(by_args[0] if isinstance(argnums, int) else tuple(by_args))
        grads = wanted[0] if len(wanted) == 1 else tuple(wanted)
        result = (grads,) + ((value,) if return_value else ()) + ((aux,) if has_aux else ())
        return result if len(result) > 1 else grads

    gradient.__name__ = f'grad({getattr(fun, "__name__", "function")})'
    return gradient


def _flatten_states(grad_states: Any) -> tuple[list[State], Callable[[list[Any]], Any]]:
    """The states in order, and how to put their gradients back into the same container."""
    if isinstance(grad_states, Mapping):
        parts = [_flatten_states(v) for v in grad_states.values()]
        keys = list(grad_states)
    elif grad_states is None or isinstance(grad_states, State):
        return ([], tuple) if grad_states is None else ([grad_states], lambda grads: grads[0])
    elif isinstance(grad_states, Sequence) and not isinstance(grad_states, str):
        parts, keys = [_flatten_states(v) for v in grad_states], None
    else:
        raise TypeError(f'grad: grad_states holds states, but {grad_states!r} is a {type(grad_states).__name__}.')
    states = [s for part, _ in parts for s in part]
    if len(set(states)) < len(states):
        raise TypeError('grad: a state stands twice in grad_states.')

    def rebuild(grads: list[Any]) -> Any:
        values, start = [], 0
        for part, sub in parts:
            values.append(sub(grads[start : start + len(part)]))
            start += len(part)
        return dict(zip(keys, values, strict=True)) if keys is not None else type(grad_states)(values)

    return states, rebuild


def _check(lifted: Lifted, states: list[State], has_aux: bool) -> None:
    unused = [s for s in states if s not in lifted.reads]
    if unused:
        raise BrainStateError(
            f'grad: {lifted.where} never reads {unused[0].label} (state {states.index(unused[0])} of grad_states), '
            'so there is no gradient. Leave it out, or use it in the loss.'
        )
    out = lifted.avals[0]
    if has_aux and not (isinstance(out, tuple) and len(out) == 2):
        raise TypeError(f'grad: with has_aux=True, {lifted.where} must return (loss, aux), but returned {type(out).__name__}.')
    loss = out[0] if has_aux else out
    shapes = [leaf.shape for leaf in jax.tree.leaves(loss)]
    if len(shapes) != 1 or shapes[0] not in ((), (1,)):
        raise TypeError(f'grad: {lifted.where} must return one scalar loss, but returned shapes {shapes}; take a sum or a mean.')


def _with_unit(gradient: Any, loss_unit: Any) -> Any:
    mantissa, unit = u.get_mantissa(gradient), u.get_unit(gradient)
    return u.maybe_decimal(u.Quantity(mantissa, unit=loss_unit / unit))
