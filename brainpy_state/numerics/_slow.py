"""Variables that change by less in a step than their type can add to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ._integrate import with_unit

_FINEST = 2.0**9  # times the resolution of the type: rounding then takes at most a thousandth of a change


def is_slow(dt: Any, relaxations: Iterable[Any]) -> bool | None:
    """Whether a step of ``dt`` is too short a part of a time constant for the type of new states.

    Parameters
    ----------
    dt : time
    relaxations : iterable of quantity
        Time constants and rates; what is neither, and what never relaxes, counts as fast.

    Returns
    -------
    bool or None
        None where a traced one decides.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.numerics.is_slow(0.1 * u.ms, [10. * u.ms]), bst.numerics.is_slow(0.1 * u.ms, [1e6 * u.second])
    (False, True)
    """
    dim, unit = u.get_dim(dt), u.get_unit(dt)
    if dim.is_dimensionless:
        return False
    if isinstance(u.get_mantissa(dt), jax.core.Tracer):
        return None
    step = float(u.get_mantissa(dt)) * float(unit.magnitude)
    limit = _FINEST * float(jnp.finfo(jnp.result_type(float)).eps)
    unknown = False
    for value in relaxations:
        is_time = u.get_dim(value) == dim
        if not (is_time or (u.get_dim(value) * dim).is_dimensionless):
            continue
        number = u.get_mantissa(value)
        if isinstance(number, jax.core.Tracer):
            unknown = True
            continue
        number = np.asarray(number, float) * float(u.get_unit(value).magnitude)
        with np.errstate(divide='ignore'):
            part = np.abs(step / number if is_time else step * number)
        if np.any((part > 0) & (part < limit)):
            return True
    return None if unknown else False


def add_exactly(x: Any, change: Any, remainder: jax.Array) -> tuple[Any, jax.Array]:
    """``x + change``, with what rounding has taken from the sums before and what it takes now.

    Parameters
    ----------
    x, change : array or quantity
        Of one unit.
    remainder : array
        In that unit: what rounding has left over. A larger one than rounding leaves belongs to a value that ``x`` has had before
        something else was written, and is dropped.

    Returns
    -------
    total : array or quantity
    remainder : array

    Notes
    -----
    The derivative is that of the plain sum.
    Source: Kahan 1965, doi:10.1145/363707.363723; the error of a sum by Knuth, *The Art of Computer Programming* 2, section 4.2.2.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> x, rest = jnp.float32(1.), jnp.float32(0.)
    >>> for _ in range(10):
    ...     x, rest = bst.numerics.add_exactly(x, jnp.float32(1e-8), rest)
    >>> float(rest) > 0 or float(x) > 1
    True
    """
    unit, a = u.get_unit(x), u.get_mantissa(x)
    mine = jnp.abs(remainder) <= jnp.abs(a) * jnp.finfo(remainder.dtype).eps
    b = u.get_mantissa(change) + jnp.where(mine, remainder, 0)
    total = a + b
    from_b = total - a
    lost = (a - (total - from_b)) + (b - from_b)
    return with_unit(total, unit), jax.lax.stop_gradient(lost)
