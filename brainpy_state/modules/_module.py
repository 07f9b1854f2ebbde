"""`Module`: an object that holds states and other modules as attributes."""

from __future__ import annotations

import functools
from types import NoneType
from typing import Any

from .. import graph
from .._errors import AssignmentError
from .._frames import MISSING, attributes
from .._tracebacks import entry
from .._typing import Path, as_size
from ..graph._walk import BRANCHING, Walk
from ..numerics import brief
from ..state import State
from ._allocated import Allocated
from ._family import Family
from ._initialising import lifecycle, renew
from ._lifecycle import init_all_states, reset_all_states
from ._show import Show

_ROOM = __name__.partition('.')[0]
_IN_PLACE_OF_A_STATE = """\
{owner}: {name} is a {kind}, which {value} would replace. Write its value:
    wrong:  model.{name} = ...
    right:  model.{name}.value = ...
To drop the state, assign None first, or another state in its place."""


_SIZES = ('in_size', 'out_size')


def _decides(module: Module, name: str) -> bool:
    """Whether a descriptor of the class decides what may be assigned."""
    return hasattr(getattr(type(module), name, None), '__set__')


@attributes.watch
class Module(Family, graph.Node):
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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if '__init__' in vars(cls) and cls.__module__.startswith(f'{_ROOM}.'):
            cls.__init__ = entry(cls.__init__)  # type: ignore[method-assign]

    def __init__(self, name: str | None = None):
        self._name = name

    @entry
    def __setattr__(self, name: str, value: Any) -> None:
        own = vars(self)
        if name in _SIZES and value is not None and not _decides(self, name):
            value = as_size(value, type(self).__name__)
        if isinstance(own.get(name), State) and not isinstance(value, (State, graph.Node, NoneType)) and not _decides(self, name):
            raise AssignmentError(
                _IN_PLACE_OF_A_STATE.format(owner=self.label, name=name, kind=type(own[name]).__name__, value=brief(value))
            )
        # while a tree is initialised, its states stay the same objects, so that compiled functions see it
        if lifecycle.undo is not None:
            lifecycle.undo.note(own, name)
            value = renew(own.get(name), value)
        changed = own.get(name, MISSING) is not value
        super().__setattr__(name, value)
        if isinstance(value, BRANCHING):
            self.locate(name)
        if changed:
            attributes.changed()

    def locate(self, name: str) -> None:
        """Tell what an attribute holds where it stands in the tree; after a list or dict has been changed in place."""
        value, place = vars(self).get(name), (*(self._path or ()), name)
        if name in self.graph_invisible_attrs or value is None:
            return
        if isinstance(value, State):
            value.stand_at('.'.join(map(str, place)))
            return
        found = Walk(value).objects
        if any(x is self for _, x in found):
            return  # it leads back to here
        for path, x in found:
            if isinstance(x, State):
                x.stand_at('.'.join(map(str, (*place, *path))))
            elif isinstance(x, Module):
                x.stand_at((*place, *path))

    def stand_at(self, path: Path, *, surely: bool = False) -> None:
        """Note the place in the tree: a longer way to the known one; or, from a walk of the tree, any but a shorter end of it."""
        known = self._path or ()
        short, long = (path, known) if surely else (known, path)
        is_end = long[len(long) - len(short) :] == short
        if is_end != surely or len(short) > len(long):
            object.__setattr__(self, '_path', path)

    @entry
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.update(*args, **kwargs)

    def __rrshift__(self, x: Any) -> Any:
        """``x >> module`` is ``module(x)``."""
        return self(x)

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """Do one step, or compute the output."""
        raise NotImplementedError(f'{self.label} does not define `update`.')

    def init_state(self, *args: Any, **kwargs: Any) -> None:
        """Create the states that depend on the batch size. Does nothing unless overridden."""

    def reset_state(self, *args: Any, **kwargs: Any) -> None:
        """Put the states back to their first values. Does nothing unless overridden."""

    def init_all_states(self, *args: Any, **kwargs: Any) -> Any:
        """Allocate the states of this module and of those below; see `nn.init_all_states`."""
        return init_all_states(self, *args, **kwargs)

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

    def state_trees(self, *filters: Any) -> Any:
        """States of the tree taken apart, in nested dicts; see `graph.treefy_states`."""
        return graph.treefy_states(self, *filters)

    def nodes(self, *filters: Any, allowed_hierarchy: tuple[int, int] = graph.EVERY_LEVEL) -> Any:
        """Modules of the tree by path, children first, this one last as ``()``; see `graph.nodes`."""
        return graph.nodes(self, *filters, allowed_hierarchy=allowed_hierarchy)

    def not_allocated(self) -> list[str]:
        """Names of the states that `init_all_states` has still to make."""
        declared = {name: x for cls in reversed(type(self).__mro__) for name, x in vars(cls).items() if isinstance(x, Allocated)}
        return [name for name, x in declared.items() if getattr(type(self), name) is x and name not in vars(self) and x.belongs_to(self)]

    def __repr__(self) -> str:
        return Show().value(self)

    __repr__.shows_tree = True  # type: ignore[attr-defined]
