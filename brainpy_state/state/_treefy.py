"""`TreefyState`: a state as a pytree; and nested dicts of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from .._tracebacks import entry
from .._typing import Path
from ._compared import Compared
from ._state import State

_OF_ONE_OBJECT = {'_value', '_home', '_birth', '_hooks', '_site', '_place'}  # what ties a state to where it was made and stands


class TreefyState:
    """A state taken apart: its value is a pytree's content, its class and labels are the structure.

    ``jax.tree.map``, ``jax.jit``, optimisers and checkpoints go through it to the value.

    Parameters
    ----------
    type : type of State
        The class of the state.
    value : pytree
        What it holds.
    **metadata
        Its name, its tags and what else was given to it.

    Examples
    --------
    >>> import jax
    >>> import brainpy_state as bst
    >>> ref = bst.graph.TreefyState.of(bst.ParamState(2., name='w'))
    >>> jax.tree.map(lambda x: x + 1., ref).to_state()
    ParamState(
      value=3.0,
      name='w'
    )
    """

    __slots__ = ('_static', 'type', 'value')

    def __init__(self, type: type[State], value: Any, /, **metadata: Any):
        self.type, self.value = type, value
        self._static = tuple(sorted((k, Compared(v)) for k, v in metadata.items()))

    @classmethod
    def of(cls, state: State) -> TreefyState:
        """Take a state apart; it is read, not changed."""
        metadata = {k: v for k, v in vars(state).items() if k not in _OF_ONE_OBJECT}
        return cls(type(state), _own_containers(state.value), **metadata | {'tag': frozenset(state.tag)})

    @property
    def metadata(self) -> dict[str, Any]:
        """Name, tags and what else the state was given."""
        return {k: static.value for k, static in self._static if k[0] != '_'}

    @property
    def name(self) -> str | None:
        return self.metadata.get('name')

    @property
    def tag(self) -> frozenset[str]:
        return self.metadata.get('tag', frozenset())

    def replace(self, value: Any) -> TreefyState:
        """The same with another value."""
        return _unflatten((self.type, self._static), (value,))

    def copy(self) -> TreefyState:
        """The same once more."""
        return self.replace(self.value)

    def to_state(self) -> State:
        """A new state of this class, value and labels, born here and now."""
        state = object.__new__(self.type)
        # not the constructor of its class, which may take something else, such as a seed
        State.__init__(state, _own_containers(self.value), **self.metadata)
        vars(state).update({k: static.value for k, static in self._static if k[0] == '_'})
        return state

    def __repr__(self) -> str:
        labels = ''.join(f', {k}={v!r}' for k, v in self.metadata.items() if v not in (None, frozenset()))
        return f'TreefyState({self.type.__name__}, {self.value!r}{labels})'


def _own_containers(value: Any) -> Any:
    """The same arrays in new dicts and lists, which then can be changed in place."""
    return value if isinstance(value, (jax.Array, np.ndarray)) else jax.tree.map(lambda x: x, value)


def _flatten(x: TreefyState) -> tuple[tuple, tuple]:
    return (x.value,), (x.type, x._static)


def _flatten_with_keys(x: TreefyState) -> tuple[tuple, tuple]:
    return ((jax.tree_util.GetAttrKey('value'), x.value),), (x.type, x._static)


def _unflatten(structure: tuple, values: Any) -> TreefyState:
    new = object.__new__(TreefyState)
    (new.type, new._static), (new.value,) = structure, values
    return new


jax.tree_util.register_pytree_with_keys(TreefyState, _flatten_with_keys, _unflatten, _flatten)


@entry
def to_nest(flat: Mapping[Path, Any]) -> dict:
    """A nested dict from one with paths as keys.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.graph.to_nest({('a', 'w'): 1, ('a', 'b'): 2})
    {'a': {'w': 1, 'b': 2}}
    """
    nest: dict = {}
    for path, x in flat.items():
        place = nest
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = x
    return nest


@entry
def to_flat(nest: Mapping) -> dict[Path, Any]:
    """A dict with paths as keys from a nested one; what is no mapping is a leaf.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.graph.to_flat({'a': {'w': 1, 'b': 2}})
    {('a', 'w'): 1, ('a', 'b'): 2}
    """
    return dict(_leaves(nest, ()))


def _leaves(x: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(x, Mapping):
        for key, part in x.items():
            yield from _leaves(part, (*path, key))
    else:
        yield path, x
