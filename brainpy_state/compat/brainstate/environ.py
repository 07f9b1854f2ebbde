"""The names of ``brainstate.environ``."""

from __future__ import annotations

import jax

from ...environ import *  # noqa: F403
from .._missing import missing


def get_platform() -> str:
    """The platform that JAX computes on."""
    return jax.default_backend()


__getattr__ = missing(__name__, globals())
