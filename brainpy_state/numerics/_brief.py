"""A value in a message."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import numpy as np


def brief(value: Any) -> str:
    """A value as a message shows it: long arrays and traced ones by their shape, and what is known by its number."""
    if np.size(u.get_mantissa(value)) > 4 or isinstance(u.get_mantissa(value), jax.core.Tracer):
        return f'<array of shape {np.shape(u.get_mantissa(value))}>'
    if isinstance(number := u.get_mantissa(value), jax.core.Tracer):
        return f'<traced {jax.typeof(number)}>'
    with jax.ensure_compile_time_eval():
        return str(value)
