"""Walk an object tree: every node and state once, under its first path."""

from __future__ import annotations

import reprlib
import sys
import weakref
from collections.abc import Iterator
from typing import Any

from .._frames import attributes
from .._tracebacks import entry
from .._typing import Path
from ..state import State, StateDictManager
from ._select import select

Hierarchy = tuple[int, int]
EVERY_LEVEL: Hierarchy = (0, sys.maxsize)


class Node:
    """An object whose attributes are searched for states and other nodes, also in lists, tuples and dicts.

    Attributes named in ``graph_invisible_attrs`` only refer to nodes that have their place elsewhere.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> class Pair(bst.graph.Node):
    ...     def __init__(self):
    ...         self.a, self.b = bst.State(1.), bst.State(2.)
    >>> list(bst.graph.states(Pair()))
    [('a',), ('b',)]
    """

    graph_invisible_attrs: tuple[str, ...] = ()

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        shown = (f'{key}={x!r}' for key, x in vars(self).items() if x is not None and key not in self.graph_invisible_attrs)
        return f'{type(self).__name__}({", ".join(shown)})'


BRANCHING = (Node, State, dict, list, tuple)


class Walk:
    """What is found below a root, depth first, attributes and keys in sorted order.

    ``objects`` holds ``(path, object)`` of nodes, lists, tuples, dicts and states, parents first;
    ``states`` and ``nodes`` hold ``(path, object, level)``, nodes after what is below them. The level of
    a node is the number of nodes above it, that of a state is the level of the node that holds it.
    """

    def __init__(self, root: Any, deepest: int = sys.maxsize):
        if not isinstance(root, (Node, dict, list, tuple)):
            raise TypeError(f'A graph starts from a Node, or a list, tuple or dict of nodes, but {root!r} is a {type(root).__name__}.')
        self.objects: list[tuple[Path, Any]] = []
        self.states: list[tuple[Path, State, int]] = []
        self.nodes: list[tuple[Path, Node, int]] = []
        self._levels: dict[int, int] = {}
        self._deepest = deepest
        self._visit(root, (), 0)

    def _visit(self, x: Any, path: Path, level: int) -> None:
        known = self._levels.get(id(x))
        if known is not None and (known <= level or self._deepest == sys.maxsize):
            return  # a shorter way matters only where depth is limited
        self._levels[id(x)] = level
        if known is None:
            self.objects.append((path, x))
        if isinstance(x, State):
            if known is None:
                self.states.append((path, x, max(level - 1, 0)))
            return
        is_node = isinstance(x, Node)
        below = level + is_node
        for key, part in visible(x):
            if below <= self._deepest or not isinstance(part, Node):
                self._visit(part, (*path, key), below)
        if is_node and known is None:
            self.nodes.append((path, x, level))


def visible(x: Any) -> list[tuple[Any, Any]]:
    """Keys and values of what a node or container holds and the walk enters, in sorted order."""
    if isinstance(x, Node):
        hidden = x.graph_invisible_attrs
        found = {name: part for name, part in vars(x).items() if isinstance(part, BRANCHING) and name not in hidden}
        report(x, found)
        return sorted(found.items(), key=_key)
    if isinstance(x, dict):
        items = [item for item in x.items() if isinstance(item[1], BRANCHING)]
        try:
            return sorted(items, key=_key)
        except TypeError:  # keys of several kinds
            return sorted(items, key=lambda item: (type(item[0]).__name__, repr(item[0])))
    return [(k, part) for k, part in enumerate(x) if isinstance(part, BRANCHING)]


def report(node: Node, found: dict[str, Any]) -> None:
    """Tell who traces which attributes were read, so that a compiled function notices another object there."""
    for name, value in found.items():
        attributes.tell(node, name, value)


def _key(item: tuple[Any, Any]) -> Any:
    return item[0]


@entry
def iter_leaf(node: Any, allowed_hierarchy: Hierarchy = EVERY_LEVEL) -> Iterator[tuple[Path, State]]:
    """Go through the states of a graph, depth first and sorted at each level.

    Parameters
    ----------
    node : Node, or list, tuple or dict of them
        Where to start.
    allowed_hierarchy : (int, int)
        The lowest and highest level. A state's level is the number of nodes above the one that
        holds it: 0 for a state of ``node`` itself.

    Yields
    ------
    (tuple, State)
        The first path of each state, and the state.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Linear(3, 4)
    >>> [path for path, state in bst.graph.iter_leaf(layer)]
    [('weight',)]
    """
    low, high = _levels(allowed_hierarchy)
    for path, state, level in Walk(node, high).states:
        if level >= low:
            yield path, state


@entry
def iter_node(node: Any, allowed_hierarchy: Hierarchy = EVERY_LEVEL) -> Iterator[tuple[Path, Any]]:
    """Go through the nodes of a graph, children before their parents.

    Parameters
    ----------
    node : Node, or list, tuple or dict of them
        Where to start.
    allowed_hierarchy : (int, int)
        The lowest and highest number of nodes above: 0 is ``node`` itself, 1 its children.

    Yields
    ------
    (tuple, Node)
        The first path of each node, and the node.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> net = bst.nn.Sequential(bst.nn.Linear(3, 4), bst.nn.ReLU())
    >>> [type(node).__name__ for path, node in bst.graph.iter_node(net)]
    ['Linear', 'ReLU', 'Sequential']
    """
    low, high = _levels(allowed_hierarchy)
    for path, found, level in Walk(node, high).nodes:
        if level >= low:
            yield path, found


@entry
def states(node: Any, *filters: Any, allowed_hierarchy: Hierarchy = EVERY_LEVEL) -> Any:
    """The states of a graph by their paths, sorted at each level.

    Parameters
    ----------
    node : Node, or list, tuple or dict of them
        Where to start.
    *filters
        Such as a class of states, a tag or ``f(path, state) -> bool``; see `filter.to_predicate`.
    allowed_hierarchy : (int, int)
        The lowest and highest level, see `iter_leaf`; ``(0, 0)`` gives the node's own states.

    Returns
    -------
    StateDictManager or tuple of StateDictManager
        ``{path: State}``. Without a filter all states, with several a dict for each, where a
        state goes to the first that fits. A state with several paths appears once.

    Raises
    ------
    TypeError
        If a filter is none.
    ValueError
        If ``...`` or ``True`` is not the last filter.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> class Pair(bst.graph.Node):
    ...     def __init__(self):
    ...         self.w, self.h = bst.ParamState(1.), bst.State(0.)
    >>> list(bst.graph.states(Pair())), list(bst.graph.states(Pair(), bst.ParamState))
    ([('h',), ('w',)], [('w',)])
    """
    found = dict(iter_leaf(node, allowed_hierarchy))
    for path, state in found.items():
        state.stand_at('.'.join(map(str, path)))
    chosen = [StateDictManager(part) for part in select(found.items(), filters)]
    if isinstance(node, Node):
        for part in chosen:
            part.source = weakref.ref(node)
    return chosen[0] if len(chosen) == 1 else tuple(chosen)


@entry
def nodes(node: Any, *filters: Any, allowed_hierarchy: Hierarchy = EVERY_LEVEL) -> Any:
    """The nodes of a graph by their paths, children before their parents, the root last as ``()``.

    Parameters
    ----------
    node : Node, or list, tuple or dict of them
        Where to start.
    *filters
        As for `states`, of path and node.
    allowed_hierarchy : (int, int)
        The lowest and highest number of nodes above; ``(1, 1)`` gives the children.

    Returns
    -------
    dict or tuple of dict
        ``{path: Node}``, as many as filters.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> net = bst.nn.Sequential(bst.nn.Linear(3, 4), bst.nn.ReLU())
    >>> list(bst.graph.nodes(net))
    [('layers', 0), ('layers', 1), ()]
    """
    chosen = select(iter_node(node, allowed_hierarchy), filters)
    return chosen[0] if len(chosen) == 1 else tuple(chosen)


def _levels(allowed: Hierarchy) -> Hierarchy:
    fits = isinstance(allowed, tuple) and len(allowed) == 2 and all(isinstance(n, int) for n in allowed)
    if not fits or not 0 <= allowed[0] <= allowed[1]:
        raise ValueError(f'allowed_hierarchy is a lowest and a highest level, such as (0, 1), but is {allowed!r}.')
    return allowed
