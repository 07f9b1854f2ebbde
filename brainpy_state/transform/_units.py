"""Units of derivatives: taken off before JAX differentiates plain numbers, and put on after."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax

from .._errors import UnitError


def is_quantity(x: Any) -> bool:
    """Whether a node of a tree carries a unit."""
    return isinstance(x, u.Quantity)


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a tree, quantities in one piece, and how to put them back."""
    return jax.tree.flatten(tree, is_leaf=is_quantity)


def numbers_of(tree: Any) -> Any:
    """A tree with plain arrays in the place of quantities."""
    return jax.tree.map(u.get_mantissa, tree, is_leaf=is_quantity)


def like(tree: Any, numbers: Any) -> Any:
    """The reverse of `numbers_of`: numbers with the units of a tree."""
    return jax.tree.map(lambda x, n: u.Quantity(n, unit=x.unit) if is_quantity(x) else n, tree, numbers, is_leaf=is_quantity)


def gradient(inputs: Any, numbers: Any, unit: Any) -> Any:
    """A derivative of the structure of the input, in ``unit`` over that of the input, or for None in that of the input."""

    def one(x: Any, g: Any) -> Any:
        if g.dtype == jax.dtypes.float0:
            return g
        return like(x, g) if unit is None else _in_unit(g, unit / u.get_unit(x))

    return jax.tree.map(one, inputs, numbers, is_leaf=is_quantity)


def blocks(inputs: Any, output: Any, numbers: Any, depth: int) -> Any:
    """A derivative that nests the structure of the input ``depth`` times inside that of the output, with units."""
    leaves, in_tree = flatten(inputs)

    def nested(part: Any, unit: Any, depth: int) -> Any:
        if depth == 0:
            return _in_unit(part, unit)
        columns = zip(in_tree.flatten_up_to(part), leaves, strict=True)
        return in_tree.unflatten([nested(column, unit / u.get_unit(x), depth - 1) for column, x in columns])

    return jax.tree.map(lambda out, part: nested(part, u.get_unit(out), depth), output, numbers, is_leaf=is_quantity)


def common_unit(units: list[Any], who: str) -> Any:
    """The one unit of all parts of a sum."""
    if any(unit != units[0] for unit in units):
        raise UnitError(f'{who} {", ".join(map(str, units))}, which cannot be summed into one gradient with a unit.')
    return units[0]


def _in_unit(x: Any, unit: Any) -> Any:
    return u.maybe_decimal(u.Quantity(x, unit=unit))
