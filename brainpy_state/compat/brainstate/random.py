"""The names of ``brainstate.random``."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ... import environ
from ... import random as _ours
from ..._errors import ParameterError
from ...random import *  # noqa: F403
from .._missing import missing
from .._renamed import renamed

ranf = sample = _ours.random
get_key_data = _ours.get_key


def get_key() -> jax.Array:  # type: ignore[no-redef]
    """The key of the default generator."""
    return jax.random.wrap_key_data(jnp.asarray(_ours.get_key()))


def split_key(n: int | None = None, backup: bool = False) -> jax.Array:  # type: ignore[no-redef]
    """A new key, or ``n`` of them; with ``backup``, `restore_key` goes back to before."""
    return _split(_ours.DEFAULT, n, backup)


def split_keys(n: int, backup: bool = False) -> jax.Array:  # type: ignore[no-redef]
    """``n`` new keys; with ``backup``, `restore_key` goes back to before."""
    return _split(_ours.DEFAULT, n, backup)


def restore_key() -> None:
    """Let the default generator go on from where a key was remembered; a ValueError if there is none."""
    _restore(_ours.DEFAULT)


def clone_rng(seed_or_key: Any = None, clone: bool = True) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.random.clone_rng`; with ``clone=False``, what is given itself, or the default generator."""
    return _ours.clone_rng(seed_or_key) if clone else _ours.default_rng(seed_or_key)


_remembered: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()  # keys of generators, to go back to


def _split(rng: Any, n: int | None, backup: bool) -> jax.Array:
    if backup:
        _remember(rng)
    return jax.random.wrap_key_data(_ours.RandomState.split_key(rng, n))


def _remember(rng: Any) -> None:
    if rng in _remembered:
        raise ParameterError('random: a key is remembered already; call restore_key first.')
    _remembered[rng] = rng.value


def _restore(rng: Any) -> None:
    if rng not in _remembered:
        raise ParameterError('random.restore_key: no key is remembered; call backup_key first, or split_key(backup=True).')
    rng.value = _remembered.pop(rng)


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


def _need(name: str, value: Any, is_allowed: Callable, allowed: str) -> None:
    """Raise if a value that is known is not allowed."""
    if not isinstance(value, jax.core.Tracer) and not np.all(is_allowed(np.asarray(value))):
        raise ParameterError(f'random.{name} must be {allowed}, but is {value}.')


def random_integers(low: Any, high: Any = None, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """Whole numbers from ``low`` to ``high``, both included; from 1 to ``low`` without ``high``."""
    low, high = (1, low) if high is None else (low, high)
    return _ours.randint(low, jnp.asarray(high) + 1, size=size, key=key, **({} if dtype is None else {'dtype': dtype}))


def randint_like(x: Any, low: Any = 0, high: Any = None, dtype: Any = None, key: Any = None) -> jax.Array:  # type: ignore[no-redef]
    """Whole numbers from ``low`` to below ``high``, the largest of ``x`` by default, with the shape and the type of ``x``."""
    high = u.math.max(jnp.asarray(x) if isinstance(x, (list, tuple)) else x) if high is None else high
    drawn = _ours.randint(low, high, np.shape(u.get_mantissa(x)), key)
    return drawn.astype(jnp.result_type(u.get_mantissa(x)) if dtype is None else dtype)


def maxwell(size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """The length of a vector of three standard normals."""
    return jax.random.maxwell(_drawn(key), _shape(size), dtype or environ.dftype())


def loggamma(a: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """The logarithm of a gamma variable of scale 1."""
    return jax.random.loggamma(_drawn(key), a, _shape(size, a), dtype or environ.dftype())


def weibull_min(a: Any, scale: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """Weibull's distribution of shape ``a``."""
    scale = 1.0 if scale is None else scale
    a, scale = (jnp.asarray(x) if isinstance(x, (list, tuple)) else x for x in (a, scale))
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


def noncentral_f(dfnum: Any, dfden: Any, nonc: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """The ratio of a `noncentral_chisquare` and a chi-squared variable, each divided by its degrees of freedom."""
    first, second = jax.random.split(_drawn(key))
    shape, dtype = _shape(size, dfnum, dfden, nonc), dtype or environ.dftype()
    above = noncentral_chisquare(dfnum, nonc, shape, first, dtype) / jnp.asarray(dfnum)
    return above / (jax.random.chisquare(second, jnp.broadcast_to(jnp.asarray(dfden, dtype), shape), dtype=dtype) / jnp.asarray(dfden))


def logseries(p: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """Whole numbers k from 1 on with probabilities proportional to ``p^k / k``, for 0 < p < 1.

    A geometric number whose own chance is drawn: Kemp 1981, doi:10.2307/2346348.
    """
    _need('logseries: p', p, lambda p: (p > 0) & (p < 1), 'in (0, 1)')
    first, second = jax.random.split(_drawn(key))
    shape, real = _shape(size, p), environ.dftype()
    rest = -jnp.expm1(jax.random.uniform(first, shape, real) * jnp.log1p(-jnp.asarray(p, real)))
    k = 1 + jnp.log(jax.random.uniform(second, shape, real, jnp.finfo(real).tiny)) / jnp.log(jnp.maximum(rest, jnp.finfo(real).tiny))
    return jnp.maximum(1, jnp.floor(k)).astype(dtype or environ.ditype())


def zipf(a: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
    """Whole numbers k from 1 on with probabilities proportional to ``k^-a``, for a > 1.

    By rejection: Devroye 1986, *Non-Uniform Random Variate Generation*, section X.6.1.
    """
    _need('zipf: a', a, lambda a: a > 1, 'above 1')
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


class _Generators(type(_ours.RandomState)):  # type: ignore[misc]
    """Makes generators of the core, such as the default one, be instances."""

    def __instancecheck__(cls, obj: Any) -> bool:
        return isinstance(obj, _ours.RandomState)


class RandomState(_ours.RandomState, metaclass=_Generators):  # type: ignore[no-redef]
    """See `brainpy_state.random.RandomState`; with the further distributions of this room."""

    ranf = sample = _ours.RandomState.random

    def split_key(self, n: int | None = None, backup: bool = False) -> jax.Array:
        """A new key, or ``n`` of them."""
        return _split(self, n, backup)

    def split_keys(self, n: int, backup: bool = False) -> jax.Array:
        """``n`` new keys."""
        return _split(self, n, backup)

    def set_key(self, key: Any) -> None:
        """Go on from a key."""
        self.value = _ours.RandomState(key).value

    def backup_key(self) -> None:
        """Remember the key, for `restore_key`; a ValueError if one is remembered already."""
        _remember(self)

    def restore_key(self) -> None:
        """Go on from the key that was remembered; a ValueError if there is none."""
        _restore(self)


def _of_a_generator(function: Callable) -> Callable:
    @functools.wraps(function)
    def draw(self: RandomState, *args: Any, key: Any = None, **options: Any) -> Any:
        return function(*args, key=self.split_key() if key is None else key, **options)

    return draw


_FURTHER = (random_integers, randint_like, maxwell, loggamma, weibull_min, orthogonal, zipf, hypergeometric, logseries)
for _draw in (*_FURTHER, noncentral_chisquare, noncentral_f):
    setattr(RandomState, _draw.__name__, _of_a_generator(_draw))

_CHECKED = ('power', 'multinomial', 'bernoulli', 'binomial', 'chisquare', 'truncated_normal')  # values that are known always are
for _name in _CHECKED:
    globals()[_name] = renamed(globals()[_name], check_valid=None)
    setattr(RandomState, _name, renamed(getattr(RandomState, _name), check_valid=None))
for _name in ('rand_like', 'randn_like', 'randint_like'):
    globals()[_name] = renamed(globals()[_name], input='x')
    setattr(RandomState, _name, renamed(getattr(RandomState, _name), input='x'))
for _name, _new in (('seed', 'seed'), ('seed_context', 'seed'), ('default_rng', 'seed'), ('set_key', 'key')):
    globals()[_name] = renamed(globals()[_name], seed_or_key=_new)
RandomState.__init__ = renamed(RandomState.__init__, seed_or_key='seed')  # type: ignore[method-assign]
__getattr__ = missing(__name__, globals())
