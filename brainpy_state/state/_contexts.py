"""What a hook is given: one object that describes the operation."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, ClassVar

import jax


@dataclasses.dataclass(slots=True)
class HookContext:
    """An operation on a state: which, on what, when.

    ``metadata`` of a write has ``'compiled'``: whether the value comes out of a compiled program, in
    which the hooks have been at work already.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> state, seen = bst.State(1.), []
    >>> with state.temporary_hook('read', lambda context: seen.append(context.operation)):
    ...     _ = state.value
    >>> seen
    ['read']
    """

    _answers: ClassVar[tuple[str, ...]] = ()

    operation: str
    state: Any
    value: Any
    timestamp: float = dataclasses.field(default_factory=time.time, kw_only=True)
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict, kw_only=True)

    @property
    def state_name(self) -> str | None:
        """The state's name, or its place in the tree of modules."""
        return self.state.place

    @property
    def traced(self) -> bool:
        """Whether the value is abstract, in a function that is being traced, so that it cannot be compared or printed."""
        return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(self.value))

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._answers and hasattr(self, name):
            way = "set `transformed_value` or `cancel` in a 'write_before' hook instead"
            raise AttributeError(f'{type(self).__name__}.{name} cannot be set; to change or refuse what is written, {way}.')
        object.__setattr__(self, name, value)


@dataclasses.dataclass(slots=True)
class ReadHookContext(HookContext):
    """``value`` was read.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> state, seen = bst.State(1.), []
    >>> with state.temporary_hook('read', lambda context: seen.append(context.value)):
    ...     _ = state.value
    >>> seen
    [1.0]
    """


@dataclasses.dataclass(slots=True)
class InitHookContext(HookContext):
    """A state was made with ``value`` and the keyword arguments ``init_metadata``.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> seen = []
    >>> handle = bst.register_state_hook('init', lambda context: seen.append(context.value))
    >>> state = bst.State(1.)
    >>> handle.remove()
    True
    >>> seen
    [1.0]
    """

    init_metadata: dict[str, Any]


@dataclasses.dataclass(slots=True)
class WriteHookContext(HookContext):
    """``value`` was written in place of ``old_value`` (None, if there was none).

    Examples
    --------
    >>> import brainpy_state as bst
    >>> state, seen = bst.State(1.), []
    >>> with state.temporary_hook('write_after', lambda context: seen.append((context.old_value, context.value))):
    ...     state.value = 2.
    >>> seen
    [(1.0, 2.0)]
    """

    old_value: Any


@dataclasses.dataclass(slots=True)
class RestoreHookContext(WriteHookContext):
    """``value`` was restored in place of ``old_value``.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> state, seen = bst.State(1.), []
    >>> with state.temporary_hook('restore', lambda context: seen.append((context.old_value, context.value))):
    ...     state.restore_value(2.)
    >>> seen
    [(1.0, 2.0)]
    """


@dataclasses.dataclass(slots=True)
class MutableWriteHookContext(WriteHookContext):
    """``value`` is about to be written in place of ``old_value``.

    Set ``transformed_value`` to write something else, which the next hook sees as its ``value``;
    or set ``cancel`` to refuse, and ``cancel_reason`` to say why.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> state = bst.State(1.)
    >>> def clip(context):
    ...     context.transformed_value = min(context.value, 3.)
    >>> with state.temporary_hook('write_before', clip):
    ...     state.value = 5.
    >>> state.value
    3.0
    """

    _answers: ClassVar[tuple[str, ...]] = ('transformed_value', 'cancel', 'cancel_reason')

    transformed_value: Any = dataclasses.field(init=False)
    cancel: bool = dataclasses.field(default=False, init=False)
    cancel_reason: str = dataclasses.field(default='', init=False)

    def __post_init__(self) -> None:
        self.transformed_value = self.value
