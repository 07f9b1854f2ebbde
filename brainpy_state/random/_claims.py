"""Threads that draw from one generator: no two draws have the same key.

Outside of traces, draws take their keys one after another. A compiled call reads a key when it begins and writes the next one when it
ends, which may take long, so nobody waits for it: it *claims* the random states that it writes, and whoever draws from one of them in
the meantime, in another thread or a callback, gets a key that is split off from the present one. A thread alone never does.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Collection
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._frames import EAGER, current_trace
from ..state import State
from ._threefry import threefry

_lock = threading.RLock()  # a hook of a generator may draw from it
_claimed: dict[State, object] = {}  # by whom
_numbers = itertools.count()
_ASIDE = np.array([0x243F6A88, 0x85A308D3], np.uint32)  # sets keys that are split off apart from those that draws make of the same one


def claim(states: Collection[State]) -> Collection[State]:
    """Claim random states for a call; returns those that another call has, which are to be left to it."""
    token: object = object()
    taken: tuple[State, ...] = ()
    for state in states:
        if _claimed.setdefault(state, token) is not token:
            taken += (state,)
    return taken


def release(states: Collection[State], taken: Collection[State]) -> None:
    """End a claim, given what it returned."""
    for state in states:
        if state not in taken:
            del _claimed[state]


def draw(state: State, advance: Callable[[Any], tuple[Any, Any]]) -> Any:
    """What ``advance(value) -> (next value, result)`` gives for a random state, which goes on to the next value."""
    if current_trace() is not EAGER:
        state.value, result = advance(state.value)
        return result
    with _lock:
        taken = claim((state,))
        try:
            if taken:
                return advance(split_off(state))[1]
            state.value, result = advance(state.value)
            return result
        finally:
            release((state,), taken)


def split_off(state: Any) -> Any:
    """A value whose numbers are independent of those that the state itself goes on to give; another one at each call."""
    return state.with_key(state.value, _aside)


def _aside(key: Any) -> Any:
    number = next(_numbers)
    words = threefry(jnp.moveaxis(key ^ _ASIDE, -1, 0), np.uint32(number & 0xFFFFFFFF), np.uint32(number >> 32))
    return jnp.stack(words, axis=-1)
