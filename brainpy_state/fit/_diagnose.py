"""Why a step of training was refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .. import environ
from ..optim import Optimizer
from ..transform._lift import lift
from ..transform._units import numbers_of


def first_not_finite(forward: Callable, optimizer: Optimizer, args: tuple[Any, ...]) -> str:
    """The first state that is not finite: one that was read; one that the loss has written, in their order; or one that is trained.

    Nothing is written.
    """
    lifted = lift(forward, args)
    read = [state.peek() for state in lifted.reads]
    for state, value in zip(lifted.reads, read, strict=True):
        if not _is_finite(value):
            return f'{state.label} was not finite before.'
    _, written = jax.jit(lifted.pure)(read, [environ.get(key) for key in lifted.settings], lifted.captured, args)
    for state, value in zip(lifted.writes, written, strict=True):
        if not _is_finite(value):
            return f'The first state that is not finite is {state.describe()}.'
    for state in optimizer.trained:
        if not _is_finite(state.peek()):
            return f'{state.label} was not finite before.'
    return 'All states that the loss writes are finite.'


def _is_finite(value: Any) -> bool:
    numbers = [x for x in jax.tree.leaves(numbers_of(value)) if jnp.issubdtype(jnp.result_type(x), jnp.inexact)]
    return all(bool(jnp.isfinite(x).all()) for x in numbers)
