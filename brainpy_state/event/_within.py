"""What sources collect from their targets, in the forms that are cheapest in a loop.

Where a mask is not zero, and zero elsewhere: a surrogate gradient with a window asks for no more. Or by a matrix that was laid out for it
before the loop, of values that are rarely zero, so nobody looks.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import ShapedArray

from . import _lowering
from ._operation import Operation
from .backends import xla_products

PANEL = 32  # columns of a matrix that are multiplied together


def _where(mask: Array, collected: Array) -> Array:
    return jnp.where(mask != 0, collected, jnp.zeros((), collected.dtype))


def _along_synapses(*operands: Array, **parameters: Any) -> Array:
    *factors, mask = operands
    return _where(mask, xla_products.to_pre(*factors, **parameters))


def _by_matrix(values: Array, weights: Array, mask: Array) -> Array:
    return _where(mask, jnp.matmul(values, weights.T, precision='highest'))


def in_panels(weights: Array) -> Array:
    """Weights (pre, post) as (panels, post, `PANEL`): transposed, with the columns of a panel side by side, as a product reads them."""
    pre, post = weights.shape
    count = -(-pre // PANEL)
    whole = jax.lax.pad(weights, jnp.zeros((), weights.dtype), ((0, count * PANEL - pre, 0), (0, 0, 0)))
    return jax.lax.transpose(jax.lax.reshape(whole, (count, PANEL, post)), (0, 2, 1))


def _by_panels(values: Array, weights: Array, pre: int) -> Array:
    columns = jnp.moveaxis(weights, 0, 1).reshape(weights.shape[1], -1)[:, :pre]
    return jnp.matmul(values, columns, precision='highest')


# Operands: those of `to_pre_p`, and the mask (..., pre).
to_pre_within_p = _lowering.define(
    Operation(
        'event_to_pre_within',
        native='llvm_events.to_pre_within',
        spikes=-1,
        aval=lambda *operands, **_: ShapedArray(operands[-1].shape, operands[-2].dtype),
        portable=_along_synapses,
    )
)
# Operands: values (..., post), weights (pre, post), mask (..., pre).
matrix_within_p = _lowering.define(
    Operation(
        'matrix_to_pre_within',
        native='llvm_matrix.to_pre_within',
        spikes=2,
        aval=lambda values, weights, mask: ShapedArray(mask.shape, values.dtype),
        portable=_by_matrix,
    )
)
# Operands: values (..., post), weights in panels; the parameter `pre` says how many sources there are.
matrix_all_p = _lowering.define(
    Operation(
        'matrix_all',
        native='llvm_matrix.all_to_pre',
        aval=lambda values, weights, pre: ShapedArray((*values.shape[:-1], pre), values.dtype),
        portable=_by_panels,
    )
)
