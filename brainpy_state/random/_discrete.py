"""Draws of integers, and choices from arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._errors import ParameterError, ShapeError
from .._tracebacks import entries
from ._params import (
    ANY,
    COUNT,
    DISTRIBUTION,
    NOT_NEGATIVE,
    POSITIVE,
    PROBABILITY,
    PROBABILITY_NOT_0,
    integer,
    line,
    numbers,
    ordered,
    plain,
    shape,
    split_unit,
    with_unit,
)


@entries
class Discrete:
    """Methods that draw integers or elements. Their parameters have no unit; what is chosen or reordered may be a quantity."""

    _key: Callable[[Any], jax.Array]
    _draw: Callable[..., jax.Array]

    def randint(self, low: Any, high: Any = None, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Integers from ``low`` (or 0, if only one bound is given) up to, not including, ``high``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.randint(0, 10, 3).shape
        (3,)
        """
        low, high = (0, low) if high is None else (low, high)
        low, high = plain('randint', None, low=(low, ANY), high=(high, ANY))
        if not all(jnp.issubdtype(bound.dtype, jnp.integer) for bound in (low, high)):
            raise TypeError(f'random.randint: bounds are integers, but are {low} and {high}.')
        ordered('randint', strictly=True, low=low, high=high)
        return self._draw(jax.random.randint, key, shape('randint', size, low, high), low, high, integer(dtype))

    def randint_like(self, x: Any, low: Any, high: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """`randint` with the shape of ``x`` and, if that is an integer, its type.

        Examples
        --------
        >>> import numpy as np
        >>> import brainpy_state as bst
        >>> bst.random.randint_like(np.zeros((2, 3)), 0, 10).shape
        (2, 3)
        """
        x, _ = split_unit(numbers('randint_like', 'x', x))
        own = jnp.result_type(x)
        return self.randint(low, high, np.shape(x), key, own if dtype is None and jnp.issubdtype(own, jnp.integer) else dtype)

    def bernoulli(self, p: Any = 0.5, size: Any = None, key: Any = None) -> jax.Array:
        """True with probability ``p``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.bernoulli(0.5, 3).shape
        (3,)
        """
        (p,) = plain('bernoulli', environ.dftype(), p=(p, PROBABILITY))
        return self._draw(jax.random.bernoulli, key, p, shape('bernoulli', size, p))

    def binomial(self, n: Any, p: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """How many of ``n`` trials succeed, each with probability ``p``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.binomial(10, 0.5, 3).shape
        (3,)
        """
        n, p = plain('binomial', environ.dftype(), n=(n, COUNT), p=(p, PROBABILITY))
        dtype = integer(dtype)
        return self._draw(jax.random.binomial, key, n, p, shape('binomial', size, n, p), environ.dftype()).astype(dtype)

    def geometric(self, p: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """The number of trials up to and including the first success, each with probability ``p``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.geometric(0.5, 3).shape
        (3,)
        """
        (p,) = plain('geometric', environ.dftype(), p=(p, PROBABILITY_NOT_0))
        return self._draw(jax.random.geometric, key, p, shape('geometric', size, p), integer(dtype))

    def negative_binomial(self, n: Any, p: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """The number of failures before the ``n``-th success, each trial with probability ``p``; ``n`` may be any positive number.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.negative_binomial(3, 0.5, 3).shape
        (3,)
        """
        n, p = plain('negative_binomial', environ.dftype(), n=(n, POSITIVE), p=(p, PROBABILITY_NOT_0))
        size, dtype = shape('negative_binomial', size, n, p), integer(dtype)
        rates, counts = jax.random.split(self._key(key))
        rate = jax.random.gamma(rates, n, size, environ.dftype()) * ((1 - p) / p)
        return jax.random.poisson(counts, rate, size, dtype)

    def poisson(self, lam: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Counts with mean ``lam``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.poisson(4., 3).shape
        (3,)
        """
        (lam,) = plain('poisson', environ.dftype(), lam=(lam, NOT_NEGATIVE))
        return self._draw(jax.random.poisson, key, lam, shape('poisson', size, lam), integer(dtype))

    def multinomial(self, n: Any, pvals: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """How often each outcome occurs in ``n`` trials; ``size`` is the shape in front of the axis of ``pvals``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.multinomial(5, [0.2, 0.8], 3).shape
        (3, 2)
        """
        n, p = plain('multinomial', environ.dftype(), n=(n, COUNT), pvals=(_listed('multinomial', 'pvals', pvals), DISTRIBUTION))
        size, dtype = shape('multinomial', size, n, p[..., 0]), integer(dtype)
        trials, p = jnp.broadcast_to(n, size), jnp.broadcast_to(p, (*size, p.shape[-1]))
        counts = self._draw(jax.random.multinomial, key, trials, p, dtype=environ.dftype())
        return counts.astype(dtype)

    def categorical(self, logits: Any, axis: int = -1, size: Any = None, key: Any = None) -> jax.Array:
        """Indices along an axis, with probabilities ``softmax(logits)``; ``size`` is the shape of the result.

        Examples
        --------
        >>> import numpy as np
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.categorical(np.zeros(4), size=3).shape
        (3,)
        """
        (logits,) = plain('categorical', environ.dftype(), logits=(_listed('categorical', 'logits', logits), ANY))
        logits = jnp.moveaxis(logits, line('categorical', axis, logits.ndim), -1)
        drawn = self._draw(jax.random.categorical, key, logits, shape=shape('categorical', size, logits[..., 0]))
        return drawn.astype(environ.ditype())

    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None, axis: int = 0, key: Any = None) -> Any:
        """Elements of an array along an axis, or of ``range(a)``; with ``replace=False`` each at most once.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.choice(5, 3, replace=False).shape
        (3,)
        """
        a, unit = _items('choice', 'a', a)
        if a.ndim:
            axis = line('choice', axis, a.ndim)
        n = a.shape[axis] if a.ndim else int(a)
        size = shape('choice', size)
        if n < 1 or (not replace and math.prod(size) > n):
            raise ParameterError(f'random.choice: {math.prod(size)} of {n} elements cannot be chosen with replace={replace}.')
        if p is not None:
            (p,) = plain('choice', environ.dftype(), p=(_listed('choice', 'p', p), DISTRIBUTION))
            if p.shape != (n,):
                raise ShapeError(f'random.choice: p of shape {p.shape} must have one number for each of {n} elements.')
        index = self._draw(jax.random.choice, key, n, size, bool(replace), p).astype(environ.ditype())
        return with_unit(jnp.take(jnp.asarray(a), index, axis), unit) if a.ndim else index

    def permutation(self, x: Any, axis: int = 0, independent: bool = False, key: Any = None) -> Any:
        """A random order of an array along an axis, or of ``range(x)``; ``independent`` orders each line along the axis by itself.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.permutation(5).shape
        (5,)
        """
        x, unit = _items('permutation', 'x', x)
        x = jnp.asarray(x) if x.ndim else jnp.arange(int(x), dtype=environ.ditype())
        axis = line('permutation', axis, x.ndim)
        return with_unit(self._draw(jax.random.permutation, key, x, axis, bool(independent)), unit)

    def shuffle(self, x: Any, axis: int = 0, key: Any = None) -> Any:
        """A copy of an array in random order along an axis; arrays of JAX cannot be changed in place.

        Examples
        --------
        >>> import numpy as np
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.shuffle(np.arange(5)).shape
        (5,)
        """
        return self.permutation(x, axis, key=key)


def _listed(where: str, name: str, value: Any) -> Any:
    value = numbers(where, name, value)
    if not value.ndim:
        raise ShapeError(f'random.{where}: {name} has one number for each outcome, but is {value}.')
    return value


def _items(where: str, name: str, value: Any) -> tuple[Any, u.Unit]:
    """An array and its unit; or, without axes and unit, how many numbers to count."""
    x, unit = split_unit(numbers(where, name, value))
    if not np.ndim(x) and (unit != u.UNITLESS or isinstance(x, jax.core.Tracer) or not jnp.issubdtype(x.dtype, jnp.integer) or x < 0):
        raise TypeError(f'random.{where}: {name} is an array, or an integer, 0 or positive and known, but is {value!r}.')
    return x, unit
