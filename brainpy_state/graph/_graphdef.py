"""`GraphDef`: the structure of an object graph, and how to take a graph apart and build it again.

The objects that have an identity (nodes, lists, dicts, states) are numbered in the order of the walk, and what one holds is
told by numbers. So shared objects, cycles and attributes that only refer to a node need no care of their own.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .._tracebacks import entry
from .._typing import Path
from ..state import Compared, State, TreefyState
from ._walk import Node, Walk, report

Value = Any  # the number of an object (int), a `Compared`, a `TupleDef` or a `MethodDef`


class NodeDef(NamedTuple):
    """A node: its class and attributes, whose order makes no difference."""

    type: type
    attributes: dict[str, Value]

    def __hash__(self) -> int:
        return hash((self.type, frozenset(self.attributes.items())))


class BoxDef(NamedTuple):
    """A list, or with keys a dict: an empty one of its kind, and the contents in order."""

    empty: Compared
    keys: tuple[Compared, ...] | None
    values: tuple[Value, ...]


class StateDef(NamedTuple):
    """A state: where its content stands among the states."""

    path: Path


class TupleDef(NamedTuple):
    """A tuple that holds objects."""

    type: type
    values: tuple[Value, ...]


class MethodDef(NamedTuple):
    """A method bound to a node of the graph."""

    function: Any
    owner: int


class GraphDef:
    """The structure of a graph: classes, sharing, and every attribute that is neither node nor state.

    It can be compared, hashed and given to ``jax.jit`` as a static argument. Graphs built alike
    have equal structures: attributes are compared by type and value, arrays by their elements.
    It is made by `flatten` or `treefy_split`.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Linear(3, 4)
    >>> structure, states = bst.graph.flatten(layer)
    >>> type(structure).__name__
    'GraphDef'
    """

    __slots__ = ('_hash', 'objects', 'root')

    def __init__(self, root: Value, objects: tuple[Any, ...]):
        self.root, self.objects = root, objects
        self._hash: int | None = None

    @property
    def paths(self) -> list[Path]:
        """The path of each state."""
        return [x.path for x in self.objects if isinstance(x, StateDef)]

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, GraphDef) and self.root == other.root and self.objects == other.objects)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.root, self.objects))
        return self._hash

    def __repr__(self) -> str:
        nodes = [x.type.__name__ for x in self.objects if isinstance(x, NodeDef)]
        return f'GraphDef({nodes[0] if nodes else "no node"}, {len(nodes)} nodes, {len(self.paths)} states)'


def structure(node: Any) -> tuple[GraphDef, dict[Path, State]]:
    """The structure of a graph and its states, which are not read."""
    walk = Walk(node)
    builder = _Builder([x for _, x in walk.objects if not isinstance(x, tuple)], {id(x): path for path, x, _ in walk.states})
    return builder.graphdef(node), {path: x for path, x, _ in walk.states}


class _Builder:
    """Turns objects into their definitions."""

    def __init__(self, objects: list[Any], paths: dict[int, Path]):
        self.objects, self.paths = objects, paths
        self.numbers = {id(x): k for k, x in enumerate(objects)}

    def graphdef(self, root: Any) -> GraphDef:
        top = self.value(root)
        return GraphDef(top, tuple([self.definition(x) for x in self.objects]))  # grows while it is gone through

    def definition(self, x: Any) -> Any:
        if isinstance(x, State):
            return StateDef(self.paths[id(x)])
        if isinstance(x, Node):
            report(x, vars(x))
            return NodeDef(type(x), {name: self.value(v) for name, v in vars(x).items()})
        empty = copy.copy(x)
        empty.clear()
        if isinstance(x, dict):
            return BoxDef(Compared(empty), tuple(map(Compared, x)), tuple(map(self.value, x.values())))
        return BoxDef(Compared(empty), None, tuple(map(self.value, x)))

    def value(self, x: Any) -> Value:
        number = self.numbers.get(id(x))
        if number is not None:
            return number
        if isinstance(x, tuple):
            values = tuple(map(self.value, x))
            return Compared(x) if all(isinstance(v, Compared) for v in values) else TupleDef(type(x), values)
        if isinstance(x, (list, dict)):  # stands in an attribute that the walk does not enter
            self.numbers[id(x)] = len(self.objects)
            self.objects.append(x)
            return self.numbers[id(x)]
        if isinstance(x, types.MethodType) and (owner := self.numbers.get(id(x.__self__))) is not None:
            return MethodDef(x.__func__, owner)
        return Compared(x)


@entry
def flatten(node: Any) -> tuple[GraphDef, dict[Path, TreefyState]]:
    """Take a graph apart into its structure and its states by path.

    Parameters
    ----------
    node : Node, or list, tuple or dict of them
        The root.

    Returns
    -------
    (GraphDef, dict)
        What `unflatten` takes.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Linear(3, 4)
    >>> structure, states = bst.graph.flatten(layer)
    >>> list(states)
    [('weight',)]
    """
    graphdef, found = structure(node)
    return graphdef, {path: TreefyState.of(state) for path, state in found.items()}


@entry
def unflatten(graphdef: GraphDef, states: Mapping[Path, TreefyState]) -> Any:
    """Build a graph from its structure and its states by path; no constructor is called.

    Parameters
    ----------
    graphdef : GraphDef
        The structure.
    states : dict
        For each path of the structure, and no other, a `TreefyState`.

    Returns
    -------
    Node, or list, tuple or dict of them
        New nodes with new states, born in the trace that is current.

    Raises
    ------
    ValueError
        If a path is missing or is not part of the structure.
    TypeError
        If something else than a `TreefyState` stands at a path.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Linear(3, 4)
    >>> copy = bst.graph.unflatten(*bst.graph.flatten(layer))
    >>> copy.weight is layer.weight
    False
    """
    paths = graphdef.paths
    _check_paths('is missing among the states', set(paths) - states.keys())
    _check_paths('is not part of the graph', states.keys() - set(paths))
    for path, x in states.items():
        if not isinstance(x, TreefyState):
            raise TypeError(f'graph: a TreefyState is needed at {path}, but {x!r} is a {type(x).__name__}.')
    objects = [_empty(x, states) for x in graphdef.objects]
    for x, built in zip(graphdef.objects, objects, strict=True):
        if isinstance(x, NodeDef):
            vars(built).update({name: _value(v, objects) for name, v in x.attributes.items()})
        elif isinstance(x, BoxDef):
            values = [_value(v, objects) for v in x.values]
            if x.keys is None:
                built.extend(values)
            else:
                built.update(zip([k.value for k in x.keys], values, strict=True))
    return _value(graphdef.root, objects)


def _empty(x: Any, states: Mapping[Path, TreefyState]) -> Any:
    if isinstance(x, NodeDef):
        return object.__new__(x.type)
    return copy.copy(x.empty.value) if isinstance(x, BoxDef) else states[x.path].to_state()


def _value(v: Value, objects: list[Any]) -> Any:
    if isinstance(v, Compared):
        return v.value
    if isinstance(v, int):
        return objects[v]
    if isinstance(v, MethodDef):
        return types.MethodType(v.function, objects[v.owner])
    values = [_value(part, objects) for part in v.values]
    return v.type._make(values) if hasattr(v.type, '_make') else v.type(values)


def _check_paths(problem: str, wrong: Iterable[Path]) -> None:
    if first := sorted(wrong, key=repr):
        more = f', and {len(first) - 1} more' if len(first) > 1 else ''
        raise ValueError(f'graph: {first[0]} {problem}{more}.')
