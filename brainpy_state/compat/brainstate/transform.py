"""The names of ``brainstate.transform``, and of its earlier rooms ``compile`` and ``augment``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ... import transform as _ours
from ...transform import *  # noqa: F403
from .._missing import missing

vmap2 = _ours.vmap


def vmap_new_states(fun: Callable | None = None, **options: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.transform.vmap_new_states`; without a function, a decorator."""
    return functools.partial(_ours.vmap_new_states, **options) if fun is None else _ours.vmap_new_states(fun, **options)


vmap2_new_states = vmap_new_states
__getattr__ = missing(__name__, globals())
