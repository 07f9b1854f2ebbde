"""The life cycle of a tree of modules: allocate, reset, load."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, TypeVar

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import graph
from .._errors import ShapeError, UnitError
from .._frames import EAGER, MISSING, Frame, current_trace
from .._typing import Path
from ..state import State
from ..state._filter import to_predicate
from ._units import with_unit

_LEVELS = range(10)
_F = TypeVar('_F', bound=Callable)


class Undo(Frame):
    """Remembers what states and attributes held before their first write. Otherwise it is as if it were not there."""

    def __init__(self) -> None:
        self.values: dict[State, Any] = {}
        self.attributes: list[tuple[dict, str, Any]] = []

    def adopt(self, state: State) -> None:
        state._home = self.parent
        if self.parent is not None:
            self.parent.adopt(state)
        elif (trace := current_trace()) is not EAGER:
            state._birth_trace = trace

    def write(self, state: State, value: Any) -> None:
        # a trace keeps its values to itself and drops them when it fails, so the state's own is the one to keep
        self.values.setdefault(state, state._value)
        super().write(state, value)

    def note(self, attributes: dict, name: str) -> None:
        """Remember an attribute that is about to be assigned."""
        self.attributes.append((attributes, name, attributes.get(name, MISSING)))

    def restore(self) -> None:
        """Put everything back."""
        for attributes, name, value in reversed(self.attributes):
            if value is MISSING:
                attributes.pop(name, None)
            else:
                attributes[name] = value
        for state, value in self.values.items():
            state._value = value


class _Lifecycle(threading.local):
    undo: Undo | None = None  # while the states of a tree are initialised or reset

    @contextmanager
    def open(self) -> Iterator[None]:
        outer = self.undo
        with Undo() as undo:
            self.undo = undo
            try:
                yield
            except BaseException:
                undo.restore()
                raise
            else:
                if outer is not None:
                    outer.attributes += undo.attributes
            finally:
                self.undo = outer


lifecycle = _Lifecycle()


def renew(old: Any, new: Any) -> Any:
    """``new``, where states that ``old`` has in the same places stay and take the new values."""
    if isinstance(new, State):
        if type(old) is not type(new) or old is new:
            return new
        old.value = new.value
        return old
    if type(new) is not type(old) or type(new) not in (list, tuple, dict):
        return new
    if isinstance(new, dict):
        return {k: renew(old.get(k), v) for k, v in new.items()}
    return type(new)(renew(o, n) for o, n in list(zip_longest(old, new))[: len(new)])


def call_order(level: int) -> Callable[[_F], _F]:
    """Let a method of the life cycle run after all undecorated ones, in ascending order of levels.

    Parameters
    ----------
    level : int
        From 0 to 9.

    Raises
    ------
    ValueError
        If the level is not one of these.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> class Wiring(bst.nn.Module):
    ...     @bst.nn.call_order(1)
    ...     def init_state(self, batch_size=None):
    ...         pass  # every other module has its states by now
    """
    if level not in _LEVELS:
        raise ValueError(f'call_order: a level is an integer from 0 to {_LEVELS[-1]}, but is {level!r}.')

    def mark(method: _F) -> _F:
        method._call_order = level  # type: ignore[attr-defined]
        return method

    return mark


def call_all_fns(
    target: Any,
    fn_name: str,
    args: tuple = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    node_to_exclude: Any = None,
    fn_if_not_exist: str = 'raise',
) -> Any:
    """Call a method of every module of a tree, children before their parents.

    Methods that are decorated with `call_order` come last. As in `init_all_states`, states that are
    assigned to attributes go into those that are there. If a call fails, states and attributes of
    modules are put back to what they were.

    Parameters
    ----------
    target : Module
        The root of the tree.
    fn_name : str
        The method's name.
    args, kwargs : tuple, dict
        Given to every call.
    node_to_exclude : filter, optional
        Modules that are left out: a class, ``f(path, module) -> bool``, or a list of them.
    fn_if_not_exist : {'raise', 'pass'}
        What to do with a module without this method.

    Returns
    -------
    Module
        ``target``.

    Raises
    ------
    AttributeError
        If a module has no such method, with ``'raise'``.
    """
    if fn_if_not_exist not in ('raise', 'pass'):
        raise ValueError(f"call_all_fns: fn_if_not_exist is {fn_if_not_exist!r}, but must be 'raise' or 'pass'.")
    excluded = to_predicate(node_to_exclude)
    calls = []
    for path, node in graph.nodes(target).items():
        object.__setattr__(node, '_path', path)
        if excluded(path, node):
            continue
        method = getattr(node, fn_name, None)
        if method is not None:
            calls.append(method)
        elif fn_if_not_exist == 'raise':
            raise AttributeError(f'{getattr(node, "label", type(node).__name__)} has no method {fn_name!r}.')
    calls.sort(key=lambda method: getattr(method, '_call_order', -1))
    with lifecycle.open():
        for method in calls:
            method(*args, **(kwargs or {}))
    return target


def init_all_states(target: Any, *args: Any, node_to_exclude: Any = None, **kwargs: Any) -> Any:
    """Allocate, or allocate again, the states of every module of a tree.

    Calls ``init_state(*args, **kwargs)`` on each module, children before their parents, those with a
    `call_order` last. A state that exists keeps its identity and gets a new value, so compiled
    functions see it: states that ``init_state`` assigns to an attribute, also within a list, tuple
    or dict of the same kind, go into the states of the same class and place. If an ``init_state``
    fails, everything is as it was before.

    Parameters
    ----------
    target : Module
        The root of the tree.
    *args, **kwargs
        Given to every ``init_state``; commonly ``batch_size=32``.
    node_to_exclude : filter, optional
        Modules that are left out: a class, ``f(path, module) -> bool``, or a list of them.

    Returns
    -------
    Module
        ``target``.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> net = bst.nn.init_all_states(bst.nn.Sequential(bst.LIF(3), bst.LIF(3)), batch_size=2)
    >>> [s.value.shape for s in net.states(bst.HiddenState).values()]
    [(2, 3), (2, 3)]
    """
    call_all_fns(target, 'init_state', args, kwargs, node_to_exclude=node_to_exclude, fn_if_not_exist='pass')
    for path, state in graph.states(target).items():
        state._place = '.'.join(map(str, path))
    return target


def reset_all_states(target: Any, *args: Any, node_to_exclude: Any = None, **kwargs: Any) -> Any:
    """Put the states of every module of a tree back to their first values.

    The same walk as `init_all_states`, with ``reset_state``: the declared variables of a `Dynamics`
    keep the batch size that they have.

    Parameters
    ----------
    target : Module
        The root of the tree.
    *args, **kwargs
        Given to every ``reset_state``.
    node_to_exclude : filter, optional
        Modules that are left out.

    Returns
    -------
    Module
        ``target``.
    """
    return call_all_fns(target, 'reset_state', args, kwargs, node_to_exclude=node_to_exclude, fn_if_not_exist='pass')


def assign_state_values(target: Any, *dicts: Mapping[Path | str, Any]) -> tuple[list, list[Path]]:
    """Load the values of a tree's states; all of them, or none if one does not fit.

    Parameters
    ----------
    target : Module
        The root of the tree.
    *dicts : mapping
        From paths, tuples such as ``('layers', 0, 'weight')`` or texts such as ``'layers.0.weight'``, to
        values. Where a path stands in several, the last one holds.

    Returns
    -------
    unexpected : list
        Keys that no state has.
    missing : list of tuple
        Paths of states that got no value.

    Raises
    ------
    ShapeError, UnitError, TypeError
        If a value has another structure, shape, unit or kind of number than its state.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> net = bst.nn.LeakyRateReadout(2, 3)
    >>> bst.nn.assign_state_values(net, {'weight': jnp.zeros((2, 3)), 'bias': 0.})
    (['bias'], [])
    """
    states = graph.states(target)
    by_text = {'.'.join(map(str, path)): path for path in states}
    new: dict[Path, Any] = {}
    unexpected = []
    for key, value in (item for given in dicts for item in given.items()):
        path = by_text.get(key) if isinstance(key, str) else key
        if path is None or path not in states:
            unexpected.append(key)
        else:
            new[path] = _fitting(value, states[path].value, '.'.join(map(str, path)))
    for path, value in new.items():
        states[path].value = value
    return unexpected, [path for path in states if path not in new]


def _is_quantity(x: Any) -> bool:
    return isinstance(x, u.Quantity)


def _fitting(given: Any, like: Any, place: str) -> Any:
    """A value of the structure, shapes, units and types of ``like``."""
    tree: Any
    leaves, tree = jax.tree.flatten(given, is_leaf=_is_quantity)
    old, expected = jax.tree.flatten(like, is_leaf=_is_quantity)
    if tree != expected:
        raise ShapeError(f'assign_state_values: the value of {place!r} has the structure {tree}, expected {expected}.')
    return tree.unflatten([_fitting_leaf(a, b, place) for a, b in zip(leaves, old, strict=True)])


def _fitting_leaf(given: Any, like: Any, place: str) -> Any:
    array = u.get_mantissa(like)
    if not isinstance(array, (jax.Array, np.ndarray, np.generic, float, int)):
        return given  # a text, or another object
    unit = u.get_unit(like)
    if u.get_dim(given) != u.get_dim(like):
        raise UnitError(f'assign_state_values: the value of {place!r} has the unit {u.get_unit(given)}, expected one like {unit}.')
    mantissa = given.to_decimal(unit) if isinstance(given, u.Quantity) else given
    dtype, shape = jnp.result_type(array), np.shape(array)
    if np.shape(mantissa) != shape:
        raise ShapeError(f'assign_state_values: the value of {place!r} has shape {np.shape(mantissa)}, expected {shape}.')
    if not np.can_cast(jnp.result_type(mantissa), dtype, 'same_kind'):
        raise TypeError(f'assign_state_values: the value of {place!r} has the type {jnp.result_type(mantissa)}, expected {dtype}.')
    new = jnp.asarray(mantissa, dtype)
    return with_unit(new, unit)
