"""The names of ``brainstate.environ``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import environ as _ours
from ..._errors import ParameterError
from ...environ import *  # noqa: F403
from .._environments import EnvironmentState as EnvironmentState
from .._environments import require_behavior, tell
from .._missing import missing

I, T, DT, PRECISION, PLATFORM, HOST_DEVICE_COUNT = 'i', 't', 'dt', 'precision', 'platform', 'host_device_count'  # noqa: E741
JIT_ERROR_CHECK, FIT = 'jit_error_check', 'fit'
DEFAULT_PRECISION, SUPPORTED_PRECISIONS, SUPPORTED_PLATFORMS = 32, (32, 64), ('cpu', 'gpu', 'tpu')

_behaviours: dict[str, Callable[[Any], Any]] = {}


def set(**settings: Any) -> None:  # type: ignore[no-redef]
    """See `brainpy_state.environ.set`; then what is registered for these settings is called."""
    _ours.set(**settings)
    tell(_behaviours, settings)


@contextmanager  # type: ignore[no-redef]
def context(**settings: Any) -> Iterator[dict[str, Any]]:
    """See `brainpy_state.environ.context`; calls what is registered, with the values and at the end those before."""
    before = _ours.all()
    with _ours.context(**settings) as found:
        tell(_behaviours, settings)
        yield found
    tell(_behaviours, {key: before[key] for key in settings if key in before})


def register_default_behavior(key: str, behavior: Callable[[Any], Any], replace_if_exist: bool = False) -> None:
    """Call a function with the value whenever `set` or `context` sets a key.

    Raises
    ------
    TypeError
        If the key is no text, or the function none.
    ValueError
        If there is one for the key already, and ``replace_if_exist`` is not given.
    """
    require_behavior(key, behavior)
    if key in _behaviours and not replace_if_exist:
        raise ParameterError(f'register_default_behavior: there is one for {key!r} already; give replace_if_exist=True to replace it.')
    _behaviours[key] = behavior


def unregister_default_behavior(key: str) -> bool:
    """Call nothing for a key any more; tells whether there was something."""
    return _behaviours.pop(key, None) is not None


def list_registered_behaviors() -> list[str]:
    """The keys for which something is called."""
    return list(_behaviours)


def get_platform() -> str:
    """The platform that JAX computes on."""
    return jax.default_backend()


def set_platform(platform: str) -> None:
    """``set(platform=...)``."""
    set(platform=platform)


def set_precision(precision: int) -> None:
    """``set(precision=...)``."""
    set(precision=precision)


def get_host_device_count() -> int:
    """How many devices JAX makes of the processor."""
    return len(jax.devices('cpu'))


def set_host_device_count(n: int) -> None:
    """``set(host_device_count=...)``, at the beginning of a program."""
    set(host_device_count=n)


def tolerance() -> np.ndarray:
    """How close results of this precision are to be: 1e-12 with 64 bits, 1e-5 with 32, in their type."""
    return np.asarray(1e-12 if _ours.get_precision() == 64 else 1e-5, jnp.dtype(_ours.dftype()))


def reset() -> None:
    """Forget every setting, and what is registered for them; numbers have 32 bits again."""
    _behaviours.clear()
    for key in list(_ours.all()):
        if key != 'precision':
            _ours.pop(key)
    _ours.set(precision=DEFAULT_PRECISION)


def _of_an_environment(name: str) -> Callable:
    """The function of this room that asks or changes another environment if one is given as ``env``."""
    function = globals()[name]

    @functools.wraps(function)
    def of(*args: Any, env: EnvironmentState | None = None, **kwargs: Any) -> Any:
        return function(*args, **kwargs) if env is None else getattr(env, name)(*args, **kwargs)

    return of


for _name in [name for name in vars(EnvironmentState) if name[0] != '_']:
    globals()[_name] = _of_an_environment(_name)
__getattr__ = missing(__name__, globals())
