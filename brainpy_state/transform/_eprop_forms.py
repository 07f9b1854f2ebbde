"""How fixed weights meet what differs from step to step, and the shape that traces of them have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp


class Each:
    """Neuron by neuron, as a bias or a time constant: a trace has the shape of the neurons' states."""

    def spread(self, x: Any) -> Any:
        """What the sources send, for each weight."""
        return x

    def at(self, x: Any) -> Any:
        """What belongs to the targets, for each weight."""
        return x

    def total(self, x: Any) -> Any:
        """What a batch has collected, of the shape of traces, in the shape of the weights."""
        return x


class Dense:
    """A matrix: a trace has the shape ``(batch, pre, post)``, or ``(batch, pre, 1)`` where it is the same for all targets."""

    def __init__(self, eqn: Any, operands: Sequence[Any]):
        self.shape = operands[_PLACES[eqn.primitive.name].weight].shape
        self.transposed = 'dimension_numbers' in eqn.params and eqn.params['dimension_numbers'][0][1] == (1,)

    def spread(self, x: Any) -> Any:
        return x[..., None]

    def at(self, x: Any) -> Any:
        return x[..., None, :]

    def total(self, x: Any) -> Any:
        x = x.sum(tuple(range(x.ndim - 2)))
        return (x.T if self.transposed else x).reshape(self.shape)


class Sparse:
    """Synapses listed by source: a trace has the shape ``(batch, n_synapses)``."""

    def __init__(self, eqn: Any, operands: Sequence[Any]):
        indptr, self.targets, *_ = operands
        rows = jnp.arange(indptr.shape[0] - 1)
        self.sources = jnp.repeat(rows, jnp.diff(indptr), total_repeat_length=self.targets.shape[0])

    def spread(self, x: Any) -> Any:
        return x[..., self.sources]

    def at(self, x: Any) -> Any:
        return x[..., self.targets]

    def total(self, x: Any) -> Any:
        return x.sum(tuple(range(x.ndim - 1)))


class Product(NamedTuple):
    """A product of something fixed with what sources send: which operands of an equation these are, and the form of its traces."""

    form: Callable[[Any, Sequence[Any]], Any]
    weight: int
    data: int


_PLACES = {
    'dot_general': Product(Dense, 1, 0),
    'event_dense': Product(Dense, 0, 1),
    'event_to_post': Product(Sparse, 2, -1),
    'event_drawn_to_post': Product(Sparse, 0, 1),  # its weights are no operand: number 0 is what they are drawn by
}


def product_of(eqn: Any, is_fixed: Callable[[Any], bool]) -> Product | None:
    """Which product of something fixed with something else an equation is, if it is one."""
    found = _PLACES.get(eqn.primitive.name)
    if found is None:
        return None
    if eqn.primitive.name == 'event_to_post' and len(eqn.invars) == 3:
        return found._replace(weight=0)  # all weights are 1: number 0 is the structure
    if eqn.primitive.name == 'dot_general':
        (left, right), (batched, _) = eqn.params['dimension_numbers']
        data, matrix = (v.aval for v in eqn.invars)
        if matrix.ndim != 2 or left != (data.ndim - 1,) or len(right) != 1 or batched:
            return None
    return found if is_fixed(eqn.invars[found.weight]) else None
