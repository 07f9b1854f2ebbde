"""The names of ``brainstate.transform``, and of its earlier rooms ``compile`` and ``augment``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ... import transform as _ours
from ..._errors import ParameterError
from ...transform import *  # noqa: F403
from .._mapping import vmap2 as vmap2
from .._mapping import vmap2_new_states as vmap2_new_states
from .._missing import missing
from .._naming import StateFinder as StateFinder
from .._naming import named_call as named_call
from .._naming import named_scope as named_scope

_WITHOUT = {
    'in_shardings': 'put arguments on devices with jax.device_put, or use transform.shard_map',
    'out_shardings': 'use jax.lax.with_sharding_constraint within the function, or transform.shard_map',
    'device': 'use jax.default_device',
    'backend': 'use environ.set(platform=...)',
    'inline': 'call the function itself inside of another compiled one',
    'keep_unused': 'leave it out: what is not used costs nothing',
    'abstracted_axes': 'leave it out: each shape compiles once',
}


def jit(fun: Callable | None = None, *, name: str | None = None, **options: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.transform.jit`; with ``name``, the compiled function has it.

    Raises
    ------
    ValueError
        For an option of ``jax.jit`` that says where or how it compiles, with what to do instead.
    """
    for option in [key for key in options if key in _WITHOUT]:
        if options.pop(option):
            raise ParameterError(f'jit: {option} is not supported; {_WITHOUT[option]}.')
    if fun is None:
        return lambda fun: jit(fun, name=name, **options)  # type: ignore[call-arg]
    compiled = _ours.jit(fun, **options)
    if name is not None:
        compiled.__name__ = compiled.__qualname__ = name
    return compiled


def shard_map(fun: Callable, mesh: Any, in_specs: Any, out_specs: Any, *, check_vma: bool = True, **options: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.transform.shard_map`, here with the mesh and specifications in their order.

    Raises
    ------
    ValueError
        For ``check_vma=False``; what differs between devices is always checked.
    """
    if not check_vma:
        raise ParameterError('shard_map: check_vma=False is not supported; leave it out.')
    return _ours.shard_map(fun, mesh=mesh, in_specs=in_specs, out_specs=out_specs, **options)


def vmap_new_states(fun: Callable | None = None, **options: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.transform.vmap_new_states`; without a function, a decorator."""
    return functools.partial(_ours.vmap_new_states, **options) if fun is None else _ours.vmap_new_states(fun, **options)


__getattr__ = missing(__name__, globals())
