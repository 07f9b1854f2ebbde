"""Gradients as an optimiser takes them: one for each of its states, as plain numbers in the unit of the state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ShapeError, StateTreeError, UnitError, UnknownStateError
from ..numerics import brief
from ..state import State
from ..transform._units import flatten

_MISSING = '{owner}: there is no gradient for {states}. Give one for each state of the optimiser, or build it from the states to train.'
_UNKNOWN = (
    '{owner}: a gradient was given for {path!r}, which is none of the states of the optimiser: it is frozen, or no parameter. '
    'Differentiate by `optimizer.params`, or select the state when the optimiser is built.'
)
_UNITS = (
    '{owner}: the gradient of {state} has the unit {given}, but the state has {unit}. A gradient comes as `grad` gives it: without units, '
    'in the units of the states, or in one unit of the loss divided by those of the states.'
)


def pair(owner: str, container: Any, grads: Any, path: tuple = ()) -> Iterator[tuple[State, Any]]:
    """Each state of a container with its entry in a container like it.

    Raises
    ------
    UnknownStateError
        A KeyError, if a state has no entry or an entry no state.
    StateTreeError
        A ValueError, if the containers are not alike.
    """
    if isinstance(container, State):
        yield container, grads
        return
    here = ''.join(f'[{key!r}]' for key in path)
    if isinstance(container, Mapping):
        if not isinstance(grads, Mapping):
            raise StateTreeError(f'{owner}: gradients{here} must be a dict with the keys of the states, but {_called(grads)} was given.')
        for key in grads:
            if key not in container:
                raise UnknownStateError(_UNKNOWN.format(owner=owner, path=_shown(path, key)))
        missing = [_shown(path, key) for key in container if key not in grads]
        if missing:
            raise UnknownStateError(_MISSING.format(owner=owner, states=', '.join(map(repr, missing))))
        keys: Any = container
    else:
        if not isinstance(grads, Sequence) or len(grads) != len(container):
            raise StateTreeError(f'{owner}: gradients{here} must be a sequence of {len(container)}, but {_called(grads)} was given.')
        keys = range(len(container))
    for key in keys:
        yield from pair(owner, container[key], grads[key], (*path, key))


def numbers(owner: str, states: Sequence[State], values: Sequence[Any], grads: Sequence[Any]) -> list[Any]:
    """Gradients without units, each in the structure of its state's value.

    Parameters
    ----------
    owner : str
        The optimiser, for messages.
    states : sequence of State
    values : sequence of pytree
        What they hold.
    grads : sequence of pytree
        Their gradients: without units; in the units of the states; or in the unit of the loss divided by those of the states.

    Raises
    ------
    StateTreeError, ShapeError, TypeError
        If a gradient has another structure or shape than its state, or holds no floating-point numbers.
    UnitError
        If units fit none of these.
    """
    leaves = [_leaves(owner, *each) for each in zip(states, values, grads, strict=True)]
    flat = [each for part in leaves for each in part]
    units = _units_of_gradients([x for _, x, _ in flat], [g for *_, g in flat])
    plain = iter(_number(owner, *each, unit) for each, unit in zip(flat, units, strict=True))
    return [_structure(value, [next(plain) for _ in part]) for value, part in zip(values, leaves, strict=True)]


def _leaves(owner: str, state: State, value: Any, grad: Any) -> list[tuple[State, Any, Any]]:
    """Parts of a state's value and of its gradient, quantities in one piece."""
    parts, tree = flatten(value)
    of_grad, tree_of_grad = flatten(grad)
    if tree != tree_of_grad:
        raise StateTreeError(f'{owner}: the gradient of {state.label} has the structure {tree_of_grad}, but the state {tree}.')
    for x, g in zip(parts, of_grad, strict=True):
        shape, number = np.shape(u.get_mantissa(x)), u.get_mantissa(g)
        if isinstance(number, (str, type(None))) or not jnp.issubdtype(kind := jnp.result_type(number), jnp.inexact):
            what = type(number).__name__ if isinstance(number, (str, type(None))) else kind
            raise TypeError(f'{owner}: the gradient of {state.label} is {what}, but must be floating-point numbers.')
        if np.shape(number) != shape:
            raise ShapeError(f'{owner}: the gradient of {state.label} has shape {np.shape(number)}, but the state {shape}.')
    return [(state, x, g) for x, g in zip(parts, of_grad, strict=True)]


def _units_of_gradients(values: Sequence[Any], grads: Sequence[Any]) -> list[Any]:
    """The units in which gradients are numbers of one and the same loss; None for numbers as they are."""
    given = [(u.get_unit(g), u.get_unit(x)) for x, g in zip(values, grads, strict=True)]
    if all(of_gradient.is_unitless or of_gradient == of_state for of_gradient, of_state in given):
        return [None] * len(given)
    loss = given[0][0] * given[0][1]
    return [(u.UNITLESS if loss.dim == u.DIMENSIONLESS else loss) / of_state for _, of_state in given]


def _number(owner: str, state: State, x: Any, g: Any, unit: Any) -> jax.Array:
    if unit is not None:
        if u.get_dim(g) != unit.dim:
            raise UnitError(_UNITS.format(owner=owner, state=state.label, given=u.get_unit(g), unit=u.get_unit(x)))
        g = u.Quantity(g).to_decimal(unit)
    return jnp.asarray(u.get_mantissa(g))


def _structure(value: Any, plain: list[jax.Array]) -> Any:
    return flatten(value)[1].unflatten(plain)


def _shown(path: tuple, key: Any) -> Any:
    return (*path, key) if path else key


def _called(grads: Any) -> str:
    if isinstance(grads, Mapping):
        return f'a {type(grads).__name__} with the keys {list(grads)}'
    if isinstance(grads, (list, tuple)):
        return f'a {type(grads).__name__} of {len(grads)}'
    return brief(grads) if isinstance(grads, (jax.Array, np.ndarray, u.Quantity, int, float)) else f'a {type(grads).__name__}'
