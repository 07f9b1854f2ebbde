"""The names of ``brainstate.random``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import environ
from ... import random as _ours
from ...random import *  # noqa: F403
from .._missing import missing

ranf = sample = _ours.random
get_key_data, restore_key = _ours.get_key, _ours.set_key


def _drawn(key: Any) -> Any:
    """A typed key: the one given, or a new one of the default generator."""
    if key is None:
        key = _ours.split_key()
    return key if jnp.issubdtype(jnp.asarray(key).dtype, jax.dtypes.prng_key) else _typed(key)


def _typed(key: Any) -> Any:
    return jax.random.key(int(key)) if np.ndim(key) == 0 else jax.random.wrap_key_data(jnp.asarray(key))


def _shape(size: Any, *parameters: Any) -> tuple[int, ...]:
    if size is None:
        return np.broadcast_shapes(*map(np.shape, parameters))
    return (int(size),) if isinstance(size, (int, np.integer)) else tuple(size)


def random_integers(low: Any, high: Any = None, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """Whole numbers from ``low`` to ``high``, both included; from 1 to ``low`` without ``high``."""
    low, high = (1, low) if high is None else (low, high)
    return _ours.randint(low, jnp.asarray(high) + 1, size=size, key=key, **({} if dtype is None else {'dtype': dtype}))


def maxwell(size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """The length of a vector of three standard normals."""
    return jax.random.maxwell(_drawn(key), _shape(size), dtype or environ.dftype())


def loggamma(a: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """The logarithm of a gamma variable of scale 1."""
    return jax.random.loggamma(_drawn(key), a, _shape(size, a), dtype or environ.dftype())


def weibull_min(a: Any, scale: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """Weibull's distribution of shape ``a``."""
    scale = 1.0 if scale is None else scale
    return jax.random.weibull_min(_drawn(key), scale, a, _shape(size, a, scale), dtype or environ.dftype())


def orthogonal(n: int, size: Any = (), key: Any = None, dtype: Any = None) -> jax.Array:
    """Orthogonal matrices ``(*size, n, n)``, uniformly."""
    return jax.random.orthogonal(_drawn(key), n, _shape(size or ()), dtype or environ.dftype())


def noncentral_chisquare(df: Any, nonc: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """The sum of ``df`` squared normals of which the squared means add up to ``nonc``."""
    first, second = jax.random.split(_drawn(key))
    shape, dtype = _shape(size, df, nonc), dtype or environ.dftype()
    more = jax.random.poisson(first, jnp.asarray(nonc) / 2, shape)
    return jax.random.chisquare(second, (jnp.asarray(df) + 2 * more).astype(dtype), dtype=dtype)


def zipf(a: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """Whole numbers k from 1 on with probabilities proportional to ``k^-a``, for a > 1.

    By rejection: Devroye 1986, *Non-Uniform Random Variate Generation*, section X.6.1.
    """
    shape, real = _shape(size, a), environ.dftype()
    power = jnp.broadcast_to(jnp.asarray(a, real) - 1, shape)

    def propose(key: Any) -> tuple[Any, Any]:
        first, second = jax.random.split(key)
        k = jnp.floor(jax.random.uniform(first, shape, real, jnp.finfo(real).tiny) ** (-1 / power))
        growth = (1 + 1 / k) ** power
        fits = jax.random.uniform(second, shape, real) * k * (growth - 1) / (2**power - 1) <= growth / 2**power
        return k, fits & (k < 2.0**31)

    return _until_all_fit(propose, _drawn(key), shape, real).astype(dtype or environ.ditype())


def hypergeometric(ngood: Any, nbad: Any, nsample: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """How many of ``nsample`` draws without replacement are good, drawn one after the other."""
    shape, real = _shape(size, ngood, nbad, nsample), environ.dftype()
    good, bad, draws = (jnp.broadcast_to(jnp.asarray(x, jnp.int32), shape) for x in (ngood, nbad, nsample))
    of = _drawn(key)

    def draw(k: Any, left: Any) -> Any:
        share = left / jnp.maximum(good + bad - k, 1)
        is_good = jax.random.uniform(jax.random.fold_in(of, k), shape, real) < share
        return jnp.where((k < draws) & is_good, left - 1, left)

    left = jax.lax.fori_loop(0, jnp.max(draws, initial=0), draw, good)
    return (good - left).astype(dtype or environ.ditype())


def _until_all_fit(propose: Callable, key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    def again(state: Any) -> Any:
        key, values, done = state
        key, own = jax.random.split(key)
        found, fits = propose(own)
        return key, jnp.where(done, values, found), done | fits

    start = key, jnp.zeros(shape, dtype), jnp.zeros(shape, bool)
    return jax.lax.while_loop(lambda state: ~jnp.all(state[2]), again, start)[1]


class RandomState(_ours.RandomState):  # type: ignore[no-redef]
    """See `brainpy_state.random.RandomState`; with the further distributions of this room."""

    ranf = sample = _ours.RandomState.random


def _of_a_generator(function: Callable) -> Callable:
    @functools.wraps(function)
    def draw(self: RandomState, *args: Any, key: Any = None, **options: Any) -> Any:
        return function(*args, key=self.split_key() if key is None else key, **options)

    return draw


for _draw in (random_integers, maxwell, loggamma, weibull_min, orthogonal, noncentral_chisquare, zipf, hypergeometric):
    setattr(RandomState, _draw.__name__, _of_a_generator(_draw))
__getattr__ = missing(__name__, globals())
