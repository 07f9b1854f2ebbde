"""Formulas of random draws, from a 64-bit word to a number, in float64.

They consist of additions, products, quotients and square roots, which every processor rounds alike, so NumPy and native kernels
agree in every bit. `formulas` makes them for both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

# SplitMix64: Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195
GOLDEN, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB

# Places among the words of a procedural structure; roots of keys stand before, and a law has six numbers.
LOG_Q, WEIGHT_LAW, DELAY_LAW, P, WORDS = 3, 4, 10, 16, 17

BINS = 256  # int64 numbers at the start of the memory of a native sort; the rest is as large as what is sorted
HEAD = 64  # bytes at the start of the memory in which a row of synapses is drawn
AHEAD = 16  # gaps that native code draws at once, a power of two

SQRT_HALF, LN_2 = math.sqrt(0.5), math.log(2.0)
_ARTANH = tuple(2.0 / (2 * k + 1) for k in reversed(range(11)))

# Quantiles of the normal distribution, to 16 digits: Wichura 1988, algorithm AS 241, doi:10.2307/2347330. Highest power first.
CENTRE, NEAR_TAIL = 0.425, 5.0
OF_CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
OF_NEAR_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip
OF_FAR_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def longest_row(rule: Any, post: int) -> int:
    """Synapses of a source that there must be room for."""
    return -(-(post if rule.kind == 'gaps' else rule.width) // 8) * 8


def row_memory(parameters: dict[str, Any]) -> int:
    """Bytes that the drawing of a row needs, of the parameters of an operation."""
    return HEAD + 8 * BINS + 36 * longest_row(parameters['rule'], parameters['shape'][1])


class Formulas(NamedTuple):
    """Functions of numbers or arrays."""

    log: Callable[[Any, Any], Any]
    """Logarithm of ``m * 2**e``, m from sqrt(1/2) to sqrt(2)."""
    centre: Callable[[Any], Any]
    """Normal quantile of ``0.5 + q``, |q| at most `CENTRE`."""
    near_tail: Callable[[Any], Any]
    """Upper normal quantile of the probability ``exp(-r * r)``, r at most `NEAR_TAIL`, outside of the centre."""
    far_tail: Callable[[Any], Any]
    """The same beyond."""


def formulas(compiled: Callable[[Any], Any] = lambda function: function) -> Formulas:
    """The formulas, each passed through a compiler."""

    @compiled
    def polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
        total = coefficients[0]
        for coefficient in coefficients[1:]:
            total = total * x + coefficient
        return total

    @compiled
    def log(m: Any, e: Any) -> Any:
        s = (m - 1.0) / (m + 1.0)
        return e * LN_2 + s * polynomial(s * s, _ARTANH)

    @compiled
    def centre(q: Any) -> Any:
        x = CENTRE * CENTRE - q * q
        return q * polynomial(x, OF_CENTRE[0]) / polynomial(x, OF_CENTRE[1])

    @compiled
    def near_tail(r: Any) -> Any:
        return polynomial(r - 1.6, OF_NEAR_TAIL[0]) / polynomial(r - 1.6, OF_NEAR_TAIL[1])

    @compiled
    def far_tail(r: Any) -> Any:
        return polynomial(r - 5.0, OF_FAR_TAIL[0]) / polynomial(r - 5.0, OF_FAR_TAIL[1])

    return Formulas(log, centre, near_tail, far_tail)
