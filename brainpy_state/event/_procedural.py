"""Connectivity without memory: the synapses of a source are drawn again whenever they are needed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad

from . import _backend, _draws, _lowering
from ._operation import Operation
from ._structure import Structure, added_to_ring
from .backends import xla_procedural


class Rule(NamedTuple):
    """What is compiled for drawing the synapses of a source.

    Attributes
    ----------
    kind : {'gaps', 'choices'}
        Each target with one probability; or a number of choices among all of them, with repetition.
    width : int
        So many draws nearly every source does with; of 'choices', their number.
    where : int
        The targets that are possible: 0 for all, 1 for those of another number than the source.
    weight : {'', 'float16', 'float32', 'float64'}
        Precision in which weights are drawn; '' for none.
    longest : int
        No delay has more steps; -1 where none are drawn.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> comm = bst.pairwise_bernoulli(100, 100, p=0.1, weight=1. * u.nS, seed=1, procedural=True)
    >>> comm.structure.rule.kind
    'gaps'
    """

    kind: str
    width: int
    where: int
    weight: str
    longest: int


@functools.partial(jax.tree_util.register_dataclass, data_fields=['words'], meta_fields=['shape', 'rule'])
@dataclasses.dataclass(frozen=True)
class Procedural(Structure):
    """Connectivity of `pre` sources and `post` targets that follows from a few numbers.

    The n-th draw of a source is SplitMix64, under the key of the source, read at counter n. It has the synapses, weights and delays that
    a `CSR` made by the same rule and seed would store.

    Parameters
    ----------
    words : uint32, (17, 2)
        Numbers of 64 bits, the lower half first: the roots of the keys for targets, weights and delays; and as float64, the logarithm of
        the probability that a pair is not connected, and the laws of weights and of delays in steps, six numbers each (whether normal
        (or uniform), location, scale, lowest, highest, whether to draw again (or clip)), and the probability that a pair is connected.
    shape : (pre, post)
        Number of sources and of targets, static.
    rule : Rule
        Static.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> comm = bst.pairwise_bernoulli(100, 100, p=0.1, weight=1. * u.nS, seed=1, procedural=True)
    >>> type(comm.structure).__name__, comm.structure.shape
    ('Procedural', (100, 100))
    """

    words: Array
    shape: tuple[int, int]
    rule: Rule
    is_drawn: ClassVar[bool] = True

    @property
    def nnz(self) -> int:
        """Not known: synapses are counted by drawing them."""
        raise TypeError('event: the synapses of a procedural structure are not counted; store it as a CSR.')

    def row_lengths(self) -> np.ndarray:
        """Not known, as `nnz`."""
        return np.full(self.shape[0], self.nnz)

    def to_post(self, weight: Array | None, spikes: Array, dtype: Any) -> Array:
        """What each target receives by weights that are drawn, or 1; (..., post)."""
        return drawn_to_post_p.bind(self.words, spikes, **_parameters(self, dtype, 0))

    def to_pre(self, weight: Array | None, values: Array, dtype: Any) -> Array:
        """What each source would collect from its targets; (..., pre)."""
        return drawn_to_pre_p.bind(self.words, values, **_parameters(self, dtype, 0))

    def places(self, steps: int) -> int:
        """How many places a ring of so many steps must have for it."""
        return self.shape[1] * steps

    def to_ring(self, weight: Array, spikes: Array, row: Array, ring: Array) -> Array:
        """A ring (steps, ..., post) with what spikes deliver after the delays that are drawn."""
        if weight.ndim:
            raise ValueError(f'event.to_ring: weight has shape {weight.shape}, but a procedural structure keeps none; give one number.')
        sent, parameters = weight.astype(ring.dtype) * spikes.astype(ring.dtype), _parameters(self, ring.dtype, ring.shape[0])
        if ring.ndim > 2:
            return added_to_ring(drawn_to_post_p.bind(self.words, sent, **parameters), row, ring)
        return drawn_to_ring_p.bind(self.words, sent, row, ring, **parameters)

    def to_weight(self, spikes: Array, values: Array, dtype: Any) -> Array:
        """Not possible: there is no place for what synapses see."""
        raise TypeError('event.to_weight: a procedural structure has no weights for each synapse; store it as a CSR.')


def _parameters(structure: Procedural, dtype: Any, steps: int) -> dict[str, Any]:
    """The parameters of its primitives, for a ring of so many steps or, with none, for targets."""
    if steps and not 0 <= structure.rule.longest < steps:
        reason = f'delays of up to {structure.rule.longest} steps' if structure.rule.longest >= 0 else 'no delays'
        raise ValueError(f'event: a ring of {steps} steps does not fit a structure with {reason}.')
    if structure.shape[1] * max(1, steps) >= 2**31:
        raise ValueError(f'event: {steps} steps of {structure.shape[1]} targets are more than 2**31 slots.')
    values = {'shape': structure.shape, 'rule': structure.rule, 'steps': steps, 'dtype': str(np.dtype(dtype))}
    return {**values, 'backend': _backend.preference()}


def _slots(parameters: dict[str, Any]) -> int:
    return parameters['shape'][1] * max(1, parameters['steps'])


def _resized(size: Callable[[dict[str, Any]], int], words: Any, x: Any, **parameters: Any) -> ShapedArray:
    return ShapedArray((*x.shape[:-1], size(parameters)), np.dtype(parameters['dtype']))


def _tangent(primitive: Primitive, primals: Any, tangents: Any, **parameters: Any) -> tuple[Any, Any]:
    # Linear in its last operand.
    result = primitive.bind(*primals, **parameters)
    if type(tangents[1]) is ad.Zero:
        return result, ad.Zero(jax.typeof(result).to_tangent_aval())
    return result, primitive.bind(primals[0], tangents[1], **parameters)


def _batch(primitive: Primitive, operands: Any, axes: Any, **parameters: Any) -> tuple[Any, Any]:
    if axes[0] is not None:
        return _lowering.map_lanes(primitive, operands, axes, **parameters)
    return primitive.bind(operands[0], jnp.moveaxis(operands[1], axes[1], 0), **parameters), 0


def _portable_to_ring(words: Array, spikes: Array, row: Array, ring: Array, **parameters: Any) -> Array:
    return added_to_ring(drawn_to_post_p.bind(words, spikes, backend='auto', **parameters), row, ring)


# Operands: words, then spikes (..., pre) or values (..., slots). Slots are targets, or delay * post + target for `steps` > 0.
drawn_to_post_p: Primitive = _lowering.define(
    Operation(
        'event_drawn_to_post',
        native='llvm_events.drawn_to_post',
        spikes=1,
        adds=True,
        memory=_draws.row_memory,
        aval=functools.partial(_resized, _slots),
        portable=xla_procedural.to_post,
        tangent=_tangent,
        batch=_batch,
        transpose=lambda ct, words, x, **parameters: [None, drawn_to_pre_p.bind(words, ct, **parameters)],
    )
)
drawn_to_pre_p: Primitive = _lowering.define(
    Operation(
        'event_drawn_to_pre',
        native='llvm_events.drawn_to_pre',
        memory=_draws.row_memory,
        aval=functools.partial(_resized, lambda parameters: parameters['shape'][0]),
        portable=xla_procedural.to_pre,
        tangent=_tangent,
        batch=_batch,
        transpose=lambda ct, words, x, **parameters: [None, drawn_to_post_p.bind(words, ct, **parameters)],
    )
)
drawn_to_ring_p = _lowering.define(
    Operation(
        'event_drawn_to_ring',
        native='llvm_events.drawn_to_ring',
        spikes=1,
        in_place={0: 3},
        memory=_draws.row_memory,
        aval=lambda words, spikes, row, ring, **_: ShapedArray(ring.shape, ring.dtype),
        portable=_portable_to_ring,
    )
)
