"""Lanes under older names: states are declared by filters, or found when a call runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .. import graph, nn, transform
from .._errors import ParameterError
from ..state import State, filter
from ..transform._args import name_of
from ..transform._vmap import Lanes, Options, lane_axes

Selector = Any  # of states, as `transform.vmap` takes it


def vmap2(
    fn: Callable | None = None,
    *,
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Any = None,
    axis_size: int | None = None,
    spmd_axis_name: Any = None,
    state_in_axes: Selector = None,
    state_out_axes: Selector = None,
    unexpected_out_state_mapping: str = 'auto',
) -> Any:
    """See `brainpy_state.transform.vmap`.

    Parameters
    ----------
    fn, in_axes, out_axes, axis_name, axis_size, spmd_axis_name
        As there.
    state_in_axes, state_out_axes : State, filter, several of them, or dict from axes to these
        As ``in_states`` and ``out_states`` there.
    unexpected_out_state_mapping : {'auto', 'raise'}
        With ``'auto'``, a state that is written and not declared has a lane axis if its first axis has as many elements as there are
        lanes. Otherwise it is shared, and different values for it are an error.

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
    options = Options(in_axes, out_axes, axis_name, axis_size, spmd_axis_name)
    vmap: Callable[..., Any] = functools.partial(transform.vmap, **options._asdict())
    came, went = lane_axes(state_in_axes, 'state_in_axes'), lane_axes(state_out_axes, 'state_out_axes')

    def decorate(fn: Callable) -> Callable:
        if unexpected_out_state_mapping == 'raise':
            return vmap(fn, in_states=state_in_axes, out_states=state_out_axes)
        finder = transform.StatefulFunction(vmap(fn, in_states=state_in_axes, out_states=[state_out_axes, ...]))

        @functools.wraps(fn, updated=())
        def mapped(*args: Any, **kwargs: Any) -> Any:
            size = Lanes(name_of(fn), options, (args, kwargs), came).size
            others = [s for s in finder.get_write_states(*args, **kwargs) if s.lanes is None and not came.found(s) and not went.found(s)]
            found = [state for state in others if has_lanes(state, size)]
            return vmap(fn, in_states=[state_in_axes, found], out_states=state_out_axes)(*args, **kwargs)

        return mapped

    return decorate if fn is None else decorate(fn)


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
    declared = {0: ...} | chosen if isinstance(chosen, dict) else chosen
    axes = lane_axes(declared, 'state_out_axes')
    if others := {*axes.values(), *(axis for _, axis in axes.asked)} - {0, None}:
        raise ParameterError(f'vmap2_new_states: the lane axis of new states is 0, but {sorted(others)} are given.')  # type: ignore[type-var]
    before = {state: state.peek() for state in graph.states(module).values()}

    def one_lane() -> None:
        module.init_all_states(**init_kwargs)

    def shared(path: Any, state: State) -> bool:
        return axes.of(state) is None

    transform.vmap_new_states(one_lane, axis_size=axis_size, state_tag=state_tag, out_states=declared, state_to_exclude=shared)()
    made = [state for state in graph.states(module).values() if state not in before or state.peek() is not before[state]]
    return {0: [state for state in made if state.lanes is None and not shared((), state)]}


class Vmap(nn.Module):
    """A module whose steps run in lanes.

    Parameters
    ----------
    module : Module
    in_axes, out_axes, axis_name, axis_size
        As of ``transform.vmap``.
    vmap_states, vmap_out_states : filter, or dict from axes to filters, optional
        States of the module that have a lane axis, or get one by being written.
    """

    def __init__(
        self,
        module: nn.Module,
        in_axes: Any = 0,
        out_axes: Any = 0,
        vmap_states: Any = None,
        vmap_out_states: Any = None,
        axis_name: Any = None,
        axis_size: int | None = None,
    ):
        super().__init__()
        if not isinstance(module, nn.Module):
            raise TypeError(f'{self.label}: module must be a Module, but is {module!r}.')
        self.module, self.in_axes, self.out_axes, self.axis_name, self.axis_size = module, in_axes, out_axes, axis_name, axis_size
        self.vmapped_fn = transform.vmap(
            module,
            in_axes,
            out_axes,
            axis_name=axis_name,
            axis_size=axis_size,
            in_states=self._own(vmap_states),
            out_states=self._own(vmap_out_states),
        )

    def _own(self, selector: Selector) -> Selector:
        """The same with filters that are asked about states of the module, at their paths there."""
        if isinstance(selector, dict):
            return {axis: self._own(part) for axis, part in selector.items()}
        if isinstance(selector, (list, tuple)):
            return [self._own(part) for part in selector]
        if selector is None or isinstance(selector, State):
            return selector
        fits = filter.to_predicate(selector)
        return lambda _, state: any(x is state and fits(path, x) for path, x in self.module.states().items())

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """A step in lanes."""
        return self.vmapped_fn(*args, **kwargs)


class Map(nn.Module):
    """A module that is initialised in lanes, and whose steps run so.

    Parameters
    ----------
    module : Module
    init_map_size : int
        The number of lanes.
    init_state_axes : filter, or dict from 0 or None to filters, optional
        Which states get a lane axis; see `vmap2_new_states`.
    state_tag : str, optional
        A tag for the states that are made.
    in_axes, out_axes, axis_name, spmd_axis_name
        As of ``transform.vmap``, for steps.
    call_state_axes : filter, or dict from axes to filters, optional
        States with a lane axis in steps, besides those that were initialised so.
    """

    def __init__(
        self,
        module: nn.Module,
        init_map_size: int,
        init_state_axes: Selector = None,
        state_tag: str | None = None,
        in_axes: Any = 0,
        out_axes: Any = 0,
        axis_name: Any = None,
        spmd_axis_name: Any = None,
        call_state_axes: Selector = None,
    ):
        super().__init__()
        if not isinstance(module, nn.Module):
            raise TypeError(f'{self.label}: module must be a Module, but is {module!r}.')
        self.module, self.init_map_size, self.init_state_axes, self.state_tag = module, init_map_size, init_state_axes, state_tag
        self.in_axes, self.out_axes, self.axis_name, self.spmd_axis_name = in_axes, out_axes, axis_name, spmd_axis_name
        self.call_state_axes = call_state_axes
        self.dict_vmap_states: dict[int, list[State]] | None = None
        self._in_lanes: Callable | None = None

    def init_all_states(self, **kwargs: Any) -> Any:
        """Initialise the module in lanes."""
        self.dict_vmap_states = vmap2_new_states(self.module, kwargs, self.state_tag, self.init_map_size, self.init_state_axes)
        self._in_lanes = self.map(self.module, self.in_axes, self.out_axes, self.axis_name, self.call_state_axes)
        return self

    def map(self, fn: str | Callable, in_axes: Any = 0, out_axes: Any = 0, axis_name: Any = None, state_axes: Selector = None) -> Callable:
        """A method of the module, by name, or another function of its states, in lanes."""
        if self.dict_vmap_states is None:
            raise ParameterError(f'{self.label}: call init_all_states first.')
        return transform.vmap(
            getattr(self.module, fn) if isinstance(fn, str) else fn,
            in_axes,
            out_axes,
            axis_name=self.axis_name if axis_name is None else axis_name,
            axis_size=self.init_map_size,
            spmd_axis_name=self.spmd_axis_name,
            in_states=[self.dict_vmap_states, state_axes],
        )

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """A step in lanes."""
        if self._in_lanes is None:
            raise ParameterError(f'{self.label}: call init_all_states first.')
        return self._in_lanes(*args, **kwargs)
