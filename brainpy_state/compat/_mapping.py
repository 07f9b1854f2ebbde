"""Functions and new states in lanes: states are declared by filters, or found when a call runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import graph, nn, transform
from .._errors import ParameterError
from ..state import State, filter

Selector = Any  # of states, as `transform.vmap` takes it


def in_lanes(
    fn: Callable, state_in_axes: Selector, state_out_axes: Selector, unexpected_out_state_mapping: str, **options: Any
) -> Callable:
    """A function in lanes.

    Parameters
    ----------
    fn : callable
    state_in_axes, state_out_axes : State, filter, several of them, or dict from axes to these
        As ``in_states`` and ``out_states`` of `brainpy_state.transform.vmap`.
    unexpected_out_state_mapping : {'auto', 'raise'}
        With ``'auto'``, a state that is written and not declared has a lane axis if its first axis has as many elements as there are
        lanes. Otherwise it is shared, and different values for it are an error.
    **options
        Of `brainpy_state.transform.vmap`.

    Raises
    ------
    ValueError
        For ``unexpected_out_state_mapping='warn'`` or ``'ignore'``; declare those states in ``state_out_axes``.
    """
    if unexpected_out_state_mapping not in ('auto', 'raise'):
        raise ParameterError(
            f"vmap2: unexpected_out_state_mapping is 'auto' or 'raise', but is {unexpected_out_state_mapping!r}; "
            'declare states that get a lane axis in state_out_axes.'
        )
    vmap: Callable[..., Any] = functools.partial(transform.vmap, **options)
    if unexpected_out_state_mapping == 'raise':
        return vmap(fn, in_states=state_in_axes, out_states=state_out_axes)

    @functools.wraps(fn, updated=())
    def marked(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs), jnp.zeros(())  # of which the lanes make one axis

    find = options | {'out_axes': (options.get('out_axes', 0), 0)}
    finder = transform.StatefulFunction(transform.vmap(marked, in_states=state_in_axes, out_states=[state_out_axes, ...], **find))

    @functools.wraps(fn, updated=())
    def mapped(*args: Any, **kwargs: Any) -> Any:
        (size,) = finder.get_out_shapes(*args, **kwargs)[1].shape
        written = [state for state in finder.get_write_states(*args, **kwargs) if state.lanes is None]
        found = [s for s in written if has_lanes(s, size) and not (meant(state_in_axes, s) or meant(state_out_axes, s))]
        return vmap(fn, in_states=[state_in_axes, found], out_states=state_out_axes)(*args, **kwargs)

    return mapped


def meant(selector: Selector, state: State) -> bool:
    """Whether a selector stands for a state."""
    if selector is None or isinstance(selector, State):
        return selector is state
    if isinstance(selector, dict):
        return any(meant(part, state) for part in selector.values())
    if isinstance(selector, (list, tuple, set, frozenset)):
        return any(meant(part, state) for part in selector)
    return filter.to_predicate(selector)((), state)


def has_lanes(state: State, size: int | None) -> bool:
    """Whether the first axis of all that a state holds is of this size."""
    leaves = jax.tree.leaves(state.value)
    return bool(leaves) and all(np.ndim(x) > 0 and np.shape(x)[0] == size for x in leaves)


def vmap2_new_states(
    module: nn.Module,
    init_kwargs: dict[str, Any],
    state_tag: str | None = None,
    axis_size: int | None = None,
    state_out_axes: Selector = None,
) -> dict[int, list[State]]:
    """Initialise a module in lanes: each state gets a lane axis in front, also one that was there before.

    Parameters
    ----------
    module : Module
    init_kwargs : dict
        Given to its ``init_all_states``.
    state_tag : str, optional
        A tag for the states that are made.
    axis_size : int
        The number of lanes.
    state_out_axes : filter, or dict from 0 or None to filters, optional
        Which states get a lane axis; all by default. Those of None get none, and have the same values in all lanes.

    Returns
    -------
    dict
        The states that were initialised in lanes, by their axis, which is 0.

    Raises
    ------
    ValueError
        If the number of lanes is missing, or another axis is asked for.
    """
    if axis_size is None:
        raise ParameterError('vmap2_new_states: give axis_size, the number of lanes.')
    chosen = ... if state_out_axes is None else state_out_axes
    declared: dict[Any, Any] = {0: ...} | chosen if isinstance(chosen, dict) else {0: chosen}
    if others := declared.keys() - {0, None}:
        raise ParameterError(f'vmap2_new_states: the lane axis of new states is 0, but {sorted(others)} are given.')
    before = {state: state.peek() for state in graph.states(module).values()}

    def one_lane() -> None:
        module.init_all_states(**init_kwargs)

    def shared(path: Any, state: State) -> bool:
        return meant(declared.get(None), state) or not meant(declared[0], state)

    transform.vmap_new_states(one_lane, axis_size=axis_size, state_tag=state_tag, out_states=declared, state_to_exclude=shared)()
    made = [state for state in graph.states(module).values() if state not in before or state.peek() is not before[state]]
    return {0: [state for state in made if state.lanes is None and not shared((), state)]}
