"""The life cycle of a tree of modules: allocate and reset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from .. import graph
from .._frames import stack
from .._tracebacks import entry
from ..state._filter import to_predicate
from ..transform import vmap_new_states
from ._initialising import lifecycle

_LEVELS = range(10)
_F = TypeVar('_F', bound=Callable)


@entry
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


@entry
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
    target : Module, or a list, tuple or dict of modules
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

    Examples
    --------
    >>> import brainpy_state as bst
    >>> neuron = bst.LIF(2)
    >>> bst.nn.call_all_fns(neuron, 'init_state')
    LIF(
      in_size=(2,), R=1. ohm, tau=5. ms, V_th=1. mV, V_reset=0. mV, V_rest=0. mV, spk_fun=heaviside,
      spk_reset='soft', detach_reset=False, method='exp_euler', spike=ShortTermState(float32[2]),
      V=HiddenState(float32[2] mV)
    )
    >>> neuron.V.value
    Quantity([0. 0.], "mV")
    """
    if fn_if_not_exist not in ('raise', 'pass'):
        raise ValueError(f"call_all_fns: fn_if_not_exist is {fn_if_not_exist!r}, but must be 'raise' or 'pass'.")
    excluded = to_predicate(node_to_exclude)
    calls = []
    for path, node in graph.nodes(target).items():
        node.stand_at(path, surely=True)
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


@entry
def init_all_states(target: Any, *args: Any, node_to_exclude: Any = None, **kwargs: Any) -> Any:
    """Allocate, or allocate again, the states of every module of a tree.

    Calls ``init_state(*args, **kwargs)`` on each module, children before their parents, those with a
    `call_order` last. A state that exists keeps its identity and gets a new value, so compiled
    functions see it: states that ``init_state`` assigns to an attribute, also within a list, tuple
    or dict of the same kind, go into the states of the same class and place. If an ``init_state``
    fails, everything is as it was before.

    Parameters
    ----------
    target : Module, or a list, tuple or dict of modules
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
        if stack.top is None:
            _settle(state)
    return target


def _settle(state: Any) -> None:
    """Give arrays a type of their own where it follows that of others, as in what JAX makes of Python's numbers.

    A step would give it one, and the program of the first call would fit no other.
    """
    value = state.peek()
    if any(map(_is_weak, jax.tree.leaves(value))):
        state.poke(jax.tree.map(lambda x: jnp.asarray(x, x.dtype) if _is_weak(x) else x, value))


def _is_weak(x: Any) -> bool:
    return isinstance(x, jax.Array) and getattr(x, 'weak_type', False)  # which random keys do not have


@entry
def reset_all_states(target: Any, *args: Any, node_to_exclude: Any = None, **kwargs: Any) -> Any:
    """Put the states of every module of a tree back to their first values.

    The same walk as `init_all_states`, with ``reset_state``: the declared variables of a `Dynamics`
    keep the batch size that they have.

    Parameters
    ----------
    target : Module, or a list, tuple or dict of modules
        The root of the tree.
    *args, **kwargs
        Given to every ``reset_state``.
    node_to_exclude : filter, optional
        Modules that are left out.

    Returns
    -------
    Module
        ``target``.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.LIF(2))
    >>> neuron.V.value = np.ones(2) * u.mV
    >>> bst.nn.reset_all_states(neuron).V.value
    Quantity([0. 0.], "mV")
    """
    return call_all_fns(target, 'reset_state', args, kwargs, node_to_exclude=node_to_exclude, fn_if_not_exist='pass')


@entry
def vmap_init_all_states(
    target: Any,
    *args: Any,
    axis_size: int | None = None,
    state_tag: str | None = None,
    node_to_exclude: Any = None,
    state_to_exclude: Any = None,
    **kwargs: Any,
) -> Any:
    """`init_all_states` for many lanes at once: every state gets a leading lane axis, and random values of its own in each lane.

    What is initialised so is run by `transform.vmap` with ``in_states``. Random generators that are there
    already stay shared.

    Parameters
    ----------
    target : Module, or a list, tuple or dict of modules
        The root of the tree.
    *args, **kwargs
        Given to every ``init_state``.
    axis_size : int
        The number of lanes.
    state_tag : str, optional
        A tag for the states that are created.
    node_to_exclude : filter, optional
        Modules that are left out.
    state_to_exclude : filter, optional
        States without a lane axis; their first value must be the same in all lanes.

    Returns
    -------
    Module
        ``target``.

    Raises
    ------
    ShapeError
        If ``axis_size`` is missing or not positive.
    BatchAxisError
        If the first value of an excluded state differs between lanes.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neurons = bst.nn.vmap_init_all_states(bst.LIF(3, tau=10. * u.ms), axis_size=5)
    >>> neurons.V.value.shape
    (5, 3)
    """
    excluded = to_predicate(state_to_exclude)
    there = [s for path, s in graph.states(target).items() if s.lanes is None and not excluded(path, s)]

    def one_lane() -> None:
        init_all_states(target, *args, node_to_exclude=node_to_exclude, **kwargs)

    one_lane.__qualname__ = 'vmap_init_all_states'
    create = vmap_new_states(
        one_lane,
        axis_size=axis_size,
        out_states=there,
        state_tag=state_tag,
        state_to_exclude=state_to_exclude,
    )
    with lifecycle.open():
        create()
    return target
