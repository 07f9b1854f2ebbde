"""The event products as functions with checked arguments."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from .._tracebacks import entry
from ._structure import Structure


@entry
def to_post(structure: Structure, weight: Array | None, spikes: Array, dtype: Any = None) -> Array:
    """What each target receives: the sum of `weight * spikes[source]` over its synapses.

    Rows whose spike is zero are skipped, so the cost follows the number of spikes. For finite weights the result is that of the plain
    product, for real-valued spikes too.

    Parameters
    ----------
    structure : CSR, OneToOne, AllToAll or Procedural
    weight : array, shape (nnz,)
        Weight of each synapse; None for 1. Numbers of float16 are stored so and count as float32.
    spikes : bool or float, shape (..., pre)
        In the dtype of the weight where it is a float.
    dtype : float32 or float64
        Of the result where neither weight nor spikes are floats, default float32.

    Returns
    -------
    Array, (..., post)

    Raises
    ------
    TypeError, ValueError
        A dtype or shape does not fit; the message names the argument.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> csr = bst.event.CSR(jnp.array([0, 2, 3], jnp.int32), jnp.array([0, 1, 1], jnp.int32), (2, 2))
    >>> bst.event.to_post(csr, jnp.array([1., 2., 3.]), jnp.array([1., 0.]))
    Array([1., 2.], dtype=float32)
    """
    _check_vector('to_post', 'spikes', spikes, structure.shape[0])
    _check_weight('to_post', structure, weight)
    return structure.to_post(weight, spikes, _dtype('to_post', dtype, weight=weight, spikes=spikes))


@entry
def to_pre(structure: Structure, weight: Array | None, values: Array) -> Array:
    """What each source would collect from its targets: the sum of `weight * values[target]` over its synapses.

    Parameters
    ----------
    structure : CSR, OneToOne, AllToAll or Procedural
    weight : array, shape (nnz,)
        Weight of each synapse, in the dtype of the values; None for 1.
    values : float, shape (..., post)
        At the targets.

    Returns
    -------
    Array, (..., pre)

    Raises
    ------
    TypeError, ValueError
        A dtype or shape does not fit; the message names the argument.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> csr = bst.event.CSR(jnp.array([0, 2, 3], jnp.int32), jnp.array([0, 1, 1], jnp.int32), (2, 2))
    >>> bst.event.to_pre(csr, jnp.array([1., 2., 3.]), jnp.array([1., 1.]))
    Array([3., 3.], dtype=float32)
    """
    _check_vector('to_pre', 'values', values, structure.shape[1])
    _check_weight('to_pre', structure, weight)
    return structure.to_pre(weight, values, _dtype('to_pre', weight=weight, values=values))


@entry
def to_weight(structure: Structure, spikes: Array, values: Array) -> Array:
    """What each synapse sees: `spikes[source] * values[target]`, summed over the batch.

    Parameters
    ----------
    structure : CSR, OneToOne, AllToAll or Procedural
    spikes : bool or float, shape (..., pre)
        In the dtype of the values where it is a float; rows without a spike are skipped.
    values : float, shape (..., post)
        At the targets, with the leading axes of the spikes.

    Returns
    -------
    Array, (nnz,)

    Raises
    ------
    TypeError, ValueError
        A dtype or shape does not fit; the message names the argument.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> csr = bst.event.CSR(jnp.array([0, 2, 3], jnp.int32), jnp.array([0, 1, 1], jnp.int32), (2, 2))
    >>> bst.event.to_weight(csr, jnp.array([1., 0.]), jnp.array([5., 7.]))
    Array([5., 7., 0.], dtype=float32)
    """
    _check_vector('to_weight', 'spikes', spikes, structure.shape[0])
    _check_vector('to_weight', 'values', values, structure.shape[1])
    if spikes.shape[:-1] != values.shape[:-1]:
        raise ValueError(f'event.to_weight: spikes have shape {spikes.shape} but values {values.shape}; leading axes must agree.')
    return structure.to_weight(spikes, values, _dtype('to_weight', values=values, spikes=spikes))


@entry
def product(structure: Structure, weight: Array | float, spikes: Array) -> Array:
    """Deliver spikes through a projection: what each target receives in this step.

    Parameters
    ----------
    structure : CSR, OneToOne, AllToAll or Procedural
    weight : float, shape () or (nnz,)
        One weight for all synapses or one for each.
    spikes : bool or float, shape (..., pre)
        Nonzero where the source fired; any number of leading batch axes.

    Returns
    -------
    Array, (..., post), in the dtype of the weight (of float spikes where the weight is a Python number; float32 for float16)

    Raises
    ------
    TypeError
        The weight is not float16, float32 or float64, or the spikes are neither bool nor of that dtype.
    ValueError
        The last axis of the spikes is not pre, or the weight is neither a scalar nor of shape (nnz,).

    Notes
    -----
    Differentiable in weight and in float spikes, forward and backward, to any order. Where `jax.vmap` maps a
    structure or its weights, one lane runs after the other.

    Examples
    --------
    >>> from brainpy_state.event import CSR
    >>> csr = CSR.from_pairs([0, 0, 2], [1, 3, 0], (3, 4))
    >>> product(csr, 0.5, jnp.array([True, False, False])).tolist()
    [0.0, 0.5, 0.0, 0.5]
    """
    spikes = jnp.asarray(spikes)
    if isinstance(weight, int | float):
        weight = jnp.asarray(weight, spikes.dtype if spikes.dtype.kind == 'f' else jnp.result_type(float))
    weight = jnp.asarray(weight)
    if weight.ndim == 0:
        weight = weight.astype(jnp.float32) if weight.dtype == np.float16 else weight
        return weight * to_post(structure, None, spikes, weight.dtype)
    return to_post(structure, weight, spikes)


_STORED = [('spikes', np.dtype(bool)), ('weight', np.dtype(np.float16))]  # read as numbers of the result's type


def _check_vector(name: str, argument: str, x: Array, size: int) -> None:
    if x.ndim == 0 or x.shape[-1] != size:
        side = {'spikes': 'pre', 'values': 'post'}[argument]
        raise ValueError(f'event.{name}: {argument} have shape {x.shape}, expected (..., {side}) with {side} = {size}.')


def _check_weight(name: str, structure: Structure, weight: Array | None) -> None:
    if weight is None:
        return
    if structure.is_drawn:
        raise ValueError(
            f'event.{name}: weight has shape {weight.shape}, but a procedural structure keeps none; give one number, or a rule.'
        )
    if weight.shape != (structure.nnz,):
        raise ValueError(f'event.{name}: weight has shape {weight.shape}, expected () or (nnz,) = ({structure.nnz},).')


def _dtype(name: str, dtype: Any = None, **factors: Array | None) -> np.dtype:
    # One dtype for all, or an error: a silent cast would hide mixed precision. Only spikes may be bool, and weights float16.
    found = None if dtype is None else np.dtype(dtype)
    for argument, x in factors.items():
        if x is None or (argument, x.dtype) in _STORED:
            continue
        found = found or np.dtype(x.dtype)
        if x.dtype != found:
            or_bool = 'bool or ' if argument == 'spikes' else ''
            raise TypeError(f'event.{name}: {argument} has dtype {x.dtype}, expected {or_bool}{found} like the other factor.')
    found = found or np.dtype(np.float32)
    if found not in (np.float32, np.float64):
        raise TypeError(f'event.{name}: weight and values must be float32 or float64, got {found}.')
    return found
