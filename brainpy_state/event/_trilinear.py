r"""The event products: the three partial derivatives of one trilinear form.

.. math:: T(w, s, c) = \sum_k w_k \, s_{row(k)} \, c_{col(k)}

over the synapses k of a structure, with weights w, spikes s of the sources and values c at the targets. `to_post` is its
derivative with respect to c, `to_pre` to s, `to_weight` to w. Each is linear in its two arguments, and the transpose of each with
respect to either argument is another of the three: this is the whole gradient rule, of any order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad

from . import _lowering
from ._operation import Operation
from .backends import xla_products


def _resized(x: ShapedArray, size: int, dtype: str) -> ShapedArray:
    return ShapedArray((*x.shape[:-1], size), np.dtype(dtype))


def _to_post_aval(indptr: Any, indices: Any, *factors: Any, shape: tuple[int, int], dtype: str, **_: Any) -> ShapedArray:
    return _resized(factors[-1], shape[1], dtype)


def _to_pre_aval(indptr: Any, indices: Any, *factors: Any, shape: tuple[int, int], dtype: str, **_: Any) -> ShapedArray:
    return _resized(factors[-1], shape[0], dtype)


def _to_weight_aval(indptr: Any, indices: Any, *factors: Any, shape: tuple[int, int], dtype: str, **_: Any) -> ShapedArray:
    return ShapedArray(indices.shape, np.dtype(dtype))


def _tangent(primitive: Primitive, primals: Any, tangents: Any, **parameters: Any) -> tuple[Any, Any]:
    # Bilinear: each tangent takes the place of its primal.
    result = primitive.bind(*primals, **parameters)
    total = ad.Zero(jax.typeof(result).to_tangent_aval())
    for i, tangent in enumerate(tangents):
        if type(tangent) is not ad.Zero:
            total = ad.add_tangents(total, primitive.bind(*primals[:i], tangent, *primals[i + 1 :], **parameters))
    return result, total


def _transpose_to_post(ct: Any, *structure_and_factors: Any, **parameters: Any) -> list[Any]:
    *structure, spikes = structure_and_factors
    if ad.is_undefined_primal(spikes):
        return [*[None] * len(structure), to_pre_p.bind(*structure, ct, **parameters)]
    return [None, None, _as_weight(to_weight_p.bind(*structure[:2], spikes, ct, **parameters), structure[2]), None]


def _as_weight(seen: Any, weight: Any) -> Any:
    """What synapses see, in the type in which weights are stored."""
    return seen.astype(weight.aval.dtype)


def _transpose_to_pre(ct: Any, *structure_and_factors: Any, **parameters: Any) -> list[Any]:
    *structure, values = structure_and_factors
    if ad.is_undefined_primal(values):
        return [*[None] * len(structure), to_post_p.bind(*structure, ct, **parameters)]
    return [None, None, _as_weight(to_weight_p.bind(*structure[:2], ct, values, **parameters), structure[2]), None]


def _transpose_to_weight(ct: Any, indptr: Any, indices: Any, spikes: Any, values: Any, **parameters: Any) -> list[Any]:
    if ad.is_undefined_primal(spikes):
        return [None, None, to_pre_p.bind(indptr, indices, ct, values, **parameters), None]
    return [None, None, None, to_post_p.bind(indptr, indices, ct, spikes, **parameters)]


def _batch(primitive: Primitive, operands: Any, axes: Any, **parameters: Any) -> tuple[Any, Any]:
    # The kernels take any leading axes of the last factor, but one structure, one set of weights and, for `to_weight`, one sum.
    if primitive is to_weight_p or any(axis is not None for axis in axes[:-1]):
        return _lowering.map_lanes(primitive, operands, axes, **parameters)
    return primitive.bind(*operands[:-1], jnp.moveaxis(operands[-1], axes[-1], 0), **parameters), 0


def _small_chunks(product: Callable) -> Callable:
    return functools.partial(product, chunk=xla_products.CPU_CHUNK)


# Operands: indptr, indices, then the two factors; a first factor of weights is left out where every weight is 1.
to_post_p = _lowering.define(
    Operation(
        'event_to_post',
        native='llvm_events.to_post',
        spikes=-1,
        adds=True,
        aval=_to_post_aval,
        portable=xla_products.to_post,
        portable_on_cpu=_small_chunks(xla_products.to_post),
        pallas='to_post',
        tangent=_tangent,
        batch=_batch,
        transpose=_transpose_to_post,
    )
)
to_pre_p = _lowering.define(
    Operation(
        'event_to_pre',
        native='llvm_events.to_pre',
        aval=_to_pre_aval,
        portable=xla_products.to_pre,
        pallas='to_pre',
        tangent=_tangent,
        batch=_batch,
        transpose=_transpose_to_pre,
    )
)
to_weight_p = _lowering.define(
    Operation(
        'event_to_weight',
        native='llvm_events.to_weight',
        spikes=2,
        adds=True,
        aval=_to_weight_aval,
        portable=xla_products.to_weight,
        portable_on_cpu=_small_chunks(xla_products.to_weight),
        pallas='to_weight',
        tangent=_tangent,
        batch=_batch,
        transpose=_transpose_to_weight,
    )
)
