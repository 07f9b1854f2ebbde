"""`Stream`: random numbers that are a function of what draws them and when."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import UnitError
from .._tracebacks import entries
from ..state import State
from ._claims import draw
from ._keys import Seed, check_seed, named_key, typed
from ._params import NOT_NEGATIVE, PROBABILITY, Rule, mantissa, numbers, real, require, shape
from ._poisson import sampler
from ._state import DEFAULT
from ._threefry import element_numbers, threefry

_WORDS = 2.0**32  # as many values has a word
_LARGEST = {np.dtype(np.float32): 2.0**32 - 2.0**8, np.dtype(np.float64): 2.0**32 - 1}  # below 2**32


class Place(NamedTuple):
    """Where a stream stands: all uint32.

    Attributes
    ----------
    key : (2,)
        Which stream it is.
    lane : ()
        Of `transform.vmap`; 0 outside of any.
    step : ()
        How many draws came before.
    """

    key: Any
    lane: Any
    step: Any


@entries
class Stream(State):
    """Random numbers for one population: each is a function of the seed, the neuron and the step, and of nothing else.

    A step is a draw: every draw has one number, or more if it needs them, for each element of an array. So the numbers do not
    depend on what else the network draws, nor on how a run is divided into chunks, nor on the size of a batch.

    Parameters
    ----------
    seed : int, str, tuple of them or None
        The stream's name: the same name gives the same numbers. ``None`` draws a name from the default generator, here and at every
        `restart`.

    Notes
    -----
    The n-th element in row-major order takes the words of counter (n, step) of Threefry-2x32. So row 0 of a batch has the numbers of
    a population without batch. In `transform.vmap` the lanes continue the batch: lane k has the numbers of row k. A stream belongs
    to all lanes; declaring it in ``in_states`` changes nothing. It goes on after the lanes where the furthest of them stands. Streams
    that are made with the same seed inside of one lane and of another have the same numbers. In `sweep`, all lanes have the numbers of
    a run alone.

    A stream repeats itself after 2^32 draws; batches and lanes together must have fewer than 2^32 elements.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> noise, again = bst.random.Stream((1, 'noise')), bst.random.Stream((1, 'noise'))
    >>> x, y = noise.standard_normal(3), again.standard_normal((2, 3))
    >>> np.array_equal(x, y[0])
    True
    """

    def __init__(self, seed: Seed = None):
        check_seed(seed, 'Stream')
        super().__init__(Place(_key(seed), np.uint32(0), np.uint32(0)))
        self.seed = seed

    def restart(self) -> None:
        """Go back to the first step; without a seed, under another name."""
        key = _key(self.seed)
        self.value = self.value._replace(key=key, step=np.uint32(0))

    @staticmethod
    def lanes(value: Place, n: int) -> tuple[Place, Place]:
        """The place itself, and those of ``n`` lanes, stacked."""
        lane = value.lane * np.uint32(n) + jnp.arange(n, dtype=np.uint32)
        key, step = (jnp.broadcast_to(x, (n, *np.shape(x))) for x in (value.key, value.step))
        return value, Place(key, lane, step)

    @staticmethod
    def with_key(value: Place, change: Callable[[Any], Any]) -> Place:
        """The same place in a stream of another key."""
        return value._replace(key=change(value.key))

    @staticmethod
    def rejoin(before: Place, lanes: Place) -> Place:
        """Where the stream goes on after lanes: with the name of the first, at the step of the furthest."""
        return Place(lanes.key[0], before.lane, lanes.step.max())

    def words(self, size: Any, *, elements: Any = None) -> tuple[jax.Array, jax.Array]:
        """Two independent arrays of uniform uint32 numbers; with ``elements``, uint32, those of the elements of these numbers."""
        size = shape('Stream.words', size)
        place = self._advance()
        each = element_numbers(size) if elements is None else elements
        return threefry(place.key, each + place.lane * np.uint32(math.prod(size) % 2**32), place.step)

    def random(self, size: Any = None, dtype: Any = None) -> jax.Array:
        """Uniform on [0, 1), with as many bits as a number of the type has."""
        dtype = real(dtype)
        high, low = self.words(shape('Stream.random', size))
        bits = jnp.finfo(dtype).nmant + 1
        if bits <= 32:
            return (high >> np.uint32(32 - bits)).astype(dtype) * dtype.type(2.0**-bits)
        upper, lower = (high >> np.uint32(64 - bits - 6)).astype(dtype), (low >> np.uint32(6)).astype(dtype)
        return upper * dtype.type(2.0 ** (26 - bits)) + lower * dtype.type(2.0**-bits)

    def standard_normal(self, size: Any = None, dtype: Any = None, *, elements: Any = None) -> jax.Array:
        """Normal with mean 0 and standard deviation 1; ``elements`` as in `words`."""
        return _normal(*self.words(shape('Stream.standard_normal', size), elements=elements), real(dtype))

    def bernoulli(self, p: Any = 0.5, size: Any = None) -> jax.Array:
        """True with probability ``p``; exact to 2^-32 where that is known when a function is compiled."""
        p = _parameter('Stream.bernoulli', 'p', p, PROBABILITY)
        if isinstance(p, jax.core.Tracer):
            threshold = jnp.clip(p * _WORDS, 0, _LARGEST[np.dtype(p.dtype)]).astype(np.uint32)
        else:
            threshold = np.minimum(np.rint(p * _WORDS), _WORDS - 1).astype(np.uint32)
        return self.words(shape('Stream.bernoulli', size, p))[0] < threshold

    def poisson(self, lam: Any = 1.0, size: Any = None) -> jax.Array:
        """Counts with mean ``lam``, int32.

        Means that are known when a function is compiled take one random word for each count and are exact to 2^-32, unless their
        tables would be too large (a mean above 10^6, or 60,000 different ones above 50). Those, and means that are traced, are left to
        ``jax.random.poisson``, which takes some sixty times as long.
        """
        lam = _parameter('Stream.poisson', 'lam', lam, NOT_NEGATIVE)
        size = shape('Stream.poisson', size, lam)
        if not isinstance(lam, jax.core.Tracer) and (draw := sampler(lam)) is not None:
            return draw(self.words(size)[0])
        place = self._advance()
        key = jnp.stack(threefry(place.key, place.lane, place.step))
        return jax.random.poisson(typed(key), lam, size, np.int32)

    def _advance(self) -> Place:
        place: Place = draw(self, lambda place: (place._replace(step=place.step + np.uint32(1)), place))
        return place


def _key(seed: Seed) -> Any:
    return DEFAULT.split_key() if seed is None else named_key(seed)


def _parameter(where: str, name: str, value: Any, rule: Rule) -> Any:
    """A parameter without unit: traced, or known and checked, then in double precision."""
    value = numbers(where, name, value)
    if not u.get_dim(value).is_dimensionless:
        raise UnitError(f'random.{where}: {name} must have no unit, but is {value}.')
    number = mantissa(value, u.UNITLESS)
    if isinstance(number, jax.core.Tracer):
        return number
    number = np.asarray(number, float)
    require(where, name, number, rule)
    return number


def _normal(a: jax.Array, b: jax.Array, dtype: Any) -> jax.Array:
    """One normal number from two words: Box & Muller 1958, doi:10.1214/aoms/1177706645, up to 6.7 deviations away.

    The sine of an angle in the right half of the circle is distributed as that of any angle, and is a polynomial without branches.
    """
    radius = jnp.sqrt(-2 * jnp.log((a.astype(dtype) + dtype.type(0.5)) * dtype.type(1 / _WORDS)))
    y = jax.lax.bitcast_convert_type(b, np.int32).astype(dtype) * dtype.type(2 / _WORDS)  # of a right angle, in [-1, 1)
    terms = 6 if dtype == np.float32 else 11  # for an error below that of rounding
    sine: Any = dtype.type(0)
    for k in reversed(range(terms)):
        sine = sine * (y * y) + dtype.type((-1) ** k * (np.pi / 2) ** (2 * k + 1) / math.factorial(2 * k + 1))
    return radius * (sine * y)
