"""Lanes under older names: states are declared by filters, or found when a call runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from .. import graph, nn, transform
from .._errors import ParameterError
from ..state import State, filter
from ..transform._args import name_of
from ..transform._vmap import Lanes, Options, lane_axes

Selector = Any  # what the core takes for states of `vmap`; besides, None among the axes keeps its states from the others


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
        As ``in_states`` and ``out_states`` there. With None as the axis, they have none.
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
    came, went = _by_axis(state_in_axes), _by_axis(state_out_axes)
    vmap: Callable[..., Any] = functools.partial(transform.vmap, **options._asdict())
    declared = lane_axes(came, 'state_in_axes'), lane_axes(went, 'state_out_axes')
    shared = _fits([_shared(state_in_axes), _shared(state_out_axes)])

    def undeclared(state: State) -> bool:
        return state.lanes is None and not shared((), state) and all(axes.of(state) is None for axes in declared)

    def decorate(fn: Callable) -> Callable:
        if unexpected_out_state_mapping == 'raise':
            return vmap(fn, in_states=came, out_states=went)
        rest = {axis: chosen for axis, chosen in went.items() if axis != 0} | {0: [*went.get(0, ()), ...]}
        finder = transform.StatefulFunction(vmap(fn, in_states=came, out_states=rest))

        @functools.wraps(fn, updated=())
        def mapped(*args: Any, **kwargs: Any) -> Any:
            size = Lanes(name_of(fn), options, (args, kwargs), declared[0]).size
            found = [s for s in finder.get_write_states(*args, **kwargs) if undeclared(s) and has_lanes(s, size)]
            return vmap(fn, in_states={**came, 0: [*found, *came.get(0, ())]}, out_states=went)(*args, **kwargs)

        return mapped

    return decorate if fn is None else decorate(fn)


def _of_axes(selector: Selector) -> dict[int | None, Any]:
    by_axis = isinstance(selector, dict) and all(axis is None or isinstance(axis, int) for axis in selector)
    return selector if by_axis else {0: selector}


def _shared(selector: Selector) -> Any:
    """What has no lane axis, as is said by None among the axes."""
    return _of_axes(selector).get(None)


def _by_axis(selector: Selector) -> dict[int, list[Any]]:
    """The declaration as the core takes it, with a list for each axis."""
    kept = _fits(_shared(selector))
    return {axis: [_without(kept, x) for x in _several(chosen)] for axis, chosen in _of_axes(selector).items() if axis is not None}


def _several(chosen: Any) -> list[Any]:
    if not isinstance(chosen, (Mapping, list, tuple, set, frozenset)):
        return [chosen]
    return [x for part in (chosen.values() if isinstance(chosen, Mapping) else chosen) for x in _several(part)]


def _without(kept: Callable, x: Any) -> Any:
    return x if x is None or isinstance(x, State) else filter.All(x, filter.Not(kept))


def _fits(chosen: Any) -> Callable:
    """A predicate for states, filters, and several of them."""

    def one(x: Any) -> Callable:
        return (lambda path, state: state is x) if isinstance(x, State) else filter.to_predicate(x)

    return filter.Any(*map(one, _several(chosen)))


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
    axes = {0: ...} | _of_axes(... if state_out_axes is None else state_out_axes)
    if others := [axis for axis in axes if axis not in (0, None)]:
        raise ParameterError(f'vmap2_new_states: the lane axis of new states is 0, but {others} are given.')
    chosen = filter.All(_fits(axes[0]), filter.Not(_fits(axes.get(None))))
    before = {state: state.peek() for state in graph.states(module).values()}

    def one_lane() -> None:
        module.init_all_states(**init_kwargs)

    transform.vmap_new_states(one_lane, axis_size=axis_size, state_tag=state_tag, out_states=chosen, state_to_exclude=filter.Not(chosen))()
    made = [state for state in graph.states(module).values() if state not in before or state.peek() is not before[state]]
    return {0: [state for state in made if state.lanes is None and chosen((), state)]}


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

    def _own(self, selector: Any) -> dict[int, Callable]:
        """Filters that are asked about states of the module at their paths there."""

        def of(fits: Callable) -> Callable:
            return lambda _, state: any(x is state and fits(path, x) for path, x in self.module.states().items())

        return {axis: of(_fits(chosen)) for axis, chosen in _by_axis(selector).items()}

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
        axes = _by_axis(state_axes)
        return transform.vmap(
            getattr(self.module, fn) if isinstance(fn, str) else fn,
            in_axes,
            out_axes,
            axis_name=self.axis_name if axis_name is None else axis_name,
            axis_size=self.init_map_size,
            spmd_axis_name=self.spmd_axis_name,
            in_states={**axes, 0: [*self.dict_vmap_states[0], *axes.get(0, ())]},
        )

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """A step in lanes."""
        if self._in_lanes is None:
            raise ParameterError(f'{self.label}: call init_all_states first.')
        return self._in_lanes(*args, **kwargs)
