"""The names of ``brainstate.environ``."""

from __future__ import annotations

import jax
import numpy as np

from ... import environ as _ours
from ...environ import *  # noqa: F403
from .._missing import missing

DEFAULT_PRECISION, SUPPORTED_PRECISIONS, SUPPORTED_PLATFORMS = 32, (32, 64), ('cpu', 'gpu', 'tpu')
I, T, DT, FIT, PRECISION, PLATFORM, HOST_DEVICE_COUNT = 'i', 't', 'dt', 'fit', 'precision', 'platform', 'host_device_count'  # noqa: E741


def set_platform(platform: str) -> None:
    """Compute on ``'cpu'``, ``'gpu'`` or ``'tpu'``."""
    _ours.set(platform=platform)


def set_host_device_count(n: int) -> None:
    """Let the processor count as so many devices; before JAX computes anything."""
    _ours.set(host_device_count=n)


def get_host_device_count() -> int:
    """How many devices the processor counts as."""
    return jax.device_count('cpu')


def set_precision(precision: int) -> None:
    """Numbers of 32 or 64 bits."""
    _ours.set(precision=precision)


def tolerance() -> np.ndarray:
    """By how much numbers of the precision may differ that ought to be equal."""
    return np.asarray(1e-12 if _ours.get_precision() == 64 else 1e-5, _ours.dftype())


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
