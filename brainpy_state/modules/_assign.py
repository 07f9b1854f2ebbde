"""Load the values of a tree's states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import graph
from .._errors import ShapeError, UnitError
from .._tracebacks import entry
from .._typing import Path
from ..numerics import with_unit


@entry
def assign_state_values(target: Any, *dicts: Mapping[Path | str, Any]) -> tuple[list, list[Path]]:
    """Load the values of a tree's states; all of them, or none if one does not fit.

    Parameters
    ----------
    target : Module
        The root of the tree.
    *dicts : mapping
        From paths, tuples such as ``('layers', 0, 'weight')`` or texts such as ``'layers.0.weight'``, to
        values. Where a path stands in several, the last one holds.

    Returns
    -------
    unexpected : list
        Keys that no state has.
    missing : list of tuple
        Paths of states that got no value.

    Raises
    ------
    ShapeError, UnitError, TypeError
        If a value has another structure, shape, unit or kind of number than its state.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> net = bst.nn.LeakyRateReadout(2, 3)
    >>> bst.nn.assign_state_values(net, {'weight': jnp.zeros((2, 3)), 'bias': 0.})
    (['bias'], [])
    """
    states = graph.states(target)
    by_text = {'.'.join(map(str, path)): path for path in states}
    new: dict[Path, Any] = {}
    unexpected = []
    for key, value in (item for given in dicts for item in given.items()):
        path = by_text.get(key) if isinstance(key, str) else key
        if path is None or path not in states:
            unexpected.append(key)
        else:
            new[path] = _fitting(value, states[path].value, '.'.join(map(str, path)))
    for path, value in new.items():
        states[path].value = value
    return unexpected, [path for path in states if path not in new]


def _is_quantity(x: Any) -> bool:
    return isinstance(x, u.Quantity)


def _fitting(given: Any, like: Any, place: str) -> Any:
    """A value of the structure, shapes, units and types of ``like``."""
    tree: Any
    leaves, tree = jax.tree.flatten(given, is_leaf=_is_quantity)
    old, expected = jax.tree.flatten(like, is_leaf=_is_quantity)
    if tree != expected:
        raise ShapeError(f'assign_state_values: the value of {place!r} has the structure {tree}, expected {expected}.')
    return tree.unflatten([_fitting_leaf(a, b, place) for a, b in zip(leaves, old, strict=True)])


def _fitting_leaf(given: Any, like: Any, place: str) -> Any:
    array = u.get_mantissa(like)
    if not isinstance(array, (jax.Array, np.ndarray, np.generic, float, int)):
        return given  # a text, or another object
    unit = u.get_unit(like)
    if u.get_dim(given) != u.get_dim(like):
        raise UnitError(f'assign_state_values: the value of {place!r} has the unit {u.get_unit(given)}, expected one like {unit}.')
    mantissa = given.to_decimal(unit) if isinstance(given, u.Quantity) else given
    dtype, shape = jnp.result_type(array), np.shape(array)
    if np.shape(mantissa) != shape:
        raise ShapeError(f'assign_state_values: the value of {place!r} has shape {np.shape(mantissa)}, expected {shape}.')
    if not np.can_cast(jnp.result_type(mantissa), dtype, 'same_kind'):
        raise TypeError(f'assign_state_values: the value of {place!r} has the type {jnp.result_type(mantissa)}, expected {dtype}.')
    new = jnp.asarray(mantissa, dtype)
    return with_unit(new, unit)
