"""Take graphs apart into structure and nested dicts of states, and put them together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from .._frames import attributes
from .._tracebacks import entry
from .._typing import Path
from ..state import State, TreefyState, to_flat, to_nest
from ._graphdef import GraphDef, flatten, structure, unflatten
from ._select import select
from ._walk import Walk, visible
from ._walk import states as states_of


@entry
def graphdef(node: Any) -> GraphDef:
    """The structure of a graph; see `GraphDef`. No state is read.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Linear(3, 4)
    >>> bst.graph.graphdef(layer) == bst.graph.graphdef(bst.nn.Linear(3, 4))
    True
    """
    return structure(node)[0]


@entry
def treefy_split(node: Any, *filters: Any) -> tuple[Any, ...]:
    """Take a graph apart into its structure and pytrees of its states.

    Parameters
    ----------
    node : Node, or list, tuple or dict of them
        The root.
    *filters
        As for `states`; together they must take every state.

    Returns
    -------
    (GraphDef, dict, ...)
        A nested dict of `TreefyState` for each filter, or one of all states. What is neither a node, a
        state, a list, a tuple nor a dict is part of the structure, by reference.

    Raises
    ------
    ValueError
        If a state fits no filter, or ``...`` is not the last.

    Examples
    --------
    >>> import jax
    >>> import brainpy_state as bst
    >>> class Double(bst.nn.Module):
    ...     def __init__(self):
    ...         self.w = bst.ParamState(2.)
    >>> graphdef, tree = bst.graph.treefy_split(Double())
    >>> bst.graph.treefy_merge(graphdef, jax.tree.map(lambda w: w + 1., tree)).w.value
    3.0
    """
    definition, found = structure(node)
    return definition, *map(_tree, select(found.items(), filters, exhaustive='treefy_split'))


@entry
def treefy_merge(graphdef: GraphDef, *state_trees: Mapping) -> Any:
    """Build a graph from its structure and pytrees of its states; the reverse of `treefy_split`.

    Parameters
    ----------
    graphdef : GraphDef
        The structure.
    *state_trees : nested dict
        Together they hold a `TreefyState` for every state of the structure.

    Returns
    -------
    Node, or list, tuple or dict of them
        New nodes with new states. Inside of a transform, also a raw ``jax.jit``, the states belong
        to that trace and can be written there.

    Raises
    ------
    ValueError
        If a state is missing, is not part of the structure, or is given twice.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Linear(3, 4)
    >>> copy = bst.graph.treefy_merge(*bst.graph.treefy_split(layer))
    >>> copy.weight is layer.weight
    False
    """
    return unflatten(graphdef, _gather(state_trees, 'treefy_merge'))


@entry
def treefy_states(node: Any, *filters: Any) -> Any:
    """The states of a graph as a nested dict of `TreefyState`; with several filters a tuple with one for each.

    Unlike for `treefy_split`, states that fit no filter are left out.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Linear(3, 4)
    >>> list(bst.graph.treefy_states(layer))
    ['weight']
    """
    trees = tuple(map(_tree, select(structure(node)[1].items(), filters)))
    return trees[0] if len(trees) == 1 else trees


@entry
def clone(node: Any) -> Any:
    """A graph like this one, with nodes and states of its own.

    Values of states and attributes that are neither nodes nor states, nor lists, tuples or dicts
    are shared; ``copy.deepcopy`` copies those too. Methods of nodes become methods of the new nodes; a
    closure or a compiled function kept as an attribute still uses the nodes it was made with.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Linear(3, 4)
    >>> copy = bst.graph.clone(layer)
    >>> copy.weight is layer.weight
    False
    """
    return unflatten(*flatten(node))


@entry
def update_states(node: Any, *state_trees: Mapping) -> None:
    """Write values into the states of a graph; all of them, or none if something does not fit.

    Parameters
    ----------
    node : Node, or list, tuple or dict of them
        The root.
    *state_trees : dict
        Nested dicts of `TreefyState`, or dicts of states by path. They may hold only some of the states.

    Raises
    ------
    ValueError
        If the graph has no state at a path, or a path is given twice.
    TypeError
        If what stands at a path is no state.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Linear(3, 4)
    >>> other = bst.nn.Linear(3, 4)
    >>> bst.graph.update_states(layer, bst.graph.treefy_states(other))
    >>> bool((layer.weight.value['weight'] == other.weight.value['weight']).all())
    True
    """
    known = states_of(node)
    given = _gather([_nested(tree, known) for tree in state_trees], 'update_states')
    for path, x in given.items():
        if not isinstance(x, (TreefyState, State)):
            raise TypeError(f'update_states: a TreefyState or State is needed at {path}, but {x!r} is a {type(x).__name__}.')
        if path not in known:
            raise ValueError(f'update_states: the graph has no state at {path}{_close_to(path, known)}; states are not added.')
    known.assign_values({path: x.value for path, x in given.items()})


@entry
def pop_states(node: Any, *filters: Any) -> Any:
    """Take states out of a graph.

    Parameters
    ----------
    node : Node, or list, tuple or dict of them
        The root, whose nodes lose the attributes.
    *filters
        As for `states`; at least one.

    Returns
    -------
    StateDictManager or tuple of StateDictManager
        As from `states`: the states that were taken out by their first paths.

    Raises
    ------
    ValueError
        If no filter is given, or a state stands in a list or tuple, where others would change their
        place. Nothing is taken out then.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.LIF(1))
    >>> list(bst.graph.pop_states(neuron, bst.HiddenState))
    [('V',)]
    >>> hasattr(neuron, 'V')
    False
    """
    if not filters:
        raise ValueError('pop_states: say which states to take out; `...` means all.')
    popped = states_of(node, *filters)
    chosen = {id(x) for found in (popped if isinstance(popped, tuple) else (popped,)) for x in found.values()}
    places = [(path, holder, key) for path, holder in Walk(node).objects for key, x in _below(holder) if id(x) in chosen]
    for path, holder, key in places:
        if isinstance(holder, (list, tuple)):
            raise ValueError(f'pop_states: the state at {(*path, key)} stands in a {type(holder).__name__}; take it out of there yourself.')
    for _, holder, key in places:
        del (holder if isinstance(holder, dict) else vars(holder))[key]
    attributes.changed()
    return popped


def _below(holder: Any) -> Iterable[tuple[Any, Any]]:
    return () if isinstance(holder, State) else visible(holder)


def _tree(found: Mapping[Path, State]) -> dict:
    return to_nest({path: TreefyState.of(state) for path, state in found.items()})


def _nested(tree: Any, known: Mapping[Path, State]) -> Any:
    """A nested dict, also from one by path."""
    by_path = isinstance(tree, Mapping) and all(isinstance(k, tuple) and (k,) not in known for k in tree)
    return to_nest(tree) if by_path else tree


def _gather(trees: Iterable[Mapping], where: str) -> dict[Path, Any]:
    """All leaves of several trees by path."""
    gathered: dict[Path, Any] = {}
    for tree in trees:
        if not isinstance(tree, Mapping):
            raise TypeError(f'{where}: states come as dicts, but {tree!r} is a {type(tree).__name__}.')
        flat = to_flat(tree)
        if twice := gathered.keys() & flat.keys():
            raise ValueError(f'{where}: {min(twice, key=repr)} is given twice.')
        gathered.update(flat)
    return gathered


def _close_to(path: Path, known: Iterable[Path]) -> str:
    names = {'.'.join(map(str, p)): p for p in known}
    close = difflib.get_close_matches('.'.join(map(str, path)), names, n=3)
    return f' (close: {", ".join(repr(names[c]) for c in close)})' if close else ''
