"""Calling a method of every module, also in lanes, under older names."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from .. import graph, nn
from .._errors import ParameterError
from ..transform import vmap_new_states
from ._mapping import has_lanes


def call_all_fns(
    target: Any,
    fn_name: str,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    node_to_exclude: Any = None,
    fn_if_not_exist: str = 'raise',
) -> Any:
    """See `brainpy_state.nn.call_all_fns`.

    Parameters
    ----------
    target, fn_name, kwargs, node_to_exclude
        As there.
    args : tuple, or one argument
        Given to every call.
    fn_if_not_exist : {'raise', 'warn', 'pass', 'none'}
        What to do with a module without this method; 'none' is the same as 'pass'.
    """
    if not isinstance(fn_name, str):
        raise TypeError(f'call_all_fns: fn_name must be a string, but is {fn_name!r}.')
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise TypeError(f'call_all_fns: kwargs must be a mapping, but is {kwargs!r}.')
    args = args if isinstance(args, tuple) else (args,)
    if fn_if_not_exist == 'warn':
        for path, node in graph.nodes(target).items():
            if not hasattr(node, fn_name):
                warnings.warn(f'call_all_fns: {type(node).__name__} at {path} has no method {fn_name!r}.', UserWarning, stacklevel=2)
    how = {'warn': 'pass', 'none': 'pass'}.get(fn_if_not_exist, fn_if_not_exist)
    return nn.call_all_fns(target, fn_name, args, kwargs, node_to_exclude=node_to_exclude, fn_if_not_exist=how)


def vmap_call_all_fns(
    target: Any,
    fn_name: str,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    axis_size: int | None = None,
    node_to_exclude: Any = None,
    state_tag: str | None = None,
    fn_if_not_exist: str = 'raise',
) -> Any:
    """`call_all_fns` in lanes: states that are made get an axis of this size, and random values of their own in each lane.

    States that are there have lanes already if their first axis is of this size."""
    if axis_size is None or axis_size <= 0:
        raise ParameterError(f'vmap_call_all_fns: axis_size must be a positive integer, but is {axis_size}.')

    def one_lane() -> None:
        call_all_fns(target, fn_name, args, kwargs, node_to_exclude, fn_if_not_exist)

    there = [state for state in graph.states(target).values() if state.lanes is None]
    come = [state for state in there if has_lanes(state, axis_size)]
    new = [state for state in there if state not in come]
    vmap_new_states(one_lane, axis_size=axis_size, state_tag=state_tag, in_states=come, out_states=new)()
    return target


def vmap_reset_all_states(
    target: Any, *args: Any, axis_size: int | None = None, node_to_exclude: Any = None, state_tag: str | None = None, **kwargs: Any
) -> Any:
    """`reset_all_states` in lanes; see `vmap_call_all_fns`."""
    return vmap_call_all_fns(target, 'reset_state', args, kwargs, axis_size, node_to_exclude, state_tag, 'pass')


def call_order(level: int = 0, check_order_boundary: bool = True) -> Callable[[Any], Any]:
    """See `brainpy_state.nn.call_order`."""
    if not check_order_boundary:
        raise ParameterError('call_order: check_order_boundary=False is not supported; use levels from 0 to 9.')
    mark = nn.call_order(level)

    def marked(method: Any) -> Any:
        method.call_order = level
        return mark(method)

    return marked
