"""Draws of integers, and choices from arrays."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._errors import ParameterError, ShapeError
from ._params import (
    ANY,
    DISTRIBUTION,
    NOT_NEGATIVE,
    POSITIVE,
    PROBABILITY,
    PROBABILITY_NOT_0,
    integer,
    ordered,
    plain,
    shape,
    split_unit,
    with_unit,
)


class Discrete:
    """Methods that draw integers or elements. Their parameters have no unit; what is chosen or reordered may be a quantity."""

    _key: Callable[[Any], jax.Array]

    def randint(self, low: Any, high: Any = None, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Integers from ``low`` (or 0, if only one bound is given) up to, not including, ``high``."""
        low, high = (0, low) if high is None else (low, high)
        low, high = plain('randint', None, low=(low, ANY), high=(high, ANY))
        if not all(jnp.issubdtype(bound.dtype, jnp.integer) for bound in (low, high)):
            raise TypeError(f'random.randint: bounds are integers, but are {low} and {high}.')
        ordered('randint', strictly=True, low=low, high=high)
        return jax.random.randint(self._key(key), shape('randint', size, low, high), low, high, integer(dtype))

    def randint_like(self, x: Any, low: Any, high: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """`randint` with the shape of ``x`` and, if that is an integer, its type."""
        x, _ = split_unit(x)
        own = jnp.result_type(x)
        return self.randint(low, high, np.shape(x), key, own if dtype is None and jnp.issubdtype(own, jnp.integer) else dtype)

    def bernoulli(self, p: Any = 0.5, size: Any = None, key: Any = None) -> jax.Array:
        """True with probability ``p``."""
        (p,) = plain('bernoulli', environ.dftype(), p=(p, PROBABILITY))
        return jax.random.bernoulli(self._key(key), p, shape('bernoulli', size, p))

    def binomial(self, n: Any, p: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """How many of ``n`` trials succeed, each with probability ``p``."""
        n, p = plain('binomial', environ.dftype(), n=(n, NOT_NEGATIVE), p=(p, PROBABILITY))
        return jax.random.binomial(self._key(key), n, p, shape('binomial', size, n, p), environ.dftype()).astype(integer(dtype))

    def geometric(self, p: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """The number of trials up to and including the first success, each with probability ``p``."""
        (p,) = plain('geometric', environ.dftype(), p=(p, PROBABILITY_NOT_0))
        return jax.random.geometric(self._key(key), p, shape('geometric', size, p), integer(dtype))

    def negative_binomial(self, n: Any, p: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """The number of failures before the ``n``-th success, each trial with probability ``p``; ``n`` may be any positive number."""
        n, p = plain('negative_binomial', environ.dftype(), n=(n, POSITIVE), p=(p, PROBABILITY_NOT_0))
        size = shape('negative_binomial', size, n, p)
        rates, counts = jax.random.split(self._key(key))
        rate = jax.random.gamma(rates, n, size, environ.dftype()) * ((1 - p) / p)
        return jax.random.poisson(counts, rate, size, integer(dtype))

    def poisson(self, lam: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Counts with mean ``lam``."""
        (lam,) = plain('poisson', environ.dftype(), lam=(lam, NOT_NEGATIVE))
        return jax.random.poisson(self._key(key), lam, shape('poisson', size, lam), integer(dtype))

    def multinomial(self, n: Any, pvals: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """How often each outcome occurs in ``n`` trials; ``size`` is the shape in front of the axis of ``pvals``."""
        n, p = plain('multinomial', environ.dftype(), n=(n, NOT_NEGATIVE), pvals=(_listed('multinomial', 'pvals', pvals), DISTRIBUTION))
        size = shape('multinomial', size, n, p[..., 0])
        trials, p = jnp.broadcast_to(n, size), jnp.broadcast_to(p, (*size, p.shape[-1]))
        counts = jax.random.multinomial(self._key(key), trials, p, dtype=environ.dftype())
        return counts.astype(integer(dtype))

    def categorical(self, logits: Any, axis: int = -1, size: Any = None, key: Any = None) -> jax.Array:
        """Indices along an axis, with probabilities ``softmax(logits)``; ``size`` is the shape of the result."""
        (logits,) = plain('categorical', environ.dftype(), logits=(_listed('categorical', 'logits', logits), ANY))
        logits = jnp.moveaxis(logits, axis, -1)
        drawn = jax.random.categorical(self._key(key), logits, shape=shape('categorical', size, logits[..., 0]))
        return drawn.astype(environ.ditype())

    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None, axis: int = 0, key: Any = None) -> Any:
        """Elements of an array along an axis, or of ``range(a)``; with ``replace=False`` each at most once."""
        a, unit = split_unit(a)
        n = operator.index(a) if np.ndim(a) == 0 else np.shape(a)[axis]
        size = shape('choice', size)
        if n < 1 or (not replace and np.prod(size, dtype=int) > n):
            raise ParameterError(f'random.choice: {np.prod(size, dtype=int)} of {n} elements cannot be chosen with replace={replace}.')
        if p is not None:
            (p,) = plain('choice', environ.dftype(), p=(_listed('choice', 'p', p), DISTRIBUTION))
            if p.shape != (n,):
                raise ShapeError(f'random.choice: p of shape {p.shape} must have one number for each of {n} elements.')
        index = jax.random.choice(self._key(key), n, size, replace, p).astype(environ.ditype())
        return index if np.ndim(a) == 0 else with_unit(jnp.take(jnp.asarray(a), index, axis), unit)

    def permutation(self, x: Any, axis: int = 0, independent: bool = False, key: Any = None) -> Any:
        """A random order of an array along an axis, or of ``range(x)``; ``independent`` orders each line along the axis by itself."""
        x, unit = split_unit(x)
        x = jnp.arange(operator.index(x), dtype=environ.ditype()) if np.ndim(x) == 0 else jnp.asarray(x)
        return with_unit(jax.random.permutation(self._key(key), x, axis, independent), unit)

    def shuffle(self, x: Any, axis: int = 0, key: Any = None) -> Any:
        """A copy of an array in random order along an axis; arrays of JAX cannot be changed in place."""
        return self.permutation(x, axis, key=key)


def _listed(where: str, name: str, value: Any) -> Any:
    if not np.ndim(value):
        raise ShapeError(f'random.{where}: {name} has one number for each outcome, but is {value}.')
    return value
