"""`Module`: an object that holds states and other modules as attributes."""

from __future__ import annotations

import functools
from typing import Any

from .. import graph
from .._frames import MISSING, attributes
from .._typing import Path
from ..state import State
from ._lifecycle import reset_all_states
from ._undo import lifecycle, renew


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

    in_size: tuple[int, ...] | None = None  # without the batch axes, where a module knows it
    out_size: tuple[int, ...] | None = None

    _path: Path | None = None

    def __init__(self, name: str | None = None):
        self._name = name

    def __setattr__(self, name: str, value: Any) -> None:
        own = vars(self)
        # while a tree is initialised, its states stay the same objects, so that compiled functions see it
        if lifecycle.undo is not None:
            lifecycle.undo.note(own, name)
            value = renew(own.get(name), value)
        changed = own.get(name, MISSING) is not value
        if isinstance(value, State):
            value.stand_at(name)
        elif isinstance(value, Module) and value._path is None and name not in self.graph_invisible_attrs:
            object.__setattr__(value, '_path', (name,))
        super().__setattr__(name, value)
        if changed:
            attributes.changed()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.update(*args, **kwargs)

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """Do one step, or compute the output."""
        raise NotImplementedError(f'{self.label} does not define `update`.')

    def init_state(self, *args: Any, **kwargs: Any) -> None:
        """Create the states that depend on the batch size. Does nothing unless overridden."""

    def reset_state(self, *args: Any, **kwargs: Any) -> None:
        """Put the states back to their first values. Does nothing unless overridden."""

    def reset_all_states(self, *args: Any, **kwargs: Any) -> Any:
        """Reset the states of this module and of those below; see `nn.reset_all_states`."""
        return reset_all_states(self, *args, **kwargs)

    def reg_loss(self) -> Any:
        """The sum of the regularisation losses of every `Param` of the tree; a plain number."""
        return sum((node.own_reg_loss() for node in self.nodes().values()), 0.0)

    def own_reg_loss(self) -> Any:
        """What this module itself adds to `reg_loss`: 0 unless overridden, as `Param` does."""
        return 0.0

    @classmethod
    def desc(cls, *args: Any, **kwargs: Any) -> functools.partial:
        """A description: the class and its arguments, to be built where it is needed."""
        return functools.partial(cls, *args, **kwargs)

    @property
    def name(self) -> str | None:
        return vars(self).get('_name')

    @property
    def label(self) -> str:
        """Class and place in the tree, for messages."""
        place = self.name or '.'.join(map(str, self._path or ()))
        return f"{type(self).__name__} '{place}'" if place else type(self).__name__

    def states(self, *filters: Any, allowed_hierarchy: tuple[int, int] = graph.EVERY_LEVEL) -> Any:
        """States of the tree by path; see `graph.states`."""
        return graph.states(self, *filters, allowed_hierarchy=allowed_hierarchy)

    def nodes(self, *filters: Any, allowed_hierarchy: tuple[int, int] = graph.EVERY_LEVEL) -> Any:
        """Modules of the tree by path, children first, this one last as ``()``; see `graph.nodes`."""
        return graph.nodes(self, *filters, allowed_hierarchy=allowed_hierarchy)

    def __repr__(self) -> str:
        parts = [f'{k}={v!r}' for k, v in vars(self).items() if k[0] != '_' and v is not None]
        body = ',\n'.join(parts).replace('\n', '\n  ')
        return f'{type(self).__name__}(\n  {body}\n)' if parts else f'{type(self).__name__}()'
