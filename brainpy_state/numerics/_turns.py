"""Phases after very many steps, exact in 32 bits.

A phase is a fixed-point number modulo one turn in two words of 32 bits. Multiplying it by the number of a step
wraps around as phases do, so nothing is lost however large that number is.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_WORD = 2.0**32
_HALF = np.uint32(16)
_LOW = np.uint32(0xFFFF)

Words = tuple[Any, Any]


def turns(step: Any, rate: Any, dt: float) -> jax.Array:
    """The phase after ``step`` steps of ``rate * dt`` turns each, in turns from -1/2 up to 1/2.

    Parameters
    ----------
    step : int32
    rate : array
        Known, then taken in double precision; or traced, then taken as the exact number that it is.
    dt : float
        In the inverse unit of the rate.

    Returns
    -------
    array
        Right to 1e-6 of a turn for all steps of 32 bits; differentiable by the rate.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> float(bst.numerics.turns(3, 2.5, 0.1))
    -0.25
    """
    if not isinstance(rate, jax.core.Tracer):
        return signed_turns(multiple(step, known_words(np.asarray(rate, float) * dt)))
    return _traced_turns(rate, jnp.asarray(step, jnp.int32), dt)


def known_words(fraction: Any) -> Words:
    """A known number of turns modulo 1, as words."""
    part = np.asarray(fraction, float) % 1.0
    high = np.floor(part * _WORD)
    low = np.minimum(np.rint((part * _WORD - high) * _WORD), _WORD - 1)
    return (high % _WORD).astype(np.uint32), low.astype(np.uint32)


def multiple(step: Any, words: Words) -> Words:
    """``step`` times a phase; ``step`` is int32 and may be negative."""
    high, low = words
    step = jnp.asarray(step, jnp.int32)
    number = step.astype(np.uint32)  # modulo 2^32
    carried = _high_word(number, low) - jnp.where(step < 0, low, np.uint32(0))
    return number * high + carried, number * low


def added(a: Words, b: Words) -> Words:
    """The sum of two phases."""
    low = a[1] + b[1]
    return a[0] + b[0] + (low < a[1]).astype(np.uint32), low


def signed_turns(words: Words) -> jax.Array:
    """A phase as a number from -1/2 up to 1/2."""
    high, low = words
    dtype = jnp.result_type(float)
    turns = jax.lax.bitcast_convert_type(high, np.int32).astype(dtype) * dtype.type(1 / _WORD)
    return turns if dtype == np.float32 else turns + low.astype(dtype) * dtype.type(1 / _WORD**2)


def positive_turns(words: Words) -> jax.Array:
    """A phase as a number from 0 up to 1."""
    high, low = words
    dtype = jnp.result_type(float)
    if dtype == np.float32:  # as many bits as it has, so that nothing is rounded up to 1
        return (high >> np.uint32(8)).astype(dtype) * dtype.type(2.0**-24)
    return high.astype(dtype) * dtype.type(1 / _WORD) + (low >> np.uint32(11)).astype(dtype) * dtype.type(2.0**-53)


def _high_word(a: Any, b: Any) -> Any:
    """The upper half of the product of two words."""
    a_low, a_high, b_low, b_high = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    middle = a_high * b_low + (a_low * b_low >> _HALF)
    other = a_low * b_high + (middle & _LOW)
    return a_high * b_high + (middle >> _HALF) + (other >> _HALF)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _traced_turns(rate: Any, step: Any, dt: float) -> jax.Array:
    return signed_turns(multiple(step, _traced_words(rate, dt)))


@_traced_turns.defjvp
def _traced_turns_jvp(dt: float, primals: tuple, tangents: tuple) -> tuple:
    rate, step = primals
    return _traced_turns(rate, step, dt), tangents[0] * (step * dt)


def _traced_words(rate: Any, dt: float) -> Words:
    """The phase of ``rate * dt`` turns, from products that are exact in the rate's type."""
    if rate.dtype != np.float32:
        return _words(rate * dt)
    high_bits = jax.lax.bitcast_convert_type(rate, np.uint32) & np.uint32(0xFFFFF000)
    high = jax.lax.bitcast_convert_type(high_bits, np.float32)
    parts, left = [], float(dt)
    for _ in range(4):  # of 12 bits each
        exponent = np.frexp(left)[1]
        part = np.ldexp(np.floor(np.ldexp(left, 12 - exponent)), exponent - 12)
        parts.append(np.float32(part))
        left -= float(part)
    words = [_words(x * part) for part in parts for x in (high, rate - high)]
    total = words[0]
    for other in words[1:]:
        total = added(total, other)
    return total


def _words(fraction: Any) -> Words:
    """A traced number of turns, zero or more, modulo 1."""
    scaled = (fraction - jnp.floor(fraction)) * fraction.dtype.type(_WORD)
    high = jnp.floor(scaled)
    return high.astype(np.uint32), ((scaled - high) * fraction.dtype.type(_WORD)).astype(np.uint32)
