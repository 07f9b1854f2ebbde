"""What is kept of a step for its derivative as bits: values that are nothing but 0 and 1, such as spikes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, cast

import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun

from ._bits import ITEMS, pack, unpack
from ._cut import needed
from ._equations import RENAMES, gives_bits
from ._fuse import part_of

_SMALLEST = 64  # items: fewer take no less memory as bits
_PARTS = frozenset((*RENAMES, 'slice', 'split', 'copy', 'transpose', 'broadcast_in_dim'))


class Flags(NamedTuple):
    """How a value of 0 and 1 is kept.

    Attributes
    ----------
    aval : ShapedArray
    carry : int, optional
        The carry, by number, that it is a part of: that of the first step may hold other numbers.
    part : ClosedJaxpr, optional
        From that carry to the value.
    """

    aval: Any
    carry: int | None = None
    part: ClosedJaxpr | None = None

    def kept(self, value: Any) -> Any:
        """The value as bits."""
        return pack(value.reshape(-1))

    def start(self, carry: Sequence[Any]) -> Any:
        """The value in the first step, of the carry before it."""
        return None if self.carry is None or self.part is None else jaxpr_as_fun(self.part)(carry[self.carry])[0]

    def restored(self, bits: Any, start: Any = None, is_first: Any = False) -> Any:
        """The value of its bits."""
        value = unpack(bits[None], self.aval.size, self.aval.dtype).reshape(self.aval.shape)
        return value if start is None else jnp.where(is_first, start, value)


def flags_of(closed: ClosedJaxpr, values: Sequence[Any], carry: Sequence[Any], following: Mapping[Any, Any]) -> list[Flags | None]:
    """How values of a step are kept as bits, those that can be.

    Parameters
    ----------
    closed : ClosedJaxpr
        The step.
    values : sequence of Var
    carry : sequence of Var
        Its operands that are carries.
    following : mapping
        The results that succeed them.
    """
    jaxpr = closed.jaxpr
    binary = _binary(jaxpr)
    makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outvars}

    def found(v: Any) -> Flags | None:
        if v.aval.size < _SMALLEST or v.aval.dtype not in ITEMS:
            return None
        if v in binary:
            return Flags(v.aval)
        origin = v
        while (eqn := makers.get(origin)) is not None and eqn.primitive.name in _PARTS and len(eqn.invars) == 1:
            (origin,) = eqn.invars
        if origin not in following or not _is_binary(following[origin], binary):
            return None
        return Flags(v.aval, carry.index(origin), part_of(closed, needed(jaxpr, [origin], [v]), [origin], [v]))

    return list(map(found, values))


def _binary(jaxpr: Jaxpr) -> set[Any]:
    """Values that are 0 or 1, whatever the operands are."""
    found: set[Any] = set()
    for eqn in cast('Any', jaxpr.eqns):
        are_bits = [_is_binary(v, found) for v in eqn.invars]
        is_binary = bool(eqn.outvars) and (gives_bits(eqn, are_bits) or (eqn.primitive.name in _PARTS and all(are_bits)))
        found.update(v for v in eqn.outvars if is_binary or v.aval.dtype == bool)
    return found


def _is_binary(v: Any, found: Collection[Any]) -> bool:
    return bool(np.isin(np.asarray(v.val), (0, 1)).all()) if isinstance(v, Literal) else v in found
