"""The names of ``brainstate.environ``."""

from __future__ import annotations

import jax

from ... import environ as _ours
from ...environ import *  # noqa: F403
from .._missing import missing


def get_platform() -> str:
    """The platform that JAX computes on."""
    return jax.default_backend()


def reset() -> None:
    """Forget every setting; numbers have 32 bits again."""
    for key in list(_ours.all()):
        if key != 'precision':
            _ours.pop(key)
    _ours.set(precision=32)


__getattr__ = missing(__name__, globals())
