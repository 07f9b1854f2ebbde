"""Find the nodes and states of an object tree, each once, under its first path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._typing import Path
from ..state import State


class Node:
    """An object whose attributes are searched for states and other nodes.

    Attributes named in ``graph_invisible_attrs`` only refer to nodes that have their place elsewhere.
    """

    graph_invisible_attrs: tuple[str, ...] = ()


def nodes(root: Node, *types: type) -> dict[Path, Node]:
    """Every node below and including ``root``, children before their parents.

    Parameters
    ----------
    root : Node
        Where to start; its path is ``()``.
    *types : type
        Keep nodes of any of these classes only.
    """
    found = {path: node for path, node in _walk(root, (), {}) if isinstance(node, Node)}
    return {path: node for path, node in found.items() if not types or isinstance(node, types)}


def states(root: Node, *types: type[State]) -> Any:
    """Every state below ``root`` by its path, in the order of the attributes' names.

    Parameters
    ----------
    root : Node
        Where to start.
    *types : type
        None or one: a single dict, of all states or of this class. Several: a tuple with a dict for
        each; a state goes to the first that fits.

    Returns
    -------
    dict or tuple of dict
        ``{path: State}``; a state that is reachable by several paths appears once.
    """
    found = sorted(((path, x) for path, x in _walk(root, (), {}) if isinstance(x, State)), key=lambda item: _order(item[0]))
    if not types:
        return dict(found)
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, State)):
            raise TypeError(f'states: select by a class of State, such as ParamState, but {kind!r} was given.')
    sorted_out: tuple[dict[Path, State], ...] = tuple({} for _ in types)
    for path, state in found:
        for kind, selection in zip(types, sorted_out, strict=True):
            if isinstance(state, kind):
                selection[path] = state
                break
    return sorted_out[0] if len(types) == 1 else sorted_out


def _order(path: Path) -> tuple:
    return tuple((isinstance(part, str), part) for part in path)


def _walk(x: Any, path: Path, seen: dict[int, Any]) -> Iterator[tuple[Path, Any]]:
    if isinstance(x, Node):
        parts: Any = sorted((k, v) for k, v in vars(x).items() if k not in x.graph_invisible_attrs)
    elif isinstance(x, dict):
        parts = x.items()
    elif isinstance(x, (list, tuple)):
        parts = enumerate(x)
    elif isinstance(x, State):
        parts = ()
    else:
        return
    if id(x) in seen:
        return
    seen[id(x)] = x  # keeps x alive, so that its id stays its own
    for name, part in parts:
        yield from _walk(part, (*path, name), seen)
    if isinstance(x, (Node, State)):
        yield path, x
