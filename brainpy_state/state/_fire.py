"""When hooks are called.

A hook fires where Python code touches a state, thus inside a traced function once, while it is traced:
what a ``write_before`` hook makes of the value becomes part of the program. When a compiled program
hands its results back to states, the write hooks fire with the final values and
``context.metadata['compiled']`` True; they can observe and refuse, but what they make of the value is
not applied a second time. All ``write_before`` hooks of a program's states run before the first state
changes, so that refusing one value leaves all states as they were.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from .._errors import HookCancellationError, TraceContextError
from .._frames import stack
from ._contexts import HookContext, InitHookContext, MutableWriteHookContext, ReadHookContext, RestoreHookContext, WriteHookContext
from ._hooks import EVERY, HookHandle, in_use


class _Busy(threading.local):
    def __init__(self) -> None:
        self.now: set[Any] = set()  # hooks that are running in this thread, and their states


_busy = _Busy()


def _hooks_of(state: Any, kind: str) -> list[HookHandle]:
    if state in _busy.now:
        return []
    own = state.own_hooks()
    hooks = EVERY.hooks if own is None else EVERY.hooks + own.hooks
    return [h for h in hooks if h.kind == kind and h.is_enabled()]


def _call(hook: HookHandle, state: Any, context: HookContext) -> None:
    if hook in _busy.now or not hook.is_enabled():
        return
    mine = {hook, state}
    _busy.now |= mine
    try:
        hook.callback(context)
    finally:
        _busy.now -= mine


def _observe(kind: str, make: type[HookContext], state: Any, *facts: Any) -> None:
    for hook in _hooks_of(state, kind):
        _call(hook, state, make(kind, state, *facts))


def tell_made(state: Any, value: Any, metadata: dict[str, Any]) -> None:
    """Call the hooks for a state that was made."""
    _observe('init', InitHookContext, state, value, metadata)


def tell_read(state: Any, value: Any) -> None:
    """Call the hooks for a state that was read."""
    _observe('read', ReadHookContext, state, value)


def tell_restored(state: Any, value: Any, old: Any) -> None:
    """Call the hooks for a state that was restored."""
    _observe('restore', RestoreHookContext, state, value, old)


def held(state: Any) -> Any:
    """What a state holds; None if it holds no value."""
    try:
        return state.peek()
    except TraceContextError:
        return None


def _before(state: Any, value: Any, old: Any, compiled: bool) -> Any:
    for hook in _hooks_of(state, 'write_before'):
        context = MutableWriteHookContext('write_before', state, value, old, metadata={'compiled': compiled})
        _call(hook, state, context)
        if context.cancel:
            reason = f': {context.cancel_reason}' if context.cancel_reason else ''
            raise HookCancellationError(f'{state.describe()} was not written, because the hook {hook.name} cancelled it{reason}.')
        if not compiled:
            value = context.transformed_value
    return value


def assign(states: Sequence[Any], values: Sequence[Any], *, compiled: bool = False) -> None:
    """Write several states: first all hooks and checks that may refuse a value, then every value."""
    olds = [None if state._hooks is None else held(state) for state in states]
    new = [
        value if state._hooks is None else _before(state, value, old, compiled)
        for state, value, old in zip(states, values, olds, strict=True)
    ]
    for state, value in zip(states, new, strict=True):
        state.check(value)
    for state, value in zip(states, new, strict=True):
        state.poke(value)
    for state, value, old in zip(states, new, olds, strict=True):
        if state._hooks is not None:
            for hook in _hooks_of(state, 'write_after'):
                _call(hook, state, WriteHookContext('write_after', state, value, old, metadata={'compiled': compiled}))


def write_back(states: Sequence[Any], values: Sequence[Any]) -> None:
    """Hand the results of a compiled program to its states.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> states = [bst.State(1.), bst.State(2.)]
    >>> bst.state.write_back(states, [3., 4.])
    >>> [state.value for state in states]
    [3.0, 4.0]
    """
    assign(states, values, compiled=True)


def any_hooks() -> bool:
    """Whether writes in this thread may need more than storing the value: there are hooks, or checks are on.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.state.any_hooks()
    False
    """
    return bool(in_use or stack.checks)


NO_HOOKS: tuple = (frozenset(), ())


def fingerprint(states: Sequence[Any]) -> tuple:
    """What hooks and checks contribute to tracing a function that writes these states.

    It equals an earlier one if the enabled ``write_before`` hooks have the same callbacks in the same
    order and the same checks are on.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.state.fingerprint([bst.State(1.)]) == bst.state.fingerprint([bst.State(2.)])
    True
    """
    if not any_hooks():
        return NO_HOOKS
    registries = [(-1, EVERY)] + [(n, own) for n, state in enumerate(states) if (own := state.own_hooks()) is not None]
    before = tuple((n, h.callback) for n, own in registries for h in own.hooks if h.kind == 'write_before' and h.is_enabled())
    return stack.checks, before
