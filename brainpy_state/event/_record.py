"""Spikes as events, written in place."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import Primitive
from jax.interpreters import ad

from .._tracebacks import entry
from . import _backend, _lowering
from ._operation import Operation
from .backends import xla_record


@entry
def record(spikes: Array, step: Array | int, events: Array, count: Array, clock: Array, grid: int = 0) -> tuple[Array, Array, Array]:
    """Append a row (step, index, value) for every neuron that fires to a buffer, in place inside a compiled loop.

    Where this call does not follow the one before (its step is not the next, or the grid or the entries are others), it also writes
    two rows from the end of the buffer on backwards: (step, grid, step of the call before) and (entries, 0, 0).

    Parameters
    ----------
    spikes : bool, float32 or float64, shape (n,)
        Nonzero where the neuron fires.
    step : int32, shape ()
        Written beside each index.
    events : int32, shape (capacity, 3)
        The buffer; values in it are the bits of float32 numbers.
    count : int32, shape ()
        Number of rows from the start so far.
    clock : int32, shape (4,) or more
        Step, grid and entries of the call before, and the number of rows from the end; entries are n, or -n
        where lanes of `jax.vmap` share the buffer and n counts the neurons of all. What comes after stays as it is.
    grid : int
        Which length of a step it is.

    Returns
    -------
    events : int32, shape (capacity, 3)
    count : int32, shape ()
        Goes on past the capacity (to 2**31 - 1), while `events` keeps what it has room for: after the loop,
        `count + clock[3] > capacity` means that events were lost and how many rows would have been needed.
    clock : int32, shape (4,) or more
        Of this call.

    Raises
    ------
    TypeError
        A dtype is another one.
    ValueError
        A shape is another one, or lanes of `jax.vmap` that share a buffer are in different steps.

    Notes
    -----
    Not differentiable: spikes are recorded without gradient. Under `jax.vmap`, lanes whose buffer is not mapped share it, as a batch
    does: lane k has the indices from k * n. Mapped buffers are filled one after the other.

    Examples
    --------
    >>> events, count, clock = jnp.zeros((4, 3), jnp.int32), jnp.int32(0), jnp.array([6, 0, 3, 0])
    >>> events, count, clock = record(jnp.array([0., 1., 2.]), 7, events, count, clock)
    >>> events[:2, :2].tolist(), np.asarray(events[:2, 2]).view(np.float32).tolist(), int(count), clock.tolist()
    ([[7, 1], [7, 2]], [1.0, 2.0], 2, [7, 0, 3, 0])
    """
    spikes, step, count = jnp.asarray(spikes), _int32('step', step), _int32('count', count)
    if spikes.dtype not in (np.bool_, np.float32, np.float64):
        raise TypeError(f'event.record: spikes have dtype {spikes.dtype}, expected bool, float32 or float64.')
    if spikes.ndim != 1:
        raise ValueError(f'event.record: spikes have shape {spikes.shape}, expected one axis (n,); flatten those of a batch.')
    for name, x, fits, shape in (
        ('events', events, events.shape[1:] == (3,), '(capacity, 3)'),
        ('clock', clock, clock.ndim == 1 and clock.size >= 4, '(4,)'),
    ):
        if x.dtype != np.int32:
            raise TypeError(f'event.record: {name} has dtype {x.dtype}, expected int32.')
        if not fits:
            raise ValueError(f'event.record: {name} has shape {x.shape}, expected {shape}.')
    options = {'grid': int(grid), 'entries': spikes.shape[0], 'backend': _backend.preference()}
    events, count, clock = record_p.bind(jax.lax.stop_gradient(spikes), step, events, count, clock, **options)
    return events, count, clock


def _int32(name: str, x: Array | int) -> Array:
    x = jnp.asarray(x)
    if x.dtype.kind not in 'iu':
        raise TypeError(f'event.record: {name} has dtype {x.dtype}, expected an integer.')
    if x.ndim != 0:
        raise ValueError(f'event.record: {name} has shape {x.shape}, expected a scalar.')
    return x.astype(np.int32)


def _aval(spikes: Any, step: Any, *written: Any, **_: Any) -> list[Any]:
    return [jax.core.ShapedArray(x.shape, x.dtype) for x in written]


def _tangent(primitive: Primitive, primals: Any, tangents: Any, **parameters: Any) -> tuple[Any, Any]:
    results = primitive.bind(*primals, **parameters)
    return results, [ad.Zero(jax.typeof(x).to_tangent_aval()) for x in results]


def _batch(primitive: Primitive, operands: Any, axes: Any, **parameters: Any) -> tuple[Any, Any]:
    spikes, step, events, count, clock = operands
    if axes[2] is not None or axes[3] is not None:
        return _lowering.map_lanes(primitive, operands, axes, **parameters)
    if axes[1] is not None:
        raise ValueError('event.record: lanes that share a buffer must be in the same step, but step is mapped over them.')
    lanes = next(x.shape[axis] for x, axis in zip(operands, axes, strict=True) if axis is not None)
    spikes = jnp.broadcast_to(spikes, (lanes, *spikes.shape)) if axes[0] is None else jnp.moveaxis(spikes, axes[0], 0)
    clock = clock if axes[4] is None else jnp.moveaxis(clock, axes[4], 0)[0]
    parameters = parameters | {'entries': -spikes.size}
    return primitive.bind(spikes.reshape(-1), step, events, count, clock, **parameters), (None, None, None)


record_p = _lowering.define(
    Operation(
        'event_record',
        native='llvm_events.record',
        spikes=0,
        in_place={0: 2, 1: 3, 2: 4},
        aval=_aval,
        portable=xla_record.record,
        multiple_results=True,
        tangent=_tangent,
        batch=_batch,
    )
)
