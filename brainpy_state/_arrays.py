"""Arrays of JAX from those of NumPy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._frames import EAGER, current_trace


def put(x: Any) -> jax.Array:
    """An array as one of JAX, which may keep its memory: nobody else may write to that.

    Unlike `jnp.asarray`, it compiles nothing for a NumPy array of a new shape, outside of traces.
    """
    if isinstance(x, jax.Array) or current_trace() is not EAGER:
        return jnp.asarray(x)
    return jax.device_put(np.asarray(x))
