"""A value that is computed once."""

from __future__ import annotations

from typing import Any

import jax
from jax import Array
from jax.extend.core import Primitive
from jax.interpreters import ad

from . import _backend, _lowering

fence_p = Primitive('event_fence')


def fence(x: Array) -> Array:
    """Return the array unchanged, but make XLA compute it once and keep it in memory.

    On CPU, XLA fuses elementwise code into each of its uses and computes it again there. A membrane potential from which the spikes,
    the reset potential and the refractory count follow is so integrated three times. Behind a fence it is integrated once; the fence
    itself costs about 0.1 µs. Where the backend is XLA it does nothing.

    Parameters
    ----------
    x : any dtype and shape

    Returns
    -------
    Array -- x; differentiable and mappable

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> float(fence(jnp.float32(1.5)))
    1.5
    """
    return fence_p.bind(x, backend=_backend.preference())


def _tangent(primals: Any, tangents: Any, **parameters: Any) -> tuple[Any, Any]:
    # The tangent needs no fence of its own: linear code is fused after transposition anyway.
    return fence_p.bind(*primals, **parameters), tangents[0]


def _batch(operands: Any, axes: Any, **parameters: Any) -> tuple[Any, Any]:
    return fence_p.bind(*operands, **parameters), axes[0]


def _aval(x: Any, *, backend: str) -> Any:
    return jax.core.ShapedArray(x.shape, x.dtype)


def _kernel(x: Any, backend: str) -> tuple[str, ...]:
    return 'numba_record', 'fence'


fence_p.def_abstract_eval(_aval)
ad.primitive_jvps[fence_p] = _tangent
_lowering.set_batching(fence_p, _batch)
_lowering.install(fence_p, lambda x: x, _kernel, aliases={0: 0})
