"""A value in a message."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import numpy as np


def brief(value: Any) -> str:
    """A value as a message shows it: long arrays and traced ones by their shape, and what is known by its number.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.numerics.brief(np.zeros((3, 4)) * u.mV), bst.numerics.brief(2. * u.ms)
    ('<array of shape (3, 4)>', '2. ms')
    """
    if np.size(u.get_mantissa(value)) > 4 or isinstance(u.get_mantissa(value), jax.core.Tracer):
        return f'<array of shape {np.shape(u.get_mantissa(value))}>'
    if isinstance(number := u.get_mantissa(value), jax.core.Tracer):
        return f'<traced {jax.typeof(number)}>'
    with jax.ensure_compile_time_eval():
        return str(value)
