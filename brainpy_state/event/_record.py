"""Spikes as events, written in place."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import Primitive
from jax.interpreters import ad

from . import _backend, _lowering
from ._operation import Operation
from .backends import xla_record


def record(spikes: Array, step: Array | int, events: Array, count: Array) -> tuple[Array, Array]:
    """Append the pair (step, index) of every neuron that fires to a buffer, in place inside a compiled loop.

    Parameters
    ----------
    spikes : bool, float32 or float64, (n,) -- nonzero where the neuron fires
    step : int32, () -- written beside each index
    events : int32, (capacity, 2) -- the buffer
    count : int32, () -- number of events so far

    Returns
    -------
    events : int32, (capacity, 2)
    count : int32, () -- goes on past the capacity (to 2**31 - 1), while `events` keeps the first `capacity`: after the loop,
        `count > capacity` means that events were lost and how many rows would have been needed

    Raises
    ------
    TypeError
        A dtype is another one.
    ValueError
        A shape is another one.

    Notes
    -----
    Not differentiable: spikes are recorded without gradient. Under `jax.vmap` each lane fills a buffer of its own.

    Examples
    --------
    >>> events, count = jnp.zeros((4, 2), jnp.int32), jnp.int32(0)
    >>> events, count = record(jnp.array([False, True, True]), 7, events, count)
    >>> events[:2].tolist(), int(count)
    ([[7, 1], [7, 2]], 2)
    """
    spikes, step, count = jnp.asarray(spikes), _int32('step', step), _int32('count', count)
    if spikes.dtype not in (np.bool_, np.float32, np.float64):
        raise TypeError(f'event.record: spikes have dtype {spikes.dtype}, expected bool, float32 or float64.')
    if spikes.ndim != 1:
        raise ValueError(f'event.record: spikes have shape {spikes.shape}, expected one axis (n,); flatten those of a batch.')
    if events.dtype != np.int32:
        raise TypeError(f'event.record: events have dtype {events.dtype}, expected int32.')
    if events.ndim != 2 or events.shape[1] != 2:
        raise ValueError(f'event.record: events have shape {events.shape}, expected (capacity, 2).')
    events, count = record_p.bind(jax.lax.stop_gradient(spikes), step, events, count, backend=_backend.preference())
    return events, count


def _int32(name: str, x: Array | int) -> Array:
    x = jnp.asarray(x)
    if x.dtype.kind not in 'iu':
        raise TypeError(f'event.record: {name} has dtype {x.dtype}, expected an integer.')
    if x.ndim != 0:
        raise ValueError(f'event.record: {name} has shape {x.shape}, expected a scalar.')
    return x.astype(np.int32)


def _aval(spikes: Any, step: Any, events: Any, count: Any, *, backend: str) -> list[Any]:
    return [jax.core.ShapedArray(x.shape, x.dtype) for x in (events, count)]


def _tangent(primitive: Primitive, primals: Any, tangents: Any, **parameters: Any) -> tuple[Any, Any]:
    results = primitive.bind(*primals, **parameters)
    return results, [ad.Zero(jax.typeof(x).to_tangent_aval()) for x in results]


record_p = _lowering.define(
    Operation(
        'event_record',
        native='llvm_events.record',
        spikes=0,
        in_place={0: 2, 1: 3},
        aval=_aval,
        portable=xla_record.record,
        multiple_results=True,
        tangent=_tangent,
        batch=_lowering.map_lanes,
    )
)
