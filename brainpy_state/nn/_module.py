"""`Module`: an object that holds states and other modules as attributes."""

from __future__ import annotations

import threading
from typing import Any

from .. import graph
from .._frames import attributes
from .._typing import Path
from ..state import State


class _Lifecycle(threading.local):
    initialising = False


lifecycle = _Lifecycle()


@attributes.watch
class Module(graph.Node):
    """A tree of states: assign a `State` or another module to an attribute, and it is part of the tree.

    Subclasses define ``update``; calling the module calls it. ``init_state`` allocates what
    depends on the batch size and is called for the whole tree by `init_all_states`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> class Scale(bst.nn.Module):
    ...     def __init__(self):
    ...         self.factor = bst.ParamState(jnp.array(2.))
    ...     def update(self, x):
    ...         return x * self.factor.value
    >>> float(Scale()(3.))
    6.0
    """

    _path: Path | None = None

    def __init__(self, name: str | None = None):
        self._name = name

    def __setattr__(self, name: str, value: Any) -> None:
        # while states are initialised again, the objects stay, so that compiled functions see it
        if lifecycle.initialising and isinstance(value, State):
            old = vars(self).get(name)
            if isinstance(old, State) and type(old) is type(value):
                old.value = value.value
                return
        if vars(self).get(name, value) is not value:
            attributes.epoch += 1
        super().__setattr__(name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.update(*args, **kwargs)

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """Do one step, or compute the output."""
        raise NotImplementedError(f'{self.label} does not define `update`.')

    def init_state(self, *args: Any, **kwargs: Any) -> None:
        """Create the states that depend on the batch size. Does nothing unless overridden."""

    @property
    def name(self) -> str | None:
        return vars(self).get('_name')

    @property
    def label(self) -> str:
        """Class and place in the tree, for messages."""
        place = self.name or '.'.join(map(str, self._path or ()))
        return f"{type(self).__name__} '{place}'" if place else type(self).__name__

    def states(self, *types: type[State]) -> Any:
        """States of the tree by path; see `graph.states`."""
        return graph.states(self, *types)

    def nodes(self, *types: type) -> dict[Path, Any]:
        """Modules of the tree by path, children first, this one last as ``()``."""
        return graph.nodes(self, *types)

    def __repr__(self) -> str:
        parts = [f'{k}={v!r}' for k, v in vars(self).items() if k[0] != '_' and v is not None]
        body = ',\n'.join(parts).replace('\n', '\n  ')
        return f'{type(self).__name__}(\n  {body}\n)' if parts else f'{type(self).__name__}()'


def init_all_states(target: Module, *args: Any, **kwargs: Any) -> Module:
    """Allocate, or reset, the states of every module of a tree.

    Calls ``init_state(*args, **kwargs)`` on each module, children before their parents. A state
    that exists keeps its identity and gets a new value, so compiled functions see the reset.

    Parameters
    ----------
    target : Module
        The root of the tree.
    *args, **kwargs
        Given to every ``init_state``; commonly ``batch_size=32``.

    Returns
    -------
    Module
        ``target``.
    """
    outer, lifecycle.initialising = lifecycle.initialising, True
    try:
        for path, node in target.nodes(Module).items():
            object.__setattr__(node, '_path', path)
            node.init_state(*args, **kwargs)
        for path, state in target.states().items():
            state._place = '.'.join(map(str, path))
    finally:
        lifecycle.initialising = outer
    return target
