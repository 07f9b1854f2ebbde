"""Hooks: functions called when a state is made, read, written or restored.

A state without hooks is told apart by its attribute ``_hooks`` being None. For an own hook the
attribute is set on the state, for a hook of every state on the class.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .._errors import HookError, HookRegistrationError
from .._tracebacks import entry

_KINDS = ('init', 'read', 'write_before', 'write_after', 'restore')

in_use: set[weakref.ref[_Registry]] = set()  # registries that hold a hook


class HookHandle:
    """A registered hook, to switch it off and on, or to remove it.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> s, seen = bst.State(1.), []
    >>> hook = s.register_hook('write_after', lambda ctx: seen.append(ctx.value))
    >>> s.value = 2.; hook.disable(); s.value = 3.; hook.enable(); s.value = 4.
    >>> seen
    [2.0, 4.0]
    """

    def __init__(self, registry: _Registry, kind: str, callback: Callable, priority: float, name: str | None, enabled: bool):
        self._registry = registry
        self._enabled = enabled
        self.kind = kind
        self.callback = callback
        self.priority = priority
        self.name = name or getattr(callback, '__qualname__', type(callback).__name__)

    def enable(self) -> None:
        """Call it again; a `HookError` if it was removed."""
        self._switch(True)

    def disable(self) -> None:
        """Do not call it until it is enabled; a `HookError` if it was removed."""
        self._switch(False)

    def _switch(self, on: bool) -> None:
        if self.is_removed():
            raise HookError(f'{self} cannot be switched {"on" if on else "off"}; register it again.')
        self._enabled = on

    def remove(self) -> bool:
        """Forget it, and tell whether it was there."""
        there = not self.is_removed()
        if there:
            self._registry.remove(self)
        return there

    def is_enabled(self) -> bool:
        """Whether it is called."""
        return self._enabled and not self.is_removed()

    def is_removed(self) -> bool:
        """Whether it was removed, for good."""
        return self not in self._registry.hooks

    def __repr__(self) -> str:
        status = 'removed' if self.is_removed() else 'enabled' if self._enabled else 'disabled'
        return f'HookHandle({self.kind!r}, {self.name}, priority={self.priority}, {status})'


class _Registry:
    """The hooks of one state, or of every state, in the order in which they are called."""

    def __init__(self, home: Any):
        self.home = home
        self.hooks: tuple[HookHandle, ...] = ()

    def register(self, kind: str, callback: Callable, priority: float, name: str | None, enabled: bool) -> HookHandle:
        _check_kind(kind)
        if not callable(callback):
            raise HookRegistrationError(f'A hook is a function of one context object, but {callback!r} was given for {kind!r}.')
        hook = HookHandle(self, kind, callback, priority, name, enabled)
        self._keep(*sorted((*self.hooks, hook), key=lambda h: -h.priority))
        return hook

    def remove(self, hook: HookHandle) -> None:
        if hook not in self.hooks:
            raise HookRegistrationError(f'{hook} is not registered here; a handle is removed once, and where it was registered.')
        self._keep(*(h for h in self.hooks if h is not hook))

    def of_kind(self, kind: str | None) -> tuple[HookHandle, ...]:
        if kind is not None:
            _check_kind(kind)
        return tuple(h for h in self.hooks if kind in (None, h.kind))

    def clear(self, kind: str | None) -> None:
        dropped = self.of_kind(kind)
        self._keep(*(h for h in self.hooks if h not in dropped))

    def _keep(self, *hooks: HookHandle) -> None:
        self.hooks = hooks
        if hooks:
            self.home._hooks = self
            in_use.add(weakref.ref(self, in_use.discard))
            return
        in_use.discard(weakref.ref(self))
        if self.home is Hookable:
            Hookable._hooks = None
        else:
            vars(self.home).pop('_hooks', None)


def _check_kind(kind: str) -> None:
    if kind not in _KINDS:
        raise HookRegistrationError(f'A kind of hook is one of {", ".join(map(repr, _KINDS))}, but {kind!r} was given.')


class Hookable:
    """What has hooks of its own: a state."""

    _hooks: Any = None

    def register_hook(
        self, kind: str, callback: Callable, priority: float = 0, name: str | None = None, enabled: bool = True
    ) -> HookHandle:
        """Call a function whenever this state is read, written or restored.

        Hooks of every state come first, then those of this one; a higher priority first, then by order
        of registration. An exception that a hook raises reaches the caller unchanged. From
        ``write_before`` it means that nothing is written; the other hooks come after the fact, thus
        after ``write_after`` and ``restore`` the new value stays. While a hook runs, its state is
        read and written without hooks, and it is not called again.

        Parameters
        ----------
        kind : {'read', 'write_before', 'write_after', 'restore'}
            When to call it.
        callback : callable
            Takes one context object. A ``write_before`` hook may set its ``transformed_value``, or
            ``cancel = True`` and a ``cancel_reason``. What it returns is ignored.
        priority : float
            Higher is called earlier.
        name : str, optional
            For messages.
        enabled : bool
            Whether to call it from the start.

        Returns
        -------
        HookHandle

        Raises
        ------
        HookRegistrationError
            If the kind is unknown, or is ``'init'``, which is past for a state that exists.

        Examples
        --------
        >>> import jax.numpy as jnp
        >>> import brainpy_state as bst
        >>> p = bst.State(0.5)
        >>> def clip(ctx):
        ...     ctx.transformed_value = jnp.clip(ctx.value, 0., 1.)
        >>> hook = p.register_hook('write_before', clip); p.value = 3.; float(p.value)
        1.0
        """
        if kind == 'init':
            raise HookRegistrationError(
                "A state that exists calls no 'init' hook: use `register_state_hook('init', ...)` before it is made."
            )
        return (self.own_hooks() or _Registry(self)).register(kind, callback, priority, name, enabled)

    def unregister_hook(self, handle: HookHandle) -> None:
        """Remove a hook of this state; an error if it is none."""
        (self.own_hooks() or _Registry(self)).remove(handle)

    def list_hooks(self, kind: str | None = None) -> tuple[HookHandle, ...]:
        """The hooks of this state, or those of one kind, in the order of calling."""
        return (self.own_hooks() or _Registry(self)).of_kind(kind)

    def clear_hooks(self, kind: str | None = None) -> None:
        """Remove all hooks of this state, or those of one kind."""
        (self.own_hooks() or _Registry(self)).clear(kind)

    def has_hooks(self, kind: str | None = None) -> bool:
        """Whether this state has a hook of its own."""
        return bool(self.list_hooks(kind))

    @contextmanager
    def temporary_hook(self, kind: str, callback: Callable, priority: float = 0, name: str | None = None) -> Iterator[HookHandle]:
        """A hook for a block of code; see `register_hook`."""
        hook = self.register_hook(kind, callback, priority, name)
        try:
            yield hook
        finally:
            hook.remove()

    def own_hooks(self) -> _Registry | None:
        """The registry of this state's own hooks; for the calling of hooks."""
        return vars(self).get('_hooks')


EVERY = _Registry(Hookable)


@entry
def register_state_hook(kind: str, callback: Callable, priority: float = 0, name: str | None = None, enabled: bool = True) -> HookHandle:
    """Call a function whenever any state is made, read, written or restored.

    Parameters
    ----------
    kind : {'init', 'read', 'write_before', 'write_after', 'restore'}
        When to call it.
    callback, priority, name, enabled
        As in `State.register_hook`, which tells the rules.

    Returns
    -------
    HookHandle

    Raises
    ------
    HookRegistrationError
        If the kind is unknown.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> made = []
    >>> hook = bst.register_state_hook('init', lambda ctx: made.append(ctx.state_name))
    >>> s = bst.State(1., name='V'); removed = hook.remove(); made
    ['V']
    """
    return EVERY.register(kind, callback, priority, name, enabled)


@entry
def unregister_state_hook(handle: HookHandle) -> None:
    """Remove a hook of every state; an error if it is none.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> handle = bst.register_state_hook('init', lambda context: None)
    >>> bst.unregister_state_hook(handle)
    >>> bst.has_state_hooks()
    False
    """
    EVERY.remove(handle)


@entry
def list_state_hooks(kind: str | None = None) -> tuple[HookHandle, ...]:
    """The hooks of every state, or those of one kind, in the order of calling.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> handle = bst.register_state_hook('init', lambda context: None)
    >>> len(bst.list_state_hooks('init')), len(bst.list_state_hooks('read'))
    (1, 0)
    >>> handle.remove()
    True
    """
    return EVERY.of_kind(kind)


@entry
def clear_state_hooks(kind: str | None = None) -> None:
    """Remove all hooks of every state, or those of one kind; a state's own hooks stay.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> handle = bst.register_state_hook('init', lambda context: None)
    >>> bst.clear_state_hooks()
    >>> bst.has_state_hooks()
    False
    """
    EVERY.clear(kind)


@entry
def has_state_hooks(kind: str | None = None) -> bool:
    """Whether there is a hook of every state.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> handle = bst.register_state_hook('init', lambda context: None)
    >>> bst.has_state_hooks('init')
    True
    >>> handle.remove()
    True
    """
    return bool(EVERY.of_kind(kind))
